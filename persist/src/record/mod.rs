//! [`Record`]: a slot of the journal: one tick's frame, or a claim on all that follows.
//!
//! Invariant: a record's hash binds all of it and, through the hash of the one before it in history, everything back to the
//! header; so a change anywhere shows, and two journals with one hash at a slot are equal up to it. A record tells by itself
//! whether its bytes are whole. What the frame means is not known here.
//!
//! Whoever appends the next slot owns the region. Failover, skip, cut and a good end are one kind of record: a *claim*, which
//! says after which record history goes on. What stands between that record and the claim is void.

mod codec;
mod old;

use core::fmt;

use bytes::Bytes;
use tickworld_sim::{
    frame::{FrameFormat, Tick},
    hash::Hash,
};

use crate::{
    header::JournalHeader,
    limits,
    position::{Epoch, LogPosition, Slot},
};

/// When somebody wrote something by their own clock: milliseconds since 1970, for people. Nothing is decided by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(pub u64);

/// The root that a world had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The tick that made the world.
    pub tick: Tick,
    /// The root of the world after it.
    pub root: Hash,
}

/// What a journal keeps in one slot. Made by [`Record::new`] and [`Record::claim`], so its hash is always that of its contents;
/// cloning shares the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    content: Content,
    /// The last one that it makes; of a claim, the last one before it.
    tick: Tick,
    old: Option<old::Old>,
    hash: Hash,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Tick(TickRecord),
    Claim(ClaimRecord),
}

/// What the record of a tick, or of a run of them, says. The first tick itself stands in the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickRecord {
    /// The slot that the record stands in.
    pub slot: Slot,
    /// The claim under which it was written.
    pub epoch: Epoch,
    /// Hash of the record before it in history.
    pub previous_hash: Hash,
    /// When its frame was closed.
    pub wall: WallTime,
    /// The root of an earlier tick: the header's root lag before the last one of this record.
    pub root: Option<Hash>,
    /// How many ticks it makes: 1, or in a run of empty ones at most [`RUN_TICKS_MAX`](limits::RUN_TICKS_MAX).
    pub count: u16,
    /// The canonical bytes of the first tick's input frame. The others of a run have the same entropy, no inputs, and the next
    /// ticks.
    pub frame: Bytes,
}

/// What a claim says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRecord {
    /// Where it stands, and the epoch of all that follows it.
    pub slot: Slot,
    /// After which record history goes on. What stands between it and this claim is void.
    pub after: LogPosition,
    /// When somebody claimed.
    pub wall: WallTime,
    /// Which life of the region begins, from 1: raised by one where there is loss.
    pub incarnation: u32,
    /// What the claim is for.
    pub why: Why,
    /// Whether ticks are void that may have been told to somebody.
    pub is_loss: bool,
    /// Who claims, for people: at most [`CLAIM_WHO_BYTES_MAX`](limits::CLAIM_WHO_BYTES_MAX) bytes.
    pub who: String,
}

/// What a claim is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Somebody goes on where another one left off, or begins.
    TakeOver,
    /// The last tick is left out, for it cannot be made.
    Skip,
    /// What cannot be read any more is given up.
    Cut,
    /// The owner ended in good order: nothing is appended before the next claim.
    End,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TakeOver => "take-over",
            Self::Skip => "skip",
            Self::Cut => "cut",
            Self::End => "end",
        })
    }
}

impl Record {
    /// The record of a tick.
    ///
    /// # Errors
    /// When the frame is longer than [`FRAME_BYTES_MAX`](limits::FRAME_BYTES_MAX) or does not begin with a tick, or when a run is
    /// too long, of a frame with inputs, or of none.
    pub fn new(record: TickRecord) -> Result<Self, RecordError> {
        let tick = record.last_tick()?;
        let hash = codec::hash(&codec::tick_head(&record), &record.frame);
        Ok(Self { content: Content::Tick(record), tick, old: None, hash })
    }

    /// A claim.
    ///
    /// # Errors
    /// When the text is too long, or the claim would follow itself or a later record.
    pub fn claim(record: ClaimRecord) -> Result<Self, RecordError> {
        record.check()?;
        let hash = codec::hash(&codec::claim_head(&record), &[]);
        Ok(Self { tick: record.after.tick, content: Content::Claim(record), old: None, hash })
    }

    /// Where it stands. A record of format 1 has its tick for a slot.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        match &self.content {
            Content::Tick(record) => record.slot,
            Content::Claim(record) => record.slot,
        }
    }

    /// The claim under which it was written; a claim's is its own.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        match &self.content {
            Content::Tick(record) => record.epoch,
            Content::Claim(record) => Epoch(record.slot.0),
        }
    }

    /// Hash of the record before it in history: of a claim, of the record that it goes on after; of the first one, the header's.
    #[must_use]
    pub const fn previous_hash(&self) -> Hash {
        match &self.content {
            Content::Tick(record) => record.previous_hash,
            Content::Claim(record) => record.after.record_hash,
        }
    }

    /// When it was written, by its writer's clock.
    #[must_use]
    pub const fn wall(&self) -> WallTime {
        match &self.content {
            Content::Tick(record) => record.wall,
            Content::Claim(record) => record.wall,
        }
    }

    /// The last tick that it makes; of a claim, the last one before it.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// The last tick before it: what it makes begins with the next one.
    #[must_use]
    pub fn tick_before(&self) -> Tick {
        Tick(self.tick.0.saturating_sub(u64::from(self.count())))
    }

    /// How many ticks it makes; a claim makes none.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.as_tick().map_or(0, |record| record.count)
    }

    /// What it says, if it is a tick's.
    #[must_use]
    pub const fn as_tick(&self) -> Option<&TickRecord> {
        match &self.content {
            Content::Tick(record) => Some(record),
            Content::Claim(_) => None,
        }
    }

    /// What it says, if it is a claim.
    #[must_use]
    pub const fn as_claim(&self) -> Option<&ClaimRecord> {
        match &self.content {
            Content::Tick(_) => None,
            Content::Claim(record) => Some(record),
        }
    }

    /// Whether it is a claim.
    #[must_use]
    pub const fn is_claim(&self) -> bool {
        matches!(self.content, Content::Claim(_))
    }

    /// The frame of its first tick; none of a claim.
    #[must_use]
    pub fn frame(&self) -> Option<&Bytes> {
        self.as_tick().map(|record| &record.frame)
    }

    /// The root that it carries, in the journal with this header.
    #[must_use]
    pub fn proof(&self, header: &JournalHeader) -> Option<Proof> {
        let root = self.as_tick()?.root?;
        let tick = match &self.old {
            Some(old) => old.proof_tick,
            None => header.proven_by(self.tick)?,
        };
        Some(Proof { tick, root })
    }

    /// The format of its frame: [`FrameFormat::Current`] in every record that this build made.
    #[must_use]
    pub const fn frame_format(&self) -> FrameFormat {
        if self.old.is_some() { FrameFormat::Old } else { FrameFormat::Current }
    }

    /// Its hash, which the next record names as the previous one.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// Its position in the chain.
    #[must_use]
    pub const fn position(&self) -> LogPosition {
        LogPosition { slot: self.slot(), tick: self.tick, record_hash: self.hash }
    }
}

/// Why something is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The frame is too long.
    #[error("a frame of {bytes} bytes, at most {} are allowed", limits::FRAME_BYTES_MAX)]
    Length {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The frame does not begin with a tick.
    #[error("a frame of {bytes} bytes, which is too short for a tick")]
    Frame {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A run of ticks that cannot be one.
    #[error(
        "a run of {count} ticks, at most {} are allowed, and more than 1 only of a frame without inputs",
        limits::RUN_TICKS_MAX
    )]
    Run {
        /// How many ticks it would make.
        count: u16,
    },
    /// A claim's text is too long.
    #[error("a claim with a text of {bytes} bytes, at most {} are allowed", limits::CLAIM_WHO_BYTES_MAX)]
    Who {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A claim goes on after a record that does not stand before it, or in no incarnation.
    #[error("a claim in slot {slot} that goes on after slot {after}, in incarnation {incarnation}")]
    After {
        /// The claim's slot.
        slot: Slot,
        /// The slot after which it says that history goes on.
        after: Slot,
        /// The life of the region that it begins.
        incarnation: u32,
    },
}

impl TickRecord {
    /// The last tick that it makes. The frame begins with its first one, and with no inputs it has no more bytes than
    /// [`EMPTY_FRAME_BYTES`](limits::EMPTY_FRAME_BYTES) (docs/FORMATS.md, "Input frame").
    fn last_tick(&self) -> Result<Tick, RecordError> {
        let (bytes, count) = (self.frame.len(), self.count);
        if bytes > limits::FRAME_BYTES_MAX as usize {
            return Err(RecordError::Length { bytes });
        }
        let first = self.frame.first_chunk().ok_or(RecordError::Frame { bytes })?;
        let is_run = count <= limits::RUN_TICKS_MAX && bytes == limits::EMPTY_FRAME_BYTES;
        if count != 1 && !(count > 1 && is_run) {
            return Err(RecordError::Run { count });
        }
        let last = u64::from_le_bytes(*first).checked_add(u64::from(count - 1));
        last.map(Tick).ok_or(RecordError::Run { count })
    }
}

impl ClaimRecord {
    fn check(&self) -> Result<(), RecordError> {
        let bytes = self.who.len();
        if bytes > limits::CLAIM_WHO_BYTES_MAX {
            return Err(RecordError::Who { bytes });
        }
        if self.after.slot >= self.slot || self.incarnation == 0 {
            let (slot, after, incarnation) = (self.slot, self.after.slot, self.incarnation);
            return Err(RecordError::After { slot, after, incarnation });
        }
        Ok(())
    }
}
