//! Creatures choose what does something, use no more than they have, and spare whom they must.

use crate::common::{
    BLUE, RED, affliction, class, deal, find, frame, group, outcome, pack, pass, played, put, rect, step, world_with,
};
use tickworld_content::model::{Conditions, Inflict, Key, Pack, Save, Speeds};
use tickworld_rules::{
    Command, ContentKey, Event, Rules, SetUp,
    components::{Act, Blow, Health},
    range,
    settings::Faction,
};
use tickworld_sim::{
    entity::Entity,
    frame::Act as Input,
    math::{Fx, Vec2},
    simulation::Simulation,
};

/// Nobody walks or dies, and the dummy's armour is what a hero meets now and then.
fn still() -> Pack {
    let mut pack = pack::pack();
    pack.creatures.iter_mut().for_each(|it| {
        it.speeds = Speeds::default();
        it.hit_points = 60_000;
    });
    pack
}

fn duel(name: &str) -> SetUp {
    SetUp {
        enemies: vec![(RED, BLUE)],
        groups: vec![group(name, 1, rect(10, 10, 1, 1), RED), group("dummy", 1, rect(11, 10, 1, 1), BLUE)],
        ..SetUp::of_map(40, 40)
    }
}

fn key(path: &str) -> ContentKey {
    Key::of_path(path).into()
}

/// How often each creature did `action`, in so many rounds.
fn acted(sim: &mut Simulation<Rules>, rounds: u64, action: &str) -> usize {
    let mut count = 0;
    for _ in 0..rounds * 180 {
        pass(sim, 4, 1);
        let is = |it: &&Event| matches!(it, Event::Acted { action: done, .. } if *done == key(action));
        count += sim.world().events().iter().filter(is).count();
    }
    count
}

#[test]
fn a_routine_strikes_no_more_often_than_uses_are_left() {
    let gazes = |routine: Vec<(u8, u8)>| {
        let mut pack = still();
        let drake = pack.creatures.iter_mut().find(|it| it.name == "drake").expect("known");
        drake.multiattack = vec![routine];
        pack.actions.iter_mut().filter(|it| it.key != Key::of_path("action/creature/drake/gaze")).for_each(|it| {
            it.weight = 0;
        });
        acted(&mut world_with(&duel("drake"), pack), 10, "action/creature/drake/gaze")
    };
    // Once a day, whether it is asked for twice in one entry or in two.
    assert_eq!(gazes(vec![(3, 2), (0, 1)]), 1);
    assert_eq!(gazes(vec![(3, 1), (0, 1), (3, 1)]), 1);
}

#[test]
fn what_does_nothing_is_not_chosen() {
    let with = |change: &dyn Fn(&mut Pack)| {
        let mut pack = still();
        change(&mut pack);
        acted(&mut world_with(&duel("goblin"), pack), 10, "action/creature/goblin/scimitar")
    };
    let scimitar = |pack: &mut Pack, change: &dyn Fn(&mut tickworld_content::model::Action)| {
        let scimitar = Key::of_path("action/creature/goblin/scimitar");
        pack.actions.iter_mut().filter(|it| it.key == scimitar).for_each(change);
    };
    assert!(with(&|_| {}) > 5);
    assert_eq!(with(&|pack| scimitar(pack, &|it| it.effects.clear())), 0, "an attack without an effect");
    let save = Some(Save { ability: tickworld_content::model::Ability::Wisdom, dc: Some(30), half: false });
    let empty = |it: &mut tickworld_content::model::Action| {
        it.effects[0].damage.clear();
        it.effects[0].save = save;
    };
    assert_eq!(with(&|pack| scimitar(pack, &empty)), 0, "a save against nothing");
    // The dummy is immune to what it would do.
    let immune = |pack: &mut Pack| {
        let slashing = pack::kinds(&["slashing"]);
        pack.creatures.iter_mut().for_each(|it| it.defences.immune = slashing);
    };
    assert_eq!(with(&immune), 0);
    let frighten = |pack: &mut Pack, immune: bool| {
        let condition = Key::of("condition", "frightened");
        scimitar(pack, &|it| {
            it.attack = None;
            it.effects[0].damage.clear();
            it.effects[0].conditions = vec![Inflict { condition, rounds: 3, repeat_save: false, escape_dc: 0 }];
        });
        let at = pack.condition_position(condition).expect("known");
        let immunities = Conditions(u64::from(immune) << at);
        pack.creatures.iter_mut().for_each(|it| it.condition_immunities = immunities);
    };
    assert_eq!(with(&|pack| frighten(pack, true)), 0);
    let times = with(&|pack| frighten(pack, false));
    assert!((3..=5).contains(&times), "again once the last fright is over: {times}");
}

/// Who stands beside the one who shoots.
#[derive(Clone, Copy)]
struct Near {
    feet: i32,
    faction: Faction,
    stunned: bool,
}

/// A hero of blue, who shoots at a far dummy; `near` stands beside the hero.
fn shots(near: &[Near]) -> (u32, Simulation<Rules>) {
    let mut set_up = SetUp {
        enemies: vec![(RED, BLUE)],
        groups: vec![group("dummy", 1, rect(20, 10, 1, 1), RED)],
        classes: vec![class(rect(10, 10, 1, 1), BLUE)],
        ..SetUp::of_map(40, 40)
    };
    for it in near {
        set_up.groups.push(group("brute", 1, rect(12, 10, 1, 1), it.faction));
    }
    let mut pack = still();
    pack.constants.round_seconds = 1;
    pack.actions.iter_mut().filter(|it| it.key == Key::of_path("action/creature/brute/club")).for_each(|it| {
        it.weight = 0;
        it.effects.clear();
    });
    let mut sim = world_with(&set_up, pack);
    let joins = frame(&sim, 1, &[(1, Input::ENTER)]);
    step(&mut sim, &joins);
    for it in near {
        let me = sim.state().living(played(&sim, 1).expect("joined")).expect("lives");
        let (_, row) = find(sim.state(), "brute");
        let beside = Vec2::new(me.place.x.saturating_add(Fx::from_int(it.feet)), me.place.y);
        put(&mut sim, row, it.faction, beside);
    }
    if near.iter().any(|it| it.stunned) {
        let (brute, row) = find(sim.state(), "brute");
        deal(&mut sim, 1, row, &[Blow::Inflict { affliction: affliction("stunned", brute) }]);
    }
    let act = Act::Action { key: key("action/creature/archer/bow") };
    let target = Some(find(sim.state(), "dummy").0);
    let mut hits = 0;
    for _ in 0..200 * 30 {
        play(&mut sim, Command::Use { act, target, place: Vec2::ZERO });
        hits += sim.world().events().iter().filter(|it| matches!(it, Event::Hurt { .. })).count();
    }
    (u32::try_from(hits).expect("few"), sim)
}

fn play(sim: &mut Simulation<Rules>, command: Command) -> &'static str {
    let frame = frame(sim, 1, &[(1, Input::Play(command))]);
    step(sim, &frame);
    outcome(sim, 1).0
}

/// SRD 5.1, "Ranged Attacks in Close Combat": any hostile creature within five feet that can act.
#[test]
fn shooting_beside_an_enemy_is_harder() {
    let enemy = Near { feet: 5, faction: RED, stunned: false };
    let free = shots(&[]).0;
    // Bonus 5 against 10: four of five hit, with disadvantage sixteen of twenty-five.
    assert!((145..175).contains(&free), "{free}");
    assert!((105..145).contains(&shots(&[enemy]).0), "an enemy stands by");
    assert_eq!(shots(&[Near { faction: BLUE, ..enemy }]).0, free, "a friend");
    assert_eq!(shots(&[Near { stunned: true, ..enemy }]).0, free, "one who cannot act");
    assert_eq!(shots(&[Near { feet: 6, ..enemy }]).0, free, "one farther off");
    let (_, sim) = shots(&[enemy]);
    let someone = |entity: Entity| sim.state().living(entity).expect("lives");
    let (me, far) = (someone(played(&sim, 1).expect("joined")), someone(find(sim.state(), "dummy").0));
    assert!(range::is_pressed(sim.state(), crate::common::rules(&sim), &me, &far));
}

/// A hero between two dummies, charmed by the second.
fn charmed(condition: &str) -> (Simulation<Rules>, Entity, Entity) {
    let set_up = SetUp {
        enemies: vec![(RED, BLUE)],
        groups: vec![group("dummy", 1, rect(12, 10, 1, 1), RED), group("brute", 1, rect(12, 13, 1, 1), RED)],
        classes: vec![class(rect(10, 10, 1, 1), BLUE)],
        ..SetUp::of_map(40, 40)
    };
    let mut pack = still();
    pack.constants.round_seconds = 1;
    let mut sim = world_with(&set_up, pack);
    let joins = frame(&sim, 1, &[(1, Input::ENTER)]);
    step(&mut sim, &joins);
    let (victim, charmer) = (find(sim.state(), "dummy").0, find(sim.state(), "brute").0);
    let row = sim.state().entities.row(played(&sim, 1).expect("joined")).expect("lives");
    let blows = [affliction(condition, charmer), affliction("poisoned", victim)];
    deal(&mut sim, 1, row, &blows.map(|affliction| Blow::Inflict { affliction }));
    (sim, victim, charmer)
}

fn cast(spell: &str, target: Entity) -> Command {
    Command::Use { act: Act::Spell { key: ContentKey::of("spell", spell) }, target: Some(target), place: Vec2::ZERO }
}

/// SRD 5.1 appendix PH-A, "Charmed": no harm of any kind to the charmer, and to the charmer alone.
#[test]
fn the_charmed_spare_their_charmer_and_nobody_else() {
    let (mut sim, victim, charmer) = charmed("charmed");
    for spell in ["rays", "hold", "charm"] {
        assert_eq!(play(&mut sim, cast(spell, charmer)), "a condition prevents it", "{spell}");
    }
    assert_ne!(play(&mut sim, cast("mend", charmer)), "a condition prevents it", "help is no harm");
    let mut struck = Vec::new();
    for _ in 0..10 * 30 {
        assert_ne!(play(&mut sim, cast("rays", victim)), "a condition prevents it", "poisoned by, not charmed by");
        struck.extend(sim.world().events().iter().filter_map(|it| match *it {
            Event::Hurt { source, target, .. } | Event::Missed { source, target } => Some((source, target)),
            _ => None,
        }));
    }
    let me = played(&sim, 1).expect("joined");
    assert!(struck.contains(&(me, victim)));
    assert!(!struck.contains(&(me, charmer)), "nor as a further target of an action at another");
    // Both stand in the area: the harm is done, but not to the charmer.
    let health = |sim: &Simulation<Rules>, who| {
        let row = sim.state().entities.row(who).expect("lives");
        sim.state().health.get(row).expect("a body").current
    };
    let before = [victim, charmer].map(|who| health(&sim, who));
    for _ in 0..2 * 30 {
        play(&mut sim, cast("burst", victim));
    }
    assert!(health(&sim, victim) < before[0]);
    assert_eq!(health(&sim, charmer), before[1], "nor by standing in an area");
}

#[test]
fn further_targets_are_struck_where_nothing_forbids_it() {
    let (mut sim, victim, charmer) = charmed("poisoned");
    let mut both = 0;
    for _ in 0..10 * 30 {
        play(&mut sim, cast("rays", victim));
        let at_brute =
            |it: &&Event| matches!(it, Event::Hurt { target, .. } | Event::Missed { target, .. } if *target == charmer);
        both += sim.world().events().iter().filter(at_brute).count();
    }
    assert!(both > 3, "{both}");
}

#[test]
fn nobody_is_healed_through_a_wall() {
    let healed = |walls| {
        let set_up = SetUp {
            enemies: vec![(RED, BLUE)],
            walls,
            groups: vec![
                group("priest", 1, rect(10, 10, 1, 1), BLUE),
                group("dummy", 1, rect(14, 10, 1, 1), BLUE),
                group("goblin", 1, rect(10, 16, 1, 1), RED),
            ],
            ..SetUp::of_map(40, 40)
        };
        let mut sim = world_with(&set_up, still());
        let (_, row) = find(sim.state(), "dummy");
        sim.world_mut().state_mut().health.set(row, Health { current: 1, maximum: 60_000 });
        acted(&mut sim, 3, "action/spell/mend")
    };
    assert!(healed(vec![]) > 0);
    assert_eq!(healed(vec![rect(12, 5, 1, 10)]), 0);
}
