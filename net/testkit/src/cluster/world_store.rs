//! [`RegionStore`]: what a region's server has of storage: its region's own, and what all regions of the world have together.
//!
//! Invariant: where several regions are of one world, its keys, tokens and archive are in one store, which is on a machine of its
//! own; everything else is the region's. A world of one region has everything in one place.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tickworld_persist::{
    Appended, Archive, Attempts, Bearer, BuildId, Claim, Durability, Journal, JournalHeader, Keys, KeysRow, LogState,
    Mark, Marks, Page, Raise, Record, Removed, Retention, Salvage, Slot, Snapshot, Snapshots, Store, TailReport,
    TokenDigest, Tokens, Whereabouts,
    error::{
        AppendError, Cause, ClaimError, CreateError, Fault, FetchError, ManifestError, PutError, RaiseError, ReadError,
        RetainError, SpendError, TrimError,
    },
};
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Tick},
    hash::Hash,
};

/// The store that the regions of a world share; none while its machine is down.
pub(super) struct WorldStore<S>(Arc<Mutex<Option<S>>>);

impl<S> Clone for WorldStore<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Clone> WorldStore<S> {
    pub(super) fn new(store: S) -> Self {
        Self(Arc::new(Mutex::new(Some(store))))
    }

    /// From now on it is this one, or down.
    pub(super) fn set(&self, store: Option<S>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = store;
    }

    fn store(&self) -> Result<S, Fault> {
        let store = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        store.ok_or_else(|| Fault::Io("the machine of the world's store does not answer".to_owned()))
    }
}

/// See the module.
#[derive(Clone)]
pub(super) struct RegionStore<S> {
    own: S,
    world: Option<WorldStore<S>>,
}

impl<S: Clone> RegionStore<S> {
    pub(super) const fn new(own: S, world: Option<WorldStore<S>>) -> Self {
        Self { own, world }
    }

    fn world(&self) -> Result<S, Fault> {
        self.world.as_ref().map_or_else(|| Ok(self.own.clone()), WorldStore::store)
    }
}

impl<S: Store + Clone> Keys for RegionStore<S> {
    async fn keys(&self) -> Result<Option<KeysRow>, FetchError> {
        self.world()?.keys().await
    }

    async fn replace_keys(&self, seen: Option<&KeysRow>, next: &KeysRow) -> Result<bool, Fault> {
        self.world()?.replace_keys(seen, next).await
    }
}

impl<S: Store + Clone> Tokens for RegionStore<S> {
    async fn spend(
        &self,
        token: TokenDigest,
        bearer: Bearer,
        expires_seconds: u64,
    ) -> Result<Option<Bearer>, SpendError> {
        self.world()?.spend(token, bearer, expires_seconds).await
    }

    async fn forget_spent(&self, expired_before_seconds: u64) -> Result<u64, Fault> {
        self.world()?.forget_spent(expired_before_seconds).await
    }
}

impl<S: Store + Clone> Archive for RegionStore<S> {
    async fn whereabouts(&self, players: &[PlayerId]) -> Result<Vec<Result<Option<Whereabouts>, Cause>>, RaiseError> {
        self.world()?.whereabouts(players).await
    }

    async fn raise(&self, raises: &[Raise]) -> Result<Vec<Result<Whereabouts, Cause>>, RaiseError> {
        self.world()?.raise(raises).await
    }
}

impl<S: Store> Journal for RegionStore<S> {
    async fn header(&self) -> Result<Option<JournalHeader>, ReadError> {
        self.own.header().await
    }

    async fn create(&self, header: &JournalHeader) -> Result<(), CreateError> {
        self.own.create(header).await
    }

    async fn claim(&self, record: &Record) -> Result<Claim, ClaimError> {
        self.own.claim(record).await
    }

    async fn append(&self, records: &[Record], durability: Durability) -> Result<Appended, AppendError> {
        self.own.append(records, durability).await
    }

    async fn log_state(&self) -> Result<LogState, ReadError> {
        self.own.log_state().await
    }

    async fn read(&self, from: Slot, bytes_max: u64) -> Result<Vec<Record>, ReadError> {
        self.own.read(from, bytes_max).await
    }

    async fn record(&self, slot: Slot) -> Result<Option<Record>, ReadError> {
        self.own.record(slot).await
    }

    async fn find(&self, tick: Tick) -> Result<Option<Slot>, ReadError> {
        self.own.find(tick).await
    }

    async fn trim_prefix(&self, tick: Tick) -> Result<(), TrimError> {
        self.own.trim_prefix(tick).await
    }
}

impl<S: Store + Salvage> Salvage for RegionStore<S> {
    async fn tail_report(&self) -> Result<TailReport, ReadError> {
        self.own.tail_report().await
    }
}

impl<S: Store> Snapshots for RegionStore<S> {
    async fn missing(&self, hashes: &[Hash]) -> Result<Vec<Hash>, PutError> {
        self.own.missing(hashes).await
    }

    async fn put_pages(&self, pages: &[Page]) -> Result<(), PutError> {
        self.own.put_pages(pages).await
    }

    async fn page(&self, hash: Hash) -> Result<Option<Bytes>, FetchError> {
        self.own.page(hash).await
    }

    async fn put_manifest(&self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        self.own.put_manifest(snapshot).await
    }

    async fn manifests(&self) -> Result<Vec<Tick>, FetchError> {
        self.own.manifests().await
    }

    async fn manifest(&self, tick: Tick) -> Result<Option<Snapshot>, FetchError> {
        self.own.manifest(tick).await
    }

    async fn put_pack(&self, id: ContentId, bytes: Bytes) -> Result<(), PutError> {
        self.own.put_pack(id, bytes).await
    }

    async fn pack(&self, id: ContentId) -> Result<Option<Bytes>, FetchError> {
        self.own.pack(id).await
    }

    async fn packs(&self) -> Result<Vec<ContentId>, FetchError> {
        self.own.packs().await
    }

    async fn retain(&self, retention: Retention) -> Result<Removed, RetainError> {
        self.own.retain(retention).await
    }
}

impl<S: Store> Marks for RegionStore<S> {
    async fn mark(&self, mark: &Mark) -> Result<(), Fault> {
        self.own.mark(mark).await
    }

    async fn marks(&self) -> Result<Vec<Mark>, Fault> {
        self.own.marks().await
    }

    async fn attempt(&self, build: BuildId, record_hash: Hash) -> Result<u32, Fault> {
        self.own.attempt(build, record_hash).await
    }

    async fn attempts(&self) -> Result<Vec<Attempts>, Fault> {
        self.own.attempts().await
    }

    async fn forget_attempts(&self) -> Result<(), Fault> {
        self.own.forget_attempts().await
    }
}
