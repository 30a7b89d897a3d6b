//! No bytes make the reader panic, and none but the written ones are accepted.

mod common;

use tickworld_content::{HEADER_BYTES, PackError, model::Pack};
use tickworld_sim::{content::ContentId, hash::hash};

fn sample() -> Vec<u8> {
    common::pack().to_bytes().expect("a valid pack").1
}

/// As an attacker would: a damaged body under a header that fits it.
fn with_fitting_header(mut file: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(file.len() - HEADER_BYTES).expect("a small pack");
    let id = ContentId(hash(&file[HEADER_BYTES..]));
    file[12..16].copy_from_slice(&length.to_le_bytes());
    file[16..48].copy_from_slice(&id.0.0);
    file
}

#[test]
fn every_flipped_byte_is_noticed() {
    let good = sample();
    for position in 0..good.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[position] ^= flip;
            assert!(Pack::from_bytes(&bad).is_err(), "byte {position} xor {flip}");
        }
    }
}

#[test]
fn every_truncation_and_extension_is_noticed() {
    let good = sample();
    for length in 0..good.len() {
        assert!(Pack::from_bytes(&good[..length]).is_err(), "{length} bytes");
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert!(matches!(Pack::from_bytes(&longer), Err(PackError::Length { .. })));
}

/// The id does not protect against whoever makes packs: behind it stand verifier, decoder and validation.
#[test]
fn damaged_bodies_with_a_fitting_id_never_panic() {
    let good = sample();
    let mut accepted = 0;
    for position in HEADER_BYTES..good.len() {
        for value in [0, 1, 2, 0x7f, 0x80, 0xff, good[position].wrapping_add(1), good[position].wrapping_sub(1)] {
            let mut bad = good.clone();
            bad[position] = value;
            let file = with_fitting_header(bad);
            if let Ok((_, pack)) = Pack::from_bytes(&file) {
                // Another pack, then; but a whole one, and these are its only bytes.
                assert_eq!(pack.to_bytes().expect("what was read can be written").1, file);
                accepted += 1;
            }
        }
    }
    assert!(accepted > 0, "numbers inside a pack may change");
}

#[test]
fn truncated_bodies_with_a_fitting_id_never_panic() {
    let good = sample();
    for length in HEADER_BYTES..good.len() {
        assert!(Pack::from_bytes(&with_fitting_header(good[..length].to_vec())).is_err(), "{length} bytes");
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Vec<u8>), expect: &str) {
    let mut file = sample();
    change(&mut file);
    let error = Pack::from_bytes(&file).expect_err("a damaged pack").to_string();
    assert!(error.starts_with(expect), "{error}");
}

#[test]
fn messages_say_what_was_found() {
    check(|it| it.truncate(20), "truncated: 20 bytes, a pack has at least 48");
    check(|it| it[0] = b'X', "not a content pack: the first eight bytes are not its magic");
    check(|it| it[8] = 7, "content pack of format version 7; this build reads version 1");
    check(|it| it[10] = 1, "reserved header bytes are not zero");
    check(|it| it[15] = 1, "the header promises a body of ");
    check(|it| it.push(0), "the header promises a body of ");
    check(|it| it[60] ^= 1, "the body is damaged: its BLAKE3 is ");
    check(
        |it| {
            it[48..52].fill(0xff);
            *it = with_fitting_header(std::mem::take(it));
        },
        "malformed body: ",
    );
}
