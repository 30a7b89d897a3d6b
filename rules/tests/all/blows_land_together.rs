//! What happens in one tick happens at once: neither rows nor the order of blows decide it, and one immunity averts one thing.

use crate::common::{BLUE, RED, affliction, deal, find, group, pack, pass, rect, world_of, world_with};
use proptest::prelude::*;
use tickworld_content::model::{ConditionEffect, Conditions, Feet, Key, Pack, Replacement, Shape, Target};
use tickworld_rules::{
    Realm, Ruleset, SetUp,
    components::{Blow, Health},
    limits,
    range::Area,
    settings::{Faction, Factions},
};
use tickworld_sim::{
    content::ContentId,
    entity::Row,
    frame::{Act, Input, InputFrame, PlayerId, Request, Sequence},
    math::{Fx, Vec2},
};

fn alone(name: &str) -> SetUp {
    SetUp { groups: vec![group(name, 1, rect(10, 10, 1, 1), RED)], ..SetUp::of_map(40, 40) }
}

/// Hit points after one tick's blows, and whether it lives.
fn after(blows: &[Blow]) -> (u16, bool) {
    let mut sim = world_of(&alone("brute"));
    let (_, row) = find(sim.state(), "brute");
    sim.world_mut().state_mut().health.set(row, Health { current: 20, maximum: 59 });
    deal(&mut sim, 1, row, blows);
    (sim.state().health.get(row).expect("a body").current, !sim.state().corpse.contains(row))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_blows_does_not_matter(
        blows in prop::collection::vec((any::<bool>(), 0_u32..40), 1..6), turn in 0_usize..6,
    ) {
        let source = find(world_of(&alone("brute")).state(), "brute").0;
        let mut blows: Vec<Blow> = blows
            .iter()
            .map(|(heals, amount)| match heals {
                true => Blow::Heal { source, amount: *amount },
                false => Blow::Damage { source, amount: *amount, critical: false },
            })
            .collect();
        let first = after(&blows);
        let count = blows.len();
        blows.rotate_left(turn % count);
        prop_assert_eq!(after(&blows), first);
        blows.reverse();
        prop_assert_eq!(after(&blows), first);
    }
}

#[test]
fn who_is_healed_in_time_lives() {
    let source = find(world_of(&alone("brute")).state(), "brute").0;
    let (heal, hurt) = (Blow::Heal { source, amount: 10 }, Blow::Damage { source, amount: 25, critical: false });
    assert_eq!(after(&[hurt, heal]), (5, true));
    assert_eq!(after(&[heal, hurt]), (5, true));
}

/// A scorpion's sting against a dummy: (hurt by how much in all, whether it was ever poisoned).
fn stung(change: &dyn Fn(&mut Pack)) -> (u32, bool) {
    let mut pack = pack::pack();
    pack.creatures.iter_mut().for_each(|it| it.hit_points = 60_000);
    change(&mut pack);
    let set_up = SetUp {
        enemies: vec![(RED, BLUE)],
        groups: vec![group("scorpion", 1, rect(10, 10, 1, 1), RED), group("dummy", 1, rect(11, 10, 1, 1), BLUE)],
        ..SetUp::of_map(40, 40)
    };
    let mut sim = world_with(&set_up, pack);
    let (_, row) = find(sim.state(), "dummy");
    let mut poisoned = false;
    for _ in 0..20 * 180 {
        pass(&mut sim, 3, 1);
        poisoned |= sim.state().status.contains(row);
    }
    (60_000 - u32::from(sim.state().health.get(row).expect("a body").current), poisoned)
}

#[test]
fn an_immune_target_keeps_the_rest_of_an_actions_effects() {
    let dummy = |pack: &mut Pack, change: &dyn Fn(&mut tickworld_content::model::Creature)| {
        pack.creatures.iter_mut().filter(|it| it.name == "dummy").for_each(change);
    };
    let (plain, poisoned) = stung(&|_| {});
    assert!(plain > 0 && poisoned);
    let (less, poisoned) = stung(&|pack| dummy(pack, &|it| it.defences.immune = pack::kinds(&["poison"])));
    assert!((1..plain).contains(&less) && poisoned, "the sting pierces and poisons: {less} of {plain}");
    let immune = |pack: &mut Pack| {
        let at = pack.condition_position(Key::of("condition", "poisoned")).expect("known");
        dummy(pack, &|it| it.condition_immunities = Conditions(1 << at));
    };
    assert_eq!(stung(&immune), (plain, false));
}

/// Who cannot be incapacitated is not, by way of a paralysis either.
#[test]
fn immunity_to_an_included_condition_counts() {
    let mut pack = pack::pack();
    let at = pack.condition_position(Key::of("condition", "incapacitated")).expect("known");
    pack.creatures.iter_mut().for_each(|it| it.condition_immunities = Conditions(1 << at));
    let mut sim = world_with(&alone("brute"), pack);
    let (source, row) = find(sim.state(), "brute");
    deal(&mut sim, 1, row, &[Blow::Inflict { affliction: affliction("paralyzed", source) }]);
    assert!(sim.state().has_effect(row, ConditionEffect::NoMovement));
    assert!(!sim.state().has_effect(row, ConditionEffect::NoActions));
}

#[test]
fn a_switch_of_content_changes_what_conditions_do() {
    let mut sim = world_of(&alone("brute"));
    let (source, row) = find(sim.state(), "brute");
    deal(&mut sim, 1, row, &[Blow::Inflict { affliction: affliction("poisoned", source) }]);
    assert!(sim.state().has_effect(row, ConditionEffect::AttacksWithDisadvantage));
    let mut pack = pack::pack();
    let poisoned = pack.conditions.iter_mut().find(|it| it.name == "poisoned").expect("known");
    poisoned.effects = vec![ConditionEffect::NoMovement];
    let other = ContentId(tickworld_sim::hash::Hash([7; 32]));
    sim.library_mut().add(other, Ruleset::new(pack));
    let switch =
        Input { player: PlayerId::OPERATOR, sequence: Sequence(1), act: Act::Request(Request::Content(other)) };
    let tick = sim.world().tick().next();
    crate::common::step(&mut sim, &InputFrame::new(tick, crate::common::entropy(1, tick.0), vec![switch]));
    let has = |effect| sim.state().has_effect(row, effect);
    assert!(has(ConditionEffect::NoMovement) && !has(ConditionEffect::AttacksWithDisadvantage));
}

/// A creature whose stat block was taken out of the content goes on as what stands for it; without, it does nothing.
#[test]
fn the_removed_go_on_as_their_replacement() {
    let block_after = |replacements: Vec<Replacement>| {
        let mut sim = world_of(&alone("brute"));
        let (_, row) = find(sim.state(), "brute");
        let mut pack = pack::pack();
        let key = |name| Key::of("creature", name);
        pack.creatures.retain(|it| it.key != key("brute"));
        pack.replacements = replacements;
        let other = ContentId(tickworld_sim::hash::Hash([8; 32]));
        sim.library_mut().add(other, Ruleset::new(pack));
        let switch =
            Input { player: PlayerId::OPERATOR, sequence: Sequence(1), act: Act::Request(Request::Content(other)) };
        let tick = sim.world().tick().next();
        crate::common::step(&mut sim, &InputFrame::new(tick, crate::common::entropy(1, tick.0), vec![switch]));
        let creature = sim.state().creature.get(row).copied().expect("lives");
        sim.library().find(other)?.creature(creature.key).map(|(block, _)| block.name.clone())
    };
    let by = Replacement { removed: Key::of("creature", "brute"), by: Key::of("creature", "wolf") };
    assert_eq!(block_after(vec![by]).as_deref(), Some("wolf"));
    assert_eq!(block_after(Vec::new()), None);
}

fn place(realm: &Realm, row: Row) -> Vec2 {
    realm.position.get(row).expect("stands somewhere").0
}

/// More creatures than an area may reach: those nearest to its middle are in it, whoever they are.
#[test]
fn crowded_areas_reach_the_nearest() {
    let set_up = SetUp {
        groups: vec![group("mage", 1, rect(0, 0, 1, 1), RED), group("dummy", 200, rect(10, 10, 6, 6), RED)],
        ..SetUp::of_map(40, 40)
    };
    let sim = world_of(&set_up);
    let realm = sim.state();
    let mage = realm.living(find(realm, "mage").0).expect("lives");
    let middle = Vec2::new(Fx::from_int(65), Fx::from_int(65));
    let target = Target::Area { shape: Shape::Sphere { radius: Feet(20) }, range: Feet(150) };
    let hit =
        Area::of(&target, mage.place, middle).expect("an area").creatures(realm, crate::common::rules(&sim), &mage);
    assert_eq!(hit.len(), limits::AREA_TARGETS_MAX);
    let far = hit.iter().map(|it| middle.distance(it.place)).max().expect("some");
    let nearer = crate::common::living(realm).iter().filter(|it| middle.distance(place(realm, it.row)) < far).count();
    assert!(nearer <= limits::AREA_TARGETS_MAX, "{nearer} are nearer than the farthest that was hit");
    assert!(hit.is_sorted_by_key(|it| middle.distance(it.place)));
}

/// The largest creatures of a pack are found however large they are.
#[test]
fn areas_reach_giants_by_their_rim() {
    let mut pack = pack::pack();
    pack.creatures.iter_mut().filter(|it| it.name == "dummy").for_each(|it| it.cells = 16);
    let set_up = SetUp {
        groups: vec![group("mage", 1, rect(5, 10, 1, 1), RED), group("dummy", 1, rect(30, 10, 1, 1), RED)],
        ..SetUp::of_map(60, 40)
    };
    let sim = world_with(&set_up, pack);
    let realm = sim.state();
    let mage = realm.living(find(realm, "mage").0).expect("lives");
    let giant = place(realm, find(realm, "dummy").1);
    // Sixteen cells of five feet: its rim is 37.5 feet beyond what a creature of one cell takes up.
    let target = Target::Area { shape: Shape::Sphere { radius: Feet(5) }, range: Feet(150) };
    let hits = |feet: i32| {
        let middle = Vec2::new(giant.x.saturating_sub(Fx::from_int(feet)), giant.y);
        let area = Area::of(&target, mage.place, middle).expect("an area");
        area.creatures(realm, crate::common::rules(&sim), &mage).iter().any(|it| it.place == giant)
    };
    assert_eq!((hits(42), hits(43)), (true, false));
}

/// A faction's number from damaged bytes is no reason to stop the world.
#[test]
fn a_faction_beyond_the_last_does_not_panic() {
    let mut sim = world_of(&SetUp { enemies: vec![(RED, BLUE)], ..alone("brute") });
    let (_, row) = find(sim.state(), "brute");
    let state = sim.world_mut().state_mut();
    state.creature.modify(row, |creature| creature.faction = Faction(200));
    tickworld_sim::State::rebuild(state);
    pass(&mut sim, 1, 400);
    let mut factions = Factions::PEACE;
    factions.make_enemies(Faction(255), BLUE);
    assert!(factions.are_enemies(BLUE, Faction(255)));
}

/// The longest round there can be: turns are as many as there are ticks in it.
#[test]
fn turns_of_long_rounds_do_not_pile_up() {
    let mut pack = pack::pack();
    pack.constants.round_seconds = 3600;
    let mut set_up = alone("brute");
    set_up.groups[0].count = 40;
    set_up.settings.ticks_per_second = 1000;
    let sim = world_with(&set_up, pack);
    let phases: Vec<u32> = crate::common::living(sim.state())
        .iter()
        .map(|it| sim.state().turn.get(it.row).expect("has turns").phase)
        .collect();
    assert!(phases.iter().filter(|phase| **phase > 65_535).count() > 30, "{phases:?}");
}
