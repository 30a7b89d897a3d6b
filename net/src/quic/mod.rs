//! [`Quic`]: the transport of the internet.
//!
//! Invariant: nothing of the QUIC library is named outside this folder. The control channel is the first bidirectional stream,
//! each message after its length; a bulk message is a unidirectional stream; every window is a named limit, so a connection's
//! memory is bounded whatever its peer does.

mod config;
mod connection;
mod control;
mod failure;
mod socket;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use quinn::{ClientConfig, Endpoint, EndpointConfig, ServerConfig, TokioRuntime};
use tokio::runtime::Handle;

pub use self::connection::{QuicBulk, QuicConnection, QuicReceiver, QuicSender};
use self::{
    config::{Liveness, client_crypto, client_transport, host_endpoint, host_transport, server_crypto},
    failure::{dial_failed, disconnected, number_on_wire},
};
use crate::{
    close::{Close, Disconnect, clip},
    limits::{CLOSE_DETAIL_BYTES_MAX, INCOMING_BYTES_EACH_MAX, INCOMING_BYTES_MAX, INCOMING_MAX},
    tls::{identity::Identity, trust::Trust},
    transport::{BindError, DialError, Incoming, Transport},
};

/// One UDP socket, of a host or of a client. Its tasks run on the runtime that it was made with.
pub struct Quic {
    endpoint: Endpoint,
    address: SocketAddr,
}

/// What a host's socket is made of.
#[derive(Debug)]
pub struct QuicHostSettings {
    /// Where to listen; port 0 lets the system choose.
    pub address: SocketAddr,
    /// The certificates that the server shows, and their key.
    pub identity: Identity,
    /// The protocol's name in the handshake.
    pub alpn: Vec<u8>,
    /// Silence after which a connection is lost.
    pub idle_timeout: Duration,
}

/// What a client's socket is made of.
#[derive(Clone, Debug)]
pub struct QuicClientSettings {
    /// What servers are known by.
    pub trust: Trust,
    /// Where to send from; `None` for any address and port.
    pub local: Option<SocketAddr>,
    /// The protocol's name in the handshake.
    pub alpn: Vec<u8>,
    /// Silence after which a connection is lost.
    pub idle_timeout: Duration,
    /// How often a connection without traffic shows that it is there.
    pub keep_alive_interval: Duration,
}

impl Quic {
    /// A host's socket, which accepts connections.
    ///
    /// # Errors
    /// If the address or the certificates cannot be used.
    pub fn host(runtime: &Handle, settings: QuicHostSettings) -> Result<Self, BindError> {
        let endpoint_config = host_endpoint(&settings.identity);
        let mut config = ServerConfig::with_crypto(Arc::new(server_crypto(settings.identity, &settings.alpn)?));
        config
            .transport_config(host_transport(Liveness {
                idle_timeout: settings.idle_timeout,
                keep_alive_interval: None,
            }))
            .max_incoming(INCOMING_MAX)
            .incoming_buffer_size(INCOMING_BYTES_EACH_MAX)
            .incoming_buffer_size_total(INCOMING_BYTES_MAX);
        let socket = socket::bind(settings.address);
        Self::over(runtime, settings.address, socket, endpoint_config, Some(config))
    }

    /// A client's socket, which opens any number of connections.
    ///
    /// # Errors
    /// If the address or the roots cannot be used.
    pub fn client(runtime: &Handle, settings: QuicClientSettings) -> Result<Self, BindError> {
        let mut config = ClientConfig::new(Arc::new(client_crypto(settings.trust, &settings.alpn)?));
        config.transport_config(client_transport(Liveness {
            idle_timeout: settings.idle_timeout,
            keep_alive_interval: Some(settings.keep_alive_interval),
        }));
        let (address, socket) = match settings.local {
            Some(address) => (address, socket::bind(address)),
            None => socket::bind_any(),
        };
        let mut quic = Self::over(runtime, address, socket, EndpointConfig::default(), None)?;
        quic.endpoint.set_default_client_config(config);
        Ok(quic)
    }

    fn over(
        runtime: &Handle,
        address: SocketAddr,
        socket: io::Result<std::net::UdpSocket>,
        config: EndpointConfig,
        server: Option<ServerConfig>,
    ) -> Result<Self, BindError> {
        let failed = |error| BindError::Socket { address, error };
        // The endpoint takes its runtime from where it is made.
        let _entered = runtime.enter();
        let socket = socket.map_err(failed)?;
        let endpoint = Endpoint::new(config, server, socket, Arc::new(TokioRuntime)).map_err(failed)?;
        let address = endpoint.local_addr().map_err(failed)?;
        Ok(Self { endpoint, address })
    }
}

impl Transport for Quic {
    type Connection = QuicConnection;
    type Incoming = QuicIncoming;

    fn local_address(&self) -> SocketAddr {
        self.address
    }

    async fn accept(&self) -> Option<QuicIncoming> {
        self.endpoint.accept().await.map(QuicIncoming)
    }

    fn connect(
        &self,
        address: SocketAddr,
        name: &str,
    ) -> impl Future<Output = Result<QuicConnection, DialError>> + Send {
        let connecting = self.endpoint.connect(address, name);
        async move {
            let connecting = connecting.map_err(|error| DialError::Address(error.to_string()))?;
            connecting.await.map(QuicConnection::new).map_err(|error| dial_failed(&error))
        }
    }

    fn stop_accepting(&self) {
        self.endpoint.set_server_config(None);
    }

    fn close(&self, close: &Close) {
        let detail = clip(&close.detail, CLOSE_DETAIL_BYTES_MAX);
        self.endpoint.close(number_on_wire(close.code), detail.as_bytes());
    }

    async fn idle(&self) {
        self.endpoint.wait_idle().await;
    }
}

/// A client's first packet.
pub struct QuicIncoming(quinn::Incoming);

impl Incoming for QuicIncoming {
    type Connection = QuicConnection;

    fn remote_address(&self) -> SocketAddr {
        self.0.remote_address()
    }

    fn is_address_proven(&self) -> bool {
        self.0.remote_address_validated()
    }

    /// QUIC's Retry (RFC 9000, section 8.1.2).
    fn ask_for_proof(self) -> Result<(), Self> {
        self.0.retry().map_err(|error| Self(error.into_incoming()))
    }

    fn refuse(self) {
        self.0.refuse();
    }

    async fn accept(self) -> Result<QuicConnection, Disconnect> {
        let accepted = async { self.0.accept()?.await };
        accepted.await.map(QuicConnection::new).map_err(disconnected)
    }
}
