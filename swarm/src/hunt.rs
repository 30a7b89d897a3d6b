//! A seed's whole run: draw it, play it, make it every way.
//!
//! Invariant: one seed knows nothing of another, so seeds can be run in any order and on any number of threads.

use tickworld_sim::hash::Hash;

use crate::{case::Case, content::ContentPool, draw::CasePlan, runner::Runner, violation::Violation};

/// What became of a seed.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed that the run was drawn from.
    pub seed: u64,
    /// The run, with the inputs that its players made while it was played.
    pub case: Case,
    /// What was found first.
    pub violation: Option<Violation>,
    /// Ticks made by all ways together.
    pub ticks_stepped: u64,
    /// The root of the last tick: it binds what every tick before led to. Equal in every process.
    pub last_root: Option<Hash>,
}

/// Runs a seed.
#[must_use]
pub fn seed(pool: &ContentPool, seed: u64) -> Run {
    let CasePlan { seed, set_up, packs, ticks, mut players, variants } = CasePlan::draw(pool, seed);
    let case = Case { seed, set_up, packs, ticks, inputs: Vec::new(), variants };
    let mut runner = Runner::new(&case);
    let mut inputs = Vec::new();
    let played = runner.straight(&mut |simulation| {
        let tick = simulation.world().tick().next().0;
        if tick > ticks {
            return None;
        }
        let made = players.inputs(simulation);
        inputs.extend(made.iter().map(|input| (tick, input.clone())));
        Some(made)
    });
    let violation = played.and_then(|()| runner.others()).err();
    let ticks_stepped = runner.stepped();
    let last_root = runner.line.last().map(|roots| roots.root);
    drop(runner);
    Run { seed, case: Case { inputs, ..case }, violation, ticks_stepped, last_root }
}
