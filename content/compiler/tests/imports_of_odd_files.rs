//! Small files of entries as people have them: each imports to what compiles, and what is left out has a reason.

mod common;

use std::{fs, path::PathBuf};

use tickworld_contentc::{Import, Source, compile, import_5e};

/// A folder of `tests/imports`, imported; what was written compiles with the sources by hand.
fn import(name: &str) -> Import {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/imports").join(name).join("entries.json");
    of(&fs::read_to_string(&path).expect("an input of this test"))
}

fn of(text: &str) -> Import {
    let import = import_5e(&[Source { path: "entries.json".into(), text: text.into() }]);
    let import = import.unwrap_or_else(|error| panic!("{error}"));
    compile(&[common::base(), import.files.clone()].concat()).unwrap_or_else(|wrong| panic!("{wrong}"));
    import
}

/// The first file, and all reasons in one text.
fn written(import: &Import) -> (&str, String) {
    let reasons = import.report.reasons.iter().map(|(reason, places)| format!("{reason}: {places:?}\n"));
    (import.files.first().map_or("", |file| &file.text), reasons.collect())
}

#[track_caller]
fn expect(name: &str, lines: &[&str], reasons: &[&str]) {
    let import = import(name);
    let (text, noted) = written(&import);
    for line in lines {
        assert!(text.lines().any(|it| it.trim() == *line), "{name}: no {line:?} in\n{text}");
    }
    for reason in reasons {
        assert!(noted.contains(reason), "{name}: no {reason:?} in\n{noted}");
    }
}

#[test]
fn a_plain_entry_imports_without_a_word() {
    expect("plain", &["gob:", "hit_points: 7"], &[]);
    assert!(import("plain").report.reasons.is_empty());
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    expect("byte-order-mark", &["gob:", "hit_points: 7"], &[]);
}

#[test]
fn a_field_that_stands_twice_is_noted() {
    let import = of(&monster("\"hit_points\": 9"));
    let (text, noted) = written(&import);
    assert!(text.contains("hit_points: 9") && noted.contains("entries.json: hit_points"), "{text}{noted}");
}

#[test]
fn hit_points_are_read_or_missed_with_a_reason() {
    expect("hit-points-with-comma", &["hit_points: 1200"], &[]);
    expect("hit-points-null", &["hit_points: 7"], &["no hit points, the average of the hit dice"]);
    let with = |points: &str| of(&monster(&format!("\"hit_points\": {points}")));
    for (points, line) in [
        ("\"1 (1d2)\"", "hit_points: 1"),
        ("\"12,345,678\"", "hit_points: 65535"),
        ("\"1,20\"", "hit_points: 1"),
        ("\"1\u{a0}200\"", "hit_points: 1200"),
        ("{\"average\": 33, \"formula\": \"6d10\"}", "hit_points: 33"),
        ("-3", "hit_points: 1"),
        ("true", "hit_points: 5"),
    ] {
        let import = with(points);
        assert!(import.files[0].text.contains(&format!("{line}\n")), "{points}: {}", import.files[0].text);
    }
    assert!(written(&with("-3")).1.contains("hit points beyond"), "{}", written(&with("-3")).1);
}

/// A creature with one more field, and nothing to note.
fn monster(field: &str) -> String {
    format!(
        "[{{\"name\": \"Gob\", \"type\": \"humanoid\", \"size\": \"Small\", \"armor_class\": 15, \"hit_points\": 5, \"hit_dice\": \
         \"2d4\", \"speed\": \"30 ft.\", \"strength\": 8, \"dexterity\": 14, \"constitution\": 10, \"intelligence\": 10, \
         \"wisdom\": 8, \"charisma\": 8, \"challenge_rating\": 1, \"xp\": 200, {field}}}]"
    )
}

#[test]
fn defences_are_read_in_every_shape() {
    let lines = [
        "resist: [cold, fire]",
        "immune: [poison]",
        "immune_nonmagical: [bludgeoning]",
        "condition_immunities: [charmed, frightened]",
    ];
    expect("resistances-in-one-text", &lines, &[]);
    for (field, words) in [
        ("\"damage_resistances\": [\"cold\", {\"index\": \"fire\"}]", "resist: [cold, fire]"),
        ("\"damage_resistances\": \"Cold; Fire\"", "resist: [cold, fire]"),
        ("\"condition_immunities\": [\"Charmed\", {\"name\": \"Prone\"}]", "condition_immunities: [charmed, prone]"),
    ] {
        let import = of(&monster(field));
        assert!(import.files[0].text.contains(words), "{field}: {}", import.files[0].text);
        assert!(import.report.reasons.is_empty(), "{field}: {}", import.report);
    }
    for field in [
        "\"damage_resistances\": 7",
        "\"damage_resistances\": \"cold while it is day\"",
        "\"damage_immunities\": {\"cold\": true}",
        "\"condition_immunities\": \"sleepy\"",
        "\"actions\": \"it bites\"",
        "\"strength\": \"strong\"",
        "\"speed\": \"30 ft., hops 5 ft.\"",
    ] {
        assert!(!of(&monster(field)).report.reasons.is_empty(), "{field}: lost without a word");
    }
    let flying = of(&monster("\"speed\": \"30 ft., fly 60 ft. (hover)\""));
    assert!(flying.files[0].text.contains("speed: {walk: 30 ft, fly: 60 ft}"), "{}", flying.files[0].text);
}

#[test]
fn what_is_fixed_comes_beside_what_is_chosen() {
    expect("multiattack-with-choice", &["- {scimitar: 3}"], &[]);
}

#[test]
fn a_number_out_of_range_costs_a_fact_and_not_the_output() {
    expect("difficulty-zero", &["- save: dex 1"], &["a number or list beyond what content may hold"]);
    expect("range-swapped", &["attack: {bonus: 4, range: 80/320 ft}"], &["a number or list beyond"]);
    let actions = [
        "Each creature within 0 feet must make a DC 250 Dexterity saving throw, taking 7 (2d6) fire damage.",
        "It breathes in a 0-foot cone. Each creature there makes a DC 999 Wisdom saving throw or takes 5 (1d10) cold damage.",
        "A 65535-foot line that is 0 feet wide: DC 12 Strength saving throw, 3 (1d6) fire damage on a failed save.",
        "Melee Weapon Attack: +400 to hit, reach 65000 ft., one target. Hit: 999 (999d999 + 99999) fire damage.",
        "Ranged Weapon Attack: +4 to hit, range 99999/1 ft., one target. Hit: 5 (1d6 + 2) piercing damage.",
        "Melee Weapon Attack: +4 to hit, reach 5 ft. Hit: 1 (1d1) fire damage, and it is grappled (escape DC 255).",
        "Each creature within 60001 feet makes a DC 10 Constitution saving throw or is poisoned for 99999 hours.",
    ];
    for desc in actions {
        of(&monster(&format!("\"actions\": [{{\"name\": \"Odd\", \"desc\": {}}}]", serde_json::Value::from(desc))));
    }
}

#[test]
fn items_of_2024_are_read_by_their_categories() {
    let import = import("item-of-2024");
    assert_eq!(import.report.kinds["items"].written, 1);
    let (text, _) = written(&import);
    assert!(
        text.contains("club:") && text.contains("weapon:") && text.contains("damage: [1d4+ability bludgeoning]"),
        "{text}"
    );
    let item = |categories: &str, rest: &str| {
        let import = of(&format!(
            "[{{\"index\": \"it\", \"name\": \"It\", \"equipment_categories\": [{categories}], \"cost\": {{\"quantity\": 5, \
             \"unit\": \"gp\"}}, {rest}}}]"
        ));
        (import.files[0].path.clone(), import.files[0].text.clone())
    };
    let damage = "\"damage\": {\"damage_dice\": \"1d8\", \"damage_type\": {\"index\": \"piercing\"}}, \"range\": {\"normal\": 150, \"long\": 600}";
    let (path, text) = item("{\"index\": \"martial-ranged-weapons\"}, {\"index\": \"weapons\"}", damage);
    assert!(path == "items/weapons.yaml" && text.contains("{bonus: weapon dex, range: 150/600 ft}"), "{text}");
    let shield = "\"armor_class\": {\"base\": 2, \"dex_bonus\": false}";
    let (path, text) = item("{\"index\": \"armor\"}, {\"index\": \"shields\"}", shield);
    assert!(path == "items/armor.yaml" && text.contains("shield: 2"), "{text}");
    assert_eq!(item("{\"index\": \"adventuring-gear\"}", "\"weight\": 1").0, "items/gear.yaml");
}

#[test]
fn a_name_in_other_letters_has_a_key_of_its_own() {
    let russian = import("name-without-latin-letters");
    assert_eq!(russian.report.kinds["creatures"].written, 1);
    let (text, noted) = written(&russian);
    assert!(text.contains("creature-") && noted.contains("without Latin letters"), "{text}{noted}");
    let two = of(&format!(
        "{},{}",
        monster("\"xp\": 200").replace("Gob", "\u{30b4}\u{30d6}\u{30ea}\u{30f3}").trim_end_matches(']'),
        monster("\"xp\": 200").replace("Gob", "\u{30aa}\u{30fc}\u{30af}").trim_start_matches('[')
    ));
    assert_eq!(two.report.kinds["creatures"].written, 2);
}

#[test]
fn the_licence_line_says_what_is_known() {
    let of_url = |url: &str| of(&monster(&format!("\"url\": \"{url}\""))).files[0].text.clone();
    assert!(of_url("/api/2014/monsters/gob").contains("from the SRD 5.1 (CC-BY-4.0)"));
    assert!(of_url("/api/2024/monsters/gob").contains("from the SRD 5.2.1 (CC-BY-4.0)"));
    for url in ["", "https://example.org/api/2014/gob", "/api/homebrew/gob"] {
        assert!(of_url(url).contains("do not say where they come from"), "{url}");
    }
}

#[test]
fn a_range_that_holds_an_area_is_one() {
    let spell = "[{\"index\": \"spray\", \"name\": \"Spray\", \"school\": {\"index\": \"evocation\"}, \"casting_time\": \"1 action\", \
        \"level\": 1, \"range\": \"Self (15-foot cone)\", \"duration\": \"Instantaneous\", \"desc\": [\"A cone.\"], \
        \"dc\": {\"dc_type\": {\"index\": \"dex\"}, \"dc_success\": \"half\"}, \
        \"damage\": {\"damage_type\": {\"index\": \"fire\"}, \"damage_at_slot_level\": {\"1\": \"3d6\"}}}]";
    let import = of(spell);
    assert!(import.files[0].text.contains("area: 15 ft cone"), "{}", import.files[0].text);
}

/// A page as Open5e's interface answers, with entries of each kind.
#[test]
fn a_page_of_open5e_is_read() {
    let page = r#"{"count": 5, "next": null, "previous": null, "results": [
        {"slug": "gob", "name": "Gob", "type": "humanoid", "size": "Small", "armor_class": 15, "hit_points": 7, "hit_dice": "2d6",
         "speed": {"walk": 30}, "strength": 8, "dexterity": 14, "constitution": 10, "intelligence": 10, "wisdom": 8, "charisma": 8,
         "dexterity_save": 4, "wisdom_save": null, "challenge_rating": "1/4", "senses": "darkvision 90 ft., passive Perception 9",
         "damage_resistances": "cold", "damage_immunities": "", "condition_immunities": "charmed, frightened",
         "special_abilities": null, "reactions": "", "actions": [
            {"name": "Multiattack", "desc": "The gob makes three attacks: one with its bite and two with its claws."},
            {"name": "Bite", "desc": "Melee Weapon Attack: +4 to hit, reach 5 ft., one target. Hit: 5 (1d6 + 2) piercing damage.",
             "attack_bonus": 4, "damage_dice": "1d6", "damage_bonus": 2},
            {"name": "Claw", "desc": "Melee Weapon Attack: +4 to hit, reach 5 ft., one target. Hit: 4 (1d4 + 2) slashing damage."}
         ], "document__slug": "wotc-srd"},
        {"slug": "bolt", "name": "Bolt", "school": "Evocation", "casting_time": "1 action", "spell_level": 3, "range": "150 feet",
         "duration": "Instantaneous", "requires_concentration": false, "document__slug": "wotc-srd", "desc": "Each creature in a
 20-foot-radius sphere centered on that point must make a dexterity saving throw. A target takes 8d6 fire damage on a failed save,
 or half as much damage on a successful one."},
        {"slug": "axe", "name": "Axe", "category": "Martial Melee Weapons", "cost": "10 gp", "damage_dice": "1d8", "damage_type":
         "slashing", "properties": ["versatile (1d10)", "thrown (range 20/60)"], "weight": "4 lb.", "document__slug": "wotc-srd"},
        {"slug": "hide", "name": "Hide", "base_ac": 12, "category": "Medium Armor", "cost": "10 gp", "plus_dex_mod": true,
         "plus_max": 2, "strength_requirement": null, "weight": "", "document__slug": "wotc-srd"},
        {"slug": "mage-armor", "name": "Mage Armor", "base_ac": 13, "category": "Spell", "cost": "", "document__slug": "wotc-srd"}
    ]}"#;
    let import = of(&page.replace('\n', " "));
    let all: String = import.files.iter().map(|file| file.text.as_str()).collect();
    for line in [
        "from the SRD 5.1 (CC-BY-4.0)",
        "saves: {dex: 4}",
        "awareness: 90 ft",
        "resist: [cold]",
        "condition_immunities: [charmed, frightened]",
        "attack: {bonus: 4, reach: 5 ft}",
        "damage: [1d6+2 piercing]",
        "- {bite: 1, claw: 2}",
        "level: 3",
        "area: 20 ft sphere",
        "save: dex half",
        "damage: [8d6 fire]",
        "reach: 5 ft, range: 20/60 ft",
        "versatile:",
        "weight: 4 lb",
        "armor: {base: 12, dexterity_max: 2}",
    ] {
        assert!(all.contains(line), "no {line} in\n{all}");
    }
    assert!(!all.contains("mage-armor"), "a spell is no armour");
}

/// The fixed phrases of the newer edition.
#[test]
fn attacks_and_saves_of_2024_are_read() {
    let import = of(&monster(
        "\"actions\": [{\"name\": \"Rend\", \"desc\": \"Melee Attack Roll: +11, reach 10 ft. Hit: 13 (2d6 + 6) Slashing damage plus 4 \
         (1d8) Acid damage.\"}, {\"name\": \"Acid Breath\", \"desc\": \"Dexterity Saving Throw: DC 18, each creature in a \
         60-foot Cone. Failure: 54 (12d8) Acid damage. Success: Half damage.\"}, {\"name\": \"Spit\", \"desc\": \"Dexterity Saving \
         Throw: DC 18, each creature in a 60-foot-long, 5-footwide Line. Failure: 4 (1d8) Acid damage.\"}, {\"name\": \"Gaze\", \
         \"desc\": \"Wisdom Saving Throw: DC 16, one creature it can see within 30 feet. Failure: 3 (1d6) Psychic damage, and any \
         creature within 60 feet of it sees it.\"}, {\"name\": \"Reek\", \"desc\": \"Constitution Saving Throw: DC 12, each \
         creature in a 10-foot Emanation. Failure: 3 (1d6) Poison damage.\"}]",
    ));
    let (text, _) = written(&import);
    for line in [
        "attack: {bonus: 11, reach: 10 ft}",
        "- damage: [2d6+6 slashing, 1d8 acid]",
        "area: 60 ft cone",
        "- save: dex 18 half",
        "area: 60 ft line, 5 ft wide",
        "range: 30 ft",
        "area: 10 ft sphere",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}
