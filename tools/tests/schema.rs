//! The published schema of scenarios and the tool agree.

mod common;

use common::{Bench, root};
use jsonschema::Validator;
use serde_json::{Value, json};

fn validator() -> Validator {
    let text = std::fs::read_to_string(root().join("content/schema/scenario.schema.json")).expect("it is published");
    jsonschema::validator_for(&serde_json::from_str(&text).expect("it is JSON")).expect("it is a schema")
}

/// A scenario that both take, with one part replaced.
fn scenario(part: &str, value: Value) -> Value {
    let mut scenario = json!({
        "name": "S", "ticks": 9, "map": {"width": 9, "height": 9}, "factions": {"a": []},
        "classes": [{"creature": "knight", "faction": "a", "area": [1, 1, 3, 3]}],
    });
    scenario[part] = value;
    scenario
}

/// Whether the tool takes it. JSON is YAML.
fn is_taken(bench: &Bench, scenario: &Value) -> bool {
    bench.write("s.yaml", scenario.to_string());
    let code = bench.run("run s.yaml").code;
    assert!(matches!(code, 0 | 2), "{scenario}");
    code == 0
}

#[test]
fn both_take_and_refuse_the_same() {
    let (bench, validator) = (Bench::new(), validator());
    let player = |input: Value| json!([{"player": 1, "inputs": [input]}]);
    let cases = [
        ("seed", json!(5), true),
        ("seed", json!("x"), false),
        ("ticks", json!(0), false),
        ("nonsense", json!(1), false),
        ("map", json!({"width": 9}), false),
        ("map", json!({"width": 9, "height": 9, "walls": [[0, 0, 1, 1]]}), true),
        ("map", json!({"width": 9, "height": 5000}), false),
        ("groups", json!([{"creature": "goblin", "faction": "a", "area": [1, 1, 2, 2], "count": 3}]), true),
        ("groups", json!([{"creature": "goblin", "faction": "a"}]), false),
        ("groups", json!([{"creature": "goblin", "faction": "a", "area": [1, 1, 2]}]), false),
        ("spawners", json!([{"creature": "goblin", "faction": "a", "area": [1, 1, 2, 2], "every": 0}]), false),
        ("treasures", json!([{"at": [1, 1], "coins": 5}]), true),
        ("exits", json!([{"to": 2, "area": [8, 3, 1, 3]}]), true),
        ("exits", json!([{"to": 0, "area": [8, 3, 1, 3]}]), false),
        ("exits", json!([{"to": 2}]), false),
        ("exits", json!([{"to": 2, "area": [8, 3, 1]}]), false),
        ("players", player(json!({"tick": 5, "move": [3, 3]})), true),
        ("players", player(json!({"tick": 5})), false),
        ("players", player(json!({"tick": 5, "stop": true, "rest": true})), false),
        ("players", player(json!({"tick": 5, "action": "greatsword", "on": "nearest-enemy"})), true),
        ("players", player(json!({"tick": 5, "action": "greatsword", "on": "somebody"})), false),
        ("bots", json!({"count": 2, "every": 5}), true),
        ("bots", json!({"number": 2}), false),
    ];
    for (part, value, good) in cases {
        let scenario = scenario(part, value);
        assert_eq!(validator.is_valid(&scenario), good, "the schema on {scenario}");
        assert_eq!(is_taken(&bench, &scenario), good, "the tool on {scenario}");
    }
}
