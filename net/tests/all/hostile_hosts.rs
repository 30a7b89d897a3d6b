//! A host that lies to a client over a real connection: the client names each lie, believes none, keeps no more than its
//! limits allow, and leaves a host that does not stop.

use std::sync::Arc;

use crate::support::{Host, NAME, control, transmit};
use bytes::Bytes;
use tickworld_ledger::Ledger;
use tickworld_net::{
    address::SessionId,
    close::Disconnect,
    connection::{Connection, ConnectionEvent, ConnectionEvents, ConnectionSettings, Terminated, connect},
    listener::Event,
};
use tickworld_proto::{
    channel::Channel,
    client::{Client, ClientEvent, ClientSettings, Fault, PageFault},
    instant::Instant,
    limits::{CLIENT_FAULTS_MAX, MANIFEST_BYTES_MAX, PAGE_BYTES_MAX},
    message::{Durability, Frame, ManifestOffer, Message, Nonce, Page, Pong, Reason, SessionKind, Ticket, Welcome},
};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{PlayerId, Sequence, Tick},
    game::Game as _,
    region::RegionId,
    rollback::PredictNothing,
    snapshot::Manifest,
    world::schema,
};

/// A client of a host that says what the test wants.
struct Victim {
    host: Host,
    session: SessionId,
    _connection: Connection<Ledger, PredictNothing>,
    events: ConnectionEvents,
}

impl Victim {
    /// Welcomed as a lockstep client.
    fn new() -> Self {
        let mut host = Host::new();
        let settings = ClientSettings::new(SessionKind::Lockstep, ContentId::NONE, b"7".to_vec(), Nonce([7; 16]));
        let library = Library::of(ContentId::NONE, ());
        let client = Client::<Ledger, _>::new(Instant(0), settings, PredictNothing, library);
        let settings = ConnectionSettings::new(host.address, NAME);
        let (connection, events, driver) = connect(host.endpoint(), client, Arc::new(Inline), settings);
        host.runtime.spawn(driver.run());
        let session = host.connected();
        let mut victim = Self { host, session, _connection: connection, events };
        assert!(matches!(victim.heard(), Message::Hello(_)));
        victim.say(Channel::Control, &Message::Welcome(welcome()));
        victim
    }

    fn say(&self, channel: Channel, message: &Message) {
        self.host.send(self.session, transmit(channel, &message.encode()));
    }

    /// The next message from the client, but for pings.
    fn heard(&mut self) -> Message {
        loop {
            let (channel, bytes) = self.host.message(self.session);
            match Message::decode(channel, &bytes).expect("clients speak the protocol") {
                Message::Ping(_) => {}
                other => return other,
            }
        }
    }

    /// The next fault that the client names.
    fn fault(&mut self) -> Fault {
        let events = &mut self.events;
        self.host.runtime.block_on(async {
            loop {
                let next = tokio::time::timeout(crate::support::LONG, events.next()).await.expect("no fault is named");
                match next.expect("the client is there") {
                    ConnectionEvent::Client(ClientEvent::Fault(fault)) => return fault,
                    ConnectionEvent::Ended(end) => panic!("ended before it named a fault: {end}"),
                    _ => {}
                }
            }
        })
    }

    /// How the client ends it.
    fn end(mut self) -> Terminated {
        let Self { host, events, .. } = &mut self;
        host.runtime.block_on(async {
            loop {
                match tokio::time::timeout(crate::support::LONG, events.next()).await.expect("it does not end") {
                    Some(ConnectionEvent::Ended(end)) => return end,
                    Some(_) => {}
                    None => panic!("a connection says why it ended"),
                }
            }
        })
    }
}

fn welcome() -> Welcome {
    Welcome {
        player: Some(PlayerId(7)),
        next_sequence: Sequence(1),
        tick_rate: 30,
        tick: Tick(0),
        schema: schema::<Ledger>().id(),
        revision: Ledger::REVISION,
        content: ContentId::NONE,
        input_delay_ticks: 0,
        durability: Durability::Disk,
        region: RegionId::FIRST,
        incarnation: 1,
        ticket: Ticket([1; 39]),
        inputs_in_flight_max: 64,
        history_ticks: 256,
    }
}

/// A manifest of a real world with these pages' bytes beside it.
fn world() -> (ManifestOffer, Vec<Vec<u8>>) {
    let mut simulation = Ledger::open(2_000, 5);
    simulation.seal(&Inline);
    let manifest = Manifest::of(simulation.world(), schema::<Ledger>().id());
    let mut raw = Vec::new();
    manifest.encode(&mut raw);
    let mut pages = Vec::new();
    for ((_, column), entries) in simulation.world().column_list().iter().zip(&manifest.columns) {
        for entry in entries {
            let mut bytes = Vec::new();
            assert!(column.page_bytes(entry.page, &mut bytes));
            pages.push(bytes);
        }
    }
    let raw_bytes = u32::try_from(raw.len()).expect("a manifest is short");
    (ManifestOffer { tick: Tick(0), raw_bytes, bytes: raw.into() }, pages)
}

/// An LZ4 block of a few bytes that inflates to a lot: one literal, then one match that repeats it.
fn bomb(inflated: usize) -> Bytes {
    let mut block = vec![0x1f, 0, 1, 0];
    block.extend(std::iter::repeat_n(0xff, inflated / 255));
    block.push(7);
    // The last sequence of a block is literals.
    block.extend([0x50, 1, 2, 3, 4, 5]);
    block.into()
}

#[test]
fn a_manifest_that_claims_or_inflates_too_much_is_refused() {
    let max = MANIFEST_BYTES_MAX;
    let cases = [
        (max + 1, bomb(1 << 20), "claims to be longer"),
        // Inflates to a hundred times what it claims.
        (10_000, bomb(1 << 20), "does not inflate to what it claims"),
        // And to less.
        (max, bomb(1 << 20), "does not inflate to what it claims"),
    ];
    for (raw_bytes, bytes, words) in cases {
        let mut victim = Victim::new();
        assert!(matches!(victim.heard(), Message::Join));
        victim.say(Channel::Bulk, &Message::Manifest(ManifestOffer { tick: Tick(0), raw_bytes, bytes }));
        let fault = victim.fault();
        assert!(matches!(&fault, Fault::Manifest { what, .. } if what.contains(words)), "{fault}");
    }
}

/// Claims beyond what any message may hold: this side's encoder refuses to write them, so its bytes are changed.
#[test]
fn claims_beyond_every_cap_are_no_message() {
    const MARK: u32 = 0x3abc;
    let bytes = bomb(1 << 20);
    let messages = [
        Message::Manifest(ManifestOffer { tick: Tick(0), raw_bytes: MARK, bytes: bytes.clone() }),
        Message::Pages(vec![Page { index: 0, raw_bytes: MARK, bytes }]),
    ];
    for message in messages {
        let mut victim = Victim::new();
        assert!(matches!(victim.heard(), Message::Join));
        let mut bytes = message.encode().to_vec();
        let at = bytes.windows(4).position(|window| window == MARK.to_le_bytes()).expect("the mark is in the message");
        bytes[at..at + 4].fill(0xff);
        victim.host.send(victim.session, transmit(Channel::Bulk, &bytes));
        let fault = victim.fault();
        assert!(matches!(fault, Fault::Wire(_)), "{fault}");
    }
}

#[test]
fn pages_that_claim_inflate_or_hold_something_else_are_refused() {
    let mut victim = Victim::new();
    let (offer, pages) = world();
    assert!(matches!(victim.heard(), Message::Join));
    victim.say(Channel::Bulk, &Message::Manifest(offer));
    let Message::PageRequest(request) = victim.heard() else { panic!("the client asks for pages") };
    // The longest of them: no message holds more than it claims.
    let index = request.pages.into_iter().max_by_key(|index| pages[*index as usize].len()).expect("some are missing");
    let own = u32::try_from(pages[index as usize].len()).unwrap();
    let say = |victim: &mut Victim, raw_bytes: u32, bytes: Bytes| {
        victim.say(Channel::Bulk, &Message::Pages(vec![Page { index, raw_bytes, bytes }]));
        match victim.fault() {
            Fault::Page { cause, .. } => cause,
            other => panic!("{other}"),
        }
    };
    let cause = say(&mut victim, PAGE_BYTES_MAX, bomb(1 << 20));
    assert!(matches!(cause, PageFault::Length { found: PAGE_BYTES_MAX, .. }), "{cause}");
    // It is asked for again, and the lie is told again in other ways.
    let again = |victim: &mut Victim| loop {
        if let Message::PageRequest(request) = victim.heard()
            && request.pages.contains(&index)
        {
            return;
        }
    };
    again(&mut victim);
    let cause = say(&mut victim, own, bomb(1 << 20));
    assert!(matches!(cause, PageFault::Compression(_)), "{cause}");
    again(&mut victim);
    let mut other = pages[index as usize].clone();
    other[0] ^= 1;
    let cause = say(&mut victim, own, other.into());
    assert!(matches!(cause, PageFault::Hash), "{cause}");
}

#[test]
fn a_host_that_does_not_stop_is_left() {
    let victim = Victim::new();
    let frame =
        Frame { durability: Durability::Disk, pace_percent: 100, proof: None, frame: Bytes::from_static(b"no frame") };
    let pong = Pong {
        sent: Instant(99),
        host: Instant(0),
        open_tick: Tick(0),
        closes_in: tickworld_proto::instant::Micros(0),
    };
    for _ in 0..=CLIENT_FAULTS_MAX {
        victim.say(Channel::Control, &Message::Pong(pong));
        victim.say(Channel::Control, &Message::Frame(frame.clone()));
        victim.host.send(victim.session, control("no message at all"));
    }
    match victim.end() {
        Terminated::Refused(goodbye) => assert_eq!(goodbye.reason, Reason::Violation, "{goodbye:?}"),
        other => panic!("{other}"),
    }
}

/// Two fresh 0-RTT keys would let anybody who copied the first flight have it read twice.
#[test]
fn no_early_data_is_taken() {
    let mut host = Host::new();
    let endpoint = host.raw_endpoint_with_early_data();
    for round in 0..3 {
        let connecting = host.run(async { endpoint.connect(host.address, NAME).unwrap().into_0rtt() });
        let Err(connecting) = connecting else { panic!("round {round}: the client has keys for early data") };
        let connection = host.run(connecting).unwrap();
        let (mut sending, receiving) = host.run(connection.open_bi()).unwrap();
        host.run(sending.write_all(&[1, 0, 0, 0, b'x'])).unwrap();
        let session = host.connected();
        assert_eq!(host.message(session), (Channel::Control, Bytes::from("x")));
        // The ticket for the next time, if there were one, has come by now.
        connection.close(0_u32.into(), b"");
        drop((sending, receiving));
        loop {
            match host.event() {
                Event::Disconnected { session: of, why } if of == session => {
                    assert!(matches!(why, Disconnect::ByPeer(_)), "{why}");
                    break;
                }
                _ => {}
            }
        }
    }
}
