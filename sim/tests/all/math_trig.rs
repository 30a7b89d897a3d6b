//! Sine, cosine, tangent and arc tangent against an oracle of 256 fraction bits.
//!
//! The oracle shares nothing with the code under test: pi by Machin's formula, one Taylor series for the sine and cosine of
//! half a step, then 131,072 rotations by it around the whole circle, without folding octants. It checks itself by
//! arriving where it began.

use num_bigint::{BigInt, Sign};
use tickworld_sim::math::{Angle, Fx};
use tickworld_sim::rng::{Entropy, Rng, StreamKey};

/// Fraction bits of the oracle.
const ORACLE_BITS: usize = 256;
const HALF_STEPS_PER_TURN: usize = 1 << 17;

/// Cosine and sine of one direction.
type Direction = (BigInt, BigInt);

fn one() -> BigInt {
    BigInt::from(1) << ORACLE_BITS
}

/// `atan(1 / n)` by its Taylor series.
fn atan_of_inverse(n: u32) -> BigInt {
    let mut power = one() / n;
    let mut sum = power.clone();
    for k in 1_u32.. {
        power = -power / (n * n);
        if power.sign() == Sign::NoSign || power == BigInt::from(-1) {
            break;
        }
        sum += &power / (2 * k + 1);
    }
    sum
}

/// 16 atan(1/5) - 4 atan(1/239).
fn pi() -> BigInt {
    atan_of_inverse(5) * 16 - atan_of_inverse(239) * 4
}

fn cos_sin_series(radians: &BigInt) -> Direction {
    let (mut cos, mut sin) = (BigInt::ZERO, BigInt::ZERO);
    let mut term = one();
    for n in 0_u32..60 {
        match n % 4 {
            0 => cos += &term,
            1 => sin += &term,
            2 => cos -= &term,
            _ => sin -= &term,
        }
        term = ((term * radians) >> ORACLE_BITS) / (n + 1);
    }
    (cos, sin)
}

/// Cosine and sine of every half-step of the turn, each within 2^-230.
fn circle() -> Vec<Direction> {
    let (step_cos, step_sin) = cos_sin_series(&(pi() / (HALF_STEPS_PER_TURN / 2)));
    let mut here = (one(), BigInt::ZERO);
    let mut directions = Vec::with_capacity(HALF_STEPS_PER_TURN);
    for _ in 0..HALF_STEPS_PER_TURN {
        let next = (
            (&here.0 * &step_cos - &here.1 * &step_sin) >> ORACLE_BITS,
            (&here.1 * &step_cos + &here.0 * &step_sin) >> ORACLE_BITS,
        );
        directions.push(core::mem::replace(&mut here, next));
    }
    let drift = (here.0 - one()).magnitude() + here.1.magnitude();
    assert!(drift.bits() < 26, "the oracle did not close its circle: {drift}");
    directions
}

fn angles() -> impl Iterator<Item = Angle> {
    (0..=u16::MAX).map(Angle::from_bits)
}

/// Whether `fx` is the value nearest to `num / den`: within half an ulp.
fn is_nearest(fx: Fx, num: &BigInt, den: &BigInt) -> bool {
    let error = BigInt::from(fx.to_bits()) * den - (num << 16_u32);
    error.magnitude() * 2_u32 <= *den.magnitude()
}

#[test]
fn sine_and_cosine_are_correctly_rounded_for_every_angle() {
    let circle = circle();
    for angle in angles() {
        let (cos, sin) = &circle[usize::from(angle.to_bits()) * 2];
        assert!(is_nearest(angle.sin(), sin, &one()), "sin of {angle:?} is {}", angle.sin());
        assert!(is_nearest(angle.cos(), cos, &one()), "cos of {angle:?} is {}", angle.cos());
        let next = angle.sin().saturating_add(Fx::EPSILON);
        assert!(!is_nearest(next, sin, &one()), "the check passes a neighbour at {angle:?}");
    }
}

#[test]
fn tangent_is_correctly_rounded_for_every_angle_but_its_poles() {
    let circle = circle();
    for angle in angles() {
        if angle == Angle::QUARTER {
            assert_eq!(angle.tan(), Fx::MAX);
        } else if angle == Angle::THREE_QUARTERS {
            assert_eq!(angle.tan(), Fx::MIN);
        } else {
            let (cos, sin) = &circle[usize::from(angle.to_bits()) * 2];
            assert!(is_nearest(angle.tan(), sin, cos), "tan of {angle:?} is {}", angle.tan());
        }
    }
}

/// The borders between the results of `atan2`: directions at odd half-steps, 120 fraction bits in two limbs.
struct Borders(Vec<[(i64, i64); 2]>);

impl Borders {
    const LIMB_BITS: u32 = 60;

    fn new() -> Self {
        let limbs = |value: &BigInt| {
            let short: i128 = (value >> (ORACLE_BITS - 120)).try_into().expect("120 bits and a sign");
            let high = i64::try_from(short >> Self::LIMB_BITS).expect("60 bits and a sign");
            let low = i64::try_from(short & ((1 << Self::LIMB_BITS) - 1)).expect("60 bits");
            (high, low)
        };
        Self(circle().iter().skip(1).step_by(2).map(|(cos, sin)| [limbs(cos), limbs(sin)]).collect())
    }

    /// Whether `(x, y)` lies less than half a turn further than the border after `step`.
    fn is_past(&self, step: u16, y: Fx, x: Fx) -> bool {
        let [cos, sin] = self.0[usize::from(step)];
        let (y, x) = (i128::from(y.to_bits()), i128::from(x.to_bits()));
        let high = y * i128::from(cos.0) - x * i128::from(sin.0);
        let low = y * i128::from(cos.1) - x * i128::from(sin.1);
        let (carry, rest) = (low >> Self::LIMB_BITS, low & ((1 << Self::LIMB_BITS) - 1));
        let total = high + carry;
        total > 0 || (total == 0 && rest > 0)
    }

    /// Whether `angle` is the nearest one to `(x, y)`: between the border before it and the one after it.
    fn is_nearest(&self, angle: Angle, y: Fx, x: Fx) -> bool {
        let step = angle.to_bits();
        self.is_past(step.wrapping_sub(1), y, x) && !self.is_past(step, y, x)
    }

    fn check(&self, y: Fx, x: Fx) {
        let angle = Angle::atan2(y, x);
        let right = if (y, x) == (Fx::ZERO, Fx::ZERO) { angle == Angle::ZERO } else { self.is_nearest(angle, y, x) };
        assert!(right, "atan2({y}, {x}) is {angle:?}");
    }
}

#[test]
fn arc_tangent_is_correctly_rounded_for_every_pair_of_12_bits_and_a_sign() {
    let borders = Borders::new();
    for y in -4095..=4095 {
        for x in -4095..=4095 {
            borders.check(Fx::from_bits(y), Fx::from_bits(x));
        }
    }
}

#[test]
fn the_check_of_the_arc_tangent_rejects_both_neighbours() {
    let borders = Borders::new();
    for y in (-4095..=4095).step_by(63) {
        for x in (-4095..=4095).step_by(61) {
            let (y, x) = (Fx::from_bits(y), Fx::from_bits(x));
            let angle = Angle::atan2(y, x);
            for wrong in [1, u16::MAX, 1 << 15] {
                let wrong = angle.wrapping_add(Angle::from_bits(wrong));
                assert!(!borders.is_nearest(wrong, y, x), "atan2({y}, {x}) = {wrong:?} passed");
            }
        }
    }
}

#[test]
fn arc_tangent_is_correctly_rounded_for_ten_million_random_pairs() {
    let borders = Borders::new();
    let mut rng = test_rng(1);
    let mut any = |shift_max: u32| {
        let bits = rng.next_u64().cast_signed();
        Fx::from_bits(bits >> rng.below(shift_max + 1))
    };
    for _ in 0..2_500_000 {
        // The whole range, mixed magnitudes, everyday positions, and points near the borders themselves.
        borders.check(any(0), any(0));
        borders.check(any(63), any(63));
        let (y, x) = (any(20), any(20));
        borders.check(Fx::from_bits(y.to_bits() >> 16), Fx::from_bits(x.to_bits() >> 16));
        let [cos, sin] = borders.0[usize::from((x.to_bits() & 0xFFFF) as u16)];
        borders.check(Fx::from_bits((sin.0 >> 30) + (y.to_bits() & 3)), Fx::from_bits(cos.0 >> 30));
    }
}

#[test]
fn arc_tangent_meets_the_ends_of_the_range() {
    let borders = Borders::new();
    let ends = [Fx::MIN, Fx::MAX, Fx::EPSILON, Fx::EPSILON.saturating_neg(), Fx::ZERO, Fx::ONE];
    for y in ends {
        for x in ends {
            borders.check(y, x);
        }
    }
}

#[test]
fn degrees_are_exact_and_come_back() {
    for angle in angles() {
        assert_eq!(Angle::from_degrees(angle.to_degrees()), angle);
        assert_eq!(Angle::from_degrees(angle.to_degrees().saturating_sub(Fx::from_int(720))), angle);
    }
    assert_eq!(Angle::from_degrees(Fx::from_int(45)).to_bits(), 8192);
    assert_eq!(Angle::from_degrees(Fx::from_int(-90)), Angle::THREE_QUARTERS);
    // 180 bits of Fx are half a step.
    assert_eq!(Angle::from_degrees(Fx::from_bits(180)).to_bits(), 0, "a tie goes to the even step");
    assert_eq!(Angle::from_degrees(Fx::from_bits(540)).to_bits(), 2, "a tie goes to the even step");
    assert_eq!(Angle::from_degrees(Fx::from_bits(181)).to_bits(), 1);
}

#[test]
fn the_shortest_turn_leads_to_the_other_angle() {
    let mut rng = test_rng(2);
    for _ in 0..100_000 {
        let (from, to) = (random_angle(&mut rng), random_angle(&mut rng));
        let turn = from.distance_to(to);
        assert_eq!(from.wrapping_add(Angle::from_bits(turn.cast_unsigned())), to);
        assert_eq!(from.wrapping_sub(to).wrapping_neg(), to.wrapping_sub(from));
    }
    assert_eq!(Angle::ZERO.distance_to(Angle::THREE_QUARTERS), -(1 << 14));
    assert_eq!(Angle::ZERO.distance_to(Angle::HALF), i16::MIN);
    assert_eq!(Angle::HALF.distance_to(Angle::ZERO), i16::MIN);
}

fn random_angle(rng: &mut Rng) -> Angle {
    Angle::from_bits((rng.next_u32() >> 16) as u16)
}

fn test_rng(seed: u64) -> Rng {
    StreamKey::new(&Entropy::from_bytes([0; 16]), 0, "math_trig").rng(seed)
}
