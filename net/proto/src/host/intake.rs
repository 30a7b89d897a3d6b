//! Messages as they come: budgets first, then what they may say at this point, then inputs.
//!
//! Invariant: what a message costs is paid before it is read; an input that was answered is answered the same way again, as
//! far as anybody remembers, and never applied again.

use alloc::{format, vec::Vec};

use bytes::Bytes;
use tickworld_sim::{
    component::{Component, DecodeCause, DecodeError},
    frame::{PlayerId, Sequence, Tick},
    game::Game,
    limits::ROW_BYTES_MAX,
    session::Players,
};

use super::{
    Host, HostSettings,
    event::SessionId,
    history::place,
    inbox::{Inbox, Standing, Waiting},
    session::{Session, Stage},
};
use crate::{
    WireError,
    channel::Channel,
    instant::Instant,
    limits,
    message::{Durability, Fate, InputMessage, InputOutcome, Inputs, Message, Outcomes, Reason, Refusal, SessionKind},
};

impl<G: Game> Host<G> {
    /// A message came over a connection.
    pub fn handle_message(&mut self, now: Instant, session: SessionId, channel: Channel, bytes: &[u8]) {
        let Some(state) = self.sessions.get_mut(&session) else { return };
        self.counters.messages = self.counters.messages.saturating_add(1);
        self.counters.message_bytes = self.counters.message_bytes.saturating_add(bytes.len() as u64);
        state.heard = now;
        if !self.addresses.message(now, state.address, bytes.len()) {
            // Its neighbours may have used it up: that ends no session.
            self.counters.over_budget = self.counters.over_budget.saturating_add(1);
            return;
        }
        let budget = &mut state.budget;
        if !(budget.messages.take(now, 1) && budget.bytes.take(now, bytes.len() as u64)) {
            self.counters.over_budget = self.counters.over_budget.saturating_add(1);
            if !budget.patience.take(now, 1) {
                self.end(now, session, Reason::Budget, "too many messages or bytes, for too long");
            }
            return;
        }
        let stage = match &state.stage {
            Stage::Greeting(_) => None,
            Stage::AwaitingKeys(..) | Stage::AwaitingPlayer(..) | Stage::Asking(..) => Some(None),
            Stage::Open(open) => Some(Some(open.kind)),
        };
        match Message::decode(channel, bytes) {
            Err(error @ WireError::Protocol { .. }) => {
                self.dismiss(now, session, Reason::Protocol, &format!("{error}"));
            }
            Err(error) => self.violate(now, session, &format!("{error}")),
            Ok(Message::Goodbye(goodbye)) => self.handle_goodbye(now, session, &goodbye),
            Ok(Message::Hello(hello)) if stage.is_none() => self.handle_hello(now, session, hello),
            Ok(message) => match stage.flatten() {
                Some(kind) => self.handle_request(now, session, kind, channel, message),
                // A datagram of the session that this one resumes may be ahead of the handshake.
                None if channel == Channel::Datagram => {}
                None => self.violate(now, session, &format!("a `{}` before the welcome", message.name())),
            },
        }
    }

    fn handle_request(
        &mut self,
        now: Instant,
        session: SessionId,
        kind: SessionKind,
        channel: Channel,
        message: Message,
    ) {
        let is_lockstep = kind == SessionKind::Lockstep;
        match message {
            Message::Inputs(inputs) if kind != SessionKind::Witness => self.handle_inputs(now, session, inputs),
            Message::Ping(sent) => self.handle_ping(now, session, channel, sent),
            Message::Root(report) if is_lockstep => self.handle_root_report(session, report),
            Message::Join if is_lockstep => self.handle_join(now, session),
            Message::PageRequest(request) if is_lockstep => self.handle_page_request(now, session, &request),
            Message::Follow(follow) if is_lockstep => self.handle_follow(now, session, follow),
            Message::FrameRequest(request) if is_lockstep => self.handle_frame_request(now, session, request),
            Message::DescentRequest(bytes) if is_lockstep => self.handle_descent(now, session, &bytes),
            Message::DesyncReport(report) if is_lockstep => self.handle_desync_report(now, session, report),
            other => self.violate(now, session, &format!("a `{}` in a session of kind {kind:?}", other.name())),
        }
    }

    fn handle_inputs(&mut self, now: Instant, session: SessionId, inputs: Inputs) {
        let sender = self.sessions.get(&session).and_then(Session::open).and_then(|open| open.player);
        if sender.is_some_and(|player| self.is_held(player)) {
            return self.end(
                now,
                session,
                Reason::Held,
                "two ticks with inputs of this player broke: an operator clears them",
            );
        }
        let Some(state) = self.sessions.get_mut(&session) else { return };
        let Some((id, level)) = state.open().and_then(|open| Some((open.player?, open.level))) else {
            return self.violate(now, session, "`inputs` of a spectator");
        };
        let Some(player) = self.roster.find_mut(id) else { return };
        let window = u64::from(limits::INPUTS_IN_FLIGHT_MAX);
        let end = u64::from(inputs.base.0).saturating_add(window);
        let is_within = inputs.inputs.last().is_none_or(|last| u64::from(last.sequence.0) < end);
        if !is_within || !player.inbox.raise_base(inputs.base) {
            return self.violate(now, session, "`inputs` beyond what may be in flight");
        }
        let released = self.history.released[place(level)];
        let intake = Intake { settings: &self.settings, open: self.history.open(), released };
        let mut answers = Vec::new();
        for input in inputs.inputs {
            let sequence = input.sequence;
            let fate = match player.inbox.standing(sequence) {
                Standing::New => {
                    if !state.budget.inputs.take(now, 1) {
                        // Not taken, so not lost either: it comes again.
                        self.counters.over_budget = self.counters.over_budget.saturating_add(1);
                        break;
                    }
                    let refusal = intake.take(&mut player.inbox, input);
                    self.counters.inputs = self.counters.inputs.saturating_add(1);
                    self.counters.inputs_refused =
                        self.counters.inputs_refused.saturating_add(u64::from(refusal.is_some()));
                    refusal.map(Fate::Refused)
                }
                standing => {
                    self.counters.inputs_again = self.counters.inputs_again.saturating_add(1);
                    intake.again(standing, self.history.released_world(level).players(), id, sequence)
                }
            };
            answers.extend(fate.map(|fate| InputOutcome { sequence, fate }));
        }
        if player.inbox.has_waiting() {
            self.roster.ready.insert(id);
        }
        self.answer_inputs(session, level, &answers);
    }

    /// Sends outcomes in messages that are datagrams where possible.
    pub(super) fn answer_inputs(&mut self, session: SessionId, durability: Durability, outcomes: &[InputOutcome]) {
        let Some(state) = self.sessions.get(&session) else { return };
        self.counters.outcomes = self.counters.outcomes.saturating_add(outcomes.len() as u64);
        for outcomes in outcomes.chunks(per_message(state)) {
            let message = Message::Outcomes(Outcomes { durability, outcomes: outcomes.into() });
            self.outbox.push(session, state.datagram_bytes_max, message.encode());
        }
    }
}

/// Outcomes that fit a session's datagram, each of another tick at worst.
fn per_message(session: &Session) -> usize {
    let bytes = usize::from(session.datagram_bytes_max.max(limits::DATAGRAM_BYTES_MIN));
    bytes.saturating_sub(OUTCOMES_BYTES).checked_div(OUTCOME_BYTES).unwrap_or(1).max(1)
}

/// What stands around the outcomes of a message, amply.
const OUTCOMES_BYTES: usize = 72;
/// An outcome of the same tick as the one before.
const OUTCOME_BYTES: usize = 16;

/// What is needed to judge an input.
pub(super) struct Intake<'a> {
    pub(super) settings: &'a HostSettings,
    pub(super) open: Tick,
    /// The newest tick that the peer knows.
    pub(super) released: Tick,
}

impl Intake<'_> {
    /// Keeps a new input, or refuses it.
    fn take<I: Component>(&self, inbox: &mut Inbox<I>, input: InputMessage) -> Option<Refusal> {
        let horizon = self.open.0.saturating_add(u64::from(self.settings.input_horizon_ticks));
        let verdict = if !inbox.is_within(input.sequence, self.settings.inputs_in_flight_max) {
            Err(Refusal::QueueFull)
        } else if input.not_after < self.open {
            Err(Refusal::Expired)
        } else if input.not_before.0 > horizon {
            Err(Refusal::TooFarAhead)
        } else {
            body(&input.body).map_err(|_| Refusal::Malformed)
        };
        match verdict {
            Ok(body) => {
                let delayed = Tick(self.open.0.saturating_add(u64::from(self.settings.input_delay_ticks)));
                let (not_before, not_after) = (input.not_before.max(delayed), input.not_after);
                inbox.put(input.sequence, Waiting { not_before, not_after, body });
                None
            }
            Err(refusal) => {
                inbox.refuse(input.sequence, refusal);
                Some(refusal)
            }
        }
    }

    /// The answer to an input that came before, if it has one.
    pub(super) fn again(
        &self,
        standing: Standing,
        players: &Players,
        player: PlayerId,
        sequence: Sequence,
    ) -> Option<Fate> {
        match standing {
            Standing::New | Standing::Waits => None,
            Standing::Framed(tick) if tick > self.released => None,
            // Who came with it has come in a tick that is not told yet.
            Standing::Past if players.last_sequence(player) < sequence => None,
            Standing::Refused(refusal) => Some(Fate::Refused(refusal)),
            Standing::Framed(_) | Standing::Past => Some(applied(players, player, sequence)),
        }
    }
}

/// What the world remembers of an input that was in a frame.
pub(super) fn applied(players: &Players, player: PlayerId, sequence: Sequence) -> Fate {
    match players.outcome(player, sequence) {
        Some(outcome) => Fate::of(outcome),
        None => Fate::Refused(Refusal::Forgotten),
    }
}

/// The input in canonical bytes without the zeros at their end.
fn body<I: Component>(bytes: &Bytes) -> Result<I, DecodeError> {
    const { assert!(I::SIZE <= ROW_BYTES_MAX, "the body of an input is at most 256 bytes long") };
    if bytes.len() > I::SIZE || bytes.last() == Some(&0) {
        return Err(DecodeError::new(DecodeCause::Form("an input")));
    }
    let mut whole = [0; ROW_BYTES_MAX];
    whole[..bytes.len()].copy_from_slice(bytes);
    I::decode(&whole[..I::SIZE])
}
