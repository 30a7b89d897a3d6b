//! The conformance suite over both backends, and every broken promise that it must catch.
//!
//! A failure names the law; random histories name their seed, which [`SEED`] repeats.

use tempfile::TempDir;
use tickworld_persist::{
    conformance::{Harm, Subject, run},
    embedded::{Files, Settings, Store},
    memory::{Flaw, Memory, Trouble},
};

const SEED: u64 = 20_260;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers").block_on(future)
}

/// The double: can be made to suffer anything.
struct Double(Memory);

impl Subject for Double {
    type Store = Memory;

    async fn open(&mut self) -> Memory {
        self.0.clone()
    }

    async fn crash(&mut self) {
        self.0.crash();
    }

    fn trouble(&mut self, trouble: Trouble) -> bool {
        self.0.trouble(trouble);
        true
    }

    fn set_full(&mut self, full: bool) -> bool {
        self.0.set_full(full);
        true
    }

    async fn harm(&mut self, harm: Harm) -> bool {
        match harm {
            Harm::Record(tick) => self.0.damage_record(tick),
            Harm::Page(hash) => self.0.damage_page(hash),
        }
        true
    }
}

/// redb in a folder. A crash is a copy of the files as they are, opened in the place of the old ones.
struct OnDisk {
    folder: TempDir,
    /// Whether it has no thread of its own.
    is_within: bool,
    open: Option<Store<Files>>,
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

impl Subject for OnDisk {
    type Store = Store<Files>;

    async fn open(&mut self) -> Store<Files> {
        if self.open.is_none() {
            let files = Files::new(self.folder.path());
            let store = if self.is_within {
                Store::open_within(files, Settings::default())
            } else {
                Store::open(files, Settings::default()).await
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

    fn trouble(&mut self, _: Trouble) -> bool {
        false
    }

    fn set_full(&mut self, _: bool) -> bool {
        false
    }

    async fn harm(&mut self, _: Harm) -> bool {
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
    const FLAWS: &[Flaw] = &[
        Flaw::TakesGaps,
        Flaw::TakesAnyChain,
        Flaw::TakesAnyProof,
        Flaw::DoesNotFence,
        Flaw::AppendsAfterSeal,
        Flaw::AppendsHalfAGroup,
        Flaw::ClaimsMoreThanItKept,
        Flaw::KeepsMoreThanItClaims,
        Flaw::LosesWhatItAcknowledged,
        Flaw::CallsMemoryDurable,
        Flaw::KeepsInMemoryForDisk,
        Flaw::ReusesEpochs,
        Flaw::HidesDamage,
        Flaw::HidesLostPages,
        Flaw::TakesWrongHashes,
        Flaw::TakesManifestsWithoutPages,
        Flaw::TakesManifestsOfOtherHistories,
        Flaw::TakesManifestsWithWrongRoots,
        Flaw::ForgetsWithoutSnapshot,
        Flaw::RemovesNeededRecords,
        Flaw::RemovesNeededPages,
        Flaw::RetainsNothing,
        Flaw::RetainsUnsoundly,
        Flaw::CutsWithoutAsking,
        Flaw::CallsLossKnown,
        Flaw::AppendsWhenFull,
    ];
    let missed: Vec<_> =
        FLAWS.iter().filter(|flaw| block_on(run(|| Double(Memory::with_flaw(**flaw)), SEED)).is_ok()).collect();
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
