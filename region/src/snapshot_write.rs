//! [`SnapshotWrite`]: a snapshot on its way into a store, call by call.
//!
//! Invariant: a manifest is put only after all its pages were; pages are encoded a batch at a time, so that the whole of a large
//! world never stands in memory twice. Between any two calls ticks go on, and the process may die.

use std::collections::VecDeque;

use bytes::Bytes;
use tickworld_persist::{
    Page, Retention, Snapshot, Snapshots,
    limits::{MISSING_HASHES_MAX, PUT_BYTES_MAX, PUT_PAGES_MAX},
};
use tickworld_sim::{game::Game, hash::Hash, snapshot::Manifest, world::World};

use crate::{effect::StoreSnapshot, request::SnapshotStored};

/// Column, page and hash.
type PageRef = (usize, u32, Hash);

/// See the module. Carry out [`poll`](Self::poll)'s call, hand its answer to [`handle`](Self::handle), until it says what
/// was stored.
pub struct SnapshotWrite<G: Game> {
    world: World<G>,
    snapshot: Snapshot,
    retention: Retention,
    pages: u64,
    pages_new: u64,
    /// Pages of which it is not known whether they are stored.
    unknown: VecDeque<PageRef>,
    /// Pages that the store was asked about last.
    asked: Vec<PageRef>,
    /// Calls with pages.
    batches: VecDeque<Vec<Page>>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Pages,
    Manifest,
    Retention,
    Done,
}

/// A call of a store.
#[derive(Clone, Debug)]
pub enum StoreCall {
    /// A call of [`Snapshots::missing`].
    Missing(Vec<Hash>),
    /// A call of [`Snapshots::put_pages`].
    PutPages(Vec<Page>),
    /// A call of [`Snapshots::put_manifest`].
    PutManifest(Box<Snapshot>),
    /// A call of [`Snapshots::retain`].
    Retain(Retention),
}

/// What a store answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAnswer {
    /// The pages that are not there.
    Missing(Vec<Hash>),
    /// It is done.
    Done,
    /// Old snapshots stay: said so, but the new one is stored.
    NotRetained(String),
}

impl StoreCall {
    /// Carries the call out.
    ///
    /// # Errors
    /// When the snapshot cannot be stored, said for people.
    pub async fn run<S: Snapshots>(self, store: &S) -> Result<StoreAnswer, String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        match self {
            Self::Missing(hashes) => {
                store.missing(&hashes).await.map(StoreAnswer::Missing).map_err(|error| said(&error))
            }
            Self::PutPages(pages) => {
                store.put_pages(&pages).await.map(|()| StoreAnswer::Done).map_err(|error| said(&error))
            }
            Self::PutManifest(snapshot) => {
                store.put_manifest(&snapshot).await.map(|()| StoreAnswer::Done).map_err(|error| said(&error))
            }
            Self::Retain(retention) => Ok(match store.retain(retention).await {
                Ok(_) => StoreAnswer::Done,
                Err(error) => StoreAnswer::NotRetained(said(&error)),
            }),
        }
    }
}

impl<G: Game> SnapshotWrite<G> {
    /// Of a world whose record is kept.
    #[must_use]
    pub fn new(StoreSnapshot { world, position, schema, retention }: StoreSnapshot<G>) -> Self {
        let manifest = Manifest::of(&world, schema);
        let columns = manifest.columns.iter().enumerate();
        let unknown: VecDeque<PageRef> =
            columns.flat_map(|(column, pages)| pages.iter().map(move |it| (column, it.page, it.hash))).collect();
        Self {
            world,
            retention,
            pages: unknown.len() as u64,
            pages_new: 0,
            snapshot: Snapshot { slot: position.slot, record_hash: position.record_hash, manifest },
            unknown,
            asked: Vec::new(),
            batches: VecDeque::new(),
            stage: Stage::Pages,
        }
    }

    /// Writes the whole snapshot; what the store says of retention is told to `warn`.
    ///
    /// # Errors
    /// When the snapshot cannot be stored, said for people.
    pub async fn run<S: Snapshots>(
        mut self,
        store: &S,
        warn: &mut (dyn FnMut(String) + Send),
    ) -> Result<SnapshotStored, String> {
        while let Some(call) = self.poll() {
            let answer = call.run(store).await?;
            if let StoreAnswer::NotRetained(why) = &answer {
                warn(why.clone());
            }
            self.handle(answer);
        }
        Ok(self.stored())
    }

    /// The next call; `None` once everything is stored.
    pub fn poll(&mut self) -> Option<StoreCall> {
        match self.stage {
            Stage::Pages => {
                if let Some(batch) = self.batches.pop_front() {
                    return Some(StoreCall::PutPages(batch));
                }
                if self.unknown.is_empty() {
                    self.stage = Stage::Manifest;
                    return Some(StoreCall::PutManifest(Box::new(self.snapshot.clone())));
                }
                let count = self.unknown.len().min(MISSING_HASHES_MAX);
                self.asked = self.unknown.drain(..count).collect();
                Some(StoreCall::Missing(self.asked.iter().map(|(_, _, hash)| *hash).collect()))
            }
            Stage::Manifest => {
                self.stage = Stage::Retention;
                Some(StoreCall::Retain(self.retention))
            }
            Stage::Retention | Stage::Done => {
                self.stage = Stage::Done;
                None
            }
        }
    }

    /// What the last call brought.
    pub fn handle(&mut self, answer: StoreAnswer) {
        if let StoreAnswer::Missing(hashes) = answer {
            // In the order asked.
            let mut absent = hashes.into_iter().peekable();
            let asked = core::mem::take(&mut self.asked);
            let pages = asked.iter().filter(|page| absent.next_if(|hash| *hash == page.2).is_some());
            let pages = encode(&self.world, pages);
            self.pages_new += pages.len() as u64;
            self.batches = in_calls(pages);
        }
    }

    /// What was stored.
    #[must_use]
    pub const fn stored(&self) -> SnapshotStored {
        SnapshotStored { tick: self.snapshot.manifest.head.tick, pages: self.pages, pages_new: self.pages_new }
    }
}

fn encode<'p, G: Game>(world: &World<G>, pages: impl Iterator<Item = &'p PageRef>) -> Vec<Page> {
    let columns = world.column_list();
    let page = |(column, page, hash): &PageRef| {
        let mut bytes = Vec::new();
        let (_, column) = columns.get(*column)?;
        column.page_bytes(*page, &mut bytes).then(|| Page { hash: *hash, bytes: Bytes::from(bytes) })
    };
    pages.filter_map(page).collect()
}

/// As much in each as a call may have.
fn in_calls(pages: Vec<Page>) -> VecDeque<Vec<Page>> {
    let mut calls: VecDeque<Vec<Page>> = VecDeque::new();
    let mut room = 0;
    for page in pages {
        let is_full = calls.back().is_none_or(|call| call.len() >= PUT_PAGES_MAX) || page.bytes.len() > room;
        if is_full {
            calls.push_back(Vec::new());
            room = PUT_BYTES_MAX;
        }
        room = room.saturating_sub(page.bytes.len());
        if let Some(call) = calls.back_mut() {
            call.push(page);
        }
    }
    calls
}
