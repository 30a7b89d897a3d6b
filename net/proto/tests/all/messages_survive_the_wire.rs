//! Every message within the limits comes back as it was, and no other bytes do harm.

use bytes::Bytes;
use proptest::prelude::*;
use tickworld_proto::{
    WireError,
    channel::Channel,
    limits,
    message::{Durability, Frame, Hello, Message, Moved, Nonce, RootReport, SessionKind, Way},
};
use tickworld_sim::{
    content::ContentId,
    frame::Tick,
    hash::{Hash, ShortHash},
    region::RegionId,
    schema::SchemaId,
};

const CHANNELS: [Channel; 3] = [Channel::Control, Channel::Datagram, Channel::Bulk];

/// What a message is sent by if it is too long for anything else.
fn carrier(message: &Message) -> Channel {
    match message {
        Message::Manifest(_) | Message::Pages(_) | Message::Frame(_) => Channel::Bulk,
        _ => Channel::Control,
    }
}

fn hello(protocol: u16) -> Message {
    Message::Hello(Hello {
        protocol,
        build: "client 1.2".into(),
        game: "ledger".into(),
        schema: SchemaId(Hash([1; 32])),
        revision: 3,
        content: ContentId(Hash([2; 32])),
        kind: SessionKind::Command,
        durability: Durability::Disk,
        token: vec![7; 300],
        world: None,
        region: RegionId(0),
        hops: 0,
        nonce: Nonce([9; 16]),
        ticket: None,
    })
}

proptest! {
    #[test]
    fn a_message_comes_back_as_it_was(message in crate::messages::message()) {
        let bytes = message.encode();
        prop_assert_eq!(Message::decode(carrier(&message), &bytes), Ok(message));
    }

    #[test]
    fn damage_never_panics_and_what_passes_is_within_the_limits(
        message in crate::messages::message(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = message.encode().to_vec();
        for (place, flip) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
        }
        let cut = end.index(bytes.len());
        for bytes in [&bytes[..], &bytes[..cut]] {
            for channel in CHANNELS {
                if let Ok(message) = Message::decode(channel, bytes) {
                    // `encode` asserts every cap.
                    prop_assert_eq!(Message::decode(carrier(&message), &message.encode()), Ok(message));
                }
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for channel in CHANNELS {
            prop_assert!(Message::decode(channel, &bytes).is_err());
        }
    }
}

#[test]
fn every_byte_of_a_hello_may_be_damaged() {
    let good = hello(limits::PROTOCOL_VERSION).encode();
    let mut noticed = 0;
    for place in 0..good.len() {
        for value in [0, 1, 2, 0x7f, 0x80, 0xff, good[place].wrapping_add(1)] {
            let mut bytes = good.to_vec();
            bytes[place] = value;
            noticed += u32::from(Message::decode(Channel::Control, &bytes).is_err());
        }
    }
    assert!(noticed > 100, "only {noticed} damages were noticed: is anything verified?");
    assert!((0..good.len()).all(|end| Message::decode(Channel::Control, &good[..end]).is_err()));
}

#[test]
fn another_versions_hello_is_refused_by_its_version() {
    let error = Message::decode(Channel::Control, &hello(1).encode()).unwrap_err();
    assert_eq!(error, WireError::Protocol { found: 1 });
    assert_eq!(error.to_string(), "the peer speaks protocol version 1, this build speaks version 2");
}

/// A version whose `Hello` has nothing but the number: what this version requires is missing there.
#[test]
fn a_hello_that_this_version_cannot_read_still_tells_its_version() {
    let mut builder = flatbuffers::FlatBufferBuilder::new();
    let table = builder.start_table();
    builder.push_slot_always(4, 9_u16);
    let hello = builder.end_table(table);
    let table = builder.start_table();
    builder.push_slot_always(4, 1_u8);
    builder.push_slot_always(6, hello);
    let envelope = builder.end_table(table);
    builder.finish(envelope, Some("TKWP"));
    let found = Message::decode(Channel::Control, builder.finished_data());
    assert_eq!(found, Err(WireError::Protocol { found: 9 }));
}

#[test]
fn what_is_over_a_cap_is_refused_by_name() {
    #[track_caller]
    fn check(channel: Channel, bytes: &[u8], expect: &str) {
        let error = Message::decode(channel, bytes).expect_err("over a cap").to_string();
        assert!(error.starts_with(expect), "{error}");
    }
    let long = vec![0; limits::CONTROL_BYTES_MAX as usize + 1];
    check(Channel::Control, &long, "a message of 65537 bytes, at most 65536");
    check(Channel::Datagram, &long, "a message of 65537 bytes, at most 1452");
    check(Channel::Datagram, &hello(limits::PROTOCOL_VERSION).encode(), "`hello` does not travel on this channel");
    check(Channel::Bulk, &hello(limits::PROTOCOL_VERSION).encode(), "`hello` does not travel on this channel");
    check(Channel::Control, b"", "malformed message: not a message of this protocol");

    // The token's length, where it stands: what follows is still within the message.
    let mut bytes = hello(limits::PROTOCOL_VERSION).encode().to_vec();
    let at = bytes.windows(8).position(|window| window == [0x2c, 1, 0, 0, 7, 7, 7, 7]).expect("300, then the token");
    bytes[at..at + 4].copy_from_slice(&5000_u32.to_le_bytes());
    bytes.extend_from_slice(&[7; 5000]);
    check(Channel::Control, &bytes, "`hello.token` has 5000 entries or bytes, at most 4096 are allowed");
}

#[test]
fn a_move_names_no_more_ways_than_its_cap() {
    let transports = vec!["quic".to_owned(); usize::from(limits::MOVED_WAYS_MAX)];
    let moved = Moved {
        region: RegionId(2),
        hops: 5,
        way: Way { address: "b.example:4433".into(), transports, certificate_hashes: Vec::new() },
    };
    let bytes = Message::Moved(moved.clone()).encode();
    assert_eq!(Message::decode(Channel::Control, &bytes), Ok(Message::Moved(moved.clone())));
    let way = Way { transports: vec!["quic".to_owned(); 9], ..moved.way.clone() };
    let more = Moved { way, ..moved };
    assert!(std::panic::catch_unwind(|| Message::Moved(more).encode()).is_err(), "a writer keeps to it");
    assert!(Message::decode(Channel::Datagram, &bytes).is_err() && Message::decode(Channel::Bulk, &bytes).is_err());
}

#[test]
#[should_panic(expected = "a message with 4097 of what may be 4096")]
fn a_writer_keeps_to_the_caps() {
    let Message::Hello(mut hello) = hello(limits::PROTOCOL_VERSION) else { unreachable!() };
    hello.token = vec![0; 4097];
    _ = Message::Hello(hello).encode();
}

/// Everybody gets every frame, every tick: what stands around it is paid for by all.
#[test]
fn an_envelope_is_small() {
    let proof = Some(RootReport { tick: Tick(99), root: ShortHash([3; 8]) });
    let frame = Bytes::from(vec![5; 1000]);
    let bytes = Message::Frame(Frame { durability: Durability::Disk, pace_percent: 150, proof, frame }).encode();
    assert!(bytes.len() - 1000 < 80, "{} bytes around a frame", bytes.len() - 1000);
    println!("{} bytes around a frame", bytes.len() - 1000);
}
