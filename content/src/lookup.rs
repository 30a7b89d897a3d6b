//! Finding entries by key.
//!
//! Invariant: every table is sorted by key (checked when a pack is read), so each look-up is a binary search. Where an entry
//! is gone and the pack says what stands for it, that is found: worlds go on after a switch that took something away.

use crate::model::{Action, Condition, Creature, DamageType, DamageTypeIndex, Item, Key, Pack, Spell};

macro_rules! finders {
    ($($(#[$doc:meta])* $find:ident, $position:ident, $table:ident, $entry:ty;)*) => {
        impl Pack {
            $(
                $(#[$doc])*
                pub fn $find(&self, key: Key) -> Option<&$entry> {
                    self.$position(key).and_then(|index| self.$table.get(index))
                }

                /// Position of the same entry in its table. O(log n).
                pub fn $position(&self, key: Key) -> Option<usize> {
                    let find = |key: Key| self.$table.binary_search_by_key(&key, |entry| entry.key).ok();
                    find(key).or_else(|| find(self.replacement(key)?))
                }
            )*
        }
    };
}

finders! {
    /// The stat block with this key. O(log n).
    find_creature, creature_position, creatures, Creature;
    /// The spell with this key. O(log n).
    find_spell, spell_position, spells, Spell;
    /// The item with this key. O(log n).
    find_item, item_position, items, Item;
    /// The action with this key. O(log n).
    find_action, action_position, actions, Action;
    /// The condition with this key. O(log n).
    find_condition, condition_position, conditions, Condition;
    /// The kind of damage with this key. O(log n).
    find_damage_type, damage_type_position, damage_types, DamageType;
}

impl Pack {
    /// What stands for an entry that is gone. O(log n).
    fn replacement(&self, removed: Key) -> Option<Key> {
        let at = self.replacements.binary_search_by_key(&removed, |it| it.removed).ok()?;
        self.replacements.get(at).map(|it| it.by)
    }

    /// The creature called `name` in the sources, e.g. `adult-red-dragon`.
    pub fn creature(&self, name: &str) -> Option<&Creature> {
        self.find_creature(Key::of("creature", name))
    }

    /// The spell called `name` in the sources.
    pub fn spell(&self, name: &str) -> Option<&Spell> {
        self.find_spell(Key::of("spell", name))
    }

    /// The item called `name` in the sources.
    pub fn item(&self, name: &str) -> Option<&Item> {
        self.find_item(Key::of("item", name))
    }

    /// The kind of damage called `name` in the sources.
    pub fn damage_type(&self, name: &str) -> Option<DamageTypeIndex> {
        let position = self.damage_type_position(Key::of("damage-type", name))?;
        u8::try_from(position).ok().map(DamageTypeIndex)
    }
}
