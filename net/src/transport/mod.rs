//! [`Transport`]: what carries connections, and what a connection carries.
//!
//! Invariant: everything above knows connections by these traits alone, so another transport is another implementation and
//! nothing else. A connection carries whole messages on three channels: *control* in order and without loss, *datagrams* that
//! may be lost, and *bulk* from the host to the client, each message for itself and whole or not at all. The last thing that
//! each side learns is why the connection ended.
//!
//! The traits are static: no call on the way of a message allocates a future. [`Quic`](crate::quic::Quic) is the transport of
//! the internet, [`memory`] one within a process.

pub mod memory;

use std::{future::Future, io, net::SocketAddr};

use bytes::Bytes;

use crate::close::{Close, Disconnect, Violation};

/// One end of the network, which accepts connections, or opens them, or both.
pub trait Transport: Send + Sync + 'static {
    /// What it makes.
    type Connection: TransportConnection;
    /// What asks to become one.
    type Incoming: Incoming<Connection = Self::Connection>;

    /// Where others reach it.
    fn local_address(&self) -> SocketAddr;

    /// Awaits the next connection that somebody else opens; nothing once no more are accepted. Loses nothing when dropped.
    fn accept(&self) -> impl Future<Output = Option<Self::Incoming>> + Send;

    /// Opens a connection to a host, whose proof of who it is has to be for `name` where names matter. Takes as long as the
    /// host does: the caller has a deadline.
    ///
    /// # Errors
    /// Why there is none.
    fn connect(
        &self,
        address: SocketAddr,
        name: &str,
    ) -> impl Future<Output = Result<Self::Connection, DialError>> + Send;

    /// Refuses whoever comes from now on.
    fn stop_accepting(&self);

    /// Closes all connections that are left.
    fn close(&self, close: &Close);

    /// Awaits that the peers of all closed connections have heard of it. Takes as long as they do: the caller has a deadline.
    fn idle(&self) -> impl Future<Output = ()> + Send;
}

/// A connection that somebody asks for and that costs nearly nothing yet. Dropping it refuses it.
pub trait Incoming: Send + 'static {
    /// What it becomes.
    type Connection: TransportConnection;

    /// Who asks, as far as can be told.
    fn remote_address(&self) -> SocketAddr;

    /// Whether the peer has shown that it receives what is sent to its address.
    fn is_address_proven(&self) -> bool;

    /// Lets the peer prove its address first, at no cost here, and come again.
    ///
    /// # Errors
    /// Gives it back where that was proven before, or cannot be.
    fn ask_for_proof(self) -> Result<(), Self>
    where
        Self: Sized;

    /// Says that there is no room.
    fn refuse(self);

    /// Makes the connection secure. Takes as long as the peer does: the caller has a deadline.
    fn accept(self) -> impl Future<Output = Result<Self::Connection, Disconnect>> + Send;
}

/// A connection that is secure. Clones are the same one; it is closed without a word when the last of them, and of the ends of
/// its channels, is dropped.
pub trait TransportConnection: Clone + Send + Sync + 'static {
    /// The sending end of the control channel.
    type Sender: ControlSender;
    /// Its receiving end.
    type Receiver: ControlReceiver;
    /// A bulk message on its way in.
    type Bulk: BulkReceiver;

    /// Who is at the other end.
    fn remote_address(&self) -> SocketAddr;

    /// Opens the control channel, which a client does once. The host hears of it with the first message.
    fn open_control(&self) -> impl Future<Output = Result<(Self::Sender, Self::Receiver), Disconnect>> + Send;

    /// Awaits that the client opens the control channel, which a host does once.
    fn accept_control(&self) -> impl Future<Output = Result<(Self::Sender, Self::Receiver), Disconnect>> + Send;

    /// Longest datagram in bytes that the path carries, as far as is known; 0 where it carries none.
    fn datagram_bytes_max(&self) -> usize;

    /// Takes a datagram on its way. Never waits: where there is no room the oldest goes, which is what a late frame deserves.
    fn send_datagram(&self, bytes: Bytes) -> DatagramSent;

    /// Awaits the next datagram. Loses nothing when dropped.
    fn receive_datagram(&self) -> impl Future<Output = Result<Bytes, Disconnect>> + Send;

    /// Sends a bulk message, as fast as the client takes it. Where it is dropped before it is done, the client gets nothing of
    /// it.
    fn send_bulk(&self, message: Bytes) -> impl Future<Output = Result<(), BulkError>> + Send;

    /// Awaits that a bulk message begins. Any number of them may be under way at once, within the transport's limits. Loses
    /// nothing when dropped.
    fn accept_bulk(&self) -> impl Future<Output = Result<Self::Bulk, Disconnect>> + Send;

    /// Awaits that the peer opens a channel that the protocol does not have, or that the connection ends.
    fn extra_channel(&self) -> impl Future<Output = Disconnect> + Send;

    /// Says why and ends the connection, with whatever is still on its way. Only the first close counts.
    fn close(&self, close: &Close);

    /// Awaits that the connection has ended, by whomever.
    fn closed(&self) -> impl Future<Output = Disconnect> + Send;
}

/// The sending end of a control channel.
pub trait ControlSender: Send + 'static {
    /// Sends a message, as fast as the peer takes it. After an error, or where it is dropped before it is done, the channel is
    /// of no more use.
    ///
    /// # Panics
    /// If it is longer than [`CONTROL_BYTES_MAX`](tickworld_proto::limits::CONTROL_BYTES_MAX).
    fn send(&mut self, message: Bytes) -> impl Future<Output = Result<(), Disconnect>> + Send;

    /// Ends the channel and awaits that the peer's end has all of it, or that the connection is no more.
    fn finish(&mut self) -> impl Future<Output = ()> + Send;
}

/// The receiving end of a control channel.
pub trait ControlReceiver: Send + 'static {
    /// Awaits the next message; nothing once the peer has ended the channel. What came before the connection ended is given
    /// before its end is. Where it is dropped before it is done, the channel is of no more use.
    fn receive(&mut self) -> impl Future<Output = Result<Option<Bytes>, Disconnect>> + Send;
}

/// A bulk message on its way in.
pub trait BulkReceiver: Send + 'static {
    /// Awaits the whole message, at most [`BULK_BYTES_MAX`](tickworld_proto::limits::BULK_BYTES_MAX) bytes; nothing if the host
    /// gave it up.
    fn receive(self) -> impl Future<Output = Result<Option<Bytes>, Disconnect>> + Send;
}

/// What became of a datagram that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramSent {
    /// It is on its way.
    Queued,
    /// It is on its way, and older ones that had not left are not any more.
    Displaced,
    /// It is longer than the path carries.
    TooLong,
    /// The connection is no more.
    Closed,
}

/// Why a bulk message was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BulkError {
    /// The connection is no more.
    #[error(transparent)]
    Disconnected(Disconnect),
    /// The client does not want this message.
    #[error("the client does not want this message")]
    Stopped,
}

/// Why nothing is bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address is taken, or not this machine's.
    #[error("cannot bind {address}: {error}")]
    Socket {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why it cannot be had.
        error: io::Error,
    },
    /// The certificates cannot be used, or do not belong to the key.
    #[error("the certificates are of no use: {0}")]
    Tls(#[from] rustls::Error),
}

/// Why there is no connection to a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The address or the name cannot be dialed at all.
    #[error("cannot dial: {0}")]
    Address(String),
    /// Nobody answers, or too slowly.
    #[error("no answer from the server")]
    NoAnswer,
    /// The server has no room for more connections.
    #[error("the server takes no more connections")]
    Refused,
    /// Whoever answers speaks something else.
    #[error("the server speaks another protocol or another version of it")]
    Protocol,
    /// The server could not prove who it is.
    #[error("the server is not trusted: {0}")]
    Untrusted(String),
    /// The path or the server is of no use.
    #[error("the server breaks the rules: {0}")]
    Violation(Violation),
    /// Anything else that ended the handshake.
    #[error("the connection failed: {0}")]
    Failed(String),
}
