//! [`ContentKey`]: a content entry's stable name, as rows hold it.
//!
//! Invariant: rows never hold positions in a pack, so a pack may grow under a running world.

use tickworld_content::model::Key;
use tickworld_sim::Component;

/// [`Key`] as a component.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentKey(pub u64);

impl ContentKey {
    /// The key of the entry `name` of `kind`, e.g. `ContentKey::of("creature", "goblin")`.
    #[must_use]
    pub fn of(kind: &str, name: &str) -> Self {
        Key::of(kind, name).into()
    }

    /// The key, to look up in a pack.
    #[must_use]
    pub const fn key(self) -> Key {
        Key(self.0)
    }
}

impl From<Key> for ContentKey {
    fn from(key: Key) -> Self {
        Self(key.0)
    }
}
