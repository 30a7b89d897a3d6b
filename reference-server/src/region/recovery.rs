//! [`open`]: the world where it left off, or at its beginning.
//!
//! Invariant: what goes on is proven as far as the journal carries roots; ticks that were acknowledged are given up only
//! where somebody accepted it, after they were named.

use std::{collections::HashMap, ops::RangeInclusive, time::Instant};

use tickworld_persist::{
    Claim, JournalHeader, Loss, Origin, RecoverError, Recovery, Snapshot, Store, WorldId,
    error::{Fault, FetchError, ReadError},
    limits, recover,
};
use tickworld_sim::{
    content::Library,
    executor::Executor,
    frame::{Act, InputFrame, Tick},
    hash::Hash,
    simulation::Simulation,
    trace::Start,
    world::{Roots, World},
};

use super::storing::{self, Storable};
use crate::{
    config::{Config, DurabilityLevel},
    failure::Failure,
    meters::Meters,
    start_checks::{self, Misfit},
    world::{Content, GameAdapter},
};

/// Bytes of records read at once.
const READ_BYTES: u64 = 8 * 1024 * 1024;

/// A world that can go on, and the right to.
pub(super) struct Opened<H: GameAdapter> {
    pub(super) simulation: Simulation<H::Game>,
    pub(super) roots: Roots,
    /// Roots of the last ticks, for the proofs of the next records.
    pub(super) recent: Vec<(Tick, Hash)>,
    pub(super) header: JournalHeader,
    pub(super) claim: Claim,
}

/// Why a world does not go on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Stored ticks are lost or damaged.
    #[error(
        "ticks {} to {} were acknowledged and are lost: {cause}. The world can go on from tick {}: --accept-loss does, and \
         keeps the damaged files beside", ticks.start(), ticks.end(), ticks.start().0.saturating_sub(1)
    )]
    Lost {
        /// Which.
        ticks: RangeInclusive<Tick>,
        /// Why.
        cause: String,
    },
    /// What is stored is damaged beyond single ticks: nothing says how far a world could go on.
    #[error(
        "what is stored is damaged: {0}. There is nothing to go on from: put a copy of the data folder back, or move \
         world.redb and world.mark away to begin a new world"
    )]
    Damaged(String),
    /// The journal's inputs do not give the roots that it carries: another build, or a defect.
    #[error(
        "replay gives another root at tick {tick} than the journal carries: this build does not compute what the one before \
         did. Start with that build; `tickworld journal verify` checks the journal itself"
    )]
    Unproven {
        /// The first such tick.
        tick: Tick,
    },
    /// The world is another game's, schema's or revision's, or cannot run as somebody set.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The storage failed, or something else that no configuration cures.
    #[error("{0}")]
    Other(String),
    /// Anything else that was said for people.
    #[error("{0}")]
    Failure(Failure),
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl OpenError {
    pub(crate) fn damaged(error: &dyn std::fmt::Display) -> Self {
        Self::Damaged(error.to_string())
    }

    /// Of a journal that cannot be read: damaged, or out of reach.
    fn read(error: &ReadError) -> Self {
        match error {
            ReadError::Damaged(_) | ReadError::Header(_) | ReadError::Storage(Fault::Corrupt(_)) => {
                Self::damaged(error)
            }
            _ => other(error),
        }
    }

    /// Of a world of which there is nothing to begin with.
    fn recover(error: &RecoverError) -> Self {
        match error {
            RecoverError::Read(error) => Self::read(error),
            RecoverError::NoOrigin { .. }
            | RecoverError::Fetch(FetchError::Damaged(_) | FetchError::Storage(Fault::Corrupt(_))) => {
                Self::damaged(error)
            }
            _ => other(error),
        }
    }
}

fn other(error: impl std::fmt::Display) -> OpenError {
    OpenError::Other(error.to_string())
}

/// Opens the store's world, or begins one.
pub(super) async fn open<H: GameAdapter, S: Store>(
    hosted: &H,
    store: &S,
    config: &Config,
    executor: &dyn Executor,
    meters: &Meters,
) -> Result<Opened<H>, OpenError> {
    match store.header().await.map_err(|error| OpenError::read(&error))? {
        // Before anything of it is read that another game would not understand.
        Some(header) => start_checks::fits::<H::Game>(&header)?,
        None => begin(hosted, store, config, executor, meters).await?,
    }
    let recovery = recover(store, &mut |_| {}).await.map_err(|error| OpenError::recover(&error))?;
    for passed in &recovery.passed_over {
        tracing::warn!(tick = passed.tick.0, cause = %passed.cause, "a snapshot cannot be used");
    }
    if let (Some(ticks), false) = (&recovery.lost, config.accept_loss) {
        let cause = recovery.damage.as_ref().map_or_else(|| "nobody knows why".to_owned(), ToString::to_string);
        return Err(OpenError::Lost { ticks: ticks.clone(), cause });
    }
    let mut opened = replay::<H, S>(hosted, store, &recovery, executor, meters).await?;
    let rules = hosted.tick_rate(opened.simulation.world());
    let noted = recovery.head.watermark.is_some();
    let told = start_checks::store_warning(noted, opened.header.start.tick, recovery.end.tick);
    let told = told.filter(|_| config.durability == DurabilityLevel::Disk);
    for warning in start_checks::warnings(config, &opened.header, rules).into_iter().chain(told) {
        tracing::warn!("{warning}");
    }
    if let Some(damage) = &recovery.damage {
        tracing::warn!(%damage, "cutting the journal's end");
    }
    let loss = if config.accept_loss { Loss::Accept } else { Loss::Refuse };
    recovery.cut(store, loss).await.map_err(other)?;
    opened.claim = store.claim().await.map_err(other)?;
    Ok(opened)
}

/// Begins the journal, and stores a snapshot of the beginning, so that the history can be read from its first tick on by
/// those who have no description of the world. Where a crash comes between the two, the beginning follows from the
/// description; its root in the header shows whether it still does in a later build.
async fn begin<H: GameAdapter, S: Store>(
    hosted: &H,
    store: &S,
    config: &Config,
    executor: &dyn Executor,
    meters: &Meters,
) -> Result<(), OpenError> {
    let mut simulation = hosted.begin()?;
    let roots = simulation.seal(executor);
    let content = simulation.world().content();
    let tick_rate = start_checks::tick_rate(config, hosted.tick_rate(simulation.world()))?;
    if let Some(pack) = hosted.pack()? {
        store.put_pack(content, pack.into()).await.map_err(other)?;
    }
    let mut world = [0; 16];
    getrandom::fill(&mut world).map_err(other)?;
    let header = JournalHeader {
        world: WorldId(world),
        revision: <H::Game as tickworld_sim::game::Game>::REVISION,
        tick_rate,
        root_lag_ticks: config.root_lag_ticks.unwrap_or(start_checks::ROOT_LAG_TICKS),
        start: Start { tick: simulation.world().tick(), root: roots.root, content },
        schema: (**simulation.schema()).clone(),
    };
    store.create(&header).await.map_err(other)?;
    let storable = Storable { world: simulation.snapshot(), link: header.hash() };
    let stored = storing::store(store, header.schema_id(), storable, config.snapshots_kept, meters).await;
    stored.map_err(other)?;
    tracing::info!(world = %hosted.title(), "began a world");
    Ok(())
}

async fn replay<H: GameAdapter, S: Store>(
    hosted: &H,
    store: &S,
    recovery: &Recovery,
    executor: &dyn Executor,
    meters: &Meters,
) -> Result<Opened<H>, OpenError> {
    let header = &recovery.header;
    let mut library = Library::default();
    if let Some(content) = hosted.default_content() {
        library.add(tickworld_sim::content::ContentId::NONE, content);
    }
    let mut simulation = match &recovery.origin {
        Origin::Start(_) => hosted.begin()?,
        Origin::Snapshot(snapshot) => {
            add_pack(hosted, store, &mut library, snapshot.manifest.head.content).await?;
            Simulation::resume(library, load(store, snapshot).await?)
        }
    };
    let roots = simulation.seal(executor);
    let start = simulation.world().tick();
    if start == header.start.tick && roots.root != header.start.root {
        return Err(OpenError::Unproven { tick: start });
    }
    let claim = Claim { epoch: recovery.head.epoch, last: recovery.end };
    let recent = vec![(start, roots.root)];
    let mut opened = Opened { simulation, roots, recent, header: header.clone(), claim };
    let begun = Instant::now();
    while opened.simulation.world().tick() < recovery.end.tick {
        let from = opened.simulation.world().tick().next();
        for record in store.read(from, READ_BYTES).await.map_err(other)? {
            if record.tick() > recovery.end.tick {
                break;
            }
            step(hosted, store, &mut opened, &record, executor).await?;
        }
    }
    let ticks = opened.simulation.world().tick().0 - start.0;
    let per_second = ticks as f64 / begun.elapsed().as_secs_f64().max(1e-9);
    meters.replayed.set(ticks as f64);
    meters.replay_speed.set(if ticks == 0 { 0.0 } else { per_second });
    let (tick, root) = (opened.simulation.world().tick().0, opened.roots.root);
    tracing::info!(from = start.0, tick, %root, per_second = per_second as u64, "the world is where it left off");
    Ok(opened)
}

async fn step<H: GameAdapter, S: Store>(
    hosted: &H,
    store: &S,
    opened: &mut Opened<H>,
    record: &tickworld_persist::Record,
    executor: &dyn Executor,
) -> Result<(), OpenError> {
    let frame = InputFrame::<<H::Game as tickworld_sim::game::Game>::Input>::decode(&record.body().frame);
    let frame = frame.map_err(|error| other(format!("the frame of tick {}: {error}", record.tick())))?;
    for input in &frame.inputs {
        if let Act::Content(id) = input.act {
            add_pack(hosted, store, opened.simulation.library_mut(), id).await?;
        }
    }
    opened.roots = opened.simulation.step(&frame, executor).map_err(other)?;
    opened.recent.push((frame.tick, opened.roots.root));
    let kept = usize::from(limits::ROOT_LAG_TICKS_MAX) + 1;
    let surplus = opened.recent.len().saturating_sub(kept);
    opened.recent.drain(..surplus);
    let Some(proof) = record.body().proof else { return Ok(()) };
    match opened.recent.iter().find(|(tick, _)| *tick == proof.tick) {
        Some((tick, root)) if *root != proof.root => Err(OpenError::Unproven { tick: *tick }),
        _ => Ok(()),
    }
}

async fn add_pack<H: GameAdapter, S: Store>(
    hosted: &H,
    store: &S,
    library: &mut Library<Content<H>>,
    id: tickworld_sim::content::ContentId,
) -> Result<(), OpenError> {
    if library.find(id).is_some() {
        return Ok(());
    }
    let bytes = store.pack(id).await.map_err(other)?;
    let bytes = bytes.ok_or_else(|| other(format!("content {id} is not stored, and the world uses it")))?;
    let (found, content) = hosted.read_pack(&bytes)?;
    if found != id {
        return Err(other(format!("content {id} is damaged: its bytes are those of {found}")));
    }
    library.add(id, content);
    Ok(())
}

async fn load<S: Store, G: tickworld_sim::game::Game>(store: &S, snapshot: &Snapshot) -> Result<World<G>, OpenError> {
    let mut pages = HashMap::new();
    for entry in snapshot.manifest.columns.iter().flatten() {
        if let Some(bytes) = store.page(entry.hash).await.map_err(other)? {
            pages.insert(entry.hash, bytes);
        }
    }
    World::restore(&snapshot.manifest, |entry| pages.get(&entry.hash).map(|bytes| bytes.to_vec())).map_err(other)
}
