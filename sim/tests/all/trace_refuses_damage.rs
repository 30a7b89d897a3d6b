//! Whatever happens to a trace's bytes, reading gives what was recorded, an error or a torn end: never a panic, never another root.

use crate::trace_support::{Fairground, about, library, open, record};
use tickworld_sim::{
    executor::Inline,
    frame::Tick,
    hash::Hash,
    trace::{Audit, Damage, Trace, TraceError, Verifier},
};

/// Reads everything that can be read; gives the roots read, or the first error.
fn read(bytes: &[u8]) -> Result<Vec<Hash>, TraceError<core::convert::Infallible>> {
    let mut trace = Trace::open(bytes)?;
    let roots = trace.ticks(Tick(1)).map(|record| record.map(|record| record.root)).collect::<Result<_, _>>()?;
    for state in trace.states() {
        trace.raw_state(state)?;
    }
    trace.mismatch()?;
    trace.stages(Tick(3))?;
    Audit::run(&mut trace, &mut |_, _| {})?;
    Ok(roots)
}

fn small() -> (Vec<u8>, Vec<Hash>) {
    let bytes = record(1, 2, 6, about(3, 2));
    let roots = read(&bytes).expect("sound");
    assert_eq!(roots.len(), 6);
    (bytes, roots)
}

#[test]
fn a_trace_cut_anywhere_reads_up_to_the_cut() {
    let (bytes, roots) = small();
    let mut longest = 0;
    for length in 0..bytes.len() {
        let Ok(mut trace) = Trace::open(&bytes[..length]) else {
            assert!(length < 3000, "the header is small: a cut at {length} must leave a trace");
            continue;
        };
        let torn = trace.torn().expect("the end is missing");
        assert!(torn.at_byte <= length as u64 && torn.last_tick == trace.last());
        let found: Vec<Hash> = trace.ticks(Tick(1)).map(|record| record.expect("before the cut").root).collect();
        assert_eq!(found, roots[..found.len()], "cut at {length}");
        assert!(found.len() >= longest, "a longer piece holds no less");
        longest = found.len();
        if length % 7 == 0 {
            Audit::run(&mut trace, &mut |_, _| {}).expect("what was not cut is whole");
        }
    }
    assert_eq!(longest, 6);
}

#[test]
fn a_flipped_byte_is_found_or_harmless() {
    let (bytes, roots) = small();
    let (mut refused, mut torn) = (0, 0);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let is_torn = Trace::open(&damaged[..]).is_ok_and(|trace| trace.torn().is_some());
        match read(&damaged) {
            Err(_) => refused += 1,
            Ok(found) => {
                assert_eq!(found, roots[..found.len()], "byte {at}");
                assert!(is_torn || found.len() == 6, "byte {at}: ticks vanished without a word");
                // Only the seal and the index are not needed to read the rest.
                assert!(is_torn, "byte {at}: the flip went unseen");
                torn += 1;
            }
        }
    }
    assert!(refused > 1000 && torn > 50, "{refused} refused, {torn} torn");
}

/// A recording that was broken off is whole as far as it goes; one with a hole, or with more behind its end, is damaged.
#[test]
fn a_missing_end_is_told_apart_from_damage() {
    let (bytes, _) = small();
    let ticks = records(&bytes, 5);
    let (at, next) = (ticks[3], ticks[4]);
    let damage = |bytes: &[u8]| {
        let mut trace = Trace::open(bytes).expect("its beginning is whole");
        assert!(trace.torn().is_some());
        let damage = trace.damage().cloned();
        assert_eq!(damage.is_some(), Audit::run(&mut trace, &mut |_, _| {}).is_err(), "an audit says the same");
        damage
    };
    for length in [at, at + 3, at + 40, next - 1, bytes.len() - 1] {
        assert_eq!(damage(&bytes[..length]), None, "cut at {length}");
    }
    let flipped = |place: usize, length: usize| {
        let mut bytes = bytes[..length].to_vec();
        bytes[place] ^= 0x10;
        bytes
    };
    let zeros = [&bytes[..at], &[0; 500]].concat();
    assert_eq!(damage(&zeros), None, "what a crash of the machine leaves behind");
    for (what, bytes) in [
        ("a record is missing", [&bytes[..at], &bytes[next..]].concat()),
        ("a record stands twice", [&bytes[..next], &bytes[at..]].concat()),
        ("two files are joined", [&bytes[..], &bytes[..]].concat()),
        ("bytes are missing in a sealed file", [&bytes[..at + 20], &bytes[at + 27..]].concat()),
        ("a bit is flipped, and no seal", flipped(at + 40, bytes.len() - 20)),
    ] {
        assert!(damage(&bytes).is_some(), "{what}");
    }
}

#[test]
fn a_flipped_byte_never_verifies_as_another_run() {
    let (bytes, _) = small();
    for at in (0..bytes.len()).step_by(11) {
        let mut damaged = bytes.clone();
        damaged[at] = !damaged[at];
        if let Ok(mut trace) = Trace::open(&damaged[..])
            && let Ok(report) = Verifier::<Fairground>::run(&mut trace, &library(), &Inline, &mut |_, _| {})
        {
            assert!(report.divergence.is_none() && report.audit.torn.is_some(), "byte {at}");
        }
    }
}

/// Sets the check of the record at `at` anew, as someone would who changes a trace on purpose.
fn reseal(bytes: &mut [u8], at: usize) {
    let length = u32::from_le_bytes(bytes[at + 1..at + 5].try_into().expect("four bytes")) as usize;
    let check = tickworld_sim::hash::hash(&bytes[at..at + 5 + length]).short();
    bytes[at + 5 + length..at + 13 + length].copy_from_slice(&check.0);
}

/// Offsets of the records of `kind`.
fn records(bytes: &[u8], kind: u8) -> Vec<usize> {
    let (mut at, mut found) = (20, Vec::new());
    while at < bytes.len() {
        if bytes[at] == kind {
            found.push(at);
        }
        at += 13 + u32::from_le_bytes(bytes[at + 1..at + 5].try_into().expect("four bytes")) as usize;
    }
    found
}

#[test]
fn a_changed_record_with_a_good_check_breaks_the_chain() {
    let (bytes, _) = small();
    let at = records(&bytes, 5)[3];
    let columns = usize::from(bytes[at + 5 + 72]);
    // A bit of the root, of a column root, of the frame.
    for offset in [45, 80, 74 + 8 * columns + 10] {
        let mut changed = bytes.clone();
        changed[at + 5 + offset] ^= 1;
        reseal(&mut changed, at);
        let error = Audit::run(&mut open(&changed), &mut |_, _| {}).expect_err("changed");
        assert_eq!(error.to_string(), "the chain breaks at tick 4: the record was changed after it was written");
    }
}

#[test]
fn a_changed_page_with_a_good_check_has_another_hash() {
    let (bytes, _) = small();
    for at in records(&bytes, 3) {
        let mut changed = bytes.clone();
        let last = at + 4 + u32::from_le_bytes(bytes[at + 1..at + 5].try_into().expect("four bytes")) as usize;
        changed[last] ^= 1;
        reseal(&mut changed, at);
        let error = Audit::run(&mut open(&changed), &mut |_, _| {}).expect_err("changed");
        assert!(matches!(error, TraceError::Damaged { damage: Damage::PageHash { .. }, .. }), "{error}");
    }
}

#[test]
fn a_world_changed_together_with_its_manifest_has_another_root() {
    let (bytes, _) = small();
    let page = records(&bytes, 3)[4];
    let length = u32::from_le_bytes(bytes[page + 1..page + 5].try_into().expect("four bytes")) as usize;
    let mut changed = bytes.clone();
    changed[page + 4 + length] ^= 1;
    reseal(&mut changed, page);
    let old = tickworld_sim::hash::hash(&bytes[page + 5..page + 5 + length]).0;
    let new = tickworld_sim::hash::hash(&changed[page + 5..page + 5 + length]).0;
    for kind in [0x04, 0x81] {
        for at in records(&bytes, kind) {
            let end = at + 5 + u32::from_le_bytes(bytes[at + 1..at + 5].try_into().expect("four bytes")) as usize;
            while let Some(found) = changed[at..end].windows(32).position(|window| window == old) {
                changed[at + found..at + found + 32].copy_from_slice(&new);
            }
            reseal(&mut changed, at);
        }
    }
    let mut trace = open(&changed);
    let start = trace.keyframe_at_or_before(Tick(0)).expect("there is one");
    let error = trace.raw_state(start).expect_err("refused").to_string();
    assert!(error.starts_with("the keyframe of tick 0 has root "), "{error}");
    assert!(matches!(Audit::run(&mut trace, &mut |_, _| {}), Err(TraceError::KeyframeRoot { tick: Tick(0), .. })));
    assert!(trace.seek::<Fairground>(Tick(2), &library(), &Inline).is_err());
}

#[test]
fn malformed_bodies_with_good_checks_are_refused() {
    let (bytes, _) = small();
    for kind in [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x81, 0x84] {
        for at in records(&bytes, kind) {
            let length = u32::from_le_bytes(bytes[at + 1..at + 5].try_into().expect("four bytes")) as usize;
            for offset in 0..length.min(400) {
                let mut changed = bytes.clone();
                changed[at + 5 + offset] = changed[at + 5 + offset].wrapping_add(0x7f);
                reseal(&mut changed, at);
                // Whatever it is now, it is read without a panic, and no world has a root that was not recorded.
                let _ = read(&changed);
            }
        }
    }
}

#[test]
fn other_files_and_versions_are_named() {
    let (bytes, _) = small();
    let message = |bytes: &[u8]| Trace::open(bytes).err().expect("refused").to_string();
    assert_eq!(message(b""), "not a trace: it does not begin with \"tickworld-trace\"");
    assert_eq!(message(b"something else altogether"), "not a trace: it does not begin with \"tickworld-trace\"");
    let mut newer = bytes.clone();
    newer[16] = 9;
    assert_eq!(message(&newer), "the trace has format version 9, this build reads versions 1 to 3");
    let mut damaged = bytes.clone();
    damaged[30] ^= 1;
    assert_eq!(message(&damaged), "byte 20: a record is damaged: its check does not hold");
    let mut long = bytes;
    long[24] = 0xff;
    let claimed = u32::from_le_bytes(long[21..25].try_into().expect("four bytes"));
    assert_eq!(message(&long), format!("byte 20: a record of {claimed} bytes is longer than its kind may be"));
}

/// `bytes` without index and seal, then a record of `kind`.
fn with_record(bytes: &[u8], kind: u8) -> Vec<u8> {
    let end = records(bytes, 0x84)[0];
    let mut longer = bytes[..end].to_vec();
    longer.extend_from_slice(&[kind, 3, 0, 0, 0, 1, 2, 3]);
    let check = tickworld_sim::hash::hash(&longer[end..]).short();
    longer.extend_from_slice(&check.0);
    longer
}

#[test]
fn unknown_kinds_are_skipped_or_refused_as_their_top_bit_says() {
    let (bytes, roots) = small();
    assert_eq!(read(&with_record(&bytes, 0xf0)).as_ref(), Ok(&roots));
    let end = records(&bytes, 0x84)[0];
    let error = Trace::open(&with_record(&bytes, 0x70)[..]).err().expect("refused");
    let expected = format!("byte {end}: record of unknown kind 0x70: the trace was written by a newer build");
    assert_eq!(error.to_string(), expected);
}

fn audited(bytes: &[u8]) -> Result<(), String> {
    let mut trace = Trace::open(bytes).map_err(|error| error.to_string())?;
    Audit::run(&mut trace, &mut |_, _| {}).map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn an_index_that_lies_is_found_by_an_audit() {
    let (bytes, _) = small();
    let index = records(&bytes, 0x84)[0];
    // The offset of the first tick record, then that of the last note, named as the one before it.
    let length = u32::from_le_bytes(bytes[index + 1..index + 5].try_into().expect("four bytes")) as usize;
    for at in [index + 5 + 28, index + 5 + length - 2 - 8] {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        reseal(&mut changed, index);
        assert!(Trace::open(&changed[..]).expect("it is well-formed").is_sealed());
        assert_eq!(audited(&changed), Err(format!("byte {index}: the index is not that of the records")));
        let mut trace = open(&changed);
        let verified = Verifier::<Fairground>::run(&mut trace, &library(), &Inline, &mut |_, _| {});
        assert!(verified.is_err(), "a verifier is an audit too");
    }
}

#[test]
fn a_seal_that_lies_is_found_by_an_audit_with_and_without_an_index() {
    let (bytes, _) = small();
    let (index, seal) = (records(&bytes, 0x84)[0], records(&bytes, 6)[0]);
    let mut chain = bytes.clone();
    chain[seal + 5 + 20] ^= 1;
    reseal(&mut chain, seal);
    assert_eq!(audited(&chain), Err(format!("byte {seal}: the seal does not have the chain of the last tick")));
    // Where the seal names no good index, the records are gone through; the seal is then judged by them.
    for (offset, what) in [(0, "the index that stands before it"), (8, "the last tick")] {
        let mut scanned = bytes.clone();
        scanned[seal + 5 + offset] ^= 1;
        reseal(&mut scanned, seal);
        let trace = Trace::open(&scanned[..]).expect("the ticks are whole");
        assert!(!trace.is_sealed() && trace.torn().is_some_and(|torn| torn.at_byte == seal as u64));
        assert_eq!(audited(&scanned), Err(format!("byte {seal}: the seal does not name {what}")));
    }
    // The seal again, as a record that may be skipped, between index and seal.
    let mut apart = bytes.clone();
    apart.splice(seal..seal, bytes[seal..].iter().copied());
    apart[seal] = 0xf0;
    reseal(&mut apart, seal);
    assert_eq!(audited(&apart), Err(format!("byte {seal}: a record must not stand here")));
    assert_eq!(audited(&bytes[..index]), Ok(()), "a recorder that was killed is no liar");
}
