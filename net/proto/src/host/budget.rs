//! [`Bucket`]s of tokens, and who has which: what a peer may cost.
//!
//! Invariant: what is used in any span of time is at most the rate times the span, and the burst. The table of addresses is
//! bounded: one that nobody uses and whose buckets are full again is forgotten, and nothing is forgiven by that.

use alloc::collections::BTreeMap;

use super::{
    event::AddressKey,
    settings::{AddressRates, IdentityRates},
};
use crate::{instant::Instant, limits};

/// So much a second, and so much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What comes back in a second.
    pub per_second: u32,
    /// What may be used at once after a rest.
    pub burst: u32,
}

/// Tokens that come back with time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    rate: Rate,
    /// In millionths of a token, so that no rate loses anything to rounding.
    millionths: u64,
    filled_at: Instant,
}

const MILLION: u64 = 1_000_000;

impl Bucket {
    pub(super) fn full(now: Instant, rate: Rate) -> Self {
        Self { rate, millionths: full(rate), filled_at: now }
    }

    /// Uses up `count` tokens; gives whether there were as many. Otherwise none is used.
    pub(super) fn take(&mut self, now: Instant, count: u64) -> bool {
        self.fill(now);
        match self.millionths.checked_sub(count.saturating_mul(MILLION)) {
            Some(left) => {
                self.millionths = left;
                true
            }
            None => false,
        }
    }

    fn fill(&mut self, now: Instant) {
        let come_back = now.since(self.filled_at).0.saturating_mul(u64::from(self.rate.per_second));
        self.millionths = self.millionths.saturating_add(come_back).min(full(self.rate));
        self.filled_at = now;
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.millionths == full(self.rate)
    }
}

fn full(rate: Rate) -> u64 {
    u64::from(rate.burst).saturating_mul(MILLION)
}

/// What one identity has left.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdentityBudget {
    pub(super) messages: Bucket,
    pub(super) bytes: Bucket,
    pub(super) inputs: Bucket,
    pub(super) answers: Bucket,
    pub(super) descents: Bucket,
    pub(super) joins: Bucket,
    pub(super) patience: Bucket,
}

impl IdentityBudget {
    pub(super) fn full(now: Instant, rates: &IdentityRates) -> Self {
        Self {
            messages: Bucket::full(now, rates.messages),
            bytes: Bucket::full(now, rates.bytes),
            inputs: Bucket::full(now, rates.inputs),
            answers: Bucket::full(now, rates.answers),
            descents: Bucket::full(now, rates.descents),
            joins: Bucket::full(now, rates.joins),
            patience: Bucket::full(now, rates.patience),
        }
    }
}

/// What one address has left.
#[derive(Debug)]
struct AddressBudget {
    connections: Bucket,
    messages: Bucket,
    bytes: Bucket,
    session_count: u32,
}

/// What every address has left.
#[derive(Debug)]
pub(super) struct Addresses {
    rates: AddressRates,
    sessions_per_address_max: u32,
    by_key: BTreeMap<AddressKey, AddressBudget>,
}

impl Addresses {
    pub(super) const fn new(rates: AddressRates, sessions_per_address_max: u32) -> Self {
        Self { rates, sessions_per_address_max, by_key: BTreeMap::new() }
    }

    /// Counts a new session; gives whether the address may have it.
    pub(super) fn connect(&mut self, now: Instant, key: AddressKey) -> bool {
        let is_known = self.by_key.contains_key(&key);
        if !is_known && self.by_key.len() >= limits::ADDRESSES_MAX as usize {
            self.forget_idle(now);
            if self.by_key.len() >= limits::ADDRESSES_MAX as usize {
                return false;
            }
        }
        let rates = self.rates;
        let budget = self.by_key.entry(key).or_insert_with(|| AddressBudget {
            connections: Bucket::full(now, rates.connections),
            messages: Bucket::full(now, rates.messages),
            bytes: Bucket::full(now, rates.bytes),
            session_count: 0,
        });
        let may = budget.session_count < self.sessions_per_address_max && budget.connections.take(now, 1);
        budget.session_count = budget.session_count.saturating_add(u32::from(may));
        may
    }

    /// Counts the end of a session that [`connect`](Self::connect) counted.
    pub(super) fn disconnect(&mut self, key: AddressKey) {
        if let Some(budget) = self.by_key.get_mut(&key) {
            budget.session_count = budget.session_count.saturating_sub(1);
        }
    }

    /// Counts a message; gives whether the address may send it.
    pub(super) fn message(&mut self, now: Instant, key: AddressKey, bytes: usize) -> bool {
        let Some(budget) = self.by_key.get_mut(&key) else { return false };
        budget.messages.take(now, 1) && budget.bytes.take(now, bytes as u64)
    }

    /// Forgets addresses of which there is nothing to know.
    pub(super) fn forget_idle(&mut self, now: Instant) {
        self.by_key.retain(|_, it| {
            let buckets = [&mut it.connections, &mut it.messages, &mut it.bytes];
            it.session_count > 0 || buckets.into_iter().any(|bucket| !bucket.is_full(now))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 5 };

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::full(Instant(0), RATE);
        assert!(bucket.take(Instant(0), 5) && !bucket.take(Instant(0), 1));
        assert!(!bucket.take(Instant(99_999), 1), "a tenth of a second brings one");
        assert!(bucket.take(Instant(100_000), 1) && !bucket.take(Instant(100_000), 1));
        assert!(bucket.take(Instant(u64::MAX), 5) && !bucket.take(Instant(u64::MAX), 1), "never more than the burst");
    }

    #[test]
    fn time_that_stands_still_or_goes_back_brings_nothing() {
        let mut bucket = Bucket::full(Instant(1_000_000), RATE);
        assert!(bucket.take(Instant(1_000_000), 5));
        assert!(!bucket.take(Instant(0), 1));
    }

    #[test]
    fn addresses_are_forgotten_only_when_they_owe_nothing() {
        let rates = AddressRates { connections: RATE, messages: RATE, bytes: RATE };
        let mut addresses = Addresses::new(rates, 1);
        let key = AddressKey([1; 16]);
        assert!(addresses.connect(Instant(0), key));
        assert!(!addresses.connect(Instant(0), key), "one session at once");
        assert!(addresses.message(Instant(0), key, 5) && !addresses.message(Instant(0), key, 1));
        addresses.disconnect(key);
        addresses.forget_idle(Instant(1));
        assert_eq!(addresses.by_key.len(), 1);
        addresses.forget_idle(Instant(1_000_000));
        assert_eq!(addresses.by_key.len(), 0);
    }
}
