//! [`Pace`]: when ticks are due, and how fast the world runs.
//!
//! Invariant: what is found out here reaches the pace in a frame's header and the next due moment, never a simulation.

use tickworld_proto::instant::{Instant, Micros};

/// How much of the pace one tick is, as a shift.
const SMOOTHING: u32 = 4;
const MICROS_PER_SECOND: u64 = 1_000_000;
/// The longest tick that the pace counts, in percent of its proper length.
const LENGTH_PERCENT_MAX: u64 = 10_000;

/// The rhythm of a region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    tick_rate: u64,
    /// The moment from which ticks are counted, and how many were due since: so that no rounding adds up.
    base: Instant,
    count: u64,
    /// Length of the last ticks in percent of their proper one, smoothed, times 16.
    smoothed: u64,
}

impl Pace {
    /// The first tick is due one tick from now.
    pub(super) fn new(now: Instant, tick_rate: u16) -> Self {
        Self { tick_rate: u64::from(tick_rate.max(1)), base: now, count: 1, smoothed: 100 << SMOOTHING }
    }

    /// When the next tick is due.
    pub(super) const fn due(&self) -> Instant {
        self.base.after(Micros(self.count.saturating_mul(MICROS_PER_SECOND) / self.tick_rate))
    }

    /// A tick begins, now or late; gives how late, and the pace in percent: 100 where nothing slows the world. Lost time is
    /// not made up for: a world that cannot keep up would fall behind for ever.
    pub(super) fn begin_tick(&mut self, now: Instant) -> (Micros, u16) {
        let tick = MICROS_PER_SECOND / self.tick_rate;
        let late = now.since(self.due());
        let lost = if late.0 < tick { 0 } else { late.0 };
        if lost == 0 {
            self.count += 1;
        } else {
            (self.base, self.count) = (now, 1);
        }
        let length = (100 + lost.saturating_mul(100) / tick.max(1)).min(LENGTH_PERCENT_MAX);
        self.smoothed = self.smoothed - (self.smoothed >> SMOOTHING) + length;
        (late, u16::try_from(self.smoothed >> SMOOTHING).unwrap_or(u16::MAX).max(100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rounding_adds_up() {
        let mut pace = Pace::new(Instant(7), 30);
        for _ in 0..30 * 60 {
            let due = pace.due();
            assert_eq!(pace.begin_tick(due), (Micros(0), 100));
        }
        assert_eq!(pace.due(), Instant(7 + 60_000_000 + 33_333));
    }

    #[test]
    fn a_late_tick_brings_the_next_one_no_nearer_than_it_was_and_a_lost_one_slows_the_pace() {
        let mut pace = Pace::new(Instant(0), 10);
        assert_eq!(pace.begin_tick(Instant(199_999)), (Micros(99_999), 100));
        assert_eq!(pace.due(), Instant(200_000));
        let (late, percent) = pace.begin_tick(Instant(500_000));
        assert_eq!((late, percent), (Micros(300_000), 118));
        assert_eq!(pace.due(), Instant(600_000), "what was lost is not made up for");
    }

    #[test]
    fn a_world_that_stands_still_for_ever_has_a_pace_too() {
        let mut pace = Pace::new(Instant(0), 60_000);
        for _ in 0..1_000 {
            _ = pace.begin_tick(Instant(u64::MAX));
        }
        assert!(pace.begin_tick(Instant(u64::MAX)).1 >= 100);
    }
}
