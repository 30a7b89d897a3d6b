//! How much of the SRD comes through, measured against the JSON and not against the importer's own opinion.
//!
//! The expectation is read here a second time, in a simpler way: fields, and the fixed head of an attack's prose.

mod common;

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;
use tickworld_content::model::{Action, Bonus, Creature, Key, Pack};

/// Splits entries in two by a hash of the name. No pattern or number of the importer was chosen by looking at failures of the
/// second half, so a share there that falls behind the first shows a fit to what was seen.
fn developed_on(name: &str) -> bool {
    Key::of("split", name).0.is_multiple_of(2)
}

#[derive(Default)]
struct Share {
    good: usize,
    bad: Vec<String>,
}

impl Share {
    fn add(&mut self, good: bool, name: &str) {
        if good { self.good += 1 } else { self.bad.push(name.to_owned()) }
    }

    #[track_caller]
    #[expect(clippy::print_stdout, reason = "the shares are the result")]
    fn at_least(&self, percent: usize, what: &str) {
        let all = self.good + self.bad.len();
        println!("{what}: {} of {all}; not: {:?}", self.good, self.bad);
        assert!(all > 20 && self.good * 100 >= all * percent, "{what}: {} of {all}, not {:?}", self.good, self.bad);
    }
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

fn squeezed(dice: &str) -> String {
    dice.replace(' ', "").replace("+0", "")
}

type Rolls = BTreeSet<(String, String)>;

fn rolls<'v>(damage: impl IntoIterator<Item = &'v Value>) -> Rolls {
    let roll = |it: &Value| (squeezed(text(it, "damage_dice")), text(&it["damage_type"], "index").to_owned());
    damage.into_iter().map(roll).collect()
}

/// Every combination of an action's damage: one where there is nothing to choose.
fn choices(action: &Value) -> Vec<Rolls> {
    let (chosen, fixed): (Vec<_>, Vec<_>) = list(action, "damage").iter().partition(|it| it["from"].is_object());
    let fixed = rolls(fixed);
    let options: Vec<_> = chosen.iter().flat_map(|it| list(&it["from"], "options")).collect();
    if options.is_empty() {
        return vec![fixed];
    }
    options.into_iter().map(|it| rolls([it]).union(&fixed).cloned().collect()).collect()
}

fn imported_rolls(action: &Action, pack: &Pack) -> Rolls {
    let damage = action.effects.iter().flat_map(|it| &it.damage);
    damage
        .map(|it| {
            let dice = match (it.dice.count, it.dice.bonus) {
                (0, bonus) => bonus.to_string(),
                (count, 0) => format!("{count}d{}", it.dice.sides),
                (count, bonus) => format!("{count}d{}{bonus:+}", it.dice.sides),
            };
            (dice, pack.damage_types[usize::from(it.kind.0)].name.to_lowercase())
        })
        .collect()
}

fn is_named(action: &Action, name: &str) -> bool {
    let bare = name.split('(').next().unwrap_or(name).trim();
    action.name == bare || action.name.starts_with(&format!("{bare} ("))
}

/// Reach and ranges as the prose states them.
fn distances(desc: &str) -> (u16, u16, u16) {
    let number = |pattern: &str, group: usize| {
        let found = Regex::new(pattern).expect("a pattern").captures(desc)?;
        found.get(group)?.as_str().parse().ok()
    };
    let reach = number(r"reach (\d+)", 1).unwrap_or(0);
    let near = number(r"range (\d+)", 1).unwrap_or(0);
    (reach, near, number(r"range \d+(?: ?(?:ft\.?|feet))?/(\d+)", 1).unwrap_or(near))
}

fn attack_came_through(json: &Value, creature: &Creature, pack: &Pack) -> bool {
    let own =
        || creature.actions.iter().map(|&at| &pack.actions[at as usize]).filter(|it| is_named(it, text(json, "name")));
    let stated = distances(text(json, "desc"));
    let bonus = json["attack_bonus"].as_i64();
    choices(json).into_iter().all(|expected| {
        own().any(|action| {
            let attack = action.attack.map(|it| (it.bonus, it.reach.0, it.range.0, it.long_range.0));
            let as_stated = match (bonus, attack) {
                (None, None) => true,
                (Some(bonus), Some((Bonus::Fixed(imported), reach, near, far))) => {
                    let same_distance = (reach, near, far) == stated || stated == (0, 0, 0);
                    i64::from(imported) == bonus && same_distance
                }
                _ => false,
            };
            // The prose may name more than the fields do, never less.
            as_stated && expected.is_subset(&imported_rolls(action, pack)) && save_came_through(json, action)
        })
    })
}

fn save_came_through(json: &Value, action: &Action) -> bool {
    let Some(dc) = json["dc"]["dc_value"].as_i64() else { return true };
    let ability = text(&json["dc"]["dc_type"], "index");
    let half = text(&json["dc"], "success_type") == "half";
    action.effects.iter().filter_map(|it| it.save).any(|it| {
        let same = format!("{:?}", it.ability).to_lowercase().starts_with(ability);
        same && it.dc.map(i64::from) == Some(dc) && (it.half || !half)
    })
}

/// Actions that attack, deal damage or ask for a save; options of a choice count each for themselves.
fn attacks(monster: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for action in list(monster, "actions") {
        all.extend(list(&action["options"]["from"], "options").iter().cloned());
        let counts = action["attack_bonus"].is_i64() || !list(action, "damage").is_empty() || action["dc"].is_object();
        if counts {
            all.push(action.clone());
        }
    }
    all
}

#[test]
fn creatures_come_with_every_attack() {
    let Some(files) = common::srd(&["Monsters", "Spells"]) else { return };
    let (_, compiled) = common::import(&files);
    let monsters: Vec<Value> = serde_json::from_str(&files[0].text).expect("a list");
    let (mut seen, mut unseen) = (Share::default(), Share::default());
    for monster in &monsters {
        let name = text(monster, "index");
        let creature = compiled.pack.creature(name).expect("every monster is imported");
        let good = attacks(monster).iter().all(|it| attack_came_through(it, creature, &compiled.pack));
        if developed_on(name) { &mut seen } else { &mut unseen }
            .add(good && stats_came_through(monster, creature), name);
    }
    seen.at_least(95, "creatures with every attack, development half");
    unseen.at_least(95, "creatures with every attack, held-out half");
}

fn stats_came_through(monster: &Value, it: &Creature) -> bool {
    let names = ["strength", "dexterity", "constitution", "intelligence", "wisdom", "charisma"];
    let scores = names.map(|name| monster[name].as_i64());
    let class = list(monster, "armor_class").first().and_then(|it| it["value"].as_i64());
    let save = |index: usize, short: &str| {
        let name = format!("saving-throw-{short}");
        let proficient = list(monster, "proficiencies").iter().find(|it| text(&it["proficiency"], "index") == name);
        let plain = scores[index].map(|score| score.div_euclid(2) - 5);
        proficient.map_or(plain, |it| it["value"].as_i64()) == Some(i64::from(it.saves[index]))
    };
    let saves =
        ["str", "dex", "con", "int", "wis", "cha"].into_iter().enumerate().all(|(index, short)| save(index, short));
    let routines = list(monster, "actions").iter().any(|it| text(it, "name") == "Multiattack");
    scores.iter().zip(it.abilities).all(|(json, ours)| *json == Some(i64::from(ours)))
        && class == Some(i64::from(it.armor_class))
        && monster["hit_points"].as_i64() == Some(i64::from(it.hit_points))
        && saves
        && routines != it.multiattack.is_empty()
}

#[test]
fn spells_come_with_damage_saves_and_healing() {
    let Some(files) = common::srd(&["Spells"]) else { return };
    let (_, compiled) = common::import(&files);
    let spells: Vec<Value> = serde_json::from_str(&files[0].text).expect("a list");
    let (mut seen, mut unseen) = (Share::default(), Share::default());
    for spell in &spells {
        if ["damage", "dc", "heal_at_slot_level"].iter().any(|field| spell[field].is_object()) {
            let name = text(spell, "index");
            let good = spell_came_through(spell, &compiled.pack);
            if developed_on(name) { &mut seen } else { &mut unseen }.add(good, name);
        }
    }
    seen.at_least(90, "spells with damage, save or healing, development half");
    unseen.at_least(90, "spells with damage, save or healing, held-out half");
}

fn lowest(table: &Value) -> Option<&str> {
    let table = table.as_object()?;
    let (_, roll) = table.iter().min_by_key(|(level, _)| level.parse::<u32>().unwrap_or(99))?;
    roll.as_str()
}

fn spell_came_through(json: &Value, pack: &Pack) -> bool {
    let Some(spell) = pack.spell(text(json, "index")) else { return false };
    let action = &pack.actions[spell.action as usize];
    let damage = &json["damage"];
    let table = ["damage_at_slot_level", "damage_at_character_level"].iter().find_map(|it| lowest(&damage[*it]));
    let rolled = imported_rolls(action, pack);
    let all_rolled = table.is_none_or(|roll| {
        let parts: Vec<_> = if roll.matches('d').count() > 1 { roll.split('+').collect() } else { vec![roll] };
        let kind = text(&damage["damage_type"], "index");
        let known = |part: &&str| rolled.iter().any(|(dice, _)| *dice == squeezed(&part.replace("+ MOD", "")));
        parts.iter().all(known) && (kind.is_empty() || rolled.iter().any(|(_, it)| it == kind))
    });
    let no_damage_lost = !damage.is_object() || table.is_some() && !rolled.is_empty();
    let ability = text(&json["dc"]["dc_type"], "index");
    let half = text(&json["dc"], "dc_success") == "half";
    let saved = !json["dc"].is_object()
        || action.effects.iter().filter_map(|it| it.save).any(|it| {
            format!("{:?}", it.ability).to_lowercase().starts_with(ability) && it.dc.is_none() && (it.half || !half)
        });
    let healed = lowest(&json["heal_at_slot_level"]).is_none_or(|roll| {
        let heal = action.effects.iter().find_map(|it| Some((it.heal?, it.heal_add_ability)));
        let dice = squeezed(&roll.replace("+ MOD", ""));
        heal.is_some_and(|(heal, add)| {
            let ours = match (heal.count, heal.bonus) {
                (0, bonus) => bonus.to_string(),
                (count, 0) => format!("{count}d{}", heal.sides),
                (count, bonus) => format!("{count}d{}{bonus:+}", heal.sides),
            };
            ours == dice && add == roll.contains("MOD")
        })
    });
    all_rolled && no_damage_lost && saved && healed && i64::from(spell.level) == json["level"].as_i64().unwrap_or(-1)
}

/// The measure itself must be able to fail: a spell with other dice, an attack with another bonus.
#[test]
fn the_measure_notices_a_changed_number() {
    let Some(files) = common::srd(&["Monsters", "Spells"]) else { return };
    let (_, compiled) = common::import(&files);
    let monsters: Vec<Value> = serde_json::from_str(&files[0].text).expect("a list");
    let monster = monsters.iter().find(|it| text(it, "index") == "dire-wolf").or(monsters.first()).expect("a monster");
    let creature = compiled.pack.creature(text(monster, "index")).expect("imported");
    let attack = attacks(monster).into_iter().find(|it| it["attack_bonus"].is_i64()).expect("an attack");
    assert!(attack_came_through(&attack, creature, &compiled.pack));
    let mut changed = attack.clone();
    changed["attack_bonus"] = 99.into();
    assert!(!attack_came_through(&changed, creature, &compiled.pack));
    changed = attack.clone();
    changed["damage"][0]["damage_dice"] = "9d9".into();
    assert!(!attack_came_through(&changed, creature, &compiled.pack));
}
