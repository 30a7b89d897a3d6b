//! The arc tangent of a ratio in the first octant, rounded to whole steps of the binary angle.
//!
//! A table and a line give the angle to within 1/70 step. Only where that is too near a border between two results, one
//! pair of exact products is compared against the border's own sine and cosine.
//!
//! Invariant: the result is the nearest step, unless the true angle lies within 2^-45 step of a border, which befalls
//! one random pair in 2^44 (no pair of 12 bits, as a test shows) and then may give the other neighbour. No ties: the tangent
//! of a border is irrational (Niven). No signs here: folding octants is the caller's.

use super::trig::sin_cos_q62;

const INTERVAL_BITS: u32 = 8;
const INTERVAL_COUNT: usize = 256;
/// Fraction bits of a step in the estimate.
const STEP_BITS: u32 = 16;
/// The border between two results, in the estimate's unit.
const HALF_STEP: u32 = 1 << 15;
/// 1/16 step, in the estimate's unit: five times the estimate's error.
const DOUBT: u32 = HALF_STEP / 8;

/// `atan(index / 256)` in 2^-16 steps; one octant is 2^29.
static ATAN: [u32; INTERVAL_COUNT + 1] = atan_table();

/// Steps (1/65,536 turn) nearest to `atan(small / big)`, 0 to 8192.
///
/// `small <= big`, `big` is not zero.
#[expect(clippy::arithmetic_side_effects, reason = "the divisor has its top bit set")]
#[inline]
pub(super) fn octant_steps(small: u64, big: u64) -> u16 {
    let shift = big.leading_zeros();
    // The ratio in 32 fraction bits, its relative error below 2^-30.
    let ratio = (small << shift).wrapping_div((big << shift) >> 32_u32).min(1 << 32_u32);
    let estimate = estimate(ratio);
    let (floor, fraction) = (estimate >> STEP_BITS, estimate & 0xFFFF);
    let up = if fraction.abs_diff(HALF_STEP) < DOUBT {
        let (sin, cos) = sin_cos_q62((floor << 1) | 1);
        u128::from(small << shift).wrapping_mul(u128::from(cos))
            > u128::from(big << shift).wrapping_mul(u128::from(sin))
    } else {
        fraction >= HALF_STEP
    };
    narrow(floor).wrapping_add(u16::from(up))
}

/// The chord below the curve: at most 0.013 step too small.
#[inline]
fn estimate(ratio: u64) -> u32 {
    const OFFSET_BITS: u32 = 32 - INTERVAL_BITS;
    if ratio >> 32_u32 != 0 {
        return ATAN[INTERVAL_COUNT];
    }
    let interval = interval_of(ratio);
    let offset = ratio & ((1 << OFFSET_BITS) - 1);
    let (from, to) = (u64::from(ATAN[interval]), u64::from(ATAN[interval.wrapping_add(1)]));
    low_32(from.wrapping_add(to.wrapping_sub(from).wrapping_mul(offset) >> OFFSET_BITS))
}

#[inline]
const fn interval_of(ratio: u64) -> usize {
    (ratio >> (32 - INTERVAL_BITS)) as usize & (INTERVAL_COUNT - 1)
}

#[expect(clippy::cast_possible_truncation, reason = "a point between two entries is at most 2^29")]
#[inline]
const fn low_32(estimate: u64) -> u32 {
    estimate as u32
}

#[expect(clippy::cast_possible_truncation, reason = "an estimate of at most 2^29 has at most 8192 whole steps")]
#[inline]
const fn narrow(steps: u32) -> u16 {
    steps as u16
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an octant is 2^29")]
#[expect(clippy::arithmetic_side_effects, reason = "evaluated at compile time, where an overflow does not compile")]
const fn atan_table() -> [u32; INTERVAL_COUNT + 1] {
    let mut table = [0; INTERVAL_COUNT + 1];
    let mut index = 0;
    while index <= INTERVAL_COUNT {
        table[index] = radians_to_steps(atan_series(index as i128)) as u32;
        index += 1;
    }
    table
}

/// `atan(index / 256)` in radians of 60 fraction bits, by Euler's series
/// `t/(1+t^2) * sum product_{k<=n} (2k/(2k+1)) * (t^2/(1+t^2))`, whose terms at least halve.
#[expect(clippy::arithmetic_side_effects, reason = "evaluated at compile time, where an overflow does not compile")]
const fn atan_series(index: i128) -> i128 {
    let whole = INTERVAL_COUNT as i128;
    let norm = index * index + whole * whole;
    let mut term = ((index * whole) << 60_u32) / norm;
    let mut sum = term;
    let mut n = 1;
    while n <= 60 {
        term = term * (2 * n) * (index * index) / ((2 * n + 1) * norm);
        sum += term;
        n += 1;
    }
    sum
}

/// Radians of 60 fraction bits in 2^-16 steps, nearest: a turn is 2^32 of them.
#[expect(clippy::arithmetic_side_effects, reason = "evaluated at compile time, where an overflow does not compile")]
const fn radians_to_steps(radians: i128) -> i128 {
    /// pi in 60 fraction bits.
    const PI_Q60: i128 = 0x3243_F6A8_885A_308D;
    ((radians << 31_u32) + PI_Q60 / 2) / PI_Q60
}
