//! Items, and what they are good for.

use tickworld_content::{
    limits,
    model::{Effect, Item, ItemUse, Key},
};

use crate::{
    kind::Kind,
    lower::{action, action_list::ActionList, reader::Reader},
    names::Entry,
    text,
    yaml::Node,
};

/// All of them, in pack order; weapons and consumables add their actions.
pub(crate) fn items(reader: &mut Reader<'_, '_>, actions: &mut ActionList) -> Vec<Item> {
    let names = reader.names;
    names.entries(Kind::Item).iter().map(|entry| item(reader, entry, actions)).collect()
}

fn item<'n>(reader: &mut Reader<'_, 'n>, entry: &Entry<'n>, actions: &mut ActionList) -> Item {
    const USES: [&str; 4] = ["weapon", "armor", "shield", "consume"];
    let known: Vec<_> = ["name", "cost", "weight"].into_iter().chain(USES).collect();
    let fields = reader.entry(entry, &known);
    let name = reader.title(&fields);
    let given: Vec<_> = USES.iter().filter_map(|name| fields.optional(name)).collect();
    if let [_, second, ..] = given[..] {
        reader.report(
            second.span,
            "only one of `weapon`, `armor`, `shield` and `consume` says what an item is for",
            None,
        );
    }
    let use_ = if let Some(node) = fields.optional("weapon") {
        weapon(reader, node, entry, &name, actions)
    } else if let Some(node) = fields.optional("armor") {
        armor(reader, node)
    } else if let Some(node) = fields.optional("shield") {
        ItemUse::Shield { bonus: reader.int(Some(node), 1, 100) }
    } else if let Some(node) = fields.optional("consume") {
        let known: Vec<_> = action::ACTION_FIELDS.into_iter().filter(|it| !["name", "usage"].contains(it)).collect();
        let fields = reader.fields(node, &known);
        let key = Key::of("action", &format!("item/{}", entry.name));
        ItemUse::Consumable { action: actions.add(action::action(reader, &fields, key, name.clone())) }
    } else {
        ItemUse::Gear
    };
    let weight = fields.optional("weight").and_then(|node| reader.parsed(node, text::parse_weight));
    Item {
        key: entry.key,
        name,
        cost_copper: reader.scalar(fields.optional("cost"), text::parse_cost),
        weight: weight.unwrap_or_default(),
        use_,
    }
}

fn weapon<'n>(
    reader: &mut Reader<'_, 'n>,
    node: &'n Node,
    entry: &Entry<'n>,
    name: &str,
    actions: &mut ActionList,
) -> ItemUse {
    let fields = reader.fields(node, &["attack", "effects", "two_handed", "versatile"]);
    reader.require(&fields, "attack");
    reader.require(&fields, "effects");
    let path = format!("item/{}", entry.name);
    let one = action::action(reader, &fields, Key::of("action", &path), name.to_owned());
    let both: Vec<Effect> = action::effects(reader, fields.optional("versatile"));
    let versatile = fields.optional("versatile").map(|_| {
        let key = Key::of("action", &format!("{path}/two-handed"));
        actions.add(tickworld_content::model::Action { key, effects: both, ..one.clone() })
    });
    ItemUse::Weapon { action: actions.add(one), two_handed: reader.flag(fields.optional("two_handed")), versatile }
}

fn armor<'n>(reader: &mut Reader<'_, 'n>, node: &'n Node) -> ItemUse {
    let fields = reader.fields(node, &["base", "dexterity_max", "strength"]);
    let base = reader.require(&fields, "base");
    ItemUse::Armor {
        base: reader.int(base, 1, 100),
        dexterity_max: fields.optional("dexterity_max").map(|node| reader.int(Some(node), 0, 100)),
        strength: reader.int(fields.optional("strength"), 0, limits::ABILITY_SCORE_MAX.into()),
    }
}

/// Moves an item's actions to where they are in the finished pack.
pub(crate) fn relink(item: &mut Item, position: &impl Fn(u32) -> u32) {
    match &mut item.use_ {
        ItemUse::Weapon { action, versatile, .. } => {
            *action = position(*action);
            *versatile = versatile.map(position);
        }
        ItemUse::Consumable { action } => *action = position(*action),
        _ => {}
    }
}
