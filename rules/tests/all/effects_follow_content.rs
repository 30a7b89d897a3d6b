//! Conditions, areas, defences, recharge, healing and spawners do what content says, when it says so.

use crate::common::{BLUE, RED, affliction, creature, deal, find, group, pack, pass, rect, world_of, world_with};
use tickworld_content::model::{ConditionEffect, Conditions, Key};
use tickworld_rules::{
    Event, Rules, SetUp,
    components::{Affliction, Back, Blow, RepeatSave},
    setup::{SetUpError, SpawnPoint},
};
use tickworld_sim::{
    entity::{Entity, Row},
    simulation::Simulation,
};

/// One creature of a kind against a dummy in the next cell.
fn duel(name: &str) -> SetUp {
    SetUp {
        enemies: vec![(RED, BLUE)],
        groups: vec![group(name, 1, rect(10, 10, 1, 1), RED), group("dummy", 1, rect(11, 10, 1, 1), BLUE)],
        ..SetUp::of_map(40, 40)
    }
}

fn afflict(sim: &mut Simulation<Rules>, row: Row, condition: &str, expiry_tick: Option<u64>, save: Option<RepeatSave>) {
    let source = sim.state().entities.entity(row).expect("it lives");
    let affliction = Affliction { expiry_tick, save, ..affliction(condition, source) };
    deal(sim, 5, row, &[Blow::Inflict { affliction }]);
}

#[test]
fn conditions_end_exactly_on_time() {
    let mut sim = world_of(&duel("goblin"));
    let (_, row) = find(sim.state(), "dummy");
    afflict(&mut sim, row, "poisoned", Some(541), None);
    for tick in 2..=600 {
        pass(&mut sim, 1, 1);
        let has_effect = sim.state().has_effect(row, ConditionEffect::AttacksWithDisadvantage);
        assert_eq!(has_effect, tick < 541, "tick {tick}");
        assert_eq!(has_effect, sim.state().status.contains(row));
    }
}

#[test]
fn included_conditions_work_and_the_longer_time_counts() {
    let mut sim = world_of(&duel("goblin"));
    let (_, row) = find(sim.state(), "dummy");
    afflict(&mut sim, row, "paralyzed", Some(100), None);
    assert!(sim.state().has_effect(row, ConditionEffect::NoActions), "paralyzed includes incapacitated");
    afflict(&mut sim, row, "paralyzed", Some(50), None);
    pass(&mut sim, 1, 60);
    assert!(sim.state().has_effect(row, ConditionEffect::HitsAreCritical));
    assert_eq!(sim.state().affliction.len(row), 1);
    pass(&mut sim, 1, 60);
    assert!(sim.state().affliction.is_empty(row));
}

#[test]
fn the_immune_stay_free() {
    let mut pack = pack::pack();
    let poisoned = pack.condition_position(Key::of("condition", "poisoned")).expect("known");
    for creature in &mut pack.creatures {
        creature.condition_immunities = Conditions(1 << poisoned);
    }
    let mut sim = world_with(&duel("goblin"), pack);
    let (_, row) = find(sim.state(), "dummy");
    afflict(&mut sim, row, "poisoned", None, None);
    assert!(!sim.state().status.contains(row));
}

#[test]
fn a_save_is_tried_once_a_round_at_the_end_of_the_turn() {
    let mut sim = world_of(&duel("goblin"));
    let (_, row) = find(sim.state(), "dummy");
    let phase = u64::from(sim.state().turn.get(row).expect("has turns").phase);
    afflict(&mut sim, row, "poisoned", None, Some(RepeatSave { ability: 2, difficulty: 1 }));
    for tick in 2..=400_u64 {
        let before = sim.state().status.contains(row);
        pass(&mut sim, 1, 1);
        let after = sim.state().status.contains(row);
        assert!(before == after || tick % 180 == phase, "tick {tick}: shaken off outside the turn");
    }
    assert!(!sim.state().status.contains(row), "nobody fails a DC of 1");
    afflict(&mut sim, row, "poisoned", None, Some(RepeatSave { ability: 2, difficulty: 40 }));
    pass(&mut sim, 1, 1000);
    assert!(sim.state().status.contains(row), "nobody reaches a DC of 40");
}

/// Six rounds of a fight: how much the dummy lost, and whether any of it was critical.
fn lost(set_up: &SetUp, pack: tickworld_content::model::Pack, condition: Option<&str>) -> (u32, bool) {
    let mut sim = world_with(set_up, pack);
    let (dummy, row) = find(sim.state(), "dummy");
    if let Some(condition) = condition {
        afflict(&mut sim, row, condition, None, None);
    }
    let mut sum = (0, false);
    for _ in 0..60 * 180 {
        pass(&mut sim, 9, 1);
        for event in sim.world().events().iter() {
            if let Event::Hurt { target, amount, critical, .. } = *event
                && target == dummy
            {
                sum = (sum.0 + u32::from(amount), sum.1 || critical);
            }
        }
    }
    sum
}

#[test]
fn defences_scale_what_is_taken() {
    let with = |change: &dyn Fn(&mut tickworld_content::model::Creature)| {
        let mut pack = pack::pack();
        pack.creatures.iter_mut().filter(|it| it.name == "dummy").for_each(change);
        lost(&duel("goblin"), pack, None).0
    };
    let plain = with(&|_| {});
    let slashing = pack::kinds(&["slashing"]);
    assert!(plain > 50, "{plain}");
    assert_eq!(with(&|it| it.defences.immune = slashing), 0);
    assert_eq!(with(&|it| it.defences.immune_nonmagical = slashing), 0);
    assert_eq!(with(&|it| it.defences.immune = pack::kinds(&["fire"])), plain);
    let vulnerable = with(&|it| it.defences.vulnerable = slashing);
    assert!(vulnerable == (2 * plain).min(1000), "{vulnerable} of {plain}");
    let resistant = with(&|it| it.defences.resist_nonmagical = slashing);
    assert!((plain / 3..=plain / 2).contains(&resistant), "{resistant} of {plain}");
}

#[test]
fn the_paralyzed_are_hit_critically() {
    let mut pack = pack::pack();
    pack.creatures.iter_mut().filter(|it| it.name == "dummy").for_each(|it| it.hit_points = 60_000);
    let (free, _) = lost(&duel("goblin"), pack.clone(), None);
    let (bound, critical) = lost(&duel("goblin"), pack, Some("paralyzed"));
    assert!(critical && bound > free * 3 / 2, "{bound} bound, {free} free");
}

#[test]
fn spent_breath_comes_back_only_by_its_roll() {
    let mut pack = pack::pack();
    pack.creatures.iter_mut().filter(|it| it.name == "dummy").for_each(|it| it.hit_points = 60_000);
    // With a recharge on 6 only, a sixth of the turns bring it back.
    let breath = Key::of_path("action/creature/drake/breath");
    let action = pack.actions.iter_mut().find(|it| it.key == breath).expect("known");
    action.usage = tickworld_content::model::Usage::Recharge(6);
    action.weight = 60_000;
    let mut sim = world_with(&duel("drake"), pack);
    let (drake, row) = find(sim.state(), "drake");
    let (mut breaths, rounds) = (0, 300);
    for _ in 0..rounds * 180 {
        let spent = sim.state().spent.iter(row).any(|it| it.key == breath.into());
        pass(&mut sim, 3, 1);
        for event in sim.world().events().iter() {
            if let Event::Acted { actor, action } = *event
                && actor == drake
                && action == breath.into()
            {
                breaths += 1;
                assert!(
                    !spent
                        || sim
                            .state()
                            .turn
                            .get(row)
                            .is_some_and(|it| u64::from(it.phase) == sim.world().tick().0 % 180)
                );
            }
        }
    }
    assert!((30..75).contains(&breaths), "{breaths} breaths in {rounds} rounds");
    let back = sim.state().spent.iter(row).map(|it| it.back).find(|it| matches!(it, Back::Roll { .. }));
    assert!(back.is_none_or(|it| it == Back::Roll { from: 6 }));
}

#[test]
fn areas_reach_everyone_in_them_once() {
    let mut pack = pack::pack();
    pack.creatures.iter_mut().for_each(|it| {
        it.hit_points = 60_000;
        it.speeds = tickworld_content::model::Speeds::default();
    });
    let set_up = SetUp {
        enemies: vec![(RED, BLUE)],
        groups: vec![group("mage", 1, rect(5, 10, 1, 1), RED), group("dummy", 9, rect(14, 9, 3, 3), BLUE)],
        ..SetUp::of_map(40, 40)
    };
    let mut sim = world_with(&set_up, pack);
    for _ in 0..60 * 180 {
        pass(&mut sim, 4, 1);
        let bursts = sim.world().events().iter().any(
            |it| matches!(it, Event::Acted { action, .. } if *action == Key::of_path("action/spell/burst").into()),
        );
        if bursts {
            let mut hurt: Vec<Entity> = sim
                .world()
                .events()
                .iter()
                .filter_map(|it| if let Event::Hurt { target, .. } = it { Some(*target) } else { None })
                .collect();
            hurt.sort_unstable();
            let count = hurt.len();
            hurt.dedup();
            assert_eq!((count, hurt.len()), (9, 9), "a sphere of twenty feet covers three by three cells");
            return;
        }
    }
    panic!("the mage never burst");
}

#[test]
fn priests_heal_and_never_beyond_the_maximum() {
    let set_up = SetUp {
        enemies: vec![(RED, BLUE)],
        groups: vec![
            group("priest", 2, rect(10, 10, 2, 1), BLUE),
            group("dummy", 1, rect(11, 11, 1, 1), BLUE),
            group("brute", 2, rect(13, 11, 2, 2), RED),
        ],
        ..SetUp::of_map(40, 40)
    };
    let mut pack = pack::pack();
    pack.creatures.iter_mut().filter(|it| it.name == "brute").for_each(|it| it.hit_points = 60_000);
    let mut sim = world_with(&set_up, pack);
    let mut healed = 0;
    for _ in 0..20 * 180 {
        pass(&mut sim, 6, 1);
        healed += sim.world().events().iter().filter(|it| matches!(it, Event::Healed { .. })).count();
    }
    // Fourteen slots between the two of them, and many wounds.
    assert!((4..=14).contains(&healed), "{healed}");
}

#[test]
fn spawners_keep_their_number() {
    let set_up = SetUp {
        spawn_points: vec![SpawnPoint {
            creature: creature("wolf"),
            area: rect(5, 5, 4, 4),
            faction: RED,
            alive_max: 7,
            interval_ticks: 30,
        }],
        ..SetUp::of_map(20, 20)
    };
    let mut sim = world_of(&set_up);
    pass(&mut sim, 1, 29);
    assert_eq!(crate::common::living(sim.state()).len(), 0);
    pass(&mut sim, 1, 1);
    assert_eq!(crate::common::living(sim.state()).len(), 1);
    pass(&mut sim, 1, 1000);
    assert_eq!(crate::common::living(sim.state()).len(), 7);
}

#[test]
fn impossible_set_ups_are_refused_with_the_place() {
    let rules = tickworld_rules::Ruleset::new(pack::pack());
    let refused = |change: &dyn Fn(&mut SetUp)| {
        let mut set_up = duel("goblin");
        change(&mut set_up);
        set_up.check(&rules).expect_err("impossible").to_string()
    };
    assert_eq!(refused(&|it| it.settings.width_cells = 0), "the map is 0 by 40 cells: each side must be 1 to 4096");
    assert_eq!(
        refused(&|it| it.walls.push(rect(39, 0, 2, 1))),
        "wall 1: 2 by 1 cells from (39, 0) do not lie on the map"
    );
    assert!(
        refused(&|it| it.groups[1].creature = creature("unicorn")).starts_with("group 2: the content has no creature")
    );
    assert_eq!(
        refused(&|it| it.groups[0].faction = tickworld_rules::settings::Faction(32)),
        "group 1: faction 32 does not exist: there are 32, from 0 on"
    );
    let mut set_up = duel("goblin");
    set_up.walls.push(rect(10, 10, 1, 1));
    let mut sim = world_of(&SetUp::of_map(2, 2));
    let place = String::from("group 1");
    assert_eq!(set_up.apply(sim.world_mut().state_mut(), &rules), Err(SetUpError::NoRoom { place }));
}
