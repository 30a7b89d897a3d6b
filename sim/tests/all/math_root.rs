//! Square roots and lengths, against the definition of rounding: `(r - 1/2)^2 < n < (r + 1/2)^2`.

use proptest::prelude::*;
use tickworld_sim::math::{Fx, hypot, isqrt_u64, isqrt_u128};
use tickworld_sim::rng::{Entropy, StreamKey};

/// Whether the integer `root` is nearest to the root of the integer `n`: `(root - 1/2)^2 = root^2 - root + 1/4`, and the quarter
/// never decides between integers.
fn is_nearest_root(root: u64, n: u128) -> bool {
    let root = u128::from(root);
    if root == 0 { n == 0 } else { root * root < n + root && n <= root * root + root }
}

fn check_sqrt(bits: i64) {
    let root = Fx::from_bits(bits).sqrt().expect("not negative");
    let n = u128::from(bits.cast_unsigned()) << 16;
    assert!(is_nearest_root(root.to_bits().cast_unsigned(), n), "sqrt{} is {root}", Fx::from_bits(bits));
}

fn check_hypot(x: i64, y: i64) {
    let n = u128::from(x.unsigned_abs()).pow(2) + u128::from(y.unsigned_abs()).pow(2);
    let (x, y) = (Fx::from_bits(x), Fx::from_bits(y));
    let length = hypot(x, y);
    let right = is_nearest_root(length.to_bits().cast_unsigned(), n);
    let saturated = length == Fx::MAX && n > u128::from(i64::MAX.cast_unsigned()).pow(2);
    assert!(right || saturated, "hypot({x}, {y}) is {length}");
}

#[test]
fn square_roots_are_correctly_rounded_over_every_16_bit_input_at_every_scale() {
    for input in 0_i64..1 << 16 {
        for shift in 0..=47 {
            check_sqrt(input << shift);
        }
    }
    check_sqrt(i64::MAX);
}

#[test]
fn a_negative_number_has_no_square_root() {
    assert_eq!((-Fx::EPSILON).sqrt(), None);
    assert_eq!(Fx::MIN.sqrt(), None);
    assert_eq!(Fx::ZERO.sqrt(), Some(Fx::ZERO));
}

#[test]
fn the_check_of_roots_rejects_both_neighbours() {
    for n in 0_u128..100_000 {
        let root = u64::try_from(n.isqrt()).expect("short");
        let passing = (root.saturating_sub(2)..root + 3).filter(|root| is_nearest_root(*root, n)).count();
        assert_eq!(passing, 1, "of {n}");
    }
}

#[test]
fn lengths_are_correctly_rounded() {
    for x in (0..1 << 16).step_by(97) {
        for y in (0..1 << 16).step_by(89) {
            check_hypot(x, y);
        }
    }
    let mut rng = StreamKey::new(&Entropy::from_bytes([0; 16]), 0, "math_root").rng(1);
    for _ in 0..1_000_000 {
        let (x, y) = (rng.next_u64().cast_signed(), rng.next_u64().cast_signed());
        check_hypot(x >> 48, y >> 48);
        check_hypot(x >> rng.below(64), y >> rng.below(64));
    }
    for x in [i64::MIN, i64::MAX, 0, 1, -1, (1 << 31) - 1, 1 << 31, (1 << 62) + 1] {
        for y in [i64::MIN, i64::MAX, 0, 1, -1, (1 << 31) - 1, 1 << 31, (1 << 62) + 1] {
            check_hypot(x, y);
        }
    }
    assert_eq!(hypot(Fx::MIN, Fx::MIN), Fx::MAX);
    assert_eq!(hypot(Fx::MIN, Fx::ZERO), Fx::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn square_roots_are_monotonic(a in 0..=i64::MAX, b in 0..=i64::MAX, shift in 0_u32..63) {
        let (a, b) = (Fx::from_bits(a >> shift), Fx::from_bits(b >> shift));
        prop_assert_eq!(a.min(b).sqrt(), a.sqrt().min(b.sqrt()));
        let next = a.saturating_add(Fx::EPSILON);
        prop_assert!(a.sqrt() <= next.sqrt());
        check_sqrt(a.to_bits());
    }

    #[test]
    fn squares_have_their_root(a in 0_i64..1 << 39) {
        let a = Fx::from_bits(a);
        // Rounding the square moves the root by at most a quarter ulp from one upwards.
        if a >= Fx::ONE {
            prop_assert_eq!(a.saturating_mul(a).sqrt(), Some(a));
        }
    }

    #[test]
    fn lengths_ignore_order_and_sign_and_obey_the_triangle(
        x in any::<i64>(), y in any::<i64>(), x_shift in 0_u32..64, y_shift in 0_u32..64,
    ) {
        let (x, y) = (Fx::from_bits(x >> x_shift), Fx::from_bits(y >> y_shift));
        let length = hypot(x, y);
        prop_assert_eq!(length, hypot(y, x));
        prop_assert_eq!(length, hypot(-x, y));
        prop_assert!(length >= x.abs().max(y.abs()));
        prop_assert!(length <= x.abs().saturating_add(y.abs()));
    }

    #[test]
    fn integer_roots_are_floors(wide in any::<u128>(), shift in 0_u32..128) {
        let wide = wide >> shift;
        let root = u128::from(isqrt_u128(wide));
        prop_assert!(root * root <= wide);
        prop_assert!((root + 1).checked_mul(root + 1).is_none_or(|square| square > wide));
        if let Ok(narrow) = u64::try_from(wide) {
            prop_assert_eq!(u128::from(isqrt_u64(narrow)), root);
        }
    }
}
