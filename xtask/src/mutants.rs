//! `cargo xtask mutants`: small changes that nobody thought of, made by cargo-mutants, and the package's tests run on each.
//!
//! The seeded bugs show that known mistakes are caught; this shows which lines no test looks at. What is left out of it, and
//! why, says `.cargo/mutants.toml`; what survived and was judged stands in docs/TESTING.md.
//!
//! Invariant: it works in a copy of the tree, with a target folder that later runs build on.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};

use crate::{shell, tree_copy::TreeCopy};

/// Its exit codes that are answers: all caught, some missed, some ran into the time-out.
const ANSWERS: [i32; 3] = [0, 2, 3];
/// The profile that `.cargo/mutants.toml` names.
const PROFILE: &str = "mutants";

/// What to mutate, and how long each mutant may take.
#[derive(clap::Args)]
pub(crate) struct Mutants {
    /// Mutate this package, and run its tests
    #[arg(long, value_name = "NAME", default_value = "tickworld-sim")]
    package: String,
    /// Only sources that match, from the root: sim/src/session/players.rs, 'sim/src/column/**'
    #[arg(long, value_name = "GLOB")]
    file: Vec<String>,
    /// Only part K of N parts, counted from 0; every part holds mutants of all sources
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// Only lines that differ from this commit
    #[arg(long, value_name = "REVISION")]
    in_diff: Option<String>,
    /// Run the unit tests and this file of tests/ alone, which is cheap; what survives is then run with `--again`
    #[arg(long, value_name = "NAME", conflicts_with = "tests_of")]
    test: Vec<String>,
    /// Only what the runs before, of the same sources, did not catch
    #[arg(long)]
    again: bool,
    /// Seconds after which the tests of a mutant count as caught: most likely it never ends
    #[arg(long, value_name = "S", default_value_t = 120)]
    timeout: u64,
    /// Seconds after which building a mutant is given up
    #[arg(long, value_name = "S", default_value_t = 600)]
    build_timeout: u64,
    /// Run the tests of this package too
    #[arg(long, value_name = "NAME")]
    tests_of: Vec<String>,
    /// Name the mutants and test none
    #[arg(long)]
    list: bool,
}

/// Runs cargo-mutants in the copy and tells what survived.
///
/// # Errors
/// When cargo-mutants is not installed or cannot do its work, or a mutant survived.
pub(crate) fn run(mutants: &Mutants) -> Result<()> {
    if !shell::succeeds(shell::cargo().args(["mutants", "--version"])) {
        bail!("cargo-mutants is not installed: cargo install cargo-mutants --locked");
    }
    let copy = TreeCopy::make("mutants", &BTreeMap::new())?;
    // A run that was ended in the midst of a build leaves halves behind, and builds on top of them fail, which would count as
    // mutants that do not compile.
    shell::run(copy.cargo().args(["clean", "--quiet", "--workspace", "--profile", PROFILE]))?;
    let mut command = copy.cargo();
    command.args(mutants.words(&copy.folder)).stdin(Stdio::null());
    if let Some(revision) = &mutants.in_diff {
        command.arg("--in-diff").arg(write_diff(revision, &copy.folder)?);
    }
    if mutants.list {
        return shell::run(&mut command);
    }
    let status = command.status().context("cannot start cargo-mutants")?;
    if !status.code().is_some_and(|code| ANSWERS.contains(&code)) {
        bail!("cargo-mutants ended with {status}; its logs are in {}", copy.folder.join("mutants.out/log").display());
    }
    Tally::read(&copy.folder.join("mutants.out"))?.judge()
}

impl Mutants {
    /// The arguments for cargo; results go to a folder in `folder`.
    fn words(&self, folder: &Path) -> Vec<String> {
        let mut words = vec!["mutants".to_owned(), "--in-place".to_owned()];
        words.extend(["--package".to_owned(), self.package.clone()]);
        words.extend(["--output".to_owned(), folder.display().to_string()]);
        words.extend(["--timeout".to_owned(), self.timeout.to_string()]);
        words.extend(["--build-timeout".to_owned(), self.build_timeout.to_string()]);
        for glob in &self.file {
            words.extend(["--file".to_owned(), glob.clone()]);
        }
        if let Some(shard) = &self.shard {
            // In turns, so that one part by itself is a sample of everything.
            words.extend(["--sharding", "round-robin", "--shard"].map(str::to_owned));
            words.push(shard.clone());
        }
        if !self.tests_of.is_empty() {
            let packages = [&self.tests_of[..], std::slice::from_ref(&self.package)].concat();
            words.extend(["--test-package".to_owned(), packages.join(",")]);
        }
        // Examples in documentation are linked one by one, and look at nothing else.
        let kinds = if self.test.is_empty() { vec!["--tests".to_owned()] } else { self.named_tests() };
        words.extend(kinds.into_iter().map(|kind| format!("--cargo-arg={kind}")));
        words.extend(self.again.then(|| "--iterate".to_owned()));
        words.extend(self.list.then(|| "--list".to_owned()));
        words
    }

    fn named_tests(&self) -> Vec<String> {
        let files = self.test.iter().map(|name| format!("--test={name}"));
        std::iter::once("--lib".to_owned()).chain(files).collect()
    }
}

/// What differs from `revision`, uncommitted changes too, as a file that cargo-mutants reads.
fn write_diff(revision: &str, folder: &Path) -> Result<PathBuf> {
    let mut git = shell::command("git");
    git.args(["diff", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/", revision, "--", "*.rs"]);
    let diff = shell::read(&mut git)?;
    if diff.is_empty() {
        bail!("no Rust source differs from {revision}");
    }
    let path = folder.join("in.diff");
    std::fs::write(&path, diff).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// What became of the mutants of a run.
struct Tally {
    caught: usize,
    /// Those that runs before caught, or that did not compile then.
    settled: usize,
    /// Those that made the tests run into the time-out.
    timed_out: Vec<String>,
    /// Those that do not compile.
    unviable: usize,
    missed: Vec<String>,
}

impl Tally {
    /// Reads the lists that cargo-mutants wrote.
    fn read(folder: &Path) -> Result<Self> {
        let lines = |name: &str| -> Result<Vec<String>> {
            let path = folder.join(name);
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        Ok(Self {
            caught: lines("caught.txt")?.len(),
            // Written with `--iterate` alone.
            settled: lines("previously_caught.txt").map_or(0, |settled| settled.len()),
            timed_out: lines("timeout.txt")?,
            unviable: lines("unviable.txt")?.len(),
            missed: lines("missed.txt")?,
        })
    }

    /// Tells the numbers.
    ///
    /// # Errors
    /// Names what was missed.
    fn judge(&self) -> Result<()> {
        let Self { caught, settled, timed_out, unviable, missed } = self;
        println!(
            "{} caught, {} of them by the time-out, {} missed, {unviable} do not compile, {settled} from the runs before",
            caught + timed_out.len(),
            timed_out.len(),
            missed.len()
        );
        if missed.is_empty() {
            return Ok(());
        }
        bail!(
            "no test notices these; write one, or say in .cargo/mutants.toml why there is nothing to notice:\n  {}",
            missed.join("\n  ")
        )
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        mutants: Mutants,
    }

    fn words(line: &str) -> String {
        let line = Line::parse_from(["mutants"].into_iter().chain(line.split_whitespace()));
        line.mutants.words(Path::new("out")).join(" ")
    }

    #[test]
    fn what_was_asked_for_reaches_cargo_mutants() {
        let usual = "mutants --in-place --package tickworld-sim --output out --timeout 120 --build-timeout 600";
        assert_eq!(words(""), format!("{usual} --cargo-arg=--tests"));
        let parts = " --file sim/src/session/players.rs --file sim/src/column/** --sharding round-robin --shard 1/8";
        let line = "--file sim/src/session/players.rs --file sim/src/column/** --shard 1/8";
        assert_eq!(words(line), format!("{usual}{parts} --cargo-arg=--tests"));
        assert_eq!(words("--test rng"), format!("{usual} --cargo-arg=--lib --cargo-arg=--test=rng"));
        assert!(words("--package tickworld-pool --tests-of tickworld-swarm --again").ends_with(
            "--package tickworld-pool --output out --timeout 120 --build-timeout 600 \
             --test-package tickworld-swarm,tickworld-pool --cargo-arg=--tests --iterate"
        ));
    }

    #[test]
    fn a_survivor_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        for name in ["caught.txt", "timeout.txt", "unviable.txt", "missed.txt"] {
            assert!(Tally::read(folder.path()).is_err(), "{name} is not there yet");
            write(name, "");
        }
        write("caught.txt", "a.rs: replace f with ()\n");
        write("timeout.txt", "a.rs: replace g with ()\n");
        assert!(Tally::read(folder.path()).unwrap().judge().is_ok());
        write("missed.txt", "a.rs: replace < with <= in h\n");
        let error = Tally::read(folder.path()).unwrap().judge().unwrap_err().to_string();
        assert!(error.ends_with("\n  a.rs: replace < with <= in h"), "{error}");
    }
}
