//! [`Core`]: the database opened, committed to, and opened again after a failure.
//!
//! Invariant: what `validator` says is in the database, or, as `pending`, will be written to it before anything else. After a
//! commit that failed the database is closed, since redb serves nothing more from it, and the next call opens and reads it
//! again: a failure is told once, and its outcome is looked up rather than guessed.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
};

use redb::{Database, ReadableDatabase as _, WriteTransaction};
use tickworld_sim::{
    component::{DecodeCause, DecodeError},
    hash::Hash,
};

use super::{
    StorageBackend,
    rows::{
        self, FORMAT, FORMAT_KEY, HEADER_KEY, MANIFESTS, META, OLD_FORMAT, PACKS, PAGES, RECORDS, STATE_KEY, TOKENS,
        Table,
    },
    watermark::Watermark,
};
use crate::{
    append_validator::AppendValidator,
    error::{AppendError, Cause, ClaimError, Fault},
    header::JournalHeader,
    limits,
    position::LogPosition,
    record::Record,
};

/// What can be chosen of an embedded store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Memory that the database may keep pages in.
    pub cache_bytes: usize,
    /// Whether opening reads the whole file and compares every checksum of the database's own.
    pub check_on_open: bool,
    /// Most spent tokens that are kept.
    pub spent_tokens_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cache_bytes: limits::CACHE_BYTES, check_on_open: false, spent_tokens_max: limits::SPENT_TOKENS_MAX }
    }
}

/// Journal and snapshots in one redb database: synchronous, for one owner. [`Store`](super::Store) shares it.
pub struct Core<B: StorageBackend> {
    pub(super) backend: B,
    pub(super) settings: Settings,
    /// `None` before the first use, and after a failure.
    database: Option<Database>,
    /// As the database has it, and `pending` after it; `None` without a journal, or while the database is not open.
    pub(super) validator: Option<AppendValidator>,
    /// Whether the database is of format 1, which is only read.
    pub(super) is_old: bool,
    /// What is wrong with the header or the state, if they cannot be read.
    pub(super) header_damage: Option<Cause>,
    /// Appended, but not on disk yet: written again if a failure takes them away.
    pending: Vec<Record>,
    pending_bytes: u64,
    watermark: Watermark,
    /// Pages put since the last manifest: retention leaves them alone though nothing names them yet.
    pub(super) pinned_pages: BTreeSet<Hash>,
    /// While pages are being swept: those that something names.
    pub(super) reachable_pages: Option<BTreeSet<Hash>>,
}

/// Why a commit failed.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// It did not happen: it failed before anything could reach the disk, or nothing of it was found there.
    Before(Fault),
    /// On the way: it may have happened.
    Unknown(Fault),
}

impl From<Failure> for AppendError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Before(fault) => Self::Storage(fault),
            Failure::Unknown(fault) => Self::Unknown(fault),
        }
    }
}

impl From<Failure> for ClaimError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Before(fault) => Self::Storage(fault),
            Failure::Unknown(fault) => Self::Unknown(fault),
        }
    }
}

impl<B: StorageBackend> Core<B> {
    /// Opens the database, or makes an empty one.
    ///
    /// # Errors
    /// When the backend fails, somebody else has it open, or its structure is damaged beyond use.
    pub fn open(backend: B, settings: Settings) -> Result<Self, Fault> {
        let mut core = Self {
            backend,
            settings,
            database: None,
            validator: None,
            is_old: false,
            header_damage: None,
            pending: Vec::new(),
            pending_bytes: 0,
            watermark: Watermark::default(),
            pinned_pages: BTreeSet::new(),
            reachable_pages: None,
        };
        core.guarded(|_| Ok::<(), Fault>(()))?;
        Ok(core)
    }

    /// Closes the database in good order. Appends of [`Durability::Memory`](crate::Durability::Memory) may be lost:
    /// end the claim first.
    pub fn close(mut self) -> B
    where
        B: Clone,
    {
        self.shut();
        self.backend.clone()
    }

    /// Runs `work` on the open database. Whatever panics in it, or fails in the storage, closes the database, so that the
    /// next call opens it anew.
    pub(super) fn guarded<T, E: From<Fault>>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.ready()?;
            work(self)
        }));
        result.unwrap_or_else(|panic| {
            self.shut();
            Err(Fault::Corrupt(said(panic.as_ref())).into())
        })
    }

    /// Opens the database if it is not open.
    fn ready(&mut self) -> Result<(), Fault> {
        if self.database.is_none()
            && let Err(fault) = self.reopen()
        {
            self.shut();
            return Err(fault);
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        let backend = self.backend.open().map_err(|error| fault(error.into()))?;
        let database = Database::builder()
            .set_cache_size(self.settings.cache_bytes)
            .set_check_integrity_on_open(self.settings.check_on_open)
            .create_with_backend(backend)
            .map_err(|error| fault(error.into()))?;
        self.database = Some(database);
        self.prepare()?;
        self.watermark = Watermark::read(&mut self.backend).map_err(|error| io_fault(&error))?;
        self.load()?;
        self.write_pending()
    }

    /// Makes the tables that are not there, and refuses a database of another format.
    fn prepare(&mut self) -> Result<(), Fault> {
        let (found, has_tokens) = self.read(|txn| {
            let format = match txn.open_table(META) {
                Ok(meta) => meta.get(FORMAT_KEY)?.map(|row| row.value().to_vec()),
                Err(redb::TableError::TableDoesNotExist(_)) => None,
                Err(error) => return Err(error.into()),
            };
            match txn.open_table(TOKENS) {
                Ok(_) => Ok((format, true)),
                Err(redb::TableError::TableDoesNotExist(_)) => Ok((format, false)),
                Err(error) => Err(error.into()),
            }
        })?;
        match found {
            Some(format) if format == OLD_FORMAT.to_le_bytes() => {
                self.is_old = true;
                Ok(())
            }
            Some(format) if format != FORMAT.to_le_bytes() => {
                Err(Fault::Corrupt(format!("format {format:02x?}: this build reads format {FORMAT} and {OLD_FORMAT}")))
            }
            Some(_) if has_tokens => Ok(()),
            // Tokens came to the format later, beside what was there.
            _ => self
                .commit(redb::Durability::Immediate, |txn| {
                    txn.open_table(META)?.insert(FORMAT_KEY, FORMAT.to_le_bytes().as_slice())?;
                    txn.open_table(RECORDS)?;
                    txn.open_table(PAGES)?;
                    txn.open_table(MANIFESTS)?;
                    txn.open_table(PACKS)?;
                    txn.open_table(TOKENS)?;
                    Ok(())
                })
                .map_err(Failure::fault),
        }
    }

    /// Reads header, state and the last whole record.
    fn load(&mut self) -> Result<(), Fault> {
        (self.validator, self.header_damage) = (None, None);
        let (header, state) = self.read(|txn| {
            let meta = txn.open_table(META)?;
            let row = |key: &str| Ok::<_, redb::Error>(meta.get(key)?.map(|row| row.value().to_vec()));
            Ok((row(HEADER_KEY)?, row(STATE_KEY)?))
        })?;
        let (header, state) = match (header, state) {
            // A database that was emptied or exchanged must not pass for one that never held anything.
            (None, None) => {
                self.header_damage = self.watermark.is_noted().then_some(Cause::Missing);
                return Ok(());
            }
            (Some(header), Some(state)) => (header, state),
            _ => {
                self.header_damage = Some(Cause::Missing);
                return Ok(());
            }
        };
        let read = rows::unchecked(HEADER_KEY.as_bytes(), &header)
            .and_then(JournalHeader::decode)
            .and_then(|header| Ok((header, rows::decode_state(self.is_old, &state)?)));
        match read {
            Ok((header, _)) if header.is_old() != self.is_old => {
                self.header_damage = Some(malformed("a header of another format than the database"));
                Ok(())
            }
            Ok((header, (base, old))) => {
                let watermark = self.watermark.of(header.world);
                let load = |txn: &redb::ReadTransaction| {
                    AppendValidator::load(header, base, watermark, &mut Table(txn.open_table(RECORDS)?))
                };
                self.validator = Some(self.read(load)?.with_old(old));
                Ok(())
            }
            Err(error) => {
                self.header_damage = Some(Cause::Malformed(error));
                Ok(())
            }
        }
    }

    /// Writes again what was appended but taken away by the failure.
    fn write_pending(&mut self) -> Result<(), Fault> {
        let Some(last) = self.validator.as_ref().map(|validator| validator.last().slot) else { return Ok(()) };
        let lost: Vec<Record> = self.pending.iter().filter(|record| record.slot() > last).cloned().collect();
        let Some(end) = lost.last().map(Record::position) else { return Ok(()) };
        self.commit(redb::Durability::Immediate, |txn| insert_records(txn, &lost)).map_err(Failure::fault)?;
        self.advance(end, redb::Durability::Immediate, &[])
    }

    /// Takes note that the journal's last record is at `position` after a commit, and of the watermark if it is on disk.
    pub(super) fn advance(
        &mut self,
        position: LogPosition,
        durability: redb::Durability,
        records: &[Record],
    ) -> Result<(), Fault> {
        let Some(validator) = &mut self.validator else { return Ok(()) };
        validator.extend(position);
        if matches!(durability, redb::Durability::Immediate) {
            self.pending.clear();
            self.pending_bytes = 0;
            validator.settle();
            self.note_watermark(position)
        } else {
            self.pending.extend_from_slice(records);
            self.pending_bytes += records.iter().map(|record| record.encoded_bytes() as u64).sum::<u64>();
            Ok(())
        }
    }

    /// Writes the watermark. That it cannot be written is no reason to hold the world up: it only ever lags then.
    pub(super) fn note_watermark(&mut self, position: LogPosition) -> Result<(), Fault> {
        let Some(validator) = &mut self.validator else { return Ok(()) };
        if validator.report.watermark == Some(position) || self.is_old {
            return Ok(());
        }
        if self.watermark.write(&mut self.backend, validator.header.world, position).is_ok() {
            validator.report.watermark = Some(position);
        }
        Ok(())
    }

    /// Whether more may be kept for writing it again.
    pub(super) const fn pending_is_full(&self) -> bool {
        self.pending_bytes >= limits::PENDING_BYTES_MAX
    }

    /// Drops what waits to be written again, where a claim has settled what is there.
    pub(super) fn clear_pending(&mut self) {
        self.pending.clear();
        self.pending_bytes = 0;
    }

    /// Reads from the newest commit.
    pub(super) fn read<T>(
        &mut self,
        work: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, Fault> {
        let database = self.database.as_ref().ok_or(Fault::Closed)?;
        let result = database.begin_read().map_err(redb::Error::from).and_then(|txn| work(&txn));
        result.map_err(|error| {
            self.shut();
            fault(error)
        })
    }

    /// One commit beside the journal.
    pub(super) fn noted(
        &mut self,
        work: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), Fault> {
        self.guarded(|core| {
            core.commit(redb::Durability::Immediate, work).map_err(Failure::fault)?;
            let last = core.validator.as_ref().map(AppendValidator::last);
            last.map_or(Ok(()), |last| core.advance(last, redb::Durability::Immediate, &[]))
        })
    }

    /// One commit. Where it fails the database is closed.
    pub(super) fn commit<T>(
        &mut self,
        durability: redb::Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, Failure> {
        let database = self.database.as_ref().ok_or(Failure::Before(Fault::Closed))?;
        let prepared = database.begin_write().map_err(redb::Error::from).and_then(|mut txn| {
            txn.set_durability(durability).map_err(redb::Error::from)?;
            // Two syncs a commit instead of one (0.5 ms for 0.3 ms where this was measured), and for it: opening after a
            // crash need not read the whole file, one rotten page does not keep the database from opening, and a commit
            // that is seen after a failed sync had its pages synced before.
            txn.set_quick_repair(true);
            let done = work(&txn)?;
            Ok((txn, done))
        });
        let (txn, done) = prepared.map_err(|error| {
            self.shut();
            Failure::Before(fault(error))
        })?;
        let committed = catch_unwind(AssertUnwindSafe(|| txn.commit().map_err(|error| fault(error.into()))));
        match committed.unwrap_or_else(|panic| Err(Fault::Corrupt(said(panic.as_ref())))) {
            Ok(()) => Ok(done),
            Err(fault) => {
                self.shut();
                Err(Failure::Unknown(fault))
            }
        }
    }

    /// Closes the database; a panic on the way out says nothing new.
    pub(super) fn shut(&mut self) {
        self.validator = None;
        self.reachable_pages = None;
        let database = self.database.take();
        _ = catch_unwind(AssertUnwindSafe(move || drop(database)));
    }
}

impl<B: StorageBackend> Drop for Core<B> {
    /// Closing writes, and redb may panic over what a damaged file then holds: whoever closes a store has been told by then.
    fn drop(&mut self) {
        self.shut();
    }
}

impl Failure {
    pub(super) fn fault(self) -> Fault {
        match self {
            Self::Before(fault) | Self::Unknown(fault) => fault,
        }
    }
}

pub(super) fn insert_records(txn: &WriteTransaction, records: &[Record]) -> Result<(), redb::Error> {
    let mut table = txn.open_table(RECORDS)?;
    let mut bytes = Vec::new();
    for record in records {
        bytes.clear();
        record.encode(&mut bytes);
        table.insert(record.slot().0, bytes.as_slice())?;
    }
    Ok(())
}

/// A stored row that is not what was written.
pub(super) fn malformed(what: &'static str) -> Cause {
    Cause::Malformed(DecodeError::new(DecodeCause::Form(what)))
}

fn fault(error: redb::Error) -> Fault {
    match error {
        redb::Error::Io(error) => io_fault(&error),
        redb::Error::Corrupted(what) => Fault::Corrupt(what),
        redb::Error::DatabaseAlreadyOpen => Fault::Busy,
        redb::Error::RepairAborted
        | redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableDoesNotExist(_) => Fault::Corrupt(error.to_string()),
        other => Fault::Io(other.to_string()),
    }
}

pub(super) fn io_fault(error: &std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Fault::Full,
        // redb says so of a file that does not begin as a database does.
        ErrorKind::InvalidData => Fault::Corrupt(error.to_string()),
        _ => Fault::Io(error.to_string()),
    }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the database panicked: {}", text.unwrap_or("without a word"))
}
