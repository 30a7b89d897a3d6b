//! Trees to the model, kind by kind.
//!
//! Invariant: a mistake is reported and reading goes on with a harmless value, so that one run names all of them; the
//! result is used only if nothing was reported.

mod action;
mod creature;
mod reader;
mod rest;

use std::collections::BTreeMap;

use tickworld_content::model::{Action, Key, Pack};

use crate::{names::Names, source::Sink};
use reader::Reader;

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

/// Reads everything that was gathered.
pub(crate) fn pack(names: &Names<'_>, sink: &mut Sink) -> Option<Pack> {
    let mut actions = Actions::default();
    let mut reader = Reader::new(names, sink);
    let constants = rest::constants(&mut reader);
    let damage_types = rest::damage_types(&mut reader);
    let conditions = rest::conditions(&mut reader);
    let mut creatures = creature::creatures(&mut reader, &mut actions);
    let mut spells = rest::spells(&mut reader, &mut actions);
    let mut items = rest::items(&mut reader, &mut actions);
    let (actions, position) = actions.sorted();
    for action in creatures.iter_mut().flat_map(|creature| &mut creature.actions) {
        *action = position(*action);
    }
    for spell in &mut spells {
        spell.action = position(spell.action);
    }
    items.iter_mut().for_each(|item| rest::relink(item, &position));
    let replacements = rest::replacements(&mut reader);
    Some(Pack { constants: constants?, damage_types, conditions, actions, creatures, spells, items, replacements })
}

/// Actions in the order in which they were read; positions are final only after sorting.
#[derive(Default)]
pub(crate) struct Actions {
    list: Vec<Action>,
}

impl Actions {
    /// Adds an action and returns its position for now.
    pub(crate) fn add(&mut self, action: Action) -> u32 {
        self.list.push(action);
        u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX)
    }

    fn sorted(self) -> (Vec<Action>, impl Fn(u32) -> u32) {
        let mut keyed: BTreeMap<(Key, u32), Action> = BTreeMap::new();
        for (action, position) in self.list.into_iter().zip(0..) {
            keyed.insert((action.key, position), action);
        }
        let moved: BTreeMap<u32, u32> = keyed.keys().zip(0..).map(|((_, before), after)| (*before, after)).collect();
        (keyed.into_values().collect(), move |before| moved.get(&before).copied().unwrap_or(u32::MAX))
    }
}
