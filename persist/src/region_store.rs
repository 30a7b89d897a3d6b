//! [`RegionStore`]: a region's own store, beside the one that all regions of its world share.
//!
//! Invariant: what is of the region alone (journal, snapshots, packs, marks) is in its own store; what is of the world (who is where,
//! keys, spent tokens) is in the world's, and nowhere else.

use bytes::Bytes;
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Tick},
    hash::Hash,
};

use crate::{
    Durability,
    archive::{Archive, Raise, Whereabouts},
    error::{
        AppendError, Cause, ClaimError, CreateError, Fault, FetchError, ManifestError, PutError, RaiseError, ReadError,
        RetainError, SpendError, TrimError,
    },
    header::JournalHeader,
    keys::{Keys, KeysRow},
    marks::{Attempts, BuildId, Mark, Marks},
    position::Slot,
    record::Record,
    retention::{Removed, Retention},
    salvage::{Salvage, TailReport},
    store::{Appended, Claim, Journal, LogState, Page, Snapshot, Snapshots},
    tokens::{Bearer, TokenDigest, Tokens},
};

/// See the module.
#[derive(Clone, Debug)]
pub struct RegionStore<R, W> {
    /// The region's own.
    pub region: R,
    /// The store that the regions of its world share.
    pub world: W,
}

impl<R: Journal, W: Send + Sync> Journal for RegionStore<R, W> {
    async fn header(&self) -> Result<Option<JournalHeader>, ReadError> {
        self.region.header().await
    }

    async fn create(&self, header: &JournalHeader) -> Result<(), CreateError> {
        self.region.create(header).await
    }

    async fn claim(&self, record: &Record) -> Result<Claim, ClaimError> {
        self.region.claim(record).await
    }

    async fn append(&self, records: &[Record], durability: Durability) -> Result<Appended, AppendError> {
        self.region.append(records, durability).await
    }

    async fn log_state(&self) -> Result<LogState, ReadError> {
        self.region.log_state().await
    }

    async fn read(&self, from: Slot, bytes_max: u64) -> Result<Vec<Record>, ReadError> {
        self.region.read(from, bytes_max).await
    }

    async fn record(&self, slot: Slot) -> Result<Option<Record>, ReadError> {
        self.region.record(slot).await
    }

    async fn find(&self, tick: Tick) -> Result<Option<Slot>, ReadError> {
        self.region.find(tick).await
    }

    async fn trim_prefix(&self, tick: Tick) -> Result<(), TrimError> {
        self.region.trim_prefix(tick).await
    }
}

impl<R: Salvage, W: Send + Sync> Salvage for RegionStore<R, W> {
    async fn tail_report(&self) -> Result<TailReport, ReadError> {
        self.region.tail_report().await
    }
}

impl<R: Snapshots, W: Send + Sync> Snapshots for RegionStore<R, W> {
    async fn missing(&self, hashes: &[Hash]) -> Result<Vec<Hash>, PutError> {
        self.region.missing(hashes).await
    }

    async fn put_pages(&self, pages: &[Page]) -> Result<(), PutError> {
        self.region.put_pages(pages).await
    }

    async fn page(&self, hash: Hash) -> Result<Option<Bytes>, FetchError> {
        self.region.page(hash).await
    }

    async fn put_manifest(&self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        self.region.put_manifest(snapshot).await
    }

    async fn manifests(&self) -> Result<Vec<Tick>, FetchError> {
        self.region.manifests().await
    }

    async fn manifest(&self, tick: Tick) -> Result<Option<Snapshot>, FetchError> {
        self.region.manifest(tick).await
    }

    async fn put_pack(&self, id: ContentId, bytes: Bytes) -> Result<(), PutError> {
        self.region.put_pack(id, bytes).await
    }

    async fn pack(&self, id: ContentId) -> Result<Option<Bytes>, FetchError> {
        self.region.pack(id).await
    }

    async fn packs(&self) -> Result<Vec<ContentId>, FetchError> {
        self.region.packs().await
    }

    async fn retain(&self, retention: Retention) -> Result<Removed, RetainError> {
        self.region.retain(retention).await
    }
}

impl<R: Marks, W: Send + Sync> Marks for RegionStore<R, W> {
    async fn mark(&self, mark: &Mark) -> Result<(), Fault> {
        self.region.mark(mark).await
    }

    async fn marks(&self) -> Result<Vec<Mark>, Fault> {
        self.region.marks().await
    }

    async fn attempt(&self, build: BuildId, record_hash: Hash) -> Result<u32, Fault> {
        self.region.attempt(build, record_hash).await
    }

    async fn attempts(&self) -> Result<Vec<Attempts>, Fault> {
        self.region.attempts().await
    }

    async fn forget_attempts(&self) -> Result<(), Fault> {
        self.region.forget_attempts().await
    }
}

impl<R: Send + Sync, W: Keys> Keys for RegionStore<R, W> {
    async fn keys(&self) -> Result<Option<KeysRow>, FetchError> {
        self.world.keys().await
    }

    async fn replace_keys(&self, seen: Option<&KeysRow>, next: &KeysRow) -> Result<bool, Fault> {
        self.world.replace_keys(seen, next).await
    }
}

impl<R: Send + Sync, W: Tokens> Tokens for RegionStore<R, W> {
    async fn spend(
        &self,
        token: TokenDigest,
        bearer: Bearer,
        expires_seconds: u64,
    ) -> Result<Option<Bearer>, SpendError> {
        self.world.spend(token, bearer, expires_seconds).await
    }

    async fn forget_spent(&self, expired_before_seconds: u64) -> Result<u64, Fault> {
        self.world.forget_spent(expired_before_seconds).await
    }
}

impl<R: Send + Sync, W: Archive> Archive for RegionStore<R, W> {
    async fn whereabouts(&self, players: &[PlayerId]) -> Result<Vec<Result<Option<Whereabouts>, Cause>>, RaiseError> {
        self.world.whereabouts(players).await
    }

    async fn raise(&self, raises: &[Raise]) -> Result<Vec<Result<Whereabouts, Cause>>, RaiseError> {
        self.world.raise(raises).await
    }
}
