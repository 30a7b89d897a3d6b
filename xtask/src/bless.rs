//! Recording the golden traces again: the one way to change them, and never without a reason.
//!
//! Each scenario of `golden-traces/` is recorded anew beside a summary for reviews, and CHANGELOG.md gets a line.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::shell;

const FOLDER: &str = "golden-traces";
const CHANGELOG: &str = "CHANGELOG.md";
/// The list that the line goes to.
const HEADING: &str = "### Changed";

/// Records all of them and notes the reason.
///
/// # Errors
/// When the reason says nothing, a scenario cannot be recorded, or the changelog has no place for the line.
pub(crate) fn run(reason: &str) -> Result<()> {
    let reason = reason.trim();
    if reason.len() < 10 {
        bail!("say why the roots change, in a sentence: it will stand in {CHANGELOG}");
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(shell::root().join(FOLDER)).with_context(|| format!("cannot list {FOLDER}"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    for name in &names {
        let scenario = format!("{FOLDER}/{name}.yaml");
        let trace = format!("{FOLDER}/{name}.trace");
        shell::run(tickworld().args([
            "trace",
            "record",
            &scenario,
            "-o",
            &trace,
            "--keyframes",
            "120",
            "--evidence",
            "0",
        ]))?;
        let printed = shell::read(tickworld().args(["run", &scenario]))?;
        // Speed is the machine's.
        let stable: Vec<&str> = printed.lines().filter(|line| !line.contains("ticks/s")).collect();
        std::fs::write(shell::root().join(format!("{FOLDER}/{name}.txt")), stable.join("\n") + "\n")?;
    }
    let path = shell::root().join(CHANGELOG);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {CHANGELOG}"))?;
    std::fs::write(&path, noted(&text, reason)?)?;
    println!("{} golden traces recorded; the reason stands in {}", names.len(), Path::new(CHANGELOG).display());
    Ok(())
}

fn tickworld() -> std::process::Command {
    let mut command = shell::cargo();
    command.args(["run", "--quiet", "--release", "--package", "tickworld-cli", "--"]);
    command
}

/// The changelog with a line for the reason, under what is not released yet.
fn noted(changelog: &str, reason: &str) -> Result<String> {
    let line = format!("- **Trace-breaking** {reason}\n");
    let Some((before, unreleased)) = changelog.split_once("## [Unreleased]\n") else {
        bail!("{CHANGELOG} has no section [Unreleased]");
    };
    let section_end = unreleased.find("\n## ").unwrap_or(unreleased.len());
    let (section, rest) = unreleased.split_at(section_end);
    let section = match section.split_once(&format!("{HEADING}\n\n")) {
        Some((above, list)) => format!("{above}{HEADING}\n\n{line}{list}"),
        None => format!("{}\n\n{HEADING}\n\n{line}", section.trim_end()),
    };
    Ok(format!("{before}## [Unreleased]\n{section}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_stands_in_the_unreleased_section() {
        let text = "# Log\n\n## [Unreleased]\n\n### Added\n\n- a\n\n## [0.1.0]\n\n### Changed\n\n- old\n";
        let once = noted(text, "dice are read otherwise").expect("it has the section");
        assert!(
            once.contains("- a\n\n### Changed\n\n- **Trace-breaking** dice are read otherwise\n\n## [0.1.0]"),
            "{once}"
        );
        let twice = noted(&once, "walls are thicker").expect("it has the section");
        assert!(
            twice.contains("### Changed\n\n- **Trace-breaking** walls are thicker\n- **Trace-breaking** dice"),
            "{twice}"
        );
        assert!(noted("# Log\n", "whatever it is").is_err());
    }

    #[test]
    fn an_empty_reason_is_refused_before_anything_is_recorded() {
        assert!(run("  why ").is_err());
    }
}
