//! Rows of a world by column and number, read and written without their Rust types.
//!
//! Invariant: only canonical bytes are written, so a planted world is one that could have been restored from a file.

use tickworld_rules::Rules;
use tickworld_sim::{
    column::PageBytes,
    schema::{RowKind, Type},
    world::World,
};

/// A value's path in its row, and the value as text.
pub(super) type Leaf = (String, String);

/// A column of a world.
#[derive(Clone, Debug)]
pub(super) struct ColumnInfo {
    pub(super) at: usize,
    pub(super) name: String,
    pub(super) rows: RowKind,
    pub(super) ty: Type,
}

/// Where a planted value is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(super) column: usize,
    pub(super) row: u32,
    /// Inside the row as it is stored.
    pub(super) path: String,
}

impl Place {
    /// The value there, if there is one.
    pub(super) fn value(&self, world: &World<Rules>) -> Option<String> {
        let columns = world.column_list();
        let (_, column) = columns.get(self.column)?;
        let bytes = row(world, self.column, self.row)?;
        leaves(&column.row_type(), &bytes)?.into_iter().find(|(path, _)| *path == self.path).map(|(_, value)| value)
    }
}

/// All columns, in schema order.
pub(super) fn columns(world: &World<Rules>) -> Vec<ColumnInfo> {
    let list = world.column_list().into_iter().enumerate();
    list.map(|(at, (name, column))| ColumnInfo { at, rows: column.row_kind(), ty: column.row_type(), name }).collect()
}

/// The numbers of the rows present.
pub(super) fn row_numbers(world: &World<Rules>, column: usize) -> Vec<u32> {
    let columns = world.column_list();
    let Some((_, pages)) = columns.get(column) else { return Vec::new() };
    let (size, page_rows) = (pages.row_type().size(), pages.page_rows());
    let mut numbers = Vec::new();
    for page in 0..pages.page_limit() {
        let mut bytes = Vec::new();
        if pages.page_bytes(page, &mut bytes)
            && let Ok(parsed) = PageBytes::parse(&bytes, pages.page_row_count(page), size, page_rows.into())
        {
            let first = page * u32::from(page_rows);
            numbers
                .extend(parsed.rows().map(|(at, _)| first + u32::try_from(at).expect("a page has at most 1,024 rows")));
        }
    }
    numbers
}

/// The bytes of a row.
pub(super) fn row(world: &World<Rules>, column: usize, row: u32) -> Option<Vec<u8>> {
    let columns = world.column_list();
    let (_, pages) = columns.get(column)?;
    let mut bytes = Vec::new();
    pages.row_bytes(row, &mut bytes).then_some(bytes)
}

/// Replaces the bytes of a row that is present; gives whether it was.
pub(super) fn write(world: &mut World<Rules>, column: usize, row: u32, bytes: &[u8]) -> bool {
    let (mut at, mut written) = (0, false);
    world.columns_mut(&mut |_, pages| {
        if at == column {
            let page = row / u32::from(pages.page_rows());
            let place = usize::try_from(row % u32::from(pages.page_rows())).expect("within a page");
            let (count, mut page_bytes) = (pages.page_row_count(page), Vec::new());
            pages.page_bytes(page, &mut page_bytes);
            if let Some(offset) = offset(&page_bytes, count, bytes.len(), pages.page_rows(), place) {
                page_bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
                written = pages.load_page(page, count, &page_bytes).is_ok();
            }
        }
        at += 1;
    });
    written
}

/// Where a row's bytes begin among a page's: rows stand at the end, in order.
fn offset(page: &[u8], count: u32, size: usize, page_rows: u16, place: usize) -> Option<usize> {
    let parsed = PageBytes::parse(page, count, size, page_rows.into()).ok()?;
    let nth = parsed.rows().position(|(at, _)| at == place)?;
    let rows = usize::try_from(count).ok()?.checked_mul(size)?;
    Some(page.len().checked_sub(rows)? + nth * size)
}

/// The values in a row; `None` where the bytes are not canonical.
pub(super) fn leaves(ty: &Type, bytes: &[u8]) -> Option<Vec<Leaf>> {
    let mut list = Vec::new();
    ty.read(bytes, &mut |path, value| list.push((path.to_owned(), value.to_string()))).ok()?;
    Some(list)
}

/// The entity that lives in a row, as `17v1`.
pub(super) fn entity(world: &World<Rules>, index: u32) -> Option<String> {
    let alive = world.column_list().iter().position(|(name, _)| name == "entities.alive")?;
    let bytes = row(world, alive, index)?;
    let generation = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    Some(format!("{index}v{generation}"))
}
