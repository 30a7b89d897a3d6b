//! A creature's numbers of the moment: armour class, speed, saves, defences, with what it wears and suffers from.
//!
//! Invariant: read-only; what the pack does not know counts as ordinary (no bonus, no armour).

use tickworld_content::model::{Ability, ConditionEffect, DamageTypeIndex, ItemUse};
use tickworld_sim::{entity::Row, math::Fx};

use crate::{
    dice::{Defence, Edge},
    key::ContentKey,
    realm::{LivingCreature, Realm},
    ruleset::{Ruleset, percent},
};

/// Armour class: worn armour with Dexterity as far as it allows, else the stat block's own; plus a shield (SRD 5.1 p. 63).
#[must_use]
pub fn armor_class(realm: &Realm, rules: &Ruleset, who: &LivingCreature) -> i32 {
    let Some((block, sheet)) = rules.creature(who.creature.key) else {
        return i32::from(rules.pack().constants.unarmored_class);
    };
    let own = i32::from(block.armor_class);
    let Some(equipment) = realm.equipment.get(who.row) else { return own };
    let dexterity = sheet.modifiers[Ability::Dexterity as usize];
    let worn = match equipment.armor.and_then(|item| item_use(rules, item)) {
        Some(ItemUse::Armor { base, dexterity_max, .. }) => {
            i32::from(*base).saturating_add(dexterity_max.map_or(dexterity, |most| dexterity.min(i32::from(most))))
        }
        _ => own,
    };
    let shield = match equipment.shield.and_then(|item| item_use(rules, item)) {
        Some(ItemUse::Shield { bonus }) => i32::from(*bonus),
        _ => 0_i32,
    };
    worn.saturating_add(shield)
}

/// What an item is good for.
#[must_use]
pub fn item_use(rules: &Ruleset, item: ContentKey) -> Option<&ItemUse> {
    rules.pack().find_item(item.key()).map(|item| &item.use_)
}

/// Feet per tick: the stat block's speed over a round, halved or zero as conditions have it (SRD 5.1 pp. 92, 358),
/// less what standing up costs.
#[must_use]
pub fn pace(realm: &Realm, rules: &Ruleset, row: Row, creature: ContentKey) -> Fx {
    let Some((block, sheet)) = rules.creature(creature) else { return Fx::ZERO };
    if realm.has_effect(row, ConditionEffect::NoMovement) {
        return Fx::ZERO;
    }
    let mut feet = sheet.speed;
    if realm.has_effect(row, ConditionEffect::HalfMovement) {
        feet = feet.saturating_mul(Fx::HALF);
    }
    if realm.rising.contains(row) {
        feet = percent(feet, 100_u8.saturating_sub(rules.pack().constants.rising_percent).into());
    }
    // One who flees takes the Dash action (SRD 5.1, "Dash").
    if flees(realm, row, block.behaviour.flee_percent) {
        feet = percent(feet, rules.pack().constants.dash_percent);
    }
    let round_ticks = realm.settings.round_ticks(rules.round_seconds());
    feet.saturating_div(Fx::from_int(i32::try_from(round_ticks).unwrap_or(i32::MAX)))
}

/// Whether a creature that acts on its own is hurt so badly that it flees.
#[must_use]
pub fn flees(realm: &Realm, row: Row, flee_percent: u8) -> bool {
    flee_percent > 0
        && !realm.controlled.contains(row)
        && realm.health.get(row).is_some_and(|health| health.percent() < u32::from(flee_percent))
}

/// How a creature takes damage of one type; several resistances count as one (SRD 5.1 p. 97).
#[must_use]
pub fn defence(realm: &Realm, rules: &Ruleset, who: &LivingCreature, kind: DamageTypeIndex, magical: bool) -> Defence {
    let Some((block, _)) = rules.creature(who.creature.key) else { return Defence::default() };
    let has = |types: u64| types >> kind.0 & 1 == 1;
    let it = &block.defences;
    Defence {
        immune: has(it.immune.0) || !magical && has(it.immune_nonmagical.0),
        resists: has(it.resist.0)
            || !magical && has(it.resist_nonmagical.0)
            || realm.has_effect(who.row, ConditionEffect::ResistsAllDamage),
        vulnerable: has(it.vulnerable.0),
    }
}

/// Bonus of a saving throw, and how it is rolled; `None` where it fails by itself (SRD 5.1 pp. 83, 358).
#[must_use]
pub fn save(realm: &Realm, rules: &Ruleset, who: &LivingCreature, ability: Ability) -> Option<(i32, Edge)> {
    let bodily = matches!(ability, Ability::Strength | Ability::Dexterity);
    if bodily && realm.has_effect(who.row, ConditionEffect::FailsStrengthDexteritySaves) {
        return None;
    }
    let hampered =
        ability == Ability::Dexterity && realm.has_effect(who.row, ConditionEffect::DexteritySavesWithDisadvantage);
    let bonus = rules.creature(who.creature.key).map_or(0_i32, |(block, _)| i32::from(block.saves[ability as usize]));
    Some((bonus, Edge { advantage: false, disadvantage: hampered }))
}

/// Bonus of a check to escape: of Strength (Athletics) or Dexterity (Acrobatics), whichever is better (SRD 5.1, "Grappling").
#[must_use]
pub fn escape_bonus(rules: &Ruleset, who: &LivingCreature) -> i32 {
    rules.creature(who.creature.key).map_or(0_i32, |(_, sheet)| {
        sheet.modifiers[Ability::Strength as usize].max(sheet.modifiers[Ability::Dexterity as usize])
    })
}

/// Advantage and disadvantage of an attack by `actor` on `target` (SRD 5.1, "Attack Rolls", and p. 358 for conditions): `near`
/// within five feet, `long` beyond the normal range, `hindered` at range with an enemy close by.
#[must_use]
pub fn attack_edge(realm: &Realm, actor: Row, target: Row, near: bool, long: bool, hindered: bool) -> Edge {
    use ConditionEffect as E;
    let own = |effect| realm.has_effect(actor, effect);
    let theirs = |effect| realm.has_effect(target, effect);
    let prone = theirs(E::AttackedByProximity);
    Edge {
        advantage: own(E::AttacksWithAdvantage) || theirs(E::AttackedWithAdvantage) || prone && near,
        disadvantage: own(E::AttacksWithDisadvantage)
            || theirs(E::AttackedWithDisadvantage)
            || prone && !near
            || long
            || hindered,
    }
}

/// The [`Ability`] with this number, as rows hold it.
#[must_use]
pub const fn ability(number: u8) -> Ability {
    match number {
        0 => Ability::Strength,
        1 => Ability::Dexterity,
        2 => Ability::Constitution,
        3 => Ability::Intelligence,
        4 => Ability::Wisdom,
        _ => Ability::Charisma,
    }
}
