//! Planted faults: what changes a root is found by the ordinary diff, down to the field.

mod common;

use common::Bench;

#[test]
fn every_flip_that_changes_a_root_is_named_to_the_field() {
    let report = Bench::new().json("drill --kind flip --count 300 --seed 5 --json", 0);
    let count = |name: &str| report["tally"][name].as_u64().expect("a count");
    assert_eq!(count("planted"), 300);
    assert!(count("masked") * 10 <= count("planted"), "too many are masked: {report}");
    let found = count("planted") - count("masked") - count("stopped");
    assert_eq!((count("missed"), count("tick_named"), count("system_named")), (0, found, found), "{report}");
    assert_eq!(count("field_named"), count("field_known"), "{report}");
    assert_eq!(count("entity_named"), count("entity_known"), "{report}");
    assert!(report["fields"].as_array().is_some_and(|fields| fields.len() > 40), "{report}");
}

#[test]
fn every_other_kind_is_found_too() {
    for kind in ["skip", "swap", "lost-spawn", "altered-draw", "random"] {
        let report = Bench::new().json(&format!("drill --kind {kind} --count 40 --json"), 0);
        assert_eq!(report["well"], true, "{kind}: {report}");
        assert!(report["tally"]["tick_named"].as_u64().is_some_and(|named| named > 0), "{kind}: {report}");
    }
}

#[test]
fn a_kept_drill_is_found_again_by_the_plain_diff() {
    let bench = Bench::new();
    let case = bench.json("drill --kind flip --seed 12 --keep kept --json", 0);
    let report = bench.json("trace diff kept/left.trace kept/right.trace --json", 1);
    assert_eq!(report["finding"]["tick"], case["plant"]["tick"]);
    assert_eq!(report["finding"]["system"], case["plant"]["system"]);
    bench.ok("trace verify kept/left.trace");
    // The faulty one does not follow from its inputs: verifying it says so.
    assert_eq!(bench.run("trace verify kept/right.trace").code, 1);
}

/// A plant among many is that of its seed alone, so whatever is not found can be looked at.
#[test]
fn a_plant_among_many_is_repeated_by_its_seed() {
    let bench = Bench::new();
    // The seeds on both sides of 250 go into different runs.
    let many = bench.json("drill --kind random --seed 249 --count 2 --json", 0);
    let mut columns = serde_json::Map::new();
    for seed in [249, 250] {
        let alone = bench.json(&format!("drill --kind random --seed {seed} --json"), 0);
        assert_eq!(alone["seed"], seed);
        if let Some(column) = alone["plant"]["field"]["column"].as_str() {
            let count = columns.get(column).and_then(serde_json::Value::as_u64).unwrap_or(0);
            columns.insert(column.to_owned(), (count + 1).into());
        }
    }
    assert!(!columns.is_empty(), "neither plants into a field: take another seed");
    assert_eq!(many["tally"]["columns"], serde_json::Value::Object(columns));
}

#[test]
fn a_drill_repeats_itself() {
    let bench = Bench::new();
    let line = "drill --kind random --seed 31 --json";
    assert_eq!(bench.run(line).out, bench.run(line).out);
}
