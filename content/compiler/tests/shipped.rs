//! The shipped content: it compiles, always to the same bytes, and agrees with the published schema.

mod common;

use serde_json::{Map, Value, json};
use tickworld_content::model::Pack;
use tickworld_contentc::{Source, check, compile, compile_dir};

fn shipped() -> Vec<Source> {
    Source::read_dir(&common::data()).expect("the shipped sources")
}

#[test]
fn it_compiles_and_reads_back() {
    let compiled = compile_dir(&common::data()).unwrap_or_else(|wrong| panic!("{wrong}"));
    println!("{:?}", compiled.summary);
    let (id, pack) = Pack::from_bytes(&compiled.bytes).expect("a pack");
    assert_eq!((id, &pack), (compiled.id, &compiled.pack));
    assert!(
        pack.creature("dire-wolf").is_some() && pack.spell("fireball").is_some() && pack.item("longsword").is_some()
    );
}

#[test]
fn the_order_of_sources_does_not_matter() {
    let sources = shipped();
    let bytes = compile(&sources).expect("valid").bytes;
    for seed in 0..5 {
        let mut shuffled = sources.clone();
        let mut seeded = common::Seeded(seed);
        for last in (1..shuffled.len()).rev() {
            shuffled.swap(last, seeded.below(last + 1));
        }
        assert_eq!(compile(&shuffled).expect("valid").bytes, bytes, "seed {seed}");
    }
}

/// A compiler that did not read a value would give the same pack for another one.
#[test]
fn every_changed_number_changes_the_pack() {
    let sources = shipped();
    let id = compile(&sources).expect("valid").id;
    for (from, to) in [
        ("armor_class: 14", "armor_class: 15"),
        ("2d6+3 ", "2d6+4 "),
        ("reach: 5 ft", "reach: 6 ft"),
        ("con 13", "con 14"),
    ] {
        let mut changed = sources.clone();
        let source = changed.iter_mut().find(|it| it.text.contains(from)).expect(from);
        source.text = source.text.replacen(from, to, 1);
        assert_ne!(compile(&changed).expect("valid").id, id, "{from}");
    }
}

fn schema() -> jsonschema::Validator {
    let path = common::data().join("../schema/content.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the schema")).expect("JSON");
    jsonschema::validator_for(&schema).expect("a JSON schema")
}

/// YAML as an editor's plug-in hands it to a schema; only what content uses.
fn to_json(text: &str) -> Value {
    use saphyr_parser::{Event, Parser, ScalarStyle};
    enum Open {
        List(Vec<Value>),
        Map(Map<String, Value>, Option<String>),
    }
    let mut open: Vec<Open> = Vec::new();
    let mut root = Value::Null;
    for event in Parser::new_from_str(text) {
        let value = match event.expect("YAML").0 {
            Event::Scalar(text, style, ..) => scalar(&text, style == ScalarStyle::Plain),
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Map::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop().expect("balanced") {
                Open::List(list) => Value::Array(list),
                Open::Map(map, _) => Value::Object(map),
            },
            _ => continue,
        };
        match open.last_mut() {
            Some(Open::List(list)) => list.push(value),
            Some(Open::Map(map, key)) => match key.take() {
                Some(key) => drop(map.insert(key, value)),
                None => *key = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            },
            None => root = value,
        }
    }
    root
}

fn scalar(text: &str, plain: bool) -> Value {
    match text {
        "" | "~" | "null" if plain => Value::Null,
        "true" | "false" if plain => json!(text == "true"),
        _ => text.parse::<i64>().ok().filter(|_| plain).map_or_else(|| json!(text), |number| json!(number)),
    }
}

#[test]
fn the_schema_accepts_all_shipped_sources() {
    let schema = schema();
    for source in shipped() {
        let value = to_json(&source.text);
        let wrong: Vec<_> =
            schema.iter_errors(&value).take(3).map(|it| format!("{}: {it}", it.instance_path())).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", source.path);
        let line = source.text.lines().next().unwrap_or_default();
        let up = "../".repeat(source.path.matches('/').count() + 1);
        assert_eq!(line, format!("# yaml-language-server: $schema={up}schema/content.schema.json"), "{}", source.path);
    }
}

/// Both refuse each of these, and accept the same text without the mistake.
#[test]
fn schema_and_compiler_refuse_the_same_mistakes() {
    let schema = schema();
    let good = "items: {a: {name: A, cost: 5 gp, weight: 0.5 lb}}\nspells: {s: {name: S, level: 1, range: 5 ft, \
                duration: 1 minute, effects: [{save: dex half, damage: [2d6+3 fire], conditions: [prone]}]}}\n\
                conditions: {c: {name: C, effects: [no-actions]}}\n";
    let verdicts = |yaml: &str| {
        let sources = [common::base(), vec![Source { path: "x.yaml".into(), text: yaml.to_owned() }]].concat();
        (schema.is_valid(&to_json(yaml)), check(&sources).is_ok())
    };
    assert_eq!(verdicts(good), (true, true));
    for (from, to) in [
        ("items:", "itmes:"),
        ("5 gp", "5 gold"),
        ("0.5 lb", "half a lb"),
        ("0.5 lb", "-1 lb"),
        ("{name: A,", "{"),
        ("a: {", "A b: {"),
        ("level: 1", "level: 10"),
        ("level: 1", "level: one"),
        ("level: 1, ", ""),
        ("range: 5 ft", "range: 5"),
        ("range: 5 ft", "target: all"),
        ("range: 5 ft", "target: self, area: 5 ft cone"),
        ("range: 5 ft", "area: 5 ft blob"),
        ("range: 5 ft", "area: 0 ft cone"),
        ("1 minute", "soon"),
        ("dex half", "luck half"),
        ("dex half", "dex 14 third"),
        ("2d6+3 fire", "2d6+3"),
        ("2d6+3 fire", "2dsix fire"),
        ("[2d6+3 fire]", "2d6+3 fire"),
        ("{save: dex half, damage: [2d6+3 fire], conditions: [prone]}", "{}"),
        ("[prone]", "[{rounds: 3}]"),
        ("[prone]", "[{inflict: prone, rounds: -1}]"),
        ("no-actions", "no-fun"),
        ("weight: 0.5 lb", "weight: 0.5 lb, shield: 2, armor: {base: 3}"),
        ("weight: 0.5 lb", "weight: 0.5 lb, weapon: {effects: []}"),
        ("weight: 0.5 lb", "weight: 0.5 lb, weapon: {attack: {bonus: 1}, effects: []}"),
    ] {
        assert!(good.contains(from), "{from}");
        assert_eq!(verdicts(&good.replacen(from, to, 1)), (false, false), "{from} -> {to}");
    }
}
