//! `#[derive(State)]` leaves no part out: every method reaches every field, in declared order.

use tickworld_sim::{
    column::Column,
    component::Component,
    derived::{Derived, Rebuild},
    entities::Entities,
    entity::{Band, Row},
    list::ListColumn,
    resource::Resource,
    state::State,
};

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Health(u16);

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Weather {
    rain: u8,
}

/// How many entities have health.
#[derive(Clone, Debug, PartialEq)]
struct Census(u32);

/// Follows from the census, which is declared before it.
#[derive(Clone, Debug, PartialEq)]
struct TwiceCensus(u32);

#[derive(State, Clone)]
struct Realm {
    health: Column<Health>,
    census: Derived<Census>,
    entities: Entities,
    inventory: ListColumn<u32, 4>,
    r#type: Column<u8>,
    twice: Derived<TwiceCensus>,
    weather: Resource<Weather>,
}

impl Rebuild<Realm> for Census {
    fn rebuild(_: Option<&Self>, realm: &Realm) -> Self {
        Self(realm.health.len())
    }
}

impl Rebuild<Realm> for TwiceCensus {
    fn rebuild(_: Option<&Self>, realm: &Realm) -> Self {
        Self(realm.census.0 * 2)
    }
}

/// A realm with one entity that has everything.
fn inhabited() -> (Realm, Row) {
    let mut realm = Realm::empty();
    let entity = realm.spawn(Band(0)).expect("an empty world has room");
    let row = realm.entities.row(entity).expect("just spawned");
    realm.health.set(row, Health(9));
    realm.r#type.set(row, 3);
    realm.inventory.push(row, 77).expect("an empty pool has room");
    realm.rebuild();
    (realm, row)
}

fn dirty_page_counts(realm: &Realm) -> Vec<u32> {
    let mut counts = Vec::new();
    realm.columns(&mut |_, column| counts.push(column.dirty_page_count()));
    counts
}

#[test]
fn columns_are_visited_in_declared_order() {
    let mut realm = Realm::empty();
    let expected = [
        "health",
        "entities.alive",
        "entities.retired",
        "entities.runs",
        "inventory",
        "inventory.chunks",
        "type",
        "weather",
    ];
    let mut names = Vec::new();
    realm.columns(&mut |name, _| names.push(name.to_owned()));
    assert_eq!(names, expected);
    names.clear();
    realm.columns_mut(&mut |name, _| names.push(name.to_owned()));
    assert_eq!(names, expected);
}

#[test]
fn an_empty_state_has_no_entities_and_resources_at_their_fillers() {
    let realm = Realm::empty();
    assert!(realm.entities().is_empty() && realm.health.is_empty());
    assert_eq!(*realm.weather, Weather::FILLER);
}

#[test]
fn a_despawned_entity_leaves_nothing_behind() {
    let (mut realm, row) = inhabited();
    let entity = realm.entities().entity(row).expect("it lives");
    assert!(realm.despawn(entity));
    assert!(realm.health.is_empty() && realm.r#type.is_empty() && realm.inventory.is_empty(row));
    assert!(!realm.entities().contains(entity) && !realm.despawn(entity));
}

#[test]
fn derived_parts_are_rebuilt_after_those_declared_before_them() {
    let (realm, _) = inhabited();
    assert_eq!((&*realm.census, &*realm.twice), (&Census(1), &TwiceCensus(2)));
}

#[test]
fn the_first_derived_part_that_differs_is_named() {
    let (mut realm, row) = inhabited();
    assert_eq!(realm.check_derived(), Ok(()));
    realm.twice.get_mut().0 += 1;
    assert_eq!(realm.check_derived(), Err("twice"));
    realm.health.remove(row);
    assert_eq!(realm.check_derived(), Err("census"));
    realm.rebuild();
    assert_eq!(realm.check_derived(), Ok(()));
}

#[test]
fn the_first_field_that_no_game_can_have_made_is_named() {
    let (realm, _) = inhabited();
    assert_eq!(realm.check(), Ok(()));
    let mut haunted = Realm::empty();
    haunted.r#type = realm.r#type.clone();
    assert_eq!(haunted.check().map_err(|impossible| impossible.field), Err("type"));
    haunted.inventory = realm.inventory.clone();
    assert_eq!(haunted.check().map_err(|impossible| impossible.field), Err("inventory"));
    haunted.entities = realm.entities.clone();
    assert_eq!(haunted.check(), Ok(()));
}

#[test]
fn every_column_adopts_the_hashes_of_a_sealed_clone() {
    let (mut realm, row) = inhabited();
    let mut sealed = realm.clone();
    sealed.columns_mut(&mut |_, column| {
        column.seal(&mut Vec::new());
    });
    assert!(dirty_page_counts(&realm).iter().sum::<u32>() > 0);
    realm.health.set(row, Health(8));
    realm.adopt_hashes(&sealed);
    // Only the page that has changed since is still without a hash.
    assert_eq!(dirty_page_counts(&realm), [1, 0, 0, 0, 0, 0, 0, 0]);
}
