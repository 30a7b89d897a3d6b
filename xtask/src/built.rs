//! The check `built`: the commands that the documents name run, in the binaries as users build them.
//!
//! Invariant: each binary is built with the command of its README, its package alone. A build of the whole workspace gives
//! dependencies the features that any member asks for, tests' dependencies included; what only works thanks to those must
//! fail here. Every command of `tickworld --help` is run at least once: one that is missing in the list fails the check.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::shell;

/// A command, and the exit code that it must end with.
struct Step(&'static str, i32);

/// What the documents tell people to type, on small inputs; in this order, for later ones read what earlier ones wrote.
const STEPS: &[Step] = &[
    Step("--version", 0),
    Step("run duel", 0),
    Step("run skirmish --ticks 60 --record skirmish.trace --json", 0),
    Step("demo", 0),
    Step("trace record duel -o a.trace --ticks 40", 0),
    Step("trace record duel -o b.trace --ticks 40 --seed 5", 0),
    Step("trace verify a.trace skirmish.trace --workers 1,2", 0),
    Step("trace info a.trace", 0),
    Step("trace state a.trace --tick 40 --column health", 0),
    Step("trace diff a.trace a.trace", 0),
    Step("trace diff a.trace b.trace", 1),
    Step("trace export a.trace", 0),
    Step("watch a.trace --at 20 --once", 0),
    Step("watch a.trace --at 5 --to 35 --svg a.svg", 0),
    Step("content export -o sources", 0),
    Step("content check sources", 0),
    Step("content build sources -o own.pack", 0),
    Step("content info own.pack", 0),
    Step("content info shipped --list creatures", 0),
    Step("drill --kind flip --seed 3", 0),
    Step("drill --count 20 --json", 0),
    Step("swarm --seeds 0..4 --threads 2", 0),
    Step("completions bash", 0),
    Step("play skirmish --bots 8 --seconds 2 --data world", 0),
    Step("play duel --bots 2 --seconds 1 --apart", 0),
    Step("play --regions 9 --bots 18 --seconds 3 --data regions", 0),
    Step("journal verify regions/region-9", 0),
    Step("load --sessions 2 --in-flight 3 --accounts 60 --seconds 1 --zipf 1.5", 0),
    Step("journal info world", 0),
    Step("journal verify world", 0),
    Step("journal export world", 0),
    Step("journal replay world", 0),
    Step("journal marks world", 0),
    Step("journal skip world", 2),
    Step("watch --data world --json", 0),
    Step("trace from-journal world -o world.trace", 0),
    Step("measure ledger --sessions 4 --seconds 1 --batch 8 --accounts 60", 0),
    Step("measure traffic --players 2 --seconds 5", 0),
];

/// Commands that take a server or minutes: their own tests and `cargo xtask measure` run them.
const ELSEWHERE: &[&str] = &["bots", "measure join", "measure replay", "measure idle", "measure archive"];

/// What the server logs once it takes players.
const READY: &str = "players may come";

/// What every import must come through without: whatever a file says, it is an answer or a message.
const PANIC: &str = "panicked at";

/// Builds what users build, and runs it.
///
/// # Errors
/// When a build or a command fails, a command panics, or none of the list runs a command that there is.
pub(crate) fn check() -> Result<()> {
    overflow()?;
    shell::run(shell::cargo().args(["build", "--release"]))?;
    let bench = Bench::new("tickworld")?;
    bench.covers_every_command()?;
    for Step(line, code) in STEPS {
        let words: Vec<&str> = line.split(' ').collect();
        bench.run(&words, &[*code])?;
    }
    imports(&bench)?;
    shell::run(shell::cargo().args(["build", "--release", "--package", "tickworld-server"]))?;
    let server = Bench::new("tickworld-server")?;
    server.run(&["--help"], &[0])?;
    server.run(&["--print-config"], &[0])?;
    server.serves()?;
    server.run(&["token", "--player", "7", "--data", "world"], &[0])
}

/// Whether a program learns how it was built: a crate with one line, outside the tree, built with overflow checks and without. The
/// engine under it is built once: what is asked is how the crate itself was.
fn overflow() -> Result<()> {
    let folder = shell::scratch("built")?.join("overflow");
    let manifest = format!(
        "[package]\nname = \"outsider\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         tickworld-sim = {{ path = {:?} }}\n",
        shell::root().join("sim")
    );
    let main =
        "//! Says how it was built.\nfn main() {\n    print!(\"{:?}\", tickworld_sim::overflow_is_checked!());\n}\n";
    shell::write(&folder, "Cargo.toml", &manifest)?;
    shell::write(&folder, "src/main.rs", main)?;
    // The versions that the tree is tested with, and nothing fetched.
    std::fs::copy(shell::root().join("Cargo.lock"), folder.join("Cargo.lock")).context("cannot copy Cargo.lock")?;
    for is_checked in [true, false] {
        let mut run = shell::cargo();
        let profile = format!("profile.dev.package.outsider.overflow-checks={is_checked}");
        run.args(["run", "--offline", "--quiet", "--config", &profile, "--manifest-path"]);
        run.arg(folder.join("Cargo.toml")).env("CARGO_TARGET_DIR", shell::scratch("built")?.join("overflow-target"));
        let said = shell::read(&mut run)?;
        ensure!(
            said.trim() == format!("Some({is_checked})"),
            "built with overflow-checks = {is_checked}, it says {said}"
        );
    }
    Ok(())
}

/// Imports every folder of entries that the importer's tests keep, good and bad ones.
fn imports(bench: &Bench) -> Result<()> {
    let folder = shell::root().join("content/compiler/tests/imports");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let output = format!("import-{count}");
        let words = ["content", "import-5e", &path.to_string_lossy(), "-o", &output];
        bench.run(&words, &[0, 2])?;
        count += 1;
    }
    ensure!(count > 5, "{} holds {count} inputs: this would prove nothing", folder.display());
    let plain = folder.join("plain");
    bench.run(&["content", "import-5e", &plain.to_string_lossy(), "-o", "plain"], &[0])
}

/// A binary, and a folder of its own to run in.
struct Bench {
    binary: PathBuf,
    folder: PathBuf,
}

/// The output of a run, and how it ended.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Bench {
    fn new(name: &str) -> Result<Self> {
        let folder = shell::scratch("built")?.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let binary = shell::target().join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        Ok(Self { binary, folder })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).current_dir(&self.folder).stdin(Stdio::null());
        // What a command leaves there is gone with the next run of this check.
        command.env("TMPDIR", &self.folder);
        command
    }

    fn output(&self, words: &[&str]) -> Result<Ran> {
        let output = self.command(words).output();
        let output = output.with_context(|| format!("cannot start {}", self.binary.display()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
    }

    /// Runs what must end with one of these codes, and without a panic.
    fn run(&self, words: &[&str], codes: &[i32]) -> Result<()> {
        let Ran { code, out, err } = self.output(words)?;
        let is_expected = code.is_some_and(|code| codes.contains(&code)) && !err.contains(PANIC);
        let name = self.binary.file_stem().unwrap_or_default().to_string_lossy();
        ensure!(is_expected, "`{name} {}` ended with {code:?}, not {codes:?}:\n{out}{err}", words.join(" "));
        Ok(())
    }

    /// Whether the list runs every command that help names, those of groups included.
    fn covers_every_command(&self) -> Result<()> {
        for command in self.commands(&[])? {
            let group = self.commands(&[&command])?;
            let leaves = group.iter().map(|leaf| format!("{command} {leaf}"));
            let names: Vec<String> = if group.is_empty() { vec![command] } else { leaves.collect() };
            for name in names {
                let is_run = STEPS.iter().any(|Step(line, _)| format!("{line} ").starts_with(&format!("{name} ")));
                let elsewhere = ELSEWHERE.contains(&name.as_str()) || name == "content import-5e";
                ensure!(is_run || elsewhere, "`tickworld {name}` is run nowhere: add it to xtask/src/built.rs");
            }
        }
        Ok(())
    }

    /// The commands that the help of a group names.
    fn commands(&self, group: &[&str]) -> Result<BTreeSet<String>> {
        let Ran { code, out, err } = self.output(&[group, &["-h"]].concat())?;
        ensure!(code == Some(0), "help ended with {code:?}: {err}");
        Ok(listed(&out))
    }

    /// Whether the server comes up, and ends in good order when it is told to.
    fn serves(&self) -> Result<()> {
        let log = self.folder.join("log");
        let file = std::fs::File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        let mut command = self.command(&["--data", "world", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        let mut child = command.stderr(file).spawn().context("cannot start the server")?;
        let until = Instant::now() + Duration::from_secs(60);
        let logged = || std::fs::read_to_string(&log).unwrap_or_default();
        while !logged().contains(READY) && Instant::now() < until && child.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_millis(50));
        }
        let is_asked = cfg!(unix) && shell::succeeds(Command::new("kill").arg(child.id().to_string()));
        if !is_asked {
            child.kill().context("cannot end the server")?;
        }
        let status = child.wait().context("the server is gone")?;
        if (is_asked && !status.success()) || !logged().contains(READY) || logged().contains(PANIC) {
            bail!("tickworld-server ended with {status}:\n{}", logged());
        }
        Ok(())
    }
}

/// The names in the list `Commands:` of a help text.
fn listed(help: &str) -> BTreeSet<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let rows = list.take_while(|line| line.starts_with("  "));
    // A row that begins further in goes on with the one before.
    rows.filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(Into::into)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_help() {
        let help = "About\n\nCommands:\n  run    Runs\n         and more\n  trace  Traces\n\nOptions:\n  --json\n";
        assert_eq!(listed(help), BTreeSet::from(["run".to_owned(), "trace".to_owned()]));
    }

    #[test]
    fn a_command_that_ends_otherwise_or_panics_is_caught() {
        let folder = tempfile::tempdir().expect("a scratch folder can be made");
        let bench = Bench { binary: "rustc".into(), folder: folder.path().to_path_buf() };
        bench.run(&["--version"], &[0]).expect("it ends well");
        assert!(bench.run(&["--no-such-flag"], &[0]).is_err());
    }
}
