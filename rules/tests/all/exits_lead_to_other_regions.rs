//! A character that walks onto an exit leaves for the region that it leads to, as soon as it may and the border is open.

use crate::common::{
    RED, Threads, affliction, class, deal, frame, pass, played, random_frame, rect, rules, step, world_of,
};
use tickworld_rules::{
    Command, Rules, SetUp,
    components::{Affliction, Blow},
    invariants,
    items::Purse,
    limits,
    setup::{ExitArea, SetUpError},
};
use tickworld_sim::{
    component::Component as _,
    entity::Entity,
    frame::{Act, InputFrame, PlayerId},
    math::Cell,
    region::{Border, OutboxEntry, RegionId},
    simulation::Simulation,
    world::World,
};

const HERE: RegionId = RegionId(1);
const THERE: RegionId = RegionId(2);

/// Players enter two cells away from an exit.
fn set_up(x: u16, to: RegionId) -> SetUp {
    SetUp {
        classes: vec![class(rect(x, 10, 1, 1), RED)],
        exits: vec![ExitArea { area: rect(x + 2, 10, 1, 1), region: to }],
        ..SetUp::of_map(30, 30)
    }
}

fn region(id: RegionId, set_up: &SetUp) -> Simulation<Rules> {
    let mut sim = world_of(set_up);
    sim.world_mut().set_region(id);
    sim
}

fn own(sim: &mut Simulation<Rules>, act: Act<Command>) {
    let frame = frame(sim, 1, &[(0, act)]);
    step(sim, &frame);
}

/// Another region is met, and players may cross to it.
fn open(sim: &mut Simulation<Rules>, to: RegionId) {
    own(sim, Act::Accept { region: to, incarnation: 1 });
    own(sim, Act::Border { region: to, state: Border::Open });
}

/// A world of region 1 whose player has an action at hand.
fn entered() -> Simulation<Rules> {
    let mut sim = region(HERE, &set_up(10, THERE));
    let enters = frame(&sim, 1, &[(1, Act::ENTER)]);
    step(&mut sim, &enters);
    pass(&mut sim, 1, 180);
    sim
}

fn walk(sim: &mut Simulation<Rules>, x: i32) {
    let place = Cell::new(x, 10).center(sim.state().settings.cell());
    let goes = frame(sim, 1, &[(1, Act::Play(Command::MoveTo { place }))]);
    step(sim, &goes);
}

/// The column of cells in which player 1 stands; none where they have no character here.
fn column(world: &World<Rules>) -> Option<i32> {
    let state = world.state();
    let row = state.entities.row(world.players().find(PlayerId(1))?.entity?)?;
    Some(state.settings.cell_at(state.position.get(row)?.0).x)
}

fn is_gone(sim: &Simulation<Rules>) -> bool {
    sim.world().players().find(PlayerId(1)).expect("known").departed_to == Some(THERE)
}

/// Lets so many ticks pass; gives how many of them until player 1 was gone.
fn gone_after(sim: &mut Simulation<Rules>, ticks: u64) -> Option<u64> {
    (1..=ticks).find(|_| {
        pass(sim, 1, 1);
        is_gone(sim)
    })
}

fn waiting(sim: &Simulation<Rules>) -> (OutboxEntry, Vec<u8>) {
    let outbox = sim.world().region().outbox();
    outbox.map(|(entry, parcel)| (*entry, parcel)).next().expect("somebody is on the way")
}

fn coins_hold(frame: &InputFrame<Command>, before: &World<Rules>, now: &World<Rules>) {
    assert_eq!(invariants::coins_are_only_moved(frame, before, now, false), None);
}

#[test]
fn who_walks_onto_an_exit_is_in_the_other_region() {
    let mut here = entered();
    open(&mut here, THERE);
    walk(&mut here, 20);
    let mut last = None;
    while !is_gone(&here) {
        last = column(here.world());
        assert!(matches!(last, Some(10 | 11)), "still here in column {last:?}");
        let (before, quiet) = (here.snapshot(), frame(&here, 1, &[]));
        step(&mut here, &quiet);
        coins_hold(&quiet, &before, here.world());
    }
    assert_eq!(last, Some(11), "they went with the first step onto it");
    assert_eq!((column(here.world()), here.check_derived()), (None, Ok(())));
    let (entry, parcel) = waiting(&here);
    assert_eq!((entry.to, entry.player), (THERE, PlayerId(1)));

    let mut there = region(THERE, &set_up(20, HERE));
    open(&mut there, HERE);
    let OutboxEntry { sequence, lamport, .. } = entry;
    let act = Act::Mail { region: HERE, incarnation: 1, sequence, lamport, is_held: false, parcel: parcel.into() };
    let (before, comes) = (there.snapshot(), frame(&there, 1, &[(0, act)]));
    step(&mut there, &comes);
    coins_hold(&comes, &before, there.world());
    assert_eq!(column(there.world()), Some(20), "where players of their class enter");
    let row = played(&there, 1).and_then(|it| there.state().entities.row(it)).expect("came with a character");
    assert_eq!(there.state().purse.get(row), Some(&Purse(500)));
    assert_eq!(invariants::coins(here.state()) + invariants::coins(there.state()), 500);
}

#[test]
fn nobody_crosses_a_closed_border() {
    let mut sim = entered();
    walk(&mut sim, 12);
    // The region was never met; then it is, and does not let anybody in.
    assert_eq!(gone_after(&mut sim, 200), None);
    own(&mut sim, Act::Accept { region: THERE, incarnation: 1 });
    assert_eq!((gone_after(&mut sim, 20), column(sim.world())), (None, Some(12)));
    own(&mut sim, Act::Border { region: THERE, state: Border::Open });
    assert!(is_gone(&sim), "who stands there goes with the tick that opens it");
}

#[test]
fn nobody_leaves_a_fight_by_an_exit() {
    let stranger = Entity::decode(&[9, 0, 0, 0, 7, 0, 0, 0]).expect("any numbers");
    let mut sim = entered();
    open(&mut sim, THERE);
    let row = played(&sim, 1).and_then(|it| sim.state().entities.row(it)).expect("they have a character");
    let until = sim.world().tick().0 + 400;
    let poison = Affliction { expiry_tick: Some(until), ..affliction("poisoned", stranger) };
    deal(&mut sim, 1, row, &[Blow::Inflict { affliction: poison }]);
    walk(&mut sim, 12);
    while sim.world().tick().0 + 1 < until {
        pass(&mut sim, 1, 1);
        assert!(!is_gone(&sim), "in tick {}", sim.world().tick().0);
    }
    assert_eq!(column(sim.world()), Some(12), "they stand there for long");
    // Nor before the turn after the last action.
    sim.world_mut().state_mut().turn.modify(row, |turn| turn.ready = false);
    let after = gone_after(&mut sim, 181).expect("with the next turn");
    assert!(after > 1, "the action was used up");
}

#[test]
fn the_dead_stay() {
    let mut sim = entered();
    walk(&mut sim, 12);
    pass(&mut sim, 1, 120);
    let row = played(&sim, 1).and_then(|it| sim.state().entities.row(it)).expect("they have a character");
    let source = played(&sim, 1).expect("they have a character");
    deal(&mut sim, 1, row, &[Blow::Damage { source, amount: 999, critical: false }]);
    open(&mut sim, THERE);
    assert_eq!((gone_after(&mut sim, 30), column(sim.world())), (None, Some(12)));
}

/// A few players do whatever comes to their minds between two exits.
#[test]
fn every_way_of_making_it_has_the_same_people_leave() {
    let set_up = SetUp {
        classes: vec![class(rect(10, 10, 6, 6), RED)],
        exits: [8, 18].map(|x| ExitArea { area: rect(x, 4, 1, 20), region: THERE }).into(),
        ..SetUp::of_map(28, 28)
    };
    let (mut one, mut other) = (region(HERE, &set_up), region(HERE, &set_up));
    for sim in [&mut one, &mut other] {
        open(sim, THERE);
        let enter: Vec<_> = (1..=8).map(|player| (player, Act::ENTER)).collect();
        let enters = frame(sim, 5, &enter);
        step(sim, &enters);
    }
    let mut left = 0;
    for tick in 0..600 {
        let mut frame = random_frame(&one, 5, 8);
        let players = one.world().players();
        frame.inputs.retain(|input| players.find(input.player).is_some_and(|known| known.departed_to.is_none()));
        // Half of them want to leave, and do nothing else.
        for input in frame.inputs.iter_mut().filter(|input| input.player.0 <= 4) {
            if let Act::Play(command) = &mut input.act {
                let x = if input.player.0 % 2 == 0 { 8 } else { 18 };
                *command = Command::MoveTo { place: Cell::new(x, 12).center(one.state().settings.cell()) };
            }
        }
        let before = one.snapshot();
        let roots = step(&mut one, &frame);
        assert_eq!(other.step(&frame, &Threads(3)).expect("the next tick").root, roots.root, "tick {tick}");
        coins_hold(&frame, &before, one.world());
        assert_eq!(invariants::first_violation(before.state(), one.state()), None, "tick {tick}");
        left += one.world().region().departures().count() - before.region().departures().count();
    }
    assert!(left >= 3, "{left} left");
    assert_eq!((one.check_derived(), other.check_derived()), (Ok(()), Ok(())));
}

#[test]
fn an_exit_that_leads_nowhere_is_refused() {
    let refused = |change: &dyn Fn(&mut SetUp)| {
        let mut set_up = set_up(10, THERE);
        change(&mut set_up);
        set_up.check(rules(&world_of(&SetUp::of_map(1, 1)))).expect_err("it is impossible")
    };
    let exit = |area| ExitArea { area, region: THERE };
    assert_eq!(refused(&|it| it.exits[0].region = RegionId(0)), SetUpError::NoRegion { place: "exit 1".into() });
    let (place, exits) = ("exit 2".to_owned(), "exits".to_owned());
    assert_eq!(
        refused(&|it| it.exits.push(exit(rect(29, 0, 2, 1)))),
        SetUpError::OffMap { place: place.clone(), x: 29, y: 0, width: 2, height: 1 }
    );
    assert_eq!(
        refused(&|it| {
            it.walls.push(rect(0, 0, 2, 2));
            it.exits.push(exit(rect(0, 0, 2, 2)));
        }),
        SetUpError::NoRoom { place }
    );
    assert_eq!(
        refused(&|it| it.exits.push(exit(rect(8, 8, 3, 3)))),
        SetUpError::EntryOnExit { place: "class 1".into(), exit: 2 }
    );
    let (count, count_max) = (limits::EXITS_MAX as u64 + 1, limits::EXITS_MAX as u64);
    assert_eq!(
        refused(&|it| it.exits = vec![exit(rect(20, 20, 1, 1)); limits::EXITS_MAX + 1]),
        SetUpError::TooMany { place: exits, count, count_max }
    );
}
