//! Laws of snapshots and packs: nothing half, nothing foreign, nothing needed removed.

use bytes::Bytes;
use tickworld_sim::{
    content::ContentId,
    frame::Tick,
    hash::{Hash, hash},
};

use super::{
    BackendUnderTest, Corruption, Verdict, World, ensure,
    journal::{begin, grow, slot},
    same,
};
use crate::{
    Durability,
    error::{ManifestError, PutError, ReadError, RetainError, TrimError},
    limits,
    position::{LogPosition, Slot},
    record::{Record, TickRecord},
    recover::{Origin, recover},
    retention::Retention,
    store::{Journal as _, Page, Snapshots as _},
};

/// Puts the pages and the manifest at a position.
pub(super) async fn keep<S: BackendUnderTest>(store: &S::Store, world: &World, position: LogPosition) -> Verdict {
    store
        .put_pages(&world.pages(position.tick))
        .await
        .map_err(|error| format!("pages of {}: {error}", position.tick))?;
    let put = store.put_manifest(&world.snapshot(position)).await;
    put.map_err(|error| format!("manifest of {}: {error}", position.tick))
}

pub(super) async fn pages_are_put_once_under_their_hash<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, _) = begin(subject).await?;
    let pages = world.pages(Tick(9));
    let hashes: Vec<Hash> = pages.iter().map(|page| page.hash).collect();
    same!("missing at first", store.missing(&hashes).await, Ok(hashes.clone()));
    same!("put", store.put_pages(&pages).await, Ok(()));
    same!("put again", store.put_pages(&pages).await, Ok(()));
    same!("missing then", store.missing(&hashes).await, Ok(vec![]));
    let forged = Page { hash: hash(b"another"), bytes: Bytes::from_static(b"page") };
    let fresh = Page::new(Bytes::from_static(b"beside it"));
    let refused = store.put_pages(&[fresh.clone(), forged.clone()]).await;
    same!("bytes of another page", refused, Err(PutError::Hash { hash: forged.hash }));
    same!("the page beside it", store.page(fresh.hash).await, Ok(None));
    let long = Page::new(Bytes::from(vec![0; limits::PAGE_BYTES_MAX + 1]));
    ensure!(matches!(store.put_pages(&[long]).await, Err(PutError::Limit { .. })), "too long a page was taken");
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    for page in &pages {
        same!("a page after a crash", store.page(page.hash).await, Ok(Some(page.bytes.clone())));
    }
    same!("a page that was never put", store.page(Hash::ZERO).await, Ok(None));
    Ok(())
}

pub(super) async fn a_manifest_needs_its_pages<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let position = grow::<S>(&store, &world, claim, 3).await?[2].position();
    let pages = world.pages(position.tick);
    let snapshot = world.snapshot(position);
    store.put_pages(&pages[..2]).await.map_err(|error| error.to_string())?;
    let missing = Err(ManifestError::Missing { count: 1, first: pages[2].hash });
    same!("without a page", store.put_manifest(&snapshot).await, missing);
    same!("what is kept then", store.manifests().await, Ok(vec![]));
    keep::<S>(&store, &world, position).await?;
    keep::<S>(&store, &world, position).await?;
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    same!("what is kept after a crash", store.manifests().await, Ok(vec![position.tick]));
    same!("the snapshot", store.manifest(position.tick).await, Ok(Some(snapshot)));
    same!("another tick's", store.manifest(Tick(1)).await, Ok(None));
    Ok(())
}

pub(super) async fn a_manifest_belongs_to_the_journal<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 5).await?;
    for tick in 0..=9 {
        store.put_pages(&world.pages(Tick(tick))).await.map_err(|error| error.to_string())?;
    }
    let ahead = LogPosition { slot: slot(6), tick: Tick(6), record_hash: Hash::ZERO };
    let refused = Err(ManifestError::Tick { tick: Tick(6), base: Tick(0), last: Tick(5) });
    same!("ahead of the journal", store.put_manifest(&world.snapshot(ahead)).await, refused);
    let foreign = LogPosition { slot: slot(4), tick: Tick(4), record_hash: Hash::ZERO };
    let refused = Err(ManifestError::Chain { tick: Tick(4) });
    same!("of another history", store.put_manifest(&world.snapshot(foreign)).await, refused);
    let beside = LogPosition { slot: slot(5), ..records[3].position() };
    same!("in another slot", store.put_manifest(&world.snapshot(beside)).await, refused);
    // The record of tick 5 proves tick 3.
    let mut wrong = world.snapshot(records[2].position());
    wrong.manifest.columns[0].pop();
    let refused = Err(ManifestError::Root { tick: Tick(3) });
    same!("with another root than the proven one", store.put_manifest(&wrong).await, refused);
    let mut wrong = world.snapshot(records[2].position());
    wrong.manifest.head.schema.0 = Hash::ZERO;
    same!("of another schema", store.put_manifest(&wrong).await, Err(ManifestError::Schema));
    same!("what is kept then", store.manifests().await, Ok(vec![]));
    keep::<S>(&store, &world, world.header().start_position()).await?;
    keep::<S>(&store, &world, records[4].position()).await
}

pub(super) async fn packs_come_back_whole<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, _, _) = begin(subject).await?;
    let sizes = [0, 1, limits::PACK_PIECE_BYTES, limits::PACK_PIECE_BYTES * 40 + 5];
    for size in sizes {
        let bytes: Vec<u8> = (0..size).map(|i| (i / limits::PACK_PIECE_BYTES) as u8).collect();
        let id = ContentId(hash(&bytes));
        same!("before", store.pack(id).await, Ok(None));
        same!("put", store.put_pack(id, bytes.clone().into()).await, Ok(()));
        same!("put again", store.put_pack(id, bytes.clone().into()).await, Ok(()));
        ensure!(store.pack(id).await == Ok(Some(bytes.into())), "a pack of {size} bytes came back otherwise");
    }
    let swept = store.retain(Retention::default()).await;
    ensure!(swept.is_ok(), "retention: {swept:?}");
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    let packs = store.packs().await.map_err(|error| error.to_string())?;
    same!("packs after a crash", packs.len(), sizes.len());
    for id in packs {
        let found = store.pack(id).await;
        ensure!(matches!(&found, Ok(Some(bytes)) if hash(bytes) == id.0), "pack {id} after a crash: {found:?}");
    }
    Ok(())
}

pub(super) async fn records_are_forgotten_only_under_a_snapshot<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 10).await?;
    let needed = Err(TrimError::Needed { tick: Tick(4) });
    same!("without a snapshot", store.trim_prefix(Tick(4)).await, needed);
    keep::<S>(&store, &world, records[3].position()).await?;
    same!("under one", store.trim_prefix(Tick(4)).await, Ok(()));
    let gone = Err(ReadError::Trimmed { slot: slot(4), base: slot(4) });
    same!("a forgotten record", store.read(slot(4), u64::MAX).await, gone);
    same!("a forgotten claim", store.record(Slot(1)).await, Ok(None));
    same!("those after it", store.read(slot(5), u64::MAX).await, Ok(records[4..].to_vec()));
    subject.crash().await;
    drop(store);
    let log = subject.open().await.log_state().await.map_err(|error| error.to_string())?;
    same!("after a crash", (log.base, log.last), (records[3].position(), records[9].position()));
    Ok(())
}

pub(super) async fn retention_leaves_what_replay_needs<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 40).await?;
    for tick in [4, 8, 12, 20, 30] {
        keep::<S>(&store, &world, records[tick - 1].position()).await?;
    }
    let removed = store.retain(Retention { snapshots_min: 2, ticks: 0 }).await;
    let removed = removed.map_err(|error| error.to_string())?;
    same!("snapshots that stay", store.manifests().await, Ok(vec![Tick(20), Tick(30)]));
    same!("what was removed", (removed.snapshots, removed.records), (3, 20));
    ensure!(removed.pages >= 3, "only {} pages were removed", removed.pages);
    same!("the records after the oldest", store.read(slot(21), u64::MAX).await, Ok(records[20..].to_vec()));
    for tick in [Tick(20), Tick(30)] {
        for page in world.pages(tick) {
            same!("a page that is needed", store.page(page.hash).await, Ok(Some(page.bytes.clone())));
        }
    }
    same!("a page that is not", store.page(world.pages(Tick(4))[2].hash).await, Ok(None));
    let recovery = recover(&store, &mut |_| {}).await.map_err(|error| error.to_string())?;
    same!("where a world starts again", recovery.origin.position(), records[29].position());
    same!("and how far it goes", (recovery.end, recovery.is_lossless()), (records[39].position(), true));
    // A history stays whole, from the last snapshot before its first tick on.
    for (ticks, gone, oldest) in [(1000, 0, 20), (11, 0, 20), (10, 1, 30)] {
        let retention = Retention { snapshots_min: 1, ticks };
        let removed = store.retain(retention).await.map_err(|error| error.to_string())?;
        same!("removed of a history", removed.snapshots, gone);
        same!("the oldest that is left", store.manifests().await.map(|it| it.first().copied()), Ok(Some(Tick(oldest))));
    }
    Ok(())
}

pub(super) async fn retention_needs_a_whole_snapshot<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 20).await?;
    for tick in [4, 12] {
        keep::<S>(&store, &world, records[tick - 1].position()).await?;
    }
    subject.crash().await;
    drop(store);
    if !subject.corrupt(Corruption::Page(world.pages(Tick(12))[2].hash)).await {
        return Ok(());
    }
    let store = subject.open().await;
    let refused = store.retain(Retention { snapshots_min: 1, ticks: 0 }).await;
    same!("retaining only a damaged one", refused, Err(RetainError::Unsound));
    same!("what is kept", store.manifests().await, Ok(vec![Tick(4), Tick(12)]));
    let recovery = recover(&store, &mut |_| {}).await.map_err(|error| error.to_string())?;
    ensure!(matches!(recovery.origin, Origin::Snapshot(_)), "the older snapshot is of no use any more");
    // A page that is put again is whole again.
    same!("mending", store.put_pages(&world.pages(Tick(12))).await, Ok(()));
    let retained = store.retain(Retention { snapshots_min: 1, ticks: 0 }).await;
    ensure!(retained.is_ok(), "retaining after mending: {retained:?}");
    same!("what is kept then", store.manifests().await, Ok(vec![Tick(12)]));
    Ok(())
}

/// A record like another one, whose contents differ.
pub(super) fn altered(record: &Record) -> Result<Record, String> {
    let tick = record.as_tick().ok_or("a claim has no frame")?;
    let mut frame = tick.frame.to_vec();
    frame.push(1);
    Record::new(TickRecord { frame: frame.into(), ..tick.clone() }).map_err(|error| error.to_string())
}

/// Appends on disk; for laws that need no more.
pub(super) async fn append<S: BackendUnderTest>(store: &S::Store, records: &[Record]) -> Verdict {
    store.append(records, Durability::Disk).await.map(|_| ()).map_err(|error| format!("appending: {error}"))
}
