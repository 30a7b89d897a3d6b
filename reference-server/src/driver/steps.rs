//! Where a game's code runs: steps that may panic, and the thread that hashes beside them.
//!
//! Invariant: a panic of the rules comes back as a value, and takes nothing but its own tick along.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Instant,
};

use tickworld_net::mailbox::Ticket;
use tickworld_region::{HashWorld, Step, StepError, Stepped, Stepper};
use tickworld_sim::{
    executor::{Executor, Inline},
    game::Game,
};

use super::{clock::micros, work::Work};

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

/// A world to hash, and the place of its answer.
type Job<G> = (Box<HashWorld<G>>, Ticket<Work<G>>);

/// A thread that computes roots; it ends when this is dropped.
pub(super) struct Hasher<G: Game> {
    jobs: Option<mpsc::Sender<Job<G>>>,
    thread: Option<JoinHandle<()>>,
}

impl<G: Game> Hasher<G> {
    pub(super) fn start() -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job<G>>();
        let run = move || {
            for (world, ticket) in queue {
                let begun = Instant::now();
                let hashed = world.run(&Inline);
                ticket.complete(Work::Hashed { took: micros(begun.elapsed()), hashed: Box::new(hashed) });
            }
        };
        let thread = std::thread::Builder::new().name("roots".into()).spawn(run)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Hashes a world. Where the thread is gone, its ticket says so.
    pub(super) fn hash(&self, world: Box<HashWorld<G>>, ticket: Ticket<Work<G>>) {
        if let Some(jobs) = &self.jobs {
            // A job that comes back is dropped, and its ticket with it.
            drop(jobs.send((world, ticket)));
        }
    }
}

impl<G: Game> Drop for Hasher<G> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by its ticket.
            _ = thread.join();
        }
    }
}
