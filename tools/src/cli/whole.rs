//! [`whole`]: whole numbers of the command line that are not below 0.
//!
//! Invariant: whatever is refused is told the range that holds, a number below 0 too: the library would call it a wrong digit.

use std::ops::RangeInclusive;

use clap::builder::ValueParser;

/// Longest time that is played, in seconds: thirty years. Anything longer is a typing mistake, and moments cannot be added to it.
pub(super) const SECONDS_MAX: u64 = 1_000_000_000;

/// Takes a number within a range.
pub(super) fn whole(range: RangeInclusive<u64>) -> ValueParser {
    ValueParser::from(move |text: &str| parse(text, &range))
}

fn parse(text: &str, range: &RangeInclusive<u64>) -> Result<u64, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("it is not a whole number".into());
    }
    // What has no place in a u64 is not within any range.
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("{text} is not within {} to {}", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_outside_is_told_the_range() {
        let parse = |text| parse(text, &(1..=300));
        assert_eq!((parse("1"), parse("300")), (Ok(1), Ok(300)));
        for text in ["0", "301", "-5", "-0", "99999999999999999999999"] {
            assert_eq!(parse(text), Err(format!("{text} is not within 1 to 300")));
        }
        for text in ["", "-", "five", "1.5", "+1", "--1"] {
            assert_eq!(parse(text), Err("it is not a whole number".into()), "{text}");
        }
    }
}
