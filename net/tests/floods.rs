//! However many connections one address asks for, and whatever it does with them, others come in as if it were not there.
//!
//! Hostile peers come from addresses of their own on the loopback (127.0.0.66 and on).
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use support::{Host, LONG, NAME, control, loopback};
use tickworld_net::{
    client_connection::ClientConnectionEvent,
    endpoint::{DialError, Endpoint},
    limits::ALPN,
    listener::{Event, ListenerSettings},
    quic::{Quic, QuicHostSettings},
    tls::{identity::Identity, trust::Trust},
    transport::{ControlReceiver, Incoming, Transport, TransportConnection},
};
use tickworld_proto::channel::Channel;
use tokio::{net::UdpSocket, sync::Semaphore, task::JoinSet, time::timeout};

/// Last byte of the address that the attack comes from.
const HOSTILE: u8 = 66;
/// Connections that it asks for at once, again and again.
const DIALS: usize = 2_000;
/// Honest clients that come meanwhile, one after the other.
const HONEST: u32 = 8;
/// Until one that was refused asks again.
const AGAIN: Duration = Duration::from_secs(1);
/// A flood takes a machine's time, and what these tests ask is not how much.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What a hostile connection does once it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// Says nothing, and stays.
    KeepSilent,
    /// Says something that is no message of any region's, and stays.
    SayHello,
}

/// Few places, so that a flood is one at once.
fn small(settings: &mut ListenerSettings) {
    settings.handshakes_max = 32;
    settings.hellos_max = 128;
    settings.sessions_max = 256;
    settings.sessions_per_address_max = 200;
    settings.hello_timeout = Duration::from_secs(2);
}

fn endpoint(host: &Host, last: u8) -> Endpoint {
    host.endpoint_with(|settings| {
        settings.local = Some(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)));
        if last == HOSTILE {
            // It never gives up.
            settings.handshake_timeout = LONG;
        }
    })
}

/// A flood that goes on until it is dropped.
struct Flood {
    _tasks: JoinSet<()>,
    held: Arc<AtomicUsize>,
}

impl Flood {
    fn begin(host: &Host, act: Act) -> Self {
        let (endpoint, held) = (endpoint(host, HOSTILE), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..DIALS {
            let dialing = dial_for_ever(endpoint.clone(), host.address, act, Arc::clone(&held));
            tasks.spawn_on(dialing, host.runtime.handle());
        }
        Self { _tasks: tasks, held }
    }
}

async fn dial_for_ever(endpoint: Endpoint, address: SocketAddr, act: Act, held: Arc<AtomicUsize>) {
    loop {
        if let Ok(connection) = endpoint.dial(address, NAME).await {
            held.fetch_add(1, Relaxed);
            if act == Act::SayHello {
                connection.send(control("x"));
            }
            while !matches!(connection.next().await, None | Some(ClientConnectionEvent::Disconnected { .. })) {}
            held.fetch_sub(1, Relaxed);
        }
        let _ = timeout(AGAIN, std::future::pending::<()>()).await;
    }
}

/// Somebody else comes in at the first attempt, says something and is heard.
fn honest_client_is_heard(host: &mut Host, endpoint: &Endpoint, number: u32) {
    let start = Instant::now();
    let connection = host.run(endpoint.dial(host.address, NAME));
    let connection = connection.unwrap_or_else(|error| panic!("client {number} after {:?}: {error}", start.elapsed()));
    let hello = format!("honest {number}");
    connection.send(control(&hello));
    loop {
        match host.event() {
            Event::Message { channel: Channel::Control, bytes, .. } if bytes == hello => break,
            _ => assert!(start.elapsed() < LONG, "client {number} is not heard"),
        }
    }
}

#[test]
fn silent_connections_of_one_address_keep_nobody_out() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut host = Host::with(small);
    let honest = endpoint(&host, 1);
    let flood = Flood::begin(&host, Act::KeepSilent);
    let start = Instant::now();
    // Until it holds all that it gets.
    while flood.held.load(Relaxed) < 60 || host.listener().traffic().refused < DIALS as u64 / 2 {
        assert!(start.elapsed() < LONG, "no flood: {:?}", host.listener().traffic());
        std::thread::yield_now();
    }
    for number in 0..HONEST {
        honest_client_is_heard(&mut host, &honest, number);
        // Half of all places, and the honest one's.
        let occupancy = host.listener().occupancy();
        assert!(occupancy.unheard <= 64 + 1 && occupancy.handshakes <= 16 + 1, "{occupancy:?}");
        assert!(occupancy.addresses <= 2, "{occupancy:?}");
    }
    assert_eq!(host.listener().traffic().refused, host.listener().traffic().refused_by_address);
}

/// The planted fault: a listener that keeps a place among the handshakes until the first message, and counts nobody's address.
async fn listen_without_a_gate(quic: Quic, places: usize) {
    let (places, mut sessions) = (Arc::new(Semaphore::new(places)), JoinSet::new());
    loop {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let incoming = quic.accept().await.unwrap();
        sessions.spawn(async move {
            let Ok(connection) = incoming.accept().await else { return };
            let hello = async { connection.accept_control().await?.1.receive().await };
            let _ = timeout(LONG, hello).await;
            drop(place);
        });
    }
}

#[test]
fn a_listener_without_a_gate_is_caught_by_the_same_flood() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut host = Host::with(small);
    let identity = Identity::generate(&[NAME]).unwrap();
    host.trust = Trust::Pinned(identity.fingerprint());
    let settings = QuicHostSettings { address: loopback(), identity, alpn: ALPN.to_vec(), idle_timeout: LONG };
    let quic = Quic::host(host.runtime.handle(), settings).unwrap();
    host.address = quic.local_address();
    let listening = host.runtime.spawn(listen_without_a_gate(quic, 32));
    let honest = host.endpoint_with(|settings| {
        settings.local = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        settings.handshake_timeout = Duration::from_secs(3);
    });
    assert!(host.run(honest.dial(host.address, NAME)).is_ok(), "before the flood");
    let flood = Flood::begin(&host, Act::KeepSilent);
    let start = Instant::now();
    while flood.held.load(Relaxed) < 31 {
        assert!(start.elapsed() < LONG, "no flood: {} held", flood.held.load(Relaxed));
        std::thread::yield_now();
    }
    let kept_out = host.run(honest.dial(host.address, NAME));
    assert_eq!(kept_out.err(), Some(DialError::NoAnswer));
    listening.abort();
}

#[test]
fn sessions_of_one_address_keep_nobody_out() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut host = Host::with(|settings| {
        small(settings);
        settings.sessions_per_address_max = 100;
    });
    let honest = endpoint(&host, 1);
    let flood = Flood::begin(&host, Act::SayHello);
    let start = Instant::now();
    while host.listener().sessions() < 100 {
        assert!(start.elapsed() < LONG, "no flood: {} held", flood.held.load(Relaxed));
        host.events.as_mut().unwrap().wait(Instant::now()).for_each(drop);
    }
    for number in 0..HONEST {
        assert!(host.listener().occupancy().connections <= 100 + 1 + number as usize);
        honest_client_is_heard(&mut host, &honest, number);
    }
}

/// Lets packets through to a host and none back: whoever is behind it cannot prove their address.
async fn one_way(relay: UdpSocket, host: SocketAddr) {
    let mut packet = [0; 2_048];
    loop {
        let Ok((length, from)) = relay.recv_from(&mut packet).await else { continue };
        if from != host {
            let _ = relay.send_to(&packet[..length], host).await;
        }
    }
}

/// Handshakes that never go on: all that a host sees of them has an address that is not theirs.
#[test]
fn forged_packets_keep_nobody_out_not_even_the_owner_of_the_address() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut host = Host::with(small);
    let forged = SocketAddr::from((Ipv4Addr::new(127, 0, 0, HOSTILE), 0));
    let relay = host.run(UdpSocket::bind(forged)).unwrap();
    let behind = relay.local_addr().unwrap();
    let relaying = host.runtime.spawn(one_way(relay, host.address));
    let forger = endpoint(&host, 67);
    let mut forging = JoinSet::new();
    for _ in 0..DIALS {
        let forger = forger.clone();
        let dialing = async move { assert!(forger.dial(behind, NAME).await.is_err()) };
        forging.spawn_on(dialing, host.runtime.handle());
    }
    let start = Instant::now();
    while host.listener().occupancy().handshakes < 8 {
        assert!(start.elapsed() < LONG, "no flood: {:?}", host.listener().occupancy());
        std::thread::yield_now();
    }
    let (owner, other) = (endpoint(&host, HOSTILE), endpoint(&host, 1));
    for number in 0..HONEST {
        honest_client_is_heard(&mut host, if number % 2 == 0 { &owner } else { &other }, number);
        // A third of the places, of which its share is half: 11 of 32, and the honest one's.
        assert!(host.listener().occupancy().handshakes <= 11 + 1, "{:?}", host.listener().occupancy());
    }
    assert_eq!(host.listener().traffic().refused, 0, "a forger is not even answered");
    relaying.abort();
}

/// Half a first message is silence too, and so is one that comes a byte at a time.
#[test]
fn slow_first_messages_of_one_address_keep_nobody_out() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut host = Host::with(small);
    let honest = endpoint(&host, 1);
    let slow = host.raw_endpoint(quinn::TransportConfig::default());
    let entered = host.runtime.enter();
    slow.rebind(std::net::UdpSocket::bind((Ipv4Addr::new(127, 0, 0, HOSTILE), 0)).unwrap()).unwrap();
    drop(entered);
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut dripping = JoinSet::new();
    for _ in 0..DIALS / 10 {
        let (slow, address, stop, count) = (slow.clone(), host.address, Arc::clone(&stop), Arc::clone(&count));
        let drip = async move {
            while !stop.load(Relaxed) {
                let Ok(connecting) = slow.connect(address, NAME) else { return };
                if let Ok(connection) = connecting.await
                    && let Ok((mut sending, _receiving)) = connection.open_bi().await
                {
                    count.fetch_add(1, Relaxed);
                    // A length, and then never as many bytes.
                    let mut chunk = Bytes::from_static(&[0xff, 0, 0, 0]);
                    while sending.write_chunk(chunk).await.is_ok() && !stop.load(Relaxed) {
                        chunk = Bytes::from_static(b"x");
                        let _ = timeout(Duration::from_millis(100), connection.closed()).await;
                    }
                }
                tokio::task::yield_now().await;
            }
        };
        dripping.spawn_on(drip, host.runtime.handle());
    }
    let start = Instant::now();
    while host.listener().traffic().refused == 0 || count.load(Relaxed) < 60 {
        assert!(start.elapsed() < LONG, "no flood: {:?}", host.listener().traffic());
        std::thread::yield_now();
    }
    for number in 0..HONEST {
        honest_client_is_heard(&mut host, &honest, number);
    }
    stop.store(true, Relaxed);
}
