//! Monsters to stat blocks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tickworld_content::model::{Dice, Usage};

use super::{
    actions::{Owner, actions, option_list},
    behaviour,
    draft::{ActionDraft, Yaml, quoted},
    json, prose,
    report::ImportReport,
};
use crate::text;

/// The stat block of a monster as YAML, with its name and the file it belongs in; `None` where it has no name.
pub(super) fn creature(
    monster: &Value,
    spells: &BTreeSet<String>,
    report: &mut ImportReport,
) -> Option<(String, String, String)> {
    let name = json::text(monster, "name")?;
    let slug = json::key(monster, &name, "creature", report);
    let place = format!("creature/{slug}");
    unknown_shapes(monster, &place, report);
    let kind = json::text(monster, "type").unwrap_or_else(|| "creature".to_owned()).to_lowercase();
    let mut yaml = Yaml::default();
    yaml.line(1, &format!("{slug}:"));
    yaml.field(2, "name", &quoted(&name));
    yaml.field(2, "kind", &quoted(&kind));
    body(&mut yaml, monster, &place, report);
    defences(&mut yaml, monster, &place, report);
    let (drafts, renamed) = own_actions(monster, &place, report);
    if !drafts.is_empty() {
        yaml.line(2, "actions:");
        drafts.iter().for_each(|it| action(&mut yaml, it));
    }
    multiattack(&mut yaml, monster, &renamed, &place, report);
    casting(&mut yaml, monster, spells, &place, report);
    behaviour::write(&mut yaml, monster, &kind, &drafts);
    unexpressed(monster, &place, report);
    let file = if kind.starts_with("swarm") { "swarm".to_owned() } else { json::slug(&kind) };
    let file = if file.is_empty() { "other".to_owned() } else { file };
    Some((slug, format!("creatures/{file}.yaml"), yaml.text))
}

fn body(yaml: &mut Yaml, monster: &Value, place: &str, report: &mut ImportReport) {
    let size = json::text(monster, "size").unwrap_or_default().to_lowercase();
    let size = if text::parse_size(&size).is_ok() {
        size
    } else {
        report.note("approximated: unknown size, medium assumed", place);
        "medium".to_owned()
    };
    yaml.field(2, "size", &size);
    yaml.field(2, "armor_class", &armor_class(monster, place, report).to_string());
    let roll = ["hit_points_roll", "hit_dice"].into_iter().filter_map(|field| json::text(monster, field));
    let dice = roll.filter_map(|it| text::parse_roll(&it).ok()).map(|(dice, _)| dice).next();
    yaml.field(2, "hit_points", &hit_points(monster, dice, place, report).to_string());
    if dice.is_none() {
        report.note("approximated: no hit dice, 1 assumed", place);
    }
    yaml.field(2, "hit_dice", &dice.map_or_else(|| "1".to_owned(), text::write_dice));
    yaml.field(2, "speed", &speed(monster, place, report));
    let long = ["strength", "dexterity", "constitution", "intelligence", "wisdom", "charisma"];
    let scores = long.map(|field| {
        let stated = json::int(monster, field);
        if stated.is_none_or(|score| !(0..=30).contains(&score)) {
            report.note(
                "approximated: no ability score from 0 to 30, 10 or the nearest assumed",
                format!("{place}: {field}"),
            );
        }
        stated.unwrap_or(10).clamp(0, 30)
    });
    let shown: Vec<_> =
        text::ABILITIES.iter().zip(scores).map(|((short, _), score)| format!("{short}: {score}")).collect();
    yaml.field(2, "abilities", &format!("{{{}}}", shown.join(", ")));
    let saves: BTreeMap<_, _> = json::list(monster, "proficiencies").iter().filter_map(saving_throw).collect();
    if !saves.is_empty() {
        let known = text::ABILITIES.iter().filter_map(|(short, _)| Some(format!("{short}: {}", saves.get(*short)?)));
        yaml.field(2, "saves", &format!("{{{}}}", known.collect::<Vec<_>>().join(", ")));
    }
    let (challenge, eighths) = challenge(monster, place, report);
    // SRD 5.1 p. 258: two at the lowest, one more every four.
    let proficiency = 2 + (eighths.max(8) / 8 - 1) / 4;
    yaml.field(
        2,
        "proficiency",
        &json::int(monster, "proficiency_bonus").unwrap_or(proficiency).clamp(0, 20).to_string(),
    );
    yaml.field(2, "challenge", &challenge);
    yaml.field(2, "experience", &json::int(monster, "xp").unwrap_or(0).clamp(0, 1_000_000).to_string());
    yaml.field(2, "awareness", &format!("{} ft", awareness(monster)));
}

/// Hit points as they are stated, or as the dice have them on average (SRD 5.1 p. 260).
fn hit_points(monster: &Value, dice: Option<Dice>, place: &str, report: &mut ImportReport) -> i64 {
    let averaged = |dice: Dice| i64::from(dice.count) * (i64::from(dice.sides) + 1) / 2 + i64::from(dice.bonus);
    let average = || monster.get("hit_points").and_then(|it| json::int(it, "average"));
    let points = match (json::int(monster, "hit_points").or_else(average), dice) {
        (Some(points), _) => points,
        (None, Some(dice)) => {
            report.note("approximated: no hit points, the average of the hit dice assumed", place);
            averaged(dice)
        }
        (None, None) => {
            report.note("approximated: no hit points, 1 assumed", place);
            1
        }
    };
    if !(1..=65_535).contains(&points) {
        report.note("approximated: hit points beyond what content may hold", place);
    }
    points.clamp(1, 65_535)
}

/// Notes fields of a shape that nothing here reads, so that their facts are not lost without a word.
fn unknown_shapes(monster: &Value, place: &str, report: &mut ImportReport) {
    let lists = ["actions", "special_abilities", "legendary_actions", "reactions", "proficiencies"];
    let texts = ["damage_resistances", "damage_immunities", "damage_vulnerabilities", "condition_immunities"];
    let is_known = |field: &str, value: &Value| match value {
        Value::Null | Value::Array(_) => true,
        Value::Object(_) => !texts.contains(&field),
        Value::String(text) => text.trim().is_empty() || texts.contains(&field),
        Value::Bool(_) | Value::Number(_) => false,
    };
    for field in lists.into_iter().chain(texts) {
        if monster.get(field).is_some_and(|value| !is_known(field, value)) {
            report.note("a field of a shape that the importer does not know", format!("{place}: {field}"));
        }
    }
}

fn armor_class(monster: &Value, place: &str, report: &mut ImportReport) -> i64 {
    let plain = json::int(monster, "armor_class");
    let list = json::list(monster, "armor_class");
    if list.len() > 1 {
        report.note("approximated: the first of several armour classes", place);
    }
    let first = list
        .first()
        .and_then(|it| json::int(it, "value").or_else(|| json::scalar(it).and_then(|it| json::leading_int(&it))));
    plain
        .or(first)
        .unwrap_or_else(|| {
            report.note("approximated: no armour class, 10 assumed", place);
            10
        })
        .clamp(0, 255)
}

fn speed(monster: &Value, place: &str, report: &mut ImportReport) -> String {
    let speed = monster.get("speed").unwrap_or(&Value::Null);
    let mut known = Vec::new();
    for mode in ["walk", "fly", "swim", "climb", "burrow"] {
        if let Some(feet) = json::int(speed, mode).filter(|feet| (1..=60_000).contains(feet)) {
            known.push(format!("{mode}: {feet} ft"));
        }
    }
    // "30 ft., fly 60 ft. (hover)"
    for part in speed.as_str().unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let lower = part.to_lowercase();
        let mode = ["walk", "fly", "swim", "climb", "burrow"].into_iter().find(|mode| lower.starts_with(mode));
        let feet = json::leading_int(lower.trim_start_matches(|c: char| !c.is_ascii_digit()));
        match (mode.or(lower.starts_with(|c: char| c.is_ascii_digit()).then_some("walk")), feet) {
            (Some(mode), Some(feet)) if (0..=60_000).contains(&feet) => known.push(format!("{mode}: {feet} ft")),
            _ => report.note("a speed that is not understood", format!("{place}: {part}")),
        }
    }
    let mut modes = BTreeSet::new();
    known.retain(|it: &String| modes.insert(it.split(':').next().unwrap_or_default().to_owned()));
    if speed.get("hover").is_some() {
        report.note("hovering", place);
    }
    format!("{{{}}}", known.join(", "))
}

fn saving_throw(proficiency: &Value) -> Option<(String, i64)> {
    let name = json::field_reference(proficiency, "proficiency")?;
    let ability = name.strip_prefix("saving-throw-")?.get(..3)?.to_owned();
    Some((ability, json::int(proficiency, "value")?.clamp(-20, 60)))
}

fn challenge(monster: &Value, place: &str, report: &mut ImportReport) -> (String, i64) {
    let rating = json::text(monster, "challenge_rating").unwrap_or_default();
    let rating = match rating.as_str() {
        "0.125" => "1/8",
        "0.25" => "1/4",
        "0.5" => "1/2",
        whole => whole.strip_suffix(".0").unwrap_or(whole),
    };
    match text::parse_challenge(rating) {
        Ok(eighths) => (rating.to_owned(), i64::from(eighths)),
        Err(_) => {
            report.note("approximated: unknown challenge rating, 0 assumed", place);
            ("0".to_owned(), 0)
        }
    }
}

/// The farthest sense, at least 60 ft (sight in daylight); a creature that is blind beyond a radius has that radius.
fn awareness(monster: &Value) -> i64 {
    let senses = monster.get("senses").unwrap_or(&Value::Null);
    // "darkvision 120 ft., passive Perception 10" is the same in one text.
    let whole = senses.as_str().unwrap_or_default().to_lowercase();
    let within =
        |name: &str| whole.split_once(name).map(|(_, after)| after.split(',').next().unwrap_or(after).to_owned());
    let sense = |name: &str| json::text(senses, name).or_else(|| within(name)).unwrap_or_default();
    let all = ["darkvision", "blindsight", "tremorsense", "truesight"].map(sense);
    let farthest = all.iter().filter_map(|it| json::leading_int(it)).max().unwrap_or(0);
    let blind = all.iter().any(|it| it.contains("blind beyond"));
    if blind { farthest.clamp(5, 60_000) } else { farthest.clamp(60, 60_000) }
}

fn defences(yaml: &mut Yaml, monster: &Value, place: &str, report: &mut ImportReport) {
    let sorts = [
        ("damage_resistances", "resist", "resist_nonmagical"),
        ("damage_immunities", "immune", "immune_nonmagical"),
        ("damage_vulnerabilities", "vulnerable", ""),
    ];
    for (field, always, nonmagical) in sorts {
        let mut all = BTreeSet::new();
        let mut mundane = BTreeSet::new();
        for entry in json::texts(monster, field, &[';']) {
            let entry = entry.to_lowercase();
            let named = super::DAMAGE_TYPES.into_iter().filter(|kind| entry.contains(kind));
            let rest = super::DAMAGE_TYPES.into_iter().fold(entry.clone(), |rest, kind| rest.replace(kind, ""));
            let plain = rest.replace("and", "").chars().all(|c| matches!(c, ' ' | ',' | ';'));
            if entry.contains("nonmagical") && !nonmagical.is_empty() {
                mundane.extend(named);
                if entry.contains("silvered") || entry.contains("adamantine") {
                    report.note("approximated: silvered or adamantine weapons count as nonmagical", place);
                }
            } else if plain && !entry.is_empty() {
                all.extend(named);
            } else {
                report.note("a resistance under a condition that the rules do not know", format!("{place}: {field}"));
            }
        }
        for (key, set) in [(always, all), (nonmagical, mundane)] {
            if !set.is_empty() {
                yaml.field(2, key, &format!("[{}]", set.into_iter().collect::<Vec<_>>().join(", ")));
            }
        }
    }
    let conditions: BTreeSet<_> =
        json::texts(monster, "condition_immunities", &[';', ',']).iter().map(|it| json::slug(it)).collect();
    let (known, unknown): (Vec<_>, Vec<_>) =
        conditions.into_iter().partition(|it| super::CONDITIONS.contains(&it.as_str()));
    unknown.iter().for_each(|it| report.note("an unknown condition", format!("{place}: {it}")));
    if !known.is_empty() {
        yaml.field(2, "condition_immunities", &format!("[{}]", known.join(", ")));
    }
}

/// The actions, and the slug of each by its name in the source.
fn own_actions(
    monster: &Value,
    place: &str,
    report: &mut ImportReport,
) -> (Vec<ActionDraft>, BTreeMap<String, String>) {
    let traits = json::list(monster, "special_abilities");
    let magic_weapons = traits.iter().any(|it| json::text(it, "name").is_some_and(|it| it.contains("Magic Weapons")));
    let owner = Owner { place, magic_weapons };
    let mut all: Vec<ActionDraft> = Vec::new();
    let mut renamed = BTreeMap::new();
    for value in json::list(monster, "actions") {
        let name = json::text(value, "name").unwrap_or_default();
        if name.starts_with("Multiattack") || value.get("spellcasting").is_some() {
            continue;
        }
        for (index, mut draft) in actions(&owner, value, report).into_iter().enumerate() {
            let base = if draft.slug.is_empty() { "action".to_owned() } else { draft.slug.clone() };
            draft.slug = base.clone();
            let mut again = 2;
            while all.iter().any(|known| known.slug == draft.slug) {
                draft.slug = format!("{base}-{again}");
                again += 1;
            }
            if all.len() >= tickworld_content::limits::CREATURE_ACTIONS_MAX {
                report.note("more actions than a creature may have", place);
                break;
            }
            if index == 0 {
                renamed.entry(key(&name)).or_insert_with(|| draft.slug.clone());
            }
            let place = format!("{place}: {}", draft.name);
            all.push(draft.within_limits(&place, report));
        }
    }
    (all, renamed)
}

/// The form in which multiattacks name actions: without brackets and plural.
fn key(name: &str) -> String {
    let bare = name.split('(').next().unwrap_or(name);
    let slug = json::slug(bare);
    slug.strip_suffix('s').unwrap_or(&slug).to_owned()
}

fn action(yaml: &mut Yaml, action: &ActionDraft) {
    yaml.line(3, &format!("{}:", action.slug));
    yaml.field(4, "name", &quoted(&action.name));
    yaml.action_body(4, action);
    if action.usage != Usage::AtWill {
        yaml.field(4, "usage", &text::write_usage(action.usage));
    }
    if action.weight != 100 {
        yaml.field(4, "weight", &action.weight.to_string());
    }
}

fn multiattack(
    yaml: &mut Yaml,
    monster: &Value,
    renamed: &BTreeMap<String, String>,
    place: &str,
    report: &mut ImportReport,
) {
    let mut routines: Vec<Vec<(String, i64)>> = Vec::new();
    let all = json::list(monster, "actions").iter();
    for value in all.filter(|it| json::text(it, "name").is_some_and(|name| name.starts_with("Multiattack"))) {
        let fixed: Vec<&Value> = json::list(value, "actions").iter().collect();
        let chosen = value.get("action_options").and_then(|it| json::int(it, "choose")).unwrap_or(1);
        let mut alternatives: Vec<Vec<(String, i64)>> = Vec::new();
        for choice in option_list(value, "action_options") {
            let items = choice.get("items").is_some();
            let strikes = if items { json::list(choice, "items").iter().collect() } else { vec![choice] };
            // What is fixed comes beside whatever is chosen; a choice that says nothing leaves what is fixed.
            let mut own = routine(&strikes, renamed, place, report);
            if own.is_empty() {
                continue;
            }
            if chosen > 1 {
                report.note("approximated: of several choices the same is made each time", place);
                own.iter_mut().for_each(|(_, count)| *count = count.saturating_mul(chosen));
            }
            alternatives.push(joined(routine(&fixed, renamed, place, report), own));
        }
        if alternatives.is_empty() {
            alternatives.push(routine(&fixed, renamed, place, report));
        }
        for routine in alternatives {
            if !routine.is_empty() && !routines.contains(&routine) {
                routines.push(routine);
            }
        }
        if routines.is_empty() {
            report.note("a multiattack without structure", place);
        }
    }
    routines.truncate(tickworld_content::limits::ROUTINES_MAX);
    if !routines.is_empty() {
        yaml.line(2, "multiattack:");
        for routine in routines {
            let strikes: Vec<_> = routine.into_iter().map(|(name, count)| format!("{name}: {count}")).collect();
            yaml.line(3, &format!("- {{{}}}", strikes.join(", ")));
        }
    }
}

/// Both routines as one.
fn joined(mut one: Vec<(String, i64)>, other: Vec<(String, i64)>) -> Vec<(String, i64)> {
    let most = i64::from(tickworld_content::limits::STRIKE_REPEATS_MAX);
    for (name, count) in other {
        match one.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.saturating_add(count),
            None => one.push((name, count)),
        }
    }
    one.truncate(tickworld_content::limits::STRIKES_MAX);
    one.into_iter().map(|(name, count)| (name, count.clamp(1, most))).collect()
}

fn routine(
    strikes: &[&Value],
    renamed: &BTreeMap<String, String>,
    place: &str,
    report: &mut ImportReport,
) -> Vec<(String, i64)> {
    let mut routine: Vec<(String, i64)> = Vec::new();
    for strike in strikes {
        let name = json::text(strike, "action_name").or_else(|| json::text(strike, "name")).unwrap_or_default();
        let Some(slug) = renamed.get(&key(&name)) else {
            report.note("a multiattack with something that is no expressed action", format!("{place}: {name}"));
            continue;
        };
        let stated = json::text(strike, "count").unwrap_or_else(|| "1".to_owned());
        let count = stated.parse::<i64>().unwrap_or_else(|_| {
            report.note("approximated: a varying number of attacks is one", format!("{place}: {name}"));
            1
        });
        let count = count.clamp(1, i64::from(tickworld_content::limits::STRIKE_REPEATS_MAX));
        let most = i64::from(tickworld_content::limits::STRIKE_REPEATS_MAX);
        if let Some((_, known)) = routine.iter_mut().find(|(known, _)| known == slug) {
            *known = (*known + count).min(most);
        } else if routine.len() < tickworld_content::limits::STRIKES_MAX {
            routine.push((slug.clone(), count));
        } else {
            report.note("more strikes than a multiattack may have", place);
        }
    }
    routine
}

fn casting(yaml: &mut Yaml, monster: &Value, spells: &BTreeSet<String>, place: &str, report: &mut ImportReport) {
    // A trait in 2014, an action in 2024.
    let all = json::list(monster, "special_abilities").iter().chain(json::list(monster, "actions"));
    let mut sources = all.filter_map(|it| it.get("spellcasting"));
    let Some(casting) = sources.next() else { return };
    if sources.next().is_some() {
        report.note("a second way of casting", place);
    }
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for spell in json::list(casting, "spells") {
        let Some(name) = json::reference(spell) else { continue };
        if !spells.contains(&name) {
            report
                .note("a spell that has no effect the rules know, or is not in the input", format!("{place}: {name}"));
            continue;
        }
        let usage = spell.get("usage").unwrap_or(&Value::Null);
        let how = match json::text(usage, "type").as_deref() {
            Some("at will") => "at will".to_owned(),
            Some(_) => format!("{}/day", json::int(usage, "times").unwrap_or(1).clamp(1, 255)),
            None if json::int(spell, "level") == Some(0) => "at will".to_owned(),
            None => "slot".to_owned(),
        };
        known.insert(name, how);
    }
    if known.is_empty() || known.len() > tickworld_content::limits::KNOWN_SPELLS_MAX {
        return;
    }
    let ability = json::field_reference(casting, "ability").and_then(|it| prose::ability(&it));
    let ability = ability.unwrap_or(tickworld_content::model::Ability::Intelligence);
    let attack = json::int(casting, "modifier");
    let dc = json::int(casting, "dc")
        .or(attack.map(|it| it + 8))
        .unwrap_or_else(|| {
            report.note("approximated: no spell save DC stated, 10 assumed", place);
            10
        })
        .clamp(1, 100);
    yaml.line(2, "casting:");
    yaml.field(3, "ability", text::write_ability(ability));
    yaml.field(3, "save_dc", &dc.to_string());
    // SRD 5.1 p. 103: the save DC is the attack bonus plus eight.
    yaml.field(3, "attack_bonus", &attack.unwrap_or(dc - 8).clamp(-100, 100).to_string());
    let slots = casting.get("slots").unwrap_or(&Value::Null);
    let slots: Vec<_> = (1..=9).map(|level| json::int(slots, &level.to_string()).unwrap_or(0).clamp(0, 99)).collect();
    if let Some(last) = slots.iter().rposition(|&count| count > 0) {
        let shown: Vec<_> = slots[..=last].iter().map(i64::to_string).collect();
        yaml.field(3, "slots", &format!("[{}]", shown.join(", ")));
    }
    yaml.line(3, "spells:");
    known.iter().for_each(|(name, how)| yaml.field(4, name, how));
}

fn unexpressed(monster: &Value, place: &str, report: &mut ImportReport) {
    let sorts = [
        ("special_abilities", "a trait"),
        ("legendary_actions", "a legendary action"),
        ("reactions", "a reaction"),
        ("lair_actions", "a lair action"),
    ];
    for (field, reason) in sorts {
        for it in json::list(monster, field).iter().filter(|it| it.get("spellcasting").is_none()) {
            let name = json::text(it, "name").unwrap_or_default();
            if name != "Magic Weapons" {
                report.note(reason, format!("{place}: {name}"));
            }
        }
    }
}
