//! Rounding and narrowing of wide integers, shared by the fixed-point operations.
//!
//! Invariant: every function is total over its documented range and rounds the exact quotient once, to the nearest
//! integer, ties to the even one. It knows nothing of scales or units: callers say what a bit is worth.

/// Fraction bits of [`Fx`](super::Fx).
pub(super) const FRACTION_BITS: u32 = 16;

/// `value / 2^16`, nearest, ties to even. Total.
#[inline]
pub(super) const fn shift_16_half_even(value: i128) -> i128 {
    let floor = value >> FRACTION_BITS;
    floor.wrapping_add(round_up_16(value & 0xFFFF, floor))
}

/// 1 if a discarded fraction of `fraction / 2^16` rounds `floor` up, else 0.
#[inline]
pub(super) const fn round_up_16(fraction: i128, floor: i128) -> i128 {
    // A tie (fraction = 0x8000) gains the lowest bit of `floor`, so it carries only when `floor` is odd.
    fraction.wrapping_add(0x7FFF).wrapping_add(floor & 1) >> FRACTION_BITS
}

/// `num / den`, nearest, ties to even. `den` is not zero and `|num| < 2^126`.
#[expect(clippy::arithmetic_side_effects, reason = "the caller's divisor is not zero")]
#[inline]
pub(super) const fn div_half_even(num: i128, den: i128) -> i128 {
    let quotient = num.wrapping_div(den);
    let twice_rest = num.wrapping_rem(den).unsigned_abs() << 1_u32;
    let den_magnitude = den.unsigned_abs();
    let away = twice_rest > den_magnitude || (twice_rest == den_magnitude && quotient & 1 != 0);
    if !away {
        quotient
    } else if (num < 0) == (den < 0) {
        quotient.wrapping_add(1)
    } else {
        quotient.wrapping_sub(1)
    }
}

/// The same quotient as [`div_half_even`] on the machine's own division. `den` is not zero and `|num| < 2^62`.
#[expect(clippy::arithmetic_side_effects, reason = "the caller's divisor is not zero")]
#[inline]
pub(super) const fn div_half_even_i64(num: i64, den: i64) -> i64 {
    let quotient = num.wrapping_div(den);
    let twice_rest = num.wrapping_rem(den).unsigned_abs() << 1_u32;
    let den_magnitude = den.unsigned_abs();
    let away = twice_rest > den_magnitude || (twice_rest == den_magnitude && quotient & 1 != 0);
    if !away {
        quotient
    } else if (num < 0) == (den < 0) {
        quotient.wrapping_add(1)
    } else {
        quotient.wrapping_sub(1)
    }
}

/// `value` if 64 bits hold it.
#[inline]
pub(super) const fn narrow_checked(value: i128) -> Option<i64> {
    if value < i64::MIN as i128 || value > i64::MAX as i128 { None } else { Some(truncated(value)) }
}

/// `value` moved to the nearest number that 64 bits hold.
#[inline]
pub(super) const fn narrow_saturating(value: i128) -> i64 {
    if value > i64::MAX as i128 {
        i64::MAX
    } else if value < i64::MIN as i128 {
        i64::MIN
    } else {
        truncated(value)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "both callers have checked the range")]
#[inline]
const fn truncated(value: i128) -> i64 {
    value as i64
}
