//! [`Grid::nearest`]: the few rows closest to a point.
//!
//! Invariant: the result is the one that comparing every row would give. Buckets are visited in growing squares until none
//! further out can hold a closer row.

use alloc::vec::Vec;

use super::{Bucket, Grid};
use crate::{
    entity::Row,
    math::{Fx, Vec2},
};

/// Square of a distance in units of the last binary place squared: exact, but for distances from 2^63 units on, beyond
/// which all count as equally far.
type Squared = u128;

impl Grid {
    /// Up to `count` rows closest to `center`, none further than `radius`, by (distance, row). `position` says where a
    /// row is, or `None` to pass it over. Distances are exact.
    ///
    /// Visits no bucket beyond `radius`, and none beyond the last row found once there are `count`.
    /// O(visited times count) at worst: `count` is meant to be small.
    #[must_use]
    pub fn nearest(
        &self,
        center: Vec2,
        radius: Fx,
        count: usize,
        mut position: impl FnMut(Row) -> Option<Vec2>,
    ) -> Vec<Row> {
        let mut best: Vec<(Squared, Row)> = Vec::new();
        let Ok(reach) = u64::try_from(radius.to_bits()) else { return Vec::new() };
        let reach = square(reach);
        let mut ring = 0_u32;
        // The nearest that a row outside the rings visited so far can be.
        let mut beyond = if count == 0 { None } else { Some(0) };
        while let Some(least) = beyond {
            let is_full = best.len() >= count;
            let furthest = best.last().filter(|_| is_full).map_or(reach, |(distance, _)| *distance);
            if least > furthest {
                break;
            }
            self.visit_ring(self.frame.bucket(center), ring, &mut |row| {
                let Some(at) = position(row) else { return };
                let candidate = (distance_squared(center, at), row);
                if candidate.0 > reach || best.len() >= count && best.last().is_some_and(|last| *last <= candidate) {
                    return;
                }
                best.truncate(count.saturating_sub(1));
                best.insert(best.partition_point(|other| *other < candidate), candidate);
            });
            beyond = self.beyond(center, ring);
            ring = ring.saturating_add(1);
        }
        best.into_iter().map(|(_, row)| row).collect()
    }

    /// The buckets whose greater distance in x or y from `middle` is `ring`, as far as the grid goes.
    fn visit_ring(&self, middle: Bucket, ring: u32, visit: &mut impl FnMut(Row)) {
        let low = Bucket { x: middle.x.saturating_sub(ring), y: middle.y.saturating_sub(ring) };
        let high = Bucket {
            x: middle.x.saturating_add(ring).min(self.frame.columns.saturating_sub(1)),
            y: middle.y.saturating_add(ring).min(self.frame.rows.saturating_sub(1)),
        };
        for y in low.y..=high.y {
            if y.abs_diff(middle.y) == ring {
                self.visit_span(low.x, high.x, y, visit);
                continue;
            }
            if low.x.abs_diff(middle.x) == ring {
                self.visit_span(low.x, low.x, y, visit);
            }
            if ring > 0 && high.x.abs_diff(middle.x) == ring {
                self.visit_span(high.x, high.x, y, visit);
            }
        }
    }

    /// The least squared distance from `center` to a place beyond `ring`; `None` where the grid has no such bucket.
    ///
    /// A row at the grid's border may lie further out than its bucket, never further in: the bound holds for it too.
    fn beyond(&self, center: Vec2, ring: u32) -> Option<Squared> {
        let frame = &self.frame;
        let middle = frame.bucket(center);
        let sides = [(center.x, frame.min.x, middle.x, frame.columns), (center.y, frame.min.y, middle.y, frame.rows)];
        let mut least: Option<Squared> = None;
        let mut consider = |distance: i128| {
            let distance = square(u64::try_from(distance.max(0)).unwrap_or(u64::MAX));
            least = Some(least.map_or(distance, |least| least.min(distance)));
        };
        for (center, min, middle, count) in sides {
            let center = i128::from(center.to_bits());
            let edge = |bucket: u32| i128::from(min.to_bits()).saturating_add(i128::from(bucket) << frame.side_log2);
            let after = middle.saturating_add(ring).saturating_add(1);
            if after < count {
                consider(edge(after).saturating_sub(center));
            }
            if let Some(first) = middle.checked_sub(ring).filter(|first| *first > 0) {
                consider(center.saturating_sub(edge(first)));
            }
        }
        least
    }
}

fn square(distance: u64) -> Squared {
    let distance = Squared::from(distance);
    distance.saturating_mul(distance)
}

fn distance_squared(a: Vec2, b: Vec2) -> Squared {
    let along = |a: Fx, b: Fx| square(a.to_bits().abs_diff(b.to_bits()));
    along(a.x, b.x).saturating_add(along(a.y, b.y))
}
