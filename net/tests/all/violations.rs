//! A peer that breaks the rules is told so, and its session ends; nothing else does.

use crate::support::{Host, LONG, control};
use bytes::Bytes;
use quinn::{Connection, ConnectionError, SendStream, TransportConfig, VarInt};
use tickworld_net::close::{Disconnect, Violation};
use tickworld_proto::{channel::Channel, limits::CONTROL_BYTES_MAX};

/// A length over the cap; the control stream stays open, and neither an end nor a byte of the message follows.
const TOO_LONG: [u32; 2] = [CONTROL_BYTES_MAX + 1, u32::MAX];
/// Messages that end before they are whole.
const CUT: [&[u8]; 3] = [&[5, 0], &[5, 0, 0, 0], &[5, 0, 0, 0, 1, 2, 3, 4]];

/// Lets a bare QUIC client that has a session do `act` beside a good one; the host must end its session for `expected`, tell it
/// so, and go on serving the other.
fn check(act: impl AsyncFnOnce(&Connection, &mut SendStream), expected: Violation) {
    let mut host = Host::new();
    let bad = host.raw_client(TransportConfig::default());
    let mut sending = host.run(say_hello(&bad));
    let session = host.connected();
    assert_eq!(host.message(session), (Channel::Control, Bytes::from("x")));
    beside_a_good_one(host, &bad, expected, |host| {
        host.run(act(&bad, &mut sending));
        assert_eq!(host.disconnected(session), Disconnect::Violation(expected));
        keep(sending);
    });
}

/// Lets one do `act` first of all: it is told the same, and no region ever hears of it.
fn check_at_once(act: impl AsyncFnOnce(&Connection), expected: Violation) {
    let host = Host::new();
    let bad = host.raw_client(TransportConfig::default());
    beside_a_good_one(host, &bad, expected, |host| host.run(act(&bad)));
}

fn beside_a_good_one(mut host: Host, bad: &Connection, expected: Violation, happens: impl FnOnce(&mut Host)) {
    let endpoint = host.endpoint();
    let (good, good_session) = host.connect(&endpoint);
    happens(&mut host);
    let told = host.run(bad.closed());
    let ConnectionError::ApplicationClosed(close) = told else { panic!("not closed but {told}") };
    let detail = String::from_utf8_lossy(&close.reason).into_owned();
    assert_eq!((close.error_code, detail.contains(&expected.to_string())), (VarInt::from_u32(2), true), "{detail}");
    good.send(control("still here"));
    assert_eq!(host.message(good_session), (Channel::Control, Bytes::from("still here")));
    assert_eq!(host.listener().traffic().violations, 1);
}

/// Sends a first message and keeps the stream it went by.
async fn say_hello(connection: &Connection) -> SendStream {
    let (mut sending, receiving) = connection.open_bi().await.expect("a client may open its control stream");
    sending.write_all(&[1, 0, 0, 0, b'x']).await.expect("the host reads");
    keep(receiving);
    sending
}

#[test]
fn a_length_over_the_cap_is_refused_before_any_of_the_message() {
    for bytes in TOO_LONG {
        let expected = Violation::ControlTooLong { bytes, bytes_max: CONTROL_BYTES_MAX };
        check(async |_, sending| sending.write_all(&bytes.to_le_bytes()).await.unwrap(), expected);
        let at_once = async |connection: &Connection| {
            let (mut sending, receiving) = connection.open_bi().await.unwrap();
            sending.write_all(&bytes.to_le_bytes()).await.unwrap();
            keep((sending, receiving));
        };
        check_at_once(at_once, expected);
    }
}

#[test]
fn a_control_stream_cut_inside_a_message_is_no_message() {
    for written in CUT {
        let act = async |_: &Connection, sending: &mut SendStream| {
            sending.write_all(written).await.unwrap();
            sending.finish().unwrap();
        };
        check(act, Violation::ControlCut);
        let at_once = async |connection: &Connection| {
            let (mut sending, receiving) = connection.open_bi().await.unwrap();
            sending.write_all(written).await.unwrap();
            sending.finish().unwrap();
            keep((sending, receiving));
        };
        check_at_once(at_once, Violation::ControlCut);
    }
}

#[test]
fn a_second_control_stream_ends_the_session() {
    check(async |connection, _| keep(say_hello(connection).await), Violation::ExtraStream);
}

#[test]
fn a_bulk_stream_from_a_client_ends_the_session() {
    let act = async |connection: &Connection, _: &mut SendStream| {
        let mut bulk = connection.open_uni().await.unwrap();
        bulk.write_all(b"pages for you").await.unwrap();
        keep(bulk);
    };
    check(act, Violation::ExtraStream);
}

#[test]
fn a_client_without_datagrams_gets_no_session() {
    let mut host = Host::new();
    let mut transport = TransportConfig::default();
    transport.datagram_receive_buffer_size(None);
    let bad = host.raw_client(transport);
    host.run(async {
        let (mut sending, receiving) = bad.open_bi().await.unwrap();
        sending.write_all(&[1, 0, 0, 0, b'x']).await.unwrap();
        keep((sending, receiving));
        let told = bad.closed().await;
        assert!(told.to_string().contains("no room for datagrams"), "{told}");
    });
    // It was never a session: the first event is of the next one.
    let endpoint = host.endpoint();
    host.connect(&endpoint);
}

#[test]
fn a_client_that_says_nothing_is_closed_in_time() {
    // No stream, a stream without a byte that the host could see, half a length, half a message.
    for bytes in [None, Some(&[][..]), Some(&[1, 0]), Some(&[9, 0, 0, 0, b'x'])] {
        let host = Host::with(|settings| settings.hello_timeout = LONG / 240);
        let silent = host.raw_client(TransportConfig::default());
        host.run(async {
            if let Some(bytes) = bytes {
                let (mut sending, receiving) = silent.open_bi().await.unwrap();
                sending.write_all(bytes).await.unwrap();
                keep((sending, receiving));
            }
        });
        let told = host.run(silent.closed());
        assert!(told.to_string().contains("no first control message within"), "{bytes:?}: {told}");
        assert_eq!((host.listener().sessions(), host.listener().traffic().handshakes_failed), (0, 1));
    }
}

#[test]
fn a_client_that_ends_its_messages_and_stays_is_closed_in_time() {
    let mut host = Host::new();
    let idle = host.raw_client(TransportConfig::default());
    host.run(async {
        let (mut sending, receiving) = idle.open_bi().await.unwrap();
        sending.write_all(&[1, 0, 0, 0, b'x']).await.unwrap();
        sending.finish().unwrap();
        keep((sending, receiving));
    });
    let session = host.connected();
    assert_eq!(host.disconnected(session), Disconnect::HalfClosed);
}

/// A dropped stream would be finished or stopped.
fn keep<T>(streams: T) {
    std::mem::forget(streams);
}
