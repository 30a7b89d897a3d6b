//! Laws of the simulated disk.

use redb::StorageBackend;

use super::{crash::crash_image, *};

/// Writes at random, syncs now and then, and crashes; `check` judges what is left.
fn after_crash(seed: u64, truth: SyncTruth, kind: CrashKind, check: impl FnOnce(&[u8], &[Option<u8>])) {
    let mut dice = Dice::new(seed, "disk law", 0);
    let disk = SimDisk::default();
    disk.set_sync_truth(truth);
    let file = disk.open();
    file.set_len(64).unwrap();
    file.sync_data().unwrap();
    // What each byte must be: nothing is known of one written since the last sync.
    let mut must = [Some(0); 64];
    let mut last = [0; 64];
    for _ in 0..40 {
        let start = usize::try_from(dice.below(60)).unwrap();
        let bytes = dice.bytes::<4>();
        file.write(u64::try_from(start).unwrap(), &bytes).unwrap();
        last[start..start + 4].copy_from_slice(&bytes);
        must[start..start + 4].fill(None);
        if dice.permille(150) {
            file.sync_data().unwrap();
            must = last.map(Some);
        }
    }
    disk.crash(kind, &mut dice);
    assert!(file.len().is_err(), "a handle of the crashed process works");
    check(&disk.image(), &must);
}

fn keeps(image: &[u8], must: &[Option<u8>]) -> bool {
    image.iter().zip(must).all(|(byte, must)| must.is_none_or(|must| must == *byte))
}

#[test]
fn what_was_synced_survives_every_crash() {
    for seed in 0..200 {
        for kind in CrashKind::ALL {
            after_crash(seed, SyncTruth::Honest, kind, |image, must| {
                assert!(keeps(image, must), "seed {seed}, {kind:?}");
            });
        }
    }
}

#[test]
fn a_sync_that_lies_is_caught() {
    let mut caught = 0;
    for seed in 0..200 {
        after_crash(seed, SyncTruth::Lies, CrashKind::Scatter, |image, must| {
            caught += u32::from(!keeps(image, must));
        });
    }
    assert!(caught > 150, "only {caught} of 200 crashes showed that nothing was synced");
}

#[test]
fn a_crash_leaves_bytes_that_somebody_wrote_there() {
    for seed in 0..100 {
        let mut dice = Dice::new(seed, "provenance", 0);
        let writes: Vec<Write> =
            (0..6).map(|_| Write::Bytes { offset: dice.below(12), bytes: dice.bytes::<5>().to_vec() }).collect();
        for kind in CrashKind::ALL {
            let (image, _) = crash_image(&[0xEE; 16], &writes, kind, &mut dice);
            for (at, byte) in (0_u64..).zip(&image) {
                let written = writes.iter().any(|write| match write {
                    Write::Bytes { offset, bytes } => {
                        at.checked_sub(*offset).and_then(|i| bytes.get(usize::try_from(i).unwrap())) == Some(byte)
                    }
                    Write::Length(_) => false,
                });
                assert!(written || *byte == 0xEE || (at >= 16 && *byte == 0), "seed {seed}, {kind:?}, byte {at}");
            }
        }
    }
}

#[test]
fn crashes_drop_reorder_and_tear() {
    let writes: Vec<Write> = (0..4).map(|i| Write::Bytes { offset: i * 4, bytes: vec![1; 4] }).collect();
    let images = |kind| -> std::collections::BTreeSet<Vec<u8>> {
        (0..300).map(|seed| crash_image(&[0; 16], &writes, kind, &mut Dice::new(seed, "shapes", 0)).0).collect()
    };
    assert_eq!(images(CrashKind::KeepAll), [vec![1; 16]].into());
    assert_eq!(images(CrashKind::DropAll), [vec![0; 16]].into());
    let in_order = |image: &Vec<u8>| {
        let whole = image.chunks(4).take_while(|chunk| **chunk == [1; 4]).count();
        image.chunks(4).skip(whole + 1).all(|chunk| *chunk == [0; 4])
    };
    let is_torn = |image: &Vec<u8>| image.chunks(4).any(|chunk| chunk.iter().any(|byte| *byte != chunk[0]));
    assert!(images(CrashKind::Cut).iter().all(in_order) && !images(CrashKind::Reorder).iter().all(in_order));
    for kind in [CrashKind::Cut, CrashKind::Reorder, CrashKind::Scatter] {
        assert!(images(kind).iter().any(is_torn), "{kind:?}");
    }
    let swapped = |image: &Vec<u8>| image[..4] == [0; 4] && image[4..8] == [1; 4];
    assert!(images(CrashKind::Reorder).iter().any(swapped));
}

#[test]
fn the_power_goes_at_the_operation_asked_for() {
    let disk = SimDisk::default();
    let file = disk.open();
    disk.fail_after(Some(2));
    file.write(0, b"one").unwrap();
    file.sync_data().unwrap();
    assert_eq!(file.write(0, b"two").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    assert!(file.read(0, &mut [0; 3]).is_err());
    disk.crash(CrashKind::DropAll, &mut Dice::new(0, "power", 0));
    assert_eq!(disk.image(), b"one");
    assert_eq!(
        disk.counters(),
        DiskCounters { writes: 1, written_bytes: 3, syncs: 1, refused: 1, crashes: 1, ..DiskCounters::default() }
    );
}

#[test]
fn a_killed_process_loses_nothing_but_its_handle() {
    let disk = SimDisk::default();
    let file = disk.open();
    file.write(0, b"cached").unwrap();
    disk.kill();
    assert!(file.write(0, b"zombie").is_err());
    assert_eq!((disk.image(), disk.synced_image()), (b"cached".to_vec(), Vec::new()));
    disk.open().sync_data().unwrap();
    assert_eq!(disk.synced_image(), b"cached");
}

#[test]
fn a_full_disk_overwrites_but_does_not_grow() {
    let disk = SimDisk::with_image(vec![0; 8]);
    disk.set_capacity(Some(8));
    let file = disk.open();
    assert_eq!(file.write(6, b"long").unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(file.set_len(9).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    file.write(4, b"fits").unwrap();
    disk.set_capacity(None);
    file.set_len(9).unwrap();
    assert_eq!(disk.image(), b"\0\0\0\0fits\0");
}

#[test]
fn a_failed_sync_keeps_or_loses_the_cache() {
    for (fault, survives) in [(SyncFault::Retained, true), (SyncFault::Lost, false)] {
        let mut lost = 0;
        for _ in 0..20 {
            let disk = SimDisk::default();
            let file = disk.open();
            for at in 0..20 {
                file.write(at, &[1]).unwrap();
            }
            disk.fail_syncs(Some(fault));
            assert!(file.sync_data().is_err());
            disk.fail_syncs(None);
            file.sync_data().unwrap();
            lost += u32::from(disk.synced_image() != [1; 20]);
            assert_eq!(disk.synced_image(), disk.image());
        }
        assert_eq!(lost == 0, survives, "{fault:?}");
    }
}

#[test]
fn a_flipped_bit_is_one_bit_on_the_disk_itself() {
    let disk = SimDisk::with_image(vec![0; 32]);
    let at = disk.flip_bit(&mut Dice::new(5, "flip", 0)).unwrap();
    disk.crash(CrashKind::DropAll, &mut Dice::new(6, "flip", 0));
    let image = disk.image();
    assert_eq!(image.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    assert_eq!(image[usize::try_from(at).unwrap()].count_ones(), 1);
    assert_eq!(SimDisk::default().flip_bit(&mut Dice::new(5, "flip", 0)), None);
}

#[test]
fn one_process_has_the_file_at_a_time() {
    let disk = SimDisk::default();
    let file = disk.try_open().unwrap();
    assert!(disk.try_open().is_none());
    file.close().unwrap();
    let file = disk.try_open().unwrap();
    disk.crash(CrashKind::KeepAll, &mut Dice::new(0, "lock", 0));
    let next = disk.try_open().unwrap();
    file.close().unwrap();
    assert!(disk.try_open().is_none(), "a handle of the crashed process gave the file free");
    drop(next);
}

#[test]
fn news_are_what_reached_the_disk() {
    let disk = SimDisk::default();
    let file = disk.open();
    assert_eq!(disk.take_news(), []);
    file.write(0, b"one").unwrap();
    assert_eq!(disk.take_news(), []);
    file.sync_data().unwrap();
    file.write(3, b"two").unwrap();
    assert_eq!(disk.take_news(), [Write::Bytes { offset: 0, bytes: b"one".to_vec() }]);
    disk.crash(CrashKind::KeepAll, &mut Dice::new(0, "news", 0));
    assert_eq!(disk.take_news(), [Write::Bytes { offset: 0, bytes: b"onetwo".to_vec() }]);
    disk.set_sync_truth(SyncTruth::Lies);
    let file = disk.open();
    file.write(0, b"lie").unwrap();
    file.sync_data().unwrap();
    assert_eq!(disk.take_news(), []);
}
