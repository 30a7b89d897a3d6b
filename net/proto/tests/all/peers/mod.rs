//! Peers with a small game in one process, over links that lose, repeat, delay, reorder, cut and bend messages.
//!
//! A run is a function of its seed.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::{collections::BTreeMap, sync::Arc};

use tickworld_proto::{
    instant::Instant,
    peer::{PeerError, PeerEvent, PeerId, PeerSession, PeerSettings, SessionState, SpectatorSession},
};
use tickworld_sim::{
    diff::{StateView, WorldView, worlds},
    hash::Hash,
    prelude::*,
    rng::{Rng, StreamKey},
    rollback::RepeatLast,
};

/// The controls of a ship in one tick.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pad {
    pub dx: i8,
    pub dy: i8,
    pub fires: bool,
}

#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ship {
    pub x: i32,
    pub y: i32,
    pub shots: u32,
    pub hits: u32,
}

#[derive(State, Clone)]
pub struct Sky {
    pub entities: Entities,
    pub ship: Column<Ship>,
}

/// Ships that fly and shoot. Where `FAULTY`, the build of one peer moves a ship by one too much in tick [`FAULT`].
pub struct Dogfight<const FAULTY: bool>;

pub const FAULT: Tick = Tick(77);

fn fly<const FAULTY: bool>(sky: &mut Sky, step: &mut Step<'_, Dogfight<FAULTY>>) {
    let mut aim = step.stream("aim");
    for input in step.inputs() {
        let Some(entity) = input.entity else { continue };
        let Some(row) = sky.entities.row(entity) else { continue };
        let pad = input.body;
        sky.ship.modify(row, |ship| {
            ship.x = ship.x.wrapping_add(pad.dx.into());
            ship.y = ship.y.wrapping_add(pad.dy.into());
            if pad.fires {
                ship.shots += 1;
                ship.hits += u32::from(aim.open(entity).chance(1, 3));
            }
        });
        if FAULTY && step.tick() == FAULT {
            sky.ship.modify(row, |ship| ship.x += 1);
        }
    }
}

impl<const FAULTY: bool> Game for Dogfight<FAULTY> {
    type State = Sky;
    type Input = Pad;
    type Event = ();
    type Content = ();
    const NAME: &'static str = "dogfight";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "fly", run: fly }];

    fn join(sky: &mut Sky, _: &mut Step<'_, Self>, player: PlayerId) -> Option<Entity> {
        let entity = sky.spawn(Band(0)).ok()?;
        let row = sky.entities.row(entity)?;
        sky.ship.set(row, Ship { x: player.0 as i32 * 100, y: 0, shots: 0, hits: 0 });
        Some(entity)
    }

    fn leave(sky: &mut Sky, step: &mut Step<'_, Self>, _: PlayerId, entity: Option<Entity>) {
        if let Some(entity) = entity.filter(|entity| sky.entities.contains(*entity)) {
            step.commands.despawn(entity);
        }
    }
}

pub fn world<const FAULTY: bool>() -> Simulation<Dogfight<FAULTY>> {
    Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {})
}

/// How bad links are.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    pub loss_percent: u32,
    pub twice_percent: u32,
    /// Of 100 messages, in how many a byte is changed or the end is cut off.
    pub bent_percent: u32,
    /// Least and most microseconds on the way.
    pub way: (u32, u32),
}

impl Faults {
    pub const NONE: Self = Self { loss_percent: 0, twice_percent: 0, bent_percent: 0, way: (1_000, 1_000) };
    pub const MANY: Self = Self { loss_percent: 20, twice_percent: 15, bent_percent: 0, way: (5_000, 110_000) };
}

type Dog<const FAULTY: bool> = PeerSession<Dogfight<FAULTY>, RepeatLast<Pad>>;

/// A session of either build.
pub enum Session {
    Sound(Box<Dog<false>>),
    Faulty(Box<Dog<true>>),
    Spectator(Box<SpectatorSession<Dogfight<false>>>),
}

macro_rules! each {
    ($session:expr, $it:ident => $what:expr, $spectator:ident => $other:expr) => {
        match $session {
            Session::Sound($it) => $what,
            Session::Faulty($it) => $what,
            Session::Spectator($spectator) => $other,
        }
    };
}

/// Somebody, and what they saw.
pub struct Peer {
    pub id: PeerId,
    pub session: Session,
    pub events: Vec<PeerEvent>,
    pub roots: BTreeMap<Tick, Hash>,
    pub frames: BTreeMap<Tick, InputFrame<Pad>>,
    pub stalls: u64,
    /// Microseconds of a tick.
    pub tick_length: u64,
    pub is_frozen: bool,
    /// Was frozen: what it confirmed alone, the others need not have.
    pub was_frozen: bool,
    next_tick: u64,
    last_confirmed: Tick,
}

impl Peer {
    pub fn confirmed(&self) -> Tick {
        each!(&self.session, it => it.confirmed_tick(), spectator => spectator.world().tick())
    }

    pub fn tick(&self) -> Tick {
        each!(&self.session, it => it.tick(), spectator => spectator.world().tick())
    }

    pub fn state(&self) -> SessionState {
        each!(&self.session, it => it.state(), spectator => spectator.state())
    }

    pub fn sound(&self) -> &Dog<false> {
        match &self.session {
            Session::Sound(session) => session,
            Session::Faulty(_) | Session::Spectator(_) => panic!("it is another kind of session"),
        }
    }

    pub fn sound_mut(&mut self) -> &mut Dog<false> {
        match &mut self.session {
            Session::Sound(session) => session,
            Session::Faulty(_) | Session::Spectator(_) => panic!("it is another kind of session"),
        }
    }

    pub fn ship(&self, player: PlayerId) -> Option<Ship> {
        let world = each!(&self.session, it => (it.confirmed().players(), it.confirmed().state()),
            spectator => (spectator.world().players(), spectator.world().state()));
        let row = world.1.entities.row(world.0.find(player)?.entity?)?;
        world.1.ship.get(row).copied()
    }

    pub fn has(&self, wanted: impl Fn(&PeerEvent) -> bool) -> bool {
        self.events.iter().any(wanted)
    }
}

/// Everybody, and what is under way.
pub struct Mesh {
    pub now: Instant,
    pub peers: Vec<Peer>,
    pub faults: Faults,
    /// Pairs that cannot hear each other.
    pub cut: Vec<(PeerId, PeerId)>,
    flying: BTreeMap<(u64, u64), (PeerId, PeerId, Vec<u8>)>,
    sent: u64,
    dice: Rng,
}

pub const TICK: u64 = 16_667;

pub fn player(number: u64) -> PeerId {
    PeerId::Player(PlayerId(number))
}

impl Mesh {
    /// `count` players, of whom those in `faulty` run the build with the fault.
    pub fn new(seed: u64, faults: Faults, count: u64, faulty: &[u64], change: impl Fn(u64, &mut PeerSettings)) -> Self {
        let now = Instant(1_000_000);
        let players: Vec<PlayerId> = (1..=count).map(PlayerId).collect();
        let mut dice = StreamKey::new(&Entropy::from_bytes([5; 16]), seed, "mesh").rng(seed);
        let mut peers = Vec::new();
        for own in &players {
            let mut settings = PeerSettings::default();
            change(own.0, &mut settings);
            let secret = std::array::from_fn(|_| dice.below(256) as u8);
            let guess = || RepeatLast::new(vec![*own]);
            let session = if faulty.contains(&own.0) {
                let session =
                    PeerSession::new(now, settings, *own, &players, world::<true>(), guess(), secret, &Inline);
                Session::Faulty(Box::new(session.expect("good settings")))
            } else {
                let session =
                    PeerSession::new(now, settings, *own, &players, world::<false>(), guess(), secret, &Inline);
                Session::Sound(Box::new(session.expect("good settings")))
            };
            peers.push(Peer::new(PeerId::Player(*own), session, now, TICK));
        }
        Self { now, peers, faults, cut: Vec::new(), flying: BTreeMap::new(), sent: 0, dice }
    }

    /// A spectator that the first player serves.
    pub fn watch(&mut self, number: u32) {
        let players: Vec<PlayerId> = (1..=self.peers.len() as u64).map(PlayerId).collect();
        let settings = PeerSettings::default();
        let session = SpectatorSession::new(self.now, settings, players[0], &players, world::<false>(), &Inline);
        self.peers[0].sound_mut().expect_spectator(number);
        let session = Session::Spectator(Box::new(session));
        self.peers.push(Peer::new(PeerId::Spectator(number), session, self.now, TICK));
    }

    /// Lets `ticks` ticks' time go by, a millisecond at a time.
    pub fn run(&mut self, ticks: u64) {
        let end = self.now.0 + ticks * TICK;
        while self.now.0 < end {
            self.now.0 += 1_000;
            self.deliver();
            for at in 0..self.peers.len() {
                self.drive(at);
            }
        }
    }

    /// Until all who run have confirmed `tick`.
    pub fn run_to(&mut self, tick: Tick) {
        for _ in 0..20_000 {
            let behind = |peer: &Peer| !peer.is_frozen && peer.state() != SessionState::Over && peer.confirmed() < tick;
            if !self.peers.iter().any(behind) {
                return;
            }
            self.run(1);
        }
        let at: Vec<_> = self.peers.iter().map(|peer| (peer.id, peer.state(), peer.confirmed(), peer.tick())).collect();
        panic!("tick {tick} is not confirmed after 20,000 ticks' time: {at:?}");
    }

    /// Somebody is gone without a word: neither hears nor speaks.
    pub fn freeze(&mut self, at: usize) {
        self.peers[at].is_frozen = true;
        self.peers[at].was_frozen = true;
    }

    fn drive(&mut self, at: usize) {
        let (now, dice) = (self.now, &mut self.dice);
        let peer = &mut self.peers[at];
        if peer.is_frozen {
            return;
        }
        if now.0 >= peer.next_tick {
            peer.next_tick += peer.tick_length;
            // Controls are held for a while, as people do.
            let pad =
                Pad { dx: dice.below(3) as i8 - 1, dy: (peer.tick().0 / 16 % 3) as i8 - 1, fires: dice.chance(1, 8) };
            let input = dice.chance(9, 10).then_some(pad);
            let made = each!(&mut peer.session, it => it.advance(now, input, &Inline).map(|_| ()), spectator => {
                let steps = 1 + spectator.ticks_behind() / 8;
                (0..steps).try_for_each(|_| spectator.advance(&Inline).map(|roots| if let Some(roots) = roots {
                    peer.roots.insert(spectator.world().tick(), roots.root);
                }))
            });
            match made {
                Ok(()) | Err(PeerError::Greeting | PeerError::Over) => {}
                Err(PeerError::Stall { .. }) => peer.stalls += 1,
                Err(error) => panic!("{:?}: {error}", peer.id),
            }
        }
        let due = each!(&peer.session, it => it.poll_timeout(), spectator => spectator.poll_timeout());
        if due.is_some_and(|due| due <= now) {
            each!(&mut peer.session, it => it.handle_timeout(now), spectator => spectator.handle_timeout(now));
        }
        peer.note();
        let from = peer.id;
        let mut out = Vec::new();
        each!(&mut peer.session, it => while let Some((to, bytes)) = it.poll_transmit() { out.push((to, bytes)) },
            spectator => while let Some(bytes) = spectator.poll_transmit() { out.push((player(1), bytes)) });
        out.into_iter().for_each(|(to, bytes)| self.send(from, to, bytes.to_vec()));
    }

    fn send(&mut self, from: PeerId, to: PeerId, mut bytes: Vec<u8>) {
        assert!(bytes.len() <= 1_100, "a message of {} bytes", bytes.len());
        let (faults, dice) = (self.faults, &mut self.dice);
        if dice.below(100) < faults.loss_percent {
            return;
        }
        if dice.below(100) < faults.bent_percent {
            let place = dice.below(bytes.len() as u32) as usize;
            if dice.chance(1, 2) { bytes.truncate(place) } else { bytes[place] ^= 1 << dice.below(8) }
        }
        for _ in 0..1 + u32::from(dice.below(100) < faults.twice_percent) {
            let way = faults.way.0 + dice.below(faults.way.1 - faults.way.0 + 1);
            self.sent += 1;
            self.flying.insert((self.now.0 + u64::from(way), self.sent), (from, to, bytes.clone()));
        }
    }

    fn deliver(&mut self) {
        let later = self.flying.split_off(&(self.now.0 + 1, 0));
        for (from, to, bytes) in std::mem::replace(&mut self.flying, later).into_values() {
            if self.cut.contains(&(from, to)) || self.cut.contains(&(to, from)) {
                continue;
            }
            let now = self.now;
            let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == to && !peer.is_frozen) else { continue };
            each!(&mut peer.session, it => it.handle_message(now, from, &bytes),
                spectator => spectator.handle_message(now, &bytes));
        }
    }

    /// What must hold after any run of sound builds, for all who never fell silent: one root of each tick, and nobody who says
    /// otherwise.
    pub fn check(&self) {
        let mut all: BTreeMap<Tick, Hash> = BTreeMap::new();
        for peer in self.peers.iter().filter(|peer| !peer.was_frozen) {
            for (tick, root) in &peer.roots {
                let first = *all.entry(*tick).or_insert(*root);
                assert_eq!(first, *root, "{:?} has another root of tick {tick}", peer.id);
            }
            assert!(!peer.has(|event| matches!(event, PeerEvent::Desync { .. })), "{:?}: {:?}", peer.id, peer.events);
        }
    }

    /// Whether [`check`](Self::check) would find two roots of one tick.
    pub fn has_parted(&self) -> bool {
        let mut all: BTreeMap<Tick, Hash> = BTreeMap::new();
        let roots = self.peers.iter().flat_map(|peer| &peer.roots);
        roots.into_iter().any(|(tick, root)| *all.entry(*tick).or_insert(*root) != *root)
    }
}

impl Peer {
    fn new(id: PeerId, session: Session, now: Instant, tick_length: u64) -> Self {
        Self {
            id,
            session,
            events: Vec::new(),
            roots: BTreeMap::new(),
            frames: BTreeMap::new(),
            stalls: 0,
            tick_length,
            is_frozen: false,
            was_frozen: false,
            next_tick: now.0,
            last_confirmed: Tick(0),
        }
    }

    /// Keeps what the session tells.
    fn note(&mut self) {
        let events = &mut self.events;
        each!(&mut self.session, it => while let Some(event) = it.poll_event() { events.push(event) },
            spectator => while let Some(event) = spectator.poll_event() { events.push(event) });
        for tick in self.last_confirmed.0 + 1..=self.confirmed().0 {
            let tick = Tick(tick);
            let kept = each!(&self.session,
                it => it.evidence(tick).map(|evidence| (evidence.roots.root, evidence.frame.clone())), _spectator => None);
            if let Some((root, frame)) = kept {
                self.roots.insert(tick, root);
                self.frames.insert(tick, frame);
            }
            self.last_confirmed = tick;
        }
    }
}

/// The first difference of two peers' worlds of a tick, in words: where a fault is to be looked for.
pub fn difference(a: &Peer, b: &Peer, tick: Tick) -> String {
    let (a, b) = (view(a, tick), view(b, tick));
    worlds(&*a, &*b, 8).list.first().map(ToString::to_string).unwrap_or_default()
}

fn view(peer: &Peer, tick: Tick) -> Box<dyn StateView + '_> {
    each!(&peer.session, it => {
        let world = it.evidence(tick).and_then(|evidence| evidence.world.as_ref()).expect("it is kept");
        view_of(world)
    }, _spectator => panic!("a spectator keeps no worlds"))
}

fn view_of<G: Game>(world: &World<G>) -> Box<dyn StateView + '_> {
    Box::new(WorldView::new(world, &Arc::new(tickworld_sim::world::schema::<G>())))
}
