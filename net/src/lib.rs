//! The protocol over QUIC: a thin shell of tokio and quinn around `tickworld-proto`.
//!
//! Invariant: no protocol decision is made here; what a session may do, when it ends and what it is told is proto's. This
//! crate moves whole messages, bounds what a peer can hold of memory, and says why a connection ended.
//!
//! - A host [binds a listener](listener::Listener::bind), and its region's thread, which knows nothing of tokio, takes
//!   [`Event`](listener::Event)s from one bounded queue and hands [`Transmit`](tickworld_proto::channel::Transmit)s back.
//! - A client [binds a dialer](dialer::Dialer::bind), one UDP socket for any number of [`Link`](link::Link)s.
//! - [`tls`] says who a server is, and by what a client knows it.
#![forbid(unsafe_code)]

pub mod address;
pub mod closing;
pub mod connection;
pub mod counters;
pub mod dialer;
pub mod limits;
pub mod link;
pub mod listener;
mod peer;
mod queue;
mod socket;
pub mod tls;
mod transport;
