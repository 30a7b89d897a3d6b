//! Who may be aimed at: whether a deed is possible now, whom else an action reaches, whom a creature spares.
//!
//! Invariant: read-only, and judged by where everybody is at the moment of asking. What players ask for and what creatures
//! choose of themselves is held against the same rules.

use alloc::vec::Vec;

use tickworld_content::model::{Action, ConditionEffect, Target};
use tickworld_sim::{entity::Row, math::Fx, session::OutcomeCode};

use crate::{
    command::codes,
    components::{Act, Deed},
    range::{self, Area},
    realm::{LivingCreature, Realm},
    ruleset::{self, Ruleset},
    uses,
};

/// A deed as it would be done now: with the target's present place.
///
/// # Errors
/// The code that says why it cannot be done.
pub(crate) fn check_deed(
    realm: &Realm,
    rules: &Ruleset,
    who: &LivingCreature,
    deed: Deed,
) -> Result<Deed, OutcomeCode> {
    let (block, _) = rules.creature(who.creature.key).ok_or(codes::UNKNOWN_ACTION)?;
    if realm.has_effect(who.row, ConditionEffect::NoActions) {
        return Err(codes::INCAPACITATED);
    }
    if !uses::knows(realm, rules, who.row, block, deed.act) {
        return Err(codes::UNKNOWN_ACTION);
    }
    uses::price(realm, rules, who.row, block, deed.act)?;
    let (action, _) = *rules.actions_of(block, deed.act).first().ok_or(codes::UNKNOWN_ACTION)?;
    let target = match deed.target {
        Some(target) => {
            let row = realm.entities.row(target).filter(|row| realm.creature.contains(*row));
            Some(realm.living_in(row.ok_or(codes::NO_SUCH_TARGET)?).ok_or(codes::TARGET_DEAD)?)
        }
        None => None,
    };
    let charmed = |target: &LivingCreature| {
        rules.harms(action) && realm.has_effect_from(rules, who.row, ConditionEffect::SparesSource, target.entity)
    };
    if target.as_ref().is_some_and(charmed) {
        return Err(codes::INCAPACITATED);
    }
    let distance = ruleset::distance_of(action);
    let area = Area::of(&action.target, who.place, deed.place);
    let place = match (target, area) {
        (Some(target), None) if target.row == who.row => return judge_self(rules, who, deed),
        (Some(target), _) if !range::reaches(realm, rules, who, &target, distance) => return Err(codes::TOO_FAR),
        (Some(target), _) => target.place,
        // An area that starts at its maker only points at the place.
        (None, Some(area)) if area.is_from_actor() => deed.place,
        (None, Some(_)) if !range::within(who.place, deed.place, distance) => return Err(codes::TOO_FAR),
        (None, Some(_)) => deed.place,
        (None, None) if action.target == Target::Actor => who.place,
        (None, None) => return Err(codes::NO_SUCH_TARGET),
    };
    let points_only = area.is_some_and(|area| area.is_from_actor());
    if !points_only && !realm.obstacles.can_see(who.place, place) {
        return Err(codes::NO_SIGHT);
    }
    Ok(Deed { place, ..deed })
}

/// Only help may be turned on oneself.
fn judge_self(rules: &Ruleset, who: &LivingCreature, deed: Deed) -> Result<Deed, OutcomeCode> {
    let routine = matches!(deed.act, Act::Routine { .. });
    if routine || !is_help(rules, who, deed.act) {
        return Err(codes::SELF_TARGET);
    }
    Ok(Deed { place: who.place, ..deed })
}

/// Enemies of `who` that an action with several targets reaches besides `first`, nearest tiles first.
#[must_use]
pub(crate) fn further_targets(
    realm: &Realm,
    rules: &Ruleset,
    who: &LivingCreature,
    first: &LivingCreature,
    action: &Action,
    distance: Fx,
) -> Vec<LivingCreature> {
    let Target::Creatures { count, .. } = action.target else { return Vec::new() };
    let further = usize::from(count).saturating_sub(1);
    let mut found = Vec::new();
    if further == 0 {
        return found;
    }
    // Of the same side as the first: helpers help friends, attackers attack enemies.
    let side = first.creature.faction.bit();
    let spares = rules.harms(action) && realm.has_effect(who.row, ConditionEffect::SparesSource);
    let radius = search_radius(realm, rules, who, distance);
    realm.grid.visit_rings(who.place, radius, side, |member| {
        if found.len() < further
            && member.row != first.row
            && member.row != who.row
            && let Some(other) = realm.living_in(member.row)
            && range::reaches(realm, rules, who, &other, distance)
            && realm.obstacles.can_see(who.place, other.place)
            && !(spares && self::spares(realm, rules, who, other.row))
        {
            found.push(other);
        }
        found.len() < further
    });
    found
}

/// How far to look for all whom `who` reaches at `distance`, whatever their sizes.
#[must_use]
pub(crate) fn search_radius(realm: &Realm, rules: &Ruleset, who: &LivingCreature, distance: Fx) -> Fx {
    distance
        .saturating_add(range::girth(realm, rules, &[who.creature.key]))
        .saturating_add(range::girth_max(realm, rules))
}

/// Whether an act is one that its user may turn on a friend or on themselves.
#[must_use]
fn is_help(rules: &Ruleset, who: &LivingCreature, act: Act) -> bool {
    let Some((block, _)) = rules.creature(who.creature.key) else { return false };
    let actions = rules.actions_of(block, act);
    actions.iter().all(|(action, _)| !rules.harms(action))
}

/// Whether a condition keeps `who` from harming the creature in `row`: the charmed spare their charmer.
#[must_use]
pub(crate) fn spares(realm: &Realm, rules: &Ruleset, who: &LivingCreature, row: Row) -> bool {
    let source = realm.entities.entity(row);
    source.is_some_and(|source| realm.has_effect_from(rules, who.row, ConditionEffect::SparesSource, source))
}
