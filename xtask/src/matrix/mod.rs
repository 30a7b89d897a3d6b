//! `cargo xtask matrix`: the same traces on every kind of machine, compared line by line.
//!
//! Builds the trace verifier for this machine in three profiles and for foreign targets, runs all of them on golden traces,
//! and compares what they print with each other and with the files: every root, the bytes recorded anew, the snapshots.
//! Then each verifier runs with bugs of width and of byte order, which must show exactly where they bite; and the core's
//! own tests run through the same emulators. A row that cannot run is named with its reason and fails the run, unless
//! `--allow-missing` says otherwise.

mod compare;
mod core_tests;
pub(crate) mod debian;
mod kit;
mod packages;
pub(crate) mod rows;
mod rustup;
mod verifier;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::shell;
use compare::{Entry, RowResult};
use rows::{Machine, Row, Target};
use verifier::Programs;

/// Deliberate bugs of the verifier.
const BUGS: [&str; 3] = ["width", "endian", "everywhere"];

/// Where the standard libraries of foreign targets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Std {
    /// Debian's compiler and sources, through apt-get; built here
    Debian,
    /// `rustup target add`, which downloads
    Rustup,
}

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where the standard libraries of foreign targets come from
    #[arg(long, value_enum, default_value = "debian")]
    std: Std,
    /// Only rows whose name contains one of these words: native, i686, aarch64, armv7, riscv64, s390x, powerpc64, wasm32
    #[arg(long, value_delimiter = ',', value_name = "WORDS")]
    only: Vec<String>,
    /// Foreign targets that also run the core's tests: words as for --only, `all` or `none`; wasm32 runs none
    #[arg(long, value_delimiter = ',', value_name = "WORDS", default_value = "all")]
    tests: Vec<String>,
    /// Never call apt-get: what is not installed is left out
    #[arg(long)]
    no_install: bool,
    /// A row that had to be left out is no failure
    #[arg(long)]
    allow_missing: bool,
    /// The traces; all of golden-traces/ if none is named
    traces: Vec<PathBuf>,
}

/// Runs the matrix.
///
/// # Errors
/// When a row differs, fails or had to be left out, a deliberate bug goes unnoticed, or a test fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    let start = Instant::now();
    let rows = rows::chosen(&options.only);
    if rows.is_empty() {
        bail!("no row is called so; there are: {}", names(&rows::chosen(&[])));
    }
    let traces = traces(&options.traces)?;
    let targets: Vec<&'static Target> = rows.iter().filter_map(|row| row.target).collect();
    let folder = shell::scratch("matrix")?;
    let kit = match options.std {
        Std::Debian => debian::prepare(&targets, &folder, !options.no_install)?,
        Std::Rustup => rustup::prepare(&targets, &folder, !options.no_install)?,
    };
    say(&start, "building the verifiers");
    let programs = Programs::build(&rows, &kit)?;
    say(&start, "running them");
    let mut entries = programs.run_all(&rows, &traces);
    compare::judge(&mut entries, &traces)?;
    say(&start, "running them with bugs planted");
    programs.plant(&mut entries, &traces);
    let tested = tested(&rows, &options.tests);
    if !tested.is_empty() {
        say(&start, &format!("the core's tests on {}", names(&tested)));
    }
    let tests = core_tests::run(&tested, &kit);
    compare::print(&entries, &tests);
    say(&start, "done");
    verdict(&entries, &tests, options.allow_missing)
}

fn say(start: &Instant, what: &str) {
    println!("[{:>6.1} s] {what}", start.elapsed().as_secs_f32());
}

fn names(rows: &[Row]) -> String {
    rows.iter().map(|row| row.name).collect::<Vec<_>>().join(", ")
}

/// Absolute, because WASI knows no working directory.
fn traces(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut traces = Vec::new();
    for path in named {
        traces.push(path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?);
    }
    if traces.is_empty() {
        for entry in std::fs::read_dir(shell::root().join("golden-traces")).context("cannot list golden-traces/")? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "trace") {
                traces.push(path);
            }
        }
    }
    if traces.is_empty() {
        bail!("golden-traces/ holds no trace: the matrix would compare nothing");
    }
    traces.sort();
    Ok(traces)
}

/// The rows that `words` choose of those that can run tests: foreign ones with processes, which property tests start.
fn tested(rows: &[Row], words: &[String]) -> Vec<Row> {
    let is_able = |row: &&Row| row.target.is_some_and(|target| target.machine != Machine::Wasi);
    let is_chosen = |row: &&Row| words.iter().any(|word| word == "all" || row.name.contains(word.as_str()));
    rows.iter().filter(is_able).filter(is_chosen).copied().collect()
}

fn verdict(entries: &[Entry], tests: &[Entry], allow_missing: bool) -> Result<()> {
    let all = || entries.iter().chain(tests);
    let wrong = all().filter(|entry| matches!(entry.result, RowResult::Wrong(_))).count();
    let missing = all().filter(|entry| matches!(entry.result, RowResult::LeftOut(_))).count();
    let same = entries.iter().filter(|entry| matches!(entry.result, RowResult::Same)).count();
    println!("rows: {same} of {} agree, {missing} left out", entries.len());
    if wrong > 0 {
        bail!("{wrong} of the matrix' lines are wrong");
    }
    if missing > 0 && !allow_missing {
        bail!("{missing} of the matrix' lines could not run; --allow-missing is for machines where that must be");
    }
    if same == 0 {
        bail!("nothing ran, so nothing was compared");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(result: RowResult) -> Entry {
        Entry { result, ..Entry::of(rows::chosen(&[])[0]) }
    }

    #[test]
    fn the_verdict_counts_what_is_wrong_and_what_is_missing() {
        let same = || entry(RowResult::Same);
        assert!(verdict(&[same()], &[same()], false).is_ok());
        assert!(verdict(&[same(), entry(RowResult::Wrong("roots".into()))], &[], true).is_err());
        assert!(verdict(&[same()], &[entry(RowResult::Wrong("a test".into()))], true).is_err());
        let missing = || entry(RowResult::LeftOut("no compiler".into()));
        assert!(verdict(&[same(), missing()], &[], false).is_err());
        assert!(verdict(&[same(), missing()], &[], true).is_ok());
        assert!(verdict(&[missing()], &[], true).is_err());
    }

    #[test]
    fn tests_run_on_foreign_rows_with_processes_alone() {
        let rows = rows::chosen(&[]);
        assert_eq!(tested(&rows, &["all".into()]).len(), rows::TARGETS.len() - 1);
        assert_eq!(names(&tested(&rows, &["390".into(), "wasm".into(), "native".into()])), "s390x");
        assert!(tested(&rows, &["none".into()]).is_empty());
    }
}
