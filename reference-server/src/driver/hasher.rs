//! [`Hasher`]: the thread that computes roots beside the region's thread.
//!
//! Invariant: every world that is handed to it is answered for, by its roots or by its ticket.

use std::{sync::mpsc, thread::JoinHandle, time::Instant};

use tickworld_net::mailbox::Ticket;
use tickworld_region::HashWorld;
use tickworld_sim::{executor::Inline, game::Game};

use super::{clock::micros, work::Work};

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
