//! Laws of the journal: one history, one owner, nothing half.

use tickworld_sim::{frame::Tick, hash::Hash};

use super::{BackendUnderTest, Verdict, World, ensure, same};
use crate::{
    Durability,
    error::{AppendError, ClaimError, CreateError, ReadError},
    limits,
    record::{Body, Epoch, Proof, Record},
    store::{Appended, Claim, Journal as _, LogPosition},
};

/// A claimed journal of the pretended world.
pub(super) async fn begin<S: BackendUnderTest>(subject: &mut S) -> Result<(S::Store, World, Claim), String> {
    let (store, world) = (subject.open().await, World::default());
    store.create(world.header()).await.map_err(|error| format!("creating: {error}"))?;
    let claim = store.claim().await.map_err(|error| format!("claiming: {error}"))?;
    Ok((store, world, claim))
}

/// Appends so many records on disk; gives the last one's position.
pub(super) async fn grow<S: BackendUnderTest>(
    store: &S::Store,
    world: &World,
    claim: Claim,
    count: usize,
) -> Result<Vec<Record>, String> {
    let records = world.records(claim.epoch, claim.last, count);
    store.append(&records, Durability::Disk).await.map_err(|error| format!("appending: {error}"))?;
    Ok(records)
}

pub(super) async fn a_journal_is_begun_once<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world) = (subject.open().await, World::default());
    same!("header before", store.header().await, Ok(None));
    same!("state before", store.log_state().await, Err(ReadError::Absent));
    same!("claim before", store.claim().await, Err(ClaimError::Absent));
    let early = world.records(Epoch(1), LogPosition { tick: Tick(0), record_hash: world.header().hash() }, 1);
    same!("append before", store.append(&early, Durability::Disk).await, Err(AppendError::Absent));
    let mut bad = world.header().clone();
    bad.root_lag_ticks = 0;
    ensure!(matches!(store.create(&bad).await, Err(CreateError::Header(_))), "a header without a root lag was taken");
    same!("create", store.create(world.header()).await, Ok(()));
    same!("create again", store.create(world.header()).await, Err(CreateError::Exists(world.header().world)));
    same!("header", store.header().await, Ok(Some(world.header().clone())));
    subject.crash().await;
    drop(store);
    same!("header after a crash", subject.open().await.header().await, Ok(Some(world.header().clone())));
    Ok(())
}

pub(super) async fn records_follow_each_other<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 3).await?;
    let last = records[2].position();
    let append = async |record: Record| store.append(&[record], Durability::Disk).await;

    let again = append(records[2].clone()).await;
    same!("a tick twice", again, Err(AppendError::Gap { expected: Tick(4), found: Tick(3) }));
    let skipped = world.record(claim.epoch, LogPosition { tick: Tick(4), record_hash: last.record_hash }, 0);
    same!("a tick left out", append(skipped).await, Err(AppendError::Gap { expected: Tick(4), found: Tick(5) }));
    let foreign = world.record(claim.epoch, LogPosition { tick: last.tick, record_hash: Hash::ZERO }, 0);
    same!("another history", append(foreign).await, Err(AppendError::Chain { tick: Tick(4) }));
    let proof = Some(Proof { tick: Tick(1), root: world.root(Tick(1)) });
    let body = Body { proof, ..world.record(claim.epoch, last, 0).body().clone() };
    let early = Record::new(body).map_err(|error| error.to_string())?;
    same!("a proof of another tick", append(early).await, Err(AppendError::Proof { tick: Tick(4) }));
    let unclaimed = world.record(claim.epoch.next(), last, 0);
    let (epoch, current) = (claim.epoch.next(), claim.epoch);
    same!("an epoch of nobody", append(unclaimed).await, Err(AppendError::Unclaimed { epoch, current }));

    same!("the log after refusals", store.log_state().await.map(|log| log.last), Ok(last));
    let next = append(world.record(claim.epoch, last, 0)).await;
    same!("the next one", next, Ok(Appended { kept: Tick(4), durable: Tick(4) }));
    Ok(())
}

pub(super) async fn a_group_that_does_not_follow_is_refused_whole<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let mut records = world.records(claim.epoch, claim.last, 4);
    records.remove(2);
    let refused = store.append(&records, Durability::Disk).await;
    same!("a group with a gap", refused, Err(AppendError::Gap { expected: Tick(3), found: Tick(4) }));
    same!("the log", store.log_state().await.map(|log| log.last), Ok(claim.last));
    same!("the records", store.read(Tick(1), u64::MAX).await, Ok(vec![]));
    Ok(())
}

pub(super) async fn an_append_keeps_a_prefix<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    // More than a store may take at once.
    let records = world.records(claim.epoch, claim.last, 2 * limits::APPEND_RECORDS_MAX + 7);
    let mut rest = &records[..];
    while let (Some(first), Some(last)) = (rest.first(), rest.last()) {
        let appended = store.append(rest, Durability::Disk).await.map_err(|error| format!("appending: {error}"))?;
        let Appended { kept, durable } = appended;
        ensure!((first.tick()..=last.tick()).contains(&kept), "{kept} is kept of {} to {}", first.tick(), last.tick());
        ensure!(durable >= kept, "{kept} is kept on disk, {durable} is durable");
        same!("the last record", store.log_state().await.map(|log| log.last.tick), Ok(kept));
        rest = appended.rest(rest);
    }
    let nothing = store.append(&[], Durability::Disk).await;
    let last = records.last().map_or(claim.last.tick, Record::tick);
    same!("of no records", nothing, Ok(Appended { kept: last, durable: last }));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    let mut found = Vec::new();
    while found.len() < records.len() {
        let read = store.read(Tick(found.len() as u64 + 1), u64::MAX).await.map_err(|error| error.to_string())?;
        ensure!(!read.is_empty(), "only {} of {} are there after a crash", found.len(), records.len());
        found.extend(read);
    }
    ensure!(found == records, "after a crash other records are there than were given");
    Ok(())
}

pub(super) async fn reading_gives_what_was_written<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 10).await?;
    same!("all", store.read(Tick(1), u64::MAX).await, Ok(records.clone()));
    same!("from the middle", store.read(Tick(7), u64::MAX).await, Ok(records[6..].to_vec()));
    same!("at least one", store.read(Tick(3), 0).await, Ok(records[2..3].to_vec()));
    let two = records[0].encoded_bytes() as u64 + records[1].encoded_bytes() as u64;
    same!("as many as fit", store.read(Tick(1), two).await, Ok(records[..2].to_vec()));
    same!("after the last", store.read(Tick(11), u64::MAX).await, Ok(vec![]));
    let forgotten = Err(ReadError::Trimmed { tick: Tick(0), base: Tick(0) });
    same!("before the first", store.read(Tick(0), u64::MAX).await, forgotten);
    Ok(())
}

pub(super) async fn a_later_claim_fences_the_earlier<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (one, world, first) = begin(subject).await?;
    let records = grow::<S>(&one, &world, first, 2).await?;
    let other = subject.open().await;
    let second = other.claim().await.map_err(|error| error.to_string())?;
    ensure!(second.epoch > first.epoch, "epoch {} after {}", second.epoch, first.epoch);
    same!("what the claim follows", second.last, records[1].position());
    let late = world.record(first.epoch, second.last, 0);
    let fenced = one.append(&[late], Durability::Disk).await;
    same!("the earlier owner", fenced, Err(AppendError::Fenced { by: second.epoch }));
    let seal = one.seal(first.epoch).await;
    same!("the earlier owner's seal", seal, Err(AppendError::Fenced { by: second.epoch }));
    same!(
        "the later owner",
        other.append(&[world.record(second.epoch, second.last, 0)], Durability::Disk).await,
        Ok(Appended { kept: Tick(3), durable: Tick(3) })
    );
    subject.crash().await;
    drop((one, other));
    let third = subject.open().await.claim().await.map_err(|error| error.to_string())?;
    ensure!(third.epoch > second.epoch, "epoch {} after {} and a crash", third.epoch, second.epoch);
    Ok(())
}

pub(super) async fn a_sealed_journal_takes_nothing_before_the_next_claim<S: BackendUnderTest>(
    subject: &mut S,
) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = world.records(claim.epoch, claim.last, 3);
    let appended = store.append(&records[..2], Durability::Memory).await;
    ensure!(appended.is_ok(), "appending: {appended:?}");
    let log = store.seal(claim.epoch).await.map_err(|error| error.to_string())?;
    same!("what the seal makes durable", (log.durable, log.sealed), (Tick(2), true));
    same!("an append after it", store.append(&records[2..], Durability::Disk).await, Err(AppendError::Sealed));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    same!("after a crash", (log.last.tick, log.sealed), (Tick(2), true));
    let claim = store.claim().await.map_err(|error| error.to_string())?;
    grow::<S>(&store, &world, claim, 1).await?;
    same!("claimed again", store.log_state().await.map(|log| log.sealed), Ok(false));
    Ok(())
}

pub(super) async fn what_is_durable_survives_a_crash<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = world.records(claim.epoch, claim.last, 6);
    let on_disk = store.append(&records[..3], Durability::Disk).await;
    same!("on disk", on_disk, Ok(Appended { kept: Tick(3), durable: Tick(3) }));
    let in_memory = store.append(&records[3..5], Durability::Memory).await.map_err(|error| error.to_string())?;
    same!("in memory", in_memory.kept, Tick(5));
    ensure!((Tick(3)..=Tick(5)).contains(&in_memory.durable), "in memory: {in_memory:?}");
    let quorum = store.append(&records[5..], Durability::Quorum).await;
    ensure!(
        matches!(quorum, Ok(Appended { kept: Tick(6), durable: Tick(6) }) | Err(AppendError::Durability(_))),
        "a quorum was answered with {quorum:?}"
    );
    let durable = quorum.map_or(in_memory.durable, |appended| appended.durable);
    same!("the word of the log", store.log_state().await.map(|log| log.durable), Ok(durable));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    let found = store.read(Tick(1), u64::MAX).await.map_err(|error| error.to_string())?;
    ensure!(found.len() as u64 >= durable.0, "{} of {durable} durable records are there", found.len());
    same!("what is there", found.as_slice(), &records[..found.len()]);
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    same!("the log", log.last.tick, Tick(found.len() as u64));
    ensure!(log.durable >= durable, "durable to {} after the crash", log.durable);
    Ok(())
}
