//! `tickworld measure`: what docs/PERFORMANCE.md tells of servers, one command a figure.
//!
//! Invariant: what is measured is the code that servers run; what is left out of a measurement is said in its help. Every
//! answer, root and coin is checked on the way: a run that is fast and wrong ends with exit code 1.

mod archive;
mod battle;
pub(crate) mod crossings;
mod idle;
mod join;
mod ledger;
pub(crate) mod machine;
pub(crate) mod relay;
mod replay;
mod traffic;
pub(crate) mod watch;

use crate::{Context, cli::Measure, failure::Outcome};

/// Runs the measurement that was asked for.
pub(crate) fn run(context: &mut Context, measure: &Measure) -> Outcome {
    match measure {
        Measure::Ledger(arguments) => ledger::run(context, arguments),
        Measure::Traffic(arguments) => traffic::run(context, arguments),
        Measure::Join(arguments) => join::run(context, arguments),
        Measure::Replay(arguments) => replay::run(context, arguments),
        Measure::Archive(arguments) => archive::run(context, arguments),
        Measure::Idle(arguments) => idle::run(context, arguments),
    }
}
