//! [`run`] and [`check`]: one seed, once or twice; [`Report`]: what came of it.
//!
//! Invariant: a failure prints the command that repeats it.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tickworld_proto::instant::Instant;
use tickworld_sim::hash::Hash;

use super::{
    Bug, Cluster,
    plan::Plan,
    storage::{Disk, Double, Embedded},
};
use crate::check::Violation;

/// In so many ticks of the calm a player crosses mostly.
const CROSSING_TICKS: u64 = 3;

/// How a seed is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A planted bug.
    pub bug: Option<Bug>,
    /// Whether what happens is written down.
    pub is_traced: bool,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed that the run was made from.
    pub seed: u64,
    /// What was wrong first, and when.
    pub violation: Option<(Instant, Violation)>,
    /// The digest of all that happened.
    pub digest: Hash,
    /// How often things happened, by name.
    pub counts: BTreeMap<&'static str, u64>,
    /// The most that was seen of things that may not grow.
    pub most: Vec<(&'static str, u64)>,
    /// What happened, a line each; empty unless it was asked for.
    pub trace: Vec<String>,
}

impl Report {
    /// How often something happened.
    #[must_use]
    pub fn count(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }
}

/// A seed that shows something wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed that shows it.
    pub seed: u64,
    /// The planted bug, if one was.
    pub bug: Option<Bug>,
    /// When it showed, in simulated time.
    pub at: Instant,
    /// What was broken; `None` for a panic.
    pub violation: Option<Violation>,
    /// What a panic said.
    pub panic: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, at, .. } = self;
        match &self.violation {
            Some(violation) => write!(f, "seed {seed}, after {} ms: {violation}", at.0 / 1_000)?,
            None => write!(f, "seed {seed} panicked: {}", self.panic)?,
        }
        write!(f, "\n  cargo run --release -p tickworld-testkit --example cluster -- --seed {seed} --trace")?;
        if let Some(bug) = self.bug {
            write!(f, " --bug {bug:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Runs a seed once.
#[must_use]
pub fn run(seed: u64, options: Options) -> Report {
    let plan = Plan::new(seed);
    if plan.is_embedded { finish::<Embedded>(seed, plan, options) } else { finish::<Double>(seed, plan, options) }
}

fn finish<D: Disk>(seed: u64, plan: Plan, options: Options) -> Report {
    let mut cluster = Cluster::<D>::new(seed, plan, options);
    cluster.run();
    let mut watch = cluster.watch;
    for took in watch.crossings.took().to_vec() {
        let is_quick = took.0 <= CROSSING_TICKS * cluster.plan.tick.0;
        watch.count(if is_quick { "players who crossed within 3 ticks" } else { "players who crossed later" });
    }
    Report {
        seed,
        violation: watch.violation,
        digest: watch.digest.finish(),
        counts: watch.counts,
        most: watch.bounded.most().collect(),
        trace: watch.trace.unwrap_or_default(),
    }
}

/// Runs a seed twice, and compares.
///
/// # Errors
/// What was wrong first; or that the second run was another one.
pub fn check(seed: u64, options: Options) -> Result<Report, Box<Failure>> {
    let (first, second) = (run_caught(seed, options)?, run_caught(seed, options)?);
    if first.digest == second.digest {
        return Ok(first);
    }
    let violation = Violation::Nondeterministic { first: first.digest, second: second.digest };
    Err(failure(seed, options, Instant(0), Some(violation), String::new()))
}

/// A run without a violation, or what was wrong.
fn run_caught(seed: u64, options: Options) -> Result<Report, Box<Failure>> {
    let report = catch_unwind(AssertUnwindSafe(|| run(seed, options))).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        failure(seed, options, Instant(0), None, text)
    })?;
    match report.violation {
        Some((at, violation)) => Err(failure(seed, options, at, Some(violation), String::new())),
        None => Ok(report),
    }
}

fn failure(seed: u64, options: Options, at: Instant, violation: Option<Violation>, panic: String) -> Box<Failure> {
    Box::new(Failure { seed, bug: options.bug, at, violation, panic })
}
