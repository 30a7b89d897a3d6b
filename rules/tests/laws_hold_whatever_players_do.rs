//! Laws of the rules, checked in every tick of random battles with random, partly hostile players.
//!
//! Each law is a function from a world (and the one before) to the first violation, so that a seeded bug can be shown to be
//! caught: see the tests at the end.

mod common;

use common::{creature, random_frame, skirmish, step, world_of};
use tickworld_rules::{
    Event, Realm, Rules,
    body::{Health, Position, Status},
    goods::Purse,
    setup::SpawnPoint,
};
use tickworld_sim::{
    entity::{Entity, Row},
    join::join,
    math::{Fx, Vec2},
    simulation::Simulation,
};

type Broken = Option<String>;

fn rows(realm: &Realm) -> Vec<(Row, Entity)> {
    let mut all = Vec::new();
    join((&realm.creature, &realm.entities)).for_each(|row, (_, entity)| all.push((row, entity)));
    all
}

fn hit_points_stay_in_range(_: &Realm, now: &Realm) -> Broken {
    let bad = |row: &Row| now.health.get(*row).is_none_or(|it| it.current > it.maximum || it.maximum == 0);
    rows(now).into_iter().find(|(row, _)| bad(row)).map(|(_, entity)| format!("{entity}: hit points out of range"))
}

/// Who has no hit points is a corpse by the end of the tick, and no one else is.
fn the_dead_are_dead(_: &Realm, now: &Realm) -> Broken {
    rows(now).into_iter().find_map(|(row, entity)| {
        let dead = now.health.get(row).is_some_and(|it| it.current == 0);
        (dead != now.corpse.contains(row)).then(|| format!("{entity}: no hit points and no corpse, or the reverse"))
    })
}

fn the_dead_do_nothing(before: &Realm, now: &Realm) -> Broken {
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

fn nobody_is_in_a_wall(_: &Realm, now: &Realm) -> Broken {
    rows(now).into_iter().find_map(|(row, entity)| {
        let place = now.position.get(row)?.0;
        now.obstacles.is_blocked_at(place).then(|| format!("{entity}: in a wall at {place:?}"))
    })
}

/// No farther in a tick than twice the greatest speed there is (those who flee dash), and a rounding.
fn nobody_jumps(before: &Realm, now: &Realm) -> Broken {
    let most = Fx::from_ratio(2 * 40, 180).saturating_add(Fx::from_ratio(1, 50));
    rows(now).into_iter().find_map(|(row, entity)| {
        let (old, new) = (before.position.get(row)?.0, now.position.get(row)?.0);
        let same = before.entities.entity(row) == Some(entity);
        (same && old.distance(new) > most).then(|| format!("{entity}: jumped from {old:?} to {new:?}"))
    })
}

fn status_says_what_the_list_says(_: &Realm, now: &Realm) -> Broken {
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
fn paths_are_walked(_: &Realm, now: &Realm) -> Broken {
    rows(now).into_iter().find_map(|(row, entity)| {
        let idle = !now.path.is_empty(row) && !now.motion.contains(row);
        idle.then(|| format!("{entity}: keeps a path without walking it"))
    })
}

fn passing_rows_are_empty(_: &Realm, now: &Realm) -> Broken {
    let busy = !now.deed.is_empty() || !now.struck.is_empty();
    let blows = rows(now).into_iter().any(|(row, _)| !now.blow.is_empty(row));
    (busy || blows).then(|| String::from("deeds or blows outlive the tick"))
}

fn equipment_is_in_the_bag(_: &Realm, now: &Realm) -> Broken {
    let mut broken = None;
    join((&now.equipment, &now.entities)).for_each(|row, (it, entity)| {
        for item in [it.weapon, it.armor, it.shield].into_iter().flatten() {
            if !now.bag.iter(row).any(|stack| stack.item == item) {
                broken = Some(format!("{entity}: wears what it does not have"));
            }
        }
    });
    broken
}

fn spawners_count_right(_: &Realm, now: &Realm) -> Broken {
    let mut broken = None;
    join((&now.spawner, &now.entities)).for_each(|_, (spawner, spawner_entity)| {
        let alive =
            rows(now).into_iter().filter(|(row, _)| now.origin.get(*row).map(|it| it.0) == Some(spawner_entity));
        let alive = alive.count();
        if alive != spawner.alive as usize || spawner.alive > spawner.alive_max {
            broken = Some(format!("spawner {spawner_entity}: counts {}, {alive} live", spawner.alive));
        }
    });
    broken
}

type Law = fn(&Realm, &Realm) -> Broken;

const LAWS: &[(&str, Law)] = &[
    ("hit points stay in range", hit_points_stay_in_range),
    ("the dead are dead", the_dead_are_dead),
    ("the dead do nothing", the_dead_do_nothing),
    ("nobody is in a wall", nobody_is_in_a_wall),
    ("nobody jumps", nobody_jumps),
    ("status says what the list says", status_says_what_the_list_says),
    ("paths are walked", paths_are_walked),
    ("passing rows are empty", passing_rows_are_empty),
    ("equipment is in the bag", equipment_is_in_the_bag),
    ("spawners count right", spawners_count_right),
];

fn broken(before: &Realm, now: &Realm) -> Option<(&'static str, String)> {
    LAWS.iter().find_map(|(name, law)| Some((*name, law(before, now)?)))
}

/// Damage never heals and healing never hurts, and what the events say is what happened.
fn events_match_hit_points(before: &Realm, sim: &Simulation<Rules>) {
    let now = sim.state();
    let mut expected: std::collections::BTreeMap<Entity, i64> = std::collections::BTreeMap::new();
    for event in sim.world().events().iter() {
        match *event {
            Event::Hurt { target, amount, .. } => *expected.entry(target).or_default() -= i64::from(amount),
            Event::Healed { target, amount, .. } => *expected.entry(target).or_default() += i64::from(amount),
            _ => {}
        }
    }
    for (row, entity) in rows(now) {
        if before.entities.entity(row) != Some(entity) {
            continue;
        }
        let current = |realm: &Realm| realm.health.get(row).map_or(0, |it| i64::from(it.current));
        let change = current(now) - current(before);
        assert_eq!(change, expected.get(&entity).copied().unwrap_or(0), "{entity} at {}", sim.world().tick());
    }
}

/// Coins of everybody and on the ground; those a class brings in are counted by who newly came.
fn coins(realm: &Realm) -> u128 {
    let mut sum = 0;
    join((&realm.purse,)).for_each(|_, (purse,)| sum += u128::from(purse.0));
    sum
}

fn newcomers(before: &Realm, now: &Realm) -> u128 {
    let mut count = 0;
    join((&now.controlled, &now.entities))
        .for_each(|_, (_, entity)| count += u128::from(!before.entities.contains(entity)));
    count
}

/// How many of an item there are, in bags and on the ground; potions are drunk, all else stays.
fn ropes(realm: &Realm) -> u64 {
    let rope = common::item("rope");
    let mut sum = 0;
    join((&realm.creature,)).for_each(|row, _| {
        sum += realm.bag.iter(row).filter(|it| it.item == rope).map(|it| u64::from(it.count)).sum::<u64>();
    });
    join((&realm.ground_item,)).for_each(|_, (item,)| {
        sum += item.stack.filter(|it| it.item == rope).map_or(0, |it| u64::from(it.count));
    });
    sum
}

#[test]
fn laws_hold_in_every_tick_of_random_battles() {
    let mut deaths = 0;
    let mut fizzled = 0;
    for seed in 1..=6 {
        let mut set_up = skirmish(seed);
        set_up.spawn_points.push(SpawnPoint {
            creature: creature("goblin"),
            area: common::rect(4, 4, 6, 6),
            faction: common::RED,
            alive_max: 12,
            interval_ticks: 20,
        });
        let mut sim = world_of(&set_up);
        for tick in 1..=1200 {
            let before = sim.state().clone();
            let frame = random_frame(&sim, seed, 10);
            step(&mut sim, &frame);
            let now = sim.state();
            assert_eq!(broken(&before, now), None, "seed {seed}, tick {tick}");
            events_match_hit_points(&before, &sim);
            let new = newcomers(&before, now);
            assert_eq!(coins(now), coins(&before) + 500 * new, "seed {seed}, tick {tick}: coins");
            assert_eq!(u128::from(ropes(now)), u128::from(ropes(&before)) + 2 * new, "seed {seed}, tick {tick}: ropes");
            fizzled += sim.world().events().iter().filter(|it| matches!(it, Event::Fizzled { .. })).count();
        }
        deaths += sim.state().tally.deaths;
        let codes: Vec<&str> = (1..=10).map(|player| last_outcome(&sim, player)).collect();
        assert!(!codes.contains(&"unanswered") && !codes.contains(&"refused"), "{codes:?}");
    }
    assert!(deaths > 100 && fizzled > 0, "the battles were battles: {deaths} deaths, {fizzled} queued deeds in vain");
}

fn last_outcome(sim: &Simulation<Rules>, player: u64) -> &'static str {
    use tickworld_sim::{frame::PlayerId, game::Game as _};
    let players = sim.world().players();
    let last = players.find(PlayerId(player)).map(|it| it.last_sequence);
    let outcome = last.and_then(|last| players.outcome(PlayerId(player), last));
    outcome.map_or("none", |it| Rules::outcome_name(it.code))
}

type Bug<'b> = &'b dyn Fn(&mut Realm);

/// Each law is shown to see a bug of its kind.
#[test]
fn seeded_bugs_are_caught() {
    let mut set_up = skirmish(3);
    set_up.spawn_points.push(SpawnPoint {
        creature: creature("goblin"),
        area: common::rect(4, 4, 6, 6),
        faction: common::RED,
        alive_max: 12,
        interval_ticks: 20,
    });
    let mut sim = world_of(&set_up);
    common::pass(&mut sim, 3, 300);
    let before = sim.state().clone();
    assert_eq!(broken(&before, &before), None);
    let (row, entity) = rows(&before).into_iter().find(|(row, _)| before.lives(*row)).expect("someone lives");
    let (dead, _) = rows(&before).into_iter().find(|(row, _)| before.corpse.contains(*row)).expect("someone has died");
    let bugs: [(&str, Bug<'_>); 10] = [
        ("hit points stay in range", &|it| it.health.set(row, Health { current: 9, maximum: 8 })),
        ("the dead are dead", &|it| {
            it.health.modify(row, |health| health.current = 0);
        }),
        ("the dead do nothing", &|it| {
            it.turn.modify(dead, |turn| turn.ready = true);
        }),
        ("nobody is in a wall", &|it| it.position.set(row, Position(Vec2::new(Fx::from_int(127), Fx::from_int(10))))),
        ("nobody jumps", &|it| {
            it.position.modify(row, |it| it.0 = Vec2::new(Fx::from_int(100), Fx::from_int(120)));
        }),
        ("status says what the list says", &|it| {
            it.status.set(row, Status { effects: 0, expiry_tick: Some(1), held: false })
        }),
        ("paths are walked", &|it| {
            it.motion.remove(row);
            it.path.push(row, Vec2::ZERO).expect("room");
        }),
        ("passing rows are empty", &|it| it.struck.set(row, ())),
        ("equipment is in the bag", &|it| {
            let equipment =
                tickworld_rules::goods::Equipment { weapon: Some(common::item("greatsword")), ..Default::default() };
            it.equipment.set(row, equipment);
        }),
        ("spawners count right", &|it| {
            let mut spawner = None;
            join((&it.spawner,)).for_each(|row, _| spawner = Some(row));
            it.spawner.modify(spawner.expect("there is one"), |it| it.alive += 1);
        }),
    ];
    for (law, bug) in bugs {
        let mut now = before.clone();
        bug(&mut now);
        assert_eq!(broken(&before, &now).map(|(name, _)| name), Some(law), "{entity}");
    }
    let mut now = before.clone();
    now.purse.modify(row, |it| *it = Purse(it.0 + 1));
    assert_ne!(coins(&now), coins(&before));
}
