//! Who comes in: connections, `Hello`, the embedder's verdict, and the end of sessions.
//!
//! Invariant: an unadmitted peer costs a table entry and a deadline; one player has one session; what was granted once is
//! resumed only with a good key, and never by who was sent away: an operator, or a breach of the protocol, voids the keys.

use alloc::format;

use tickworld_sim::{frame::Sequence, game::Game, limits::PLAYERS_MAX};

use super::{
    Host,
    budget::IdentityBudget,
    event::{Connection, Grant, HostEvent, Resumed, SessionId},
    players::Departure,
    session::{Asking, Open, Session, Stage},
};
use crate::{
    channel::Channel,
    codec::clip,
    instant::Instant,
    limits::PROTOCOL_VERSION,
    message::{Durability, Goodbye, Hello, Message, Reason, Refusal, SessionKind, Welcome},
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
        let Some(Session { stage: Stage::Asking(_, asking), .. }) = self.sessions.get(&session) else { return };
        let asking = *asking;
        let Grant { player, kinds, resume } = grant;
        let granted = asking.resumed.unwrap_or(Resumed { player, kinds });
        if !granted.kinds.contains(asking.kind) {
            let detail = format!("a session of kind {:?} is not granted", asking.kind);
            return self.end(now, session, Reason::Unauthorized, &detail);
        }
        let sends = matches!(asking.kind, SessionKind::Lockstep | SessionKind::Command);
        let player = granted.player.filter(|_| sends);
        if granted.player.is_some_and(|player| !player.is_player()) {
            let detail = "ids of players are from 1 to 2^63 - 1";
            return self.end(now, session, Reason::Unauthorized, detail);
        }
        if granted.player.is_some_and(|player| self.is_barred(player)) {
            return self.end(now, session, Reason::Unauthorized, "the operator keeps this player out");
        }
        if !player.is_none_or(|player| self.make_room_for(player)) {
            return self.end(now, session, Reason::Full, "the world knows as many players as it can");
        }
        let next_sequence = player.map_or(Sequence(1), |player| self.enter(now, session, player));
        let level = self.level(asking);
        let open = Open {
            kind: asking.kind,
            level,
            player,
            key: self.resumptions.grant(resume, granted),
            follows: false,
            joining: None,
            pages: alloc::collections::VecDeque::new(),
            report: None,
            is_desynced: false,
        };
        if let Some(state) = self.sessions.get_mut(&session) {
            state.stage = Stage::Open(open);
        }
        self.greeting_count = self.greeting_count.saturating_sub(1);
        self.counters.sessions = self.counters.sessions.saturating_add(1);
        self.counters.resumptions = self.counters.resumptions.saturating_add(u64::from(asking.resumed.is_some()));
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
            resume,
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

    /// Judges what needs no secret, and asks the embedder about the rest.
    pub(super) fn handle_hello(&mut self, now: Instant, session: SessionId, hello: Hello) {
        if let Some((reason, detail)) = self.unfit(&hello) {
            return self.end(now, session, reason, &detail);
        }
        let resumed = hello.resume.and_then(|key| self.resumptions.take(now, key));
        if hello.resume.is_some() && resumed.is_none() && hello.token.is_empty() {
            let detail = "the resume key is unknown, used or out of date: come with a token";
            return self.end(now, session, Reason::Unauthorized, detail);
        }
        let deadline = now.after(self.settings.greeting_timeout);
        if let Some(state) = self.sessions.get_mut(&session) {
            let asking = Asking { kind: hello.kind, durability: hello.durability, resumed };
            state.stage = Stage::Asking(deadline, asking);
        }
        self.wake_by(deadline);
        self.tell(HostEvent::Admission { session, hello, resumed });
    }

    /// Why the peer's build or wish does not go with this host.
    fn unfit(&self, hello: &Hello) -> Option<(Reason, alloc::string::String)> {
        if hello.protocol != PROTOCOL_VERSION {
            let detail = format!("protocol version {}, this host speaks {PROTOCOL_VERSION}", hello.protocol);
            return Some((Reason::Protocol, detail));
        }
        if hello.game != G::NAME {
            return Some((Reason::Incompatible, format!("game `{}`, this host plays `{}`", hello.game, G::NAME)));
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
    pub(super) fn make_room_for(&mut self, player: tickworld_sim::frame::PlayerId) -> bool {
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
    pub(super) fn is_barred(&self, player: tickworld_sim::frame::PlayerId) -> bool {
        self.history.stepped_world().players().find(player).is_some_and(|player| player.is_barred)
    }

    /// Makes `session` the player's; gives the number of their next input.
    fn enter(&mut self, now: Instant, session: SessionId, player: tickworld_sim::frame::PlayerId) -> Sequence {
        if let Some(earlier) = self.roster.find(player).and_then(|player| player.session) {
            let key = self.sessions.get(&earlier).and_then(Session::open).map(|open| open.key);
            self.end(now, earlier, Reason::Replaced, "another session of this player took its place");
            if let Some(key) = key {
                self.resumptions.remove(key);
            }
        }
        let last = self.history.stepped_world().players().last_sequence(player);
        let known = self.roster.enter(player, session, last);
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
        self.resumptions.end(open.key, now.after(self.settings.resume_ttl));
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
        let open = self.sessions.get(&id).and_then(Session::open);
        let (player, key) = (open.and_then(|open| open.player), open.map(|open| open.key));
        self.remove(now, id);
        if goodbye.reason == Reason::Leave {
            if let Some(key) = key {
                self.resumptions.remove(key);
            }
            if let Some(player) = player {
                self.depart(player, Departure::Leave);
            }
        }
        self.tell(HostEvent::Closed { session: id, reason: goodbye.reason });
    }

    /// A player goes: the next frame says so, and what waits of them is refused.
    pub(super) fn depart(&mut self, id: tickworld_sim::frame::PlayerId, departure: Departure) {
        let Some(player) = self.roster.find_mut(id) else { return };
        (player.wants_in, player.lost) = (false, None);
        let refused = player.inbox.refuse_all(Refusal::Left).len() as u64;
        if player.is_in_world {
            player.departure = Some(departure);
        }
        self.counters.inputs_refused = self.counters.inputs_refused.saturating_add(refused);
        self.roster.ready.insert(id);
    }

    /// What a peer did that ends its session, for good: its resume key goes with it.
    pub(super) fn violate(&mut self, now: Instant, session: SessionId, what: &str) {
        self.tell(HostEvent::Violation { session, what: clip(what) });
        self.dismiss(now, session, Reason::Violation, what);
    }
}
