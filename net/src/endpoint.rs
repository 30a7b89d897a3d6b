//! [`Endpoint`]: from where a client opens any number of connections to hosts.
//!
//! Invariant: a connection is given out only once the host has proved who it is and speaks this protocol.

use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use tokio::{runtime::Handle, time::timeout};

pub use crate::transport::DialError;
use crate::{
    client_connection::ClientConnection,
    close::{Close, CloseCode, Disconnect},
    counters::{Counters, Traffic},
    limits::{ALPN, CONTROL_WRITE_TIMEOUT, FLUSH_TIMEOUT, HANDSHAKE_TIMEOUT, IDLE_TIMEOUT, KEEP_ALIVE_INTERVAL},
    quic::{Quic, QuicClientSettings},
    tls::trust::Trust,
    transport::{BindError, Transport, TransportConnection},
};

/// What an endpoint over QUIC is made of.
#[derive(Clone, Debug)]
pub struct EndpointSettings {
    /// What servers are known by.
    pub trust: Trust,
    /// Where to send from; `None` for any address and port.
    pub local: Option<SocketAddr>,
    /// Silence after which a connection is lost.
    pub idle_timeout: Duration,
    /// How often a connection without traffic shows that it is there.
    pub keep_alive_interval: Duration,
    /// How long a connection may take to become secure.
    pub handshake_timeout: Duration,
    /// How long the server may take to accept one control message.
    pub write_timeout: Duration,
    /// The protocol's name in the handshake.
    pub alpn: Vec<u8>,
}

impl EndpointSettings {
    /// The usual deadlines.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self {
            trust,
            local: None,
            idle_timeout: IDLE_TIMEOUT,
            keep_alive_interval: KEEP_ALIVE_INTERVAL,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            write_timeout: CONTROL_WRITE_TIMEOUT,
            alpn: ALPN.to_vec(),
        }
    }
}

/// How long an endpoint waits for hosts, whatever the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialTimeouts {
    /// How long a connection may take to become secure.
    pub handshake: Duration,
    /// How long the host may take to accept one control message.
    pub write: Duration,
}

impl Default for DialTimeouts {
    fn default() -> Self {
        Self { handshake: HANDSHAKE_TIMEOUT, write: CONTROL_WRITE_TIMEOUT }
    }
}

/// See the module. Clones share the transport; it is closed with the last of them and of their connections.
#[derive(Clone)]
pub struct Endpoint {
    transport: Arc<dyn Dial>,
    timeouts: DialTimeouts,
    counters: Arc<Counters>,
}

impl Endpoint {
    /// Opens a UDP socket for QUIC. The tasks run on `runtime`.
    ///
    /// # Errors
    /// If the address or the roots cannot be used.
    pub fn bind(runtime: &Handle, settings: EndpointSettings) -> Result<Self, BindError> {
        let timeouts = DialTimeouts { handshake: settings.handshake_timeout, write: settings.write_timeout };
        let EndpointSettings { trust, local, alpn, idle_timeout, keep_alive_interval, .. } = settings;
        let quic = Quic::client(runtime, QuicClientSettings { trust, local, alpn, idle_timeout, keep_alive_interval })?;
        Ok(Self::over(quic, timeouts))
    }

    /// Opens connections over any transport.
    #[must_use]
    pub fn over(transport: impl Transport, timeouts: DialTimeouts) -> Self {
        Self { transport: Arc::new(transport), timeouts, counters: Arc::default() }
    }

    /// Opens a connection to the host at `address`, whose certificate is for `name` where roots vouch for it. The host hears
    /// of it with its first control message. Must be called on a runtime.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn dial(&self, address: SocketAddr, name: &str) -> Result<ClientConnection, DialError> {
        self.transport.dial(address, name, self.timeouts, &self.counters).await
    }

    /// What passed through all connections so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.counters.traffic()
    }

    /// Ends the connections that are left, and waits until their hosts should have heard of it.
    pub async fn shutdown(self) {
        self.transport.shutdown().await;
    }
}

/// A transport with its types put away. Dialing allocates anyway; what a connection carries does not come this way.
trait Dial: Send + Sync {
    fn dial<'a>(
        &'a self,
        address: SocketAddr,
        name: &'a str,
        timeouts: DialTimeouts,
        counters: &'a Arc<Counters>,
    ) -> Pin<Box<dyn Future<Output = Result<ClientConnection, DialError>> + Send + 'a>>;

    fn shutdown(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<T: Transport> Dial for T {
    fn dial<'a>(
        &'a self,
        address: SocketAddr,
        name: &'a str,
        timeouts: DialTimeouts,
        counters: &'a Arc<Counters>,
    ) -> Pin<Box<dyn Future<Output = Result<ClientConnection, DialError>> + Send + 'a>> {
        Box::pin(async move {
            let Ok(connected) = timeout(timeouts.handshake, self.connect(address, name)).await else {
                return Err(DialError::NoAnswer);
            };
            let connection = connected?;
            let ends = connection.open_control().await.map_err(|why| dial_failed(&why))?;
            let counters = Arc::clone(counters);
            ClientConnection::open(connection, ends, timeouts.write, counters).map_err(DialError::Violation)
        })
    }

    fn shutdown(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.close(&Close { code: CloseCode::Shutdown, detail: String::new() });
            let _ = timeout(FLUSH_TIMEOUT, self.idle()).await;
        })
    }
}

/// The connection ended before it was of use.
fn dial_failed(why: &Disconnect) -> DialError {
    DialError::Failed(why.to_string())
}
