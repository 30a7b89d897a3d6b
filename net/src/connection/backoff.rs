//! [`Backoff`]: how long to wait before the next attempt.
//!
//! Invariant: waits double up to their cap, and each is drawn from all but the first quarter of its range, so that a thousand
//! clients that lost one server do not come back in one moment; a session that does not last is an attempt that failed, so a
//! server that takes clients in and drops them is not asked again and again.
//!
//! The draw is "full jitter" with a floor (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): among the
//! ways compared there, the one that needs the fewest attempts until all are served.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use tokio::time::Instant;

/// Waits between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second attempt, at most. A second.
    pub first: Duration,
    /// Before any attempt, at most; and how long a session lasts until waits begin anew with `first`. 10 s.
    pub max: Duration,
    /// Attempts in turn that may fail before there was a session; `None` for any number.
    pub attempts_max: Option<u32>,
    /// What waits are drawn from. `None` for a seed of each client's own, which is what keeps clients apart; one that is given
    /// is for tests.
    pub seed: Option<u64>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), max: Duration::from_secs(10), attempts_max: None, seed: None }
    }
}

/// Attempts that failed in turn.
pub(super) struct Attempts {
    backoff: Backoff,
    /// Attempts that failed since the last session.
    failed: u32,
    /// How often the wait was doubled since the last session that lasted.
    doublings: u32,
    /// When the session began, while there is one.
    succeeded: Option<Instant>,
    random: SplitMix,
}

impl Attempts {
    pub(super) fn new(backoff: Backoff) -> Self {
        // The standard library's keys come from the system's randomness, and no two are the same.
        let seed = backoff.seed.unwrap_or_else(|| RandomState::new().hash_one(()));
        Self { backoff, failed: 0, doublings: 0, succeeded: None, random: SplitMix(seed) }
    }

    /// An attempt led to a session.
    pub(super) const fn succeed(&mut self, now: Instant) {
        self.failed = 0;
        self.succeeded = Some(now);
    }

    /// An attempt failed, or the session that it led to is no more: how long to wait; nothing to give up.
    pub(super) fn fail(&mut self, now: Instant) -> Option<Duration> {
        let lasted = self.succeeded.take().map(|since| now.saturating_duration_since(since));
        if lasted.is_some_and(|lasted| lasted >= self.backoff.max) {
            self.doublings = 0;
        }
        self.failed = self.failed.saturating_add(1);
        if self.backoff.attempts_max.is_some_and(|max| self.failed >= max) {
            return None;
        }
        let cap = self.backoff.first.saturating_mul(1 << self.doublings.min(31)).min(self.backoff.max);
        self.doublings = self.doublings.saturating_add(1);
        let floor = cap / 4;
        Some(floor + (cap - floor).mul_f64(self.random.fraction()))
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): enough to keep clients apart, and
/// the same on every machine.
struct SplitMix(u64);

impl SplitMix {
    /// A fraction, from 0 up to but without 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        f64::from((mixed >> 32) as u32) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn attempts(seed: Option<u64>) -> Attempts {
        Attempts::new(Backoff { first: SECOND, max: 5 * SECOND, attempts_max: None, seed })
    }

    fn assert_within(wait: Option<Duration>, cap_seconds: u32) {
        let bounds = SECOND * cap_seconds / 4..=SECOND * cap_seconds;
        assert!(wait.is_some_and(|wait| bounds.contains(&wait)), "{wait:?} is not in {bounds:?}");
    }

    #[test]
    fn waits_double_within_bounds_and_begin_anew_after_a_session_that_lasted() {
        let (mut attempts, mut now) = (attempts(Some(1)), Instant::now());
        for _ in 0..3 {
            for cap in [1, 2, 4, 5, 5] {
                assert_within(attempts.fail(now), cap);
            }
            attempts.succeed(now);
            now += 5 * SECOND;
        }
        for _ in 0..100 {
            assert!(attempts.fail(now).is_some_and(|wait| wait <= 5 * SECOND));
        }
    }

    #[test]
    fn sessions_that_do_not_last_are_no_reason_to_hurry() {
        let (mut attempts, mut now) = (attempts(Some(2)), Instant::now());
        for cap in [1, 2, 4, 5, 5] {
            assert_within(attempts.fail(now), cap);
            attempts.succeed(now);
            now += SECOND;
        }
    }

    #[test]
    fn attempts_can_be_limited() {
        let now = Instant::now();
        let mut attempts = Attempts::new(Backoff { attempts_max: Some(2), ..Backoff::default() });
        assert!(attempts.fail(now).is_some());
        attempts.succeed(now);
        assert!(attempts.fail(now).is_some(), "there was a session");
        assert!(attempts.fail(now).is_none());
    }

    /// A thousand clients lose one server: in none of their rounds does a tenth of the range see a quarter of them.
    #[test]
    fn clients_that_lose_one_server_do_not_come_back_at_once() {
        let now = Instant::now();
        for seeded in [true, false] {
            let mut clients: Vec<_> = (0..1_000).map(|seed| attempts(seeded.then_some(seed))).collect();
            for cap in [1, 2, 4, 5] {
                let mut tenths = [0; 11];
                for client in &mut clients {
                    let wait = client.fail(now).expect("any number of attempts");
                    tenths[(wait.as_millis() * 10 / (u128::from(cap as u32) * 1_000)) as usize] += 1;
                }
                assert!(tenths.iter().all(|count| *count < 250), "seeded {seeded}, up to {cap} s: {tenths:?}");
                assert_eq!(tenths[..2], [0, 0], "nobody comes back at once");
            }
        }
    }

    #[test]
    fn a_seed_gives_the_same_waits_again() {
        let now = Instant::now();
        let waits = |seed| {
            let mut attempts = attempts(Some(seed));
            (0..10).map(|_| attempts.fail(now)).collect::<Vec<_>>()
        };
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
    }
}
