//! Shows that the bans bite: clippy runs over a crate that breaks each of them once, with the core's own clippy.toml.
//!
//! Clippy ignores a banned path that it cannot resolve, so a ban is worth only what this shows. Complete by
//! construction: a path in the file that no diagnostic names is an error, whoever added it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// The lints that hold below the sans-I/O line beside the workspace's own; each lib.rs there must deny them.
pub(crate) const BELOW_LINE_LINTS: &[&str] = &[
    "float_arithmetic",
    "default_numeric_fallback",
    "arithmetic_side_effects",
    "cast_lossless",
    "cast_possible_truncation",
    "cast_possible_wrap",
    "cast_precision_loss",
    "cast_sign_loss",
    "iter_over_hash_type",
    "disallowed_types",
    "disallowed_methods",
];

/// The one text of the bans; the other crates below the line hold copies that tidy compares.
pub(crate) const BANS_PATH: &str = "sim/clippy.toml";

const PROBE: &str = include_str!("../fixtures/bans.rs");

/// Checks that every ban and every stricter lint of the core is flagged.
///
/// # Errors
/// Names the bans and lints that let the seeded violations pass.
pub(crate) fn check() -> Result<()> {
    let bans = std::fs::read_to_string(shell::root().join(BANS_PATH)).context("cannot read the bans")?;
    let toothless = toothless(&bans, PROBE)?;
    if !toothless.is_empty() {
        bail!(
            "these bans of {BANS_PATH} flag nothing: {}\n\
             either the path does not exist (clippy does not say so) or xtask/fixtures/bans.rs does not break it yet",
            toothless.into_iter().collect::<Vec<_>>().join(", ")
        );
    }
    println!("{} banned paths and {} lints bite", banned(&bans)?.len(), BELOW_LINE_LINTS.len());
    Ok(())
}

/// Every lint and banned path that clippy flags over the seeded violations.
///
/// # Errors
/// When clippy cannot be run.
pub(crate) fn flagged_by_probe() -> Result<BTreeSet<String>> {
    let bans = std::fs::read_to_string(shell::root().join(BANS_PATH)).context("cannot read the bans")?;
    flagged(&bans, PROBE)
}

/// The banned paths and the lints that clippy, configured by `bans`, does not flag in `probe`.
fn toothless(bans: &str, probe: &str) -> Result<BTreeSet<String>> {
    let mut expected = banned(bans)?;
    expected.extend(BELOW_LINE_LINTS.iter().map(|lint| format!("clippy::{lint}")));
    let flagged = flagged(bans, probe)?;
    Ok(expected.difference(&flagged).cloned().collect())
}

/// The paths that a clippy.toml bans.
fn banned(bans: &str) -> Result<BTreeSet<String>> {
    let table: toml::Table = bans.parse().context("the bans are not TOML")?;
    let lists = ["disallowed-types", "disallowed-methods"].into_iter().filter_map(|key| table.get(key)?.as_array());
    let path = |entry: &toml::Value| {
        let path = entry.get("path").unwrap_or(entry).as_str();
        path.map(str::to_owned).with_context(|| format!("a ban without a path: {entry}"))
    };
    lists.flatten().map(path).collect()
}

/// Every lint and every banned path that clippy names over `probe`.
fn flagged(bans: &str, probe: &str) -> Result<BTreeSet<String>> {
    let folder = shell::scratch("bans")?;
    let lints = BELOW_LINE_LINTS.iter().map(|lint| format!("clippy::{lint}")).collect::<Vec<_>>().join(", ");
    shell::write(&folder, "Cargo.toml", &manifest()?)?;
    shell::write(&folder, "clippy.toml", bans)?;
    shell::write(&folder, "src/lib.rs", &probe.replace("BELOW_LINE_LINTS", &lints))?;
    // The same versions as the workspace's; cargo drops what the scratch crate does not use.
    std::fs::copy(shell::root().join("Cargo.lock"), folder.join("Cargo.lock")).context("cannot copy Cargo.lock")?;

    let mut clippy = shell::cargo();
    clippy.args(["clippy", "--quiet", "--message-format=json"]);
    clippy.current_dir(&folder).env("CARGO_TARGET_DIR", folder.join("target")).env("CLIPPY_CONF_DIR", &folder);
    let output = shell::read(&mut clippy).context("clippy over the seeded violations")?;
    let mut flagged = BTreeSet::new();
    for line in output.lines() {
        let message: serde_json::Value = serde_json::from_str(line).context("cargo's message is not JSON")?;
        let Some(code) = message["message"]["code"]["code"].as_str() else {
            continue;
        };
        flagged.insert(code.to_owned());
        let text = message["message"]["message"].as_str().unwrap_or_default();
        flagged.extend(text.split('`').nth(1).filter(|_| code.starts_with("clippy::disallowed_")).map(str::to_owned));
    }
    Ok(flagged)
}

/// The scratch crate's manifest; it asks for `fixed` exactly as the workspace does.
fn manifest() -> Result<String> {
    let root: toml::Table = std::fs::read_to_string(shell::root().join("Cargo.toml"))?.parse()?;
    let fixed = root["workspace"]["dependencies"]["fixed"].to_string();
    Ok(format!(
        "[package]\nname = \"bans-probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nfixed = {fixed}\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, since all of it shares one scratch crate.
    #[test]
    fn a_ban_that_is_lost_or_misspelt_is_noticed() {
        if !shell::succeeds(shell::cargo().args(["clippy", "--version"])) {
            eprintln!("clippy is not installed: the check `bans` of `cargo xtask ci` shows this where it is");
            return;
        }
        let bans = std::fs::read_to_string(shell::root().join(BANS_PATH)).unwrap();
        assert_eq!(toothless(&bans, PROBE).unwrap(), BTreeSet::new());

        let misspelt = bans.replace("\"fixed::FixedI64\"", "\"fixt::FixedI64\"");
        assert_eq!(toothless(&misspelt, PROBE).unwrap(), BTreeSet::from(["fixt::FixedI64".to_owned()]));

        let alias_only: Vec<&str> = PROBE.lines().filter(|line| !line.contains("fn fixed_struct")).collect();
        let unbroken = toothless(&bans, &alias_only.join("\n")).unwrap();
        assert_eq!(unbroken, BTreeSet::from(["fixed::FixedI64".to_owned()]));

        let exact: Vec<&str> = PROBE.lines().filter(|line| !line.contains("left + right")).collect();
        let unbroken = toothless(&bans, &exact.join("\n").replace("-> u32 {\n}", "-> u32 { 0 }")).unwrap();
        assert!(unbroken.contains("clippy::arithmetic_side_effects"), "{unbroken:?}");
    }

    #[test]
    fn bans_are_read_with_and_without_a_reason() {
        let bans = "disallowed-types = [\"a::B\", { path = \"c::D\", reason = \"why\" }]";
        assert_eq!(banned(bans).unwrap(), BTreeSet::from(["a::B".to_owned(), "c::D".to_owned()]));
        assert!(banned("disallowed-methods = [{ reason = \"why\" }]").is_err());
    }
}
