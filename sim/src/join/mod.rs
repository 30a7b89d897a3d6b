//! [`join`]: visiting the rows that several columns share.
//!
//! Invariant: rows come in ascending order; a parallel join gives what the serial one gives, whatever the number of workers,
//! because pages are disjoint and what the closures emit is concatenated in row order.
//! A join is a lending loop, not an `Iterator`: a row's references end with the call (a real iterator measured twice as slow
//! and could not compare what it wrote).
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "row coordinates: runs are bounded by limits::RUNS_MAX, words and rows by the run"
)]

mod filter;
mod read;
mod term;
mod tuple;
mod write;

use alloc::{boxed::Box, vec::Vec};
use core::ops::ControlFlow;

pub use filter::{Opt, Without, opt, without};
pub use read::{EntitiesTerm, Read, ReadCursor};
pub use term::{IntoTerm, Mask, Term};
pub use write::{Write, WriteCursor};

use crate::{
    column::{Job, RUN_ROWS, RUN_WORDS},
    entity::Row,
    executor::Executor,
};

/// Lanes to be visited together; see [`join`].
#[must_use = "a join does nothing until it is visited"]
pub struct Join<L>(L);

/// Joins columns: a row takes part where every term has it.
///
/// ```
/// # use tickworld_sim::{column::Column, entities::Entities, entity::Band, join::{join, opt, without}};
/// # let (mut entities, mut position, velocity, frozen) =
/// #     (Entities::default(), Column::<i64>::default(), Column::<i64>::default(), Column::<()>::default());
/// join((&mut position, &velocity, opt(&frozen))).for_each(|_row, (position, velocity, frozen)| {
///     if frozen.is_none() {
///         *position = position.saturating_add(*velocity);
///     }
/// });
/// ```
///
/// # Panics
/// When visited, if every term is `opt` or `without`: nothing then says where to end.
pub fn join<I: IntoTerm>(terms: I) -> Join<I::Term> {
    Join(terms.into_term())
}

impl<L: Term> Join<L> {
    /// Visits every row.
    #[inline]
    pub fn for_each(mut self, mut visit: impl for<'r> FnMut(Row, L::Item<'r>)) {
        drive(&mut self.0, 0, &mut visit);
    }

    /// Visits rows until `visit` breaks.
    #[inline]
    pub fn try_for_each<B>(
        mut self,
        mut visit: impl for<'r> FnMut(Row, L::Item<'r>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut broken = ControlFlow::Continue(());
        drive_while(&mut self.0, &mut |row, item| {
            broken = visit(row, item);
            broken.is_continue()
        });
        broken
    }

    /// Number of rows that take part.
    #[must_use]
    pub fn count(self) -> u32 {
        row_count(&self.0)
    }

    /// Visits every row, on any number of threads; gives what the closures pushed, in row order.
    ///
    /// `visit` may write its own row only; what it wants done to others it pushes, and the caller applies the whole in order.
    ///
    /// # Determinism
    /// The result depends neither on the number of workers nor on how rows are shared out among them.
    pub fn par_for_each<C: Send>(
        self,
        executor: &dyn Executor,
        visit: impl for<'r> Fn(Row, L::Item<'r>, &mut Vec<C>) + Sync,
    ) -> Vec<C> {
        let runs = end(&self.0);
        let workers = executor.workers().max(1);
        let shares_max =
            if workers == 1 { 1 } else { (row_count(&self.0) / executor.rows_per_job_min().max(1)) as usize };
        // Eight shares a worker even out runs of unequal cost; with four, ten runs go to two workers as six and four.
        let grain = runs.div_ceil(shares_max.clamp(1, workers * 8)).max(1);
        let mut shares = Vec::new();
        let mut rest = self.0;
        let mut first = 0;
        while first + grain < runs {
            let (share, after) = rest.split(grain);
            shares.push((share, first, Vec::new()));
            rest = after;
            first += grain;
        }
        shares.push((rest, first, Vec::new()));
        if let [(terms, first, out)] = &mut shares[..] {
            drive(terms, *first, &mut |row, item| visit(row, item, out));
        } else {
            let visit = &visit;
            let jobs = shares.iter_mut().map(|(terms, first, out)| -> Job<'_> {
                Box::new(move || drive(terms, *first, &mut |row, item| visit(row, item, out)))
            });
            executor.run(jobs.collect());
        }
        let mut all = Vec::new();
        for (_, _, mut out) in shares {
            all.append(&mut out);
        }
        all
    }
}

fn end<L: Term>(terms: &L) -> usize {
    terms.run_count().expect("a join needs at least one term that is neither opt nor without")
}

fn row_count<L: Term>(terms: &L) -> u32 {
    let words = (0..end(terms)).flat_map(|run| {
        let mut mask = [!0; RUN_WORDS];
        terms.mask(run, &mut mask);
        mask
    });
    words.map(u64::count_ones).sum()
}

/// `first` is the number of the terms' first run.
#[inline]
fn drive<L: Term>(terms: &mut L, first: usize, visit: &mut impl for<'r> FnMut(Row, L::Item<'r>)) {
    for run in 0..end(terms) {
        let mut mask = [!0; RUN_WORDS];
        terms.mask(run, &mut mask);
        if mask == [0; RUN_WORDS] {
            continue;
        }
        let run_base = ((first + run) * RUN_ROWS) as u32;
        let mut cursor = terms.cursor(run);
        for (word, &mask) in mask.iter().enumerate() {
            if mask == 0 {
                continue;
            }
            let base = run_base.wrapping_add(word as u32 * 64);
            let mut block = L::block(&mut cursor, base, word, mask);
            if mask == !0 {
                // Apart from the loop below, because this one the compiler vectorises.
                for at in 0..64 {
                    visit(Row::new(base.wrapping_add(at)), L::row(&mut block, at as usize));
                }
            } else {
                let mut mask = mask;
                while mask != 0 {
                    let at = mask.trailing_zeros();
                    mask &= mask - 1;
                    visit(Row::new(base.wrapping_add(at)), L::row(&mut block, at as usize));
                }
            }
            drop(block);
            L::finish(&mut cursor, word, mask);
        }
    }
}

fn drive_while<L: Term>(terms: &mut L, visit: &mut impl for<'r> FnMut(Row, L::Item<'r>) -> bool) {
    for run in 0..end(terms) {
        let mut mask = [!0; RUN_WORDS];
        terms.mask(run, &mut mask);
        if mask == [0; RUN_WORDS] {
            continue;
        }
        let run_base = (run * RUN_ROWS) as u32;
        let mut cursor = terms.cursor(run);
        for (word, &mask) in mask.iter().enumerate() {
            if mask == 0 {
                continue;
            }
            let base = run_base.wrapping_add(word as u32 * 64);
            let mut block = L::block(&mut cursor, base, word, mask);
            let mut rest = mask;
            let mut go_on = true;
            while rest != 0 && go_on {
                let at = rest.trailing_zeros();
                rest &= rest - 1;
                go_on = visit(Row::new(base.wrapping_add(at)), L::row(&mut block, at as usize));
            }
            drop(block);
            L::finish(&mut cursor, word, mask);
            if !go_on {
                return;
            }
        }
    }
}
