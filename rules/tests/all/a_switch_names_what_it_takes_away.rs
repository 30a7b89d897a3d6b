//! What a world names and a new pack lacks is told before the switch: who would stand still, and what would be gone.

use crate::common::{BLUE, RED, affliction, class, creature, find, group, item, pack, rect, world_of};
use tickworld_content::model::{Key, Pack, Replacement};
use tickworld_rules::{
    ContentKey, Rules, Ruleset, SetUp,
    components::{Act, Back, Deed, Intent, Spent},
    setup::{SpawnPoint, Treasure},
    unresolved::{EntryKind, Unresolved, unresolved},
};
use tickworld_sim::{math::Vec2, simulation::Simulation};

/// Somebody of each kind of row that names content.
fn world() -> Simulation<Rules> {
    let area = rect(10, 10, 4, 4);
    let spawner = SpawnPoint { creature: creature("crab"), area, faction: RED, alive_max: 3, interval_ticks: 30 };
    let set_up = SetUp {
        groups: vec![group("wolf", 2, area, RED), group("dummy", 1, area, BLUE)],
        spawn_points: vec![spawner],
        classes: vec![class(area, BLUE)],
        treasures: vec![Treasure {
            cell: tickworld_sim::math::Cell::new(1, 1),
            coins: 0,
            item: Some((item("rope"), 2)),
        }],
        ..SetUp::of_map(40, 40)
    };
    world_of(&set_up)
}

fn without(change: impl FnOnce(&mut Pack)) -> Ruleset {
    let mut pack = pack::pack();
    change(&mut pack);
    Ruleset::new(pack)
}

fn lost(sim: &Simulation<Rules>, next: &Ruleset) -> Vec<(EntryKind, ContentKey, u32)> {
    let current = Ruleset::new(pack::pack());
    let all = unresolved(sim.state(), Some(&current), next);
    all.into_iter().map(|Unresolved { kind, key, count }| (kind, key, count)).collect()
}

#[test]
fn a_pack_with_everything_loses_nothing() {
    assert_eq!(lost(&world(), &without(|_| {})), []);
}

#[test]
fn stat_blocks_of_the_living_of_spawners_and_of_classes_are_named() {
    let sim = world();
    let found = lost(&sim, &without(|pack| pack.creatures.clear()));
    let mut expected: Vec<_> = [("wolf", 2), ("dummy", 1), ("crab", 1), ("hero", 1)]
        .map(|(name, count)| (EntryKind::Creature, creature(name), count))
        .into();
    expected.sort();
    assert_eq!(found, expected);
    // One alone.
    let found = lost(&sim, &without(|pack| pack.creatures.retain(|it| it.key != Key::of("creature", "wolf"))));
    assert_eq!(found, [(EntryKind::Creature, creature("wolf"), 2)]);
}

#[test]
fn things_in_bags_and_on_the_ground_are_named() {
    let found = lost(&world(), &without(|pack| pack.items.clear()));
    let of = |name: &str| found.iter().find(|(_, key, _)| *key == item(name)).map(|(kind, _, count)| (*kind, *count));
    assert_eq!(of("rope"), Some((EntryKind::Item, 2)), "in a class's bag and on the ground: {found:?}");
    assert_eq!(of("longsword"), Some((EntryKind::Item, 1)), "{found:?}");
}

#[test]
fn conditions_and_what_is_about_to_be_done_are_named() {
    let mut sim = world();
    let (source, row) = find(sim.state(), "dummy");
    let (spell, action) = (pack::pack().spells[0].key, pack::pack().actions[0].key);
    let state = sim.world_mut().state_mut();
    state.affliction.push(row, affliction("poisoned", source)).expect("room");
    let deed = Deed { act: Act::Spell { key: spell.into() }, target: None, place: Vec2::ZERO };
    state.intent.set(row, Intent { deed, asked_tick: 0 });
    state.spent.push(row, Spent { key: action.into(), count: 1, back: Back::Day { until_tick: 9 } }).expect("room");
    state
        .spent
        .push(row, Spent { key: ContentKey::of("slot", "1"), count: 1, back: Back::Day { until_tick: 9 } })
        .expect("room");
    let next = without(|pack| {
        // Stat blocks and things name spells and actions by their places.
        pack.creatures.clear();
        pack.items.clear();
        pack.conditions.clear();
        pack.spells.clear();
        pack.actions.clear();
    });
    let expected = [
        (EntryKind::Condition, ContentKey::of("condition", "poisoned"), 1),
        (EntryKind::Spell, spell.into(), 1),
        (EntryKind::Action, action.into(), 1),
    ];
    let mut found = lost(&sim, &next);
    found.retain(|(kind, ..)| !matches!(kind, EntryKind::Creature | EntryKind::Item));
    assert_eq!(found, expected);
}

#[test]
fn what_is_replaced_and_what_nobody_had_is_not_lost() {
    let mut sim = world();
    let replaced = without(|pack| {
        let (removed, by) = (Key::of("creature", "wolf"), Key::of("creature", "dummy"));
        pack.creatures.retain(|it| it.key != removed);
        pack.replacements.push(Replacement { removed, by });
    });
    assert_eq!(lost(&sim, &replaced), []);
    // A key that stands for nothing in the content of today either.
    let (source, row) = find(sim.state(), "dummy");
    sim.world_mut().state_mut().affliction.push(row, affliction("forgotten", source)).expect("room");
    assert_eq!(lost(&sim, &without(|_| {})), []);
}
