//! `tickworld demo`: one screen that shows what there is, wherever its output goes.

mod common;

use std::process::Stdio;

use common::Bench;

#[test]
fn fits_a_screen_and_names_the_fault() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("target")).expect("a scratch folder");
    bench.write("target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
    let out = bench.ok("demo");
    assert!(out.lines().count() <= 40, "{} lines:\n{out}", out.lines().count());
    for line in out.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
    assert!(out.contains("every root is the recorded one"), "{out}");
    assert!(out.contains("first difference: tick ") && out.contains("system combat::damage"), "{out}");
    assert!(out.contains("health.current") && out.contains("reproduced"), "{out}");
    assert!(!out.contains('\x1b'), "no colours without a terminal");
    // The command that it offers works, and says the same.
    let offered = out.lines().find(|line| line.starts_with("  tickworld trace diff")).expect("it offers the diff");
    let again = bench.run(offered.trim().trim_start_matches("tickworld "));
    assert_eq!(again.code, 1);
    let finding = out.lines().find(|line| line.starts_with("first difference")).expect("it names the tick");
    assert!(again.out.contains(finding), "{}", again.out);
}

#[test]
fn json_lays_plant_and_finding_side_by_side() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("target")).expect("a scratch folder");
    bench.write("target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
    let value = bench.json("demo --json", 0);
    assert_eq!(value["planted"]["tick"], value["found"]["tick"]);
    assert_eq!(value["planted"]["system"], value["found"]["system"]);
    assert_eq!(value["planted"]["entity"], value["found"]["fields"][0]["entity"]);
    assert_eq!(value["planted"]["field"], value["found"]["fields"][0]["path"]);
    assert_eq!(value["verified"], true);
}

#[test]
fn a_reader_that_goes_away_ends_the_output_quietly() {
    let bench = Bench::new();
    let mut child =
        bench.command("run duel").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn colours_only_where_they_are_wanted() {
    let bench = Bench::new();
    assert!(bench.ok("run duel --ticks 5 --color always").contains('\x1b'));
    assert!(!bench.ok("run duel --ticks 5 --color never").contains('\x1b'));
    assert!(!bench.ok("run duel --ticks 5").contains('\x1b'));
}

/// Where no cargo keeps its files, the recordings have a folder that nobody else can foresee or read.
#[cfg(unix)]
#[test]
fn elsewhere_the_recordings_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    bench.ok("demo");
    bench.ok("demo");
    let folders = std::fs::read_dir(bench.path(common::SCRATCH)).expect("it is there");
    let folders: Vec<_> = folders.map(|entry| entry.expect("an entry of it")).collect();
    assert_eq!(folders.len(), 2, "each run has its own");
    for folder in folders {
        assert_eq!(folder.metadata().expect("it is there").permissions().mode() & 0o777, 0o700);
        assert!(folder.path().join("left.trace").is_file());
    }
    let ran = bench.command("demo").env("TMPDIR", bench.path("nowhere")).output().expect("the binary starts");
    assert_eq!(ran.status.code(), Some(2));
    assert!(!bench.path("nowhere").exists(), "what was mistyped is not made");
}
