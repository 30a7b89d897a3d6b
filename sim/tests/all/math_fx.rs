//! Laws of `Fx` arithmetic, against exact rationals.
//!
//! The oracle is the definition of rounding: a result is right if it lies within half an ulp of the exact value, and is
//! even where it lies exactly there. Products and quotients are compared as integers of arbitrary size.

use num_bigint::BigInt;
use proptest::prelude::*;
use tickworld_sim::math::Fx;

/// Every magnitude alike, and the ends.
fn any_fx() -> impl Strategy<Value = Fx> {
    prop_oneof![
        8 => (any::<i64>(), 0_u32..64).prop_map(|(bits, shift)| Fx::from_bits(bits >> shift)),
        1 => prop::sample::select(vec![Fx::MIN, Fx::MAX, Fx::ZERO, Fx::ONE, Fx::HALF, Fx::EPSILON]),
    ]
}

fn big(fx: Fx) -> BigInt {
    BigInt::from(fx.to_bits())
}

/// Whether the integer `rounded` is `num / den` rounded half to even.
fn is_half_even(rounded: &BigInt, num: &BigInt, den: &BigInt) -> bool {
    let error: BigInt = rounded * den - num;
    let (twice_error, den) = (error.magnitude() * 2_u32, den.magnitude());
    twice_error < *den || (twice_error == *den && !rounded.bit(0))
}

/// What `checked` and `saturating` must both be for the exact value `num / den` in bits.
fn check_rounding(checked: Option<Fx>, saturating: Fx, num: &BigInt, den: &BigInt) {
    match checked {
        Some(value) => {
            assert!(is_half_even(&big(value), num, den), "{value} is not {num} / {den} bits");
            assert_eq!(value, saturating);
        }
        None => {
            let negative = num.sign() != den.sign();
            assert_eq!(saturating, if negative { Fx::MIN } else { Fx::MAX });
            assert!(!is_half_even(&big(saturating), num, den), "{num} / {den} bits is in range");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn products_are_rounded_once_half_to_even(a in any_fx(), b in any_fx()) {
        let exact = big(a) * big(b);
        check_rounding(a.checked_mul(b), a.saturating_mul(b), &exact, &BigInt::from(65536));
    }

    #[test]
    fn quotients_are_rounded_once_half_to_even(a in any_fx(), b in any_fx()) {
        prop_assume!(b != Fx::ZERO);
        check_rounding(a.checked_div(b), a.saturating_div(b), &(big(a) * 65536), &big(b));
        prop_assert_eq!(Fx::from_ratio(a.to_bits(), b.to_bits()), a.saturating_div(b));
    }

    #[test]
    fn sums_are_exact_or_reported(a in any_fx(), b in any_fx()) {
        check_rounding(a.checked_add(b), a.saturating_add(b), &(big(a) + big(b)), &BigInt::from(1));
        check_rounding(a.checked_sub(b), a.saturating_sub(b), &(big(a) - big(b)), &BigInt::from(1));
        prop_assert_eq!(a.wrapping_add(b).wrapping_sub(b), a);
        prop_assert_eq!(a.checked_add(b).unwrap_or(a.wrapping_add(b)), a.wrapping_add(b));
    }

    #[test]
    fn addition_and_multiplication_commute_and_have_units(a in any_fx(), b in any_fx()) {
        prop_assert_eq!(a.saturating_add(b), b.saturating_add(a));
        prop_assert_eq!(a.wrapping_add(b), b.wrapping_add(a));
        prop_assert_eq!(a.saturating_mul(b), b.saturating_mul(a));
        prop_assert_eq!(a.checked_mul(b), b.checked_mul(a));
        prop_assert_eq!(a.saturating_mul(Fx::ONE), a);
        prop_assert_eq!(a.saturating_div(Fx::ONE), a);
        prop_assert_eq!(a.saturating_add(Fx::ZERO), a);
        prop_assert_eq!(a.saturating_mul(Fx::ZERO), Fx::ZERO);
    }

    #[test]
    fn multiplication_keeps_order_and_sign(a in any_fx(), b in any_fx(), c in any_fx()) {
        let (low, high) = (a.min(b), a.max(b));
        let c = c.abs();
        prop_assert!(low.saturating_mul(c) <= high.saturating_mul(c));
        if let Some(product) = a.checked_mul(c).filter(|_| a != Fx::MIN) {
            prop_assert_eq!((-a).saturating_mul(c), -product);
        }
    }

    /// `(a * b) / b` is within `(1/2 / |b| + 1/2)` ulp of `a`: the product's rounding divided by `b`, and the quotient's own.
    #[test]
    fn dividing_a_product_comes_back_within_its_bound(a in any_fx(), b in any_fx()) {
        prop_assume!(b != Fx::ZERO);
        if let Some(back) = a.checked_mul(b).and_then(|product| product.checked_div(b)) {
            let error: BigInt = big(back) - big(a);
            prop_assert!(error.magnitude() * big(b).magnitude() * 2_u32 <= big(b).magnitude() + 65536_u32, "{} -> {}", a, back);
        }
    }

    #[test]
    fn integer_factors_are_exact_or_saturate(a in any_fx(), factor in any::<i64>(), shift in 0_u32..64) {
        let factor = factor >> shift;
        let exact = big(a) * factor;
        prop_assert_eq!(big(a.mul_int(factor)), exact.clamp(big(Fx::MIN), big(Fx::MAX)));
    }

    #[test]
    fn floor_ceil_and_round_enclose_the_value(a in any_fx()) {
        let (floor, ceil, round) = (a.floor(), a.ceil(), a.round());
        let bits = i128::from(a.to_bits());
        let of = |whole: i64| i128::from(whole) << 16;
        prop_assert!(of(floor) <= bits && bits < of(floor) + 65536);
        prop_assert!(of(ceil) >= bits && bits > of(ceil) - 65536);
        prop_assert!(is_half_even(&BigInt::from(round), &big(a), &BigInt::from(65536)));
    }

    #[test]
    fn interpolation_is_rounded_once_and_meets_its_ends(a in any_fx(), b in any_fx(), t in any_fx()) {
        let exact = (big(a) << 16_u32) + (big(b) - big(a)) * big(t);
        let lerp = a.lerp(b, t);
        if lerp > Fx::MIN && lerp < Fx::MAX {
            prop_assert!(is_half_even(&big(lerp), &exact, &BigInt::from(65536)));
        } else {
            prop_assert_eq!(big(lerp), (exact >> 16_u32).clamp(big(Fx::MIN), big(Fx::MAX)));
        }
        prop_assert_eq!(a.lerp(b, Fx::ZERO), a);
        prop_assert_eq!(a.lerp(b, Fx::ONE), b);
    }

    #[test]
    fn magnitude_and_sign_make_up_the_value(a in any_fx()) {
        prop_assert_eq!(a.abs().saturating_mul(a.signum()), a.max(Fx::MIN.saturating_add(Fx::EPSILON)));
        prop_assert_eq!(a.is_negative(), a < Fx::ZERO);
        prop_assert_eq!(-a, Fx::ZERO.saturating_sub(a));
    }
}

#[test]
fn ties_go_to_the_even_value() {
    let halves = |bits: i64| Fx::from_bits(bits).saturating_mul(Fx::HALF).to_bits();
    assert_eq!([-5, -3, -1, 1, 3, 5].map(halves), [-2, -2, 0, 0, 2, 2]);
    let halved = |bits: i64| Fx::from_bits(bits).saturating_div(Fx::from_int(2)).to_bits();
    assert_eq!([-5, -3, -1, 1, 3, 5].map(halved), [-2, -2, 0, 0, 2, 2]);
    let rounded = |num: i64| Fx::from_ratio(num, 2).round();
    assert_eq!([-5, -3, -1, 1, 3, 5].map(rounded), [-2, -2, 0, 0, 2, 2]);
}

#[test]
fn a_zero_divisor_is_reported_or_saturates_by_sign() {
    assert_eq!(Fx::ONE.checked_div(Fx::ZERO), None);
    assert_eq!(Fx::ONE.saturating_div(Fx::ZERO), Fx::MAX);
    assert_eq!((-Fx::ONE).saturating_div(Fx::ZERO), Fx::MIN);
    assert_eq!(Fx::ZERO.saturating_div(Fx::ZERO), Fx::ZERO);
    assert_eq!(Fx::from_ratio(-7, 0), Fx::MIN);
}

#[test]
fn the_ends_of_the_range_saturate() {
    assert_eq!(-Fx::MIN, Fx::MAX);
    assert_eq!(Fx::MIN.abs(), Fx::MAX);
    assert_eq!(Fx::MIN.saturating_mul(Fx::MIN), Fx::MAX);
    assert_eq!(Fx::MIN.saturating_div(-Fx::ONE), Fx::MAX);
    assert_eq!(Fx::MIN.checked_div(-Fx::ONE), None);
    assert_eq!(Fx::MIN.saturating_div(-Fx::EPSILON), Fx::MAX);
    assert_eq!(Fx::MAX.ceil(), 1 << 47);
    assert_eq!(Fx::MIN.floor(), -(1 << 47));
    assert_eq!(Fx::from_ratio(i64::MAX, 1), Fx::MAX);
    assert_eq!(Fx::from_ratio(i64::MIN, i64::MIN), Fx::ONE);
}

#[test]
fn the_check_of_rounding_rejects_truncation_and_half_up() {
    let sixteenth = BigInt::from(16);
    assert!(is_half_even(&BigInt::from(2), &BigInt::from(40), &sixteenth), "2.5 is 2");
    assert!(!is_half_even(&BigInt::from(3), &BigInt::from(40), &sixteenth), "2.5 is not 3");
    assert!(!is_half_even(&BigInt::from(2), &BigInt::from(41), &sixteenth), "2.56 is not 2");
}
