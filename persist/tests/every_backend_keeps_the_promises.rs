//! The conformance suite over all backends, each behind the one type that they are chosen by; and every broken promise that it
//! must catch.
//!
//! A failure names the law; random histories name their seed, which [`SEED`] repeats.

use tempfile::TempDir;
use tickworld_persist::{
    AnyStore, StoreConfig,
    conformance::{BackendUnderTest, Corruption, run},
    embedded::{Files, Settings, Store},
    memory::{FaultMode, Memory, SeededBug},
};

const SEED: u64 = 20_260;
/// More than a law spends that asks for no limit, and few enough to reach.
const SPENT_TOKENS_MAX: u64 = 150;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers").block_on(future)
}

/// The double: can be made to suffer anything.
struct Double(Memory);

impl BackendUnderTest for Double {
    type Store = AnyStore;

    async fn open(&mut self) -> AnyStore {
        AnyStore::Memory(self.0.clone())
    }

    async fn crash(&mut self) {
        self.0.crash();
    }

    fn inject(&mut self, fault: FaultMode) -> bool {
        self.0.inject(fault);
        true
    }

    fn set_full(&mut self, full: bool) -> bool {
        self.0.set_full(full);
        true
    }

    fn spent_tokens_max(&self) -> Option<u64> {
        self.0.set_spent_tokens_max(SPENT_TOKENS_MAX);
        Some(SPENT_TOKENS_MAX)
    }

    async fn corrupt(&mut self, corruption: Corruption) -> bool {
        match corruption {
            Corruption::Record(slot) => self.0.damage_record(slot),
            Corruption::Page(hash) => self.0.damage_page(hash),
        }
        true
    }
}

/// redb in a folder. A crash is a copy of the files as they are, opened instead of the old ones.
struct OnDisk {
    folder: TempDir,
    /// Whether it has no thread of its own.
    is_within: bool,
    open: Option<AnyStore>,
}

impl OnDisk {
    fn new() -> Self {
        Self { folder: scratch(), is_within: false, open: None }
    }

    fn within() -> Self {
        Self { is_within: true, ..Self::new() }
    }
}

fn scratch() -> TempDir {
    tempfile::tempdir().expect("there is room for scratch files")
}

impl BackendUnderTest for OnDisk {
    type Store = AnyStore;

    async fn open(&mut self) -> AnyStore {
        if self.open.is_none() {
            let folder = self.folder.path();
            let settings = Settings { spent_tokens_max: SPENT_TOKENS_MAX, ..Settings::default() };
            let store = if self.is_within {
                Store::open_within(Files::new(folder), settings).map(AnyStore::Embedded)
            } else {
                AnyStore::open(&StoreConfig::Embedded { folder: folder.to_path_buf(), settings }).await
            };
            self.open = Some(store.expect("the database opens"));
        }
        self.open.clone().expect("opened above")
    }

    async fn crash(&mut self) {
        let copy = scratch();
        for file in std::fs::read_dir(self.folder.path()).expect("the folder is there").flatten() {
            std::fs::copy(file.path(), copy.path().join(file.file_name())).expect("files can be copied");
        }
        (self.folder, self.open) = (copy, None);
    }

    fn inject(&mut self, _: FaultMode) -> bool {
        false
    }

    fn set_full(&mut self, _: bool) -> bool {
        false
    }

    fn spent_tokens_max(&self) -> Option<u64> {
        Some(SPENT_TOKENS_MAX)
    }

    async fn corrupt(&mut self, _: Corruption) -> bool {
        false
    }
}

#[test]
fn the_double_in_memory_does() {
    block_on(run(|| Double(Memory::default()), SEED)).expect("every law holds");
}

#[test]
fn redb_does() {
    block_on(run(OnDisk::new, SEED)).expect("every law holds");
}

#[test]
fn redb_without_a_thread_does() {
    block_on(run(OnDisk::within, SEED)).expect("every law holds");
}

#[test]
fn every_broken_promise_is_caught() {
    let missed: Vec<_> =
        SeededBug::ALL.iter().filter(|bug| block_on(run(|| Double(Memory::with_bug(**bug)), SEED)).is_ok()).collect();
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
