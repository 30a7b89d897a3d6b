//! The small languages inside content: dice, decimals, distances, each in its place of a small source.

use tickworld_contentc::{Source, check};
use tickworld_sim::math::Fx;

/// See the module.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A number that was read says what it is.
    if let Ok(number) = Fx::parse_decimal(text) {
        assert_eq!(Fx::parse_decimal(&number.to_string()), Ok(number), "{text} reads back as another number");
    }
    let quoted: String = text.chars().map(|letter| format!("\\U{:08X}", u32::from(letter))).collect();
    for scalar in SCALARS {
        let text = SOURCE.replacen(scalar, &format!("\"{quoted}\""), 1);
        if let Err(wrong) = check(&sources(text)) {
            assert!(wrong.list.iter().all(|it| it.line > 0 && it.column > 0), "refused without a place: {wrong}");
        }
    }
}

/// A source of creatures, and the constants that every pack has.
#[must_use]
pub fn sources(creatures: String) -> [Source; 2] {
    let constants = include_str!("../../../content/data/constants.yaml").to_owned();
    [("constants.yaml", constants), ("creatures.yaml", creatures)]
        .map(|(path, text)| Source { path: path.into(), text })
}

/// What is replaced in [`SOURCE`], each in turn.
pub const SCALARS: &[&str] = &["6d8+12", "40 ft", "10 ft", "60/240 ft", "2d6+3 slashing"];

/// A creature with two attacks, as the compiler takes it.
pub const SOURCE: &str = "damage_types:
  slashing: {name: Slashing}
creatures:
  ogre:
    name: Ogre
    kind: giant
    size: large
    armor_class: 11
    hit_points: 39
    hit_dice: 6d8+12
    speed: {walk: 40 ft}
    abilities: {str: 19, dex: 8, con: 16, int: 5, wis: 7, cha: 7}
    proficiency: 2
    challenge: 2
    experience: 450
    awareness: 60 ft
    actions:
      club:
        name: Club
        attack: {bonus: 6, reach: 10 ft}
        effects:
          - damage: [2d6+3 slashing]
      rock:
        name: Rock
        attack: {bonus: 6, range: 60/240 ft}
        effects:
          - damage: [2d6+3 slashing]
";
