//! [`Packer`]: rows of a closed set of entities as bytes.
//!
//! Invariant: columns and lists stand in the order of the schema, rows in the order of local numbers, so equal belongings have
//! equal bytes wherever their entities had been.

use alloc::{collections::BTreeMap, vec::Vec};

use super::handles;
use crate::{
    column::Pages,
    entity::{Entity, Row},
    limits,
    schema::Type,
};

/// Takes rows of entities out of the parts of a state, one part after another.
pub struct Packer<'a> {
    /// Rows by local number.
    rows: &'a [Row],
    locals: &'a BTreeMap<Entity, u16>,
    /// Number of the next part's first column in the schema.
    column: u16,
    columns: Sections,
    lists: Sections,
    /// Items of all lists: items without bytes are counted too, since they take memory where they arrive.
    items: usize,
    /// A number did not fit its field.
    is_too_large: bool,
}

/// Columns or lists that have something of the entities.
#[derive(Default)]
struct Sections {
    count: u16,
    bytes: Vec<u8>,
}

impl Sections {
    fn push(&mut self, column: u16, entries: u16, bytes: &[u8]) {
        if entries > 0 {
            self.count = self.count.saturating_add(1);
            self.bytes.extend_from_slice(&column.to_le_bytes());
            self.bytes.extend_from_slice(&entries.to_le_bytes());
            self.bytes.extend_from_slice(bytes);
        }
    }
}

impl<'a> Packer<'a> {
    /// `rows` by local number, and the local number of each entity; `column` is the number of the state's first column.
    pub(super) fn new(rows: &'a [Row], locals: &'a BTreeMap<Entity, u16>, column: u16) -> Self {
        let (columns, lists) = (Sections::default(), Sections::default());
        Self { rows, locals, column, columns, lists, items: 0, is_too_large: false }
    }

    /// Leaves out a part of so many columns.
    pub const fn pass_by(&mut self, columns: u16) {
        self.column = self.column.saturating_add(columns);
    }

    /// Packs the rows of a column; `is_value` says of bytes whether they are a value of its type.
    pub(crate) fn column(&mut self, column: &dyn Pages, is_value: &dyn Fn(&[u8]) -> bool) {
        let ty = column.row_type();
        let names_any = handles::has_any(&ty);
        let (mut count, mut bytes) = (0_u16, Vec::new());
        for (local, row) in (0..=u16::MAX).zip(self.rows) {
            let mut value = Vec::new();
            if column.row_bytes(row.index(), &mut value) && (!names_any || self.localise(&ty, is_value, &mut value)) {
                count = count.saturating_add(1);
                bytes.extend_from_slice(&local.to_le_bytes());
                bytes.extend_from_slice(&value);
            }
        }
        self.columns.push(self.column, count, &bytes);
        self.pass_by(1);
    }

    /// Packs lists whose items are of type `ty`; `items` gives the encoded items of a row, `is_value` is as for columns.
    pub(crate) fn lists(
        &mut self,
        ty: &Type,
        is_value: &dyn Fn(&[u8]) -> bool,
        items: &mut dyn FnMut(Row) -> Vec<Vec<u8>>,
    ) {
        let names_any = handles::has_any(ty);
        let (mut count, mut bytes) = (0_u16, Vec::new());
        for (local, row) in (0..=u16::MAX).zip(self.rows) {
            let mut list = items(*row);
            if names_any {
                list.retain_mut(|item| self.localise(ty, is_value, item));
            }
            self.items = self.items.saturating_add(list.len());
            let Ok(length) = u16::try_from(list.len()) else {
                self.is_too_large = true;
                continue;
            };
            if length > 0 {
                count = count.saturating_add(1);
                bytes.extend_from_slice(&local.to_le_bytes());
                bytes.extend_from_slice(&length.to_le_bytes());
                list.iter().for_each(|item| bytes.extend_from_slice(item));
            }
        }
        self.lists.push(self.column, count, &bytes);
        self.pass_by(2);
    }

    /// Turns handles into local numbers; gives whether the value can go along: it cannot where its type's check refuses it without
    /// those who stay.
    fn localise(&self, ty: &Type, is_value: &dyn Fn(&[u8]) -> bool, value: &mut [u8]) -> bool {
        let local = &mut |entity| self.locals.get(&entity).map(|local| Entity::new(u32::from(*local), 0));
        handles::rewrite(ty, value, local) && is_value(value)
    }

    /// Appends what was packed; `None` where it is more than a parcel can say.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> Option<()> {
        for sections in [&self.columns, &self.lists] {
            out.extend_from_slice(&sections.count.to_le_bytes());
            out.extend_from_slice(&sections.bytes);
        }
        (!self.is_too_large && self.items <= limits::PARCEL_BYTES_MAX).then_some(())
    }
}
