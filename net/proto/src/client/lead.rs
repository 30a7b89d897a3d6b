//! [`Lead`]: when a lockstep client may guess another tick ahead of what is confirmed.
//!
//! Invariant: however far away the host is, a client that has caught up guesses up to its limit; only how *fast* it guesses
//! is bounded, so that guesses never take the time that confirmed ticks need. A wrong guess is made again with each frame, up
//! to the limit many times: a client that comes late to a large world and guesses after each frame that it catches up with
//! needs nine steps for each tick and is never in time. Distance says nothing about that; an earlier version asked for it, and
//! clients with round trips over twice the limit saw their own inputs a round trip late.
//!
//! All of it is moments that the driver tells; none of it reaches a root.

use tickworld_sim::frame::Tick;

use crate::instant::{Instant, Micros};

/// Guesses that a client earns in a tick's time: one to keep up with the host, one to gain on it.
const GUESSES_PER_TICK: u64 = 2;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Lead {
    /// The newest tick that the host had when the client began to follow: before it is confirmed, frames are on their way that
    /// would throw each guess away.
    known: Tick,
    /// When the next guess is earned. Up to the limit may be saved up.
    earned: Instant,
    /// When a look may find another tick to guess, although nothing came; nothing to wait for otherwise.
    wake: Option<Instant>,
}

impl Lead {
    /// Begins to follow a host that has made ticks up to `known`.
    pub(super) fn begin(&mut self, known: Tick) {
        self.known = known;
        self.wake = None;
    }

    /// Whether the client has what the host had when it began to follow.
    pub(super) fn has_caught_up(&self, confirmed: Tick) -> bool {
        confirmed >= self.known
    }

    /// Takes one guess, if it is earned. `most` of them can be saved up.
    ///
    /// # Errors
    /// When it will be.
    pub(super) fn take(&mut self, now: Instant, tick_length: Micros, most: u32) -> Result<(), Instant> {
        let interval = Micros(tick_length.0.checked_div(GUESSES_PER_TICK).unwrap_or(0).max(1));
        let saved = Instant(now.0.saturating_sub(interval.0.saturating_mul(u64::from(most.saturating_sub(1)))));
        let earned = self.earned.max(saved);
        if earned > now {
            return Err(earned);
        }
        self.earned = earned.after(interval);
        Ok(())
    }

    /// Waits until then for another look, whatever comes; `None` until something comes.
    pub(super) const fn wait_until(&mut self, wake: Option<Instant>) {
        self.wake = wake;
    }

    /// The moment that was waited for has come: whoever is driven now sets the next.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.wake = self.wake.filter(|wake| *wake > now);
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.wake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Micros = Micros(30_000);

    /// How many guesses are to be had now.
    fn all(lead: &mut Lead, now: u64, most: u32) -> usize {
        (0..1_000).take_while(|_| lead.take(Instant(now), TICK, most).is_ok()).count()
    }

    #[test]
    fn guesses_are_earned_two_a_tick_and_saved_up_to_the_limit() {
        let mut lead = Lead::default();
        assert_eq!(all(&mut lead, 1_000_000, 8), 8);
        assert_eq!(lead.take(Instant(1_000_000), TICK, 8), Err(Instant(1_015_000)));
        assert_eq!(all(&mut lead, 1_014_999, 8), 0);
        assert_eq!(all(&mut lead, 1_015_000, 8), 1);
        assert_eq!(all(&mut lead, 1_075_000, 8), 4);
        assert_eq!(all(&mut lead, 9_000_000, 8), 8);
        // One tick of limit, and none at all.
        assert_eq!(all(&mut lead, 19_000_000, 1), 1);
        assert_eq!(all(&mut lead, 29_000_000, 0), 1, "the limit itself is the caller's");
    }

    #[test]
    fn a_client_catches_up_first() {
        let mut lead = Lead::default();
        assert!(lead.has_caught_up(Tick(0)));
        lead.begin(Tick(60));
        assert!(!lead.has_caught_up(Tick(59)) && lead.has_caught_up(Tick(60)));
    }

    #[test]
    fn a_moment_that_came_is_not_waited_for_again() {
        let mut lead = Lead::default();
        lead.wait_until(Some(Instant(5)));
        lead.handle_timeout(Instant(4));
        assert_eq!(lead.poll_timeout(), Some(Instant(5)));
        lead.handle_timeout(Instant(5));
        assert_eq!(lead.poll_timeout(), None);
    }
}
