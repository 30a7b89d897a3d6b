//! `Cell`, a square of the integer grid.
//!
//! Invariant: a cell of size `s` holds the half-open square `[x*s, (x+1)*s) * [y*s, (y+1)*s)`, so every point lies in
//! exactly one cell. The size is not stored: one grid, one size, its owner's. Deliberately absent: contents, and hexes.

use super::fx::Fx;
use super::round::{div_half_even, narrow_saturating};
use super::vec2::Vec2;

/// A grid cell by column and row. `Ord` is by x, then y.
#[derive(tickworld_derive::Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cell {
    /// Column, growing towards +x.
    pub x: i32,
    /// Row, growing towards +y.
    pub y: i32,
}

/// Offsets of the neighbours, row by row from -y to +y, within a row from -x to +x.
const NEIGHBOUR_OFFSETS: [Cell; 8] = [
    Cell::new(-1, -1),
    Cell::new(0, -1),
    Cell::new(1, -1),
    Cell::new(-1, 0),
    Cell::new(1, 0),
    Cell::new(-1, 1),
    Cell::new(0, 1),
    Cell::new(1, 1),
];

impl Cell {
    /// The cell whose lower corner is the origin.
    pub const ZERO: Self = Self::new(0, 0);

    /// The cell `(x, y)`.
    #[inline]
    #[must_use]
    pub const fn new(x: i32, y: i32) -> Self {
        Self { x, y }
    }

    /// The cell of size `cell_size` that holds `point`: the floor of the exact quotient, each coordinate saturating.
    ///
    /// # Panics
    /// If `cell_size` is not positive: the grid's owner checks it when it reads the size.
    #[inline]
    #[must_use]
    pub fn containing(point: Vec2, cell_size: Fx) -> Self {
        assert!(cell_size > Fx::ZERO, "a cell has a positive size");
        let coordinate = |position: Fx| saturated_i32(position.to_bits().div_euclid(cell_size.to_bits()));
        Self::new(coordinate(point.x), coordinate(point.y))
    }

    /// The middle of the cell, half to even, saturating.
    ///
    /// It lies within the cell unless it saturates: the middle of a cell of 1 ulp is rounded to an edge, the even one.
    #[inline]
    #[must_use]
    pub const fn center(self, cell_size: Fx) -> Vec2 {
        Vec2::new(middle(self.x, cell_size), middle(self.y, cell_size))
    }

    /// `self + offset` by coordinate, saturating.
    #[inline]
    #[must_use]
    pub const fn saturating_add(self, offset: Self) -> Self {
        Self::new(self.x.saturating_add(offset.x), self.y.saturating_add(offset.y))
    }

    /// `self - offset` by coordinate, saturating.
    #[inline]
    #[must_use]
    pub const fn saturating_sub(self, offset: Self) -> Self {
        Self::new(self.x.saturating_sub(offset.x), self.y.saturating_sub(offset.y))
    }

    /// `self + offset` by coordinate, modulo 2^32.
    #[inline]
    #[must_use]
    pub const fn wrapping_add(self, offset: Self) -> Self {
        Self::new(self.x.wrapping_add(offset.x), self.y.wrapping_add(offset.y))
    }

    /// `self - offset` by coordinate, modulo 2^32.
    #[inline]
    #[must_use]
    pub const fn wrapping_sub(self, offset: Self) -> Self {
        Self::new(self.x.wrapping_sub(offset.x), self.y.wrapping_sub(offset.y))
    }

    /// King's moves to `other`: the greater of the two coordinate distances. Exact.
    #[inline]
    #[must_use]
    pub const fn chebyshev_distance(self, other: Self) -> u32 {
        let (x, y) = (self.x.abs_diff(other.x), self.y.abs_diff(other.y));
        if x > y { x } else { y }
    }

    /// Rook's steps to `other`: the sum of the two coordinate distances. Exact.
    #[inline]
    #[must_use]
    pub const fn manhattan_distance(self, other: Self) -> u64 {
        (self.x.abs_diff(other.x) as u64).wrapping_add(self.y.abs_diff(other.y) as u64)
    }

    /// The eight cells around, row by row from -y to +y, within a row from -x to +x.
    ///
    /// They wrap at the ends of the range, so they are always eight different cells and never this one.
    #[inline]
    #[must_use]
    pub fn neighbours(self) -> [Self; 8] {
        NEIGHBOUR_OFFSETS.map(|offset| self.wrapping_add(offset))
    }
}

/// `(coordinate + 1/2) * cell_size`.
#[inline]
const fn middle(coordinate: i32, cell_size: Fx) -> Fx {
    let odd = ((coordinate as i128) << 1).wrapping_add(1);
    Fx::from_bits(narrow_saturating(div_half_even(odd.wrapping_mul(cell_size.to_bits() as i128), 2)))
}

#[inline]
fn saturated_i32(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}
