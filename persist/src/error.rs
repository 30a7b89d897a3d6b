//! Errors: one enum per operation, and [`Fault`] for what any of them may meet in the storage itself.
//!
//! Invariant: an error means that nothing was changed, but for those called `Unknown`. Where the storage fails, what retention
//! removes may have happened nevertheless: it can be repeated without harm.

use std::ops::RangeInclusive;

use tickworld_sim::{
    component::DecodeError,
    frame::{PlayerId, Tick},
    hash::Hash,
    limits::PARCEL_BYTES_MAX,
};

use crate::{
    Durability,
    header::WorldId,
    limits,
    position::{Epoch, Slot},
    record::RecordError,
};

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
        /// The tick of both roots.
        tick: Tick,
        /// The root that stands here.
        one: Hash,
        /// The root that stands elsewhere.
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
    /// Where the first of them stands, or should stand.
    pub slot: Slot,
    /// From the first to the last; of a claim, the tick that would follow it.
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
    /// The storage failed.
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
    /// The journal is of format 1.
    #[error(
        "the journal is of format 1, which this build reads and does not continue: go on with the build that wrote it, or begin a \
         new world in another folder; `tickworld trace from-journal` keeps its history"
    )]
    Old,
    /// The record is no claim.
    #[error("the record of a tick is no claim")]
    NoClaim,
    /// The slot is not the next one: somebody else has taken it. Read on, and try again.
    #[error("a claim in slot {found}, the next one is {next}")]
    Moved {
        /// The slot that would be taken.
        next: Slot,
        /// The slot that the claim says.
        found: Slot,
    },
    /// The record that it would go on after is not there, or is another one, or is void.
    #[error("there is no record in slot {after} that history could go on after")]
    After {
        /// The record's slot.
        after: Slot,
    },
    /// Those ticks may have been told, and the claim does not say that they are lost.
    #[error("ticks {} to {} were acknowledged: they are lost only if you accept it", .0.start(), .0.end())]
    Acknowledged(RangeInclusive<Tick>),
    /// With loss a life of the region ends, and only then.
    #[error("a claim in incarnation {found}, this one is {expected}")]
    Incarnation {
        /// The one that it would be.
        expected: u32,
        /// The incarnation that the claim says.
        found: u32,
    },
    /// No claim could be made of what was found.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It may or may not stand there. Read the state of the log before anything else is done.
    #[error("it is not known whether the claim was written, read back: {0}")]
    Unknown(Fault),
    /// The storage. Nothing was written.
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
        /// The epoch that the record says.
        epoch: Epoch,
        /// The epoch that is in force.
        current: Epoch,
    },
    /// The claim was ended; the journal can be claimed anew.
    #[error("the journal's claim was ended: claim it to go on")]
    Sealed,
    /// The journal is of format 1.
    #[error("the journal is of format 1, which this build reads and does not continue")]
    Old,
    /// A claim among the records of ticks.
    #[error("a claim in slot {slot} among the records of ticks")]
    Claim {
        /// The slot of the claim.
        slot: Slot,
    },
    /// The record does not stand in the next slot.
    #[error("a record in slot {found}, the next one is {expected}")]
    Gap {
        /// The slot after the last one.
        expected: Slot,
        /// The slot that the record says.
        found: Slot,
    },
    /// The record is not of the next tick.
    #[error("a record of tick {found}, the next one is {expected}")]
    Tick {
        /// The tick after the last one.
        expected: Tick,
        /// The tick that the record says.
        found: Tick,
    },
    /// It does not name the last record: it continues another history.
    #[error("the record of tick {tick} does not continue this journal")]
    Chain {
        /// The tick of the record.
        tick: Tick,
    },
    /// It carries a root where the header's root lag knows no tick for it.
    #[error("the record of tick {tick} carries a root, and the journal's root lag names no tick for it")]
    Proof {
        /// The tick of the record.
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
    #[error("slot {slot} is no longer in the journal, which begins after slot {base}")]
    Trimmed {
        /// The slot that was asked for.
        slot: Slot,
        /// The last one that is not kept.
        base: Slot,
    },
    /// The first one asked for is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The journal's header or state is damaged.
    #[error("the journal's header is {0}")]
    Header(Cause),
    /// The storage failed.
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
        /// The tick that was asked for.
        tick: Tick,
    },
    /// The storage failed.
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
        /// The hash that was said of the page.
        hash: Hash,
    },
    /// A page, a call or a pack over its limit.
    #[error("{what} is over its limit")]
    Limit {
        /// What there is too much of.
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

/// Why nothing was raised in the archive, or looked up there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RaiseError {
    /// More than a call takes.
    #[error("{0} players in one call, at most {max} are allowed", max = limits::RAISES_MAX)]
    TooMany(usize),
    /// A row of somebody who is no player, or of no hop.
    #[error("{} is no player who is anywhere", .0.0)]
    Nobody(PlayerId),
    /// A parcel longer than any region makes.
    #[error("the parcel of player {} has {bytes} bytes, at most {PARCEL_BYTES_MAX} are allowed", player.0)]
    TooLong {
        /// The player whose parcel it is.
        player: PlayerId,
        /// Its length in bytes.
        bytes: usize,
    },
    /// The storage. It may have been done; once more does no harm.
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
        /// How many are missing.
        count: u32,
        /// One of them.
        first: Hash,
    },
    /// It is of a tick that is not durable yet, or no longer in the journal.
    #[error("no snapshot of tick {tick} is taken: the journal holds ticks {base} to {last}")]
    Tick {
        /// The tick of the snapshot.
        tick: Tick,
        /// The tick before the first record.
        base: Tick,
        /// The tick of the last record.
        last: Tick,
    },
    /// It was taken of another history than this journal's.
    #[error("the snapshot of tick {tick} is not of this journal's history")]
    Chain {
        /// The tick of the snapshot.
        tick: Tick,
    },
    /// It is of another schema than the journal.
    #[error("the snapshot has another schema than the journal")]
    Schema,
    /// Its root is not the one that the journal proves.
    #[error("the snapshot of tick {tick} has another root than the journal's proof")]
    Root {
        /// The tick of the snapshot.
        tick: Tick,
    },
    /// The manifest is too long, or too many snapshots are kept.
    #[error("{what} is over its limit")]
    Limit {
        /// What there is too much of.
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
    /// The storage failed.
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
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] Fault),
}
