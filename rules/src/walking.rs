//! How a creature is set in motion: along a straight segment, at another pace, or by way of a path search.
//!
//! Invariant: nothing here moves anybody; `systems::movement` does, by the [`Motion`] that is written here. A segment's end is
//! reached exactly, at the tick that was computed when it began, unless a condition changed the pace.

use tickworld_content::model::ConditionEffect;
use tickworld_sim::{
    entity::Row,
    math::{Fx, Vec2},
    step::Step,
};

use crate::{
    components::{Motion, Seeking},
    realm::{LivingCreature, Realm},
    rules::Rules,
    ruleset::Ruleset,
    stats,
};

/// Walks to `goal`: straight where nothing is in the way, else by a path that is searched for.
pub(crate) fn walk_to(realm: &mut Realm, step: &Step<'_, Rules>, row: Row, goal: Vec2) {
    let Some(who) = realm.living_in(row) else { return };
    if realm.obstacles.can_walk(who.place, goal) {
        realm.halt(row);
        head_for(realm, step.content(), step.tick().0, row, goal);
    } else {
        realm.errand.remove(row);
        request_path(realm, step.tick().0, row, goal);
    }
}

/// Asks for a path search; one who asks again keeps their place in the order.
pub(crate) fn request_path(realm: &mut Realm, tick: u64, row: Row, goal: Vec2) {
    let since_tick = realm.seeking.get(row).map_or(tick, |seeking| seeking.since_tick);
    realm.seeking.set(row, Seeking { goal, since_tick });
}

/// Begins a straight walk to `goal`, whose first step is made in `first_tick`. One whose pace is zero stands, and forgets where
/// it was going: a path without a walker would keep its owner from looking for another.
pub(crate) fn head_for(realm: &mut Realm, rules: &Ruleset, first_tick: u64, row: Row, goal: Vec2) {
    let motion = realm.living_in(row).and_then(|who| {
        let pace = stats::pace(realm, rules, row, who.creature.key);
        segment(who.place, goal, pace, first_tick)
    });
    match motion {
        Some(motion) => realm.motion.set(row, motion),
        None => realm.halt(row),
    }
}

/// The segment from `from` to `goal` at `pace` feet a tick; `None` for a pace of zero.
#[must_use]
pub(crate) fn segment(from: Vec2, goal: Vec2, pace: Fx, first_tick: u64) -> Option<Motion> {
    if pace <= Fx::ZERO {
        return None;
    }
    let ticks = from.distance(goal).saturating_div(pace).ceil().max(1);
    let way = goal.saturating_sub(from);
    let part = |whole: Fx| Fx::from_bits(whole.to_bits().checked_div(ticks).unwrap_or(0));
    let step = Vec2::new(part(way.x), part(way.y));
    Some(Motion { goal, step, arrival_tick: first_tick.saturating_add(ticks.cast_unsigned()).saturating_sub(1) })
}

/// Goes on with the present segment at the pace of now, this tick still.
pub(crate) fn repace(realm: &mut Realm, rules: &Ruleset, tick: u64, row: Row) {
    if let Some(motion) = realm.motion.get(row).copied() {
        head_for(realm, rules, tick, row, motion.goal);
    }
}

/// Whether walking to `goal` would bring one nearer to someone they are frightened of (SRD 5.1 appendix PH-A, "Frightened").
#[must_use]
pub(crate) fn nears_what_is_feared(realm: &Realm, rules: &Ruleset, who: &LivingCreature, goal: Vec2) -> bool {
    realm.sources(rules, who.row, ConditionEffect::AvoidsSource).any(|source| {
        let feared = realm.living(source);
        feared.is_some_and(|feared| feared.place.distance(goal) < feared.place.distance(who.place))
    })
}
