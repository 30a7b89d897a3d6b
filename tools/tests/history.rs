//! Long history: what earlier builds recorded stays readable, what needs other rules is refused by name, and older content
//! replays, since its pack is in the trace.

mod common;

use std::path::{Path, PathBuf};

use common::{
    Bench, root,
    store::{contents, of_format_1},
};
use serde_json::Value;
use tickworld_rules::{Command, Event, Realm, Rules, Ruleset};
use tickworld_sim::{
    content::Library,
    entity::Entity,
    frame::{InputFrame, PlayerId, Tick},
    game::{Game, System},
    rng::Entropy,
    simulation::Simulation,
    step::Step,
    trace::{About, Recorder},
};

/// The format's version, as a trace says it.
fn version(path: &Path) -> u32 {
    let bytes = std::fs::read(path).expect("the trace is there");
    u32::from_le_bytes(bytes[16..20].try_into().expect("four bytes"))
}

/// The traces of a folder.
fn traces(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("golden-traces").join(folder));
    let entries = entries.unwrap_or_else(|error| panic!("golden-traces/{folder}: {error}"));
    let paths = entries.map(|entry| entry.expect("a listing").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "trace")).collect()
}

#[test]
fn old_traces_stay_readable() {
    let bench = Bench::new();
    let newest = version(&traces("")[0]);
    assert!(newest >= 2, "version {newest}");
    for older in 1..newest {
        let kept = traces(&format!("history/v{older}"));
        assert!(!kept.is_empty(), "no trace of version {older} is kept");
        for path in kept {
            assert_eq!(version(&path), older, "{}", path.display());
            let file = path.display();
            bench.ok(&format!("trace verify --audit {file}"));
            let info = bench.json(&format!("trace info {file} --json"), 0);
            assert!(info["sealed"] == true && info["known_game"] == true, "{info}");
            // The first and the last world stand in a golden trace.
            for (tick, root) in [("first_tick", "start_root"), ("last_tick", "last_root")] {
                let state = bench.json(&format!("trace state {file} --tick {} --raw --json", info[tick]), 0);
                assert_eq!(state["root"], info[root], "{file}");
                let columns = state["columns"].as_array().expect("a list");
                assert_eq!(columns.len(), usize::try_from(info["columns"].as_u64().expect("a number")).expect("a few"));
                let shown = columns.iter().find(|column| column["column"] == "health").expect("creatures have health");
                let fields = &shown["shown"][0]["fields"];
                assert!(fields["current"].is_string() && fields["maximum"].is_string(), "{shown}");
            }
            let lines = bench.ok(&format!("trace export {file}"));
            assert_eq!(Some(lines.lines().count() as u64 - 1), info["last_tick"].as_u64(), "{file}");
        }
    }
}

/// A store of format 1 is read by everything that reads stores, and no server goes on with it.
#[test]
fn a_store_of_format_1_is_read_and_not_continued() {
    let bench = Bench::new();
    let folder = bench.path("w");
    of_format_1(&folder, 40);
    let before = contents(&folder);
    let info = bench.json("journal info w --json", 0);
    assert_eq!(
        (&info["format"], &info["last_tick"], &info["durable_tick"]),
        (&1.into(), &40.into(), &40.into()),
        "{info}"
    );
    assert_eq!((&info["ended_in_order"], &info["epoch"], &info["region"]), (&true.into(), &1.into(), &Value::Null));
    let verified = bench.json("journal verify w --json", 0);
    assert_eq!(
        (&verified["records"], &verified["proofs"], &verified["snapshots"]),
        (&40.into(), &40.into(), &2.into())
    );
    let replayed = bench.json("journal replay w --json", 0);
    assert_eq!((&replayed["ticks"], &replayed["proven_tick"]), (&40.into(), &40.into()), "{replayed}");
    assert_eq!(bench.ok("journal export w --from 5 --to 9").lines().count(), 6);
    bench.ok("trace from-journal w -o t.trace");
    assert_eq!(bench.json("trace info t.trace --json", 0)["last_tick"], 40);
    let words = ["format 1", "the build that wrote it", "another folder", "trace from-journal"];
    bench.refused("load --sessions 1 --seconds 1 --accounts 60 --data w", &words);
    let after = contents(&folder);
    assert_eq!(after.get("world.mark"), before.get("world.mark"));
    bench.ok("journal verify w");
}

#[test]
fn a_trace_of_another_schema_is_refused_by_name() {
    let bench = Bench::new();
    let old = root().join("golden-traces/history/v1/melee.trace");
    let schema = bench.json(&format!("trace info {} --json", old.display()), 0)["schema"].clone();
    let schema = schema.as_str().expect("an id").to_owned();
    let words = ["the trace has schema", &schema, "this build has", "tickworld 0.1.0", "revision 1", "--audit"];
    bench.refused(&format!("trace verify {}", old.display()), &words);
    // Between its keyframes there is nothing to show without the rules.
    bench.refused(&format!("trace state {} --tick 1", old.display()), &["revision 1", "no world of tick 1"]);
}

/// The same columns under the rules of an earlier revision.
struct Earlier;

impl Game for Earlier {
    type State = Realm;
    type Input = Command;
    type Event = Event;
    type Content = Ruleset;

    const NAME: &'static str = Rules::NAME;
    const REVISION: u32 = Rules::REVISION - 1;
    const SYSTEMS: &'static [System<Self>] = &[];

    fn join(_: &mut Realm, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

/// A recording of ten ticks of nothing.
fn recorded<G: Game<Content = Ruleset>>(bench: &Bench) -> Vec<u8> {
    bench.ok("content build shipped -o shipped.pack");
    let bytes = bench.read("shipped.pack");
    let (id, pack) = tickworld_content::model::Pack::from_bytes(&bytes).expect("it was just built");
    let mut simulation =
        Simulation::<G>::new(Library::of(id, Ruleset::new(pack)), id, |_: &mut G::State, _: &Ruleset| ());
    let recorder = Recorder::begin(Vec::new(), &simulation, About::default(), &[(id, bytes.as_slice())]);
    let mut recorder = recorder.expect("into memory");
    for tick in 1..=10 {
        let frame = InputFrame::empty(Tick(tick), Entropy::from_bytes([7; 16]));
        let roots = simulation.step_inline(&frame).expect("the frame is good");
        recorder.record(&frame, &roots, simulation.world()).expect("into memory");
    }
    recorder.seal().expect("into memory").0
}

#[test]
fn a_trace_of_other_rules_is_refused_by_name() {
    let bench = Bench::new();
    bench.write("ours.trace", recorded::<Rules>(&bench));
    bench.ok("trace verify ours.trace");
    bench.write("earlier.trace", recorded::<Earlier>(&bench));
    let (found, expected) = (Rules::REVISION - 1, Rules::REVISION);
    let both = format!("made by rules revision {found}, this build has revision {expected}");
    bench.refused("trace verify earlier.trace", &[&both, "use that build"]);
    bench.ok("trace verify --audit earlier.trace");
    assert!(bench.ok("trace state earlier.trace --tick 10 --raw").contains("tick 10"));
}

#[test]
fn a_trace_of_an_older_pack_replays() {
    let bench = Bench::new();
    copy(&root().join("content/data"), &bench.path("data"));
    let file = "data/creatures/humanoid.yaml";
    let text = String::from_utf8(bench.read(file)).expect("it is text");
    // The same name for another creature, as an update of the content would have it.
    let (before, knight) = text.split_once("  knight:\n").expect("knights are shipped");
    let weaker =
        knight.replacen("hit_points: 52", "hit_points: 31", 1).replacen("armor_class: 18", "armor_class: 15", 1);
    assert_ne!(knight, weaker, "knights have another strength now: change them otherwise here");
    bench.write(file, format!("{before}  knight:\n{weaker}"));
    bench.ok("content build data -o older.pack");
    let scenario = "name: Melee\nseed: 4\nticks: 200\nmap: {width: 12, height: 8}\npack: PACK\n\
        factions: {left: [right], right: [left]}\ngroups:\n\
        - {creature: knight, count: 3, faction: left, area: [3, 1, 2, 6]}\n\
        - {creature: orc, count: 4, faction: right, area: [8, 1, 2, 6]}\n";
    bench.write("older.yaml", scenario.replace("PACK", "older.pack"));
    bench.write("newer.yaml", scenario.replace("PACK", "shipped"));
    bench.ok("trace record older.yaml -o older.trace --keyframes 50");
    bench.ok("trace record newer.yaml -o newer.trace --keyframes 50");
    // The packs of the disk are not asked: only the trace is left of the older one.
    std::fs::remove_file(bench.path("older.pack")).expect("it was built");
    std::fs::remove_dir_all(bench.path("data")).expect("it was copied");
    let info = |file: &str| bench.json(&format!("trace info {file} --json"), 0);
    let (older, newer) = (info("older.trace"), info("newer.trace"));
    assert_ne!(older["content"], newer["content"]);
    assert_ne!(older["last_root"], newer["last_root"], "the change of the content shows");
    bench.ok("trace verify older.trace --workers 1,3");
    let state = bench.json("trace state older.trace --tick 77 --column health --json", 0);
    let maxima: Vec<&str> = state["columns"][0]["shown"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| row["fields"]["maximum"].as_str())
        .collect();
    assert!(maxima.contains(&"31") && !maxima.contains(&"52"), "{state}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the scratch folder can be written to");
    for entry in std::fs::read_dir(from).expect("it is in the repository") {
        let entry = entry.expect("a listing");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("the scratch folder can be written to");
        }
    }
}
