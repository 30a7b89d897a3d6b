//! No JSON makes the importer panic, and what it writes always compiles.

mod common;

use serde_json::{Value, json};
use tickworld_contentc::{Source, compile, import_5e};

fn import_and_compile(entries: &Value) -> Result<(), String> {
    let file = Source { path: "entries.json".into(), text: entries.to_string() };
    let Ok(import) = import_5e(&[file]) else { return Ok(()) };
    let sources = [common::base(), import.files].concat();
    match compile(&sources) {
        Ok(_) => Ok(()),
        Err(wrong) => Err(wrong.to_string()),
    }
}

/// Changes one value somewhere: another type, another number, gone.
fn mutate(value: &mut Value, seeded: &mut common::Seeded) {
    let odd = [
        json!(null),
        json!(-1),
        json!(0),
        json!(99_999_999),
        json!("x"),
        json!(""),
        json!([]),
        json!({}),
        json!(true),
        json!("\u{e9}: [\"#"),
    ];
    match value {
        Value::Object(map) if !map.is_empty() && seeded.below(8) > 0 => {
            let key = map.keys().nth(seeded.below(map.len())).cloned().expect("within its length");
            match seeded.below(6) {
                0 => drop(map.remove(&key)),
                _ => mutate(map.get_mut(&key).expect("its own key"), seeded),
            }
        }
        Value::Array(list) if !list.is_empty() && seeded.below(8) > 0 => {
            let at = seeded.below(list.len());
            match seeded.below(6) {
                0 => drop(list.remove(at)),
                1 => list.push(list[at].clone()),
                _ => mutate(&mut list[at], seeded),
            }
        }
        Value::String(text) if seeded.below(2) == 0 => {
            let at = text.char_indices().map(|(at, _)| at).nth(seeded.below(text.chars().count().max(1))).unwrap_or(0);
            text.insert_str(at, ["7", " ", ". ", "(", "d", "\u{df}", "99999", "\n", ": ", "'"][seeded.below(10)]);
        }
        _ => *value = odd[seeded.below(odd.len())].clone(),
    }
}

#[test]
fn odd_json_never_panics_and_what_is_written_compiles() {
    let Some(files) = common::srd(&["Monsters", "Spells", "Equipment", "Magic-Items"]) else { return };
    let entries: Vec<Value> =
        files.iter().flat_map(|it| serde_json::from_str::<Vec<Value>>(&it.text).expect("a list")).collect();
    for seed in 0..2000 {
        let mut seeded = common::Seeded(seed);
        let mut chosen: Vec<Value> = (0..8).map(|_| entries[seeded.below(entries.len())].clone()).collect();
        for entry in &mut chosen {
            (0..1 + seeded.below(6)).for_each(|_| mutate(entry, &mut seeded));
        }
        if let Err(wrong) = import_and_compile(&Value::Array(chosen)) {
            panic!("seed {seed}: {wrong}");
        }
    }
}

#[test]
fn older_shapes_are_read() {
    let goblin = json!([{
        "name": "Goblin", "type": "humanoid", "size": "Small", "armor_class": 15, "hit_points": 7, "hit_dice": "2d6",
        "speed": "30 ft.", "strength": 8, "dexterity": 14, "constitution": 10, "intelligence": 10, "wisdom": 8, "charisma": 8,
        "challenge_rating": "1/4", "condition_immunities": ["Poisoned"], "senses": {"darkvision": "60 ft."},
        "actions": [
            {"name": "Scimitar", "desc": "Melee Weapon Attack: +4 to hit, reach 5 ft., one target. Hit: 5 (1d6 + 2) slashing damage."},
            {"name": "Fire Breath (Recharge 5\u{2013}6)", "desc": "The goblin exhales fire in a 15-foot cone. Each creature in that \
              area must make a DC 11 Dexterity saving throw, taking 7 (2d6) fire damage on a failed save, or half as much damage on \
              a successful one."}
        ]
    }]);
    let import = import_5e(&[Source { path: "m.json".into(), text: goblin.to_string() }]).expect("a monster");
    let text = &import.files[0].text;
    for line in [
        "armor_class: 15",
        "speed: {walk: 30 ft}",
        "challenge: 1/4",
        "condition_immunities: [poisoned]",
        "attack: {bonus: 4, reach: 5 ft}",
        "damage: [1d6+2 slashing]",
        "area: 15 ft cone",
        "save: dex 11 half",
        "damage: [2d6 fire]",
        "usage: recharge 5-6",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn nothing_is_dropped_without_a_trace() {
    let Some(files) = common::srd(&["Monsters", "Spells", "Equipment", "Magic-Items"]) else { return };
    let (import, compiled) = common::import(&files);
    let count = |kind: &str| import.report.kinds[kind];
    assert_eq!(count("creatures").written, compiled.pack.creatures.len());
    assert_eq!(count("spells").written, compiled.pack.spells.len());
    assert_eq!(count("items").written, compiled.pack.items.len());
    let unwritten = (count("spells").read - count("spells").written) + (count("items").read - count("items").written);
    let listed = ["a spell without damage, save or healing", "a magic item that the rules do not know"];
    assert_eq!(listed.iter().map(|it| import.report.reasons[it].len()).sum::<usize>(), unwritten);
    println!("{}", import.report);
}

#[test]
fn an_import_does_not_depend_on_the_order_of_entries() {
    let Some(files) = common::srd(&["Monsters", "Spells"]) else { return };
    let (import, _) = common::import(&files);
    let reversed = files.iter().rev().map(|it| {
        let mut list: Vec<Value> = serde_json::from_str(&it.text).expect("a list");
        list.reverse();
        Source { path: it.path.clone(), text: Value::Array(list).to_string() }
    });
    assert_eq!(import_5e(&reversed.collect::<Vec<_>>()).expect("the same"), import);
}

#[test]
fn what_is_not_a_list_of_entries_is_named() {
    let wrong =
        |text: &str| import_5e(&[Source { path: "m.json".into(), text: text.into() }]).expect_err(text).to_string();
    assert_eq!(wrong("{}"), "m.json: expected a list of entries");
    assert_eq!(wrong("[1, {\"name\": \"x\"}]"), "no monster, spell or item in 1 file");
    assert!(wrong("[").starts_with("m.json: not JSON: EOF"), "{}", wrong("["));
}

/// The shipped files are what the importer writes now.
#[test]
fn the_shipped_files_are_up_to_date() {
    let Some(files) = common::srd(&["Monsters", "Spells", "Equipment", "Magic-Items"]) else { return };
    let (import, _) = common::import(&files);
    for file in &import.files {
        let path = common::data().join(&file.path);
        if std::env::var_os("TICKWORLD_BLESS").is_some() {
            std::fs::write(&path, &file.text).expect("a writable source");
        }
        let shipped = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(shipped == file.text, "{} differs: run this test with TICKWORLD_BLESS=1", file.path);
    }
}
