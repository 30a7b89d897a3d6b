//! [`Event`]: what happens on a connection, as a region's thread learns of it.
//!
//! Invariant: a session's first event is `Connected` and its last `Disconnected`, each exactly once; between them come its
//! messages, those of the control channel in order.

use std::net::SocketAddr;

use bytes::Bytes;
use tickworld_proto::channel::Channel;

use crate::{
    address::{AddressKey, SessionId},
    close::Disconnect,
};

/// What happens on a listener's connections.
#[derive(Debug)]
pub enum Event {
    /// A client is there. The very next event is its first control message.
    Connected {
        /// The session's number, which no other session of the listener ever has.
        session: SessionId,
        /// What budgets per address count by.
        address: AddressKey,
        /// The address itself, for logs.
        remote: SocketAddr,
        /// Longest datagram in bytes that its path carries, as far as is known.
        datagram_bytes_max: u16,
    },
    /// A message came, whole.
    Message {
        /// The session that sent it.
        session: SessionId,
        /// The channel that it came by.
        channel: Channel,
        /// The bytes of the message.
        bytes: Bytes,
    },
    /// The transport learned more of the path.
    DatagramSize {
        /// The session that this is about.
        session: SessionId,
        /// Longest datagram in bytes from now on.
        datagram_bytes_max: u16,
    },
    /// The connection is no more. Messages to it go nowhere.
    Disconnected {
        /// The session that this is about.
        session: SessionId,
        /// Why it ended.
        why: Disconnect,
    },
}
