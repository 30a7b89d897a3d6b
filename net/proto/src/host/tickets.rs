//! Tickets: given out, renewed and judged; and what lets a player in.
//!
//! Invariant: whoever is let in by what was shown before shows it with a generation that is not below the player's, or is one below
//! and opened that one itself, which is how a lost `Welcome` burns nothing. This holds for tickets and for tokens alike: a kick
//! raises the generation by so much that nothing given out before is good. The world has the last word: entries that it refuses
//! end their sessions.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

use tickworld_sim::{
    frame::{Enter, PlayerId},
    game::Game,
    session::{GENERATIONS_A_KICK, Players},
};

use super::{
    Host,
    event::{HostEvent, SessionId},
    players::{entry_in_world, is_in_archive},
    session::{Granted, Session, Stage},
};
use crate::{
    channel::Channel,
    instant::{Instant, MICROS_PER_SECOND, Micros},
    limits::KEYS_READ_WAIT,
    message::{Hello, Message, WorldId},
    ticket::{TICKET_LIFE_SECONDS_MAX, Ticket, TicketClaims, TicketError, TicketKeys},
};

/// What a host is told so that it can give out tickets.
#[derive(Clone, Debug)]
pub struct TicketIssuer {
    /// The world whose tickets they make.
    pub world: WorldId,
    /// The world's keys.
    pub keys: TicketKeys,
    /// The time for people, in seconds since 1970, at the moment at which the host begins.
    pub wall_seconds: u64,
}

/// The generations of all players at some moment: those of entries too that no tick was made of yet. Whoever notes a token with the
/// first client that showed it notes its player's generation with it.
#[derive(Clone, Default)]
pub struct Generations {
    players: Players,
    entering: BTreeMap<PlayerId, u32>,
    /// Of those whom nobody knows.
    first: u32,
    /// Whether there are players elsewhere, of whom nothing is known here.
    has_archive: bool,
}

impl Generations {
    /// Whether nothing is known of a player, who may rest in the archive: a token of theirs is not to be noted, for it is shown again
    /// when they are home.
    #[must_use]
    pub fn is_away(&self, player: PlayerId) -> bool {
        self.has_archive && is_in_archive(self.players.find(player))
    }

    /// A player's; of those whom nobody knows the one that is the first in this life of the region.
    #[must_use]
    pub fn of(&self, player: PlayerId) -> u32 {
        let known = self.players.find(player).map_or(self.first, |known| known.generation);
        self.entering.get(&player).map_or(known, |entering| known.max(*entering))
    }
}

/// The host's side of it.
#[derive(Debug)]
pub(super) struct Tickets {
    pub(super) world: WorldId,
    keys: TicketKeys,
    /// The time for people at some moment of the host's.
    wall: (Instant, u64),
    /// When the keys were last asked for.
    asked: Option<Instant>,
    /// Whether they have not come since.
    is_asking: bool,
}

/// What somebody shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// The player's generation when it was given out, or first shown; `None` where it may be shown again and again.
    pub(super) generation: Option<u32>,
    /// Their generation when it was shown this time, where that was some time ago: who came in meanwhile was later there, and is
    /// replaced like anybody.
    pub(super) asked_at: Option<u32>,
    /// It and who shows it.
    pub(super) opened_by: u64,
}

impl Tickets {
    pub(super) const fn new(now: Instant, issuer: TicketIssuer) -> Self {
        let TicketIssuer { world, keys, wall_seconds } = issuer;
        Self { world, keys, wall: (now, wall_seconds), asked: None, is_asking: false }
    }

    /// Seconds since 1970.
    fn seconds(&self, now: Instant) -> u64 {
        let (at, seconds) = self.wall;
        seconds.saturating_add(now.since(at).0.checked_div(MICROS_PER_SECOND).unwrap_or_default())
    }

    /// What a ticket says, if it is good but for what the world says of its player.
    pub(super) fn open(&self, now: Instant, ticket: Ticket) -> Result<TicketClaims, TicketError> {
        ticket.open(self.world, &self.keys, self.seconds(now))
    }

    fn seal(&self, now: Instant, life: Micros, granted: &Granted, generation: u32) -> Ticket {
        let life = life.0.div_ceil(MICROS_PER_SECOND).min(TICKET_LIFE_SECONDS_MAX);
        let Granted { player, kinds, until_seconds } = *granted;
        let expires_seconds = self.seconds(now).saturating_add(life).min(until_seconds.unwrap_or(u64::MAX));
        let claims = TicketClaims { player, kinds, generation, expires_seconds, until_seconds };
        Ticket::seal(self.world, &self.keys, &claims)
    }
}

impl<G: Game> Host<G> {
    /// The time for people, in seconds since 1970: by it tickets expire.
    pub const fn tell_wall_time(&mut self, now: Instant, seconds: u64) {
        self.tickets.wall = (now, seconds);
    }

    /// The world's keys as they were read just now, as [`HostEvent::KeysWanted`] asked or because they were rotated; `None` where
    /// they cannot be read. Whoever waits for them is judged by those that are known then.
    pub fn handle_keys(&mut self, now: Instant, keys: Option<TicketKeys>) {
        self.tickets.is_asking = false;
        if let Some(keys) = keys {
            self.tickets.keys = keys;
        }
        let waits =
            |(id, session): (&SessionId, &Session)| matches!(session.stage, Stage::AwaitingKeys(..)).then_some(*id);
        let waiting: Vec<SessionId> = self.sessions.iter().filter_map(waits).collect();
        for id in waiting {
            self.judge_again(now, id);
        }
    }

    /// Has a session wait for the world's keys, where reading them may tell more than is known; gives back its `Hello` where not.
    pub(super) fn await_keys(&mut self, now: Instant, session: SessionId, hello: Hello) -> Option<Hello> {
        let is_early = self.tickets.asked.is_some_and(|asked| now < asked.after(KEYS_READ_WAIT));
        if is_early && !self.tickets.is_asking {
            return Some(hello);
        }
        let deadline = now.after(self.settings.greeting_timeout);
        let Some(state) = self.sessions.get_mut(&session) else { return Some(hello) };
        state.stage = Stage::AwaitingKeys(deadline, Box::new(hello));
        self.wake_by(deadline);
        if !self.tickets.is_asking {
            (self.tickets.asked, self.tickets.is_asking) = (Some(now), true);
            self.tell(HostEvent::KeysWanted);
        }
        None
    }

    /// What let a player in last, as the world has it or frames say that it does not know yet.
    fn last_entry(&self, player: PlayerId) -> Enter {
        let world = self.history.stepped_world();
        let known = entry_in_world(world.players().find(player), world.region().state().first_generation());
        let said = self.roster.find(player).and_then(|player| player.entry);
        said.filter(|said| said.generation > known.generation).unwrap_or(known)
    }

    /// What lets a player in who shows this, if it is good: what let them in before where that is the same, so that nothing is
    /// raised; else a generation above.
    pub(super) fn entry_of(&self, player: PlayerId, shown: Shown) -> Option<Enter> {
        let last = self.last_entry(player);
        let is_same = shown.opened_by == last.opened_by;
        let shown_generation = shown.generation.unwrap_or(last.generation);
        let is_below = shown_generation < shown.asked_at.unwrap_or(last.generation) || is_sent_away(shown, last);
        let opened_it = is_same && shown_generation.saturating_add(1) == last.generation;
        if is_below && !opened_it {
            return None;
        }
        if is_same && (opened_it || shown.generation.is_none()) {
            return Some(last);
        }
        let generation = last.generation.max(shown_generation).saturating_add(1);
        Some(Enter { generation, opened_by: shown.opened_by })
    }

    /// The generation that somebody's ticket has who watches with what was granted to a player, if what they show is good: unless the
    /// player was sent away since. Their own comings and goings make it void only after very many.
    pub(super) fn watching_generation(&self, player: PlayerId, shown: Shown) -> Option<u32> {
        let last = self.last_entry(player);
        (!is_sent_away(shown, last)).then_some(last.generation)
    }

    /// The generations of all players at this moment.
    #[must_use]
    pub fn generations(&self) -> Generations {
        let world = self.history.stepped_world();
        let (players, first) = (world.players().clone(), world.region().state().first_generation());
        let is_ahead = |(player, generation): &(PlayerId, u32)| {
            players.find(*player).is_none_or(|known| known.generation < *generation)
        };
        let entering = self.roster.entering().filter(is_ahead).collect();
        Generations { players, entering, first, has_archive: self.has_archive() }
    }

    /// A ticket for a session.
    pub(super) fn ticket(&self, now: Instant, granted: &Granted, generation: u32) -> Ticket {
        self.tickets.seal(now, self.settings.ticket_life, granted, generation)
    }

    /// Sends a younger ticket to everybody whose time for it has come.
    pub(super) fn renew_tickets(&mut self, now: Instant) {
        let next = now.after(self.settings.ticket_renewal);
        let mut due = Vec::new();
        for (id, session) in &mut self.sessions {
            let Some(open) = session.open_mut().filter(|open| open.renew_at <= now) else { continue };
            open.renew_at = next;
            due.push((*id, open.granted));
        }
        for (id, granted) in due {
            let generation = granted.player.map_or(0, |player| self.last_entry(player).generation);
            let ticket = self.ticket(now, &granted, generation);
            self.outbox.push_over(id, Channel::Control, Message::Ticket(ticket).encode());
        }
    }
}

/// Whether somebody was sent away since what they show was given out: their own comings and goings raise far less.
fn is_sent_away(shown: Shown, last: Enter) -> bool {
    shown.generation.is_some_and(|shown| last.generation.saturating_sub(shown) >= GENERATIONS_A_KICK)
}
