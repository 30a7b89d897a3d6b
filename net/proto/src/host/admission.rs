//! Who comes in: connections, `Hello`, the embedder's verdict, and the end of sessions.
//!
//! Invariant: an unadmitted peer costs a table entry and a deadline; one player has one session; who was sent away, by an operator
//! or for a breach of the protocol, comes back with a new token only.

use alloc::{boxed::Box, format, string::String};

use tickworld_sim::{
    frame::{Enter, PlayerId, Request, Sequence},
    game::Game,
    limits::PLAYERS_MAX,
    region::RegionId,
    session,
};

use super::{
    Host,
    budget::IdentityBudget,
    event::{Connection, Grant, HostEvent, SessionId},
    homecoming::Place,
    players::Departure,
    session::{Asking, Granted, Open, Session, Stage},
    tickets::Shown,
};
use crate::{
    channel::Channel,
    codec::clip,
    instant::Instant,
    limits::PROTOCOL_VERSION,
    message::{Durability, Goodbye, Hello, Message, Reason, Refusal, SessionKind, Welcome},
    ticket::{TicketClaims, TicketError, opened_by},
};

impl<G: Game> Host<G> {
    /// A transport has a new connection. One that there is no room for is told so and closed at once.
    pub fn handle_connected(&mut self, now: Instant, session: SessionId, connection: Connection) {
        self.counters.connections = self.counters.connections.saturating_add(1);
        let count = u32::try_from(self.sessions.len()).unwrap_or(u32::MAX);
        let refusal = if self.is_shut_down {
            Some((Reason::Shutdown, "the server shuts down; come back later"))
        } else if count >= self.settings.sessions_max || self.greeting_count >= self.settings.greetings_max {
            Some((Reason::Full, "the server has no room for another session; come back later"))
        } else if self.pace_percent > self.settings.newcomers_pace_percent_max {
            // Shed first, before anybody who plays notices: one more would only make it slower for all.
            Some((Reason::Full, "the server cannot keep up and takes nobody new for now; come back later"))
        } else if !self.addresses.connect(now, connection.address) {
            Some((Reason::Budget, "too many sessions or connections from this address"))
        } else {
            None
        };
        if let Some((reason, detail)) = refusal {
            let goodbye = Message::Goodbye(Goodbye { reason, detail: detail.into() });
            self.outbox.push_over(session, Channel::Control, goodbye.encode());
            return self.tell(HostEvent::Closed { session, reason });
        }
        let deadline = now.after(self.settings.greeting_timeout);
        let state = Session {
            address: connection.address,
            datagram_bytes_max: connection.datagram_bytes_max,
            heard: now,
            budget: IdentityBudget::full(now, &self.settings.budget),
            stage: Stage::Greeting(deadline),
        };
        let earlier = self.sessions.insert(session, state);
        assert!(earlier.is_none(), "a transport gives each connection a number of its own");
        self.greeting_count = self.greeting_count.saturating_add(1);
        self.wake_by(deadline);
    }

    /// A connection is gone, for whatever reason. Its player stays in the world until they time out.
    pub fn handle_disconnected(&mut self, now: Instant, session: SessionId) {
        self.remove(now, session);
    }

    /// Lets a session in that asked with [`HostEvent::Admission`]; nothing happens if it is gone meanwhile.
    pub fn admit(&mut self, now: Instant, session: SessionId, grant: Grant) {
        let Some(Session { stage: Stage::Asking(_, asking, hello), .. }) = self.sessions.get_mut(&session) else {
            return;
        };
        let (asking, hello, Grant { player, kinds, until_seconds, noted }) = (*asking, hello.take(), grant);
        if let Some(of) = player {
            match (self.place_for(asking.kind, of, asking.hops), hello) {
                // Asked again when they are home: only then it is known what they were given before.
                (Place::Away, Some(hello)) => return self.await_player(now, session, of, hello),
                (Place::Here, Some(hello)) if self.came_home_since(of, asking.asked) => {
                    return self.ask(now, session, *hello);
                }
                (Place::Elsewhere(region, hops), _) => return self.redirect(now, session, region, hops),
                _ => {}
            }
        }
        let (generation, asked_at) = noted.map(|noted| (noted.first, noted.now)).unzip();
        let shown = Shown { generation, asked_at, opened_by: asking.opened_by };
        if self.is_void(asking.kind, player, shown) {
            let detail =
                "the token was used before: by another client, or before its player was sent away or came in elsewhere";
            return self.end(now, session, Reason::Unauthorized, detail);
        }
        self.let_in(now, session, asking, Granted { player, kinds, until_seconds }, shown);
    }

    /// Whether what somebody shows was good once, and is not any more.
    fn is_void(&self, kind: SessionKind, player: Option<PlayerId>, shown: Shown) -> bool {
        player.is_some_and(|player| {
            if kind.sends() {
                self.entry_of(player, shown).is_none()
            } else {
                self.watching_generation(player, shown).is_none()
            }
        })
    }

    fn let_in(&mut self, now: Instant, session: SessionId, asking: Asking, granted: Granted, shown: Shown) {
        if !granted.kinds.contains(asking.kind) {
            let detail = format!("a session of kind {:?} is not granted", asking.kind);
            return self.end(now, session, Reason::Unauthorized, &detail);
        }
        let player = granted.player.filter(|_| asking.kind.sends());
        if granted.player.is_some_and(|player| !player.is_player()) {
            let detail = "ids of players are from 1 to 2^63 - 1";
            return self.end(now, session, Reason::Unauthorized, detail);
        }
        if granted.player.is_some_and(|player| self.is_barred(player)) {
            return self.end(now, session, Reason::Unauthorized, "the operator keeps this player out");
        }
        if player.is_some_and(|player| self.place_of(player, asking.hops) != Place::Here) {
            return self.end(now, session, Reason::Elsewhere, "the player is in another region, or on the way here");
        }
        if !player.is_none_or(|player| self.make_room_for(player)) {
            return self.end(now, session, Reason::Full, "the world knows as many players as it can");
        }
        let entry = player.and_then(|player| Some((player, self.entry_of(player, shown)?)));
        let watching = granted.player.and_then(|player| self.watching_generation(player, shown));
        let generation = entry.map(|(_, entry)| entry.generation).or(watching).unwrap_or_default();
        let next_sequence = entry.map_or(Sequence(1), |(player, entry)| self.enter(now, session, player, entry));
        let level = self.level(asking);
        let open = Open {
            kind: asking.kind,
            level,
            player,
            granted,
            renew_at: now.after(self.settings.ticket_renewal),
            follows: false,
            follow: None,
            joining: None,
            pages: alloc::collections::VecDeque::new(),
            report: None,
            is_desynced: false,
        };
        self.wake_by(open.renew_at);
        if let Some(state) = self.sessions.get_mut(&session) {
            state.stage = Stage::Open(open);
        }
        self.greeting_count = self.greeting_count.saturating_sub(1);
        self.counters.sessions = self.counters.sessions.saturating_add(1);
        let ticket = self.ticket(now, &granted, generation);
        let world = self.history.released_world(level);
        let welcome = Welcome {
            player,
            next_sequence,
            tick_rate: self.settings.tick_rate,
            tick: world.tick(),
            schema: self.schema_id,
            revision: G::REVISION,
            content: world.content(),
            input_delay_ticks: self.settings.input_delay_ticks,
            durability: level,
            region: world.region().state().id,
            incarnation: world.region().state().incarnation,
            ticket,
            inputs_in_flight_max: self.settings.inputs_in_flight_max,
            history_ticks: self.settings.history_ticks,
        };
        self.outbox.push_over(session, Channel::Control, Message::Welcome(welcome).encode());
        self.wake_by(now.after(self.settings.idle_timeout));
        self.tell_storage(session);
        self.tell(HostEvent::Opened { session, player, kind: asking.kind });
    }

    /// Sends a session away that asked with [`HostEvent::Admission`]; nothing happens if it is gone meanwhile.
    pub fn refuse(&mut self, now: Instant, session: SessionId, reason: Reason, detail: &str) {
        if matches!(self.sessions.get(&session), Some(Session { stage: Stage::Asking(..), .. })) {
            self.end(now, session, reason, detail);
        }
    }

    /// Judges what needs no secret, then what was shown.
    pub(super) fn handle_hello(&mut self, now: Instant, session: SessionId, hello: Hello) {
        match self.unfit(&hello) {
            Some((reason, detail)) => self.end(now, session, reason, &detail),
            None => self.judge_hello(now, session, hello),
        }
    }

    /// What a session waited for is there: its `Hello` is judged as if it came just now.
    pub(super) fn judge_again(&mut self, now: Instant, session: SessionId) {
        let Some(state) = self.sessions.get_mut(&session) else { return };
        let (Stage::AwaitingKeys(deadline, _) | Stage::AwaitingPlayer(deadline, ..)) = state.stage else { return };
        match core::mem::replace(&mut state.stage, Stage::Greeting(deadline)) {
            Stage::AwaitingKeys(_, hello) | Stage::AwaitingPlayer(.., hello) => self.judge_hello(now, session, *hello),
            _ => {}
        }
    }

    /// Lets somebody in who shows a good ticket; asks the embedder about a token.
    pub(super) fn judge_hello(&mut self, now: Instant, session: SessionId, hello: Hello) {
        let Hello { kind, durability, hops, .. } = hello;
        if let Some(ticket) = hello.ticket {
            let opened = self.tickets.open(now, ticket);
            let hello =
                if opened == Err(TicketError::Key) { self.await_keys(now, session, hello) } else { Some(hello) };
            let Some(hello) = hello else { return };
            let detail = match opened {
                Ok(claims) => {
                    let TicketClaims { player, kinds, generation, until_seconds, .. } = claims;
                    let opened_by = opened_by(&ticket.0, hello.nonce);
                    let shown = Shown { generation: Some(generation), asked_at: None, opened_by };
                    if let Some(of) = player {
                        match self.place_for(kind, of, hops) {
                            Place::Here => {}
                            Place::Away => return self.await_player(now, session, of, Box::new(hello)),
                            Place::Elsewhere(region, hops) => return self.redirect(now, session, region, hops),
                        }
                    }
                    if !self.is_void(kind, player, shown) {
                        self.counters.resumptions = self.counters.resumptions.saturating_add(1);
                        let asking = Asking { kind, durability, hops, opened_by, asked: self.history.stepped };
                        return self.let_in(now, session, asking, Granted { player, kinds, until_seconds }, shown);
                    }
                    String::from("the ticket is void: its player was sent away or came in elsewhere; come with a token")
                }
                Err(error) => format!("{error}: come with a token"),
            };
            if hello.token.is_empty() {
                return self.end(now, session, Reason::Unauthorized, &detail);
            }
            return self.ask(now, session, hello);
        }
        self.ask(now, session, hello);
    }

    /// Asks the embedder about a token.
    fn ask(&mut self, now: Instant, session: SessionId, hello: Hello) {
        let deadline = now.after(self.settings.greeting_timeout);
        let opened_by = opened_by(&hello.token, hello.nonce);
        let again = self.has_archive().then(|| Box::new(hello.clone()));
        if let Some(state) = self.sessions.get_mut(&session) {
            let Hello { kind, durability, hops, .. } = hello;
            let asking = Asking { kind, durability, hops, opened_by, asked: self.history.stepped };
            state.stage = Stage::Asking(deadline, asking, again);
        }
        self.wake_by(deadline);
        self.tell(HostEvent::Admission { session, hello });
    }

    /// Why the peer's build or wish does not go with this host.
    fn unfit(&self, hello: &Hello) -> Option<(Reason, String)> {
        if hello.protocol != PROTOCOL_VERSION {
            let detail = format!("protocol version {}, this host speaks {PROTOCOL_VERSION}", hello.protocol);
            return Some((Reason::Protocol, detail));
        }
        if hello.game != G::NAME {
            return Some((Reason::Incompatible, format!("game `{}`, this host plays `{}`", hello.game, G::NAME)));
        }
        if hello.world.is_some_and(|world| world != self.tickets.world) {
            return Some((Reason::Elsewhere, String::from("another world is played here")));
        }
        let here = self.history.stepped_world().region().state().id;
        if hello.region != RegionId(0) && hello.region != here {
            return Some((Reason::Elsewhere, format!("region {} was asked for, this is region {here}", hello.region)));
        }
        if hello.durability > self.settings.durability {
            let (asked, best) = (hello.durability, self.settings.durability);
            return Some((Reason::Durability, format!("{asked:?} was asked for, this host promises {best:?}")));
        }
        if hello.kind != SessionKind::Lockstep {
            return None;
        }
        let content = self.history.stepped_world().content();
        let detail = if hello.schema != self.schema_id {
            format!(
                "schema {}, this world has {}: use a build of this world's version",
                hello.schema.0, self.schema_id.0
            )
        } else if hello.revision != G::REVISION {
            format!("rules revision {}, this world has {}", hello.revision, G::REVISION)
        } else if hello.content != content {
            format!("content {}, this world has {content}: get that pack first", hello.content)
        } else {
            return None;
        };
        Some((Reason::Incompatible, detail))
    }

    /// What a session is promised: whoever simulates must not see ticks that a crash takes back.
    fn level(&self, asking: Asking) -> Durability {
        match asking.kind {
            SessionKind::Command => asking.durability,
            _ => asking.durability.max(Durability::Disk).min(self.settings.durability),
        }
    }

    /// Whether the world has room for a player, who is counted from now on.
    pub(super) fn make_room_for(&mut self, player: PlayerId) -> bool {
        let players = self.history.stepped_world().players();
        if players.find(player).is_some() || self.roster.find(player).is_some() {
            return true;
        }
        if self.player_count >= PLAYERS_MAX {
            // Some may have gone before they joined.
            let known = players.iter().count().saturating_add(self.roster.joining_count());
            self.player_count = u32::try_from(known).unwrap_or(u32::MAX);
        }
        let has_room = self.player_count < PLAYERS_MAX;
        self.player_count = self.player_count.saturating_add(u32::from(has_room));
        has_room
    }

    /// Whether the newest world keeps a player out.
    pub(super) fn is_barred(&self, player: PlayerId) -> bool {
        self.history.stepped_world().players().find(player).is_some_and(|player| player.is_barred)
    }

    /// Where a player is for somebody who comes in their name: who only watches may do that anywhere, as long as it is known what was
    /// given out to the player.
    fn place_for(&self, kind: SessionKind, player: PlayerId, hops: u64) -> Place {
        match self.place_of(player, hops) {
            Place::Elsewhere(..) if !kind.sends() => Place::Here,
            place => place,
        }
    }

    /// Whether no input of a player's is taken, for ticks that held some broke.
    pub(super) fn is_held(&self, player: PlayerId) -> bool {
        self.history.stepped_world().players().find(player).is_some_and(session::Player::is_held)
    }

    /// Makes `session` the player's; gives the number of their next input.
    fn enter(&mut self, now: Instant, session: SessionId, player: PlayerId, entry: Enter) -> Sequence {
        if let Some(earlier) = self.roster.find(player).and_then(|player| player.session) {
            self.end(now, earlier, Reason::Replaced, "another session of this player took its place");
        }
        let last = self.history.stepped_world().players().last_sequence(player);
        let known = self.roster.enter(player, session, entry, last);
        if let (Some(state), Some(budget)) = (self.sessions.get_mut(&session), known.budget.take()) {
            state.budget = budget;
        }
        known.inbox.unused()
    }

    /// Takes a session out of all tables.
    pub(super) fn remove(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else { return };
        self.addresses.disconnect(session.address);
        let Stage::Open(open) = session.stage else {
            self.greeting_count = self.greeting_count.saturating_sub(1);
            return;
        };
        self.joins.leave(open.joining);
        let Some(player) = open.player else { return };
        if self.roster.find(player).is_none_or(|player| player.session != Some(id)) {
            return;
        }
        if let Some(player) = self.roster.part(player, Some(now)) {
            player.budget = Some(session.budget);
        }
        self.wake_by(now.after(self.settings.player_timeout));
    }

    /// A client says goodbye.
    pub(super) fn handle_goodbye(&mut self, now: Instant, id: SessionId, goodbye: &Goodbye) {
        let player = self.sessions.get(&id).and_then(Session::open).and_then(|open| open.player);
        self.remove(now, id);
        if let Some(player) = player.filter(|_| goodbye.reason == Reason::Leave) {
            self.depart(player, Departure::Leave);
        }
        self.tell(HostEvent::Closed { session: id, reason: goodbye.reason });
    }

    /// A player goes: the next frame says so, and what waits of them is refused.
    pub(super) fn depart(&mut self, id: PlayerId, departure: Departure) {
        let Some(player) = self.roster.find_mut(id) else { return };
        (player.wants_in, player.lost) = (false, None);
        let refused = player.inbox.refuse_all(Refusal::Left).len() as u64;
        if player.is_in_world {
            player.departure = Some(departure);
        }
        self.counters.inputs_refused = self.counters.inputs_refused.saturating_add(refused);
        self.roster.ready.insert(id);
    }

    /// What a peer did that ends its session.
    pub(super) fn violate(&mut self, now: Instant, session: SessionId, what: &str) {
        self.tell(HostEvent::Violation { session, what: clip(what) });
        self.dismiss(now, session, Reason::Violation, what);
    }

    /// Ends a session for good: whose player it is, they are sent away, so that no ticket of theirs is good any more. Where too many
    /// requests wait for their tick already, they can come back by ticket; what they may do there is bounded all the same.
    pub(super) fn dismiss(&mut self, now: Instant, session: SessionId, reason: Reason, detail: &str) {
        if let Some(player) = self.sessions.get(&session).and_then(Session::open).and_then(|open| open.player) {
            _ = self.submit_request(PlayerId::OPERATOR, Request::Kick(player));
        }
        self.end(now, session, reason, detail);
    }
}
