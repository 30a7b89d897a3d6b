//! Every kind of term, alone and together, visits and writes what a loop over ordered maps does; pages dirty only where a row
//! changed; and the number of workers changes neither the outcome nor the order of what is pushed.

use std::collections::BTreeMap;

use crate::arena::Threads;
use proptest::prelude::*;
use tickworld_sim::{
    column::{Column, Pages},
    entities::Entities,
    entity::{Band, Row},
    executor::Inline,
    join::{join, opt, without},
};

/// A 256-byte row: pages of 64, where an `i64` has pages of 1,024.
type Wide = [i64; 32];
type Model<T> = BTreeMap<Row, T>;

#[derive(Clone, Default)]
struct Scene {
    entities: Entities,
    a: Column<i64>,
    b: Column<Wide>,
    tag: Column<()>,
    model: (Model<i64>, Model<Wide>, Model<()>),
    /// What it was made from: (band, first row, number of rows, columns, which of them).
    stretches: Vec<Stretch>,
}

type Stretch = (usize, usize, usize, u8, u64);

impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.stretches.fmt(f)
    }
}

/// Which of the columns a row is in, by its bits; and a value.
fn scene() -> impl Strategy<Value = Scene> {
    // Lone rows, dense stretches and gaps over several runs.
    let stretch = (0..3_usize, 0..1400_usize, 1..200_usize, 0..8_u8, any::<u64>());
    prop::collection::vec(stretch, 0..9).prop_map(|stretches| {
        let mut scene = Scene { stretches: stretches.clone(), ..Scene::default() };
        let mut rows = vec![Vec::new(); 3];
        for (band, rows) in rows.iter_mut().enumerate() {
            for _ in 0..1600 {
                let entity = scene.entities.spawn(Band(band as u8)).expect("room");
                rows.push(scene.entities.row(entity).expect("lives"));
            }
        }
        for (band, from, count, mask, thin) in stretches {
            for (at, row) in rows[band][from..from + count].iter().enumerate() {
                if mask & 4 != 0 && thin >> (at % 64) & 1 == 0 {
                    continue;
                }
                scene.put(*row, mask, at as i64);
            }
        }
        seal(&mut scene.a);
        seal(&mut scene.b);
        scene
    })
}

impl Scene {
    fn put(&mut self, row: Row, mask: u8, value: i64) {
        if mask & 1 != 0 {
            self.a.set(row, value);
            self.model.0.insert(row, value);
        }
        if mask & 2 != 0 {
            self.b.set(row, [value; 32]);
            self.model.1.insert(row, [value; 32]);
        }
        if mask & 4 != 0 {
            self.tag.set(row, ());
            self.model.2.insert(row, ());
        }
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        join(&self.entities).for_each(|row, _| rows.push(row));
        rows
    }
}

fn seal(column: &mut dyn Pages) {
    column.seal(&mut Vec::new());
}

fn contents<T: tickworld_sim::Component>(column: &Column<T>) -> Vec<(Row, T)> {
    let mut all = Vec::new();
    join(column).for_each(|row, value| all.push((row, *value)));
    all
}

/// Pages that hold a row for which `is_changed`.
fn pages<T: tickworld_sim::Component>(column: &Column<T>, changed: impl Iterator<Item = Row>) -> u32 {
    let mut pages: Vec<u32> = changed.map(|row| row.index() / u32::from(column.page_rows())).collect();
    pages.dedup();
    pages.len() as u32
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn reading_terms(scene in scene()) {
        let Scene { entities, a, b, tag, model, .. } = &scene;
        let mut seen = Vec::new();
        join((a, opt(b), without(tag))).for_each(|row, (a, b, ())| seen.push((row, *a, b.copied())));
        let expected: Vec<_> = model.0.iter().filter(|(row, _)| !model.2.contains_key(row))
            .map(|(row, a)| (*row, *a, model.1.get(row).copied())).collect();
        prop_assert_eq!(&seen, &expected);
        prop_assert_eq!(join((a, opt(b), without(tag))).count() as usize, expected.len());

        // Tuples nest; `opt` and `without` take tuples.
        let mut seen = Vec::new();
        join((entities, (opt((a, b)), (without((a, tag)),)))).for_each(|row, (who, (both, ((),)))| {
            assert_eq!(who.index(), row.index());
            seen.push((row, both.map(|(a, b)| (*a, *b))));
        });
        let expected: Vec<_> = scene.rows().into_iter()
            .filter(|row| !(model.0.contains_key(row) && model.2.contains_key(row)))
            .map(|row| (row, model.0.get(&row).copied().zip(model.1.get(&row).copied()))).collect();
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn a_loop_that_breaks(scene in scene(), stop in 0..400_usize) {
        let mut seen = Vec::new();
        let mut b = scene.b.clone();
        let broken = join((&scene.a, &mut b)).try_for_each(|row, (_, b)| {
            if seen.len() == stop {
                return std::ops::ControlFlow::Break(row);
            }
            seen.push(row);
            b[0] += 1;
            std::ops::ControlFlow::Continue(())
        });
        let both: Vec<Row> = scene.model.0.keys().filter(|row| scene.model.1.contains_key(row)).copied().collect();
        prop_assert_eq!(broken.break_value(), both.get(stop).copied());
        prop_assert_eq!(&seen[..], &both[..stop.min(both.len())]);
        for (row, value) in contents(&b) {
            prop_assert_eq!(value[0] != scene.model.1[&row][0], seen.contains(&row));
        }
    }

    /// Writes rows whose value is a multiple of `divisor`, through `&mut` and `opt(&mut)`.
    #[test]
    fn writing_terms(scene in scene(), divisor in 1..300_i64, is_optional: bool) {
        let mut written = scene.clone();
        let change = |a: &mut i64, b: &mut Wide| if *a % divisor == 0 {
            b[31] += 1;
            *a = a.wrapping_add(b[31]);
        };
        if is_optional {
            join((&scene.entities, opt((&mut written.a, &mut written.b)))).for_each(|_, (_, both)| {
                both.into_iter().for_each(|(a, b)| change(a, b));
            });
        } else {
            join((&mut written.a, &mut written.b)).for_each(|_, (a, b)| change(a, b));
        }
        let (mut a, mut b) = (scene.model.0.clone(), scene.model.1.clone());
        let changed: Vec<Row> = scene.model.0.keys()
            .filter(|row| b.contains_key(row) && a[row] % divisor == 0).copied().collect();
        for row in &changed {
            change(a.get_mut(row).expect("both"), b.get_mut(row).expect("both"));
        }
        prop_assert_eq!(contents(&written.a), a.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(contents(&written.b), b.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(contents(&scene.a), scene.model.0.clone().into_iter().collect::<Vec<_>>(), "isolated");

        // Dirty are the pages of rows whose bytes changed, no others: a[row] += 0 leaves a page of `a` clean.
        let really = changed.iter().copied().filter(|row| written.a.get(*row) != scene.model.0.get(row));
        prop_assert_eq!(written.a.dirty_page_count(), pages(&written.a, really));
        prop_assert_eq!(written.b.dirty_page_count(), pages(&written.b, changed.iter().copied()));
        let (mut again, mut fresh) = (written.b.clone(), Column::default());
        contents(&written.b).into_iter().for_each(|(row, value)| fresh.set(row, value));
        prop_assert_eq!(again.seal(&mut Vec::new()), fresh.seal(&mut Vec::new()), "kept hashes are true");
    }

    #[test]
    fn any_number_of_workers(scene in scene(), workers in 1..=64_usize) {
        let run = |executor: &dyn tickworld_sim::executor::Executor| {
            let mut own = scene.clone();
            let terms = (&mut own.a, opt(&mut own.b), &own.entities);
            let pushed = join(terms).par_for_each(executor, |row, (a, b, who), out| {
                *a += i64::from(row.index() % 3);
                b.into_iter().for_each(|b| b[5] = *a);
                (0..row.index() % 3).for_each(|i| out.push((who, i)));
            });
            let mut root = own.a.seal(&mut Vec::new()).0.to_vec();
            root.extend(own.b.seal(&mut Vec::new()).0);
            (pushed, root, contents(&own.a))
        };
        let (inline, threads) = (run(&Inline), run(&Threads(workers)));
        prop_assert!(inline.0.is_sorted());
        prop_assert_eq!(inline, threads);
    }
}

#[test]
#[should_panic(expected = "a join needs at least one term that is neither opt nor without")]
fn a_join_needs_an_end() {
    let column = Column::<u8>::default();
    join((opt(&column), without(&column))).for_each(|_, _| {});
}
