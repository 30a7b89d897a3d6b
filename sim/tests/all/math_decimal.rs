//! Decimal text of `Fx`: printing is exact, reading is correctly rounded.

use num_bigint::BigInt;
use proptest::prelude::*;
use tickworld_sim::math::{Fx, FxParseError};

fn parse(text: &str) -> Result<i64, FxParseError> {
    Fx::parse_decimal(text).map(Fx::to_bits)
}

/// Half to even by long division of the whole decimal, whatever its length; `None` out of range.
fn slow_parse(negative: bool, integer: &str, fraction: &str) -> Option<i64> {
    let digits: BigInt = format!("{integer}{fraction}").parse().expect("digits");
    let unit = BigInt::from(10).pow(u32::try_from(fraction.len()).expect("short"));
    let (scaled, two) = (digits << 16_u32, BigInt::from(2));
    let floor = &scaled / &unit;
    let twice_rest = (&scaled % &unit) * &two;
    let up = twice_rest > unit || (twice_rest == unit && floor.bit(0));
    let magnitude = floor + i32::from(up);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn printed_values_read_back(bits in any::<i64>(), shift in 0_u32..64) {
        let value = Fx::from_bits(bits >> shift);
        prop_assert_eq!(Fx::parse_decimal(&value.to_string()), Ok(value));
        prop_assert_eq!(format!("{value:?}"), value.to_string());
    }

    #[test]
    fn reading_rounds_the_whole_decimal_once(
        negative in any::<bool>(), integer in "[0-9]{1,16}", fraction in "[0-9]{1,40}",
    ) {
        let text = format!("{}{integer}.{fraction}", if negative { "-" } else { "" });
        let expected = slow_parse(negative, &integer, &fraction).ok_or(FxParseError::OutOfRange);
        prop_assert_eq!(parse(&text), expected);
    }

    /// Around the ties, which are odd multiples of 2^-17: exact, a trifle below, a trifle above.
    #[test]
    fn reading_decides_ties_by_every_digit(half_units in 0_u64..1 << 17, zeros in 0_usize..30, last in 1_u32..10) {
        const FIVE_TO_17: u64 = 762_939_453_125;
        let tie = format!("{:017}", half_units * FIVE_TO_17);
        let above = format!("{tie}{}{last}", "0".repeat(zeros));
        for fraction in [&tie, &above] {
            prop_assert_eq!(parse(&format!("3.{fraction}")).ok(), slow_parse(false, "3", fraction));
        }
    }

    #[test]
    fn no_text_panics(text in "[-+.0-9a ]{0,24}|\\PC{0,8}") {
        if let Ok(value) = Fx::parse_decimal(&text) {
            prop_assert_eq!(Fx::parse_decimal(&value.to_string()), Ok(value));
        }
    }
}

#[test]
fn decimals_print_exactly() {
    let check = |bits: i64, expect: &str| assert_eq!(Fx::from_bits(bits).to_string(), expect);
    check(0, "0");
    check(1, "0.0000152587890625");
    check(-1, "-0.0000152587890625");
    check(3 << 15, "1.5");
    check(-100 << 16, "-100");
    check(i64::MAX, "140737488355327.9999847412109375");
    check(i64::MIN, "-140737488355328");
    assert_eq!(format!("[{:>+8}]", Fx::from_ratio(3, 2)), "[    +1.5]");
    assert_eq!(format!("[{:08}]", Fx::from_ratio(-3, 2)), "[-00001.5]");
}

#[test]
fn decimals_read_to_the_nearest_value() {
    assert_eq!(parse("0.1"), Ok(6554));
    assert_eq!(parse("-0.1"), Ok(-6554));
    assert_eq!(parse("+2.50"), Ok(163_840));
    assert_eq!(parse("-0"), Ok(0));
    assert_eq!(parse("007"), Ok(7 << 16));
    assert_eq!(parse("0.00000762939453125"), Ok(0), "half an ulp goes to the even value");
    assert_eq!(parse("0.000007629394531250000000001"), Ok(1));
    assert_eq!(parse("0.99999999999999999999999999"), Ok(1 << 16));
}

#[test]
fn the_range_ends_where_its_rounding_does() {
    assert_eq!(parse("140737488355327.9999847412109375"), Ok(i64::MAX));
    assert_eq!(parse("140737488355327.99999"), Ok(i64::MAX));
    assert_eq!(parse("140737488355327.999993"), Err(FxParseError::OutOfRange));
    assert_eq!(parse("140737488355328"), Err(FxParseError::OutOfRange));
    assert_eq!(parse("-140737488355328"), Ok(i64::MIN));
    assert_eq!(parse("-140737488355328.000007"), Ok(i64::MIN));
    assert_eq!(parse("-140737488355328.00001"), Err(FxParseError::OutOfRange));
    assert_eq!(parse(&"9".repeat(1000)), Err(FxParseError::OutOfRange));
}

#[test]
fn what_is_no_decimal_is_refused_with_its_place() {
    let missing = |at| Err(FxParseError::MissingDigit { at });
    let unexpected = |at| Err(FxParseError::UnexpectedCharacter { at });
    assert_eq!(parse(""), missing(0));
    assert_eq!(parse("-"), missing(1));
    assert_eq!(parse(".5"), missing(0));
    assert_eq!(parse("5."), missing(2));
    assert_eq!(parse("--5"), missing(1));
    assert_eq!(parse(" 5"), missing(0));
    assert_eq!(parse("5 "), unexpected(1));
    assert_eq!(parse("1e3"), unexpected(1));
    assert_eq!(parse("1_000"), unexpected(1));
    assert_eq!(parse("1.2.3"), unexpected(3));
    assert_eq!(parse("\u{663}"), missing(0));
    assert_eq!(FxParseError::MissingDigit { at: 2 }.to_string(), "expected a digit at byte 2");
}
