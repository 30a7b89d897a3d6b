//! [`Clock`]: simulated time, and what is due when.
//!
//! Invariant: what is due comes out in order of (time, number of its scheduling), and time never goes back. It waits for nothing:
//! the clock stands where the last event was.

use std::collections::BTreeMap;

use tickworld_proto::instant::{Instant, Micros};

/// A queue of things that will happen.
#[derive(Clone, Debug)]
pub struct Clock<E> {
    now: Instant,
    scheduled: u64,
    queue: BTreeMap<(Instant, u64), E>,
}

impl<E> Default for Clock<E> {
    fn default() -> Self {
        Self { now: Instant(0), scheduled: 0, queue: BTreeMap::new() }
    }
}

impl<E> Clock<E> {
    /// When the last event was.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How many events wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// When the next event is.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets `event` happen at `at`, or now if that is over. Of two at one time the first scheduled comes first.
    pub fn at(&mut self, at: Instant, event: E) {
        self.queue.insert((at.max(self.now), self.scheduled), event);
        self.scheduled += 1;
    }

    /// Lets `event` happen after `wait`.
    pub fn after(&mut self, wait: Micros, event: E) {
        self.at(self.now.after(wait), event);
    }

    /// The next event, at which time now stands.
    pub fn poll(&mut self) -> Option<E> {
        let ((at, _), event) = self.queue.pop_first()?;
        self.now = at;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_then_by_number() {
        let mut clock = Clock::default();
        clock.at(Instant(20), 'c');
        clock.at(Instant(10), 'a');
        clock.at(Instant(20), 'd');
        clock.at(Instant(10), 'b');
        assert_eq!(clock.next_at(), Some(Instant(10)));
        let order: String = std::iter::from_fn(|| clock.poll()).collect();
        assert_eq!(order, "abcd");
        assert_eq!(clock.now(), Instant(20));
    }

    #[test]
    fn what_is_late_happens_now() {
        let mut clock = Clock::default();
        clock.at(Instant(10), 1);
        assert_eq!(clock.poll(), Some(1));
        clock.at(Instant(5), 2);
        clock.after(Micros(0), 3);
        assert_eq!((clock.poll(), clock.now()), (Some(2), Instant(10)));
        assert_eq!((clock.poll(), clock.now()), (Some(3), Instant(10)));
    }
}
