//! Spells that deal damage, ask for a save or heal.

use serde_json::Value;
use tickworld_content::model::{Feet, Shape, Usage};

use super::{
    actions,
    draft::{ActionDraft, AttackDraft, DamageDraft, EffectDraft, ReachDraft, SaveDraft, Yaml, quoted},
    json, prose,
    report::ImportReport,
};
use crate::text;

/// The name of a spell in content; `None` where it has no name.
pub(super) fn slug(spell: &Value, report: &mut ImportReport) -> Option<String> {
    let title = json::text(spell, "name").or_else(|| json::text(spell, "index"))?;
    Some(json::key(spell, &title, "spell", report))
}

/// Whether the rules can do anything with a spell.
pub(super) fn has_effect(spell: &Value) -> bool {
    ["damage", "dc", "heal_at_slot_level"].iter().any(|field| spell.get(field).is_some_and(|it| !it.is_null()))
}

/// The spell as YAML and the file it belongs in.
pub(super) fn spell(spell: &Value, slug: &str, report: &mut ImportReport) -> Option<(String, String)> {
    let place = format!("spell/{slug}");
    if !has_effect(spell) {
        report.note("a spell without damage, save or healing", place);
        return None;
    }
    let name = json::text(spell, "name").unwrap_or_else(|| slug.to_owned());
    let level = json::int(spell, "level").unwrap_or(0).clamp(0, 9);
    let desc = prose::normal(&json::prose(spell, "desc"));
    let (rounds, stated) = duration(spell);
    if !stated {
        report.note("approximated: an unusual duration is instantaneous", &place);
    }
    let attack = attack(spell, &desc);
    let effects = effects(spell, &desc, attack.is_some(), rounds, &place, report);
    if effects.is_empty() {
        report.note("a spell whose damage has no type or dice", place);
        return None;
    }
    let draft = ActionDraft {
        slug: slug.to_owned(),
        name,
        reach: reach(spell, &desc, &place, report),
        attack,
        effects,
        usage: Usage::AtWill,
        weight: 100,
    }
    .within_limits(&place, report);
    let mut yaml = Yaml::default();
    yaml.line(1, &format!("{slug}:"));
    yaml.field(2, "name", &quoted(&draft.name));
    yaml.field(2, "level", &level.to_string());
    if spell.get("concentration").and_then(Value::as_bool) == Some(true) {
        yaml.field(2, "concentration", "true");
    }
    if rounds > 0 {
        yaml.field(2, "duration", &text::write_duration(rounds));
    }
    yaml.action_body(2, &draft);
    if spell.get("higher_level").is_some() || json::int(spell, "level") == Some(0) {
        report.note("more effect at higher slots or levels", &place);
    }
    let file = if level == 0 { "spells/cantrips.yaml".to_owned() } else { format!("spells/level-{level}.yaml") };
    Some((file, yaml.text))
}

fn duration(spell: &Value) -> (u32, bool) {
    let words = json::text(spell, "duration").unwrap_or_default().to_lowercase();
    let words = words.trim_start_matches("concentration,").trim().trim_start_matches("up to").trim().to_owned();
    match text::parse_duration(&words) {
        Ok(rounds) => (rounds, true),
        Err(_) => (0, words.is_empty()),
    }
}

/// Feet of the `range` field; touch is five.
fn range(spell: &Value) -> Option<u16> {
    let words = prose::normal(&json::text(spell, "range")?);
    match words.as_str() {
        "self" => Some(0),
        "touch" => Some(5),
        _ if words.contains("mile") => Some(5280),
        _ if words.contains("ft") => json::leading_int(&words).and_then(|it| u16::try_from(it).ok()),
        _ => None,
    }
}

fn attack(spell: &Value, desc: &str) -> Option<AttackDraft> {
    let kind = json::text(spell, "attack_type").unwrap_or_default().to_lowercase();
    let melee = desc.contains("melee spell attack") || kind == "melee";
    let ranged = desc.contains("ranged spell attack") || kind == "ranged";
    let far = range(spell).filter(|it| *it > 0).unwrap_or(5);
    match (melee, ranged) {
        (_, true) => Some(AttackDraft { bonus: "spell".into(), reach: None, range: Some((far, far)), magical: true }),
        (true, false) => Some(AttackDraft { bonus: "spell".into(), reach: Some(5), range: None, magical: true }),
        _ => None,
    }
}

fn reach(spell: &Value, desc: &str, place: &str, report: &mut ImportReport) -> ReachDraft {
    // "Self (15-foot cone)"
    let stated = prose::normal(&json::text(spell, "range").unwrap_or_default());
    if spell.get("area_of_effect").is_none_or(Value::is_null)
        && stated.starts_with("self")
        && let Some((shape, _)) = prose::area(&stated)
    {
        return ReachDraft::Area { shape, range: 0 };
    }
    let range = range(spell).unwrap_or_else(|| {
        report.note("approximated: an unusual range is 1000 ft", place);
        1000
    });
    let area = spell.get("area_of_effect").unwrap_or(&Value::Null);
    let size = json::int(area, "size").and_then(|it| u16::try_from(it).ok()).filter(|it| (1..=60_000).contains(it));
    if let Some(size) = size.map(Feet) {
        let width = match prose::area(desc) {
            Some((Shape::Line { width, .. }, _)) => width,
            _ => Feet(5),
        };
        let shape = match json::text(area, "type").unwrap_or_default().to_lowercase().as_str() {
            "cone" => Shape::Cone { length: size },
            "line" => Shape::Line { length: size, width },
            "cube" => Shape::Cube { side: size },
            _ => Shape::Sphere { radius: size },
        };
        return ReachDraft::Area { shape, range };
    }
    let counts = [("two creatures", 2), ("up to three", 3), ("up to six", 6), ("up to ten", 10), ("up to twelve", 12)];
    let count = counts.into_iter().find(|(words, _)| desc.contains(words)).map_or(1, |(_, count)| count);
    match range {
        0 if spell.get("dc").is_none() && spell.get("heal_at_slot_level").is_some() => ReachDraft::Actor,
        0 => ReachDraft::Targets { count, range: prose::range(desc).unwrap_or(5) },
        _ => ReachDraft::Targets { count, range },
    }
}

fn effects(
    spell: &Value,
    desc: &str,
    is_attack: bool,
    rounds: u32,
    place: &str,
    report: &mut ImportReport,
) -> Vec<EffectDraft> {
    let damage = damage(spell, desc, place, report);
    let save = spell.get("dc").and_then(actions::save).or_else(|| spell.get("dc").and_then(|_| prose_save(desc)));
    let save =
        save.map(|it| SaveDraft { half: it.half || (!is_attack && prose::halves(desc) && half_stated(spell)), ..it });
    let mut conditions: Vec<_> = if save.is_some() || is_attack { prose::inflicts(desc) } else { Vec::new() };
    let repeats = prose::repeats(desc) || desc.contains("at the end of each of its turns");
    let rounds = u16::try_from(rounds).unwrap_or(u16::MAX);
    for (_, it) in &mut conditions {
        it.repeat_save = repeats && save.is_some();
        it.rounds = if it.rounds == 0 { rounds } else { it.rounds };
    }
    if save.is_some() && desc.contains("speed is halved") {
        let condition = "slowed".to_owned();
        conditions.push((0..0, super::draft::InflictDraft { condition, rounds, repeat_save: repeats, escape_dc: 0 }));
    }
    conditions.truncate(tickworld_content::limits::INFLICTS_MAX);
    let conditions: Vec<_> = conditions.into_iter().map(|(_, it)| it).collect();
    if save.is_some() && damage.is_empty() && conditions.is_empty() {
        report.note("a save whose outcome the rules do not know", place);
    }
    let heal = heal(spell, place, report);
    let groups = match save {
        // An attack that hits deals its damage; a save then averts the rest.
        Some(save) if is_attack => vec![
            EffectDraft { damage, ..EffectDraft::default() },
            EffectDraft { save: Some(save), conditions, ..EffectDraft::default() },
        ],
        save => vec![EffectDraft { save, damage, conditions, ..EffectDraft::default() }],
    };
    let healing = EffectDraft { heal, ..EffectDraft::default() };
    groups.into_iter().chain([healing]).filter(|it| !it.is_empty()).collect()
}

fn half_stated(spell: &Value) -> bool {
    spell.get("dc").is_some_and(|dc| json::text(dc, "dc_success").is_none_or(|it| it == "other"))
}

fn prose_save(desc: &str) -> Option<SaveDraft> {
    prose::saves(desc).first().map(|(_, it)| *it)
}

/// The value for the lowest slot or level.
fn lowest(value: &Value, fields: [&str; 2]) -> Option<String> {
    let table = fields.iter().find_map(|field| value.get(field)?.as_object())?;
    let lowest = table.iter().filter_map(|(level, roll)| Some((level.parse::<u32>().ok()?, json::scalar(roll)?))).min();
    lowest.map(|(_, roll)| roll)
}

/// `1d8 + MOD` as content writes it.
fn roll_text(roll: &str) -> String {
    roll.replace("MOD", "ability")
}

fn damage(spell: &Value, desc: &str, place: &str, report: &mut ImportReport) -> Vec<DamageDraft> {
    let mut all = Vec::new();
    for entry in json::list(spell, "damage") {
        let kind = json::damage_type(entry);
        let Some(roll) = lowest(entry, ["damage_at_slot_level", "damage_at_character_level"]) else {
            report.note("damage without dice or type", place);
            continue;
        };
        let mut stated = prose::damages(desc);
        for term in terms(&roll) {
            // "4d6 fire" names its own type.
            let (term, own) = match term.rsplit_once(' ') {
                Some((dice, kind))
                    if text::parse_name(kind).is_ok() && text::parse_roll(dice).is_ok() && kind != "MOD" =>
                {
                    (dice.to_owned(), Some(kind.to_owned()).filter(|it| super::DAMAGE_TYPES.contains(&it.as_str())))
                }
                _ => (term, None),
            };
            let Ok((dice, add_ability)) = text::parse_damage_roll(&roll_text(&term)) else {
                report.note("damage without dice or type", place);
                continue;
            };
            let same = stated.iter().position(|(_, it)| it.dice == dice);
            let named = same.map(|at| stated.remove(at).1.kind);
            let first = all.is_empty();
            let named = own.or(named);
            let kind = if first { kind.clone().or(named) } else { named.or_else(|| kind.clone()) };
            match kind {
                Some(kind) => all.push(DamageDraft { dice, add_ability, kind }),
                None => report.note("damage without dice or type", place),
            }
        }
    }
    all.truncate(tickworld_content::limits::DAMAGE_MAX);
    all
}

/// `20d6 + 20d6` are two rolls, `1d4 + 1` is one.
fn terms(roll: &str) -> Vec<String> {
    let mut terms: Vec<String> = Vec::new();
    for part in roll.split('+').map(str::trim) {
        match terms.last_mut() {
            Some(last) if !part.contains('d') => *last = format!("{last}+{part}"),
            _ => terms.push(part.to_owned()),
        }
    }
    terms
}

fn heal(spell: &Value, place: &str, report: &mut ImportReport) -> Option<(tickworld_content::model::Dice, bool)> {
    spell.get("heal_at_slot_level").filter(|it| !it.is_null())?;
    let roll = lowest(spell, ["heal_at_slot_level", "heal_at_character_level"]).unwrap_or_default();
    let parsed = text::parse_roll(&roll_text(&roll)).ok();
    if parsed.is_none() {
        report.note("healing without dice", place);
    }
    parsed
}
