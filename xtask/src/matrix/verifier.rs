//! The verifier of every row: built, run, and run with bugs planted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Result;

use super::BUGS;
use super::compare::{Entry, RowResult};
use super::kit::{Kit, runner};
use super::rows::{Machine, Row};
use crate::shell;

const PACKAGE: &str = "tickworld-verifier";

/// The verifiers by row, or why there is none.
pub(crate) struct Programs(BTreeMap<&'static str, Result<PathBuf, RowResult>>);

impl Programs {
    /// Builds them.
    ///
    /// # Errors
    /// When cargo cannot be started. A verifier that does not build is one row's fault.
    pub(crate) fn build(rows: &[Row], kit: &Kit) -> Result<Self> {
        let mut foreign = kit.cargo();
        foreign.args(["build", "--quiet", "--release", "--keep-going", "--package", PACKAGE]);
        let present = rows.iter().filter_map(|row| row.target).filter(|target| !kit.missing.contains_key(target.name));
        let triples: Vec<&str> = present.flat_map(|target| ["--target", target.triple]).collect();
        if !triples.is_empty() {
            // All at once, so that jobs never run out; what fails is met again below, alone.
            shell::succeeds(foreign.args(&triples));
        }
        Ok(Self(rows.iter().map(|row| (row.name, program(row, kit))).collect()))
    }

    /// Runs all on `traces`, as many at a time as there are processors.
    pub(crate) fn run_all(&self, rows: &[Row], traces: &[PathBuf]) -> Vec<Entry> {
        let entries = Mutex::new(rows.iter().map(|row| Entry::of(*row)).collect::<Vec<_>>());
        self.each(rows, |at, row, program| {
            let entry = match program {
                Ok(program) => ran(row, program, traces),
                Err(result) => Entry { result: result.clone(), ..Entry::of(row) },
            };
            entries.lock().expect("no thread panicked")[at] = entry;
        });
        entries.into_inner().expect("no thread panicked")
    }

    /// Runs those that agree with every bug, on one trace; one that goes unnoticed, or shows where it should not, is wrong.
    pub(crate) fn plant(&self, entries: &mut [Entry], traces: &[PathBuf]) {
        // The smallest shows them as well as any.
        let size = |trace: &Path| trace.metadata().map_or(u64::MAX, |it| it.len());
        let Some((place, trace)) = traces.iter().enumerate().min_by_key(|(_, trace)| size(trace)) else { return };
        let rows: Vec<Row> = entries.iter().map(|entry| entry.row).collect();
        let sound: Vec<Option<String>> = entries
            .iter()
            .map(|entry| entry.lines.get(place).filter(|_| entry.result == RowResult::Same).cloned())
            .collect();
        let found = Mutex::new(Vec::new());
        self.each(&rows, |at, row, program| {
            let (Ok(program), Some(sound)) = (program, &sound[at]) else { return };
            for bug in BUGS {
                let printed = command(&row, program).args(["--seeded-bug", bug]).arg(trace).output();
                let line = printed.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
                let is_noticed = line.as_ref().is_ok_and(|line| !line.is_empty() && line != sound);
                if line.as_ref().map_or(true, String::is_empty) || is_noticed != row.is_bitten_by(bug) {
                    let how = if is_noticed { "shows where it does no harm" } else { "goes unnoticed" };
                    found.lock().expect("no thread panicked").push((at, format!("the planted bug `{bug}` {how}")));
                }
            }
        });
        for (at, what) in found.into_inner().expect("no thread panicked") {
            entries[at].result = RowResult::Wrong(what);
        }
    }

    fn each(&self, rows: &[Row], work: impl Fn(usize, Row, &Result<PathBuf, RowResult>) + Sync) {
        let next = Mutex::new(rows.iter().copied().enumerate());
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let taken = next.lock().expect("no thread panicked").next();
                        let Some((at, row)) = taken else { return };
                        work(at, row, &self.0[row.name]);
                    }
                });
            }
        });
    }
}

/// Builds one; for a foreign target only what the call for all of them did not.
fn program(row: &Row, kit: &Kit) -> Result<PathBuf, RowResult> {
    if let Some(reason) = row.target.and_then(|target| kit.missing.get(target.name)) {
        return Err(RowResult::LeftOut(reason.clone()));
    }
    let mut cargo = if row.target.is_some() { kit.cargo() } else { shell::cargo() };
    cargo.args(["build", "--quiet", "--package", PACKAGE, "--profile", row.profile]);
    let profile = if row.profile == "dev" { "debug" } else { row.profile };
    let (mut path, mut suffix) = (shell::target(), std::env::consts::EXE_SUFFIX);
    if let Some(target) = row.target {
        cargo.args(["--target", target.triple]);
        path = kit.target_dir.join(target.triple);
        suffix = if target.machine == Machine::Wasi { ".wasm" } else { "" };
    }
    shell::run(&mut cargo).map_err(|error| RowResult::Wrong(format!("does not build: {error}")))?;
    Ok(path.join(profile).join(format!("{PACKAGE}{suffix}")))
}

/// The program as this row runs it.
fn command(row: &Row, program: &Path) -> Command {
    let mut words = row.target.map(runner).unwrap_or_default();
    words.push(program.into());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(shell::root());
    command
}

fn ran(row: Row, program: &Path, traces: &[PathBuf]) -> Entry {
    let start = Instant::now();
    let output = command(&row, program).args(traces).output();
    let seconds = start.elapsed().as_secs_f32();
    let result = match &output {
        Err(error) => RowResult::Wrong(format!("does not start: {error}")),
        // 1: a tick differs, which its line tells.
        Ok(output) if matches!(output.status.code(), Some(0 | 1)) => RowResult::Same,
        Ok(output) => {
            let printed = String::from_utf8_lossy(&output.stderr);
            RowResult::Wrong(format!("{}: {}", output.status, printed.lines().last().unwrap_or("no word")))
        }
    };
    let printed = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    Entry { result, seconds, lines: printed.lines().map(str::to_owned).collect(), ..Entry::of(row) }
}
