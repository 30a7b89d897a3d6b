//! The small languages inside scalars, read and written: dice, distances, areas, saves, usage, duration, money, weight.
//!
//! Invariant: `write_x(parse_x(text))` parses to the same value. Errors are whole sentences for a designer: what was
//! expected, with an example. Nothing passes through a float.

use tickworld_content::{
    limits,
    model::{Ability, Dice, Feet, Shape, Usage},
};
use tickworld_sim::math::Fx;

use crate::yaml::odd_space;

/// A value, or what was expected instead.
pub(crate) type Parsed<T> = Result<T, String>;

/// The abilities as content names them, in the order of [`Ability`].
pub(crate) const ABILITIES: [(&str, Ability); 6] = [
    ("str", Ability::Strength),
    ("dex", Ability::Dexterity),
    ("con", Ability::Constitution),
    ("int", Ability::Intelligence),
    ("wis", Ability::Wisdom),
    ("cha", Ability::Charisma),
];

/// Reads an ability by its short name, such as `dex`.
pub(crate) fn parse_ability(text: &str) -> Parsed<Ability> {
    let known = ABILITIES.iter().find(|(name, _)| *name == text);
    known.map(|(_, ability)| *ability).ok_or_else(|| format!("`{text}` is no ability: str, dex, con, int, wis or cha"))
}

/// The name of an ability.
pub(crate) fn write_ability(ability: Ability) -> &'static str {
    ABILITIES.iter().find(|(_, known)| *known == ability).map_or("str", |(name, _)| name)
}

/// A whole number within `min` to `max`.
pub(crate) fn parse_int(text: &str, min: i64, max: i64) -> Parsed<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = text.parse::<i64>().ok().filter(|_| plain).ok_or_else(|| format!("`{text}` is not a whole number"))?;
    if value < min || value > max { Err(format!("{value} is not within {min} to {max}")) } else { Ok(value) }
}

/// Dice and whether the user's ability modifier is added: `2d6+3`, `7`, `1d8+ability`.
pub(crate) fn parse_roll(text: &str) -> Parsed<(Dice, bool)> {
    let bad = || format!("`{text}` is not dice, such as 2d6, 2d6+3 or 7{}", why_no_dice(text));
    let squeezed: String = text.chars().filter(|c| *c != ' ').collect();
    let (rolled, add_ability) = match squeezed.strip_suffix("+ability") {
        Some(rest) => (rest, true),
        None => (squeezed.as_str(), false),
    };
    let Some((count, rest)) = rolled.split_once('d') else {
        let bonus =
            parse_int(rolled, i64::from(-limits::DICE_BONUS_MAX), limits::DICE_BONUS_MAX.into()).map_err(|_| bad())?;
        return Ok((Dice { count: 0, sides: 0, bonus: i16::try_from(bonus).map_err(|_| bad())? }, add_ability));
    };
    let (sides, bonus) = match rest.find(['+', '-']) {
        Some(at) => rest.split_at(at),
        None => (rest, "0"),
    };
    if count.starts_with(['+', '-']) || sides.starts_with(['+', '-']) {
        return Err(bad());
    }
    let number = |part: &str, min: i64, max: i64| match parse_int(part, i64::MIN, i64::MAX) {
        Ok(value) if value < min || value > max => Err(format!("{part} in `{text}` is not within {min} to {max}")),
        Ok(value) => Ok(value),
        Err(_) => Err(bad()),
    };
    let count = number(count, 1, 255)?;
    let sides = number(sides, 1, limits::DICE_SIDES_MAX.into())?;
    let bonus = number(bonus, i64::from(-limits::DICE_BONUS_MAX), limits::DICE_BONUS_MAX.into())?;
    let dice = Dice {
        count: u8::try_from(count).map_err(|_| bad())?,
        sides: u8::try_from(sides).map_err(|_| bad())?,
        bonus: i16::try_from(bonus).map_err(|_| bad())?,
    };
    Ok((dice, add_ability))
}

/// What a text that is no dice may be meant to say, as a part of a message.
fn why_no_dice(text: &str) -> String {
    let lower = text.to_lowercase();
    let minus = text.chars().find(|c| matches!(c, '\u{2212}' | '\u{2010}'..='\u{2015}' | '\u{fe63}' | '\u{ff0d}'));
    let mut letters = lower.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let rolls = lower.as_bytes().windows(2).filter(|pair| pair[0] == b'd' && pair[1].is_ascii_digit()).count();
    let is_modifier =
        |word: &str| word.starts_with("mod") || ABILITIES.iter().any(|(short, _)| word.starts_with(short));
    if let Some(minus) = minus {
        return format!("; its minus sign is `{minus}` (U+{:04X}), write - instead", u32::from(minus));
    }
    if let Some((_, what)) = odd_space(text) {
        return format!("; it has {what}, type a plain one");
    }
    if text.contains('D') && parse_roll(&lower).is_ok() {
        return format!("; write {lower}");
    }
    if letters.any(is_modifier) {
        return "; the user's modifier is +ability, as in 2d6+ability".into();
    }
    if rolls > 1 {
        return "; two rolls take a line each".into();
    }
    if lower.starts_with('d') && parse_roll(&format!("1{lower}")).is_ok() {
        return format!("; write 1{lower}");
    }
    String::new()
}

/// Dice of damage, which cannot be below zero by themselves.
pub(crate) fn parse_damage_roll(text: &str) -> Parsed<(Dice, bool)> {
    let (dice, add_ability) = parse_roll(text)?;
    if dice.count == 0 && dice.bonus < 0 {
        Err(format!("damage below zero: `{text}`"))
    } else {
        Ok((dice, add_ability))
    }
}

/// Writes dice as sources have them, such as `2d6+3`.
pub(crate) fn write_dice(dice: Dice) -> String {
    match dice {
        Dice { count: 0, bonus, .. } => bonus.to_string(),
        Dice { count, sides, bonus: 0 } => format!("{count}d{sides}"),
        Dice { count, sides, bonus } => format!("{count}d{sides}{bonus:+}"),
    }
}

/// Reads a distance such as `30 ft`.
pub(crate) fn parse_feet(text: &str) -> Parsed<Feet> {
    let bad = || format!("`{text}` is not a distance, such as 30 ft");
    let number = text.strip_suffix("ft").ok_or_else(bad)?.trim_end();
    let feet = parse_int(number, i64::MIN, i64::MAX).map_err(|_| bad())?;
    match u16::try_from(feet) {
        Ok(feet) if feet <= limits::FEET_MAX => Ok(Feet(feet)),
        _ => Err(format!("{feet} ft is not within 0 to {} ft", limits::FEET_MAX)),
    }
}

/// Normal and long range: `80/320 ft`, `120 ft`.
pub(crate) fn parse_range(text: &str) -> Parsed<(Feet, Feet)> {
    let Some((near, far)) = text.split_once('/') else {
        return parse_feet(text).map(|feet| (feet, feet));
    };
    let (near, far) = (parse_feet(&format!("{} ft", near.trim()))?, parse_feet(far.trim())?);
    if far < near { Err(format!("the long range in `{text}` is shorter than the normal one")) } else { Ok((near, far)) }
}

/// `20 ft sphere`, `60 ft cone`, `90 ft line, 5 ft wide`, `15 ft cube`.
pub(crate) fn parse_area(text: &str) -> Parsed<Shape> {
    let bad =
        || format!("`{text}` is not an area, such as 20 ft sphere, 60 ft cone, 15 ft cube or 90 ft line, 5 ft wide");
    let (shape, width) = match text.split_once(',') {
        Some((shape, width)) => (shape, Some(width.trim().strip_suffix("wide").ok_or_else(bad)?.trim_end())),
        None => (text, None),
    };
    let (size, word) = shape.trim_end().rsplit_once(' ').ok_or_else(bad)?;
    let size = parse_feet(size.trim_end()).map_err(|_| bad())?;
    let width = width.map(|width| parse_feet(width).map_err(|_| bad())).transpose()?;
    if size.0 == 0 || width == Some(Feet(0)) {
        return Err(format!("an area of no size: `{text}`"));
    }
    match (word, width) {
        ("sphere", None) => Ok(Shape::Sphere { radius: size }),
        ("cone", None) => Ok(Shape::Cone { length: size }),
        ("cube", None) => Ok(Shape::Cube { side: size }),
        ("line", width) => Ok(Shape::Line { length: size, width: width.unwrap_or(Feet(5)) }),
        _ => Err(bad()),
    }
}

/// Writes an area as sources have it, such as `20 ft sphere`.
pub(crate) fn write_area(shape: Shape) -> String {
    match shape {
        Shape::Sphere { radius } => format!("{} ft sphere", radius.0),
        Shape::Cone { length } => format!("{} ft cone", length.0),
        Shape::Cube { side } => format!("{} ft cube", side.0),
        Shape::Line { length, width } => format!("{} ft line, {} ft wide", length.0, width.0),
        _ => String::new(),
    }
}

/// `dex 14`, `dex 14 half`, `con`, `con half`: ability, DC (the user's spell save DC where it is left out), half on success.
pub(crate) fn parse_save(text: &str) -> Parsed<(Ability, Option<u8>, bool)> {
    let bad = || format!("`{text}` is not a save, such as dex 14, dex 14 half or wis");
    let mut words = text.split_whitespace().peekable();
    let ability = parse_ability(words.next().ok_or_else(bad)?)?;
    let dc = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let dc = dc.map(|dc| parse_int(dc, 1, 100).map(|dc| u8::try_from(dc).unwrap_or(100))).transpose()?;
    let half = words.next_if_eq(&"half").is_some();
    if words.next().is_some() { Err(bad()) } else { Ok((ability, dc, half)) }
}

/// `at will`, `recharge 5-6`, `recharge 6`, `3/day`.
pub(crate) fn parse_usage(text: &str) -> Parsed<Usage> {
    let bad = || format!("`{text}` is not a usage, such as at will, recharge 5-6 or 3/day");
    if text == "at will" {
        return Ok(Usage::AtWill);
    }
    if let Some(times) = text.strip_suffix("/day") {
        let times = parse_int(times.trim_end(), 1, 255).map_err(|_| bad())?;
        return u8::try_from(times).map(Usage::PerDay).map_err(|_| bad());
    }
    let rolls = text.strip_prefix("recharge ").ok_or_else(bad)?;
    let from = match rolls.split_once('-') {
        Some((from, "6")) => from,
        None if rolls == "6" => rolls,
        _ => return Err(bad()),
    };
    let from = parse_int(from, 2, 6).map_err(|_| bad())?;
    u8::try_from(from).map(Usage::Recharge).map_err(|_| bad())
}

/// Writes a usage as sources have it, such as `recharge 5-6`.
pub(crate) fn write_usage(usage: Usage) -> String {
    match usage {
        Usage::Recharge(6) => "recharge 6".to_owned(),
        Usage::Recharge(from) => format!("recharge {from}-6"),
        Usage::PerDay(times) => format!("{times}/day"),
        _ => "at will".to_owned(),
    }
}

/// Rounds of six seconds: `instantaneous` (0), `1 round`, `10 minutes`, `8 hours`, `7 days`.
pub(crate) fn parse_duration(text: &str) -> Parsed<u32> {
    let bad = || format!("`{text}` is not a duration, such as instantaneous, 3 rounds, 1 minute, 8 hours or 7 days");
    if text == "instantaneous" {
        return Ok(0);
    }
    let (count, unit) = text.split_once(' ').ok_or_else(bad)?;
    let rounds = match unit.strip_suffix('s').unwrap_or(unit) {
        "round" => 1,
        "minute" => 10,
        "hour" => 600,
        "day" => 14_400,
        _ => return Err(bad()),
    };
    let count = parse_int(count, 1, 100_000).map_err(|_| bad())?;
    u32::try_from(count * rounds).map_err(|_| bad())
}

/// The largest unit that fits: `1 minute`, `8 hours`.
pub(crate) fn write_duration(rounds: u32) -> String {
    let units = [(14_400, "day"), (600, "hour"), (10, "minute"), (1, "round")];
    let fitting = units.iter().find(|(unit, _)| rounds > 0 && rounds.is_multiple_of(*unit));
    match fitting {
        Some((unit, name)) if rounds == *unit => format!("1 {name}"),
        Some((unit, name)) => format!("{} {name}s", rounds / unit),
        None => "instantaneous".to_owned(),
    }
}

/// Copper pieces: `15 gp`, `2 sp`, `5 cp` (SRD 5.1 p. 62: ten cp a sp, ten sp a gp; also ep and pp).
pub(crate) fn parse_cost(text: &str) -> Parsed<u32> {
    let bad = || format!("`{text}` is not a price, such as 15 gp, 2 sp or 5 cp");
    let (count, coin) = text.split_once(' ').ok_or_else(bad)?;
    let copper = match coin {
        "cp" => 1,
        "sp" => 10,
        "ep" => 50,
        "gp" => 100,
        "pp" => 1000,
        _ => return Err(bad()),
    };
    let count = parse_int(count, 0, 4_000_000).map_err(|_| bad())?;
    u32::try_from(count * copper).map_err(|_| format!("{text} is more than {} cp", u32::MAX))
}

/// Pounds: `3 lb`, `0.25 lb`.
pub(crate) fn parse_weight(text: &str) -> Parsed<Fx> {
    let number = text.strip_suffix("lb").ok_or_else(|| format!("`{text}` is not a weight, such as 3 lb or 0.25 lb"))?;
    let weight = Fx::parse_decimal(number.trim_end()).map_err(|error| format!("`{text}` is not a weight: {error}"))?;
    if weight.is_negative() { Err(format!("`{text}` is below zero")) } else { Ok(weight) }
}

/// Eighths: `1/8`, `1/4`, `1/2`, `13`.
pub(crate) fn parse_challenge(text: &str) -> Parsed<u16> {
    match text {
        "1/8" => Ok(1),
        "1/4" => Ok(2),
        "1/2" => Ok(4),
        _ => {
            let bad = |_| format!("`{text}` is not a challenge rating, such as 1/8, 1/4, 1/2 or 13");
            let rating = parse_int(text, 0, 60).map_err(bad)?;
            Ok(u16::try_from(rating * 8).unwrap_or(u16::MAX))
        }
    }
}

/// Cells of the edge (SRD 5.1 p. 92: tiny to medium fit a five-foot square).
pub(crate) fn parse_size(text: &str) -> Parsed<u8> {
    match text {
        "tiny" | "small" | "medium" => Ok(1),
        "large" => Ok(2),
        "huge" => Ok(3),
        "gargantuan" => Ok(4),
        _ => Err(format!("`{text}` is no size: tiny, small, medium, large, huge or gargantuan")),
    }
}

/// A name of an entry: lower-case words joined by hyphens.
pub(crate) fn parse_name(text: &str) -> Parsed<()> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = !text.is_empty() && text.len() <= limits::NAME_BYTES_MAX && text.chars().all(allowed);
    if fits && !text.starts_with('-') && !text.ends_with('-') {
        Ok(())
    } else {
        Err(format!("`{text}` is no name: lower-case letters, digits and hyphens, such as giant-rat"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_are_read_and_written() {
        for text in ["2d6", "2d6+3", "1d100-1", "7", "-2"] {
            let (dice, ability) = parse_roll(text).expect(text);
            assert_eq!((write_dice(dice).as_str(), ability), (text, false));
        }
        assert_eq!(parse_roll("1d8 + ability"), Ok((Dice { count: 1, sides: 8, bonus: 0 }, true)));
        for text in ["", "d6", "2d", "2d0", "0d6", "2d6+", "2d6+3+4", "256d6", "2d101", "+2d6", "2d6.5", "2D6"] {
            assert!(parse_roll(text).is_err(), "{text}");
        }
    }

    #[test]
    fn areas_usages_and_durations_are_read_and_written() {
        for text in ["20 ft sphere", "60 ft cone", "15 ft cube", "90 ft line, 10 ft wide"] {
            assert_eq!(write_area(parse_area(text).expect(text)), text);
        }
        for text in ["at will", "recharge 6", "recharge 5-6", "3/day"] {
            assert_eq!(write_usage(parse_usage(text).expect(text)), text);
        }
        for text in ["instantaneous", "1 round", "1 minute", "10 minutes", "8 hours", "7 days", "7 rounds"] {
            assert_eq!(write_duration(parse_duration(text).expect(text)), text);
        }
    }

    #[test]
    fn decimals_never_pass_through_a_float() {
        // 0.1 as a double is 0.1000000000000000055...; what counts is the text, rounded once.
        assert_eq!(parse_weight("0.1 lb").map(Fx::to_bits), Ok(6554));
        assert_eq!(parse_weight("100000000.1 lb").map(Fx::to_bits), Ok(100_000_000 * 65_536 + 6554));
    }
}
