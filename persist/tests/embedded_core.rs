//! The embedded store without its thread: what is appended is found again.

mod support;

use support::{claim_of, header, records};
use tickworld_persist::{
    Appended, Claim, Durability, Epoch, Record, Slot, TailReport,
    embedded::{Core, Files, Settings},
    error::{AppendError, ClaimError, CreateError},
};
use tickworld_sim::frame::Tick;

fn claimed(core: &mut Core<Files>) -> Result<Claim, ClaimError> {
    let record = claim_of(&core.log_state().expect("there is a journal"));
    core.claim(&record)
}

#[test]
fn what_is_appended_is_read_back_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut core = Core::open(Files::new(folder.path()), Settings::default()).unwrap();
    core.create(&header()).unwrap();
    assert_eq!(core.create(&header()), Err(CreateError::Exists(header().world)));
    let claim = claimed(&mut core).unwrap();
    let written = records(claim.epoch, claim.last, 5, 100);
    assert_eq!(core.append(&written, Durability::Disk), Ok(Appended { kept: Tick(5), durable: Tick(5) }));
    drop(core);

    let mut core = Core::open(Files::new(folder.path()), Settings::default()).unwrap();
    assert_eq!(core.header().unwrap(), Some(header()));
    assert_eq!(core.read_records(Slot(2), 1 << 20).unwrap(), written);
    let log = core.log_state().unwrap();
    let last = written.last().map(Record::position).unwrap();
    assert_eq!((log.last, log.durable), (last, last));
    assert_eq!(core.tail_report().unwrap(), TailReport { torn_tail: None, watermark: Some(last) });
}

#[test]
fn a_later_claim_fences_the_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut core = Core::open(Files::new(folder.path()), Settings::default()).unwrap();
    core.create(&header()).unwrap();
    let first = claimed(&mut core).unwrap();
    let second = claimed(&mut core).unwrap();
    assert_eq!((first.epoch, second.epoch), (Epoch(1), Epoch(2)), "each is the slot of its claim");
    let late = records(first.epoch, first.last, 1, 0);
    assert_eq!(core.append(&late, Durability::Disk), Err(AppendError::Fenced { by: Epoch(2) }));
}

#[test]
fn what_is_only_in_memory_is_not_reported_durable() {
    let folder = tempfile::tempdir().unwrap();
    let mut core = Core::open(Files::new(folder.path()), Settings::default()).unwrap();
    core.create(&header()).unwrap();
    let claim = claimed(&mut core).unwrap();
    let written = records(claim.epoch, claim.last, 3, 0);
    let in_memory = core.append(&written[..2], Durability::Memory);
    assert_eq!(in_memory, Ok(Appended { kept: Tick(2), durable: Tick(0) }));
    assert_eq!(core.read_records(Slot(2), 1 << 20).unwrap(), &written[..2]);
    assert_eq!(core.append(&written[2..], Durability::Disk), Ok(Appended { kept: Tick(3), durable: Tick(3) }));
    assert_eq!(core.append(&[], Durability::Quorum), Err(AppendError::Durability(Durability::Quorum)));
}

/// redb writes when it is closed, and panicked there over a leaf with a bit turned, out of whoever dropped the store.
#[test]
fn a_damaged_database_does_not_panic_when_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(folder.path());
    let mut core = Core::open(files.clone(), Settings::default()).unwrap();
    core.create(&header()).unwrap();
    let claim = claimed(&mut core).unwrap();
    core.append(&records(claim.epoch, claim.last, 5, 100), Durability::Disk).unwrap();
    drop(core);
    let whole = std::fs::read(files.database()).unwrap();
    // Beyond redb's header, where what is written has turned bits and what is not is skipped.
    for at in (4096..whole.len()).step_by(61).filter(|at| whole[*at] != 0).take(60) {
        let mut turned = whole.clone();
        turned[at] ^= 0x40;
        std::fs::write(files.database(), &turned).unwrap();
        if let Ok(mut core) = Core::open(files.clone(), Settings::default())
            && let Ok(log) = core.log_state()
        {
            _ = core.claim(&claim_of(&log));
        }
    }
}
