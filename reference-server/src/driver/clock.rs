//! [`Clock`]: the region's moments, from this machine's monotonic clock.
//!
//! Invariant: what is read here reaches the region's timers and the pace in a frame's header, never a simulation.

use std::time::{Duration, Instant};

use tickworld_proto::instant::{self, Micros};

/// The time of a region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    /// Counts from now.
    pub(super) fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// This moment, as the region counts.
    pub(super) fn now(&self) -> instant::Instant {
        instant::Instant(micros(self.start.elapsed()).0)
    }

    /// The moment of the machine at which a region's moment comes.
    pub(super) fn moment(&self, instant: instant::Instant) -> Instant {
        self.start + Duration::from_micros(instant.0)
    }
}

/// The duration in microseconds, as the region counts.
pub(super) fn micros(duration: Duration) -> Micros {
    Micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
