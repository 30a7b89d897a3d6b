//! [`Listener`]: a host's side of all its connections.
//!
//! Invariant: a region's thread never waits for the network. It takes events from its [mailbox](crate::mailbox) and hands
//! messages over by a bounded queue; what a slow peer or a full queue costs is that peer's messages or session, never the
//! thread's time.

mod accept;
mod dispatch;
mod gate;
mod region;

use std::{
    collections::HashMap,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch, task::JoinHandle, time::timeout};

use dispatch::Order;
use gate::Gate;
pub use gate::Occupancy;
pub use region::{Events, Outbox};

use crate::{
    address::SessionId,
    close::{Close, CloseCode},
    counters::{Counters, Traffic},
    limits::{
        ALPN, CONTROL_WRITE_TIMEOUT, FLUSH_TIMEOUT, HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, HELLO_TIMEOUT, HELLOS_MAX,
        IDLE_TIMEOUT, OUTBOUND_BYTES_MAX, SESSIONS_MAX, SESSIONS_PER_ADDRESS_MAX,
    },
    mailbox::{Mailbox, MailboxLimits},
    peer::Session,
    queue::Queue,
    quic::{Quic, QuicHostSettings},
    router::Route,
    tls::identity::Identity,
    transport::Transport,
};
pub use crate::{mailbox::Event, transport::BindError};

/// What a listener over QUIC is made of.
#[derive(Debug)]
pub struct ListenerSettings {
    /// Where to listen; port 0 lets the system choose.
    pub address: SocketAddr,
    /// The certificates that the server shows, and their key.
    pub identity: Identity,
    /// The [`SessionLimits::sessions_max`] of this listener.
    pub sessions_max: usize,
    /// The [`SessionLimits::sessions_per_address_max`] of this listener.
    pub sessions_per_address_max: usize,
    /// The [`SessionLimits::handshakes_max`] of this listener.
    pub handshakes_max: usize,
    /// The [`SessionLimits::hellos_max`] of this listener.
    pub hellos_max: usize,
    /// Silence after which a connection is lost.
    pub idle_timeout: Duration,
    /// The [`SessionLimits::write_timeout`] of this listener.
    pub write_timeout: Duration,
    /// The [`SessionLimits::handshake_timeout`] of this listener.
    pub handshake_timeout: Duration,
    /// The [`SessionLimits::hello_timeout`] of this listener.
    pub hello_timeout: Duration,
}

impl ListenerSettings {
    /// The usual caps.
    #[must_use]
    pub fn new(address: SocketAddr, identity: Identity) -> Self {
        let limits = SessionLimits::default();
        Self {
            address,
            identity,
            sessions_max: limits.sessions_max,
            sessions_per_address_max: limits.sessions_per_address_max,
            handshakes_max: limits.handshakes_max,
            hellos_max: limits.hellos_max,
            idle_timeout: IDLE_TIMEOUT,
            write_timeout: limits.write_timeout,
            handshake_timeout: limits.handshake_timeout,
            hello_timeout: limits.hello_timeout,
        }
    }

    const fn limits(&self) -> SessionLimits {
        SessionLimits {
            sessions_max: self.sessions_max,
            sessions_per_address_max: self.sessions_per_address_max,
            handshakes_max: self.handshakes_max,
            hellos_max: self.hellos_max,
            handshake_timeout: self.handshake_timeout,
            hello_timeout: self.hello_timeout,
            write_timeout: self.write_timeout,
        }
    }
}

/// What a listener allows, whatever the transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Connections at a time, those in their handshake included.
    pub sessions_max: usize,
    /// Connections at a time of one address. More than the sessions that a region grants to it, since a connection is there
    /// before its session and after it.
    pub sessions_per_address_max: usize,
    /// Handshakes at a time. One address holds at most as many as are free; who has none yet awaits the next. From half of it
    /// on, and from half of an address' share, an address has to prove itself first (QUIC's Retry).
    pub handshakes_max: usize,
    /// Connections at a time that have not said anything yet, those in their handshake included. One address holds at most as
    /// many as are free.
    pub hellos_max: usize,
    /// How long a connection may take from its first packet until it is secure.
    pub handshake_timeout: Duration,
    /// How long the client's first control message may take from then on, until it is there as a whole.
    pub hello_timeout: Duration,
    /// How long a peer may take to accept one control message.
    pub write_timeout: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            sessions_max: SESSIONS_MAX,
            sessions_per_address_max: SESSIONS_PER_ADDRESS_MAX,
            handshakes_max: HANDSHAKES_MAX,
            hellos_max: HELLOS_MAX,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            hello_timeout: HELLO_TIMEOUT,
            write_timeout: CONTROL_WRITE_TIMEOUT,
        }
    }
}

/// See the module. Dropping it ends everything at once; [`shutdown`](Self::shutdown) lets peers hear of it.
pub struct Listener {
    runtime: Handle,
    doors: Vec<Door>,
    shared: Arc<Shared>,
    dispatch: JoinHandle<()>,
    shutting_down: watch::Sender<bool>,
}

/// A transport and the task that accepts its connections.
struct Door {
    transport: Arc<dyn Doorway>,
    accept: JoinHandle<()>,
}

/// What the tasks of a listener and its outboxes have in common. The transports are not among it: an outbox that is kept must
/// not keep a socket.
struct Shared {
    sessions: Mutex<HashMap<SessionId, Arc<dyn Session>>>,
    session_next: AtomicU64,
    gate: Gate,
    limits: SessionLimits,
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
        let limits = settings.limits();
        let ListenerSettings { address, identity, idle_timeout, .. } = settings;
        let quic = Quic::host(runtime, QuicHostSettings { address, identity, alpn: ALPN.to_vec(), idle_timeout })?;
        Ok(Self::over(runtime, limits, route, quic))
    }

    /// Listens over any transport; [`add`](Self::add) takes more of them.
    pub fn over(
        runtime: &Handle,
        limits: SessionLimits,
        route: Arc<dyn Route>,
        transport: impl Transport,
    ) -> (Self, Outbox) {
        let counters = Arc::<Counters>::default();
        let shared = Arc::new(Shared {
            sessions: Mutex::default(),
            session_next: AtomicU64::new(1),
            gate: Gate::new(&limits, Arc::clone(&counters)),
            limits,
            route,
            orders: Queue::new(OUTBOUND_BYTES_MAX),
            counters,
        });
        let mut listener = Self {
            dispatch: runtime.spawn(dispatch::run(Arc::clone(&shared))),
            runtime: runtime.clone(),
            doors: Vec::new(),
            shutting_down: watch::channel(false).0,
            shared: Arc::clone(&shared),
        };
        listener.add(transport);
        (listener, Outbox::new(shared))
    }

    /// Takes connections of another transport too. Its sessions are like all others: one table, one set of limits.
    pub fn add(&mut self, transport: impl Transport) {
        let transport = Arc::new(transport);
        let accepting = accept::run(Arc::clone(&transport), Arc::clone(&self.shared), self.shutting_down.subscribe());
        self.doors.push(Door { transport, accept: self.runtime.spawn(accepting) });
    }

    /// Where the first transport listens, with the port that the system chose.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.doors[0].transport.local_address()
    }

    /// Sessions that are open.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.sessions().len()
    }

    /// How many connections there are, and how far they are.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        self.shared.gate.occupancy()
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
        self.doors.iter().for_each(|door| door.transport.stop_accepting());
        self.shared.orders.close();
        let orderly = async {
            // A panic in there has been reported by then, and must not keep the rest from ending.
            let _ = (&mut self.dispatch).await;
            let _ = self.shutting_down.send(true);
            let close = Close { code: CloseCode::Shutdown, detail: "the server shuts down".to_owned() };
            for session in self.shared.all_sessions() {
                session.close(close.clone());
            }
            for door in &mut self.doors {
                let _ = (&mut door.accept).await;
            }
        };
        if timeout(grace, orderly).await.is_err() {
            tracing::warn!(sessions = self.sessions(), "cut the sessions that did not end in time");
        }
        self.abort();
        let close = Close { code: CloseCode::Shutdown, detail: String::new() };
        self.doors.iter().for_each(|door| door.transport.close(&close));
        // So that peers hear of it, instead of waiting out their idle timeouts.
        let idle = async {
            for door in &self.doors {
                door.transport.idle().await;
            }
        };
        let _ = timeout(FLUSH_TIMEOUT, idle).await;
    }

    fn abort(&self) {
        self.doors.iter().for_each(|door| door.accept.abort());
        self.dispatch.abort();
        self.shared.orders.abandon();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.abort();
    }
}

/// A transport with its types put away.
trait Doorway: Send + Sync {
    fn local_address(&self) -> SocketAddr;
    fn stop_accepting(&self);
    fn close(&self, close: &Close);
    fn idle(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<T: Transport> Doorway for T {
    fn local_address(&self) -> SocketAddr {
        Transport::local_address(self)
    }

    fn stop_accepting(&self) {
        Transport::stop_accepting(self);
    }

    fn close(&self, close: &Close) {
        Transport::close(self, close);
    }

    fn idle(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(Transport::idle(self))
    }
}

impl Shared {
    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Arc<dyn Session>>> {
        // Single inserts and removals: whole, whoever panicked.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_sessions(&self) -> Vec<Arc<dyn Session>> {
        self.sessions().values().cloned().collect()
    }

    fn next_session(&self) -> SessionId {
        SessionId(self.session_next.fetch_add(1, Relaxed))
    }
}
