//! How a d20 world begins: scenarios in YAML, the content packs that they use, and errors for people.
//!
//! Invariant: the same file, content and seed give the same world, on any machine; whatever is wrong with a file is named with its
//! place and what to do about it.
//!
//! ```
//! use tickworld_scenario::Scenario;
//!
//! let scenario = Scenario::load("duel".as_ref()).expect("it is shipped");
//! let simulation = scenario.begin().expect("a shipped scenario begins");
//! assert_eq!(simulation.world().tick().0, 0);
//! ```
#![forbid(unsafe_code)]

mod builder;
pub mod failure;
pub mod files;
mod frames;
mod load;
mod order;
pub mod packs;
mod parts;
mod read;
mod reader;
pub mod scenario;
pub mod world_map;

pub use frames::Frames;
pub use order::{Aim, Order};
pub use scenario::Scenario;
pub use world_map::WorldMap;
