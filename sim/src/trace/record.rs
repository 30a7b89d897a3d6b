//! Records: the frame around everything in a trace.
//!
//! Invariant: a record whose check holds has the bytes that were written; its length is checked against the limit of its kind
//! and the end of the file before the body is read. What a body means is not known here.

use alloc::vec::Vec;

use crate::{hash::hash, limits};

/// First bytes of a trace.
pub(super) const MAGIC: [u8; 16] = *b"tickworld-trace\n";
/// Version of the format that is written. All from 1 on are read.
pub(super) const VERSION: u32 = 3;
/// Magic and version.
pub(super) const PREFIX_BYTES: u64 = 20;
/// Kind and length.
pub(super) const HEAD_BYTES: usize = 5;
/// Check at the end.
pub(super) const CHECK_BYTES: usize = 8;
/// What a record takes besides its body.
pub(super) const FRAMING_BYTES: u64 = (HEAD_BYTES + CHECK_BYTES) as u64;
/// Set in kinds that a reader may skip without knowing them.
const MAY_SKIP: u8 = 0x80;

// DOC:TRACE
// 0   16  magic    "tickworld-trace" and a line feed
// 16   4  version  3; a reader takes 1 and 2 too: their frames are of format 1 ("Old input frame"), 1 has other mismatches
// 20   ...  records  the first is a header
// DOC:END

// DOC:RECORD
/// 0    1  kind    the top bit set: a reader that does not know it may skip the record
/// 1    4  length  L, of the body
/// 5    L  body
/// 5+L  8  check   the first 8 bytes of BLAKE3 over everything before it in this record
// DOC:END
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) kind: Kind,
    pub(super) body: &'a [u8],
}

/// What a record holds.
// DOC:KINDS
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Header = 0x01,
    Content = 0x02,
    Page = 0x03,
    Keyframe = 0x04,
    Tick = 0x05,
    Seal = 0x06,
    Evidence = 0x81,
    Stages = 0x82,
    Mismatch = 0x83,
    Index = 0x84,
}
// DOC:END

impl Kind {
    /// `Ok(None)` for kinds that may be skipped, `Err` for those that must be known.
    pub(super) const fn of(byte: u8) -> Result<Option<Self>, u8> {
        Ok(Some(match byte {
            0x01 => Self::Header,
            0x02 => Self::Content,
            0x03 => Self::Page,
            0x04 => Self::Keyframe,
            0x05 => Self::Tick,
            0x06 => Self::Seal,
            0x81 => Self::Evidence,
            0x82 => Self::Stages,
            0x83 => Self::Mismatch,
            0x84 => Self::Index,
            other if other & MAY_SKIP != 0 => return Ok(None),
            other => return Err(other),
        }))
    }
}

/// Presence words stand before the rows.
const PAGE_BODY_BYTES_MAX: u32 = 16_384 + 256;
const _: () = assert!(PAGE_BODY_BYTES_MAX as usize > limits::PAGE_BYTES_MAX + 1 + 16 * 8);

/// Longest body of a kind in bytes.
pub(super) const fn body_bytes_max(kind: u8) -> u32 {
    const PAGE: u8 = Kind::Page as u8;
    const CONTENT: u8 = Kind::Content as u8;
    match kind {
        PAGE => PAGE_BODY_BYTES_MAX,
        CONTENT => limits::CONTENT_CHUNK_BYTES + 64,
        _ => limits::RECORD_BYTES_MAX,
    }
}

/// Appends a record whose body `fill` appends. `Err` gives the body's length where it is over the limit.
pub(super) fn put(out: &mut Vec<u8>, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), u64> {
    let start = out.len();
    out.push(kind as u8);
    out.extend_from_slice(&[0; 4]);
    let body = out.len();
    fill(out);
    let length = out.len().saturating_sub(body);
    match u32::try_from(length) {
        Ok(bytes) if bytes <= body_bytes_max(kind as u8) => {
            out[body.saturating_sub(4)..body].copy_from_slice(&bytes.to_le_bytes());
        }
        _ => {
            out.truncate(start);
            return Err(length as u64);
        }
    }
    let check = check(&out[start..]);
    out.extend_from_slice(&check);
    Ok(())
}

/// The check over a record's head and body.
pub(super) fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    hash(bytes).short().0
}
