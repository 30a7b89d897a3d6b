//! [`TravelClock`]: what ticks of one world are in another.
//!
//! Invariant: time stands still for who travels. Worlds count their ticks from beginnings of their own, and only differences between
//! ticks are carried over.

use tickworld_sim::frame::Tick;

/// Sets ticks over: the tick that is being made is the one after the last over there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TravelClock {
    /// The last tick over there.
    from: Tick,
    /// The tick that is being made.
    to: Tick,
}

impl TravelClock {
    /// Of one who left at the end of tick `from` and comes in tick `to`.
    #[must_use]
    pub(crate) const fn new(from: Tick, to: Tick) -> Self {
        Self { from, to }
    }

    /// The tick that is being made.
    #[must_use]
    pub(crate) const fn now(&self) -> Tick {
        self.to
    }

    /// The tick here that is as far ahead as `tick` was there, and at most `ticks_max` ahead; what was over is over now.
    #[must_use]
    pub(crate) fn ahead(&self, tick: u64, ticks_max: u64) -> u64 {
        let left = tick.saturating_sub(self.from.0.saturating_add(1));
        self.to.0.saturating_add(left.min(ticks_max))
    }

    /// The phase in a round here that comes after as many ticks as `phase` would have there. One beyond the round counts as its
    /// last tick, as it does for [`RoundClock`](crate::round::RoundClock).
    #[must_use]
    pub(crate) fn phase(&self, phase: u32, round_ticks: u64) -> u32 {
        let within = |tick: u64| tick.checked_rem(round_ticks).unwrap_or(0);
        let last = round_ticks.saturating_sub(1);
        let ahead = u64::from(phase).min(last).saturating_add(round_ticks);
        let ahead = ahead.saturating_sub(within(self.from.0.saturating_add(1)));
        u32::try_from(within(ahead.saturating_add(within(self.to.0)))).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_comes_after_as_many_ticks_as_were_left() {
        const ROUND: u64 = 180;
        let left = |next: u64, phase: u32| (u64::from(phase) + ROUND - next % ROUND) % ROUND;
        for (from, to) in [(0, 1), (99, 100), (179, 5_000), (180, 77), (181, 3), (5_555, 180)] {
            let clock = TravelClock { from: Tick(from), to: Tick(to) };
            for phase in 0..180 {
                let here = clock.phase(phase, ROUND);
                assert!(u64::from(here) < ROUND);
                assert_eq!(left(to, here), left(from + 1, phase), "{from} to {to}, phase {phase}");
            }
            assert_eq!(clock.phase(u32::MAX, ROUND), clock.phase(179, ROUND));
        }
    }

    #[test]
    fn no_tick_is_too_far_away() {
        let clock = TravelClock { from: Tick(40), to: Tick(1_000) };
        assert_eq!([0, 41, 42, 80].map(|tick| clock.ahead(tick, 500)), [1_000, 1_000, 1_001, 1_039]);
        assert_eq!((clock.ahead(u64::MAX, 500), clock.ahead(u64::MAX, u64::MAX)), (1_500, u64::MAX));
        let late = TravelClock { from: Tick(u64::MAX), to: Tick(u64::MAX) };
        assert_eq!((late.ahead(u64::MAX, 9), late.ahead(0, 9)), (u64::MAX, u64::MAX));
        assert!([0, 7, u32::MAX].iter().all(|phase| late.phase(*phase, 180) < 180 && late.phase(*phase, 1) == 0));
    }
}
