//! [`Derived`]: an index that follows from the state, kept for speed and left out of the root.
//!
//! Invariant: its contents depend on the state alone, not on how the state came about. Restore rebuilds it, and sync-test mode
//! compares the kept one with a rebuilt one. Copy-on-write like everything else: a snapshot shares it.

use alloc::sync::Arc;
use core::ops::Deref;

use crate::{
    column::Pages,
    entity::Row,
    part::{Living, Part},
};

/// Contents that can be made from a state `S` alone.
pub trait Rebuild<S>: Clone + PartialEq + Send + Sync {
    /// Makes the contents that a state has.
    ///
    /// `previous` may save work, and carry settings that the game's set-up chose for good. It is `None` in a world restored
    /// from bytes: settings that differ between worlds must stand in the state, a `Resource` or the like.
    fn rebuild(previous: Option<&Self>, state: &S) -> Self;
}

/// A part of a state that is not hashed, because it follows from the rest.
///
/// The engine makes it after set-up and restore. Within and between ticks the game's systems keep it up: whoever changes what it
/// follows from changes it too, or rebuilds it. [`SyncTest`](crate::rollback::SyncTest) and
/// [`Simulation::check_derived`](crate::simulation::Simulation::check_derived) find a system that forgot.
///
/// ```
/// use std::collections::BTreeMap;
/// use tickworld_sim::prelude::*;
///
/// /// Who stands on a cell: what would be a walk over all positions otherwise.
/// #[derive(Clone, PartialEq, Default)]
/// struct Standing(BTreeMap<Cell, u32>);
///
/// impl Rebuild<Board> for Standing {
///     fn rebuild(_: Option<&Self>, board: &Board) -> Self {
///         let mut standing = Self::default();
///         for (_, cell) in &board.position {
///             *standing.0.entry(*cell).or_default() += 1;
///         }
///         standing
///     }
/// }
///
/// #[derive(State, Clone)]
/// struct Board {
///     entities: Entities,
///     position: Column<Cell>,
///     standing: Derived<Standing>,
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut board = Board::empty();
/// board.rebuild(); // `Simulation` does that
/// let cell = Cell::new(3, 4);
/// board.spawn_with(Band(0), |board, _, row| {
///     board.position.set(row, cell);
///     *board.standing.get_mut().0.entry(cell).or_default() += 1; // with every change of what it follows from
/// })?;
/// assert_eq!(board.standing.0[&cell], 1);
/// assert_eq!(board.check_derived(), Ok(())); // equal to one that is made anew
/// board.standing.get_mut().0.clear();
/// assert_eq!(board.check_derived(), Err("standing"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Derived<D>(Option<Arc<D>>);

impl<D: Clone> Derived<D> {
    /// Contents to begin with; used where the contents carry settings.
    #[must_use]
    pub fn new(contents: D) -> Self {
        Self(Some(Arc::new(contents)))
    }

    /// The contents, to keep them up with a change of the state. Copies them if a snapshot shares them.
    pub fn get_mut(&mut self) -> &mut D {
        Arc::make_mut(self.0.as_mut().expect("derived parts are rebuilt before the first tick"))
    }
}

impl<D> Deref for Derived<D> {
    type Target = D;

    fn deref(&self) -> &D {
        self.0.as_ref().expect("derived parts are rebuilt before the first tick")
    }
}

impl<S, D: Rebuild<S>> Part<S> for Derived<D> {
    const COLUMNS: u16 = 0;

    fn empty() -> Self {
        Self(None)
    }

    fn columns<'a>(&'a self, _: &str, _: &mut dyn FnMut(&str, &'a dyn Pages)) {}

    fn columns_mut<'a>(&'a mut self, _: &str, _: &mut dyn FnMut(&str, &'a mut dyn Pages)) {}

    fn remove_row(&mut self, _: Row) {}

    fn check(&self, _: &dyn Living) -> Result<(), &'static str> {
        Ok(())
    }

    fn adopt_hashes(&mut self, _: &Self) {}

    fn rebuilt(&self, state: &S) -> Option<Self> {
        Some(Self(Some(Arc::new(D::rebuild(self.0.as_deref(), state)))))
    }

    fn agrees(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
