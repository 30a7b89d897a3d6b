//! The systems, in the order in which a tick runs them.
//!
//! Invariant: systems that look at others do so in one parallel pass that only reads, and hand on what is to be done; a
//! serial pass does it, in (row, emission) order. So the number of workers changes nothing.

pub(crate) mod behaviour;
pub(crate) mod combat;
pub(crate) mod conditions;
pub(crate) mod exits;
pub(crate) mod movement;
pub(crate) mod orders;
pub(crate) mod paths;
pub(crate) mod spawning;
pub(crate) mod turns;
