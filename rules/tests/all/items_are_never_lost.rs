//! Things and coins are somewhere in every tick: in a bag, in a purse, or on the ground until their time is over.

use crate::common::{BLUE, RED, class, deal, frame, group, item, pack, pass, played, rect, step, world_of, world_with};
use tickworld_rules::{
    Command, Realm, Rules, SetUp,
    components::Blow,
    items::{GroundItem, Purse, Stack},
    limits,
    setup::{SetUpError, Treasure},
};
use tickworld_sim::{
    State,
    column::{Column, Pages},
    entity::{Band, Entity, Row},
    frame::{Act as Input, Input as FrameInput, InputFrame, PlayerId, Sequence},
    join::join,
    math::Cell,
    simulation::Simulation,
};

fn stage(change: &dyn Fn(&mut SetUp)) -> Simulation<Rules> {
    let mut set_up = SetUp { classes: vec![class(rect(10, 10, 1, 1), RED)], ..SetUp::of_map(30, 30) };
    change(&mut set_up);
    let mut pack = pack::pack();
    pack.constants.hand_cells = 3;
    let mut sim = world_with(&set_up, pack);
    let joins = frame(&sim, 1, &[(1, Input::ENTER)]);
    step(&mut sim, &joins);
    sim
}

/// Several commands of player 1 in one tick, and the answers.
fn send_all(sim: &mut Simulation<Rules>, commands: &[Command]) -> Vec<(&'static str, i64)> {
    let tick = sim.world().tick().next();
    let sequence =
        |at: usize| Sequence(u32::try_from(tick.0).expect("short tests") * 10 + u32::try_from(at).expect("few"));
    let input = |(at, body): (usize, &Command)| FrameInput {
        player: PlayerId(1),
        sequence: sequence(at),
        act: Input::Play(*body),
    };
    let inputs = commands.iter().enumerate().map(input).collect();
    step(sim, &InputFrame::new(tick, crate::common::entropy(1, tick.0), inputs));
    let outcome = |at| {
        let outcome = sim.world().players().outcome(PlayerId(1), sequence(at)).expect("answered");
        (<Rules as tickworld_sim::game::Game>::outcome_name(outcome.code), outcome.value)
    };
    (0..commands.len()).map(outcome).collect()
}

fn on_the_ground(realm: &Realm) -> Vec<(Entity, Row, GroundItem)> {
    let mut all = Vec::new();
    join((&realm.ground_item, &realm.entities)).for_each(|row, (item, entity)| all.push((entity, row, *item)));
    all
}

fn count(realm: &Realm, name: &str) -> u64 {
    let mut sum = 0;
    let mut add = |stack: &Stack| sum += if stack.item == item(name) { u64::from(stack.count) } else { 0 };
    join((&realm.creature,)).for_each(|row, _| realm.bag.iter(row).for_each(&mut add));
    on_the_ground(realm).iter().for_each(|(_, _, ground)| ground.stack.iter().for_each(&mut add));
    sum
}

/// Deals every run of entities that is left to a band of its own, so that no new thing finds room.
fn fill(realm: &mut Realm) {
    realm.columns_mut(&mut |name, pages| {
        if !name.ends_with(".runs") {
            return;
        }
        let mut runs = Column::<u8>::default();
        let mut numbers = Realm::empty();
        for run in 0..tickworld_sim::limits::RUNS_MAX {
            let mut bytes = Vec::new();
            let band = if pages.row_bytes(run, &mut bytes) { bytes[0] } else { 99 };
            let number = numbers.spawn(Band(0)).expect("room");
            runs.set(numbers.entities.row(number).expect("it lives"), band);
        }
        pages.clear();
        for page in 0..runs.page_limit() {
            let mut bytes = Vec::new();
            if runs.page_bytes(page, &mut bytes) {
                pages.load_page(page, runs.page_row_count(page), &bytes).expect("canonical bytes");
            }
        }
    });
}

/// What the answer says has happened when it is given.
#[test]
fn a_drop_is_done_when_it_is_answered() {
    let mut sim = stage(&|_| {});
    let rope = |count| Command::Drop { item: item("rope"), count };
    assert_eq!(send_all(&mut sim, &[rope(2), rope(1)]), [("applied", 2), ("not in your bag", 0)]);
    assert_eq!((on_the_ground(sim.state()).len(), count(sim.state(), "rope")), (1, 2));
}

#[test]
fn a_full_world_refuses_what_is_dropped() {
    let mut sim = stage(&|_| {});
    fill(sim.world_mut().state_mut());
    let drop = Command::Drop { item: item("rope"), count: 2 };
    assert_eq!(send_all(&mut sim, &[drop]), [("there is no room in the world", 0)]);
    assert_eq!((on_the_ground(sim.state()).len(), count(sim.state(), "rope")), (0, 2));
}

/// The dead keep what finds no room, as long as there is none.
#[test]
fn a_full_world_loses_nothing_of_the_dead() {
    let mut sim = stage(&|it| it.groups.push(group("dummy", 1, rect(11, 10, 1, 1), BLUE)));
    let me = played(&sim, 1).expect("joined");
    let row = sim.state().entities.row(me).expect("lives");
    let empty = sim.state().clone();
    fill(sim.world_mut().state_mut());
    deal(&mut sim, 1, row, &[Blow::Damage { source: me, amount: 999, critical: false }]);
    // Six seconds a body stays.
    pass(&mut sim, 1, 600);
    assert!(sim.state().corpse.contains(row), "it still holds what it had");
    let coins = |sim: &Simulation<Rules>| sim.state().purse.get(row).map(|purse| purse.0);
    assert_eq!((count(sim.state(), "rope"), count(sim.state(), "longsword"), coins(&sim)), (2, 1, Some(500)));
    // Room again: an empty run goes to things.
    let state = sim.world_mut().state_mut();
    let entities = empty.entities.clone();
    state.entities = entities;
    pass(&mut sim, 1, 2);
    assert!(!sim.state().entities.contains(me));
    let heap: u64 =
        on_the_ground(sim.state()).iter().filter_map(|(_, row, _)| sim.state().purse.get(*row)).map(|it| it.0).sum();
    assert_eq!((count(sim.state(), "rope"), count(sim.state(), "longsword"), heap), (2, 1, 500));
}

/// Either all of a heap is taken up or nothing.
#[test]
fn a_full_purse_leaves_things_where_they_are() {
    let mut sim = stage(&|it| {
        it.treasures.push(Treasure { cell: Cell::new(10, 11), item: Some((item("greatsword"), 1)), coins: 70 });
    });
    let me = played(&sim, 1).expect("joined");
    let row = sim.state().entities.row(me).expect("lives");
    let [(heap, ..)] = on_the_ground(sim.state())[..] else { panic!("one thing lies about") };
    sim.world_mut().state_mut().purse.set(row, Purse(u64::MAX - 69));
    assert_eq!(send_all(&mut sim, &[Command::PickUp { item: heap }]), [("not a sensible amount", 70)]);
    assert_eq!(count(sim.state(), "greatsword"), 1, "not copied");
    assert!(sim.state().bag.iter(row).all(|it| it.item != item("greatsword")));
    sim.world_mut().state_mut().purse.set(row, Purse(u64::MAX - 70));
    assert_eq!(send_all(&mut sim, &[Command::PickUp { item: heap }]), [("applied", 1)]);
    assert_eq!(sim.state().purse.get(row), Some(&Purse(u64::MAX)));
}

/// What nobody takes up in time is gone; what the set-up laid out stays.
#[test]
fn litter_is_gone_when_content_says() {
    let mut pack = pack::pack();
    pack.constants.litter_seconds = 2;
    let set_up = SetUp {
        classes: vec![class(rect(10, 10, 1, 1), RED)],
        treasures: vec![Treasure { cell: Cell::new(20, 20), item: None, coins: 70 }],
        ..SetUp::of_map(30, 30)
    };
    let mut sim = world_with(&set_up, pack);
    let joins = frame(&sim, 1, &[(1, Input::ENTER)]);
    step(&mut sim, &joins);
    let drop = Command::Drop { item: item("rope"), count: 2 };
    assert_eq!(send_all(&mut sim, &[drop]), [("applied", 2)]);
    pass(&mut sim, 1, 59);
    assert_eq!(on_the_ground(sim.state()).len(), 2);
    pass(&mut sim, 1, 1);
    let left: Vec<GroundItem> = on_the_ground(sim.state()).iter().map(|(_, _, it)| *it).collect();
    assert_eq!(left, [GroundItem { stack: None, until_tick: None }]);
}

#[test]
fn without_a_time_for_litter_it_stays() {
    let mut sim = world_of(&SetUp { classes: vec![class(rect(10, 10, 1, 1), RED)], ..SetUp::of_map(30, 30) });
    let joins = frame(&sim, 1, &[(1, Input::ENTER)]);
    step(&mut sim, &joins);
    send_all(&mut sim, &[Command::Drop { item: item("rope"), count: 2 }]);
    pass(&mut sim, 1, 3000);
    assert_eq!(on_the_ground(sim.state()).len(), 1);
}

#[test]
fn set_ups_beyond_reason_are_refused() {
    let rules = tickworld_rules::Ruleset::new(pack::pack());
    let refused = |change: &dyn Fn(&mut SetUp)| {
        let mut set_up = SetUp {
            walls: vec![rect(0, 0, 4, 4)],
            groups: vec![group("goblin", 1, rect(10, 10, 1, 1), RED)],
            classes: vec![class(rect(10, 10, 1, 1), RED)],
            ..SetUp::of_map(30, 30)
        };
        assert_eq!(set_up.check(&rules), Ok(()));
        change(&mut set_up);
        set_up.check(&rules).expect_err("impossible")
    };
    let too_rich = |place: &str| SetUpError::TooMany {
        place: place.into(),
        count: limits::COINS_MAX + 1,
        count_max: limits::COINS_MAX,
    };
    let treasure = |x, coins| Treasure { cell: Cell::new(x, 3), item: None, coins };
    assert_eq!(refused(&|it| it.groups[0].coins = limits::COINS_MAX + 1), too_rich("group 1"));
    assert_eq!(refused(&|it| it.classes[0].coins = limits::COINS_MAX + 1), too_rich("class 1"));
    assert_eq!(refused(&|it| it.treasures.push(treasure(9, limits::COINS_MAX + 1))), too_rich("treasure 1"));
    let no_room = |place: &str| SetUpError::NoRoom { place: place.into() };
    assert_eq!(refused(&|it| it.treasures.push(treasure(3, 1))), no_room("treasure 1"));
    assert_eq!(refused(&|it| it.groups[0].area = rect(1, 1, 3, 3)), no_room("group 1"));
    assert_eq!(refused(&|it| it.classes[0].area = rect(1, 1, 3, 3)), no_room("class 1"));
    let point = tickworld_rules::setup::SpawnPoint {
        creature: crate::common::creature("wolf"),
        area: rect(0, 0, 2, 4),
        faction: RED,
        alive_max: 1,
        interval_ticks: 1,
    };
    assert_eq!(refused(&|it| it.spawn_points.push(point.clone())), no_room("spawn point 1"));
}
