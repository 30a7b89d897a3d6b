//! [`SpectatorSession`]: makes a session's confirmed ticks again, from frames that one of the players sends.
//!
//! Invariant: it sees nothing that is not confirmed, says nothing that reaches a player's world, and checks the roots that its
//! host tells against its own.

use alloc::collections::VecDeque;

use bytes::Bytes;
use tickworld_sim::{
    executor::Executor,
    frame::{InputFrame, PlayerId, Tick},
    game::Game,
    hash::{Hash, ShortHash},
    simulation::Simulation,
    world::{Roots, World},
};

use super::{
    PeerError, PeerEvent, PeerFault, PeerId, PeerSettings, SessionState,
    event::Farewell,
    message::{Frames, PeerMessage, Watch},
    remote::{Contact, Silence, ToldRoots},
    seed,
};
use crate::{
    instant::Instant,
    limits::{CLIENT_EVENTS_MAX, PEER_FRAMES_KEPT, PEER_TRANSMITS_MAX},
};

/// A session that watches.
///
/// It begins with the same world and the same players as those who play; the one among them who hosts it expects it by a
/// number ([`PeerSession::expect_spectator`](super::PeerSession::expect_spectator)).
pub struct SpectatorSession<G: Game> {
    host: PlayerId,
    settings: PeerSettings,
    simulation: Simulation<G>,
    fingerprint: Hash,
    now: Instant,
    state: SessionState,
    /// Of the session's messages, once one came.
    tag: Option<u32>,
    frames: VecDeque<InputFrame<G::Input>>,
    /// The host's last confirmed tick.
    host_tick: Tick,
    contact: Contact,
    /// What the host told of ticks that are not made here.
    roots: ToldRoots,
    events: VecDeque<PeerEvent>,
    transmits: VecDeque<Bytes>,
}

impl<G: Game> SpectatorSession<G> {
    /// Watches the session of these players, which begins with this world. Messages go to `host` and come from there.
    #[must_use]
    pub fn new(
        now: Instant,
        settings: PeerSettings,
        host: PlayerId,
        players: &[PlayerId],
        mut simulation: Simulation<G>,
        executor: &dyn Executor,
    ) -> Self {
        let mut players = players.to_vec();
        players.sort_unstable();
        let root = simulation.seal(executor).root;
        let fingerprint = seed::fingerprint(simulation.world(), simulation.schema_id(), root, &players);
        let host_tick = simulation.world().tick();
        Self {
            host,
            settings,
            simulation,
            fingerprint,
            now,
            state: SessionState::Greeting,
            tag: None,
            frames: VecDeque::new(),
            host_tick,
            contact: Contact::new(now),
            roots: ToldRoots::default(),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
        }
    }

    // Input.

    /// A message of the host came.
    pub fn handle_message(&mut self, now: Instant, bytes: &[u8]) {
        self.now = self.now.max(now);
        if self.state == SessionState::Over {
            return;
        }
        match PeerMessage::<G::Input>::decode(bytes) {
            Ok(PeerMessage::Frames(frames)) => self.handle_frames(&frames),
            Ok(PeerMessage::Farewell { tag, why }) if self.tag.is_none_or(|own| own == tag) => {
                self.state = SessionState::Over;
                self.tell(PeerEvent::Over(PeerId::Player(self.host), why));
            }
            Ok(PeerMessage::Farewell { .. }) => {}
            Ok(_) => self.fault(PeerFault::Sender),
            Err(fault) => self.fault(fault),
        }
    }

    /// A moment that [`poll_timeout`](Self::poll_timeout) named has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let PeerSettings { resend_wait, silence_warning, silence_max, .. } = self.settings;
        let host = PeerId::Player(self.host);
        match self.state {
            SessionState::Over => return,
            SessionState::Greeting => {}
            SessionState::Running => match self.contact.silence(self.now, silence_warning, silence_max) {
                Silence::Short => {}
                Silence::Warning => self.tell(PeerEvent::Interrupted(host)),
                Silence::TooLong => {
                    self.state = SessionState::Over;
                    return self.tell(PeerEvent::Over(host, Farewell::GivenUp));
                }
            },
        }
        if self.contact.sent.after(resend_wait) <= self.now {
            self.watch();
        }
    }

    // Changes.

    /// Makes the next tick, if its frame is here, and gives its roots. Whoever is [behind](Self::ticks_behind) makes several.
    ///
    /// # Errors
    /// Where the world refuses the frame, which a host of the same game never sends.
    pub fn advance(&mut self, executor: &dyn Executor) -> Result<Option<Roots>, PeerError> {
        let Some(frame) = self.frames.pop_front() else { return Ok(None) };
        let roots = self.simulation.step(&frame, executor)?;
        if let Some(theirs) = self.roots.take(frame.tick) {
            self.compare(frame.tick, roots.root.short(), theirs);
        }
        self.roots.forget_to(frame.tick);
        Ok(Some(roots))
    }

    // Getters.

    /// The world of the last tick that was made.
    #[must_use]
    pub const fn world(&self) -> &World<G> {
        self.simulation.world()
    }

    /// Where the session stands: greeting until the first frame comes.
    #[must_use]
    pub const fn state(&self) -> SessionState {
        self.state
    }

    /// How many ticks the host has confirmed that are not made here.
    #[must_use]
    pub const fn ticks_behind(&self) -> u64 {
        self.host_tick.0.saturating_sub(self.world().tick().0)
    }

    // Output.

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    /// A message for the host.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let PeerSettings { resend_wait, silence_warning, silence_max, .. } = self.settings;
        match self.state {
            SessionState::Over => None,
            SessionState::Greeting => Some(self.contact.sent.after(resend_wait)),
            SessionState::Running => Some(self.contact.poll_timeout(resend_wait, silence_warning, silence_max)),
        }
    }

    /// The newest tick whose frame is here.
    fn have(&self) -> Tick {
        Tick(self.world().tick().0.saturating_add(self.frames.len() as u64))
    }

    fn handle_frames(&mut self, message: &Frames) {
        if *self.tag.get_or_insert(message.tag) != message.tag {
            return;
        }
        self.state = SessionState::Running;
        self.host_tick = self.host_tick.max(message.tick);
        if self.contact.handle(self.now) {
            self.tell(PeerEvent::Resumed(PeerId::Player(self.host)));
        }
        let mut tick = message.first;
        for bytes in &message.frames {
            if tick == self.have().next() && self.frames.len() < PEER_FRAMES_KEPT {
                match InputFrame::decode(bytes) {
                    Ok(frame) if frame.tick == tick => self.frames.push_back(frame),
                    Ok(_) => return self.fault(PeerFault::Sender),
                    Err(cause) => return self.fault(PeerFault::Malformed(cause)),
                }
            }
            tick = tick.next();
        }
        if let Some((tick, root)) = message.root.filter(|(tick, _)| *tick > self.world().tick()) {
            self.roots.keep(tick, root);
        }
        self.watch();
    }

    fn compare(&mut self, tick: Tick, own: ShortHash, theirs: ShortHash) {
        if self.roots.is_first_difference(own, theirs) {
            self.tell(PeerEvent::Desync { player: self.host, tick, own, theirs });
        }
    }

    /// Says what is here.
    fn watch(&mut self) {
        self.contact.sent = self.now;
        let watch = Watch { fingerprint: self.fingerprint, have: self.have() };
        if self.transmits.len() < PEER_TRANSMITS_MAX {
            self.transmits.push_back(PeerMessage::<G::Input>::Watch(watch).encode());
        }
    }

    fn fault(&mut self, fault: PeerFault) {
        self.tell(PeerEvent::Fault(PeerId::Player(self.host), fault));
    }

    fn tell(&mut self, event: PeerEvent) {
        if self.events.len() < CLIENT_EVENTS_MAX {
            self.events.push_back(event);
        }
    }
}
