//! [`retell`]: the kept history made again from its oldest world, as `tickworld journal replay` does it; and lies that a replay
//! must not believe.
//!
//! Invariant: every record and every kept snapshot has the root that the history gives here; a header, a record or a snapshot
//! that lies is refused, and as what it is.

use bytes::Bytes;
use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{Epoch, JournalHeader, LogPosition, Record, Snapshot, Store, TickRecord, error::FetchError};
use tickworld_region::{Divergence, GameAdapter as _, Replay, ReplayError, StepError, Witness};
use tickworld_sim::{
    content::Library,
    executor::Inline,
    frame::{InputFrame, Tick},
    hash::Hash,
    region::RegionId,
    rng::Entropy,
    simulation::Simulation,
    world::World,
};

use super::{
    opening::{Bank, OpenError, read, wrong},
    plan::Plan,
    storage::now,
    watch::Watch,
};

/// Tells the whole history again.
pub(super) fn retell<S: Store>(store: &S, plan: &Plan, watch: &mut Watch) -> Result<(), OpenError> {
    let header = now(store.header()).map_err(|error| OpenError::Storage(error.to_string()))?;
    let header = header.ok_or_else(|| wrong("the journal has no header at the end".into()))?;
    refuse_other_headers(&header)?;
    let log = now(store.log_state()).map_err(|error| OpenError::Storage(error.to_string()))?;
    let snapshots = now(store.manifests()).map_err(|error| fetched(&error))?;
    let mut replay = begin(store, plan, &header, log.base, snapshots.first().copied())?;
    let begun = replay.tick();
    while replay.position().slot < log.last.slot {
        for record in read(store, replay.position().slot.next())? {
            follow(&mut replay, &record, watch)?;
            let tick = replay.tick();
            if !record.is_claim() && snapshots.contains(&tick) {
                let snapshot = now(store.manifest(tick)).map_err(|error| fetched(&error))?;
                snapshot.map_or(Ok(()), |snapshot| compare(&mut replay, snapshot))?;
            }
        }
    }
    watch.count("histories retold");
    if replay.proofs() > 0 && replay.proven().is_none() {
        return Err(wrong("roots were compared, and none is proven".into()));
    }
    refuse_lies(replay, begun, log.epoch)
}

fn fetched(error: &FetchError) -> OpenError {
    OpenError::Storage(error.to_string())
}

/// The oldest world that is kept: the start, or a snapshot. Where the power went between dropping snapshots and records, there are
/// records before it.
fn begin<S: Store>(
    store: &S,
    plan: &Plan,
    header: &JournalHeader,
    base: LogPosition,
    oldest: Option<Tick>,
) -> Result<Replay<Ledger>, OpenError> {
    let mut place = base;
    let simulation = if base.tick == header.start.tick {
        refuse_another_start(header, plan)?;
        begun(plan, header)?
    } else {
        let tick =
            oldest.ok_or_else(|| wrong(format!("records begin at tick {}, and no snapshot is kept", base.tick)))?;
        let snapshot = now(store.manifest(tick)).map_err(|error| fetched(&error))?;
        let snapshot = snapshot.ok_or_else(|| wrong(format!("the snapshot of tick {tick} is not there")))?;
        place = snapshot.position();
        let page = |hash: Hash| now(store.page(hash)).ok().flatten().map(|bytes| bytes.to_vec());
        let world = World::restore(&snapshot.manifest, |entry| page(entry.hash));
        let world = world.map_err(|error| wrong(format!("the snapshot of tick {tick}: {error}")))?;
        let mut library = Library::default();
        library.add(world.content(), ());
        Simulation::resume(library, world)
    };
    match Replay::begin(header.clone(), simulation, place, &Inline) {
        Ok((replay, None)) => Ok(replay),
        Ok((_, Some(divergence))) => Err(diverged(&divergence)),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// The region's world at its beginning.
fn begun(plan: &Plan, header: &JournalHeader) -> Result<Simulation<Ledger>, OpenError> {
    let region = header.region.ok_or_else(|| wrong("the journal names no region".into()))?;
    let mut simulation = Bank::of(plan, region).begin().map_err(|error| wrong(error.to_string()))?;
    simulation.world_mut().set_region(region);
    Ok(simulation)
}

/// A record of the history, taken and made.
fn follow(replay: &mut Replay<Ledger>, record: &Record, watch: &mut Watch) -> Result<(), OpenError> {
    replay.handle_record(record).map_err(|error| wrong(error.to_string()))?;
    for id in replay.missing_contents() {
        replay.add_content(id, ());
    }
    while let Some(step) = replay.poll_step() {
        let replayed = replay.handle_stepped(step.run(&Inline)).map_err(|error| wrong(error.to_string()))?;
        if let Some(divergence) = replayed.divergence {
            return Err(diverged(&divergence));
        }
        let region = replay.header().region.unwrap_or(RegionId::FIRST);
        watch.root_seen(region, replayed.frame.tick, replayed.roots.root, || "the history retold".into());
    }
    Ok(())
}

/// A snapshot has the world's root; one with another page has not, and its column is named.
fn compare(replay: &mut Replay<Ledger>, mut snapshot: Snapshot) -> Result<(), OpenError> {
    if let Some(divergence) = replay.compare_snapshot(&snapshot.manifest) {
        return Err(diverged(&divergence));
    }
    let (schema, columns) = (&replay.header().schema, &mut snapshot.manifest.columns);
    let Some((column, pages)) = schema.columns.iter().zip(columns).find(|(_, pages)| !pages.is_empty()) else {
        return Ok(());
    };
    pages[0].hash = Hash([0xee; 32]);
    let expected = vec![column.name.to_string()];
    match replay.compare_snapshot(&snapshot.manifest) {
        Some(Divergence { witness: Witness::Snapshot, columns, .. }) if columns == expected => Ok(()),
        other => Err(wrong(format!("a snapshot with another page of {expected:?} was judged as {other:?}"))),
    }
}

fn diverged(Divergence { tick, recorded, found, witness, .. }: &Divergence) -> OpenError {
    wrong(format!("tick {tick} has root {found:.8} when it is retold, and {recorded:.8} by {witness}"))
}

/// What a lie came to, where it was not refused as it should be.
fn believed<T>(lie: &str, result: &Result<T, ReplayError>) -> OpenError {
    let what = result.as_ref().map_or_else(ToString::to_string, |_| "the truth".to_owned());
    wrong(format!("{lie} was taken for: {what}"))
}

/// Journals of another game, schema or revision are not this build's.
fn refuse_other_headers(header: &JournalHeader) -> Result<(), OpenError> {
    Replay::<Ledger>::check(header).map_err(|error| wrong(error.to_string()))?;
    let mut other = header.clone();
    other.schema.game = "not-a-ledger".into();
    match Replay::<Ledger>::check(&other) {
        Err(ReplayError::Game { .. }) => {}
        result => return Err(believed("another game", &result)),
    }
    let mut other = header.clone();
    other.schema.columns.pop();
    match Replay::<Ledger>::check(&other) {
        Err(ReplayError::Schema { .. }) => {}
        result => return Err(believed("another schema", &result)),
    }
    match Replay::<Ledger>::check(&JournalHeader { revision: header.revision + 1, ..header.clone() }) {
        Err(ReplayError::Revision { .. }) => Ok(()),
        result => Err(believed("another revision of the rules", &result)),
    }
}

/// A header that names another beginning.
fn refuse_another_start(header: &JournalHeader, plan: &Plan) -> Result<(), OpenError> {
    let mut other = header.clone();
    other.start.root = Hash([0xee; 32]);
    let simulation = begun(plan, header)?;
    match Replay::begin(other.clone(), simulation, other.start_position(), &Inline) {
        Ok((_, Some(Divergence { witness: Witness::Start, .. }))) => Ok(()),
        result => Err(believed("another beginning", &result)),
    }
}

/// Records that do not follow, cannot be read, carry another root or cannot be made.
fn refuse_lies(mut replay: Replay<Ledger>, base: Tick, epoch: Epoch) -> Result<(), OpenError> {
    let (last, tick) = (replay.position(), replay.tick().next());
    let frame = |tick| {
        let mut bytes = Vec::new();
        InputFrame::<Order>::new(tick, Entropy::from_bytes([0; 16]), Vec::new()).encode(&mut bytes);
        Bytes::from(bytes)
    };
    let record = |previous_hash, root, frame| {
        let record = TickRecord {
            slot: last.slot.next(),
            epoch,
            previous_hash,
            wall: Default::default(),
            count: 1,
            root,
            frame,
        };
        Record::new(record).map_err(|error| wrong(error.to_string()))
    };
    let lies: [(&str, Record); 2] = [
        ("a record that follows another one", record(Hash([0xee; 32]), None, frame(tick))?),
        ("the record of a later tick", record(last.record_hash, None, frame(tick.next()))?),
    ];
    for (lie, record) in lies {
        match replay.handle_record(&record) {
            Err(ReplayError::Order { .. }) => {}
            result => return Err(believed(lie, &result)),
        }
    }
    let mut torn = frame(tick).to_vec();
    torn.push(0);
    match replay.handle_record(&record(last.record_hash, None, Bytes::from(torn))?) {
        Err(ReplayError::Frame { .. }) => {}
        result => return Err(believed("a frame with a byte too many", &result)),
    }
    let forged = record(last.record_hash, Some(Hash([0xee; 32])), frame(tick))?;
    // One before the first record that is kept is not known any more.
    let is_known = forged.proof(replay.header()).is_some_and(|proof| proof.tick >= base);
    match replay.compare_record(&forged) {
        Some(Divergence { witness: Witness::Record(of), .. }) if of == tick => {}
        None if !is_known => {}
        other => return Err(wrong(format!("a forged root was judged as {other:?}"))),
    }
    replay.handle_record(&record(last.record_hash, None, frame(tick))?).map_err(|error| wrong(error.to_string()))?;
    replay.poll_step().ok_or_else(|| wrong("an empty frame makes no tick".into()))?;
    match replay.handle_stepped(Err(StepError::Panicked("as the audit says".to_owned()))) {
        Err(ReplayError::Step { .. }) => Ok(()),
        Err(error) => Err(wrong(format!("a step that panicked was taken for: {error}"))),
        Ok(_) => Err(wrong("a step that panicked made a tick".into())),
    }
}
