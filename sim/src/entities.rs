//! [`Entities`]: which entities live, and which index comes next.
//!
//! Invariant: the allocator is hashed state like any other, three columns and nothing beside them: generations of the living,
//! generations of the retired, and the band of every run. The next index is the lowest free one of the band's runs, so it
//! follows from the state alone: a restored or rolled-back world spawns the same entities.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "row coordinates: runs are bounded by limits::RUNS_MAX"
)]

use crate::{
    column::{Column, Pages, RUN_ROWS, RUN_WORDS, ones},
    entity::{Band, Entity, Row},
    join::join,
    limits,
    part::{Living, Part},
    schema::RowKind,
};

/// The living entities.
#[derive(Clone)]
pub struct Entities {
    /// Generation of each living entity.
    pub(crate) alive: Column<u32>,
    /// Generation that each index had last, where nobody lives.
    retired: Column<u32>,
    /// Band of each run of 1,024 indices that has one.
    runs: Column<u8>,
}

/// The world has no room for another entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the world is full: all {} runs of 1024 entities are dealt out", limits::RUNS_MAX)]
pub struct SpawnError;

impl Default for Entities {
    fn default() -> Self {
        Self {
            alive: Column::default(),
            retired: Column::of_kind(RowKind::Other),
            runs: Column::of_kind(RowKind::Other),
        }
    }
}

impl Entities {
    /// The row of a living entity; `None` where the handle is stale.
    #[must_use]
    #[inline]
    pub fn row(&self, entity: Entity) -> Option<Row> {
        let row = Row::new(entity.index());
        (self.alive.get(row) == Some(&entity.generation())).then_some(row)
    }

    /// Whether the entity lives.
    #[must_use]
    pub fn contains(&self, entity: Entity) -> bool {
        self.row(entity).is_some()
    }

    /// The handle of whoever lives in `row`.
    #[must_use]
    #[inline]
    pub fn entity(&self, row: Row) -> Option<Entity> {
        self.alive.get(row).map(|generation| Entity::new(row.index(), *generation))
    }

    /// The row with this number, while an entity lives there: for games that number their entities themselves.
    #[must_use]
    pub fn at(&self, index: u32) -> Option<Row> {
        let row = Row::new(index);
        self.alive.contains(row).then_some(row)
    }

    /// The band that `row` belongs to.
    #[must_use]
    pub fn band(&self, row: Row) -> Option<Band> {
        self.runs.get(Row::new(row.index() / RUN_ROWS as u32)).map(|band| Band(*band))
    }

    /// Number of living entities. O(runs).
    #[must_use]
    pub fn len(&self) -> u32 {
        self.alive.len()
    }

    /// Whether nobody lives.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alive.is_empty()
    }

    /// Makes an entity at the lowest free index of `band`; a full band gets the lowest run that no band has. O(runs).
    ///
    /// # Errors
    /// When all runs are dealt out and those of `band` are full.
    pub fn spawn(&mut self, band: Band) -> Result<Entity, SpawnError> {
        let row = match self.free_row(band) {
            Some(row) => row,
            None => self.deal_run(band)?,
        };
        let generation =
            self.retired.remove(row).unwrap_or(0).checked_add(1).expect("free rows have a generation left");
        self.alive.set(row, generation);
        Ok(Entity::new(row.index(), generation))
    }

    /// Forgets who lives in `row`. Components are dropped by [`State::despawn`](crate::state::State::despawn).
    pub(crate) fn retire(&mut self, row: Row) {
        let generation = self.alive.remove(row).expect("only the living retire");
        self.retired.set(row, generation);
    }

    fn free_row(&self, band: Band) -> Option<Row> {
        for run in 0..self.runs_end() {
            if self.runs.get(Row::new(run)) != Some(&band.0) {
                continue;
            }
            let words = self.alive.run_words(run as usize);
            for (word, alive) in words.iter().enumerate() {
                let rows = ones(!alive).map(|at| Row::new(run * RUN_ROWS as u32 + (word * 64 + at) as u32));
                // An index that had every generation stays empty for good: two entities never share a handle.
                let free = rows.into_iter().find(|row| self.retired.get(*row) != Some(&u32::MAX));
                if free.is_some() {
                    return free;
                }
            }
        }
        None
    }

    fn deal_run(&mut self, band: Band) -> Result<Row, SpawnError> {
        let run = self.runs_end();
        if run >= limits::RUNS_MAX {
            return Err(SpawnError);
        }
        self.runs.set(Row::new(run), band.0);
        Ok(Row::new(run * RUN_ROWS as u32))
    }

    /// Runs are dealt out in order and never taken back, so their rows have no gap.
    fn runs_end(&self) -> u32 {
        self.runs.len()
    }
}

impl Living for Entities {
    fn living_words(&self, run: usize) -> [u64; RUN_WORDS] {
        self.alive.run_words(run)
    }
}

impl<S> Part<S> for Entities {
    const COLUMNS: u16 = 3;

    fn empty() -> Self {
        Self::default()
    }

    fn columns<'a>(&'a self, name: &str, visit: &mut dyn FnMut(&str, &'a dyn Pages)) {
        visit(&alloc::format!("{name}.alive"), &self.alive);
        visit(&alloc::format!("{name}.retired"), &self.retired);
        visit(&alloc::format!("{name}.runs"), &self.runs);
    }

    fn columns_mut<'a>(&'a mut self, name: &str, visit: &mut dyn FnMut(&str, &'a mut dyn Pages)) {
        visit(&alloc::format!("{name}.alive"), &mut self.alive);
        visit(&alloc::format!("{name}.retired"), &mut self.retired);
        visit(&alloc::format!("{name}.runs"), &mut self.runs);
    }

    /// Nothing: who lives is settled by `State::despawn`, after every other part has forgotten the row.
    fn remove_row(&mut self, _: Row) {}

    fn check(&self, _: &dyn Living) -> Result<(), &'static str> {
        let runs_end = self.runs_end();
        if runs_end > limits::RUNS_MAX || (0..runs_end).any(|run| !self.runs.contains(Row::new(run))) {
            return Err("runs are dealt out in order, without a gap");
        }
        for run in 0..self.alive.run_count().max(self.retired.run_count()) {
            let (alive, retired) = (self.alive.run_words(run), self.retired.run_words(run));
            if alive.iter().zip(&retired).any(|(alive, retired)| alive & retired != 0) {
                return Err("an index is alive and retired at once");
            }
            let is_used = alive.iter().chain(&retired).any(|word| *word != 0);
            if is_used && run >= runs_end as usize {
                return Err("an index lies in a run that no band has");
            }
        }
        let mut is_numbered = true;
        join(&self.alive).for_each(|_, generation| is_numbered &= *generation > 0);
        join(&self.retired).for_each(|_, generation| is_numbered &= *generation > 0);
        if is_numbered { Ok(()) } else { Err("generations count from 1") }
    }

    fn adopt_hashes(&mut self, sealed: &Self) {
        self.alive.adopt(&sealed.alive);
        self.retired.adopt(&sealed.retired);
        self.runs.adopt(&sealed.runs);
    }
}
