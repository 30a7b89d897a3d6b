//! [`Kind`]: what entries there are, and how sources and keys call each kind.
//!
//! Invariant: the order of the variants is the order in which kinds are read and reported.

/// The kinds of entries that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    DamageType,
    Condition,
    Creature,
    Spell,
    Item,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::DamageType, Self::Condition, Self::Creature, Self::Spell, Self::Item];

    /// The heading in a source.
    pub(crate) fn section(self) -> &'static str {
        match self {
            Self::DamageType => "damage_types",
            Self::Condition => "conditions",
            Self::Creature => "creatures",
            Self::Spell => "spells",
            Self::Item => "items",
        }
    }

    /// The first part of a key.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::DamageType => "damage-type",
            Self::Condition => "condition",
            Self::Creature => "creature",
            Self::Spell => "spell",
            Self::Item => "item",
        }
    }
}
