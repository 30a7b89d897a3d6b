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

mod audit;
mod book;
mod crowd;
pub mod disk;
pub mod kills;
mod process;
mod relay;

use std::time::Duration;

pub use audit::Audit;
pub use book::Book;
pub use crowd::{Crowd, Plan, nonce, plan as crowd_plan, token};
pub use process::{Exit, Launch, OPERATORS, Process, Ready, meter, operate, page};
pub use relay::{Relay, Weather};

/// Only a failing run waits so long.
pub const LONG: Duration = Duration::from_secs(60);
/// Accounts of the storms' world, and coins in each.
pub const ACCOUNTS: u32 = 64;
/// See [`ACCOUNTS`].
pub const COINS: u64 = 1_000;
