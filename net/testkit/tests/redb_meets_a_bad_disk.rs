//! A disk that is full, that fails to sync, or that turns bits: nothing promised is lost, and damage is never silent.

#![allow(clippy::unwrap_used, reason = "what tests share is no test by itself")]

mod support;

use support::{Scribe, claim, settings};
use tickworld_persist::{
    Bearer, Durability, TokenDigest,
    embedded::Core,
    error::{AppendError, Fault, SpendError},
};
use tickworld_sim::frame::Tick;
use tickworld_testkit::{
    dice::Dice,
    disk::{CrashKind, SimMedium, SyncFault},
};

fn begun(seed: u64, medium: &SimMedium) -> (Scribe, Core<SimMedium>) {
    let mut core = Core::open(medium.clone(), settings()).unwrap();
    let mut scribe = Scribe::new(seed);
    assert!(scribe.begin(&mut core));
    (scribe, core)
}

/// Appends records that an append before did not take, as a server does that reads back what became of it.
fn append_rest(scribe: &mut Scribe, core: &mut Core<SimMedium>) -> Result<Tick, AppendError> {
    let Ok(head) = core.log_state() else { return Err(AppendError::Unknown(Fault::Closed)) };
    let rest: Vec<_> = scribe.written.range(head.last.tick.next()..).map(|(_, record)| record.clone()).collect();
    scribe.append_again(core, &rest, Durability::Disk)
}

#[test]
fn a_full_disk_says_so_and_goes_on_when_there_is_room() {
    for seed in 0..12 {
        let medium = SimMedium::default();
        let (mut scribe, mut core) = begun(seed, &medium);
        medium.database.set_capacity(Some(medium.database.image().len() as u64));
        let mut error = None;
        for _ in 0..4_000 {
            if let Err(found) = scribe.append(&mut core, 3, Durability::Disk) {
                error = Some(found);
                break;
            }
        }
        assert_eq!(error, Some(AppendError::Storage(Fault::Full)), "seed {seed}");
        let promised = scribe.durable;
        for _ in 0..3 {
            assert_eq!(append_rest(&mut scribe, &mut core), Err(AppendError::Storage(Fault::Full)), "seed {seed}");
            assert_eq!(core.log_state().unwrap().last.tick, promised, "seed {seed}: what was kept is there to be read");
        }
        medium.database.set_capacity(None);
        assert_eq!(append_rest(&mut scribe, &mut core), Ok(scribe.last.tick), "seed {seed}");
        medium.crash(CrashKind::Scatter, &mut Dice::new(seed, "full", 0));
        drop(core);
        assert_eq!(scribe.find_fault(&medium), Ok(()), "seed {seed}");
    }
}

#[test]
fn a_failed_sync_never_becomes_a_promise() {
    for seed in 0..60 {
        for fault in [SyncFault::Retained, SyncFault::Lost] {
            let medium = SimMedium::default();
            let (mut scribe, mut core) = begun(seed, &medium);
            let mut dice = Dice::new(seed, "failing syncs", 0);
            let mut failures = 0;
            for _ in 0..20 {
                medium.database.fail_syncs(dice.permille(300).then_some(fault));
                failures += u32::from(scribe.append(&mut core, 2, Durability::Disk).is_err());
                medium.database.fail_syncs(None);
                if scribe.durable < scribe.last.tick {
                    assert_eq!(append_rest(&mut scribe, &mut core), Ok(scribe.last.tick), "seed {seed}, {fault:?}");
                }
            }
            medium.crash(*dice.pick(&CrashKind::ALL), &mut dice);
            drop(core);
            assert_eq!(scribe.find_fault(&medium), Ok(()), "seed {seed}, {fault:?}");
            assert!(failures > 0, "seed {seed}: no sync failed");
        }
    }
}

/// Whether a token is this bearer's then.
fn spend(core: &mut Core<SimMedium>, token: TokenDigest, by: u8) -> Result<bool, SpendError> {
    let bearer = Bearer { nonce: [by; 16], generation: 0 };
    Ok(core.spend(token, bearer, 100)? == Some(bearer))
}

/// A token is one bearer's, whatever the disk said of the sync, and whoever asks again.
#[test]
fn a_failed_sync_admits_nobody_twice() {
    let (mut failures, mut doubts) = (0, 0);
    for seed in 0..60 {
        for fault in [SyncFault::Retained, SyncFault::Lost] {
            let medium = SimMedium::default();
            let (mut scribe, mut core) = begun(seed, &medium);
            let mut dice = Dice::new(seed, "tokens and failing syncs", 0);
            let mut tried = Vec::new();
            for number in 0..20 {
                let token = TokenDigest::of(&format!("token {number}"));
                medium.database.fail_syncs(dice.permille(400).then_some(fault));
                let first = spend(&mut core, token, 1);
                medium.database.fail_syncs(None);
                if dice.permille(300) {
                    scribe.append(&mut core, 1, Durability::Memory).expect("the disk is well");
                }
                let again = spend(&mut core, token, 2).expect("the disk is well");
                failures += u32::from(first.is_err());
                doubts += u32::from(first.is_err() && !again);
                assert!(first != Ok(true) || !again, "seed {seed}, {fault:?}: two bearers'");
                assert_eq!(spend(&mut core, token, 1), Ok(!again), "seed {seed}, {fault:?}: the first one comes again");
                assert!(first != Ok(false), "seed {seed}, {fault:?}: spent before anybody did");
                tried.push(token);
            }
            medium.crash(*dice.pick(&CrashKind::ALL), &mut dice);
            drop(core);
            let mut core = Core::open(medium, settings()).unwrap();
            for token in tried {
                assert_eq!(
                    spend(&mut core, token, 3),
                    Ok(false),
                    "seed {seed}, {fault:?}: another one's after a crash"
                );
            }
        }
    }
    assert!(failures > 100, "only {failures} syncs failed; {doubts} tokens were spent for nothing");
}

#[test]
fn a_full_disk_admits_nobody_it_does_not_remember() {
    let mut admitted = 0;
    for seed in 0..12 {
        let medium = SimMedium::default();
        let (mut scribe, mut core) = begun(seed, &medium);
        medium.database.set_capacity(Some(medium.database.image().len() as u64 + seed * 65_536));
        let refused = (0..40_000).find_map(|_| scribe.spend(&mut core).err());
        assert_eq!(refused, Some(SpendError::Storage(Fault::Full)), "seed {seed}");
        assert_eq!(scribe.spend(&mut core), Err(SpendError::Storage(Fault::Full)), "seed {seed}");
        medium.database.set_capacity(None);
        for _ in 0..3 {
            assert_eq!(scribe.spend(&mut core), Ok(()), "seed {seed}: there is room again");
        }
        medium.crash(CrashKind::Scatter, &mut Dice::new(seed, "full of tokens", 0));
        drop(core);
        admitted += scribe.admitted.len();
        assert_eq!(scribe.find_fault(&medium), Ok(()), "seed {seed}");
    }
    assert!(admitted > 12 * 10, "a disk that is nearly full admits a few");
}

/// A store with some records and a snapshot, closed in good order.
fn closed(seed: u64) -> (Scribe, SimMedium) {
    let medium = SimMedium::default();
    let (mut scribe, mut core) = begun(seed, &medium);
    assert!(scribe.work(&mut core, 6));
    scribe.append(&mut core, 1, Durability::Disk).unwrap();
    assert!(scribe.snapshot(&mut core));
    drop(core);
    (scribe, medium)
}

#[test]
fn a_turned_bit_is_found_or_does_no_harm() {
    let (mut harmless, mut found) = (0, 0);
    let (scribe, medium) = closed(1);
    let image = medium.database.image();
    for seed in 0..600 {
        let turned = SimMedium::default();
        turned.database.load_image(image.clone());
        turned.watermark.load_image(medium.watermark.image());
        let at = turned.database.flip_bit(&mut Dice::new(seed, "flip", 0)).unwrap();
        // Either everything is as it was, or somebody is told; what is silently another thing is what `find_fault` cannot
        // tell from good, so it is compared there with what was written.
        match scribe.find_fault(&turned) {
            Ok(()) => harmless += 1,
            Err(what) => {
                found += 1;
                let silent = what.contains("is not the one that was written") || what.contains("another root");
                assert!(!silent, "seed {seed}, byte {at}: {what}");
            }
        }
    }
    assert!(found > 20 && harmless > 20, "{found} found, {harmless} harmless: the flips hit nothing, or everything");
}

#[test]
fn a_turned_bit_in_a_record_is_found() {
    let (scribe, medium) = closed(2);
    for (tick, record) in &scribe.written {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        let image = medium.database.image();
        // The same bit wherever the record stands: redb leaves older copies of what it has moved.
        let copies: Vec<usize> =
            (0..=image.len() - bytes.len()).filter(|at| image[*at..].starts_with(&bytes)).collect();
        assert!(!copies.is_empty(), "tick {tick} is not in the file");
        let turned = SimMedium::default();
        turned.database.load_image(image);
        turned.watermark.load_image(medium.watermark.image());
        let mut dice = Dice::new(tick.0, "record", 0);
        let (offset, mask) = (dice.below(bytes.len() as u64), 1 << dice.below(8));
        copies.iter().for_each(|at| turned.database.flip(*at as u64 + offset, mask));
        let fault = scribe.find_fault(&turned).unwrap_err();
        assert!(!fault.contains("not the one that was written"), "tick {tick}: {fault}");
    }
}

#[test]
fn a_database_that_fell_back_is_noticed_by_its_watermark() {
    let medium = SimMedium::default();
    let (mut scribe, mut core) = begun(3, &medium);
    scribe.append(&mut core, 2, Durability::Disk).unwrap();
    medium.kill();
    drop(core);
    let older = medium.database.image();
    let mut core = Core::open(medium.clone(), settings()).unwrap();
    scribe.append(&mut core, 2, Durability::Disk).unwrap();
    medium.kill();
    drop(core);
    medium.database.load_image(older);
    let mut core = Core::open(medium, settings()).unwrap();
    let refused = claim(&mut core).unwrap_err().to_string();
    assert!(refused.contains("3 to 4"), "{refused}");
}

/// A crash may take the watermark's last notes away, for they are not synced. Whoever claims afterwards goes on from the last
/// record, so that what is lost from then on is noticed again.
#[test]
fn a_claim_notes_what_a_crash_took_from_the_watermark() {
    let medium = SimMedium::default();
    let (mut scribe, mut core) = begun(4, &medium);
    scribe.append(&mut core, 2, Durability::Disk).unwrap();
    medium.kill();
    drop(core);
    let (older, noted) = (medium.database.image(), medium.watermark.image());
    let mut core = Core::open(medium.clone(), settings()).unwrap();
    scribe.append(&mut core, 2, Durability::Disk).unwrap();
    medium.kill();
    drop(core);
    medium.watermark.load_image(noted);
    let mut core = Core::open(medium.clone(), settings()).unwrap();
    claim(&mut core).unwrap();
    medium.kill();
    drop(core);
    medium.database.load_image(older);
    let mut core = Core::open(medium, settings()).unwrap();
    let refused = claim(&mut core).unwrap_err().to_string();
    assert!(refused.contains("3 to 4"), "{refused}");
}
