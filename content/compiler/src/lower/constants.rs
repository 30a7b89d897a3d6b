//! The constants: numbers of the game as a whole.

use tickworld_content::{limits, model::Constants};

use crate::lower::reader::{Fields, Reader};

const CONSTANTS: [&str; 21] = [
    "round_seconds",
    "cell_feet",
    "ability_modifiers",
    "proficiency_by_level",
    "critical_from",
    "fumble_to",
    "critical_dice",
    "save_dc_base",
    "unarmored_class",
    "corpse_seconds",
    "condition_rounds",
    "rising_percent",
    "litter_seconds",
    "pursuit_percent",
    "dash_percent",
    "stand_off_percent",
    "retreat_percent",
    "ease_percent",
    "hand_cells",
    "give_cells",
    "beat_milliseconds",
];

/// The constants, which must stand somewhere; `None` after reporting that they do not.
pub(crate) fn constants(reader: &mut Reader<'_, '_>) -> Option<Constants> {
    let (source, span, node) = reader.names.constants?;
    reader.enter(source);
    let mut fields = reader.fields(node, &CONSTANTS);
    fields.span = span;
    let modifiers = numbers(reader, &fields, "ability_modifiers", limits::ABILITY_MODIFIERS, (-5, 10));
    if modifiers.len() != limits::ABILITY_MODIFIERS {
        let message = format!("`ability_modifiers` needs {} entries, for scores 0 to 30", limits::ABILITY_MODIFIERS);
        reader.report(span, message, None);
    }
    let proficiency = numbers(reader, &fields, "proficiency_by_level", limits::PROFICIENCY_LEVELS_MAX, (0, 20));
    let mut number = |name: &str, min, max| {
        let node = reader.require(&fields, name);
        reader.int::<i64>(node, min, max)
    };
    let byte = |value: i64| u8::try_from(value).unwrap_or(0);
    let short = |value: i64| u16::try_from(value).unwrap_or(0);
    Some(Constants {
        round_seconds: short(number("round_seconds", 1, 3600)),
        cell_feet: short(number("cell_feet", 1, 1000)),
        ability_modifiers: modifiers.into_iter().map(|value| i8::try_from(value).unwrap_or(0)).collect(),
        proficiency_by_level: proficiency.into_iter().map(byte).collect(),
        critical_from: byte(number("critical_from", 2, 21)),
        fumble_to: byte(number("fumble_to", 0, 19)),
        critical_dice: byte(number("critical_dice", 1, 10)),
        save_dc_base: byte(number("save_dc_base", 0, 100)),
        unarmored_class: byte(number("unarmored_class", 0, 100)),
        corpse_seconds: short(number("corpse_seconds", 0, 65_535)),
        condition_rounds: short(number("condition_rounds", 1, 65_535)),
        rising_percent: byte(number("rising_percent", 0, 99)),
        litter_seconds: short(number("litter_seconds", 0, 65_535)),
        pursuit_percent: short(number("pursuit_percent", 100, 1_000)),
        dash_percent: short(number("dash_percent", 100, 1_000)),
        stand_off_percent: byte(number("stand_off_percent", 1, 100)),
        retreat_percent: byte(number("retreat_percent", 0, 100)),
        ease_percent: byte(number("ease_percent", 0, 100)),
        hand_cells: byte(number("hand_cells", 0, 255)),
        give_cells: byte(number("give_cells", 0, 255)),
        beat_milliseconds: short(number("beat_milliseconds", 1, 60_000)),
    })
}

fn numbers<'n>(
    reader: &mut Reader<'_, 'n>,
    fields: &Fields<'n>,
    name: &str,
    max: usize,
    (low, high): (i64, i64),
) -> Vec<i64> {
    let node = reader.require(fields, name);
    reader.list(node, max).iter().map(|node| reader.int(Some(node), low, high)).collect()
}
