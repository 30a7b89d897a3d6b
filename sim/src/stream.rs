//! [`Stream`]: the random numbers of one purpose in one tick.
//!
//! Invariant: no key gives its numbers twice in a tick. A stream is opened once by name; a join over [`Stream::each`] uses it
//! up, and [`Stream::open`] remembers whom it served.

use alloc::collections::BTreeSet;

use crate::{
    entities::Entities,
    entity::Entity,
    join::{EntitiesTerm, IntoTerm, Mask, Term},
    rng::{Rng, StreamKey},
};

/// The key that stands for the world as a whole; no living entity has it.
const WORLD_KEY: u64 = u64::MAX;

/// Random numbers per entity; made by [`Step::stream`](crate::step::Step::stream).
#[derive(Debug)]
pub struct Stream {
    key: StreamKey,
    opened: BTreeSet<Entity>,
    world_opened: bool,
}

impl Stream {
    pub(crate) const fn new(key: StreamKey) -> Self {
        Self { key, opened: BTreeSet::new(), world_opened: false }
    }

    /// The generator of one entity.
    ///
    /// # Panics
    /// If opened twice for one entity in a tick: both would give the same numbers.
    pub fn open(&mut self, entity: Entity) -> Rng {
        assert!(self.opened.insert(entity), "a random stream is opened twice in one tick for {entity}");
        self.key.rng(entity.to_bits())
    }

    /// The generator of the world as a whole.
    ///
    /// # Panics
    /// If opened twice in a tick.
    pub fn open_world(&mut self) -> Rng {
        assert!(
            !core::mem::replace(&mut self.world_opened, true),
            "a random stream is opened twice in one tick for the world"
        );
        self.key.rng(WORLD_KEY)
    }

    /// A term with a generator for every living entity that a join visits.
    ///
    /// # Panics
    /// If the stream was opened for single entities before.
    #[must_use]
    pub fn each(self, entities: &Entities) -> Each<'_> {
        assert!(
            self.opened.is_empty() && !self.world_opened,
            "a random stream that served single entities cannot serve all"
        );
        Each { living: entities.into_term(), key: self.key }
    }
}

/// Made by [`Stream::each`]; its item is a [`Seed`].
pub struct Each<'a> {
    living: EntitiesTerm<'a>,
    key: StreamKey,
}

/// A generator that has not been made yet: most rows of a join draw nothing.
#[derive(Debug)]
pub struct Seed<'r> {
    key: &'r StreamKey,
    entity: Entity,
}

impl Seed<'_> {
    /// Makes the generator.
    #[inline]
    #[must_use]
    pub fn open(self) -> Rng {
        self.key.rng(self.entity.to_bits())
    }

    /// The entity whose numbers they are.
    #[must_use]
    pub const fn entity(&self) -> Entity {
        self.entity
    }
}

impl<'a> IntoTerm for Each<'a> {
    type Term = Self;

    fn into_term(self) -> Self {
        self
    }
}

impl<'a> Term for Each<'a> {
    type Cursor<'p> = (<EntitiesTerm<'a> as Term>::Cursor<'p>, &'p StreamKey);
    type Block<'b> = (<EntitiesTerm<'a> as Term>::Block<'b>, &'b StreamKey);
    type Item<'r> = Seed<'r>;

    fn run_count(&self) -> Option<usize> {
        self.living.run_count()
    }

    fn split(self, at: usize) -> (Self, Self) {
        let (before, after) = self.living.split(at);
        (Self { living: before, key: self.key }, Self { living: after, key: self.key })
    }

    fn mask(&self, run: usize, mask: &mut Mask) {
        self.living.mask(run, mask);
    }

    fn cursor<'p>(&'p mut self, run: usize) -> Self::Cursor<'p> {
        (self.living.cursor(run), &self.key)
    }

    #[inline(always)]
    fn block<'b>(cursor: &'b mut Self::Cursor<'_>, base: u32, word: usize, mask: u64) -> Self::Block<'b> {
        (<EntitiesTerm<'a> as Term>::block(&mut cursor.0, base, word, mask), cursor.1)
    }

    #[inline(always)]
    fn row<'r>(block: &'r mut Self::Block<'_>, at: usize) -> Seed<'r> {
        Seed { entity: <EntitiesTerm<'a> as Term>::row(&mut block.0, at), key: block.1 }
    }
}
