//! Who may connect, what a slow reader costs, and how everything ends.

use std::time::{Duration, Instant};

use crate::support::{Host, NAME, await_no_tasks, control, datagram, ending, next_message, transmit};
use bytes::Bytes;
use tickworld_net::{
    close::{Backlog, Close, CloseCode, Disconnect},
    endpoint::DialError,
    listener::Event,
    tls::{fingerprint::Fingerprint, trust::Trust},
};
use tickworld_proto::channel::Channel;

#[test]
fn a_server_with_another_certificate_is_not_trusted() {
    let host = Host::new();
    let endpoint = host.endpoint_with(|settings| settings.trust = Trust::Pinned(Fingerprint([7; 32])));
    let refused = host.run(endpoint.dial(host.address, NAME)).err().unwrap();
    assert!(matches!(refused, DialError::Untrusted(_)), "{refused}");
}

#[test]
fn a_client_of_another_protocol_is_refused() {
    let host = Host::new();
    let mut client = host.raw_endpoint(quinn::TransportConfig::default());
    client.set_default_client_config(host.raw_config(quinn::TransportConfig::default(), b"other/9"));
    let refused = host.run(async { client.connect(host.address, NAME).unwrap().await }).err().unwrap();
    // TLS alert 120, no_application_protocol (RFC 7301, section 3.2).
    assert!(refused.to_string().contains("120"), "{refused}");
}

#[test]
fn a_slow_reader_ends_alone() {
    let mut host = Host::new();
    let endpoint = host.endpoint();
    let (slow, slow_session) = host.connect(&endpoint);
    let (good, good_session) = host.connect(&endpoint);
    // Never read by `slow`: far more than its queue and windows hold.
    let answer = vec![1; 60_000];
    for _ in 0..200 {
        host.outbox.send([(slow_session, transmit(Channel::Control, &answer)), (good_session, control("flows"))]);
        assert_eq!(host.run(next_message(&good)), (Channel::Control, Bytes::from("flows")));
    }
    let why = host.disconnected(slow_session);
    assert!(matches!(why, Disconnect::TooSlow(Backlog::Queue { .. })), "{why}");
    good.send(datagram("still here"));
    assert_eq!(host.message(good_session), (Channel::Datagram, Bytes::from("still here")));
    drop(slow);
}

#[test]
fn bulk_messages_to_a_slow_reader_are_dropped_and_counted() {
    let mut host = Host::new();
    let endpoint = host.endpoint();
    let (slow, session) = host.connect(&endpoint);
    let frame = vec![1; 1024 * 1024];
    while host.listener().traffic().bulk_dropped == 0 {
        host.send(session, transmit(Channel::Bulk, &frame));
    }
    slow.send(control("here"));
    assert_eq!(host.message(session), (Channel::Control, Bytes::from("here")));
}

#[test]
fn the_last_words_arrive_before_the_close() {
    let mut host = Host::new();
    let endpoint = host.endpoint();
    let (connection, session) = host.connect(&endpoint);
    host.send(session, control("goodbye"));
    host.outbox.close(session, Close { code: CloseCode::Done, detail: "over".into() });
    assert_eq!(host.run(next_message(&connection)), (Channel::Control, Bytes::from("goodbye")));
    let why = host.run(ending(&connection));
    assert!(why.to_string().contains("over"), "{why}");
    assert_eq!(host.disconnected(session), Disconnect::Closed);
}

#[test]
fn a_shutdown_tells_everybody_and_leaves_no_task() {
    let mut host = Host::new();
    let endpoint = host.endpoint();
    let connections: Vec<_> = (0..20).map(|_| host.connect(&endpoint).0).collect();
    let listener = host.listener.take().unwrap();
    let start = Instant::now();
    host.run(listener.shutdown(Duration::from_secs(30)));
    assert!(start.elapsed() < Duration::from_secs(30));
    for connection in &connections {
        let why = host.run(ending(connection));
        assert!(why.to_string().contains("shuts down"), "{why}");
    }
    drop(connections);
    host.run(endpoint.shutdown());
    let Host { runtime, events, outbox, .. } = host;
    drop((events, outbox));
    await_no_tasks(&runtime);
}

#[test]
fn a_thousand_sessions_each_get_their_own() {
    let mut host = Host::with(|settings| settings.handshakes_max = 2_000);
    let endpoint = host.endpoint();
    let connections: Vec<_> = (0..1_000).map(|_| host.connect(&endpoint)).collect();
    host.outbox.send(connections.iter().map(|(_, session)| (*session, control(&session.0.to_string()))));
    for (connection, session) in &connections {
        assert_eq!(host.run(next_message(connection)), (Channel::Control, Bytes::from(session.0.to_string())));
        connection.send(datagram("x"));
    }
    let mut count = 0;
    while count < connections.len() {
        count += usize::from(matches!(host.event(), Event::Message { channel: Channel::Datagram, .. }));
    }
}
