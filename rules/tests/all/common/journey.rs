//! Players who leave for the archive and come back, and the rows of their parcels, to count and to change.

use std::{collections::BTreeMap, sync::Arc};

use tickworld_rules::{Command, Rules};
use tickworld_sim::{
    frame::{Act, Input, PlayerId, Sequence},
    parcel::Parcel,
    region::{OutboxEntry, RegionId},
    schema::{Schema, Type},
    simulation::Simulation,
    world::schema,
};

/// What a player's parcel is and does when they come back by it.
pub fn back(hops: u64, parcel: &[u8]) -> Act<Command> {
    Act::Return { hops, is_held: false, parcel: Arc::from(parcel) }
}

/// The archive has everything up to this number.
pub fn delivered(sim: &Simulation<Rules>, sequence: u64) -> Input<Command> {
    let incarnation = sim.world().region().state().incarnation;
    let act = Act::Delivered { region: RegionId::ARCHIVE, incarnation, sequence, lamport: 0 };
    Input { player: PlayerId::REGION, sequence: Sequence(0), act }
}

/// Who waits in the outbox for the archive.
pub fn waiting(sim: &Simulation<Rules>) -> Vec<(OutboxEntry, Vec<u8>)> {
    let outbox = sim.world().region().outbox();
    outbox.filter(|(entry, _)| entry.to == RegionId::ARCHIVE).map(|(entry, parcel)| (*entry, parcel)).collect()
}

/// The rows of a parcel by column and by entity, to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub columns: BTreeMap<u16, BTreeMap<u16, Vec<u8>>>,
    /// By the number of the first column of each list.
    pub lists: BTreeMap<u16, BTreeMap<u16, Vec<Vec<u8>>>>,
}

/// The number of a column, or of a list's first.
pub fn column(schema: &Schema, name: &str) -> u16 {
    let position = schema.columns.iter().position(|column| *column.name == *name);
    u16::try_from(position.unwrap_or_else(|| panic!("no column {name}"))).expect("few")
}

/// The type of the items of the list whose first column has this number; none where it is no list's.
pub fn item_type(schema: &Schema, number: u16) -> Option<&Type> {
    let chunks = schema.columns.get(usize::from(number) + 1).filter(|column| column.name.ends_with(".chunks"))?;
    let Type::Struct { fields, .. } = &chunks.ty else { panic!("a chunk is a struct") };
    let Type::Array(item, _) = &fields.last().expect("it has items").ty else { panic!("items are an array") };
    Some(item)
}

impl Rows {
    pub fn read(parcel: &Parcel) -> Self {
        let schema = schema::<Rules>();
        let mut bytes = &parcel.rows[..];
        let mut take = |count: usize| {
            let (taken, rest) = bytes.split_at(count);
            bytes = rest;
            taken
        };
        let mut rows = Self::default();
        let number = |bytes: &[u8]| u16::from_le_bytes(bytes.try_into().expect("two bytes"));
        for _ in 0..number(take(2)) {
            let column = number(take(2));
            for _ in 0..number(take(2)) {
                let local = number(take(2));
                let row = take(schema.columns[usize::from(column)].ty.size()).to_vec();
                rows.columns.entry(column).or_default().insert(local, row);
            }
        }
        for _ in 0..number(take(2)) {
            let column = number(take(2));
            let size = item_type(&schema, column).expect("a list").size();
            for _ in 0..number(take(2)) {
                let local = number(take(2));
                let items = (0..number(take(2))).map(|_| take(size).to_vec()).collect();
                rows.lists.entry(column).or_default().insert(local, items);
            }
        }
        assert!(bytes.is_empty(), "all was read");
        rows
    }

    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let count = |count: usize| u16::try_from(count).expect("few").to_le_bytes();
        bytes.extend(count(self.columns.len()));
        for (number, rows) in &self.columns {
            bytes.extend([number.to_le_bytes(), count(rows.len())].concat());
            rows.iter().for_each(|(local, row)| bytes.extend([&local.to_le_bytes()[..], row].concat()));
        }
        bytes.extend(count(self.lists.len()));
        for (number, lists) in &self.lists {
            bytes.extend([number.to_le_bytes(), count(lists.len())].concat());
            for (local, items) in lists {
                bytes.extend([local.to_le_bytes(), count(items.len())].concat());
                items.iter().for_each(|item| bytes.extend(item));
            }
        }
        bytes
    }
}

/// A parcel's bytes, changed.
pub fn changed(parcel: &[u8], change: impl FnOnce(&mut Parcel, &mut Rows)) -> Vec<u8> {
    let mut parcel = Parcel::decode(parcel).expect("our own");
    let mut rows = Rows::read(&parcel);
    assert_eq!(rows.write(), parcel.rows, "what is read is written");
    change(&mut parcel, &mut rows);
    parcel.rows = rows.write();
    let mut bytes = Vec::new();
    parcel.encode(&mut bytes);
    bytes
}
