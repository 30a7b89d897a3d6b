//! Swarm testing: a run drawn from a seed is made by many ways, every root is compared, and what fails is shrunk.
//!
//! A seed gives a [`Case`]: content, a world, players' inputs, and the [`Way`]s by which the run is made again: a second time,
//! with jobs in another order, on threads, rolled back, restored from bytes, forked, hashed late, recorded and verified. The
//! first time is watched by the rules' [invariants](tickworld_rules::invariants) and by rebuilt derived parts. Each run leaves random
//! features out (Groce et al., "Swarm testing", ISSTA 2012): what only happens where something else does not is found too.
//!
//! Invariant: a seed gives the same case, the same finding and the same shrunk case on every machine, unless what is being
//! hunted is itself a matter of chance. A case holds its inputs and its content, so it does not change when the drawing does.
//! What it deliberately does not do: networks and disks (`tickworld-testkit` simulates those), and bytes that no run has made
//! (the fuzzers').
//!
//! ```
//! use tickworld_swarm::{Stock, hunt};
//! # let sources = tickworld_contentc::Source::read_dir(std::path::Path::new("../content/data")).expect("readable");
//! # let pack = tickworld_contentc::compile(&sources).expect("the shipped content compiles").pack;
//!
//! let stock = Stock::new(pack);
//! let run = hunt::seed(&stock, 1);
//! assert_eq!(run.finding, None);
//! ```
#![forbid(unsafe_code)]

mod case;
mod caught;
mod content;
mod draw;
mod executors;
mod finding;
pub mod hunt;
mod keep;
mod line;
mod players;
mod rollback;
mod shrink;
mod ways;

pub use case::{Case, Size};
pub use caught::hush;
pub use content::{Content, Stock};
pub use finding::{Fault, Finding};
pub use keep::CaseError;
pub use shrink::{Shrunk, shrink, shrink_while};
pub use ways::Way;
