//! `cargo xtask fuzz`: libFuzzer on the targets of `fuzz/`, on a stable toolchain.
//!
//! Invariant: what it finds lies in a file under `target/fuzz/artifacts`, and the command that runs it again is printed. It
//! never writes into the tree but with `--merge`.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::shell;

/// Coverage for libFuzzer, by flags that stable compilers take; what cargo-fuzz passes without a sanitizer.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// Seconds of each target in a smoke run.
const SMOKE_SECONDS: u64 = 4;
/// One input may take so long, in seconds, and so much memory, in MiB.
const INPUT_SECONDS_MAX: u64 = 10;
const MEMORY_MIB_MAX: u64 = 2_048;

/// What to fuzz, and for how long.
#[derive(Args)]
pub(crate) struct Fuzz {
    /// Every target for a few seconds
    #[arg(long)]
    smoke: bool,
    /// This target alone; all of them in turn without it
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// How long each target runs
    #[arg(long, value_name = "S", default_value_t = 60)]
    seconds: u64,
    /// Run this input of a finding again, and nothing else
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
    /// Make this input of a finding smaller
    #[arg(long, value_name = "FILE", requires = "target", conflicts_with = "input")]
    minimize: Option<PathBuf>,
    /// Copy into the seeds what the corpus reaches beyond them
    #[arg(long, requires = "target", conflicts_with_all = ["input", "minimize"])]
    merge: bool,
}

/// Builds the fuzzer and runs what was asked for.
///
/// # Errors
/// When it does not build, there is no such target, or something was found.
pub(crate) fn run(fuzz: &Fuzz) -> Result<()> {
    let Some(binary) = build(Optimisation::Full)? else { bail!("the fuzzer needs a C++ compiler (c++ or clang++)") };
    let all = targets()?;
    let names: Vec<&String> = match &fuzz.target {
        Some(name) => all.iter().filter(|target| *target == name).collect(),
        None => all.iter().collect(),
    };
    if names.is_empty() {
        bail!("no target of that name; there are: {}", all.join(", "));
    }
    let seconds = if fuzz.smoke { SMOKE_SECONDS } else { fuzz.seconds };
    for name in names {
        let places = Places::of(name)?;
        if let Some(input) = &fuzz.input {
            shell::run(places.fuzzer(&binary).arg(absolute(input)?))?;
        } else if let Some(input) = &fuzz.minimize {
            let options = ["-minimize_crash=1".to_owned(), format!("-max_total_time={seconds}")];
            shell::run(places.fuzzer(&binary).args(options).arg(absolute(input)?))?;
        } else if fuzz.merge {
            shell::run(places.fuzzer(&binary).arg("-merge=1").args([&places.seeds, &places.corpus]))?;
        } else {
            places.fuzz(&binary, seconds)?;
        }
    }
    Ok(())
}

/// Every target for a few seconds, as a check; gives whether the fuzzer could be built.
///
/// # Errors
/// When something was found.
pub(crate) fn smoke() -> Result<bool> {
    let Some(binary) = build(Optimisation::Little)? else { return Ok(false) };
    let names = targets()?;
    // Each fuzzer keeps one core busy.
    let next = AtomicUsize::new(0);
    let fuzz_those_left = || -> Result<()> {
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            Places::of(name)?.fuzz(&binary, SMOKE_SECONDS)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(fuzz_those_left)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a worker panicked")))
    })?;
    Ok(true)
}

/// The folders of a target.
struct Places {
    name: String,
    seeds: PathBuf,
    corpus: PathBuf,
    artifacts: PathBuf,
}

impl Places {
    fn of(name: &str) -> Result<Self> {
        let seeds = shell::root().join("fuzz/seeds").join(name);
        let corpus = shell::scratch("../fuzz/corpus")?.join(name);
        let artifacts = shell::scratch("../fuzz/artifacts")?.join(name);
        for folder in [&corpus, &artifacts] {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        Ok(Self { name: name.to_owned(), seeds, corpus, artifacts })
    }

    fn fuzzer(&self, binary: &Path) -> Command {
        let mut command = shell::command(binary);
        command.env("TICKWORLD_FUZZ_TARGET", &self.name).arg(format!("-artifact_prefix={}/", self.artifacts.display()));
        command.args([format!("-timeout={INPUT_SECONDS_MAX}"), format!("-rss_limit_mb={MEMORY_MIB_MAX}")]);
        command
    }

    /// Fuzzes for so long, says how fast.
    fn fuzz(&self, binary: &Path, seconds: u64) -> Result<()> {
        let log = self.artifacts.join("log");
        let written = fs::File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        let mut command = self.fuzzer(binary);
        command.args(["-print_final_stats=1".to_owned(), format!("-max_total_time={seconds}")]);
        command.args([&self.corpus, &self.seeds]).stderr(written);
        let status = command.status().context("cannot start the fuzzer")?;
        let text = fs::read_to_string(&log).unwrap_or_default();
        if !status.success() {
            let tail: Vec<&str> = text.lines().rev().take(40).collect();
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
            bail!(
                "target {} has a finding in {}; run it again with\n  cargo xtask fuzz --target {} --input FILE",
                self.name,
                self.artifacts.display(),
                self.name
            );
        }
        let stat = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
            line.and_then(|rest| rest.trim_start_matches(':').trim().parse::<u64>().ok()).unwrap_or(0)
        };
        let (executed, speed) = (stat("number_of_executed_units"), stat("average_exec_per_sec"));
        if executed == 0 {
            bail!("target {}: the fuzzer executed nothing; see {}", self.name, log.display());
        }
        println!("{:<12} {executed:>10} inputs in {seconds} s, {speed:>7} a second, nothing found", self.name);
        Ok(())
    }
}

/// The names in the targets' own table.
fn targets() -> Result<Vec<String>> {
    let path = shell::root().join("fuzz/src/lib.rs");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("name: \"")?.strip_suffix("\","));
    Ok(names.map(str::to_owned).collect())
}

/// How much the compiler does for the fuzzer's speed: for a few seconds of each target a fast build is worth more.
#[derive(Clone, Copy)]
enum Optimisation {
    Full,
    Little,
}

/// Builds the fuzzer; `None` without a C++ compiler.
fn build(optimisation: Optimisation) -> Result<Option<PathBuf>> {
    let compilers = ["c++", "clang++", "g++"];
    if !compilers.iter().any(|name| shell::succeeds(shell::command(name).arg("--version"))) {
        return Ok(None);
    }
    let host = shell::read(Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let mut cargo = shell::cargo();
    let folder = match optimisation {
        Optimisation::Full => shell::scratch("../fuzz/build")?,
        Optimisation::Little => {
            cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
            shell::scratch("../fuzz/build-smoke")?
        }
    };
    cargo.args(["build", "--release", "--manifest-path", "fuzz/libfuzzer/Cargo.toml", "--target", host]);
    // With a target of its own, build scripts and macros are compiled without coverage.
    cargo.env("CARGO_TARGET_DIR", &folder).env("RUSTFLAGS", COVERAGE).env_remove("CARGO_ENCODED_RUSTFLAGS");
    shell::run(&mut cargo)?;
    Ok(Some(folder.join(host).join("release/fuzz")))
}

/// As the fuzzer, which starts in the root, must be told.
fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("cannot find {}", path.display()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_of_targets_is_found() {
        let names = super::targets().expect("the table is there");
        assert!(names.len() >= 15 && names.iter().any(|name| name == "trace"), "{names:?}");
    }
}
