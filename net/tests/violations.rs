//! A peer that breaks the rules is told so, and its session ends; nothing else does.

mod support;

use bytes::Bytes;
use quinn::{Connection, ConnectionError, TransportConfig, VarInt};
use support::{Host, LONG, control};
use tickworld_net::{
    address::SessionId,
    close::{Disconnect, Violation},
};
use tickworld_proto::{channel::Channel, limits::CONTROL_BYTES_MAX};

/// Lets a bare QUIC client do `act` beside a good one; the host must end its session for `expected`, tell it so, and go on
/// serving the other.
fn check(act: impl AsyncFnOnce(&Connection) -> (), expected: Violation) {
    let mut host = Host::new();
    let dialer = host.dialer();
    let (good, good_session) = host.link(&dialer);
    let bad = host.raw_client(TransportConfig::default());
    host.run(act(&bad));
    let bad_session = next_other(&mut host, good_session);
    assert_eq!(host.disconnected(bad_session), Disconnect::Violation(expected));
    let told = host.run(bad.closed());
    let ConnectionError::ApplicationClosed(close) = told else { panic!("not closed but {told}") };
    let detail = String::from_utf8_lossy(&close.reason).into_owned();
    assert_eq!((close.error_code, detail.contains(&expected.to_string())), (VarInt::from_u32(2), true), "{detail}");
    good.send(control("still here"));
    assert_eq!(host.message(good_session), (Channel::Control, Bytes::from("still here")));
    assert_eq!(host.listener().traffic().violations, 1);
}

fn next_other(host: &mut Host, known: SessionId) -> SessionId {
    let session = host.connected();
    assert_ne!(session, known);
    session
}

#[test]
fn a_length_over_the_cap_is_refused_before_any_of_the_message() {
    for bytes in [CONTROL_BYTES_MAX + 1, u32::MAX] {
        check(
            async |connection| {
                let (mut sending, receiving) = connection.open_bi().await.unwrap();
                sending.write_all(&bytes.to_le_bytes()).await.unwrap();
                // Kept open: neither an end nor a byte of the message follows.
                keep((sending, receiving));
            },
            Violation::ControlTooLong { bytes, bytes_max: CONTROL_BYTES_MAX },
        );
    }
}

#[test]
fn a_control_stream_cut_inside_a_message_is_no_message() {
    for written in [&[5, 0][..], &[5, 0, 0, 0], &[5, 0, 0, 0, 1, 2, 3, 4]] {
        check(
            async |connection| {
                let (mut sending, receiving) = connection.open_bi().await.unwrap();
                sending.write_all(written).await.unwrap();
                sending.finish().unwrap();
                keep((sending, receiving));
            },
            Violation::ControlCut,
        );
    }
}

#[test]
fn a_second_control_stream_ends_the_session() {
    check(
        async |connection| {
            for _ in 0..2 {
                let (mut sending, receiving) = connection.open_bi().await.unwrap();
                sending.write_all(&[1, 0, 0, 0, b'x']).await.unwrap();
                keep((sending, receiving));
            }
        },
        Violation::ExtraStream,
    );
}

#[test]
fn a_bulk_stream_from_a_client_ends_the_session() {
    check(
        async |connection| {
            let (mut sending, receiving) = connection.open_bi().await.unwrap();
            sending.write_all(&[1, 0, 0, 0, b'x']).await.unwrap();
            keep((sending, receiving));
            let mut bulk = connection.open_uni().await.unwrap();
            bulk.write_all(b"pages for you").await.unwrap();
            keep(bulk);
        },
        Violation::ExtraStream,
    );
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
    let dialer = host.dialer();
    host.link(&dialer);
}

#[test]
fn a_client_that_opens_no_control_stream_is_closed_in_time() {
    let host = Host::with(|settings| settings.handshake_timeout = LONG / 120);
    let idle = host.raw_client(TransportConfig::default());
    let told = host.run(idle.closed());
    assert!(told.to_string().contains("no control stream within"), "{told}");
    assert_eq!((host.listener().sessions(), host.listener().traffic().handshakes_failed), (0, 1));
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
