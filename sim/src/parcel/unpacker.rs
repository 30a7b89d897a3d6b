//! [`Unpacker`]: rows of a closed set of entities, from bytes that anybody may have made.
//!
//! Invariant: only what a [`Packer`](super::packer::Packer) writes is taken, whole: ascending columns, ascending rows, handles
//! that are local numbers, canonical values. What is wrong is told, and the caller throws the half-written state away.

use alloc::vec::Vec;

use super::handles;
use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    entity::{Entity, Row},
    limits,
    schema::Type,
};

/// Puts what was read, bytes or items, into a row.
type Put<'a, T> = dyn FnMut(Row, &T) -> Result<(), DecodeError> + 'a;

/// Puts rows into the parts of a state, one part after another.
pub struct Unpacker<'a> {
    /// The new entities by their numbers in the parcel.
    entities: &'a [Entity],
    /// Number of the next part's first column in the schema.
    column: u16,
    columns: Sections<'a>,
    lists: Sections<'a>,
    /// Items that lists may still have: more than the longest parcel has bytes would be items without bytes.
    items_left: usize,
}

/// What is left of columns or lists.
struct Sections<'a> {
    count: u16,
    reader: Reader<'a>,
}

impl Sections<'_> {
    /// Number of entries of `column`, if it stands next; 0 where it has none.
    fn begin(&mut self, column: u16) -> Result<u16, DecodeError> {
        if self.count == 0 || self.reader.clone().value::<u16>()? != column {
            return Ok(0);
        }
        self.count = self.count.saturating_sub(1);
        self.reader.take(2)?;
        match self.reader.value()? {
            0 => Err(self.reader.fail(DecodeCause::Form("a column of a parcel without rows"))),
            entries => Ok(entries),
        }
    }
}

impl<'a> Unpacker<'a> {
    /// Of the bytes in `reader` after a parcel's head; `entities` by local number.
    pub(super) fn new(
        reader: Reader<'a>,
        entities: &'a [Entity],
        column: u16,
        sizes: &dyn Fn(u16) -> Option<usize>,
    ) -> Result<Self, DecodeError> {
        let mut lists = reader.clone();
        let count: u16 = lists.value()?;
        let mut columns = reader;
        columns.take(2)?;
        // The lists begin where the columns end, which their sizes tell.
        for _ in 0..count {
            let unknown = lists.fail(DecodeCause::Form("a column that the schema has not"));
            let number: u16 = lists.value()?;
            let rows: u16 = lists.value()?;
            let size = sizes(number).ok_or(unknown)?.saturating_add(2);
            lists.take(size.saturating_mul(usize::from(rows)))?;
        }
        let columns = Sections { count, reader: columns };
        let count = lists.value()?;
        let items_left = limits::PARCEL_BYTES_MAX;
        Ok(Self { entities, column, columns, lists: Sections { count, reader: lists }, items_left })
    }

    /// Passes over a part of so many columns, of which nothing may be here.
    pub const fn pass_by(&mut self, columns: u16) {
        self.column = self.column.saturating_add(columns);
    }

    /// Puts the rows of a column whose values are of type `ty`.
    pub(crate) fn column(&mut self, ty: &Type, set: &mut Put<'_, [u8]>) -> Result<(), DecodeError> {
        let rows = self.columns.begin(self.column)?;
        let names_any = handles::has_any(ty);
        let mut before = None;
        for _ in 0..rows {
            let reader = &mut self.columns.reader;
            let row = local_row(reader, self.entities, &mut before)?;
            let at = reader.offset();
            let value = globalise(self.entities, ty, names_any, reader)?;
            set(row, &value).map_err(|error| error.shift(at))?;
        }
        self.pass_by(1);
        Ok(())
    }

    /// Puts lists whose items are of type `ty`.
    pub(crate) fn lists<T>(
        &mut self,
        ty: &Type,
        decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
        assign: &mut Put<'_, [T]>,
    ) -> Result<(), DecodeError> {
        let lists = self.lists.begin(self.column)?;
        let names_any = handles::has_any(ty);
        let (mut before, mut items) = (None, Vec::new());
        for _ in 0..lists {
            let reader = &mut self.lists.reader;
            let row = local_row(reader, self.entities, &mut before)?;
            let count: u16 = reader.value()?;
            self.items_left = match self.items_left.checked_sub(usize::from(count)) {
                Some(left) if count > 0 => left,
                _ => {
                    return Err(reader.fail(DecodeCause::Form("a list of a parcel without items, or too many of them")));
                }
            };
            items.clear();
            for _ in 0..count {
                let at = reader.offset();
                let value = globalise(self.entities, ty, names_any, reader)?;
                items.push(decode(&value).map_err(|error| error.shift(at))?);
            }
            assign(row, &items)?;
        }
        self.pass_by(2);
        Ok(())
    }

    /// Makes sure that every part took its own, and nothing is left.
    pub(super) fn finish(self) -> Result<(), DecodeError> {
        if self.columns.count > 0 {
            return Err(self.columns.reader.fail(DecodeCause::Form("columns out of order, or that no player has")));
        }
        if self.lists.count > 0 {
            return Err(self.lists.reader.fail(DecodeCause::Form("lists out of order, or that no player has")));
        }
        self.lists.reader.end()
    }
}

/// The row of the next local number, which is above the one before.
fn local_row(reader: &mut Reader<'_>, entities: &[Entity], before: &mut Option<u16>) -> Result<Row, DecodeError> {
    let error = reader.fail(DecodeCause::Form("entities of a parcel out of order, or not in it"));
    let local: u16 = reader.value()?;
    let entity = entities.get(usize::from(local)).filter(|_| before.is_none_or(|before| before < local));
    *before = Some(local);
    entity.map(|entity| Row::new(entity.index())).ok_or(error)
}

/// The next value, its local numbers turned into handles.
fn globalise(entities: &[Entity], ty: &Type, names_any: bool, reader: &mut Reader<'_>) -> Result<Vec<u8>, DecodeError> {
    let error = reader.fail(DecodeCause::Form("a handle that leads out of the parcel"));
    let mut value = Vec::from(reader.take(ty.size())?);
    if !names_any {
        return Ok(value);
    }
    let mut is_known = true;
    let mut global = |local: Entity| {
        let index = usize::try_from(local.index()).ok().filter(|_| local.generation() == 0);
        let entity = index.and_then(|index| entities.get(index)).copied();
        is_known &= entity.is_some();
        entity
    };
    let is_whole = handles::rewrite(ty, &mut value, &mut global);
    if is_whole && is_known { Ok(value) } else { Err(error) }
}
