//! Laws of damage: it is named, never hidden, and nothing acknowledged goes without consent.

use std::ops::ControlFlow;

use tickworld_sim::frame::Tick;

use super::{
    BackendUnderTest, Corruption, Verdict, ensure,
    journal::{begin, grow, slot},
    same,
    snapshots::{append, keep},
};
use crate::{
    error::{ClaimError, ReadError},
    position::LogPosition,
    record::{Record, Why},
    recover::recover,
    store::{Journal as _, Snapshots as _},
    verify::{Finding, verify},
};

pub(super) async fn a_whole_store_recovers_and_verifies<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 12).await?;
    let recovery = recover(&store, &mut |_| {}).await.map_err(|error| error.to_string())?;
    same!("the origin without a snapshot", recovery.origin.position(), world.header().start_position());
    same!("the last proof", recovery.proven, records[11].proof(world.header()));
    for tick in [5, 9] {
        keep::<S>(&store, &world, records[tick - 1].position()).await?;
    }
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    let recovery = recover(&store, &mut |_| {}).await.map_err(|error| error.to_string())?;
    same!("the origin", recovery.origin.position(), records[8].position());
    same!("the end", recovery.end, records[11].position());
    same!("the damage", (recovery.damage, recovery.lost), (None, None));
    let mut steps = 0;
    let mut count = |_| {
        steps += 1;
        ControlFlow::Continue(())
    };
    let report = verify(&store, &mut count).await.map_err(|error| error.to_string())?;
    same!("findings", (&report.findings, report.is_stopped), (&vec![], false));
    same!("what was read", (report.records, report.proofs, report.snapshots, report.pages), (12, 11, 2, 6));
    same!("claims", report.claims, 1);
    ensure!(steps > 2, "progress was told {steps} times");
    // Whoever says that it is enough has what was read until then, and nothing is called missing.
    for enough in 1..=steps {
        let mut told = 0;
        let mut stop = |_| {
            told += 1;
            if told == enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let partly = verify(&store, &mut stop).await.map_err(|error| error.to_string())?;
        same!("how often it went on", told, enough);
        same!("what is told of it", (&partly.findings, partly.is_stopped), (&vec![], true));
        let is_less = partly.records <= report.records && partly.pages <= report.pages;
        ensure!(is_less && partly != report, "stopped at step {enough} of {steps} it has read {partly:?}");
    }
    Ok(())
}

pub(super) async fn a_damaged_record_is_named_and_cut_only_when_accepted<S: BackendUnderTest>(
    subject: &mut S,
) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 12).await?;
    keep::<S>(&store, &world, records[4].position()).await?;
    keep::<S>(&store, &world, records[10].position()).await?;
    subject.crash().await;
    drop(store);
    for tick in [3, 9, 12] {
        if !subject.corrupt(Corruption::Record(slot(tick))).await {
            return Ok(());
        }
    }
    let store = subject.open().await;
    let read = store.read(slot(9), u64::MAX).await;
    ensure!(
        matches!(&read, Err(ReadError::Damaged(damage)) if *damage.ticks.start() == Tick(9) && damage.slot == slot(9)),
        "reading it: {read:?}"
    );
    same!("those before it", store.read(slot(7), u64::MAX).await, Ok(records[6..8].to_vec()));
    let report = verify(&store, &mut |_| ControlFlow::Continue(())).await.map_err(|error| error.to_string())?;
    let named =
        |tick| report.findings.iter().any(|f| matches!(f, Finding::Records(d) if d.ticks.contains(&Tick(tick))));
    same!("what verification names", (named(3), named(9), named(12), named(8)), (true, true, true, false));

    // The snapshot of tick 11 makes up for the record of tick 9; that of tick 12 was acknowledged and is lost.
    let recovery = recover(&store, &mut |_| {}).await.map_err(|error| error.to_string())?;
    same!("the origin", recovery.origin.position(), records[10].position());
    same!("the end", recovery.end, records[10].position());
    same!("what is lost", recovery.lost, Some(Tick(12)..=Tick(12)));
    same!("the next slot", recovery.log.next, slot(13));
    let log = recovery.log;
    let refused = store.claim(&world.claim_after(&log, recovery.end, Why::Cut, false)).await;
    same!("cutting it unasked", refused, Err(ClaimError::Acknowledged(Tick(12)..=Tick(12))));
    let in_its_place = LogPosition { record_hash: records[10].hash(), ..records[10].position() };
    let early = world.claim_after(&crate::LogState { next: slot(12), ..log }, in_its_place, Why::Cut, true);
    let refused = store.claim(&early).await;
    same!("in a slot that holds something", refused, Err(ClaimError::Moved { next: slot(13), found: slot(12) }));
    let cut = recovery.claim(&crate::Claimant::default()).map_err(|error| error.to_string())?;
    same!("what recovery proposes", cut.as_claim().map(|it| (it.why, it.is_loss)), Some((Why::Cut, true)));
    let claim = store.claim(&cut).await.map_err(|error| format!("claiming with loss: {error}"))?;
    same!("what goes on", (claim.last.slot, claim.last.tick), (slot(13), Tick(11)));
    append::<S>(&store, &world.records(claim.epoch, claim.last, 2)).await?;
    let recovery = recover(&store, &mut |_| {}).await.map_err(|error| error.to_string())?;
    same!("after that", (recovery.end.tick, recovery.is_lossless()), (Tick(13), true));
    Ok(())
}

/// A claim whose record is gone: the ticks around it are there, and recovery goes as far as the chain does.
pub(super) async fn a_damaged_claim_hides_no_ticks<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 3).await?;
    let second = super::journal::claim_again(&store, &world).await?;
    let later: Vec<Record> = grow::<S>(&store, &world, second, 3).await?;
    keep::<S>(&store, &world, later[1].position()).await?;
    subject.crash().await;
    drop(store);
    if !subject.corrupt(Corruption::Record(second.last.slot)).await {
        return Ok(());
    }
    let store = subject.open().await;
    same!("the ticks before it", store.read(slot(1), u64::MAX).await, Ok(records));
    let read = store.read(second.last.slot, u64::MAX).await;
    ensure!(
        matches!(&read, Err(ReadError::Damaged(damage)) if damage.slot == second.last.slot),
        "reading it: {read:?}"
    );
    same!("the ticks after it", store.read(second.last.slot.next(), u64::MAX).await, Ok(later.clone()));
    let report = verify(&store, &mut |_| ControlFlow::Continue(())).await.map_err(|error| error.to_string())?;
    same!("what is whole", (report.records, report.claims), (6, 1));
    ensure!(report.findings.len() == 1, "verification says {report:?}");
    let recovery = recover(&store, &mut |_| {}).await.map_err(|error| error.to_string())?;
    same!("recovery", (recovery.end, recovery.is_lossless()), (later[2].position(), true));
    Ok(())
}

pub(super) async fn a_damaged_page_sends_recovery_to_an_older_snapshot<S: BackendUnderTest>(
    subject: &mut S,
) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 12).await?;
    for tick in [5, 9] {
        keep::<S>(&store, &world, records[tick - 1].position()).await?;
    }
    subject.crash().await;
    drop(store);
    let page = world.pages(Tick(9))[2].hash;
    if !subject.corrupt(Corruption::Page(page)).await {
        return Ok(());
    }
    let store = subject.open().await;
    ensure!(store.page(page).await.is_err(), "a damaged page was given");
    same!("what is missing", store.missing(&[page]).await, Ok(vec![page]));
    let report = verify(&store, &mut |_| ControlFlow::Continue(())).await.map_err(|error| error.to_string())?;
    let named = report.findings.iter().any(|f| matches!(f, Finding::Snapshot { tick: Tick(9), .. }));
    ensure!(named && report.snapshots == 1, "verification says {report:?}");
    let recovery = recover(&store, &mut |_| {}).await.map_err(|error| error.to_string())?;
    same!("the origin", recovery.origin.position(), records[4].position());
    same!("what was passed over", recovery.skipped.len(), 1);
    same!("the end", (recovery.end, recovery.is_lossless()), (records[11].position(), true));
    Ok(())
}
