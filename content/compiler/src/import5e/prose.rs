//! Facts in the prose of stat blocks and spells.
//!
//! Invariant: facts only leave this file, never sentences. It reads what the SRD's fixed phrases say ("make a DC 14
//! Dexterity saving throw", "60-foot cone", "is poisoned for 1 minute"); what it does not recognise is counted by the
//! caller as left over, sentence by sentence.

use std::{ops::Range, sync::LazyLock};

use regex::{Captures, Regex};
use tickworld_content::model::{Ability, Dice, Feet, Shape};

use super::draft::{DamageDraft, InflictDraft, SaveDraft};
use crate::text;

const CONDITIONS: &str = "blinded|charmed|deafened|frightened|grappled|incapacitated|invisible|paralyzed|petrified|\
                          poisoned|prone|restrained|stunned|unconscious|banished";
const DAMAGE_TYPES: &str =
    "acid|bludgeoning|cold|fire|force|lightning|necrotic|piercing|poison|psychic|radiant|slashing|thunder";

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this file: every import compiles all of them first")
}

macro_rules! patterns {
    ($($name:ident = $text:expr;)*) => {
        $(static $name: LazyLock<Regex> = LazyLock::new(|| pattern(&$text));)*

        /// Compiles every pattern.
        ///
        /// A pattern may need a feature of its library that this build lacks. That must show with the first import that
        /// anybody makes, not with the first sentence that has the pattern looked for.
        pub(super) fn compile_all() {
            $(LazyLock::force(&$name);)*
        }
    };
}

patterns! {
    SPACES = r"\s+";
    FEET = r"(?i)\b(\d+)[ -](?:foot|feet|ft\.?)\b\.?";
    TO_HIT = r"([+-]\d+) to hit|attack roll: ?([+-]\d+)";
    KIND = r"(melee or ranged|melee|ranged) (?:(weapon|spell) attack|attack roll)";
    REACH = r"reach (\d+) ft";
    RANGE = r"range (\d+)(?: ft)?(?:/(\d+))? ft";
    SAVE = r"(?:dc (\d+) )?(strength|dexterity|constitution|intelligence|wisdom|charisma) saving throw(?:: dc (\d+))?";
    ROLL = format!(r"(\d+) \((\d+d\d+(?: ?[+-] ?\d+)?)\) ({DAMAGE_TYPES}) damage|(\d+d\d+(?: ?[+-] ?\d+)?|\d+) ({DAMAGE_TYPES}) damage");
    HEAL = r"regains? (?:\d+ \()?(\d+d\d+(?: ?[+-] ?\d+)?|\d+)\)? hit points";
    INFLICT = format!(
        r"(?:\b(?:is|be|becomes?|are|falls?|fall|knocked|drops?|and|or|either|(?:has|have) the)) (?:then |also |magically |instantly |both )*({CONDITIONS})\b"
    );
    ESCAPE = r"escape dc (\d+)";
    FOR_TIME = r"for (?:up to )?(\d+|one) (round|minute|hour|day)s?";
    NEXT_TURN = r"until the (?:start|end) of (?:its|the [a-z' -]+|your|his|her) next turn";
    CONE = r"(\d+) ft cone";
    LINE = r"(\d+) ft line(?: that is|,)? (\d+) ft wide|line(?: of [a-z]+)?(?: that is)? (\d+) ft long(?: and|,)? (\d+) ft wide|(\d+) ft(?: long)?,? (\d+) ft wide line|(\d+) ft wide,? (\d+) ft long line";
    SPHERE = r"(\d+) ft[ -]radius|(\d+) ft radius|(\d+) ft sphere";
    CUBE = r"(\d+) ft cube";
    EMANATION = r"(\d+) ft emanation";
    ONE_TARGET = r"saving throw: dc \d+, (?:one|a) ";
    WITHIN = r"within (\d+) ft";
    EACH_WITHIN = r"(?:each|every|any|all|those|other)[^.]* within (\d+) ft of";
    REPEAT = r"(?:repeat|another|make a|makes a)[^.]*saving throw[^.]*at the (?:end|start) of (?:each of )?(?:its|their|his|her)|at the (?:end|start) of each of (?:its|the target's|their)[^.]*saving throw";
}

/// Lower case, one space, `30 ft` for every way to write it.
pub(super) fn normal(text: &str) -> String {
    // The newer edition's text has lost a hyphen in places.
    let text = text.replace("footwide", "foot wide").replace("footlong", "foot long");
    let text = text.replace(['\u{2019}', '\u{2018}'], "'").replace(['\u{2013}', '\u{2212}'], "-").replace("**", "");
    let text = SPACES.replace_all(text.trim(), " ").to_lowercase();
    let text = FEET.replace_all(&text, "$1 ft").replace("ft-", "ft ");
    text.replace(" ft. ", " ft ").replace("ft.,", "ft,")
}

/// Sentences with their places. A full stop inside brackets or a number does not end one.
pub(super) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(". ") {
        all.push(start..at + 1);
        start = at + 2;
    }
    if start < text.len() {
        all.push(start..text.len());
    }
    all
}

fn number<T: std::str::FromStr>(captures: &Captures<'_>, group: usize) -> Option<T> {
    captures.get(group)?.as_str().trim_start_matches('+').parse().ok()
}

/// The head of an attack: to hit, reach, ranges, spell or weapon.
pub(super) struct AttackHead {
    pub(super) bonus: Option<i16>,
    pub(super) reach: Option<u16>,
    pub(super) range: Option<(u16, u16)>,
    pub(super) ranged: bool,
    pub(super) spell: bool,
    pub(super) stated: bool,
}

/// Reads the head of an attack: what stands before "Hit:".
pub(super) fn attack_head(text: &str) -> AttackHead {
    let head = text.split("hit:").next().unwrap_or(text);
    let kind = KIND.captures(head);
    let word = |group| kind.as_ref().and_then(|it| it.get(group)).map_or("", |it| it.as_str());
    let range = RANGE.captures(head).and_then(|it| {
        let near = number(&it, 1)?;
        Some((near, number(&it, 2).unwrap_or(near)))
    });
    AttackHead {
        bonus: TO_HIT.captures(head).and_then(|it| number(&it, 1).or_else(|| number(&it, 2))),
        reach: REACH.captures(head).and_then(|it| number(&it, 1)),
        range,
        ranged: word(1) == "ranged",
        spell: word(2) == "spell",
        stated: kind.is_some(),
    }
}

/// A saving throw and where it stands.
pub(super) fn saves(text: &str) -> Vec<(Range<usize>, SaveDraft)> {
    let found = SAVE.captures_iter(text).filter_map(|it| {
        let place = it.get(0)?.range();
        let (_, ability) = text::ABILITIES.into_iter().find(|(short, _)| it[2].starts_with(short))?;
        Some((place, SaveDraft { ability, dc: number(&it, 1).or_else(|| number(&it, 3)), half: false }))
    });
    found.collect()
}

/// Whether a text says that a success halves.
pub(super) fn halves(text: &str) -> bool {
    text.contains("half as much")
        || text.contains("half damage")
        || text.contains("half the damage")
        || text.contains("or half")
}

/// Damage with its place.
pub(super) fn damages(text: &str) -> Vec<(Range<usize>, DamageDraft)> {
    let found = ROLL.captures_iter(text).filter_map(|it| {
        let (roll, kind) = it.get(2).zip(it.get(3)).or_else(|| it.get(4).zip(it.get(5)))?;
        let (dice, _) = text::parse_damage_roll(roll.as_str()).ok()?;
        Some((it.get(0)?.range(), DamageDraft { dice, add_ability: false, kind: kind.as_str().to_owned() }))
    });
    found.collect()
}

/// Hit points regained, with the place.
pub(super) fn heal(text: &str) -> Option<(Range<usize>, Dice)> {
    let found = HEAL.captures(text)?;
    let (dice, _) = text::parse_roll(found.get(1)?.as_str()).ok()?;
    Some((found.get(0)?.range(), dice))
}

/// Conditions inflicted, with their places. What a text says about someone who already has one is no infliction.
pub(super) fn inflicts(text: &str) -> Vec<(Range<usize>, InflictDraft)> {
    const NOT: [&str; 12] = [
        "while",
        "isn't",
        "can't",
        "cannot",
        "immun",
        "if the target is",
        "if it is",
        "being",
        "already",
        "unless",
        "not ",
        "ends the",
    ];
    const NOT_JUST_BEFORE: [&str; 3] = ["that ", "who ", "which "];
    let mut all: Vec<(Range<usize>, InflictDraft)> = Vec::new();
    for sentence in sentences(text) {
        let words = &text[sentence.clone()];
        // What negates stands close by: a sentence may exclude some targets first and name the condition later.
        let clause_start = |at: usize| {
            let clause = words[..at].rfind([',', ';', ':', '(']).map_or(0, |comma| comma + 1);
            let near = words[..at].char_indices().rev().nth(30).map_or(0, |(near, _)| near);
            clause.max(near)
        };
        let mut captures_from = 0;
        while let Some(it) = INFLICT.captures_at(words, captures_from) {
            let (Some(whole), Some(condition)) = (it.get(0), it.get(1)) else { break };
            captures_from = whole.start() + 1;
            let clause = &words[clause_start(whole.start())..whole.end()];
            let joined = words[whole.start()..].starts_with("and") || words[whole.start()..].starts_with("or");
            let before = &words[..whole.start()];
            if NOT.iter().any(|not| clause.contains(not))
                || NOT_JUST_BEFORE.iter().any(|not| before.ends_with(not))
                || (joined && all.is_empty() && !words[..whole.start()].contains(" be "))
            {
                continue;
            }
            let rest = &words[condition.end()..];
            let draft = InflictDraft {
                condition: condition.as_str().to_owned(),
                rounds: rounds(rest).unwrap_or(0),
                repeat_save: false,
                escape_dc: ESCAPE.captures(rest).and_then(|it| number(&it, 1)).unwrap_or(0),
            };
            let at = sentence.start + whole.start()..sentence.start + condition.end();
            if !all.iter().any(|(_, known)| known.condition == draft.condition) {
                all.push((at, draft));
            }
        }
    }
    all
}

/// Reads how long something lasts, in rounds.
pub(super) fn rounds(text: &str) -> Option<u16> {
    let named = FOR_TIME.captures(text).map(|it| {
        let count = number::<u32>(&it, 1).unwrap_or(1);
        let unit = match &it[2] {
            "round" => 1,
            "minute" => 10,
            "hour" => 600,
            _ => 14_400,
        };
        (it.get(0).map_or(0, |it| it.start()), count.saturating_mul(unit))
    });
    let turn = NEXT_TURN.find(text).map(|it| (it.start(), 1));
    let first = named.into_iter().chain(turn).min()?;
    Some(u16::try_from(first.1).unwrap_or(u16::MAX))
}

/// Whether the save is tried again each turn.
pub(super) fn repeats(text: &str) -> bool {
    REPEAT.is_match(text)
}

/// The area, and how far away it may start.
pub(super) fn area(text: &str) -> Option<(Shape, u16)> {
    if ONE_TARGET.is_match(text) {
        return None;
    }
    let within = |before: &str| WITHIN.captures_iter(before).last().and_then(|it| number(&it, 1));
    if let Some(it) = CONE.captures(text) {
        return Some((Shape::Cone { length: Feet(number(&it, 1)?) }, 0));
    }
    if let Some(it) = LINE.captures(text) {
        let pair = [(1, 2), (3, 4), (5, 6), (8, 7)]
            .into_iter()
            .find_map(|(length, width)| Some((number(&it, length)?, number(&it, width)?)));
        let (length, width) = pair?;
        return Some((Shape::Line { length: Feet(length), width: Feet(width) }, 0));
    }
    if let Some(it) = EMANATION.captures(text) {
        return Some((Shape::Sphere { radius: Feet(number(&it, 1)?) }, 0));
    }
    if let Some(it) = CUBE.captures(text) {
        return Some((Shape::Cube { side: Feet(number(&it, 1)?) }, within(text).unwrap_or(0)));
    }
    if let Some(it) = SPHERE.captures(text) {
        let radius = number(&it, 1).or_else(|| number(&it, 2)).or_else(|| number(&it, 3))?;
        let away = ["centered on a point", "on a point", "at a point"].iter().any(|it| text.contains(it));
        return Some((Shape::Sphere { radius: Feet(radius) }, if away { within(text).unwrap_or(0) } else { 0 }));
    }
    if let Some(it) = EACH_WITHIN.captures(text) {
        let before = &text[..it.get(0)?.start()];
        let radius = Feet(number(&it, 1)?);
        return Some((Shape::Sphere { radius }, within(before).unwrap_or(0)));
    }
    let own_space = text.contains("'s space") && text.contains("each creature in");
    own_space.then_some((Shape::Sphere { radius: Feet(5) }, 0))
}

/// How far away a single target may be.
pub(super) fn range(text: &str) -> Option<u16> {
    let within = WITHIN.captures(text).and_then(|it| number(&it, 1));
    within.or_else(|| (text.contains("touch") || text.contains("kiss")).then_some(5))
}

/// The ability behind a short or long name.
pub(super) fn ability(name: &str) -> Option<Ability> {
    let name = name.to_lowercase();
    text::ABILITIES.into_iter().find(|(short, _)| name.starts_with(short)).map(|(_, ability)| ability)
}
