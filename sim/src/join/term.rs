//! [`Term`]: what a join sees of one of its columns.
//!
//! Invariant: a term is visited run by run and block by block, both ascending, and only in blocks where its mask allows.

use crate::column::RUN_WORDS;

/// Rows of a run that take part: one word per block of 64.
pub type Mask = [u64; RUN_WORDS];

/// One column's side of a join. Implemented in this crate only; callers see [`IntoTerm`].
pub trait Term: Sized + Send {
    /// What is kept while visiting one run.
    type Cursor<'p>;
    /// What is kept while visiting a block of 64 rows.
    type Block<'b>;
    /// One row, as the closure gets it.
    type Item<'r>;

    /// Runs that this term reaches; `None` if it has no end of its own (`opt`, `without`).
    fn run_count(&self) -> Option<usize>;
    /// The runs before and from `at`.
    fn split(self, at: usize) -> (Self, Self);
    /// Clears the bits of rows that this term keeps out.
    fn mask(&self, run: usize, mask: &mut Mask);
    /// Opens a run.
    fn cursor<'p>(&'p mut self, run: usize) -> Self::Cursor<'p>;
    /// Opens a block; `base` is its first row. `mask` has at least one bit.
    fn block<'b>(cursor: &'b mut Self::Cursor<'_>, base: u32, word: usize, mask: u64) -> Self::Block<'b>;
    /// A row of a block.
    fn row<'r>(block: &'r mut Self::Block<'_>, at: usize) -> Self::Item<'r>;
    /// Ends a block.
    #[inline(always)]
    fn finish(_cursor: &mut Self::Cursor<'_>, _word: usize, _mask: u64) {}
}

/// What can be joined: `&column`, `&mut column`, `&entities`, `opt(..)`, `without(..)`, `stream.each(&entities)`, and tuples of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be joined",
    label = "not a term",
    note = "a term is `&column`, `&mut column`, `&entities`, `opt(..)`, `without(..)` or a tuple of 1 to 8 of them"
)]
pub trait IntoTerm {
    /// The term it becomes.
    type Term: Term;
    /// Becomes a term.
    fn into_term(self) -> Self::Term;
}
