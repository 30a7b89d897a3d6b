//! [`unresolved`]: what a world names and a pack does not have.
//!
//! Invariant: whatever row names content is looked at, replacements count as the entry itself, and the world is not changed.
//! Nothing in here stops a world: a key without an entry is inert. It tells beforehand who would stand still.

use alloc::{collections::BTreeMap, vec::Vec};

use tickworld_sim::{column::Column, component::Component, entity::Row, join::join};

use crate::{components::Act, key::ContentKey, realm::Realm, ruleset::Ruleset};

/// The kinds of entries that rows name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A stat block: of a creature, a spawner or a class.
    Creature,
    /// A thing in a bag, in hand, or on the ground.
    Item,
    /// A condition that somebody is under.
    Condition,
    /// A spell that a player is about to cast, or whose uses are counted.
    Spell,
    /// An action that a player is about to take, or whose uses are counted.
    Action,
}

impl EntryKind {
    /// The kind as keys and messages have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Creature => "creature",
            Self::Item => "item",
            Self::Condition => "condition",
            Self::Spell => "spell",
            Self::Action => "action",
        }
    }

    fn is_in(self, key: ContentKey, rules: &Ruleset) -> bool {
        let (pack, key) = (rules.pack(), key.key());
        match self {
            Self::Creature => pack.creature_position(key).is_some(),
            Self::Item => pack.item_position(key).is_some(),
            Self::Condition => pack.condition_position(key).is_some(),
            Self::Spell => pack.spell_position(key).is_some(),
            Self::Action => pack.action_position(key).is_some(),
        }
    }
}

/// An entry that rows name and a pack does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The kind of entry that the key would name.
    pub kind: EntryKind,
    /// The key that rows name.
    pub key: ContentKey,
    /// Rows that name it.
    pub count: u32,
}

/// What `realm` names and `next` has no entry for, nor one that stands for it; by kind, then by key. `current` is what the world
/// reads now: what it does not have either is not lost by a switch. O(rows).
#[must_use]
pub fn unresolved(realm: &Realm, current: Option<&Ruleset>, next: &Ruleset) -> Vec<Unresolved> {
    let mut named = Named::default();
    named.stat_blocks(realm);
    named.things(realm);
    named.conditions(realm);
    named.acts(realm, current);
    let is_lost = |(kind, key): (EntryKind, ContentKey)| {
        !kind.is_in(key, next) && current.is_none_or(|current| kind.is_in(key, current))
    };
    let counts = named.counts.into_iter().filter(|(entry, _)| is_lost(*entry));
    counts.map(|((kind, key), count)| Unresolved { kind, key, count }).collect()
}

/// How many rows name what.
#[derive(Default)]
struct Named {
    counts: BTreeMap<(EntryKind, ContentKey), u32>,
}

impl Named {
    fn add(&mut self, kind: EntryKind, key: ContentKey) {
        let count = self.counts.entry((kind, key)).or_insert(0);
        *count = count.saturating_add(1);
    }

    fn stat_blocks(&mut self, realm: &Realm) {
        each(&realm.creature, |_, creature| self.add(EntryKind::Creature, creature.key));
        each(&realm.spawner, |_, spawner| self.add(EntryKind::Creature, spawner.creature));
        each(&realm.class, |_, class| self.add(EntryKind::Creature, class.creature));
    }

    fn things(&mut self, realm: &Realm) {
        each(&realm.ground_item, |_, lying| {
            if let Some(stack) = lying.stack {
                self.add(EntryKind::Item, stack.item);
            }
        });
        each(&realm.equipment, |_, worn| {
            for item in [worn.weapon, worn.armor, worn.shield].into_iter().flatten() {
                self.add(EntryKind::Item, item);
            }
        });
        for row in rows(realm) {
            realm.bag.iter(row).for_each(|stack| self.add(EntryKind::Item, stack.item));
        }
    }

    fn conditions(&mut self, realm: &Realm) {
        for row in rows(realm) {
            realm.affliction.iter(row).for_each(|it| self.add(EntryKind::Condition, it.condition));
        }
    }

    fn acts(&mut self, realm: &Realm, current: Option<&Ruleset>) {
        each(&realm.intent, |_, intent| match intent.deed.act {
            Act::Action { key } => self.add(EntryKind::Action, key),
            Act::Spell { key } => self.add(EntryKind::Spell, key),
            Act::Item { key } => self.add(EntryKind::Item, key),
            Act::Routine { .. } => {}
        });
        // What the key of a counted use names is known of entries that are there; those of spell slots name none.
        let Some(current) = current else { return };
        for row in rows(realm) {
            for spent in realm.spent.iter(row) {
                let kinds = [EntryKind::Action, EntryKind::Spell].into_iter();
                kinds.filter(|kind| kind.is_in(spent.key, current)).for_each(|kind| self.add(kind, spent.key));
            }
        }
    }
}

fn each<T: Component>(column: &Column<T>, mut act: impl FnMut(Row, &T)) {
    join((column,)).for_each(|row, (value,)| act(row, value));
}

/// Rows that may have lists: creatures, living or not, and what makes creatures.
fn rows(realm: &Realm) -> Vec<Row> {
    let mut rows = Vec::new();
    each(&realm.creature, |row, _| rows.push(row));
    each(&realm.class, |row, _| rows.push(row));
    each(&realm.ground_item, |row, _| rows.push(row));
    rows.sort_unstable();
    rows.dedup();
    rows
}
