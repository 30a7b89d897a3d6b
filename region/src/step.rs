//! [`Step`]: one tick to be made, as a value. It is the one place where a game's code runs.
//!
//! Invariant: a step owns the simulation while it runs, so nothing can read a world that is half made; a simulation whose step
//! failed is gone.

use tickworld_sim::{
    executor::Executor,
    frame::{FrameError, InputFrame, Tick},
    game::Game,
    simulation::Simulation,
    world::Roots,
};

/// A world and the frame that makes its next tick.
pub struct Step<G: Game> {
    pub(crate) simulation: Simulation<G>,
    pub(crate) frame: InputFrame<G::Input>,
    /// Whether the roots are computed with the tick.
    pub(crate) seals: bool,
}

/// What a step made.
pub struct Stepped<G: Game> {
    /// The frame that was stepped.
    pub frame: InputFrame<G::Input>,
    /// The world of the new tick.
    pub simulation: Simulation<G>,
    /// Memory that it does not share with the world before.
    pub changed_bytes: u64,
    /// Its roots, where they were asked for.
    pub roots: Option<Roots>,
}

/// Why a tick was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The engine refuses the frame.
    #[error("the frame is refused: {0}")]
    Refused(#[from] FrameError),
    /// The game's code panicked, with this message.
    #[error("the rules panicked: {0}")]
    Panicked(String),
}

impl<G: Game> Step<G> {
    /// The tick that is to be made.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.frame.tick
    }

    /// Makes the tick.
    ///
    /// # Errors
    /// When the engine refuses the frame.
    ///
    /// # Panics
    /// Where the game's code does. Whoever must survive that catches it and reports [`StepError::Panicked`].
    pub fn run(self, executor: &dyn Executor) -> Result<Stepped<G>, StepError> {
        let Self { mut simulation, frame, seals } = self;
        simulation.advance(&frame, executor)?;
        let changed_bytes = simulation.world().dirty_bytes();
        let roots = seals.then(|| simulation.seal(executor));
        Ok(Stepped { frame, simulation, changed_bytes, roots })
    }
}

/// Whoever makes ticks.
pub trait Stepper<G: Game> {
    /// Makes a tick, here and now.
    ///
    /// # Errors
    /// When it cannot be made.
    fn step(&mut self, step: Step<G>) -> Result<Stepped<G>, StepError>;
}

/// Makes ticks with an executor and lets panics pass.
pub struct InlineStepper<'e>(pub &'e dyn Executor);

impl<G: Game> Stepper<G> for InlineStepper<'_> {
    fn step(&mut self, step: Step<G>) -> Result<Stepped<G>, StepError> {
        step.run(self.0)
    }
}
