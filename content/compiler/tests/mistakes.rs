//! Each kind of mistake in a source has its message, place and suggestion.

mod common;

use tickworld_contentc::{Source, check as check_sources};

/// Compiles `yaml` (as `x.yaml`) with the shipped base and compares the report.
#[track_caller]
fn check(yaml: &str, expect: &str) {
    let mut sources = common::base();
    sources.push(Source { path: "x.yaml".into(), text: yaml.into() });
    let wrong = check_sources(&sources).expect_err("a mistake").to_string();
    assert_eq!(wrong.trim_end(), expect.trim(), "\n--- got\n{wrong}");
}

/// A creature that is right but for `with`, an extra line.
fn rat(with: &str) -> String {
    format!(
        "creatures:\n  rat:\n    name: Rat\n    kind: beast\n    size: tiny\n    armor_class: 10\n    hit_points: 1\n    \
         hit_dice: 1d4-1\n    speed: {{walk: 20 ft}}\n    abilities: {{str: 2, dex: 11, con: 9, int: 2, wis: 10, cha: 4}}\n    \
         proficiency: 2\n    challenge: 0\n    {with}\n"
    )
}

#[test]
fn the_rat_itself_is_right() {
    let source = Source { path: "x.yaml".into(), text: rat("") };
    assert_eq!(check_sources(&[common::base(), vec![source]].concat()), Ok(()));
}

#[test]
fn an_unknown_reference_suggests_the_nearest() {
    check(
        &rat("actions: {bite: {name: Bite, range: 5 ft, effects: [{conditions: [{inflict: poisned, rounds: 10}]}]}}"),
        "x.yaml:13:81: error: unknown condition `poisned`\n\
         13 |     actions: {bite: {name: Bite, range: 5 ft, effects: [{conditions: [{inflict: poisned, rounds: 10}]}]}}\n   \
         |                                                                                 ^^^^^^^ did you mean `poisoned`?\n\
         1 error",
    );
}

#[test]
fn a_damage_type_is_underlined_alone() {
    check(
        &rat("actions: {bite: {name: Bite, range: 5 ft, effects: [{damage: [1d4 peircing]}]}}"),
        "x.yaml:13:71: error: unknown damage type `peircing`\n\
         13 |     actions: {bite: {name: Bite, range: 5 ft, effects: [{damage: [1d4 peircing]}]}}\n   \
         |                                                                       ^^^^^^^^ did you mean `piercing`?\n\
         1 error",
    );
}

#[test]
fn every_missing_field_is_named() {
    check(
        "creatures:\n  rat:\n    name: Rat\n    kind: beast\n    size: tiny\n    hit_points: 1\n    hit_dice: 1d4\n    speed: {}\n    \
         abilities: {str: 2, dex: 11, con: 9, int: 2, wis: 10}\n    proficiency: 2\n    challenge: 0\n",
        "x.yaml:2:3: error: missing field `armor_class`\n2 |   rat:\n  |   ^^^\n\
         x.yaml:9:16: error: missing field `cha`\n\
         9 |     abilities: {str: 2, dex: 11, con: 9, int: 2, wis: 10}\n  |                ^\n2 errors",
    );
}

#[test]
fn an_unknown_field_suggests_the_nearest() {
    check(
        &rat("armour_class: 3"),
        "x.yaml:13:5: error: unknown field `armour_class`\n13 |     armour_class: 3\n   |     ^^^^^^^^^^^^ did you mean `armor_class`?\n1 error",
    );
}

#[test]
fn an_unknown_section_suggests_the_nearest() {
    check(
        "creature: {}\n",
        "x.yaml:1:1: error: unknown section `creature`\n1 | creature: {}\n  | ^^^^^^^^ did you mean `creatures`?\n1 error",
    );
}

#[test]
fn a_repeated_key_is_refused() {
    check(
        "damage_types:\n  ice: {name: Ice, name: Frost}\n",
        "x.yaml:2:20: error: `name` stands here twice\n2 |   ice: {name: Ice, name: Frost}\n  |                    ^^^^ keep one\n1 error",
    );
}

#[test]
fn a_repeated_entry_names_the_first() {
    check(
        "damage_types:\n  fire: {name: Fire}\n",
        "x.yaml:2:3: error: damage-type `fire` stands twice\n2 |   fire: {name: Fire}\n  |   ^^^^ the first is at damage-types.yaml:7\n1 error",
    );
}

#[test]
fn replacements_are_of_what_is_gone_by_what_is_there() {
    let help = "did you mean `creatures`?";
    check(
        "replaced:\n  creature: {}\n",
        &format!("x.yaml:2:3: error: unknown field `creature`\n2 |   creature: {{}}\n  |   ^^^^^^^^ {help}\n1 error"),
    );
    check(
        "replaced:\n  conditions: {lame: poisned}\n",
        "x.yaml:2:22: error: unknown condition `poisned`\n2 |   conditions: {lame: poisned}\n  |                      ^^^^^^^ did you mean `poisoned`?\n1 error",
    );
    check(
        "replaced:\n  conditions: {poisoned: prone}\n",
        "x.yaml:2:16: error: condition `poisoned` is there: nothing else can stand for it\n2 |   conditions: {poisoned: prone}\n  |                ^^^^^^^^ take out the entry, or this line\n1 error",
    );
}

#[test]
fn replacements_reach_the_pack() {
    let source = Source { path: "x.yaml".into(), text: "replaced:\n  conditions: {lame: poisoned}\n".into() };
    let compiled = tickworld_contentc::compile(&[common::base(), vec![source]].concat()).expect("no mistake");
    let key = |name| tickworld_content::model::Key::of("condition", name);
    assert_eq!(compiled.pack.condition_position(key("lame")), compiled.pack.condition_position(key("poisoned")));
    assert!(compiled.pack.condition_position(key("lame")).is_some());
}

#[test]
fn scalars_say_what_they_should_be() {
    for (line, message) in [
        ("awareness: 60", "`60` is not a distance, such as 30 ft"),
        ("awareness: 70000 ft", "70000 ft is not within 0 to 60000 ft"),
        ("experience: many", "`many` is not a whole number"),
        ("experience: 1.5", "`1.5` is not a whole number"),
        ("experience: -1", "-1 is not within 0 to 4294967295"),
        ("saves: {dex: [1]}", "expected a word or number, found a list"),
        ("resist: fire", "expected a list, found `fire`"),
        ("resist: [fire, fire]", "`fire` stands here twice"),
        (
            "actions: {Bite: {name: Bite}}",
            "`Bite` is no name: lower-case letters, digits and hyphens, such as giant-rat",
        ),
        ("multiattack: [{bite: 2}]", "unknown action `bite`"),
        ("casting: {ability: luck, save_dc: 1}", "`luck` is no ability: str, dex, con, int, wis or cha"),
        ("casting: {ability: int, save_dc: 12, spells: {fly: at will}}", "unknown spell `fly`"),
        ("behaviour: {flee_percent: 101}", "101 is not within 0 to 100"),
        ("actions: {a: {name: A, usage: often}}", "`often` is not a usage, such as at will, recharge 5-6 or 3/day"),
        ("actions: {a: {name: A, attack: {reach: 5 ft}}}", "missing field `bonus`"),
        ("actions: {a: {name: A, attack: {bonus: 2}}}", "an attack needs `reach`, `range` or both"),
        ("actions: {a: {name: A, effects: [{}]}}", "an effect that does nothing"),
        ("actions: {a: {name: A, effects: [{save: luck 3}]}}", "`luck` is no ability: str, dex, con, int, wis or cha"),
        ("actions: {a: {name: A, effects: [{heal: 2d0}]}}", "0 in `2d0` is not within 1 to 100"),
        ("actions: {a: {name: A, effects: [{heal: many}]}}", "`many` is not dice, such as 2d6, 2d6+3 or 7"),
        (
            "actions: {a: {name: A, target: self, targets: 2}}",
            "only one of `target`, `targets` and `area` says whom an action reaches",
        ),
        ("actions: {a: {name: ''}}", "an empty name"),
    ] {
        let mut sources = common::base();
        sources.push(Source { path: "x.yaml".into(), text: rat(line) });
        let wrong = check_sources(&sources).expect_err(line);
        assert_eq!(wrong.list[0].message, message, "{line}");
        assert_eq!((wrong.list[0].line, wrong.list.len()), (13, 1), "{line}: {wrong}");
    }
}

#[test]
fn what_is_not_plain_yaml_is_refused() {
    for (yaml, message) in [
        ("items:\n\tx: 1\n", "not YAML"),
        ("items: {a: &x {name: A}}\n", "an anchor (`&name`) is not allowed in content"),
        ("items: !!map {}\n", "a tag (`!name`) is not allowed in content"),
        ("items: {}\n---\nitems: {}\n", "a second document in one file"),
        ("items: [\n", "not YAML"),
        ("just words\n", "expected sections such as `creatures:`, found `just words`"),
        ("items: {[a]: {name: A}}\n", "a list as a key"),
    ] {
        let mut sources = common::base();
        sources.push(Source { path: "x.yaml".into(), text: yaml.into() });
        let wrong = check_sources(&sources).expect_err(yaml);
        assert!(wrong.list[0].message.starts_with(message), "{yaml:?}: {wrong}");
    }
}

/// A kilobyte of aliases may stand for gigabytes, and a megabyte of brackets for a stack overflow.
#[test]
fn bombs_are_refused_quickly() {
    let laughs = "items:\n  a: &a [x, x, x, x]\n  b: &b [*a, *a, *a, *a]\n  c: &c [*b, *b, *b, *b]\n";
    let deep = format!("items: {}", "[".repeat(1 << 20));
    let blocks: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let huge = format!("items: {{}} #{}", "x".repeat(9 << 20));
    for bomb in [laughs.to_owned(), deep, blocks, huge] {
        assert!(check_sources(&[Source { path: "bomb.yaml".into(), text: bomb }]).is_err());
    }
}

#[test]
fn reports_are_sorted_and_bounded() {
    let entries: String = (0..5000).map(|n| format!("  x{n}: {{nmae: X}}\n")).collect();
    let source = Source { path: "x.yaml".into(), text: format!("items:\n{entries}") };
    let wrong = check_sources(&[source]).expect_err("five thousand mistakes");
    assert_eq!(wrong.list.len(), tickworld_contentc::DIAGNOSTICS_MAX);
    assert!(wrong.list.is_sorted() && wrong.omitted > 0);
}

#[test]
fn reports_are_data_too_and_colours_only_on_request() {
    let source = Source { path: "x.yaml".into(), text: "itmes: {}\n".into() };
    let wrong = check_sources(&[source]).expect_err("a mistake");
    let json = serde_json::to_value(&wrong).expect("plain data");
    assert_eq!(json["list"][0]["line"], 1);
    assert_eq!(json["list"][0]["help"], "did you mean `items`?");
    assert!(!wrong.to_string().contains('\x1b') && wrong.to_colored_string().contains('\x1b'));
}

#[test]
fn files_that_are_not_utf8_are_named() {
    let folder = std::env::temp_dir().join(format!("tickworld-contentc-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    std::fs::write(folder.join("bad.yaml"), b"items:\n  a: {name: \xff}\n").expect("a file");
    let wrong = tickworld_contentc::compile_dir(&folder).expect_err("not UTF-8").to_string();
    // As an editor of another system saves it.
    std::fs::write(folder.join("bad.yaml"), b"\xff\xfei\0t\0e\0m\0s\0:\0").expect("a file");
    let wide = tickworld_contentc::compile_dir(&folder).expect_err("not UTF-8").to_string();
    assert!(wide.contains("UTF-16") && wide.contains("save it as UTF-8"), "{wide}");
    std::fs::remove_dir_all(&folder).expect("our own folder");
    assert_eq!(wrong, "bad.yaml: error: not UTF-8: line 2 holds a byte that no UTF-8 text has there\n1 error\n");
}
