//! [`Dice`]: everything that a run draws, by seed and purpose.
//!
//! Invariant: streams of different purposes know nothing of each other, so that drawing more of one leaves the others as they are.

use tickworld_sim::rng::{Entropy, Rng, StreamKey};

/// Random streams of one seed and purpose.
pub(crate) struct Dice(StreamKey);

impl Dice {
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        Self(StreamKey::new(&entropy(seed, u64::MAX), 0, purpose))
    }

    /// The stream of a number.
    pub(crate) fn at(&self, number: u64) -> Rng {
        self.0.rng(number)
    }

    /// The only stream of the purpose.
    pub(crate) fn one(seed: u64, purpose: &str) -> Rng {
        Self::new(seed, purpose).at(0)
    }
}

/// The entropy of a tick: in production sixteen secret bytes, here drawn from the seed so that a run can be repeated.
pub(crate) fn entropy(seed: u64, tick: u64) -> Entropy {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    // An odd factor keeps different ticks different, and no tick counts from 0.
    bytes[8..].copy_from_slice(&tick.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    Entropy::from_bytes(bytes)
}
