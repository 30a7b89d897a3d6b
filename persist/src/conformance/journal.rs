//! Laws of the journal: one history, one owner, nothing half.

use tickworld_sim::{frame::Tick, hash::Hash};

use super::{BackendUnderTest, Verdict, World, ensure, same};
use crate::{
    Durability,
    error::{AppendError, ClaimError, CreateError, ReadError},
    header::JournalHeader,
    limits,
    position::{Epoch, LogPosition, Slot},
    record::{Record, TickRecord},
    store::{Appended, Claim, Journal, LogState},
};

/// A claimed journal of the pretended world.
pub(super) async fn begin<S: BackendUnderTest>(subject: &mut S) -> Result<(S::Store, World, Claim), String> {
    let (store, world) = (subject.open().await, World::default());
    store.create(world.header()).await.map_err(|error| format!("creating: {error}"))?;
    let claim = claim_again(&store, &world).await?;
    Ok((store, world, claim))
}

/// Takes the journal over where it ends.
pub(super) async fn claim_again<J: Journal>(store: &J, world: &World) -> Result<Claim, String> {
    let log = store.log_state().await.map_err(|error| format!("before claiming: {error}"))?;
    store.claim(&world.claim(&log)).await.map_err(|error| format!("claiming: {error}"))
}

/// The slot of a tick in a journal that was claimed once, before its first tick.
pub(super) const fn slot(tick: u64) -> Slot {
    Slot(tick + 1)
}

/// Every record of a tick that is kept.
pub(super) async fn held<J: Journal>(store: &J) -> Result<Vec<Record>, ReadError> {
    let from = store.log_state().await?.base.slot.next();
    let records = store.read(from, u64::MAX).await?;
    Ok(records.into_iter().filter(|record| !record.is_claim()).collect())
}

/// Where a journal stands that was just begun.
fn log_of_nothing(header: &JournalHeader) -> LogState {
    let start = header.start_position();
    LogState {
        base: start,
        last: start,
        durable: start,
        next: start.slot.next(),
        epoch: Epoch(0),
        incarnation: 1,
        sealed: false,
    }
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
    let log = log_of_nothing(world.header());
    same!("claim before", store.claim(&world.claim(&log)).await, Err(ClaimError::Absent));
    let early = world.records(Epoch(1), log.last, 1);
    same!("append before", store.append(&early, Durability::Disk).await, Err(AppendError::Absent));
    let mut bad = world.header().clone();
    bad.root_lag_ticks = 0;
    ensure!(matches!(store.create(&bad).await, Err(CreateError::Header(_))), "a header without a root lag was taken");
    same!("create", store.create(world.header()).await, Ok(()));
    same!("create again", store.create(world.header()).await, Err(CreateError::Exists(world.header().world)));
    same!("header", store.header().await, Ok(Some(world.header().clone())));
    same!("state after", store.log_state().await, Ok(log));
    let unclaimed = store.append(&early, Durability::Disk).await;
    let refused = Err(AppendError::Unclaimed { epoch: Epoch(1), current: Epoch(0) });
    same!("append without a claim", unclaimed, refused);
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
    same!("a slot twice", again, Err(AppendError::Gap { expected: slot(4), found: slot(3) }));
    let next = world.record(claim.epoch, last, 0);
    let place = |slot: Slot, tick: u64, record_hash| LogPosition { slot, tick: Tick(tick), record_hash };
    let skipped = world.record(claim.epoch, place(slot(4), 3, last.record_hash), 0);
    same!("a slot left out", append(skipped).await, Err(AppendError::Gap { expected: slot(4), found: slot(5) }));
    for tick in [2, 4] {
        let other = world.record(claim.epoch, place(last.slot, tick, last.record_hash), 0);
        let refused = Err(AppendError::Tick { expected: Tick(4), found: Tick(tick + 1) });
        same!("another tick in the next slot", append(other).await, refused);
    }
    let foreign = world.record(claim.epoch, place(last.slot, 3, Hash::ZERO), 0);
    same!("another history", append(foreign).await, Err(AppendError::Chain { tick: Tick(4) }));
    let (later, current) = (Epoch(last.slot.0 + 9), claim.epoch);
    let unclaimed = append(world.record(later, last, 0)).await;
    same!("an epoch of nobody", unclaimed, Err(AppendError::Unclaimed { epoch: later, current }));
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let claimed = append(world.claim(&log)).await;
    same!("a claim among ticks", claimed, Err(AppendError::Claim { slot: slot(4) }));
    let no_claim = store.claim(&next).await;
    same!("a tick as a claim", no_claim, Err(ClaimError::NoClaim));

    same!("the log after refusals", store.log_state().await.map(|log| log.last), Ok(last));
    let next = append(next).await;
    same!("the next one", next, Ok(Appended { kept: Tick(4), durable: Tick(4) }));
    Ok(())
}

/// The header's root lag says which tick's root a record carries: none before there is one.
pub(super) async fn a_root_has_a_tick<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let first = world.record(claim.epoch, claim.last, 0);
    let Some(record) = first.as_tick() else { return Err("a tick's record is one".to_owned()) };
    let rooted = Record::new(TickRecord { root: Some(world.root(Tick(0))), ..record.clone() });
    let rooted = rooted.map_err(|error| error.to_string())?;
    let refused = store.append(&[rooted], Durability::Disk).await;
    same!("a root of no tick", refused, Err(AppendError::Proof { tick: Tick(1) }));
    Ok(())
}

pub(super) async fn a_group_that_does_not_follow_is_refused_whole<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let mut records = world.records(claim.epoch, claim.last, 4);
    records.remove(2);
    let refused = store.append(&records, Durability::Disk).await;
    same!("a group with a gap", refused, Err(AppendError::Gap { expected: slot(3), found: slot(4) }));
    same!("the log", store.log_state().await.map(|log| log.last), Ok(claim.last));
    same!("the records", held(&store).await, Ok(vec![]));
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
        let read = store.read(slot(found.len() as u64 + 1), u64::MAX).await.map_err(|error| error.to_string())?;
        ensure!(!read.is_empty(), "only {} of {} are there after a crash", found.len(), records.len());
        found.extend(read);
    }
    ensure!(found == records, "after a crash other records are there than were given");
    Ok(())
}

pub(super) async fn reading_gives_what_was_written<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (store, world, claim) = begin(subject).await?;
    let records = grow::<S>(&store, &world, claim, 10).await?;
    let all = store.read(Slot(1), u64::MAX).await.map_err(|error| error.to_string())?;
    same!("what begins the history", all.first().map(Record::position), Some(claim.last));
    same!("all", &all[1..], &records[..]);
    same!("from the middle", store.read(slot(7), u64::MAX).await, Ok(records[6..].to_vec()));
    same!("at least one", store.read(slot(3), 0).await, Ok(records[2..3].to_vec()));
    let two = records[0].encoded_bytes() as u64 + records[1].encoded_bytes() as u64;
    same!("as many as fit", store.read(slot(1), two).await, Ok(records[..2].to_vec()));
    same!("after the last", store.read(slot(11), u64::MAX).await, Ok(vec![]));
    let forgotten = Err(ReadError::Trimmed { slot: Slot(0), base: Slot(0) });
    same!("before the first", store.read(Slot(0), u64::MAX).await, forgotten);
    same!("one of them", store.record(slot(3)).await, Ok(Some(records[2].clone())));
    same!("none of them", store.record(slot(11)).await, Ok(None));
    for (tick, found) in [(0, Some(Slot(0))), (3, Some(slot(3))), (10, Some(slot(10))), (11, None)] {
        same!("where a tick stands", store.find(Tick(tick)).await, Ok(found));
    }
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
    same!("the word of the log", store.log_state().await.map(|log| log.durable.tick), Ok(durable));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    let found = held(&store).await.map_err(|error| error.to_string())?;
    ensure!(found.len() as u64 >= durable.0, "{} of {durable} durable records are there", found.len());
    same!("what is there", found.as_slice(), &records[..found.len()]);
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    same!("the log", log.last.tick, Tick(found.len() as u64));
    ensure!(log.durable.tick >= durable, "durable to {} after the crash", log.durable.tick);
    Ok(())
}
