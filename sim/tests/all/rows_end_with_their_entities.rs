//! What is written through a row that was kept beyond its entity's life reaches nobody.

use tickworld_sim::{
    Component, State,
    column::Column,
    content::{ContentId, Library},
    entities::Entities,
    entity::Band,
    executor::Inline,
    frame::{InputFrame, PlayerId, Tick},
    game::{Game, System},
    list::ListColumn,
    rng::Entropy,
    simulation::Simulation,
    step::Step,
};

#[derive(Component, Clone, Copy)]
enum Fault {
    None,
    Component,
    List,
}

#[derive(State, Clone)]
struct Realm {
    entities: Entities,
    health: Column<i32>,
    scars: ListColumn<u16, 2>,
}

struct Wake<const FAULT: u8>;

fn bury<const FAULT: u8>(realm: &mut Realm, _: &mut Step<'_, Wake<FAULT>>) {
    let entity = realm.spawn(Band(0)).expect("there is room");
    let row = realm.entities.row(entity).expect("just spawned");
    realm.health.set(row, 1);
    realm.scars.push(row, 1).expect("there is room");
    assert!(realm.despawn(entity));
    if FAULT == Fault::Component as u8 {
        realm.health.set(row, 2);
    }
    if FAULT == Fault::List as u8 {
        realm.scars.push(row, 2).expect("there is room");
    }
}

impl<const FAULT: u8> Game for Wake<FAULT> {
    type State = Realm;
    type Input = ();
    type Event = ();
    type Content = ();
    const NAME: &'static str = "wake";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "bury", run: bury }];

    fn join(_: &mut Realm, _: &mut Step<'_, Self>, _: PlayerId) -> Option<tickworld_sim::entity::Entity> {
        None
    }
}

fn tick<const FAULT: u8>() {
    let mut world = Simulation::<Wake<FAULT>>::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| ());
    let frame = InputFrame::empty(Tick(1), Entropy::from_bytes([7; 16]));
    world.step(&frame, &Inline).expect("the next frame");
}

#[test]
fn a_sound_tick_passes() {
    tick::<{ Fault::None as u8 }>();
}

#[test]
#[should_panic(expected = "`health` was written in tick 1 through a row whose entity is gone")]
fn a_component_of_the_dead_stops_the_tick() {
    tick::<{ Fault::Component as u8 }>();
}

#[test]
#[should_panic(expected = "`scars` was written in tick 1 through a row whose entity is gone")]
fn a_list_of_the_dead_stops_the_tick() {
    tick::<{ Fault::List as u8 }>();
}

/// The next one born there had the dead one's component and list.
#[test]
fn whoever_is_born_there_begins_with_nothing() {
    let mut realm = Realm::empty();
    let first = realm.spawn(Band(0)).expect("there is room");
    let row = realm.entities.row(first).expect("just spawned");
    realm.despawn(first);
    realm.health.set(row, 7);
    realm.scars.push(row, 7).expect("there is room");
    let second = realm.spawn(Band(0)).expect("there is room");
    assert_eq!(realm.entities.row(second), Some(row), "the lowest free row is used again");
    assert_eq!((realm.health.get(row), realm.scars.len(row)), (None, 0));
}
