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
    let enters: Value = serde_json::from_str(lines.lines().nth(1).expect("tick 1")).expect("JSON");
    assert_eq!(enters["inputs"][0]["act"], "enter");
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
    let verified = bench.run("trace verify torn.trace");
    assert!(verified.code == 1 && verified.out.contains("broken off"), "{}", verified.out);
    assert!(bench.ok("trace verify torn.trace --prefix").contains("torn"));
    let differing = bench.run("trace diff whole.trace torn.trace");
    assert!(differing.code == 1 && differing.out.contains("goes on to tick 200"), "{}", differing.out);
    assert!(differing.out.contains("torn.trace was broken off after tick"), "{}", differing.out);
    assert!(bench.ok("trace diff whole.trace torn.trace --prefix").contains("goes on to tick 200"));
    let ends = bench.json("trace diff whole.trace torn.trace --json", 1);
    assert_eq!((&ends["same"], &ends["ends"][1]["state"]), (&Value::from(false), &Value::from("broken off")));
    // Before the first world there is nothing to simulate.
    bench.write("stump.trace", &bytes[..40_000]);
    bench.refused("trace verify stump.trace", &["no keyframe", "broken off before its first world"]);
    assert_eq!(bench.run("trace verify stump.trace --audit --prefix").code, 0);
}

#[test]
fn traces_of_different_lengths_are_not_the_same() {
    let bench = Bench::new();
    bench.ok("trace record duel -o long.trace --ticks 60");
    bench.ok("trace record duel -o short.trace --ticks 20");
    for line in ["trace diff long.trace short.trace", "trace diff short.trace long.trace"] {
        let ran = bench.run(line);
        assert!(ran.code == 1 && ran.out.contains("long.trace goes on to tick 60"), "{line}: {}", ran.out);
        assert!(!ran.out.contains("broken off"), "{line}: {}", ran.out);
        bench.ok(&format!("{line} --prefix"));
    }
    bench.ok("trace diff long.trace long.trace");
}

/// Offsets and lengths of the records of a trace: kind, length, body, check.
fn records(bytes: &[u8]) -> Vec<(usize, usize, u8)> {
    let (mut at, mut found) = (20, Vec::new());
    while at < bytes.len() {
        let length = 13 + u32::from_le_bytes(bytes[at + 1..at + 5].try_into().expect("four bytes")) as usize;
        found.push((at, length, bytes[at]));
        at += length;
    }
    found
}

#[test]
fn damage_is_told_by_verify_and_by_diff() {
    const TICK: u8 = 5;
    let bench = Bench::new();
    bench.ok("trace record duel -o a.trace --ticks 80");
    let good = bench.read("a.trace");
    let ticks: Vec<_> = records(&good).into_iter().filter(|(.., kind)| *kind == TICK).collect();
    assert_eq!(ticks.len(), 80);
    let (at, length, _) = ticks[50];
    let record = &good[at..at + length];
    let flipped = |place: usize| {
        let mut bytes = good.clone();
        bytes[place] ^= 0x10;
        bytes
    };
    let damaged = [
        ("dropped", [&good[..at], &good[at + length..]].concat()),
        ("doubled", [&good[..at], record, &good[at..]].concat()),
        ("joined", [&good[..], &good[..]].concat()),
        ("joined-part", [&good[..], &good[..good.len() / 2]].concat()),
        ("hole", [&good[..at + 7], &good[at + length + 9..]].concat()),
        ("bytes-lost", [&good[..at + 20], &good[at + 21..]].concat()),
        ("flipped-body", flipped(at + length / 2)),
        ("flipped-length", flipped(at + 2)),
        ("flipped-kind", flipped(at)),
        ("no-carriage-returns", good.iter().copied().filter(|byte| *byte != b'\r').collect()),
        ("as-text", String::from_utf8_lossy(&good).into_owned().into_bytes()),
        (
            "line-ends",
            good.iter().flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] }).collect(),
        ),
    ];
    for (name, bytes) in damaged {
        if bytes == good {
            continue;
        }
        bench.write(name, &bytes);
        for line in [
            format!("trace verify {name}"),
            format!("trace verify {name} --prefix"),
            format!("trace verify {name} --audit"),
            format!("trace diff a.trace {name}"),
            format!("trace diff {name} a.trace --prefix"),
        ] {
            let ran = bench.run(&line);
            assert_eq!(ran.code, 2, "{line}: {}{}", ran.out, ran.err);
            assert!(ran.err.contains(name) && !ran.err.contains("panicked"), "{line}: {}", ran.err);
        }
    }
    bench.refused("trace info line-ends", &["was changed in transfer", "binary"]);
    bench.refused("trace diff a.trace line-ends", &["was changed in transfer"]);
    // Nothing but the end is missing: what is there can be used, and is not all.
    for length in [at, at + 3, at + length - 1, good.len() - 1] {
        bench.write("cut", &good[..length]);
        assert_eq!(bench.run("trace verify cut").code, 1, "cut at {length}");
        assert_eq!(bench.run("trace verify cut --prefix").code, 0, "cut at {length}");
        assert_eq!(bench.run("trace diff cut a.trace --prefix").code, 0, "cut at {length}");
    }
}

#[test]
fn every_file_is_verified_whatever_the_others_are() {
    let bench = Bench::new();
    bench.ok("trace record duel -o a.trace --ticks 5");
    bench.ok("trace record duel -o c.trace --ticks 7");
    let ran = bench.run("trace verify a.trace missing c.trace");
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("a.trace: 5 ticks") && ran.out.contains("c.trace: 7 ticks"), "{}", ran.out);
    assert!(ran.err.contains("cannot open missing"), "{}", ran.err);
    let reports = bench.json("trace verify a.trace missing c.trace --json", 2);
    let ok = |at: usize| reports[at]["ok"].as_bool();
    assert_eq!((ok(0), ok(1), ok(2)), (Some(true), Some(false), Some(true)), "{reports}");
    assert!(reports[1]["error"]["message"].as_str().is_some_and(|message| message.contains("missing")), "{reports}");
}

#[test]
fn two_beginnings_are_no_fault_of_this_build() {
    let bench = Bench::new();
    bench.ok("trace record skirmish -o one.trace --ticks 5 --seed 1");
    bench.ok("trace record skirmish -o two.trace --ticks 5 --seed 2");
    let ran = bench.run("trace diff one.trace two.trace");
    assert!(ran.code == 1 && ran.out.contains("both begin with this world"), "{}", ran.out);
    assert!(!ran.out.contains("reproduces neither"), "{}", ran.out);
}

#[test]
fn an_entity_is_not_taken_for_another_of_its_row() {
    let bench = Bench::new();
    bench.ok("trace record duel -o a.trace --ticks 20");
    bench.ok("trace state a.trace --tick 10 --entity 0v1");
    bench.ok("trace state a.trace --tick 10 --entity 0");
    bench
        .refused("trace state a.trace --tick 10 --entity 0v9", &["0v9 has not lived at tick 10: 0v1 lives in its row"]);
    bench.refused("trace state a.trace --tick 10 --entity 900v1", &["900v1 has not lived", "nothing else lives"]);
    bench.refused("trace state a.trace --tick 10 --entity 0v", &["is no entity"]);
    bench.refused("trace state a.trace --tick 10 --entity 0v0", &["0v0 has not lived"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_as_what_it_is() {
    let bench = Bench::new();
    bench.ok("trace record duel -o a.trace --ticks 5");
    let mut command = bench.command("trace info /dev/stdin");
    let mut child = command.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
    let child = child.as_mut().expect("the binary starts");
    std::io::Write::write_all(&mut child.stdin.take().expect("it has one"), b"tickworld-trace\n").unwrap_or_default();
    let mut err = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("it has one"), &mut err).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(2));
    assert!(err.contains("is a pipe or a device"), "{err}");
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
