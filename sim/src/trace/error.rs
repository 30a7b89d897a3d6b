//! What can be wrong with a trace, or with what is to be written into one.

use alloc::{string::String, vec::Vec};

use crate::{
    component::DecodeError,
    content::ContentId,
    frame::{FrameError, Tick},
    hash::Hash,
    schema::SchemaId,
    snapshot::RestoreError,
};

/// Why a trace, or a part of it, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError<E> {
    /// The source failed.
    #[error("cannot read the trace: {0}")]
    Source(E),
    /// Some other file.
    #[error("not a trace: it does not begin with \"tickworld-trace\"")]
    Magic,
    /// Written by a newer build.
    #[error("the trace has format version {found}, this build reads versions 1 to {newest}")]
    Version {
        /// The newest that this build reads.
        newest: u32,
        /// What the file has.
        found: u32,
    },
    /// A kind of record that may not be skipped and is not known.
    #[error("byte {at}: record of unknown kind {kind:#04x}: the trace was written by a newer build")]
    Kind {
        /// Where the record begins.
        at: u64,
        /// The byte that names its kind.
        kind: u8,
    },
    /// Bytes that no writer writes.
    #[error("byte {at}: {damage}")]
    Damaged {
        /// Where the record begins.
        at: u64,
        /// What is wrong.
        damage: Damage,
    },
    /// A tick before what was asked for begins, or after the trace's end.
    #[error("tick {tick} is not in the trace: it holds ticks {first} to {last}")]
    NoTick {
        /// The one asked for.
        tick: Tick,
        /// The first one: of roots, links and worlds the start, of records the tick after it.
        first: Tick,
        /// The last one.
        last: Tick,
    },
    /// No world at or before that tick.
    #[error("the trace holds no keyframe at or before tick {tick}")]
    NoKeyframe {
        /// The one asked for.
        tick: Tick,
    },
    /// A keyframe whose root is not the one recorded for its tick.
    #[error("the keyframe of tick {tick} has root {found}, the tick's record says {recorded}")]
    KeyframeRoot {
        /// The tick of the keyframe.
        tick: Tick,
        /// What the tick's record says.
        recorded: Hash,
        /// What the keyframe's pages give.
        found: Hash,
    },
    /// A link that does not follow from the one before.
    #[error("the chain breaks at tick {tick}: the record was changed after it was written")]
    Chain {
        /// The first tick whose link is wrong.
        tick: Tick,
    },
    /// A state whose raw pages would take more memory than is allowed.
    #[error("the world of tick {tick} takes {bytes} bytes, at most {} are allowed", crate::limits::WORLD_BYTES_MAX)]
    WorldTooLarge {
        /// The tick of the world.
        tick: Tick,
        /// Bytes of the pages read so far.
        bytes: u64,
    },
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file ends inside it.
    #[error("the file ends inside a record")]
    Short,
    /// Its length is over the limit.
    #[error("a record of {bytes} bytes is longer than its kind may be")]
    Length {
        /// What its head says.
        bytes: u32,
    },
    /// Its check does not hold.
    #[error("a record is damaged: its check does not hold")]
    Check,
    /// Its body is malformed.
    #[error("a record is malformed: {0}")]
    Body(#[from] DecodeError),
    /// Another record must stand here.
    #[error("{0}")]
    Place(&'static str),
    /// A page whose bytes have another hash than a keyframe says.
    #[error("a page does not have the hash {expected} that a keyframe gives it")]
    PageHash {
        /// What the keyframe says.
        expected: Hash,
    },
}

/// Why something cannot be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError<E> {
    /// The sink failed.
    #[error("cannot write the trace: {0}")]
    Sink(E),
    /// Not the next tick, or a world of another tick.
    #[error("tick {found} cannot be recorded: the next one is {expected}")]
    Tick {
        /// The next tick.
        expected: Tick,
        /// What was given.
        found: Tick,
    },
    /// A record longer than the limit.
    #[error("a record of {bytes} bytes is longer than its kind may be")]
    TooLong {
        /// Its length in bytes.
        bytes: u64,
    },
    /// More content packs, or longer text or packs, than a trace may have.
    #[error("{what} is over the limit")]
    Limit {
        /// What there is too much of.
        what: &'static str,
    },
    /// A frame that no step takes.
    #[error("the frame is refused: {0}")]
    Frame(FrameError),
    /// The frame switches to a pack that was not given to the recorder.
    #[error("content {0} is not in the trace: add it before the frame that switches to it")]
    Content(ContentId),
    /// After a seal or an error nothing can be recorded.
    #[error("the trace is sealed")]
    Sealed,
}

/// Why a world of a trace cannot be had by simulating.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError<E> {
    /// The trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError<E>),
    /// The trace is of another game.
    #[error("the trace is of the game `{found}`, not of `{expected}`")]
    Game {
        /// The game that was to replay it.
        expected: &'static str,
        /// The game that was recorded.
        found: String,
    },
    /// Another schema of the game.
    #[error("the trace has schema {found}, this build has {expected}: use a build of the trace's version", found = .found.0, expected = .expected.0)]
    Schema {
        /// The schema of this build.
        expected: SchemaId,
        /// The schema of the trace.
        found: SchemaId,
    },
    /// Another revision of the rules.
    #[error("the trace was made by rules revision {found}, this build has revision {expected}")]
    Revision {
        /// The revision of this build.
        expected: u32,
        /// The revision that made the trace.
        found: u32,
    },
    /// The caller's library lacks a pack.
    #[error("tick {tick} uses content {content}, which is not loaded: take it from the trace")]
    Content {
        /// The first tick that uses it.
        tick: Tick,
        /// The pack that is lacking.
        content: ContentId,
    },
    /// A keyframe's pages make no world.
    #[error("the keyframe of tick {tick} cannot be restored: {cause}")]
    Restore {
        /// The tick of the keyframe.
        tick: Tick,
        /// Why its pages make no world.
        cause: RestoreError,
    },
    /// A frame that is not this game's.
    #[error("the frame of tick {tick} is malformed: {cause}")]
    Frame {
        /// The tick of the frame.
        tick: Tick,
        /// Why it cannot be read.
        cause: DecodeError,
    },
    /// A frame that the simulation refuses.
    #[error("the frame of tick {tick} is refused: {cause}")]
    Refused {
        /// The tick of the frame.
        tick: Tick,
        /// Why it is refused.
        cause: FrameError,
    },
    /// Running the tick again gives another root than the recorded one.
    #[error("tick {tick} is not reproduced: its root is recorded as {recorded}, running it again gives {found}")]
    NotReproduced {
        /// The first such tick.
        tick: Tick,
        /// What the trace says.
        recorded: Hash,
        /// What this build gives.
        found: Hash,
        /// Names of the columns that differ.
        columns: Vec<String>,
    },
}

pub(super) const fn damaged<E>(at: u64, damage: Damage) -> TraceError<E> {
    TraceError::Damaged { at, damage }
}
