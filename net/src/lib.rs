//! The protocol over a network: a thin shell of tokio around `tickworld-proto`, with QUIC as its transport.
//!
//! Invariant: no protocol decision is made here; what a session may do, when it ends and what it is told is proto's. This
//! crate moves whole messages, bounds what a peer can hold of memory, and says why a connection ended.
//!
//! - A host [opens a listener](listener::Listener::open). A region's thread, which knows nothing of tokio, takes everything
//!   that it handles from its [`Mailbox`](mailbox::Mailbox), and hands
//!   [`Transmit`](tickworld_proto::channel::Transmit)s back; a [`Route`](router::Route) says whose client is whose.
//! - A client [binds an endpoint](endpoint::Endpoint::bind), one UDP socket for any number of
//!   [`ClientConnection`](client_connection::ClientConnection)s.
//! - Both stand on [`transport`]'s traits; [`quic`] is what carries them over the internet.
//! - [`tls`] says who a server is, and by what a client knows it.
#![forbid(unsafe_code)]

pub mod address;
pub mod client_connection;
pub mod close;
pub mod connection;
pub mod counters;
pub mod endpoint;
pub mod limits;
pub mod listener;
pub mod mailbox;
mod peer;
mod queue;
pub mod quic;
pub mod router;
pub mod tls;
pub mod transport;

/// The names of [`close`] and what is in it before they were the field's.
#[doc(hidden)]
pub mod closing {
    pub use crate::close::*;
}

/// The names of [`endpoint`] and what is in it before they were the field's.
#[doc(hidden)]
pub mod dialer {
    pub use crate::endpoint::{DialError, Endpoint as Dialer, EndpointSettings as DialerSettings};
}

/// The names of [`client_connection`] and what is in it before they were the field's.
#[doc(hidden)]
pub mod link {
    pub use crate::client_connection::{ClientConnection as Link, ClientConnectionEvent as LinkEvent};
}
