//! The verifier on this machine: every golden comes out byte for byte, and what is wrong shows.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn goldens() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it lies in golden-traces/");
    let files = std::fs::read_dir(folder).expect("the golden traces are in the repository");
    let paths = files.map(|file| file.expect("a listing").path());
    let mut traces: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|it| it == "trace")).collect();
    traces.sort();
    assert!(!traces.is_empty(), "no golden trace: this test would prove nothing");
    traces
}

fn verifier(arguments: &[&str], traces: &[PathBuf]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickworld-verifier"));
    command.args(arguments).args(traces).output().expect("the verifier starts")
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn every_golden_is_recorded_anew_byte_for_byte() {
    let traces = goldens();
    let output = verifier(&[], &traces);
    let lines = lines(&output);
    assert_eq!(lines.len(), traces.len(), "{output:?}");
    for (line, path) in lines.iter().zip(&traces) {
        let digest = blake3::hash(&std::fs::read(path).expect("a golden")).to_hex();
        assert!(line.contains(&format!(" trace={digest} ")) && line.ends_with(" different=none"), "{line}");
    }
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_bug_of_the_machine_shows_where_it_bites() {
    let traces = &goldens()[..1];
    let sound = lines(&verifier(&[], traces));
    for (bug, bites) in
        [("width", cfg!(target_pointer_width = "32")), ("endian", cfg!(target_endian = "big")), ("everywhere", true)]
    {
        let output = verifier(&["--seeded-bug", bug], traces);
        assert_eq!(lines(&output) != sound, bites, "{bug}");
        assert_eq!(output.status.code(), Some(i32::from(bites)), "{bug}");
    }
}

#[test]
fn a_damaged_trace_and_a_wrong_argument_are_refused() {
    let mut bytes = std::fs::read(&goldens()[0]).expect("a golden");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = Path::new(env!("CARGO_TARGET_TMPDIR")).join("damaged.trace");
    std::fs::write(&damaged, bytes).expect("a scratch file");
    for output in [
        verifier(&[], &[damaged]),
        verifier(&[], &[PathBuf::from("no-such.trace")]),
        verifier(&[], &[]),
        verifier(&["--seeded-bug", "no-such"], &goldens()[..1]),
    ] {
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{output:?}");
    }
}
