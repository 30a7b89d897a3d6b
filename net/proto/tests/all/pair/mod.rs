//! A host with its simulation and any number of clients in one process, over links that lose, repeat, delay and reorder.
//!
//! A run is a function of its seed. Whoever wants faults of disks and machines too uses the cluster of `tickworld-testkit`.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::collections::{BTreeMap, VecDeque};

use tickworld_ledger::{Ledger, Order};
use tickworld_proto::{
    channel::{Channel, Transmit},
    client::{Client, ClientEvent, ClientSettings},
    host::{AddressKey, Connection, Grant, Host, HostEvent, HostSettings, Kinds, SessionId, TicketIssuer},
    instant::{Instant, Micros},
    message::{Durability, Fate, Nonce, SessionKind, WorldId},
    ticket::TicketKeys,
};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{PlayerId, Sequence, Tick},
    hash::Hash,
    rng::{Entropy, Rng, StreamKey},
    rollback::PredictNothing,
    simulation::Simulation,
};

/// Microseconds of a tick.
pub const TICK: Micros = Micros::from_millis(33);
pub const ACCOUNTS: u32 = 300;

/// How bad a link is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Of 100 datagrams, how many are lost; bulk messages a third as often.
    pub loss_percent: u64,
    /// Of 100 datagrams, how many come twice.
    pub twice_percent: u64,
    /// Least and most microseconds on the way.
    pub way: (u64, u64),
}

impl Weather {
    pub const FAIR: Self = Self { loss_percent: 0, twice_percent: 0, way: (1_000, 1_000) };
    pub const FOUL: Self = Self { loss_percent: 20, twice_percent: 10, way: (5_000, 120_000) };
}

type TestClient = Client<Ledger, PredictNothing>;

/// A client and its link.
pub struct Peer {
    pub client: TestClient,
    pub session: SessionId,
    pub player: PlayerId,
    pub is_connected: bool,
    /// What every submitted input became.
    pub fates: BTreeMap<Sequence, Vec<(Fate, Durability)>>,
    pub submitted: Vec<Sequence>,
    /// Roots of the ticks that it confirmed.
    pub roots: BTreeMap<Tick, Hash>,
    pub events: Vec<ClientEvent>,
    to_host: Way,
    to_client: Way,
}

/// One direction of a link.
#[derive(Default)]
struct Way {
    /// By arrival and number.
    flying: BTreeMap<(u64, u64), (Channel, Vec<u8>)>,
    sent: u64,
    /// Arrival of the last control message: those keep their order.
    control: u64,
}

/// A host and its clients, the network between them, and the time.
pub struct Pair {
    pub now: Instant,
    pub host: Host<Ledger>,
    pub simulation: Simulation<Ledger>,
    pub peers: Vec<Peer>,
    pub weather: Weather,
    pub roots: BTreeMap<Tick, Hash>,
    pub host_events: Vec<HostEvent>,
    /// Ticks that storage is behind.
    pub durable_lag: u64,
    /// Changes the host's world behind everybody's back at this tick.
    pub plant_at: Option<Tick>,
    /// Clients are polled after every message, as a transport does, and not after all that came in a millisecond.
    pub one_by_one: bool,
    next_tick: Instant,
    next_session: u64,
    dice: Rng,
}

impl Pair {
    pub fn new(seed: u64, weather: Weather) -> Self {
        Self::with(seed, weather, HostSettings::default())
    }

    pub fn with(seed: u64, weather: Weather, settings: HostSettings) -> Self {
        let mut simulation = Ledger::open(ACCOUNTS, 1_000);
        let roots = simulation.seal(&Inline);
        let now = Instant(1_000_000);
        let issuer =
            TicketIssuer { world: WorldId([7; 16]), keys: TicketKeys::first([9; 32]), wall_seconds: 1_800_000_000 };
        let host = Host::new(now, settings, simulation.schema(), simulation.snapshot(), roots, issuer);
        let dice = StreamKey::new(&Entropy::from_bytes([9; 16]), seed, "pair").rng(seed);
        Self {
            now,
            host,
            simulation,
            peers: Vec::new(),
            weather,
            roots: BTreeMap::new(),
            host_events: Vec::new(),
            durable_lag: 0,
            plant_at: None,
            one_by_one: false,
            next_tick: now.after(TICK),
            next_session: 0,
            dice,
        }
    }

    /// A client of `kind`; gives its place among the peers.
    pub fn add(&mut self, kind: SessionKind, change: impl FnOnce(&mut ClientSettings)) -> usize {
        let player = PlayerId(self.peers.len() as u64 + 1);
        let nonce = Nonce([u8::try_from(player.0).expect("few peers"); 16]);
        let mut settings = ClientSettings::new(kind, ContentId::NONE, player.0.to_le_bytes().to_vec(), nonce);
        change(&mut settings);
        let client = Client::new(self.now, settings, PredictNothing, Library::of(ContentId::NONE, ()));
        self.peers.push(Peer {
            client,
            session: SessionId(0),
            player,
            is_connected: false,
            fates: BTreeMap::new(),
            submitted: Vec::new(),
            roots: BTreeMap::new(),
            events: Vec::new(),
            to_host: Way::default(),
            to_client: Way::default(),
        });
        self.connect(self.peers.len() - 1);
        self.peers.len() - 1
    }

    pub fn connect(&mut self, at: usize) {
        self.next_session += 1;
        let peer = &mut self.peers[at];
        (peer.session, peer.is_connected) = (SessionId(self.next_session), true);
        (peer.to_host, peer.to_client) = (Way::default(), Way::default());
        let connection = Connection { address: AddressKey([at as u8; 16]), datagram_bytes_max: 1_200 };
        self.host.handle_connected(self.now, peer.session, connection);
        peer.client.handle_connected(self.now, 1_200);
    }

    /// The connection breaks; both sides hear of it, and what flies is gone.
    pub fn cut(&mut self, at: usize) {
        let peer = &mut self.peers[at];
        if std::mem::take(&mut peer.is_connected) {
            peer.client.handle_disconnected(self.now);
            self.host.handle_disconnected(self.now, peer.session);
        }
    }

    /// Submits a random transfer if the client takes it.
    pub fn submit(&mut self, at: usize) {
        let (from, to) = (self.dice.below(ACCOUNTS), self.dice.below(ACCOUNTS));
        let transfer = Order::Transfer { from, to, amount: self.dice.die(20) };
        let peer = &mut self.peers[at];
        if let Ok(sequence) = peer.client.submit(self.now, transfer, Tick(0), Tick(u64::MAX)) {
            peer.submitted.push(sequence);
        }
    }

    /// Lets `ticks` ticks go by, a millisecond at a time.
    pub fn run(&mut self, ticks: u64) {
        let end = self.simulation.world().tick().0 + ticks;
        while self.simulation.world().tick().0 < end {
            self.now = self.now.after(Micros::from_millis(1));
            self.deliver();
            if self.now >= self.next_tick {
                self.next_tick = self.next_tick.after(TICK);
                self.tick();
            }
            if self.host.poll_timeout().is_some_and(|due| due <= self.now) {
                self.host.handle_timeout(self.now);
            }
            self.poll_host();
            for at in 0..self.peers.len() {
                self.poll_peer(at);
            }
        }
    }

    /// Until every submitted input has its answer; panics after far more ticks than that takes.
    pub fn settle(&mut self) {
        for _ in 0..200 {
            if self.peers.iter().all(|peer| peer.client.unanswered().next().is_none()) {
                return;
            }
            self.run(10);
        }
        panic!("inputs are without an answer after 2,000 ticks");
    }

    fn tick(&mut self) {
        if !self.host.may_close() {
            return;
        }
        let entropy = Entropy::from_bytes(std::array::from_fn(|_| self.dice.below(256) as u8));
        let frame = self.host.close_frame(self.now, entropy, Vec::new());
        self.simulation.advance(&frame, &Inline).expect("the next frame");
        if self.plant_at == Some(frame.tick) {
            let bank = self.simulation.world_mut().state_mut();
            let row = bank.entities.at(7).expect("there are more accounts");
            bank.accounts.modify(row, |account| account.coins += 1);
        }
        let world_bytes = self.simulation.world().dirty_bytes();
        let roots = self.simulation.seal(&Inline);
        self.roots.insert(frame.tick, roots.root);
        let world = self.simulation.snapshot();
        self.host.handle_stepped(self.now, world.clone(), world_bytes);
        self.host.handle_root(self.now, roots, world);
        let durable = frame.tick.0.saturating_sub(self.durable_lag);
        if durable > 0 {
            self.host.handle_durable(self.now, Tick(durable), Durability::Disk);
        }
    }

    fn poll_host(&mut self) {
        while let Some(event) = self.host.poll_event() {
            if let HostEvent::Admission { session, hello, .. } = &event {
                let player = <[u8; 8]>::try_from(&hello.token[..]).ok().map(|id| PlayerId(u64::from_le_bytes(id)));
                self.host.admit(self.now, *session, Grant::new(player, Kinds::ALL));
            }
            self.host_events.push(event);
        }
        while let Some((session, transmit)) = self.host.poll_transmit() {
            let peer = self.peers.iter_mut().find(|peer| peer.session == session && peer.is_connected);
            if let Some(peer) = peer {
                peer.to_client.send(self.now, self.weather, &mut self.dice, transmit);
            }
        }
    }

    fn poll_peer(&mut self, at: usize) {
        let peer = &mut self.peers[at];
        if peer.client.poll_timeout().is_some_and(|due| due <= self.now) {
            peer.client.handle_timeout(self.now);
        }
        while peer.client.drive(self.now, &Inline, 16).has_more {}
        while let Some(event) = peer.client.poll_event() {
            match &event {
                ClientEvent::Outcome { sequence, fate, durability } => {
                    peer.fates.entry(*sequence).or_default().push((*fate, *durability));
                }
                ClientEvent::Confirmed { tick, root, .. } => {
                    peer.roots.insert(*tick, *root);
                }
                ClientEvent::Head(head) => {
                    peer.roots.insert(head.root_tick, head.root);
                }
                _ => peer.events.push(event),
            }
        }
        while let Some(transmit) = peer.client.poll_transmit() {
            if peer.is_connected {
                peer.to_host.send(self.now, self.weather, &mut self.dice, transmit);
            }
        }
    }

    fn deliver(&mut self) {
        for peer in self.peers.iter_mut().filter(|peer| peer.is_connected) {
            for (channel, bytes) in peer.to_host.due(self.now) {
                self.host.handle_message(self.now, peer.session, channel, &bytes);
            }
        }
        for at in 0..self.peers.len() {
            if !self.peers[at].is_connected {
                continue;
            }
            for (channel, bytes) in self.peers[at].to_client.due(self.now) {
                self.peers[at].client.handle_message(self.now, channel, &bytes);
                if self.one_by_one {
                    self.poll_peer(at);
                }
            }
        }
    }

    /// What must hold after any run: one root everywhere, each input answered once and as the world remembers, no coin more
    /// or less, no client at fault.
    pub fn check(&self) {
        for (at, peer) in self.peers.iter().enumerate() {
            for (tick, root) in &peer.roots {
                assert_eq!(self.roots.get(tick), Some(root), "client {at} has another root at tick {tick}");
            }
            for sequence in &peer.submitted {
                let fates = peer.fates.get(sequence).map_or(&[][..], Vec::as_slice);
                assert_eq!(fates.len(), 1, "input {} of client {at} was answered {fates:?}", sequence.0);
                let world = self.simulation.world().players().outcome(peer.player, *sequence);
                if let (Fate::Applied { tick, code, value }, Some(outcome)) = (fates[0].0, world) {
                    assert_eq!((tick.0, code, value), (outcome.tick, outcome.code, outcome.value));
                }
            }
            let faults: Vec<_> = peer.events.iter().filter(|event| matches!(event, ClientEvent::Fault(_))).collect();
            assert!(faults.is_empty(), "client {at}: {faults:?}");
        }
        assert_eq!(self.simulation.state().total(), u64::from(ACCOUNTS) * 1_000);
    }
}

impl Way {
    fn send(&mut self, now: Instant, weather: Weather, dice: &mut Rng, Transmit { channel, bytes }: Transmit) {
        let mut chance = |percent: u64| u64::from(dice.below(100)) < percent;
        let (lost, twice) = match channel {
            Channel::Control => (false, false),
            Channel::Datagram => (chance(weather.loss_percent), chance(weather.twice_percent)),
            Channel::Bulk => (chance(weather.loss_percent / 3), false),
        };
        for _ in 0..u32::from(!lost) + u32::from(!lost && twice) {
            let spread = u32::try_from(weather.way.1 - weather.way.0 + 1).expect("under an hour");
            let mut arrival = now.0 + weather.way.0 + u64::from(dice.below(spread));
            if channel == Channel::Control {
                self.control = self.control.max(arrival);
                arrival = self.control;
            }
            self.sent += 1;
            self.flying.insert((arrival, self.sent), (channel, bytes.to_vec()));
        }
    }

    fn due(&mut self, now: Instant) -> VecDeque<(Channel, Vec<u8>)> {
        let later = self.flying.split_off(&(now.0 + 1, 0));
        std::mem::replace(&mut self.flying, later).into_values().collect()
    }
}
