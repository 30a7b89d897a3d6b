//! Every condition has an end: a length, a check to escape, a source that lets go, or one's own rising.

use crate::common::{BLUE, RED, affliction, deal, find, group, pack, pass, put, rect, world_of, world_with};
use tickworld_content::model::{ConditionEffect, Inflict, Key, Pack, Speeds};
use tickworld_rules::{
    Event, Rules, SetUp,
    components::{Affliction, Blow},
    stats,
};
use tickworld_sim::{
    entity::Row,
    math::{Fx, Vec2},
    simulation::Simulation,
};

const ROUND: u64 = 180;

/// A crab, which grapples, beside a wolf that does not fight back; neither has another enemy.
fn grip() -> SetUp {
    SetUp {
        enemies: vec![(RED, BLUE)],
        groups: vec![group("crab", 1, rect(10, 10, 1, 1), RED), group("dummy", 1, rect(11, 10, 1, 1), BLUE)],
        ..SetUp::of_map(40, 40)
    }
}

/// With what the crab's claw inflicts.
fn pack_with(inflicts: Vec<Inflict>) -> Pack {
    let mut pack = pack::pack();
    let claw = Key::of_path("action/creature/crab/claw");
    let action = pack.actions.iter_mut().find(|it| it.key == claw).expect("known");
    action.effects[0].conditions = inflicts;
    pack.creatures.iter_mut().for_each(|it| it.hit_points = 1000);
    pack
}

/// Passes until the dummy is in a condition.
fn until_afflicted(sim: &mut Simulation<Rules>, row: Row) {
    for _ in 0..20 * ROUND {
        pass(sim, 2, 1);
        if sim.state().status.contains(row) {
            return;
        }
    }
    panic!("the crab never hit");
}

fn kill(sim: &mut Simulation<Rules>, name: &str) {
    let (entity, row) = find(sim.state(), name);
    deal(sim, 2, row, &[Blow::Damage { source: entity, amount: 9999, critical: false }]);
}

/// Whatever content inflicts without a length is over some time after the last of it was inflicted.
#[test]
fn nothing_lasts_for_ever() {
    let names: Vec<Key> = pack::pack().conditions.iter().map(|it| it.key).collect();
    for condition in names {
        for (escape_dc, repeat_save) in [(0, false), (0, true), (12, false), (12, true)] {
            let inflict = Inflict { condition, rounds: 0, repeat_save, escape_dc };
            let mut sim = world_with(&grip(), pack_with(vec![inflict]));
            let (_, row) = find(sim.state(), "dummy");
            until_afflicted(&mut sim, row);
            kill(&mut sim, "crab");
            // Ten rounds is the content's usual length, and who escapes on 11 or more does so in twenty.
            pass(&mut sim, 2, 20 * ROUND);
            let left: Vec<Affliction> = sim.state().affliction.iter(row).copied().collect();
            assert_eq!(left, [], "escape DC {escape_dc}, repeated saves {repeat_save}");
            assert!(!sim.state().status.contains(row));
        }
    }
}

#[test]
fn what_names_no_end_lasts_as_long_as_content_says() {
    let poison =
        |rounds| Inflict { condition: Key::of("condition", "poisoned"), rounds, repeat_save: false, escape_dc: 0 };
    let mut pack = pack_with(vec![poison(0)]);
    pack.constants.condition_rounds = 3;
    let mut sim = world_with(&grip(), pack);
    let (_, row) = find(sim.state(), "dummy");
    until_afflicted(&mut sim, row);
    let expiry = sim.state().affliction.iter(row).next().expect("poisoned").expiry_tick;
    assert_eq!(expiry, Some(sim.world().tick().0 + 3 * ROUND));
}

#[test]
fn a_grapple_and_what_comes_with_it_end_by_one_check() {
    let mut sim = world_of(&grip());
    let (crab, row) = find(sim.state(), "dummy");
    assert_ne!(find(sim.state(), "crab").0, crab);
    let phase = u64::from(sim.state().turn.get(row).expect("has turns").phase);
    let mut escapes = 0;
    for _ in 0..60 * ROUND {
        let before = sim.state().affliction.len(row);
        pass(&mut sim, 2, 1);
        let after = sim.state().affliction.len(row);
        assert!([0, 2].contains(&after), "grappled and restrained come and go together");
        if after < before {
            assert_eq!(sim.world().tick().0 % ROUND, phase, "escaped outside its turn");
            escapes += 1;
        }
    }
    // Half the checks succeed (DC 12 with +2), and the crab takes hold again.
    assert!((10..50).contains(&escapes), "{escapes}");
}

#[test]
fn the_incapacitated_do_not_escape() {
    let mut sim = world_of(&grip());
    let (_, row) = find(sim.state(), "dummy");
    until_afflicted(&mut sim, row);
    let source = find(sim.state(), "crab").0;
    deal(&mut sim, 2, row, &[Blow::Inflict { affliction: affliction("stunned", source) }]);
    pass(&mut sim, 2, 30 * ROUND);
    assert!(sim.state().has_effect(row, ConditionEffect::HeldBySource));
}

/// SRD 5.1, "Grappled": it ends when the grappler is incapacitated, or when its victim is out of its reach.
#[test]
fn a_hold_ends_with_its_holder() {
    let held = |change: &dyn Fn(&mut Simulation<Rules>)| {
        let mut sim = world_of(&grip());
        let (_, row) = find(sim.state(), "dummy");
        until_afflicted(&mut sim, row);
        change(&mut sim);
        // One tick: the next check to escape, and the next grip, are not due yet.
        pass(&mut sim, 2, 1);
        let recovered = sim.world().events().iter().filter(|it| matches!(it, Event::Recovered { .. })).count();
        (sim.state().affliction.len(row), recovered)
    };
    assert_eq!(held(&|_| {}), (2, 0));
    assert_eq!(held(&|sim| kill(sim, "crab")), (0, 2));
    let stun = |sim: &mut Simulation<Rules>| {
        let (crab, row) = find(sim.state(), "crab");
        deal(sim, 2, row, &[Blow::Inflict { affliction: affliction("stunned", crab) }]);
    };
    assert_eq!(held(&stun), (0, 2));
    let carry_off = |sim: &mut Simulation<Rules>| {
        let (_, row) = find(sim.state(), "dummy");
        let from = sim.state().position.get(row).expect("stands somewhere").0;
        put(sim, row, BLUE, Vec2::new(from.x.saturating_add(Fx::from_int(30)), from.y));
    };
    assert_eq!(held(&carry_off), (0, 2));
    let poison_the_holder = |sim: &mut Simulation<Rules>| {
        let (crab, row) = find(sim.state(), "crab");
        deal(sim, 2, row, &[Blow::Inflict { affliction: affliction("poisoned", crab) }]);
    };
    assert_eq!(held(&poison_the_holder), (2, 0), "who can act goes on holding");
}

/// SRD 5.1, "Being Prone": standing up costs half the speed.
#[test]
fn the_prone_rise_at_their_turn_and_pay_for_it() {
    let set_up = SetUp { groups: vec![group("goblin", 1, rect(10, 10, 1, 1), RED)], ..SetUp::of_map(40, 40) };
    let mut sim = world_of(&set_up);
    let (goblin, row) = find(sim.state(), "goblin");
    let phase = u64::from(sim.state().turn.get(row).expect("has turns").phase);
    let pace = |sim: &Simulation<Rules>| {
        stats::pace(sim.state(), crate::common::rules(sim), row, crate::common::creature("goblin"))
            .mul_int(ROUND.cast_signed())
            .round()
    };
    assert_eq!(pace(&sim), 30);
    deal(&mut sim, 2, row, &[Blow::Inflict { affliction: affliction("prone", goblin) }]);
    let mut up_since = None;
    for _ in 0..3 * ROUND {
        let tick = sim.world().tick().0;
        if sim.state().has_effect(row, ConditionEffect::EndsByRising) {
            assert_eq!((up_since, pace(&sim)), (None, 15), "crawls");
        } else {
            let since = *up_since.get_or_insert(tick);
            assert_eq!(since % ROUND, phase, "rises at its own turn");
            assert_eq!(pace(&sim), if tick < since + ROUND { 15 } else { 30 }, "{tick}, up since {since}");
        }
        pass(&mut sim, 2, 1);
    }
    assert!(up_since.is_some() && !sim.state().rising.contains(row));
}

#[test]
fn those_who_cannot_move_stay_down_until_they_can() {
    let set_up = SetUp { groups: vec![group("goblin", 1, rect(10, 10, 1, 1), RED)], ..SetUp::of_map(40, 40) };
    let mut pack = pack::pack();
    // Who never walks rises all the same.
    pack.creatures.iter_mut().filter(|it| it.name == "goblin").for_each(|it| it.speeds = Speeds::default());
    let mut sim = world_with(&set_up, pack);
    let (goblin, row) = find(sim.state(), "goblin");
    let stun = Affliction { expiry_tick: Some(5 * ROUND), ..affliction("stunned", goblin) };
    let prone = affliction("prone", goblin);
    deal(&mut sim, 2, row, &[Blow::Inflict { affliction: stun }, Blow::Inflict { affliction: prone }]);
    while sim.world().tick().0 < 5 * ROUND - 1 {
        assert!(sim.state().has_effect(row, ConditionEffect::EndsByRising));
        pass(&mut sim, 2, 1);
    }
    pass(&mut sim, 2, ROUND + 1);
    assert!(!sim.state().status.contains(row));
}

/// SRD 5.1 appendix PH-A: each instance of a condition has its own duration.
#[test]
fn each_source_counts_for_itself_and_is_told_once() {
    let mut sim = world_of(&grip());
    let ((crab, _), (dummy, row)) = (find(sim.state(), "crab"), find(sim.state(), "dummy"));
    let poison = |source, expiry| {
        let expiry_tick = Some(expiry);
        Blow::Inflict { affliction: Affliction { expiry_tick, ..affliction("poisoned", source) } }
    };
    let told = |sim: &Simulation<Rules>| {
        let is = |it: &&Event| matches!(it, Event::Afflicted { .. } | Event::Recovered { .. });
        sim.world().events().iter().filter(is).count()
    };
    kill(&mut sim, "crab");
    deal(&mut sim, 2, row, &[poison(crab, 10), poison(dummy, 20)]);
    assert_eq!((sim.state().affliction.len(row), told(&sim)), (2, 1));
    for tick in 3..30 {
        pass(&mut sim, 2, 1);
        let left = u32::from(tick < 10) + u32::from(tick < 20);
        assert_eq!((sim.state().affliction.len(row), told(&sim)), (left, usize::from(tick == 20)), "tick {tick}");
    }
}
