//! Ctrl-C and SIGTERM in every command that works long: a report of what was done, good order, and nothing left behind.
#![cfg(target_os = "linux")]

mod common;

use std::{
    fs,
    process::{Command, Output, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use common::{Bench, Ran, SCRATCH};
use serde_json::Value;

/// What is left of all scratch folders.
fn left(bench: &Bench) -> Vec<String> {
    let entries = fs::read_dir(bench.path(SCRATCH)).expect("it is there").map(|entry| entry.expect("an entry"));
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

/// What a process says on standard error.
const ERRORS: &str = "errors";
/// How often it is looked whether something has come about.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command under way.
struct Started {
    id: u32,
    ended: Receiver<Output>,
}

fn start(bench: &Bench, line: &str) -> Started {
    let errors = fs::File::create(bench.path(ERRORS)).expect("the scratch folder can be written to");
    let child = bench.command(line).stdout(Stdio::piped()).stderr(errors).spawn().expect("the binary starts");
    let (id, (send, ended)) = (child.id(), channel());
    // Nobody may be waiting for it any more.
    std::thread::spawn(move || send.send(child.wait_with_output().expect("it can be waited for")).unwrap_or_default());
    Started { id, ended }
}

/// Processor time of a process so far, in hundredths of a second.
fn processor_time(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split(' ').collect();
    [12, 13].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}

/// Waits until a command is at its work: it says who plays, or it has worked longer than any begins.
fn at_work(bench: &Bench, started: &Started, line: &str) {
    let limit = Instant::now() + PATIENCE;
    let errors = || fs::read_to_string(bench.path(ERRORS)).unwrap_or_default();
    let goes_on = |time| started.ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
    while !errors().contains("bots  ") && processor_time(started.id) < 150 {
        assert!(goes_on(LOOK_EVERY) && Instant::now() < limit, "{line}: {}", errors());
    }
    // Bots come one after the other.
    assert!(goes_on(Duration::from_millis(700)), "{line}: {}", errors());
}

/// Waits for the end, not for ever.
fn end(bench: &Bench, started: &Started, line: &str) -> Ran {
    let Ok(output) = started.ended.recv_timeout(PATIENCE) else {
        signal(started.id, "KILL");
        panic!("{line} goes on");
    };
    let text = |bytes| String::from_utf8(bytes).expect("the tool writes UTF-8");
    let err = fs::read_to_string(bench.path(ERRORS)).expect("it was made at the start");
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err }
}

/// Processes of the tool whose command line names the bench: bots are told a file in its scratch folder.
fn children(bench: &Bench) -> Vec<String> {
    let folder = bench.path("").display().to_string();
    let entries = fs::read_dir("/proc").map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
    let lines = entries.iter().filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    lines.filter(|line| line.contains("tickworld") && line.contains(folder.trim_end_matches('/'))).collect()
}

/// Starts a command that would go on for minutes, interrupts it, and gives its report.
fn interrupted(bench: &Bench, line: &str, name: &str, code: i32) -> Value {
    let started = start(bench, &format!("{line} --json"));
    at_work(bench, &started, line);
    signal(started.id, name);
    let ran = end(bench, &started, line);
    assert_eq!(ran.code, code, "{line}, {name}: {}{}", ran.out, ran.err);
    assert_eq!(ran.out.lines().count(), 1, "{line}, {name}: one value: {}{}", ran.out, ran.err);
    assert_eq!(left(bench), Vec::<String>::new(), "{line}, {name}");
    let report: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(report["interrupted"], true, "{line}, {name}: {report}");
    report
}

#[test]
fn servers_and_bots_end_in_good_order() {
    let bench = Bench::new();
    for name in ["INT", "TERM"] {
        let played = interrupted(&bench, "play skirmish --bots 6 --seconds 600 --data w", name, 0);
        assert!(played["good"] == true && played["opened"].as_u64() > Some(0), "{played}");
        assert!(played["seconds"].as_f64().is_some_and(|seconds| seconds < 60.0), "{played}");
        let info = bench.json("journal info w --json", 0);
        assert_eq!(info["ended_in_order"], true, "{info}");
        fs::remove_dir_all(bench.path("w")).expect("nobody uses it");
        let played = interrupted(&bench, "play skirmish --bots 4 --seconds 600 --apart", name, 0);
        assert_eq!(played["apart"][0]["good"], true, "{played}");
        let played = interrupted(&bench, "play --regions 3 --bots 6 --seconds 600", name, 0);
        assert_eq!(played["crossings"]["lost"], serde_json::json!([]), "{played}");
        interrupted(&bench, "load --sessions 2 --in-flight 3 --accounts 60 --seconds 600 --apart 1", name, 0);
    }
    assert_eq!(children(&bench), Vec::<String>::new());
}

#[test]
fn measurements_end_with_what_they_have() {
    let bench = Bench::new();
    interrupted(&bench, "measure ledger --sessions 4 --batch 8 --accounts 60 --seconds 600", "TERM", 3);
    interrupted(&bench, "measure traffic --players 2,2 --seconds 600", "INT", 3);
    interrupted(&bench, "measure join --creatures 50 --active 5 --players 2 --seconds 600", "TERM", 3);
    interrupted(&bench, "measure replay --creatures 20 --hours 1000", "INT", 3);
}

#[test]
fn simulations_end_with_what_they_have() {
    let bench = Bench::new();
    bench.write(
        "long.yaml",
        "name: Long\nticks: 900000000\nmap: {width: 9, height: 9}\nfactions: {a: []}\n\
        groups: [{creature: goblin, faction: a, area: [0, 0, 9, 9]}]\n",
    );
    let ran = interrupted(&bench, "run long.yaml", "TERM", 3);
    assert!(ran["ticks"].as_u64().is_some_and(|ticks| ticks > 10 && ticks < 900_000_000), "{ran}");
    let recorded = interrupted(&bench, "trace record long.yaml -o a.trace", "INT", 3);
    assert_eq!(recorded["file"], "a.trace");
    let info = bench.json("trace info a.trace --json", 0);
    assert_eq!((&info["last_tick"], &info["sealed"]), (&recorded["ticks"], &true.into()), "{info}");
    // One that is there already stays as it is: the new one is kept beside it.
    let before = bench.read("a.trace");
    let recorded = interrupted(&bench, "trace record long.yaml -o a.trace", "TERM", 3);
    assert_eq!(bench.read("a.trace"), before);
    let file = recorded["file"].as_str().expect("a name").to_owned();
    assert!(file.ends_with(".part"), "{recorded}");
    bench.ok(&format!("trace info {file}"));
    let found = interrupted(&bench, "swarm --seeds 0..1000000 --threads 2", "INT", 3);
    assert!(found["seeds"].as_u64().is_some_and(|seeds| seeds < 1_000_000), "{found}");
    let drilled = interrupted(&bench, "drill --count 1000000", "TERM", 3);
    assert!(drilled["tally"]["planted"].as_u64().is_some_and(|count| count < 1_000_000), "{drilled}");
}

#[test]
fn verifying_and_exporting_end_with_what_they_have() {
    let bench = Bench::new();
    bench.ok("trace record skirmish -o a.trace --ticks 60000");
    let started = start(&bench, "trace verify a.trace --workers 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1 --json");
    at_work(&bench, &started, "trace verify");
    signal(started.id, "INT");
    let ran = end(&bench, &started, "trace verify");
    assert_eq!(ran.code, 3, "{}", ran.err);
    let reports: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert!(reports.as_array().is_some_and(|list| !list.is_empty() && list.len() < 16), "{reports}");
    assert!(ran.err.contains("interrupted"), "{}", ran.err);
}

#[test]
fn reading_a_store_ends_with_what_was_read() {
    let bench = Bench::new();
    common::store::of_many_snapshots(&bench.path("w"), 1_500);
    let verified = interrupted(&bench, "journal verify w", "TERM", 3);
    assert_eq!((&verified["ok"], &verified["records"]), (&true.into(), &1_500.into()), "{verified}");
    let snapshots = verified["snapshots"].as_u64().expect("a number");
    assert!((1..1_500).contains(&snapshots) && verified["findings"] == serde_json::json!([]), "{verified}");
    let info = interrupted(&bench, "journal info w", "INT", 3);
    let listed = info["snapshots"].as_array().expect("a list").len();
    assert!((1..1_500).contains(&listed), "{listed}");
}

#[test]
fn a_diff_that_is_interrupted_has_the_tick_before_it_knows_in_what() {
    let bench = Bench::new();
    let scenario = common::root().join("scenario/scenarios/skirmish.yaml");
    let scenario = fs::read_to_string(scenario).expect("it is shipped").replace("ticks: 1200", "ticks: 180000");
    let order = "      - {tick: 700, give: 25, to: 2}\n";
    assert!(scenario.contains(order), "somebody plays in it");
    bench.write("left.yaml", &scenario);
    bench.write("right.yaml", scenario.replace(order, &format!("{order}      - {{tick: 179990, stop: true}}\n")));
    // With one keyframe, both are made again from the start on to show in what tick 179,990 differs.
    for side in ["left", "right"] {
        bench.ok(&format!("trace record {side}.yaml -o {side}.trace --keyframes 1000000"));
    }
    let found = interrupted(&bench, "trace diff left.trace right.trace", "INT", 1);
    assert_eq!((&found["first_tick"], &found["same"]), (&179_990.into(), &false.into()), "{found}");
    let shown = interrupted(&bench, "trace state left.trace --tick 179990", "TERM", 3);
    assert_eq!(shown, serde_json::json!({ "interrupted": true }));
}

/// A server whose bots play in processes of their own, once they are there.
fn with_bots_apart(bench: &Bench) -> Started {
    let started = start(bench, "play skirmish --bots 4 --seconds 600 --apart");
    let limit = Instant::now() + PATIENCE;
    while children(bench).is_empty() {
        let goes_on = started.ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout);
        assert!(goes_on && Instant::now() < limit, "no bots came");
    }
    started
}

/// Files of tokens are not there for long; this is while their bots play.
#[test]
fn nobody_else_reads_the_tokens_of_bots() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    let started = with_bots_apart(&bench);
    let scratch = bench.path(SCRATCH).join(left(&bench).first().expect("a scratch folder"));
    let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let entries = fs::read_dir(&scratch).expect("it is there").map(|entry| entry.expect("an entry").path());
    let tokens: Vec<_> = entries.filter(|path| path.to_string_lossy().contains("tokens-")).collect();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    assert_eq!((mode(&scratch), mode(&tokens[0])), (0o700, 0o600));
    signal(started.id, "TERM");
    assert_eq!(end(&bench, &started, "play").code, 0);
    assert_eq!(left(&bench), Vec::<String>::new());
}

/// Whatever ends the process that started them, bots in processes of their own end too.
#[test]
fn a_kill_leaves_no_bots() {
    let bench = Bench::new();
    let started = with_bots_apart(&bench);
    signal(started.id, "KILL");
    end(&bench, &started, "play");
    let limit = Instant::now() + PATIENCE;
    while !children(&bench).is_empty() {
        assert!(Instant::now() < limit, "left: {:?}", children(&bench));
        std::thread::yield_now();
    }
}

/// A second signal does not wait for good order, and yet nothing stays.
#[test]
fn told_twice_it_ends_at_once() {
    let bench = Bench::new();
    let started = start(&bench, "play skirmish --bots 50 --seconds 600 --json");
    at_work(&bench, &started, "play");
    let begun = Instant::now();
    signal(started.id, "TERM");
    // It may have ended already.
    let _ = Command::new("kill").args(["-INT", &started.id.to_string()]).status();
    let ran = end(&bench, &started, "play");
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert!([0, 130, 143].contains(&ran.code), "{}: {}", ran.code, ran.err);
    assert_eq!(left(&bench), Vec::<String>::new());
}
