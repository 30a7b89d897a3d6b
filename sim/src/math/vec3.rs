//! `Vec3`, a point or displacement in space.
//!
//! Invariant and absences as for [`Vec2`](super::Vec2).

use super::fx::Fx;
use super::root::length_of_magnitudes;
use super::round::{narrow_saturating, shift_16_half_even};
use super::vec2::{Vec2, unit_components};

/// Three components in one unit, which the field that holds the vector says. `Ord` is by x, then y, then z.
#[derive(tickworld_derive::Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Vec3 {
    /// Towards angle zero of the ground plane.
    pub x: Fx,
    /// Towards a quarter turn of the ground plane.
    pub y: Fx,
    /// Upwards from the ground plane.
    pub z: Fx,
}

impl Vec3 {
    /// The origin: all components are 0.
    pub const ZERO: Self = Self::new(Fx::ZERO, Fx::ZERO, Fx::ZERO);

    /// The vector `(x, y, z)`.
    #[inline]
    #[must_use]
    pub const fn new(x: Fx, y: Fx, z: Fx) -> Self {
        Self { x, y, z }
    }

    /// A vector of the ground plane, lifted to the height `z`.
    #[inline]
    #[must_use]
    pub const fn from_ground(ground: Vec2, z: Fx) -> Self {
        Self::new(ground.x, ground.y, z)
    }

    /// The vector without its height.
    #[inline]
    #[must_use]
    pub const fn to_ground(self) -> Vec2 {
        Vec2::new(self.x, self.y)
    }

    /// `self + other` by component. Exact, saturating.
    #[inline]
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self::new(self.x.saturating_add(other.x), self.y.saturating_add(other.y), self.z.saturating_add(other.z))
    }

    /// `self - other` by component. Exact, saturating.
    #[inline]
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self::new(self.x.saturating_sub(other.x), self.y.saturating_sub(other.y), self.z.saturating_sub(other.z))
    }

    /// The opposite vector, saturating.
    #[inline]
    #[must_use]
    pub const fn saturating_neg(self) -> Self {
        Self::new(self.x.saturating_neg(), self.y.saturating_neg(), self.z.saturating_neg())
    }

    /// `self * factor` by component: half to even, saturating.
    #[inline]
    #[must_use]
    pub const fn scale(self, factor: Fx) -> Self {
        Self::new(self.x.saturating_mul(factor), self.y.saturating_mul(factor), self.z.saturating_mul(factor))
    }

    /// The scalar product: exact sum, rounded once half to even, saturating.
    #[inline]
    #[must_use]
    pub const fn dot(self, other: Self) -> Fx {
        // Only two products of 2^126 saturate a partial sum upwards, and the third cannot bring the total back into range.
        let ground = self.x.wide_mul(other.x).saturating_add(self.y.wide_mul(other.y));
        let sum = ground.saturating_add(self.z.wide_mul(other.z));
        Fx::from_bits(narrow_saturating(shift_16_half_even(sum)))
    }

    /// The vector product, right-handed: each component an exact difference, rounded once half to even, saturating.
    #[inline]
    #[must_use]
    pub const fn cross(self, other: Self) -> Self {
        Self::new(
            Vec2::new(self.y, self.z).cross(Vec2::new(other.y, other.z)),
            Vec2::new(self.z, self.x).cross(Vec2::new(other.z, other.x)),
            Vec2::new(self.x, self.y).cross(Vec2::new(other.x, other.y)),
        )
    }

    /// The length, correctly rounded, saturating.
    #[inline]
    #[must_use]
    pub fn length(self) -> Fx {
        length_of_magnitudes([self.x, self.y, self.z].map(|component| component.to_bits().unsigned_abs()))
    }

    /// The square of the length: as [`dot`](Self::dot) with itself. Saturates from a length of about 11.8 million.
    #[inline]
    #[must_use]
    pub const fn length_squared(self) -> Fx {
        self.dot(self)
    }

    /// The length of the exact difference, correctly rounded, saturating.
    #[inline]
    #[must_use]
    pub fn distance(self, other: Self) -> Fx {
        length_of_magnitudes([
            self.x.to_bits().abs_diff(other.x.to_bits()),
            self.y.to_bits().abs_diff(other.y.to_bits()),
            self.z.to_bits().abs_diff(other.z.to_bits()),
        ])
    }

    /// The unit vector of the same direction; `None` for the zero vector. Precision as [`Vec2::normalize`].
    #[inline]
    #[must_use]
    pub fn normalize(self) -> Option<Self> {
        let [x, y, z] = unit_components([self.x, self.y, self.z])?;
        Some(Self::new(x, y, z))
    }

    /// The point `t` of the way to `to`, as [`Fx::lerp`] by component.
    #[inline]
    #[must_use]
    pub const fn lerp(self, to: Self, t: Fx) -> Self {
        Self::new(self.x.lerp(to.x, t), self.y.lerp(to.y, t), self.z.lerp(to.z, t))
    }
}
