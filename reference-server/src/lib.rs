//! A server of Tickworld worlds, to embed or to run: configuration, the driver of a region, authentication, HTTP, metrics.
//!
//! Invariant: nothing is acknowledged that is not stored at the level that the acknowledgement names.
#![forbid(unsafe_code)]

pub mod admission;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod data_folder;
mod driver;
pub mod http;
pub mod log_limit;
pub mod meters;
pub mod secret_file;
pub mod server;
pub mod start_checks;
pub mod start_error;
#[cfg(feature = "cli")]
pub mod stdout;
pub mod world;
