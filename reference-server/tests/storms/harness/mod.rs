//! What the storms have in common: the real server as a child process, clients that write down every answer, somebody who
//! follows the journal, and a network that can be bad. Shared with the example `storm`, which runs the same by hand.
//!
//! Nothing waits for time to pass: everything is awaited, with a bound that only a failing run reaches.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each user needs its part, and may panic"
)]

mod answer_log;
mod audit;
pub mod disk;
pub mod kills;
mod load_clients;
mod process;
mod relay;

use std::time::Duration;

pub use answer_log::AnswerLog;
pub use audit::Audit;
pub use load_clients::{LoadClients, Plan, nonce, plan as load_plan, token};
pub use process::{Exit, Launch, OPERATORS, Process, Ready, meter, operate, page};
pub use relay::{NetworkFaults, Relay};

/// Only a failing run waits so long.
pub const LONG: Duration = Duration::from_secs(60);
/// Accounts of the storms' world, and coins in each.
pub const ACCOUNTS: u32 = 64;
/// Coins in each of [`ACCOUNTS`] at the beginning.
pub const COINS: u64 = 1_000;
