//! Tuples of terms are terms: a row takes part where all of them have it.

use super::term::{IntoTerm, Mask, Term};

macro_rules! tuple {
    ($($L:ident $n:tt),+) => {
        impl<$($L: IntoTerm),+> IntoTerm for ($($L,)+) {
            type Term = ($($L::Term,)+);

            fn into_term(self) -> Self::Term {
                ($(self.$n.into_term(),)+)
            }
        }

        impl<$($L: Term),+> Term for ($($L,)+) {
            type Cursor<'p> = ($($L::Cursor<'p>,)+);
            type Block<'b> = ($($L::Block<'b>,)+);
            type Item<'r> = ($($L::Item<'r>,)+);

            fn run_count(&self) -> Option<usize> {
                [$(self.$n.run_count()),+].into_iter().flatten().min()
            }

            fn split(self, at: usize) -> (Self, Self) {
                let halves = ($(self.$n.split(at),)+);
                (($(halves.$n.0,)+), ($(halves.$n.1,)+))
            }

            #[inline]
            fn mask(&self, run: usize, mask: &mut Mask) {
                $(self.$n.mask(run, mask);)+
            }

            #[inline(always)]
            fn cursor<'p>(&'p mut self, run: usize) -> Self::Cursor<'p> {
                ($(self.$n.cursor(run),)+)
            }

            #[inline(always)]
            fn block<'b>(cursor: &'b mut Self::Cursor<'_>, base: u32, word: usize, mask: u64) -> Self::Block<'b> {
                ($($L::block(&mut cursor.$n, base, word, mask),)+)
            }

            #[inline(always)]
            fn row<'r>(block: &'r mut Self::Block<'_>, at: usize) -> Self::Item<'r> {
                ($($L::row(&mut block.$n, at),)+)
            }

            #[inline(always)]
            fn finish(cursor: &mut Self::Cursor<'_>, word: usize, mask: u64) {
                $($L::finish(&mut cursor.$n, word, mask);)+
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
