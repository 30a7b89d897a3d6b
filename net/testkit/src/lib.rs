//! A simulated clock, network, disk and cluster for the protocol, from one seed, in one thread, with checkers.
//!
//! Invariant: a run is a function of its seed and its build; run twice, it does the same.
#![forbid(unsafe_code)]

pub mod check;
pub mod clock;
pub mod cluster;
pub mod dice;
pub mod digest;
pub mod disk;
pub mod network;
