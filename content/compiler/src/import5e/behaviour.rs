//! How an imported creature behaves when nobody plays it: the SRD does not say, so it is derived from facts.
//!
//! The rule, also stated in `content/data/README.md`:
//! - *flees*: beasts of Intelligence 4 or less below 25 % of their hit points; constructs, undead, oozes, plants, elementals
//!   and swarms never; others of Intelligence 8 or more below 15 %; the rest below 10 %;
//! - *keeps its distance*: who hits at range at least as hard as in melee stays at half the normal range, at most 60 ft;
//! - *prefers weak targets*: Intelligence 8 or more; everyone prefers near ones.

use serde_json::Value;

use super::{
    draft::{ActionDraft, Yaml},
    json,
};

/// Writes the `behaviour` field.
pub(super) fn write(yaml: &mut Yaml, monster: &Value, kind: &str, actions: &[ActionDraft]) {
    let intelligence = json::int(monster, "intelligence").unwrap_or(10);
    let mindless = ["construct", "undead", "ooze", "plant", "elemental"].contains(&kind) || kind.starts_with("swarm");
    let flee = match intelligence {
        _ if mindless => 0,
        ..=4 if kind == "beast" => 25,
        8.. => 15,
        _ => 10,
    };
    let weak = if intelligence >= 8 && !mindless { 50 } else { 0 };
    let distance = distance(actions);
    let distance = if distance > 0 { format!("keep_distance: {distance} ft, ") } else { String::new() };
    yaml.field(2, "behaviour", &format!("{{flee_percent: {flee}, {distance}prefer_near: 100, prefer_weak: {weak}}}"));
}

fn distance(actions: &[ActionDraft]) -> u16 {
    let attacks = || actions.iter().filter_map(|it| Some((it.attack.as_ref()?, doubled_average(it))));
    let melee =
        attacks().filter(|(it, _)| it.reach.is_some() && it.range.is_none()).map(|(_, hurt)| hurt).max().unwrap_or(0);
    let ranged = attacks().filter(|(it, _)| it.reach.is_none() && it.range.is_some());
    match ranged.max_by_key(|(_, hurt)| *hurt) {
        Some((attack, hurt)) if hurt >= melee => attack.range.map_or(0, |(near, _)| (near / 2).min(60)),
        _ => 0,
    }
}

/// Twice the average damage, so that it stays whole.
fn doubled_average(action: &ActionDraft) -> i64 {
    let damage = action.effects.iter().flat_map(|it| &it.damage);
    damage.map(|it| i64::from(it.dice.count) * (i64::from(it.dice.sides) + 1) + 2 * i64::from(it.dice.bonus)).sum()
}
