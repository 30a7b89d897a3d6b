//! Building, checking, inspecting, exporting and importing content.

mod common;

use common::Bench;

#[test]
fn exported_sources_build_the_same_pack() {
    let bench = Bench::new();
    bench.ok("content build shipped -o one.pack");
    bench.ok("content export -o sources");
    bench.ok("content check sources");
    let summary = bench.json("content build sources -o two.pack --json", 0);
    assert_eq!(bench.read("one.pack"), bench.read("two.pack"));
    let info = bench.json("content info two.pack --json", 0);
    assert_eq!(info["id"], summary["id"]);
    assert!(bench.ok("content info two.pack --list creatures").contains("goblin"));
}

#[test]
fn a_scenario_takes_its_pack_from_beside_it() {
    let bench = Bench::new();
    bench.ok("content build shipped -o own.pack");
    let scenario = "name: Own\nticks: 5\nmap: {width: 5, height: 5}\nfactions: {a: []}\n\
        groups: [{creature: goblin, faction: a, area: [0, 0, 5, 5]}]\n";
    bench.write("own.yaml", format!("pack: own.pack\n{scenario}"));
    bench.write("shipped.yaml", scenario);
    let root = |line| bench.json(line, 0)["root"].clone();
    assert_eq!(root("run own.yaml --json"), root("run shipped.yaml --json"));
}

#[test]
fn a_mistake_is_shown_with_its_line() {
    let bench = Bench::new();
    bench.ok("content export -o sources");
    bench.write("sources/mine.yaml", "creatures:\n  imp-king: {name: Imp King, hit_pints: 9}\n");
    bench
        .refused("content check sources", &["mine.yaml:2:", "unknown field `hit_pints`", "did you mean `hit_points`?"]);
    bench.refused("content build sources -o x.pack", &["mine.yaml:2:"]);
    assert!(!bench.path("x.pack").exists());
}

#[test]
fn import_counts_what_it_cannot_express() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("json")).expect("a scratch folder");
    let bat = r#"[{"index":"test-bat","name":"Test Bat","size":"Tiny","type":"beast","armor_class":[{"type":"dex","value":12}],
        "hit_points":1,"hit_dice":"1d4","hit_points_roll":"1d4-1","speed":{"walk":"5 ft.","fly":"30 ft."},
        "strength":2,"dexterity":15,"constitution":8,"intelligence":2,"wisdom":12,"charisma":4,
        "proficiencies":[],"damage_vulnerabilities":[],"damage_resistances":[],"damage_immunities":[],
        "condition_immunities":[],"senses":{"passive_perception":11},"languages":"","challenge_rating":0,
        "proficiency_bonus":2,"xp":10,"special_abilities":[],"actions":[]}]"#;
    bench.write("json/5e-Monsters.json", bat);
    let report = bench.json("content import-5e json -o out --json", 0);
    assert_eq!(report["report"]["kinds"]["creatures"]["read"], 1, "{report}");
    bench.ok("content import-5e json -o out");
}
