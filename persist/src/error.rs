//! Errors: one enum per operation, and [`Fault`] for what any of them may meet in the storage itself.
//!
//! Invariant: an error means that nothing was changed, but for those called `Unknown`. Where the storage fails, claims,
//! truncations and what retention removes may have happened nevertheless: each can be repeated without harm.

use std::ops::RangeInclusive;

use tickworld_sim::{component::DecodeError, frame::Tick, hash::Hash};

use crate::{Durability, header::WorldId, record::Epoch};

/// What can be wrong with the storage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is no room. Nothing was lost; the call may be repeated when there is.
    #[error("the storage is full: make room, then it goes on by itself")]
    Full,
    /// The storage failed.
    #[error("the storage failed: {0}")]
    Io(String),
    /// The database's own structure is damaged, beyond single records and pages.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// Another process has the database open.
    #[error("another process has the database open")]
    Busy,
    /// The store's thread has ended: it was closed.
    #[error("the store is closed")]
    Closed,
}

/// What is wrong with stored bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// They are not there.
    #[error("missing")]
    Missing,
    /// They are not what was written.
    #[error("damaged: {0}")]
    Malformed(DecodeError),
    /// Whole, but not what follows from the record before.
    #[error("not the record that follows the one before it")]
    Chain,
    /// A root that contradicts the root of the same tick elsewhere.
    #[error("the roots of tick {tick} contradict each other: {one:.16} and {other:.16}")]
    Root {
        /// Whose root.
        tick: Tick,
        /// Here.
        one: Hash,
        /// There.
        other: Hash,
    },
    /// The database holds another history than the one that was acknowledged.
    #[error("another history than the one that was acknowledged")]
    Fork,
    /// Bytes with another hash than the one that they are kept under.
    #[error("damaged: the bytes do not have their hash {0:.16}")]
    Hash(Hash),
}

/// Ticks whose records cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ticks {} to {}: {cause}", ticks.start(), ticks.end())]
pub struct Damage {
    /// From the first to the last.
    pub ticks: RangeInclusive<Tick>,
    /// What is wrong with the first of them; those after it may be whole, but do not follow from anything.
    pub cause: Cause,
}

/// Why a journal was not begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// There is one.
    #[error("there is a journal already, of world {0}")]
    Exists(WorldId),
    /// The header is out of a limit.
    #[error("no header of a journal: {0}")]
    Header(&'static str),
    /// The storage.
    #[error(transparent)]
    Storage(#[from] Fault),
}

/// Why a journal was not claimed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// No journal was begun.
    #[error("there is no journal yet: begin one")]
    Absent,
    /// The end is damaged or behind what was acknowledged: recover first, and truncate what cannot be used.
    #[error("the journal's end is damaged, recover it before it is claimed: {0}")]
    Damaged(Damage),
    /// The storage.
    #[error(transparent)]
    Storage(#[from] Fault),
}

/// Why records were not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Somebody else has claimed the journal since. Stop: the world goes on there.
    #[error("fenced: epoch {by} has claimed the journal")]
    Fenced {
        /// The epoch now in force.
        by: Epoch,
    },
    /// An epoch that nobody was given.
    #[error("epoch {epoch} was never claimed, {current} is in force")]
    Unclaimed {
        /// Of the record.
        epoch: Epoch,
        /// In force.
        current: Epoch,
    },
    /// The journal was sealed; it can be claimed anew.
    #[error("the journal is sealed: claim it to go on")]
    Sealed,
    /// Not the next tick.
    #[error("a record of tick {found}, the next one is {expected}")]
    Gap {
        /// The tick after the last one.
        expected: Tick,
        /// The record's.
        found: Tick,
    },
    /// It does not name the last record: it continues another history.
    #[error("the record of tick {tick} does not continue this journal")]
    Chain {
        /// The record's.
        tick: Tick,
    },
    /// The proof is of another tick than the header's root lag says.
    #[error("the record of tick {tick} carries the root of another tick than the journal's root lag says")]
    Proof {
        /// The record's.
        tick: Tick,
    },
    /// The store cannot promise that much.
    #[error("this store cannot promise {0:?}")]
    Durability(Durability),
    /// The end is damaged: recover first.
    #[error("the journal's end is damaged, recover it before anything is appended: {0}")]
    Damaged(Damage),
    /// No journal was begun.
    #[error("there is no journal yet: begin one")]
    Absent,
    /// It may or may not have been written. Read the state of the log before anything else is appended.
    #[error("it is not known whether the records were written, read back: {0}")]
    Unknown(Fault),
    /// The storage. Nothing was written.
    #[error(transparent)]
    Storage(#[from] Fault),
}

/// Why records were not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// No journal was begun.
    #[error("there is no journal")]
    Absent,
    /// They are no longer kept.
    #[error("tick {tick} is no longer in the journal, which begins after tick {base}")]
    Trimmed {
        /// Asked for.
        tick: Tick,
        /// The last one that is not kept.
        base: Tick,
    },
    /// The first one asked for is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The journal's header or state is damaged.
    #[error("the journal's header is {0}")]
    Header(Cause),
    /// The storage.
    #[error(transparent)]
    Storage(#[from] Fault),
}

/// Why the journal was not trimmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrimError {
    /// No whole snapshot is kept of that tick, so what follows could not be replayed.
    #[error("no whole snapshot of tick {tick} is kept, so what comes before is needed")]
    Needed {
        /// Asked for.
        tick: Tick,
    },
    /// The storage.
    #[error(transparent)]
    Storage(#[from] Fault),
}

/// Why the journal was not truncated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TruncateError {
    /// Those ticks were acknowledged: they may only go if somebody accepts that.
    #[error("ticks {} to {} were acknowledged: they are lost only if you accept it", .0.start(), .0.end())]
    Acknowledged(RangeInclusive<Tick>),
    /// The tick to go on from is not a whole record, the base, or a kept snapshot.
    #[error("the journal cannot go on from tick {tick}: there is no whole record of it")]
    Absent {
        /// Asked for.
        tick: Tick,
    },
    /// The storage.
    #[error(transparent)]
    Storage(#[from] Fault),
}

/// Why pages were not put.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// The bytes are of another page. None of the call's pages was put.
    #[error("page {hash:.16}: the bytes do not have that hash")]
    Hash {
        /// The page.
        hash: Hash,
    },
    /// A page, a call or a pack over its limit.
    #[error("{what} is over its limit")]
    Limit {
        /// What.
        what: &'static str,
    },
    /// It may or may not have been written; putting it again does no harm.
    #[error("it is not known whether it was written, put it again: {0}")]
    Unknown(Fault),
    /// The storage. Nothing was written.
    #[error(transparent)]
    Storage(#[from] Fault),
}

/// Why a token was not spent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpendError {
    /// As many spent tokens are kept as may be. It was not spent.
    #[error("as many spent tokens are kept as may be: spend it again when some have expired and were forgotten")]
    Full,
    /// It may or may not have been noted. Nobody may be let in by it; spending it again tells what is so from then on.
    #[error("it is not known whether the token was noted as spent, spend it again: {0}")]
    Unknown(Fault),
    /// The storage. It was not spent.
    #[error(transparent)]
    Storage(#[from] Fault),
}

/// Why a manifest was not put.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Pages that it names are not there: put them, then the manifest again.
    #[error("{count} pages are missing, the first is {first:.16}: put them first")]
    Missing {
        /// How many.
        count: u32,
        /// One of them.
        first: Hash,
    },
    /// It is of a tick that is not durable yet, or no longer in the journal.
    #[error("no snapshot of tick {tick} is taken: the journal holds ticks {base} to {last}")]
    Tick {
        /// The snapshot's.
        tick: Tick,
        /// Before the first record.
        base: Tick,
        /// The last record.
        last: Tick,
    },
    /// It was taken of another history than this journal's.
    #[error("the snapshot of tick {tick} is not of this journal's history")]
    Chain {
        /// The snapshot's.
        tick: Tick,
    },
    /// It is of another schema than the journal.
    #[error("the snapshot has another schema than the journal")]
    Schema,
    /// Its root is not the one that the journal proves.
    #[error("the snapshot of tick {tick} has another root than the journal's proof")]
    Root {
        /// The snapshot's.
        tick: Tick,
    },
    /// Over its limit.
    #[error("{what} is over its limit")]
    Limit {
        /// What.
        what: &'static str,
    },
    /// No journal was begun.
    #[error("there is no journal yet: begin one")]
    Absent,
    /// It may or may not have been written; putting it again does no harm.
    #[error("it is not known whether it was written, put it again: {0}")]
    Unknown(Fault),
    /// The storage. Nothing was written.
    #[error(transparent)]
    Storage(#[from] Fault),
}

/// Why a page, manifest or pack was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// It is there, but not what was written; or a part of it is not there.
    #[error(transparent)]
    Damaged(#[from] Cause),
    /// No journal was begun, whose schema tells how to read it.
    #[error("there is no journal")]
    Absent,
    /// The storage.
    #[error(transparent)]
    Storage(#[from] Fault),
}

/// Why nothing more was removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RetainError {
    /// No kept snapshot is whole: what older ones there are stay.
    #[error("no snapshot that would be kept is whole: nothing was removed")]
    Unsound,
    /// What is kept cannot be read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The storage.
    #[error(transparent)]
    Storage(#[from] Fault),
}
