//! [`Sealer`]: roots, within their tick or beside the next ones.
//!
//! Invariant: roots come in the order of ticks, each computed once.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use tickworld_sim::{
    executor::{Executor, Inline},
    game::Game,
    schema::SchemaId,
    simulation::Simulation,
    world::{Roots, World},
};

/// Where roots are computed.
pub(super) enum Sealer<G: Game> {
    /// On the region's thread.
    Within,
    /// On a thread of its own.
    Beside {
        /// Worlds to hash; none once the region ends.
        worlds: Option<mpsc::Sender<World<G>>>,
        /// Hashed worlds.
        sealed: mpsc::Receiver<(Roots, World<G>)>,
        /// Those under way.
        pending: u32,
        thread: Option<JoinHandle<()>>,
    },
}

impl<G: Game> Sealer<G> {
    /// For roots that are needed `lag` ticks after their own.
    pub(super) fn new(lag: u8, schema: SchemaId) -> std::io::Result<Self> {
        if lag <= 1 {
            return Ok(Self::Within);
        }
        let (worlds, queue) = mpsc::channel::<World<G>>();
        let (done, sealed) = mpsc::channel();
        let run = move || {
            for mut world in queue {
                let roots = world.seal(schema, &Inline);
                if done.send((roots, world)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("roots".into()).spawn(run)?;
        Ok(Self::Beside { worlds: Some(worlds), sealed, pending: 0, thread: Some(thread) })
    }

    /// Takes the newest world; gives its roots where they are computed within the tick.
    pub(super) fn seal(
        &mut self,
        simulation: &mut Simulation<G>,
        executor: &Arc<dyn Executor>,
    ) -> Option<(Roots, World<G>)> {
        match self {
            Self::Within => {
                let roots = simulation.seal(&**executor);
                Some((roots, simulation.snapshot()))
            }
            Self::Beside { worlds, pending, .. } => {
                let sent = worlds.as_ref().is_some_and(|worlds| worlds.send(simulation.snapshot()).is_ok());
                assert!(sent, "the thread that hashes lives as long as the region");
                *pending += 1;
                None
            }
        }
    }

    /// Roots that are done; waits where more than `pending_max` are under way.
    pub(super) fn done(&mut self, pending_max: u32, simulation: &mut Simulation<G>) -> Vec<(Roots, World<G>)> {
        let Self::Beside { sealed, pending, .. } = self else { return Vec::new() };
        let mut all = Vec::new();
        while *pending > 0 {
            let next = if *pending > pending_max { sealed.recv().ok() } else { sealed.try_recv().ok() };
            let Some((roots, world)) = next else { break };
            simulation.adopt_hashes(&world);
            *pending -= 1;
            all.push((roots, world));
        }
        all
    }
}

impl<G: Game> Drop for Sealer<G> {
    fn drop(&mut self) {
        if let Self::Beside { worlds, thread, .. } = self {
            *worlds = None;
            if let Some(thread) = thread.take() {
                // A panic in there has ended the region before.
                _ = thread.join();
            }
        }
    }
}
