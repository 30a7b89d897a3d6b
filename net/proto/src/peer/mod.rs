//! [`PeerSession`]: players who simulate one world without a host, each guessing what the others do and going back where a
//! guess was wrong.
//!
//! Invariant: a tick is confirmed once everybody's input of it is known, with one frame that is the same for all; roots are
//! compared, so that worlds that part are noticed. Whatever a peer sends, the answer is an event and never a panic.
//! It reads no clock, opens no socket and draws no randomness; each message may be lost, come twice or late.
//!
//! It is [`Rollback`] with the inputs that came, and nothing else steps a world here. What it has of GGRS and GGPO:
//!
//! | there | here |
//! | --- | --- |
//! | input delay, prediction window | [`PeerSettings::input_delay_ticks`], [`RollbackSettings::prediction_ticks_max`](tickworld_sim::rollback::RollbackSettings) |
//! | `add_local_input`, `advance_frame`, the requests to save and load | [`PeerSession::advance`] |
//! | input predictor | [`InputPredictor`]: the engine's, [`RepeatLast`](tickworld_sim::rollback::RepeatLast) or your own |
//! | synchronizing | [`SessionState::Greeting`]: the same game, the same world, and a seed that nobody chose |
//! | wait recommendation, frames ahead | [`PeerEvent::Wait`], [`PeerSession::ticks_ahead`] |
//! | desync detection | always: [`PeerEvent::Desync`]; [`PeerSession::evidence`] has the world to compare |
//! | spectator session | [`SpectatorSession`] |
//! | sync test session | [`SyncTest`](tickworld_sim::rollback::SyncTest), which needs no network |
//! | disconnects | [`PeerEvent::Departed`]: those who are left agree on the last tick of whoever is gone |
//!
//! Peers trust each other with more than a host does: each knows all the state and the dice of ticks to come (see
//! [`Rng`](tickworld_sim::rng)), can say of another that nothing is heard of them, and can end the session. A [host](crate::host)
//! keeps such things to itself. Who sent a message is the transport's to know.

mod audience;
mod body;
mod departures;
mod event;
mod inputs;
mod message;
mod remote;
mod seed;
mod settings;
mod spectator;
mod time_sync;
mod upkeep;

use alloc::{
    collections::{BTreeMap, VecDeque},
    format,
    vec::Vec,
};

use bytes::Bytes;
pub use event::{Farewell, PeerError, PeerEvent, PeerFault, PeerId, PeerSetupError, SessionState};
pub use settings::PeerSettings;
pub use spectator::SpectatorSession;
use tickworld_sim::{
    executor::Executor,
    frame::{FrameError, InputFrame, PlayerId, Tick},
    game::Game,
    hash::ShortHash,
    rollback::{AdvanceError, Evidence, InputPredictor, Rollback, RollbackCounters},
    simulation::Simulation,
    world::World,
};

use self::{
    audience::Audience,
    departures::Departures,
    inputs::{InputLog, PeerPredictor},
    message::{Greeting, PeerMessage, Turn, Watch},
    remote::Remote,
    seed::Agreement,
    time_sync::Heard,
};
use crate::{
    instant::{Instant, Micros},
    limits::{
        CLIENT_EVENTS_MAX, DATAGRAM_BYTES_MIN, PEER_ADVICE_TICKS, PEER_ADVICE_TICKS_MIN, PEER_DELAY_TICKS_MAX,
        PEER_PREDICTION_TICKS_MAX, PEER_TRANSMITS_MAX, PEERS_MAX,
    },
};

/// A player's session with the others.
///
/// Feed it with `handle_*`; call [`advance`](Self::advance) once a tick's time; then poll until nothing comes:
/// [`poll_event`](Self::poll_event), [`poll_transmit`](Self::poll_transmit).
///
/// ```
/// use tickworld_ledger::{Ledger, Order};
/// use tickworld_proto::{
///     instant::Instant,
///     peer::{PeerEvent, PeerId, PeerSession, PeerSettings, SessionState},
/// };
/// use tickworld_sim::{executor::Inline, frame::{PlayerId, Tick}, rollback::PredictNothing};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let players = [PlayerId(1), PlayerId(2)];
/// let mut now = Instant(1_000_000);
/// let begin = |own: PlayerId, secret: [u8; 16]| {
///     let world = Ledger::open(10, 100); // the same for all of them
///     PeerSession::new(now, PeerSettings::default(), own, &players, world, PredictNothing, secret, &Inline)
/// };
/// let mut peers = [begin(players[0], [1; 16])?, begin(players[1], [2; 16])?]; // fresh secret bytes from the system
/// while peers.iter().any(|peer| peer.confirmed_tick() < Tick(20)) {
///     now.0 += 16_667;
///     for own in 0..2 {
///         let other = 1 - own;
///         if peers[own].state() == SessionState::Running {
///             let _stall = peers[own].advance(now, Some(Order::Transfer { from: 0, to: 1, amount: 1 }), &Inline);
///         }
///         peers[own].handle_timeout(now);
///         while let Some((_to, bytes)) = peers[own].poll_transmit() {
///             peers[other].handle_message(now, PeerId::Player(players[own]), &bytes); // a socket stands here
///         }
///         while let Some(event) = peers[own].poll_event() {
///             assert!(!matches!(event, PeerEvent::Desync { .. }));
///         }
///     }
/// }
/// let roots = peers.each_ref().map(|peer| peer.evidence(Tick(20)).expect("kept").roots.root);
/// assert_eq!(roots[0], roots[1]);
/// # Ok(())
/// # }
/// ```
pub struct PeerSession<G: Game, P> {
    settings: PeerSettings,
    /// Ascending. A player's place among them stands for them in messages.
    players: Vec<PlayerId>,
    own: usize,
    now: Instant,
    state: SessionState,
    /// This peer left by itself: others are told again whenever they speak.
    has_left: bool,
    agreement: Agreement,
    tag: u32,
    rollback: Rollback<G, PeerPredictor<G::Input, P>>,
    /// By place; nothing at the own one.
    remotes: BTreeMap<usize, Remote>,
    departures: Departures,
    audience: Audience,
    /// The root that turns tell.
    root: Option<(Tick, ShortHash)>,
    /// The tick at which advice about time was last given.
    advised: Tick,
    events: VecDeque<PeerEvent>,
    transmits: VecDeque<(PeerId, Bytes)>,
}

impl<G: Game, P: InputPredictor<G>> PeerSession<G, P> {
    /// A session of `own` with the others among `players`. All begin with the same world, whose players enter in its first
    /// tick. `secret` is the own part of the seed: fresh random bytes, which are told to the others once they all have promised
    /// theirs.
    ///
    /// # Errors
    /// Where players or settings are out of their range.
    #[expect(clippy::too_many_arguments, reason = "each is needed once, and none goes with another")]
    pub fn new(
        now: Instant,
        settings: PeerSettings,
        own: PlayerId,
        players: &[PlayerId],
        mut simulation: Simulation<G>,
        predictor: P,
        secret: [u8; 16],
        executor: &dyn Executor,
    ) -> Result<Self, PeerSetupError> {
        let mut players = players.to_vec();
        players.sort_unstable();
        check_setup::<G>(&settings, &players)?;
        let place = players.binary_search(&own).map_err(|_| PeerSetupError::NotAmongThem(own))?;
        let root = simulation.seal(executor).root;
        let fingerprint = seed::fingerprint(simulation.world(), simulation.schema_id(), root, &players);
        let start = simulation.world().tick();
        let predictor = PeerPredictor::new(InputLog::new(start, &players), predictor);
        let others = (0..players.len()).filter(|other| *other != place);
        Ok(Self {
            settings,
            own: place,
            now,
            state: SessionState::Greeting,
            has_left: false,
            agreement: Agreement::new(fingerprint, &players, place, secret),
            tag: 0,
            rollback: Rollback::new(simulation, predictor, settings.rollback, executor),
            remotes: others.map(|other| (other, Remote::new(now, start))).collect(),
            departures: Departures::new(place, players.len()),
            audience: Audience::new(start),
            root: None,
            advised: start,
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            players,
        })
    }

    /// Expects a spectator by this number, before the first tick is made: frames are kept for it from the beginning.
    pub fn expect_spectator(&mut self, number: u32) {
        let start = self.confirmed_tick();
        self.audience.expect(number, self.now, start);
    }

    // Input.

    /// A message came, from whom the transport says.
    pub fn handle_message(&mut self, now: Instant, from: PeerId, bytes: &[u8]) {
        self.now = self.now.max(now);
        let message = match PeerMessage::decode(bytes) {
            Ok(message) => message,
            Err(fault) => return self.tell(PeerEvent::Fault(from, fault)),
        };
        let is_farewell = matches!(message, PeerMessage::Farewell { .. });
        if self.state == SessionState::Over {
            if self.has_left && !is_farewell {
                self.say_farewell(from, Farewell::Left);
            }
            return;
        }
        match (from, message) {
            (PeerId::Spectator(number), PeerMessage::Watch(watch)) => self.handle_watch(number, &watch),
            (PeerId::Spectator(_), PeerMessage::Farewell { .. }) => {}
            (PeerId::Player(player), message) => match self.players.binary_search(&player) {
                Ok(place) if place != self.own => self.handle_player(place, message),
                _ => self.tell(PeerEvent::Fault(from, PeerFault::Sender)),
            },
            (PeerId::Spectator(_), _) => self.tell(PeerEvent::Fault(from, PeerFault::Sender)),
        }
    }

    fn handle_player(&mut self, place: usize, message: PeerMessage<G::Input>) {
        let from = PeerId::Player(self.players[place]);
        if self.departures.is_gone(place) {
            if !matches!(message, PeerMessage::Farewell { .. }) {
                self.say_farewell(from, Farewell::GivenUp);
            }
            return;
        }
        match message {
            PeerMessage::Greeting(greeting) => self.handle_greeting(place, &greeting),
            PeerMessage::Turn(turn) if self.state == SessionState::Running && turn.tag == self.tag => {
                self.handle_turn(place, &turn);
            }
            // Of another session, or of one that is ahead in getting to know everybody.
            PeerMessage::Turn(_) => {}
            PeerMessage::Farewell { tag, why } if tag == self.tag => self.handle_farewell(place, why),
            PeerMessage::Farewell { .. } => {}
            PeerMessage::Watch(_) | PeerMessage::Frames(_) => self.tell(PeerEvent::Fault(from, PeerFault::Sender)),
        }
    }

    fn handle_greeting(&mut self, place: usize, greeting: &Greeting) {
        let from = PeerId::Player(self.players[place]);
        match self.agreement.handle_greeting(place, greeting) {
            Ok(()) => self.heard(place),
            Err(why) => {
                self.say_farewell(from, why);
                // A session that runs does not end because somebody starts another one at the same address.
                if self.state == SessionState::Greeting {
                    self.end(from, why);
                }
                return;
            }
        }
        if self.state == SessionState::Greeting {
            if let Some(seed) = self.agreement.seed() {
                self.begin(seed);
            }
        } else if greeting.asks {
            self.greet(place);
        }
    }

    /// Begins to play, once everybody agreed.
    fn begin(&mut self, seed: seed::Seed) {
        self.state = SessionState::Running;
        self.tag = seed.tag();
        let predictor = self.rollback.predictor_mut();
        predictor.seed = Some(seed);
        for _ in 0..self.settings.input_delay_ticks {
            predictor.log.push(self.own, None);
        }
        for remote in self.remotes.values_mut() {
            remote.contact.handle(self.now);
        }
        self.tell(PeerEvent::Running);
    }

    fn handle_turn(&mut self, place: usize, turn: &Turn<G::Input>) {
        self.heard(place);
        let (confirmed, own_tick, now) = (self.confirmed_tick(), self.tick(), self.now);
        let newest = self.rollback.predictor().log.newest(self.own);
        let Some(remote) = self.remotes.get_mut(&place) else { return };
        remote.acknowledged = remote.acknowledged.max(turn.have.min(newest));
        let heard = Heard { sent: turn.sent, echo: turn.echo, tick: turn.tick, ahead: turn.ahead };
        remote.sync.handle(now, own_tick, &heard, self.settings.tick_length);
        self.rollback.predictor_mut().log.handle_run(place, &turn.inputs, confirmed);
        if let Some((tick, root)) = turn.root {
            self.handle_root(place, tick, root);
        }
        for (gone, have) in &turn.departing {
            let gone = usize::from(*gone);
            if gone == self.own {
                return self.end(PeerId::Player(self.players[place]), Farewell::GivenUp);
            }
            if gone < self.players.len() && gone != place {
                self.depart(gone, Farewell::GivenUp);
                self.departures.handle_announcement(place, gone, *have);
            }
        }
        for (gone, run) in &turn.relayed {
            if self.departures.is_gone(usize::from(*gone)) {
                self.rollback.predictor_mut().log.handle_run(usize::from(*gone), run, confirmed);
            }
        }
    }

    fn handle_farewell(&mut self, place: usize, why: Farewell) {
        match (why, self.state) {
            (Farewell::Left, SessionState::Running) => self.depart(place, why),
            _ => self.end(PeerId::Player(self.players[place]), why),
        }
    }

    fn handle_root(&mut self, place: usize, tick: Tick, theirs: ShortHash) {
        if tick > self.confirmed_tick() {
            if let Some(remote) = self.remotes.get_mut(&place) {
                remote.roots.keep(tick, theirs);
            }
        } else if let Some(own) = self.rollback.evidence(tick).map(|evidence| evidence.roots.root.short()) {
            self.compare(place, tick, own, theirs);
        }
    }

    fn compare(&mut self, place: usize, tick: Tick, own: ShortHash, theirs: ShortHash) {
        let Some(remote) = self.remotes.get_mut(&place) else { return };
        if remote.roots.is_first_difference(own, theirs) {
            self.tell(PeerEvent::Desync { player: self.players[place], tick, own, theirs });
        }
    }

    fn handle_watch(&mut self, number: u32, watch: &Watch) {
        let now = self.now;
        let is_same = watch.fingerprint == self.agreement.fingerprint();
        let Some(spectating) = self.audience.spectators.get_mut(&number) else {
            return self.say_farewell(PeerId::Spectator(number), Farewell::Unexpected);
        };
        if !is_same {
            return self.dismiss(number, Farewell::OtherGame);
        }
        spectating.is_there = true;
        spectating.have = spectating.have.max(watch.have.min(self.rollback.confirmed_tick()));
        if spectating.contact.handle(now) {
            self.tell(PeerEvent::Resumed(PeerId::Spectator(number)));
        }
    }

    // Changes.

    /// Makes the next tick, once a tick's time: confirms what can be, goes back where a guess was wrong, and steps on with what
    /// is known and guessed. `input` applies [`input_delay_ticks`](PeerSettings::input_delay_ticks) later. Gives the tick.
    ///
    /// # Errors
    /// Where no tick is made. After a [stall](PeerError::Stall) call again in a tick's time, or when a message came.
    pub fn advance(
        &mut self,
        now: Instant,
        input: Option<G::Input>,
        executor: &dyn Executor,
    ) -> Result<Tick, PeerError> {
        self.now = self.now.max(now);
        match self.state {
            SessionState::Greeting => return Err(PeerError::Greeting),
            SessionState::Over => return Err(PeerError::Over),
            SessionState::Running => {}
        }
        self.agree_on_departures();
        self.confirm_known(executor)?;
        let next = self.tick().next();
        let applies = next.0.saturating_add(u64::from(self.settings.input_delay_ticks));
        let log = &mut self.rollback.predictor_mut().log;
        if log.newest(self.own).0 < applies {
            log.push(self.own, input);
        }
        let made = self.make(next, executor);
        self.speak();
        self.advise();
        made
    }

    /// Leaves for good: the others play on. It is told again to whoever has not heard it, as long as messages are handled.
    pub fn leave(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.state != SessionState::Over {
            self.has_left = true;
            self.state = SessionState::Over;
            let others = self.departures.others().map(|place| PeerId::Player(self.players[place]));
            let all: Vec<PeerId> =
                others.chain(self.audience.spectators.keys().map(|n| PeerId::Spectator(*n))).collect();
            all.into_iter().for_each(|peer| self.say_farewell(peer, Farewell::Left));
        }
    }

    fn make(&mut self, next: Tick, executor: &dyn Executor) -> Result<Tick, PeerError> {
        let is_confirmed = self.confirmed_tick() == self.tick();
        if let Some(frame) = self.rollback.predictor().frame(next).filter(|_| is_confirmed) {
            self.confirm(&frame, executor)?;
            return Ok(next);
        }
        match self.rollback.advance_predicted(Vec::new(), executor) {
            Ok(()) => Ok(next),
            Err(AdvanceError::Frame(error)) => Err(error.into()),
            Err(_) => {
                let ahead = self.tick().0.saturating_sub(self.confirmed_tick().0);
                Err(PeerError::Stall { tick: self.tick(), ahead: u32::try_from(ahead).unwrap_or(u32::MAX) })
            }
        }
    }

    /// Confirms every tick up to the present whose inputs are known, and mends guesses beyond that are known to be wrong.
    fn confirm_known(&mut self, executor: &dyn Executor) -> Result<(), FrameError> {
        let before = self.rollback.counters().rollbacks;
        while self.confirmed_tick() < self.tick() {
            let Some(frame) = self.rollback.predictor().frame(self.confirmed_tick().next()) else { break };
            self.confirm(&frame, executor)?;
        }
        let is_contradicted = self.rollback.predictor_mut().log.take_contradiction();
        if is_contradicted && self.rollback.counters().rollbacks == before {
            self.rollback.predict_anew(executor);
        }
        Ok(())
    }

    fn confirm(&mut self, frame: &InputFrame<G::Input>, executor: &dyn Executor) -> Result<(), FrameError> {
        let own = self.rollback.confirm(frame, executor)?.root.short();
        let tick = frame.tick;
        if tick.0.checked_rem(u64::from(self.settings.root_ticks)) == Some(0) {
            self.root = Some((tick, own));
        }
        for place in self.departures.others() {
            let told = self.remotes.get_mut(&place).and_then(|remote| remote.roots.take(tick));
            if let Some(theirs) = told {
                self.compare(place, tick, own, theirs);
            }
        }
        let encode = || {
            let mut bytes = Vec::new();
            frame.encode(&mut bytes);
            Bytes::from(bytes)
        };
        for late in self.audience.push(tick, encode) {
            self.dismiss(late, Farewell::Behind);
        }
        Ok(())
    }

    // Getters.

    /// Where the session stands.
    #[must_use]
    pub const fn state(&self) -> SessionState {
        self.state
    }

    /// The tick of the world that is shown.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.rollback.tick()
    }

    /// The last tick whose inputs are all known.
    #[must_use]
    pub const fn confirmed_tick(&self) -> Tick {
        self.rollback.confirmed_tick()
    }

    /// The world to show: with the own inputs, and guesses of those of others that have not come.
    #[must_use]
    pub const fn predicted(&self) -> &World<G> {
        self.rollback.predicted()
    }

    /// The world of the last tick whose inputs are all known: the same for all peers.
    #[must_use]
    pub const fn confirmed(&self) -> &World<G> {
        self.rollback.confirmed().world()
    }

    /// A confirmed tick's frame, roots and world, while they are kept.
    #[must_use]
    pub fn evidence(&self, tick: Tick) -> Option<&Evidence<G>> {
        self.rollback.evidence(tick)
    }

    /// What guessing cost so far.
    #[must_use]
    pub const fn counters(&self) -> RollbackCounters {
        self.rollback.counters()
    }

    /// By how many ticks this peer is ahead of the one that is furthest behind; 0 or less where it need not wait.
    #[must_use]
    pub fn ticks_ahead(&self) -> i32 {
        let others = self.departures.others().filter_map(|place| self.remotes.get(&place));
        others.map(|remote| remote.sync.ticks_ahead()).max().unwrap_or(0)
    }

    /// The way to a player and back, once it is known.
    #[must_use]
    pub fn round_trip(&self, player: PlayerId) -> Option<Micros> {
        self.remotes.get(&self.players.binary_search(&player).ok()?)?.sync.way()
    }

    /// The players who are left, this one among them, ascending.
    pub fn players(&self) -> impl Iterator<Item = PlayerId> + '_ {
        let left = self.players.iter().enumerate().filter(|(place, _)| !self.departures.is_gone(*place));
        left.map(|(_, player)| *player)
    }

    // Output.

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    /// A message, and whom it is for.
    pub fn poll_transmit(&mut self) -> Option<(PeerId, Bytes)> {
        self.transmits.pop_front()
    }

    fn tell(&mut self, event: PeerEvent) {
        if self.events.len() < CLIENT_EVENTS_MAX {
            self.events.push_back(event);
        }
    }

    fn send(&mut self, to: PeerId, message: &PeerMessage<G::Input>) {
        if self.transmits.len() < PEER_TRANSMITS_MAX {
            self.transmits.push_back((to, message.encode()));
        }
    }

    fn say_farewell(&mut self, to: PeerId, why: Farewell) {
        self.send(to, &PeerMessage::Farewell { tag: self.tag, why });
    }

    fn end(&mut self, because_of: PeerId, why: Farewell) {
        self.state = SessionState::Over;
        self.tell(PeerEvent::Over(because_of, why));
    }

    /// Advice about time, now and then.
    fn advise(&mut self) {
        if self.tick().0.saturating_sub(self.advised.0) < PEER_ADVICE_TICKS {
            return;
        }
        self.advised = self.tick();
        if let Ok(ticks) = u32::try_from(self.ticks_ahead())
            && ticks >= PEER_ADVICE_TICKS_MIN
        {
            self.tell(PeerEvent::Wait { ticks });
        }
    }
}

fn check_setup<G: Game>(settings: &PeerSettings, players: &[PlayerId]) -> Result<(), PeerSetupError> {
    let are_distinct = players.windows(2).all(|pair| pair.first() != pair.last());
    let are_players = players.iter().all(|player| player.is_player());
    if !(2..=PEERS_MAX).contains(&players.len()) || !are_distinct || !are_players {
        return Err(PeerSetupError::Players(players.to_vec()));
    }
    let input_bytes = body::bytes_max::<G::Input>();
    // A frame's head and a message's; of each player its entry and its input.
    let frame = input_bytes.saturating_add(42).saturating_mul(players.len()).saturating_add(96);
    if frame > usize::from(DATAGRAM_BYTES_MIN) {
        return Err(PeerSetupError::InputTooLong { players: players.len(), input_bytes });
    }
    let range = |name: &str, value: u32, least: u32, most: u32| {
        let is_in = (least..=most).contains(&value);
        let text = || format!("{name} is {value}: expected {least} to {most}");
        if is_in { Ok(()) } else { Err(PeerSetupError::Setting(text())) }
    };
    range("input_delay_ticks", settings.input_delay_ticks, 0, PEER_DELAY_TICKS_MAX)?;
    range("prediction_ticks_max", settings.rollback.prediction_ticks_max, 0, PEER_PREDICTION_TICKS_MAX)?;
    range("root_ticks", settings.root_ticks, 1, u32::MAX)
}
