//! Mending: sets the checks and hashes of damaged bytes right, so that what lies behind them is reached.
//!
//! Invariant: only checks change, never what they are over; bytes that have no such form are given back as they are. It goes by
//! `docs/FORMATS.md`, not by the code that it tests.

use tickworld_sim::{hash::hash, region::RegionId, schema::SchemaId};

/// Magic and version of a trace.
const TRACE_PREFIX: usize = 20;
/// Kind and length of a record.
const RECORD_HEAD: usize = 5;
/// The check behind a record's body.
const RECORD_CHECK: usize = 8;
/// The header of a content pack; its body's hash stands in bytes 16 to 48.
const PACK_HEADER: usize = 48;

/// Sets the check of every record of a trace, as far as the records' lengths lead.
#[must_use]
pub fn trace(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut at = TRACE_PREFIX;
    while let Some(length) = u32_at(&out, at + 1) {
        let body_end = at + RECORD_HEAD + length;
        if body_end + RECORD_CHECK > out.len() {
            break;
        }
        let check = hash(&out[at..body_end]);
        out[body_end..body_end + RECORD_CHECK].copy_from_slice(&check.0[..RECORD_CHECK]);
        at = body_end + RECORD_CHECK;
    }
    out
}

/// Sets the hashes in a snapshot's manifest to those of the pages that follow it.
#[must_use]
pub fn snapshot(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let Some(manifest) = u32_at(bytes, 0) else { return out };
    let mut page = 4_usize.saturating_add(manifest);
    let mut entry = 4 + 76 + 2;
    let Some(columns) = bytes.get(4 + 76..4 + 78) else { return out };
    for _ in 0..u16::from_le_bytes([columns[0], columns[1]]) {
        let Some(pages) = u32_at(bytes, entry) else { return out };
        entry += 4;
        for _ in 0..pages {
            let Some(length) = u32_at(bytes, page) else { return out };
            let Some(body) = bytes.get(page + 4..page + 4 + length) else { return out };
            let Some(place) = out.get_mut(entry + 4..entry + 36) else { return out };
            place.copy_from_slice(&hash(body).0);
            (page, entry) = (page + 4 + length, entry + 36);
        }
    }
    out
}

/// Sets the length and the id of a content pack.
#[must_use]
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let Some(body) = bytes.get(PACK_HEADER..) else { return out };
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    out[12..16].copy_from_slice(&length.to_le_bytes());
    out[16..PACK_HEADER].copy_from_slice(&hash(body).0);
    out
}

/// Sets what a parcel says of the rules and of the region that made it.
#[must_use]
pub fn parcel(bytes: &[u8], schema: SchemaId, revision: u32, region: RegionId) -> Vec<u8> {
    let mut out = bytes.to_vec();
    if out.len() >= 82 {
        out[10..42].copy_from_slice(&schema.0.0);
        out[42..46].copy_from_slice(&revision.to_le_bytes());
        out[78..82].copy_from_slice(&region.0.to_le_bytes());
    }
    out
}

/// Sets the hash at the end of a journal's record.
#[must_use]
pub fn journal_record(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let Some(end) = bytes.len().checked_sub(32) else { return out };
    // Version 1 has a hash of its own; whatever else it says, it is tried as the one that is written.
    let is_old = bytes.get(8..10) == Some(&[1, 0]);
    let name: &[u8] = if is_old { b"\x1atickworld.journal.record.1" } else { b"\x1atickworld.journal.record.2" };
    let mut hashed = name.to_vec();
    hashed.extend_from_slice(&bytes[..end]);
    out[end..].copy_from_slice(&hash(&hashed).0);
    out
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}
