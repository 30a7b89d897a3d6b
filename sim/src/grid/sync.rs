//! [`Placing`]: bringing a grid up to date by saying where everything is.
//!
//! Invariant: afterwards exactly the rows that were placed are in the grid, whatever was in it before. Rows that stay in
//! their bucket cost a comparison; only tiles that change are made anew.

use alloc::{sync::Arc, vec::Vec};

use super::{
    Grid, Place, Places,
    tile::{Change, Tile},
};
use crate::{column::RUN_ROWS, entity::Row, math::Vec2};

/// Takes the position of every row that is to be in the grid; see [`Grid::sync`].
#[derive(Debug)]
pub struct Placing<'g> {
    grid: &'g mut Grid,
    /// The lowest row that may come next.
    next: usize,
    changes: Vec<Change>,
}

impl Grid {
    /// Brings the grid up to date: `place_all` places every row that is to be in it, ascending, as a join visits them.
    ///
    /// O(highest row / 16 + rows + changes log changes + rows in tiles that change).
    ///
    /// # Panics
    /// If rows are placed twice or out of order.
    pub fn sync(&mut self, place_all: impl FnOnce(&mut Placing<'_>)) {
        let mut placing = Placing { grid: self, next: 0, changes: Vec::new() };
        place_all(&mut placing);
        placing.finish();
    }
}

impl Placing<'_> {
    /// Says where `row` is.
    #[inline]
    pub fn place(&mut self, row: Row, position: Vec2) {
        let at = row.index() as usize;
        if at != self.next {
            assert!(at > self.next, "rows are placed once and ascending");
            self.clear_to(at);
        }
        self.next = at.saturating_add(1);
        let place = Some(self.grid.frame.place(position));
        let run = self.grid.places.get(at / RUN_ROWS).and_then(Option::as_deref);
        if run.and_then(|run| run[at % RUN_ROWS]) != place {
            self.set(row, place);
        }
    }

    /// Takes rows `next..end` out of the grid.
    fn clear_to(&mut self, end: usize) {
        let end = end.min(self.grid.places.len().saturating_mul(RUN_ROWS));
        while self.next < end {
            let run = self.next / RUN_ROWS;
            let run_start = run.saturating_mul(RUN_ROWS);
            let run_end = run_start.saturating_add(RUN_ROWS).min(end);
            let (first, last) = (self.next.saturating_sub(run_start), run_end.saturating_sub(run_start));
            self.next = run_end;
            let Some(places) = self.grid.places[run].as_deref() else { continue };
            let placed = places[first..last].iter().enumerate().filter(|(_, place)| place.is_some());
            let leaving: Vec<usize> =
                placed.map(|(at, _)| run_start.saturating_add(first).saturating_add(at)).collect();
            for row in leaving {
                self.set(Row::new(u32::try_from(row).expect("it was placed as a row")), None);
            }
        }
    }

    #[inline(never)]
    fn set(&mut self, row: Row, place: Option<Place>) {
        let (run, at) = (row.index() as usize / RUN_ROWS, row.index() as usize % RUN_ROWS);
        if self.grid.places.len() <= run {
            self.grid.places.resize(run.saturating_add(1), None);
        }
        let places = self.grid.places[run].get_or_insert_with(|| Arc::new([const { None::<Place> }; RUN_ROWS]));
        let old = core::mem::replace(&mut Arc::make_mut(places)[at], place);
        let change = |arrives| move |place| Change { place, row, arrives };
        self.changes.extend(old.map(change(false)).into_iter().chain(place.map(change(true))));
    }

    fn finish(mut self) {
        self.clear_to(usize::MAX);
        let places = &mut self.grid.places;
        if self.changes.iter().any(|change| !change.arrives) {
            let is_empty = |run: &Places| run.iter().all(Option::is_none);
            places.iter_mut().filter(|run| run.as_deref().is_some_and(is_empty)).for_each(|run| *run = None);
        }
        places.truncate(places.iter().rposition(Option::is_some).map_or(0, |last| last.saturating_add(1)));
        self.changes.sort_unstable();
        for changes in self.changes.chunk_by(|a, b| a.place.tile() == b.place.tile()) {
            let slot = &mut self.grid.tiles[changes[0].place.tile() as usize];
            *slot = slot.as_deref().unwrap_or(&Tile::EMPTY).changed(changes).map(Arc::new);
        }
    }
}
