//! A task that panics or is aborted ends its own session: the region hears of it, and everybody else goes on.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use std::{net::SocketAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use support::{LONG, NAME, control, datagram, next_message, transmit};
use tickworld_net::{
    address::SessionId,
    client_connection::ClientConnection,
    close::{Close, Disconnect},
    endpoint::{DialTimeouts, Endpoint},
    listener::{Listener, Outbox, SessionLimits},
    mailbox::{Event, Mail, Mailbox, MailboxLimits},
    transport::{
        BulkError, BulkReceiver, ControlReceiver, ControlSender, DatagramSent, DialError, Incoming, Transport,
        TransportConnection, memory::MemoryNetwork,
    },
};
use tickworld_proto::channel::Channel;
use tokio::runtime::Runtime;

/// A message at which a brittle transport panics, wherever it meets it.
const POISON: &[u8] = b"poison";

/// A transport with a defect.
struct Brittle<T>(T);

struct BrittleIncoming<I>(I);

#[derive(Clone)]
struct BrittleConnection<C>(C);

struct BrittleEnd<E>(E);

fn look(message: &[u8]) {
    assert_ne!(message, POISON, "a defect, as the test wants");
}

impl<T: Transport> Transport for Brittle<T> {
    type Connection = BrittleConnection<T::Connection>;
    type Incoming = BrittleIncoming<T::Incoming>;

    fn local_address(&self) -> SocketAddr {
        self.0.local_address()
    }

    async fn accept(&self) -> Option<Self::Incoming> {
        self.0.accept().await.map(BrittleIncoming)
    }

    async fn connect(&self, address: SocketAddr, name: &str) -> Result<Self::Connection, DialError> {
        self.0.connect(address, name).await.map(BrittleConnection)
    }

    fn stop_accepting(&self) {
        self.0.stop_accepting();
    }

    fn close(&self, close: &Close) {
        self.0.close(close);
    }

    async fn idle(&self) {
        self.0.idle().await;
    }
}

impl<I: Incoming> Incoming for BrittleIncoming<I> {
    type Connection = BrittleConnection<I::Connection>;

    fn remote_address(&self) -> SocketAddr {
        self.0.remote_address()
    }

    fn is_address_proven(&self) -> bool {
        self.0.is_address_proven()
    }

    fn ask_for_proof(self) -> Result<(), Self> {
        self.0.ask_for_proof().map_err(Self)
    }

    fn refuse(self) {
        self.0.refuse();
    }

    async fn accept(self) -> Result<Self::Connection, Disconnect> {
        self.0.accept().await.map(BrittleConnection)
    }
}

impl<C: TransportConnection> TransportConnection for BrittleConnection<C> {
    type Sender = BrittleEnd<C::Sender>;
    type Receiver = BrittleEnd<C::Receiver>;
    type Bulk = BrittleEnd<C::Bulk>;

    fn remote_address(&self) -> SocketAddr {
        self.0.remote_address()
    }

    async fn open_control(&self) -> Result<(Self::Sender, Self::Receiver), Disconnect> {
        self.0.open_control().await.map(|(sender, receiver)| (BrittleEnd(sender), BrittleEnd(receiver)))
    }

    async fn accept_control(&self) -> Result<(Self::Sender, Self::Receiver), Disconnect> {
        self.0.accept_control().await.map(|(sender, receiver)| (BrittleEnd(sender), BrittleEnd(receiver)))
    }

    fn datagram_bytes_max(&self) -> usize {
        self.0.datagram_bytes_max()
    }

    fn send_datagram(&self, bytes: Bytes) -> DatagramSent {
        look(&bytes);
        self.0.send_datagram(bytes)
    }

    async fn receive_datagram(&self) -> Result<Bytes, Disconnect> {
        self.0.receive_datagram().await.inspect(|bytes| look(bytes))
    }

    async fn send_bulk(&self, message: Bytes) -> Result<(), BulkError> {
        look(&message);
        self.0.send_bulk(message).await
    }

    async fn accept_bulk(&self) -> Result<Self::Bulk, Disconnect> {
        self.0.accept_bulk().await.map(BrittleEnd)
    }

    async fn extra_channel(&self) -> Disconnect {
        self.0.extra_channel().await
    }

    fn close(&self, close: &Close) {
        self.0.close(close);
    }

    async fn closed(&self) -> Disconnect {
        self.0.closed().await
    }
}

impl<S: ControlSender> ControlSender for BrittleEnd<S> {
    async fn send(&mut self, message: Bytes) -> Result<(), Disconnect> {
        look(&message);
        self.0.send(message).await
    }

    async fn finish(&mut self) {
        self.0.finish().await;
    }
}

impl<R: ControlReceiver> ControlReceiver for BrittleEnd<R> {
    async fn receive(&mut self) -> Result<Option<Bytes>, Disconnect> {
        self.0.receive().await.inspect(|message| look(message.as_deref().unwrap_or_default()))
    }
}

impl<B: BulkReceiver> BulkReceiver for BrittleEnd<B> {
    async fn receive(self) -> Result<Option<Bytes>, Disconnect> {
        self.0.receive().await.inspect(|message| look(message.as_deref().unwrap_or_default()))
    }
}

/// A host whose transport is brittle, one whose clients' is, and a region that the test is.
struct World {
    runtime: Runtime,
    listener: Option<Listener>,
    outbox: Outbox,
    mailbox: Mailbox<()>,
    endpoint: Endpoint,
    address: SocketAddr,
}

impl World {
    fn new(is_host_brittle: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let network = MemoryNetwork::default();
        let at = |host: u8| network.endpoint(SocketAddr::from(([10, 0, 0, host], 1))).unwrap();
        let (host, client, timeouts) = (at(1), at(2), DialTimeouts::default());
        let (mailbox, limits) = (Mailbox::new(MailboxLimits::default()), SessionLimits::default());
        let (route, address) = (Arc::new(mailbox.lane()), host.local_address());
        let ((listener, outbox), endpoint) = if is_host_brittle {
            (Listener::over(runtime.handle(), limits, route, Brittle(host)), Endpoint::over(client, timeouts))
        } else {
            (Listener::over(runtime.handle(), limits, route, host), Endpoint::over(Brittle(client), timeouts))
        };
        Self { runtime, listener: Some(listener), outbox, mailbox, endpoint, address }
    }

    fn event(&mut self) -> Event {
        match self.mailbox.wait(Some(Instant::now() + LONG)).next() {
            Some(Mail::Peer(event)) => event,
            other => panic!("expected an event, not {other:?}"),
        }
    }

    fn connect(&mut self) -> (ClientConnection, SessionId) {
        let endpoint = self.endpoint.clone();
        let connection = self.runtime.block_on(endpoint.dial(self.address, NAME)).unwrap();
        connection.send(control("hello"));
        let Event::Connected { session, .. } = self.event() else { panic!("not connected") };
        assert!(matches!(self.event(), Event::Message { bytes, .. } if bytes == "hello"));
        (connection, session)
    }

    fn disconnected(&mut self, session: SessionId) -> Disconnect {
        loop {
            if let Event::Disconnected { session: of, why } = self.event() {
                assert_eq!(of, session);
                return why;
            }
        }
    }

    /// Sends a message each way and sees that it arrives.
    fn still_works(&mut self, connection: &ClientConnection, session: SessionId) {
        connection.send(control("still here"));
        let event = self.event();
        assert!(matches!(&event, Event::Message { bytes, .. } if bytes == "still here"), "{event:?}");
        for channel in [Channel::Control, Channel::Datagram, Channel::Bulk] {
            self.outbox.send([(session, transmit(channel, b"so are we"))]);
            let (by, bytes) = self.runtime.block_on(next_message(connection));
            assert_eq!((by, bytes), (channel, Bytes::from("so are we")));
        }
    }

    fn why(&self, connection: &ClientConnection) -> Disconnect {
        self.runtime.block_on(support::ending(connection))
    }
}

#[test]
fn a_host_whose_task_panics_loses_that_session_alone() {
    let mut world = World::new(true);
    let (good, good_session) = world.connect();
    // In the reading tasks, in the writing tasks, and in the one that spreads messages over all sessions.
    let mut poisoned = 0;
    let poison = std::str::from_utf8(POISON).unwrap();
    let reads = [control(poison), datagram(poison)];
    let writes = [Channel::Control, Channel::Bulk, Channel::Datagram].map(|channel| transmit(channel, POISON));
    for (is_read, transmit) in reads.map(|it| (true, it)).into_iter().chain(writes.map(|it| (false, it))) {
        let (bad, session) = world.connect();
        if is_read {
            bad.send(transmit.clone())
        } else {
            world.outbox.send([(session, transmit.clone())])
        }
        assert_eq!(world.disconnected(session), Disconnect::Aborted, "{transmit:?}");
        let told = world.why(&bad);
        assert!(told.to_string().contains("gave the connection up"), "{transmit:?}: {told}");
        assert_eq!(world.listener.as_ref().unwrap().sessions(), 1);
        world.still_works(&good, good_session);
        poisoned += 1;
    }
    assert_eq!(poisoned, 5);
}

#[test]
fn a_host_whose_task_panics_over_a_first_message_never_had_a_session() {
    let mut world = World::new(true);
    let (good, good_session) = world.connect();
    let bad = world.runtime.block_on(world.endpoint.dial(world.address, NAME)).unwrap();
    bad.send(transmit(Channel::Control, POISON));
    let told = world.why(&bad);
    assert!(matches!(told, Disconnect::ByPeer(_)), "{told}");
    world.still_works(&good, good_session);
    assert_eq!(world.listener.as_ref().unwrap().sessions(), 1);
}

#[test]
fn a_client_whose_task_panics_hears_that_it_ended() {
    let mut world = World::new(false);
    for channel in [Channel::Control, Channel::Datagram, Channel::Bulk] {
        let (bad, session) = world.connect();
        world.outbox.send([(session, transmit(channel, POISON))]);
        assert_eq!(world.why(&bad), Disconnect::Aborted, "by {channel:?}");
        let why = world.disconnected(session);
        assert!(matches!(why, Disconnect::ByPeer(_)), "{why}");
    }
}

#[test]
fn sessions_of_a_listener_that_is_dropped_are_told_as_ended() {
    let mut world = World::new(false);
    let open: Vec<_> = (0..5).map(|_| world.connect()).collect();
    drop(world.listener.take());
    let mut ended: Vec<_> = (0..5)
        .map(|_| match world.event() {
            Event::Disconnected { session, why: Disconnect::Aborted } => session,
            other => panic!("expected an end, not {other:?}"),
        })
        .collect();
    ended.sort_unstable();
    assert_eq!(ended, open.iter().map(|(_, session)| *session).collect::<Vec<_>>());
    for (connection, _) in &open {
        assert!(matches!(world.why(connection), Disconnect::ByPeer(_)));
    }
}
