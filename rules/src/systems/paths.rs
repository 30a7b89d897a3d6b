//! Path searches: asked for by rows, served in order, within a budget.
//!
//! Invariant: who waits is state; the order is (since when, row). A wave of searches has a fixed size, so what is served in a
//! tick does not depend on the number of workers.

use alloc::{boxed::Box, vec::Vec};

use tickworld_sim::{
    column::Job,
    entity::Row,
    executor::Executor,
    join::{join, without},
    math::Vec2,
    step::Step,
};

use crate::{
    components::{Balked, Errand},
    limits::{PATH_BACKOFF_DOUBLINGS_MAX, SEARCH_NODES_MAX, SEARCHES_PER_WAVE},
    realm::Realm,
    round::round_ticks,
    rules::Rules,
    space::{FoundPath, find_path},
    walking,
};

/// `paths::serve`: makes searches until the tick's budget of cells is spent; the rest wait, those who waited longest first.
pub(crate) fn serve(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let mut waiting: Vec<(u64, Row, Vec2)> = Vec::new();
    join((&realm.seeking, without(&realm.corpse))).for_each(|row, (seeking, ())| {
        waiting.push((seeking.since_tick, row, seeking.goal));
    });
    waiting.sort_unstable_by_key(|(since, row, _)| (*since, *row));
    let mut left = realm.settings.path_nodes_per_tick;
    for wave in waiting.chunks(SEARCHES_PER_WAVE) {
        let found = search(realm, step.executor(), wave);
        for ((_, row, goal), found) in wave.iter().zip(found) {
            left = left.saturating_sub(found.nodes);
            realm.seeking.remove(*row);
            follow(realm, step, *row, *goal, &found);
        }
        let served = wave.len() as u64;
        realm.tally.modify(|tally| tally.searches = tally.searches.wrapping_add(served));
        if left == 0 {
            break;
        }
    }
}

/// One wave, on as many workers as there are.
fn search(realm: &Realm, executor: &dyn Executor, wave: &[(u64, Row, Vec2)]) -> Vec<FoundPath> {
    let one = |(_, row, goal): &(u64, Row, Vec2)| {
        let from = realm.position.get(*row).map_or(*goal, |position| position.0);
        find_path(&realm.obstacles, &realm.settings, from, *goal, SEARCH_NODES_MAX)
    };
    if executor.workers() <= 1 || wave.len() == 1 {
        return wave.iter().map(one).collect();
    }
    let mut found: Vec<Option<FoundPath>> = alloc::vec![None; wave.len()];
    let jobs =
        found.iter_mut().zip(wave).map(|(slot, request)| -> Job<'_> { Box::new(move || *slot = Some(one(request))) });
    executor.run(jobs.collect());
    found.into_iter().map(|found| found.expect("every job has run")).collect()
}

/// Sets out on what was found. Players whose way ends short of their goal search on from there, as long as that brings them
/// nearer; creatures that come no nearer wait before they search again.
fn follow(realm: &mut Realm, step: &Step<'_, Rules>, row: Row, goal: Vec2, found: &FoundPath) {
    realm.path.clear(row);
    let Some(who) = realm.living_in(row) else { return };
    let end = found.waypoints.last().copied().unwrap_or(who.place);
    let nears = end.distance(goal).saturating_add(realm.settings.cell()) <= who.place.distance(goal);
    let hopeful = found.reached || nears;
    if realm.controlled.contains(row) {
        if hopeful && !found.complete {
            realm.errand.set(row, Errand { goal });
        } else {
            realm.errand.remove(row);
        }
    } else if hopeful {
        realm.balked.remove(row);
    } else {
        back_off(realm, step, row);
    }
    let Some((first, rest)) = found.waypoints.split_first() else {
        realm.motion.remove(row);
        return;
    };
    for waypoint in rest {
        if realm.path.push(row, *waypoint).is_err() {
            break;
        }
    }
    walking::head_for(realm, step.content(), step.tick().0, row, *first);
}

/// Twice as long a wait after each failure in a row.
fn back_off(realm: &mut Realm, step: &Step<'_, Rules>, row: Row) {
    let Some(enemy) = realm.target.get(row).map(|target| target.0) else { return };
    let failures = realm.balked.get(row).filter(|it| it.enemy == enemy).map_or(0, |it| it.failures);
    let wait = round_ticks(realm, step.content()) << failures.min(PATH_BACKOFF_DOUBLINGS_MAX);
    let until_tick = step.tick().0.saturating_add(wait);
    realm.balked.set(row, Balked { enemy, failures: failures.saturating_add(1), until_tick });
}
