//! A region of a Tickworld world: configuration, admission, recovery, the tick loop, HTTP.
//!
//! Invariant: nothing is acknowledged that is not stored at the level that the acknowledgement names.
#![forbid(unsafe_code)]

pub mod admission;
#[cfg(feature = "cli")]
pub mod cli;
pub mod command;
pub mod config;
pub mod data_folder;
pub mod failure;
#[cfg(feature = "d20")]
pub mod files;
pub mod http;
pub mod log_limit;
pub mod meters;
#[cfg(feature = "d20")]
pub mod packs;
pub mod region;
#[cfg(feature = "d20")]
pub mod scenario;
pub mod secret_file;
pub mod server;
pub mod start_checks;
pub mod start_error;
pub mod world;
