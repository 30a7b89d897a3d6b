//! [`Replay`]: a world of a trace, brought to any tick by simulating from a keyframe.
//!
//! Invariant: every tick it makes has the recorded root, or it stops with an error that names the first one that has not. It
//! never assumes that running again gives the recorded root.

use alloc::string::String;

use crate::{
    content::Library,
    executor::Executor,
    frame::{InputFrame, Tick},
    game::Game,
    simulation::Simulation,
    world::{Roots, schema},
};

use super::{ReplayError, Source, StageRoots, StateRef, TickRecord, Trace, reader::differing_columns, step_staged};
use crate::simulation::Observer;

impl<S: Source> Trace<S> {
    /// Whether this build has the game, the schema and the rules that recorded the trace, and so may replay it.
    ///
    /// # Errors
    /// Which of the three differs, with both sides' name, id or revision.
    pub fn check_game<G: Game>(&self) -> Result<(), ReplayError<S::Error>> {
        let game = &*self.schema().game;
        if game != G::NAME {
            return Err(ReplayError::Game { expected: G::NAME, found: String::from(game) });
        }
        let (expected, found) = (schema::<G>().id(), self.schema_id());
        if expected != found {
            return Err(ReplayError::Schema { expected, found });
        }
        let (expected, found) = (G::REVISION, self.header().revision);
        if expected == found { Ok(()) } else { Err(ReplayError::Revision { expected, found }) }
    }
}

/// A simulation that follows a trace.
pub struct Replay<G: Game> {
    simulation: Simulation<G>,
}

impl<G: Game> Replay<G> {
    /// At the tick of `state`.
    ///
    /// # Errors
    /// When the trace is damaged, of another game, schema or revision, or uses content that `library` lacks.
    pub fn from_state<S: Source>(
        trace: &mut Trace<S>,
        state: StateRef,
        library: &Library<G::Content>,
    ) -> Result<Self, ReplayError<S::Error>> {
        trace.check_game::<G>()?;
        let world = trace.load_world::<G>(state)?;
        let content = world.content();
        if library.find(content).is_none() {
            return Err(ReplayError::Content { tick: state.tick, content });
        }
        Ok(Self { simulation: Simulation::resume(library.clone(), world) })
    }

    /// The simulation, at the last tick made.
    #[must_use]
    pub const fn simulation(&self) -> &Simulation<G> {
        &self.simulation
    }

    /// The simulation, to go on with.
    #[must_use]
    pub fn into_simulation(self) -> Simulation<G> {
        self.simulation
    }

    /// The tick it is at.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.simulation.world().tick()
    }

    /// Makes the tick of `record` and compares.
    ///
    /// # Errors
    /// When the frame is not this game's or is refused, or the root is not the recorded one.
    pub fn step<E>(&mut self, record: &TickRecord, executor: &dyn Executor) -> Result<Roots, ReplayError<E>> {
        let frame = self.frame(record)?;
        let refused = |cause| refusal(record.tick, cause);
        let roots = self.simulation.step(&frame, executor).map_err(refused)?;
        self.compare(record, &roots)?;
        Ok(roots)
    }

    /// The same with the roots after every stage. Compares only if `observer` is none: one that watches does no harm, one
    /// that plants a fault wants the difference.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn step_staged<E>(
        &mut self,
        record: &TickRecord,
        executor: &dyn Executor,
        observer: Option<Observer<'_, G>>,
    ) -> Result<(Roots, StageRoots), ReplayError<E>> {
        let frame = self.frame(record)?;
        let refused = |cause| refusal(record.tick, cause);
        let observed = observer.is_some();
        let (roots, stages) = step_staged(&mut self.simulation, &frame, executor, observer).map_err(refused)?;
        if !observed {
            self.compare(record, &roots)?;
        }
        Ok((roots, stages))
    }

    fn frame<E>(&self, record: &TickRecord) -> Result<InputFrame<G::Input>, ReplayError<E>> {
        InputFrame::decode(&record.frame).map_err(|cause| ReplayError::Frame { tick: record.tick, cause })
    }

    fn compare<E>(&self, record: &TickRecord, roots: &Roots) -> Result<(), ReplayError<E>> {
        let columns = differing_columns(self.simulation.schema(), &record.columns, &roots.columns);
        if roots.root == record.root && columns.is_empty() {
            return Ok(());
        }
        Err(ReplayError::NotReproduced { tick: record.tick, recorded: record.root, found: roots.root, columns })
    }
}

const fn refusal<E>(tick: Tick, cause: crate::frame::FrameError) -> ReplayError<E> {
    match cause {
        crate::frame::FrameError::Content(content) => ReplayError::Content { tick, content },
        cause => ReplayError::Refused { tick, cause },
    }
}

impl<S: Source> Trace<S> {
    /// The simulation as it was after `tick`: from the last keyframe at or before it, simulated on, every root compared.
    ///
    /// # Errors
    /// When the trace cannot be read there, is of another game, schema or revision, or this build does not reproduce it.
    pub fn seek<G: Game>(
        &mut self,
        tick: Tick,
        library: &Library<G::Content>,
        executor: &dyn Executor,
    ) -> Result<Simulation<G>, ReplayError<S::Error>> {
        let keyframe = self.keyframe_at_or_before(tick)?;
        Ok(self.replay_from(keyframe, tick, library, executor)?.into_simulation())
    }

    /// Follows the trace from a world inside it up to `tick`.
    ///
    /// # Errors
    /// As [`seek`](Self::seek).
    pub fn replay_from<G: Game>(
        &mut self,
        state: StateRef,
        tick: Tick,
        library: &Library<G::Content>,
        executor: &dyn Executor,
    ) -> Result<Replay<G>, ReplayError<S::Error>> {
        if tick > self.last() {
            let (first, last) = (self.start(), self.last());
            return Err(super::TraceError::NoTick { tick, first, last }.into());
        }
        let mut replay = Replay::from_state(self, state, library)?;
        for record in self.ticks(state.tick.next()) {
            if replay.tick() >= tick {
                break;
            }
            replay.step::<S::Error>(&record?, executor)?;
        }
        Ok(replay)
    }
}
