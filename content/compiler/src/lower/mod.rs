//! Trees to the model, kind by kind.
//!
//! Invariant: a mistake is reported and reading goes on with a harmless value, so that one run names all of them; the
//! result is used only if nothing was reported.

mod action;
mod action_list;
mod condition;
mod constants;
mod creature;
mod item;
mod reader;
mod replacement;
mod spell;

use tickworld_content::model::Pack;

use crate::{names::Names, source::Sink};
use action_list::ActionList;
use reader::Reader;

/// Reads everything that was gathered.
pub(crate) fn pack(names: &Names<'_>, sink: &mut Sink) -> Option<Pack> {
    let mut actions = ActionList::default();
    let mut reader = Reader::new(names, sink);
    let constants = constants::constants(&mut reader);
    let damage_types = condition::damage_types(&mut reader);
    let conditions = condition::conditions(&mut reader);
    let mut creatures = creature::creatures(&mut reader, &mut actions);
    let mut spells = spell::spells(&mut reader, &mut actions);
    let mut items = item::items(&mut reader, &mut actions);
    let (actions, position) = actions.sorted();
    for action in creatures.iter_mut().flat_map(|creature| &mut creature.actions) {
        *action = position(*action);
    }
    for spell in &mut spells {
        spell.action = position(spell.action);
    }
    items.iter_mut().for_each(|item| item::relink(item, &position));
    let replacements = replacement::replacements(&mut reader);
    Some(Pack { constants: constants?, damage_types, conditions, actions, creatures, spells, items, replacements })
}
