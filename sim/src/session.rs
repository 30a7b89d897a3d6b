//! [`Players`]: who plays, and what became of their inputs, as hashed state.
//!
//! Invariant: an input of a player applies once, however often it is sent, and its outcome stays readable for the last
//! [`OUTCOMES_PER_PLAYER`](limits::OUTCOMES_PER_PLAYER) sequences, after any crash, reconnect or rollback, because both the
//! last applied sequence and the outcomes live in columns. A player who left keeps both.

use alloc::{collections::BTreeMap, sync::Arc};

use crate::{
    column::{Column, Pages},
    component::Component,
    entity::{Entity, Row},
    frame::{PlayerId, Sequence, Tick},
    join::join,
    limits,
    schema::RowKind,
};

/// What the world remembers of a player.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Player {
    /// Who.
    pub id: PlayerId,
    /// The entity they play, if they ever joined a game that gave them one.
    pub entity: Option<Entity>,
    /// Between join and leave.
    pub connected: bool,
    /// The last of their inputs that was applied.
    pub last_sequence: Sequence,
}

/// What became of an input.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which of the player's inputs.
    pub sequence: Sequence,
    /// The tick that applied it.
    pub tick: u64,
    /// What the game says of it.
    pub code: OutcomeCode,
    /// A number that goes with the code.
    pub value: i64,
}

/// Applied, or why not. Codes from 1 on are the game's own.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutcomeCode(pub u16);

impl OutcomeCode {
    /// It was done.
    pub const APPLIED: Self = Self(0);
    /// No system answered: the game has no use for such an input.
    pub const UNANSWERED: Self = Self(u16::MAX);
}

/// The players of a world.
#[derive(Clone)]
pub struct Players {
    slots: Column<Player>,
    /// Slot `s` has rows `s * OUTCOMES_PER_PLAYER ..`, indexed by sequence modulo that.
    outcomes: Column<Outcome>,
    /// Slot of each player: follows from `slots`, rebuilt after restore.
    index: Arc<BTreeMap<PlayerId, u32>>,
}

impl Default for Players {
    fn default() -> Self {
        Self {
            slots: Column::of_kind(RowKind::Other),
            outcomes: Column::of_kind(RowKind::Other),
            index: Arc::default(),
        }
    }
}

impl Players {
    /// What is known of a player.
    #[must_use]
    pub fn find(&self, id: PlayerId) -> Option<&Player> {
        self.slots.get(Row::new(*self.index.get(&id)?))
    }

    /// Every player that ever joined, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Player> {
        self.index.values().filter_map(|slot| self.slots.get(Row::new(*slot)))
    }

    /// The outcome of an input, if it was applied and is among the player's latest.
    #[must_use]
    pub fn outcome(&self, id: PlayerId, sequence: Sequence) -> Option<&Outcome> {
        let slot = *self.index.get(&id)?;
        self.outcomes.get(outcome_row(slot, sequence)).filter(|outcome| outcome.sequence == sequence)
    }

    /// Notes that a player is there; `None` where the world remembers as many players as it can.
    pub(crate) fn connect(&mut self, id: PlayerId) -> Option<Player> {
        let slot = match self.index.get(&id) {
            Some(slot) => *slot,
            None => {
                let slot = self.slots.len();
                if slot >= limits::PLAYERS_MAX {
                    return None;
                }
                let player = Player { id, entity: None, connected: false, last_sequence: Sequence(0) };
                self.slots.set(Row::new(slot), player);
                Arc::make_mut(&mut self.index).insert(id, slot);
                slot
            }
        };
        self.slots.modify(Row::new(slot), |player| player.connected = true);
        self.slots.get(Row::new(slot)).copied()
    }

    /// Changes what is known of a player, if anything is.
    pub(crate) fn modify(&mut self, id: PlayerId, change: impl FnOnce(&mut Player)) {
        if let Some(slot) = self.index.get(&id) {
            self.slots.modify(Row::new(*slot), change);
        }
    }

    /// Takes an input that was not applied before; gives the entity it is for.
    ///
    /// `None` where the player is unknown, has left, or the input was applied already.
    pub(crate) fn accept(&mut self, id: PlayerId, sequence: Sequence) -> Option<Option<Entity>> {
        let row = Row::new(*self.index.get(&id)?);
        let player = self.slots.get(row)?;
        if !player.connected || sequence <= player.last_sequence {
            return None;
        }
        let entity = player.entity;
        self.slots.modify(row, |player| player.last_sequence = sequence);
        Some(entity)
    }

    pub(crate) fn record(&mut self, id: PlayerId, sequence: Sequence, tick: Tick, code: OutcomeCode, value: i64) {
        // Only inputs of known players are accepted; but an observer that plants a fault may have struck the player out since.
        if let Some(slot) = self.index.get(&id) {
            self.outcomes.set(outcome_row(*slot, sequence), Outcome { sequence, tick: tick.0, code, value });
        }
    }

    pub(crate) fn columns<'a>(&'a self, visit: &mut dyn FnMut(&str, &'a dyn Pages)) {
        visit("players.slots", &self.slots);
        visit("players.outcomes", &self.outcomes);
    }

    pub(crate) fn columns_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&str, &'a mut dyn Pages)) {
        visit("players.slots", &mut self.slots);
        visit("players.outcomes", &mut self.outcomes);
    }

    pub(crate) fn adopt_hashes(&mut self, sealed: &Self) {
        self.slots.adopt(&sealed.slots);
        self.outcomes.adopt(&sealed.outcomes);
    }

    /// Makes the index anew after the columns were loaded, at the end of tick `now`.
    ///
    /// # Errors
    /// The column and what no world can have there.
    pub(crate) fn reindex(&mut self, now: Tick) -> Result<(), (&'static str, &'static str)> {
        let count = self.slots.len();
        if count > limits::PLAYERS_MAX {
            return Err(("players.slots", "there are more players than a world remembers"));
        }
        let slots = (0..count).filter_map(|slot| Some((self.slots.get(Row::new(slot))?.id, slot)));
        self.index = Arc::new(slots.collect());
        if u32::try_from(self.index.len()) != Ok(count) {
            return Err(("players.slots", "slots are numbered without a gap and each has another player"));
        }
        let mut fits = true;
        join(&self.outcomes).for_each(|row, outcome| {
            let slot = row.index() / limits::OUTCOMES_PER_PLAYER;
            fits &= self.slots.get(Row::new(slot)).is_some_and(|player| {
                let is_applied = outcome.sequence > Sequence(0) && outcome.sequence <= player.last_sequence;
                is_applied && outcome.tick <= now.0 && outcome_row(slot, outcome.sequence) == row
            });
        });
        if fits { Ok(()) } else { Err(("players.outcomes", "an outcome is of an input that was not applied")) }
    }
}

const fn outcome_row(slot: u32, sequence: Sequence) -> Row {
    // No sum overflows: slots are below PLAYERS_MAX.
    Row::new(slot.wrapping_mul(limits::OUTCOMES_PER_PLAYER).wrapping_add(sequence.0 % limits::OUTCOMES_PER_PLAYER))
}
