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
    queue: VecDeque<(SessionId, Transmit)>,
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
        if self.queue.len() >= limits::OUTBOX_MESSAGES_MAX as usize {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.push_last(session, channel, bytes);
    }

    /// Adds a session's last word, whatever waits.
    pub(super) fn push_last(&mut self, session: SessionId, channel: Channel, bytes: Bytes) {
        self.pushed = self.pushed.saturating_add(1);
        self.queue.push_back((session, Transmit { channel, bytes }));
    }

    /// The next one.
    pub(super) fn poll(&mut self) -> Option<(SessionId, Transmit)> {
        self.queue.pop_front()
    }
}
