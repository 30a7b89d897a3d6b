//! What holds at the end of every tick, whatever players send: for tests, fuzzers and swarms.
//!
//! Each invariant is a function of two neighbouring states and of nothing else; it says what is violated and repairs nothing.
//! No system calls one: they cost a walk over everybody.

use alloc::{format, string::String, vec::Vec};

use tickworld_sim::{
    entity::{Entity, Row},
    frame::{Act, InputFrame, PlayerId},
    join::join,
    math::Fx,
    world::World,
};

use crate::{
    command::Command, crossing, realm::Realm, rules::Rules, ruleset::Ruleset, ruleset::percent, settings::Settings,
};

/// What is wrong, in words, with the entity that it is wrong of.
pub type Violation = String;

/// A named check of two neighbouring states.
#[derive(Clone, Copy, Debug)]
struct Invariant {
    /// The invariant in words, for messages.
    name: &'static str,
    /// Compares the state before a tick with the one after it.
    check: fn(&Realm, &Realm) -> Option<Violation>,
}

/// Every invariant of two neighbouring states alone.
const INVARIANTS: &[Invariant] = &[
    Invariant { name: "hit points stay in range", check: hit_points_stay_in_range },
    Invariant { name: "the dead are dead", check: the_dead_are_dead },
    Invariant { name: "the dead do nothing", check: the_dead_do_nothing },
    Invariant { name: "nobody is in a wall", check: nobody_is_in_a_wall },
    Invariant { name: "status says what the list says", check: status_says_what_the_list_says },
    Invariant { name: "paths are walked", check: paths_are_walked },
    Invariant { name: "passing rows are empty", check: passing_rows_are_empty },
    Invariant { name: "equipment is in the bag", check: equipment_is_in_the_bag },
    Invariant { name: "spawners count right", check: spawners_count_right },
];

/// The first invariant that `now` violates, and how.
#[must_use]
pub fn first_violation(before: &Realm, now: &Realm) -> Option<(&'static str, Violation)> {
    INVARIANTS.iter().find_map(|it| Some((it.name, (it.check)(before, now)?)))
}

/// The farthest that anybody walks in a tick by this content: the greatest speed there is, dashing, and a rounding.
#[must_use]
pub fn step_length_max(settings: &Settings, rules: &Ruleset) -> Fx {
    let constants = &rules.pack().constants;
    let speeds = rules.pack().creatures.iter().filter_map(|it| rules.creature(it.key.into()));
    let most = speeds.map(|(_, sheet)| sheet.speed).max().unwrap_or(Fx::ZERO);
    let most = percent(most, constants.dash_percent.max(100));
    let round = settings.round_ticks(constants.round_seconds);
    let a_tick = most.saturating_div(Fx::from_int(i32::try_from(round).unwrap_or(i32::MAX)));
    a_tick.saturating_add(Fx::from_ratio(1, 50))
}

/// Nobody who was there before walks farther in one tick than `step_length_max`.
#[must_use]
pub fn nobody_jumps(before: &Realm, now: &Realm, step_length_max: Fx) -> Option<Violation> {
    rows(now).into_iter().find_map(|(row, entity)| {
        let (old, new) = (before.position.get(row)?.0, now.position.get(row)?.0);
        let same = before.entities.entity(row) == Some(entity);
        (same && old.distance(new) > step_length_max).then(|| format!("{entity}: jumped from {old:?} to {new:?}"))
    })
}

/// Coins of everybody and on the ground. Inputs only move them; see `inventory.rs`.
#[must_use]
pub fn coins(realm: &Realm) -> u128 {
    let mut sum = 0_u128;
    join((&realm.purse,)).for_each(|_, (purse,)| sum = sum.saturating_add(purse.0.into()));
    sum
}

/// Coins are only moved, but for those of players who enter in `frame`, those of players who come and go with a parcel, and what lay
/// about and is gone, where `litter_goes`. Who enters may fall in the same tick, with a body that goes at once: those coins are not
/// seen as brought.
#[must_use]
pub fn coins_are_only_moved(
    frame: &InputFrame<Command>,
    before: &World<Rules>,
    now: &World<Rules>,
    litter_goes: bool,
) -> Option<Violation> {
    let (arrived, departed) = (crossing::arrived(frame, before, now), crossing::departed(before, now));
    let (before, now) = (before.state(), now.state());
    let (had, have) = (coins(before).saturating_add(arrived.coins), coins(now).saturating_add(departed));
    let entered = frame.inputs.iter().filter(|input| matches!(input.act, Act::Enter(_)));
    let most = entered.fold(had, |sum, input| sum.saturating_add(coins_of_class(now, input.player)));
    let least = had.saturating_add(coins_brought(before, now, &arrived.players));
    let is_broken = have > most || (have < least && !litter_goes);
    is_broken.then(|| {
        format!("{had} coins, {} of them by arrivals, became {have}, {departed} of them with departures", arrived.coins)
    })
}

/// Coins that wait in the outbox for the archive or another region: with [`coins`] all that a world answers for.
#[must_use]
pub fn coins_under_way(world: &World<Rules>) -> u128 {
    crossing::under_way(world)
}

/// Coins that a player's character brings, as its class says.
fn coins_of_class(realm: &Realm, player: PlayerId) -> u128 {
    let mut classes = Vec::new();
    join((&realm.class,)).for_each(|_, (class,)| classes.push(class.coins));
    let at = u64::try_from(classes.len()).ok().and_then(|count| player.0.checked_rem(count));
    let at = at.and_then(|at| usize::try_from(at).ok());
    at.and_then(|at| classes.get(at)).copied().unwrap_or(0).into()
}

/// Coins that players brought who newly came and are still there, but for those who `arrived` with a character of elsewhere. Who came
/// and fell within the tick, and whose body went at once, is not counted, though the coins lie on the ground.
#[must_use]
pub fn coins_brought(before: &Realm, now: &Realm, arrived: &[PlayerId]) -> u128 {
    let mut sum = 0_u128;
    join((&now.controlled, &now.entities)).for_each(|_, (player, entity)| {
        if !before.entities.contains(entity) && !arrived.contains(&player.0) {
            sum = sum.saturating_add(coins_of_class(now, player.0));
        }
    });
    sum
}

fn rows(realm: &Realm) -> Vec<(Row, Entity)> {
    let mut all = Vec::new();
    join((&realm.creature, &realm.entities)).for_each(|row, (_, entity)| all.push((row, entity)));
    all
}

fn hit_points_stay_in_range(_: &Realm, now: &Realm) -> Option<Violation> {
    let bad = |row: &Row| now.health.get(*row).is_none_or(|it| it.current > it.maximum || it.maximum == 0);
    rows(now).into_iter().find(|(row, _)| bad(row)).map(|(_, entity)| format!("{entity}: hit points out of range"))
}

/// Who has no hit points is a corpse by the end of the tick, and no one else is.
fn the_dead_are_dead(_: &Realm, now: &Realm) -> Option<Violation> {
    rows(now).into_iter().find_map(|(row, entity)| {
        let dead = now.health.get(row).is_some_and(|it| it.current == 0);
        (dead != now.corpse.contains(row)).then(|| format!("{entity}: no hit points and no corpse, or the reverse"))
    })
}

fn the_dead_do_nothing(before: &Realm, now: &Realm) -> Option<Violation> {
    rows(now).into_iter().filter(|(row, _)| now.corpse.contains(*row)).find_map(|(row, entity)| {
        let idle = !now.motion.contains(row)
            && !now.target.contains(row)
            && !now.intent.contains(row)
            && !now.seeking.contains(row)
            && !now.errand.contains(row)
            && !now.balked.contains(row)
            && !now.rising.contains(row)
            && !now.status.contains(row)
            && now.turn.get(row).is_some_and(|turn| !turn.ready);
        let stays = !before.corpse.contains(row)
            || before.entities.entity(row) != Some(entity)
            || before.position.get(row) == now.position.get(row);
        (!idle || !stays).then(|| format!("{entity}: a corpse is busy"))
    })
}

fn nobody_is_in_a_wall(_: &Realm, now: &Realm) -> Option<Violation> {
    rows(now).into_iter().find_map(|(row, entity)| {
        let place = now.position.get(row)?.0;
        now.obstacles.is_blocked_at(place).then(|| format!("{entity}: in a wall at {place:?}"))
    })
}

fn status_says_what_the_list_says(_: &Realm, now: &Realm) -> Option<Violation> {
    rows(now).into_iter().find_map(|(row, entity)| {
        let first = now.affliction.iter(row).filter_map(|it| it.expiry_tick).min();
        let right = match now.status.get(row) {
            None => now.affliction.is_empty(row),
            Some(status) => {
                let held = now.affliction.iter(row).any(|it| it.hold.is_some());
                !now.affliction.is_empty(row) && status.expiry_tick == first && status.held == held
            }
        };
        (!right).then(|| format!("{entity}: status and list disagree"))
    })
}

/// A path that nobody walks would keep its owner from looking for another.
fn paths_are_walked(_: &Realm, now: &Realm) -> Option<Violation> {
    rows(now).into_iter().find_map(|(row, entity)| {
        let idle = !now.path.is_empty(row) && !now.motion.contains(row);
        idle.then(|| format!("{entity}: keeps a path without walking it"))
    })
}

fn passing_rows_are_empty(_: &Realm, now: &Realm) -> Option<Violation> {
    let busy = !now.deed.is_empty() || !now.struck.is_empty();
    let blows = rows(now).into_iter().any(|(row, _)| !now.blow.is_empty(row));
    (busy || blows).then(|| String::from("deeds or blows outlive the tick"))
}

fn equipment_is_in_the_bag(_: &Realm, now: &Realm) -> Option<Violation> {
    let mut violation = None;
    join((&now.equipment, &now.entities)).for_each(|row, (it, entity)| {
        for item in [it.weapon, it.armor, it.shield].into_iter().flatten() {
            if !now.bag.iter(row).any(|stack| stack.item == item) {
                violation = Some(format!("{entity}: wears what it does not have"));
            }
        }
    });
    violation
}

fn spawners_count_right(_: &Realm, now: &Realm) -> Option<Violation> {
    let mut violation = None;
    join((&now.spawner, &now.entities)).for_each(|_, (spawner, spawner_entity)| {
        let mine = |row: Row| now.origin.get(row).map(|it| it.0) == Some(spawner_entity);
        let alive = rows(now).into_iter().filter(|(row, _)| mine(*row)).count();
        if u32::try_from(alive) != Ok(spawner.alive) || spawner.alive > spawner.alive_max {
            violation = Some(format!("spawner {spawner_entity}: counts {}, {alive} live", spawner.alive));
        }
    });
    violation
}
