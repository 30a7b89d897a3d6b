//! What a server kept is inspected, verified, exported, simulated again and made into traces; and nothing of it changes but by `skip`.

mod common;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use common::{
    Bench,
    store::{MANIFESTS, contents, d20, ledger, remove},
};
use serde_json::Value;

/// The last tick of a store.
fn last(bench: &Bench, folder: &str) -> u64 {
    bench.json(&format!("journal info {folder} --json"), 0)["last_tick"].as_u64().expect("a tick")
}

fn both(check: impl Fn(&Bench, &Path)) {
    for store in [d20(), ledger()] {
        check(&Bench::new(), store);
    }
}

#[test]
fn info_says_what_is_in_it() {
    let bench = Bench::new();
    bench.copy(d20(), "w");
    let info = bench.json("journal info w --json", 0);
    let last = info["last_tick"].as_u64().expect("a tick");
    assert!(last > 10, "{info}");
    assert_eq!((&info["first_tick"], &info["durable_tick"]), (&Value::from(1), &Value::from(last)));
    assert_eq!((&info["journal"]["records"], &info["journal"]["damaged"]), (&Value::from(last), &Value::from(0)));
    assert_eq!(info["journal"]["epochs"][0]["last_tick"], last);
    assert!(info["journal"]["inputs"].as_u64() > Some(8), "eight bots joined and ordered: {info}");
    assert_eq!((&info["known_game"], &info["ended_in_order"]), (&Value::from(true), &Value::from(true)));
    let worlds: Vec<_> = info["snapshots"].as_array().expect("a list").iter().map(|it| &it["tick"]).collect();
    assert_eq!(worlds, [&Value::from(0), &Value::from(last)], "the first and the last world are kept");
    for world in info["snapshots"].as_array().expect("a list") {
        assert!(world["bytes"].as_u64() >= world["new_bytes"].as_u64() && world["damage"].is_null(), "{world}");
    }
    let text = bench.ok("journal info w");
    let words = ["tickworld-d20", "1 wrote 1 to", "ended in good order", "snapshot   tick 0:", "content", "file"];
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert_eq!(
        bench.ok("journal info w/world.redb"),
        bench.ok("journal info w"),
        "the database's path means its folder"
    );
}

#[test]
fn a_sound_store_verifies_and_simulates_to_every_proven_root() {
    both(|bench, store| {
        bench.copy(store, "w");
        let last = last(bench, "w");
        let verified = bench.json("journal verify w --json", 0);
        assert_eq!((&verified["ok"], &verified["records"]), (&Value::from(true), &Value::from(last)));
        assert_eq!((&verified["frames"], &verified["proofs"]), (&Value::from(last), &Value::from(last)));
        assert_eq!((&verified["snapshots"], &verified["goes_on"]), (&Value::from(2), &Value::Null));
        assert!(bench.ok("journal verify w").starts_with("ok"));
        let replayed = bench.json("journal replay w --json", 0);
        assert_eq!((&replayed["ticks"], &replayed["proofs"]), (&Value::from(last), &Value::from(last)));
        assert_eq!((&replayed["snapshots"], &replayed["proven_tick"]), (&Value::from(1), &Value::from(last)));
        assert!(replayed["times_real_time"].as_f64() > Some(0.0), "{replayed}");
        let text = bench.ok("journal replay w --threads 3");
        assert!(text.starts_with("ok") && text.contains("times real time"), "{text}");
    });
}

/// Nobody marked it: so clients may have seen it.
#[test]
fn a_tick_that_may_have_been_told_is_skipped_only_where_that_is_accepted() {
    both(|bench, store| {
        bench.copy(store, "w");
        let tick = last(bench, "w");
        assert!(bench.ok("journal marks w").contains("no tick is marked"));
        let marks = bench.json("journal marks w --json", 0);
        assert_eq!((&marks["marks"], &marks["attempts"]), (&serde_json::json!([]), &serde_json::json!([])));
        bench.refused("journal skip w", &[&format!("tick {tick} may have been told"), "--accept-loss"]);
        assert_eq!(last(bench, "w"), tick);
        let skipped = bench.json("journal skip w --accept-loss --json", 0);
        assert_eq!((&skipped["skipped_tick"], &skipped["loss"]), (&tick.into(), &true.into()));
        assert_eq!(last(bench, "w"), tick - 1);
        let export = bench.ok("journal export w");
        let claim: Value = serde_json::from_str(export.lines().last().expect("a line")).expect("JSON");
        assert_eq!(claim["claim"], "skip", "{claim}");
        bench.refused("journal skip nowhere", &["nowhere"]);
    });
}

#[test]
fn a_stretch_begins_with_the_newest_world_before_it() {
    let bench = Bench::new();
    bench.copy(d20(), "w");
    let last = last(&bench, "w");
    let replayed = bench.json("journal replay w --from 5 --to 9 --json", 0);
    assert_eq!((&replayed["from"]["tick"], &replayed["last_tick"]), (&Value::from(0), &Value::from(9)));
    assert_eq!(replayed["proven_tick"], 9, "the record after the last tick proves that one: {replayed}");
    let lines = bench.ok("journal export w --from 5 --to 9");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 6);
    assert_eq!((&lines[0]["game"], &lines[1]["tick"]), (&Value::from("tickworld-d20"), &Value::from(5)));
    assert_eq!(lines[1]["proof"]["tick"], 4);
    for line in ["journal replay w --from 5 --to", "journal export w --to", "trace from-journal w -o t --from 1 --to"] {
        bench.refused(&format!("{line} {}", last + 1), &["are not in the journal", &format!("it holds 1 to {last}")]);
    }
    bench.refused("journal replay w --from 0", &["are not in the journal"]);
    bench.refused("journal export w --from 9 --to 8", &["ticks 9 to 8 are not in the journal"]);
}

#[test]
fn an_export_holds_every_tick_and_its_inputs() {
    both(|bench, store| {
        bench.copy(store, "w");
        let lines = bench.ok("journal export w");
        let values = lines.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
        let (claims, ticks): (Vec<Value>, Vec<Value>) = values.partition(|value| value["claim"].is_string());
        assert_eq!((claims.len(), &claims[0]["claim"], &claims[0]["slot"]), (2, &"take-over".into(), &1.into()));
        assert_eq!(claims[1]["claim"], "end");
        assert_eq!(ticks.len() as u64, last(bench, "w"));
        let mut inputs = 0;
        for (value, tick) in ticks.iter().zip(1_u64..) {
            assert_eq!((&value["tick"], &value["slot"]), (&tick.into(), &(tick + 1).into()));
            inputs += value["inputs"].as_array().expect("a list").len() as u64;
        }
        assert_eq!(bench.json("journal verify w --json", 0)["inputs"], inputs);
    });
}

#[test]
fn a_journal_becomes_an_ordinary_trace() {
    both(|bench, store| {
        bench.copy(store, "w");
        let last = last(bench, "w");
        let made = bench.json("trace from-journal w -o a.trace --keyframes 10 --json", 0);
        assert_eq!((&made["ticks"], &made["divergence"]), (&Value::from(last), &Value::Null));
        bench.ok("trace from-journal w -o b.trace --keyframes 10 --threads 3");
        assert_eq!(bench.read("a.trace"), bench.read("b.trace"));
        let verified = bench.json("trace verify a.trace --workers 1,3 --json", 0);
        assert!(verified.as_array().expect("a list").iter().all(|it| it["ticks"] == last), "{verified}");
        assert!(bench.ok("trace diff a.trace b.trace").starts_with("same"));
        bench.ok("trace from-journal w -o part.trace --from 6 --to 9");
        let info = bench.json("trace info part.trace --json", 0);
        assert_eq!((&info["first_tick"], &info["last_tick"]), (&Value::from(5), &Value::from(9)));
        assert_eq!(info["known_game"], true);
        bench.ok("trace verify part.trace");
        assert!(bench.ok("trace diff part.trace a.trace --prefix").contains("goes on to tick"));
        assert!(bench.ok("trace state part.trace --tick 8").contains("tick 8"));
    });
}

#[test]
fn without_a_stored_beginning_it_is_laid_out_anew_as_the_server_was_told() {
    let bench = Bench::new();
    remove(&bench.copy(d20(), "w"), MANIFESTS, 0);
    let replayed = bench.json("journal replay w --from 1 --json", 0);
    assert_eq!(replayed["from"]["is_snapshot"], false);
    bench.refused("journal replay w --from 1 --scenario duel", &["begins with root", "--scenario"]);
    bench.refused("journal replay w --from 1 --seed 5", &["begins with root", "--seed"]);
    remove(&bench.copy(ledger(), "l"), MANIFESTS, 0);
    bench.ok("journal replay l --from 1 --accounts 60");
    bench.refused("journal replay l --from 1 --accounts 61", &["begins with root", "--accounts"]);
    // The last world is a beginning too, but nothing follows it.
    bench.refused("journal replay l", &["begins with root", "--accounts"]);
}

#[test]
fn nothing_in_the_folder_changes() {
    both(|bench, store| {
        let folder = bench.copy(store, "w");
        let before = contents(&folder);
        for line in ["info w", "verify w", "export w", "replay w"] {
            bench.ok(&format!("journal {line}"));
        }
        bench.ok("trace from-journal w -o w.trace");
        assert!(contents(&folder) == before, "a file of the store was changed");
    });
}

/// A server with bots in it.
struct Playing {
    child: Child,
    http: String,
}

impl Playing {
    fn begin(bench: &Bench) -> Self {
        let mut command = bench.command("play skirmish --bots 4 --seconds 600 --data w");
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let look = out.lines().map_while(Result::ok).find(|line| line.starts_with("look"));
        let look = look.expect("it says where to look");
        let (_, rest) = look.split_once("http://").expect("an address");
        Self { child, http: rest.split('/').next().expect("an address").to_owned() }
    }

    /// Waits until a tick is stored.
    fn reach(&self, tick: f64) {
        let begun = Instant::now();
        while self.durable() < Some(tick) {
            assert!(begun.elapsed() < Duration::from_secs(60), "no ticks are stored");
        }
    }

    fn durable(&self) -> Option<f64> {
        let mut stream = TcpStream::connect(&self.http).ok()?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let line = text.lines().find(|line| line.starts_with("tickworld_durable_tick"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn a_store_in_use_is_refused_and_one_whose_server_was_killed_is_read() {
    let bench = Bench::new();
    let playing = Playing::begin(&bench);
    playing.reach(20.0);
    for line in ["info w", "verify w", "export w", "replay w"] {
        bench.refused(&format!("journal {line}"), &["w is in use", "a server has the world open", "/admin/shutdown"]);
    }
    bench.refused("trace from-journal w -o t.trace", &["w is in use"]);
    drop(playing);
    let before = contents(&bench.path("w"));
    let info = bench.json("journal info w --json", 0);
    assert_eq!((&info["ended_in_order"], &info["first_tick"]), (&Value::from(false), &Value::from(1)));
    let last = info["last_tick"].as_u64().expect("a tick");
    assert!(last >= 20, "{info}");
    assert!(bench.ok("journal info w").contains("was killed"));
    assert_eq!(bench.json("journal verify w --json", 0)["records"], last);
    let replayed = bench.json("journal replay w --json", 0);
    // Without a world at the end, the record of the last tick proves the one before it.
    assert_eq!((&replayed["ticks"], &replayed["proven_tick"]), (&Value::from(last), &Value::from(last - 1)));
    assert!(contents(&bench.path("w")) == before, "a file of the store was changed");
}

#[test]
fn what_is_no_store_is_refused_by_what_it_is() {
    let bench = Bench::new();
    bench.write("note.txt", "hello");
    bench.refused("journal info nowhere", &["no such folder", "`data`"]);
    bench.refused("journal info note.txt", &["is a file, not a server's data folder"]);
    std::fs::create_dir(bench.path("empty")).expect("a scratch folder");
    bench.refused("journal verify empty", &["holds no world: there is no world.redb in it", "play --data"]);
    assert!(contents(&bench.path("empty")).is_empty());
    bench.write("empty/world.redb", "");
    bench.refused("journal verify empty", &["holds no world yet"]);
    bench.write("empty/world.redb", "no database at all, but long enough to be looked at".repeat(99));
    bench.refused("journal verify empty", &["the database is damaged", "from a copy"]);
    let value = bench.json("journal info empty --json", 2);
    assert!(value["error"]["message"].as_str().is_some_and(|it| it.contains("damaged")), "{value}");
    for command in ["journal --help", "journal info --help", "journal replay --help", "trace from-journal --help"] {
        let help = bench.ok(command);
        assert!(help.contains("Usage:") && (command == "journal --help" || help.contains("Example")), "{help}");
    }
}
