//! [`Outbox`]: messages for the transport to fetch.
//!
//! Invariant: bounded, whether or not somebody fetches. What is over the bound is dropped, which the protocol survives, but for
//! a session's last word, of which there is one a session.

use alloc::collections::VecDeque;

use bytes::Bytes;

use super::event::SessionId;
use crate::{
    channel::{Channel, Transmit},
    limits,
};

/// Messages on their way out, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<(SessionId, Transmit, u64)>,
    /// Of what waits: a message to many, which is one buffer, counts with the first of them.
    pub(super) bytes: u64,
    last: Bytes,
    pub(super) pushed: u64,
    pub(super) dropped: u64,
}

impl Outbox {
    /// Adds a message that may be lost: alone where the path carries it so.
    pub(super) fn push(&mut self, session: SessionId, datagram_bytes_max: u16, bytes: Bytes) {
        let fits = bytes.len() <= usize::from(datagram_bytes_max.min(limits::DATAGRAM_BYTES_MAX));
        self.push_over(session, if fits { Channel::Datagram } else { Channel::Bulk }, bytes);
    }

    /// Adds the answer to what a peer asked: surely, unless it is long.
    pub(super) fn push_answer(&mut self, session: SessionId, bytes: Bytes) {
        let is_short = bytes.len() <= limits::CONTROL_ANSWER_BYTES_MAX as usize;
        self.push_over(session, if is_short { Channel::Control } else { Channel::Bulk }, bytes);
    }

    /// Adds a message for one channel.
    pub(super) fn push_over(&mut self, session: SessionId, channel: Channel, bytes: Bytes) {
        let is_full =
            self.bytes.saturating_add(self.weight(&bytes)) > limits::OUTBOX_BYTES_MAX && !self.queue.is_empty();
        if is_full || self.queue.len() >= limits::OUTBOX_MESSAGES_MAX as usize {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.push_last(session, channel, bytes);
    }

    /// Adds a session's last word, whatever waits.
    pub(super) fn push_last(&mut self, session: SessionId, channel: Channel, bytes: Bytes) {
        self.pushed = self.pushed.saturating_add(1);
        let weight = self.weight(&bytes);
        self.bytes = self.bytes.saturating_add(weight);
        self.last = bytes.clone();
        self.queue.push_back((session, Transmit { channel, bytes }, weight));
    }

    /// What a message adds to the bytes that wait.
    fn weight(&self, bytes: &Bytes) -> u64 {
        let is_same = bytes.as_ptr() == self.last.as_ptr() && bytes.len() == self.last.len();
        if is_same { MESSAGE_OVERHEAD_BYTES } else { MESSAGE_OVERHEAD_BYTES.saturating_add(bytes.len() as u64) }
    }

    /// The next one.
    pub(super) fn poll(&mut self) -> Option<(SessionId, Transmit)> {
        let (session, transmit, weight) = self.queue.pop_front()?;
        self.bytes = self.bytes.saturating_sub(weight);
        if self.queue.is_empty() {
            self.last = Bytes::new();
        }
        Some((session, transmit))
    }
}

/// What a message costs besides its bytes.
const MESSAGE_OVERHEAD_BYTES: u64 = 64;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_message_to_many_counts_once_and_what_is_over_the_budget_is_dropped() {
        let mut outbox = Outbox::default();
        let frame = Bytes::from(vec![1; 10_000]);
        for session in 0..1_000 {
            outbox.push_over(SessionId(session), Channel::Bulk, frame.clone());
        }
        assert_eq!(outbox.bytes, 10_000 + 1_000 * MESSAGE_OVERHEAD_BYTES);
        let page = |number: u8| Bytes::from(vec![number; 1 << 20]);
        for number in 0..200 {
            outbox.push_over(SessionId(7), Channel::Bulk, page(number));
        }
        assert!(outbox.bytes <= limits::OUTBOX_BYTES_MAX, "{}", outbox.bytes);
        assert!(outbox.dropped > 100, "{}", outbox.dropped);
        outbox.push_last(SessionId(7), Channel::Control, page(255));
        while outbox.poll().is_some() {}
        assert_eq!(outbox.bytes, 0);
    }
}
