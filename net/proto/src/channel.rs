//! [`Channel`] and [`Transmit`]: the three ways in which a message travels.
//!
//! Invariant: whatever the host sends unasked can be lost, late or twice without harm, because the peer asks again; so a
//! transport never keeps more than a bounded queue for a peer that does not read.

use bytes::Bytes;

/// How a message travels. On each way a message arrives whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// In order and surely, both ways: one stream for the whole session, each message after its length (u32). If a peer lets
    /// its queue overflow the session ends: these are answers to what it asked, and limited by its budgets.
    Control,
    /// Alone, perhaps never, perhaps twice, in any order; at most as long as the session's datagrams may be.
    Datagram,
    /// From the host only: on a stream of its own, beside the others. Dropped where the queue is full, like a datagram.
    Bulk,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The channel that the message goes by.
    pub channel: Channel,
    /// What: an encoded [`Message`](crate::message::Message). Sharing it costs nothing: a frame is encoded once for all.
    pub bytes: Bytes,
}
