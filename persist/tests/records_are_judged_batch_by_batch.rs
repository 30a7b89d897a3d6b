//! The walk over a journal's records says the same however they come, and names what does not follow.

use tickworld_persist::{
    ChainWalk, Epoch, LogPosition, LogState, Record, Slot, TailReport, Walked,
    conformance::World,
    error::{Cause, Damage},
};
use tickworld_sim::{frame::Tick, hash::Hash};

const COUNT: usize = 20;

fn begin() -> (Vec<Record>, LogPosition, LogState) {
    let world = World::default();
    let base = world.header().start_position();
    // Without a claim at the beginning: a tick stands in the slot of its number.
    let records = world.records(Epoch(1), base, COUNT);
    let last = records[COUNT - 1].position();
    (records, base, at(base, last))
}

fn at(base: LogPosition, last: LogPosition) -> LogState {
    let next = last.slot.next();
    LogState { base, last, durable: last, next, epoch: Epoch(1), incarnation: 1, sealed: false }
}

fn begun(base: LogPosition, log: LogState, tail: TailReport) -> ChainWalk {
    ChainWalk::new(World::default().header(), base, log, tail)
}

/// Hands in so many at once; gives what came out to be replayed, and what was found.
fn walk(mut walk: ChainWalk, records: &[Record], batch: usize) -> (Vec<Record>, Walked) {
    let mut replayed = Vec::new();
    while let Some(from) = walk.poll_read() {
        let rest = &records[records.len().min(from.0 as usize - 1)..];
        replayed.extend_from_slice(walk.handle_records(&rest[..batch.min(rest.len())]));
    }
    (replayed, walk.finish())
}

#[test]
fn however_many_come_at_once() {
    let (records, base, log) = begin();
    for batch in 1..=COUNT + 1 {
        let (replayed, walked) = walk(begun(base, log, TailReport::default()), &records, batch);
        assert_eq!(replayed, records, "{batch} at once");
        let proven = records[COUNT - 1].proof(World::default().header());
        assert_eq!(walked, Walked { end: log.last, proven, damage: None, lost: None }, "{batch} at once");
    }
}

#[test]
fn records_after_the_head_are_not_this_walks() {
    let (records, base, log) = begin();
    let log = LogState { last: records[11].position(), durable: records[11].position(), ..log };
    let (replayed, walked) = walk(begun(base, log, TailReport::default()), &records, 7);
    assert_eq!((replayed.len(), walked.end, walked.damage), (12, log.last, None));
}

#[test]
fn another_history_is_not_let_through() {
    let (mut records, base, log) = begin();
    let world = World::default();
    // Right tick, wrong history; then a tick that is left out.
    let foreign = world.record(Epoch(1), LogPosition { slot: Slot(8), tick: Tick(8), record_hash: Hash::ZERO }, 5);
    let whole = std::mem::replace(&mut records[8], foreign);
    for batch in 1..=COUNT {
        let (replayed, walked) = walk(begun(base, log, TailReport::default()), &records, batch);
        assert_eq!((replayed.len(), walked.end.tick), (8, Tick(8)));
        assert_eq!(walked.damage, Some(Damage { slot: Slot(9), ticks: Tick(9)..=Tick(20), cause: Cause::Chain }));
        assert_eq!(walked.lost, Some(Tick(9)..=Tick(20)));
    }
    records[8] = whole;
    records.remove(4);
    let (replayed, walked) = walk(begun(base, log, TailReport::default()), &records, COUNT);
    assert_eq!(replayed.len(), 4);
    assert_eq!(walked.damage, Some(Damage { slot: Slot(5), ticks: Tick(5)..=Tick(20), cause: Cause::Chain }));
}

#[test]
fn an_end_that_is_not_there_is_named_and_what_of_it_was_acknowledged() {
    let (records, base, log) = begin();
    let short = LogState { last: records[14].position(), durable: records[14].position(), ..log };
    // A watermark ahead of the database: it fell back.
    let tail = TailReport { torn_tail: None, watermark: Some(log.last) };
    let (_, walked) = walk(begun(base, short, tail), &records[..15], 4);
    assert_eq!(walked.end, short.last);
    assert_eq!(walked.damage, Some(Damage { slot: Slot(16), ticks: Tick(16)..=Tick(20), cause: Cause::Missing }));
    assert_eq!(walked.lost, Some(Tick(16)..=Tick(20)));
    // A torn tail beyond what was acknowledged is damage, and no loss.
    let tail = TailReport { torn_tail: Some(Slot(17)), watermark: Some(short.last) };
    let (_, walked) = walk(begun(base, short, tail), &records[..15], 4);
    assert_eq!(walked.damage, Some(Damage { slot: Slot(16), ticks: Tick(16)..=Tick(17), cause: Cause::Missing }));
    assert_eq!(walked.lost, None);
}

#[test]
fn a_history_that_is_not_the_acknowledged_one_is_a_fork_from_there() {
    let (records, base, log) = begin();
    let other = LogPosition { slot: Slot(13), tick: Tick(13), record_hash: Hash::ZERO };
    let tail = TailReport { torn_tail: None, watermark: Some(other) };
    for batch in 1..=COUNT {
        let (_, walked) = walk(begun(base, log, tail), &records, batch);
        assert_eq!(walked.damage, Some(Damage { slot: Slot(13), ticks: Tick(13)..=Tick(20), cause: Cause::Fork }));
        assert_eq!(walked.lost, Some(Tick(13)..=Tick(20)));
    }
    // Even where the records after it are torn as well.
    let tail = TailReport { torn_tail: Some(Slot(22)), watermark: Some(other) };
    let (_, walked) = walk(begun(base, log, tail), &records, 6);
    assert_eq!(walked.damage, Some(Damage { slot: Slot(13), ticks: Tick(13)..=Tick(22), cause: Cause::Fork }));
}
