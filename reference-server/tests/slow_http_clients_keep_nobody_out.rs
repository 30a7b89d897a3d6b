//! Clients that take their time on the HTTP port: probes are answered all the same, and the port ends when it is told to.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use tickworld_server::http::port::{CONNECTIONS_MAX, HttpPort};
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};

/// Only a failing run waits so long.
const LONG: Duration = Duration::from_secs(60);
/// For requests that are under way when the port ends.
const GRACE: Duration = Duration::from_millis(300);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

fn routes() -> Router {
    Router::new().route("/healthz", get(|| async { "alive\n" }))
}

fn port(runtime: &Runtime) -> HttpPort {
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        HttpPort::serve(listener, None, routes()).expect("the port has an address")
    })
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the port is open");
    stream.set_read_timeout(Some(LONG)).expect("a limit can be set");
    stream
}

/// A connection whose request is never whole.
fn half(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-a: ").expect("it is open");
    stream
}

/// What a probe is told.
fn probe(address: SocketAddr) -> String {
    let mut stream = connect(address);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it is open");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the answer is whole");
    text
}

/// Whether the other side has ended it.
fn is_ended(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a mode can be set");
    let read = stream.read(&mut [0; 256]);
    stream.set_nonblocking(false).expect("a mode can be set");
    match read {
        Ok(count) => count == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

#[test]
fn probes_are_answered_while_others_hold_more_connections_than_there_are() {
    let runtime = runtime();
    let port = port(&runtime);
    let mut held = Vec::new();
    // A test process has descriptors for both ends of three times as many as the port takes.
    for number in 0..CONNECTIONS_MAX * 3 / 2 {
        held.push(half(port.local_address()));
        if number % 16 == 0 {
            assert!(probe(port.local_address()).ends_with("alive\n"), "the probe after {number} is not answered");
        }
    }
    let open = |held: &[TcpStream]| held.iter().filter(|stream| !is_ended(stream)).count();
    let begun = Instant::now();
    while open(&held) > CONNECTIONS_MAX {
        assert!(begun.elapsed() < LONG, "{} connections are open", open(&held));
        std::thread::yield_now();
    }
    // Those that came last are the ones that stay.
    assert!(is_ended(&held[0]) && !is_ended(held.last().expect("there are some")));
    // Silence counts as waiting too.
    let _silent: Vec<TcpStream> = (0..CONNECTIONS_MAX).map(|_| connect(port.local_address())).collect();
    assert!(probe(port.local_address()).ends_with("alive\n"));
}

/// The planted fault: a port that takes whoever comes, and waits for them.
#[test]
fn a_port_without_a_cap_is_caught() {
    let runtime = runtime();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("it has an address");
    runtime.spawn(async move { axum::serve(listener, routes()).await.expect("the socket works") });
    let held: Vec<TcpStream> = (0..CONNECTIONS_MAX + 16).map(|_| half(address)).collect();
    assert!(probe(address).ends_with("alive\n"));
    assert!(held.iter().filter(|stream| !is_ended(stream)).count() > CONNECTIONS_MAX);
}

#[test]
fn a_connection_that_was_used_is_good_for_another_request() {
    let runtime = runtime();
    let port = port(&runtime);
    let mut stream = connect(port.local_address());
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is open");
        let mut answer = Vec::new();
        while !answer.ends_with(b"alive\n") {
            let mut bytes = [0; 256];
            let count = stream.read(&mut bytes).expect("the answer comes");
            assert!(count > 0, "it was ended after {:?}", String::from_utf8_lossy(&answer));
            answer.extend(&bytes[..count]);
        }
    }
}

/// Whether `end` is over within the grace and what a busy machine adds to it.
fn ends_in_time(runtime: &Runtime, end: impl Future<Output = ()>) -> bool {
    runtime.block_on(async { tokio::time::timeout(GRACE + Duration::from_secs(2), end).await.is_ok() })
}

#[test]
fn the_port_ends_although_a_request_is_half_sent() {
    let runtime = runtime();
    let port = port(&runtime);
    let mut half = half(port.local_address());
    // It was accepted by the time that one who came later is answered.
    assert!(probe(port.local_address()).ends_with("alive\n"));
    assert!(ends_in_time(&runtime, port.shutdown(GRACE)));
    assert_eq!(half.read(&mut [0; 16]).map_err(|error| error.kind()).unwrap_or(0), 0, "it is still served");
}

/// The planted fault: a graceful end without a deadline waits for that client, which the test above would see.
#[test]
fn an_end_without_a_deadline_is_caught() {
    let runtime = runtime();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("it has an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let served = axum::serve(listener, routes()).with_graceful_shutdown(async move { drop(stopped.await) });
    let served = runtime.spawn(async move { served.await.expect("the socket works") });
    let _half = half(address);
    assert!(probe(address).ends_with("alive\n"));
    stop.send(()).expect("it serves");
    assert!(!ends_in_time(&runtime, async { served.await.expect("it does not panic") }));
}
