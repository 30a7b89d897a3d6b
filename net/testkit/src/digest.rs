//! [`Digest`]: a running hash of what happened.
//!
//! Invariant: two runs have equal digests only if they were told the same things in the same order.

use tickworld_sim::hash::{Hash, Hasher};

/// A running hash.
#[derive(Clone)]
pub struct Digest(Hasher);

impl Default for Digest {
    fn default() -> Self {
        Self(Hasher::new(b"tickworld.run.1"))
    }
}

impl core::fmt::Debug for Digest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Digest({:.16})", self.finish())
    }
}

impl Digest {
    /// Adds a byte string, with its length.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(u64::try_from(bytes.len()).expect("a slice fits the memory"));
        self.0.update(bytes);
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    /// The hash of everything so far.
    #[must_use]
    pub fn finish(&self) -> Hash {
        self.0.finish()
    }
}
