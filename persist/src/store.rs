//! [`Journal`] and [`Snapshots`]: what a world is kept in.
//!
//! Invariant: what an append reported as durable is there after any crash that its level allows; a record takes the slot after
//! the last one or none, so whoever appends the next slot owns the region; and a manifest is there only with all its pages.
//!
//! Shaped for a clustered backend as well as a local one. There an append is one conditional insert into the next slot: the
//! slot is the fence, and no lock, lease or clock decides who may write. A claim is a record in a slot like any other, so it
//! fences by standing there. Its outcome, as an append's, may be unknown, and is then read back. Pages are immutable under
//! their hash, so putting them twice does no harm and they need no condition. Nothing here promises an order between calls
//! that overlap, except that appends take effect in the order in which they were called.

use std::future::Future;

use bytes::Bytes;
use tickworld_sim::{content::ContentId, frame::Tick, hash::Hash, snapshot::Manifest};

use crate::{
    Durability,
    archive::Archive,
    error::{
        AppendError, ClaimError, CreateError, FetchError, ManifestError, PutError, ReadError, RetainError, TrimError,
    },
    header::JournalHeader,
    keys::Keys,
    marks::Marks,
    position::{Epoch, LogPosition, Slot},
    record::{ClaimRecord, Record, RecordError, WallTime, Why},
    retention::{Removed, Retention},
    tokens::Tokens,
};

/// Where a journal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogState {
    /// Before the first record that is kept: the start, or the snapshot under which earlier ones were trimmed.
    pub base: LogPosition,
    /// The last whole record; the base where there is none.
    pub last: LogPosition,
    /// The last record that is on disk, or on as many as the store promises.
    pub durable: LogPosition,
    /// The slot that the next record takes: after everything that stands there, whole or not, and everything that was ever
    /// acknowledged.
    pub next: Slot,
    /// The claim in force; 0 before the first.
    pub epoch: Epoch,
    /// Which life of the region this is, from 1.
    pub incarnation: u32,
    /// Whether the last record is a claim that ended in good order.
    pub sealed: bool,
}

impl LogState {
    /// A claim in the next slot, on a history that goes on after this record; with loss another life of the region begins.
    ///
    /// # Errors
    /// When the text is too long, or the record does not stand before the next slot.
    pub fn claim_after(
        &self,
        after: LogPosition,
        why: Why,
        is_loss: bool,
        by: &Claimant,
    ) -> Result<Record, RecordError> {
        let incarnation = self.incarnation.saturating_add(u32::from(is_loss));
        let Claimant { who, wall } = by.clone();
        Record::claim(ClaimRecord { slot: self.next, after, wall, incarnation, why, is_loss, who })
    }

    /// Of records whose append failed or had no known outcome, those that are not in the journal: what is to be given again.
    /// Where none is left, an append of none still makes sure of the level that was asked for.
    ///
    /// # Errors
    /// When somebody else has claimed the journal since: what stands in these slots may be the other owner's.
    pub fn unwritten<'r>(&self, records: &'r [Record]) -> Result<&'r [Record], AppendError> {
        if records.first().is_some_and(|record| record.epoch() < self.epoch) {
            return Err(AppendError::Fenced { by: self.epoch });
        }
        Ok(&records[records.partition_point(|record| record.slot() <= self.last.slot)..])
    }
}

impl Appended {
    /// Of the records that were given, those that are to be given again.
    #[must_use]
    pub fn rest<'r>(&self, records: &'r [Record]) -> &'r [Record] {
        &records[records.partition_point(|record| record.tick() <= self.kept)..]
    }
}

/// Who claims a journal, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimant {
    /// A name: at most [`CLAIM_WHO_BYTES_MAX`](crate::limits::CLAIM_WHO_BYTES_MAX) bytes.
    pub who: String,
    /// The time of their clock when they claim.
    pub wall: WallTime,
}

/// The right to append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The epoch of every record from now on.
    pub epoch: Epoch,
    /// The claim itself, which they follow.
    pub last: LogPosition,
    /// Which life of the region this is.
    pub incarnation: u32,
}

impl Claim {
    /// Of a claim that was made; `None` of the record of a tick.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let incarnation = record.as_claim()?.incarnation;
        Some(Self { epoch: record.epoch(), last: record.position(), incarnation })
    }
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
    /// They may not: whoever finds it refuses to go on.
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

    /// Puts a claim into the next slot, durably. A skip of the last record is no loss where a mark of its own writer stands. Whoever appended so far is fenced, what stands between the record that it goes
    /// on after and the claim is void, and so are the snapshots of that.
    ///
    /// # Errors
    /// When somebody else has taken the slot, the claim does not go on after a record of the history, or voids what may have been
    /// acknowledged and does not say so; when the journal is of format 1, or there is none; when the storage fails. After
    /// [`ClaimError::Unknown`] the state of the log tells what became of it.
    fn claim(&self, record: &Record) -> impl Future<Output = Result<Claim, ClaimError>> + Send;

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

    /// The history from a slot on, claims and all: as many records as are whole and linked to each other, at most `bytes_max`
    /// bytes of them but at least one; none after the last. Void ones are passed over.
    ///
    /// # Errors
    /// When the first one is damaged or no longer kept, or the storage fails.
    fn read(&self, from: Slot, bytes_max: u64) -> impl Future<Output = Result<Vec<Record>, ReadError>> + Send;

    /// What stands in a slot, whether it is void or not; `None` where nothing whole does.
    ///
    /// # Errors
    /// When there is no journal, or the storage fails.
    fn record(&self, slot: Slot) -> impl Future<Output = Result<Option<Record>, ReadError>> + Send;

    /// The slot whose record makes a tick of the history; the base's for its own tick.
    ///
    /// # Errors
    /// When there is no journal, or the storage fails.
    fn find(&self, tick: Tick) -> impl Future<Output = Result<Option<Slot>, ReadError>> + Send;

    /// Forgets the records up to a tick whose snapshot is kept, the tick's own too.
    ///
    /// # Errors
    /// When no whole snapshot of that tick is kept.
    fn trim_prefix(&self, tick: Tick) -> impl Future<Output = Result<(), TrimError>> + Send;
}

/// A page by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// BLAKE3 of the bytes.
    pub hash: Hash,
    /// The page's canonical bytes, at most [`PAGE_BYTES_MAX`](crate::limits::PAGE_BYTES_MAX).
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
    /// Slot of the record of its tick.
    pub slot: Slot,
    /// Hash of the record of its tick: a snapshot belongs to one history.
    pub record_hash: Hash,
    /// The world as page hashes.
    pub manifest: Manifest,
}

impl Snapshot {
    /// Its position in the chain.
    #[must_use]
    pub const fn position(&self) -> LogPosition {
        LogPosition { slot: self.slot, tick: self.manifest.head.tick, record_hash: self.record_hash }
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
pub trait Store: Journal + Snapshots + Tokens + Keys + Marks + Archive {}

impl<T: Journal + Snapshots + Tokens + Keys + Marks + Archive> Store for T {}
