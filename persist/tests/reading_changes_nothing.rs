//! A store that is opened for reading reads as its owner would find it, after a crash too, and no byte of it changes; nobody
//! reads what a server has open, and no server begins on what somebody reads.

use std::{collections::BTreeMap, fs, path::Path};

use tickworld_persist::{
    Appended, Durability, Why,
    conformance::World,
    embedded::{Core, Files, ReadOnly, Settings, StorageBackend},
    error::{ClaimError, Fault},
};
use tickworld_sim::frame::Tick;

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("a file")))
        .collect()
}

/// A store with so many records.
fn filled(folder: &Path, count: usize) -> Core<Files> {
    let world = World::default();
    let mut core = Core::open(Files::new(folder), Settings::default()).expect("an empty folder");
    core.create(world.header()).expect("there is none yet");
    let log = core.log_state().expect("there is one");
    let claim = core.claim(&world.claim(&log)).expect("nobody else claims it");
    core.append(&world.records(claim.epoch, claim.last, count), Durability::Disk).expect("they follow");
    core
}

fn read(folder: &Path) -> Result<(Tick, usize), Fault> {
    let mut core = Core::open(ReadOnly::new(folder), Settings::default())?;
    let log = core.log_state().expect("it has a journal");
    let records = core.read_records(log.base.slot.next(), u64::MAX).expect("they are whole");
    Ok((log.last.tick, records.iter().filter(|record| !record.is_claim()).count()))
}

#[test]
fn a_store_that_was_closed_reads_and_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    filled(folder.path(), 25).close();
    let before = contents(folder.path());
    assert_eq!(read(folder.path()), Ok((Tick(25), 25)));
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn a_store_whose_owner_was_killed_reads_and_stays_as_it_is() {
    let (folder, copy) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
    let owner = filled(folder.path(), 25);
    // What a killed owner leaves: its files at this moment, never closed.
    for (name, bytes) in contents(folder.path()) {
        fs::write(copy.path().join(name), bytes).expect("it can be written");
    }
    drop(owner);
    let before = contents(copy.path());
    assert_eq!(read(copy.path()), Ok((Tick(25), 25)));
    assert_eq!(contents(copy.path()), before);
}

#[test]
fn a_store_in_use_is_refused_both_ways_and_readers_do_not_mind_each_other() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let owner = filled(folder.path(), 3);
    assert_eq!(read(folder.path()), Err(Fault::Busy));
    owner.close();
    let reader = Core::open(ReadOnly::new(folder.path()), Settings::default()).expect("nobody has it open");
    assert_eq!(read(folder.path()), Ok((Tick(3), 3)));
    let owner = Core::open(Files::new(folder.path()), Settings::default());
    assert_eq!(owner.err(), Some(Fault::Busy));
    drop(reader);
    assert!(Core::open(Files::new(folder.path()), Settings::default()).is_ok());
}

#[test]
fn nothing_that_is_done_with_it_reaches_the_files() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    filled(folder.path(), 9).close();
    let before = contents(folder.path());
    let mut core = Core::open(ReadOnly::new(folder.path()), Settings::default()).expect("nobody has it open");
    let (world, log) = (World::default(), core.log_state().expect("it has a journal"));
    let claim = core.claim(&world.claim(&log)).expect("in memory alone");
    let records = world.records(claim.epoch, claim.last, 5);
    assert_eq!(core.append(&records, Durability::Disk), Ok(Appended { kept: Tick(14), durable: Tick(14) }));
    let log = core.log_state().expect("it has a journal");
    let lossy = core.claim(&world.claim_after(&log, log.base, Why::Cut, true));
    assert!(matches!(lossy, Err(ClaimError::Storage(_))), "{lossy:?}");
    drop(core);
    assert_eq!(contents(folder.path()), before);
    assert_eq!(read(folder.path()), Ok((Tick(9), 9)));
}

#[test]
fn a_folder_without_a_store_is_not_given_one() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    assert!(matches!(read(folder.path()), Err(Fault::Io(_))));
    assert!(contents(folder.path()).is_empty());
    assert_eq!(ReadOnly::new(folder.path()).watermark().ok(), Some(Vec::new()));
}
