//! [`Journal`] and [`Snapshots`]: what a world is kept in.
//!
//! Invariant: what an append reported as durable is there after any crash that its level allows; records only ever follow the
//! last one, written by whoever claimed the journal last; and a manifest is there only with all its pages.
//!
//! Shaped for a clustered backend as well as a local one. There an append of tick T is one conditional insert into the slot
//! of T: the slot is the fence, so the epoch travels with each record, and no lock, lease or clock decides who may write. Its
//! outcome may be unknown, and is then read back. Pages are immutable under their hash, so putting them twice does no harm
//! and they need no condition. Nothing here promises an order between calls that overlap, except that appends take effect in
//! the order in which they were called.

use std::future::Future;

use bytes::Bytes;
use tickworld_sim::{content::ContentId, frame::Tick, hash::Hash, snapshot::Manifest};

use crate::{
    Durability,
    error::{
        AppendError, ClaimError, CreateError, FetchError, ManifestError, PutError, ReadError, RetainError, TrimError,
        TruncateError,
    },
    header::JournalHeader,
    record::{Epoch, Record},
    retention::{Removed, Retention},
    tokens::Tokens,
};

/// The position of a record in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// Its tick.
    pub tick: Tick,
    /// Its hash; at the start of a journal, the header's.
    pub record_hash: Hash,
}

/// Where a journal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogState {
    /// Before the first record that is kept: the start, or the snapshot under which earlier ones were trimmed.
    pub base: LogPosition,
    /// The last whole record; the base where there is none.
    pub last: LogPosition,
    /// The last record that is on disk, or on as many as the store promises.
    pub durable: Tick,
    /// The claim in force; 0 before the first.
    pub epoch: Epoch,
    /// Whether the owner ended its claim in good order.
    pub sealed: bool,
}

impl LogState {
    /// Of records whose append failed or had no known outcome, those that are not in the journal: what is to be given again.
    /// Where none is left, an append of none still makes sure of the level that was asked for.
    ///
    /// # Errors
    /// When somebody else has claimed the journal since: what stands at these ticks may be the other owner's.
    pub fn unwritten<'r>(&self, records: &'r [Record]) -> Result<&'r [Record], AppendError> {
        if records.first().is_some_and(|record| record.body().epoch < self.epoch) {
            return Err(AppendError::Fenced { by: self.epoch });
        }
        Ok(after(records, self.last.tick))
    }
}

impl Appended {
    /// Of the records that were given, those that are to be given again.
    #[must_use]
    pub fn rest<'r>(&self, records: &'r [Record]) -> &'r [Record] {
        after(records, self.kept)
    }
}

/// Of records of successive ticks, those after `tick`.
fn after(records: &[Record], tick: Tick) -> &[Record] {
    &records[records.partition_point(|record| record.tick() <= tick)..]
}

/// The right to append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// For every record from now on.
    pub epoch: Epoch,
    /// What they follow.
    pub last: LogPosition,
}

/// What an append came to: a prefix of what was given is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Every record up to this tick is kept as surely as was asked. This may be before the last record that was given: those
    /// after it were not written, and are simply given again.
    pub kept: Tick,
    /// Every record up to this tick is on disk (D1) or better. Never before `kept` where that much was asked for; with
    /// [`Durability::Memory`] it may lag behind.
    pub durable: Tick,
}

/// Whether ticks that were acknowledged may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataLossPolicy {
    /// No: refuse.
    Refuse,
    /// Somebody has read which ones, and accepts it. What was there is kept beside where the storage allows it.
    Accept,
}

/// Keeps the records of one world.
pub trait Journal: Send + Sync {
    /// What the journal says of itself; `None` before [`create`](Self::create).
    fn header(&self) -> impl Future<Output = Result<Option<JournalHeader>, ReadError>> + Send;

    /// Begins the journal of a world.
    ///
    /// # Errors
    /// When there is one already, or the storage fails.
    fn create(&self, header: &JournalHeader) -> impl Future<Output = Result<(), CreateError>> + Send;

    /// Takes the journal over: gives an epoch above all before it, durably, so that whoever appended so far is fenced.
    ///
    /// # Errors
    /// When there is none, or the storage fails; from a store that found its own end damaged, or behind what was
    /// acknowledged: recover first.
    fn claim(&self) -> impl Future<Output = Result<Claim, ClaimError>> + Send;

    /// Appends records of successive ticks in one commit: a prefix of them, at least the first; [`Appended`] tells how far it
    /// goes. Which prefix a store takes at once is its own affair, a limit for instance. Without records it makes what was
    /// appended before as sure as is asked. Appends that wait at the same time may share a commit; each is as durable as it
    /// asked for. Who has several on their way must expect that those after one that kept only a prefix are refused.
    ///
    /// # Errors
    /// When a record that would be written is not the caller's to append or does not follow the one before it, or the storage
    /// fails: then none is written. After [`AppendError::Unknown`] the state of the log tells what became of them,
    /// and must be read before anything else is appended: [`LogState::unwritten`].
    fn append(
        &self,
        records: &[Record],
        durability: Durability,
    ) -> impl Future<Output = Result<Appended, AppendError>> + Send;

    /// Where the journal stands. After an unknown outcome this settles it: what is told here stays.
    ///
    /// # Errors
    /// When there is none, or the storage fails.
    fn log_state(&self) -> impl Future<Output = Result<LogState, ReadError>> + Send;

    /// Records from a tick on: as many as are whole and linked to each other, at most `bytes_max` bytes of them but at least
    /// one; none after the last.
    ///
    /// # Errors
    /// When the first one is damaged or no longer kept, or the storage fails.
    fn read(&self, from: Tick, bytes_max: u64) -> impl Future<Output = Result<Vec<Record>, ReadError>> + Send;

    /// Forgets the records up to a tick whose snapshot is kept, the tick's own too.
    ///
    /// # Errors
    /// When no whole snapshot of that tick is kept.
    fn trim_prefix(&self, tick: Tick) -> impl Future<Output = Result<(), TrimError>> + Send;

    /// Forgets what stands after a tick, so that the journal can be claimed and goes on from there. Only for recovery.
    ///
    /// # Errors
    /// When acknowledged ticks would go and nobody accepted it, or there is nothing whole to go on from.
    fn truncate_after(
        &self,
        tick: Tick,
        policy: DataLossPolicy,
    ) -> impl Future<Output = Result<(), TruncateError>> + Send;

    /// Ends a claim in good order: everything appended is durable, and nothing more is appended before the next claim.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn seal(&self, epoch: Epoch) -> impl Future<Output = Result<LogState, AppendError>> + Send;
}

/// A page by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// BLAKE3 of the bytes.
    pub hash: Hash,
    /// At most [`PAGE_BYTES_MAX`](crate::limits::PAGE_BYTES_MAX).
    pub bytes: Bytes,
}

impl Page {
    /// Hashes the bytes.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self { hash: tickworld_sim::hash::hash(&bytes), bytes }
    }
}

/// A world to start again from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Hash of the record of its tick: a snapshot belongs to one history.
    pub record_hash: Hash,
    /// The world as page hashes.
    pub manifest: Manifest,
}

impl Snapshot {
    /// Its position in the chain.
    #[must_use]
    pub const fn position(&self) -> LogPosition {
        LogPosition { tick: self.manifest.head.tick, record_hash: self.record_hash }
    }
}

/// Keeps snapshots and content packs of the journal's world.
pub trait Snapshots: Send + Sync {
    /// Which of these pages are not there, in the order asked; at most
    /// [`MISSING_HASHES_MAX`](crate::limits::MISSING_HASHES_MAX) at once.
    ///
    /// # Errors
    /// When there are too many, or the storage fails.
    fn missing(&self, hashes: &[Hash]) -> impl Future<Output = Result<Vec<Hash>, PutError>> + Send;

    /// Puts pages, durably. Those that are there already cost nothing; all or none of a call are put.
    ///
    /// # Errors
    /// When bytes do not have their hash, a limit is passed, or the storage fails.
    fn put_pages(&self, pages: &[Page]) -> impl Future<Output = Result<(), PutError>> + Send;

    /// A page; `None` if it is not there.
    ///
    /// # Errors
    /// When its bytes do not have its hash, or the storage fails.
    fn page(&self, hash: Hash) -> impl Future<Output = Result<Option<Bytes>, FetchError>> + Send;

    /// Puts a snapshot whose pages are there and whose tick is in the journal, durably.
    ///
    /// # Errors
    /// When a page is missing: retention may have removed pages that no manifest named yet. Put it, and try again.
    fn put_manifest(&self, snapshot: &Snapshot) -> impl Future<Output = Result<(), ManifestError>> + Send;

    /// The ticks of all snapshots, ascending.
    ///
    /// # Errors
    /// When the storage fails.
    fn manifests(&self) -> impl Future<Output = Result<Vec<Tick>, FetchError>> + Send;

    /// The snapshot of a tick; `None` if there is none.
    ///
    /// # Errors
    /// When its bytes are damaged, or the storage fails.
    fn manifest(&self, tick: Tick) -> impl Future<Output = Result<Option<Snapshot>, FetchError>> + Send;

    /// Puts a content pack in pieces, durably.
    ///
    /// # Errors
    /// When a limit is passed or the storage fails.
    fn put_pack(&self, id: ContentId, bytes: Bytes) -> impl Future<Output = Result<(), PutError>> + Send;

    /// A content pack; `None` if it is not there. Its bytes are those that were put; what `id` means for them is the content
    /// crate's to check.
    ///
    /// # Errors
    /// When a piece is missing or damaged, or the storage fails.
    fn pack(&self, id: ContentId) -> impl Future<Output = Result<Option<Bytes>, FetchError>> + Send;

    /// The packs that are there.
    ///
    /// # Errors
    /// When the storage fails.
    fn packs(&self) -> impl Future<Output = Result<Vec<ContentId>, FetchError>> + Send;

    /// Removes snapshots that the policy does not keep, the records that lie before the oldest kept one, and pages that
    /// nothing names any more. At least one kept snapshot was read and is whole; what replay from it needs stays.
    ///
    /// # Errors
    /// When no kept snapshot is whole (nothing is removed then), or the storage fails.
    fn retain(&self, retention: Retention) -> impl Future<Output = Result<Removed, RetainError>> + Send;
}

/// Everything that a world is kept in. Whoever recovers or verifies one asks for [`Salvage`](crate::Salvage) as well.
pub trait Store: Journal + Snapshots + Tokens {}

impl<T: Journal + Snapshots + Tokens> Store for T {}
