//! `tickworld measure`: what docs/PERFORMANCE.md tells of servers, one command a figure.
//!
//! Invariant: what is measured is the code that servers run; what is left out of a measurement is said in its help. Every
//! answer, root and coin is checked on the way: a run that is fast and wrong ends with exit code 1.

mod battle;
mod join;
mod ledger;
pub(crate) mod machine;
pub(crate) mod relay;
mod replay;
mod traffic;
pub(crate) mod watch;

use clap::Subcommand;

use crate::{Context, failure::Outcome};

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Measure {
    /// Durable transfers a second without sockets: host, simulation and journal in this process
    ///
    /// Messages are encoded and decoded as on a network, ticks follow each other as fast as they can, and answers come once
    /// the store has synced their tick.
    #[command(after_help = "Example:\n  tickworld measure ledger --zipf 1.5")]
    Ledger(ledger::Arguments),
    /// What a lockstep client receives, in bytes of UDP and IP, as the number of players grows
    #[command(after_help = "Example:\n  tickworld measure traffic --players 64,250,1000")]
    Traffic(traffic::Arguments),
    /// How long a late join to a large world takes over a slow line, and whether the server's ticks notice
    #[command(after_help = "Example:\n  tickworld measure join --megabits 20")]
    Join(join::Arguments),
    /// How fast a journal is replayed, and how soon a region is back after hours of play
    #[command(after_help = "Example:\n  tickworld measure replay --hours 1")]
    Replay(replay::Arguments),
}

/// Measures.
pub(crate) fn run(context: &mut Context, measure: &Measure) -> Outcome {
    match measure {
        Measure::Ledger(arguments) => ledger::run(context, arguments),
        Measure::Traffic(arguments) => traffic::run(context, arguments),
        Measure::Join(arguments) => join::run(context, arguments),
        Measure::Replay(arguments) => replay::run(context, arguments),
    }
}
