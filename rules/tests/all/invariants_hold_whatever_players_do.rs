//! Laws of the rules, checked in every tick of random battles with random, partly hostile players.
//!
//! Each invariant (`tickworld_rules::invariants`) is a function from a world (and the one before) to the first violation, so that a seeded
//! bug can be shown to be caught: see the tests at the end.

use crate::common::{creature, random_frame, skirmish, step, world_of};
use tickworld_rules::{
    Event, Realm, Rules,
    components::{Health, Position, Status},
    invariants,
    items::Purse,
    setup::SpawnPoint,
};
use tickworld_sim::{
    entity::{Entity, Row},
    join::join,
    math::{Fx, Vec2},
    simulation::Simulation,
};

/// No farther in a tick than twice the greatest speed there is (those who flee dash), and a rounding.
fn first_violation(before: &Realm, now: &Realm) -> Option<(&'static str, String)> {
    let step_length_max = Fx::from_ratio(2 * 40, 180).saturating_add(Fx::from_ratio(1, 50));
    let jumps = || Some(("nobody jumps", invariants::nobody_jumps(before, now, step_length_max)?));
    invariants::first_violation(before, now).or_else(jumps)
}

fn rows(realm: &Realm) -> Vec<(Row, Entity)> {
    let mut all = Vec::new();
    join((&realm.creature, &realm.entities)).for_each(|row, (_, entity)| all.push((row, entity)));
    all
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

fn newcomers(before: &Realm, now: &Realm) -> u64 {
    let mut count = 0;
    join((&now.controlled, &now.entities))
        .for_each(|_, (_, entity)| count += u64::from(!before.entities.contains(entity)));
    count
}

/// How many of an item there are, in bags and on the ground; potions are drunk, all else stays.
fn ropes(realm: &Realm) -> u64 {
    let rope = crate::common::item("rope");
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
fn invariants_hold_in_every_tick_of_random_battles() {
    let mut deaths = 0;
    let mut fizzled = 0;
    for seed in 1..=6 {
        let mut set_up = skirmish(seed);
        set_up.spawn_points.push(SpawnPoint {
            creature: creature("goblin"),
            area: crate::common::rect(4, 4, 6, 6),
            faction: crate::common::RED,
            alive_max: 12,
            interval_ticks: 20,
        });
        let mut sim = world_of(&set_up);
        for tick in 1..=1200 {
            let before = sim.state().clone();
            let frame = random_frame(&sim, seed, 10);
            step(&mut sim, &frame);
            let now = sim.state();
            assert_eq!(first_violation(&before, now), None, "seed {seed}, tick {tick}");
            events_match_hit_points(&before, &sim);
            let new = newcomers(&before, now);
            assert_eq!(invariants::coins_brought(&before, now, &[]), 500 * u128::from(new), "seed {seed}, tick {tick}");
            assert_eq!(
                invariants::coins(now),
                invariants::coins(&before) + 500 * u128::from(new),
                "seed {seed}, tick {tick}: coins"
            );
            assert_eq!(ropes(now), ropes(&before) + 2 * new, "seed {seed}, tick {tick}: ropes");
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
    let outcome = players.outcome(PlayerId(player), players.last_sequence(PlayerId(player)));
    outcome.map_or("none", |it| Rules::outcome_name(it.code))
}

type Bug<'b> = &'b dyn Fn(&mut Realm);

/// Each invariant is shown to see a bug of its kind.
#[test]
fn seeded_bugs_are_caught() {
    let mut set_up = skirmish(3);
    set_up.spawn_points.push(SpawnPoint {
        creature: creature("goblin"),
        area: crate::common::rect(4, 4, 6, 6),
        faction: crate::common::RED,
        alive_max: 12,
        interval_ticks: 20,
    });
    let mut sim = world_of(&set_up);
    crate::common::pass(&mut sim, 3, 300);
    let before = sim.state().clone();
    assert_eq!(first_violation(&before, &before), None);
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
            let equipment = tickworld_rules::items::Equipment {
                weapon: Some(crate::common::item("greatsword")),
                ..Default::default()
            };
            it.equipment.set(row, equipment);
        }),
        ("spawners count right", &|it| {
            let mut spawner = None;
            join((&it.spawner,)).for_each(|row, _| spawner = Some(row));
            it.spawner.modify(spawner.expect("there is one"), |it| it.alive += 1);
        }),
    ];
    for (invariant, bug) in bugs {
        let mut now = before.clone();
        bug(&mut now);
        assert_eq!(first_violation(&before, &now).map(|(name, _)| name), Some(invariant), "{entity}");
    }
    let mut now = before.clone();
    now.purse.modify(row, |it| *it = Purse(it.0 + 1));
    assert_ne!(invariants::coins(&now), invariants::coins(&before));
}
