//! [`Tile`]: 8 by 8 buckets in one piece of memory.
//!
//! Invariant: rows stand by bucket, ascending within each; an empty tile does not exist.

use alloc::vec::Vec;

use super::Place;
use crate::entity::Row;

/// Buckets along a tile's side.
pub(super) const TILE_SIDE: u32 = 8;
/// Buckets in a tile.
const TILE_BUCKETS: usize = (TILE_SIDE * TILE_SIDE) as usize;

/// A row comes into a bucket or leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Change {
    pub(super) place: Place,
    pub(super) row: Row,
    pub(super) arrives: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// Where each bucket's rows end in `rows`.
    ends: [u32; TILE_BUCKETS],
    rows: Vec<Row>,
}

impl Tile {
    pub(super) const EMPTY: Self = Self { ends: [0; TILE_BUCKETS], rows: Vec::new() };

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.rows.len()).expect("no more rows than there are entities, which have u32 indices")
    }

    /// The rows of buckets `from..=to` of the tile's bucket row `y`: they stand side by side.
    #[inline]
    pub(super) fn span(&self, from: u32, to: u32, y: u32) -> &[Row] {
        let row = y.saturating_mul(TILE_SIDE);
        let (first, last) = (row.saturating_add(from) as usize, row.saturating_add(to) as usize);
        &self.rows[self.start(first)..self.ends[last] as usize]
    }

    fn start(&self, bucket: usize) -> usize {
        bucket.checked_sub(1).map_or(0, |before| self.ends[before]) as usize
    }

    /// This tile after `changes`, which are its own, by (bucket, row); `None` if nothing is left. O(rows + changes).
    pub(super) fn changed(&self, mut changes: &[Change]) -> Option<Self> {
        let mut next = Self { ends: [0; TILE_BUCKETS], rows: Vec::with_capacity(self.rows.len()) };
        for bucket in 0..TILE_BUCKETS {
            let old = &self.rows[self.start(bucket)..self.ends[bucket] as usize];
            let count = changes.partition_point(|change| change.place.bucket_in_tile() as usize <= bucket);
            let (here, later) = changes.split_at(count);
            changes = later;
            merge(old, here, &mut next.rows);
            next.ends[bucket] = next.len();
        }
        (!next.rows.is_empty()).then_some(next)
    }
}

/// Appends `old` with `changes` applied; both ascend by row.
fn merge(mut old: &[Row], changes: &[Change], out: &mut Vec<Row>) {
    for change in changes {
        let (before, rest) = old.split_at(old.partition_point(|row| *row < change.row));
        out.extend_from_slice(before);
        old = rest;
        if change.arrives {
            out.push(change.row);
        } else {
            let (left, rest) = old.split_first().expect("who leaves a bucket was in it");
            assert_eq!(*left, change.row, "who leaves a bucket was in it");
            old = rest;
        }
    }
    out.extend_from_slice(old);
}
