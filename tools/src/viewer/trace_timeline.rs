//! [`TraceTimeline`]: the ticks of a trace.
//!
//! Invariant: a keyframe counts only with all its pages and the root that the record of its tick says; each tick after it is
//! simulated, and its root and columns compared with its record.

use std::{
    io,
    path::{Path, PathBuf},
};

use tickworld_pool::Pool;
use tickworld_sim::{
    content::Library,
    frame::Tick,
    game::Game,
    trace::{Replay, ReplayError, StateKind, Trace},
};

use super::{
    history::KeptTick,
    recorded::{Made, Timeline},
    view::RootDifference,
};
use crate::{
    commands::trace::replay_failure,
    failure::Outcome,
    files::{TraceFile, trace_failure},
    packs::{self, LoadedPack},
    store::Hosted,
};

/// See the module.
pub(crate) struct TraceTimeline<'p, G: Game> {
    trace: Trace<TraceFile>,
    path: PathBuf,
    name: String,
    library: Library<G::Content>,
    replay: Option<Replay<G>>,
    /// Ticks of the keyframes, ascending.
    worlds: Vec<Tick>,
    pool: &'p Pool,
}

impl<'p, G: Game> TraceTimeline<'p, G> {
    /// Of a trace of the game `H`, with its packs.
    pub(crate) fn open<H: Hosted<Game = G>>(
        path: &Path,
        mut trace: Trace<TraceFile>,
        pool: &'p Pool,
    ) -> Outcome<(Self, Vec<LoadedPack>)> {
        let shown = path.display().to_string();
        let packs = packs::packs_of(&mut trace, &shown)?;
        let library = H::library(&packs);
        let states = trace.states().into_iter().filter(|state| state.kind == StateKind::Keyframe);
        let worlds = states.map(|state| state.tick).collect();
        let broken_off = if trace.torn().is_some() { ", broken off" } else { "" };
        let name = format!("trace {shown}{broken_off}");
        Ok((Self { trace, path: path.to_owned(), name, library, replay: None, worlds, pool }, packs))
    }
}

impl<G: Game> Timeline for TraceTimeline<'_, G> {
    type Game = G;

    const WITNESS: &'static str = "as recorded";

    fn names(&self) -> (&str, &str) {
        let title = self.trace.header().about.title.as_str();
        (if title.is_empty() { &*self.trace.schema().game } else { title }, &self.name)
    }

    fn ticks_per_second(&self) -> u32 {
        self.trace.header().about.ticks_per_second.max(1)
    }

    fn span(&self) -> (Tick, Tick) {
        (self.trace.start(), self.trace.last())
    }

    fn lag_ticks(&self) -> u64 {
        0
    }

    fn worlds(&self) -> &[Tick] {
        &self.worlds
    }

    fn begin(&mut self, tick: Tick) -> Outcome<KeptTick<G>> {
        let Self { trace, path, library, .. } = self;
        let keyframe = trace.keyframe_at_or_before(tick).map_err(|error| trace_failure(path, error))?;
        let replay = Replay::from_state(trace, keyframe, library).map_err(|error| replay_failure(path, error))?;
        let root = trace.root(keyframe.tick).map_err(|error| trace_failure(path, error))?;
        let moment = KeptTick { world: replay.simulation().snapshot(), root };
        self.replay = Some(replay);
        Ok(moment)
    }

    fn advance(&mut self, to: Tick, take: &mut dyn FnMut(Made<G>)) -> Outcome<()> {
        let Self { trace, path, replay, pool, .. } = self;
        let replay = replay.as_mut().expect("it has begun");
        let at = replay.tick();
        let count = usize::try_from(to.0.saturating_sub(at.0)).unwrap_or(usize::MAX);
        // One more is not read: what is wrong with it is its own tick's matter.
        for record in trace.ticks(at.next()).take(count) {
            let record = record.map_err(|error| trace_failure(path, error))?;
            let (root, difference) = match replay.step::<io::Error>(&record, *pool) {
                Ok(roots) => (roots.root, None),
                Err(ReplayError::NotReproduced { tick, recorded, found, columns }) => {
                    (found, Some(RootDifference::new(tick, "recorded", [recorded, found], &columns)))
                }
                Err(error) => return Err(replay_failure(path, error)),
            };
            let proven = difference.is_none().then_some(record.tick);
            let moment = KeptTick { world: replay.simulation().snapshot(), root };
            take(Made { moment, proven, difference, compared: 1 });
        }
        Ok(())
    }
}
