//! [`StateView`]: a state to be compared, wherever it is.
//!
//! Invariant: what a view gives are canonical bytes and their hashes, so that equal hashes mean equal rows.

use alloc::{string::String, sync::Arc, vec::Vec};

use crate::{
    column::{PageBytes, PageEntry, Pages},
    component::DecodeError,
    game::Game,
    schema::{ColumnType, Schema},
    trace::RawState,
    world::{World, WorldHead},
};

/// A state as pages.
pub trait StateView {
    /// Names and types of everything in it.
    fn schema(&self) -> &Schema;

    /// What the root binds besides the columns.
    fn head(&self) -> WorldHead;

    /// The pages of a column, ascending by number.
    fn pages(&self, column: usize) -> Vec<PageEntry>;

    /// One page of a column, if it has rows.
    fn page_entry(&self, column: usize, page: u32) -> Option<PageEntry>;

    /// Appends a page's canonical bytes; gives whether there were any.
    fn page_bytes(&self, column: usize, page: u32, out: &mut Vec<u8>) -> bool;

    /// Appends the canonical bytes of a row; gives whether it is present.
    fn row_bytes(&self, column: usize, row: u32, out: &mut Vec<u8>) -> bool {
        let Some(ty) = self.schema().columns.get(column) else { return false };
        let page_rows = u32::from(ty.page_rows);
        let (Some(page), Some(at)) = (row.checked_div(page_rows), row.checked_rem(page_rows)) else { return false };
        let Some(entry) = self.page_entry(column, page) else { return false };
        let mut bytes = Vec::new();
        self.page_bytes(column, entry.page, &mut bytes);
        let Ok(page) = page_rows_of(&bytes, &entry, ty) else { return false };
        page.row(at as usize).map(|row| out.extend_from_slice(row)).is_some()
    }

    /// Shows every row of a column with its number and canonical bytes, ascending.
    ///
    /// # Errors
    /// Where a page is not what the schema says; rows before it were shown.
    fn rows(&self, column: usize, visit: &mut dyn FnMut(u32, &[u8])) -> Result<(), DecodeError> {
        let Some(ty) = self.schema().columns.get(column) else { return Ok(()) };
        let mut bytes = Vec::new();
        for entry in self.pages(column) {
            bytes.clear();
            self.page_bytes(column, entry.page, &mut bytes);
            let first = entry.page.saturating_mul(ty.page_rows.into());
            for (place, row) in page_rows_of(&bytes, &entry, ty)?.rows() {
                visit(first.saturating_add(u32::try_from(place).unwrap_or(u32::MAX)), row);
            }
        }
        Ok(())
    }

    /// The place and type of a column.
    fn column(&self, name: &str) -> Option<(usize, &ColumnType)> {
        self.schema().columns.iter().enumerate().find(|(_, column)| column.name == name)
    }
}

/// Takes apart the bytes of a page.
pub(super) fn page_rows_of<'b>(
    bytes: &'b [u8],
    entry: &PageEntry,
    ty: &ColumnType,
) -> Result<PageBytes<'b>, DecodeError> {
    PageBytes::parse(bytes, entry.row_count, ty.ty.size(), usize::from(ty.page_rows))
}

/// A live world as a state to be compared, or read without its types. Hash it first ([`World::seal`]): dirty pages are hashed at
/// every look.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/counter.inc"));
/// use tickworld_sim::diff::{StateView, WorldView, worlds};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (before, mut after) = (simulation(), simulation());
/// after.world_mut().state_mut().presses.set(3);
/// let left = WorldView::new(before.world(), before.schema());
/// let right = WorldView::new(after.world(), after.schema());
///
/// let (at, column) = right.column("presses").expect("the counter has it");
/// right.rows(at, &mut |row, bytes| {
///     let fields = column.ty.fields(bytes, &mut |value| value.to_string()).expect("its own bytes");
///     assert_eq!((row, &*fields[""]), (0, "3")); // a row that is one plain value has an empty path
/// })?;
///
/// let differences = worlds(&left, &right, 10);
/// assert_eq!(differences.list[0].to_string(), "presses of world: 0 | 3");
/// # Ok(())
/// # }
/// ```
pub struct WorldView<'w, G: Game> {
    world: &'w World<G>,
    schema: Arc<Schema>,
    columns: Vec<(String, &'w dyn Pages)>,
}

impl<'w, G: Game> WorldView<'w, G> {
    /// A view of `world`; `schema` is the game's, as [`Simulation::schema`](crate::simulation::Simulation::schema) has it.
    #[must_use]
    pub fn new(world: &'w World<G>, schema: &Arc<Schema>) -> Self {
        Self { world, schema: schema.clone(), columns: world.column_list() }
    }
}

impl<G: Game> StateView for WorldView<'_, G> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn head(&self) -> WorldHead {
        self.world.head(self.schema.id())
    }

    fn pages(&self, column: usize) -> Vec<PageEntry> {
        let limit = self.columns.get(column).map_or(0, |(_, column)| column.page_limit());
        (0..limit).filter_map(|page| self.page_entry(column, page)).collect()
    }

    fn page_entry(&self, column: usize, page: u32) -> Option<PageEntry> {
        let (_, column) = self.columns.get(column)?;
        Some(PageEntry { page, row_count: column.page_row_count(page), hash: column.page_hash(page)? })
    }

    fn page_bytes(&self, column: usize, page: u32, out: &mut Vec<u8>) -> bool {
        self.columns.get(column).is_some_and(|(_, column)| column.page_bytes(page, out))
    }

    fn row_bytes(&self, column: usize, row: u32, out: &mut Vec<u8>) -> bool {
        self.columns.get(column).is_some_and(|(_, column)| column.row_bytes(row, out))
    }
}

impl StateView for RawState {
    fn schema(&self) -> &Schema {
        self.schema()
    }

    fn head(&self) -> WorldHead {
        self.manifest().head
    }

    fn pages(&self, column: usize) -> Vec<PageEntry> {
        self.manifest().columns.get(column).cloned().unwrap_or_default()
    }

    fn page_entry(&self, column: usize, page: u32) -> Option<PageEntry> {
        let pages = self.manifest().columns.get(column)?;
        pages.get(pages.binary_search_by_key(&page, |entry| entry.page).ok()?).copied()
    }

    fn page_bytes(&self, column: usize, page: u32, out: &mut Vec<u8>) -> bool {
        self.page(column, page).map(|bytes| out.extend_from_slice(bytes)).is_some()
    }
}

impl<V: StateView + ?Sized> StateView for &V {
    fn schema(&self) -> &Schema {
        (**self).schema()
    }

    fn head(&self) -> WorldHead {
        (**self).head()
    }

    fn pages(&self, column: usize) -> Vec<PageEntry> {
        (**self).pages(column)
    }

    fn page_entry(&self, column: usize, page: u32) -> Option<PageEntry> {
        (**self).page_entry(column, page)
    }

    fn page_bytes(&self, column: usize, page: u32, out: &mut Vec<u8>) -> bool {
        (**self).page_bytes(column, page, out)
    }

    fn row_bytes(&self, column: usize, row: u32, out: &mut Vec<u8>) -> bool {
        (**self).row_bytes(column, row, out)
    }
}
