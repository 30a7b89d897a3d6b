//! [`WorldConfig`]: what the binary asks about a new world, beside the settings of a server.

use std::path::PathBuf;

use crate::config::{choices, settings};

choices! {
    /// Which game a region runs.
    WorldKind {
        /// The d20 game, laid out by a scenario.
        D20 = "d20",
        /// Accounts and transfers.
        Ledger = "ledger",
    }
}

settings! {
    /// Which game, and how a new world of it begins. A world that is there goes on as it is.
    pub struct WorldConfig {
        /// Which game: `d20` or `ledger`.
        world: WorldKind = WorldKind::D20;
        /// How a new d20 world begins: one of the shipped `duel`, `skirmish`, `siege`, or a scenario file (YAML; one that is
        /// called `duel` is `./duel`). Its players and bots are left out.
        scenario: PathBuf = PathBuf::from("skirmish");
        /// Seed of a new d20 world; the scenario's own if it is not set.
        seed: Option<u64> [0..=u64::MAX] = None;
        /// Accounts of a new ledger world.
        accounts: u32 [1..=(tickworld_ledger::ACCOUNTS_MAX as u64)] = 10_000;
        /// Coins in each of them.
        coins: u64 [0..=1_000_000_000_000] = 1_000_000;
    }
}
