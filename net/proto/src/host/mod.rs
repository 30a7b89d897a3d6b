//! [`Host`]: the server's side of the protocol, without sockets, clocks, threads or a simulation.
//!
//! It owns sessions, inboxes, the open frame, budgets and the history that peers ask for. It does not own the simulation, the
//! journal or randomness; whoever embeds it makes ticks, stores them, and judges tokens.
//!
//! Invariant: nothing about a tick is said to a peer before the tick is stepped and as durable as the peer was promised; an
//! input of a player is in one frame at most, behind all of theirs with lower numbers; memory is bounded in every dimension
//! by [`HostSettings`] and [`limits`].
//!
//! A tick, as the embedder makes it:
//!
//! ```text
//! if host.may_close() {
//!     let frame = host.close_frame(now, entropy, acts_of_the_region);
//!     journal.append(host.frame_bytes(frame.tick), ..);          // beside the step
//!     simulation.advance(&frame, ..);
//!     let bytes = simulation.world().dirty_bytes();
//!     host.handle_stepped(now, simulation.snapshot(), bytes);
//!     host.handle_root(now, roots, sealed);                      // now, or up to 8 ticks later
//!     host.handle_durable(now, tick, Durability::Disk);          // when the append is done
//! }
//! while let Some((session, transmit)) = host.poll_transmit() { .. }
//! while let Some(event) = host.poll_event() { .. }               // after the transmits: `Closed` follows the last word
//! // and handle_timeout(now) when poll_timeout() says
//! ```

mod admission;
mod budget;
mod direct;
mod event;
mod history;
mod homecoming;
mod inbox;
mod intake;
mod joins;
mod outbox;
mod players;
mod release;
mod requesters;
mod requests;
mod sequencing;
mod session;
mod settings;
mod tickets;
mod timers;

use alloc::{
    collections::{BTreeMap, VecDeque},
    format,
    string::String,
    sync::Arc,
};

pub use crate::identity::Kinds;
pub use budget::Rate;
use bytes::Bytes;
pub use direct::SubmitError;
pub use event::{
    AddressKey, Connection, Counters, Finding, Found, Grant, HostEvent, NotedGeneration, Search, SessionId,
};
pub use settings::{AddressRates, HostSettings, IdentityRates};
pub use tickets::{Generations, TicketIssuer};
use tickworld_sim::{
    frame::{PlayerId, Tick},
    game::Game,
    region::RegionId,
    schema::{Schema, SchemaId},
    world::{Roots, World},
};

use self::{
    budget::Addresses, history::History, homecoming::Homecoming, joins::Joins, outbox::Outbox, players::Roster,
    requesters::Requests, session::Session, tickets::Tickets,
};
use crate::{
    channel::Transmit,
    codec::clip,
    instant::Instant,
    limits,
    message::{Goodbye, Message, Moved, Reason, SessionKind, Way},
};

/// The server's side of the protocol for one world.
pub struct Host<G: Game> {
    settings: HostSettings,
    schema: Arc<Schema>,
    schema_id: SchemaId,
    sessions: BTreeMap<SessionId, Session>,
    /// Sessions that are not open.
    greeting_count: u32,
    addresses: Addresses,
    roster: Roster<<G as Game>::Input>,
    /// Players that the world remembers or will, at most this many.
    player_count: u32,
    tickets: Tickets,
    history: History<G>,
    joins: Joins<G>,
    requests: Requests,
    /// Players who are to be in the world and are not.
    homecomings: BTreeMap<PlayerId, Homecoming>,
    /// Searches in the archive so far, and the last player whose return a frame said.
    searches: u64,
    last_return: PlayerId,
    /// The slot from which on players are looked at who have been away for long.
    leaver_slot: u32,
    /// Other regions of the world, and how clients reach them.
    ways: BTreeMap<RegionId, Way>,
    outbox: Outbox,
    events: VecDeque<HostEvent>,
    counters: Counters,
    /// When the last frame was closed.
    closed_at: Instant,
    pace_percent: u16,
    storage_failed: Option<String>,
    is_shut_down: bool,
    /// When something is due, at the earliest.
    wake: Option<Instant>,
}

impl<G: Game> Host<G> {
    /// A host of a world that is durable; players in it are taken for lost now.
    ///
    /// `start` is hashed, and `roots` are its roots.
    #[must_use]
    pub fn new(
        now: Instant,
        settings: HostSettings,
        schema: &Arc<Schema>,
        start: World<G>,
        roots: Roots,
        issuer: TicketIssuer,
    ) -> Self {
        let player_count = u32::try_from(start.players().iter().count()).unwrap_or(u32::MAX);
        let mut host = Self {
            settings,
            schema: schema.clone(),
            schema_id: schema.id(),
            sessions: BTreeMap::new(),
            greeting_count: 0,
            addresses: Addresses::new(settings.address_budget, settings.sessions_per_address_max),
            roster: Roster::of(now, start.players()),
            player_count,
            tickets: Tickets::new(now, issuer),
            joins: Joins::default(),
            history: History::begin(start, roots),
            requests: Requests::default(),
            homecomings: BTreeMap::new(),
            searches: 0,
            last_return: PlayerId::REGION,
            leaver_slot: 0,
            ways: BTreeMap::new(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
            closed_at: now,
            pace_percent: 100,
            storage_failed: None,
            is_shut_down: false,
            wake: None,
        };
        host.wake_by(now.after(settings.player_timeout));
        host
    }

    /// The tick whose frame is open.
    #[must_use]
    pub const fn open_tick(&self) -> Tick {
        self.history.open()
    }

    /// The newest tick that peers know who were promised the host's own durability.
    #[must_use]
    pub const fn released_tick(&self) -> Tick {
        self.history.released[history::place(self.settings.durability)]
    }

    /// Whether the open frame may be closed: never run further ahead of storage, or of the steps, than
    /// `durable_lag_ticks_max`. Ticks that [joined a run](Self::join_run) do not count.
    #[must_use]
    pub fn may_close(&self) -> bool {
        let lag = self.history.lag_ticks(self.released_tick());
        lag < u64::from(self.settings.durable_lag_ticks_max)
    }

    /// The canonical bytes of a closed frame that is still kept: the journal's copy, without copying.
    #[must_use]
    pub fn frame_bytes(&self, tick: Tick) -> Option<Bytes> {
        self.history.find(tick).map(|kept| kept.frame.clone()).filter(|frame| !frame.is_empty())
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        let mut counters = self.counters;
        counters.transmits = self.outbox.pushed;
        counters.transmits_dropped = self.outbox.dropped;
        counters
    }

    /// Sessions at present, open or not.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Sessions that are not admitted yet.
    #[must_use]
    pub const fn unadmitted_count(&self) -> u32 {
        self.greeting_count
    }

    /// Open sessions of a kind.
    #[must_use]
    pub fn session_count_of(&self, kind: SessionKind) -> usize {
        self.sessions.values().filter(|session| session.open().is_some_and(|open| open.kind == kind)).count()
    }

    /// The open session of a player.
    #[must_use]
    pub fn session_of(&self, player: PlayerId) -> Option<SessionId> {
        self.roster.find(player)?.session
    }

    /// How fast the world runs, as it was last told.
    #[must_use]
    pub const fn pace_percent(&self) -> u16 {
        self.pace_percent
    }

    /// Players known at present: in the world, or with a session, or with inputs on their way.
    #[must_use]
    pub fn player_count(&self) -> usize {
        self.roster.len()
    }

    /// Ticks kept at present.
    #[must_use]
    pub fn history_len(&self) -> usize {
        self.history.len()
    }

    /// Bytes that the kept worlds hold besides the oldest of them: at most
    /// [`history_bytes_max`](HostSettings::history_bytes_max), and what is not released yet.
    #[must_use]
    pub const fn history_bytes(&self) -> u64 {
        self.history.world_bytes()
    }

    /// Bytes of the messages that wait to be fetched; one that goes to many counts once.
    #[must_use]
    pub const fn outbox_bytes(&self) -> u64 {
        self.outbox.bytes
    }

    /// The settings that the host runs with.
    #[must_use]
    pub const fn settings(&self) -> &HostSettings {
        &self.settings
    }

    /// Tells everybody how fast the world runs: 100 is its rate, 200 half of it. Stands on the frames closed from now on.
    pub const fn set_pace(&mut self, percent: u16) {
        self.pace_percent = percent;
    }

    /// There is another region of the world, which clients reach so: whose player is there is told.
    pub fn tell_neighbour(&mut self, region: RegionId, way: Way) {
        self.ways.insert(region, way);
    }

    /// The newest stepped world.
    #[must_use]
    pub fn stepped_world(&self) -> &World<G> {
        self.history.stepped_world()
    }

    /// Ends every session and takes no more. Players stay in the world; frames may still be closed, without their inputs.
    pub fn shutdown(&mut self, now: Instant) {
        self.is_shut_down = true;
        let sessions: alloc::vec::Vec<SessionId> = self.sessions.keys().copied().collect();
        for session in sessions {
            self.end(now, session, Reason::Shutdown, "the server shuts down; come back later");
        }
    }

    /// The next message to send. Fetch all of them before [`poll_event`](Self::poll_event).
    pub fn poll_transmit(&mut self) -> Option<(SessionId, Transmit)> {
        self.outbox.poll()
    }

    /// The next thing to know or decide.
    pub fn poll_event(&mut self) -> Option<HostEvent> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.wake
    }

    /// Ends a session with a last word.
    fn end(&mut self, now: Instant, id: SessionId, reason: Reason, detail: &str) {
        if !self.sessions.contains_key(&id) {
            return;
        }
        let goodbye = Message::Goodbye(Goodbye { reason, detail: clip(detail) });
        self.outbox.push_last(id, crate::channel::Channel::Control, goodbye.encode());
        self.remove(now, id);
        self.tell(HostEvent::Closed { session: id, reason });
    }

    /// Ends a session whose player another region has, and tells it which.
    fn redirect(&mut self, now: Instant, id: SessionId, region: RegionId, hops: u64) {
        if !self.sessions.contains_key(&id) {
            return;
        }
        let Some(way) = self.ways.get(&region) else {
            let detail = format!("the player is in region {region}, and nobody here knows the way");
            return self.end(now, id, Reason::Elsewhere, &detail);
        };
        let moved = Message::Moved(Moved { region, hops, way: way.clone() });
        self.outbox.push_last(id, crate::channel::Channel::Control, moved.encode());
        self.end(now, id, Reason::Moved, &format!("the player is in region {region}"));
    }

    fn tell(&mut self, event: HostEvent) {
        if self.events.len() < limits::EVENTS_MAX as usize {
            self.events.push_back(event);
        } else {
            self.counters.events_dropped = self.counters.events_dropped.saturating_add(1);
        }
    }

    fn wake_by(&mut self, at: Instant) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }
}
