//! The columns of players, and what acts change in them.

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    column::{Column, Pages},
    entity::{Entity, Row},
    frame::{Enter, PlayerId, Sequence, Tick},
    join::join,
    limits,
    parcel::Parcel,
    region::{GENERATIONS_AN_INCARNATION, RegionId},
    schema::RowKind,
};

use super::{Outcome, Place, Player, VOIDS_HELD, index::Index};

/// The players of a world.
#[derive(Clone)]
pub struct Players {
    slots: Column<Player>,
    /// The last input of each slot that was applied: apart, because every input writes it.
    sequences: Column<Sequence>,
    /// Slot `s` has rows `s * OUTCOMES_PER_PLAYER ..`, indexed by sequence modulo that.
    outcomes: Column<Outcome>,
    index: Index,
    /// No slot below this one is free. Only saves looking.
    free_from: u32,
}

/// What came of an act that lets a player in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The player is in.
    In(Player),
    /// The entry is not good (any more): nothing changed.
    Refused,
    /// The world has no slot for another player.
    Full,
}

impl Default for Players {
    fn default() -> Self {
        Self {
            slots: Column::of_kind(RowKind::Other),
            sequences: Column::of_kind(RowKind::Other),
            outcomes: Column::of_kind(RowKind::Other),
            index: Index::default(),
            free_from: 0,
        }
    }
}

impl Players {
    /// What is known of a player or requester.
    #[must_use]
    pub fn find(&self, id: PlayerId) -> Option<&Player> {
        self.slots.get(self.row(id)?)
    }

    /// The last of their inputs that was applied; 0 where none was.
    #[must_use]
    pub fn last_sequence(&self, id: PlayerId) -> Sequence {
        self.row(id).and_then(|row| self.sequences.get(row)).copied().unwrap_or_default()
    }

    /// Everybody who is known, in order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = &Player> {
        self.in_slots(0..u32::MAX)
    }

    /// Everybody in these slots, in their order: to look at a part of a large world at a time.
    pub fn in_slots(&self, slots: Range<u32>) -> impl Iterator<Item = &Player> {
        (slots.start..slots.end.min(self.slot_limit())).filter_map(|slot| self.slots.get(Row::new(slot)))
    }

    /// No slot from this one on has a player.
    #[must_use]
    pub fn slot_limit(&self) -> u32 {
        self.slots.row_limit()
    }

    /// The outcome of an input, if it was applied and is among the player's latest.
    #[must_use]
    pub fn outcome(&self, id: PlayerId, sequence: Sequence) -> Option<&Outcome> {
        let slot = self.index.find(id)?;
        self.outcomes.get(outcome_row(slot, sequence)).filter(|outcome| outcome.sequence == sequence)
    }

    fn row(&self, id: PlayerId) -> Option<Row> {
        self.index.find(id).map(Row::new)
    }

    /// The row of somebody who is known from now on, with this generation where they are new; `None` where there is no slot left.
    fn row_or_new(&mut self, id: PlayerId, generation: u32) -> Option<Row> {
        if let Some(row) = self.row(id) {
            return Some(row);
        }
        let slot = self.free_slot(id)?;
        let player = Player {
            id,
            entity: None,
            connected: false,
            generation,
            opened_by: 0,
            hops: 0,
            departed_to: None,
            away_since_tick: 0,
            voids: 0,
            is_barred: false,
        };
        self.slots.set(Row::new(slot), player);
        self.sequences.set(Row::new(slot), Sequence(0));
        self.index.insert(id, slot);
        self.free_from = slot.saturating_add(1);
        Some(Row::new(slot))
    }

    /// The lowest slot that somebody new may have.
    fn free_slot(&self, id: PlayerId) -> Option<u32> {
        let end = if id.is_requester() { limits::PLAYERS_MAX } else { limits::PLAYERS_MAX - limits::REQUESTER_SLOTS };
        Some(self.slots.lowest_absent(self.free_from)).filter(|slot| *slot < end)
    }

    /// Lets a player in, where the entry is good: by the same client as the last one, which raises nothing, or of a higher generation
    /// than the world's. Of who is new none is below `first`.
    pub(crate) fn enter(&mut self, id: PlayerId, enter: Enter, first: u32) -> Entry {
        let is_new = self.row(id).is_none();
        let Some(row) = self.row_or_new(id, first) else { return Entry::Full };
        let entry = self.slots.modify(row, |player| {
            let is_above = enter.generation > player.generation;
            // Without a ticket nobody is known by what opened their generation.
            let is_same = enter.opened_by == player.opened_by
                && (enter.generation == player.generation || is_above && enter.opened_by != 0);
            if player.is_barred || player.departed_to.is_some() || !(is_new || is_same || is_above) {
                return Entry::Refused;
            }
            if is_new || !is_same {
                (player.generation, player.opened_by) = (enter.generation.max(player.generation), enter.opened_by);
            }
            player.connected = true;
            Entry::In(*player)
        });
        entry.expect("the row was just found")
    }

    /// Marks a player as gone; gives what they were while they were connected.
    pub(crate) fn leave(&mut self, id: PlayerId, now: Tick) -> Option<Player> {
        let row = self.row(id)?;
        let player = self.slots.get(row).copied().filter(|player| player.connected)?;
        self.slots.modify(row, |player| (player.connected, player.away_since_tick) = (false, now.0));
        Some(player)
    }

    /// Voids what was given out to a player so far, and keeps them out or lets them in, where that is asked.
    ///
    /// # Errors
    /// The region that the player left for; 0 where they never were here.
    pub(crate) fn void_tickets(&mut self, id: PlayerId, is_barred: Option<bool>) -> Result<(), RegionId> {
        let row = self.row(id).filter(|_| id.is_player()).ok_or(RegionId(0))?;
        let change = |player: &mut Player| {
            if let Some(region) = player.departed_to {
                return Err(region);
            }
            player.is_barred = is_barred.unwrap_or(player.is_barred);
            if is_barred != Some(false) {
                player.generation = player.generation.saturating_add(GENERATIONS_A_KICK);
                player.opened_by = 0;
            }
            Ok(())
        };
        self.slots.modify(row, change).expect("the row was just found")
    }

    /// Takes inputs of a held player again.
    ///
    /// # Errors
    /// As [`void_tickets`](Self::void_tickets).
    pub(crate) fn clear_voids(&mut self, id: PlayerId) -> Result<(), RegionId> {
        let row = self.row(id).ok_or(RegionId(0))?;
        let clear = |player: &mut Player| match player.departed_to {
            Some(region) => Err(region),
            None => {
                player.voids = 0;
                Ok(())
            }
        };
        self.slots.modify(row, clear).expect("the row was just found")
    }

    /// Changes what is known of a player, if anything is.
    pub(crate) fn modify(&mut self, id: PlayerId, change: impl FnOnce(&mut Player)) {
        if let Some(row) = self.row(id) {
            self.slots.modify(row, change);
        }
    }

    /// Whether an input would be taken: it was not applied before, and its sender is here and not held. Who makes requests is
    /// always here.
    pub(crate) fn takes(&self, id: PlayerId, sequence: Sequence) -> bool {
        let is_here = match self.find(id) {
            Some(player) => id.is_requester() || player.connected && !player.is_held(),
            None => id.is_requester() && self.free_slot(id).is_some(),
        };
        is_here && sequence > self.last_sequence(id)
    }

    /// Takes an input that was not applied before; gives the entity it is for.
    ///
    /// `None` where [`takes`](Self::takes) says no.
    pub(crate) fn accept(&mut self, id: PlayerId, sequence: Sequence) -> Option<Option<Entity>> {
        if !self.takes(id, sequence) {
            return None;
        }
        // Only who makes requests is new here, and shows no tickets.
        let row = self.row_or_new(id, 0)?;
        self.sequences.set(row, sequence);
        self.slots.modify(row, |player| {
            // A tick with an input of theirs is being made: only one that breaks again counts.
            player.voids = 0;
            player.entity
        })
    }

    /// Uses up the sequence of an input whose tick broke; gives whether it was not used up before. The player need not be
    /// connected; of who left, inputs are taken elsewhere. `counts` for the first one of a player's in a tick: that is a broken
    /// tick of theirs.
    pub(crate) fn void(&mut self, id: PlayerId, sequence: Sequence, counts: bool) -> bool {
        let is_here = self.find(id).is_some_and(|player| player.departed_to.is_none());
        let Some(row) = self.row(id).filter(|_| is_here && sequence > self.last_sequence(id)) else { return false };
        self.sequences.set(row, sequence);
        // Who makes requests is never held: else nobody could say that anybody is to be cleared.
        if counts && id.is_player() {
            self.slots.modify(row, |player| player.voids = player.voids.saturating_add(1).min(VOIDS_HELD));
        }
        true
    }

    /// Remembers what became of an input, if its sender is known.
    pub(crate) fn record(&mut self, id: PlayerId, outcome: Outcome) {
        // Only inputs of those who are known are taken; but an observer that plants a fault may have struck them out since.
        if let Some(slot) = self.index.find(id) {
            self.outcomes.set(outcome_row(slot, outcome.sequence), outcome);
        }
    }

    /// Makes everything that was given out before void: ticks that may have been told were taken back, with so many lives of the
    /// region. In the one that begins no generation is below `first`.
    pub(crate) fn begin_incarnation(&mut self, first: u32, lives: u32) {
        let hops = HOPS_AN_INCARNATION.saturating_mul(lives.into());
        for slot in 0..self.slots.row_limit() {
            self.slots.modify(Row::new(slot), |player| {
                player.generation = of_next_incarnation(player.generation).max(first);
                player.opened_by = 0;
                if player.departed_to.is_none() && player.id.is_player() {
                    player.hops = player.hops.saturating_add(hops);
                }
            });
        }
    }

    /// Who leaves is elsewhere from now on; the slot stays until it is known that they arrived.
    pub(crate) fn depart(&mut self, id: PlayerId, to: RegionId, hops: u64, now: Tick) {
        self.modify(id, |player| {
            (player.entity, player.departed_to, player.hops) = (None, Some(to), hops);
            (player.connected, player.away_since_tick) = (false, now.0);
        });
    }

    /// The player's latest outcomes, ascending.
    pub(crate) fn outcomes_of(&self, id: PlayerId) -> Vec<Outcome> {
        let last = self.last_sequence(id).0;
        let first = last.saturating_sub(limits::OUTCOMES_PER_PLAYER).saturating_add(1);
        (first..=last).filter_map(|sequence| self.outcome(id, Sequence(sequence)).copied()).collect()
    }

    /// Whether a player with so many hops may come: nobody knows them here, or they left with fewer.
    pub(crate) fn may_arrive(&self, id: PlayerId, hops: u64) -> bool {
        self.find(id).is_none_or(|player| player.departed_to.is_some() && player.hops < hops)
    }

    /// A player came, with what their parcel says; gives whether there was a slot.
    pub(crate) fn arrive(&mut self, parcel: &Parcel, place: &Place) -> bool {
        let Some(row) = self.row_or_new(parcel.player, place.first_generation) else { return false };
        let slot = row.index();
        for sequence in 0..limits::OUTCOMES_PER_PLAYER {
            self.outcomes.remove(outcome_row(slot, Sequence(sequence)));
        }
        for outcome in &parcel.outcomes {
            self.outcomes.set(outcome_row(slot, outcome.sequence), *outcome);
        }
        self.sequences.set(row, parcel.last_sequence);
        let least = if place.is_of_earlier_life { of_next_incarnation(parcel.generation) } else { parcel.generation };
        let generation = least.max(place.first_generation);
        let opened_by = if generation == parcel.generation { parcel.opened_by } else { 0 };
        let player = Player {
            id: parcel.player,
            entity: place.entity,
            connected: false,
            generation,
            opened_by,
            hops: place.hops,
            departed_to: None,
            away_since_tick: place.now.0,
            voids: parcel.voids,
            is_barred: parcel.is_barred,
        };
        self.slots.set(row, player);
        true
    }

    /// A player who is unknown, since they never were anywhere, is known from now on, with this generation; gives whether there was a
    /// slot.
    pub(crate) fn be_born(&mut self, id: PlayerId, hops: u64, first: u32, now: Tick) -> bool {
        let Some(row) = self.row_or_new(id, first) else { return false };
        self.slots.modify(row, |player| (player.hops, player.away_since_tick) = (hops, now.0));
        true
    }

    /// Takes no more input of a player, if they are here, until an operator clears them.
    pub(crate) fn hold(&mut self, id: PlayerId) {
        self.modify(id, |player| {
            if player.departed_to.is_none() {
                player.voids = VOIDS_HELD;
            }
        });
    }

    /// Frees the slot of a player who arrived elsewhere with so many hops, if they have not come back since.
    pub(crate) fn forget_departed(&mut self, id: PlayerId, hops: u64) {
        let Some(row) = self.row(id) else { return };
        if self.slots.get(row).is_none_or(|player| player.departed_to.is_none() || player.hops != hops) {
            return;
        }
        let slot = row.index();
        self.slots.remove(row);
        self.sequences.remove(row);
        for sequence in 0..limits::OUTCOMES_PER_PLAYER {
            self.outcomes.remove(outcome_row(slot, Sequence(sequence)));
        }
        self.index.remove(id);
        self.free_from = self.free_from.min(slot);
    }

    pub(crate) fn columns<'a>(&'a self, visit: &mut dyn FnMut(&str, &'a dyn Pages)) {
        visit("players.slots", &self.slots);
        visit("players.sequences", &self.sequences);
        visit("players.outcomes", &self.outcomes);
    }

    pub(crate) fn columns_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&str, &'a mut dyn Pages)) {
        visit("players.slots", &mut self.slots);
        visit("players.sequences", &mut self.sequences);
        visit("players.outcomes", &mut self.outcomes);
    }

    pub(crate) fn adopt_hashes(&mut self, sealed: &Self) {
        self.slots.adopt(&sealed.slots);
        self.sequences.adopt(&sealed.sequences);
        self.outcomes.adopt(&sealed.outcomes);
    }

    /// Makes the index anew after the columns were loaded. Slots may have gaps: those of players who went elsewhere are free.
    ///
    /// # Errors
    /// The column and what no world can have there.
    pub(crate) fn reindex(&mut self) -> Result<(), (&'static str, &'static str)> {
        (self.index, self.free_from) = (Index::default(), 0);
        let mut fault = Ok(());
        let index = &mut self.index;
        join(&self.slots).for_each(|row, player| {
            if row.index() >= limits::PLAYERS_MAX {
                fault = Err(("players.slots", "there are more players than a world remembers"));
            } else if player.id == PlayerId::REGION || index.insert(player.id, row.index()).is_some() {
                fault = Err(("players.slots", "each slot has another player, and none is the region"));
            } else if !is_possible(player) {
                fault = Err(("players.slots", "a player is as no act leaves one"));
            }
        });
        fault?;
        let mut fits = self.sequences.len() == self.slots.len();
        join(&self.sequences).for_each(|row, _| fits &= self.slots.contains(row));
        if !fits {
            return Err(("players.sequences", "each player has a last sequence, and nobody else has"));
        }
        join(&self.outcomes).for_each(|row, outcome| {
            let slot = row.index() / limits::OUTCOMES_PER_PLAYER;
            fits &= self.sequences.get(Row::new(slot)).is_some_and(|last| {
                let is_applied = outcome.sequence > Sequence(0) && outcome.sequence <= *last;
                is_applied && outcome_row(slot, outcome.sequence) == row
            });
        });
        if fits { Ok(()) } else { Err(("players.outcomes", "an outcome is of an input that was not applied")) }
    }
}

/// Whether some acts leave a player so.
const fn is_possible(player: &Player) -> bool {
    let is_elsewhere = player.departed_to.is_some();
    let is_nobody = player.id.is_requester() && (player.entity.is_some() || is_elsewhere || player.voids > 0);
    player.voids <= VOIDS_HELD
        && !(player.connected && (player.is_barred || is_elsewhere || player.id.is_requester()))
        && !(is_elsewhere && player.entity.is_some())
        && !is_nobody
}

/// Generations by which a kick is above whatever tickets are on their way.
pub const GENERATIONS_A_KICK: u32 = 256;
/// The generation from which a player goes on in another life of the region.
const fn of_next_incarnation(generation: u32) -> u32 {
    (generation / GENERATIONS_AN_INCARNATION).saturating_add(1).saturating_mul(GENERATIONS_AN_INCARNATION)
}

/// What an incarnation adds to hops: more than any player makes within one.
pub const HOPS_AN_INCARNATION: u64 = 1 << 32;

const fn outcome_row(slot: u32, sequence: Sequence) -> Row {
    // No sum overflows: slots are below PLAYERS_MAX.
    Row::new(slot.wrapping_mul(limits::OUTCOMES_PER_PLAYER).wrapping_add(sequence.0 % limits::OUTCOMES_PER_PLAYER))
}
