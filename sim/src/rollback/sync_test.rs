//! [`SyncTest`]: the session that distrusts its game.
//!
//! Invariant: a game that passes keeps nothing outside its world, as far as these frames show: every tick is made from two
//! pasts, and now and then from one that went through bytes, and all must agree.
//! It costs some `distance_ticks` times as much as playing; it is for tests, and for hunting what a desync report named.

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::fmt;

use crate::{
    executor::Executor,
    frame::{FrameError, InputFrame, Tick},
    game::Game,
    simulation::Simulation,
    snapshot::RestoreError,
    world::{Roots, World},
};

/// How hard a [`SyncTest`] looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncTestSettings {
    /// How many ticks to go back, at every tick.
    pub distance_ticks: u32,
    /// Every how many ticks the world gone back to is restored from its bytes instead of its snapshot; 0 for never.
    pub restore_ticks: u32,
}

impl Default for SyncTestSettings {
    fn default() -> Self {
        Self { distance_ticks: 7, restore_ticks: 5 }
    }
}

/// How a world came about that does not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Stepped once, in order.
    Straight,
    /// Stepped again from a snapshot.
    Resimulated,
    /// Stepped again from bytes.
    Restored,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Straight => "stepped",
            Self::Resimulated => "stepped again from a snapshot",
            Self::Restored => "stepped again from restored bytes",
        })
    }
}

/// What a [`SyncTest`] found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyncTestError {
    /// The frame is refused; nothing was tested.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The same frames gave another world.
    #[error("tick {tick}, {path}, differs from the first time in {}", columns.join(", "))]
    Root {
        /// The first tick that differs.
        tick: Tick,
        /// How it was made.
        path: Path,
        /// The columns that differ.
        columns: Vec<String>,
    },
    /// A derived part is not what the state says.
    #[error("tick {tick}, {path}: derived `{field}` is not what rebuilding it gives")]
    Derived {
        /// The tick after which it is wrong.
        tick: Tick,
        /// How it was made.
        path: Path,
        /// Name of the field.
        field: &'static str,
    },
    /// The world's own bytes are refused.
    #[error("tick {tick} cannot be restored from its own bytes: {cause}")]
    Restore {
        /// The tick whose bytes they are.
        tick: Tick,
        /// Why they are refused.
        cause: RestoreError,
    },
    /// The world's own bytes give another world.
    #[error("tick {tick} restored from its own bytes encodes to others")]
    Bytes {
        /// The tick whose bytes they are.
        tick: Tick,
    },
}

/// A tick that was tested once already.
struct Past<G: Game> {
    before: World<G>,
    frame: InputFrame<G::Input>,
    roots: Roots,
}

/// Steps a game and, at every tick, goes back and steps it again.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/counter.inc"));
/// # use tickworld_sim::{executor::Inline, frame::{InputFrame, Tick}, rng::Entropy};
/// use tickworld_sim::rollback::{SyncTest, SyncTestSettings};
///
/// # fn main() -> Result<(), tickworld_sim::rollback::SyncTestError> {
/// let mut test = SyncTest::new(simulation(), SyncTestSettings::default());
/// for tick in 1..20 {
///     test.step(&InputFrame::empty(Tick(tick), Entropy::from_bytes([3; 16])), &Inline)?;
/// }
/// # Ok(())
/// # }
/// ```
pub struct SyncTest<G: Game> {
    simulation: Simulation<G>,
    past: VecDeque<Past<G>>,
    settings: SyncTestSettings,
}

impl<G: Game> SyncTest<G> {
    /// A test of the game from this world on.
    #[must_use]
    pub const fn new(simulation: Simulation<G>, settings: SyncTestSettings) -> Self {
        Self { simulation, past: VecDeque::new(), settings }
    }

    /// The game under test.
    #[must_use]
    pub const fn simulation(&self) -> &Simulation<G> {
        &self.simulation
    }

    /// Makes the next tick, goes back and makes the last ticks again.
    ///
    /// # Errors
    /// The first thing that differs. The test is then over: the world is one of several.
    pub fn step(&mut self, frame: &InputFrame<G::Input>, executor: &dyn Executor) -> Result<Roots, SyncTestError> {
        let before = self.simulation.snapshot();
        let roots = self.simulation.step(frame, executor)?;
        check_derived(&self.simulation, Path::Straight)?;
        self.past.push_back(Past { before, frame: frame.clone(), roots: roots.clone() });
        while self.past.len() > usize::try_from(self.settings.distance_ticks).unwrap_or(usize::MAX) {
            self.past.pop_front();
        }
        let Some(first) = self.past.front() else { return Ok(roots) };
        let mut again = self.simulation.clone();
        again.restore(&first.before);
        let is_restoring = frame.tick.0.checked_rem(self.settings.restore_ticks.into()) == Some(0);
        let path = if is_restoring { Path::Restored } else { Path::Resimulated };
        if is_restoring {
            again = through_bytes(&again)?;
            check_derived(&again, path)?;
        }
        for past in &self.past {
            let found = again.step(&past.frame, executor)?;
            self.compare(past, &found, path)?;
            check_derived(&again, path)?;
        }
        Ok(roots)
    }

    fn compare(&self, past: &Past<G>, found: &Roots, path: Path) -> Result<(), SyncTestError> {
        if *found == past.roots {
            return Ok(());
        }
        let pairs = past.roots.columns.iter().zip(&found.columns);
        let names = self.simulation.schema().columns.iter().map(|column| String::from(&*column.name));
        let differing = names.zip(pairs).filter(|(_, (a, b))| a != b).map(|(name, _)| name);
        Err(SyncTestError::Root { tick: past.frame.tick, path, columns: differing.collect() })
    }
}

fn through_bytes<G: Game>(simulation: &Simulation<G>) -> Result<Simulation<G>, SyncTestError> {
    let tick = simulation.world().tick();
    let bytes = simulation.to_bytes();
    let world = World::from_bytes(&bytes).map_err(|cause| SyncTestError::Restore { tick, cause })?;
    let restored = Simulation::resume(simulation.library().clone(), world);
    if restored.to_bytes() == bytes { Ok(restored) } else { Err(SyncTestError::Bytes { tick }) }
}

fn check_derived<G: Game>(simulation: &Simulation<G>, path: Path) -> Result<(), SyncTestError> {
    let tick = simulation.world().tick();
    simulation.check_derived().map_err(|field| SyncTestError::Derived { tick, path, field })
}
