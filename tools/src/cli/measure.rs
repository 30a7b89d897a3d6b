//! `tickworld measure`: its figures, and what each of them is measured with.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    GameName,
    whole::{SECONDS_MAX, whole},
};

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Measure {
    /// Durable transfers a second without sockets: host, simulation and journal in this process
    ///
    /// Messages are encoded and decoded as on a network, ticks follow each other as fast as they can, and answers come once
    /// the store has synced their tick.
    #[command(after_help = "Example:\n  tickworld measure ledger --zipf 1.5")]
    Ledger(MeasureLedger),
    /// What a lockstep client receives, in bytes of UDP and IP, as the number of players grows
    #[command(after_help = "Example:\n  tickworld measure traffic --players 64,250,1000")]
    Traffic(MeasureTraffic),
    /// How long a late join to a large world takes over a slow line, and whether the server's ticks notice
    #[command(after_help = "Example:\n  tickworld measure join --megabits 20")]
    Join(MeasureJoin),
    /// How fast a journal is replayed, and how soon a region is back after hours of play
    #[command(after_help = "Example:\n  tickworld measure replay --hours 1")]
    Replay(MeasureReplay),
    /// What a server writes while nobody is there, and how fast it answers whoever comes then
    #[command(after_help = "Example:\n  tickworld measure idle --seconds 600")]
    Idle(MeasureIdle),
    /// Accounts that come, do one thing and leave for the archive, through one region
    ///
    /// Each comes twice, the second time out of the archive. A player who has left is in the world for a minute, and the archive takes
    /// eight a tick, so 240 a second.
    #[command(after_help = "Example:\n  tickworld measure archive --accounts 200000")]
    Archive(MeasureArchive),
}

/// The arguments of `tickworld measure ledger`.
#[derive(Debug, Args)]
pub(crate) struct MeasureLedger {
    /// Players who send transfers
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) sessions: u32,
    /// Transfers that each keeps without an answer
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) in_flight: u32,
    /// Accounts that transfers go between
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) accounts: u32,
    /// Pick accounts by Zipf's law with this exponent; 0 picks all alike
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub(crate) zipf: f64,
    /// Least transfers in a tick: a tick waits for so many, unless nothing else is under way
    #[arg(long, value_name = "N", default_value_t = 8_000)]
    pub(crate) batch: u32,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = whole(1..=SECONDS_MAX))]
    pub(crate) seconds: u64,
    /// Keep the journal in this folder, whose disk is measured; without it the system's folder for scratch files
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

/// The arguments of `tickworld measure traffic`.
#[derive(Debug, Args)]
pub(crate) struct MeasureTraffic {
    /// How many players, the lockstep one among them
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "64,250,1000", value_parser = clap::value_parser!(u32).range(2..=4_000))]
    pub(crate) players: Vec<u32>,
    /// Inputs a second of each
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    pub(crate) rate: f64,
    /// Ticks a second
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) tick_rate: u16,
    /// What is played
    #[arg(long, value_name = "GAME", default_value = "d20")]
    pub(crate) game: GameName,
    /// How long to measure each
    #[arg(long, value_name = "S", default_value_t = 12, value_parser = whole(5..=SECONDS_MAX))]
    pub(crate) seconds: u64,
}

/// The arguments of `tickworld measure join`.
#[derive(Debug, Args)]
pub(crate) struct MeasureJoin {
    /// Creatures in the world
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) creatures: u32,
    /// How many of them are in battle
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub(crate) active: u32,
    /// Players who are there already and send five inputs a second
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(crate) players: u32,
    /// Megabits a second of the joiner's line
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = whole(1..=10_000))]
    pub(crate) megabits: u64,
    /// Milliseconds from one end of it to the other
    #[arg(long, value_name = "MS", default_value_t = 20, value_parser = whole(0..=60_000))]
    pub(crate) delay: u64,
    /// How long the joiner has
    #[arg(long, value_name = "S", default_value_t = 20, value_parser = whole(1..=SECONDS_MAX))]
    pub(crate) seconds: u64,
}

/// The arguments of `tickworld measure replay`.
#[derive(Debug, Args)]
pub(crate) struct MeasureReplay {
    /// Creatures, all in battle
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) creatures: u32,
    /// Hours that were played at 30 ticks a second
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    pub(crate) hours: f64,
}

/// The arguments of `tickworld measure idle`.
#[derive(Debug, Args)]
pub(crate) struct MeasureIdle {
    /// What nobody plays
    #[arg(long, value_name = "GAME", default_value = "d20")]
    pub(crate) game: GameName,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 180, value_parser = whole(1..=86_400))]
    pub(crate) seconds: u64,
    /// Accounts of the ledger
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) accounts: u32,
}

/// The arguments of `tickworld measure archive`.
#[derive(Debug, Args)]
pub(crate) struct MeasureArchive {
    /// How many accounts
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) accounts: u32,
    /// Who comes in a second
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
}
