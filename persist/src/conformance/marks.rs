//! Laws of marks and attempts: what a build cannot make is remembered, and a tick that nobody was told of may go.

use tickworld_sim::{frame::Tick, hash::hash};

use super::{
    BackendUnderTest, Verdict, ensure,
    journal::{begin, claim_again, grow, held},
    same,
};
use crate::{
    error::ClaimError,
    marks::{Attempts, BuildId, Mark, Marks as _},
    position::Epoch,
    record::Why,
    store::Journal as _,
};

pub(super) async fn marks_outlive_a_crash<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 2).await?;
    let (one, other) = (BuildId::of(b"one"), BuildId::of(b"other"));
    let first = Mark::new(records[1].hash(), one, Some(claim.epoch), "index out of bounds");
    let second = Mark::new(records[1].hash(), other, None, &"\u{1F3B2}".repeat(2_000));
    ensure!(second.message.len() <= crate::limits::MARK_MESSAGE_BYTES_MAX, "a mark holds {}", second.message.len());
    for mark in [&first, &second, &first] {
        same!("marking", store.mark(mark).await, Ok(()));
    }
    subject.crash().await;
    drop(store);
    let mut marks = subject.open().await.marks().await.map_err(|error| error.to_string())?;
    marks.sort_by_key(|mark| mark.epoch);
    same!("marks after a crash", marks, vec![second, first]);
    Ok(())
}

pub(super) async fn attempts_are_counted_until_there_is_a_new_tick<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, _, _) = begin(subject).await?;
    let (build, other) = (BuildId::of(b"one"), BuildId::of(b"other"));
    let (place, later) = (hash(b"a record"), hash(b"the next one"));
    same!("the first", store.attempt(build, place).await, Ok(1));
    same!("of another build", store.attempt(other, place).await, Ok(1));
    same!("the second", store.attempt(build, place).await, Ok(2));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    same!("the third, after a crash", store.attempt(build, place).await, Ok(3));
    let counted = store.attempts().await.map_err(|error| error.to_string())?;
    ensure!(counted.contains(&Attempts { build, record_hash: place, count: 3 }), "what is counted: {counted:?}");
    same!("after a new tick", store.attempt(build, later).await, Ok(1));
    same!("what is left", store.attempts().await.map(|it| it.len()), Ok(1));
    same!("forgetting", store.forget_attempts().await, Ok(()));
    same!("once more", store.attempt(build, later).await, Ok(1));
    Ok(())
}

pub(super) async fn a_skip_is_free_where_the_writer_marked_the_last_tick<S: BackendUnderTest>(
    subject: &mut S,
) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 3).await?;
    let (last, before, build) = (&records[2], records[1].position(), BuildId::of(b"one"));
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let skip = world.claim_after(&log, before, Why::Skip, false);
    let refused = Err(ClaimError::Acknowledged(Tick(3)..=Tick(3)));
    same!("without a mark", store.claim(&skip).await, refused);
    // A replay may have panicked long after the tick was told; and what another owner wrote says nothing of this one.
    for epoch in [None, Some(Epoch(claim.epoch.0 + 1))] {
        let mark = Mark::new(last.hash(), build, epoch, "no");
        store.mark(&mark).await.map_err(|error| error.to_string())?;
        same!("with a mark that does not tell", store.claim(&skip).await, refused);
    }
    store
        .mark(&Mark::new(records[1].hash(), build, Some(claim.epoch), "no"))
        .await
        .map_err(|error| error.to_string())?;
    same!("with a mark of another tick", store.claim(&skip).await, refused);
    store.mark(&Mark::new(last.hash(), build, Some(claim.epoch), "no")).await.map_err(|error| error.to_string())?;
    let deeper = store.claim(&world.claim_after(&log, records[0].position(), Why::Skip, false)).await;
    same!("of two ticks", deeper, Err(ClaimError::Acknowledged(Tick(2)..=Tick(3))));
    let cut = store.claim(&world.claim_after(&log, before, Why::Cut, false)).await;
    same!("as something else", cut, refused);
    let skipped = store.claim(&skip).await.map_err(|error| format!("skipping: {error}"))?;
    same!("the life goes on", (skipped.incarnation, skipped.last.tick), (1, Tick(2)));
    same!("what is left", held(&store).await.map(|it| it.len()), Ok(2));
    subject.crash().await;
    drop(store);
    let log = subject.open().await.log_state().await.map_err(|error| error.to_string())?;
    same!("after a crash", (log.epoch, log.last.tick), (skipped.epoch, Tick(2)));
    Ok(())
}

pub(super) async fn a_claim_since_then_makes_a_skip_a_loss<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 2).await?;
    let mark = Mark::new(records[1].hash(), BuildId::of(b"one"), Some(claim.epoch), "no");
    store.mark(&mark).await.map_err(|error| error.to_string())?;
    // Somebody made the tick again, and may have told it.
    claim_again(&store, &world).await?;
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let skip = store.claim(&world.claim_after(&log, records[0].position(), Why::Skip, false)).await;
    same!("a skip then", skip, Err(ClaimError::Acknowledged(Tick(2)..=Tick(2))));
    Ok(())
}
