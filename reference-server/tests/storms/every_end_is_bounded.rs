//! A server that is told to end does so, whoever holds something of it; told twice, it ends at once.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Instant,
};

use crate::{
    harness::{LONG, page},
    launch,
};

/// A client that has sent half a request, and holds the connection.
fn half_a_request(http: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(http).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-a: ").unwrap();
    stream
}

#[test]
fn half_a_request_does_not_keep_the_server_from_ending() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = launch(folder.path()).start_ready();
    let mut half = half_a_request(ready.http);
    // Accepted by now.
    assert_eq!(page(ready.http, "/healthz").0, 200);
    let begun = Instant::now();
    let exit = server.stop();
    assert_eq!(exit.code, Some(0), "{}", exit.error);
    assert!(begun.elapsed() < LONG / 2, "it took {:?}", begun.elapsed());
    assert_eq!(half.read(&mut [0; 16]).unwrap_or(0), 0);
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, ready) = launch(folder.path()).start_ready();
    // Keeps the end in good order waiting for some seconds.
    let _half = half_a_request(ready.http);
    assert_eq!(page(ready.http, "/healthz").0, 200);
    server.terminate();
    server.await_message("ending: saying goodbye and storing a snapshot");
    server.terminate();
    let exit = server.exit();
    assert_eq!(exit.code, Some(1), "{}", exit.error);
    assert!(exit.error.contains("told to end a second time"), "{}", exit.error);
    // What was stored is there.
    let (server, _) = launch(folder.path()).start_ready();
    assert_eq!(server.stop().code, Some(0));
}
