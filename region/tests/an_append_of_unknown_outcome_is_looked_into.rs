//! After an append of unknown outcome the journal is read before anything else is appended.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Driver, TICK};
use tickworld_persist::{Appended, Epoch, LogPosition, LogState, Slot};
use tickworld_proto::instant::Micros;
use tickworld_region::{AppendOutcome, Ended, Event};
use tickworld_sim::{frame::Tick, hash::Hash};

const RETRY: Micros = Micros::from_millis(200);

fn head(last: u64, durable: u64, epoch: u64) -> LogState {
    // The claim has slot 1, so a tick stands in the slot after its number.
    let place = |tick| LogPosition { slot: Slot(tick + 1), tick: Tick(tick), record_hash: Hash::ZERO };
    let (base, last, durable, epoch) = (place(0), place(last), place(durable), Epoch(epoch));
    LogState { base, last, durable, next: last.slot.next(), epoch, incarnation: 1, sealed: false }
}

/// Two ticks whose records are with the journal, the second in the next append.
fn failing() -> Driver {
    let mut driver = Driver::plain(1);
    driver.wait(TICK);
    driver.step();
    driver.wait(TICK);
    driver.step();
    assert_eq!(driver.appends.pop_front().unwrap().records.len(), 1);
    driver.answer_append(AppendOutcome::Unknown("the disk is full".to_owned()));
    assert!(driver.events.iter().any(|event| matches!(event, Event::StorageFailed { .. })));
    driver
}

fn read(driver: &mut Driver, state: Result<LogState, String>) {
    assert_eq!(std::mem::take(&mut driver.log_reads), 1, "the state is to be read");
    driver.region.handle_log_state(driver.now, state);
    driver.settle();
}

#[test]
fn nothing_is_appended_before_the_state_was_read_however_often_that_fails() {
    let mut driver = failing();
    for _ in 0..5 {
        driver.wait(Micros(RETRY.0 - 1));
        assert_eq!((driver.log_reads, driver.appends.len()), (0, 0), "the storage is left alone for a while");
        driver.wait(Micros(1));
        assert!(driver.appends.is_empty());
        read(&mut driver, Err("still full".to_owned()));
        assert!(driver.appends.is_empty());
    }
    driver.wait(RETRY);
    read(&mut driver, Ok(head(0, 0, 1)));
    let append = driver.appends.pop_front().expect("all of it again");
    assert_eq!(append.records.first().unwrap().tick(), Tick(1));
    assert!(append.records.len() >= 2, "what came meanwhile goes with it");
}

#[test]
fn what_was_written_is_not_written_again() {
    let mut driver = failing();
    driver.wait(RETRY);
    read(&mut driver, Ok(head(1, 1, 1)));
    assert_eq!(driver.region.kept_tick(), Tick(1));
    assert!(driver.events.iter().any(|event| matches!(event, Event::StorageRecovered { tick } if *tick == Tick(1))));
    assert_eq!(driver.appends.pop_front().unwrap().records.first().unwrap().tick(), Tick(2));
}

#[test]
fn what_was_written_but_is_not_durable_is_made_durable_by_an_append_without_it() {
    let mut driver = failing();
    driver.wait(RETRY);
    read(&mut driver, Ok(head(1, 0, 1)));
    assert_eq!(driver.region.kept_tick(), Tick(0));
    let append = driver.appends.pop_front().unwrap();
    assert_eq!(append.records.first().unwrap().tick(), Tick(2));
    let kept = append.records.last().unwrap().tick();
    driver.keep_to(kept);
    assert_eq!(driver.region.kept_tick(), kept);
}

#[test]
fn what_stands_there_in_another_name_is_another_owners() {
    let mut driver = failing();
    driver.wait(RETRY);
    read(&mut driver, Ok(head(1, 1, 2)));
    assert_eq!(driver.ended(), Some(&Ended::Fenced { by: Epoch(2) }));
    assert_eq!(driver.region.kept_tick(), Tick(0), "nothing of it is told");
}

#[test]
fn a_prefix_that_was_kept_is_told_and_the_rest_given_again() {
    let mut driver = Driver::plain(1);
    driver.wait(TICK);
    driver.step();
    for _ in 0..3 {
        driver.wait(TICK);
        driver.step();
    }
    driver.keep();
    assert_eq!(driver.appends.pop_front().unwrap().records.len(), 3);
    driver.keep_to(Tick(3));
    assert_eq!(driver.region.released_tick(), Tick(3));
    let rest = driver.appends.pop_front().unwrap().records;
    assert_eq!(rest.iter().map(|record| record.tick().0).collect::<Vec<_>>(), [4]);
}

/// In memory mode a tick is told at once, whatever the disk has of it.
#[test]
fn in_memory_mode_a_tick_is_told_at_once() {
    let mut driver = Driver::in_memory();
    for tick in 1..=3 {
        driver.wait(TICK);
        driver.step();
        assert_eq!(driver.region.released_tick(), Tick(tick), "told at once");
        driver.appends.pop_front().unwrap();
        driver.answer_append(AppendOutcome::Kept(Appended { kept: Tick(tick), durable: Tick(0) }));
    }
}

/// In memory mode nothing is released by the journal, which must not let its queue grow for ever either.
#[test]
fn a_journal_that_falls_behind_stops_the_world_in_memory_mode_too() {
    let mut driver = Driver::in_memory();
    for _ in 0..500 {
        driver.wait(TICK);
        if !driver.steps.is_empty() {
            driver.step();
        }
    }
    assert_eq!(driver.region.waiting_records(), 32);
    driver.keep();
    driver.wait(TICK);
    driver.step();
}
