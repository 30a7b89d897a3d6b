//! [`Instant`]: a moment, as whoever drives the protocol tells it.
//!
//! Invariant: the protocol reads no clock. Moments of one peer are comparable with each other and with nobody else's.

/// Microseconds since a moment that the driver chose once, monotonic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

pub(crate) const MICROS_PER_SECOND: u64 = 1_000_000;

/// Microseconds between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// This many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }
}

impl Instant {
    /// This much later.
    #[must_use]
    pub const fn after(self, wait: Micros) -> Self {
        Self(self.0.saturating_add(wait.0))
    }

    /// How long ago `earlier` was; nothing if it is yet to come.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Micros {
        Micros(self.0.saturating_sub(earlier.0))
    }
}
