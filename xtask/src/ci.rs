//! `cargo xtask ci`: the check ladder, from cheap to dear.
//!
//! A rung is shown with the command that repeats it. The first rung that fails ends the climb; a rung that cannot be
//! climbed on this machine says why and is counted as skipped, never as passed.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::{bans, built, codegen, fuzz, least_rust, no_std, package, proof, shell, tidy};

/// One step of the ladder.
struct Rung {
    name: &'static str,
    /// What it shows when it passes.
    shows: &'static str,
    /// The command that does the same by itself.
    repeat: &'static str,
    climb: fn(&Self) -> Result<Outcome>,
}

enum Outcome {
    Passed,
    /// With the reason.
    Skipped(&'static str),
}

const RUNGS: &[Rung] = &[
    Rung { name: "fmt", shows: "every file is formatted", repeat: "cargo fmt --all --check", climb: repeat_itself },
    Rung {
        name: "tidy",
        shows: "the house style, as far as it can be stated as code",
        repeat: "cargo xtask tidy",
        climb: |_| tidy::run(false).map(|()| Outcome::Passed),
    },
    Rung {
        name: "codegen",
        shows: "the generated FlatBuffers code is what the schemas make",
        repeat: "cargo xtask codegen --check",
        climb: climb_codegen,
    },
    Rung {
        name: "clippy",
        shows: "no lint fires, in any member or test",
        repeat: "cargo clippy --workspace --all-targets -- -D warnings",
        climb: repeat_itself,
    },
    Rung {
        name: "bans",
        shows: "every banned type and method is really flagged",
        repeat: "cargo xtask ci --only bans",
        climb: |_| bans::check().map(|()| Outcome::Passed),
    },
    Rung {
        name: "least-rust",
        shows: "the least Rust version that the manifests declare is true, as far as this toolchain can tell",
        repeat: "cargo xtask ci --only least-rust",
        climb: |_| least_rust::check().map(|()| Outcome::Passed),
    },
    Rung {
        name: "no-std",
        shows: "the crates below the sans-I/O line link without std, and the region depends on nothing that does anything",
        repeat: "cargo xtask ci --only no-std",
        climb: |_| no_std::check().map(|()| Outcome::Passed),
    },
    Rung {
        name: "proof",
        shows: "what the crates below the sans-I/O line are compiled to computes with no float and asks no machine",
        repeat: "cargo xtask proof",
        climb: |_| proof::run(proof::Options::default()).map(|()| Outcome::Passed),
    },
    Rung {
        name: "docs",
        shows: "the documentation builds without a warning",
        repeat: "cargo xtask ci --only docs",
        climb: climb_docs,
    },
    Rung {
        name: "deny",
        shows: "licences, sources and advisories of all dependencies are in order",
        repeat: "cargo deny check",
        climb: climb_deny,
    },
    Rung {
        name: "test-debug",
        shows: "the core's tests pass in the debug profile, where overflow and debug assertions are on",
        repeat: "cargo test --package tickworld-derive --package tickworld-sim --package tickworld-content",
        climb: repeat_itself,
    },
    Rung {
        name: "golden-release",
        shows: "every golden trace runs again to the same roots, release profile",
        repeat: "cargo run --release --package tickworld-cli -- trace verify golden-traces/*.trace",
        climb: climb_golden,
    },
    Rung {
        name: "built",
        shows: "the documents' commands run, and imports never panic, in binaries built as users build them: each alone; and a crate \
                outside the tree learns whether its overflow is checked",
        repeat: "cargo xtask ci --only built",
        climb: |_| built::check().map(|()| Outcome::Passed),
    },
    Rung {
        name: "package",
        shows: "every published package builds from its own bytes and its siblings', and has its licence and README",
        repeat: "cargo xtask ci --only package",
        climb: |_| package::check().map(|()| Outcome::Passed),
    },
    Rung {
        name: "reader",
        shows: "a reader made from docs/FORMATS.md alone reads every golden trace and shows the same worlds",
        repeat: "cargo xtask ci --only reader",
        climb: climb_reader,
    },
    Rung {
        name: "fuzz",
        shows: "a few seconds of libFuzzer on every target find nothing",
        repeat: "cargo xtask fuzz --smoke",
        climb: climb_fuzz,
    },
];

/// Prints the rungs.
pub(crate) fn list() {
    for rung in RUNGS {
        println!("{:<15} {}\n{:<15} {}", rung.name, rung.shows, "", rung.repeat);
    }
}

/// Climbs all rungs, or the one named `only`.
///
/// # Errors
/// When a rung fails, or there is none of that name.
pub(crate) fn climb(only: Option<&str>) -> Result<()> {
    let rungs: Vec<&Rung> = RUNGS.iter().filter(|rung| only.is_none_or(|name| name == rung.name)).collect();
    if rungs.is_empty() {
        let names: Vec<&str> = RUNGS.iter().map(|rung| rung.name).collect();
        bail!("no rung of that name; there are: {}", names.join(", "));
    }
    let (mut passed, mut skipped) = (0, 0);
    let mut times = Vec::new();
    for (index, rung) in rungs.iter().enumerate() {
        println!("\n[{}/{}] {}: {}\n      repeat: {}", index + 1, rungs.len(), rung.name, rung.shows, rung.repeat);
        let start = Instant::now();
        let outcome = (rung.climb)(rung);
        let seconds = start.elapsed().as_secs_f32();
        times.push(format!("{seconds:8.1} s  {}", rung.name));
        match outcome {
            Ok(Outcome::Passed) => {
                println!("      {} passed in {seconds:.1} s", rung.name);
                passed += 1;
            }
            Ok(Outcome::Skipped(reason)) => {
                println!("      {} skipped: {reason}", rung.name);
                skipped += 1;
            }
            Err(error) => {
                println!("      {} FAILED after {seconds:.1} s", rung.name);
                println!("\nrungs: {passed} passed, 1 failed, {skipped} skipped");
                return Err(error.context(format!("rung {} failed; repeat it with `{}`", rung.name, rung.repeat)));
            }
        }
    }
    println!("\n{}\nrungs: {passed} passed, 0 failed, {skipped} skipped", times.join("\n"));
    Ok(())
}

/// The command under `repeat`, with `*` left for the caller.
fn command(rung: &Rung) -> Command {
    let mut command = shell::cargo();
    command.args(rung.repeat.split(' ').skip(1).filter(|word| !word.contains('*')));
    command
}

fn repeat_itself(rung: &Rung) -> Result<Outcome> {
    shell::run(&mut command(rung)).map(|()| Outcome::Passed)
}

fn climb_codegen(_: &Rung) -> Result<Outcome> {
    if !codegen::flatc_installed() {
        return Ok(Outcome::Skipped(
            "flatc is not installed here (cargo xtask codegen installs it); tidy compared hashes",
        ));
    }
    codegen::run(true).map(|()| Outcome::Passed)
}

fn climb_docs(_: &Rung) -> Result<Outcome> {
    let mut doc = shell::cargo();
    doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    shell::run(&mut doc).map(|()| Outcome::Passed)
}

fn climb_deny(rung: &Rung) -> Result<Outcome> {
    if !shell::succeeds(shell::cargo().args(["deny", "--version"])) {
        return Ok(Outcome::Skipped("cargo-deny is not installed here"));
    }
    repeat_itself(rung)
}

fn climb_golden(rung: &Rung) -> Result<Outcome> {
    if !shell::root().join("tools/Cargo.toml").exists() {
        return Ok(Outcome::Skipped("there is no tools/ yet that could verify a trace"));
    }
    let folder = shell::root().join("golden-traces");
    let mut traces = Vec::new();
    for entry in std::fs::read_dir(&folder).context("cannot list golden-traces/")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "trace") {
            traces.push(path);
        }
    }
    if traces.is_empty() {
        bail!("golden-traces/ holds no trace: this rung would prove nothing");
    }
    traces.sort_unstable();
    shell::run(command(rung).args(&traces)).map(|()| Outcome::Passed)
}

fn climb_fuzz(_: &Rung) -> Result<Outcome> {
    let ran = fuzz::smoke()?;
    Ok(if ran { Outcome::Passed } else { Outcome::Skipped("there is no C++ compiler here") })
}

fn climb_reader(_: &Rung) -> Result<Outcome> {
    let recent = "import sys; sys.exit(sys.version_info < (3, 9))";
    if !shell::succeeds(shell::command("python3").args(["-c", recent])) {
        return Ok(Outcome::Skipped("there is no python3 of at least 3.9 here"));
    }
    shell::run(shell::cargo().args(["build", "--release", "--package", "tickworld-cli"]))?;
    let tickworld = shell::target().join("release").join(format!("tickworld{}", std::env::consts::EXE_SUFFIX));
    // -B: no compiled files beside the sources.
    let mut test = shell::command("python3");
    test.args(["-B", "docs/reader/test_reader.py", "--tickworld"]).arg(tickworld);
    shell::run(&mut test).map(|()| Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_each_rung_can_be_repeated() {
        for (index, rung) in RUNGS.iter().enumerate() {
            assert!(RUNGS[..index].iter().all(|other| other.name != rung.name), "{}", rung.name);
            assert!(rung.repeat.starts_with("cargo "), "{}", rung.name);
        }
    }

    #[test]
    fn an_unknown_rung_is_refused_with_the_names() {
        let error = climb(Some("no-such-rung")).unwrap_err().to_string();
        assert!(error.contains("fmt, tidy"), "{error}");
    }

    #[test]
    fn a_rung_that_fails_fails_the_climb() {
        let rung = Rung { repeat: "cargo --no-such-flag", ..RUNGS[0] };
        assert!(repeat_itself(&rung).is_err());
    }
}
