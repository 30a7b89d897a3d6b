//! Every kind of unusable input: exit code 2, what is wrong, what to do; never a panic.

mod common;

use common::Bench;
use tickworld_rules::Rules;
use tickworld_sim::{
    hash::Hash,
    prelude::*,
    trace::{About, Recorder},
};

const DUEL: &str = "name: Duel\nticks: 50\nmap: {width: 10, height: 8}\nfactions: {a: [b], b: [a]}\ngroups:\n";

#[test]
fn a_file_that_is_something_else_says_what_it_is() {
    let bench = Bench::new();
    bench.ok("content build shipped -o shipped.pack");
    bench.ok("trace record duel -o duel.trace --ticks 20");
    bench.write("text.yaml", DUEL);
    bench.write("noise", [0, 1, 2, 3, 255, 254]);
    bench.write("empty", []);
    bench
        .refused("trace info shipped.pack", &["is a content pack, not a trace", "tickworld content info shipped.pack"]);
    bench.refused("content info duel.trace", &["is a trace, not a content pack", "tickworld trace info duel.trace"]);
    bench.refused("trace verify text.yaml", &["is a text file, not a trace", "tickworld trace record text.yaml"]);
    bench.refused("trace info noise", &["is not a trace, nor anything else"]);
    bench.refused("trace info empty", &["is empty, not a trace"]);
    bench.refused("trace info nothing.trace", &["cannot open nothing.trace"]);
    bench.refused("run duel.trace", &["is a trace, not a scenario"]);
    bench.refused("run shipped.pack", &["is a content pack, not a scenario"]);
    bench.refused("run nowhere.yaml", &["cannot open nowhere.yaml", "duel, skirmish, siege"]);
    bench.refused("content build text.yaml -o x", &["is a text file, not a folder of sources"]);
    bench.refused("content import-5e . -o out", &["no .json file"]);
}

#[test]
fn a_damaged_trace_is_refused_at_the_damage() {
    let bench = Bench::new();
    bench.ok("trace record duel -o good.trace --ticks 200");
    let good = bench.read("good.trace");
    let mut flipped = good.clone();
    let at = good.len() - good.len() / 8;
    flipped[at] ^= 0x10;
    bench.write("flipped.trace", &flipped);
    let ran = bench.run("trace verify flipped.trace");
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("flipped.trace: byte "), "{}", ran.err);
    assert!(ran.err.contains("tickworld trace info flipped.trace"), "{}", ran.err);
    bench.write("short.trace", &good[..10]);
    bench.refused("trace info short.trace", &["not a trace"]);
    bench.write("header.trace", &good[..60]);
    bench.refused("trace info header.trace", &["the file ends inside a record"]);
    let mut newer = good;
    newer["tickworld-trace".len()..][..4].copy_from_slice(&[99, 0, 0, 0]);
    // Where exactly the version stands is the format's business: whatever was overwritten, it must be refused.
    bench.write("newer.trace", &newer);
    bench.refused("trace info newer.trace", &["newer.trace"]);
}

#[test]
fn no_single_damaged_byte_makes_it_panic() {
    let bench = Bench::new();
    bench.ok("trace record duel -o good.trace --ticks 8 --evidence 1");
    let good = bench.read("good.trace");
    for part in 0..60 {
        let mut bad = good.clone();
        bad[good.len() * part / 60] ^= 0x5a;
        bench.write("bad.trace", &bad);
        let ran = bench.run("trace verify bad.trace");
        assert!(matches!(ran.code, 0..=2) && !ran.err.contains("panicked"), "part {part}: {}", ran.err);
    }
}

#[test]
fn a_trace_with_content_that_is_not_the_one_it_names_is_refused() {
    let bench = Bench::new();
    bench.ok("content build shipped -o shipped.pack");
    let pack = bench.read("shipped.pack");
    let wrong = ContentId(Hash([7; 32]));
    let (_, read) = tickworld_content::model::Pack::from_bytes(&pack).expect("it was just built");
    let library = Library::of(wrong, tickworld_rules::Ruleset::new(read));
    let simulation = Simulation::<Rules>::new(library, wrong, |_, _| ());
    let recorder = Recorder::begin(Vec::new(), &simulation, About::default(), &[(wrong, pack.as_slice())]);
    let (bytes, _) = recorder.expect("the recorder takes what it is given").seal().expect("into memory");
    bench.write("wrong.trace", bytes);
    bench.refused("trace verify wrong.trace", &["wrong.trace: the content inside is", "0707070707070707"]);
}

/// A game of somebody's own.
struct Orchard;

#[derive(State, Clone)]
struct Trees {
    entities: Entities,
    apples: Column<u32>,
}

impl Game for Orchard {
    type State = Trees;
    type Input = u8;
    type Event = u8;
    type Content = ();
    const NAME: &'static str = "orchard";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[];

    fn join(_: &mut Trees, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

/// Whoever recorded a game of their own was told to look for another version of this command.
#[test]
fn a_trace_of_another_game_is_called_so() {
    let bench = Bench::new();
    let simulation = Simulation::<Orchard>::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| ());
    let recorder = Recorder::begin(Vec::new(), &simulation, About::default(), &[]);
    let (bytes, _) = recorder.expect("the recorder takes what it is given").seal().expect("into memory");
    bench.write("own.trace", bytes);
    let words = ["own.trace: the trace is of the game `orchard`", "tickworld_sim::trace", "verify --audit own.trace"];
    bench.refused("trace verify own.trace", &words);
    bench.refused("watch own.trace --once", &words);
    bench.ok("trace verify --audit own.trace");
    bench.ok("trace state own.trace --tick 0");
    // Its recorder said neither title nor seed, and it has no content.
    let said = bench.ok("trace info own.trace");
    for line in ["own.trace: without a title", "rules orchard revision 1", "  content  none"] {
        assert!(said.lines().any(|it| it.ends_with(line)), "no {line:?} in:\n{said}");
    }
}

#[test]
fn a_damaged_pack_is_refused() {
    let bench = Bench::new();
    bench.ok("content build shipped -o good.pack");
    let good = bench.read("good.pack");
    bench.write("short.pack", &good[..good.len() - 7]);
    bench.refused("content info short.pack", &["the header promises a body of"]);
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    bench.write("flipped.pack", &flipped);
    bench.refused("content info flipped.pack", &["the body is damaged", "content build"]);
    let mut newer = good;
    newer[8] = 9;
    bench.write("newer.pack", newer);
    bench.refused("content info newer.pack", &["format version 9"]);
    bench.write("scenario.yaml", format!("pack: flipped.pack\n{DUEL}"));
    bench.refused("run scenario.yaml", &["the body is damaged"]);
}

#[test]
fn a_scenario_with_a_mistake_is_shown_the_place() {
    let bench = Bench::new();
    let check = |text: &str, words: &[&str]| {
        bench.write("bad.yaml", text);
        bench.refused("run bad.yaml", words);
    };
    let group = |group: &str| format!("{DUEL}  - {group}\n");
    check(
        &group("{creature: gobin, faction: a, area: [0, 0, 1, 1]}"),
        &["bad.yaml:6:16", "unknown creature `gobin`", "did you mean `goblin`?", "^^^^^"],
    );
    check(&group("{creature: goblin, faction: c, area: [0, 0, 1, 1]}"), &["unknown faction `c`", "did you mean `a`?"]);
    check(
        &group("{creature: balrog, faction: a, area: [0, 0, 1, 1]}"),
        &["unknown creature `balrog`", "`tickworld content info shipped --list creatures`"],
    );
    let far = group("{creature: goblin, faction: marauders, area: [0, 0, 1, 1]}");
    check(&far, &["unknown faction `marauders`", "here: a, b"]);
    let unnamed =
        format!("{}  - {{creature: goblin, faction: c, area: [0, 0, 1, 1]}}\n", DUEL.replace("{a: [b], b: [a]}", "{}"));
    check(&unnamed, &["unknown faction `c`", "under `factions:`, which has none here"]);
    check(&group("{creature: goblin, faction: a, area: [9, 0, 2, 1]}"), &["reaches beyond the map", "10 by 8 cells"]);
    check(&group("{creature: goblin, faction: a, area: [0, 0, 0, 1]}"), &["the area is empty"]);
    check(&group("{creature: goblin, faction: a, area: [0, 0, 1]}"), &["expected [x, y, width, height]"]);
    check(&group("{creature: goblin, faction: a}"), &["missing field `area`"]);
    check(
        &group("{creature: goblin, facton: a, area: [0, 0, 1, 1]}"),
        &["unknown field `facton`", "did you mean `faction`?"],
    );
    check(&group("{creature: goblin, faction: a, area: [0, 0, 1, 1], count: 0}"), &["0 is not within 1 to"]);
    check(&group("{creature: goblin, faction: a, area: [0, 0, 1, 1], count: many}"), &["`many` is not a whole number"]);
    check(&group("goblin"), &["expected fields, found `goblin`"]);
    check("name: Nothing\nmap: {width: 5, height: 5}\n", &["missing field `ticks`"]);
    check("name: Nothing\nticks: 5\n", &["missing field `map`"]);
    check("name: Nothing\nticks: 5\nmap: {width: 0, height: 5}\n", &["bad.yaml:3:14", "0 is not within 1 to"]);
    check("ticks: [\n", &["not YAML"]);
    check(&format!("pack: nowhere.pack\n{DUEL}"), &["bad.yaml:1:7", "cannot open nowhere.pack", "^^^^^"]);
    check(&format!("{DUEL}\npack: bad.yaml\n"), &["bad.yaml:7:7", "is a text file, not a content pack"]);
    check(&format!("pack: [shipped]\n{DUEL}"), &["bad.yaml:1:7", "expected a word, found a list"]);
    check("", &["an empty file"]);
    check("- a\n", &["expected fields, found a list"]);
    check(&format!("{DUEL}\nplayers: [{{player: 1}}]\n"), &["no class to begin as"]);
    check("name: a\nname: b\nticks: 5\nmap: {width: 5, height: 5}\n", &["stands here twice"]);
}

#[test]
fn an_impossible_scenario_is_shown_the_part() {
    let bench = Bench::new();
    let walled = "name: Walled in\nticks: 5\nmap:\n  width: 10\n  height: 8\n  walls: [[2, 2, 3, 3]]\n\
        factions: {a: []}\ngroups:\n  - {creature: goblin, faction: a, area: [2, 2, 2, 2]}\n";
    bench.write("walled.yaml", walled);
    bench.refused("run walled.yaml", &["walled.yaml:9:", "every cell of its area is blocked by walls", "leave a gap"]);
    let player = "name: P\nticks: 9\nmap: {width: 9, height: 9}\nfactions: {a: []}\n\
        classes: [{creature: knight, faction: a, area: [2, 2, 4, 4]}]\nplayers:\n  - player: 1\n    inputs:\n      - INPUT\n";
    let check = |input: &str, words: &[&str]| {
        bench.write("player.yaml", player.replace("INPUT", input));
        bench.refused("run player.yaml", words);
    };
    check("{tick: 1, stop: true}", &["tick 1 is too early", "joins at tick 1"]);
    check("{tick: 5}", &["an input that does nothing"]);
    check("{tick: 5, stop: true, rest: true}", &["an input that does several things"]);
    check("{tick: 5, action: greatswrd}", &["Knight has no action `greatswrd`", "did you mean `greatsword`?"]);
    check("{tick: 5, spell: firebal}", &["unknown spell `firebal`", "did you mean `fireball`?"]);
    check("{tick: 5, move: [9, 0]}", &["cell [9, 0] is not on the map"]);
    check("{tick: 5, action: greatsword, on: nearst-enemy}", &["is no target", "did you mean `nearest-enemy`?"]);
}

#[test]
fn unusable_arguments_are_named() {
    let bench = Bench::new();
    bench.refused("frobnicate", &["unrecognized subcommand"]);
    bench.refused("run duel --threads 0", &["--threads"]);
    // Numbers below 0 were taken for flags, with the advice to write `-- -5`, which is a scenario.
    for number in ["-5", "0", "10000000001", "99999999999999999999"] {
        for line in ["run duel", "trace record duel -o x.trace"] {
            let range = format!("{number} is not within 1 to 10000000000");
            bench.refused(&format!("{line} --ticks {number}"), &["--ticks", &range]);
        }
    }
    bench.refused("run duel --ticks five", &["--ticks", "not a whole number"]);
    bench.refused("run duel --seed -1", &["--seed", "a whole number from 0 on"]);
    bench.refused("watch duel.trace --svg x.svg --to 9 --every -1", &["--every", "-1 is not within 1 to 100000"]);
    bench.refused("swarm --time -1", &["--time", "-1 is not within 1 to 31536000"]);
    bench.refused("play --report-every -1", &["--report-every", "-1 is not within 1 to"]);
    bench.refused("measure ledger --seconds 0", &["--seconds", "0 is not within 1 to"]);
    bench.refused("run duel --threads -1", &["-1 is not in 1..="]);
    let error = bench.json("--json trace state duel.trace --tick 3 --limit -1", 2);
    assert!(error["error"]["message"].as_str().is_some_and(|message| message.contains("from 0 on")), "{error}");
    bench.refused("run -5", &["unexpected argument '-5'"]);
    bench.ok("trace record duel -o duel.trace --ticks 20");
    bench.refused("trace state duel.trace --tick 21", &["tick 21 is not in the trace: it holds ticks 0 to 20"]);
    bench.refused("trace state duel.trace --tick 5 --entity x", &["`x` is no entity", "17v1"]);
    bench.refused("trace state duel.trace --tick 5 --column helth", &["no column `helth`", "did you mean `health`?"]);
    bench.refused("trace state duel.trace --tick 5 --entity 900", &["nothing lives in row 900"]);
    bench.refused("trace export duel.trace --from 30", &["not in the trace"]);
    bench.refused("drill --kind lost-spawn --scenario duel", &["nobody spawns", "spawners"]);
    bench.write("long.yaml", "name: Long\nticks: 6000\nmap: {width: 9, height: 9}\n");
    bench.refused("drill --scenario long.yaml", &["6000 ticks, a drill takes 3 to 5000"]);
    let error = bench.json("run nowhere.yaml --json", 2);
    assert!(error["error"]["message"].as_str().is_some_and(|message| message.contains("nowhere.yaml")), "{error}");
}

/// A NaN passes for an exponent wherever nobody asks, and in no time nothing is measured.
#[test]
fn numbers_that_mean_nothing_are_refused() {
    let bench = Bench::new();
    for zipf in ["nan", "inf", "-1", "1e9"] {
        bench.refused(&format!("load --zipf {zipf}"), &["--zipf", "is not within 0 to 100"]);
        bench.refused(&format!("bots --data w --zipf {zipf}"), &["--zipf", "is not within 0 to 100"]);
    }
    for rate in ["0", "nan", "inf", "-1"] {
        bench.refused(&format!("load --rate {rate}"), &["--rate", "is not within 0 to"]);
        bench.refused(&format!("bots --data w --rate {rate}"), &["--rate", "is not within 0 to"]);
    }
    for seconds in ["-5", "0", "18446744073709551615"] {
        for command in ["play", "load", "bots --data w"] {
            bench.refused(&format!("{command} --seconds {seconds}"), &["--seconds", "is not within 1 to"]);
        }
    }
}

/// `play` took its scenario as a word and `bots` behind a flag, and each refused the other form.
#[test]
fn play_and_bots_take_a_scenario_alike() {
    let bench = Bench::new();
    bench.write("token", "x\n");
    let bots = format!("bots --fingerprint {} --tokens token", ["AB"; 32].join(":"));
    for command in ["play", &bots] {
        for form in ["nowhere.yaml", "--scenario nowhere.yaml"] {
            bench.refused(&format!("{command} {form}"), &["cannot open nowhere.yaml"]);
        }
        bench.refused(&format!("{command} duel --scenario duel"), &["cannot be used with"]);
    }
}

#[test]
fn more_threads_than_the_machine_has_are_told() {
    let bench = Bench::new();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let ran = bench.run(&format!("run duel --ticks 2 --threads {}", cores + 1));
    assert_eq!((ran.code, ran.err.contains("warning: --threads")), (0, true), "{}", ran.err);
    let ran = bench.run(&format!("run duel --ticks 2 --threads {cores}"));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}
