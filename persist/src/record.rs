//! [`Record`]: one tick's inputs as a link of the journal's chain.
//!
//! Invariant: a record's hash binds all of it and, through the hash of the one before, everything back to the header; so a
//! change anywhere shows, and two journals with one hash at a tick are equal up to it. A record tells by itself whether its
//! bytes are whole. What the frame means is not known here.

use core::fmt;

use bytes::Bytes;
use tickworld_sim::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    frame::{FrameFormat, Tick},
    hash::{Hash, Hasher},
};

use crate::{limits, store::LogPosition};

/// Number of a claim on a journal, from 1: whoever claims later has a higher one, and fences those before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The root that a world had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// After this tick.
    pub tick: Tick,
    /// The root.
    pub root: Hash,
}

/// What a journal keeps of one tick. Made by [`Record::new`], so its hash is always that of its contents; cloning shares the
/// frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    body: Body,
    frame_format: FrameFormat,
    hash: Hash,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The tick that the frame makes.
    pub tick: Tick,
    /// The claim under which it was written.
    pub epoch: Epoch,
    /// Hash of the record before; of the first one, of the journal's header.
    pub previous_hash: Hash,
    /// The last tick that the writer knew to be durable.
    pub durable: Tick,
    /// The root of an earlier tick, the header's root lag before this one.
    pub proof: Option<Proof>,
    /// The input frame's canonical bytes.
    pub frame: Bytes,
}

const MAGIC: [u8; 8] = *b"TWRECORD";
/// Version of the record by the format of its frame.
const fn version(format: FrameFormat) -> u16 {
    match format {
        FrameFormat::Old => 1,
        FrameFormat::Current => 2,
    }
}

/// Bytes before the frame.
const HEAD_BYTES: usize = 111;
const HASH_BYTES: usize = 32;

impl Record {
    /// Seals what it says with its hash.
    ///
    /// # Errors
    /// When the frame is longer than [`FRAME_BYTES_MAX`](limits::FRAME_BYTES_MAX) or of another tick.
    pub fn new(body: Body) -> Result<Self, RecordError> {
        body.check()?;
        let frame_format = FrameFormat::Current;
        let hash = record_hash(frame_format, &body.head(frame_format), &body.frame);
        Ok(Self { body, frame_format, hash })
    }

    /// What it says.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// The format of its frame: [`FrameFormat::Current`] in every record that this build made.
    #[must_use]
    pub const fn frame_format(&self) -> FrameFormat {
        self.frame_format
    }

    /// Its tick.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.body.tick
    }

    /// Its hash, which the next record names as the previous one.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// Its position in the chain.
    #[must_use]
    pub const fn position(&self) -> LogPosition {
        LogPosition { tick: self.body.tick, record_hash: self.hash }
    }

    /// Length of the canonical bytes.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        HEAD_BYTES + self.body.frame.len() + HASH_BYTES
    }

    // DOC:JOURNAL_RECORD
    // 0      8  magic     "TWRECORD"
    // 8      2  version   2; a reader takes 1 too: its frame is of format 1 ("Old input frame")
    // 10     8  tick
    // 18     8  epoch     of the claim under which it was written
    // 26    32  previous  hash of the record before; of the first one, the header's
    // 58     8  durable   the last tick that the writer knew to be durable
    // 66     1  proof     1, then tick (8) and the root after it (32); or 0, then 40 zeros
    // 107    4  length    L, of the frame, at most 32 MiB
    // 111    L  frame     ("Input frame"), of this record's tick
    // 111+L 32  hash      BLAKE3 over 26 "tickworld.journal.record.2" (of version 1: ".1") and everything before it
    //
    // The header's hash: BLAKE3 over 26 "tickworld.journal.header.1" and its bytes. A number before a quoted name is the
    // name's length as one byte.
    // DOC:END
    /// Appends the canonical bytes (docs/FORMATS.md, "Journal").
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_bytes());
        out.extend_from_slice(&self.body.head(self.frame_format));
        out.extend_from_slice(&self.body.frame);
        out.extend_from_slice(&self.hash.0);
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// On any bytes that [`encode`](Self::encode) does not write: so on every damage.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let (mut body, frame_format, frame_bytes) = read_head(&mut reader)?;
        let frame = reader.take(frame_bytes)?;
        let stated = Hash(reader.value()?);
        reader.end()?;
        let hash = record_hash(frame_format, &bytes[..HEAD_BYTES], frame);
        if stated != hash {
            return Err(DecodeError::new(DecodeCause::Form("the record's hash is not that of its bytes")));
        }
        body.frame = Bytes::copy_from_slice(frame);
        body.check().map_err(|_| DecodeError::new(DecodeCause::Form("the frame is of another tick")))?;
        Ok(Self { body, frame_format, hash })
    }
}

/// Why something is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The frame is too long.
    #[error("a frame of {bytes} bytes, at most {} are allowed", limits::FRAME_BYTES_MAX)]
    Length {
        /// Its length.
        bytes: usize,
    },
    /// The frame does not begin with the record's tick.
    #[error("the record is of tick {tick}, its frame is not")]
    Frame {
        /// The record's tick.
        tick: Tick,
    },
}

impl Body {
    fn check(&self) -> Result<(), RecordError> {
        let bytes = self.frame.len();
        if bytes > limits::FRAME_BYTES_MAX as usize {
            return Err(RecordError::Length { bytes });
        }
        // A frame begins with its tick (docs/FORMATS.md, "Input frame").
        if self.frame.get(..8) != Some(&self.tick.0.to_le_bytes()[..]) {
            return Err(RecordError::Frame { tick: self.tick });
        }
        Ok(())
    }

    fn head(&self, frame_format: FrameFormat) -> [u8; HEAD_BYTES] {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&version(frame_format).to_le_bytes());
        head.extend_from_slice(&self.tick.0.to_le_bytes());
        head.extend_from_slice(&self.epoch.0.to_le_bytes());
        head.extend_from_slice(&self.previous_hash.0);
        head.extend_from_slice(&self.durable.0.to_le_bytes());
        let none = Proof { tick: Tick(0), root: Hash::ZERO };
        head.push(u8::from(self.proof.is_some()));
        let proof = self.proof.unwrap_or(none);
        head.extend_from_slice(&proof.tick.0.to_le_bytes());
        head.extend_from_slice(&proof.root.0);
        head.extend_from_slice(&u32::try_from(self.frame.len()).expect("checked on the way in").to_le_bytes());
        head.try_into().expect("the fields above are HEAD_BYTES long")
    }
}

/// Everything but the frame, and the frame's length.
fn read_head(reader: &mut Reader<'_>) -> Result<(Body, FrameFormat, usize), DecodeError> {
    if reader.value::<[u8; 8]>()? != MAGIC {
        return Err(DecodeError::new(DecodeCause::Form("no record: another magic")));
    }
    let frame_format = match reader.value::<u16>()? {
        1 => FrameFormat::Old,
        2 => FrameFormat::Current,
        _ => return Err(reader.fail(DecodeCause::Form("a version of the journal that this build cannot read"))),
    };
    let tick = Tick(reader.value()?);
    let epoch = Epoch(reader.value()?);
    let previous_hash = Hash(reader.value()?);
    let durable = Tick(reader.value()?);
    let proof: Option<[u8; 40]> = reader.value()?;
    let proof = proof.map(|bytes| {
        let (tick, root) = bytes.split_at(8);
        Proof {
            tick: Tick(u64::from_le_bytes(tick.try_into().expect("split at 8"))),
            root: Hash(root.try_into().expect("40 less 8")),
        }
    });
    let length: u32 = reader.value()?;
    if length > limits::FRAME_BYTES_MAX {
        return Err(reader.fail(DecodeCause::Range));
    }
    Ok((Body { tick, epoch, previous_hash, durable, proof, frame: Bytes::new() }, frame_format, length as usize))
}

fn record_hash(format: FrameFormat, head: &[u8], frame: &[u8]) -> Hash {
    let mut hasher = Hasher::new(match format {
        FrameFormat::Old => b"tickworld.journal.record.1",
        FrameFormat::Current => b"tickworld.journal.record.2",
    });
    hasher.update(head);
    hasher.update(frame);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_version_1_is_read_and_keeps_its_bytes_and_hash() {
        // An empty frame of tick 5, by hand, as it was written before frames had format 2.
        let frame = [&5_u64.to_le_bytes()[..], &[3; 16], &[0; 4]].concat();
        let mut bytes = [&b"TWRECORD"[..], &[1, 0], &5_u64.to_le_bytes(), &2_u64.to_le_bytes(), &[7; 32]].concat();
        bytes.extend_from_slice(&4_u64.to_le_bytes());
        bytes.extend_from_slice(&[0; 41]);
        bytes.extend_from_slice(&u32::try_from(frame.len()).expect("short").to_le_bytes());
        assert_eq!(bytes.len(), HEAD_BYTES);
        let mut hasher = Hasher::new(b"tickworld.journal.record.1");
        hasher.update(&bytes).update(&frame);
        let hash = hasher.finish();
        let whole = [&bytes[..], &frame, &hash.0].concat();
        let record = Record::decode(&whole).expect("it is whole");
        assert_eq!((record.frame_format(), record.tick(), record.hash()), (FrameFormat::Old, Tick(5), hash));
        let mut again = Vec::new();
        record.encode(&mut again);
        assert_eq!(again, whole);
        let mut newer = whole.clone();
        newer[8] = 2;
        assert!(Record::decode(&newer).is_err(), "the hash binds the version");
        newer[8] = 3;
        assert!(Record::decode(&newer).is_err(), "no version of ours");
    }
}
