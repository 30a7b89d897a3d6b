//! [`ContentId`] and [`Library`]: which immutable content a tick reads.
//!
//! Invariant: content never changes under its id, and the id is in the root; so a rollback across a switch needs nothing special.

use alloc::{collections::BTreeMap, sync::Arc};
use core::fmt;

use crate::hash::Hash;

/// BLAKE3 of a content pack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub Hash);

impl ContentId {
    /// The id of games without content.
    pub const NONE: Self = Self(Hash::ZERO);
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The packs that a simulation can use, by id. Clones share the packs.
pub struct Library<C>(BTreeMap<ContentId, Arc<C>>);

impl<C> Clone for Library<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C> Default for Library<C> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<C> Library<C> {
    /// A library of one pack.
    #[must_use]
    pub fn of(id: ContentId, content: C) -> Self {
        let mut library = Self::default();
        library.add(id, content);
        library
    }

    /// Adds a pack under its id.
    pub fn add(&mut self, id: ContentId, content: C) {
        self.0.insert(id, Arc::new(content));
    }

    /// Number of packs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the packs that `is_needed` does not want.
    pub fn retain(&mut self, mut is_needed: impl FnMut(ContentId) -> bool) {
        self.0.retain(|id, _| is_needed(*id));
    }

    /// The pack with this id.
    #[must_use]
    pub fn find(&self, id: ContentId) -> Option<&Arc<C>> {
        self.0.get(&id)
    }
}
