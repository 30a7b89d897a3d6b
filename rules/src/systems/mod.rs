//! The systems, in the order in which a tick runs them.
//!
//! Invariant: systems that look at others do so in one parallel pass that only reads, and hand on what is to be done; a
//! serial pass does it, in (row, emission) order. So the number of workers changes nothing.

pub mod behaviour;
pub mod combat;
pub mod conditions;
pub mod movement;
pub mod orders;
pub mod paths;
pub mod spawning;
pub mod turns;
