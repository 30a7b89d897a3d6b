//! Record, verify, inspect, compare and export: the way of a trace through the tool.

mod common;

use common::Bench;
use serde_json::Value;
use tickworld_rules::{Rules, Ruleset};
use tickworld_sim::{
    content::Library,
    frame::{InputFrame, Tick},
    rng::Entropy,
    simulation::Simulation,
    trace::{About, Recorder},
};

#[test]
fn the_same_scenario_gives_the_same_bytes() {
    let bench = Bench::new();
    bench.ok("trace record skirmish -o one.trace --ticks 300");
    bench.ok("trace record skirmish -o two.trace --ticks 300 --threads 3");
    assert_eq!(bench.read("one.trace"), bench.read("two.trace"));
    bench.ok("run skirmish --ticks 300 --record three.trace");
    assert_eq!(bench.read("one.trace"), bench.read("three.trace"));
    assert!(bench.ok("trace diff one.trace two.trace").starts_with("same"));
}

#[test]
fn what_was_recorded_verifies_with_any_number_of_workers() {
    let bench = Bench::new();
    bench.ok("trace record siege -o siege.trace --ticks 200");
    let reports = bench.json("trace verify siege.trace --workers 1,2,3,8 --json", 0);
    let workers: Vec<u64> =
        reports.as_array().expect("a list").iter().filter_map(|it| it["workers"].as_u64()).collect();
    assert_eq!(workers, [1, 2, 3, 8]);
    assert!(reports.as_array().expect("a list").iter().all(|it| it["ok"] == true && it["ticks"] == 200));
    bench.ok("trace verify siege.trace --audit");
}

#[test]
fn info_and_state_and_export_show_what_is_inside() {
    let bench = Bench::new();
    bench.ok("trace record skirmish -o a.trace --ticks 120 --seed 99");
    let info = bench.json("trace info a.trace --json", 0);
    assert_eq!((&info["last_tick"], &info["seed"]), (&Value::from(120), &Value::from("99")));
    assert!(bench.ok("trace info a.trace").contains("Skirmish at the ford"));
    let state = bench.json("trace state a.trace --tick 77 --column health --json", 0);
    let first = &state["columns"][0]["shown"][0];
    assert!(first["fields"]["current"].is_string() && first["name"].is_string(), "{state}");
    let row = first["row"].as_u64().expect("a row number");
    let entity = bench.ok(&format!("trace state a.trace --tick 77 --entity {row}"));
    assert!(entity.contains("health") && entity.contains("position"), "{entity}");
    let lines = bench.ok("trace export a.trace");
    assert_eq!(lines.lines().count(), 121);
    for (line, tick) in lines.lines().skip(1).zip(1_u64..) {
        let value: Value = serde_json::from_str(line).expect("each line is JSON");
        assert_eq!(value["tick"], tick);
    }
    let joins: Value = serde_json::from_str(lines.lines().nth(1).expect("tick 1")).expect("JSON");
    assert_eq!(joins["inputs"][0]["act"], "join");
}

#[test]
fn other_inputs_are_told_apart_from_a_fault() {
    let bench = Bench::new();
    let scenario = "name: Walk\nticks: 60\nmap: {width: 20, height: 20}\nfactions: {a: []}\n\
        classes: [{creature: knight, faction: a, area: [2, 2, 4, 4]}]\n\
        players: [{player: 1, inputs: [{tick: 30, move: [X, 15]}]}]\n";
    bench.write("left.yaml", scenario.replace('X', "10"));
    bench.write("right.yaml", scenario.replace('X', "11"));
    bench.ok("trace record left.yaml -o left.trace");
    bench.ok("trace record right.yaml -o right.trace");
    let report = bench.json("trace diff left.trace right.trace --json", 1);
    let finding = &report["finding"];
    assert_eq!((&finding["tick"], &finding["inputs_differ"]), (&Value::from(30), &Value::from(true)));
    let text = bench.run("trace diff left.trace right.trace").out;
    assert!(text.contains("inputs of that tick differ") && text.contains("MoveTo"), "{text}");
    assert!(text.contains("both do what their inputs say"), "{text}");
}

#[test]
fn an_expected_trace_ends_the_recording_at_the_first_other_root() {
    let bench = Bench::new();
    let scenario = "name: Walk\nticks: 60\nmap: {width: 20, height: 20}\nfactions: {a: []}\n\
        classes: [{creature: knight, faction: a, area: [2, 2, 4, 4]}]\n\
        players: [{player: 1, inputs: [{tick: 30, move: [X, 15]}]}]\n";
    bench.write("left.yaml", scenario.replace('X', "10"));
    bench.write("right.yaml", scenario.replace('X', "11"));
    bench.ok("trace record left.yaml -o left.trace");
    bench.ok("trace record left.yaml -o again.trace --expect left.trace --per-system");
    let report = bench.json("trace record right.yaml -o right.trace --expect left.trace --per-system --json", 1);
    assert_eq!((&report["mismatch"]["tick"], &report["ticks"]), (&Value::from(30), &Value::from(30)));
    assert!(bench.ok("trace info right.trace").contains("mismatch at tick 30"));
}

#[test]
fn a_torn_trace_is_read_up_to_the_tear() {
    let bench = Bench::new();
    bench.ok("trace record duel -o whole.trace --ticks 200 --evidence 0");
    let bytes = bench.read("whole.trace");
    bench.write("torn.trace", &bytes[..bytes.len() * 9 / 10]);
    let info = bench.json("trace info torn.trace --json", 0);
    let last = info["torn"]["last_tick"].as_u64().expect("it says where it is torn");
    assert!((1..200).contains(&last), "{info}");
    assert!(bench.ok("trace verify torn.trace").contains("torn"));
    assert!(bench.ok("trace diff whole.trace torn.trace").contains("goes on to tick 200"));
}

#[test]
fn traces_without_a_common_tick_are_not_called_the_same() {
    let bench = Bench::new();
    bench.ok("content build shipped -o shipped.pack");
    let bytes = bench.read("shipped.pack");
    let (id, pack) = tickworld_content::model::Pack::from_bytes(&bytes).expect("it was just built");
    let library = Library::of(id, Ruleset::new(pack));
    let mut simulation = Simulation::<Rules>::new(library, id, |_, _| ());
    for (name, ticks) in [("early.trace", 1..=5), ("between", 6..=9), ("late.trace", 10..=15)] {
        let packs = [(id, bytes.as_slice())];
        let recorder = Recorder::begin(Vec::new(), &simulation, About::default(), &packs);
        let mut recorder = recorder.expect("the recorder takes what it is given");
        for tick in ticks {
            let frame = InputFrame::empty(Tick(tick), Entropy::from_bytes([0; 16]));
            let roots = simulation.step_inline(&frame).expect("the frame is good");
            recorder.record(&frame, &roots, simulation.world()).expect("into memory");
        }
        bench.write(name, recorder.seal().expect("into memory").0);
    }
    let words = ["nothing to compare", "early.trace holds ticks 0 to 5", "late.trace 9 to 15"];
    bench.refused("trace diff early.trace late.trace", &words);
    bench.refused("trace diff late.trace early.trace", &["nothing to compare"]);
}

#[test]
fn completions_and_help_are_there() {
    let bench = Bench::new();
    assert!(bench.ok("completions bash").contains("tickworld"));
    for command in ["--help", "trace --help", "trace diff --help", "drill --help", "content --help", "run --help"] {
        assert!(bench.ok(command).contains("Usage:"));
    }
    let help = bench.ok("--help");
    assert!(help.contains("Exit codes:") && help.contains("Examples:"), "{help}");
}
