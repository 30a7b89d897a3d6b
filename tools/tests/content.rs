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
fn what_is_in_the_binary_is_reached_by_its_name_in_every_folder() {
    let bench = Bench::new();
    let shipped = bench.json("content info shipped --json", 0)["id"].clone();
    let duel = bench.json("run duel --ticks 2 --json", 0)["root"].clone();
    // Other content and another scenario of the same names.
    bench.ok("content export -o shipped");
    bench.write("shipped/mine.yaml", "items:\n  tea-cup: {name: Tea cup, weight: 0.5 lb}\n");
    bench.write(
        "duel",
        "name: Own\nticks: 5\nmap: {width: 5, height: 5}\nfactions: {a: []}\n\
         groups: [{creature: goblin, faction: a, area: [0, 0, 5, 5]}]\n",
    );
    for line in ["content info shipped --json", "content build shipped -o a.pack --json"] {
        let ran = bench.run(line);
        let value: serde_json::Value = serde_json::from_str(&ran.out).expect("it is JSON");
        assert_eq!((ran.code, &value["id"]), (0, &shipped), "{line}: {}", ran.err);
        assert!(ran.err.contains("note: `shipped` is the content inside this binary"), "{}", ran.err);
        assert!(ran.err.contains("./shipped"), "{}", ran.err);
    }
    assert!(bench.run("content check shipped").err.contains("./shipped"));
    let ran = bench.run("run duel --ticks 2 --json");
    let value: serde_json::Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!((ran.code, &value["root"]), (0, &duel), "{}", ran.err);
    assert!(ran.err.contains("note: `duel` is the scenario inside this binary"), "{}", ran.err);
    for line in ["trace record duel -o d.trace --ticks 2", "drill --scenario duel --kind flip"] {
        assert!(bench.run(line).err.contains("note: `duel`"), "{line}");
    }
    // By its path each is the other one, and nothing is to be told apart.
    for line in ["content info ./shipped --json", "run ./duel --ticks 2 --json"] {
        let ran = bench.run(line);
        let value: serde_json::Value = serde_json::from_str(&ran.out).expect("it is JSON");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}");
        assert!(value["id"] != shipped && value["root"] != duel, "{line}: {}", ran.out);
    }
    // A pack may well be called so.
    bench.ok("content build shipped -o shipped.pack");
    assert!(bench.run("content build ./shipped -o shipped").code == 2, "a folder is no place for a pack");
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
    // One file of them is what it is, and not "Not a directory".
    let one = bench.json("content import-5e json/5e-Monsters.json -o one --json", 0);
    assert_eq!(one["report"], report["report"]);
    bench.write("one.yaml", "creatures: {}\n");
    bench.refused("content import-5e one.yaml -o none", &["one.yaml", "a folder of JSON files, or one of them"]);
    let said = bench.ok("content import-5e json -o out");
    assert!(said.contains("to build it:") && said.contains("`tickworld content export`"), "{said}");
}

/// Whoever builds what was imported, and nothing else, is told what is missing instead of a thousand times where it is.
#[test]
fn imported_sources_say_what_they_stand_beside() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("json")).expect("a scratch folder");
    let club = r#"[{"index":"club","name":"Club","equipment_category":{"index":"weapon"},"weapon_category":"Simple",
        "weapon_range":"Melee","cost":{"quantity":1,"unit":"sp"},"weight":2,
        "damage":{"damage_dice":"1d4","damage_type":{"index":"bludgeoning"}},"range":{"normal":5},"properties":[]}]"#;
    bench.write("json/5e-Equipment.json", club);
    let said = bench.ok("content import-5e json -o mine");
    assert!(said.contains("everything is expressed"), "{said}");
    bench.refused("content check mine", &["unknown damage type", "no source has `damage_types:`", "content export"]);
    bench.refused("content build mine -o mine.pack", &["no source has `damage_types:`"]);
    bench.ok("content export -o base");
    for file in ["constants.yaml", "conditions.yaml", "damage-types.yaml"] {
        std::fs::copy(bench.path("base").join(file), bench.path("mine").join(file)).expect("the export has it");
    }
    bench.ok("content build mine -o mine.pack");
    let again = bench.ok("content import-5e json -o mine --force");
    assert!(!again.contains("to build it:"), "{again}");
}

/// Every file began with the path of a schema that lies in this repository, wherever it was written.
#[test]
fn a_schema_is_named_only_where_it_is() {
    let bench = Bench::new();
    let named = |path: &std::path::Path| {
        let text = std::fs::read_to_string(path).expect("it was written");
        text.lines().next().and_then(|line| line.split_once("$schema=")).map(|(_, schema)| schema.to_owned())
    };
    let plain = common::root().join("content/compiler/tests/imports/plain");
    for (made, file) in [("export", "items"), ("import", "creatures")] {
        let line = match made {
            "export" => "content export -o".to_owned(),
            _ => format!("content import-5e {} -o", plain.display()),
        };
        let first = |folder: &str| {
            let mut files = std::fs::read_dir(bench.path(folder).join(file)).expect("a section");
            files.next().expect("a file in it").expect("it is listed").path()
        };
        bench.ok(&format!("{line} {made}/far/data"));
        assert_eq!(named(&first(&format!("{made}/far/data"))), None, "{made}");
        // Beside the schema, as in the repository, it is what editors look for.
        std::fs::create_dir_all(bench.path(made).join("near/schema")).expect("a scratch folder");
        bench.write(&format!("{made}/near/schema/content.schema.json"), "{}");
        bench.ok(&format!("{line} {made}/near/data"));
        let path = first(&format!("{made}/near/data"));
        let schema = named(&path).expect("the schema is there");
        assert!(path.with_file_name(schema).is_file(), "{made}");
    }
}

/// Ten creatures whose names their sources alone know stood on top, as bare numbers.
#[test]
fn a_list_is_sorted_by_what_things_are_called() {
    let bench = Bench::new();
    let list = bench.ok("content info shipped --list creatures");
    let line = |title: &str| list.lines().position(|line| line.ends_with(title)).expect("it is shipped");
    assert!(line("Vampire Spawn") > line("Unicorn") && line("Werewolf, Wolf Form") > line("Vampire Spawn"), "{list}");
    assert!(list.lines().next().is_some_and(|first| !first.starts_with('(')), "{list}");
}
