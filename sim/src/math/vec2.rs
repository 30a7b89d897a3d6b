//! `Vec2`, a point or displacement in the plane.
//!
//! Invariant: every result component is rounded once from the exact value, except [`normalize`](Vec2::normalize), whose
//! bound it states. Deliberately absent: operators (see [`Fx`]) and matrices.

use super::angle::Angle;
use super::fx::Fx;
use super::root::{hypot, length_of_magnitudes};
use super::round::{div_half_even_i64, narrow_saturating, shift_16_half_even};

/// Two components in one unit, which the field that holds the vector says. `Ord` is by x, then y.
#[derive(tickworld_derive::Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Vec2 {
    /// Towards angle zero.
    pub x: Fx,
    /// Towards a quarter turn.
    pub y: Fx,
}

impl Vec2 {
    /// The origin: both components are 0.
    pub const ZERO: Self = Self::new(Fx::ZERO, Fx::ZERO);

    /// The vector `(x, y)`.
    #[inline]
    #[must_use]
    pub const fn new(x: Fx, y: Fx) -> Self {
        Self { x, y }
    }

    /// The unit vector of a direction: each component correctly rounded.
    #[inline]
    #[must_use]
    pub fn from_angle(angle: Angle) -> Self {
        Self::new(angle.cos(), angle.sin())
    }

    /// The direction, as [`Angle::atan2`]; [`Angle::ZERO`] for the zero vector.
    #[inline]
    #[must_use]
    pub fn angle(self) -> Angle {
        Angle::atan2(self.y, self.x)
    }

    /// `self + other` by component. Exact, saturating.
    #[inline]
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self::new(self.x.saturating_add(other.x), self.y.saturating_add(other.y))
    }

    /// `self - other` by component. Exact, saturating.
    #[inline]
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self::new(self.x.saturating_sub(other.x), self.y.saturating_sub(other.y))
    }

    /// The opposite vector, saturating.
    #[inline]
    #[must_use]
    pub const fn saturating_neg(self) -> Self {
        Self::new(self.x.saturating_neg(), self.y.saturating_neg())
    }

    /// `self * factor` by component: half to even, saturating.
    #[inline]
    #[must_use]
    pub const fn scale(self, factor: Fx) -> Self {
        Self::new(self.x.saturating_mul(factor), self.y.saturating_mul(factor))
    }

    /// The scalar product: exact sum, rounded once half to even, saturating.
    #[inline]
    #[must_use]
    pub const fn dot(self, other: Self) -> Fx {
        // Only two products of 2^126 saturate the sum, far outside the result's range.
        let sum = self.x.wide_mul(other.x).saturating_add(self.y.wide_mul(other.y));
        Fx::from_bits(narrow_saturating(shift_16_half_even(sum)))
    }

    /// `self.x * other.y - self.y * other.x`, positive if `other` lies towards +y of `self`: exact difference, rounded
    /// once half to even, saturating.
    #[inline]
    #[must_use]
    pub const fn cross(self, other: Self) -> Fx {
        let difference = self.x.wide_mul(other.y).saturating_sub(self.y.wide_mul(other.x));
        Fx::from_bits(narrow_saturating(shift_16_half_even(difference)))
    }

    /// The length, correctly rounded, saturating.
    #[inline]
    #[must_use]
    pub fn length(self) -> Fx {
        hypot(self.x, self.y)
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
            0,
        ])
    }

    /// The unit vector of the same direction; `None` for the zero vector.
    ///
    /// Each component is within 0.501 ulp of the exact one, so the length of the result is within 1 ulp of 1.
    #[inline]
    #[must_use]
    pub fn normalize(self) -> Option<Self> {
        let [x, y] = unit_components([self.x, self.y])?;
        Some(Self::new(x, y))
    }

    /// A quarter turn towards +y: `(-y, x)`, saturating.
    #[inline]
    #[must_use]
    pub const fn perp(self) -> Self {
        Self::new(self.y.saturating_neg(), self.x)
    }

    /// The point `t` of the way to `to`, as [`Fx::lerp`] by component.
    #[inline]
    #[must_use]
    pub const fn lerp(self, to: Self, t: Fx) -> Self {
        Self::new(self.x.lerp(to.x, t), self.y.lerp(to.y, t))
    }
}

/// Components of the unit vector, or `None` for zero; `N` is 2 or 3.
///
/// The vector is scaled by a power of two so that its greatest component has 31 bits (which keeps everything in 64 bits)
/// and divided by its length, itself known to 2^-31 of its value.
#[inline]
pub(super) fn unit_components<const N: usize>(components: [Fx; N]) -> Option<[Fx; N]> {
    let components = components.map(Fx::to_bits);
    let union = components.iter().fold(0_u64, |union, bits| union | bits.unsigned_abs());
    if union == 0 {
        return None;
    }
    let bit_count = u64::BITS.wrapping_sub(union.leading_zeros());
    let scaled = components.map(|bits| {
        if bit_count <= 31 { bits << 31_u32.wrapping_sub(bit_count) } else { bits >> bit_count.wrapping_sub(31) }
    });
    let squares = scaled.iter().fold(0_u64, |sum, bits| {
        let magnitude = bits.unsigned_abs();
        sum.wrapping_add(magnitude.wrapping_mul(magnitude))
    });
    let length = squares.isqrt().cast_signed();
    Some(scaled.map(|bits| Fx::from_bits(div_half_even_i64(bits << 16, length))))
}
