//! `tickworld play --regions`: bots wander over the borders of a world, nobody is lost, and what is wrong with a world map is named.

mod common;

use common::{Bench, root};
use serde_json::{Value, json};

/// A region of six by four cells, whose players are fast and near its exits to these regions.
fn region(exits: &[(u32, u32)]) -> Value {
    let exit = |(to, x): &(u32, u32)| json!({"to": to, "area": [x, 0, 1, 4]});
    json!({
        "name": "Narrow", "ticks": 9, "map": {"width": 6, "height": 4}, "factions": {"a": []},
        "classes": [{"creature": "riding-horse", "faction": "a", "area": [2, 1, 2, 2], "coins": 7}],
        "exits": exits.iter().map(exit).collect::<Vec<_>>(),
    })
}

/// Three regions in a row, as files.
fn row(bench: &Bench) {
    bench.write("west.yaml", region(&[(2, 5)]).to_string());
    bench.write("middle.yaml", region(&[(1, 0), (3, 5)]).to_string());
    bench.write("east.yaml", region(&[(2, 0)]).to_string());
    let map = json!({"name": "Row", "regions": [
        {"region": 1, "scenario": "west.yaml", "neighbours": [2]},
        {"region": 2, "scenario": "middle.yaml", "neighbours": [1, 3]},
        {"region": 3, "scenario": "east.yaml", "neighbours": [2]},
    ]});
    bench.write("row.yaml", map.to_string());
}

/// Whether everybody is in one region.
fn is_whole(played: &Value, bots: u64) {
    let crossings = &played["crossings"];
    assert_eq!((&crossings["lost"], &crossings["doubled"], &crossings["waiting"]), (&json!([]), &json!([]), &json!(0)));
    let regions = played["regions"].as_array().expect("one entry a region");
    let players: u64 = regions.iter().filter_map(|region| region["players"].as_u64()).sum();
    assert_eq!(players, bots, "{played}");
    assert!(regions.iter().all(|region| region["ticks"].as_u64() > Some(0)), "{played}");
    assert_eq!(played["good"], true, "{played}");
}

#[test]
fn bots_wander_over_borders_and_nobody_is_lost() {
    let bench = Bench::new();
    row(&bench);
    let played = bench.json("play row.yaml --regions 3 --bots 10 --seconds 12 --data w --json", 0);
    is_whole(&played, 10);
    let crossings = &played["crossings"];
    assert!(crossings["count"].as_u64() >= Some(5), "{played}");
    assert!(crossings["followed"].as_u64() >= Some(5) && crossings["ticks"]["p99"].is_u64(), "{played}");
    assert!(played["lockstep_ticks"].as_u64() > Some(0) && played["desyncs"] == 0, "{played}");
    // Everything is in the folder, and everybody is led to where they were.
    let again = bench.json("play row.yaml --regions 3 --bots 10 --seconds 2 --data w --json", 0);
    is_whole(&again, 10);
    for number in 1..=3 {
        bench.ok(&format!("journal verify w/region-{number}"));
    }
    bench.refused("play row.yaml --data w --seconds 1", &["row.yaml", "unknown field"]);
    bench.refused("play skirmish --data w --seconds 1", &["has several regions"]);
    // Nor the other way around.
    bench.ok("play duel --data one --bots 1 --seconds 1");
    bench.refused("play row.yaml --regions 3 --data one --seconds 1", &["has one region"]);
}

/// A world goes on whatever scenario is named, and said nothing of that.
#[test]
fn a_world_that_is_not_what_was_named_is_told() {
    let bench = Bench::new();
    row(&bench);
    let note = |line: &str| {
        let ran = bench.run(line);
        // Bots that count on another beginning may find the world wrong.
        assert!(ran.code <= 1, "{line}: {}{}", ran.out, ran.err);
        ran.err.lines().find(|line| line.starts_with("note: ")).unwrap_or_default().to_owned()
    };
    for (first, other, folder, title) in [
        ("play duel --data w", "play skirmish --data w", "the world in w ", "Skirmish at the ford"),
        ("play row.yaml --regions 2 --data r", "play marches --regions 2 --data r", "the world in r/region-1 ", ""),
        ("load --sessions 1 --accounts 9 --data l", "load --sessions 1 --accounts 8 --data l", "the world in l ", ""),
    ] {
        let bots = if first.starts_with("play") { "--bots 1" } else { "" };
        let play = |line: &str| note(&format!("{line} {bots} --seconds 1"));
        assert_eq!([play(first), play(first)], ["", ""], "{first}");
        let said = play(other);
        for word in [folder, title, "did not begin as", "--data"] {
            assert!(said.contains(word), "{other}: no {word:?} in {said:?}");
        }
    }
}

#[test]
fn bots_of_another_process_wander_too() {
    let bench = Bench::new();
    row(&bench);
    let out = bench.ok("play row.yaml --regions 2 --bots 4 --seconds 1 --apart");
    for words in [" row.yaml --regions 2", "(region 2, Narrow)", "crossings  ", "region 1   ", "region 2   "] {
        assert!(out.contains(words), "no {words:?} in:\n{out}");
    }
    assert!(!out.contains("region 3"), "{out}");
}

#[test]
fn numbers_of_regions_that_make_no_sense_are_refused() {
    let bench = Bench::new();
    for number in ["0", "65", "-1", "many"] {
        bench.refused(&format!("play --regions {number}"), &["--regions", number]);
    }
    bench.refused("play --regions 10 --seconds 1", &["The marches has 9 regions, not 10", "name a world map"]);
    bench.refused("play marshes --regions 9 --seconds 1", &["did you mean `marches`?"]);
}

#[test]
fn schema_and_tool_take_and_refuse_the_same_maps() {
    let text = std::fs::read_to_string(root().join("content/schema/world-map.schema.json")).expect("it is published");
    let schema = serde_json::from_str(&text).expect("it is JSON");
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let bench = Bench::new();
    row(&bench);
    let duel = |number: Value| json!({"region": number, "scenario": "duel"});
    // With what the tool says of those that it refuses.
    let cases = [
        (json!({"name": "W", "regions": [duel(json!(1))]}), None),
        (json!({"name": "W", "about": "a", "regions": [duel(json!(1))]}), None),
        (json!({"regions": [duel(json!(1))]}), Some("missing field `name`")),
        (json!({"name": "W"}), Some("missing field `regions`")),
        (json!({"name": "W", "regions": []}), Some("at least one region")),
        (json!({"name": "W", "regions": [duel(json!(0))]}), Some("0 is not within 1 to 64")),
        (json!({"name": "W", "regions": [duel(json!("x"))]}), Some("not a whole number")),
        (json!({"name": "W", "regions": [{"region": 1}]}), Some("missing field `scenario`")),
        (json!({"name": "W", "maps": []}), Some("unknown field `maps`")),
    ];
    for (map, refusal) in cases {
        assert_eq!(validator.is_valid(&map), refusal.is_none(), "the schema on {map}");
        bench.write("map.yaml", map.to_string());
        match refusal {
            Some(words) => bench.refused("play map.yaml --regions 1 --seconds 1", &["map.yaml:1:", words]),
            None => _ = bench.ok("play map.yaml --regions 1 --seconds 1 --bots 1"),
        }
    }
}
