//! [`Endpoint`]: one UDP socket from which a client opens any number of connections to servers.
//!
//! Invariant: a connection is given out only once the server has proved who it is and speaks this protocol.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use quinn::{ClientConfig, ConnectionError, EndpointConfig, TokioRuntime};
use tokio::{runtime::Handle, time::timeout};

use crate::{
    client_connection::ClientConnection,
    close::{CloseCode, Violation},
    counters::{Counters, Traffic},
    limits::{ALPN, CONTROL_WRITE_TIMEOUT, FLUSH_TIMEOUT, HANDSHAKE_TIMEOUT, IDLE_TIMEOUT, KEEP_ALIVE_INTERVAL},
    listener::BindError,
    socket,
    tls::{client_config, trust::Trust},
    transport::{Liveness, client_transport},
};

/// What an endpoint is made of.
#[derive(Clone, Debug)]
pub struct EndpointSettings {
    /// By what servers are known.
    pub trust: Trust,
    /// Where to send from; `None` for any address and port.
    pub local: Option<SocketAddr>,
    /// Silence after which a connection is lost.
    pub idle_timeout: Duration,
    /// How often a connection without traffic shows that it is there.
    pub keep_alive_interval: Duration,
    /// For a connection to become secure.
    pub handshake_timeout: Duration,
    /// For the server to take one control message.
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

/// See the module. Clones share the socket; it is closed with the last of them and of their connections.
#[derive(Clone)]
pub struct Endpoint {
    quic: quinn::Endpoint,
    handshake_timeout: Duration,
    write_timeout: Duration,
    counters: Arc<Counters>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The address or the name cannot be dialed at all.
    #[error("cannot dial: {0}")]
    Address(#[from] quinn::ConnectError),
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

impl Endpoint {
    /// Opens the socket. The tasks run on `runtime`.
    ///
    /// # Errors
    /// If the address or the roots cannot be used.
    pub fn bind(runtime: &Handle, settings: EndpointSettings) -> Result<Self, BindError> {
        let mut config = ClientConfig::new(Arc::new(client_config(settings.trust, &settings.alpn)?));
        config.transport_config(client_transport(Liveness {
            idle_timeout: settings.idle_timeout,
            keep_alive_interval: Some(settings.keep_alive_interval),
        }));
        let (address, socket) = match settings.local {
            Some(address) => (address, socket::bind(address)),
            None => bind_any(),
        };
        let failed = |error| BindError::Socket { address, error };
        // The endpoint takes its runtime from where it is made.
        let _entered = runtime.enter();
        let mut quic =
            quinn::Endpoint::new(EndpointConfig::default(), None, socket.map_err(failed)?, Arc::new(TokioRuntime))
                .map_err(failed)?;
        quic.set_default_client_config(config);
        Ok(Self {
            quic,
            handshake_timeout: settings.handshake_timeout,
            write_timeout: settings.write_timeout,
            counters: Arc::default(),
        })
    }

    /// Opens a connection to the server at `address`, whose certificate is for `name` where roots vouch for it. The server hears
    /// of it with its first control message.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn dial(&self, address: SocketAddr, name: &str) -> Result<ClientConnection, DialError> {
        let connecting = self.quic.connect(address, name)?;
        let connection = match timeout(self.handshake_timeout, connecting).await {
            Ok(connected) => connected.map_err(dial_failed)?,
            Err(_) => return Err(DialError::NoAnswer),
        };
        let streams = connection.open_bi().await.map_err(dial_failed)?;
        ClientConnection::open(connection, streams, self.write_timeout, Arc::clone(&self.counters))
            .map_err(DialError::Violation)
    }

    /// What passed through all connections so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.counters.traffic()
    }

    /// Ends the connections that are left, and waits until their servers should have heard of it.
    pub async fn shutdown(self) {
        self.quic.close(CloseCode::Shutdown.number_on_wire(), b"");
        let _ = timeout(FLUSH_TIMEOUT, self.quic.wait_idle()).await;
    }
}

/// One socket for both families, or, where there is no IPv6, for the other one.
fn bind_any() -> (SocketAddr, io::Result<std::net::UdpSocket>) {
    let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let only = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    match socket::bind(both) {
        Ok(socket) => (both, Ok(socket)),
        Err(_) => (only, socket::bind(only)),
    }
}

/// RFC 9001, section 4.8: TLS alerts are QUIC errors from here on.
const TLS_ALERTS: std::ops::Range<u64> = 0x100..0x200;
/// RFC 7301, section 3.2.
const ALERT_NO_APPLICATION_PROTOCOL: u64 = TLS_ALERTS.start + 120;

fn dial_failed(error: ConnectionError) -> DialError {
    let (code, reason) = match &error {
        ConnectionError::TimedOut => return DialError::NoAnswer,
        ConnectionError::VersionMismatch => return DialError::Protocol,
        // From here: this side's judgement of the server.
        ConnectionError::TransportError(error) => (u64::from(error.code), Some(error.reason.clone())),
        // From the server: its judgement of this side.
        ConnectionError::ConnectionClosed(close) => (u64::from(close.error_code), None),
        _ => return DialError::Failed(error.to_string()),
    };
    if code == u64::from(quinn::TransportErrorCode::CONNECTION_REFUSED) {
        return DialError::Refused;
    }
    match reason {
        _ if code == ALERT_NO_APPLICATION_PROTOCOL => DialError::Protocol,
        Some(reason) if TLS_ALERTS.contains(&code) => DialError::Untrusted(reason),
        _ => DialError::Failed(error.to_string()),
    }
}
