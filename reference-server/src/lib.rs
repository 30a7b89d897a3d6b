//! A region of a Tickworld world: configuration, admission, recovery, the tick loop, HTTP.
//!
//! Invariant: nothing is acknowledged that is not stored at the level that the acknowledgement names.
#![forbid(unsafe_code)]

pub mod admission;
pub mod cli;
pub mod command;
pub mod config;
mod driver;
pub mod failure;
pub mod files;
pub mod http;
pub mod log_limit;
pub mod meters;
pub mod packs;
pub mod scenario;
pub mod secret_file;
pub mod server;
pub mod stdout;
pub mod world;
