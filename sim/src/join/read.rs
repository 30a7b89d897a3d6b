//! Reading terms: `&column` and `&entities`.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "page coordinates within a run, and runs are bounded by limits::RUNS_MAX"
)]

use super::term::{IntoTerm, Mask, Term};
use crate::{
    column::{BLOCK_ROWS, Column, Slot},
    component::Component,
    entities::Entities,
    entity::Entity,
};

/// `&column`: rows that have the component, as `&T`.
pub struct Read<'a, T>(&'a [Slot<T>]);

impl<'a, T: Component> IntoTerm for &'a Column<T> {
    type Term = Read<'a, T>;

    fn into_term(self) -> Read<'a, T> {
        Read(self.slots())
    }
}

/// The pages of a run.
pub struct ReadCursor<'p, T>(&'p [Slot<T>]);

/// Clears what is absent in the pages of a run.
#[inline]
pub(super) fn mask_pages<T: Component>(slots: &[Slot<T>], run: usize, mask: &mut Mask) {
    let start = run * Column::<T>::RUN_PAGES;
    for (i, words) in mask.chunks_exact_mut(Column::<T>::PAGE_WORDS).enumerate() {
        match slots.get(start + i).and_then(|slot| slot.page.as_ref()) {
            Some(page) => words.iter_mut().zip(&page.bits).for_each(|(mask, bits)| *mask &= *bits),
            None => words.fill(0),
        }
    }
}

impl<T: Component> Term for Read<'_, T> {
    type Cursor<'p> = ReadCursor<'p, T>;
    type Block<'b> = &'b [T; BLOCK_ROWS];
    type Item<'r> = &'r T;

    fn run_count(&self) -> Option<usize> {
        Some(self.0.len() / Column::<T>::RUN_PAGES)
    }

    fn split(self, at: usize) -> (Self, Self) {
        let (before, after) = self.0.split_at((at * Column::<T>::RUN_PAGES).min(self.0.len()));
        (Self(before), Self(after))
    }

    #[inline]
    fn mask(&self, run: usize, mask: &mut Mask) {
        mask_pages(self.0, run, mask);
    }

    #[inline]
    fn cursor<'p>(&'p mut self, run: usize) -> ReadCursor<'p, T> {
        ReadCursor(&self.0[run * Column::<T>::RUN_PAGES..])
    }

    #[inline(always)]
    fn block<'b>(cursor: &'b mut Self::Cursor<'_>, _: u32, word: usize, _: u64) -> &'b [T; BLOCK_ROWS] {
        let page = cursor.0[word / Column::<T>::PAGE_WORDS].page.as_ref().expect("the mask names only present rows");
        &page.blocks[word % Column::<T>::PAGE_WORDS]
    }

    #[inline(always)]
    fn row<'r>(block: &'r mut Self::Block<'_>, at: usize) -> &'r T {
        &block[at & (BLOCK_ROWS - 1)]
    }
}

/// `&entities`: every living entity, as its [`Entity`] handle.
pub struct EntitiesTerm<'a>(Read<'a, u32>);

impl<'a> IntoTerm for &'a Entities {
    type Term = EntitiesTerm<'a>;

    fn into_term(self) -> EntitiesTerm<'a> {
        EntitiesTerm((&self.alive).into_term())
    }
}

impl Term for EntitiesTerm<'_> {
    type Cursor<'p> = ReadCursor<'p, u32>;
    type Block<'b> = (&'b [u32; BLOCK_ROWS], u32);
    type Item<'r> = Entity;

    fn run_count(&self) -> Option<usize> {
        self.0.run_count()
    }

    fn split(self, at: usize) -> (Self, Self) {
        let (before, after) = self.0.split(at);
        (Self(before), Self(after))
    }

    #[inline]
    fn mask(&self, run: usize, mask: &mut Mask) {
        self.0.mask(run, mask);
    }

    #[inline]
    fn cursor<'p>(&'p mut self, run: usize) -> Self::Cursor<'p> {
        self.0.cursor(run)
    }

    #[inline(always)]
    fn block<'b>(cursor: &'b mut Self::Cursor<'_>, base: u32, word: usize, mask: u64) -> Self::Block<'b> {
        (<Read<'_, u32> as Term>::block(cursor, base, word, mask), base)
    }

    #[inline(always)]
    fn row(block: &mut Self::Block<'_>, at: usize) -> Entity {
        Entity::new(block.1.wrapping_add(at as u32), block.0[at & (BLOCK_ROWS - 1)])
    }
}
