//! `tickworld swarm`: seeds without a finding, cases from files, and arguments that make no sense.

mod common;

use common::Bench;

#[test]
fn seeds_are_counted_and_find_nothing() {
    let report = Bench::new().json("swarm --seeds 100..120 --threads 2 --json", 0);
    assert_eq!((report["seeds"].as_u64(), report["finding"].is_null()), (Some(20), true), "{report}");
    let (ticks, stepped) = (report["ticks"].as_u64(), report["ticks_stepped"].as_u64());
    assert!(ticks >= Some(80) && stepped > ticks.map(|ticks| ticks * 3), "{report}");
}

/// The digest binds every last root: what is drawn anew by each process, such as a hash map's key, would show here.
#[test]
fn another_process_and_another_number_of_threads_give_the_same() {
    let bench = Bench::new();
    let of = |threads: u32| {
        let mut report = bench.json(&format!("swarm --seeds 0..100 --threads {threads} --json"), 0);
        let fields = report.as_object_mut().expect("a report");
        fields.retain(|name, _| !name.ends_with("_per_second"));
        report
    };
    let report = of(1);
    assert!(report["digest"].as_str().is_some_and(|digest| digest.len() == 16), "{report}");
    assert_eq!(report, of(3));
}

#[test]
fn a_case_that_fails_is_told_by_the_exit_code() {
    // A case whose world is impossible fails without any bug.
    let case = r#"{"format": 1, "found": "", "seed": 1, "ticks": 3, "ways": ["again"], "inputs": [], "packs": [],
        "world": {"seed": 1, "cells": [4, 4], "ticks_per_second": 2, "path_nodes_per_tick": 1, "rest_ticks": 1,
        "day_ticks": 1, "enemies": [], "walls": [], "groups": [], "spawn_points": [], "classes": [], "treasures": []}}"#;
    let bench = Bench::new();
    bench.write("seed-1.json", case);
    let ran = bench.run("swarm --case seed-1.json");
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("there is no content"), "{}", ran.out);
    bench.write("none.json", "{}");
    let ran = bench.run("swarm --case none.json");
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("not a case"), "{}", ran.err);
}

#[test]
fn seeds_that_are_none_are_refused() {
    for (line, why) in
        [("swarm --seeds 5..5", "no seed in it"), ("swarm --seeds 5", "two numbers"), ("swarm --case no", "no")]
    {
        let ran = Bench::new().run(line);
        assert_eq!(ran.code, 2, "{line}: {}", ran.out);
        assert!(ran.err.contains(why), "{line}: {}", ran.err);
    }
}
