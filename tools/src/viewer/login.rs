//! [`ServerLogin`]: what a view needs to come into a server.
//!
//! Made by whoever knows the server: from its data folder, from the command line, or by the server in the same process.

use std::net::SocketAddr;

use tickworld_net::tls::fingerprint::Fingerprint;

/// Where to go, and how to be let in.
#[derive(Clone, Debug)]
pub(crate) struct ServerLogin {
    /// The server's game port.
    pub(crate) address: SocketAddr,
    /// The fingerprint of the server's certificate.
    pub(crate) fingerprint: Fingerprint,
    /// What lets a lockstep session in.
    pub(crate) token: String,
}
