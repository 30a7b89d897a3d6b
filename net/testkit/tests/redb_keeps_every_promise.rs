//! The conformance suite on redb over a simulated disk, which can be made to suffer everything that the suite asks for: power
//! cuts that leave what they like, failing syncs of both kinds, no room, and turned bits.

use std::{
    panic::catch_unwind,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tickworld_persist::{
    Appended, Archive, Attempts, Bearer, BuildId, Claim, Durability, Journal, JournalHeader, Keys, KeysRow, LogState,
    Mark, Marks, Page, Raise, Record, Removed, Retention, Salvage, Slot, Snapshot, Snapshots, TailReport, TokenDigest,
    Tokens, Whereabouts,
    conformance::{BackendUnderTest, Corruption, run},
    embedded::{Core, Settings, Store},
    error::{
        AppendError, Cause, ClaimError, CreateError, Fault, FetchError, ManifestError, PutError, RaiseError, ReadError,
        RetainError, SpendError, TrimError,
    },
    memory::FaultMode,
};
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Tick},
    hash::Hash,
};
use tickworld_testkit::{
    dice::Dice,
    disk::{CrashKind, SimDisk, SimMedium, SyncFault, SyncTruth},
};

const SPENT_TOKENS_MAX: u64 = 150;

fn settings() -> Settings {
    Settings { cache_bytes: 1 << 20, spent_tokens_max: SPENT_TOKENS_MAX, ..Settings::default() }
}

/// The outcome of what is ready when it is first polled.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a store without a thread answers at once"),
    }
}

/// A store whose disk fails during the next append or claim, while the next token is spent or the next row is raised, if it was told to.
#[derive(Clone)]
struct Faulty {
    store: Store<SimMedium>,
    disk: SimDisk,
    next: Arc<Mutex<Option<FaultMode>>>,
}

impl Faulty {
    /// The store's futures are ready when they are first polled, so nothing else happens while the disk fails.
    async fn suffering<T>(&self, work: impl Future<Output = T>) -> T {
        let fault = self.next.lock().expect("nobody panics").take();
        match fault {
            Some(FaultMode::UnknownWritten) => self.disk.fail_next_sync(Some(SyncFault::Retained)),
            Some(FaultMode::UnknownLost) => self.disk.fail_next_sync(Some(SyncFault::Lost)),
            Some(FaultMode::Fails) => self.disk.refuse_next_write(true),
            _ => {}
        }
        let done = work.await;
        // What is kept in memory, or was spent before, needs no disk.
        self.disk.refuse_next_write(false);
        self.disk.fail_next_sync(None);
        done
    }
}

/// A machine with a store.
struct Machine {
    medium: SimMedium,
    open: Option<Faulty>,
    next: Arc<Mutex<Option<FaultMode>>>,
    dice: Dice,
}

impl Machine {
    fn new(seed: u64) -> Self {
        let dice = Dice::new(seed, "conformance", 0);
        Self { medium: SimMedium::default(), open: None, next: Arc::default(), dice }
    }

    /// Turns a bit of these bytes, wherever they stand: redb leaves older copies of what it has moved.
    fn turn(&mut self, bytes: &[u8]) -> bool {
        let image = self.medium.database.image();
        let copies: Vec<usize> = (0..=image.len() - bytes.len()).filter(|at| image[*at..].starts_with(bytes)).collect();
        let (offset, mask) = (self.dice.below(bytes.len() as u64), 1 << self.dice.below(8));
        copies.iter().for_each(|at| self.medium.database.flip(*at as u64 + offset, mask));
        !copies.is_empty()
    }
}

impl BackendUnderTest for Machine {
    type Store = Faulty;

    async fn open(&mut self) -> Faulty {
        let Self { medium, next, .. } = self;
        let open = || {
            let store = Store::open_within(medium.clone(), settings()).expect("the database opens");
            Faulty { store, disk: medium.database.clone(), next: next.clone() }
        };
        self.open.get_or_insert_with(open).clone()
    }

    async fn crash(&mut self) {
        let kind = *self.dice.pick(&CrashKind::ALL);
        self.medium.crash(kind, &mut self.dice);
        // The old process's handles fail from now on; closing one must not wait for the new one.
        self.open = None;
    }

    fn inject(&mut self, fault: FaultMode) -> bool {
        if fault == FaultMode::KeepsHalf {
            return false;
        }
        *self.next.lock().expect("nobody panics") = Some(fault);
        true
    }

    fn set_full(&mut self, full: bool) -> bool {
        let length = full.then(|| self.medium.database.length());
        self.medium.database.set_capacity(length);
        true
    }

    fn spent_tokens_max(&self) -> Option<u64> {
        Some(SPENT_TOKENS_MAX)
    }

    async fn corrupt(&mut self, corruption: Corruption) -> bool {
        let mut core = Core::open(self.medium.clone(), settings()).expect("the database opens");
        let bytes = match corruption {
            Corruption::Record(slot) => {
                let records = core.read_records(slot, 0).expect("it is whole yet");
                let mut bytes = Vec::new();
                records[0].encode(&mut bytes);
                bytes
            }
            Corruption::Page(hash) => core.page(hash).expect("it is whole yet").expect("it is there").to_vec(),
        };
        drop(core);
        assert!(self.turn(&bytes), "{corruption:?} is not in the file");
        true
    }
}

#[test]
fn on_any_disk() {
    for seed in 0..4 {
        if let Err(violation) = now(run(|| Machine::new(seed), seed * 1_000)) {
            panic!("seed {seed}: {violation}");
        }
    }
}

#[test]
fn and_not_on_one_that_lies_about_its_syncs() {
    let lying = |seed| {
        let machine = Machine::new(seed);
        machine.medium.database.set_sync_truth(SyncTruth::Lies);
        machine
    };
    for seed in 0..4 {
        // What is left of the file may be no database any more, which is noticed as well.
        let verdict = catch_unwind(|| now(run(|| lying(seed), seed * 1_000)));
        assert!(!matches!(verdict, Ok(Ok(()))), "seed {seed}: every law holds on a disk that keeps nothing");
    }
}

impl Journal for Faulty {
    async fn header(&self) -> Result<Option<JournalHeader>, ReadError> {
        self.store.header().await
    }

    async fn create(&self, header: &JournalHeader) -> Result<(), CreateError> {
        self.store.create(header).await
    }

    async fn claim(&self, record: &Record) -> Result<Claim, ClaimError> {
        self.suffering(self.store.claim(record)).await
    }

    async fn append(&self, records: &[Record], durability: Durability) -> Result<Appended, AppendError> {
        self.suffering(self.store.append(records, durability)).await
    }

    async fn log_state(&self) -> Result<LogState, ReadError> {
        self.store.log_state().await
    }

    async fn read(&self, from: Slot, bytes_max: u64) -> Result<Vec<Record>, ReadError> {
        self.store.read(from, bytes_max).await
    }

    async fn record(&self, slot: Slot) -> Result<Option<Record>, ReadError> {
        self.store.record(slot).await
    }

    async fn find(&self, tick: Tick) -> Result<Option<Slot>, ReadError> {
        self.store.find(tick).await
    }

    async fn trim_prefix(&self, tick: Tick) -> Result<(), TrimError> {
        self.store.trim_prefix(tick).await
    }
}

impl Salvage for Faulty {
    async fn tail_report(&self) -> Result<TailReport, ReadError> {
        self.store.tail_report().await
    }
}

impl Snapshots for Faulty {
    async fn missing(&self, hashes: &[Hash]) -> Result<Vec<Hash>, PutError> {
        self.store.missing(hashes).await
    }

    async fn put_pages(&self, pages: &[Page]) -> Result<(), PutError> {
        self.store.put_pages(pages).await
    }

    async fn page(&self, hash: Hash) -> Result<Option<Bytes>, FetchError> {
        self.store.page(hash).await
    }

    async fn put_manifest(&self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        self.store.put_manifest(snapshot).await
    }

    async fn manifests(&self) -> Result<Vec<Tick>, FetchError> {
        self.store.manifests().await
    }

    async fn manifest(&self, tick: Tick) -> Result<Option<Snapshot>, FetchError> {
        self.store.manifest(tick).await
    }

    async fn put_pack(&self, id: ContentId, bytes: Bytes) -> Result<(), PutError> {
        self.store.put_pack(id, bytes).await
    }

    async fn pack(&self, id: ContentId) -> Result<Option<Bytes>, FetchError> {
        self.store.pack(id).await
    }

    async fn packs(&self) -> Result<Vec<ContentId>, FetchError> {
        self.store.packs().await
    }

    async fn retain(&self, retention: Retention) -> Result<Removed, RetainError> {
        self.store.retain(retention).await
    }
}

impl Keys for Faulty {
    async fn keys(&self) -> Result<Option<KeysRow>, FetchError> {
        self.store.keys().await
    }

    async fn replace_keys(&self, seen: Option<&KeysRow>, next: &KeysRow) -> Result<bool, Fault> {
        self.store.replace_keys(seen, next).await
    }
}

impl Tokens for Faulty {
    async fn spend(
        &self,
        token: TokenDigest,
        bearer: Bearer,
        expires_seconds: u64,
    ) -> Result<Option<Bearer>, SpendError> {
        self.suffering(self.store.spend(token, bearer, expires_seconds)).await
    }

    async fn forget_spent(&self, expired_before_seconds: u64) -> Result<u64, Fault> {
        self.store.forget_spent(expired_before_seconds).await
    }
}

impl Archive for Faulty {
    async fn whereabouts(&self, players: &[PlayerId]) -> Result<Vec<Result<Option<Whereabouts>, Cause>>, RaiseError> {
        self.store.whereabouts(players).await
    }

    async fn raise(&self, raises: &[Raise]) -> Result<Vec<Result<Whereabouts, Cause>>, RaiseError> {
        self.suffering(self.store.raise(raises)).await
    }
}

impl Marks for Faulty {
    async fn mark(&self, mark: &Mark) -> Result<(), Fault> {
        self.store.mark(mark).await
    }

    async fn marks(&self) -> Result<Vec<Mark>, Fault> {
        self.store.marks().await
    }

    async fn attempt(&self, build: BuildId, record_hash: Hash) -> Result<u32, Fault> {
        self.store.attempt(build, record_hash).await
    }

    async fn attempts(&self) -> Result<Vec<Attempts>, Fault> {
        self.store.attempts().await
    }

    async fn forget_attempts(&self) -> Result<(), Fault> {
        self.store.forget_attempts().await
    }
}
