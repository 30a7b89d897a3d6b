//! Laws of a storage that fails: what was said about an append is what is found.

use tickworld_sim::frame::Tick;

use super::{
    BackendUnderTest, Verdict, ensure,
    journal::{begin, claim_again, grow, held},
    same,
    snapshots::{altered, append},
};
use crate::{
    Durability,
    error::{AppendError, Fault},
    memory::FaultMode,
    record::Record,
    store::{Journal as _, Snapshots as _},
};

pub(super) async fn a_failed_append_is_not_there<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let mut records = grow::<S>(&store, &world, claim, 3).await?;
    if !subject.inject(FaultMode::Fails) {
        return Ok(());
    }
    let next = world.record(claim.epoch, records[2].position(), 9);
    let failed = store.append(&[next], Durability::Disk).await;
    ensure!(matches!(failed, Err(AppendError::Storage(_))), "a storage that refuses gives {failed:?}");
    same!("the log then", store.log_state().await.map(|log| log.last), Ok(records[2].position()));
    // It was told that nothing was written, so it may write something else there.
    let other = altered(&world.record(claim.epoch, records[2].position(), 9))?;
    append::<S>(&store, std::slice::from_ref(&other)).await?;
    records.push(other);
    subject.crash().await;
    drop(store);
    same!("after a crash", held(&subject.open().await).await, Ok(records));
    Ok(())
}

pub(super) async fn an_unknown_outcome_is_read_back<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    for fault in [FaultMode::UnknownWritten, FaultMode::UnknownLost] {
        let store = subject.open().await;
        if store.header().await == Ok(None) {
            drop(store);
            begin(subject).await?;
        }
        let store = subject.open().await;
        let world = super::World::default();
        let claim = claim_again(&store, &world).await?;
        let next = world.record(claim.epoch, claim.last, 9);
        if !subject.inject(fault) {
            continue;
        }
        let said = store.append(std::slice::from_ref(&next), Durability::Disk).await;
        let log = store.log_state().await.map_err(|error| format!("reading back: {error}"))?;
        let there = log.last == next.position();
        ensure!(there || log.last == claim.last, "neither written nor not: {log:?}");
        match &said {
            Ok(_) => ensure!(there, "{fault:?}: acknowledged, and not there"),
            Err(AppendError::Unknown(_)) => {}
            Err(AppendError::Storage(_)) => ensure!(!there, "{fault:?}: refused, and there"),
            Err(other) => return Err(format!("{fault:?} gives {other:?}")),
        }
        let follow = world.record(claim.epoch, log.last, 3);
        append::<S>(&store, std::slice::from_ref(&follow)).await?;
        subject.crash().await;
        drop(store);
        let store = subject.open().await;
        let found = store.log_state().await.map_err(|error| error.to_string())?;
        same!("what was read back, after a crash", found.last, follow.position());
    }
    Ok(())
}

pub(super) async fn what_was_not_kept_is_given_again<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    if !subject.inject(FaultMode::KeepsHalf) {
        return Ok(());
    }
    let records = world.records(claim.epoch, claim.last, 5);
    let appended = store.append(&records, Durability::Disk).await.map_err(|error| error.to_string())?;
    ensure!(appended.kept < Tick(5), "told to keep half, it keeps up to {}", appended.kept);
    same!("what is there", store.log_state().await.map(|log| log.last.tick), Ok(appended.kept));
    // What was not written is of nobody yet: another record may stand there.
    let kept = records.len() - appended.rest(&records).len();
    let mut expected = records[..kept].to_vec();
    let mut position = expected.last().map_or(claim.last, Record::position);
    for _ in kept..records.len() {
        expected.push(altered(&world.record(claim.epoch, position, 12))?);
        position = expected.last().map_or(position, Record::position);
    }
    append::<S>(&store, &expected[kept..]).await?;
    subject.crash().await;
    drop(store);
    same!("after a crash", held(&subject.open().await).await, Ok(expected));
    Ok(())
}

pub(super) async fn a_full_store_loses_nothing_and_goes_on<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let mut records = grow::<S>(&store, &world, claim, 3).await?;
    let waiting = world.records(claim.epoch, records[2].position(), 2);
    let taken = store.append(&waiting, Durability::Memory).await;
    ensure!(taken.is_ok(), "appending to memory: {taken:?}");
    records.extend(waiting);
    if !subject.set_full(true) {
        return Ok(());
    }
    let mut last = records[4].position();
    // A storage may have room left for a few; each is larger than the one before.
    let mut refused = false;
    for noise in (10..).map(|i| 1 << i).take(14) {
        let next: Record = world.record(claim.epoch, last, noise);
        match store.append(std::slice::from_ref(&next), Durability::Disk).await {
            Ok(_) => {
                last = next.position();
                records.push(next);
            }
            Err(AppendError::Storage(Fault::Full)) => {
                refused = true;
                break;
            }
            Err(other) => return Err(format!("a full storage gives {other:?}")),
        }
    }
    ensure!(refused, "a full storage takes everything");
    let page = crate::store::Page::new(bytes::Bytes::from(vec![3; 60_000]));
    ensure!(store.put_pages(&[page]).await.is_err(), "a full storage takes a page");
    subject.set_full(false);
    let next = world.record(claim.epoch, last, 10);
    append::<S>(&store, std::slice::from_ref(&next)).await?;
    records.push(next);
    same!("what is there", held(&store).await, Ok(records.clone()));
    subject.crash().await;
    drop(store);
    same!("after a crash", held(&subject.open().await).await, Ok(records));
    Ok(())
}
