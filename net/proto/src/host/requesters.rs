//! What those who run the world ask of the engine: numbered, and put into the next frame.
//!
//! Invariant: a request has a number of its sender's own, above all that are on their way, so it stands in one frame and applies
//! once. What a frame says of who is in the world is a guess until its tick was stepped; then the host takes over what the world
//! made of it, and ends the sessions of those whom it does not have.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use tickworld_sim::{
    frame::{Enter, PlayerId, Request, Sequence, Tick},
    game::Game,
};

use super::{Host, direct::SubmitError, event::SessionId, intake::applied, players::Departure, session::Session};
use crate::{
    instant::Instant,
    limits,
    message::{Fate, Reason},
};

/// Requests that wait for a frame, and what acts in frames still do here.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: VecDeque<(PlayerId, Sequence, Request)>,
    /// Who is to be sent away by one of them, and is gone before any frame said that they came: what let them in.
    entries: BTreeMap<PlayerId, Enter>,
    /// The last number that each sender was given, where the world does not know it yet.
    numbers: BTreeMap<PlayerId, Sequence>,
    /// The last numbers in frames, with their tick.
    framed: VecDeque<(Tick, PlayerId, Sequence)>,
    /// Whom the frame of a tick that is not stepped yet lets in or sends away.
    in_question: VecDeque<(Tick, PlayerId)>,
}

/// So many framed requests are remembered: more than the outcomes of one sender.
const FRAMED_MAX: usize = 256;

impl Requests {
    /// Takes everything that waits, for the frame of `tick`.
    pub(super) fn take(&mut self, tick: Tick) -> Vec<(PlayerId, Sequence, Request)> {
        let taken: Vec<_> = self.waiting.drain(..).collect();
        for (by, sequence, request) in &taken {
            if self.framed.len() >= FRAMED_MAX {
                self.framed.pop_front();
            }
            self.framed.push_back((tick, *by, *sequence));
            if let Request::Kick(player) | Request::Bar { player, .. } = request {
                self.in_question.push_back((tick, *player));
            }
        }
        taken
    }

    /// Takes the entries without which the world would not know whom those that wait are about.
    pub(super) fn take_entries(&mut self) -> BTreeMap<PlayerId, Enter> {
        core::mem::take(&mut self.entries)
    }

    /// The frame of `tick` lets a player in.
    pub(super) fn enters(&mut self, tick: Tick, player: PlayerId) {
        self.in_question.push_back((tick, player));
    }
}

impl<G: Game> Host<G> {
    /// Puts a request into the next frame; gives its number. What became of it is said by [`fate_of`](Self::fate_of).
    ///
    /// # Errors
    /// When it is not taken; nothing has changed then.
    pub fn submit_request(&mut self, by: PlayerId, request: Request) -> Result<Sequence, SubmitError> {
        if !by.is_requester() {
            return Err(SubmitError::NoRequester(by));
        }
        if self.is_shut_down {
            return Err(SubmitError::Shutdown);
        }
        if self.requests.waiting.len() >= limits::OPERATOR_ACTS_MAX as usize {
            return Err(SubmitError::RequestsFull);
        }
        let players = self.history.stepped_world().players();
        self.requests.numbers.retain(|by, number| *number > players.last_sequence(*by));
        let last = self.requests.numbers.get(&by).copied().unwrap_or_else(|| players.last_sequence(by));
        let number = Sequence(last.0.checked_add(1).ok_or(SubmitError::RequestsFull)?);
        self.requests.numbers.insert(by, number);
        self.requests.waiting.push_back((by, number, request));
        Ok(number)
    }

    /// Sends a player away: ends every session that was granted to them, watching ones too, takes them out of the world, and has
    /// `by` ask the engine for it in the next frame, by which every ticket of theirs is void on every machine. Gives the request's
    /// number, and how many sessions there were; `None` where the host knew nothing of the player. They come back as anybody does
    /// who shows a new token.
    ///
    /// # Errors
    /// Where the request is not taken; nothing has changed then.
    pub fn kick(
        &mut self,
        now: Instant,
        by: PlayerId,
        player: PlayerId,
        detail: &str,
    ) -> Result<(Sequence, Option<u32>), SubmitError> {
        let sequence = self.submit_request(by, Request::Kick(player))?;
        let entering = self.roster.find(player).filter(|player| player.is_entry_due && !player.is_in_world);
        let entering = entering.and_then(|player| player.entry);
        let sessions = self.send_away(now, player, detail);
        // The tickets of somebody who only watched are as void.
        let is_unknown = self.history.stepped_world().players().find(player).is_none();
        let is_nobody = is_unknown && !self.is_away(player);
        let watched = (is_nobody && sessions > Some(0)).then_some(Enter { generation: 1, opened_by: 0 });
        self.requests.entries.extend(entering.or(watched).map(|entry| (player, entry)));
        Ok((sequence, sessions))
    }

    /// Ends every session that was granted to a player, and has the next frame say that they go; gives how many there were, `None`
    /// where nothing is known of them.
    fn send_away(&mut self, now: Instant, player: PlayerId, detail: &str) -> Option<u32> {
        let is_theirs = |(_, session): &(&SessionId, &Session)| {
            session.open().is_some_and(|open| open.granted.player == Some(player))
        };
        let sessions: Vec<SessionId> = self.sessions.iter().filter(is_theirs).map(|(id, _)| *id).collect();
        for session in &sessions {
            self.end(now, *session, Reason::Operator, detail);
        }
        let is_known = self.roster.find(player).is_some_and(|player| player.is_in_world || player.wants_in);
        self.depart(player, Departure::Leave);
        let count = u32::try_from(sessions.len()).unwrap_or(u32::MAX);
        (is_known || count > 0).then_some(count)
    }

    /// What became of a request, once that is released at the host's own level; `None` until then. One that the world had no room
    /// to take is `Forgotten`.
    pub(super) fn fate_of_request(&self, by: PlayerId, sequence: Sequence) -> Option<Fate> {
        let players = self.history.released_world(self.settings.durability).players();
        let is_over = |(tick, who, framed): &(Tick, PlayerId, Sequence)| {
            (*who, *framed) == (by, sequence) && *tick <= self.released_tick()
        };
        let is_released = players.last_sequence(by) >= sequence || self.requests.framed.iter().any(is_over);
        is_released.then(|| applied(players, by, sequence))
    }

    /// A tick was stepped: the world has judged who is in it. Whose entry was refused, and who was sent away, has no session any
    /// more; who is in the world as the host thinks stays as they are.
    pub(super) fn end_judged(&mut self, now: Instant, tick: Tick) {
        while let Some((_, player)) = self.requests.in_question.pop_front_if(|(of, _)| *of <= tick) {
            self.roster.judged(player);
            let known = self.history.stepped_world().players().find(player).copied();
            let is_thought_in = self.roster.find(player).is_some_and(|player| player.is_in_world);
            // Who has left since is seen off when that is released.
            if known.is_some_and(|known| known.connected || known.departed_to.is_some()) || !is_thought_in {
                continue;
            }
            let detail = match known {
                Some(known) if known.is_barred => "the operator keeps this player out",
                Some(_) => "the operator sent the player away",
                None => "the world has no room for another player",
            };
            self.send_away(now, player, detail);
            self.roster.take_out(player);
        }
    }
}
