//! Constants, damage types, conditions, spells and items, and what stands for those that are gone.

use std::collections::BTreeMap;

use tickworld_content::{
    limits,
    model::{
        Condition, ConditionEffect, Conditions, Constants, DamageType, Effect, Item, ItemUse, Key, Replacement, Spell,
    },
};

use crate::{
    kind::Kind,
    lower::{
        action,
        action_list::ActionList,
        reader::{Fields, Reader},
    },
    names::{Entry, suggestion},
    text,
    yaml::Node,
};

/// What the schema and messages call the effects of conditions.
const CONDITION_EFFECTS: [(&str, ConditionEffect); 16] = [
    ("no-actions", ConditionEffect::NoActions),
    ("no-movement", ConditionEffect::NoMovement),
    ("half-movement", ConditionEffect::HalfMovement),
    ("attacks-with-disadvantage", ConditionEffect::AttacksWithDisadvantage),
    ("attacks-with-advantage", ConditionEffect::AttacksWithAdvantage),
    ("attacked-with-advantage", ConditionEffect::AttackedWithAdvantage),
    ("attacked-with-disadvantage", ConditionEffect::AttackedWithDisadvantage),
    ("attacked-by-proximity", ConditionEffect::AttackedByProximity),
    ("hits-are-critical", ConditionEffect::HitsAreCritical),
    ("fails-strength-dexterity-saves", ConditionEffect::FailsStrengthDexteritySaves),
    ("dexterity-saves-with-disadvantage", ConditionEffect::DexteritySavesWithDisadvantage),
    ("resists-all-damage", ConditionEffect::ResistsAllDamage),
    ("spares-source", ConditionEffect::SparesSource),
    ("avoids-source", ConditionEffect::AvoidsSource),
    ("held-by-source", ConditionEffect::HeldBySource),
    ("ends-by-rising", ConditionEffect::EndsByRising),
];

const CONSTANTS: [&str; 21] = [
    "round_seconds",
    "cell_feet",
    "ability_modifiers",
    "proficiency_by_level",
    "critical_from",
    "fumble_to",
    "critical_dice",
    "save_dc_base",
    "unarmored_class",
    "corpse_seconds",
    "condition_rounds",
    "rising_percent",
    "litter_seconds",
    "pursuit_percent",
    "dash_percent",
    "stand_off_percent",
    "retreat_percent",
    "ease_percent",
    "hand_cells",
    "give_cells",
    "beat_milliseconds",
];

/// Kinds whose entries worlds hold by key.
const REPLACEABLE: [Kind; 4] = [Kind::Condition, Kind::Creature, Kind::Spell, Kind::Item];

/// What stands for entries that are gone, in pack order.
pub(crate) fn replacements(reader: &mut Reader<'_, '_>) -> Vec<Replacement> {
    let names = reader.names;
    let mut all = BTreeMap::new();
    for (source, body) in &names.replaced {
        reader.enter(source);
        let fields = reader.fields(body, &REPLACEABLE.map(Kind::section));
        for kind in REPLACEABLE {
            let Some(node) = fields.optional(kind.section()) else { continue };
            for (head, by) in reader.pairs(node) {
                let removed = head.text().unwrap_or_default();
                if let Err(message) = text::parse_name(removed) {
                    reader.report(head.span, message, None);
                    continue;
                }
                if names.position(kind, removed).is_some() {
                    let message = format!("{} `{removed}` is there: nothing else can stand for it", kind.word());
                    reader.report(head.span, message, Some("take out the entry, or this line".into()));
                    continue;
                }
                let by = reader.key(kind, by);
                if all.insert(Key::of(kind.word(), removed), by).is_some() {
                    let message = format!("{} `{removed}` is replaced twice", kind.word());
                    reader.report(head.span, message, Some("keep one".into()));
                }
            }
        }
    }
    all.into_iter().map(|(removed, by)| Replacement { removed, by }).collect()
}

/// The constants, which must stand somewhere; `None` after reporting that they do not.
pub(crate) fn constants(reader: &mut Reader<'_, '_>) -> Option<Constants> {
    let (source, span, node) = reader.names.constants?;
    reader.enter(source);
    let mut fields = reader.fields(node, &CONSTANTS);
    fields.span = span;
    let modifiers = numbers(reader, &fields, "ability_modifiers", limits::ABILITY_MODIFIERS, (-5, 10));
    if modifiers.len() != limits::ABILITY_MODIFIERS {
        let message = format!("`ability_modifiers` needs {} entries, for scores 0 to 30", limits::ABILITY_MODIFIERS);
        reader.report(span, message, None);
    }
    let proficiency = numbers(reader, &fields, "proficiency_by_level", limits::PROFICIENCY_LEVELS_MAX, (0, 20));
    let mut number = |name: &str, min, max| {
        let node = reader.require(&fields, name);
        reader.int::<i64>(node, min, max)
    };
    let byte = |value: i64| u8::try_from(value).unwrap_or(0);
    let short = |value: i64| u16::try_from(value).unwrap_or(0);
    Some(Constants {
        round_seconds: short(number("round_seconds", 1, 3600)),
        cell_feet: short(number("cell_feet", 1, 1000)),
        ability_modifiers: modifiers.into_iter().map(|value| i8::try_from(value).unwrap_or(0)).collect(),
        proficiency_by_level: proficiency.into_iter().map(byte).collect(),
        critical_from: byte(number("critical_from", 2, 21)),
        fumble_to: byte(number("fumble_to", 0, 19)),
        critical_dice: byte(number("critical_dice", 1, 10)),
        save_dc_base: byte(number("save_dc_base", 0, 100)),
        unarmored_class: byte(number("unarmored_class", 0, 100)),
        corpse_seconds: short(number("corpse_seconds", 0, 65_535)),
        condition_rounds: short(number("condition_rounds", 1, 65_535)),
        rising_percent: byte(number("rising_percent", 0, 99)),
        litter_seconds: short(number("litter_seconds", 0, 65_535)),
        pursuit_percent: short(number("pursuit_percent", 100, 1_000)),
        dash_percent: short(number("dash_percent", 100, 1_000)),
        stand_off_percent: byte(number("stand_off_percent", 1, 100)),
        retreat_percent: byte(number("retreat_percent", 0, 100)),
        ease_percent: byte(number("ease_percent", 0, 100)),
        hand_cells: byte(number("hand_cells", 0, 255)),
        give_cells: byte(number("give_cells", 0, 255)),
        beat_milliseconds: short(number("beat_milliseconds", 1, 60_000)),
    })
}

fn numbers<'n>(
    reader: &mut Reader<'_, 'n>,
    fields: &Fields<'n>,
    name: &str,
    max: usize,
    (low, high): (i64, i64),
) -> Vec<i64> {
    let node = reader.require(fields, name);
    reader.list(node, max).iter().map(|node| reader.int(Some(node), low, high)).collect()
}

/// All of them, in pack order.
pub(crate) fn damage_types(reader: &mut Reader<'_, '_>) -> Vec<DamageType> {
    let names = reader.names;
    names.entries(Kind::DamageType).iter().map(|entry| damage_type(reader, entry)).collect()
}

fn damage_type<'n>(reader: &mut Reader<'_, 'n>, entry: &Entry<'n>) -> DamageType {
    let fields = reader.entry(entry, &["name"]);
    DamageType { key: entry.key, name: reader.title(&fields) }
}

/// All of them, in pack order.
pub(crate) fn conditions(reader: &mut Reader<'_, '_>) -> Vec<Condition> {
    let names = reader.names;
    names.entries(Kind::Condition).iter().map(|entry| condition(reader, entry)).collect()
}

fn condition<'n>(reader: &mut Reader<'_, 'n>, entry: &Entry<'n>) -> Condition {
    let fields = reader.entry(entry, &["name", "effects", "includes"]);
    let mut effects = Vec::new();
    for node in reader.list(fields.optional("effects"), limits::CONDITION_EFFECTS_MAX) {
        let word = node.text().unwrap_or_default();
        match CONDITION_EFFECTS.iter().find(|(name, _)| *name == word) {
            Some((_, effect)) if effects.contains(effect) => {
                reader.report(node.span, format!("`{word}` stands here twice"), Some("keep one".into()));
            }
            Some((_, effect)) => effects.push(*effect),
            None => {
                let help = suggestion(word, CONDITION_EFFECTS.iter().map(|(name, _)| *name));
                reader.report(node.span, format!("unknown effect `{word}`"), help);
            }
        }
    }
    effects.sort_unstable();
    let includes = Conditions(reader.set(Kind::Condition, fields.optional("includes")));
    Condition { key: entry.key, name: reader.title(&fields), effects, includes }
}

/// All of them, in pack order; each adds its action.
pub(crate) fn spells(reader: &mut Reader<'_, '_>, actions: &mut ActionList) -> Vec<Spell> {
    let names = reader.names;
    names.entries(Kind::Spell).iter().map(|entry| spell(reader, entry, actions)).collect()
}

fn spell<'n>(reader: &mut Reader<'_, 'n>, entry: &Entry<'n>, actions: &mut ActionList) -> Spell {
    let known: Vec<_> = action::ACTION_FIELDS
        .into_iter()
        .filter(|it| *it != "usage")
        .chain(["level", "concentration", "duration"])
        .collect();
    let fields = reader.entry(entry, &known);
    let name = reader.title(&fields);
    let key = Key::of("action", &format!("spell/{}", entry.name));
    let action = action::action(reader, &fields, key, name.clone());
    let level = reader.require(&fields, "level");
    Spell {
        key: entry.key,
        name,
        level: reader.int(level, 0, limits::SPELL_LEVEL_MAX.into()),
        action: actions.add(action),
        concentration: reader.flag(fields.optional("concentration")),
        rounds: reader.scalar(fields.optional("duration"), text::parse_duration),
    }
}

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
