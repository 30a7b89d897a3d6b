//! Snapshots are due by measured replay debt, and are stored however late roots come.

mod common;

use common::{Driver, TICK};
use tickworld_proto::instant::Micros;
use tickworld_region::{Answer, RegionSettings, Request, RequestError};
use tickworld_sim::frame::Tick;

fn by_debt(millis: u64) -> RegionSettings {
    RegionSettings {
        replay_debt_max: Micros::from_millis(millis),
        snapshot_ticks: 1_000_000,
        ..RegionSettings::default()
    }
}

#[test]
fn a_snapshot_is_due_when_a_replay_would_take_too_long() {
    // Each tick takes a millisecond.
    let mut driver = Driver::new(1, by_debt(10));
    for _ in 0..9 {
        driver.tick();
    }
    assert!(driver.snapshots.is_empty(), "nine milliseconds");
    driver.tick();
    assert_eq!(driver.stored(Ok(())), Tick(10));
    assert_eq!(driver.region.replay_debt(), Micros(0));
    for _ in 0..10 {
        driver.tick();
    }
    assert_eq!(driver.stored(Ok(())), Tick(20));
}

/// Once the root of a tick was known, its record had been kept for long, and whoever looked for its place in the journal
/// among those not kept yet found none: periodic snapshots were left out, and asked for ones refused for ever.
#[test]
fn roots_that_come_after_their_record_is_kept_do_not_cost_the_snapshot() {
    for lag in 2..=8 {
        let mut driver = Driver::new(lag, by_debt(10));
        let request = driver.ask(Request::Snapshot);
        assert_eq!(driver.stored(Ok(())), Tick(0));
        assert!(matches!(driver.answer(request), Some(Ok(Answer::Snapshot(_)))));
        for _ in 0..30 {
            driver.wait(TICK);
            if !driver.steps.is_empty() {
                driver.step();
            }
            while !driver.appends.is_empty() {
                driver.keep();
            }
            // Hashing is as far behind as the lag allows.
            while driver.hashes.len() >= usize::from(lag) {
                driver.hash();
            }
            if !driver.snapshots.is_empty() {
                driver.stored(Ok(()));
            }
        }
        let request = driver.ask(Request::Snapshot);
        let stored = driver.stored(Ok(()));
        assert!(stored >= Tick(20), "lag {lag}: {stored}");
        assert!(matches!(driver.answer(request), Some(Ok(Answer::Snapshot(it))) if it.tick == stored));
        let unasked = driver.events.iter().filter(|it| matches!(it, tickworld_region::Event::Snapshot { .. })).count();
        assert!(unasked >= 4, "lag {lag}: {unasked} snapshots");
    }
}

#[test]
fn a_failed_snapshot_is_told_and_not_tried_again_at_once() {
    let mut driver = Driver::new(1, by_debt(5));
    for _ in 0..5 {
        driver.tick();
    }
    driver.stored(Err("the disk is full"));
    driver.tick();
    assert!(driver.snapshots.is_empty(), "the disk is left alone for a while");
    let request = driver.ask(Request::Snapshot);
    driver.stored(Err("the disk is full"));
    assert!(matches!(driver.answer(request), Some(Err(RequestError::Unavailable(why))) if why.contains("full")));
    driver.wait(Micros::from_millis(6_000));
    driver.step();
    driver.keep();
    assert_eq!(driver.stored(Ok(())), driver.region.tick());
}

#[test]
fn whoever_asks_while_one_is_being_stored_gets_one_that_is_not_older() {
    let mut driver = Driver::plain(1);
    let first = driver.ask(Request::Snapshot);
    driver.tick();
    let second = driver.ask(Request::Snapshot);
    driver.tick();
    let third = driver.ask(Request::Snapshot);
    assert_eq!(driver.stored(Ok(())), Tick(0));
    assert!(driver.answer(first).is_some() && driver.answer(second).is_none());
    assert_eq!(driver.stored(Ok(())), Tick(2), "one for both");
    assert!(driver.answer(second).is_some() && driver.answer(third).is_some());
    assert!(driver.snapshots.is_empty());
}

#[test]
fn zero_ticks_mean_none_unasked() {
    let mut driver =
        Driver::new(1, RegionSettings { snapshot_ticks: 0, replay_debt_max: Micros(1), ..RegionSettings::default() });
    for _ in 0..20 {
        driver.tick();
    }
    assert!(driver.snapshots.is_empty());
}
