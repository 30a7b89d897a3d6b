//! [`CatchingStepper`]: where a game's code runs, which may panic.
//!
//! Invariant: a panic of the rules comes back as a value, and takes nothing but its own tick along.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tickworld_region::{Step, StepError, Stepped, Stepper};
use tickworld_sim::{executor::Executor, game::Game};

/// Makes ticks, and catches what the rules throw.
pub(crate) struct CatchingStepper(pub(crate) Arc<dyn Executor>);

impl<G: Game> Stepper<G> for CatchingStepper {
    fn step(&mut self, step: Step<G>) -> Result<Stepped<G>, StepError> {
        // The simulation is inside the step and gone with it, so nothing half made is seen afterwards.
        catch_unwind(AssertUnwindSafe(|| step.run(&*self.0))).unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<&str>().map(ToString::to_string);
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(StepError::Panicked(said.unwrap_or_else(|| "without a word".to_owned())))
        })
    }
}
