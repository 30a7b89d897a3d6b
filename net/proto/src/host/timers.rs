//! What happens because nothing else does: deadlines of greetings, silence, lost players, tickets to renew.
//!
//! Invariant: after [`Host::handle_timeout`] nothing is overdue, and `poll_timeout` names a moment no later than the next thing
//! due. It may be earlier: whoever speaks moves their deadline, and no timer with it.

use alloc::vec::Vec;

use tickworld_sim::game::Game;

use super::{
    Host,
    event::SessionId,
    players::Departure,
    session::{Session, Stage},
};
use crate::{instant::Instant, message::Reason};

impl<G: Game> Host<G> {
    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let silent: Vec<(SessionId, &str)> = (self.sessions.iter())
            .filter(|(_, session)| self.deadline(session) <= now)
            .map(|(id, session)| (*id, if session.open().is_some() { SILENT } else { UNADMITTED }))
            .collect();
        for (session, detail) in silent {
            self.end(now, session, Reason::TimedOut, detail);
        }
        let limit = now.0.checked_sub(self.settings.player_timeout.0).map(Instant);
        let lost: Vec<_> = limit.into_iter().flat_map(|limit| self.roster.lost_before(limit)).collect();
        for player in lost {
            self.depart(player, Departure::TimeOut);
        }
        self.renew_tickets(now);
        self.addresses.forget_idle(now);
        let sessions = self.sessions.values().map(|session| self.deadline(session));
        let players = self.roster.first_lost().map(|lost| lost.after(self.settings.player_timeout));
        let renewals = self.sessions.values().filter_map(|session| Some(session.open()?.renew_at));
        self.wake = sessions.chain(players).chain(renewals).min();
    }

    /// When a session has been silent for too long.
    fn deadline(&self, session: &Session) -> Instant {
        match &session.stage {
            Stage::Greeting(deadline)
            | Stage::AwaitingKeys(deadline, _)
            | Stage::AwaitingPlayer(deadline, ..)
            | Stage::Asking(deadline, ..) => *deadline,
            Stage::Open(_) => session.heard.after(self.settings.idle_timeout),
        }
    }
}

const SILENT: &str = "nothing was heard of the client for too long";
const UNADMITTED: &str = "the session was not admitted in time";
