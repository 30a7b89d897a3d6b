//! [`Clock`]: the protocol's moments, and when ticks are due.
//!
//! Invariant: what is read here reaches the protocol's timers and the pace in a frame's header, never a simulation.

use std::time::{Duration, Instant};

use tickworld_proto::instant;

/// The time of a region.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    tick: Duration,
    due: Instant,
    /// Length of the last ticks in parts of their proper one, smoothed, in percent times 16.
    pace: u64,
}

/// How much of the pace one tick is, as a shift.
const SMOOTHING: u32 = 4;

impl Clock {
    /// The first tick is due one tick from now.
    pub(super) fn new(tick_rate: u16) -> Self {
        let (start, tick) = (Instant::now(), Duration::from_secs(1) / u32::from(tick_rate));
        Self { start, tick, due: start + tick, pace: 100 << SMOOTHING }
    }

    /// This moment, as the protocol counts.
    pub(super) fn now(&self) -> instant::Instant {
        instant::Instant(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The moment at which a protocol's instant comes.
    pub(super) fn moment(&self, instant: instant::Instant) -> Instant {
        self.start + Duration::from_micros(instant.0)
    }

    /// When the next tick is due.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// The time that a tick has.
    pub(super) const fn tick(&self) -> Duration {
        self.tick
    }

    /// A tick begins, now or late; gives the pace in percent, 100 where nothing slows the world, and how late it is. Lost time
    /// is not made up for: a world that cannot keep up would fall behind for ever.
    pub(super) fn begin_tick(&mut self) -> (u16, Duration) {
        let now = Instant::now();
        let late = now.saturating_duration_since(self.due);
        self.due = if late < self.tick { self.due + self.tick } else { now + self.tick };
        let lost = if late < self.tick { Duration::ZERO } else { late };
        let length = 100 + lost.as_nanos() * 100 / self.tick.as_nanos().max(1);
        let length = u64::try_from(length).unwrap_or(u64::MAX).min(10_000);
        self.pace = self.pace - (self.pace >> SMOOTHING) + length;
        (u16::try_from(self.pace >> SMOOTHING).unwrap_or(u16::MAX).max(100), late)
    }
}
