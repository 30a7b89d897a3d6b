//! [`Listener`]: a host's side of all its connections.
//!
//! Invariant: a region's thread never waits for the network. It takes events from its [mailbox](crate::mailbox) and hands
//! messages over by a bounded queue; what a slow peer or a full queue costs is that peer's messages or session, never the
//! thread's time.

mod accept;
mod dispatch;
mod region;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use quinn::{Endpoint, EndpointConfig, ServerConfig, TokioRuntime};
use quinn_proto::HashedConnectionIdGenerator;
use ring::hmac;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::timeout,
};

pub use crate::mailbox::Event;
pub use region::{Events, Outbox};

use crate::{
    address::SessionId,
    close::{Close, CloseCode},
    counters::{Counters, Traffic},
    limits::{
        ALPN, CONTROL_WRITE_TIMEOUT, FLUSH_TIMEOUT, HANDSHAKE_TIMEOUT, HELLO_TIMEOUT, IDLE_TIMEOUT,
        INCOMING_BYTES_EACH_MAX, INCOMING_BYTES_MAX, INCOMING_MAX, OUTBOUND_BYTES_MAX, RESET_INTERVAL_MIN,
    },
    mailbox::{Mailbox, MailboxLimits},
    peer::Peer,
    queue::Queue,
    router::Route,
    socket,
    tls::{identity::Identity, server_config},
    transport::{Liveness, host_transport},
};
use dispatch::Order;

/// What a listener is made of.
#[derive(Debug)]
pub struct ListenerSettings {
    /// Where to listen; port 0 lets the system choose.
    pub address: SocketAddr,
    /// Who the server is.
    pub identity: Identity,
    /// Connections at a time, those in their handshake included.
    pub sessions_max: usize,
    /// Handshakes at a time; more wait. From half of it on, a new address has to prove itself first (QUIC's Retry).
    pub handshakes_max: usize,
    /// Silence after which a connection is lost.
    pub idle_timeout: Duration,
    /// For a peer to take one control message.
    pub write_timeout: Duration,
    /// From a connection's first packet until it is secure.
    pub handshake_timeout: Duration,
    /// From then until the client's first control message is there, whole.
    pub hello_timeout: Duration,
}

impl ListenerSettings {
    /// The usual caps.
    #[must_use]
    pub const fn new(address: SocketAddr, identity: Identity) -> Self {
        Self {
            address,
            identity,
            sessions_max: 4_096,
            handshakes_max: 256,
            idle_timeout: IDLE_TIMEOUT,
            write_timeout: CONTROL_WRITE_TIMEOUT,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            hello_timeout: HELLO_TIMEOUT,
        }
    }
}

/// Why nothing listens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address is taken, or not this machine's.
    #[error("cannot bind {address}: {error}")]
    Socket {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The certificates cannot be used, or do not belong to the key.
    #[error("the certificates are of no use: {0}")]
    Tls(#[from] rustls::Error),
}

/// See the module. Dropping it ends everything at once; [`shutdown`](Self::shutdown) lets peers hear of it.
pub struct Listener {
    endpoint: Endpoint,
    shared: Arc<Shared>,
    accept: JoinHandle<()>,
    dispatch: JoinHandle<()>,
    shutting_down: watch::Sender<bool>,
    address: SocketAddr,
}

/// What the tasks of a listener and its outboxes have in common. The endpoint is not among it: an outbox that is kept must
/// not keep the socket.
struct Shared {
    sessions: Mutex<HashMap<SessionId, Arc<Peer>>>,
    sessions_max: usize,
    session_next: AtomicU64,
    handshakes: Arc<Semaphore>,
    handshakes_max: usize,
    handshake_timeout: Duration,
    hello_timeout: Duration,
    write_timeout: Duration,
    route: Arc<dyn Route>,
    orders: Queue<Order>,
    counters: Arc<Counters>,
}

impl Listener {
    /// Listens for one region whose thread waits for nothing but the network; gives what it needs. The tasks run on `runtime`.
    ///
    /// # Errors
    /// If the address or the certificates cannot be used.
    pub fn bind(runtime: &Handle, settings: ListenerSettings) -> Result<(Self, Events, Outbox), BindError> {
        let mailbox = Mailbox::new(MailboxLimits::default());
        let (listener, outbox) = Self::open(runtime, settings, Arc::new(mailbox.lane()))?;
        Ok((listener, Events::new(mailbox), outbox))
    }

    /// Listens for the regions that `route` leads to; gives the way back to their clients, which all of them share. The tasks
    /// run on `runtime`.
    ///
    /// # Errors
    /// If the address or the certificates cannot be used.
    pub fn open(
        runtime: &Handle,
        settings: ListenerSettings,
        route: Arc<dyn Route>,
    ) -> Result<(Self, Outbox), BindError> {
        let address = settings.address;
        let failed = |error| BindError::Socket { address, error };
        let endpoint_config = endpoint_config(&settings.identity);
        let mut config = ServerConfig::with_crypto(Arc::new(server_config(settings.identity, ALPN)?));
        config
            .transport_config(host_transport(Liveness {
                idle_timeout: settings.idle_timeout,
                keep_alive_interval: None,
            }))
            .max_incoming(INCOMING_MAX)
            .incoming_buffer_size(INCOMING_BYTES_EACH_MAX)
            .incoming_buffer_size_total(INCOMING_BYTES_MAX);
        // The endpoint takes its runtime from where it is made.
        let _entered = runtime.enter();
        let socket = socket::bind(address).map_err(failed)?;
        let endpoint = Endpoint::new(endpoint_config, Some(config), socket, Arc::new(TokioRuntime)).map_err(failed)?;
        let address = endpoint.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            sessions: Mutex::default(),
            sessions_max: settings.sessions_max,
            session_next: AtomicU64::new(1),
            handshakes: Arc::new(Semaphore::new(settings.handshakes_max)),
            handshakes_max: settings.handshakes_max,
            handshake_timeout: settings.handshake_timeout,
            hello_timeout: settings.hello_timeout,
            write_timeout: settings.write_timeout,
            route,
            orders: Queue::new(OUTBOUND_BYTES_MAX),
            counters: Arc::default(),
        });
        let (shutting_down, heard) = watch::channel(false);
        let listener = Self {
            accept: runtime.spawn(accept::run(endpoint.clone(), Arc::clone(&shared), heard)),
            dispatch: runtime.spawn(dispatch::run(Arc::clone(&shared))),
            shutting_down,
            address,
            endpoint,
            shared: Arc::clone(&shared),
        };
        Ok((listener, Outbox::new(shared)))
    }

    /// Where it listens, with the port that the system chose.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Sessions that are open.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.sessions().len()
    }

    /// What passed through so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.shared.counters.traffic()
    }

    /// Takes no more connections, sends what the region's thread has handed over, closes every session once its messages
    /// are acknowledged, and ends all tasks, the last of them at the latest after `grace`.
    ///
    /// A host says goodbye before: its messages are handed over first.
    pub async fn shutdown(mut self, grace: Duration) {
        self.endpoint.set_server_config(None);
        self.shared.orders.close();
        let orderly = async {
            // A panic in there has been reported by then, and must not keep the rest from ending.
            let _ = (&mut self.dispatch).await;
            let _ = self.shutting_down.send(true);
            let close = Close { code: CloseCode::Shutdown, detail: "the server shuts down".to_owned() };
            for peer in self.shared.peers() {
                peer.close(close.clone());
            }
            let _ = (&mut self.accept).await;
        };
        if timeout(grace, orderly).await.is_err() {
            tracing::warn!(sessions = self.sessions(), "cut the sessions that did not end in time");
        }
        self.accept.abort();
        self.dispatch.abort();
        let close = Close { code: CloseCode::Shutdown, detail: String::new() };
        self.endpoint.close(close.code.number_on_wire(), b"");
        // So that peers hear of it, instead of waiting out their idle timeouts.
        let _ = timeout(FLUSH_TIMEOUT, self.endpoint.wait_idle()).await;
    }
}

/// Both keys are the same at every start, so that a server that was killed knows its predecessor's connections for what they
/// are and resets them (RFC 9000, section 10.3): otherwise clients would wait out their idle timeouts.
fn endpoint_config(identity: &Identity) -> EndpointConfig {
    let reset_key = hmac::Key::new(hmac::HMAC_SHA256, &identity.secret(b"tickworld.quic-reset.1"));
    let mut id_key = [0; 8];
    id_key.copy_from_slice(&identity.secret(b"tickworld.quic-connection-id.1")[..8]);
    let id_key = u64::from_le_bytes(id_key);
    let mut config = EndpointConfig::new(Arc::new(reset_key));
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(id_key)));
    config.min_reset_interval(RESET_INTERVAL_MIN);
    config
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accept.abort();
        self.dispatch.abort();
        self.shared.orders.abandon();
    }
}

impl Shared {
    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Arc<Peer>>> {
        // Single inserts and removals: whole, whoever panicked.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn peers(&self) -> Vec<Arc<Peer>> {
        self.sessions().values().cloned().collect()
    }

    fn next_session(&self) -> SessionId {
        SessionId(self.session_next.fetch_add(1, Relaxed))
    }
}
