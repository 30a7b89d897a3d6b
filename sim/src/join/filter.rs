//! [`opt`] and [`without`]: terms that do not decide which rows a join reaches, or only by keeping rows out.

use super::term::{IntoTerm, Mask, Term};
use crate::column::RUN_WORDS;

/// Made by [`opt`].
pub struct Opt<L>(L);

/// The term's item where the row has it, `None` elsewhere.
pub fn opt<I: IntoTerm>(term: I) -> Opt<I::Term> {
    Opt(term.into_term())
}

impl<L: Term> IntoTerm for Opt<L> {
    type Term = Self;

    fn into_term(self) -> Self {
        self
    }
}

impl<L: Term> Term for Opt<L> {
    type Cursor<'p> = Option<(L::Cursor<'p>, Mask)>;
    type Block<'b> = Option<(L::Block<'b>, u64)>;
    type Item<'r> = Option<L::Item<'r>>;

    fn run_count(&self) -> Option<usize> {
        None
    }

    fn split(self, at: usize) -> (Self, Self) {
        let (before, after) = self.0.split(at);
        (Self(before), Self(after))
    }

    fn mask(&self, _: usize, _: &mut Mask) {}

    fn cursor<'p>(&'p mut self, run: usize) -> Self::Cursor<'p> {
        let mut mask = [!0; RUN_WORDS];
        self.0.mask(run, &mut mask);
        if mask == [0; RUN_WORDS] {
            return None;
        }
        Some((self.0.cursor(run), mask))
    }

    #[inline(always)]
    fn block<'b>(cursor: &'b mut Self::Cursor<'_>, base: u32, word: usize, mask: u64) -> Self::Block<'b> {
        let (inner, own) = cursor.as_mut()?;
        let own = own[word];
        if own & mask == 0 {
            return None;
        }
        Some((L::block(inner, base, word, own & mask), own))
    }

    #[inline(always)]
    fn row<'r>(block: &'r mut Self::Block<'_>, at: usize) -> Self::Item<'r> {
        match block {
            Some((inner, own)) if *own >> (at & 63) & 1 == 1 => Some(L::row(inner, at)),
            _ => None,
        }
    }

    #[inline(always)]
    fn finish(cursor: &mut Self::Cursor<'_>, word: usize, mask: u64) {
        if let Some((inner, own)) = cursor {
            let mask = own[word] & mask;
            if mask != 0 {
                L::finish(inner, word, mask);
            }
        }
    }
}

/// Made by [`without`].
pub struct Without<L>(L);

/// Keeps out the rows that the term has; its item is `()`.
pub fn without<I: IntoTerm>(term: I) -> Without<I::Term> {
    Without(term.into_term())
}

impl<L: Term> IntoTerm for Without<L> {
    type Term = Self;

    fn into_term(self) -> Self {
        self
    }
}

impl<L: Term> Term for Without<L> {
    type Cursor<'p> = ();
    type Block<'b> = ();
    type Item<'r> = ();

    fn run_count(&self) -> Option<usize> {
        None
    }

    fn split(self, at: usize) -> (Self, Self) {
        let (before, after) = self.0.split(at);
        (Self(before), Self(after))
    }

    fn mask(&self, run: usize, mask: &mut Mask) {
        let mut own = [!0; RUN_WORDS];
        self.0.mask(run, &mut own);
        mask.iter_mut().zip(&own).for_each(|(mask, own)| *mask &= !*own);
    }

    fn cursor(&mut self, _: usize) {}

    fn block(_: &mut (), _: u32, _: usize, _: u64) {}

    fn row(_: &mut (), _: usize) {}
}
