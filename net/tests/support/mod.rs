//! What the tests have in common: a listener on the loopback, clients of it, and peers that break the rules.
//!
//! Nothing sleeps: everything is awaited, with a bound that only a failing test reaches.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses its part, and may panic")]

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use quinn::{TransportConfig, crypto::rustls::QuicClientConfig};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tickworld_net::{
    address::SessionId,
    client_connection::{ClientConnection, ClientConnectionEvent},
    close::Disconnect,
    endpoint::{Endpoint, EndpointSettings},
    limits::ALPN,
    listener::{Event, Events, Listener, ListenerSettings, Outbox},
    router::Route,
    tls::{identity::Identity, trust::Trust},
};
use tickworld_proto::{
    channel::{Channel, Transmit},
    message::Nonce,
};
use tokio::runtime::{Handle, Runtime};

/// Only a failing test waits so long.
pub const LONG: Duration = Duration::from_secs(60);
/// A name that the certificate is for.
pub const NAME: &str = "localhost";

/// A host on the loopback.
pub struct Host {
    /// Where the test itself is the region.
    pub events: Option<Events>,
    pub outbox: Outbox,
    pub listener: Option<Listener>,
    pub address: SocketAddr,
    pub certificate: CertificateDer<'static>,
    pub trust: Trust,
    pub runtime: Runtime,
    /// Where the certificate and the key are.
    folder: tempfile::TempDir,
    /// Of the session that connected last.
    pub datagram_bytes_max: u16,
}

impl Host {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// With a region that the test itself is.
    pub fn with(change: impl FnOnce(&mut ListenerSettings)) -> Self {
        let mut events = None;
        let mut host = Self::bound(|runtime, identity| {
            let mut settings = ListenerSettings::new(loopback(), identity);
            change(&mut settings);
            let (listener, taken, outbox) = Listener::bind(runtime, settings).unwrap();
            events = Some(taken);
            (listener, outbox)
        });
        host.events = events;
        host
    }

    /// With regions that have mailboxes of their own.
    pub fn routed(route: Arc<dyn Route>) -> Self {
        Self::bound(|runtime, identity| {
            Listener::open(runtime, ListenerSettings::new(loopback(), identity), route).unwrap()
        })
    }

    fn bound(bind: impl FnOnce(&Handle, Identity) -> (Listener, Outbox)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (certificate_path, key_path) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let pem = Identity::generate_pem(&[NAME]).unwrap();
        std::fs::write(&certificate_path, &pem.certificate).unwrap();
        std::fs::write(&key_path, &pem.key).unwrap();
        let identity = identity(&folder);
        let trust = Trust::Pinned(identity.fingerprint());
        let (listener, outbox) = bind(runtime.handle(), identity);
        let address = listener.local_address();
        let certificate = CertificateDer::from_pem_slice(pem.certificate.as_bytes()).unwrap();
        Self {
            events: None,
            outbox,
            listener: Some(listener),
            address,
            certificate,
            trust,
            runtime,
            folder,
            datagram_bytes_max: 0,
        }
    }

    /// Another listener, at the address of the one that has shut down.
    pub fn listen_again(&mut self, route: Arc<dyn Route>) {
        let start = Instant::now();
        let (listener, outbox) = loop {
            // The old socket is closed by a task of its own, in its own time.
            let settings = ListenerSettings::new(self.address, identity(&self.folder));
            match Listener::open(self.runtime.handle(), settings, Arc::clone(&route)) {
                Ok(bound) => break bound,
                Err(error) => assert!(start.elapsed() < LONG, "{error}"),
            }
            std::thread::yield_now();
        };
        (self.listener, self.outbox) = (Some(listener), outbox);
    }

    pub fn listener(&self) -> &Listener {
        self.listener.as_ref().unwrap()
    }

    /// Runs `future`, which must end.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(LONG, future).await }).expect("takes too long")
    }

    pub fn endpoint(&self) -> Endpoint {
        self.endpoint_with(|_| {})
    }

    pub fn endpoint_with(&self, change: impl FnOnce(&mut EndpointSettings)) -> Endpoint {
        let mut settings = EndpointSettings::new(self.trust.clone());
        settings.local = Some(loopback());
        change(&mut settings);
        Endpoint::bind(self.runtime.handle(), settings).unwrap()
    }

    /// A connection whose session is open on both sides: it has sent `hello`, and the host has seen it.
    pub fn connect(&mut self, endpoint: &Endpoint) -> (ClientConnection, SessionId) {
        let connection = self.run(endpoint.dial(self.address, NAME)).unwrap();
        connection.send(control("hello"));
        let session = self.connected();
        assert_eq!(self.message(session), (Channel::Control, Bytes::from("hello")));
        (connection, session)
    }

    /// The next event, whatever it is.
    pub fn event(&mut self) -> Event {
        let event = self.events.as_mut().unwrap().wait(Instant::now() + LONG).next();
        event.expect("nothing happens")
    }

    /// The next session to connect; other events of other sessions are an error.
    pub fn connected(&mut self) -> SessionId {
        match self.event() {
            Event::Connected { session, datagram_bytes_max, .. } => {
                self.datagram_bytes_max = datagram_bytes_max;
                session
            }
            other => panic!("expected a connection, not {other:?}"),
        }
    }

    /// The next message of `session`, skipping other sessions.
    pub fn message(&mut self, session: SessionId) -> (Channel, Bytes) {
        loop {
            match self.event() {
                Event::Message { session: of, channel, bytes } if of == session => return (channel, bytes),
                Event::Disconnected { session: of, why } if of == session => panic!("{session:?} is gone: {why}"),
                _ => {}
            }
        }
    }

    /// Why `session` ended, skipping whatever comes before.
    pub fn disconnected(&mut self, session: SessionId) -> Disconnect {
        loop {
            if let Event::Disconnected { session: of, why } = self.event()
                && of == session
            {
                return why;
            }
        }
    }

    pub fn send(&self, session: SessionId, transmit: Transmit) {
        self.outbox.send([(session, transmit)]);
    }

    /// A client of this host that is bare QUIC and can break any rule of the protocol above.
    pub fn raw_client(&self, transport: TransportConfig) -> quinn::Connection {
        let endpoint = self.raw_endpoint(transport);
        // Connecting needs the runtime around it.
        self.run(async { endpoint.connect(self.address, NAME).unwrap().await }).unwrap()
    }

    pub fn raw_endpoint(&self, transport: TransportConfig) -> quinn::Endpoint {
        let _entered = self.runtime.enter();
        let mut endpoint = quinn::Endpoint::client(loopback()).unwrap();
        endpoint.set_default_client_config(self.raw_config(transport, ALPN));
        endpoint
    }

    /// The same, of a client that would use a session's ticket to send before the next handshake is over.
    pub fn raw_endpoint_with_early_data(&self) -> quinn::Endpoint {
        let mut endpoint = self.raw_endpoint(TransportConfig::default());
        endpoint.set_default_client_config(self.config(TransportConfig::default(), ALPN, true));
        endpoint
    }

    /// Trusts this host's certificate and speaks the protocol of that name.
    pub fn raw_config(&self, transport: TransportConfig, alpn: &[u8]) -> quinn::ClientConfig {
        self.config(transport, alpn, false)
    }

    fn config(&self, transport: TransportConfig, alpn: &[u8], early_data: bool) -> quinn::ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![alpn.to_vec()];
        tls.enable_early_data = early_data;
        let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        config.transport_config(Arc::new(transport));
        config
    }
}

fn identity(folder: &tempfile::TempDir) -> Identity {
    Identity::from_pem_files(&folder.path().join("cert.pem"), &folder.path().join("key.pem")).unwrap()
}

/// Any port of this machine.
pub fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub fn control(text: &str) -> Transmit {
    transmit(Channel::Control, text.as_bytes())
}

pub fn datagram(text: &str) -> Transmit {
    transmit(Channel::Datagram, text.as_bytes())
}

pub fn transmit(channel: Channel, bytes: &[u8]) -> Transmit {
    Transmit { channel, bytes: Bytes::copy_from_slice(bytes) }
}

/// The next message of a connection.
/// A number of its own for each client.
pub fn nonce() -> Nonce {
    static DRAWN: AtomicU64 = AtomicU64::new(1);
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&DRAWN.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    Nonce(nonce)
}

pub async fn next_message(connection: &ClientConnection) -> (Channel, Bytes) {
    loop {
        match connection.next().await {
            Some(ClientConnectionEvent::Message { channel, bytes }) => return (channel, bytes),
            Some(ClientConnectionEvent::DatagramSize { .. }) => {}
            other => panic!("expected a message, not {other:?}"),
        }
    }
}

/// Why a connection ended, skipping whatever comes before.
pub async fn ending(connection: &ClientConnection) -> Disconnect {
    loop {
        if let ClientConnectionEvent::Disconnected { why } =
            connection.next().await.expect("a connection says why it ended")
        {
            return why;
        }
    }
}

/// Waits until no task is left on the runtime.
pub fn await_no_tasks(runtime: &Runtime) {
    let start = Instant::now();
    while runtime.metrics().num_alive_tasks() > 0 {
        assert!(start.elapsed() < LONG, "{} tasks are left", runtime.metrics().num_alive_tasks());
        std::thread::yield_now();
    }
}
