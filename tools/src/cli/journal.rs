//! `tickworld journal` and `tickworld trace from-journal`: what a server keeps of its world.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The commands of `tickworld journal`.
#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Say what is in it: ticks, claims, snapshots, content, sizes
    #[command(
        after_help = "Examples:\n  tickworld journal info tickworld-data\n  tickworld journal info tickworld-data --json"
    )]
    Info {
        /// The server's data folder
        data: PathBuf,
    },
    /// Read everything: the chain, frames, proofs, every page of every snapshot, packs
    ///
    /// Nothing is simulated: `journal replay` does that.
    #[command(after_help = "Example:\n  tickworld journal verify tickworld-data")]
    Verify {
        /// The server's data folder
        data: PathBuf,
    },
    /// Write it as JSON lines: the header, then a line a tick and a line a claim
    #[command(after_help = "Example:\n  tickworld journal export tickworld-data --from 9000 --to 9030 > inputs.jsonl")]
    Export {
        /// The server's data folder
        data: PathBuf,
        /// Which ticks are written
        #[command(flatten)]
        span: Span,
    },
    /// List the ticks that a build panicked in, and the starts that ended without a word
    #[command(after_help = "Example:\n  tickworld journal marks tickworld-data")]
    Marks {
        /// The server's data folder
        data: PathBuf,
    },
    /// Leave out the last tick, which no build at hand can make; the only command here that writes
    ///
    /// What stood in it is answered as void by the next server. Where the tick may have been told, it is named and stays, unless
    /// that is accepted.
    #[command(
        after_help = "Examples:\n  tickworld journal skip tickworld-data\n  tickworld journal skip tickworld-data --accept-loss"
    )]
    Skip {
        /// The server's data folder
        data: PathBuf,
        /// Go on although the tick may have been told to somebody: another life of the region begins
        #[arg(long)]
        accept_loss: bool,
    },
    /// Simulate it again and compare every root that it proves
    ///
    /// It begins with the newest snapshot before the first tick that was asked for.
    #[command(
        after_help = "Examples:\n  tickworld journal replay tickworld-data\n  tickworld journal replay tickworld-data --from 9001 --to 18000 --threads 2"
    )]
    Replay {
        /// The server's data folder
        data: PathBuf,
        /// Which ticks are compared
        #[command(flatten)]
        span: Span,
        /// Where no snapshot is early enough
        #[command(flatten)]
        beginning: Beginning,
    },
}

/// `tickworld trace from-journal`.
#[derive(Debug, Args)]
pub(crate) struct FromJournal {
    /// The server's data folder
    pub(crate) data: PathBuf,
    /// Where to write the trace
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Which ticks are recorded
    #[command(flatten)]
    pub(crate) span: Span,
    /// Where no snapshot is early enough
    #[command(flatten)]
    pub(crate) beginning: Beginning,
    /// Ticks between keyframes
    #[arg(long, value_name = "N", default_value_t = 900, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keyframes: u32,
    /// Ticks whose pages are written at the end, or at a root that is not the proven one
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(0..=1024))]
    pub(crate) evidence: u32,
    /// Replace what is there, even a file of another kind; never an input, a device or a server's data
    #[arg(long)]
    pub(crate) force: bool,
}

/// The ticks of a journal.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Span {
    /// Begin with this tick [default: the first after the oldest world]
    #[arg(long, value_name = "T")]
    pub(crate) from: Option<u64>,
    /// End with this tick [default: the last]
    #[arg(long, value_name = "T")]
    pub(crate) to: Option<u64>,
}

/// How the server was told to begin the world.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where no snapshot is early enough: how the server began the world")]
pub(crate) struct Beginning {
    /// Its scenario, for a d20 world
    #[arg(long, value_name = "SCENARIO", default_value = "skirmish")]
    pub(crate) scenario: PathBuf,
    /// Its seed, if it was given one
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Its accounts, for a ledger world
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub(crate) accounts: u32,
    /// Coins in each of them
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) coins: u64,
}
