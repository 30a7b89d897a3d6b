//! [`Roster`]: every player that the host knows, with or without a session.
//!
//! Invariant: a player who is in the world, or has a session, or inputs that are not answered yet, is known; so their inputs
//! keep their order across sessions. Others are forgotten: what the world remembers of them is enough.

use alloc::collections::{BTreeMap, BTreeSet};

use tickworld_sim::{
    frame::{Enter, PlayerId, Sequence},
    region::RegionId,
    session::{self, Players},
};

use super::{budget::IdentityBudget, event::SessionId, inbox::Inbox};
use crate::instant::Instant;

/// How a player goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// They said so.
    Leave,
    /// Their connection was lost for too long.
    TimeOut,
}

/// What let a player in last, as the world has it; nothing did of those whom it does not know, who begin with the generation `first`.
pub(super) fn entry_in_world(known: Option<&session::Player>, first: u32) -> Enter {
    let new = Enter { generation: first, opened_by: 0 };
    known.map_or(new, |known| Enter { generation: known.generation, opened_by: known.opened_by })
}

/// Whether the archive is where a player of whom the world knows this has to be sought: it does not have them, or they have left for it.
pub(super) fn is_in_archive(known: Option<&session::Player>) -> bool {
    known.is_none_or(|known| known.departed_to == Some(RegionId::ARCHIVE))
}

/// What a host knows of a player.
#[derive(Debug)]
pub(super) struct Player<I> {
    pub(super) session: Option<SessionId>,
    /// What is left of the budget while there is no session.
    pub(super) budget: Option<IdentityBudget>,
    pub(super) inbox: Inbox<I>,
    /// The frames closed so far leave the player in the world.
    pub(super) is_in_world: bool,
    /// The player is to be in the world.
    pub(super) wants_in: bool,
    /// What let the player in last, or is to.
    pub(super) entry: Option<Enter>,
    /// The next frame says so, whether or not they are in the world.
    pub(super) is_entry_due: bool,
    /// An act for the next frame.
    pub(super) departure: Option<Departure>,
    /// When the last session was lost.
    pub(super) lost: Option<Instant>,
}

/// All players whom a host knows.
#[derive(Debug)]
pub(super) struct Roster<I> {
    by_id: BTreeMap<PlayerId, Player<I>>,
    /// Those of whom the next frame may say something.
    pub(super) ready: BTreeSet<PlayerId>,
    /// Who comes first in the next frame, because the last one had no room for them.
    pub(super) first: Option<PlayerId>,
    /// Who of those whose tick broke had a frame last.
    pub(super) last_suspect: PlayerId,
    /// Those without a session.
    absent: BTreeSet<PlayerId>,
    /// Those whose last entry may be above what the world knows.
    entering: BTreeSet<PlayerId>,
}

impl<I> Roster<I> {
    /// The players of a world without sessions: each is lost now.
    pub(super) fn of(now: Instant, world: &Players) -> Self {
        let mut roster = Self {
            by_id: BTreeMap::new(),
            ready: BTreeSet::new(),
            first: None,
            last_suspect: PlayerId::REGION,
            absent: BTreeSet::new(),
            entering: BTreeSet::new(),
        };
        for player in world.iter().filter(|player| player.connected) {
            let mut known = Player::after(world.last_sequence(player.id));
            (known.is_in_world, known.wants_in, known.lost) = (true, true, Some(now));
            roster.by_id.insert(player.id, known);
            roster.absent.insert(player.id);
        }
        roster
    }

    /// The player, if known.
    pub(super) fn find(&self, id: PlayerId) -> Option<&Player<I>> {
        self.by_id.get(&id)
    }

    /// The same, to write.
    pub(super) fn find_mut(&mut self, id: PlayerId) -> Option<&mut Player<I>> {
        self.by_id.get_mut(&id)
    }

    /// The player, known from now on, with a session.
    pub(super) fn enter(&mut self, id: PlayerId, session: SessionId, entry: Enter, last: Sequence) -> &mut Player<I> {
        self.absent.remove(&id);
        self.entering.insert(id);
        self.ready.insert(id);
        let player = self.by_id.entry(id).or_insert_with(|| Player::after(last));
        (player.session, player.wants_in, player.lost) = (Some(session), true, None);
        (player.entry, player.is_entry_due) = (Some(entry), true);
        player
    }

    /// The player, known from now on, without a session: lost now.
    pub(super) fn enter_absent(&mut self, id: PlayerId, now: Instant, last: Sequence) -> &mut Player<I> {
        self.absent.insert(id);
        self.ready.insert(id);
        let player = self.by_id.entry(id).or_insert_with(|| Player::after(last));
        (player.wants_in, player.lost) = (true, Some(now));
        player
    }

    /// The world has made what frames said of these players: an entry that is due yet is still ahead of it.
    pub(super) fn judged(&mut self, id: PlayerId) {
        if self.find(id).is_none_or(|player| !player.is_entry_due) {
            self.entering.remove(&id);
        }
    }

    /// The player's session is over.
    pub(super) fn part(&mut self, id: PlayerId, lost: Option<Instant>) -> Option<&mut Player<I>> {
        self.absent.insert(id);
        let player = self.by_id.get_mut(&id)?;
        (player.session, player.lost) = (None, lost);
        Some(player)
    }

    /// The player is out of the world already: no frame need say so.
    pub(super) fn take_out(&mut self, id: PlayerId) {
        if let Some(known) = self.find_mut(id) {
            (known.is_in_world, known.departure) = (false, None);
        }
    }

    /// The player is out of the world already, and what waits of them is theirs to say again: no frame need say so.
    pub(super) fn forget(&mut self, id: PlayerId) {
        self.by_id.remove(&id);
        for ids in [&mut self.ready, &mut self.absent, &mut self.entering] {
            ids.remove(&id);
        }
    }

    /// The players without a session whose time is up.
    pub(super) fn lost_before(&self, limit: Instant) -> impl Iterator<Item = PlayerId> {
        let is_up = move |id: &PlayerId| self.lost(*id).is_some_and(|lost| lost <= limit);
        self.absent.iter().copied().filter(is_up)
    }

    /// When the first of those without a session was lost.
    pub(super) fn first_lost(&self) -> Option<Instant> {
        self.absent.iter().filter_map(|id| self.lost(*id)).min()
    }

    fn lost(&self, id: PlayerId) -> Option<Instant> {
        self.find(id)?.lost
    }

    /// Those who entered, or are to, with the generation that lets them in.
    pub(super) fn entering(&self) -> impl Iterator<Item = (PlayerId, u32)> {
        self.entering.iter().filter_map(|id| Some((*id, self.find(*id)?.entry?.generation)))
    }

    /// Forgets those of whom the world knows all there is.
    pub(super) fn forget_gone(&mut self) {
        let Self { by_id, absent, entering, ready, .. } = self;
        absent.retain(|id| {
            let is_needed = by_id.get(id).is_some_and(|player| {
                player.is_in_world || player.wants_in || player.departure.is_some() || !player.inbox.is_quiet()
            });
            if !is_needed {
                by_id.remove(id);
                ready.remove(id);
                entering.remove(id);
            }
            is_needed
        });
    }

    /// Number of players who are to join.
    pub(super) fn joining_count(&self) -> usize {
        self.by_id.values().filter(|player| player.wants_in && !player.is_in_world).count()
    }

    /// Number of players known.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}

impl<I> Player<I> {
    fn after(last: Sequence) -> Self {
        Self {
            session: None,
            budget: None,
            inbox: Inbox::after(last),
            is_in_world: false,
            wants_in: false,
            entry: None,
            is_entry_due: false,
            departure: None,
            lost: None,
        }
    }
}
