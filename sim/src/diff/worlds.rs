//! [`worlds`]: two states, compared from roots down to fields.
//!
//! Invariant: descends only where hashes differ, so the cost follows the difference, not the world. Every differing field is
//! counted; at most `limit` are listed, in order of column, row, field. A schema may make a row of one byte hold thousands of
//! values, so what is looked at is bounded, and a report says where that bound cut it short.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::{
    column::{PageBytes, PageEntry},
    component::DecodeError,
    limits,
    schema::{ColumnType, Type, Value},
    world::WorldHead,
};

use super::{
    subject::{self, ChunkPlace, Subject},
    view::{StateView, page_rows_of},
};

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The column; for an item of a list the list's.
    pub column: String,
    /// Page number in the column that holds the row.
    pub page: u32,
    /// Row number; of a chunk for an item of a list.
    pub row: u32,
    /// Whom the row belongs to.
    pub subject: Subject,
    /// The field's path inside the row (`target.x`, `[3].count`); empty for a row that is one plain value or is absent.
    pub field: String,
    /// What the left side has there.
    pub left: Found,
    /// What the right side has there.
    pub right: Found,
}

/// What one side has in the place of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The field's value there.
    Value(Value),
    /// The row, whose fields are not listed because the other side has none.
    Row,
    /// No such row.
    NoRow,
    /// The row, but not this field: another variant, a shorter list.
    NoField,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            Self::Row => f.write_str("present"),
            Self::NoRow => f.write_str("absent"),
            Self::NoField => f.write_str("no such field"),
        }
    }
}

impl Difference {
    /// The field's full name: `position.x`, `inventory[3].count`.
    #[must_use]
    pub fn path(&self) -> String {
        let dot = if self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        alloc::format!("{}{dot}{}", self.column, self.field)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}: {} | {}", self.path(), self.subject, self.left, self.right)
    }
}

/// What differs between two states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differences {
    /// Tick, schema, revision and content of both.
    pub heads: [WorldHead; 2],
    /// The first ones.
    pub list: Vec<Difference>,
    /// How many there are in all.
    pub field_count: u64,
    /// Rows that differ in each column that does, in schema order.
    pub columns: Vec<(String, u64)>,
    /// Whether everything that differs was looked at; else a page is malformed or there were more rows and values than
    /// [`DIFF_VALUES_MAX`](limits::DIFF_VALUES_MAX), and the counts are lower bounds.
    pub is_complete: bool,
    /// Columns that only one side has, or that have another type there.
    pub unmatched: Vec<String>,
    /// Pages that could not be compared, the first of them.
    pub malformed: Vec<DiffError>,
}

/// Most malformed pages and rows that are told of.
const MALFORMED_TOLD: usize = 16;

impl Differences {
    /// Whether both states are the same but for their heads.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.field_count == 0 && self.columns.is_empty() && self.unmatched.is_empty()
    }
}

/// A part of two states that cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiffError {
    /// A page, or a row in it, that is malformed although its hash holds: whoever recorded it is at fault.
    #[error("page {page} of column `{column}` is malformed on the {side}: {cause}")]
    Page {
        /// Name of the column.
        column: String,
        /// Number of the page.
        page: u32,
        /// "left" or "right".
        side: &'static str,
        /// What is wrong.
        cause: DecodeError,
    },
}

/// Compares two states; lists at most `limit` differing fields. A malformed page of either is told of and passed over.
#[must_use]
pub fn worlds(left: &dyn StateView, right: &dyn StateView, limit: usize) -> Differences {
    let heads = [left.head(), right.head()];
    let differences = Differences {
        heads,
        list: Vec::new(),
        field_count: 0,
        columns: Vec::new(),
        is_complete: true,
        unmatched: Vec::new(),
        malformed: Vec::new(),
    };
    let mut comparison = Comparison { left, right, limit, budget: limits::DIFF_VALUES_MAX, differences };
    for (at, ty) in left.schema().columns.iter().enumerate() {
        match right.column(&ty.name) {
            Some((other, theirs)) if theirs == ty => comparison.column(ty, at, other),
            _ => comparison.differences.unmatched.push(ty.name.to_string()),
        }
    }
    for ty in &right.schema().columns {
        if left.column(&ty.name).is_none() {
            comparison.differences.unmatched.push(ty.name.to_string());
        }
    }
    comparison.differences
}

struct Comparison<'a> {
    left: &'a dyn StateView,
    right: &'a dyn StateView,
    limit: usize,
    /// Rows and values that may still be looked at.
    budget: u64,
    differences: Differences,
}

impl Comparison<'_> {
    fn column(&mut self, ty: &ColumnType, left: usize, right: usize) {
        let mut rows = 0_u64;
        let pages = differing_pages(&self.left.pages(left), &self.right.pages(right));
        let is_different = !pages.is_empty();
        for entries in pages {
            if !self.spend(ty.page_rows.into()) {
                break;
            }
            match self.page(ty, entries, [left, right]) {
                Ok(count) => rows = rows.saturating_add(count),
                Err(fault) => self.malformed(fault),
            }
        }
        if is_different {
            self.differences.columns.push((ty.name.to_string(), rows));
        }
    }

    fn malformed(&mut self, fault: DiffError) {
        self.differences.is_complete = false;
        if self.differences.malformed.len() < MALFORMED_TOLD {
            self.differences.malformed.push(fault);
        }
    }

    /// Takes `count` from what may still be looked at; false where it is more than that.
    fn spend(&mut self, count: u64) -> bool {
        let left = self.budget.checked_sub(count);
        self.budget = left.unwrap_or(0);
        self.differences.is_complete &= left.is_some();
        left.is_some()
    }

    /// Compares a page; gives the number of rows that differ.
    fn page(
        &mut self,
        ty: &ColumnType,
        entries: [Option<PageEntry>; 2],
        columns: [usize; 2],
    ) -> Result<u64, DiffError> {
        let page = entries.iter().flatten().map(|entry| entry.page).next().unwrap_or(0);
        let [mut left_bytes, mut right_bytes] = [Vec::new(), Vec::new()];
        let left = rows(self.left, ty, columns[0], entries[0], &mut left_bytes).map_err(malformed(ty, page, "left"))?;
        let right =
            rows(self.right, ty, columns[1], entries[1], &mut right_bytes).map_err(malformed(ty, page, "right"))?;
        let mut count = 0_u64;
        for place in 0..ty.page_rows {
            let at = usize::from(place);
            let sides = [left.as_ref().and_then(|rows| rows.row(at)), right.as_ref().and_then(|rows| rows.row(at))];
            if sides[0] != sides[1] {
                count = count.saturating_add(1);
                let row = page.saturating_mul(u32::from(ty.page_rows)).saturating_add(u32::from(place));
                self.row(ty, page, row, sides);
            }
        }
        Ok(count)
    }

    fn row(&mut self, ty: &ColumnType, page: u32, row: u32, sides: [Option<&[u8]>; 2]) {
        if sides.iter().all(Option::is_some) && !self.spend(u64::from(ty.ty.leaf_count()).saturating_mul(2)) {
            return;
        }
        let fields = match row_fields(ty, page, sides) {
            Ok(fields) => fields,
            Err(fault) => return self.malformed(fault),
        };
        self.differences.field_count = self.differences.field_count.saturating_add(fields.len() as u64);
        let room = self.limit.saturating_sub(self.differences.list.len());
        if room > 0 {
            let fields = fields.into_iter().take(room).collect();
            self.differences.list.extend(named(self.left, self.right, ty, page, row, fields));
        }
    }
}

/// A field's path and what both sides have there.
type FieldPair = (String, [Found; 2]);

/// What differs between two versions of a row.
pub(super) fn row_fields(ty: &ColumnType, page: u32, sides: [Option<&[u8]>; 2]) -> Result<Vec<FieldPair>, DiffError> {
    Ok(match sides {
        [Some(left), Some(right)] => {
            let left = values(&ty.ty, left).map_err(malformed(ty, page, "left"))?;
            let right = values(&ty.ty, right).map_err(malformed(ty, page, "right"))?;
            differing_fields(left, right)
        }
        [Some(_), None] => Vec::from([(String::new(), [Found::Row, Found::NoRow])]),
        [None, Some(_)] => Vec::from([(String::new(), [Found::NoRow, Found::Row])]),
        [None, None] => Vec::new(),
    })
}

/// Gives differing fields of a row their names.
pub(super) fn named(
    left: &dyn StateView,
    right: &dyn StateView,
    ty: &ColumnType,
    page: u32,
    row: u32,
    fields: Vec<FieldPair>,
) -> Vec<Difference> {
    let chunk = ChunkNames::of(left, right, ty, row);
    let subject = match &chunk {
        Some(chunk) => subject::entity(left, right, chunk.owner),
        None => subject::subject(left, right, ty, row),
    };
    let name = |(field, [left, right]): FieldPair| {
        let subject = subject.clone();
        let plain = Difference { column: ty.name.to_string(), page, row, subject, field, left, right };
        match &chunk {
            Some(chunk) => chunk.rename(plain),
            None => plain,
        }
    };
    fields.into_iter().map(name).collect()
}

/// How to name a chunk's items as items of its owner's list.
struct ChunkNames {
    list: String,
    owner: u32,
    places: [Option<ChunkPlace>; 2],
}

impl ChunkNames {
    fn of(left: &dyn StateView, right: &dyn StateView, ty: &ColumnType, row: u32) -> Option<Self> {
        let list = subject::list_name(ty)?.to_string();
        let places = [subject::chunk_place(left, ty, row), subject::chunk_place(right, ty, row)];
        let owner = match places {
            [Some(left), Some(right)] if (left.owner, left.first_item) != (right.owner, right.first_item) => {
                return None;
            }
            [Some(place), _] | [_, Some(place)] => place.owner,
            [None, None] => return None,
        };
        Some(Self { list, owner, places })
    }

    fn rename(&self, mut difference: Difference) -> Difference {
        let Some((index, rest)) = subject::item_of(&difference.field) else { return difference };
        let [left, right] = self.places;
        let Some(place) = left.or(right) else { return difference };
        let field = subject::item_path(place, index, rest);
        for (place, found) in [(left, &mut difference.left), (right, &mut difference.right)] {
            // Past a list's end the chunk holds fillers.
            if place.is_some_and(|place| place.first_item.saturating_add(index) >= place.length) {
                *found = Found::NoField;
            }
        }
        Difference { column: self.list.clone(), field, ..difference }
    }
}

/// The pages that are not equal on both sides, ascending.
pub(super) fn differing_pages(left: &[PageEntry], right: &[PageEntry]) -> Vec<[Option<PageEntry>; 2]> {
    let (mut left, mut right) = (left.iter().copied().peekable(), right.iter().copied().peekable());
    let mut pages = Vec::new();
    loop {
        let page = match (left.peek(), right.peek()) {
            (None, None) => return pages,
            (Some(one), None) | (None, Some(one)) => one.page,
            (Some(one), Some(other)) => one.page.min(other.page),
        };
        let pair = [left.next_if(|entry| entry.page == page), right.next_if(|entry| entry.page == page)];
        if pair[0] != pair[1] {
            pages.push(pair);
        }
    }
}

fn rows<'b>(
    view: &dyn StateView,
    ty: &ColumnType,
    column: usize,
    entry: Option<PageEntry>,
    bytes: &'b mut Vec<u8>,
) -> Result<Option<PageBytes<'b>>, DecodeError> {
    let Some(entry) = entry else { return Ok(None) };
    view.page_bytes(column, entry.page, bytes);
    page_rows_of(bytes, &entry, ty).map(Some)
}

fn malformed(ty: &ColumnType, page: u32, side: &'static str) -> impl FnOnce(DecodeError) -> DiffError {
    let column = ty.name.to_string();
    move |cause| DiffError::Page { column, page, side, cause }
}

/// The fields of an encoded value, in encoding order.
pub(super) fn values(ty: &Type, bytes: &[u8]) -> Result<Vec<(String, Value)>, DecodeError> {
    let mut values = Vec::new();
    ty.read(bytes, &mut |path, value| values.push((String::from(path), value)))?;
    Ok(values)
}

/// Fields that differ or that one side lacks, the left side's first.
fn differing_fields(left: Vec<(String, Value)>, right: Vec<(String, Value)>) -> Vec<FieldPair> {
    let mut right: Vec<Option<(String, Value)>> = right.into_iter().map(Some).collect();
    let mut fields = Vec::new();
    for (at, (path, value)) in left.into_iter().enumerate() {
        // Mostly the same fields stand in the same places.
        let same = |slot: &Option<(String, Value)>| slot.as_ref().is_some_and(|(other, _)| *other == path);
        let place = if right.get(at).is_some_and(same) { Some(at) } else { right.iter().position(same) };
        match place.and_then(|place| right.get_mut(place)).and_then(Option::take) {
            Some((_, other)) if other == value => {}
            Some((_, other)) => fields.push((path, [Found::Value(value), Found::Value(other)])),
            None => fields.push((path, [Found::Value(value), Found::NoField])),
        }
    }
    for (path, value) in right.into_iter().flatten() {
        fields.push((path, [Found::NoField, Found::Value(value)]));
    }
    fields
}
