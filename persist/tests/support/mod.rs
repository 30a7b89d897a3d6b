//! What the tests of the stores share: a world of one column, records that follow each other, pages of any number.

#![allow(dead_code, reason = "each test uses a part of it")]

use bytes::Bytes;
use tickworld_persist::{
    Claimant, Epoch, JournalHeader, LogPosition, LogState, Record, TickRecord, WallTime, Why, WorldId,
};
use tickworld_sim::{
    content::ContentId,
    frame::Tick,
    hash::{Hash, hash},
    region::RegionId,
    schema::{ColumnType, RowKind, Schema, Type},
    trace::Start,
};

/// The header of a world whose only column holds numbers.
pub(crate) fn header() -> JournalHeader {
    let column = ColumnType { name: "number".into(), rows: RowKind::Entity, page_rows: 1024, ty: Type::U64 };
    let schema = Schema { game: "test".into(), columns: vec![column], input: Type::Unit, event: Type::Unit };
    let start = Start { tick: Tick(0), root: hash(b"start"), content: ContentId::NONE };
    JournalHeader {
        world: WorldId([7; 16]),
        region: Some(RegionId::FIRST),
        revision: 1,
        tick_rate: 30,
        root_lag_ticks: 2,
        start,
        schema,
    }
}

/// The root that the pretended world has after a tick.
pub(crate) fn root(tick: Tick) -> Hash {
    if tick == Tick(0) { hash(b"start") } else { hash(&tick.0.to_le_bytes()) }
}

/// The next record: `noise` bytes of frame after the tick.
pub(crate) fn record(epoch: Epoch, after: LogPosition, noise: usize) -> Record {
    let tick = after.tick.next();
    let mut frame = tick.0.to_le_bytes().to_vec();
    frame.extend((0..noise).map(|i| hash(&(tick.0 + i as u64 / 32).to_le_bytes()).0[i % 32]));
    let root = header().proven_by(tick).map(root);
    let (slot, previous_hash, wall) = (after.slot.next(), after.record_hash, WallTime(0));
    Record::new(TickRecord { slot, epoch, previous_hash, wall, count: 1, root, frame: Bytes::from(frame) })
        .expect("a frame that begins with its tick")
}

/// A claim where a journal ends.
pub(crate) fn claim_of(log: &LogState) -> Record {
    log.claim_after(log.last, Why::TakeOver, false, &Claimant::default()).expect("no name at all")
}

/// The next `count` records.
pub(crate) fn records(epoch: Epoch, after: LogPosition, count: usize, noise: usize) -> Vec<Record> {
    let mut position = after;
    let next = |_| {
        let record = record(epoch, position, noise);
        position = record.position();
        record
    };
    (0..count).map(next).collect()
}
