//! Players whom the world does not have: who was never anywhere, and who rests in the archive.
//!
//! Invariant: where an archive keeps players, nobody is let in whom the world does not have. They come home by a `Return`, which
//! frames say until the world has taken it, and which changes nothing where it is said twice; then whoever waits for them is judged
//! as if they came just now. Nobody waits for ever: a session ends, and the next one asks again.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};

use tickworld_sim::{
    frame::{Act, PlayerId, Tick},
    game::Game,
    limits::ARCHIVED_PER_TICK_MAX,
    region::RegionId,
};

use super::{
    Host,
    event::{HostEvent, SessionId},
    session::{Session, Stage},
};
use crate::{
    instant::{Instant, Micros},
    limits::{ARCHIVE_SLOTS_PER_TICK, RETURN_BYTES_PER_FRAME, RETURN_TICKS_MAX},
    message::{Durability, Hello, Reason},
};

/// What the archive has of a player who is in this region from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Their hops from now on.
    pub hops: u64,
    /// What they have with them; empty of one who is born.
    pub parcel: Arc<[u8]>,
}

/// How far a player is on their way home.
#[derive(Debug)]
pub(super) struct Homecoming {
    stage: Way,
    /// Somebody waits for them until then, session or not.
    until: Instant,
}

#[derive(Debug)]
enum Way {
    /// They left, and it is not known yet that the archive has them.
    Leaving,
    /// The embedder looks for them.
    Sought,
    /// Frames say that they are back: so many so far.
    Returning { found: Found, ticks: u32 },
}

/// How long somebody waits for a player to come home.
const HOMECOMING_WAIT: Micros = Micros::from_millis(10_000);

impl<G: Game> Host<G> {
    /// Whether a player has to come home before anything can be done in their name.
    pub(super) fn is_away(&self, player: PlayerId) -> bool {
        let known = self.history.stepped_world().players().find(player);
        self.settings.archive_after_ticks.is_some()
            && player.is_player()
            && known.is_none_or(|known| known.departed_to == Some(RegionId::ARCHIVE))
    }

    /// Has a session wait until its player is home.
    pub(super) fn await_player(&mut self, now: Instant, session: SessionId, player: PlayerId, hello: Box<Hello>) {
        if self.history.stepped_world().region().held().any(|entry| entry.player == player) {
            let detail = "the tick in which this player came back broke: an operator takes them in, or drops that";
            return self.end(now, session, Reason::Held, detail);
        }
        let deadline = now.after(HOMECOMING_WAIT);
        let Some(state) = self.sessions.get_mut(&session) else { return };
        state.stage = Stage::AwaitingPlayer(deadline, player, hello);
        self.wake_by(deadline);
        self.seek(now, player);
    }

    /// Has a player come home, whom somebody waits for.
    pub(super) fn seek(&mut self, now: Instant, player: PlayerId) {
        let until = now.after(HOMECOMING_WAIT);
        if let Some(homecoming) = self.homecomings.get_mut(&player) {
            homecoming.until = until;
            return;
        }
        let is_leaving = self.history.stepped_world().players().find(player).is_some();
        let stage = if is_leaving { Way::Leaving } else { Way::Sought };
        self.homecomings.insert(player, Homecoming { stage, until });
        if !is_leaving {
            self.tell(HostEvent::Sought { player });
        }
    }

    /// What the archive has of a player whom [`HostEvent::Sought`] named, or what to tell those who wait for them.
    pub fn handle_found(&mut self, now: Instant, player: PlayerId, result: Result<Found, (Reason, String)>) {
        let Some(homecoming) = self.homecomings.get_mut(&player) else { return };
        match result {
            Ok(found) => homecoming.stage = Way::Returning { found, ticks: 0 },
            Err((reason, detail)) => self.give_up(now, player, reason, &detail),
        }
    }

    fn give_up(&mut self, now: Instant, player: PlayerId, reason: Reason, detail: &str) {
        self.homecomings.remove(&player);
        for session in self.awaiting(player) {
            self.end(now, session, reason, detail);
        }
    }

    /// The sessions that wait for a player.
    fn awaiting(&self, player: PlayerId) -> Vec<SessionId> {
        let waits = |(id, session): (&SessionId, &Session)| match session.stage {
            Stage::AwaitingPlayer(_, of, _) if of == player => Some(*id),
            _ => None,
        };
        self.sessions.iter().filter_map(waits).collect()
    }

    /// The returns that the next frame says, at least one if there is any.
    pub(super) fn returns(&self) -> Vec<(PlayerId, Act<G::Input>)> {
        let mut bytes = 0_usize;
        let mut returns = Vec::new();
        for (player, homecoming) in &self.homecomings {
            let Way::Returning { found: Found { hops, parcel }, .. } = &homecoming.stage else { continue };
            bytes = bytes.saturating_add(parcel.len());
            if bytes > RETURN_BYTES_PER_FRAME && !returns.is_empty() {
                break;
            }
            returns.push((*player, Act::Return { hops: *hops, is_held: false, parcel: parcel.clone() }));
        }
        returns
    }

    /// A tick was stepped: who is home is waited for no longer, and what did not come of itself is given up in the end.
    pub(super) fn judge_homecomings(&mut self, now: Instant) {
        let players: Vec<PlayerId> = self.homecomings.keys().copied().collect();
        for player in players {
            let is_home = !self.is_away(player);
            let is_known = self.history.stepped_world().players().find(player).is_some();
            let Some(homecoming) = self.homecomings.get_mut(&player) else { continue };
            if is_home {
                self.homecomings.remove(&player);
                self.welcome_home(now, player);
                continue;
            }
            match &mut homecoming.stage {
                Way::Leaving if !is_known => {
                    homecoming.stage = Way::Sought;
                    self.tell(HostEvent::Sought { player });
                }
                Way::Returning { ticks, .. } => {
                    *ticks = ticks.saturating_add(1);
                    if *ticks > RETURN_TICKS_MAX {
                        let detail = "the world has no room for the player, or cannot read what they have with them";
                        self.give_up(now, player, Reason::Full, detail);
                    }
                }
                Way::Leaving | Way::Sought => {}
            }
        }
        self.homecomings.retain(|_, homecoming| homecoming.until > now);
    }

    fn welcome_home(&mut self, now: Instant, player: PlayerId) {
        for session in self.awaiting(player) {
            let Some(state) = self.sessions.get_mut(&session) else { continue };
            let Stage::AwaitingPlayer(deadline, ..) = state.stage else { continue };
            if let Stage::AwaitingPlayer(.., hello) = core::mem::replace(&mut state.stage, Stage::Greeting(deadline)) {
                self.judge_hello(now, session, *hello);
            }
        }
    }

    /// Who leaves for the archive with the next frame: who has been away for long enough, of whom nothing is under way, and whom
    /// nobody waits for. A part of the world's slots is looked at in every tick.
    pub(super) fn leavers(&mut self, tick: Tick) -> Vec<PlayerId> {
        // What a crash may take back is told to nobody else.
        let is_sure = self.settings.durability >= Durability::Disk;
        let Some(after) = self.settings.archive_after_ticks.filter(|_| is_sure) else { return Vec::new() };
        let players = self.history.stepped_world().players();
        let from = if self.leaver_slot < players.slot_limit() { self.leaver_slot } else { 0 };
        let to = from.saturating_add(ARCHIVE_SLOTS_PER_TICK);
        let rests = |player: &&tickworld_sim::session::Player| {
            let is_here = player.id.is_player() && player.departed_to.is_none();
            let is_quiet = self.roster.find(player.id).is_none() && !self.homecomings.contains_key(&player.id);
            let away_ticks = tick.0.saturating_sub(player.away_since_tick);
            is_here && is_quiet && !player.connected && !player.is_held() && away_ticks >= after
        };
        let leavers: Vec<PlayerId> = players.in_slots(from..to).filter(rests).map(|player| player.id).collect();
        self.leaver_slot = to;
        leavers.into_iter().take(ARCHIVED_PER_TICK_MAX as usize).collect()
    }

    /// The archive has everything for sure that was put into the outbox for it up to this number: the next frame says so.
    pub fn handle_archived(&mut self, sequence: u64) {
        self.archived = Some(sequence.max(self.archived.unwrap_or_default()));
    }

    /// That as an act.
    pub(super) fn delivery(&mut self) -> Option<Act<G::Input>> {
        let sequence = self.archived.take()?;
        let own = self.history.stepped_world().region().state();
        // The archive has no ticks, so nothing of its own to be above.
        let (region, incarnation) = (RegionId::ARCHIVE, own.incarnation);
        Some(Act::Delivered { region, incarnation, sequence, lamport: 0 })
    }
}
