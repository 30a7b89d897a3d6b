//! Every input of a player is answered with a code that has a name, and does what the code says.

use crate::common::{
    BLUE, RED, class, creature, frame, group, item, outcome, pack, pass, played, quiet_frame, rect, step, world_of,
};
use tickworld_rules::{Command, Rules, SetUp, components::Act, setup::Treasure};
use tickworld_sim::{
    entity::Entity,
    frame::Act as Input,
    math::{Cell, Fx, Vec2},
    simulation::Simulation,
};

fn at(x: i32, y: i32) -> Vec2 {
    Vec2::new(Fx::from_int(x), Fx::from_int(y))
}

/// Players 1 (blue class) and 2 (red) in neighbouring cells, a dummy of blue three cells off, a heap of coins and a sword.
fn stage() -> Simulation<Rules> {
    let set_up = SetUp {
        enemies: vec![(RED, BLUE)],
        walls: vec![rect(15, 0, 1, 30)],
        groups: vec![group("dummy", 1, rect(12, 10, 1, 1), RED)],
        classes: vec![class(rect(10, 11, 1, 1), RED), class(rect(10, 10, 1, 1), BLUE)],
        treasures: vec![
            Treasure { cell: Cell::new(10, 9), item: None, coins: 70 },
            Treasure { cell: Cell::new(28, 28), item: Some((item("greatsword"), 1)), coins: 0 },
        ],
        ..SetUp::of_map(30, 30)
    };
    let mut sim = world_of(&set_up);
    let joins = frame(&sim, 1, &[(1, Input::ENTER), (2, Input::ENTER)]);
    step(&mut sim, &joins);
    sim
}

fn send(sim: &mut Simulation<Rules>, player: u64, command: Command) -> (&'static str, i64) {
    let frame = frame(sim, 1, &[(player, Input::Play(command))]);
    step(sim, &frame);
    outcome(sim, player)
}

fn coins(sim: &Simulation<Rules>, entity: Entity) -> u64 {
    let row = sim.state().entities.row(entity).expect("it lives");
    sim.state().purse.get(row).expect("everyone has a purse").0
}

fn dummy(sim: &Simulation<Rules>) -> Entity {
    let all = crate::common::living(sim.state());
    all.iter().find(|it| it.creature.key == creature("dummy")).expect("there is one").entity
}

fn things(sim: &Simulation<Rules>) -> Vec<Entity> {
    let mut all = Vec::new();
    tickworld_sim::join::join((&sim.state().ground_item, &sim.state().entities)).for_each(|_, (_, it)| all.push(it));
    all
}

#[test]
fn coins_go_from_hand_to_hand() {
    let mut sim = stage();
    let (me, friend) = (played(&sim, 1).expect("joined"), played(&sim, 2).expect("joined"));
    let far = dummy(&sim);
    let mut give = |to, amount| send(&mut sim, 1, Command::GiveCoins { to, amount });
    assert_eq!(give(friend, 501), ("not enough coins", 500));
    assert_eq!(give(friend, -5), ("not a sensible amount", -5));
    assert_eq!(give(friend, 0), ("not a sensible amount", 0));
    assert_eq!(give(friend, i64::MAX), ("not enough coins", 500));
    assert_eq!(give(me, 5), ("not to yourself", 0));
    assert_eq!(give(far, 5).0, "too far");
    assert_eq!(give(friend, 120), ("applied", 120));
    assert_eq!((coins(&sim, me), coins(&sim, friend)), (380, 620));
    assert_eq!(send(&mut sim, 1, Command::PickUp { item: friend }).0, "no such target");
}

#[test]
fn things_are_taken_up_and_put_down() {
    let mut sim = stage();
    let me = played(&sim, 1).expect("joined");
    let [heap, sword] = things(&sim)[..] else { panic!("two things lie about") };
    assert_eq!(send(&mut sim, 1, Command::PickUp { item: sword }).0, "too far");
    assert_eq!(send(&mut sim, 1, Command::PickUp { item: me }).0, "no such target");
    let (code, _) = send(&mut sim, 1, Command::PickUp { item: heap });
    // Within its cell a character may stand more than five feet from the middle of the next.
    if code == "too far" {
        send(&mut sim, 1, Command::MoveTo { place: at(52, 48) });
        pass(&mut sim, 1, 60);
        assert_eq!(send(&mut sim, 1, Command::PickUp { item: heap }).0, "applied");
    }
    assert_eq!(coins(&sim, me), 570);
    assert_eq!(send(&mut sim, 1, Command::PickUp { item: heap }).0, "no such target");
    assert_eq!(send(&mut sim, 1, Command::Drop { item: item("rope"), count: 3 }), ("not in your bag", 2));
    assert_eq!(send(&mut sim, 1, Command::Drop { item: item("rope"), count: 2 }), ("applied", 2));
    let rope = *things(&sim).iter().find(|it| **it != sword).expect("it lies there");
    assert_eq!(send(&mut sim, 1, Command::PickUp { item: rope }), ("applied", 2));
}

#[test]
fn hands_hold_what_hands_can_hold() {
    let mut sim = stage();
    let me = played(&sim, 1).expect("joined");
    let class = |sim: &Simulation<Rules>| {
        let who = sim.state().living(me).expect("lives");
        tickworld_rules::stats::armor_class(sim.state(), crate::common::rules(sim), &who)
    };
    // Leather 11 + Dexterity 2 + shield 2 (SRD 5.1 p. 63).
    assert_eq!(class(&sim), 15);
    assert_eq!(send(&mut sim, 1, Command::Unequip { item: item("shield") }).0, "applied");
    assert_eq!(class(&sim), 13);
    assert_eq!(send(&mut sim, 1, Command::Unequip { item: item("shield") }).0, "it is not equipped");
    assert_eq!(send(&mut sim, 1, Command::Equip { item: item("rope") }).0, "it cannot be worn or held");
    assert_eq!(send(&mut sim, 1, Command::Equip { item: item("greatsword") }).0, "not in your bag");
    assert_eq!(send(&mut sim, 1, Command::Drop { item: item("leather"), count: 1 }).0, "applied");
    assert_eq!(class(&sim), 12, "what is dropped is not worn");
}

#[test]
fn actions_wait_for_the_turn_and_happen_once_a_round() {
    let mut sim = stage();
    let target = dummy(&sim);
    let rays = Act::Spell { key: tickworld_rules::ContentKey::of("spell", "rays") };
    let rays = Command::Use { act: rays, target: Some(target), place: Vec2::ZERO };
    let made_up = Command::Use { act: Act::Routine { index: 9 }, target: Some(target), place: Vec2::ZERO };
    assert_eq!(send(&mut sim, 1, made_up).0, "you cannot do that");
    let before = sim.state().tally.actions;
    // At most one action in any 180 ticks, however often it is asked for.
    let mut times = Vec::new();
    for _ in 0..720 {
        let (code, _) = send(&mut sim, 1, rays);
        assert!(code == "applied" || code == "queued until your turn", "{code}");
        if sim.state().tally.actions > before + times.len() as u64 {
            times.push(sim.world().tick().0);
        }
    }
    assert!((4..=5).contains(&times.len()), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 180), "{times:?}");
}

#[test]
fn slots_run_out_and_come_back_with_a_rest() {
    let mut pack = pack::pack();
    pack.constants.round_seconds = 1;
    let set_up = SetUp {
        classes: vec![class(rect(10, 11, 1, 1), RED)],
        settings: tickworld_rules::settings::Settings { rest_ticks: 90, ..SetUp::of_map(30, 30).settings },
        ..SetUp::of_map(30, 30)
    };
    let mut sim = crate::common::world_with(&set_up, pack);
    let joins = frame(&sim, 1, &[(1, Input::ENTER)]);
    step(&mut sim, &joins);
    let burst = Act::Spell { key: tickworld_rules::ContentKey::of("spell", "burst") };
    let burst = Command::Use { act: burst, target: None, place: at(120, 120) };
    let count = |sim: &mut Simulation<Rules>| {
        let before = sim.state().tally.actions;
        let mut last = "";
        for _ in 0..600 {
            last = send(sim, 1, burst).0;
        }
        (sim.state().tally.actions - before, last)
    };
    // A third-level spell, and three slots of the third level.
    assert_eq!(count(&mut sim), (3, "no uses left"));
    assert_eq!(send(&mut sim, 1, Command::Rest).0, "applied");
    pass(&mut sim, 1, 100);
    assert_eq!(count(&mut sim), (3, "no uses left"));
}

#[test]
fn walks_go_around_walls_and_not_into_them() {
    let mut sim = stage();
    let me = played(&sim, 1).expect("joined");
    assert_eq!(send(&mut sim, 1, Command::MoveTo { place: at(77, 20) }).0, "the place is blocked");
    assert_eq!(send(&mut sim, 1, Command::MoveTo { place: at(-4, 20) }).0, "the place is blocked");
    let goal = at(17, 141);
    assert_eq!(send(&mut sim, 1, Command::MoveTo { place: goal }).0, "applied");
    let place = |sim: &Simulation<Rules>| sim.state().living(me).expect("lives").place;
    let start = place(&sim);
    // Thirty feet in six seconds (SRD 5.1 p. 91).
    pass(&mut sim, 1, 180);
    let gone = start.distance(place(&sim));
    assert!((Fx::from_int(29)..=Fx::from_int(31)).contains(&gone), "{gone:?}");
    pass(&mut sim, 1, 900);
    assert_eq!(place(&sim), goal);
    assert_eq!(sim.state().motion.len(), 0);
}

#[test]
fn the_dead_are_told_so() {
    let mut sim = stage();
    let me = played(&sim, 1).expect("joined");
    let row = sim.state().entities.row(me).expect("lives");
    let state = sim.world_mut().state_mut();
    let blow = tickworld_rules::components::Blow::Damage { source: me, amount: 999, critical: false };
    state.blow.push(row, blow).expect("room");
    state.struck.set(row, ());
    let quiet = quiet_frame(&sim, 1);
    step(&mut sim, &quiet);
    assert!(sim.state().corpse.contains(row));
    assert_eq!(send(&mut sim, 1, Command::Stop).0, "you are dead");
    assert_eq!(send(&mut sim, 2, Command::GiveCoins { to: me, amount: 1 }).0, "the target is dead");
    // Six seconds later the body is gone and its coins lie on the ground; then the player comes back anew.
    pass(&mut sim, 1, 200);
    assert!(!sim.state().entities.contains(me));
    let back = frame(&sim, 1, &[(1, Input::ENTER)]);
    step(&mut sim, &back);
    assert_ne!(played(&sim, 1), Some(me));
    let heaps: u64 = things(&sim)
        .iter()
        .filter_map(|it| sim.state().purse.get(sim.state().entities.row(*it)?))
        .map(|purse| purse.0)
        .sum();
    assert_eq!(heaps, 570);
}

/// Who cannot act cannot trade, take up, put down or change clothes either (SRD 5.1 appendix PH-A, "Incapacitated").
#[test]
fn the_incapacitated_keep_their_hands_still() {
    let mut sim = stage();
    let (me, friend) = (played(&sim, 1).expect("joined"), played(&sim, 2).expect("joined"));
    let row = sim.state().entities.row(me).expect("lives");
    let heap = things(&sim)[0];
    let stunned =
        tickworld_rules::components::Blow::Inflict { affliction: crate::common::affliction("stunned", friend) };
    crate::common::deal(&mut sim, 1, row, &[stunned]);
    for command in [
        Command::GiveCoins { to: friend, amount: 1 },
        Command::PickUp { item: heap },
        Command::Drop { item: item("rope"), count: 1 },
        Command::Equip { item: item("longsword") },
        Command::Unequip { item: item("shield") },
        Command::MoveTo { place: at(20, 20) },
    ] {
        assert_eq!(send(&mut sim, 1, command), ("a condition prevents it", 0), "{command:?}");
    }
    assert_eq!(send(&mut sim, 2, Command::GiveCoins { to: me, amount: 1 }).0, "applied", "one can be given something");
}

/// One deed a turn: the second of a tick is not answered as if it had been done.
#[test]
fn of_two_deeds_in_a_tick_one_is_done() {
    let mut sim = stage();
    let target = Some(dummy(&sim));
    let rays = Act::Spell { key: tickworld_rules::ContentKey::of("spell", "rays") };
    let bow = Act::Action { key: tickworld_content::model::Key::of_path("action/creature/archer/bow").into() };
    let mut done = 0;
    for _ in 0..400 {
        let tick = sim.world().tick().next();
        let before = sim.state().tally.actions;
        let input = |at: u32, act| tickworld_sim::frame::Input {
            player: tickworld_sim::frame::PlayerId(1),
            sequence: tickworld_sim::frame::Sequence(u32::try_from(tick.0).expect("short tests") * 2 + at),
            act: Input::Play(Command::Use { act, target, place: Vec2::ZERO }),
        };
        let (first, second) = (input(0, rays), input(1, bow));
        let frame = tickworld_sim::frame::InputFrame::new(
            tick,
            crate::common::entropy(1, tick.0),
            vec![first.clone(), second.clone()],
        );
        step(&mut sim, &frame);
        let applied = [first, second].map(|it| {
            let outcome = sim.world().players().outcome(it.player, it.sequence).expect("answered");
            <Rules as tickworld_sim::game::Game>::outcome_name(outcome.code)
        });
        let acted = sim.state().tally.actions - before;
        match acted {
            0 => assert_eq!(applied, ["queued until your turn"; 2]),
            _ => assert_eq!(applied, ["applied", "you are already acting"]),
        }
        done += acted;
    }
    assert!((2..=3).contains(&done), "{done}");
}
