//! Players whom the world does not have: who was never anywhere, and who rests in the archive.
//!
//! Invariant: where an archive keeps players, nothing is done in the name of one whom the world does not have, and nobody is let in
//! by what was judged before they were home. They come home by a `Return`, which frames say until the world has taken it, and which
//! changes nothing where it is said twice; then whoever waits for them is judged as if they came just now. Nobody waits for ever: a
//! session ends, and the next one asks again.

use alloc::{boxed::Box, string::String, vec::Vec};

use tickworld_sim::{
    frame::{Act, PlayerId, Tick},
    game::Game,
    limits::ARCHIVED_PER_TICK_MAX,
    region::RegionId,
    session,
};

use super::{
    Host,
    event::{Found, HostEvent, Search, SessionId},
    players::{Departure, is_in_archive},
    session::{Session, Stage},
};
use crate::{
    instant::{Instant, Micros},
    limits::{ARCHIVE_SLOTS_PER_TICK, HOMECOMINGS_MAX, RETURN_BYTES_PER_FRAME, RETURNS_SAID_MAX},
    message::{Durability, Hello, Reason},
};

/// How far a player is on their way home.
#[derive(Debug)]
pub(super) struct Homecoming {
    way: Way,
    /// Somebody waits for them until then, session or not.
    until: Instant,
    may_be_born: bool,
}

#[derive(Debug)]
enum Way {
    /// They left, and it is not known yet that the archive has them.
    Leaving,
    /// The embedder looks for them: the search of this number.
    Sought(u64),
    /// Frames say that they are back: so many said it so far.
    Returning { found: Found, said: u32 },
    /// They are here since this tick, and do not leave again before whoever waited is in.
    Home(Tick),
}

/// How long somebody waits for a player to come home.
const HOMECOMING_WAIT: Micros = Micros::from_millis(10_000);

impl<G: Game> Host<G> {
    /// Whether a player has to come home before anything can be done in their name.
    #[must_use]
    pub fn is_away(&self, player: PlayerId) -> bool {
        let known = self.history.stepped_world().players().find(player);
        self.settings.archive_after_ticks.is_some() && player.is_player() && is_in_archive(known)
    }

    /// Whether what was judged of a player at this tick was judged before they were home.
    pub(super) fn came_home_since(&self, player: PlayerId, tick: Tick) -> bool {
        self.homecomings.get(&player).is_some_and(|it| matches!(it.way, Way::Home(home) if home > tick))
    }

    /// Has a session wait until its player is home.
    pub(super) fn await_player(&mut self, now: Instant, session: SessionId, player: PlayerId, hello: Box<Hello>) {
        if self.waits_for_operator(player) {
            let detail = "the tick in which this player came back broke: an operator takes them in, or drops that";
            return self.end(now, session, Reason::Held, detail);
        }
        if !self.seek(now, player, true) {
            return self.end(now, session, Reason::Full, "too many players come home at present; come back later");
        }
        let deadline = now.after(HOMECOMING_WAIT);
        let Some(state) = self.sessions.get_mut(&session) else { return };
        state.stage = Stage::AwaitingPlayer(deadline, player, hello);
        self.wake_by(deadline);
    }

    /// Whether a return of the player's is held.
    pub(super) fn waits_for_operator(&self, player: PlayerId) -> bool {
        self.history.stepped_world().region().held().any(|entry| entry.player == player)
    }

    /// Has a player come home, whom somebody waits for; gives whether there is room for one more. What comes of it is told by
    /// [`HostEvent::Homecoming`].
    pub fn seek(&mut self, now: Instant, player: PlayerId, may_be_born: bool) -> bool {
        let until = now.after(HOMECOMING_WAIT);
        if let Some(homecoming) = self.homecomings.get_mut(&player).filter(|it| !matches!(it.way, Way::Home(_))) {
            homecoming.until = until;
            homecoming.may_be_born |= may_be_born;
            return true;
        }
        if self.homecomings.len() >= HOMECOMINGS_MAX as usize {
            return false;
        }
        let is_leaving = self.history.stepped_world().players().find(player).is_some();
        self.homecomings.insert(player, Homecoming { way: Way::Leaving, until, may_be_born });
        if !is_leaving {
            self.search(player);
        }
        true
    }

    /// Has the embedder look for them.
    fn search(&mut self, player: PlayerId) {
        let number = self.searches.saturating_add(1);
        let Some(homecoming) = self.homecomings.get_mut(&player) else { return };
        (self.searches, homecoming.way) = (number, Way::Sought(number));
        let may_be_born = homecoming.may_be_born;
        self.tell(HostEvent::Sought(Search { player, number, may_be_born }));
    }

    /// What the archive has of a player whom [`HostEvent::Sought`] named, or what to tell those who wait for them; `Ok(None)` of one
    /// who never was anywhere and was not to be born.
    pub fn handle_found(&mut self, now: Instant, search: Search, result: Result<Option<Found>, (Reason, String)>) {
        let Search { player, number, may_be_born } = search;
        let Some(homecoming) = self.homecomings.get_mut(&player) else { return };
        if !matches!(homecoming.way, Way::Sought(of) if of == number) {
            return;
        }
        match result {
            Ok(Some(found)) => homecoming.way = Way::Returning { found, said: 0 },
            // Somebody came meanwhile for whom they are born.
            Ok(None) if homecoming.may_be_born && !may_be_born => self.search(player),
            Ok(None) => self.give_up(now, player, Reason::Elsewhere, "the player never was in this world"),
            Err((reason, detail)) => self.give_up(now, player, reason, &detail),
        }
    }

    fn give_up(&mut self, now: Instant, player: PlayerId, reason: Reason, detail: &str) {
        self.homecomings.remove(&player);
        for session in self.awaiting(player) {
            self.end(now, session, reason, detail);
        }
        self.tell(HostEvent::Homecoming { player, result: Err((reason, detail.into())) });
    }

    /// The sessions that wait for a player.
    fn awaiting(&self, player: PlayerId) -> Vec<SessionId> {
        let waits = |(id, session): (&SessionId, &Session)| match session.stage {
            Stage::AwaitingPlayer(_, of, _) if of == player => Some(*id),
            _ => None,
        };
        self.sessions.iter().filter_map(waits).collect()
    }

    /// The returns that the next frame says, at most `room` of them and at least one if there is any: from the one after the last that
    /// was said.
    pub(super) fn returns(&mut self, room: u32) -> Vec<(PlayerId, Act<G::Input>)> {
        let after = PlayerId(self.last_return.0.saturating_add(1));
        let mut order: Vec<PlayerId> = self.homecomings.range(after..).map(|(player, _)| *player).collect();
        order.extend(self.homecomings.range(..after).map(|(player, _)| *player));
        let (mut bytes, mut returns) = (0_usize, Vec::new());
        for player in order {
            if returns.len() >= room as usize {
                break;
            }
            let Some(Way::Returning { found, said }) = self.homecomings.get_mut(&player).map(|it| &mut it.way) else {
                continue;
            };
            bytes = bytes.saturating_add(found.parcel.len());
            if bytes > RETURN_BYTES_PER_FRAME && !returns.is_empty() {
                break;
            }
            *said = said.saturating_add(1);
            self.last_return = player;
            returns.push((player, Act::Return { hops: found.hops, is_held: false, parcel: found.parcel.clone() }));
        }
        returns
    }

    /// A tick was stepped: who is home is judged, and what the world did not take is given up in the end.
    pub(super) fn judge_homecomings(&mut self, now: Instant) {
        let players: Vec<PlayerId> = self.homecomings.keys().copied().collect();
        let tick = self.history.stepped;
        for player in players {
            let is_away = self.is_away(player);
            let is_known = self.history.stepped_world().players().find(player).is_some();
            let Some(homecoming) = self.homecomings.get_mut(&player) else { continue };
            let is_late = homecoming.until <= now;
            match &homecoming.way {
                Way::Home(_) if is_late => _ = self.homecomings.remove(&player),
                Way::Home(_) => {}
                _ if !is_away => {
                    // As long as a verdict of before may still come.
                    (homecoming.way, homecoming.until) = (Way::Home(tick), now.after(self.settings.greeting_timeout));
                    self.welcome_home(now, player);
                }
                _ if is_late => self.give_up(now, player, Reason::TimedOut, "the player did not come home in time"),
                Way::Leaving if !is_known => self.search(player),
                Way::Returning { said, .. } if *said >= RETURNS_SAID_MAX => {
                    let detail = "the world has no room for the player, or cannot read what they have with them";
                    self.give_up(now, player, Reason::Full, detail);
                }
                Way::Leaving | Way::Sought(_) | Way::Returning { .. } => {}
            }
        }
    }

    fn welcome_home(&mut self, now: Instant, player: PlayerId) {
        self.tell(HostEvent::Homecoming { player, result: Ok(()) });
        for session in self.awaiting(player) {
            self.judge_again(now, session);
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
        let rests = |player: &&session::Player| {
            let is_here = player.id.is_player() && player.departed_to.is_none();
            let is_quiet = self.roster.find(player.id).is_none() && !self.homecomings.contains_key(&player.id);
            let away_ticks = tick.0.saturating_sub(player.away_since_tick);
            is_here && is_quiet && !player.connected && !player.is_held() && away_ticks >= after
        };
        let leavers = players.in_slots(from..to).filter(rests).map(|player| player.id);
        let leavers: Vec<PlayerId> = leavers.take(ARCHIVED_PER_TICK_MAX as usize).collect();
        self.leaver_slot = to;
        self.leaving.extend(leavers.iter().map(|player| (tick, *player)));
        leavers
    }

    /// A tick was stepped: whoever came in while their departure was being made is not in the world, and says hello again.
    pub(super) fn end_departed(&mut self, now: Instant) {
        let stepped = self.history.stepped;
        let (left, leaving) = core::mem::take(&mut self.leaving).into_iter().partition(|(tick, _)| *tick <= stepped);
        self.leaving = leaving;
        let left: Vec<(Tick, PlayerId)> = left;
        for (_, player) in left {
            let Some(known) = self.roster.find(player).filter(|_| self.is_away(player)) else { continue };
            if let Some(session) = known.session {
                self.end(now, session, Reason::Elsewhere, "the player has just left for the archive: come again");
            }
            self.depart(player, Departure::Leave);
            self.roster.take_out(player);
        }
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
