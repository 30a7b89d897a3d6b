//! [`LogPosition`]: where a record stands, and under which claim ([`Slot`], [`Epoch`]).

use core::fmt;

use tickworld_sim::{frame::Tick, hash::Hash};

/// Where a record stands: numbers are dense, from 1. 0 is the header's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u64);

impl Slot {
    /// The header's, before the first record.
    pub const HEADER: Self = Self(0);

    /// The slot after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Under which claim something was written: the slot of that claim. Whoever claims later has a higher one, and fences those
/// before. 0 before the first claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The claim's slot.
    #[must_use]
    pub const fn slot(self) -> Slot {
        Slot(self.0)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The position of a record in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// Its slot; at the start of a journal, the header's.
    pub slot: Slot,
    /// Its tick; of a claim, the last one before it.
    pub tick: Tick,
    /// Its hash; at the start of a journal, the header's.
    pub record_hash: Hash,
}
