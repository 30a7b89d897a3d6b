//! Sessions of a [`Client`]: greeting, welcome, messages by kind, goodbye.
//!
//! Invariant: what a session begins with follows from the `Welcome` alone; nothing that an earlier session asked for is
//! waited for in a later one.

use alloc::string::String;

use tickworld_sim::{frame::Sequence, game::Game, rollback::InputPredictor};

use super::{Client, ClientEvent, Fault, SessionState, Side, clock::HostClock, lockstep::Work};
use crate::{
    channel::Channel,
    codec::clip,
    limits,
    message::{Fate, Goodbye, Hello, Message, Moved, Outcomes, Reason, SessionKind, Welcome},
};

impl<G: Game, P: InputPredictor<G> + Clone> Client<G, P> {
    pub(super) fn greet(&mut self) {
        let content = self.confirmed().map_or(self.settings.content, |world| world.content());
        self.is_resuming = self.ticket.is_some();
        let hello = Hello {
            protocol: limits::PROTOCOL_VERSION,
            build: clip(&self.settings.build),
            game: String::from(G::NAME),
            schema: self.schema_id,
            revision: G::REVISION,
            content,
            kind: self.settings.kind,
            durability: self.settings.durability,
            // Beside a ticket too: it says which world is meant where several are behind one port, and does where the ticket is void.
            token: self.settings.token.clone(),
            world: self.settings.world,
            region: self.settings.region,
            hops: self.hops,
            nonce: self.settings.nonce,
            ticket: self.ticket,
        };
        self.state = SessionState::AwaitingWelcome { until: self.now.after(limits::CLIENT_WELCOME_WAIT) };
        self.send(Channel::Control, &Message::Hello(hello));
    }

    /// Lets go of a connection; what it leaves unfinished waits for the next one.
    pub(super) fn disconnect(&mut self) {
        self.state = SessionState::Away;
        self.manifests_due = 0;
        self.transmits.clear();
        self.clock = HostClock::default();
        if let Some(replica) = &mut self.replica {
            replica.frames_mut().close();
        }
        match core::mem::replace(&mut self.work, Work::Idle) {
            Work::Descending(descent) => self.give_up_descent(&descent),
            Work::Joining(mut join) => {
                join.close();
                self.work = Work::Joining(join);
            }
            other => self.work = other,
        }
    }

    pub(super) fn end(&mut self, goodbye: Goodbye, by: Side) {
        let was_awaiting_welcome = matches!(self.state, SessionState::AwaitingWelcome { .. });
        if was_awaiting_welcome && goodbye.reason == Reason::Unauthorized && self.is_resuming {
            // It is void, or has expired: the next session needs a token.
            self.ticket = None;
        }
        if goodbye.reason == Reason::Leave {
            self.ticket = None;
        }
        self.state = SessionState::Over;
        self.events.push(ClientEvent::Closed { goodbye, by });
    }

    pub(super) fn handle(&mut self, message: Message) {
        match &mut self.state {
            SessionState::AwaitingWelcome { .. } => match message {
                Message::Welcome(welcome) => self.handle_welcome(welcome),
                Message::Goodbye(goodbye) => self.end(goodbye, Side::Host),
                Message::Moved(moved) => self.handle_moved(moved),
                // What is droppable may overtake the welcome.
                Message::Frame(_) | Message::Head(_) | Message::Outcomes(_) | Message::Notice(_) => {}
                other => self.fault(Fault::Unasked { what: other.name() }),
            },
            SessionState::Open { heard, .. } => {
                *heard = self.now;
                self.handle_open(message);
            }
            SessionState::Away | SessionState::Over => {}
        }
    }

    fn handle_open(&mut self, message: Message) {
        let is_lockstep = self.settings.kind == SessionKind::Lockstep;
        match message {
            Message::Goodbye(goodbye) => self.end(goodbye, Side::Host),
            Message::Notice(notice) => self.events.push(ClientEvent::Notice(notice)),
            Message::Ticket(ticket) => self.ticket = Some(ticket),
            Message::Moved(moved) => self.handle_moved(moved),
            Message::Pong(pong) => {
                if !self.clock.handle_pong(self.now, pong) {
                    self.fault(Fault::Unasked { what: "pong" });
                }
            }
            Message::Outcomes(outcomes) => self.handle_outcomes(&outcomes),
            Message::Head(head) if self.settings.kind == SessionKind::Witness => {
                self.clock.handle_pace(head.pace_percent);
                match self.witness.handle_head(&head) {
                    Ok(true) => self.events.push(ClientEvent::Head(head)),
                    Ok(false) => {}
                    Err(fault) => self.fault(fault),
                }
            }
            Message::Frame(frame) if is_lockstep => self.handle_frame(frame),
            Message::Manifest(offer) if is_lockstep => self.handle_manifest(&offer),
            Message::Pages(pages) if is_lockstep => self.handle_pages(&pages),
            Message::Rejoin(cause) if is_lockstep => self.handle_rejoin(cause),
            Message::DescentResponse(bytes) if is_lockstep => self.handle_descent_response(&bytes),
            other => self.fault(Fault::Unasked { what: other.name() }),
        }
    }

    /// The player is elsewhere: numbers, inputs without an answer and the ticket are good there, and the next `Hello` names that region.
    /// The host ends the session; whether and when to go there is the caller's to decide.
    fn handle_moved(&mut self, moved: Moved) {
        if moved.hops >= self.hops {
            (self.hops, self.settings.region) = (moved.hops, moved.region);
        }
        self.events.push(ClientEvent::Moved(moved));
    }

    fn handle_welcome(&mut self, welcome: Welcome) {
        if self.input_sender.is_open() && welcome.player != self.player {
            self.fault(Fault::Player { expected: self.player, found: welcome.player });
            return self.close(Reason::Violation, "a resumed session is of another player");
        }
        if welcome.durability < self.settings.durability {
            let (expected, found) = (self.settings.durability, welcome.durability);
            self.fault(Fault::Durability { expected, found });
            return self.close(Reason::Durability, "the host promises less than was asked for");
        }
        let (own, host) = ((self.schema_id, G::REVISION), (welcome.schema, welcome.revision));
        if self.settings.kind == SessionKind::Lockstep && own != host {
            self.fault(Fault::Incompatible { own, host });
            return self.close(Reason::Incompatible, "lockstep needs the host's schema and rules");
        }
        self.player = welcome.player;
        self.ticket = Some(welcome.ticket);
        (self.faults, self.desyncs) = (0, 0);
        self.clock = HostClock::open(self.now, welcome.tick_rate);
        self.input_sender.open(welcome.next_sequence, welcome.inputs_in_flight_max);
        self.witness.open(welcome.tick, (welcome.region, welcome.incarnation));
        self.events.push(ClientEvent::Welcome(welcome.clone()));
        self.state = SessionState::Open { welcome: welcome.clone(), heard: self.now };
        if let Some(sent) = self.clock.poll_ping(self.now) {
            self.send(Channel::Datagram, &Message::Ping(sent));
        }
        if self.settings.kind == SessionKind::Lockstep {
            self.open_lockstep(&welcome);
        }
    }

    /// Takes answers to inputs. A lockstep client reads what was applied from its own world; only what never gets there is
    /// the host's to tell.
    fn handle_outcomes(&mut self, outcomes: &Outcomes) {
        let promised = self.welcome().map_or(self.settings.durability, |welcome| welcome.durability);
        if outcomes.durability < promised {
            return self.fault(Fault::Durability { expected: promised, found: outcomes.durability });
        }
        for outcome in &outcomes.outcomes {
            let is_seen_here = match outcome.fate {
                Fate::Applied { tick, .. } => {
                    let confirmed = self.confirmed().map(|world| world.tick());
                    self.settings.kind == SessionKind::Lockstep && confirmed.is_none_or(|confirmed| tick > confirmed)
                }
                Fate::Refused(_) => false,
            };
            if !is_seen_here {
                self.answer(outcome.sequence, outcome.fate, outcomes.durability);
            }
        }
    }

    /// Tells the first answer of an input.
    pub(super) fn answer(&mut self, sequence: Sequence, fate: Fate, durability: crate::message::Durability) {
        match self.input_sender.answer(sequence) {
            Some(true) => self.events.push(ClientEvent::Outcome { sequence, fate, durability }),
            Some(false) => {}
            None => self.fault(Fault::Outcome(sequence)),
        }
    }
}
