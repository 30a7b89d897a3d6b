//! Messages arrive whole on every channel, both ways.

use crate::support::{Host, control, datagram, next_message, transmit};
use bytes::Bytes;
use tickworld_net::{client_connection::ClientConnectionEvent, listener::Event};
use tickworld_proto::{
    channel::{Channel, Transmit},
    limits::{CONTROL_BYTES_MAX, DATAGRAM_BYTES_MIN},
};

#[test]
fn each_channel_carries_messages_from_client_to_host() {
    let mut host = Host::new();
    let endpoint = host.endpoint();
    let (connection, session) = host.connect(&endpoint);
    connection.send(datagram("by datagram"));
    assert_eq!(host.message(session), (Channel::Datagram, Bytes::from("by datagram")));
    connection.send(control("by control"));
    assert_eq!(host.message(session), (Channel::Control, Bytes::from("by control")));
}

#[test]
fn each_channel_carries_messages_from_host_to_client() {
    let mut host = Host::new();
    let endpoint = host.endpoint();
    let (connection, session) = host.connect(&endpoint);
    for channel in [Channel::Datagram, Channel::Control, Channel::Bulk] {
        host.send(session, transmit(channel, b"so"));
        assert_eq!(host.run(next_message(&connection)), (channel, Bytes::from("so")));
    }
}

#[test]
fn messages_of_every_length_up_to_the_cap_arrive() {
    let mut host = Host::new();
    let endpoint = host.endpoint();
    let (connection, session) = host.connect(&endpoint);
    for length in [0, 1, 3, 4, 5, 1_200, 4_096, CONTROL_BYTES_MAX as usize] {
        let bytes: Vec<u8> = (0..length).map(|index| index as u8).collect();
        connection.send(transmit(Channel::Control, &bytes));
        assert_eq!(host.message(session), (Channel::Control, bytes.clone().into()), "{length} bytes to the host");
        for channel in [Channel::Control, Channel::Bulk] {
            host.send(session, transmit(channel, &bytes));
            assert_eq!(
                host.run(next_message(&connection)),
                (channel, bytes.clone().into()),
                "{length} bytes by {channel:?}"
            );
        }
    }
    let bytes = vec![7; usize::from(DATAGRAM_BYTES_MIN)];
    connection.send(transmit(Channel::Datagram, &bytes));
    assert_eq!(host.message(session), (Channel::Datagram, bytes.into()));
}

#[test]
fn a_long_bulk_message_does_not_hold_up_the_other_channels() {
    let mut host = Host::new();
    let endpoint = host.endpoint();
    let (connection, session) = host.connect(&endpoint);
    let long = Bytes::from(vec![1; 8 * 1024 * 1024]);
    host.outbox
        .send([(session, Transmit { channel: Channel::Bulk, bytes: long.clone() }), (session, control("quick"))]);
    // The window is far smaller than the message, so it cannot have arrived whole before what was sent after it.
    assert_eq!(host.run(next_message(&connection)), (Channel::Control, Bytes::from("quick")));
    assert_eq!(host.run(next_message(&connection)), (Channel::Bulk, long));
}

#[test]
fn control_messages_keep_their_order() {
    let mut host = Host::new();
    let endpoint = host.endpoint();
    let (connection, session) = host.connect(&endpoint);
    for number in 0..1_000_u32 {
        connection.send(transmit(Channel::Control, &number.to_le_bytes()));
    }
    host.outbox.send((0..1_000_u32).map(|number| (session, transmit(Channel::Control, &number.to_le_bytes()))));
    for number in 0..1_000_u32 {
        let expected = (Channel::Control, Bytes::copy_from_slice(&number.to_le_bytes()));
        assert_eq!(host.message(session), expected);
        assert_eq!(host.run(next_message(&connection)), expected);
    }
}

#[test]
fn both_sides_learn_what_the_path_carries() {
    let mut host = Host::new();
    let endpoint = host.endpoint();
    let (connection, session) = host.connect(&endpoint);
    // The loopback carries more than QUIC's first guess. It finds that out as packets go, before a session begins or after.
    let mut host_knows = host.datagram_bytes_max;
    for _round in 0..ROUNDS_MAX {
        if host_knows > 1_300 && connection.datagram_bytes_max() > 1_300 {
            return;
        }
        connection.send(control("?"));
        host.outbox.send((0..64).map(|_| (session, datagram("more"))));
        for _ in 0..64 {
            connection.send(datagram("more"));
        }
        loop {
            match host.event() {
                Event::DatagramSize { session: of, datagram_bytes_max } if of == session => {
                    host_knows = datagram_bytes_max;
                }
                Event::Message { channel: Channel::Control, .. } => break,
                _ => {}
            }
        }
        host.send(session, control("!"));
        loop {
            match host.run(connection.next()).unwrap() {
                ClientConnectionEvent::DatagramSize { datagram_bytes_max } => {
                    assert_eq!(datagram_bytes_max, connection.datagram_bytes_max());
                }
                ClientConnectionEvent::Message { channel: Channel::Control, .. } => break,
                _ => {}
            }
        }
    }
    panic!(
        "after {ROUNDS_MAX} rounds the host knows of {host_knows} bytes, the connection of {}",
        connection.datagram_bytes_max()
    );
}

/// Far more than it takes.
const ROUNDS_MAX: u32 = 2_000;

#[test]
fn what_passes_is_counted() {
    let mut host = Host::new();
    let endpoint = host.endpoint();
    let (connection, session) = host.connect(&endpoint);
    host.send(session, datagram("12345"));
    host.run(next_message(&connection));
    let traffic = host.listener().traffic();
    assert_eq!((traffic.received, traffic.received_bytes), (1, 5));
    assert_eq!((traffic.sent, traffic.sent_bytes), (1, 5));
    assert_eq!(endpoint.traffic().received_bytes, 5);
    // Longer than any datagram may be.
    host.send(session, transmit(Channel::Datagram, &[0; 3_000]));
    host.send(session, control("after it"));
    host.run(next_message(&connection));
    assert_eq!(host.listener().traffic().datagrams_dropped, 1);
}
