//! [`Traffic`]: what passed through and what was dropped, for metrics.
//!
//! Invariant: numbers only grow; they decide nothing.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Sums since the start, over all sessions of a listener or endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages that came, of any channel.
    pub received: u64,
    /// Bytes of them.
    pub received_bytes: u64,
    /// Datagrams that came and found no room, or were too long.
    pub received_dropped: u64,
    /// Messages handed to QUIC.
    pub sent: u64,
    /// Bytes of them.
    pub sent_bytes: u64,
    /// Datagrams that a newer one pushed out before they could leave, or that the path cannot carry.
    pub datagrams_dropped: u64,
    /// Bulk messages that found no room or were given up.
    pub bulk_dropped: u64,
    /// Sessions that ended because their peer read too slowly.
    pub too_slow: u64,
    /// Sessions that ended because their peer broke the rules.
    pub violations: u64,
    /// Connections that were refused for want of room.
    pub refused: u64,
    /// Those of them that were refused because their address holds its share of the places.
    pub refused_by_address: u64,
    /// Connections that ended before their first message: handshakes that failed or took too long, and peers that said
    /// nothing.
    pub handshakes_failed: u64,
    /// Connections whose first message led to no region.
    pub unrouted: u64,
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) received: Counter,
    pub(crate) received_bytes: Counter,
    pub(crate) received_dropped: Counter,
    pub(crate) sent: Counter,
    pub(crate) sent_bytes: Counter,
    pub(crate) datagrams_dropped: Counter,
    pub(crate) bulk_dropped: Counter,
    pub(crate) too_slow: Counter,
    pub(crate) violations: Counter,
    pub(crate) refused: Counter,
    pub(crate) refused_by_address: Counter,
    pub(crate) handshakes_failed: Counter,
    pub(crate) unrouted: Counter,
}

/// One of them.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Relaxed);
    }

    fn sum(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counters {
    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            received: self.received.sum(),
            received_bytes: self.received_bytes.sum(),
            received_dropped: self.received_dropped.sum(),
            sent: self.sent.sum(),
            sent_bytes: self.sent_bytes.sum(),
            datagrams_dropped: self.datagrams_dropped.sum(),
            bulk_dropped: self.bulk_dropped.sum(),
            too_slow: self.too_slow.sum(),
            violations: self.violations.sum(),
            refused: self.refused.sum(),
            refused_by_address: self.refused_by_address.sum(),
            handshakes_failed: self.handshakes_failed.sum(),
            unrouted: self.unrouted.sum(),
        }
    }
}
