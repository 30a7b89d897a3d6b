//! A host with a ledger's simulation, a journal that is durable when the test says so, and peers that are lists of messages.

use std::{cell::Cell, collections::BTreeMap};

use bytes::Bytes;
use tickworld_ledger::{Ledger, Order};
use tickworld_proto::{
    channel::Channel,
    host::{AddressKey, Connection, Grant, Host, HostEvent, HostSettings, Kinds, SessionId, TicketIssuer},
    instant::{Instant, Micros},
    limits::{DATAGRAM_BYTES_MIN, PROTOCOL_VERSION},
    message::{
        Durability, Fate, Goodbye, Hello, InputMessage, InputOutcome, Inputs, Message, Nonce, Reason, SessionKind,
        Welcome, WorldId,
    },
    ticket::TicketKeys,
};
use tickworld_sim::{
    component::Component as _,
    frame::{Act, InputFrame, PlayerId, Sequence, Tick},
    game::Game as _,
    prelude::{ContentId, Entropy, Inline, Simulation},
    region::RegionId,
    world::Roots,
};

/// A host, and all that it needs around it.
pub(crate) struct Server {
    pub(crate) host: Host<Ledger>,
    pub(crate) simulation: Simulation<Ledger>,
    pub(crate) now: Instant,
    /// Every frame closed so far.
    pub(crate) frames: Vec<InputFrame<Order>>,
    pub(crate) roots: BTreeMap<Tick, Roots>,
    /// What each session was sent and nobody looked at yet.
    pub(crate) sent: BTreeMap<SessionId, Vec<(Channel, Message)>>,
    pub(crate) events: Vec<HostEvent>,
    /// What the next frame says of other regions.
    pub(crate) own: Vec<Act<Order>>,
    sessions: u64,
    nonces: Cell<u64>,
}

/// The world's first keys, and the time when the host begins.
pub(crate) const KEYS: TicketKeys = TicketKeys::first([9; 32]);
pub(crate) const WORLD: WorldId = WorldId([7; 16]);
pub(crate) const WALL_SECONDS: u64 = 1_800_000_000;

fn issuer() -> TicketIssuer {
    TicketIssuer { world: WORLD, keys: KEYS, wall_seconds: WALL_SECONDS }
}

/// A tick at the default rate.
pub(crate) const TICK: Micros = Micros(33_333);

impl Server {
    pub(crate) fn new(settings: HostSettings) -> Self {
        Self::of(settings, Ledger::open(8, 1_000))
    }

    /// Goes on with a world, as after a crash.
    pub(crate) fn of(settings: HostSettings, mut simulation: Simulation<Ledger>) -> Self {
        let roots = simulation.seal(&Inline);
        let now = Instant(1_000_000);
        let host = Host::new(now, settings, simulation.schema(), simulation.snapshot(), roots.clone(), issuer());
        Self {
            host,
            now,
            frames: Vec::new(),
            roots: BTreeMap::from([(simulation.world().tick(), roots)]),
            simulation,
            sent: BTreeMap::new(),
            events: Vec::new(),
            sessions: 0,
            own: Vec::new(),
            nonces: Cell::new(0),
        }
    }

    /// A connection from an address of its own.
    pub(crate) fn connect(&mut self) -> SessionId {
        let address = AddressKey(u128::from(self.sessions + 1).to_le_bytes());
        self.connect_from(address)
    }

    pub(crate) fn connect_from(&mut self, address: AddressKey) -> SessionId {
        self.sessions += 1;
        let session = SessionId(self.sessions);
        let connection = Connection { address, datagram_bytes_max: DATAGRAM_BYTES_MIN };
        self.host.handle_connected(self.now, session, connection);
        self.drain();
        session
    }

    /// What a client's program says that just began.
    pub(crate) fn hello(&self, kind: SessionKind) -> Hello {
        self.nonces.set(self.nonces.get() + 1);
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.nonces.get().to_le_bytes());
        Hello {
            protocol: PROTOCOL_VERSION,
            build: "test".into(),
            game: "tickworld-ledger".into(),
            schema: self.simulation.schema_id(),
            revision: Ledger::REVISION,
            content: ContentId::NONE,
            kind,
            durability: Durability::Disk,
            token: b"token".to_vec(),
            world: None,
            region: RegionId(0),
            hops: 0,
            nonce: Nonce(nonce),
            ticket: None,
        }
    }

    /// A welcomed session of a player.
    pub(crate) fn open(&mut self, kind: SessionKind, player: u64) -> SessionId {
        let hello = self.hello(kind);
        let (session, _) = self.open_with(hello, Some(player));
        session
    }

    /// A session that was granted, with its welcome.
    pub(crate) fn open_with(&mut self, hello: Hello, player: Option<u64>) -> (SessionId, Welcome) {
        let session = self.connect();
        self.send(session, &Message::Hello(hello));
        self.admit(session, player);
        let welcomes = self.take(session).into_iter().filter_map(|message| match message {
            Message::Welcome(welcome) => Some(welcome),
            _ => None,
        });
        let welcome = welcomes.last().expect("a welcome");
        (session, welcome)
    }

    /// Grants whatever was asked for.
    pub(crate) fn admit(&mut self, session: SessionId, player: Option<u64>) {
        self.grant(session, Grant::new(player.map(PlayerId), Kinds::ALL));
    }

    pub(crate) fn grant(&mut self, session: SessionId, grant: Grant) {
        self.host.admit(self.now, session, grant);
        self.drain();
    }

    /// Sends over the channel that clients use for it.
    pub(crate) fn send(&mut self, session: SessionId, message: &Message) {
        let is_loose = matches!(message, Message::Inputs(_) | Message::Root(_) | Message::Ping(_));
        let channel = if is_loose { Channel::Datagram } else { Channel::Control };
        self.send_bytes(session, channel, &message.encode());
    }

    pub(crate) fn send_bytes(&mut self, session: SessionId, channel: Channel, bytes: &[u8]) {
        self.host.handle_message(self.now, session, channel, bytes);
        self.drain();
    }

    /// Sends inputs with these numbers, any tick, one coin each.
    pub(crate) fn inputs(&mut self, session: SessionId, base: u32, sequences: &[u32]) {
        let inputs = sequences.iter().map(|sequence| input(*sequence)).collect();
        self.send(session, &Message::Inputs(Inputs { base: Sequence(base), inputs }));
    }

    /// Closes and steps a tick, and hashes it; it is in memory.
    pub(crate) fn step(&mut self) -> Tick {
        self.now = self.now.after(TICK);
        let tick = self.host.open_tick();
        let entropy = Entropy::from_bytes(u128::from(tick.0).to_le_bytes());
        let frame = self.host.close_frame(self.now, entropy, core::mem::take(&mut self.own));
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        assert_eq!(self.host.frame_bytes(tick).as_deref(), Some(&bytes[..]));
        self.simulation.advance(&frame, &Inline).expect("the host makes frames that the engine takes");
        let world_bytes = self.simulation.world().dirty_bytes();
        let roots = self.simulation.seal(&Inline);
        self.frames.push(frame);
        self.host.handle_stepped(self.now, self.simulation.snapshot(), world_bytes);
        self.host.handle_root(self.now, roots.clone(), self.simulation.snapshot());
        self.roots.insert(tick, roots);
        self.drain();
        tick
    }

    /// Closes and steps a tick that is in memory, and hashes it elsewhere: the host does not know the roots yet.
    pub(crate) fn step_without_root(&mut self) -> (Tick, Roots) {
        self.now = self.now.after(TICK);
        let tick = self.host.open_tick();
        let frame = self.host.close_frame(
            self.now,
            Entropy::from_bytes(u128::from(tick.0).to_le_bytes()),
            core::mem::take(&mut self.own),
        );
        self.simulation.advance(&frame, &Inline).expect("the host makes frames that the engine takes");
        let world_bytes = self.simulation.world().dirty_bytes();
        let roots = self.simulation.seal(&Inline);
        self.frames.push(frame);
        self.host.handle_stepped(self.now, self.simulation.snapshot(), world_bytes);
        self.roots.insert(tick, roots.clone());
        self.drain();
        (tick, roots)
    }

    /// Everything closed so far is on disk.
    pub(crate) fn store(&mut self) {
        let closed = Tick(self.host.open_tick().0 - 1);
        self.host.handle_durable(self.now, closed, Durability::Disk);
        self.drain();
    }

    /// A whole tick.
    pub(crate) fn tick(&mut self) -> Tick {
        let tick = self.step();
        self.store();
        tick
    }

    /// Time goes by, in steps of whatever is due.
    pub(crate) fn wait(&mut self, wait: Micros) {
        let until = self.now.after(wait);
        while let Some(due) = self.host.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.host.handle_timeout(self.now);
            self.drain();
            assert!(self.host.poll_timeout().is_none_or(|next| next > self.now), "a timer that is due for ever");
        }
        self.now = until;
    }

    /// What a session was sent since last asked.
    pub(crate) fn take(&mut self, session: SessionId) -> Vec<Message> {
        let sent = self.sent.remove(&session).unwrap_or_default();
        sent.into_iter().map(|(_, message)| message).collect()
    }

    /// The outcomes among it.
    pub(crate) fn outcomes(&mut self, session: SessionId) -> Vec<InputOutcome> {
        let mut outcomes = Vec::new();
        for message in self.take(session) {
            if let Message::Outcomes(message) = message {
                outcomes.extend(message.outcomes);
            }
        }
        outcomes
    }

    /// The fates among it, by number.
    pub(crate) fn fates(&mut self, session: SessionId) -> Vec<(u32, Fate)> {
        self.outcomes(session).into_iter().map(|outcome| (outcome.sequence.0, outcome.fate)).collect()
    }

    /// Why the host ended a session, if it did.
    pub(crate) fn goodbye(&mut self, session: SessionId) -> Option<Goodbye> {
        self.take(session).into_iter().find_map(|message| match message {
            Message::Goodbye(goodbye) => Some(goodbye),
            _ => None,
        })
    }

    #[track_caller]
    pub(crate) fn expect_goodbye(&mut self, session: SessionId, reason: Reason, detail: &str) {
        let goodbye = self.goodbye(session).expect("a goodbye");
        assert_eq!(goodbye.reason, reason, "{goodbye:?}");
        assert!(goodbye.detail.contains(detail), "{goodbye:?}");
    }

    /// The inputs of a player in a frame, as numbers; 0 for acts.
    pub(crate) fn framed(&self, tick: Tick, player: u64) -> Vec<u32> {
        let frame = self.frames.iter().find(|frame| frame.tick == tick).expect("a closed frame");
        let of_player = frame.inputs.iter().filter(|input| input.player == PlayerId(player));
        of_player.map(|input| input.sequence.0).collect()
    }

    pub(crate) fn drain(&mut self) {
        while let Some((session, transmit)) = self.host.poll_transmit() {
            let message = Message::decode(transmit.channel, &transmit.bytes).expect("the host sends what decodes");
            if transmit.channel == Channel::Datagram {
                assert!(transmit.bytes.len() <= usize::from(DATAGRAM_BYTES_MIN), "longer than the path carries");
            }
            self.sent.entry(session).or_default().push((transmit.channel, message));
        }
        while let Some(event) = self.host.poll_event() {
            self.events.push(event);
        }
    }
}

/// One coin from account `sequence % 8` to the next one, in any tick.
pub(crate) fn input(sequence: u32) -> InputMessage {
    let body = Order::Transfer { from: sequence % 8, to: (sequence + 1) % 8, amount: 1 };
    InputMessage {
        sequence: Sequence(sequence),
        not_before: Tick(0),
        not_after: Tick(u64::MAX),
        body: body_bytes(&body),
    }
}

/// An input's canonical bytes without the zeros at their end.
pub(crate) fn body_bytes(body: &Order) -> Bytes {
    let mut bytes = vec![0; Order::SIZE];
    body.encode(&mut bytes);
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(length);
    Bytes::from(bytes)
}
