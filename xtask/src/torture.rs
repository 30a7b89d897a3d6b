//! The long storms, by hand: `reference-server/examples/storm` against the server, both built with the optimiser on.
//!
//! No check of `cargo xtask ci`: they take minutes, and rights that a build machine need not have.

use anyhow::{Result, bail};

use crate::shell;

/// What to run.
pub(crate) struct Torture {
    pub(crate) kills: Option<u32>,
    pub(crate) disk: bool,
    pub(crate) netem: bool,
    pub(crate) seed: u64,
}

/// Runs the storms that were asked for, one after another.
///
/// # Errors
/// When none was asked for, or one finds something or cannot be run here.
pub(crate) fn run(torture: &Torture) -> Result<()> {
    let seed = torture.seed.to_string();
    let mut storms = Vec::new();
    storms.extend(torture.kills.map(|kills| vec!["kills".to_owned(), "--count".to_owned(), kills.to_string()]));
    storms.extend(torture.disk.then(|| vec!["disk".to_owned()]));
    storms.extend(torture.netem.then(|| vec!["network".to_owned()]));
    if storms.is_empty() {
        bail!("say what to do: --kills N, --disk, --netem");
    }
    let package = ["--release", "--package", "tickworld-server"];
    shell::run(shell::cargo().arg("build").args(package))?;
    for storm in storms {
        let mut command = shell::cargo();
        command.arg("run").args(package).args(["--example", "storm", "--"]).args(storm).args(["--seed", &seed]);
        shell::run(&mut command)?;
    }
    Ok(())
}
