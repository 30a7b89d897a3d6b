//! Keys: how a name becomes eight stable bytes.
//!
//! Invariant: the rule never changes; world rows of every version hold these numbers.

use crate::model::Key;

impl Key {
    /// The key of the entry `name` of `kind`, e.g. `Key::of("creature", "goblin")`.
    ///
    /// ```
    /// use tickworld_content::model::Key;
    ///
    /// assert_eq!(Key::of("creature", "goblin"), Key::of_path("creature/goblin"));
    /// assert_ne!(Key::of("creature", "goblin"), Key::of("item", "goblin"));
    /// ```
    pub fn of(kind: &str, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind.as_bytes()).update(b"/").update(name.as_bytes());
        Self::of_hash(&hasher.finalize())
    }

    /// The key of a full path such as `action/goblin/scimitar`.
    pub fn of_path(path: &str) -> Self {
        Self::of_hash(&blake3::hash(path.as_bytes()))
    }

    fn of_hash(hash: &blake3::Hash) -> Self {
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_bytes()[..8]);
        Self(u64::from_le_bytes(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worlds saved by every release hold these numbers: a change here makes them unreadable.
    #[test]
    fn keys_never_change() {
        assert_eq!(Key::of("creature", "goblin"), Key(1_466_192_390_125_586_477));
        assert_eq!(Key::of("action", "creature/goblin/scimitar"), Key::of_path("action/creature/goblin/scimitar"));
    }
}
