//! A world to look at: as text, as JSON, as a picture, of a trace, a journal and a server; and every root of it compared.

mod common;

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use common::{
    Bench, Ran,
    store::{d20, ledger, rewrite},
};
use serde_json::Value;

/// Runs `tickworld watch` in the repository's root, where the golden traces lie under the names that documents use.
fn watch(bench: &Bench, line: &str) -> Ran {
    let output = bench.command(line).current_dir(common::root()).output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("the tool writes UTF-8");
    Ran { code: output.status.code().expect("it ends by itself"), out: text(output.stdout), err: text(output.stderr) }
}

fn json(bench: &Bench, line: &str, code: i32) -> Value {
    let ran = watch(bench, line);
    assert_eq!(ran.code, code, "{line}: {}{}", ran.out, ran.err);
    serde_json::from_str(&ran.out).expect("it is JSON")
}

#[test]
fn a_trace_is_shown_as_text() {
    let ran = watch(&Bench::new(), "watch golden-traces/melee.trace --at 100 --once");
    assert_eq!(ran.code, 0, "{}", ran.err);
    for words in ["Golden: melee", "trace golden-traces/melee.trace", "tick 100 of 0 to 340", "3.3 s", "as recorded"] {
        assert!(ran.out.contains(words), "no {words:?} in\n{}", ran.out);
    }
    for words in ["map 12 by 8", "Knight", "Owlbear 5v1 hits Knight", "fights"] {
        assert!(ran.out.contains(words), "no {words:?} in\n{}", ran.out);
    }
    assert_eq!(ran.out.lines().count(), 30);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
    assert!(!ran.out.contains('\x1b'), "text is text");
}

#[test]
fn a_view_is_the_same_value_for_machines() {
    let bench = Bench::new();
    let view = json(&bench, "watch golden-traces/spells.trace --at 140 --follow 2048 --json", 0);
    assert_eq!((&view["tick"], &view["verified"], &view["difference"]), (&140.into(), &true.into(), &Value::Null));
    assert_eq!((&view["first_tick"], &view["last_tick"]), (&0.into(), &340.into()));
    let state = json(&bench, "trace state golden-traces/spells.trace --tick 140 --json", 0);
    assert_eq!(view["root"], state["root"], "the root of that very tick");
    assert_eq!((&view["followed"], &view["entities"][0]["entity"]), (&"2048v1".into(), &"2048v1".into()));
    assert_eq!(view["entities"][0]["name"], "Mage (player 1)");
    let rows = view["map"]["rows"].as_array().expect("a map");
    assert!(rows.iter().any(|row| row.as_str().is_some_and(|row| row.contains('@'))), "{rows:?}");
    let events = view["events"].as_array().expect("a list");
    assert!(events.iter().all(|event| event["tick"].as_u64().is_some_and(|tick| (51..=140).contains(&tick))));
    assert!(
        events.iter().any(|event| event["text"].as_str().is_some_and(|text| text.contains(" hits "))),
        "{events:?}"
    );
}

#[test]
fn without_a_tick_the_last_one_is_shown() {
    let bench = Bench::new();
    let view = json(&bench, "watch golden-traces/maze.trace --json", 0);
    assert_eq!(view["tick"], 340);
    let rows = view["map"]["rows"].as_array().expect("a map");
    assert!(rows.iter().any(|row| row.as_str().is_some_and(|row| row.contains("#"))), "walls: {rows:?}");
    let info = json(&bench, "trace info golden-traces/maze.trace --json", 0);
    assert_eq!(view["root"], info["last_root"], "{info}");
}

#[test]
fn a_part_of_the_map_is_chosen_by_a_cell() {
    let bench = Bench::new();
    let at =
        |cell: &str| json(&bench, &format!("watch golden-traces/spells.trace --around {cell} --size 60x16 --json"), 0);
    let (left, right) = (at("0,0"), at("29,15"));
    assert_eq!((&left["map"]["x"], &left["map"]["y"]), (&0.into(), &0.into()));
    assert!(right["map"]["x"].as_i64() > Some(0), "{}", right["map"]);
}

/// A recording whose root is not what its own inputs give: shown, and never called verified.
#[test]
fn a_planted_fault_is_shown_as_not_verified_with_its_tick() {
    let bench = Bench::new();
    let case = bench.json("drill --kind flip --seed 12 --keep kept --json", 0);
    let tick = case["plant"]["tick"].as_u64().expect("a tick");
    let before = bench.json(&format!("watch kept/right.trace --at {} --json", tick - 1), 0);
    assert_eq!((&before["verified"], &before["difference"]), (&true.into(), &Value::Null), "{before}");
    let view = bench.json(&format!("watch kept/right.trace --at {tick} --json"), 1);
    assert_eq!((&view["verified"], &view["difference"]["tick"]), (&false.into(), &tick.into()), "{view}");
    let ran = bench.run(&format!("watch kept/right.trace --at {tick} --once"));
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains(&format!("NOT VERIFIED: tick {tick}: recorded ")), "{}", ran.out);
    assert!(!ran.out.contains("as recorded"), "{}", ran.out);
    // A picture of it says so too, in its cells and by the exit code.
    let drawn =
        bench.json(&format!("watch kept/right.trace --at {} --to {tick} --every 1 --svg a.svg --json", tick - 1), 1);
    assert_eq!((&drawn["frames"], &drawn["verified"]), (&2.into(), &false.into()), "{drawn}");
    assert!(String::from_utf8_lossy(&bench.read("a.svg")).contains(&format!("NOT VERIFIED: tick {tick}")));
    bench.json(&format!("watch kept/left.trace --at {tick} --json"), 0);
}

#[test]
fn a_journal_is_shown_with_what_proves_it() {
    let bench = Bench::new();
    bench.copy(d20(), "w");
    let last = bench.json("journal info w --json", 0)["last_tick"].as_u64().expect("a tick");
    for at in [1, last / 2, last] {
        let view = bench.json(&format!("watch --data w --at {at} --json"), 0);
        assert_eq!((&view["tick"], &view["verified"]), (&at.into(), &true.into()), "{view}");
    }
    let text = bench.ok(&format!("watch --data w --at {} --once", last / 2));
    assert!(text.contains("as the journal proves") && text.contains("player"), "{text}");
    bench.refused(
        &format!("watch --data w --at {} --once", last + 1),
        &["is not there", &format!("there are 0 to {last}")],
    );
}

#[test]
fn a_game_without_a_map_is_shown_by_its_columns() {
    let bench = Bench::new();
    bench.copy(ledger(), "w");
    let view = bench.json("watch --data w --follow 7 --json", 0);
    assert_eq!((&view["map"], &view["verified"], &view["entity_count"]), (&Value::Null, &true.into(), &60.into()));
    let columns = view["columns"].as_array().expect("a list");
    assert!(columns.iter().any(|it| it["column"] == "accounts" && it["rows"] == 60), "{columns:?}");
    assert_eq!(view["entities"][0]["entity"], "7v1");
    assert!(view["entities"][0]["doing"].as_str().is_some_and(|text| text.starts_with("accounts: coins ")), "{view}");
    bench.ok("trace from-journal w -o a.trace");
    let traced = bench.json("watch a.trace --follow 7 --json", 0);
    assert_eq!((&traced["root"], &traced["entities"]), (&view["root"], &view["entities"]));
}

/// A history that was rewritten with all its links: no hash of the journal shows it, only simulating does.
#[test]
fn a_rewritten_journal_is_shown_as_not_verified() {
    let bench = Bench::new();
    let folder = bench.copy(ledger(), "w");
    rewrite(&folder, 9, |body| {
        let root = body.root.as_mut().expect("each record proves a root");
        root.0[0] ^= 1;
    });
    let view = bench.json("watch --data w --at 12 --json", 1);
    assert_eq!((&view["verified"], &view["difference"]["tick"]), (&false.into(), &8.into()), "{view}");
}

/// What a running server says of itself on standard error.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(bench: &Bench, line: &str) -> Self {
        let mut child = bench.command(line).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let errors = child.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(errors).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once("come to ")?;
            Some(rest.split_whitespace().next()?.to_owned())
        });
        // The rest is read, for a process whose output nobody reads stands still.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("it says where it is") }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn a_server_that_runs_is_watched_and_its_roots_are_verified() {
    let bench = Bench::new();
    let serving = Serving::start(&bench, "play skirmish --bots 4 --seconds 600 --data w --json");
    let line = format!("watch {} --data w", serving.address);
    let view = bench.json(&format!("{line} --json"), 0);
    assert_eq!((&view["verified"], &view["difference"]), (&true.into(), &Value::Null), "{view}");
    assert!(view["tick"].as_u64() > Some(0) && view["compared"].as_u64() > Some(0), "{view}");
    assert!(view["map"]["rows"].as_array().is_some_and(|rows| !rows.is_empty()), "{view}");
    let later = bench.json(&format!("{line} --json"), 0);
    assert!(later["tick"].as_u64() > view["tick"].as_u64(), "{later}");
    let text = bench.ok(&format!("{line} --once"));
    assert!(text.contains("as the server's") && text.contains(&serving.address), "{text}");
    bench.refused("watch --data w --once", &["w is in use", "a server has the world open"]);
    bench.refused(&format!("{line} --at 3 --once"), &["the newest"]);
    bench.refused(&format!("watch {} --once", serving.address), &["no certificate", "--data", "--fingerprint"]);
}

#[test]
fn whoever_looks_on_is_nobody_in_the_world() {
    let bench = Bench::new();
    let serving = Serving::start(&bench, "play skirmish --bots 1 --seconds 600 --data w --json");
    let view = bench.json(&format!("watch {} --data w --size 400x400 --json", serving.address), 0);
    let players = |entity: &&Value| entity["name"].as_str().is_some_and(|name| name.contains("player"));
    let count = view["entities"].as_array().expect("a list").iter().filter(players).count();
    assert!(count <= 1, "one bot plays: {view}");
}

#[test]
fn what_cannot_be_watched_is_refused_with_what_to_do() {
    let bench = Bench::new();
    bench.ok("trace record duel -o duel.trace --ticks 20");
    bench.write("text.yaml", "name: Duel\n");
    std::fs::create_dir(bench.path("empty")).expect("the scratch folder can be written to");
    let check = |line: &str, words: &[&str]| bench.refused(line, words);
    check("watch text.yaml --once", &["is a text file, not a trace"]);
    check("watch nowhere.trace --once", &["cannot open nowhere.trace", "trace record"]);
    check("watch empty --once", &["is a folder, not a trace", "watch --data empty"]);
    check("watch --data empty --once", &["holds no world", "play --data"]);
    check("watch --data nowhere --once", &["no such folder"]);
    check("watch duel.trace --data empty --once", &["is no address", "--data alone"]);
    check("watch duel.trace --at 21 --once", &["tick 21 is not there", "there are 0 to 20"]);
    check("watch duel.trace --at 3 --follow x --once", &["`x` is no entity", "17v1"]);
    check("watch duel.trace --at 3 --follow 900 --once", &["nobody to follow is 900 at this tick"]);
    check("watch duel.trace --at 3 --follow 0v9 --once", &["nobody to follow is 0v9", "0v1 is in its row"]);
    check("watch duel.trace --size 100 --once", &["columns and rows", "100x30"]);
    check("watch duel.trace --around 3 --once", &["column and row", "12,7"]);
    check("watch duel.trace --at 9 --to 3 --svg a.svg", &["ticks 9 to 3 are not there"]);
    check("watch duel.trace --at 9 --to 30 --svg a.svg", &["ticks 9 to 30 are not there"]);
    check("watch duel.trace --to 9", &["--svg"]);
    check("watch", &["TRACE|ADDRESS"]);
    check("watch 127.0.0.1:1 --once", &["no certificate to know the server by", "--data"]);
    check("watch nowhere.invalid:7310 --data empty --once", &["dev-certificate.pem"]);
    check("play --watch --json", &["cannot be used with"]);
    let newer = "golden-traces/history/v1/melee.trace";
    let ran = watch(&bench, &format!("watch {newer} --once"));
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("revision 1") && ran.err.contains("use that build"), "{}", ran.err);
}

#[test]
fn without_a_terminal_a_view_says_what_else_there_is() {
    let bench = Bench::new();
    bench.ok("trace record duel -o duel.trace --ticks 20");
    bench.refused("watch duel.trace", &["no terminal", "--once", "--json", "--svg"]);
    bench.refused("play --watch --seconds 1", &["no terminal", "without --watch"]);
}

#[test]
fn damage_after_the_tick_that_is_shown_is_that_ticks_matter() {
    let bench = Bench::new();
    bench.ok("trace record duel -o good.trace --ticks 200 --evidence 0");
    let mut bad = bench.read("good.trace");
    let at = bad.len() - bad.len() / 8;
    bad[at] ^= 0x10;
    bench.write("bad.trace", &bad);
    let broken = bench.run("trace verify bad.trace");
    assert_eq!(broken.code, 2, "{}", broken.out);
    bench.ok("watch bad.trace --at 20 --once");
    let ran = bench.run("watch bad.trace --at 200 --once");
    assert!(ran.code == 2 && ran.err.contains("bad.trace: byte "), "{}: {}{}", ran.code, ran.out, ran.err);
}

#[test]
fn a_picture_has_a_frame_a_tick_and_is_the_same_every_time() {
    let bench = Bench::new();
    bench.ok("trace record duel -o duel.trace --ticks 60");
    let made = bench.json("watch duel.trace --at 10 --to 40 --every 5 --svg a.svg --json", 0);
    assert_eq!((&made["frames"], &made["first_tick"], &made["last_tick"]), (&7.into(), &10.into(), &40.into()));
    assert_eq!(made["verified"], true, "{made}");
    bench.ok("watch duel.trace --at 10 --to 40 --every 5 --svg b.svg --threads 3");
    assert_eq!(bench.read("a.svg"), bench.read("b.svg"));
    let text = String::from_utf8(bench.read("a.svg")).expect("it is text");
    assert!(text.starts_with("<svg ") && text.contains("tick 10 of 0 to 60") && text.contains("<animate "), "{text}");
    bench.ok("watch duel.trace --at 10 --svg still.svg");
    let still = String::from_utf8(bench.read("still.svg")).expect("it is text");
    assert!(!still.contains("<animate ") && still.contains("tick 10 of 0 to 60"));
    bench.ok("trace record duel -o long.trace --ticks 500");
    bench.refused("watch long.trace --at 0 --to 500 --every 1 --svg c.svg", &["501 frames, at most 400", "--every"]);
    bench.refused("watch duel.trace --svg duel.trace --force", &["what is read"]);
}

/// The README's picture is what its command makes today.
#[test]
fn the_picture_of_the_readme_is_what_its_command_makes() {
    let bench = Bench::new();
    let readme = std::fs::read_to_string(common::root().join("README.md")).expect("it is there");
    const FILE: &str = "docs/images/watch.svg";
    assert!(readme.contains(&format!("({FILE})")), "the README shows it");
    let mut command = readme.lines().filter_map(|line| line.split_once("tickworld ")?.1.split('`').next());
    let command = command.find(|line| line.starts_with("watch ") && line.contains(FILE));
    let command = command.expect("the README says how it is made");
    let new = bench.path("watch.svg");
    let ran = watch(&bench, &command.replace(FILE, &new.display().to_string()));
    assert_eq!(ran.code, 0, "{command}: {}", ran.err);
    let old = std::fs::read(common::root().join(FILE)).expect("it is committed");
    assert!(bench.read("watch.svg") == old, "{FILE} is not what `tickworld {command}` makes");
}
