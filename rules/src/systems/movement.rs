//! Walking: straight legs at an even pace.
//!
//! Invariant: nobody enters a blocked cell, and the grid knows everyone's tile. A leg's end is reached exactly, at the tick
//! that was reckoned when it began, unless a condition changed the pace.

use tickworld_sim::{
    entity::Row,
    join::{join, without},
    math::{Fx, Vec2},
    step::Step,
};

use crate::{body::Motion, game::Rules, realm::Realm, ruleset::Ruleset, space::Member, stats};

/// What a walker asks for besides its own row.
enum Report {
    /// It changed tiles.
    Crossed { from: Vec2, to: Vec2, member: Member },
    /// It reached the end of the leg.
    Arrived(Row),
    /// A wall is in the way; it stays.
    Stuck(Row),
}

/// `movement::walk`: everyone on a leg moves on; at its end the next begins (SRD 5.1 p. 91).
pub fn walk(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let tick = step.tick().0;
    let (obstacles, grid) = (&*realm.obstacles, &*realm.grid);
    let lanes = (&mut realm.position, &realm.motion, &realm.creature, without(&realm.corpse));
    let reports = join(lanes).par_for_each(step.executor(), |row, (position, motion, creature, ()), out| {
        let from = position.0;
        let arrived = tick >= motion.arrival_tick;
        let to = if arrived { motion.goal } else { from.saturating_add(motion.step) };
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
            Report::Arrived(row) => next_leg(realm, step.content(), tick, row),
            Report::Stuck(row) => realm.halt(row),
        }
    }
}

fn next_leg(realm: &mut Realm, rules: &Ruleset, tick: u64, row: Row) {
    match realm.path.remove(row, 0) {
        Some(goal) => head_for(realm, rules, tick.saturating_add(1), row, goal),
        None => realm.motion.remove(row).map_or((), |_| ()),
    }
}

/// Begins a straight walk to `goal`, whose first step is made in `first_tick`. Stands still where the pace is zero.
pub fn head_for(realm: &mut Realm, rules: &Ruleset, first_tick: u64, row: Row, goal: Vec2) {
    let motion = realm.someone_in(row).and_then(|who| {
        let pace = stats::pace(realm, rules, row, who.creature.key);
        leg(who.place, goal, pace, first_tick)
    });
    match motion {
        Some(motion) => realm.motion.set(row, motion),
        None => realm.motion.remove(row).map_or((), |_| ()),
    }
}

/// The leg from `from` to `goal` at `pace` feet a tick; `None` for a pace of zero.
#[must_use]
pub fn leg(from: Vec2, goal: Vec2, pace: Fx, first_tick: u64) -> Option<Motion> {
    if pace <= Fx::ZERO {
        return None;
    }
    let ticks = from.distance(goal).saturating_div(pace).ceil().max(1);
    let way = goal.saturating_sub(from);
    let part = |whole: Fx| Fx::from_bits(whole.to_bits().checked_div(ticks).unwrap_or(0));
    let step = Vec2::new(part(way.x), part(way.y));
    Some(Motion { goal, step, arrival_tick: first_tick.saturating_add(ticks.cast_unsigned()).saturating_sub(1) })
}

/// Goes on with the present leg at the pace of now, this tick still; one whose pace is zero keeps the goal of its path but stands.
pub fn repace(realm: &mut Realm, rules: &Ruleset, tick: u64, row: Row) {
    if let Some(motion) = realm.motion.get(row).copied() {
        head_for(realm, rules, tick, row, motion.goal);
        if !realm.motion.contains(row) {
            realm.halt(row);
        }
    }
}
