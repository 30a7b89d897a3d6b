//! Damage types and conditions.

use tickworld_content::{
    limits,
    model::{Condition, ConditionEffect, Conditions, DamageType},
};

use crate::{
    kind::Kind,
    lower::reader::Reader,
    names::{Entry, suggestion},
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
