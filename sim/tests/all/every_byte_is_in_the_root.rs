//! No byte of an encoded world is idle: whatever is changed, decoding refuses it or the root differs, and nothing panics.

use crate::arena::{Arena, Realm, Sim, start, step};
use tickworld_sim::{
    State,
    entity::{Band, Row},
    executor::Inline,
    hash::Hash,
    join::join,
    math::{Fx, Vec2},
    simulation::Simulation,
    world::World,
};

fn sim(ticks: u64) -> Sim {
    let mut sim = start();
    (0..ticks).for_each(|_| drop(step(&mut sim, 11)));
    sim
}

fn root(sim: &Sim) -> Hash {
    sim.clone().seal(&Inline).root
}

/// The root of a world read from bytes, after playing on for a tick so that what it holds is used.
fn root_of(bytes: &[u8], like: &Sim) -> Option<Hash> {
    let world = World::<Arena>::from_bytes(bytes).ok()?;
    let mut sim = Simulation::resume(like.library().clone(), world);
    assert_eq!(sim.to_bytes(), bytes, "what is taken is canonical");
    let root = root(&sim);
    // Content and tick may be others now; what matters is that nothing panics.
    let next = sim.world().tick().next();
    let mut frame = crate::arena::frame(11, 30);
    frame.tick = next;
    let _ = sim.step(&frame, &Inline);
    Some(root)
}

#[test]
fn every_flipped_byte_shows() {
    let sim = sim(30);
    let (bytes, own) = (sim.to_bytes(), root(&sim));
    let mut taken = 0;
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            if let Some(root) = root_of(&changed, &sim) {
                assert_ne!(root, own, "byte {at} ^ {flip:#x}");
                taken += 1;
            }
        }
    }
    // The head's tick and content are free to be others; pages are not, for the manifest holds their hashes.
    assert!((1..=3 * 40).contains(&taken), "{taken}");
}

#[test]
fn cut_and_lengthened_bytes_are_refused() {
    let bytes = sim(10).to_bytes();
    for length in 0..bytes.len() {
        assert!(World::<Arena>::from_bytes(&bytes[..length]).is_err(), "cut at {length}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(World::<Arena>::from_bytes(&longer).is_err());
}

/// Flips every byte of every page and loads it with its new hash: the page is refused, or the column's root differs.
#[test]
fn every_flipped_byte_of_a_page_shows() {
    let mut sim = sim(30);
    let roots = sim.seal(&Inline);
    let columns = roots.columns.len();
    for index in 0..columns {
        let mut pages = Vec::new();
        let (_, column) = sim.world().column_list().swap_remove(index);
        for page in 0..column.page_limit() {
            let mut bytes = Vec::new();
            if column.page_bytes(page, &mut bytes) {
                pages.push((page, column.page_row_count(page), bytes));
            }
        }
        for (page, row_count, bytes) in pages {
            for (at, flip) in (0..bytes.len()).flat_map(|at| [(at, 1), (at, 0x80), (at, 0x55)]) {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let mut world = sim.snapshot();
                let mut nth = 0;
                world.columns_mut(&mut |name, column| {
                    if nth == index && column.load_page(page, row_count, &changed).is_ok() {
                        let root = tickworld_sim::column::column_root(name, column.seal(&mut Vec::new()));
                        assert_ne!(root, roots.columns[index], "`{name}`, byte {at} ^ {flip:#x}");
                        let mut again = Vec::new();
                        column.page_bytes(page, &mut again);
                        assert_eq!(again, changed, "`{name}`: what is taken is canonical");
                    }
                    nth += 1;
                });
            }
        }
    }
}

/// Changes a world and expects another root.
fn shows(what: &str, change: impl FnOnce(&mut Realm, &[Row])) {
    let mut sim = sim(30);
    let own = root(&sim);
    let mut rows = Vec::new();
    join(&sim.state().position).for_each(|row, _| rows.push(row));
    change(sim.world_mut().state_mut(), &rows);
    assert_ne!(root(&sim), own, "{what}");
}

#[test]
fn changes_of_a_state_show() {
    shows("two values swapped", |realm, rows| {
        let (a, b) = (realm.position.get(rows[0]).copied(), realm.position.get(rows[1]).copied());
        assert_ne!(a, b, "the swap is one");
        a.zip(b).into_iter().for_each(|(a, b)| {
            realm.position.set(rows[0], b);
            realm.position.set(rows[1], a);
        });
    });
    shows("an empty component added or taken away", |realm, rows| {
        if realm.stunned.remove(rows[2]).is_none() {
            realm.stunned.set(rows[2], ());
        }
    });
    shows("a component like a filler added", |realm, _| {
        let entity = realm.spawn(Band(0)).expect("room");
        let row = realm.entities.row(entity).expect("lives");
        realm.despawn(entity);
        let again = realm.spawn(Band(0)).expect("room");
        assert_eq!(realm.entities.row(again), Some(row));
        realm.position.set(row, Vec2::new(Fx::ZERO, Fx::ZERO));
    });
    shows("a life and a death", |realm, _| {
        let entity = realm.spawn(Band(0)).expect("room");
        realm.despawn(entity);
    });
    shows("an item at the end of a list", |realm, rows| realm.scars.push(rows[0], 0).expect("room"));
    shows("a resource", |realm, _| realm.weather.modify(|weather| *weather ^= 1 << 63));
    shows("a band dealt out", |realm, _| assert!(realm.spawn(Band(200)).is_ok()));
}

/// Equal values change places between two entities through a third column: only who has what differs.
#[test]
fn equal_values_are_bound_to_their_rows() {
    let mut sim = sim(5);
    let mut rows = Vec::new();
    join(&sim.state().health).for_each(|row, _| rows.push(row));
    let realm = sim.world_mut().state_mut();
    realm.health.set(rows[0], 5);
    realm.health.remove(rows[1]);
    let one = root(&sim);
    let realm = sim.world_mut().state_mut();
    realm.health.remove(rows[0]);
    realm.health.set(rows[1], 5);
    assert_ne!(root(&sim), one);
}
