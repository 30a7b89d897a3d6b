//! What the tests of the stores share: a world of one column, records that follow each other, pages of any number.

#![allow(dead_code, reason = "each test uses a part of it")]

use bytes::Bytes;
use tickworld_persist::{Body, Epoch, JournalHeader, LogPosition, Proof, Record, WorldId};
use tickworld_sim::{
    content::ContentId,
    frame::Tick,
    hash::{Hash, hash},
    schema::{ColumnType, RowKind, Schema, Type},
    trace::Start,
};

/// The header of a world whose only column holds numbers.
pub(crate) fn header() -> JournalHeader {
    let column = ColumnType { name: "number".into(), rows: RowKind::Entity, page_rows: 1024, ty: Type::U64 };
    let schema = Schema { game: "test".into(), columns: vec![column], input: Type::Unit, event: Type::Unit };
    let start = Start { tick: Tick(0), root: hash(b"start"), content: ContentId::NONE };
    JournalHeader { world: WorldId([7; 16]), revision: 1, tick_rate: 30, root_lag_ticks: 2, start, schema }
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
    let proof = header().proven_by(tick).map(|tick| Proof { tick, root: root(tick) });
    let durable = after.tick;
    Record::new(Body { tick, epoch, previous_hash: after.record_hash, durable, proof, frame: Bytes::from(frame) })
        .expect("a frame that begins with its tick")
}

/// The next `count` records.
pub(crate) fn records(epoch: Epoch, after: LogPosition, count: usize, noise: usize) -> Vec<Record> {
    let mut position = after;
    let next = |_| {
        let record = record(epoch, position, noise);
        position = LogPosition { tick: record.tick(), record_hash: record.hash() };
        record
    };
    (0..count).map(next).collect()
}
