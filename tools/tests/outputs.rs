//! What commands write: nothing is replaced that they cannot make again, and what could not be written is no success.
//!
//! Each command that writes files stands in one table; each kind of target that must not be replaced is tried with each.

mod common;

use std::{fs, path::Path};

use common::{Bench, store::ledger};

const DUEL: &str = "name: Own\nticks: 5\nmap: {width: 5, height: 5}\nfactions: {a: []}\n\
    groups: [{creature: goblin, faction: a, area: [0, 0, 5, 5]}]\n";

/// A command that writes one file, which `OUT` stands for, and what stands there may be of the same kind.
struct Writer {
    line: &'static str,
    /// Bytes of a file of the same kind, made by this command.
    same: &'static str,
}

const WRITERS: &[Writer] = &[
    Writer { line: "run own.yaml --ticks 3 --record OUT", same: "trace record duel -o SAME --ticks 2" },
    Writer { line: "trace record own.yaml --ticks 3 -o OUT", same: "trace record duel -o SAME --ticks 2" },
    Writer { line: "trace from-journal data --to 3 --accounts 60 -o OUT", same: "trace record duel -o SAME --ticks 2" },
    Writer { line: "watch own.trace --svg OUT", same: "watch own.trace --at 1 --svg SAME" },
    Writer { line: "content build shipped -o OUT", same: "content build shipped -o SAME" },
];

/// A bench with what the commands read.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("own.yaml", DUEL);
    bench.copy(ledger(), "data");
    bench.ok("trace record own.yaml -o own.trace --ticks 3");
    bench
}

/// Runs each writer with a target that is made by `target`, and gives how it ended.
fn each(target: impl Fn(&Bench, &Writer) -> String, check: impl Fn(&Bench, &Writer, &str, &common::Ran)) {
    let bench = bench();
    for writer in WRITERS {
        let name = target(&bench, writer);
        let ran = bench.run(&writer.line.replace("OUT", &name));
        check(&bench, writer, &name, &ran);
        let parts: Vec<_> = names(&bench.path(".")).into_iter().filter(|name| name.contains(".part")).collect();
        assert!(parts.is_empty(), "{}: left {parts:?}", writer.line);
        if bench.path(&name).symlink_metadata().is_ok_and(|meta| meta.is_file() && !name.contains('/')) {
            fs::remove_file(bench.path(&name)).expect("the scratch folder can be written to");
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry of it"));
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Checks that a run was refused with exit code 2 and these words.
fn refused(writer: &Writer, ran: &common::Ran, words: &[&str]) {
    assert_eq!(ran.code, 2, "{}: {}{}", writer.line, ran.out, ran.err);
    for word in words {
        assert!(ran.err.contains(word), "{}: no {word:?} in\n{}", writer.line, ran.err);
    }
}

#[test]
fn a_file_of_the_same_kind_is_replaced() {
    let same = |bench: &Bench, writer: &Writer| {
        bench.ok(&writer.same.replace("SAME", "same"));
        "same".to_owned()
    };
    each(same, |bench, writer, name, ran| {
        assert_eq!(ran.code, 0, "{}: {}", writer.line, ran.err);
        assert!(bench.read(name).len() > 100);
    });
}

#[test]
fn a_file_of_another_kind_stays_unless_forced() {
    let contents: [&[u8]; 4] = [b"my notes\n", b"\x00\x01\xff", b"{\"a\": 1}", b"tickworl"];
    for bytes in contents {
        let notes = |bench: &Bench, _: &Writer| {
            bench.write("notes", bytes);
            "notes".to_owned()
        };
        each(notes, |bench, writer, name, ran| {
            refused(writer, ran, &["notes is", "--force"]);
            assert_eq!(bench.read(name), bytes, "{}", writer.line);
            bench.ok(&format!("{} --force", writer.line.replace("OUT", name)));
            assert_ne!(bench.read(name), bytes, "{}", writer.line);
        });
    }
}

#[test]
fn a_trace_is_not_replaced_by_a_pack_nor_a_pack_by_a_trace() {
    let other = |bench: &Bench, writer: &Writer| {
        let is_pack = writer.line.starts_with("content");
        let line = if is_pack { "trace record duel -o other --ticks 2" } else { "content build shipped -o other" };
        bench.ok(line);
        "other".to_owned()
    };
    each(other, |_, writer, _, ran| refused(writer, ran, &["other is", "--force"]));
}

#[test]
fn nothing_is_written_into_a_data_folder() {
    for name in ["data/world.redb", "data/new.trace", "data/world.mark", "data/../data/x"] {
        each(
            |_, _| name.to_owned(),
            |bench, writer, name, ran| {
                refused(writer, ran, &["where a server keeps its world"]);
                let forced = bench.run(&format!("{} --force", writer.line.replace("OUT", name)));
                refused(writer, &forced, &["where a server keeps its world"]);
            },
        );
    }
    let bench = bench();
    for line in ["content export -o data/sources", "swarm --seeds 0..1 --keep data/found", "drill --keep data/kept"] {
        bench.refused(line, &["where a server keeps its world"]);
    }
    let before = common::store::contents(ledger());
    assert_eq!(common::store::contents(&bench.path("data")), before, "nothing in it has changed");
}

#[test]
fn an_input_is_not_replaced() {
    let bench = bench();
    bench.ok("trace record own.yaml -o a.trace --ticks 3");
    bench.ok("content build shipped -o own.pack");
    bench.write("packed.yaml", format!("pack: own.pack\n{DUEL}"));
    fs::hard_link(bench.path("a.trace"), bench.path("b.trace")).expect("the scratch folder can have links");
    for (line, file) in [
        ("trace record own.yaml -o a.trace --expect a.trace", "a.trace"),
        ("trace record own.yaml -o ./a.trace --expect a.trace --force", "a.trace"),
        ("trace record own.yaml -o b.trace --expect a.trace", "a.trace"),
        ("trace record own.yaml -o own.yaml --force", "own.yaml"),
        ("run own.yaml --record own.yaml --force", "own.yaml"),
        ("run packed.yaml --record own.pack --force", "own.pack"),
        ("watch a.trace --svg a.trace --force", "a.trace"),
    ] {
        let before = bench.read(file);
        bench.refused(line, &["what is read", "name another file"]);
        assert_eq!(bench.read(file), before, "{line}");
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed() {
    use std::os::unix::fs::symlink;
    let linked = |bench: &Bench, writer: &Writer| {
        for name in ["link", "real"] {
            // Of the writer before.
            let _ = fs::remove_file(bench.path(name));
        }
        bench.ok(&writer.same.replace("SAME", "real"));
        symlink("real", bench.path("link")).expect("the scratch folder can have links");
        "link".to_owned()
    };
    each(linked, |bench, writer, _, ran| {
        assert_eq!(ran.code, 0, "{}: {}", writer.line, ran.err);
        assert!(bench.path("link").symlink_metadata().is_ok_and(|meta| meta.is_symlink()), "{}", writer.line);
    });
    // One that leads nowhere yet names the file that is made; one that leads into a data folder is refused.
    let bench = bench();
    symlink("later.trace", bench.path("ahead")).expect("the scratch folder can have links");
    bench.ok("trace record duel -o ahead --ticks 2");
    bench.ok("trace info later.trace");
    symlink("data/world.redb", bench.path("store")).expect("the scratch folder can have links");
    bench.refused("trace record duel -o store --ticks 2 --force", &["where a server keeps its world"]);
    symlink("round", bench.path("round")).expect("the scratch folder can have links");
    bench.refused("trace record duel -o round --ticks 2", &["a link"]);
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused() {
    let bench = bench();
    let made = std::process::Command::new("mkfifo").arg(bench.path("pipe")).status().expect("mkfifo is there");
    assert!(made.success());
    fs::create_dir(bench.path("folder")).expect("the scratch folder can be written to");
    for (name, words) in [
        ("/dev/null", "not a file"),
        ("/dev/full", "not a file"),
        ("/dev/stdout", "not a file"),
        ("pipe", "not a file"),
        ("folder", "is a folder"),
        ("folder/", "names a folder"),
        ("nowhere/file", "there is no folder nowhere"),
    ] {
        for writer in WRITERS {
            for force in ["", " --force"] {
                let ran = bench.run(&format!("{}{force}", writer.line.replace("OUT", name)));
                refused(writer, &ran, &[words]);
            }
        }
    }
    use std::os::unix::fs::FileTypeExt as _;
    let kind = |name: &str| fs::metadata(name).expect("it is still there").file_type();
    assert!(kind("/dev/null").is_char_device() && kind("/dev/full").is_char_device());
    assert!(fs::metadata(bench.path("pipe")).expect("it is still there").file_type().is_fifo());
}

#[test]
fn files_with_the_names_of_parts_stay() {
    let bench = bench();
    for writer in WRITERS {
        bench.write("out.part", "mine");
        bench.write("out.part-2", "mine too");
        bench.ok(&writer.line.replace("OUT", "out"));
        assert_eq!((bench.read("out.part"), bench.read("out.part-2")), (b"mine".to_vec(), b"mine too".to_vec()));
        fs::remove_file(bench.path("out")).expect("it was just written");
    }
}

#[test]
fn an_edited_export_stays_unless_forced() {
    let bench = Bench::new();
    bench.ok("content export -o mine");
    bench.ok("content export -o mine");
    bench.write("mine/conditions.yaml", "conditions: {}\n");
    bench.refused("content export -o mine", &["conditions.yaml", "--force"]);
    assert_eq!(bench.read("mine/conditions.yaml"), b"conditions: {}\n");
    bench.ok("content export -o mine --force");
    assert_ne!(bench.read("mine/conditions.yaml"), b"conditions: {}\n");
    bench.write("file", "text");
    bench.refused("content export -o file", &["file is a file, not a folder"]);
    let entries = common::root().join("content/compiler/tests/imports/plain");
    let import = format!("content import-5e {} -o imported", entries.display());
    bench.ok(&import);
    bench.ok(&import);
    let made = fs::read_dir(bench.path("imported/creatures")).expect("it was made").next().expect("a file");
    let file = made.expect("an entry").path();
    fs::write(&file, "creatures: {}\n").expect("the scratch folder can be written to");
    bench.refused(&import, &["imported holds creatures", "--force"]);
    assert_eq!(fs::read(&file).expect("it is there"), b"creatures: {}\n");
    bench.ok(&format!("{import} --force"));
}

#[test]
fn kept_drills_are_traces_like_any_other() {
    let bench = Bench::new();
    bench.ok("drill --kind flip --seed 12 --keep kept");
    bench.ok("drill --kind flip --seed 12 --keep kept");
    bench.write("kept/left.trace", "notes");
    bench.refused("drill --kind flip --seed 12 --keep kept", &["left.trace is a text file"]);
    assert_eq!(bench.read("kept/left.trace"), b"notes");
}

#[cfg(unix)]
#[test]
fn permissions_of_a_replaced_file_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    bench.ok("trace record duel -o a.trace --ticks 2");
    fs::set_permissions(bench.path("a.trace"), fs::Permissions::from_mode(0o600)).expect("it is ours");
    bench.ok("trace record duel -o a.trace --ticks 3");
    let mode = fs::metadata(bench.path("a.trace")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// A writer that runs into a limit of file sizes, as into a full disk, leaves the old file whole and nothing beside it.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_old_file() {
    let bench = bench();
    for writer in WRITERS {
        bench.ok(&writer.same.replace("SAME", "out"));
        let before = bench.read("out");
        let line = writer.line.replace("OUT", "out");
        let tool = env!("CARGO_BIN_EXE_tickworld");
        // Blocks of 512 or 1,024 bytes, as the shell has it: less than any of these files.
        let limited = format!("trap '' XFSZ; ulimit -f 8; exec {tool} {line}");
        let ran = std::process::Command::new("sh").args(["-c", &limited]).current_dir(bench.path(".")).output();
        let ran = ran.expect("sh is there");
        let err = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{line}: {err}");
        assert!(err.contains("out"), "{line}: {err}");
        assert_eq!(bench.read("out"), before, "{line}");
        assert!(names(&bench.path(".")).iter().all(|name| !name.contains(".part")), "{line}");
        fs::remove_file(bench.path("out")).expect("it was made before");
    }
}

/// Every kind of output to standard output, with and without `--json`.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_to_standard_output_is_an_error() {
    let bench = bench();
    bench.ok("trace record duel -o a.trace --ticks 40");
    let words = "--help|--version|trace --help|run duel --ticks 3|trace info a.trace|trace export a.trace|trace verify a.trace|\
        trace diff a.trace a.trace|trace state a.trace --tick 3|content info shipped|content check shipped|\
        content info shipped --list creatures|completions bash|journal info data|journal verify data|journal export data|\
        watch a.trace --once|watch a.trace --svg a.svg|drill --seed 3|swarm --seeds 0..1|demo";
    for line in words.split('|') {
        for json in ["", " --json"] {
            let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
            let ran = bench.command(&format!("{line}{json}")).stdout(full).output().expect("the binary starts");
            let err = String::from_utf8_lossy(&ran.stderr);
            assert_eq!(ran.status.code(), Some(2), "{line}{json}: {err}");
            assert!(err.contains("cannot write to standard output"), "{line}{json}: {err}");
        }
    }
}

#[test]
fn arguments_that_cannot_be_read_are_told_as_json_too() {
    let bench = Bench::new();
    for line in [
        "--json runn",
        "--json run",
        "run --json",
        "run duel --ticks 99999999999999999999 --json",
        "run duel --ticks -5 --json",
        "trace diff a --json",
        "--json content build",
        "bots --json",
        "--json --no-such-flag",
    ] {
        let error = bench.json(line, 2);
        assert!(error["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{line}: {error}");
        assert!(!error["error"]["message"].as_str().unwrap_or_default().starts_with("error"), "{line}: {error}");
    }
    let ran = bench.command("--json").env("TICKWORLD_SECONDS", "soon").output().expect("the binary starts");
    let error: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("it is JSON");
    assert!(error["error"]["message"].as_str().is_some_and(|message| message.contains("soon")), "{error}");
    assert!(bench.run("runn").out.is_empty(), "without --json nothing");
}
