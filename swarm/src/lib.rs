//! Swarm testing: a run drawn from a seed is made by many ways, every root is compared, and what fails is shrunk.
//!
//! A seed gives a [`Case`]: content, a world, players' inputs, and the [`Variant`]s by which the run is made again: a second time,
//! with jobs in another order, on threads, rolled back, restored from bytes, forked, hashed late, recorded and verified. The
//! first time is watched by the rules' [invariants](tickworld_rules::invariants) and by rebuilt derived parts. Each run leaves random
//! features out (Groce et al., "Swarm testing", ISSTA 2012): what only happens where something else does not is found too.
//!
//! Invariant: a seed gives the same case, the same violation and the same shrunk case on every machine, unless what is being
//! hunted is itself a matter of chance. A case holds its inputs and its content, so it does not change when the drawing does.
//! What it deliberately does not do: networks and disks (`tickworld-testkit` simulates those), and bytes that no run has made
//! (the fuzzers').
//!
//! ```
//! use tickworld_swarm::{ContentPool, hunt};
//! # let sources = tickworld_contentc::Source::read_dir(std::path::Path::new("../content/data")).expect("readable");
//! # let pack = tickworld_contentc::compile(&sources).expect("the shipped content compiles").pack;
//!
//! let pool = ContentPool::new(pack);
//! let run = hunt::seed(&pool, 1);
//! assert_eq!(run.violation, None);
//! ```
#![forbid(unsafe_code)]

mod case;
mod case_file;
mod catch_panic;
mod content;
mod dice;
mod draw;
mod executors;
mod features;
pub mod hunt;
mod players;
mod runner;
mod shrink;
mod variants;
mod violation;

pub use case::{Case, Size};
pub use case_file::CaseError;
pub use catch_panic::silence_panics;
pub use content::{Content, ContentPool};
pub use shrink::{Shrunk, shrink, shrink_while};
pub use variants::Variant;
pub use violation::{Fault, Violation};
