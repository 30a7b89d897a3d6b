//! Inputs that come from no session: the embedder speaks in a player's name.
//!
//! Invariant: such an input has a number of the player's own, above all that came, so it stands in one frame at most and its
//! outcome is remembered like any other. A player with a session is left to it.

use tickworld_sim::{
    frame::{PlayerId, Sequence, Tick},
    game::Game,
    region::RegionId,
    world::World,
};

use super::{
    Host,
    inbox::Waiting,
    intake::{Intake, applied},
};
use crate::{instant::Instant, message::Fate};

/// Why an input of no session is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// Ids of players are from 1 to 2^63 - 1: the others are the region's and those who make requests.
    #[error("{} is no player: their ids are from 1 to 2^63 - 1", .0.0)]
    NoPlayer(PlayerId),
    /// Ids of those who make requests are from 2^63 on.
    #[error("{} makes no requests: ids from 2^63 on do", .0.0)]
    NoRequester(PlayerId),
    /// Another region has the player.
    #[error("the player has left for region {0}")]
    Elsewhere(RegionId),
    /// The player is not in the world, and is sought in the archive.
    #[error("the player is not in the world and is sought in the archive: ask again")]
    Away,
    /// An operator keeps the player out.
    #[error("an operator keeps the player out")]
    Barred,
    /// Ticks with inputs of the player's broke twice in a row.
    #[error("the player is held: ticks with their inputs broke; an operator clears them")]
    Held,
    /// Too many requests wait for their tick.
    #[error("too many requests wait for their tick")]
    RequestsFull,
    /// The player plays.
    #[error("the player has a session: inputs come from there")]
    InSession,
    /// Too many inputs of the player wait for their tick.
    #[error("too many inputs of the player wait for their tick")]
    QueueFull,
    /// The world knows as many players as it can.
    #[error("the world knows as many players as it can")]
    WorldFull,
    /// The host has been shut down.
    #[error("the server shuts down")]
    Shutdown,
}

impl<G: Game> Host<G> {
    /// Takes an input of a player who has no session, for the next frame that has room; gives its number. The player comes
    /// into the world if they are not there, and times out as one whose connection was lost now.
    ///
    /// # Errors
    /// When it is not taken; nothing has changed then.
    pub fn submit(&mut self, now: Instant, player: PlayerId, input: G::Input) -> Result<Sequence, SubmitError> {
        if !player.is_player() {
            return Err(SubmitError::NoPlayer(player));
        }
        if self.is_shut_down {
            return Err(SubmitError::Shutdown);
        }
        if let Some(region) = self.departed_to(player) {
            return Err(SubmitError::Elsewhere(region));
        }
        if self.is_away(player) {
            if self.waits_for_operator(player) {
                return Err(SubmitError::Held);
            }
            self.seek(now, player, true);
            return Err(SubmitError::Away);
        }
        if self.is_barred(player) {
            return Err(SubmitError::Barred);
        }
        if self.is_held(player) {
            return Err(SubmitError::Held);
        }
        let in_flight_max = self.settings.inputs_in_flight_max;
        if let Some(known) = self.roster.find(player) {
            if known.session.is_some() {
                return Err(SubmitError::InSession);
            }
            if known.inbox.queued_count() >= in_flight_max as usize {
                return Err(SubmitError::QueueFull);
            }
        }
        if !self.make_room_for(player) {
            return Err(SubmitError::WorldFull);
        }
        let last = self.history.stepped_world().players().last_sequence(player);
        let open = self.history.open();
        let known = self.roster.enter_absent(player, now, last);
        let sequence = known.inbox.unused();
        let not_after = Tick(open.0.saturating_add(u64::from(self.settings.input_horizon_ticks)));
        known.inbox.put(sequence, Waiting { not_before: open, not_after, body: input });
        self.counters.inputs = self.counters.inputs.saturating_add(1);
        self.wake_by(now.after(self.settings.player_timeout));
        Ok(sequence)
    }

    /// What became of an input, once that is released at the host's own level; `None` until then.
    #[must_use]
    pub fn fate_of(&self, player: PlayerId, sequence: Sequence) -> Option<Fate> {
        if player.is_requester() {
            return self.fate_of_request(player, sequence);
        }
        let world = self.history.released_world(self.settings.durability);
        let Some(known) = self.roster.find(player) else {
            return Some(applied(world.players(), player, sequence));
        };
        let intake = Intake { settings: &self.settings, open: self.history.open(), released: self.released_tick() };
        intake.again(known.inbox.standing(sequence), world.players(), player, sequence)
    }

    /// The world of a released tick that is still kept.
    #[must_use]
    pub fn released_world(&self, tick: Tick) -> Option<&World<G>> {
        let kept = self.history.find(tick).filter(|kept| kept.tick <= self.released_tick());
        kept.and_then(|kept| kept.world.as_ref())
    }
}
