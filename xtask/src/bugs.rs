//! `cargo xtask bugs`: the tests are tested. The patches of `bugs/` are applied to a copy of the tree, and with each bug on, what
//! has to catch it is run.
//!
//! One build holds all bugs, since a build for each would take an hour; which of them is on, an environment variable says.
//!
//! Invariant: a check counts only if it passes without a bug and fails with it. Nothing of the copy reaches another build.

mod catalogue;
mod patch;
mod patched;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{bans, shell, tree_copy::TreeCopy};
use catalogue::{Catalogue, Run, name_of_patch, patch_path};

/// Seeds of the swarm that `.ci/run` makes as a test; `swarm/tests/seeds_find_nothing.rs`.
const SEEDS_OF_CI: u64 = 200;
/// Seeds whose last roots two processes compare; `tools/tests/swarm.rs`.
const SEEDS_OF_DIGEST: u64 = 100;
/// Most processes that are compared until two differ: where a draw of each decides, two of them may agree by chance.
const PROCESSES_MAX: usize = 5;
/// How long one hunt may last.
const SECONDS_MAX: u64 = 600;
/// The environment variable that switches a bug on by its name; `bugs/switch/src/lib.rs`.
const BUG: &str = "TICKWORLD_BUG";

/// What is to be done.
#[derive(clap::Args)]
pub(crate) struct Bugs {
    /// This bug alone
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Shrink what fails too, and write docs/SEEDED-BUGS.md
    #[arg(long, conflicts_with = "only")]
    write: bool,
}

/// What became of a bug that was on.
struct Caught {
    /// By its own test, in so many seconds.
    by_test: Option<f32>,
    /// By the swarm, with what it took.
    by_swarm: Option<Hunted>,
    /// By comparing two processes, in so many seconds.
    by_digest: Option<f32>,
}

/// What the swarm made of a bug.
struct Hunted {
    seed: u64,
    seconds: f32,
    way: String,
    /// Unless it was not asked for.
    shrunk: Option<Shrunk>,
}

/// Inputs of a failing run, before and after it was shrunk, and how long that took.
struct Shrunk {
    before: u64,
    after: u64,
    seconds: f32,
}

impl Caught {
    const fn at_all(&self) -> bool {
        self.by_test.is_some() || self.by_digest.is_some() || self.by_swarm.is_some()
    }
}

/// What is wrong with catalogue and patches over the tree's files, by path; nothing is compiled.
pub(crate) fn stale<'t>(
    paths: impl Iterator<Item = &'t str>,
    text_of: impl Fn(&str) -> Option<&'t str> + Copy,
) -> Vec<(String, String)> {
    let catalogue = text_of(catalogue::PATH).context("is missing").and_then(Catalogue::parse);
    let catalogue = match catalogue {
        Ok(catalogue) => catalogue,
        Err(error) => return vec![(catalogue::PATH.to_owned(), format!("{error:#}"))],
    };
    let applied = catalogue.patches(text_of).and_then(|patches| patch::apply(&patches, text_of));
    let failures = applied.err().unwrap_or_default();
    let mut found: Vec<_> = failures.into_iter().map(|it| (patch_path(&it.name), it.message)).collect();
    for path in paths {
        if name_of_patch(path).is_some_and(|name| catalogue.run.iter().all(|bug| bug.name != name)) {
            found.push((path.to_owned(), format!("no bug of {} has this name", catalogue::PATH)));
        }
    }
    found
}

/// Switches the bugs on, one after the other, and looks what catches each.
///
/// # Errors
/// When a patch does not apply, the build fails, a check fails without a bug, or a bug is missed.
pub(crate) fn run(arguments: &Bugs) -> Result<()> {
    let catalogue = Catalogue::read()?;
    let copy = TreeCopy::make("seeded-bugs", &patched::texts(&catalogue)?)?;
    let chosen: Vec<&Run> =
        catalogue.run.iter().filter(|bug| arguments.only.as_ref().is_none_or(|only| *only == bug.name)).collect();
    if chosen.is_empty() {
        bail!("there is no bug of that name in {}", catalogue::PATH);
    }
    let refused = catalogue.refused(&bans::flagged_by_probe()?)?;
    println!("{refused} bugs do not compile or are refused by clippy");
    let build = Build::make(&copy, &chosen)?;
    build.passes_without_a_bug(&chosen)?;
    let mut rows = Vec::new();
    for bug in chosen {
        let caught = build.try_bug(bug, arguments.write)?;
        println!("{:<24} {}", bug.name, table::words(&caught));
        rows.push((bug, caught));
    }
    let missed: Vec<&str> = rows.iter().filter(|(_, it)| !it.at_all()).map(|(bug, _)| bug.name.as_str()).collect();
    println!("{} bugs run, {} caught, {} missed", rows.len(), rows.len() - missed.len(), missed.len());
    if arguments.write {
        table::write(&catalogue, &rows)?;
    }
    if missed.is_empty() { Ok(()) } else { bail!("nothing caught: {}", missed.join(", ")) }
}

/// The programs of the patched build.
struct Build {
    hunt: PathBuf,
    /// By package and name.
    tests: BTreeMap<(String, String), Test>,
}

/// A test that has to catch a bug.
struct Test {
    /// As the catalogue names it.
    name: String,
    program: PathBuf,
    /// The module whose tests are run; empty for all of the program.
    module: String,
}

impl Test {
    fn with_bug(&self, bug: &str) -> Command {
        let mut command = with_bug(&self.program, bug);
        if !self.module.is_empty() {
            command.arg(format!("{}::", self.module));
        }
        command
    }

    /// A module without tests would catch nothing, and pass without a bug.
    fn runs_something(&self) -> Result<bool> {
        Ok(shell::read(self.with_bug("").arg("--list"))?.lines().any(|line| line.ends_with(": test")))
    }
}

impl Build {
    fn make(copy: &TreeCopy, bugs: &[&Run]) -> Result<Self> {
        let cargo = |words: &[&str]| {
            let mut cargo = copy.cargo();
            cargo.args(words).args(["--release", "--message-format=json-render-diagnostics", "--quiet"]);
            cargo
        };
        let mut hunt = cargo(&["build", "--package", "tickworld-swarm", "--example", "hunt"]);
        let built = programs(&shell::read(&mut hunt)?)?;
        let hunt = built.into_values().next().context("cargo built no hunt")?;
        let mut tests = BTreeMap::new();
        let wanted: BTreeSet<(&str, &str)> = bugs.iter().filter_map(|bug| bug.test()).collect();
        for (package, test) in wanted {
            let (name, module) = test.split_once("::").unwrap_or((test, ""));
            let text = shell::read(&mut cargo(&["test", "--no-run", "--package", package, "--test", name]))?;
            let program = programs(&text)?.remove(name);
            let program = program.with_context(|| format!("cargo built no test {name} of {package}"))?;
            let test = Test { name: test.to_owned(), program, module: module.to_owned() };
            ensure!(test.runs_something()?, "the test program {name} of {package} has no test in `{module}`");
            tests.insert((package.to_owned(), test.name.clone()), test);
        }
        Ok(Self { hunt, tests })
    }

    /// A check that fails anyway would catch everything.
    fn passes_without_a_bug(&self, bugs: &[&Run]) -> Result<()> {
        for test in self.tests.values() {
            if !shell::succeeds(&mut test.with_bug("")) {
                bail!("the test {} fails in the patched build though no bug is on", test.name);
            }
        }
        if bugs.iter().any(|bug| bug.digest) && !self.processes_agree("", 2)? {
            bail!("two processes disagree though no bug is on");
        }
        let report = self.hunt("", SEEDS_OF_CI, false)?;
        if !report["seed"].is_null() {
            bail!("the swarm finds something though no bug is on: {report}");
        }
        Ok(())
    }

    fn try_bug(&self, bug: &Run, shrink: bool) -> Result<Caught> {
        let mut caught = Caught { by_test: None, by_swarm: None, by_digest: None };
        if let Some((package, test)) = bug.test() {
            let begun = Instant::now();
            let test = &self.tests[&(package.to_owned(), test.to_owned())];
            if !shell::succeeds(&mut test.with_bug(&bug.name)) {
                caught.by_test = Some(begun.elapsed().as_secs_f32());
            }
        }
        if bug.digest {
            let begun = Instant::now();
            if !self.processes_agree(&bug.name, PROCESSES_MAX)? {
                caught.by_digest = Some(begun.elapsed().as_secs_f32());
            }
        } else if bug.swarm {
            let report = self.hunt(&bug.name, SEEDS_OF_CI, shrink)?;
            caught.by_swarm = report["seed"].as_u64().map(|seed| Hunted::of(seed, &report));
        }
        Ok(caught)
    }

    /// Whether every process computes the same last roots of some seeds.
    fn processes_agree(&self, bug: &str, processes: usize) -> Result<bool> {
        let first = self.digest(bug)?;
        for _ in 1..processes {
            if self.digest(bug)? != first {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The digest of the last roots of some seeds, as one process computes it.
    fn digest(&self, bug: &str) -> Result<String> {
        let report = self.hunt(bug, SEEDS_OF_DIGEST, false)?;
        let is_whole = report["seeds"].as_u64() == Some(SEEDS_OF_DIGEST);
        // Two processes that give none must not pass for two that agree.
        let digest = report["digest"].as_str().filter(|_| is_whole).map(str::to_owned);
        digest.with_context(|| format!("the hunt for `{bug}` gave no digest of {SEEDS_OF_DIGEST} seeds: {report}"))
    }

    fn hunt(&self, bug: &str, seeds: u64, shrink: bool) -> Result<Value> {
        let mut hunt = with_bug(&self.hunt, bug);
        hunt.args([SECONDS_MAX.to_string(), seeds.to_string()]);
        if !shrink {
            hunt.arg("bare");
        }
        let text = shell::read(&mut hunt)?;
        serde_json::from_str(&text).with_context(|| format!("the hunt for `{bug}` said no JSON: {text}"))
    }
}

impl Hunted {
    fn of(seed: u64, report: &Value) -> Self {
        let seconds = |value: &Value| format!("{value}").parse().unwrap_or(0.0);
        let inputs = |value: &Value| value["inputs"].as_u64();
        let shrunk = inputs(&report["before"]).zip(inputs(&report["after"]));
        Self {
            seed,
            seconds: seconds(&report["seconds"]),
            way: report["way"].as_str().unwrap_or_default().to_owned(),
            shrunk: shrunk.map(|(before, after)| Shrunk { before, after, seconds: seconds(&report["shrink_seconds"]) }),
        }
    }
}

/// The program with this bug on, or with none.
fn with_bug(program: &Path, bug: &str) -> Command {
    let mut command = shell::command(program);
    command.env(BUG, bug).stdin(Stdio::null());
    command
}

/// The programs in cargo's messages, by the name of their target.
fn programs(messages: &str) -> Result<BTreeMap<String, PathBuf>> {
    let mut programs = BTreeMap::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).context("cargo's message is not JSON")?;
        if let (Some(program), Some(name)) = (message["executable"].as_str(), message["target"]["name"].as_str()) {
            programs.insert(name.to_owned(), PathBuf::from(program));
        }
    }
    Ok(programs)
}
