//! [`LogLimit`]: at most one line of the log in a while about one thing.
//!
//! Invariant: the first line passes at once, and each that passes says how many did not, so that nothing that goes on for long
//! is silent, nor buries what else is logged.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Decides which lines about one thing are logged.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # use tickworld_server::log_limit::LogLimit;
/// let failures = LogLimit::new(Duration::from_secs(60));
/// // At each failure:
/// if let Some(left_out) = failures.pass(Instant::now()) {
///     tracing::error!(left_out, "ticks cannot be stored");
/// }
/// // When it works again, the next failure is news:
/// failures.reset();
/// ```
#[derive(Debug)]
pub struct LogLimit {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When a line passed last.
    passed: Option<Instant>,
    left_out: u64,
}

impl LogLimit {
    /// One line in every `interval`.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::new(State { passed: None, left_out: 0 }) }
    }

    /// Whether a line may be logged now: how many were left out since the last one, or `None` where this one is left out too.
    pub fn pass(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.passed.is_some_and(|passed| now.saturating_duration_since(passed) < self.interval) {
            state.left_out += 1;
            return None;
        }
        state.passed = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }

    /// The next line passes: what it is about is over, and would be news.
    pub fn reset(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_an_interval_passes_and_says_how_many_did_not() {
        let (limit, begun) = (LogLimit::new(Duration::from_secs(60)), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(limit.pass(at(0)), Some(0));
        // Five a second, for two minutes.
        let passed: Vec<u64> =
            (1..600).filter_map(|fifth| limit.pass(begun + Duration::from_millis(200 * fifth))).collect();
        assert_eq!(passed, [299]);
        limit.reset();
        assert_eq!((limit.pass(at(120)), limit.pass(at(121))), (Some(0), None));
    }
}
