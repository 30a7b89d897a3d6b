//! Players whom the world does not have: who was never anywhere, who rests in the archive, and who is in another region.
//!
//! Invariant: where an archive keeps players, nothing is done in the name of one whom the world does not have, and nobody is let in
//! by what was judged before they were home. They come home by a `Return`, which frames say until the world has taken it, and which
//! changes nothing where it is said twice; then whoever waits for them is judged as if they came just now. Nobody waits for ever: a
//! session ends, and the next one asks again. Who knows of more hops than a `Hello` names says where its player is; who knows of
//! fewer has it wait, for the player is on the way here.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use tickworld_sim::{
    frame::{Act, PlayerId, Tick},
    game::Game,
    limits::ARCHIVED_PER_TICK_MAX,
    region::RegionId,
    session,
};

use super::{
    Host,
    event::{Finding, Found, HostEvent, Search, SessionId},
    players::{Departure, is_in_archive},
    session::Stage,
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
    /// Somebody was told that they have changed places so often: with fewer hops they are not home.
    hops: u64,
    /// The sessions that waited for them when the last one came; some may have ended since.
    sessions: Vec<SessionId>,
}

#[derive(Debug)]
enum Way {
    /// They left, and it is not known yet that whoever is to have them does.
    Leaving,
    /// The embedder looks for them: the search of this number.
    Sought(u64),
    /// Another region has said that they come, and has not sent them yet.
    Expected,
    /// Frames say that they are back: so many said it so far.
    Returning { found: Found, said: u32 },
    /// They are here since this tick, and do not leave again before whoever waited is in.
    Home(Tick),
}

/// How long somebody waits for a player to come home.
const HOMECOMING_WAIT: Micros = Micros::from_millis(10_000);

/// Where a player is, of whom somebody says how often they have changed places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// They are in this region, or were nowhere yet.
    Here,
    /// They have to come home first.
    Away,
    /// In this region, with so many hops.
    Elsewhere(RegionId, u64),
}

impl<G: Game> Host<G> {
    /// Whether there is an archive at all.
    pub(super) const fn has_archive(&self) -> bool {
        self.settings.archive_after_ticks.is_some()
    }

    /// Whether a player has to come home before anything can be done in their name.
    #[must_use]
    pub fn is_away(&self, player: PlayerId) -> bool {
        let known = self.history.stepped_world().players().find(player);
        self.has_archive() && player.is_player() && is_in_archive(known)
    }

    /// The region that a player has left for, as far as this one knows.
    #[must_use]
    pub fn departed_to(&self, player: PlayerId) -> Option<RegionId> {
        let known = self.history.stepped_world().players().find(player);
        known.and_then(|known| known.departed_to).filter(|to| *to != RegionId::ARCHIVE)
    }

    /// Where a player is for somebody who was told of so many hops.
    pub(super) fn place_of(&self, player: PlayerId, hops: u64) -> Place {
        let known = self.history.stepped_world().players().find(player);
        match known {
            _ if !player.is_player() => Place::Here,
            Some(known) if hops > known.hops => Place::Away,
            Some(known) => match known.departed_to {
                Some(region) if region != RegionId::ARCHIVE => Place::Elsewhere(region, known.hops),
                Some(_) if self.has_archive() => Place::Away,
                _ => Place::Here,
            },
            None if hops > 0 || self.has_archive() => Place::Away,
            None => Place::Here,
        }
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
        if !self.has_archive() {
            return self.end(now, session, Reason::Elsewhere, "the player is in another region, or on the way here");
        }
        if !self.seek_from(now, player, hello.hops, true) {
            return self.end(now, session, Reason::Full, "too many players come home at present; come back later");
        }
        let deadline = now.after(HOMECOMING_WAIT);
        let Some(state) = self.sessions.get_mut(&session) else { return };
        state.stage = Stage::AwaitingPlayer(deadline, player, hello);
        let mut waiting = self.awaiting(player);
        waiting.push(session);
        if let Some(homecoming) = self.homecomings.get_mut(&player) {
            homecoming.sessions = waiting;
        }
        self.wake_by(deadline);
    }

    /// Whether a return of the player's is held.
    pub(super) fn waits_for_operator(&self, player: PlayerId) -> bool {
        self.history.stepped_world().region().held().any(|entry| entry.player == player)
    }

    /// Has a player come home, whom somebody waits for; gives whether there is room for one more. What comes of it is told by
    /// [`HostEvent::Homecoming`].
    pub fn seek(&mut self, now: Instant, player: PlayerId, may_be_born: bool) -> bool {
        self.seek_from(now, player, 0, may_be_born)
    }

    /// The same, of a player who has changed places so often.
    fn seek_from(&mut self, now: Instant, player: PlayerId, hops: u64, may_be_born: bool) -> bool {
        let until = now.after(HOMECOMING_WAIT);
        if let Some(homecoming) = self.homecomings.get_mut(&player).filter(|it| !matches!(it.way, Way::Home(_))) {
            homecoming.until = until;
            homecoming.may_be_born |= may_be_born;
            homecoming.hops = homecoming.hops.max(hops);
            return true;
        }
        if self.homecomings.len() >= HOMECOMINGS_MAX as usize {
            return false;
        }
        let known = self.history.stepped_world().players().find(player);
        let is_leaving = known.is_none_or(|known| known.departed_to.is_some());
        let way = if is_leaving { Way::Leaving } else { Way::Expected };
        let is_sought = known.is_none();
        self.homecomings.insert(player, Homecoming { way, until, may_be_born, hops, sessions: Vec::new() });
        if is_sought {
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

    /// What the archive has of a player whom [`HostEvent::Sought`] named, or what to tell those who wait for them.
    pub fn handle_found(&mut self, now: Instant, search: Search, result: Result<Finding, (Reason, String)>) {
        let Search { player, number, may_be_born } = search;
        let Some(homecoming) = self.homecomings.get_mut(&player) else { return };
        if !matches!(homecoming.way, Way::Sought(of) if of == number) {
            return;
        }
        match result {
            Ok(Finding::Here(found)) => homecoming.way = Way::Returning { found, said: 0 },
            // Somebody came meanwhile for whom they are born.
            Ok(Finding::Nowhere) if homecoming.may_be_born && !may_be_born => self.search(player),
            Ok(Finding::Nowhere) => self.give_up(now, player, Reason::Elsewhere, "the player never was in this world"),
            Ok(Finding::Elsewhere { region, hops }) => self.send_on(now, player, region, hops),
            Err((reason, detail)) => self.give_up(now, player, reason, &detail),
        }
    }

    /// Another region has a player: tells those who wait for them and do not know of a later place.
    fn send_on(&mut self, now: Instant, player: PlayerId, region: RegionId, hops: u64) {
        let mut is_expected = false;
        for session in self.awaiting(player) {
            if self.hello_hops(session) > hops {
                is_expected = true;
            } else {
                self.redirect(now, session, region, hops);
            }
        }
        match self.homecomings.get_mut(&player) {
            Some(homecoming) if is_expected => homecoming.way = Way::Expected,
            _ => {
                self.homecomings.remove(&player);
                let detail = format!("the player is in region {region}");
                self.tell(HostEvent::Homecoming { player, result: Err((Reason::Elsewhere, detail)) });
            }
        }
    }

    /// How often the player of a session that waits for them has changed places, as it was told.
    fn hello_hops(&self, session: SessionId) -> u64 {
        match self.sessions.get(&session).map(|session| &session.stage) {
            Some(Stage::AwaitingPlayer(_, _, hello)) => hello.hops,
            _ => 0,
        }
    }

    fn give_up(&mut self, now: Instant, player: PlayerId, reason: Reason, detail: &str) {
        let waiting = self.awaiting(player);
        self.homecomings.remove(&player);
        for session in waiting {
            self.end(now, session, reason, detail);
        }
        self.tell(HostEvent::Homecoming { player, result: Err((reason, detail.into())) });
    }

    /// The sessions that wait for a player.
    fn awaiting(&self, player: PlayerId) -> Vec<SessionId> {
        let Some(homecoming) = self.homecomings.get(&player) else { return Vec::new() };
        let waits = |session: &&SessionId| {
            let state = self.sessions.get(session);
            state.is_some_and(|state| matches!(state.stage, Stage::AwaitingPlayer(_, of, _) if of == player))
        };
        homecoming.sessions.iter().filter(waits).copied().collect()
    }

    /// The returns that the next frame says, at most `room` of them and at least one if there is any: from the one after the last that
    /// was said. Other parcels of the frame have so many bytes.
    pub(super) fn returns(&mut self, room: u32, taken_bytes: usize) -> Vec<(PlayerId, Act<G::Input>)> {
        let after = PlayerId(self.last_return.0.saturating_add(1));
        let mut order: Vec<PlayerId> = self.homecomings.range(after..).map(|(player, _)| *player).collect();
        order.extend(self.homecomings.range(..after).map(|(player, _)| *player));
        let (mut bytes, mut returns) = (taken_bytes, Vec::new());
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
            let is_known = self.history.stepped_world().players().find(player).is_some();
            let place = self.place_of(player, self.homecomings.get(&player).map_or(0, |it| it.hops));
            let Some(homecoming) = self.homecomings.get_mut(&player) else { continue };
            let is_late = homecoming.until <= now;
            match (&homecoming.way, place) {
                (Way::Home(_), _) if is_late => _ = self.homecomings.remove(&player),
                (Way::Home(_), _) => {}
                (_, Place::Here) => {
                    // As long as a verdict of before may still come.
                    (homecoming.way, homecoming.until) = (Way::Home(tick), now.after(self.settings.greeting_timeout));
                    self.welcome_home(now, player);
                }
                // They came, and have left again.
                (_, Place::Elsewhere(region, hops)) => self.send_on(now, player, region, hops),
                (_, Place::Away) if is_late => {
                    self.give_up(now, player, Reason::TimedOut, "the player did not come home in time");
                }
                (Way::Leaving, Place::Away) if !is_known => self.search(player),
                (Way::Returning { said, .. }, Place::Away) if *said >= RETURNS_SAID_MAX => {
                    let detail = "the world has no room for the player, or cannot read what they have with them";
                    self.give_up(now, player, Reason::Full, detail);
                }
                (Way::Leaving | Way::Sought(_) | Way::Expected | Way::Returning { .. }, Place::Away) => {}
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
        leavers
    }

    /// A tick is released: who left in it is told where they are. Who left for the archive came in while their departure was being made,
    /// and says hello again.
    pub(super) fn see_off(&mut self, now: Instant, tick: Tick) {
        let Some(world) = self.history.find(tick).and_then(|kept| kept.world.as_ref()) else { return };
        let region = world.region();
        let lamport = region.state().lamport;
        let left: Vec<(PlayerId, RegionId, u64)> = (region.departures())
            .filter(|entry| entry.lamport == lamport && self.roster.find(entry.player).is_some())
            .map(|entry| (entry.player, entry.to, entry.hops))
            .collect();
        for (player, to, hops) in left {
            match self.roster.find(player).and_then(|known| known.session) {
                Some(session) if to == RegionId::ARCHIVE => {
                    self.end(now, session, Reason::Elsewhere, "the player has just left for the archive: come again");
                }
                Some(session) => self.redirect(now, session, to, hops),
                None => {}
            }
            self.depart(player, Departure::Leave);
            self.roster.forget(player);
        }
    }
}
