//! Storing a snapshot, beside the ticks.
//!
//! Invariant: only a world whose record is stored is stored; its pages cannot change meanwhile, for they are shared.

use std::time::Instant;

use bytes::Bytes;
use tickworld_persist::{
    Page, Retention, Snapshot, Snapshots, Store,
    limits::{MISSING_HASHES_MAX, PUT_BYTES_MAX, PUT_PAGES_MAX},
};
use tickworld_sim::{game::Game, hash::Hash, schema::SchemaId, snapshot::Manifest, world::World};

use crate::{
    command::{CommandError, SnapshotStored},
    meters::Meters,
};

/// A hashed world and its link in the journal.
pub(super) struct Storable<G: Game> {
    pub(super) world: World<G>,
    pub(super) link: Hash,
}

/// Stores a snapshot, then removes what retention does not keep.
pub(super) async fn store<S: Store, G: Game>(
    store: &S,
    schema: SchemaId,
    Storable { world, link }: Storable<G>,
    kept: u32,
    meters: &Meters,
) -> Result<SnapshotStored, CommandError> {
    let begun = Instant::now();
    let failed =
        |error: &dyn std::fmt::Display| CommandError::Unavailable(format!("the snapshot is not stored: {error}"));
    let manifest = Manifest::of(&world, schema);
    let tick = manifest.head.tick.0;
    let pages = manifest.columns.iter().map(|pages| pages.len() as u64).sum();
    let mut pages_new = 0;
    for batch in missing(store, &manifest).await.map_err(|error| failed(&error))? {
        // Encoded a batch at a time: the whole of a large world need not stand in memory twice.
        let bytes = encode(&world, &batch);
        pages_new += bytes.len() as u64;
        for bytes in in_calls(bytes) {
            store.put_pages(&bytes).await.map_err(|error| failed(&error))?;
        }
    }
    store.put_manifest(&Snapshot { record_hash: link, manifest }).await.map_err(|error| failed(&error))?;
    meters.snapshots.increment(1);
    meters.snapshot_pages.increment(pages_new);
    meters.snapshot_time.record(begun.elapsed().as_secs_f64());
    tracing::info!(tick, pages, pages_new, milliseconds = begun.elapsed().as_millis() as u64, "stored a snapshot");
    if let Err(error) = store.retain(Retention { snapshots_min: kept, ticks: 0 }).await {
        tracing::warn!(%error, "old snapshots stay");
    }
    Ok(SnapshotStored { tick, pages, pages_new })
}

/// Column and page.
type PageRef = (usize, u32, Hash);

/// The pages that are not stored, in batches.
async fn missing<S: Snapshots>(
    store: &S,
    manifest: &Manifest,
) -> Result<Vec<Vec<PageRef>>, tickworld_persist::error::PutError> {
    let all = manifest.columns.iter().enumerate();
    let all: Vec<PageRef> =
        all.flat_map(|(column, pages)| pages.iter().map(move |entry| (column, entry.page, entry.hash))).collect();
    let mut batches = Vec::new();
    for some in all.chunks(MISSING_HASHES_MAX) {
        let hashes: Vec<Hash> = some.iter().map(|(_, _, hash)| *hash).collect();
        // In the order asked.
        let mut absent = store.missing(&hashes).await?.into_iter().peekable();
        let is_absent = |page: &&PageRef| absent.next_if(|hash| *hash == page.2).is_some();
        batches.push(some.iter().filter(is_absent).copied().collect());
    }
    Ok(batches)
}

fn encode<G: Game>(world: &World<G>, pages: &[PageRef]) -> Vec<Page> {
    let columns = world.column_list();
    let page = |(column, page, hash): &PageRef| {
        let mut bytes = Vec::new();
        let (_, column) = columns.get(*column)?;
        column.page_bytes(*page, &mut bytes).then(|| Page { hash: *hash, bytes: Bytes::from(bytes) })
    };
    pages.iter().filter_map(page).collect()
}

/// As much in each as a call may have.
fn in_calls(pages: Vec<Page>) -> Vec<Vec<Page>> {
    let mut calls: Vec<Vec<Page>> = Vec::new();
    let mut room = 0;
    for page in pages {
        let is_full = calls.last().is_none_or(|call| call.len() >= PUT_PAGES_MAX) || page.bytes.len() > room;
        if is_full {
            calls.push(Vec::new());
            room = PUT_BYTES_MAX;
        }
        room -= page.bytes.len();
        if let Some(call) = calls.last_mut() {
            call.push(page);
        }
    }
    calls
}
