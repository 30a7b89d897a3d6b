//! [`AnyStore`]: the stores of this crate behind one type, chosen by a [`StoreConfig`].
//!
//! Invariant: it adds nothing and takes nothing away: every call is the chosen store's. Whoever runs or reads a world names this
//! and a configuration, and no database; a further kind of store is a further arm here.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Tick},
    hash::Hash,
};

use crate::{
    Durability,
    archive::{Archive, Raise, Whereabouts},
    embedded::{self, Files, ReadOnly, Settings},
    error::{
        AppendError, Cause, ClaimError, CreateError, Fault, FetchError, ManifestError, PutError, RaiseError, ReadError,
        RetainError, SpendError, TrimError,
    },
    header::JournalHeader,
    keys::{Keys, KeysRow},
    marks::{Attempts, BuildId, Mark, Marks},
    memory::Memory,
    position::Slot,
    record::Record,
    retention::{Removed, Retention},
    salvage::{Salvage, TailReport},
    store::{Appended, Claim, Journal, LogState, Page, Snapshot, Snapshots},
    tokens::{Bearer, TokenDigest, Tokens},
};

/// Which store, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreConfig {
    /// A database in a folder of this machine, which is made if it is not there.
    Embedded {
        /// The folder that holds the database.
        folder: PathBuf,
        /// What can be chosen of it.
        settings: Settings,
    },
    /// The same, opened for reading: nothing in the folder changes, and a folder without a database is given none.
    ReadOnly {
        /// The folder that holds the database.
        folder: PathBuf,
        /// What can be chosen of it.
        settings: Settings,
    },
    /// This process's memory: nothing outlives it.
    Memory,
}

impl StoreConfig {
    /// Names of the files that a store on this machine keeps in its folder.
    pub const FILE_NAMES: [&str; 2] = [Files::DATABASE, Files::WATERMARK];

    /// A database in a folder, with the usual settings.
    #[must_use]
    pub fn embedded(folder: impl AsRef<Path>) -> Self {
        Self::Embedded { folder: folder.as_ref().to_path_buf(), settings: Settings::default() }
    }

    /// The database in a folder, for reading, with the usual settings.
    #[must_use]
    pub fn read_only(folder: impl AsRef<Path>) -> Self {
        Self::ReadOnly { folder: folder.as_ref().to_path_buf(), settings: Settings::default() }
    }

    /// The file that everything is in, where there is one such.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Embedded { folder, .. } | Self::ReadOnly { folder, .. } => Some(Files::new(folder).database()),
            Self::Memory => None,
        }
    }

    /// Whether a store is there already.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.file().is_some_and(|file| file.is_file())
    }

    /// The folder whose store this file is, if it is called as one's file is.
    #[must_use]
    pub fn folder_of(file: &Path) -> Option<&Path> {
        file.file_name().is_some_and(|name| name == Files::DATABASE).then_some(())?;
        file.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
    }
}

impl fmt::Display for StoreConfig {
    /// Writes what people call the place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { folder, .. } | Self::ReadOnly { folder, .. } => folder.display().fmt(f),
            Self::Memory => f.write_str("this process's memory"),
        }
    }
}

/// A store of any kind; clones share it.
#[derive(Clone)]
#[non_exhaustive]
pub enum AnyStore {
    /// A database on this machine.
    Embedded(embedded::Store<Files>),
    /// One that is only read.
    ReadOnly(embedded::Store<ReadOnly>),
    /// This process's memory.
    Memory(Memory),
}

impl AnyStore {
    /// Opens what is configured.
    ///
    /// # Errors
    /// When somebody else has it open, it is damaged beyond use, or the storage fails.
    pub async fn open(config: &StoreConfig) -> Result<Self, Fault> {
        Ok(match config {
            StoreConfig::Embedded { folder, settings } => {
                Self::Embedded(embedded::Store::open(Files::new(folder), *settings).await?)
            }
            StoreConfig::ReadOnly { folder, settings } => {
                Self::ReadOnly(embedded::Store::open(ReadOnly::new(folder), *settings).await?)
            }
            StoreConfig::Memory => Self::Memory(Memory::default()),
        })
    }

    /// Closes it once everything that was asked for before is done, whatever other handles there are. What was only appended
    /// to memory is lost: end the claim first.
    pub async fn close(self) {
        match self {
            Self::Embedded(store) => store.close().await,
            Self::ReadOnly(store) => store.close().await,
            Self::Memory(_) => {}
        }
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded(_) => "AnyStore::Embedded",
            Self::ReadOnly(_) => "AnyStore::ReadOnly",
            Self::Memory(_) => "AnyStore::Memory",
        })
    }
}

/// Has the chosen store do it.
macro_rules! chosen {
    ($any:expr, $store:ident => $call:expr) => {
        match $any {
            AnyStore::Embedded($store) => $call.await,
            AnyStore::ReadOnly($store) => $call.await,
            AnyStore::Memory($store) => $call.await,
        }
    };
}

impl Journal for AnyStore {
    async fn header(&self) -> Result<Option<JournalHeader>, ReadError> {
        chosen!(self, store => store.header())
    }

    async fn create(&self, header: &JournalHeader) -> Result<(), CreateError> {
        chosen!(self, store => store.create(header))
    }

    async fn claim(&self, record: &Record) -> Result<Claim, ClaimError> {
        chosen!(self, store => store.claim(record))
    }

    async fn append(&self, records: &[Record], durability: Durability) -> Result<Appended, AppendError> {
        chosen!(self, store => store.append(records, durability))
    }

    async fn log_state(&self) -> Result<LogState, ReadError> {
        chosen!(self, store => store.log_state())
    }

    async fn read(&self, from: Slot, bytes_max: u64) -> Result<Vec<Record>, ReadError> {
        chosen!(self, store => store.read(from, bytes_max))
    }

    async fn record(&self, slot: Slot) -> Result<Option<Record>, ReadError> {
        chosen!(self, store => store.record(slot))
    }

    async fn find(&self, tick: Tick) -> Result<Option<Slot>, ReadError> {
        chosen!(self, store => store.find(tick))
    }

    async fn trim_prefix(&self, tick: Tick) -> Result<(), TrimError> {
        chosen!(self, store => store.trim_prefix(tick))
    }
}

impl Salvage for AnyStore {
    async fn tail_report(&self) -> Result<TailReport, ReadError> {
        chosen!(self, store => store.tail_report())
    }
}

impl Snapshots for AnyStore {
    async fn missing(&self, hashes: &[Hash]) -> Result<Vec<Hash>, PutError> {
        chosen!(self, store => store.missing(hashes))
    }

    async fn put_pages(&self, pages: &[Page]) -> Result<(), PutError> {
        chosen!(self, store => store.put_pages(pages))
    }

    async fn page(&self, hash: Hash) -> Result<Option<Bytes>, FetchError> {
        chosen!(self, store => store.page(hash))
    }

    async fn put_manifest(&self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        chosen!(self, store => store.put_manifest(snapshot))
    }

    async fn manifests(&self) -> Result<Vec<Tick>, FetchError> {
        chosen!(self, store => store.manifests())
    }

    async fn manifest(&self, tick: Tick) -> Result<Option<Snapshot>, FetchError> {
        chosen!(self, store => store.manifest(tick))
    }

    async fn put_pack(&self, id: ContentId, bytes: Bytes) -> Result<(), PutError> {
        chosen!(self, store => store.put_pack(id, bytes))
    }

    async fn pack(&self, id: ContentId) -> Result<Option<Bytes>, FetchError> {
        chosen!(self, store => store.pack(id))
    }

    async fn packs(&self) -> Result<Vec<ContentId>, FetchError> {
        chosen!(self, store => store.packs())
    }

    async fn retain(&self, retention: Retention) -> Result<Removed, RetainError> {
        chosen!(self, store => store.retain(retention))
    }
}

impl Keys for AnyStore {
    async fn keys(&self) -> Result<Option<KeysRow>, FetchError> {
        chosen!(self, store => store.keys())
    }

    async fn replace_keys(&self, seen: Option<&KeysRow>, next: &KeysRow) -> Result<bool, Fault> {
        chosen!(self, store => store.replace_keys(seen, next))
    }
}

impl Tokens for AnyStore {
    async fn spend(
        &self,
        token: TokenDigest,
        bearer: Bearer,
        expires_seconds: u64,
    ) -> Result<Option<Bearer>, SpendError> {
        chosen!(self, store => store.spend(token, bearer, expires_seconds))
    }

    async fn forget_spent(&self, expired_before_seconds: u64) -> Result<u64, Fault> {
        chosen!(self, store => store.forget_spent(expired_before_seconds))
    }
}

impl Marks for AnyStore {
    async fn mark(&self, mark: &Mark) -> Result<(), Fault> {
        chosen!(self, store => store.mark(mark))
    }

    async fn marks(&self) -> Result<Vec<Mark>, Fault> {
        chosen!(self, store => store.marks())
    }

    async fn attempt(&self, build: BuildId, record_hash: Hash) -> Result<u32, Fault> {
        chosen!(self, store => store.attempt(build, record_hash))
    }

    async fn attempts(&self) -> Result<Vec<Attempts>, Fault> {
        chosen!(self, store => store.attempts())
    }

    async fn forget_attempts(&self) -> Result<(), Fault> {
        chosen!(self, store => store.forget_attempts())
    }
}

impl Archive for AnyStore {
    async fn whereabouts(&self, players: &[PlayerId]) -> Result<Vec<Result<Option<Whereabouts>, Cause>>, RaiseError> {
        chosen!(self, store => store.whereabouts(players))
    }

    async fn raise(&self, raises: &[Raise]) -> Result<Vec<Result<Whereabouts, Cause>>, RaiseError> {
        chosen!(self, store => store.raise(raises))
    }
}
