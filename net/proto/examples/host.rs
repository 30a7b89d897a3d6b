//! The protocol without sockets: a host with its simulation and two clients in one process. What a transport carries is handed over
//! by function calls, what a clock tells is counted up, and the store is a vector; so the whole exchange is one loop.
//!
//! Run it with `cargo run --release -p tickworld-proto --example host`. `tickworld-net` puts QUIC and threads around the same
//! calls: its example `own_game` is this one over a network.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{collections::BTreeMap, error::Error};

use tickworld_ledger::{Ledger, Order};
use tickworld_proto::{
    client::{Client, ClientEvent, ClientSettings},
    host::{AddressKey, Connection, Grant, Host, HostEvent, HostSettings, Kinds, SessionId, TicketIssuer},
    instant::{Instant, Micros},
    message::{Durability, Fate, Nonce, SessionKind, WorldId},
    ticket::TicketKeys,
};
use tickworld_sim::{prelude::*, rollback::PredictNothing};

const TICK: Micros = Micros::from_millis(33);

/// A client with what came of its inputs.
struct Peer {
    session: SessionId,
    client: Client<Ledger, PredictNothing>,
    confirmed: Option<(Tick, tickworld_sim::hash::Hash)>,
    answers: Vec<String>,
}

impl Peer {
    /// One that simulates the world, or one that only sends inputs and hears what became of them.
    fn new(now: Instant, number: u64, kind: SessionKind) -> Self {
        let nonce = Nonce([number as u8; 16]); // sixteen fresh random bytes of each client
        let settings = ClientSettings::new(kind, ContentId::NONE, number.to_string().into_bytes(), nonce);
        let client = Client::new(now, settings, PredictNothing, Library::of(ContentId::NONE, ()));
        Self { session: SessionId(number), client, confirmed: None, answers: Vec::new() }
    }

    /// Everything that a client does by itself: its own ticks, and what it tells.
    fn drive(&mut self, now: Instant) {
        self.client.handle_timeout(now);
        while self.client.drive(now, &Inline, 16).has_more {}
        while let Some(event) = self.client.poll_event() {
            match event {
                ClientEvent::Welcome(welcome) => {
                    println!("  session {}: welcome, {:?}", self.session.0, welcome.player)
                }
                ClientEvent::Joined { tick, received_bytes } => {
                    println!("  session {}: has the world of tick {tick} ({received_bytes} bytes)", self.session.0);
                }
                ClientEvent::Confirmed { tick, root, .. } => self.confirmed = Some((tick, root)),
                ClientEvent::Outcome { sequence, fate, durability } => {
                    let told = match fate {
                        Fate::Applied { tick, value, .. } => format!("in tick {tick}, answer {value}"),
                        Fate::Refused(refusal) => format!("not at all: {refusal:?}"),
                    };
                    self.answers.push(format!("input {} applies {told}, kept on {durability:?}", sequence.0));
                }
                event => println!("  session {}: {event:?}", self.session.0),
            }
        }
    }
}

/// The host, its world, and what has to be durable before anybody hears of it.
struct Server {
    host: Host<Ledger>,
    simulation: Simulation<Ledger>,
    journal: BTreeMap<Tick, Vec<u8>>,
}

impl Server {
    fn new(now: Instant) -> Self {
        let mut simulation = Ledger::open(100, 1_000);
        let roots = simulation.seal(&Inline);
        // Fresh secret bytes that are stored with the world, and the time for people: what tickets to come back with are made of.
        let issuer = TicketIssuer { world: WorldId([1; 16]), keys: TicketKeys::first([2; 32]), wall_seconds: 0 };
        let settings = HostSettings::default();
        let host = Host::new(now, settings, simulation.schema(), simulation.snapshot(), roots, issuer);
        Self { host, simulation, journal: BTreeMap::new() }
    }

    /// The embedder's tick, as the host's page has it.
    fn tick(&mut self, now: Instant) -> Result<(), Box<dyn Error>> {
        if !self.host.may_close() {
            return Ok(());
        }
        // Sixteen fresh secret bytes of the system in a game with dice; the ledger has none.
        let frame = self.host.close_frame(now, Entropy::from_bytes([0; 16]), Vec::new());
        let bytes = self.host.frame_bytes(frame.tick).ok_or("it was closed just now")?;
        self.journal.insert(frame.tick, bytes.to_vec());
        self.simulation.advance(&frame, &Inline)?;
        let world_bytes = self.simulation.world().dirty_bytes();
        let roots = self.simulation.seal(&Inline);
        self.host.handle_stepped(now, self.simulation.snapshot(), world_bytes);
        self.host.handle_root(now, roots, self.simulation.snapshot());
        self.host.handle_durable(now, frame.tick, Durability::Disk); // a real store says so later
        Ok(())
    }

    /// Judges who may come: here a token is a player's number, and everybody is who they say.
    fn admit(&mut self, now: Instant) {
        while let Some(event) = self.host.poll_event() {
            if let HostEvent::Admission { session, hello, .. } = event {
                let player = std::str::from_utf8(&hello.token).ok().and_then(|token| token.parse().ok()).map(PlayerId);
                self.host.admit(now, session, Grant::new(player, Kinds::ALL));
            }
        }
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut now = Instant(0);
    let mut server = Server::new(now);
    let mut peers = [Peer::new(now, 1, SessionKind::Lockstep), Peer::new(now, 2, SessionKind::Command)];
    println!("a host, a lockstep client and a command client");
    for peer in &mut peers {
        // A datagram's size, and an address that budgets are kept by, are the transport's to know.
        let connection = Connection { address: AddressKey([1; 16]), datagram_bytes_max: 1_200 };
        server.host.handle_connected(now, peer.session, connection);
        peer.client.handle_connected(now, 1_200);
    }
    let mut next_tick = now.after(TICK);
    for millisecond in 0..1_500_u64 {
        now = now.after(Micros::from_millis(1));
        if now >= next_tick {
            next_tick = next_tick.after(TICK);
            server.tick(now)?;
        }
        server.host.handle_timeout(now);
        server.admit(now);
        while let Some((session, transmit)) = server.host.poll_transmit() {
            let peer = peers.iter_mut().find(|peer| peer.session == session).ok_or("a session of nobody")?;
            peer.client.handle_message(now, transmit.channel, &transmit.bytes); // the way there
        }
        for peer in &mut peers {
            peer.drive(now);
            if millisecond % 300 == 299 {
                let amount = 10 * u32::try_from(peer.session.0)?;
                peer.client.submit(now, Order::Transfer { from: 0, to: 1, amount }, Tick(0), Tick(u64::MAX))?;
            }
            while let Some(transmit) = peer.client.poll_transmit() {
                server.host.handle_message(now, peer.session, transmit.channel, &transmit.bytes); // and back
            }
        }
    }
    for peer in &peers {
        peer.answers.iter().for_each(|answer| println!("  session {}: {answer}", peer.session.0));
    }
    let (tick, root) = peers[0].confirmed.ok_or("nothing was confirmed")?;
    println!(
        "  the lockstep client has computed tick {tick}, root {:.16}; the journal has {} ticks",
        root,
        server.journal.len()
    );
    let answers: usize = peers.iter().map(|peer| peer.answers.len()).sum();
    // The last inputs are on their way.
    if answers >= 8 && tick > Tick(30) { Ok(()) } else { Err(format!("{answers} answers, tick {tick}").into()) }
}
