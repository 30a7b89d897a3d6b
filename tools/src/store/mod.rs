//! [`OpenStore`]: what a server keeps in its data folder, opened for reading.
//!
//! Invariant: nothing in the folder changes, but by [`skip`], and what a server has open is refused. Damage of a record, a snapshot or a page
//! is an answer, not a failure; a failure is where nothing can be read at all.

mod follow;
mod game;
mod records;

use std::{ops::ControlFlow, path::Path};

use bytes::Bytes;
use tickworld_persist::{
    AnyStore, Attempts, Claimant, DataLossPolicy, Journal as _, JournalHeader, LogState, Mark, Marks as _, Record,
    RecoverError, Recovery, Salvage as _, SkipError, Skipped, Slot, Snapshot, Snapshots as _, StoreConfig, TailReport,
    VerifyError, VerifyReport,
    error::{Cause, Fault, FetchError, ReadError},
};
use tickworld_sim::{content::ContentId, frame::Tick, hash::Hash};
use tokio::runtime::{Builder, Runtime};

pub(crate) use self::{
    follow::{Follow, Origin, oldest_origin, origin_of},
    game::{D20, Hosted, Ledger},
    records::Records,
};
pub(crate) use tickworld_region::Divergence;

use crate::{
    failure::{Failure, Outcome},
    interrupt::Asked,
};

/// Bytes of the claims that are shown of a journal's end, a thousand and more.
const CLAIMS_BYTES: u64 = 256 * 1024;

/// A store that is only read.
pub(crate) struct OpenStore {
    runtime: Runtime,
    store: AnyStore,
    config: StoreConfig,
    /// What the journal says of itself.
    pub(crate) header: JournalHeader,
    /// Where it stands.
    pub(crate) log: LogState,
    /// What of its end is not as it was left.
    pub(crate) tail: TailReport,
}

impl OpenStore {
    /// Opens the world in a server's data folder.
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        let config = data_folder(path)?;
        let shown = config.to_string();
        let runtime = Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| Failure::new(format!("cannot start: {error}")))?;
        let opened = runtime.block_on(AnyStore::open(&config));
        let store = opened.map_err(|fault| unusable(&shown, fault))?;
        let header = runtime.block_on(store.header()).map_err(|error| unreadable(&shown, error))?;
        let header = header.ok_or_else(|| nothing(&shown))?;
        let log = runtime.block_on(store.log_state()).map_err(|error| unreadable(&shown, error))?;
        let tail = runtime.block_on(store.tail_report()).map_err(|error| unreadable(&shown, error))?;
        Ok(Self { runtime, store, config, header, log, tail })
    }

    /// What people call the place.
    pub(crate) fn shown(&self) -> String {
        self.config.to_string()
    }

    /// Length of the database's file.
    pub(crate) fn file_bytes(&self) -> u64 {
        let metadata = self.config.file().and_then(|file| std::fs::metadata(file).ok());
        metadata.map_or(0, |metadata| metadata.len())
    }

    /// The tick before the first record that is kept.
    pub(crate) const fn base(&self) -> Tick {
        self.log.base.tick
    }

    /// The last tick that is whole.
    pub(crate) const fn last(&self) -> Tick {
        self.log.last.tick
    }

    /// The last tick that may have been reported durable to somebody.
    pub(crate) fn acknowledged(&self) -> Tick {
        self.tail.acknowledged(&self.log)
    }

    /// The records of these ticks.
    pub(crate) fn records(&self, from: Tick, to: Tick) -> Records<'_> {
        Records::new(self, from, to)
    }

    /// The claims that no tick follows yet.
    pub(crate) fn claims_at_end(&self) -> Outcome<Vec<Record>> {
        let Some(slot) = self.find(self.last()) else { return Ok(Vec::new()) };
        let read = self.read(slot.next(), CLAIMS_BYTES).map_err(|error| self.read_failure(error))?;
        Ok(read.into_iter().filter(Record::is_claim).collect())
    }

    /// The slot of a tick's record.
    pub(crate) fn find(&self, tick: Tick) -> Option<Slot> {
        self.runtime.block_on(self.store.find(tick)).ok().flatten()
    }

    /// Whole records that follow each other, from a slot on.
    fn read(&self, from: Slot, bytes_max: u64) -> Result<Vec<Record>, ReadError> {
        self.runtime.block_on(self.store.read(from, bytes_max))
    }

    /// The ticks of all snapshots.
    pub(crate) fn snapshots(&self) -> Outcome<Vec<Tick>> {
        self.runtime.block_on(self.store.manifests()).map_err(|error| self.fetch_failure(error))
    }

    /// A snapshot; the inner error says what is wrong with it.
    pub(crate) fn snapshot(&self, tick: Tick) -> Outcome<Result<Snapshot, Cause>> {
        self.found(self.runtime.block_on(self.store.manifest(tick)))
    }

    /// A page; the inner error says what is wrong with it.
    pub(crate) fn page(&self, hash: Hash) -> Outcome<Result<Bytes, Cause>> {
        self.found(self.runtime.block_on(self.store.page(hash)))
    }

    /// The content packs.
    pub(crate) fn packs(&self) -> Outcome<Vec<ContentId>> {
        self.runtime.block_on(self.store.packs()).map_err(|error| self.fetch_failure(error))
    }

    /// A content pack; the inner error says what is wrong with it.
    pub(crate) fn pack(&self, id: ContentId) -> Outcome<Result<Bytes, Cause>> {
        self.found(self.runtime.block_on(self.store.pack(id)))
    }

    /// The ticks that a build panicked in.
    pub(crate) fn marks(&self) -> Outcome<Vec<Mark>> {
        self.runtime.block_on(self.store.marks()).map_err(|fault| unusable(&self.shown(), fault))
    }

    /// The starts that came to no new tick.
    pub(crate) fn attempts(&self) -> Outcome<Vec<Attempts>> {
        self.runtime.block_on(self.store.attempts()).map_err(|fault| unusable(&self.shown(), fault))
    }

    /// The tick that each mark is of, where its record is kept: in a slot that is void, or in the history.
    pub(crate) fn ticks_of(&self, marks: &[Mark]) -> Outcome<Vec<Option<u64>>> {
        let mut ticks = vec![None; marks.len()];
        if marks.is_empty() {
            return Ok(ticks);
        }
        for slot in (self.log.base.slot.next().0..self.log.next.0).map(Slot) {
            let record = self.runtime.block_on(self.store.record(slot)).map_err(|error| self.read_failure(error))?;
            let Some(record) = record else { continue };
            for (mark, tick) in marks.iter().zip(&mut ticks) {
                if mark.record_hash == record.hash() {
                    *tick = Some(record.tick().0);
                }
            }
        }
        Ok(ticks)
    }

    /// Reads everything and compares every hash, until `progress` says that it is enough.
    pub(crate) fn verify(
        &self,
        progress: &mut (dyn FnMut(tickworld_persist::Progress) -> ControlFlow<()> + Send),
    ) -> Outcome<VerifyReport> {
        self.runtime.block_on(tickworld_persist::verify(&self.store, progress)).map_err(|error| match error {
            VerifyError::Read(error) => unreadable(&self.shown(), error),
            VerifyError::Fetch(error) => self.fetch_failure(error),
            error => Failure::new(format!("{}: {error}", self.shown())),
        })
    }

    /// Where a server would start again; `None` if the process is told to end before that is found.
    pub(crate) fn recover(&self) -> Option<Result<Recovery, RecoverError>> {
        self.runtime.block_on(async {
            let (mut asked, mut progress) = (Asked::new(), |_| {});
            tokio::select! {
                biased;
                () = asked.wait() => None,
                recovery = tickworld_persist::recover(&self.store, &mut progress) => Some(recovery),
            }
        })
    }

    /// Parts what is missing or damaged from what cannot be read at all.
    fn found<T>(&self, fetched: Result<Option<T>, FetchError>) -> Outcome<Result<T, Cause>> {
        match fetched {
            Ok(found) => Ok(found.ok_or(Cause::Missing)),
            Err(FetchError::Damaged(cause)) => Ok(Err(cause)),
            Err(error) => Err(self.fetch_failure(error)),
        }
    }

    fn fetch_failure(&self, error: FetchError) -> Failure {
        match error {
            FetchError::Storage(fault) => unusable(&self.shown(), fault),
            error => Failure::new(format!("{}: {error}", self.shown())),
        }
    }

    /// Why a record cannot be used, said for people.
    pub(crate) fn read_failure(&self, error: ReadError) -> Failure {
        unreadable(&self.shown(), error)
    }
}

/// Leaves out the last tick of the world in a folder; the inner error says why not.
pub(crate) fn skip(path: &Path, by: &Claimant, policy: DataLossPolicy) -> Outcome<Result<Skipped, SkipError>> {
    // Opened for reading first: nothing is made in a folder that holds no world.
    let store = OpenStore::open(path)?;
    let shown = store.shown();
    // Its thread has let go of the file by then.
    store.runtime.block_on(store.store.close());
    let folder = StoreConfig::folder_of(path).filter(|_| path.is_file()).unwrap_or(path);
    let runtime = Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let store = AnyStore::open(&StoreConfig::embedded(folder)).await.map_err(|fault| unusable(&shown, fault))?;
        let skipped = tickworld_persist::skip(&store, by, policy).await;
        store.close().await;
        Ok(skipped)
    })
}

/// The store that `path` means: the one in that folder, or the one whose file it is.
fn data_folder(path: &Path) -> Outcome<StoreConfig> {
    let shown = path.display();
    if path.is_file() {
        if let Some(folder) = StoreConfig::folder_of(path) {
            return Ok(StoreConfig::read_only(folder));
        }
        return Err(Failure::new(format!("{shown} is a file, not a server's data folder"))
            .help("name the folder that the server's setting `data` names"));
    }
    if !path.is_dir() {
        return Err(Failure::new(format!("cannot open {shown}: there is no such folder"))
            .help("name the folder that the server's setting `data` names; `tickworld play --data FOLDER` makes one"));
    }
    let config = StoreConfig::read_only(path);
    if !config.exists() {
        let name = config.file().and_then(|file| Some(file.file_name()?.display().to_string())).unwrap_or_default();
        return Err(Failure::new(format!("{shown} holds no world: there is no {name} in it"))
            .help("name the folder that the server's setting `data` names; `tickworld play --data FOLDER` makes one"));
    }
    Ok(config)
}

fn nothing(shown: &str) -> Failure {
    Failure::new(format!("{shown} holds no world yet: its journal was never begun"))
        .help("start a server on it, or restore it from a copy if there was a world")
}

/// The database as a whole cannot be used.
fn unusable(shown: &str, fault: Fault) -> Failure {
    match fault {
        Fault::Busy => Failure::new(format!("{shown} is in use: a server has the world open")).help(
            "end the server first (SIGTERM, or POST /admin/shutdown); while it runs, GET /admin/status and /metrics say \
             where it stands",
        ),
        Fault::Corrupt(what) => Failure::new(format!("{shown}: the database is damaged: {what}"))
            .help("single damaged records and pages would be named; this is beyond that: restore the folder from a copy"),
        fault => Failure::new(format!("{shown}: {fault}")),
    }
}

/// The journal cannot be read.
fn unreadable(shown: &str, error: ReadError) -> Failure {
    match error {
        ReadError::Storage(fault) => unusable(shown, fault),
        ReadError::Absent => nothing(shown),
        ReadError::Header(_) => Failure::new(format!("{shown}: {error}"))
            .help("nothing else can be read without it: restore the folder from a copy"),
        ReadError::Damaged(damage) => Failure::new(format!("{shown}: records of {damage}"))
            .help(format!("`tickworld journal verify {shown}` lists everything that is damaged")),
        error => Failure::new(format!("{shown}: {error}")),
    }
}
