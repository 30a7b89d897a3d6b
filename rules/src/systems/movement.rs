//! Walking: straight segments at an even pace.
//!
//! Invariant: nobody enters a blocked cell, and the grid knows everyone's tile. A segment's end is reached exactly, at the tick
//! that was reckoned when it began, unless a condition changed the pace.

use alloc::vec::Vec;

use tickworld_content::model::ConditionEffect;
use tickworld_sim::{
    entity::Row,
    join::{join, without},
    math::{Fx, Vec2},
    step::Step,
};

use super::paths;
use crate::{
    components::Motion,
    game::Rules,
    realm::{LivingCreature, Realm},
    ruleset::Ruleset,
    space::Member,
    stats,
};

/// Whether walking to `goal` would bring one nearer to someone they are frightened of (SRD 5.1 appendix PH-A, "Frightened").
#[must_use]
pub fn nears_what_is_feared(realm: &Realm, rules: &Ruleset, who: &LivingCreature, goal: Vec2) -> bool {
    realm.sources(rules, who.row, ConditionEffect::AvoidsSource).any(|source| {
        let feared = realm.living(source);
        feared.is_some_and(|feared| feared.place.distance(goal) < feared.place.distance(who.place))
    })
}

/// The frightened stop before a step that would bring them nearer to what they fear, whoever set them in motion.
fn hold_back(realm: &mut Realm, rules: &Ruleset, tick: u64) {
    let mut afraid = Vec::new();
    join((&realm.status, &realm.motion, without(&realm.corpse))).for_each(|row, (status, motion, ())| {
        if status.has(ConditionEffect::AvoidsSource) {
            afraid.push((row, *motion));
        }
    });
    for (row, motion) in afraid {
        let Some(who) = realm.living_in(row) else { continue };
        if nears_what_is_feared(realm, rules, &who, next_place(&motion, tick, who.place)) {
            realm.halt(row);
        }
    }
}

/// What a walker asks for besides its own row.
enum Report {
    /// It changed tiles.
    Crossed { from: Vec2, to: Vec2, member: Member },
    /// It reached the end of the segment.
    Arrived(Row),
    /// A wall is in the way; it stays.
    Stuck(Row),
}

/// `movement::walk`: everyone on a segment moves on; at its end the next begins (SRD 5.1 p. 91).
pub fn walk(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let tick = step.tick().0;
    hold_back(realm, step.content(), tick);
    let (obstacles, grid) = (&*realm.obstacles, &*realm.grid);
    let lanes = (&mut realm.position, &realm.motion, &realm.creature, without(&realm.corpse));
    let reports = join(lanes).par_for_each(step.executor(), |row, (position, motion, creature, ()), out| {
        let from = position.0;
        let arrived = tick >= motion.arrival_tick;
        let to = next_place(motion, tick, from);
        if obstacles.is_blocked_at(to) {
            out.push(Report::Stuck(row));
            return;
        }
        position.0 = to;
        if grid.crosses(from, to) {
            out.push(Report::Crossed { from, to, member: Member { row, faction: creature.faction } });
        }
        if arrived {
            out.push(Report::Arrived(row));
        }
    });
    for report in reports {
        match report {
            Report::Crossed { from, to, member } => realm.grid.get_mut().shift(from, to, member),
            Report::Arrived(row) => next_segment(realm, step.content(), tick, row),
            Report::Stuck(row) => realm.halt(row),
        }
    }
}

/// Where a walker is at the end of the tick.
fn next_place(motion: &Motion, tick: u64, from: Vec2) -> Vec2 {
    if tick >= motion.arrival_tick { motion.goal } else { from.saturating_add(motion.step) }
}

fn next_segment(realm: &mut Realm, rules: &Ruleset, tick: u64, row: Row) {
    match realm.path.remove(row, 0) {
        Some(goal) => head_for(realm, rules, tick.saturating_add(1), row, goal),
        None => {
            realm.motion.remove(row);
            if let Some(errand) = realm.errand.get(row).copied() {
                paths::ask(realm, tick, row, errand.goal);
            }
        }
    }
}

/// Begins a straight walk to `goal`, whose first step is made in `first_tick`. One whose pace is zero stands, and forgets where
/// it was going: a path without a walker would keep its owner from looking for another.
pub fn head_for(realm: &mut Realm, rules: &Ruleset, first_tick: u64, row: Row, goal: Vec2) {
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
pub fn segment(from: Vec2, goal: Vec2, pace: Fx, first_tick: u64) -> Option<Motion> {
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
pub fn repace(realm: &mut Realm, rules: &Ruleset, tick: u64, row: Row) {
    if let Some(motion) = realm.motion.get(row).copied() {
        head_for(realm, rules, tick, row, motion.goal);
    }
}
