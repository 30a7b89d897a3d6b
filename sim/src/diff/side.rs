//! One side of a diff of traces at one tick: what can be known of its world, and whence.
//!
//! Invariant: a side counts as reproduced only if running it from its own keyframe gave its own recorded root at every tick up
//! to that one, that one included.

use alloc::{
    boxed::Box,
    string::{String, ToString},
    sync::Arc,
};

use crate::{
    content::Library,
    executor::Executor,
    frame::Tick,
    game::Game,
    schema::Schema,
    trace::{RawState, ReplayError, Source, Trace, TraceError},
    world::World,
};

use super::view::{StateView, WorldView};

/// This build of the game, to run traces again with.
pub struct Rerun<'a, G: Game> {
    /// Every pack that the traces use.
    pub library: &'a Library<G::Content>,
    /// Runs the systems' parallel parts.
    pub executor: &'a dyn Executor,
}

/// What is known of a side's world at the tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Running the side again from its own keyframe gives its own roots, up to and with this tick.
    Reproduced,
    /// Not reproduced, but the side's file holds the pages of this tick.
    Evidenced,
    /// The file holds only roots: it is neither.
    Neither,
}

pub(super) enum SideState<G: Game> {
    World(Box<World<G>>, Arc<Schema>),
    Raw(Box<RawState>),
}

impl<G: Game> SideState<G> {
    pub(super) fn view(&self) -> Box<dyn StateView + '_> {
        match self {
            Self::World(world, schema) => Box::new(WorldView::new(world, schema)),
            Self::Raw(state) => Box::new(&**state),
        }
    }
}

pub(super) struct Side<G: Game> {
    pub(super) standing: Standing,
    /// Why it is not reproduced.
    pub(super) why: Option<String>,
    pub(super) state: Option<SideState<G>>,
    /// The world one tick before, where it is reproduced.
    pub(super) before: Option<Box<World<G>>>,
}

/// What can be known of `trace` at `tick`.
pub(super) fn side<G: Game, S: Source>(
    trace: &mut Trace<S>,
    tick: Tick,
    rerun: Option<&Rerun<'_, G>>,
) -> Result<Side<G>, TraceError<S::Error>> {
    let why = match rerun {
        None => "this build does not know the game".to_string(),
        Some(_) if tick <= trace.start() => "the trace begins with this tick".to_string(),
        Some(rerun) => match reproduce(trace, tick, rerun) {
            Ok(side) => return Ok(side),
            Err(ReplayError::Trace(TraceError::Source(error))) => return Err(TraceError::Source(error)),
            Err(error) => error.to_string(),
        },
    };
    let (state, why) = match raw_state(trace, tick)? {
        Ok(state) => (state, why),
        Err(damage) => (None, alloc::format!("{why}; {damage}")),
    };
    let standing = if state.is_some() { Standing::Evidenced } else { Standing::Neither };
    Ok(Side { standing, why: Some(why), state, before: None })
}

/// A state, where there is one; `Err` says how it is damaged.
type Held<G> = Result<Option<SideState<G>>, String>;

/// The pages of exactly `tick`, if the file holds them.
pub(super) fn raw_state<G: Game, S: Source>(trace: &mut Trace<S>, tick: Tick) -> Result<Held<G>, TraceError<S::Error>> {
    let Some(state) = trace.state_at(tick) else { return Ok(Ok(None)) };
    match trace.raw_state(state) {
        Ok(raw) => Ok(Ok(Some(SideState::Raw(Box::new(raw))))),
        Err(TraceError::Source(error)) => Err(TraceError::Source(error)),
        Err(error) => Ok(Err(error.to_string())),
    }
}

fn reproduce<G: Game, S: Source>(
    trace: &mut Trace<S>,
    tick: Tick,
    rerun: &Rerun<'_, G>,
) -> Result<Side<G>, ReplayError<S::Error>> {
    let eve = Tick(tick.0.saturating_sub(1));
    let keyframe = trace.keyframe_at_or_before(eve)?;
    let mut replay = trace.replay_from::<G>(keyframe, eve, rerun.library, rerun.executor)?;
    let before = replay.simulation().snapshot();
    let record = trace.tick(tick)?;
    replay.step::<S::Error>(&record, rerun.executor)?;
    let simulation = replay.into_simulation();
    let state = SideState::World(Box::new(simulation.snapshot()), simulation.schema().clone());
    Ok(Side { standing: Standing::Reproduced, why: None, state: Some(state), before: Some(Box::new(before)) })
}

/// The world of a later tick, by running a reproduced side on; `None` where it stops reproducing.
pub(super) fn run_on<G: Game, S: Source>(
    trace: &mut Trace<S>,
    tick: Tick,
    rerun: &Rerun<'_, G>,
) -> Result<Option<SideState<G>>, TraceError<S::Error>> {
    match reproduce(trace, tick, rerun) {
        Ok(side) => Ok(side.state),
        Err(ReplayError::Trace(TraceError::Source(error))) => Err(TraceError::Source(error)),
        Err(_) => Ok(None),
    }
}
