//! [`Store`]: a [`Core`] on a thread of its own, shared by as many tasks as like.
//!
//! Invariant: whatever is asked for is done in pieces that an append can wait for (`thread.rs` says in which order). A store
//! that was opened [within](Store::open_within) has no thread: each call is done when it is first polled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Tick},
    hash::Hash,
};

use super::{
    Core, Settings, StorageBackend,
    journal::Appending,
    pages::{batches, pieces},
    thread::Calls,
    tokens::Spending,
};
use crate::{
    Durability,
    append_validator::{AppendValidator, prefix},
    archive::{Archive, Raise, Whereabouts},
    error::{
        AppendError, Cause, ClaimError, CreateError, Fault, FetchError, ManifestError, PutError, RaiseError, ReadError,
        RetainError, SpendError, TrimError,
    },
    header::JournalHeader,
    keys::{Keys, KeysRow},
    limits,
    marks::{Attempts, BuildId, Mark, Marks},
    page::{check_pages, page_hashes},
    position::Slot,
    record::Record,
    retention::{Removed, Retention},
    salvage::{Salvage, TailReport},
    store::{Appended, Claim, Journal, LogState, Page, Snapshot, Snapshots},
    tokens::{Bearer, TokenDigest, Tokens},
};

/// A handle on an embedded store; clones share it.
pub struct Store<B: StorageBackend> {
    door: Door<B>,
}

/// Where the core is.
enum Door<B: StorageBackend> {
    /// It is on its own thread.
    Thread(Calls<B>),
    /// It is here; `None` once it is closed.
    Within(Arc<Mutex<Option<Core<B>>>>),
}

impl<B: StorageBackend> Clone for Store<B> {
    fn clone(&self) -> Self {
        let door = match &self.door {
            Door::Thread(calls) => Door::Thread(calls.clone()),
            Door::Within(core) => Door::Within(core.clone()),
        };
        Self { door }
    }
}

impl<B: StorageBackend> Store<B> {
    /// Opens the database on a new thread.
    ///
    /// # Errors
    /// As [`Core::open`].
    pub async fn open(backend: B, settings: Settings) -> Result<Self, Fault> {
        Ok(Self { door: Door::Thread(Calls::begin(backend, settings).await?) })
    }

    /// Opens the database without a thread: every call is done by whoever polls it, and is ready at once. For simulations,
    /// which run in one thread, and for tools.
    ///
    /// # Errors
    /// As [`Core::open`].
    pub fn open_within(backend: B, settings: Settings) -> Result<Self, Fault> {
        let core = Core::open(backend, settings)?;
        Ok(Self { door: Door::Within(Arc::new(Mutex::new(Some(core)))) })
    }

    /// Closes the database once everything that was asked for before is done, whatever other handles there are. What was
    /// only appended to memory is lost: end the claim first.
    pub async fn close(self) {
        match &self.door {
            Door::Thread(calls) => calls.close().await,
            Door::Within(core) => drop(within(core).take()),
        }
    }

    /// Has the core do something.
    async fn call<T, E>(&self, work: impl FnOnce(&mut Core<B>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        match &self.door {
            Door::Thread(calls) => calls.call(work).await,
            Door::Within(core) => work(within(core).as_mut().ok_or(Fault::Closed)?),
        }
    }

    /// Whether a snapshot's pages are all there and whole.
    async fn is_whole(&self, tick: Tick) -> Result<bool, FetchError> {
        let snapshot = match self.manifest(tick).await {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) | Err(FetchError::Damaged(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let hashes: Vec<Hash> = page_hashes(&snapshot.manifest).collect();
        for some in hashes.chunks(limits::MISSING_HASHES_MAX) {
            let some = some.to_vec();
            let missing = self.call(move |core| core.damaged(&some)).await?;
            if missing {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn trim_records(&self, tick: Tick) -> Result<u64, Fault> {
        let mut count = 0;
        loop {
            let (trimmed, more) = self.call(move |core| core.trim_some(tick, limits::SWEEP_ROWS_MAX)).await?;
            count += trimmed;
            if !more {
                return Ok(count);
            }
        }
    }
}

/// The core of a store without a thread. A core is whole between calls, whatever panicked in one.
fn within<B: StorageBackend>(core: &Mutex<Option<Core<B>>>) -> MutexGuard<'_, Option<Core<B>>> {
    core.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<B: StorageBackend> Journal for Store<B> {
    async fn header(&self) -> Result<Option<JournalHeader>, ReadError> {
        self.call(Core::header).await
    }

    async fn create(&self, header: &JournalHeader) -> Result<(), CreateError> {
        let header = header.clone();
        self.call(move |core| core.create(&header)).await
    }

    async fn claim(&self, record: &Record) -> Result<Claim, ClaimError> {
        let record = record.clone();
        self.call(move |core| core.claim(&record)).await
    }

    async fn append(&self, records: &[Record], durability: Durability) -> Result<Appended, AppendError> {
        match &self.door {
            Door::Thread(calls) => calls.append(Appending { records: prefix(records).to_vec(), durability }).await,
            Door::Within(core) => within(core).as_mut().ok_or(Fault::Closed)?.append(records, durability),
        }
    }

    async fn log_state(&self) -> Result<LogState, ReadError> {
        self.call(Core::log_state).await
    }

    async fn read(&self, from: Slot, bytes_max: u64) -> Result<Vec<Record>, ReadError> {
        self.call(move |core| core.read_records(from, bytes_max)).await
    }

    async fn record(&self, slot: Slot) -> Result<Option<Record>, ReadError> {
        self.call(move |core| core.record(slot)).await
    }

    async fn find(&self, tick: Tick) -> Result<Option<Slot>, ReadError> {
        self.call(move |core| core.find(tick)).await
    }

    async fn trim_prefix(&self, tick: Tick) -> Result<(), TrimError> {
        let whole = self.is_whole(tick).await.map_err(|error| match error {
            FetchError::Storage(fault) => TrimError::Storage(fault),
            FetchError::Damaged(_) | FetchError::Absent => TrimError::Needed { tick },
        })?;
        if !whole {
            return Err(TrimError::Needed { tick });
        }
        self.trim_records(tick).await?;
        Ok(())
    }
}

impl<B: StorageBackend> Salvage for Store<B> {
    async fn tail_report(&self) -> Result<TailReport, ReadError> {
        self.call(Core::tail_report).await
    }
}

impl<B: StorageBackend> Snapshots for Store<B> {
    async fn missing(&self, hashes: &[Hash]) -> Result<Vec<Hash>, PutError> {
        let hashes = hashes.to_vec();
        self.call(move |core| core.missing(&hashes)).await
    }

    async fn put_pages(&self, pages: &[Page]) -> Result<(), PutError> {
        check_pages(pages)?;
        let pages = pages.to_vec();
        self.call(move |core| core.put_pages(&pages)).await
    }

    async fn page(&self, hash: Hash) -> Result<Option<Bytes>, FetchError> {
        self.call(move |core| core.page(hash)).await
    }

    async fn put_manifest(&self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        let snapshot = snapshot.clone();
        self.call(move |core| core.put_manifest(&snapshot)).await
    }

    async fn manifests(&self) -> Result<Vec<Tick>, FetchError> {
        self.call(Core::manifests).await
    }

    async fn manifest(&self, tick: Tick) -> Result<Option<Snapshot>, FetchError> {
        self.call(move |core| core.manifest(tick)).await
    }

    async fn put_pack(&self, id: ContentId, bytes: Bytes) -> Result<(), PutError> {
        let (pages, pieces) = pieces(&bytes)?;
        for batch in batches(&pages) {
            self.put_pages(batch).await?;
        }
        self.call(move |core| core.put_pieces(id, &pieces)).await
    }

    async fn pack(&self, id: ContentId) -> Result<Option<Bytes>, FetchError> {
        let Some(pieces) = self.call(move |core| core.pieces(id)).await? else { return Ok(None) };
        let mut bytes = BytesMut::new();
        for piece in pieces.hashes.clone() {
            bytes.extend_from_slice(&self.page(piece).await?.ok_or(Cause::Missing)?);
        }
        pieces.check(bytes.freeze()).map(Some)
    }

    async fn packs(&self) -> Result<Vec<ContentId>, FetchError> {
        self.call(Core::packs).await
    }

    async fn retain(&self, retention: Retention) -> Result<Removed, RetainError> {
        let ticks = self.manifests().await?;
        let log = self
            .call(|core| core.guarded(|core| Ok::<_, Fault>(core.validator.as_ref().map(AppendValidator::log))))
            .await?;
        let Some(log) = log else { return Ok(Removed::default()) };
        let (doomed, kept) = retention.part(&ticks, log.last.tick);
        let mut removed = Removed::default();
        if !doomed.is_empty() || kept.first().is_some_and(|oldest| *oldest > log.base.tick) {
            let mut sound = false;
            for tick in kept.iter().rev() {
                sound = sound || self.is_whole(*tick).await?;
            }
            if !sound {
                return Err(RetainError::Unsound);
            }
            removed.snapshots = self.call(move |core| core.drop_manifests(&doomed)).await?;
        }
        if let Some(oldest) = kept.first() {
            removed.records = self.trim_records(*oldest).await?;
        }
        self.call(Core::begin_sweep).await?;
        let mut cursor = Some(Hash::ZERO);
        while let Some(from) = cursor {
            let (count, next) = self.call(move |core| core.sweep(from, limits::SWEEP_ROWS_MAX)).await?;
            (removed.pages, cursor) = (removed.pages + count, next);
        }
        Ok(removed)
    }
}

impl<B: StorageBackend> Keys for Store<B> {
    async fn keys(&self) -> Result<Option<KeysRow>, FetchError> {
        self.call(Core::keys).await
    }

    async fn replace_keys(&self, seen: Option<&KeysRow>, next: &KeysRow) -> Result<bool, Fault> {
        let (seen, next) = (seen.cloned(), next.clone());
        self.call(move |core| core.replace_keys(seen.as_ref(), &next)).await
    }
}

impl<B: StorageBackend> Tokens for Store<B> {
    async fn spend(
        &self,
        token: TokenDigest,
        bearer: Bearer,
        expires_seconds: u64,
    ) -> Result<Option<Bearer>, SpendError> {
        match &self.door {
            Door::Thread(calls) => calls.spend(Spending { token, bearer, expires_seconds }).await,
            Door::Within(core) => within(core).as_mut().ok_or(Fault::Closed)?.spend(token, bearer, expires_seconds),
        }
    }

    async fn forget_spent(&self, expired_before_seconds: u64) -> Result<u64, Fault> {
        let (mut count, mut cursor) = (0, None);
        loop {
            let some = move |core: &mut Core<B>| {
                core.forget_some_spent(cursor, expired_before_seconds, limits::SWEEP_ROWS_MAX)
            };
            let (forgotten, next) = self.call(some).await?;
            count += forgotten;
            if next.is_none() {
                return Ok(count);
            }
            cursor = next;
        }
    }
}

impl<B: StorageBackend> Marks for Store<B> {
    async fn mark(&self, mark: &Mark) -> Result<(), Fault> {
        let mark = mark.clone();
        self.call(move |core| core.mark(&mark)).await
    }

    async fn marks(&self) -> Result<Vec<Mark>, Fault> {
        self.call(Core::marks).await
    }

    async fn attempt(&self, build: BuildId, record_hash: Hash) -> Result<u32, Fault> {
        self.call(move |core| core.attempt(build, record_hash)).await
    }

    async fn attempts(&self) -> Result<Vec<Attempts>, Fault> {
        self.call(Core::attempts).await
    }

    async fn forget_attempts(&self) -> Result<(), Fault> {
        self.call(Core::forget_attempts).await
    }
}

impl<B: StorageBackend> Archive for Store<B> {
    async fn whereabouts(&self, players: &[PlayerId]) -> Result<Vec<Result<Option<Whereabouts>, Cause>>, RaiseError> {
        let players = players.to_vec();
        self.call(move |core| core.whereabouts(&players)).await
    }

    async fn raise(&self, raises: &[Raise]) -> Result<Vec<Result<Whereabouts, Cause>>, RaiseError> {
        let raises = raises.to_vec();
        self.call(move |core| core.raise(&raises)).await
    }
}
