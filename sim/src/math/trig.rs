//! Sine and cosine of half-steps of the binary angle, in 62 fraction bits.
//!
//! A *half-step* is 1/131,072 turn: half the resolution of [`Angle`](super::Angle), so that both angles and the borders
//! between their rounding intervals are whole numbers. A quarter turn has 32,768.
//!
//! Invariant: each result is within 2^-59 of the exact value, far below what 16 fraction bits and the steepest tangent
//! need. The tables are made at compile time by Taylor series over integers and joined by the addition theorem; the tests
//! hold them against an independent series of arbitrary precision. No folding of quadrants here: that is the callers'.

/// 1.0 in 62 fraction bits.
pub(super) const ONE_Q62: u64 = 1 << 62;
/// Half-steps in a quarter turn.
pub(super) const QUARTER_HALF_STEPS: u32 = 1 << 15;

/// pi/2 in 62 fraction bits, truncated (the digits of pi in base 16: 3.243F6A88 85A308D3 13198A2E ...).
const HALF_PI_Q62: i128 = 0x6487_ED51_10B4_611A;
const FINE_BITS: u32 = 8;
const FINE_COUNT: usize = 1 << FINE_BITS;
const COARSE_COUNT: usize = 128;

/// Sine of `index` * 256 half-steps; read backwards it is the cosine.
static SIN_COARSE: [u64; COARSE_COUNT + 1] = sin_coarse_table();
/// Sine and cosine of `index` half-steps.
static FINE: [(u64, u64); FINE_COUNT] = fine_table();

/// Sine and cosine of an angle of 0 to 32,768 half-steps, each 0 to 2^62.
///
/// # Panics
/// Above 32,768.
#[inline]
pub(super) fn sin_cos_q62(half_steps: u32) -> (u64, u64) {
    let [sin_a, cos_a, sin_b, cos_b] = table_parts(half_steps);
    // a + b <= a quarter turn, so both sums lie in 0..=2^124 up to the tables' own error, hence the saturation.
    let sin = sin_a.wrapping_mul(cos_b).wrapping_add(cos_a.wrapping_mul(sin_b));
    let cos = cos_a.wrapping_mul(cos_b).saturating_sub(sin_a.wrapping_mul(sin_b));
    (narrow(sin >> 62_u32), narrow(cos >> 62_u32))
}

/// The sine alone, as [`sin_cos_q62`], in half the time.
#[inline]
pub(super) fn sin_q62(half_steps: u32) -> u64 {
    let [sin_a, cos_a, sin_b, cos_b] = table_parts(half_steps);
    narrow(sin_a.wrapping_mul(cos_b).wrapping_add(cos_a.wrapping_mul(sin_b)) >> 62_u32)
}

/// Sine and cosine of the coarse part `a` and the fine part `b` of an angle.
#[inline]
fn table_parts(half_steps: u32) -> [u128; 4] {
    let (coarse, fine) = ((half_steps >> FINE_BITS) as usize, (half_steps & 0xFF) as usize);
    let (sin_b, cos_b) = FINE[fine];
    [SIN_COARSE[coarse], SIN_COARSE[COARSE_COUNT.wrapping_sub(coarse)], sin_b, cos_b].map(u128::from)
}

#[expect(clippy::cast_possible_truncation, reason = "the sums above stay below 2^125, so 62 bits less fit in 63")]
#[inline]
const fn narrow(value: u128) -> u64 {
    value as u64
}

#[expect(clippy::arithmetic_side_effects, reason = "evaluated at compile time, where an overflow does not compile")]
const fn sin_coarse_table() -> [u64; COARSE_COUNT + 1] {
    let mut table = [0; COARSE_COUNT + 1];
    let mut index = 0;
    while index <= COARSE_COUNT {
        table[index] = series((index as i128) << FINE_BITS).0;
        index += 1;
    }
    table
}

#[expect(clippy::arithmetic_side_effects, reason = "evaluated at compile time, where an overflow does not compile")]
const fn fine_table() -> [(u64, u64); FINE_COUNT] {
    let mut table = [(0, 0); FINE_COUNT];
    let mut index = 0;
    while index < FINE_COUNT {
        table[index] = series(index as i128);
        index += 1;
    }
    table
}

/// Sine and cosine of 0 to 32,768 half-steps by the Taylor series at zero, for the tables.
#[expect(clippy::arithmetic_side_effects, reason = "evaluated at compile time, where an overflow does not compile")]
const fn series(half_steps: i128) -> (u64, u64) {
    let x = (HALF_PI_Q62 * half_steps + (1 << 14_u32)) >> 15_u32;
    let x_squared = (x * x + (1 << 61_u32)) >> 62_u32;
    let (mut sin, mut cos) = (x, ONE_Q62 as i128);
    let (mut sin_term, mut cos_term) = (x, ONE_Q62 as i128);
    let mut n = 1;
    // (pi/2)^34 / 34! is below 2^-100: the terms have long been zero.
    while n <= 17 {
        let even = 2 * n;
        cos_term = -scaled(cos_term, x_squared) / ((even - 1) * even);
        sin_term = -scaled(sin_term, x_squared) / (even * (even + 1));
        cos += cos_term;
        sin += sin_term;
        n += 1;
    }
    (unit_interval(sin), unit_interval(cos))
}

#[expect(clippy::arithmetic_side_effects, reason = "evaluated at compile time, where an overflow does not compile")]
const fn scaled(a: i128, b: i128) -> i128 {
    (a * b + (1 << 61_u32)) >> 62_u32
}

/// A sum that the series' error may have pushed out of [0, 1] by a few units.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range after the two comparisons")]
const fn unit_interval(value: i128) -> u64 {
    if value < 0 {
        0
    } else if value > ONE_Q62 as i128 {
        ONE_Q62
    } else {
        value as u64
    }
}
