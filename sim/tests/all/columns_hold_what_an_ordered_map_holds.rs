//! Columns, lists and the entity allocator do what plain slow models do, for rows of every size, and clones are isolated.

use std::collections::{BTreeMap, BTreeSet};

use crate::arena::Dice;
use tickworld_sim::{
    Component,
    column::{Column, Pages, page_rows},
    entities::Entities,
    entity::{Band, Entity, Row},
    join::join,
    limits,
    list::ListColumn,
};

fn rows(count: usize) -> (Entities, Vec<Row>) {
    let mut entities = Entities::default();
    let rows = (0..count)
        .map(|i| {
            let entity = entities.spawn(Band((i % 3) as u8)).expect("room");
            entities.row(entity).expect("lives")
        })
        .collect();
    (entities, rows)
}

fn root(column: &mut impl Pages) -> tickworld_sim::hash::Hash {
    column.seal(&mut Vec::new())
}

/// A column under random operations against a map; snapshots on the way must keep what they held.
fn check<T: Component + PartialEq + std::fmt::Debug>(seed: u64, value: impl Fn(u64) -> T) {
    let (mut dice, (_, rows)) = (Dice(seed), rows(5000));
    let (mut column, mut model) = (Column::<T>::default(), BTreeMap::new());
    let mut kept: Vec<(Column<T>, BTreeMap<Row, T>)> = Vec::new();
    for turn in 0..600 {
        let row = rows[(dice.below(70) * dice.below(70)) as usize];
        let new = value(dice.draw());
        match dice.below(8) {
            0..=2 => {
                column.set(row, new);
                model.insert(row, new);
            }
            3 => assert_eq!(column.remove(row), model.remove(&row), "seed {seed}, turn {turn}"),
            4 => {
                let changed = column.modify(row, |old| std::mem::replace(old, new));
                assert_eq!(changed, model.get_mut(&row).map(|old| std::mem::replace(old, new)), "seed {seed}");
            }
            5 => {
                column.get_mut(row).into_iter().for_each(|old| *old = new);
                model.entry(row).and_modify(|old| *old = new);
            }
            6 if turn % 5 == 0 => kept.push((column.clone(), model.clone())),
            _ => drop(root(&mut column)),
        }
        assert_eq!(column.get(row), model.get(&row), "seed {seed}, turn {turn}");
    }
    kept.push((column, model));
    for (mut column, model) in kept {
        assert_eq!((column.len() as usize, column.is_empty()), (model.len(), model.is_empty()), "seed {seed}");
        let mut all = Vec::new();
        join(&column).for_each(|row, value| all.push((row, *value)));
        assert_eq!(all, model.clone().into_iter().collect::<Vec<_>>(), "seed {seed}");
        let mut fresh = Column::default();
        model.into_iter().rev().for_each(|(row, value)| fresh.set(row, value));
        assert_eq!(root(&mut column), root(&mut fresh), "seed {seed}: a root depends on contents alone");
        let mut loaded = Column::<T>::default();
        for page in 0..column.page_limit() {
            let mut bytes = Vec::new();
            if column.page_bytes(page, &mut bytes) {
                loaded.load_page(page, column.page_row_count(page), &bytes).expect("our own bytes");
            }
        }
        assert_eq!(root(&mut loaded), root(&mut fresh), "seed {seed}: pages survive their bytes");
    }
}

#[test]
fn rows_of_every_size() {
    for seed in 0..6 {
        check(seed, |_| ());
        check(seed, |draw| draw as u8);
        check(seed, |draw| [draw, draw >> 9]);
        check(seed, |draw| (draw % 3 > 0).then_some([draw, draw >> 9]));
        check(seed, |draw| [(draw % 5) as u8; 33]);
        check(seed, |draw| [draw; 8]);
        check(seed, |draw| [draw; 32]);
    }
}

#[test]
fn pages_hold_at_most_16_kib() {
    for row_bytes in 0..=limits::ROW_BYTES_MAX {
        let rows = usize::from(page_rows(row_bytes));
        assert!(rows.is_power_of_two() && (64..=1024).contains(&rows));
        assert!(rows * row_bytes <= limits::PAGE_BYTES_MAX, "{row_bytes}");
        assert!(rows == 1024 || 2 * rows * row_bytes > limits::PAGE_BYTES_MAX, "{row_bytes}: the largest that fits");
    }
}

#[test]
fn nothing_new_leaves_a_page_clean() {
    let (_, rows) = rows(100);
    let mut column = Column::default();
    rows.iter().for_each(|row| column.set(*row, 7_u32));
    root(&mut column);
    column.set(rows[3], 7);
    column.modify(rows[4], |value| *value = 7);
    join(&mut column).for_each(|_, value| *value = (*value).max(7));
    assert_eq!(column.dirty_page_count(), 0);
    column.modify(rows[4], |value| *value = 8);
    assert_eq!(column.dirty_page_count(), 1);
}

/// The slow allocator: all that live, and the last generation of all that ever did.
#[derive(Default)]
struct SlowEntities {
    alive: BTreeSet<Entity>,
    generations: BTreeMap<u32, u32>,
    bands: Vec<u8>,
}

impl SlowEntities {
    fn spawn(&mut self, band: u8) -> (u32, u32) {
        let taken: BTreeSet<u32> = self.alive.iter().map(|entity| entity.index()).collect();
        let runs = |bands: &[u8]| -> Vec<u32> {
            (0..).zip(bands).filter(|(_, own)| **own == band).map(|(run, _)| run).collect()
        };
        let free = |bands: &[u8]| {
            runs(bands).into_iter().flat_map(|run| run * 1024..(run + 1) * 1024).find(|index| !taken.contains(index))
        };
        let index = free(&self.bands).unwrap_or_else(|| {
            self.bands.push(band);
            (self.bands.len() as u32 - 1) * 1024
        });
        let generation = self.generations.entry(index).or_default();
        *generation += 1;
        (index, *generation)
    }
}

#[test]
fn entities_come_as_from_a_slow_allocator() {
    for seed in 0..4 {
        let (mut dice, mut slow) = (Dice(seed), SlowEntities::default());
        let mut realm = crate::arena::start().state().clone();
        tickworld_sim::State::columns_mut(&mut realm, &mut |_, column| column.clear());
        realm.scars = ListColumn::default();
        realm.weather = tickworld_sim::resource::Resource::new(0);
        let mut dead = Vec::new();
        for turn in 0..3000 {
            if dice.below(5) > 1 || slow.alive.is_empty() {
                let band = dice.below(2) as u8;
                let entity = tickworld_sim::State::spawn(&mut realm, Band(band)).expect("room");
                assert_eq!((entity.index(), entity.generation()), slow.spawn(band), "seed {seed}, turn {turn}");
                let row = realm.entities.row(entity).expect("lives");
                assert_eq!(realm.entities.band(row), Some(Band(band)));
                realm.scars.push(row, 4).expect("room");
                realm.health.set(row, 4);
                slow.alive.insert(entity);
            } else {
                let at = dice.below(slow.alive.len() as u64) as usize;
                let entity = *slow.alive.iter().nth(at).expect("counted");
                slow.alive.remove(&entity);
                assert!(tickworld_sim::State::despawn(&mut realm, entity));
                assert!(!tickworld_sim::State::despawn(&mut realm, entity), "once");
                dead.push(entity);
            }
        }
        let mut all = Vec::new();
        join(&realm.entities).for_each(|row, entity| {
            assert_eq!(realm.entities.entity(row), Some(entity));
            all.push(entity);
        });
        assert_eq!(all, slow.alive.into_iter().collect::<Vec<_>>(), "seed {seed}");
        assert_eq!(realm.entities.len() as usize, all.len());
        assert_eq!(realm.health.len() as usize, all.len(), "the dead left nothing behind");
        assert!(dead.iter().all(|entity| !realm.entities.contains(*entity)), "stale handles stay stale");
        assert_eq!(tickworld_sim::State::check(&realm), Ok(()));
    }
}

#[test]
fn lists_hold_what_vectors_hold() {
    for seed in 0..6 {
        let (mut dice, (entities, rows)) = (Dice(seed), rows(40));
        let (mut list, mut model) = (ListColumn::<u16, 3>::default(), vec![Vec::new(); 40]);
        let mut kept = Vec::new();
        for turn in 0..2500 {
            let (who, item) = (dice.below(40) as usize, dice.below(50) as u16);
            let (row, own) = (rows[who], &mut model[who]);
            let at = dice.below(own.len() as u64 + 1) as usize;
            match dice.below(12) {
                0..=6 => {
                    list.push(row, item).expect("room");
                    own.push(item);
                }
                7 | 8 => {
                    assert_eq!(list.remove(row, at as u32), (at < own.len()).then(|| own.remove(at)), "seed {seed}");
                }
                9 => {
                    assert_eq!(list.set(row, at as u32, item), at < own.len(), "seed {seed}");
                    own.get_mut(at).into_iter().for_each(|old| *old = item);
                }
                10 if turn % 3 == 0 => {
                    list.retain(row, |kept| std::mem::replace(kept, item) % 3 > 0);
                    own.retain_mut(|kept| std::mem::replace(kept, item) % 3 > 0);
                }
                11 if turn % 9 == 0 => {
                    list.clear(row);
                    own.clear();
                }
                _ if turn % 50 == 0 => kept.push((list.clone(), model.clone())),
                _ => {}
            }
            let (own, row) = (&model[who], rows[who]);
            assert_eq!(list.get(row, at as u32), own.get(at), "seed {seed}, turn {turn}");
            assert_eq!((list.len(row) as usize, list.is_empty(row)), (own.len(), own.is_empty()));
        }
        kept.push((list, model));
        for (list, model) in &kept {
            for (row, own) in rows.iter().zip(model) {
                assert_eq!(list.iter(*row).copied().collect::<Vec<_>>(), *own, "seed {seed}");
            }
            let check = <ListColumn<u16, 3> as tickworld_sim::part::Part<crate::arena::Realm>>::check;
            assert_eq!(check(list, &entities), Ok(()), "seed {seed}");
        }
    }
}
