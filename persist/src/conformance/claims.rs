//! Laws of claims: whoever has the next slot owns the region, and what was told is taken back by name or not at all.

use tickworld_sim::{frame::Tick, hash::Hash};

use super::{
    BackendUnderTest, Verdict, ensure,
    journal::{begin, claim_again, grow, held, slot},
    same,
    snapshots::{append, keep},
};
use crate::{
    Durability,
    error::{AppendError, ClaimError},
    memory::FaultMode,
    position::{LogPosition, Slot},
    record::{ClaimRecord, Record, Why},
    store::{Appended, Claim, Journal as _, Snapshots as _},
};

pub(super) async fn a_later_claim_fences_the_earlier<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (one, world, first) = begin(subject).await?;
    let records = grow::<S>(&one, &world, first, 2).await?;
    let other = subject.open().await;
    let second = claim_again(&other, &world).await?;
    same!("its slot is its epoch", (second.epoch.slot(), second.last.slot), (slot(3), slot(3)));
    same!("what the claim follows", second.last.tick, Tick(2));
    // A zombie: it has not heard of it yet, and its record would stand in the slot that the claim took.
    let late = world.record(first.epoch, records[1].position(), 0);
    let fenced = one.append(std::slice::from_ref(&late), Durability::Disk).await;
    same!("the earlier owner", fenced, Err(AppendError::Fenced { by: second.epoch }));
    let log = one.log_state().await.map_err(|error| error.to_string())?;
    let late = [late];
    same!("what it is to give again", log.unwritten(&late), Err(AppendError::Fenced { by: second.epoch }));
    let later = world.record(first.epoch, second.last, 0);
    let fenced = one.append(&[later], Durability::Disk).await;
    same!("the earlier owner once more", fenced, Err(AppendError::Fenced { by: second.epoch }));
    let own = other.append(&[world.record(second.epoch, second.last, 0)], Durability::Disk).await;
    same!("the later owner", own, Ok(Appended { kept: Tick(3), durable: Tick(3) }));
    subject.crash().await;
    drop((one, other));
    let store = subject.open().await;
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    same!("after a crash", (log.epoch, log.last.tick), (second.epoch, Tick(3)));
    let third = claim_again(&store, &world).await?;
    ensure!(third.epoch > second.epoch, "epoch {} after {} and a crash", third.epoch, second.epoch);
    Ok(())
}

pub(super) async fn a_slot_is_claimed_once<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, first) = begin(subject).await?;
    let records = grow::<S>(&store, &world, first, 2).await?;
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let claim = world.claim(&log);
    same!("the first who comes", store.claim(&claim).await, Ok(Claim::of(&claim).ok_or("a claim is one")?));
    let moved = |next, found| Err(ClaimError::Moved { next, found });
    same!("the same once more", store.claim(&claim).await, moved(slot(4), slot(3)));
    // An owner that fell asleep before it ended.
    let end = world.claim_after(&log, log.last, Why::End, false);
    same!("another one", store.claim(&end).await, moved(slot(4), slot(3)));
    // A gap is as bad as a slot that is taken.
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let ahead = world.claim(&crate::LogState { next: log.next.next(), ..log });
    same!("a slot left out", store.claim(&ahead).await, moved(slot(4), slot(5)));
    same!("what is there", held(&store).await, Ok(records));
    Ok(())
}

pub(super) async fn a_claim_in_doubt_is_read_back<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    for fault in [FaultMode::Fails, FaultMode::UnknownWritten, FaultMode::UnknownLost] {
        let store = subject.open().await;
        if store.header().await == Ok(None) {
            drop(store);
            begin(subject).await?;
        }
        let (store, world) = (subject.open().await, super::World::default());
        if !subject.inject(fault) {
            return Ok(());
        }
        let before = store.log_state().await.map_err(|error| error.to_string())?;
        let record = world.claim(&before);
        let said = store.claim(&record).await;
        let log = store.log_state().await.map_err(|error| format!("reading back: {error}"))?;
        let there = log.last == record.position();
        ensure!(there || log.last == before.last, "neither written nor not: {log:?}");
        match &said {
            Ok(_) => ensure!(there, "{fault:?}: claimed, and not there"),
            Err(ClaimError::Unknown(_)) => {}
            Err(ClaimError::Storage(_)) => ensure!(!there, "{fault:?}: refused, and there"),
            Err(other) => return Err(format!("{fault:?} gives {other:?}")),
        }
        let claim = claim_again(&store, &world).await?;
        append::<S>(&store, &[world.record(claim.epoch, claim.last, 3)]).await?;
        subject.crash().await;
        drop(store);
        let found = subject.open().await.log_state().await.map_err(|error| error.to_string())?;
        same!("who owns it after a crash", found.epoch, claim.epoch);
    }
    Ok(())
}

pub(super) async fn an_ended_journal_takes_nothing_before_the_next_claim<S: BackendUnderTest>(
    subject: &mut S,
) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = world.records(claim.epoch, claim.last, 3);
    let appended = store.append(&records[..2], Durability::Memory).await;
    ensure!(appended.is_ok(), "appending: {appended:?}");
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let end =
        store.claim(&world.claim_after(&log, log.last, Why::End, false)).await.map_err(|error| error.to_string())?;
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    same!("what the end makes durable", (log.durable, log.sealed), (end.last, true));
    let after = store.append(&[world.record(end.epoch, end.last, 0)], Durability::Disk).await;
    same!("an append in its name", after, Err(AppendError::Sealed));
    let after = store.append(&records[2..], Durability::Disk).await;
    same!("an append of whom it ended", after, Err(AppendError::Fenced { by: end.epoch }));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    same!("after a crash", (log.last.tick, log.sealed), (Tick(2), true));
    let claim = claim_again(&store, &world).await?;
    grow::<S>(&store, &world, claim, 1).await?;
    same!("claimed again", store.log_state().await.map(|log| (log.sealed, log.last.tick)), Ok((false, Tick(3))));
    Ok(())
}

pub(super) async fn a_claim_goes_on_after_a_record_of_the_history_alone<S: BackendUnderTest>(
    subject: &mut S,
) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 4).await?;
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let last = log.last;
    let elsewhere = [
        LogPosition { record_hash: Hash::ZERO, ..last },
        LogPosition { tick: Tick(3), ..last },
        LogPosition { slot: slot(3), ..last },
    ];
    for after in elsewhere {
        let refused = store.claim(&world.claim_after(&log, after, Why::Cut, true)).await;
        same!("after another record", refused, Err(ClaimError::After { after: after.slot }));
    }
    let cut = store.claim(&world.claim_after(&log, records[1].position(), Why::Cut, true)).await;
    ensure!(cut.is_ok(), "after one of the history: {cut:?}");
    // What is void is no history any more, nor is a snapshot of it.
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let refused = store.claim(&world.claim_after(&log, records[2].position(), Why::Cut, true)).await;
    same!("after a void record", refused, Err(ClaimError::After { after: slot(3) }));
    store.put_pages(&world.pages(Tick(4))).await.map_err(|error| error.to_string())?;
    ensure!(
        store.put_manifest(&world.snapshot(records[3].position())).await.is_err(),
        "a snapshot of a void tick is taken"
    );
    Ok(())
}

pub(super) async fn what_was_told_is_void_only_with_loss<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 4).await?;
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    for why in [Why::TakeOver, Why::Skip, Why::Cut, Why::End] {
        let refused = store.claim(&world.claim_after(&log, records[2].position(), why, false)).await;
        same!("without a word", refused, Err(ClaimError::Acknowledged(Tick(4)..=Tick(4))));
    }
    same!("what is there", held(&store).await, Ok(records.clone()));
    let claim = store.claim(&world.claim_after(&log, records[2].position(), Why::Cut, true)).await;
    ensure!(claim.is_ok(), "by name: {claim:?}");
    same!("what is left", held(&store).await, Ok(records[..3].to_vec()));
    Ok(())
}

pub(super) async fn void_records_are_passed_over_and_stay<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 5).await?;
    keep::<S>(&store, &world, records[1].position()).await?;
    keep::<S>(&store, &world, records[3].position()).await?;
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let claim = store.claim(&world.claim_after(&log, records[2].position(), Why::Cut, true)).await;
    let claim = claim.map_err(|error| format!("cutting: {error}"))?;
    same!("snapshots", store.manifests().await, Ok(vec![Tick(2)]));
    // Ticks 4 and 5 are made once more, by other frames.
    let again: Vec<Record> = {
        let fourth = world.record(claim.epoch, claim.last, 7);
        vec![fourth.clone(), world.record(claim.epoch, fourth.position(), 7)]
    };
    append::<S>(&store, &again).await?;
    keep::<S>(&store, &world, again[0].position()).await?;
    let history: Vec<Record> = records[..3].iter().chain(&again).cloned().collect();
    for _ in 0..2 {
        let store = subject.open().await;
        same!("the history", held(&store).await, Ok(history.clone()));
        same!("a tick that was made twice", store.find(Tick(4)).await, Ok(Some(again[0].slot())));
        same!("from a void slot on", store.read(slot(5), 0).await.map(|it| it[0].position()), Ok(claim.last));
        let void = store.record(slot(4)).await.map_err(|error| error.to_string())?;
        same!("what is void", void, Some(records[3].clone()));
        same!("the snapshot", store.manifest(Tick(4)).await.map(|it| it.map(|it| it.slot)), Ok(Some(again[0].slot())));
        drop(store);
        subject.crash().await;
    }
    Ok(())
}

pub(super) async fn a_life_ends_with_loss_and_not_without<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    same!("the first life", claim.incarnation, 1);
    let records = grow::<S>(&store, &world, claim, 3).await?;
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let of = |log: &crate::LogState, incarnation, is_loss| {
        let record = world.claim_after(log, records[1].position(), Why::Cut, is_loss);
        let body = record.as_claim().cloned().map(|it| ClaimRecord { incarnation, ..it });
        body.and_then(|body| Record::claim(body).ok()).ok_or_else(|| "a claim is one".to_owned())
    };
    for found in [1, 3] {
        let refused = store.claim(&of(&log, found, true)?).await;
        same!("with loss", refused, Err(ClaimError::Incarnation { expected: 2, found }));
    }
    let claim = store.claim(&of(&log, 2, true)?).await.map_err(|error| error.to_string())?;
    same!("the second life", claim.incarnation, 2);
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let refused = store.claim(&of(&log, 3, false)?).await;
    same!("without loss", refused, Err(ClaimError::Incarnation { expected: 2, found: 3 }));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    same!("after a crash", store.log_state().await.map(|log| log.incarnation), Ok(2));
    let claim = claim_again(&store, &world).await?;
    same!("without loss", (claim.incarnation, claim.epoch.slot() > Slot(5)), (2, true));
    // It outlives the claim that began it.
    let ticks = world.records(claim.epoch, claim.last, 2);
    append::<S>(&store, &ticks).await?;
    keep::<S>(&store, &world, ticks[1].position()).await?;
    let trimmed = store.trim_prefix(ticks[1].tick()).await;
    ensure!(trimmed.is_ok(), "trimming: {trimmed:?}");
    subject.crash().await;
    drop(store);
    let log = subject.open().await.log_state().await.map_err(|error| error.to_string())?;
    same!("trimmed", (log.incarnation, log.epoch, log.base), (2, claim.epoch, ticks[1].position()));
    Ok(())
}
