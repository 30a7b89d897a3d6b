//! Sync-test mode passes a sound game and names the tick and the place of each planted fault.

use crate::arena::{Arena, COUNTS_OUTSIDE, FEEDS_THE_DEAD, FORGETS_THE_DEAD, frame, start_faulty};
use tickworld_sim::{
    executor::Inline,
    frame::FrameError,
    rollback::{Path, SyncTest, SyncTestError, SyncTestSettings},
};

fn run<const FAULT: u8>(seed: u64, settings: SyncTestSettings) -> Result<(), SyncTestError> {
    let mut test = SyncTest::<Arena<FAULT>>::new(start_faulty(), settings);
    let mut straight = start_faulty::<0>();
    for tick in 1..200 {
        let roots = test.step(&frame(seed, tick), &Inline)?;
        if FAULT == 0 {
            assert_eq!(roots, crate::arena::step(&mut straight, seed), "seed {seed}: testing changes nothing");
        }
    }
    Ok(())
}

#[test]
fn a_sound_game_passes() {
    for seed in 0..8 {
        for (distance_ticks, restore_ticks) in [(0, 0), (1, 1), (7, 5), (12, 0)] {
            let settings = SyncTestSettings { distance_ticks, restore_ticks };
            assert_eq!(run::<0>(seed, settings), Ok(()), "seed {seed}, {settings:?}");
        }
    }
}

#[test]
fn state_outside_the_world() {
    let found = run::<COUNTS_OUTSIDE>(1, SyncTestSettings::default()).expect_err("a fault is planted");
    let SyncTestError::Root { tick, path: Path::Resimulated | Path::Restored, columns } = &found else {
        panic!("{found}")
    };
    assert!((20..40).contains(&tick.0), "{found}");
    assert_eq!(columns[..], ["weather"], "{found}");
}

#[test]
fn a_derived_part_that_lags() {
    let found = run::<FORGETS_THE_DEAD>(1, SyncTestSettings::default()).expect_err("a fault is planted");
    assert!(matches!(found, SyncTestError::Derived { field: "near", path: Path::Straight, .. }), "{found}");
}

/// Not hidden: the tick itself tells.
#[test]
#[should_panic(expected = "`health` was written in tick")]
fn a_component_of_the_dead() {
    _ = run::<FEEDS_THE_DEAD>(1, SyncTestSettings::default());
}

#[test]
fn a_refused_frame_is_no_finding() {
    let mut test = SyncTest::<Arena>::new(start_faulty(), SyncTestSettings::default());
    let found = test.step(&frame(1, 5), &Inline);
    assert!(matches!(found, Err(SyncTestError::Frame(FrameError::Tick { .. }))));
}
