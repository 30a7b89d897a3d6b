//! The first differing tick follows from the records alone: a file that was changed and whose checks were set anew is named,
//! with the tick, whatever its links say.

use crate::trace_support::{about, frame, open, record, start};
use tickworld_sim::{
    diff::{TraceDiffError, first_difference},
    executor::Inline,
    frame::Tick,
    hash::hash,
    trace::{Recorder, TraceError},
};

const TICKS: u64 = 40;

/// Flips a bit of the body of the record of `tick`, and sets its check anew, as someone would who changes a trace on purpose.
fn changed(bytes: &[u8], tick: u64, offset: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 20;
    loop {
        let length = u32::from_le_bytes(bytes[at + 1..at + 5].try_into().expect("four bytes")) as usize;
        if bytes[at] == 5 && bytes[at + 5..at + 13] == tick.to_le_bytes() {
            bytes[at + 5 + offset] ^= 1;
            let check = hash(&bytes[at..at + 5 + length]).short();
            bytes[at + 5 + length..at + 13 + length].copy_from_slice(&check.0);
            return bytes;
        }
        at += 13 + length;
    }
}

/// The run of seed 1, recorded from `first` on.
fn late(first: u64) -> Vec<u8> {
    let mut simulation = start(8);
    for tick in 1..=first {
        simulation.step(&frame(1, tick), &Inline).expect("the frame is good");
    }
    let mut recorder = Recorder::begin(Vec::new(), &simulation, about(20, 0), &[]).expect("a Vec takes everything");
    for tick in first + 1..=TICKS {
        let frame = frame(1, tick);
        let roots = simulation.step(&frame, &Inline).expect("the frame is good");
        recorder.record(&frame, &roots, simulation.world()).expect("a Vec takes everything");
    }
    recorder.seal().expect("a Vec takes everything").0
}

/// Offsets into a tick's body: of its link, its root, a column root, its frame.
const PLACES: [usize; 4] = [20, 45, 80, 74 + 8 * 18 + 9];

#[test]
fn a_changed_record_is_named_and_its_side() {
    let good = record(1, 8, TICKS, about(20, 0));
    for tick in 1..=TICKS {
        for offset in PLACES {
            let bad = changed(&good, tick, offset);
            let broken = TraceError::Chain { tick: Tick(tick) };
            let found = first_difference(&mut open(&bad), &mut open(&good));
            assert_eq!(found, Err(TraceDiffError::Left(broken.clone())), "tick {tick} offset {offset}");
            let found = first_difference(&mut open(&good), &mut open(&bad));
            assert_eq!(found, Err(TraceDiffError::Right(broken)), "tick {tick} offset {offset}");
        }
    }
}

#[test]
fn a_changed_record_is_named_where_the_other_side_begins_later() {
    let (good, late) = (record(1, 8, TICKS, about(20, 0)), late(10));
    assert_eq!(first_difference(&mut open(&good), &mut open(&late)), Ok(None));
    for tick in 10..=TICKS {
        let bad = changed(&good, tick, 45);
        let found = first_difference(&mut open(&bad), &mut open(&late));
        assert_eq!(found, Err(TraceDiffError::Left(TraceError::Chain { tick: Tick(tick) })));
    }
}

#[test]
fn another_run_is_a_difference_and_no_damage() {
    let other = record(2, 8, TICKS, about(20, 0));
    let found = first_difference(&mut open(&record(1, 8, TICKS, about(20, 0))), &mut open(&other));
    assert_eq!(found, Ok(Some(Tick(1))));
}

#[test]
fn traces_without_a_common_tick_are_not_the_same() {
    let (early, late) = (record(1, 8, 9, about(20, 0)), late(10));
    let error = first_difference(&mut open(&early), &mut open(&late)).expect_err("nothing to compare");
    let expected = "the traces have no tick in common: the left one holds 0 to 9, the right one 10 to 40";
    assert_eq!(error.to_string(), expected);
    // The state of tick 10 is the last of one and the first of the other.
    let touching = record(1, 8, 10, about(20, 0));
    assert_eq!(first_difference(&mut open(&late), &mut open(&touching)), Ok(None));
    let other = record(3, 8, 10, about(20, 0));
    assert_eq!(first_difference(&mut open(&late), &mut open(&other)), Ok(Some(Tick(10))));
}
