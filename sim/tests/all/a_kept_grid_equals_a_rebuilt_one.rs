//! A grid kept up over moves, spawns, despawns and snapshots equals one made anew, and finds what a scan finds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickworld_sim::{
    column::Column,
    entities::Entities,
    entity::{Band, Row},
    grid::Grid,
    join::join,
    math::{Fx, Vec2},
};

#[derive(Clone, Debug)]
enum Act {
    Spawn(u8, Vec2),
    Vanish(usize),
    Move(usize, Vec2),
    /// A short way: most rows stay in their bucket.
    Nudge(usize, Vec2),
    Keep,
    GoBack(usize),
}

fn position(reach: i64) -> impl Strategy<Value = Vec2> {
    (-reach..=reach, -reach..=reach).prop_map(|(x, y)| Vec2::new(Fx::from_bits(x), Fx::from_bits(y)))
}

/// Positions inside, at the borders and far outside of every grid below.
fn anywhere() -> impl Strategy<Value = Vec2> {
    prop_oneof![8 => position(40 << 16), 1 => position(4000 << 16), 1 => position(i64::MAX)]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..3_u8, anywhere()).prop_map(|(band, at)| Act::Spawn(band, at)),
        2 => any::<usize>().prop_map(Act::Vanish),
        3 => (any::<usize>(), anywhere()).prop_map(|(who, to)| Act::Move(who, to)),
        6 => (any::<usize>(), position(1 << 17)).prop_map(|(who, by)| Act::Nudge(who, by)),
        1 => Just(Act::Keep),
        1 => any::<usize>().prop_map(Act::GoBack),
    ]
}

fn empty_grid(bucket: i32) -> Grid {
    let corner = |at| Vec2::new(Fx::from_int(at), Fx::from_int(at + 7));
    Grid::new(corner(-30), corner(40), Fx::from_int(bucket))
}

#[derive(Clone)]
struct Scene {
    entities: Entities,
    position: Column<Vec2>,
    grid: Grid,
}

impl Scene {
    fn rows(&self) -> Vec<(Row, Vec2)> {
        let mut rows = Vec::new();
        join(&self.position).for_each(|row, at| rows.push((row, *at)));
        rows
    }

    fn apply(&mut self, act: &Act) {
        let rows = self.rows();
        let pick = |at: usize| rows.get(at % rows.len().max(1)).copied();
        match act {
            Act::Spawn(band, at) => {
                let entity = self.entities.spawn(Band(*band)).expect("room");
                self.position.set(self.entities.row(entity).expect("lives"), *at);
            }
            // The row stays alive without a position, as a despawned one is gone from the column too.
            Act::Vanish(who) => {
                pick(*who).map(|(row, _)| self.position.remove(row));
            }
            Act::Move(who, to) => pick(*who).into_iter().for_each(|(row, _)| self.position.set(row, *to)),
            Act::Nudge(who, by) => {
                pick(*who).into_iter().for_each(|(row, at)| self.position.set(row, at.saturating_add(*by)));
            }
            Act::Keep | Act::GoBack(_) => {}
        }
    }

    fn sync(&mut self) {
        let Self { grid, position, .. } = self;
        grid.sync(|placing| join(&*position).for_each(|row, at| placing.place(row, *at)));
    }

    /// Every query against a scan of all rows.
    fn check_queries(&self, center: Vec2, radius: Fx, count: usize) -> Result<(), TestCaseError> {
        let rows = self.rows();
        let positions: BTreeMap<Row, Vec2> = rows.iter().copied().collect();
        let squared = |at: Vec2| {
            let along = |a: Fx, b: Fx| u128::from(a.to_bits().abs_diff(b.to_bits())).pow(2);
            along(at.x, center.x).saturating_add(along(at.y, center.y))
        };
        let reach = u128::from(radius.to_bits().unsigned_abs()).pow(2);
        let found = self.grid.within(center, radius);
        prop_assert!(found.is_sorted() && found.windows(2).all(|pair| pair[0] != pair[1]), "{found:?}");
        let inside = |found: &mut dyn Iterator<Item = Row>| -> Vec<Row> {
            found.filter(|row| squared(positions[row]) <= reach).collect()
        };
        prop_assert_eq!(inside(&mut found.iter().copied()), inside(&mut positions.keys().copied()));

        let mut nearest: Vec<_> =
            rows.iter().map(|(row, at)| (squared(*at), *row)).filter(|(far, _)| *far <= reach).collect();
        nearest.sort_unstable();
        let nearest: Vec<Row> = nearest.into_iter().take(count).map(|(_, row)| row).collect();
        prop_assert_eq!(self.grid.nearest(center, radius, count, |row| positions.get(&row).copied()), nearest);
        Ok(())
    }
}

proptest! {
    #[test]
    fn kept_is_rebuilt(
        bucket in 1..20_i32,
        turns in prop::collection::vec(prop::collection::vec(act(), 0..12), 1..24),
        center in anywhere(),
        radius in 0..(60_i64 << 16),
        count in 0..6_usize,
    ) {
        let empty = empty_grid(bucket);
        let mut scene = Scene { entities: Entities::default(), position: Column::default(), grid: empty.clone() };
        let mut kept = vec![scene.clone()];
        for turn in turns {
            for act in &turn {
                scene.apply(act);
                match act {
                    // Mid-turn: the kept grid lags behind its column, and catches up after going back.
                    Act::Keep => kept.push(scene.clone()),
                    Act::GoBack(to) => scene = kept[to % kept.len()].clone(),
                    _ => {}
                }
            }
            scene.sync();
            let mut rebuilt = Scene { grid: empty.clone(), ..scene.clone() };
            rebuilt.sync();
            prop_assert_eq!(&scene.grid, &rebuilt.grid);
            prop_assert_eq!(scene.grid.len() as usize, scene.rows().len());
            prop_assert_eq!(scene.grid.is_empty(), scene.rows().is_empty());
            scene.check_queries(center, Fx::from_bits(radius), count)?;
            let around = scene.rows().first().map_or(center, |(_, at)| *at);
            scene.check_queries(around, Fx::from_bits(radius), count)?;
        }
    }
}

fn two_rows() -> (Column<Vec2>, Vec<Row>) {
    let mut entities = Entities::default();
    let mut position = Column::default();
    for x in 0..2 {
        let entity = entities.spawn(Band(0)).expect("room");
        position.set(entities.row(entity).expect("lives"), Vec2::new(Fx::from_int(x), Fx::ZERO));
    }
    let mut rows = Vec::new();
    join(&position).for_each(|row, _| rows.push(row));
    (position, rows)
}

#[test]
#[should_panic(expected = "rows are placed once and ascending")]
fn rows_out_of_order_are_a_bug() {
    let (_, rows) = two_rows();
    empty_grid(4).sync(|placing| rows.iter().rev().for_each(|row| placing.place(*row, Vec2::ZERO)));
}

/// The comparison above can fail: a grid that missed a removal differs from the rebuilt one.
#[test]
fn a_missed_removal_shows() {
    let (mut position, rows) = two_rows();
    let mut kept = empty_grid(4);
    kept.sync(|placing| join(&position).for_each(|row, at| placing.place(row, *at)));
    position.remove(rows[1]);
    let mut rebuilt = empty_grid(4);
    rebuilt.sync(|placing| join(&position).for_each(|row, at| placing.place(row, *at)));
    assert_ne!(kept, rebuilt);
    assert!(kept.contains(rows[1]) && !rebuilt.contains(rows[1]));
}

#[test]
fn a_small_bucket_over_a_large_area_grows() {
    let corner = |at| Vec2::new(Fx::from_int(at), Fx::from_int(at));
    let grid = Grid::new(corner(-1_000_000), corner(1_000_000), Fx::from_bits(1));
    assert_eq!(grid.bucket_side(), Fx::from_int(2048));
    let all = Vec2::new(Fx::MIN, Fx::MIN);
    let mut whole = Grid::new(all, Vec2::new(Fx::MAX, Fx::MAX), Fx::MAX);
    whole.sync(|placing| placing.place(two_rows().1[0], all));
    assert_eq!(whole.within(Vec2::ZERO, Fx::MAX).len(), 1);
}
