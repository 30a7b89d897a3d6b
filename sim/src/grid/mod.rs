//! [`Grid`]: who is near whom: rows by position, to be kept in a [`Derived`](crate::derived::Derived).
//!
//! Invariant: contents depend on the settings and on who was placed where, never on the way there: a grid that was kept up
//! over a thousand ticks equals one made anew. Each bucket holds its rows ascending. Tiles of 8 by 8 buckets are
//! copy-on-write, so beside a snapshot a small change copies a few tiles, not the grid.
//! It stores no positions: the column does, and whoever asks compares true distances.

mod nearest;
mod sync;
mod tile;

use alloc::{sync::Arc, vec::Vec};

pub use sync::Placing;
use tile::{TILE_SIDE, Tile};

use crate::{
    column::RUN_ROWS,
    entity::Row,
    limits,
    math::{Fx, Vec2},
};

/// Rows by position, in square buckets over a rectangle.
///
/// Positions outside the rectangle belong to the nearest bucket at its border, and every query finds them there.
///
/// ```
/// use tickworld_sim::{
///     column::Column, derived::Rebuild, entities::Entities, entity::Band, grid::Grid, join::join, math::{Fx, Vec2},
/// };
///
/// let (mut entities, mut position) = (Entities::default(), Column::<Vec2>::default());
/// for x in 0..10 {
///     let entity = entities.spawn(Band(0)).expect("room");
///     position.set(entities.row(entity).expect("lives"), Vec2::new(Fx::from_int(x), Fx::ZERO));
/// }
/// let corner = Vec2::new(Fx::from_int(64), Fx::from_int(64));
/// let mut grid = Grid::new(Vec2::ZERO, corner, Fx::from_int(2));
/// grid.sync(|placing| join(&position).for_each(|row, at| placing.place(row, *at)));
///
/// let near: Vec<u32> = grid.within(Vec2::ZERO, Fx::from_int(3)).iter().map(|row| row.index()).collect();
/// assert_eq!(near, [0, 1, 2, 3]); // the buckets of x = 0..2 and 2..4
/// let two = grid.nearest(Vec2::ZERO, Fx::from_int(9), 2, |row| position.get(row).copied());
/// assert_eq!(two.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    frame: Frame,
    /// By tile number; `None` where the tile is empty.
    tiles: Vec<Option<Arc<Tile>>>,
    /// By run of rows: where each row is. `None` where no row of the run is placed; the last run always has one.
    places: Vec<Option<Arc<Places>>>,
}

/// The place of each row of a run.
type Places = [Option<Place>; RUN_ROWS];

/// A bucket's number: by tile, then within the tile; plus one, so that an `Option` of it takes no more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(core::num::NonZeroU32);

/// Where buckets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    min: Vec2,
    /// The last position that is inside.
    last: Vec2,
    /// A bucket's side is two to this power, in units of the last binary place of [`Fx`].
    side_log2: u32,
    /// Buckets along each axis, at least one.
    columns: u32,
    rows: u32,
    /// Tiles along x.
    tile_columns: u32,
}

/// A bucket by column and row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    x: u32,
    y: u32,
}

impl Grid {
    /// An empty grid over `min` to `max`. A bucket's side is `bucket` rounded up to a power of two, which spares a division
    /// for every row of every tick; and doubled until there are at most [`GRID_BUCKETS_MAX`](limits::GRID_BUCKETS_MAX).
    ///
    /// Choose the side near the radius most asked for: smaller costs more buckets a query, larger more candidates.
    ///
    /// # Panics
    /// If `max` is not beyond `min` on both axes, or `bucket` is not positive.
    #[must_use]
    pub fn new(min: Vec2, max: Vec2, bucket: Fx) -> Self {
        let frame = Frame::new(min, max, bucket);
        Self { frame, tiles: alloc::vec![None; frame.tile_count()], places: Vec::new() }
    }

    /// Side of a bucket.
    #[must_use]
    pub const fn bucket_side(&self) -> Fx {
        Fx::from_bits(1 << self.frame.side_log2)
    }

    /// Number of rows placed. O(tiles).
    #[must_use]
    pub fn len(&self) -> u32 {
        self.tiles.iter().flatten().map(|tile| tile.len()).sum()
    }

    /// Whether nothing is placed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether `row` is placed.
    #[must_use]
    pub fn contains(&self, row: Row) -> bool {
        self.place(row).is_some()
    }

    /// Every row in the buckets that the square of half-side `radius` around `center` touches, ascending: all within
    /// `radius`, and others near them. O(found log found + buckets).
    #[must_use]
    pub fn within(&self, center: Vec2, radius: Fx) -> Vec<Row> {
        let mut found = Vec::new();
        self.visit_within(center, radius, |row| found.push(row));
        found.sort_unstable();
        found
    }

    /// As [`within`](Self::within), without allocating and sorting.
    ///
    /// # Determinism
    /// Bucket by bucket, by y, then x; ascending by row within a bucket.
    #[inline]
    pub fn visit_within(&self, center: Vec2, radius: Fx, mut visit: impl FnMut(Row)) {
        let reach = Vec2::new(radius, radius);
        let low = self.frame.bucket(center.saturating_sub(reach));
        let high = self.frame.bucket(center.saturating_add(reach));
        for y in low.y..=high.y {
            self.visit_span(low.x, high.x, y, &mut visit);
        }
    }

    /// The rows of buckets `from..=to` of row `y`, a tile at a time.
    #[inline]
    fn visit_span(&self, from: u32, to: u32, y: u32, visit: &mut impl FnMut(Row)) {
        for tile_x in from / TILE_SIDE..=to / TILE_SIDE {
            let Some(tile) = self.tile(tile_x, y / TILE_SIDE) else { continue };
            let first = tile_x.saturating_mul(TILE_SIDE);
            let (from, to) = (from.max(first).saturating_sub(first), to.saturating_sub(first).min(TILE_SIDE - 1));
            tile.span(from, to, y % TILE_SIDE).iter().copied().for_each(&mut *visit);
        }
    }

    fn tile(&self, x: u32, y: u32) -> Option<&Tile> {
        let index = y.saturating_mul(self.frame.tile_columns).saturating_add(x);
        self.tiles.get(index as usize)?.as_deref()
    }

    fn place(&self, row: Row) -> Option<Place> {
        let run = self.places.get(row.index() as usize / RUN_ROWS)?.as_deref()?;
        run[row.index() as usize % RUN_ROWS]
    }
}

impl Frame {
    fn new(min: Vec2, max: Vec2, bucket: Fx) -> Self {
        assert!(min.x < max.x && min.y < max.y, "a grid has an area");
        assert!(bucket > Fx::ZERO, "a bucket has a positive side");
        let width = max.x.to_bits().abs_diff(min.x.to_bits());
        let height = max.y.to_bits().abs_diff(min.y.to_bits());
        // At most 2^62, so that the side is a number; the side is more than any extent long before 2^64.
        let mut side_log2 = bucket.to_bits().unsigned_abs().next_power_of_two().trailing_zeros().min(62);
        let count = |extent: u64, side_log2: u32| (extent.saturating_sub(1) >> side_log2).saturating_add(1);
        while count(width, side_log2).saturating_mul(count(height, side_log2)) > u64::from(limits::GRID_BUCKETS_MAX) {
            side_log2 = side_log2.saturating_add(1);
        }
        let count = |extent| u32::try_from(count(extent, side_log2)).expect("a factor of at most GRID_BUCKETS_MAX");
        let (columns, rows) = (count(width), count(height));
        let before = |bits: i64| Fx::from_bits(bits.saturating_sub(1));
        let last = Vec2::new(before(max.x.to_bits()), before(max.y.to_bits()));
        Self { min, last, side_log2, columns, rows, tile_columns: columns.div_ceil(TILE_SIDE) }
    }

    fn tile_count(&self) -> usize {
        self.tile_columns.saturating_mul(self.rows.div_ceil(TILE_SIDE)) as usize
    }

    /// The bucket that `position` belongs to: monotone on each axis, so whatever lies between two positions is found
    /// between their buckets, inside the rectangle or not.
    #[inline]
    fn bucket(&self, position: Vec2) -> Bucket {
        let along = |at: Fx, min: Fx, last: Fx| {
            let inside = at.to_bits().clamp(min.to_bits(), last.to_bits());
            #[expect(clippy::cast_possible_truncation, reason = "less than the number of buckets, which is a u32")]
            let bucket = (inside.abs_diff(min.to_bits()) >> self.side_log2) as u32;
            bucket
        };
        Bucket { x: along(position.x, self.min.x, self.last.x), y: along(position.y, self.min.y, self.last.y) }
    }

    #[inline]
    fn place(&self, position: Vec2) -> Place {
        let Bucket { x, y } = self.bucket(position);
        let tile = (y / TILE_SIDE).wrapping_mul(self.tile_columns).wrapping_add(x / TILE_SIDE);
        // Far below 2^32: padded to whole tiles, there are at most 64 GRID_BUCKETS_MAX buckets.
        Place::new(tile, (y % TILE_SIDE).wrapping_mul(TILE_SIDE).wrapping_add(x % TILE_SIDE))
    }
}

impl Place {
    #[inline]
    const fn new(tile: u32, bucket: u32) -> Self {
        let number = tile.wrapping_mul(TILE_SIDE * TILE_SIDE).wrapping_add(bucket);
        Self(core::num::NonZeroU32::MIN.saturating_add(number))
    }

    const fn number(self) -> u32 {
        self.0.get().wrapping_sub(1)
    }

    const fn tile(self) -> u32 {
        self.number() / (TILE_SIDE * TILE_SIDE)
    }

    const fn bucket_in_tile(self) -> u32 {
        self.number() % (TILE_SIDE * TILE_SIDE)
    }
}
