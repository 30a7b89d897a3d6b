//! `cargo xtask ci`: every check, from cheap to dear.
//!
//! Checks of different [lanes](Lane) build in different folders, so that two processes can make them at the same time.
//!
//! A check is shown with the command that repeats it. The first check that fails ends the run; a check that cannot be
//! made on this machine says why and is counted as skipped, never as passed.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::{bans, built, codegen, fuzz, least_rust, no_std, package, proof, shell, tidy};

/// One check, with what it shows and how to repeat it.
struct Check {
    name: &'static str,
    /// What it shows when it passes.
    description: &'static str,
    /// The command that does the same by itself.
    repeat: &'static str,
    lane: Lane,
    run: fn(&Self) -> Result<Status>,
}

/// Where a check builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Lane {
    /// In the workspace's target folder, whose lock it holds while it builds.
    Shared,
    /// In folders of its own.
    Apart,
    /// In folders of its own, and for longer than `.ci/run` has: made on pull requests and before releases.
    Dear,
}

enum Status {
    Passed,
    /// With the reason.
    Skipped(&'static str),
}

const CHECKS: &[Check] = &[
    Check {
        name: "fmt",
        description: "every file is formatted",
        repeat: "cargo fmt --all --check",
        lane: Lane::Shared,
        run: repeat_itself,
    },
    Check {
        name: "tidy",
        description: "the house style, as far as it can be stated as code",
        repeat: "cargo xtask tidy",
        lane: Lane::Shared,
        run: |_| tidy::run(false).map(|()| Status::Passed),
    },
    Check {
        name: "codegen",
        description: "the generated FlatBuffers code is what the schemas make",
        repeat: "cargo xtask codegen --check",
        lane: Lane::Shared,
        run: run_codegen,
    },
    Check {
        name: "clippy",
        description: "no lint fires, in any member or test",
        repeat: "cargo clippy --workspace --all-targets -- -D warnings",
        lane: Lane::Shared,
        run: repeat_itself,
    },
    Check {
        name: "bans",
        description: "every banned type and method is really flagged",
        repeat: "cargo xtask ci --only bans",
        lane: Lane::Apart,
        run: |_| bans::check().map(|()| Status::Passed),
    },
    Check {
        name: "least-rust",
        description: "the least Rust version that the manifests declare is true, as far as this toolchain can tell",
        repeat: "cargo xtask ci --only least-rust",
        lane: Lane::Apart,
        run: |_| least_rust::check().map(|()| Status::Passed),
    },
    Check {
        name: "no-std",
        description: "the crates below the sans-I/O line link without std, and the region depends on nothing that does anything",
        repeat: "cargo xtask ci --only no-std",
        lane: Lane::Apart,
        run: |_| no_std::check().map(|()| Status::Passed),
    },
    Check {
        name: "proof",
        description: "what the crates below the sans-I/O line are compiled to computes with no float and asks no machine",
        repeat: "cargo xtask proof",
        lane: Lane::Apart,
        run: |_| proof::run(proof::Options::default()).map(|()| Status::Passed),
    },
    Check {
        name: "docs",
        description: "the documentation builds without a warning",
        repeat: "cargo xtask ci --only docs",
        lane: Lane::Shared,
        run: run_docs,
    },
    Check {
        name: "deny",
        description: "licences, sources and advisories of all dependencies are in order",
        repeat: "cargo deny check",
        lane: Lane::Shared,
        run: run_deny,
    },
    Check {
        name: "golden-release",
        description: "every golden trace runs again to the same roots, release profile",
        repeat: "cargo run --release --package tickworld-cli -- trace verify golden-traces/*.trace",
        lane: Lane::Shared,
        run: run_golden,
    },
    Check {
        name: "built",
        description: "the documents' commands run, and imports never panic, in binaries built as users build them: each alone; and a crate \
                outside the tree learns whether its overflow is checked",
        repeat: "cargo xtask ci --only built",
        lane: Lane::Shared,
        run: |_| built::check().map(|()| Status::Passed),
    },
    Check {
        name: "package",
        description: "every published package builds from its own bytes and its siblings', and has its licence and README",
        repeat: "cargo xtask ci --only package",
        lane: Lane::Apart,
        run: |_| package::check().map(|()| Status::Passed),
    },
    Check {
        name: "reader",
        description: "a reader made from docs/FORMATS.md alone reads every golden trace and shows the same worlds",
        repeat: "cargo xtask ci --only reader",
        lane: Lane::Shared,
        run: run_reader,
    },
    Check {
        name: "fuzz",
        description: "a few seconds of libFuzzer on every target find nothing",
        repeat: "cargo xtask fuzz --smoke",
        lane: Lane::Dear,
        run: run_fuzz,
    },
];

/// Prints the checks.
pub(crate) fn list() {
    for check in CHECKS {
        println!("{:<15} {}\n{:<15} {}", check.name, check.description, "", check.repeat);
    }
}

/// Makes all checks, those of a lane, or the one named `only`.
///
/// # Errors
/// When a check fails, or there is none of that name.
pub(crate) fn run(lane: Option<Lane>, only: Option<&str>) -> Result<()> {
    let is_wanted =
        |check: &&Check| lane.is_none_or(|lane| lane == check.lane) && only.is_none_or(|name| name == check.name);
    let checks: Vec<&Check> = CHECKS.iter().filter(is_wanted).collect();
    if checks.is_empty() {
        let names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        bail!("no check of that name; there are: {}", names.join(", "));
    }
    let (mut passed, mut skipped) = (0, 0);
    let mut times = Vec::new();
    for (index, check) in checks.iter().enumerate() {
        println!(
            "\n[{}/{}] {}: {}\n      repeat: {}",
            index + 1,
            checks.len(),
            check.name,
            check.description,
            check.repeat
        );
        let start = Instant::now();
        let status = (check.run)(check);
        let seconds = start.elapsed().as_secs_f32();
        times.push(format!("{seconds:8.1} s  {}", check.name));
        match status {
            Ok(Status::Passed) => {
                println!("      {} passed in {seconds:.1} s", check.name);
                passed += 1;
            }
            Ok(Status::Skipped(reason)) => {
                println!("      {} skipped: {reason}", check.name);
                skipped += 1;
            }
            Err(error) => {
                println!("      {} FAILED after {seconds:.1} s", check.name);
                println!("\nchecks: {passed} passed, 1 failed, {skipped} skipped");
                return Err(error.context(format!("check {} failed; repeat it with `{}`", check.name, check.repeat)));
            }
        }
    }
    println!("\n{}\nchecks: {passed} passed, 0 failed, {skipped} skipped", times.join("\n"));
    Ok(())
}

/// The command under `repeat`, with `*` left for the caller.
fn command(check: &Check) -> Command {
    let mut command = shell::cargo();
    command.args(check.repeat.split(' ').skip(1).filter(|word| !word.contains('*')));
    command
}

fn repeat_itself(check: &Check) -> Result<Status> {
    shell::run(&mut command(check)).map(|()| Status::Passed)
}

fn run_codegen(_: &Check) -> Result<Status> {
    if !codegen::flatc_installed() {
        return Ok(Status::Skipped(
            "flatc is not installed here (cargo xtask codegen installs it); tidy compared hashes",
        ));
    }
    codegen::run(true).map(|()| Status::Passed)
}

fn run_docs(_: &Check) -> Result<Status> {
    let mut doc = shell::cargo();
    doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    shell::run(&mut doc).map(|()| Status::Passed)
}

fn run_deny(check: &Check) -> Result<Status> {
    if !shell::succeeds(shell::cargo().args(["deny", "--version"])) {
        return Ok(Status::Skipped("cargo-deny is not installed here"));
    }
    repeat_itself(check)
}

fn run_golden(check: &Check) -> Result<Status> {
    if !shell::root().join("tools/Cargo.toml").exists() {
        return Ok(Status::Skipped("there is no tools/ yet that could verify a trace"));
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
        bail!("golden-traces/ holds no trace: this check would prove nothing");
    }
    traces.sort_unstable();
    shell::run(command(check).args(&traces)).map(|()| Status::Passed)
}

fn run_fuzz(_: &Check) -> Result<Status> {
    let ran = fuzz::smoke()?;
    Ok(if ran { Status::Passed } else { Status::Skipped("there is no C++ compiler here") })
}

fn run_reader(_: &Check) -> Result<Status> {
    let recent = "import sys; sys.exit(sys.version_info < (3, 9))";
    if !shell::succeeds(shell::command("python3").args(["-c", recent])) {
        return Ok(Status::Skipped("there is no python3 of at least 3.9 here"));
    }
    shell::run(shell::cargo().args(["build", "--release", "--package", "tickworld-cli"]))?;
    let tickworld = shell::target().join("release").join(format!("tickworld{}", std::env::consts::EXE_SUFFIX));
    // -B: no compiled files beside the sources.
    let mut test = shell::command("python3");
    test.args(["-B", "docs/reader/test_reader.py", "--tickworld"]).arg(tickworld);
    shell::run(&mut test).map(|()| Status::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_each_check_can_be_repeated() {
        for (index, check) in CHECKS.iter().enumerate() {
            assert!(CHECKS[..index].iter().all(|other| other.name != check.name), "{}", check.name);
            assert!(check.repeat.starts_with("cargo "), "{}", check.name);
        }
    }

    #[test]
    fn an_unknown_check_is_refused_with_the_names() {
        let error = run(None, Some("no-such-check")).unwrap_err().to_string();
        assert!(error.contains("fmt, tidy"), "{error}");
    }

    #[test]
    fn a_check_that_fails_fails_the_run() {
        let check = Check { repeat: "cargo --no-such-flag", ..CHECKS[0] };
        assert!(repeat_itself(&check).is_err());
    }
}
