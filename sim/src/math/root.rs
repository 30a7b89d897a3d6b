//! Square roots and lengths over integers.
//!
//! Invariant: integer roots are exact floors, fixed-point roots are correctly rounded (a root is never a tie: an odd
//! multiple of a half squared is no integer). Sums of squares are exact in 128 bits before the one root.

use super::fx::Fx;

/// The greatest integer whose square is not above `value`.
#[inline]
#[must_use]
pub const fn isqrt_u64(value: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the root of 64 bits has 32")]
    let root = value.isqrt() as u32;
    root
}

/// The greatest integer whose square is not above `value`.
#[inline]
#[must_use]
pub const fn isqrt_u128(value: u128) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the root of 128 bits has 64")]
    let root = value.isqrt() as u64;
    root
}

/// `sqrt(x^2 + y^2)`, correctly rounded, saturating.
#[inline]
#[must_use]
pub fn hypot(x: Fx, y: Fx) -> Fx {
    length_of_magnitudes([x.to_bits().unsigned_abs(), y.to_bits().unsigned_abs(), 0])
}

impl Fx {
    /// The square root, correctly rounded; `None` below zero.
    #[inline]
    #[must_use]
    pub const fn sqrt(self) -> Option<Self> {
        let bits = self.to_bits();
        if bits < 0 {
            None
        } else if bits < 1 << 48 {
            Some(Self::from_bits(rounded_root_u64(bits.cast_unsigned() << 16_u32).cast_signed()))
        } else {
            Some(Self::from_bits(rounded_root_u128((bits.cast_unsigned() as u128) << 16_u32).cast_signed()))
        }
    }
}

/// The length of a vector whose components have these magnitudes in bits of [`Fx`], correctly rounded, saturating.
#[inline]
pub(super) fn length_of_magnitudes(magnitudes: [u64; 3]) -> Fx {
    let [x, y, z] = magnitudes;
    let union = x | y | z;
    if union < 1 << 31_u32 {
        let squares = x.wrapping_mul(x).wrapping_add(y.wrapping_mul(y)).wrapping_add(z.wrapping_mul(z));
        return Fx::from_bits(rounded_root_u64(squares).cast_signed());
    }
    if union > 1 << 63_u32 {
        return Fx::MAX;
    }
    let squares = square(x).wrapping_add(square(y)).wrapping_add(square(z));
    Fx::from_bits(i64::try_from(rounded_root_u128(squares)).unwrap_or(i64::MAX))
}

#[inline]
fn square(magnitude: u64) -> u128 {
    u128::from(magnitude).wrapping_mul(u128::from(magnitude))
}

#[inline]
const fn rounded_root_u64(value: u64) -> u64 {
    let root = value.isqrt();
    // Above (root + 1/2)^2 exactly when the rest exceeds the root.
    let rest = value.wrapping_sub(root.wrapping_mul(root));
    root.wrapping_add((rest > root) as u64)
}

/// `value` is at most 3 * 2^126.
#[inline]
const fn rounded_root_u128(value: u128) -> u64 {
    let root = isqrt_u128(value);
    let rest = value.wrapping_sub((root as u128).wrapping_mul(root as u128));
    root.wrapping_add((rest > root as u128) as u64)
}
