//! A difference is told in the game's words: the entity, the variant's fields, the item's place in its owner's list.

use crate::trace_support::{Fair, Fairground, Item, Mood, fill, start};
use tickworld_sim::{
    State,
    diff::{Differences, WorldView, worlds},
    entity::{Band, Entity},
    executor::Inline,
    simulation::Simulation,
};

/// What `change` makes different in a fair of ten, as it is shown.
fn shown(change: impl FnOnce(&mut Fair, Entity)) -> Vec<String> {
    let (report, _) = changed(change);
    assert_eq!(report.field_count, report.list.len() as u64);
    report.list.iter().map(ToString::to_string).collect()
}

fn changed(change: impl FnOnce(&mut Fair, Entity)) -> (Differences, Simulation<Fairground>) {
    let mut left = start(10);
    let fair = left.world_mut().state_mut();
    let entity = fair.spawn(Band(0)).expect("room");
    let row = fair.entities.row(entity).expect("just spawned");
    fill(fair, entity, row);
    fair.bag.clear(row);
    for kind in 0..7 {
        fair.bag.push(row, Item { kind, count: 1 }).expect("room");
    }
    fair.mood.set(row, Mood::Calm);
    left.seal(&Inline);
    let mut right = left.clone();
    change(right.world_mut().state_mut(), entity);
    right.seal(&Inline);
    let sides = [&left, &right].map(|side| WorldView::new(side.world(), side.schema()));
    (worlds(&sides[0], &sides[1], 100), right)
}

#[test]
fn a_plain_field() {
    let found = shown(|fair, entity| {
        let row = fair.entities.row(entity).expect("alive");
        fair.numbers.modify(row, |numbers| numbers.f = 5);
    });
    assert_eq!(found, ["numbers.f of entity 10v1: -2 | 5"]);
}

#[test]
fn another_variant_with_its_fields() {
    let found = shown(|fair, entity| {
        let row = fair.entities.row(entity).expect("alive");
        fair.mood.set(row, Mood::Angry { at: entity, since: 7 });
    });
    let expected = [
        "mood of entity 10v1: Calm | Angry",
        "mood.at of entity 10v1: no such field | 10v1",
        "mood.since of entity 10v1: no such field | 7",
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_item_by_its_place_in_the_list() {
    for index in 0..7 {
        let found = shown(|fair, entity| {
            let row = fair.entities.row(entity).expect("alive");
            fair.bag.set(row, index, Item { kind: u64::from(index), count: 9 });
        });
        assert_eq!(found, [format!("bag[{index}].count of entity 10v1: 1 | 9")]);
    }
}

#[test]
fn an_item_that_only_one_list_has() {
    let found = shown(|fair, entity| {
        let row = fair.entities.row(entity).expect("alive");
        fair.bag.push(row, Item { kind: 8, count: 9 }).expect("room");
    });
    let expected = [
        "bag.len of entity 10v1: 7 | 8",
        "bag[7].kind of entity 10v1: no such field | 8",
        "bag[7].count of entity 10v1: no such field | 9",
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_entity_that_only_one_side_has() {
    let found = shown(|fair, entity| assert!(fair.despawn(entity)));
    for column in ["entities.alive", "numbers", "position", "bag"] {
        let line = format!("{column} of entity 10v1 (left only): present | absent");
        assert!(found.contains(&line), "{line} not in {found:#?}");
    }
    assert!(found.contains(&"entities.retired of row 10: absent | present".to_owned()), "{found:#?}");
}

#[test]
fn the_world_itself() {
    let found = shown(|fair, _| fair.weather.modify(|weather| weather.days = 4));
    assert_eq!(found, ["weather.days of world: 0 | 4"]);
}

#[test]
fn more_than_the_limit_is_counted() {
    let (left, right) = (start(10), start(500));
    let sides = [&left, &right].map(|side| WorldView::new(side.world(), side.schema()));
    let report = worlds(&sides[0], &sides[1], 3);
    let rows: u64 = report.columns.iter().map(|(_, rows)| rows).sum();
    assert_eq!((report.list.len(), report.field_count), (3, rows));
    assert!(report.columns.contains(&("position".to_owned(), 490)), "{:?}", report.columns);
}
