//! Walking: straight segments at an even pace.
//!
//! Invariant: nobody enters a blocked cell, and the grid knows everyone's tile. A segment's end is reached exactly, at the tick
//! that was reckoned when it began, unless a condition changed the pace.

use alloc::vec::Vec;

use tickworld_content::model::ConditionEffect;
use tickworld_sim::{
    entity::Row,
    join::{join, without},
    math::Vec2,
    step::Step,
};

use crate::{components::Motion, realm::Realm, rules::Rules, ruleset::Ruleset, space::Member, walking};

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
        if walking::nears_what_is_feared(realm, rules, &who, next_place(&motion, tick, who.place)) {
            realm.halt(row);
        }
    }
}

/// What a walker asks for besides its own row.
enum Report {
    /// The walker came to another tile.
    Crossed { from: Vec2, to: Vec2, member: Member },
    /// It reached the end of the segment.
    Arrived(Row),
    /// A wall is in the way; it stays.
    Stuck(Row),
}

/// `movement::walk`: everyone on a segment moves on; at its end the next begins (SRD 5.1 p. 91).
pub(crate) fn walk(realm: &mut Realm, step: &mut Step<'_, Rules>) {
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
        Some(goal) => walking::head_for(realm, rules, tick.saturating_add(1), row, goal),
        None => {
            realm.motion.remove(row);
            if let Some(errand) = realm.errand.get(row).copied() {
                walking::request_path(realm, tick, row, errand.goal);
            }
        }
    }
}
