//! The d20 game on Tickworld: creatures with abilities, hit points, conditions and wills of their own, and players among them,
//! on a map of cells; every number of it read from a content pack.
//!
//! [`Rules`] is the game, [`Realm`] its state, [`Ruleset`] its content; [`SetUp`] begins a world, [`Command`] is what
//! players send. The systems are in `systems/`, each with what it follows of the SRD 5.1: a page, or a section
//! by its title; `game.rs` lists them in the order of a tick, and what several of them share stands beside them.
//!
//! Time: a round is six seconds (content may say otherwise), at 30 ticks a second 180 ticks. A creature's initiative gives the
//! tick within the round at which its turn comes. Space: places are in feet, cells five feet wide count from the map's corner.
//!
//! What it deliberately leaves out: concentration, reactions and opportunity attacks, legendary actions, death saves, cover,
//! grappling by contest, light, surprise, height. Creatures may share a space.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::float_arithmetic,
        clippy::default_numeric_fallback,
        clippy::arithmetic_side_effects,
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::iter_over_hash_type,
        clippy::disallowed_types,
        clippy::disallowed_methods,
    )
)]

extern crate alloc;

pub mod bot;
pub mod command;
pub mod components;
mod crossing;
pub mod dice;
pub mod event;
mod game;
pub mod invariants;
mod inventory;
pub mod items;
mod key;
pub mod level;
pub mod limits;
pub mod range;
pub mod realm;
mod round;
mod rules;
pub mod ruleset;
pub mod settings;
pub mod setup;
pub mod space;
mod spawn_creature;
pub mod stats;
mod systems;
mod targeting;
mod travel;
mod travel_clock;
pub mod unresolved;
mod uses;
mod walking;

pub use command::Command;
pub use event::Event;
pub use key::ContentKey;
pub use realm::Realm;
pub use rules::Rules;
pub use ruleset::Ruleset;
pub use setup::SetUp;
