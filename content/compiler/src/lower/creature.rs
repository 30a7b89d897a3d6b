//! Creatures: how the source of a stat block becomes an entry of the pack.

use tickworld_content::{
    limits,
    model::{Ability, Behaviour, Casting, Conditions, Creature, DamageTypes, Defences, Feet, Key, Speeds},
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
    yaml::{Node, Value},
};

const FIELDS: [&str; 23] = [
    "name",
    "kind",
    "size",
    "armor_class",
    "hit_points",
    "hit_dice",
    "speed",
    "abilities",
    "saves",
    "proficiency",
    "challenge",
    "experience",
    "resist",
    "immune",
    "vulnerable",
    "resist_nonmagical",
    "immune_nonmagical",
    "condition_immunities",
    "awareness",
    "actions",
    "multiattack",
    "casting",
    "behaviour",
];

/// All of them, in pack order.
pub(crate) fn creatures(reader: &mut Reader<'_, '_>, actions: &mut ActionList) -> Vec<Creature> {
    let names = reader.names;
    names.entries(Kind::Creature).iter().map(|entry| creature(reader, entry, actions)).collect()
}

fn creature<'n>(reader: &mut Reader<'_, 'n>, entry: &Entry<'n>, actions: &mut ActionList) -> Creature {
    let fields = reader.entry(entry, &FIELDS);
    let abilities = abilities(reader, &fields);
    let (action_names, actions) = own_actions(reader, &fields, entry, actions);
    let hit_dice = reader.require(&fields, "hit_dice");
    let kind = reader.require(&fields, "kind");
    let size = reader.require(&fields, "size");
    let armor_class = reader.require(&fields, "armor_class");
    let hit_points = reader.require(&fields, "hit_points");
    let challenge = reader.require(&fields, "challenge");
    let proficiency = reader.require(&fields, "proficiency");
    let awareness = fields.optional("awareness").and_then(|node| reader.parsed(node, text::parse_feet));
    Creature {
        key: entry.key,
        name: reader.title(&fields),
        cells: reader.scalar(size, text::parse_size),
        kind: reader.short_text(kind),
        abilities,
        saves: saves(reader, &fields, abilities),
        armor_class: reader.int(armor_class, 0, 255),
        hit_points: reader.int(hit_points, 1, u16::MAX.into()),
        hit_dice: reader.scalar(hit_dice, |text| text::parse_roll(text).map(|(dice, _)| dice)),
        speeds: speeds(reader, &fields),
        proficiency: reader.int(proficiency, 0, 20),
        challenge_eighths: reader.scalar(challenge, text::parse_challenge),
        experience: reader.int(fields.optional("experience"), 0, u32::MAX.into()),
        defences: defences(reader, &fields),
        condition_immunities: Conditions(reader.set(Kind::Condition, fields.optional("condition_immunities"))),
        awareness: awareness.unwrap_or(Feet(60)),
        actions,
        multiattack: multiattack(reader, &fields, &action_names),
        casting: fields.optional("casting").map(|node| casting(reader, node)),
        behaviour: behaviour(reader, fields.optional("behaviour")),
    }
}

fn abilities<'n>(reader: &mut Reader<'_, 'n>, fields: &Fields<'n>) -> [u8; 6] {
    let Some(node) = reader.require(fields, "abilities") else { return [10; 6] };
    let scores = reader.fields(node, &text::ABILITIES.map(|(name, _)| name));
    text::ABILITIES.map(|(name, _)| {
        let score = reader.require(&scores, name);
        reader.int(score, 0, limits::ABILITY_SCORE_MAX.into())
    })
}

/// Saves that are not given are the ability's modifier (SRD 5.1 p. 76).
fn saves<'n>(reader: &mut Reader<'_, 'n>, fields: &Fields<'n>, abilities: [u8; 6]) -> [i8; 6] {
    let mut saves = abilities.map(|score| i8::try_from(i16::from(score).div_euclid(2) - 5).unwrap_or(0));
    if let Some(node) = fields.optional("saves") {
        let given = reader.fields(node, &text::ABILITIES.map(|(name, _)| name));
        for (save, (name, _)) in saves.iter_mut().zip(text::ABILITIES) {
            if let Some(node) = given.optional(name) {
                *save = reader.int(Some(node), -20, 60);
            }
        }
    }
    saves
}

fn speeds<'n>(reader: &mut Reader<'_, 'n>, fields: &Fields<'n>) -> Speeds {
    let Some(node) = reader.require(fields, "speed") else { return Speeds::default() };
    let given = reader.fields(node, &["walk", "fly", "swim", "climb", "burrow"]);
    let mut speed = |name: &str| reader.scalar(given.optional(name), |text| text::parse_feet(text).map(|it| it.0));
    Speeds {
        walk: Feet(speed("walk")),
        fly: Feet(speed("fly")),
        swim: Feet(speed("swim")),
        climb: Feet(speed("climb")),
        burrow: Feet(speed("burrow")),
    }
}

fn defences<'n>(reader: &mut Reader<'_, 'n>, fields: &Fields<'n>) -> Defences {
    let mut types = |name: &str| DamageTypes(reader.set(Kind::DamageType, fields.optional(name)));
    Defences {
        resist: types("resist"),
        immune: types("immune"),
        vulnerable: types("vulnerable"),
        resist_nonmagical: types("resist_nonmagical"),
        immune_nonmagical: types("immune_nonmagical"),
    }
}

fn own_actions<'n>(
    reader: &mut Reader<'_, 'n>,
    fields: &Fields<'n>,
    entry: &Entry<'n>,
    actions: &mut ActionList,
) -> (Vec<&'n str>, Vec<u32>) {
    let Some(node) = fields.optional("actions") else { return (Vec::new(), Vec::new()) };
    let given = reader.pairs(node);
    if given.len() > limits::CREATURE_ACTIONS_MAX {
        let message = format!("{} entries, at most {} are allowed", given.len(), limits::CREATURE_ACTIONS_MAX);
        reader.report(node.span, message, None);
        return (Vec::new(), Vec::new());
    }
    let mut names = Vec::new();
    let mut positions = Vec::new();
    for (head, body) in given {
        let name = head.text().unwrap_or_default();
        if let Err(message) = text::parse_name(name) {
            reader.report(head.span, message, None);
        }
        let known: Vec<_> = action::ACTION_FIELDS.into_iter().chain(["weight"]).collect();
        let mut fields = reader.fields(body, &known);
        fields.span = head.span;
        let title = reader.title(&fields);
        let key = Key::of_path(&format!("action/creature/{}/{name}", entry.name));
        names.push(name);
        positions.push(actions.add(action::action(reader, &fields, key, title)));
    }
    (names, positions)
}

/// `- {bite: 1, claw: 2}`.
fn multiattack<'n>(reader: &mut Reader<'_, 'n>, fields: &Fields<'n>, names: &[&str]) -> Vec<Vec<(u8, u8)>> {
    let mut routines = Vec::new();
    for node in reader.list(fields.optional("multiattack"), limits::ROUTINES_MAX) {
        let given = reader.pairs(node);
        if given.is_empty() || given.len() > limits::STRIKES_MAX {
            reader.report(node.span, format!("an alternative has 1 to {} strikes", limits::STRIKES_MAX), None);
        }
        let mut routine = Vec::new();
        for (head, count) in given {
            let name = head.text().unwrap_or_default();
            let count = reader.int(Some(count), 1, limits::STRIKE_REPEATS_MAX.into());
            match names.iter().position(|known| *known == name).and_then(|position| u8::try_from(position).ok()) {
                Some(position) => routine.push((position, count)),
                None => {
                    let help = suggestion(name, names.iter().copied());
                    reader.report(head.span, format!("unknown action `{name}`"), help);
                }
            }
        }
        routines.push(routine);
    }
    routines
}

fn casting<'n>(reader: &mut Reader<'_, 'n>, node: &'n Node) -> Casting {
    let fields = reader.fields(node, &["ability", "save_dc", "attack_bonus", "spells", "slots"]);
    let ability = reader.require(&fields, "ability").and_then(|node| reader.parsed(node, text::parse_ability));
    let save_dc = reader.require(&fields, "save_dc");
    let mut slots = [0; 9];
    for (slot, node) in slots.iter_mut().zip(reader.list(fields.optional("slots"), 9)) {
        *slot = reader.int(Some(node), 0, 99);
    }
    let mut spells = Vec::new();
    let mut slotted = Vec::new();
    let given = fields.optional("spells").map_or(&[][..], |node| reader.pairs(node));
    for (head, usage) in given {
        let Some(position) = reader.position(Kind::Spell, head.text().unwrap_or_default(), head.span) else { continue };
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        match reader.parsed(usage, parse_casting) {
            Some(Some(per_day)) => spells.push((position, per_day)),
            Some(None) => {
                cantrip(reader, head, usage);
                slotted.push(position);
            }
            None => {}
        }
    }
    if given.len() > limits::KNOWN_SPELLS_MAX {
        reader.report(fields.span, format!("more than {} spells", limits::KNOWN_SPELLS_MAX), None);
    }
    spells.sort_unstable();
    slotted.sort_unstable();
    Casting {
        ability: ability.unwrap_or(Ability::Intelligence),
        save_dc: reader.int(save_dc, 1, 100),
        attack_bonus: reader.int(fields.optional("attack_bonus"), -100, 100),
        spells,
        slots,
        slotted,
    }
}

/// Reports a spell cast by slots that needs none; its level is read for itself where it stands.
fn cantrip<'n>(reader: &mut Reader<'_, 'n>, head: &'n Node, usage: &'n Node) {
    let name = head.text().unwrap_or_default();
    let spells = reader.names.entries(Kind::Spell);
    let Some(Value::Map(fields)) = spells.iter().find(|entry| entry.name == name).map(|entry| &entry.body.value) else {
        return;
    };
    let level = fields.iter().find(|(field, _)| field.text() == Some("level")).and_then(|(_, level)| level.text());
    if level.is_some_and(|level| text::parse_int(level, 0, 0).is_ok()) {
        let message = format!("`{name}` is a cantrip (level 0), which takes no slot");
        reader.report(usage.span, message, Some("write `at will`".into()));
    }
}

/// `at will` (0), `3/day` (3), `slot` (none).
fn parse_casting(text: &str) -> text::Parsed<Option<u8>> {
    let bad = || format!("`{text}` is not a way to cast: at will, slot or 3/day");
    match text {
        "at will" => Ok(Some(0)),
        "slot" => Ok(None),
        _ => {
            let times = text.strip_suffix("/day").ok_or_else(bad)?;
            let times = text::parse_int(times, 1, 255).map_err(|_| bad())?;
            Ok(u8::try_from(times).ok())
        }
    }
}

fn behaviour<'n>(reader: &mut Reader<'_, 'n>, node: Option<&'n Node>) -> Behaviour {
    let mut behaviour = Behaviour { flee_percent: 0, keep_distance: Feet(0), prefer_near: 100, prefer_weak: 0 };
    let Some(node) = node else { return behaviour };
    let fields = reader.fields(node, &["flee_percent", "keep_distance", "prefer_near", "prefer_weak"]);
    behaviour.flee_percent = reader.int(fields.optional("flee_percent"), 0, 100);
    if let Some(node) = fields.optional("keep_distance") {
        behaviour.keep_distance = reader.parsed(node, text::parse_feet).unwrap_or(Feet(0));
    }
    if let Some(node) = fields.optional("prefer_near") {
        behaviour.prefer_near = reader.int(Some(node), 0, 10_000);
    }
    behaviour.prefer_weak = reader.int(fields.optional("prefer_weak"), 0, 10_000);
    behaviour
}
