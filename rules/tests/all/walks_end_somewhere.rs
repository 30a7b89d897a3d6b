//! Whoever sets out arrives, comes as near as there is a way, or stops: nobody is stuck, and nobody searches for ever.

use crate::common::{
    BLUE, RED, affliction, class, creature, frame, group, outcome, pack, pass, played, rect, step, world_of, world_with,
};
use tickworld_content::model::{Feet, Pack, Speeds};
use tickworld_rules::{
    Command, Realm, Rules, SetUp,
    components::{Affliction, Blow},
    setup::Rect,
};
use tickworld_sim::{
    State,
    entity::Row,
    frame::Act as Input,
    join::join,
    math::{Fx, Vec2},
    simulation::Simulation,
};

fn at(x: i32, y: i32) -> Vec2 {
    Vec2::new(Fx::from_int(x), Fx::from_int(y))
}

/// Everyone is twenty times as fast.
fn swift() -> Pack {
    let mut pack = pack::pack();
    pack.creatures.iter_mut().for_each(|it| it.speeds = Speeds { walk: Feet(600), ..Speeds::default() });
    pack
}

fn joined(set_up: &SetUp, pack: Pack) -> (Simulation<Rules>, Row) {
    let mut sim = world_with(set_up, pack);
    let joins = frame(&sim, 1, &[(1, Input::ENTER)]);
    step(&mut sim, &joins);
    let me = played(&sim, 1).expect("joined");
    let row = sim.state().entities.row(me).expect("lives");
    (sim, row)
}

fn send(sim: &mut Simulation<Rules>, command: Command) -> &'static str {
    let frame = frame(sim, 1, &[(1, Input::Play(command))]);
    step(sim, &frame);
    outcome(sim, 1).0
}

fn place(realm: &Realm, row: Row) -> Vec2 {
    realm.position.get(row).expect("stands somewhere").0
}

/// Forty walls with a gap at one end each: a way of more corners than one search gives waypoints.
fn serpentine() -> SetUp {
    let wall = |n: u16| rect(3 + 3 * n, n % 2 * 2, 1, 18);
    let walls: Vec<Rect> = (0..40).map(wall).collect();
    SetUp { walls, classes: vec![class(rect(1, 10, 1, 1), RED)], ..SetUp::of_map(126, 20) }
}

#[test]
fn players_walk_ways_of_any_length() {
    let (mut sim, row) = joined(&serpentine(), swift());
    let goal = at(617, 52);
    assert_eq!(send(&mut sim, Command::MoveTo { place: goal }), "applied");
    pass(&mut sim, 1, 2000);
    assert_eq!(place(sim.state(), row), goal);
    assert!(sim.state().errand.is_empty() && sim.state().seeking.is_empty());
    assert!((2..10).contains(&sim.state().tally.searches), "{}", sim.state().tally.searches);
}

#[test]
fn players_without_a_way_come_near_and_stop() {
    let walls = vec![rect(20, 20, 7, 1), rect(20, 26, 7, 1), rect(20, 20, 1, 7), rect(26, 20, 1, 7)];
    let set_up = SetUp { walls, classes: vec![class(rect(1, 10, 1, 1), RED)], ..SetUp::of_map(40, 40) };
    let (mut sim, row) = joined(&set_up, swift());
    assert_eq!(send(&mut sim, Command::MoveTo { place: at(117, 117) }), "applied");
    pass(&mut sim, 1, 2000);
    assert!(place(sim.state(), row).distance(at(117, 117)) < Fx::from_int(25));
    assert!(sim.state().errand.is_empty() && sim.state().seeking.is_empty() && sim.state().motion.is_empty());
    assert!(sim.state().tally.searches <= 3, "{}", sim.state().tally.searches);
}

/// Held fast in the tick in which a way is found: the way is not kept by one who cannot walk it.
#[test]
fn nobody_keeps_a_path_without_walking_it() {
    let set_up = SetUp {
        walls: vec![rect(10, 0, 1, 30)],
        classes: vec![class(rect(5, 10, 1, 1), RED)],
        ..SetUp::of_map(40, 40)
    };
    let (mut sim, row) = joined(&set_up, pack::pack());
    let me = sim.state().entities.entity(row).expect("lives");
    let bound = Affliction { expiry_tick: Some(20), ..affliction("restrained", me) };
    let state = sim.world_mut().state_mut();
    state.blow.push(row, Blow::Inflict { affliction: bound }).expect("room");
    state.struck.set(row, ());
    assert_eq!(send(&mut sim, Command::MoveTo { place: at(80, 50) }), "applied");
    assert!(!sim.state().motion.contains(row) && sim.state().path.is_empty(row));
    pass(&mut sim, 1, 30);
    assert_eq!(send(&mut sim, Command::MoveTo { place: at(80, 50) }), "applied");
    assert!(sim.state().motion.contains(row));
}

/// A wolf, and a dummy in a closed room.
fn walled_in() -> SetUp {
    let walls = vec![rect(20, 20, 7, 1), rect(20, 26, 7, 1), rect(20, 20, 1, 7), rect(26, 20, 1, 7)];
    SetUp {
        enemies: vec![(RED, BLUE)],
        walls,
        groups: vec![group("wolf", 1, rect(18, 22, 1, 1), RED), group("dummy", 1, rect(23, 23, 1, 1), BLUE)],
        ..SetUp::of_map(40, 40)
    }
}

#[test]
fn creatures_without_a_way_wait_longer_and_longer() {
    let mut sim = world_of(&walled_in());
    pass(&mut sim, 1, 100 * 180);
    let searches = sim.state().tally.searches;
    // After 1, 2, 4, 8 and then every 16 rounds.
    assert!((5..=15).contains(&searches), "{searches} searches in a hundred rounds");
    // The wall falls: the next look finds the way.
    let state = sim.world_mut().state_mut();
    let mut walls = Vec::new();
    join((&state.wall, &state.entities)).for_each(|_, (_, entity)| walls.push(entity));
    state.despawn(walls[0]);
    state.rebuild();
    pass(&mut sim, 1, 40 * 180);
    assert!(sim.state().tally.actions > 10, "{}", sim.state().tally.actions);
}

#[test]
fn an_enemy_that_can_be_reached_comes_first() {
    let mut set_up = walled_in();
    // Farther than the one behind the wall, and with no line to it, but with a way.
    set_up.groups.push(group("dummy", 1, rect(17, 12, 1, 1), BLUE));
    set_up.walls.push(rect(14, 15, 10, 1));
    let mut sim = world_of(&set_up);
    pass(&mut sim, 1, 20 * 180);
    assert!(sim.state().tally.actions > 5, "{}", sim.state().tally.actions);
}

/// SRD 5.1 appendix PH-A, "Frightened": no step willingly brings one nearer to the source.
#[test]
fn the_frightened_come_no_nearer() {
    let set_up = SetUp {
        walls: vec![rect(12, 14, 10, 1)],
        groups: vec![group("dummy", 1, rect(15, 10, 1, 1), RED)],
        classes: vec![class(rect(11, 10, 1, 1), RED)],
        ..SetUp::of_map(40, 40)
    };
    let (mut sim, row) = joined(&set_up, swift());
    let all = crate::common::living(sim.state());
    let feared = *all.iter().find(|it| it.creature.key == creature("dummy")).expect("there is one");
    let fear = Affliction { expiry_tick: Some(2000), ..affliction("frightened", feared.entity) };
    crate::common::deal(&mut sim, 1, row, &[Blow::Inflict { affliction: fear }]);
    let (mut refused, mut walked) = (0, 0);
    for n in 0..600_i32 {
        let before = place(sim.state(), row);
        let goal = at(n * 7919 % 199, n * 104_729 % 199);
        match send(&mut sim, Command::MoveTo { place: goal }) {
            "a condition prevents it" => refused += 1,
            _ => walked += 1,
        }
        pass(&mut sim, 1, 2);
        let nearer = feared.place.distance(before).saturating_sub(feared.place.distance(place(sim.state(), row)));
        assert!(nearer <= Fx::ZERO, "{nearer:?} nearer after the walk to {goal:?}");
    }
    assert!(refused > 20 && walked > 20, "{refused} refused, {walked} walked");
    pass(&mut sim, 1, 2000);
    assert_eq!(send(&mut sim, Command::MoveTo { place: feared.place }), "applied", "the fear has passed");
}
