//! Turns: whose comes in this tick, and what returns to them with it. [`RoundClock`] says when.
//!
//! Invariant: a creature has at most one action a round.

use alloc::vec::Vec;

use tickworld_content::model::ConditionEffect;
use tickworld_sim::{
    join::{join, without},
    step::Step,
};

use crate::{components::Back, realm::Realm, round::RoundClock, rules::Rules};

/// `turns::begin`: those whose turn comes have their action again, unless a condition takes it; what is recharged by a roll
/// is rolled for (SRD 5.1, "Limited Usage" of monsters), and what was used by the day comes back with another day.
pub(crate) fn begin(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let tick = step.tick().0;
    let clock = RoundClock::of(realm, step.content(), tick);
    let world = &*realm;
    let begun = join((&world.turn, without(&world.corpse))).par_for_each(step.executor(), |row, (turn, ()), out| {
        if clock.since_turn(*turn) == 0 {
            out.push((row, !world.has_effect(row, ConditionEffect::NoActions)));
        }
    });
    let mut stream = step.stream("turns::recharge");
    for (row, ready) in begun {
        realm.turn.modify(row, |turn| turn.ready = ready);
        if realm.spent.is_empty(row) {
            continue;
        }
        let Some(entity) = realm.entities.entity(row) else { continue };
        let mut rng = stream.open(entity);
        realm.spent.retain(row, |spent| match spent.back {
            Back::Roll { from } => rng.die(6) < u32::from(from),
            Back::Day { until_tick } => until_tick > tick,
        });
    }
}

/// `turns::rest`: long rests that are over do their good: all hit points, all uses, no conditions (SRD 5.1 p. 87).
pub(crate) fn rest(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let tick = step.tick().0;
    let mut done = Vec::new();
    join((&realm.rest, without(&realm.corpse))).for_each(|row, (rest, ())| {
        if rest.until_tick <= tick {
            done.push(row);
        }
    });
    for row in done {
        realm.rest.remove(row);
        realm.spent.clear(row);
        realm.health.modify(row, |health| health.current = health.maximum);
        super::conditions::clear(realm, step, row);
    }
}
