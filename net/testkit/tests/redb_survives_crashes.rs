//! What the embedded store reported durable is there after a crash at any write or sync, whatever became of unsynced writes.
//!
//! A crash is set after every single operation on the disk in turn, and leaves the unsynced writes in five ways.

#![allow(clippy::unwrap_used, reason = "what tests share is no test by itself")]

mod support;

use support::{Scribe, settings};
use tickworld_persist::embedded::Core;
use tickworld_testkit::{
    dice::Dice,
    disk::{CrashKind, SimMedium, SyncTruth},
};

const APPENDS: u32 = 10;

/// Runs until the power goes after so many operations, crashes, and says what is wrong afterwards.
fn crash_after(seed: u64, operations: Option<u64>, kind: CrashKind, truth: SyncTruth) -> Result<(), String> {
    let medium = SimMedium::default();
    medium.database.set_sync_truth(truth);
    medium.database.fail_after(operations);
    let mut scribe = Scribe::new(seed);
    if let Ok(mut core) = Core::open(medium.clone(), settings())
        && scribe.begin(&mut core)
    {
        scribe.work(&mut core, APPENDS);
        medium.crash(kind, &mut Dice::new(seed, "crash", operations.unwrap_or(0)));
        drop(core);
    } else {
        medium.crash(kind, &mut Dice::new(seed, "crash", operations.unwrap_or(0)));
    }
    medium.database.set_sync_truth(SyncTruth::Honest);
    scribe.find_fault(&medium)
}

fn operations_of(seed: u64) -> u64 {
    let medium = SimMedium::default();
    let mut core = Core::open(medium.clone(), settings()).unwrap();
    let mut scribe = Scribe::new(seed);
    assert!(scribe.begin(&mut core) && scribe.work(&mut core, APPENDS));
    let counters = medium.database.counters();
    counters.writes + counters.syncs
}

#[test]
fn at_every_operation() {
    for seed in 0..2 {
        let count = operations_of(seed);
        assert!(count > 100, "{count} operations are too few to say anything");
        for operations in 0..=count {
            for kind in CrashKind::ALL {
                let fault = crash_after(seed, Some(operations), kind, SyncTruth::Honest);
                assert_eq!(fault, Ok(()), "seed {seed}, {kind:?} after operation {operations} of {count}");
            }
        }
    }
}

#[test]
fn and_without_syncs_it_does_not() {
    let count = operations_of(0);
    let faults: Vec<String> = (0..count)
        .step_by(7)
        .filter_map(|operations| crash_after(0, Some(operations), CrashKind::DropAll, SyncTruth::Lies).err())
        .collect();
    assert!(faults.len() as u64 > count / 10, "only {} of {} crashes showed it", faults.len(), count / 7);
}

#[test]
fn two_runs_write_the_same_bytes() {
    let run = || {
        let medium = SimMedium::default();
        let mut core = Core::open(medium.clone(), settings()).unwrap();
        let mut scribe = Scribe::new(9);
        assert!(scribe.begin(&mut core) && scribe.work(&mut core, APPENDS));
        medium.database.digest().finish()
    };
    assert_eq!(run(), run());
}
