//! [`Obstacles`]: the bitmap of blocked cells, and whether a straight line is free.
//!
//! Invariant: it follows from the walls and the map's size alone. Everything off the map is blocked.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "indices of words: a map has at most 2^18, and cells are checked against it"
)]

use alloc::{vec, vec::Vec};

use tickworld_sim::math::{Cell, Fx, Vec2};

use crate::{level::Wall, settings::Settings};

/// How far a walk keeps from blocked cells, in feet: more than all rounding along a segment, less than any creature's space.
pub const MARGIN: Fx = Fx::HALF;

/// The blocked cells of a map, one bit each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacles {
    settings: Settings,
    words_per_row: usize,
    /// Row by row; bit set: blocked.
    bits: Vec<u64>,
}

impl Obstacles {
    /// A map without walls.
    #[must_use]
    pub fn of_map(settings: Settings) -> Self {
        let words_per_row = usize::from(settings.width_cells).div_ceil(64);
        let bits = vec![0; words_per_row * usize::from(settings.height_cells)];
        Self { settings, words_per_row, bits }
    }

    /// Blocks a wall's cells, as far as they lie on the map.
    pub fn block(&mut self, wall: &Wall) {
        let end_x = wall.x.saturating_add(wall.width).min(self.settings.width_cells);
        let end_y = wall.y.saturating_add(wall.height).min(self.settings.height_cells);
        for y in wall.y..end_y {
            for x in wall.x..end_x {
                self.bits[usize::from(y) * self.words_per_row + usize::from(x) / 64] |= 1 << (x % 64);
            }
        }
    }

    /// Whether nobody can enter the cell.
    #[must_use]
    #[inline]
    pub fn is_blocked(&self, cell: Cell) -> bool {
        let (Ok(x), Ok(y)) = (u16::try_from(cell.x), u16::try_from(cell.y)) else { return true };
        if x >= self.settings.width_cells || y >= self.settings.height_cells {
            return true;
        }
        self.bits[usize::from(y) * self.words_per_row + usize::from(x) / 64] >> (x % 64) & 1 == 1
    }

    /// Whether nobody can stand at the place.
    #[must_use]
    pub fn is_blocked_at(&self, place: Vec2) -> bool {
        self.is_blocked(self.settings.cell_at(place))
    }

    /// The nearest place to `place` within its cell that keeps the margin from the cell's sides.
    #[must_use]
    pub fn inset(&self, place: Vec2) -> Vec2 {
        let side = self.settings.cell();
        let cell = self.settings.cell_at(place);
        let within = |at: Fx, index: i32| {
            let low = side.mul_int(i64::from(index));
            at.clamp(low.saturating_add(MARGIN), low.saturating_add(side).saturating_sub(MARGIN))
        };
        Vec2::new(within(place.x, cell.x), within(place.y, cell.y))
    }

    /// Whether one can walk straight from `from` to `to`, keeping the margin from blocked cells.
    #[must_use]
    pub fn can_walk(&self, from: Vec2, to: Vec2) -> bool {
        self.line_is_free(from, to, MARGIN)
    }

    /// Whether one can see straight from `from` to `to`.
    #[must_use]
    pub fn can_see(&self, from: Vec2, to: Vec2) -> bool {
        self.line_is_free(from, to, Fx::ZERO)
    }

    /// Whether every cell within `margin` (by coordinate) of the segment is free. O(cells it crosses).
    ///
    /// Row by row of cells: the part of the segment within the row's band gives the columns to look at.
    fn line_is_free(&self, from: Vec2, to: Vec2, margin: Fx) -> bool {
        let (low, high) = if from.y <= to.y { (from, to) } else { (to, from) };
        let side = self.settings.cell();
        let first: i32 = self.settings.cell_at(Vec2::new(low.x, low.y.saturating_sub(margin))).y;
        let last = self.settings.cell_at(Vec2::new(high.x, high.y.saturating_add(margin))).y;
        if first < 0_i32 || last >= i32::from(self.settings.height_cells) {
            return false;
        }
        let (dx, dy) = (high.x.saturating_sub(low.x), high.y.saturating_sub(low.y));
        let slope = if dy > Fx::ZERO { Some(dx.saturating_div(dy)) } else { None };
        for row in first..=last {
            let bottom = side.mul_int(i64::from(row)).saturating_sub(margin);
            let top = side.mul_int(i64::from(row).saturating_add(1)).saturating_add(margin);
            let (mut start, mut end) = (low.x, high.x);
            if let Some(slope) = slope {
                let x_at = |y: Fx| low.x.saturating_add(slope.saturating_mul(y.saturating_sub(low.y)));
                if bottom > low.y {
                    start = x_at(bottom);
                }
                if top < high.y {
                    end = x_at(top);
                }
            }
            let (left, right) = if start <= end { (start, end) } else { (end, start) };
            let left = self.settings.cell_at(Vec2::new(left.saturating_sub(margin), low.y)).x;
            let right = self.settings.cell_at(Vec2::new(right.saturating_add(margin), low.y)).x;
            if !self.span_is_free(row, left, right) {
                return false;
            }
        }
        true
    }

    fn span_is_free(&self, row: i32, left: i32, right: i32) -> bool {
        (left..=right).all(|x| !self.is_blocked(Cell::new(x, row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: i32, y: i32) -> Vec2 {
        Vec2::new(Fx::from_int(x), Fx::from_int(y))
    }

    fn walled() -> Obstacles {
        let mut obstacles = Obstacles::of_map(Settings::of_map(20, 20));
        obstacles.block(&Wall { x: 10, y: 5, width: 1, height: 10 });
        obstacles
    }

    #[test]
    fn walls_stop_walks_and_sight() {
        let obstacles = walled();
        assert!(!obstacles.can_walk(at(40, 40), at(60, 40)));
        assert!(!obstacles.can_see(at(40, 40), at(60, 42)));
        assert!(obstacles.can_walk(at(40, 10), at(60, 10)));
        assert!(obstacles.can_walk(at(40, 40), at(48, 90)));
        assert!(!obstacles.can_walk(at(40, 40), at(40, 101)), "off the map");
    }

    /// The slow model: sample the segment finely and look at each sample's surroundings.
    #[test]
    fn a_free_line_touches_no_blocked_cell() {
        let obstacles = walled();
        let mut free = 0;
        for seed in 0..4000_i32 {
            let at = |n: i32| Fx::from_ratio(i64::from(seed * 7919 + n * 104_729).rem_euclid(9_800), 98);
            let (from, to) = (Vec2::new(at(1), at(2)), Vec2::new(at(3), at(4)));
            if obstacles.can_walk(from, to) {
                free += 1;
                for part in 0..=200 {
                    let place = from.lerp(to, Fx::from_ratio(part, 200));
                    assert!(!obstacles.is_blocked_at(place), "{from:?} {to:?} {place:?}");
                }
            }
        }
        assert!(free > 500);
    }
}
