//! Chooses one of the seeded bugs of a build: known ways to desync, to see whether the checks catch them.
//!
//! No crate depends on this one, until `cargo xtask bugs` makes a copy of the tree, applies `bugs/*.patch` to it and lets the
//! patched crates depend on it there. What the bugs need (a clock, a static, a hash map) is exactly what is banned below the
//! sans-I/O line, so it stands here.
//!
//! Invariant: at most one bug is on in a process; without one the patched build behaves like any other.
#![forbid(unsafe_code)]

mod nondeterminism;

use std::sync::OnceLock;

pub use nondeterminism::{
    by_address, by_hash, clock_bit, forget, last, next, pop, process_hash, push, remember, thread_bit,
};

/// The environment variable that names the bug which is on.
pub const BUG: &str = "TICKWORLD_BUG";

/// Whether the bug of this name, which is that of its patch, is on in this process.
#[must_use]
#[inline]
pub fn is_on(name: &str) -> bool {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| std::env::var(BUG).unwrap_or_default()) == name
}
