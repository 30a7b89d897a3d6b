//! Storms by hand: the long forms of the tests in `tests/storms`, and those that take rights of their own (mounts, network
//! namespaces). `cargo xtask torture` builds the server and runs this.
//!
//! Invariant: a storm ends well only if nothing was lost, doubled or changed; what cannot be done here is said, and is a failure.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a command for testers: it prints, and a finding is a panic"
)]

mod disk;
#[path = "../../tests/storms/harness/mod.rs"]
mod harness;
mod network;

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};
use harness::{NetworkFaults, kills::Kills};

/// Why a step of a storm does not fail: where it does, the storm has not been run, which is a panic.
const WORKS: &str = "the machine gives the storm what it needs";

#[derive(Parser)]
#[command(name = "storm", about = "Storms against a real server")]
struct Arguments {
    /// The server's binary; the one beside this command if left out
    #[arg(long)]
    server: Option<PathBuf>,
    #[command(subcommand)]
    storm: Storm,
}

#[derive(Subcommand)]
enum Storm {
    /// Kill the server under load, again and again
    Kills {
        #[arg(long, default_value_t = 200)]
        count: u32,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[arg(long, default_value_t = 8)]
        players: u64,
        #[arg(long, default_value_t = 100)]
        tick_rate: u16,
        /// Of a thousand packets
        #[arg(long, default_value_t = 0)]
        lost: u32,
        #[arg(long, default_value_t = 0)]
        delay_ms: u64,
    },
    /// A file system that is really full (takes the right to mount), and bits turned in a database
    Disk {
        /// Bits to turn, one at a time
        #[arg(long, default_value_t = 200)]
        bits: u32,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Server and clients in network namespaces of their own (takes the right to make them), with a bad network between
    Network {
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Answers that the clients wait for
        #[arg(long, default_value_t = 2_000)]
        answers: u64,
        /// Kills of the server on the way
        #[arg(long, default_value_t = 4)]
        kills: u32,
    },
    /// The clients of `network`, which runs them in their namespace
    #[command(hide = true)]
    Clients(network::Clients),
}

fn main() {
    let Arguments { server, storm } = Arguments::parse();
    let beside = || std::env::current_exe().expect(WORKS).parent().expect(WORKS).join("../tickworld-server");
    let binary = server.unwrap_or_else(beside);
    match storm {
        Storm::Kills { count, seed, players, tick_rate, lost, delay_ms } => {
            let delay = Duration::from_millis(delay_ms);
            let faults = NetworkFaults { delay, jitter: delay / 2, lost, ..NetworkFaults::default() };
            println!("{count} kills, seed {seed}: cargo xtask torture --kills {count} --seed {seed}");
            let kills =
                Kills { binary, seed, kills: count, players: 1..=players, tick_rate, snapshot_ticks: 40, faults };
            println!("{:#?}", kills.run(&mut |line| println!("{line}")));
        }
        Storm::Disk { bits, seed } => disk::run(&binary, bits, seed),
        Storm::Network { seed, answers, kills } => network::run(&binary, seed, answers, kills),
        Storm::Clients(clients) => clients.run(),
    }
    println!("nothing was lost");
}
