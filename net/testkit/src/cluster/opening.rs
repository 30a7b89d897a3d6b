//! [`open`]: the world where it left off, in the order in which the reference server does it.
//!
//! Invariant: faults of power, process and disk lose nothing that was acknowledged, so whatever recovery gives up is a
//! violation; so is a root that replay does not give.

use tickworld_ledger::{Ledger, Transfer};
use tickworld_persist::{
    Claim, DataLossPolicy, JournalHeader, Origin, Record, Recovery, Salvage, Snapshot, Store, WorldId,
    error::{ClaimError, ReadError},
    limits, recover,
};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{InputFrame, Tick},
    game::Game,
    hash::Hash,
    simulation::Simulation,
    trace::Start,
    world::{Roots, World},
};

use super::{bug::Bug, plan::Plan, storage::now};
use crate::check::Violation;

/// Bytes of records read at once.
const READ_BYTES: u64 = 1 << 16;

/// A world that can go on, and the right to.
pub(super) struct Opened {
    pub(super) simulation: Simulation<Ledger>,
    pub(super) roots: Roots,
    /// Roots of the last ticks.
    pub(super) recent: Vec<(Tick, Hash)>,
    pub(super) header: JournalHeader,
    pub(super) claim: Claim,
    /// The frames that are still kept, the first one of the tick after `base`.
    pub(super) frames: Vec<InputFrame<Transfer>>,
    pub(super) base: Tick,
    /// Roots of the ticks that were stepped again.
    pub(super) replayed: Vec<(Tick, Hash)>,
}

/// Why a world does not go on.
#[derive(Debug)]
pub(super) enum OpenError {
    /// The storage fails: another try may do.
    Storage(String),
    /// What must not be.
    Violation(Violation),
}

fn storage(error: impl std::fmt::Display) -> OpenError {
    OpenError::Storage(error.to_string())
}

fn wrong(what: String) -> OpenError {
    OpenError::Violation(Violation::Recovery(what))
}

/// Opens the store's world, or begins one.
pub(super) fn open<S: Store + Salvage>(store: &S, plan: &Plan, bug: Option<Bug>) -> Result<Opened, OpenError> {
    if now(store.header()).map_err(storage)?.is_none() {
        begin(store, plan)?;
    }
    if bug == Some(Bug::LosesTheTailOnCrash) {
        lose_tail(store)?;
    }
    let (recovery, mut opened) = look(store, plan, bug)?;
    now(recovery.truncate(store, accepted(bug))).map_err(storage)?;
    opened.claim = now(store.claim()).map_err(|error| match error {
        ClaimError::Damaged(_) => wrong(error.to_string()),
        error => storage(error),
    })?;
    // An owner before may have appended until it was fenced.
    let end = opened.claim.last.tick;
    opened.go_on_to(store, end)?;
    Ok(opened)
}

fn accepted(bug: Option<Bug>) -> DataLossPolicy {
    if bug == Some(Bug::AcceptsLossSilently) { DataLossPolicy::Accept } else { DataLossPolicy::Refuse }
}

/// The world where it left off, without a change to the store.
pub(super) fn look<S: Store + Salvage>(
    store: &S,
    plan: &Plan,
    bug: Option<Bug>,
) -> Result<(Recovery, Opened), OpenError> {
    let recovery = now(recover(store, &mut |_| {})).map_err(|error| match error {
        tickworld_persist::RecoverError::NoOrigin { .. } => wrong(error.to_string()),
        error => storage(error),
    })?;
    if let (Some(ticks), DataLossPolicy::Refuse) = (&recovery.lost, accepted(bug)) {
        let damage = recovery.damage.as_ref().map(ToString::to_string).unwrap_or_default();
        return Err(wrong(format!("acknowledged ticks {} to {} are lost: {damage}", ticks.start(), ticks.end())));
    }
    let opened = replay(store, plan, &recovery)?;
    Ok((recovery, opened))
}

/// As a server would that forgot to read the journal to its end.
fn lose_tail<S: Store>(store: &S) -> Result<(), OpenError> {
    let head = now(store.log_state()).map_err(storage)?;
    let to = Tick(head.last.tick.0.saturating_sub(2)).max(head.base.tick);
    now(store.truncate_after(to, DataLossPolicy::Accept)).map_err(storage)
}

fn begin<S: Store>(store: &S, plan: &Plan) -> Result<(), OpenError> {
    let mut simulation = Ledger::open(plan.accounts, plan.coins);
    let root = simulation.seal(&Inline).root;
    let header = JournalHeader {
        world: WorldId(*b"a simulated bank"),
        revision: Ledger::REVISION,
        tick_rate: plan.host.tick_rate,
        root_lag_ticks: plan.root_lag_ticks,
        start: Start { tick: Tick(0), root, content: ContentId::NONE },
        schema: (**simulation.schema()).clone(),
    };
    now(store.create(&header)).map_err(storage)
}

fn replay<S: Store>(store: &S, plan: &Plan, recovery: &Recovery) -> Result<Opened, OpenError> {
    let mut simulation = match &recovery.origin {
        Origin::Start(_) => Ledger::open(plan.accounts, plan.coins),
        Origin::Snapshot(snapshot) => Simulation::resume(Library::of(ContentId::NONE, ()), load(store, snapshot)?),
    };
    let roots = simulation.seal(&Inline);
    let (start, base) = (simulation.world().tick(), recovery.log.base.tick);
    if start == recovery.header.start.tick && roots.root != recovery.header.start.root {
        return Err(wrong("the world does not begin as its header says".into()));
    }
    let claim = Claim { epoch: recovery.log.epoch, last: recovery.end };
    let (recent, header, root) = (vec![(start, roots.root)], recovery.header.clone(), roots.root);
    let (frames, replayed) = (Vec::new(), vec![(start, root)]);
    let mut opened = Opened { simulation, roots, recent, header, claim, frames, base, replayed };
    // Those before the snapshot are not needed to go on, but whoever watches wants to see them.
    let mut tick = base;
    while tick < start {
        for record in read(store, tick.next())?.iter().take_while(|record| record.tick() <= start) {
            opened.frames.push(frame(record)?);
            tick = record.tick();
        }
    }
    opened.go_on_to(store, recovery.end.tick)?;
    Ok(opened)
}

fn read<S: Store>(store: &S, from: Tick) -> Result<Vec<Record>, OpenError> {
    let records = now(store.read(from, READ_BYTES)).map_err(|error| match error {
        ReadError::Damaged(_) | ReadError::Trimmed { .. } => wrong(error.to_string()),
        error => storage(error),
    })?;
    if records.is_empty() {
        return Err(wrong(format!("tick {from} is not there, though the journal's head says so")));
    }
    Ok(records)
}

fn frame(record: &Record) -> Result<InputFrame<Transfer>, OpenError> {
    let frame = InputFrame::decode(&record.body().frame);
    frame.map_err(|error| wrong(format!("the frame of tick {}: {error}", record.tick())))
}

fn load<S: Store>(store: &S, snapshot: &Snapshot) -> Result<World<Ledger>, OpenError> {
    let mut pages = std::collections::BTreeMap::new();
    for entry in snapshot.manifest.columns.iter().flatten() {
        if let Some(bytes) = now(store.page(entry.hash)).map_err(storage)? {
            pages.insert(entry.hash, bytes);
        }
    }
    let world = World::restore(&snapshot.manifest, |entry| pages.get(&entry.hash).map(|bytes| bytes.to_vec()));
    world.map_err(|error| wrong(format!("the snapshot of tick {}: {error}", snapshot.manifest.head.tick)))
}

impl Opened {
    /// Steps again what the journal has up to `end`.
    fn go_on_to<S: Store>(&mut self, store: &S, end: Tick) -> Result<(), OpenError> {
        while self.simulation.world().tick() < end {
            let from = self.simulation.world().tick().next();
            for record in read(store, from)?.iter().take_while(|record| record.tick() <= end) {
                self.step(record)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, record: &Record) -> Result<(), OpenError> {
        let frame = frame(record)?;
        self.roots = self.simulation.step(&frame, &Inline).map_err(|error| wrong(error.to_string()))?;
        self.recent.push((frame.tick, self.roots.root));
        self.replayed.push((frame.tick, self.roots.root));
        self.frames.push(frame);
        let surplus = self.recent.len().saturating_sub(usize::from(limits::ROOT_LAG_TICKS_MAX) + 1);
        self.recent.drain(..surplus);
        let Some(proof) = record.body().proof else { return Ok(()) };
        match self.recent.iter().find(|(tick, _)| *tick == proof.tick) {
            Some((tick, root)) if *root != proof.root => {
                Err(wrong(format!("replay gives another root at tick {tick} than the journal carries")))
            }
            _ => Ok(()),
        }
    }
}
