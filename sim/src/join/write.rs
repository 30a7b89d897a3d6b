//! The writing term: `&mut column`, which works on a copy.
//!
//! Invariant: a page that was clean and whose rows all keep their encoding stays clean and shared. While a page is clean, the
//! closure works on a copied block that is compared and written back only if it changed; once a page is dirty (and ours
//! alone) the closure works in place. Comparison is over what is encoded, never a user's `PartialEq`.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "page coordinates within a run, and runs are bounded by limits::RUNS_MAX"
)]

use super::{
    read::mask_pages,
    term::{IntoTerm, Mask, Term},
};
use crate::{
    column::{BLOCK_ROWS, Column, Slot, ones},
    component::Component,
};

/// `&mut column`: rows that have the component, as `&mut T`.
pub struct Write<'a, T>(&'a mut [Slot<T>]);

impl<'a, T: Component> IntoTerm for &'a mut Column<T> {
    type Term = Write<'a, T>;

    fn into_term(self) -> Write<'a, T> {
        Write(self.slots_mut())
    }
}

/// The page being written, and those after it.
pub struct WriteCursor<'p, T> {
    rest: &'p mut [Slot<T>],
    /// Number of the first page of `rest` within the run.
    next: usize,
    page: Open<'p, T>,
    /// The copied block of a clean page.
    copy: [T; BLOCK_ROWS],
}

enum Open<'p, T> {
    None,
    Clean(&'p mut Slot<T>),
    Dirty(&'p mut [[T; BLOCK_ROWS]]),
}

impl<T: Component> Term for Write<'_, T> {
    type Cursor<'p> = WriteCursor<'p, T>;
    type Block<'b> = &'b mut [T; BLOCK_ROWS];
    type Item<'r> = &'r mut T;

    fn run_count(&self) -> Option<usize> {
        Some(self.0.len() / Column::<T>::RUN_PAGES)
    }

    fn split(self, at: usize) -> (Self, Self) {
        let at = (at * Column::<T>::RUN_PAGES).min(self.0.len());
        let (before, after) = self.0.split_at_mut(at);
        (Self(before), Self(after))
    }

    #[inline]
    fn mask(&self, run: usize, mask: &mut Mask) {
        mask_pages(self.0, run, mask);
    }

    fn cursor<'p>(&'p mut self, run: usize) -> WriteCursor<'p, T> {
        let start = run * Column::<T>::RUN_PAGES;
        let rest = &mut self.0[start..start + Column::<T>::RUN_PAGES];
        WriteCursor { rest, next: 0, page: Open::None, copy: [T::FILLER; BLOCK_ROWS] }
    }

    #[inline(always)]
    fn block<'b>(cursor: &'b mut WriteCursor<'_, T>, _: u32, word: usize, mask: u64) -> &'b mut [T; BLOCK_ROWS] {
        let page = word / Column::<T>::PAGE_WORDS;
        if cursor.next <= page {
            cursor.open(page);
        }
        let word = word % Column::<T>::PAGE_WORDS;
        match &mut cursor.page {
            Open::Dirty(blocks) => &mut blocks[word],
            Open::Clean(slot) => {
                fill(slot, &mut cursor.copy, word, mask);
                &mut cursor.copy
            }
            Open::None => unreachable!("a page was opened above"),
        }
    }

    #[inline(always)]
    fn row<'r>(block: &'r mut Self::Block<'_>, at: usize) -> &'r mut T {
        &mut block[at & (BLOCK_ROWS - 1)]
    }

    #[inline(always)]
    fn finish(cursor: &mut WriteCursor<'_, T>, word: usize, mask: u64) {
        if let Open::Clean(_) = cursor.page {
            cursor.settle(word % Column::<T>::PAGE_WORDS, mask);
        }
    }
}

impl<T: Component> WriteCursor<'_, T> {
    #[inline(never)]
    fn open(&mut self, page: usize) {
        let rest = core::mem::take(&mut self.rest);
        let (slot, rest) = rest[page - self.next..].split_first_mut().expect("words stay within the run");
        self.rest = rest;
        self.next = page + 1;
        self.page = match slot {
            Slot { page: Some(page), hash: None } => Open::Dirty(page.blocks_mut()),
            clean => Open::Clean(clean),
        };
    }

    /// Writes the copied block back if it changed; the page is dirty from then on.
    #[inline(never)]
    fn settle(&mut self, word: usize, mask: u64) {
        let Open::Clean(slot) = &mut self.page else { return };
        let block = &slot.page.as_ref().expect("the mask names only present rows").blocks[word];
        let same = if mask == !0 {
            self.copy.iter().zip(block).fold(true, |same, (a, b)| same & a.canonical_eq(b))
        } else {
            ones(mask).fold(true, |same, at| same & self.copy[at].canonical_eq(&block[at]))
        };
        if same {
            return;
        }
        let Open::Clean(slot) = core::mem::replace(&mut self.page, Open::None) else { return };
        slot.hash = None;
        let blocks = slot.page.as_mut().expect("still there").blocks_mut();
        for at in ones(mask) {
            blocks[word][at] = self.copy[at];
        }
        self.page = Open::Dirty(blocks);
    }
}

#[inline(never)]
fn fill<T: Component>(slot: &Slot<T>, copy: &mut [T; BLOCK_ROWS], word: usize, mask: u64) {
    let block = &slot.page.as_ref().expect("the mask names only present rows").blocks[word];
    // Copying all is cheaper than copying row by row from about two dozen rows on.
    if mask.count_ones() > 24 {
        *copy = *block;
    } else {
        for at in ones(mask) {
            copy[at] = block[at];
        }
    }
}
