//! What a [`PeerSession`] does by itself: speaking, noticing silence, and agreeing on who is gone.

use alloc::vec::Vec;

use tickworld_sim::{game::Game, rollback::InputPredictor};

use super::{
    Farewell, PeerEvent, PeerId, PeerSession, SessionState,
    message::{Frames, PeerMessage, Turn},
    remote::Silence,
};
use crate::instant::Instant;

impl<G: Game, P: InputPredictor<G>> PeerSession<G, P> {
    /// A moment that [`poll_timeout`](Self::poll_timeout) named has come: says again what may be lost, and notices who is
    /// silent.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.state == SessionState::Over {
            return;
        }
        let (warning, most) = (self.settings.silence_warning, self.settings.silence_max);
        for place in self.departures.others() {
            let Some(remote) = self.remotes.get_mut(&place).filter(|_| self.state == SessionState::Running) else {
                continue;
            };
            match remote.contact.silence(self.now, warning, most) {
                Silence::Short => {}
                Silence::Warning => self.tell(PeerEvent::Interrupted(PeerId::Player(self.players[place]))),
                Silence::TooLong => self.depart(place, Farewell::GivenUp),
            }
        }
        let mut dismissed = Vec::new();
        for (number, spectating) in self.audience.spectators.iter_mut().filter(|(_, one)| one.is_there) {
            match spectating.contact.silence(self.now, most, most) {
                Silence::TooLong => dismissed.push(*number),
                Silence::Short | Silence::Warning => {}
            }
        }
        dismissed.into_iter().for_each(|number| self.dismiss(number, Farewell::GivenUp));
        self.agree_on_departures();
        let due = self.now.0.saturating_sub(self.settings.resend_wait.0);
        for place in self.departures.others() {
            if self.remotes.get(&place).is_some_and(|remote| remote.contact.sent <= Instant(due)) {
                self.speak_to(place);
            }
        }
        let numbers: Vec<u32> = self.audience.spectators.keys().copied().collect();
        for number in numbers {
            if self.audience.spectators.get(&number).is_some_and(|one| one.contact.sent <= Instant(due)) {
                self.show(number);
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.state == SessionState::Over {
            return None;
        }
        let settings = &self.settings;
        let (resend, warning, most) = (settings.resend_wait, settings.silence_warning, settings.silence_max);
        let others = self.departures.others().filter_map(|place| self.remotes.get(&place));
        let players = others.map(|remote| match self.state {
            SessionState::Running => remote.contact.poll_timeout(resend, warning, most),
            SessionState::Greeting | SessionState::Over => remote.contact.sent.after(resend),
        });
        let audience = self.audience.spectators.values().filter(|one| one.is_there);
        players.chain(audience.map(|one| one.contact.poll_timeout(resend, most, most))).min()
    }

    /// Something was heard of a player.
    pub(super) fn heard(&mut self, place: usize) {
        let now = self.now;
        if self.remotes.get_mut(&place).is_some_and(|remote| remote.contact.handle(now)) {
            self.tell(PeerEvent::Resumed(PeerId::Player(self.players[place])));
        }
    }

    /// Gives a player up, if they are not given up yet.
    pub(super) fn depart(&mut self, place: usize, why: Farewell) {
        if self.departures.give_up(place) {
            self.tell(PeerEvent::Departing(self.players[place], why));
        }
    }

    pub(super) fn agree_on_departures(&mut self) {
        let log = &self.rollback.predictor().log;
        for (place, last) in self.departures.agree(|place| log.newest(place)) {
            self.rollback.predictor_mut().log.end(place, last);
            self.tell(PeerEvent::Departed { player: self.players[place], last });
        }
    }

    /// Stops serving a spectator.
    pub(super) fn dismiss(&mut self, number: u32, why: Farewell) {
        self.audience.spectators.remove(&number);
        self.say_farewell(PeerId::Spectator(number), why);
        self.tell(PeerEvent::SpectatorGone(number, why));
    }

    /// Speaks to everybody.
    pub(super) fn speak(&mut self) {
        self.departures.others().for_each(|place| self.speak_to(place));
        let numbers: Vec<u32> = self.audience.spectators.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.show(number));
    }

    fn speak_to(&mut self, place: usize) {
        if self.state == SessionState::Running { self.send_turn(place) } else { self.greet(place) }
    }

    pub(super) fn greet(&mut self, place: usize) {
        let now = self.now;
        if let Some(remote) = self.remotes.get_mut(&place) {
            remote.contact.sent = now;
        }
        let greeting = self.agreement.greeting(place);
        self.send(PeerId::Player(self.players[place]), &PeerMessage::Greeting(greeting));
    }

    fn send_turn(&mut self, place: usize) {
        let (now, own) = (self.now, self.own);
        let Some(remote) = self.remotes.get_mut(&place) else { return };
        remote.contact.sent = now;
        let log = &self.rollback.predictor().log;
        let place_byte = |place: usize| u8::try_from(place).expect("there are at most eight players");
        let departing = self.departures.gone().map(|gone| (place_byte(gone), log.newest(gone)));
        let lacking = self.departures.gone().filter_map(|gone| {
            let run = log.run_after(gone, self.departures.announced(place, gone)?);
            (!run.inputs.is_empty()).then_some((place_byte(gone), run))
        });
        let turn = Turn {
            tag: self.tag,
            sent: now,
            echo: remote.sync.echo(now),
            tick: self.rollback.tick(),
            ahead: remote.sync.last_ahead(),
            have: log.newest(place),
            root: self.root,
            departing: departing.collect(),
            inputs: log.run_after(own, remote.acknowledged),
            relayed: lacking.collect(),
        };
        self.send(PeerId::Player(self.players[place]), &PeerMessage::Turn(turn));
    }

    /// Sends a spectator what it lacks.
    fn show(&mut self, number: u32) {
        let now = self.now;
        let Some(spectating) = self.audience.spectators.get_mut(&number).filter(|one| one.is_there) else { return };
        if self.state != SessionState::Running {
            return;
        }
        spectating.contact.sent = now;
        let have = spectating.have;
        let frames = Frames {
            tag: self.tag,
            tick: self.rollback.confirmed_tick(),
            root: self.root,
            first: have.next(),
            frames: self.audience.after(have),
        };
        self.send(PeerId::Spectator(number), &PeerMessage::Frames(frames));
    }
}
