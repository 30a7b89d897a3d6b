//! [`Backoff`]: how long to wait before the next attempt.
//!
//! Invariant: waits double up to their cap; each is drawn from its upper half, so that a thousand clients that lost one
//! server do not come back in one moment.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

/// Waits between attempts.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Before the second attempt, at most.
    pub first: Duration,
    /// Before any attempt, at most.
    pub max: Duration,
    /// Attempts in turn that may fail; `None` for any number.
    pub attempts_max: Option<u32>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(200), max: Duration::from_secs(10), attempts_max: None }
    }
}

/// Attempts that failed in turn.
pub(super) struct Attempts {
    backoff: Backoff,
    failed: u32,
}

impl Attempts {
    pub(super) const fn new(backoff: Backoff) -> Self {
        Self { backoff, failed: 0 }
    }

    /// An attempt led to a session.
    pub(super) const fn succeed(&mut self) {
        self.failed = 0;
    }

    /// An attempt failed, or the session that it led to is no more: how long to wait; nothing to give up.
    pub(super) fn fail(&mut self) -> Option<Duration> {
        let doublings = self.failed.min(31);
        self.failed = self.failed.saturating_add(1);
        if self.backoff.attempts_max.is_some_and(|max| self.failed >= max) {
            return None;
        }
        let wait = self.backoff.first.saturating_mul(1 << doublings).min(self.backoff.max);
        Some(wait / 2 + wait.mul_f64(0.5 * fraction()))
    }
}

/// From nothing up to one.
fn fraction() -> f64 {
    let mut bytes = [0; 4];
    // Without the system's randomness all clients wait their longest, which is safe too.
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_bounds_and_begin_anew() {
        let backoff = Backoff { first: Duration::from_secs(1), max: Duration::from_secs(5), attempts_max: None };
        let mut attempts = Attempts::new(backoff);
        for round in 0..2 {
            for most in [1, 2, 4, 5, 5] {
                let wait = attempts.fail().unwrap();
                let bounds = Duration::from_secs(most) / 2..=Duration::from_secs(most);
                assert!(bounds.contains(&wait), "round {round}: {wait:?} is not in {bounds:?}");
            }
            attempts.succeed();
        }
        for _ in 0..100 {
            assert!(attempts.fail().is_some_and(|wait| wait <= backoff.max));
        }
    }

    #[test]
    fn attempts_can_be_limited() {
        let mut attempts = Attempts::new(Backoff { attempts_max: Some(2), ..Backoff::default() });
        assert!(attempts.fail().is_some());
        assert!(attempts.fail().is_none());
    }
}
