//! What every transport promises, kept by each of them: one suite, run over QUIC and in memory.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::{future::Future, net::SocketAddr, time::Duration};

use crate::support::{LONG, NAME, loopback};
use bytes::Bytes;
use tickworld_net::{
    close::{Close, CloseCode, Disconnect, Violation},
    limits::ALPN,
    quic::{Quic, QuicClientSettings, QuicHostSettings},
    tls::{identity::Identity, trust::Trust},
    transport::{
        BulkReceiver, ControlReceiver, ControlSender, DatagramSent, DialError, Incoming, Transport,
        TransportConnection,
        memory::{MemoryNetwork, MemoryTransport},
    },
};
use tickworld_proto::limits::{CONTROL_BYTES_MAX, DATAGRAM_BYTES_MIN};
use tokio::{runtime::Handle, time::timeout};

/// Long enough for whatever is going to happen at all.
const SOON: Duration = Duration::from_millis(200);

/// A host and a client that can reach it.
struct Pair<T> {
    host: T,
    client: T,
}

/// One connection, seen from both ends.
struct Open<C: TransportConnection> {
    client: C,
    client_ends: (C::Sender, C::Receiver),
    host: C,
    host_ends: (C::Sender, C::Receiver),
}

impl<T: Transport> Pair<T> {
    async fn connect(&self) -> (T::Connection, T::Connection) {
        let dialing = self.client.connect(self.host.local_address(), NAME);
        let accepting = async { self.host.accept().await.expect("somebody comes").accept().await };
        let (client, host) = tokio::join!(dialing, accepting);
        (client.expect("a connection"), host.expect("a connection"))
    }

    /// With the control channel in use.
    async fn open(&self) -> Open<T::Connection> {
        let (client, host) = self.connect().await;
        let mut client_ends = client.open_control().await.unwrap();
        client_ends.0.send(Bytes::from("first")).await.unwrap();
        let mut host_ends = host.accept_control().await.unwrap();
        assert_eq!(host_ends.1.receive().await, Ok(Some(Bytes::from("first"))));
        Open { client, client_ends, host, host_ends }
    }
}

fn quic(runtime: &Handle) -> Pair<Quic> {
    let identity = Identity::generate(&[NAME]).unwrap();
    let trust = Trust::Pinned(identity.fingerprint());
    let (alpn, idle_timeout) = (ALPN.to_vec(), LONG);
    let host = QuicHostSettings { address: loopback(), identity, alpn: alpn.clone(), idle_timeout };
    let keep_alive_interval = LONG / 4;
    let client = QuicClientSettings { trust, local: Some(loopback()), alpn, idle_timeout, keep_alive_interval };
    Pair { host: Quic::host(runtime, host).unwrap(), client: Quic::client(runtime, client).unwrap() }
}

fn memory(_: &Handle) -> Pair<MemoryTransport> {
    let network = MemoryNetwork::default();
    let endpoint = |host: u8| network.endpoint(SocketAddr::from(([10, 0, 0, host], 1))).unwrap();
    drop(endpoint(1));
    Pair { host: endpoint(1), client: endpoint(2) }
}

fn run<T: Transport, F: Future<Output = ()>>(pair: fn(&Handle) -> Pair<T>, check: fn(Pair<T>) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let pair = pair(runtime.handle());
    runtime.block_on(async { timeout(LONG, check(pair)).await }).expect("takes too long");
}

/// A test of each transport for each law.
macro_rules! laws {
    ($($law:ident)*) => {
        mod over_quic {
            $(#[test] fn $law() { super::run(super::quic, super::$law); })*
        }
        mod in_memory {
            $(#[test] fn $law() { super::run(super::memory, super::$law); })*
        }
    };
}

laws! {
    control_messages_of_every_length_keep_their_order
    a_control_channel_takes_no_more_than_is_read
    datagrams_arrive_whole_and_too_long_ones_are_told
    datagrams_that_find_no_room_push_out_older_ones
    bulk_messages_arrive_whole_or_not_at_all
    what_was_sent_arrives_before_the_end
    the_first_close_is_told_to_the_other_side_and_ends_everything
    what_is_dropped_is_closed
    refusal_is_told_and_costs_the_next_one_nothing
    nobody_comes_in_once_no_more_are_accepted
    channels_that_the_protocol_does_not_have_are_noticed
    a_transport_that_closes_tells_everybody
    a_call_that_is_dropped_loses_nothing
}

fn bytes(length: usize, seed: usize) -> Bytes {
    (0..length).map(|index| (index * 31 + seed) as u8).collect()
}

async fn control_messages_of_every_length_keep_their_order(pair: Pair<impl Transport>) {
    let mut open = pair.open().await;
    let lengths = [0, 1, 3, 4, 5, 1_199, 1_200, 4_096, 65_535, CONTROL_BYTES_MAX as usize, 0, 7];
    let (to_host, to_client) = (&mut open.client_ends.0, &mut open.host_ends.0);
    let (at_host, at_client) = (&mut open.host_ends.1, &mut open.client_ends.1);
    let sending = async {
        for (seed, length) in lengths.into_iter().enumerate() {
            to_host.send(bytes(length, seed)).await.unwrap();
            to_client.send(bytes(length, seed + 1)).await.unwrap();
        }
    };
    let receiving = async {
        for (seed, length) in lengths.into_iter().enumerate() {
            assert_eq!(at_host.receive().await, Ok(Some(bytes(length, seed))), "{length} bytes to the host");
            assert_eq!(at_client.receive().await, Ok(Some(bytes(length, seed + 1))), "{length} bytes to the client");
        }
    };
    tokio::join!(sending, receiving);
}

async fn a_control_channel_takes_no_more_than_is_read(pair: Pair<impl Transport>) {
    const MESSAGE: usize = 10_000;
    let mut open = pair.open().await;
    let mut sender = open.client_ends.0;
    let (counted, mut count) = tokio::sync::watch::channel(0_usize);
    let sending = tokio::spawn(async move {
        loop {
            let number = *counted.borrow();
            if sender.send(bytes(MESSAGE, number)).await.is_err() {
                return;
            }
            counted.send_modify(|count| *count += 1);
        }
    });
    // It goes on until nothing happens for a while.
    while timeout(SOON, count.changed()).await.is_ok() {
        let taken = *count.borrow_and_update() * MESSAGE;
        assert!(taken < 4 << 20, "{taken} bytes were taken that nobody reads");
    }
    for number in 0..1_000 {
        assert_eq!(open.host_ends.1.receive().await, Ok(Some(bytes(MESSAGE, number))));
    }
    open.host.close(&Close { code: CloseCode::Done, detail: String::new() });
    sending.await.unwrap();
}

async fn datagrams_arrive_whole_and_too_long_ones_are_told(pair: Pair<impl Transport>) {
    let open = pair.open().await;
    for (from, to) in [(&open.client, &open.host), (&open.host, &open.client)] {
        assert!(from.datagram_bytes_max() >= usize::from(DATAGRAM_BYTES_MIN));
        for length in [0, 1, 500, usize::from(DATAGRAM_BYTES_MIN)] {
            assert_eq!(from.send_datagram(bytes(length, 5)), DatagramSent::Queued);
            assert_eq!(to.receive_datagram().await, Ok(bytes(length, 5)));
        }
        assert_eq!(from.send_datagram(bytes(65_000, 0)), DatagramSent::TooLong);
    }
}

async fn datagrams_that_find_no_room_push_out_older_ones(pair: Pair<impl Transport>) {
    let open = pair.open().await;
    let sent: Vec<_> = (0..20_000).map(|number| open.host.send_datagram(bytes(1_000, number))).collect();
    assert!(sent.iter().all(|sent| matches!(sent, DatagramSent::Queued | DatagramSent::Displaced)));
    assert!(sent.contains(&DatagramSent::Displaced), "20 MB found room");
    // Those that are left come, each whole.
    let first = open.client.receive_datagram().await.unwrap();
    let seed = first[0];
    assert_eq!(first, bytes(1_000, usize::from(seed)));
}

async fn bulk_messages_arrive_whole_or_not_at_all(pair: Pair<impl Transport>) {
    const MESSAGE: usize = 3 << 20;
    let open = pair.open().await;
    let mut sent = 0;
    // Nobody reads: sooner or later one finds no room and is given up.
    while timeout(SOON, open.host.send_bulk(bytes(MESSAGE, sent))).await.is_ok() {
        sent += 1;
        assert!(sent < 100, "300 MB were taken that nobody reads");
    }
    let last = sent + 1;
    let sending = open.host.send_bulk(bytes(MESSAGE, last));
    let receiving = async {
        let mut seen = Vec::new();
        while !seen.contains(&last) {
            let message = open.client.accept_bulk().await.unwrap();
            // One that was given up may show that it was.
            let Some(message) = message.receive().await.unwrap() else { continue };
            let number = (0..=last).find(|number| message == bytes(MESSAGE, *number)).expect("a whole message");
            assert!(number != sent, "it was given up");
            seen.push(number);
        }
        seen
    };
    let (done, mut seen) = tokio::join!(sending, receiving);
    assert_eq!(done, Ok(()));
    seen.sort_unstable();
    let expected: Vec<_> = (0..sent).chain([last]).collect();
    assert_eq!(seen, expected);
    // An empty one is a message too.
    assert_eq!(open.host.send_bulk(Bytes::new()).await, Ok(()));
    let empty = open.client.accept_bulk().await.unwrap();
    assert_eq!(empty.receive().await, Ok(Some(Bytes::new())));
}

async fn what_was_sent_arrives_before_the_end(pair: Pair<impl Transport>) {
    let mut open = pair.open().await;
    let mut sender = open.host_ends.0;
    let close = Close { code: CloseCode::TooSlow, detail: "that was all".into() };
    let sending = async {
        for number in 0..50 {
            sender.send(bytes(5_000, number)).await.unwrap();
        }
        sender.finish().await;
        open.host.close(&close);
    };
    let receiving = async {
        for number in 0..50 {
            assert_eq!(open.client_ends.1.receive().await, Ok(Some(bytes(5_000, number))));
        }
        let end = open.client_ends.1.receive().await;
        assert!(matches!(&end, Ok(None) | Err(Disconnect::ByPeer(_))), "{end:?}");
        assert_eq!(open.client.closed().await, Disconnect::ByPeer(close.clone()));
    };
    tokio::join!(sending, receiving);
}

async fn the_first_close_is_told_to_the_other_side_and_ends_everything(pair: Pair<impl Transport>) {
    let mut open = pair.open().await;
    let close = |detail: &str| Close { code: CloseCode::Violation, detail: detail.into() };
    open.client.close(&close("first"));
    open.client.close(&close("second"));
    let told = Disconnect::ByPeer(close("first"));
    assert_eq!(open.host.closed().await, told);
    open.host.close(&close("third"));
    assert_eq!(open.client.closed().await, Disconnect::Closed);
    for (connection, ends, expected) in
        [(&open.host, &mut open.host_ends, told), (&open.client, &mut open.client_ends, Disconnect::Closed)]
    {
        assert_eq!(ends.1.receive().await, Err(expected.clone()));
        assert_eq!(connection.receive_datagram().await, Err(expected.clone()));
        assert_eq!(connection.accept_bulk().await.err(), Some(expected.clone()));
        assert_eq!(connection.extra_channel().await, expected);
        assert_eq!(connection.send_datagram(Bytes::from("late")), DatagramSent::Closed);
        assert_eq!(connection.open_control().await.err(), Some(expected.clone()));
        assert!(ends.0.send(Bytes::from("late")).await.is_err());
        ends.0.finish().await;
    }
}

async fn what_is_dropped_is_closed(pair: Pair<impl Transport>) {
    let Open { client, client_ends, host, host_ends: _host_ends } = pair.open().await;
    let clone = client.clone();
    drop((client, client_ends));
    assert!(timeout(SOON / 4, host.closed()).await.is_err(), "a clone is the same connection");
    drop(clone);
    let told = host.closed().await;
    assert!(matches!(&told, Disconnect::ByPeer(close) if close.detail.is_empty()), "{told}");
}

async fn refusal_is_told_and_costs_the_next_one_nothing(pair: Pair<impl Transport>) {
    for refuse in [true, false] {
        let dialing = pair.client.connect(pair.host.local_address(), NAME);
        let refusing = async {
            let incoming = pair.host.accept().await.expect("somebody comes");
            assert_eq!(incoming.remote_address(), pair.client.local_address());
            // Dropped is refused.
            if refuse { incoming.refuse() } else { drop(incoming) }
        };
        let (dialed, ()) = tokio::join!(dialing, refusing);
        assert_eq!(dialed.err(), Some(DialError::Refused));
    }
    pair.open().await;
}

async fn nobody_comes_in_once_no_more_are_accepted(pair: Pair<impl Transport>) {
    let mut open = pair.open().await;
    pair.host.stop_accepting();
    let dialing = pair.client.connect(pair.host.local_address(), NAME);
    let accepting = async {
        if let Some(incoming) = pair.host.accept().await {
            panic!("{} comes in", incoming.remote_address());
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        dialed = timeout(SOON, dialing) => assert!(!matches!(dialed, Ok(Ok(_))), "somebody came in"),
        () = accepting => {}
    }
    // Those that are in stay.
    open.client_ends.0.send(Bytes::from("still here")).await.unwrap();
    assert_eq!(open.host_ends.1.receive().await, Ok(Some(Bytes::from("still here"))));
}

async fn channels_that_the_protocol_does_not_have_are_noticed(pair: Pair<impl Transport>) {
    let expected = Disconnect::Violation(Violation::ExtraStream);
    let open = pair.open().await;
    assert!(timeout(SOON / 4, open.host.extra_channel()).await.is_err(), "nothing is wrong yet");
    let (mut sender, _receiver) = open.client.open_control().await.unwrap();
    sender.send(Bytes::from("me too")).await.unwrap();
    assert_eq!(open.host.extra_channel().await, expected);
    let open = pair.open().await;
    open.client.send_bulk(Bytes::from("pages for you")).await.unwrap();
    assert_eq!(open.host.extra_channel().await, expected);
}

async fn a_transport_that_closes_tells_everybody(pair: Pair<impl Transport>) {
    let (first, second) = (pair.open().await, pair.open().await);
    let close = Close { code: CloseCode::Shutdown, detail: "good night".into() };
    pair.host.close(&close);
    for open in [first, second] {
        assert_eq!(open.client.closed().await, Disconnect::ByPeer(close.clone()));
        assert_eq!(open.host.closed().await, Disconnect::Closed);
    }
    pair.host.idle().await;
}

async fn a_call_that_is_dropped_loses_nothing(pair: Pair<impl Transport>) {
    let open = pair.open().await;
    for number in 0..200 {
        assert_eq!(open.client.send_datagram(bytes(100, number)), DatagramSent::Queued);
        loop {
            // Polled once, then dropped, as in a select.
            tokio::select! {
                biased;
                datagram = open.host.receive_datagram() => {
                    assert_eq!(datagram, Ok(bytes(100, number)));
                    break;
                }
                () = tokio::task::yield_now() => {}
            }
        }
    }
    let sending = async {
        for number in 0..20 {
            open.host.send_bulk(bytes(1_000, number)).await.unwrap();
        }
    };
    let receiving = async {
        let mut seen = Vec::new();
        while seen.len() < 20 {
            tokio::select! {
                biased;
                message = open.client.accept_bulk() => seen.push(message.unwrap().receive().await.unwrap().unwrap()),
                () = tokio::task::yield_now() => {}
            }
        }
        seen.sort_unstable_by_key(|message| message[0]);
        let mut expected: Vec<_> = (0..20).map(|number| bytes(1_000, number)).collect();
        expected.sort_unstable_by_key(|message| message[0]);
        assert_eq!(seen, expected);
    };
    tokio::join!(sending, receiving);
}
