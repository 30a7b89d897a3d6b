//! Shows that the crates below the sans-I/O line, with everything they depend on, do without `std`; and that the region, which
//! is a state machine above that line, depends on no runtime, network or database.
//!
//! No foreign target is needed: a probe crate with a panic handler of its own cannot be linked with `std`, which
//! brings another. Where the toolchain has a target that has no `std` at all, the crates are checked for it too.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// Folder and package of the crates that promise `#![no_std]`.
pub(crate) const NO_STD_CRATES: &[(&str, &str)] = &[
    ("sim", "tickworld-sim"),
    ("content", "tickworld-content"),
    ("rules", "tickworld-rules"),
    ("ledger", "tickworld-ledger"),
    ("net/proto", "tickworld-proto"),
];

/// The region, for which effects are values.
const STATE_MACHINE: &str = "tickworld-region";

/// What does what a state machine asks for.
const DOERS: &[&str] = &["tokio", "mio", "socket2", "quinn", "hyper", "redb", "getrandom"];

const BARE_TARGET: &str = "thumbv7em-none-eabihf";
const PROBE: &str = include_str!("../fixtures/no_std_probe.rs");

/// Checks each crate of [`NO_STD_CRATES`] that exists.
///
/// # Errors
/// When one of them, or a dependency, links `std`, or the region depends on what does something.
pub(crate) fn check() -> Result<()> {
    let present = |(folder, _): &&(&str, &str)| shell::root().join(folder).join("Cargo.toml").exists();
    let crates: Vec<(&str, PathBuf)> =
        NO_STD_CRATES.iter().filter(present).map(|&(folder, package)| (package, shell::root().join(folder))).collect();
    let packages: Vec<&str> = crates.iter().map(|(package, _)| *package).collect();
    probe(&shell::scratch("no-std")?, &crates)?;
    println!("linked without std: {}", packages.join(", "));
    without_doers(STATE_MACHINE)?;
    println!("without runtime, network or database: {STATE_MACHINE}");

    if !bare_target_installed() {
        println!("not installed, so not checked: target {BARE_TARGET}");
        return Ok(());
    }
    let selected = packages.iter().flat_map(|package| ["--package", package]);
    shell::run(shell::cargo().args(["check", "--target", BARE_TARGET]).args(selected))
}

/// Builds the probe in `folder` against crates given by package name and place.
fn probe(folder: &Path, crates: &[(&str, PathBuf)]) -> Result<()> {
    let mut manifest = "[package]\nname = \"no-std-probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
                        [workspace]\n\n[profile.dev]\npanic = \"abort\"\n\n[dependencies]\n"
        .to_owned();
    let mut externs = Vec::new();
    for (package, path) in crates {
        manifest.push_str(&format!("{package} = {{ path = {:?} }}\n", path.display().to_string()));
        externs.push(format!("extern crate {};", package.replace('-', "_")));
    }
    shell::write(folder, "Cargo.toml", &manifest)?;
    shell::write(folder, "src/lib.rs", &PROBE.replace("EXTERN_CRATES", &externs.join("\n")))?;
    // The same versions as the workspace's; cargo drops what the probe does not use.
    std::fs::copy(shell::root().join("Cargo.lock"), folder.join("Cargo.lock")).context("cannot copy Cargo.lock")?;

    let mut cargo = shell::cargo();
    cargo.args(["check", "--quiet"]).current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    let output = cargo.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the probe without std does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Looks for [`DOERS`] among all that a package is built with.
fn without_doers(package: &str) -> Result<()> {
    let tree = ["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let tree = shell::read(shell::cargo().args(tree).current_dir(shell::root()))?;
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let found: Vec<&str> = DOERS.iter().copied().filter(|doer| names.contains(doer)).collect();
    if !found.is_empty() {
        bail!("{package} depends on {}; see: cargo tree --package {package} --invert {}", found.join(", "), found[0]);
    }
    Ok(())
}

fn bare_target_installed() -> bool {
    let mut rustc = shell::command("rustc");
    rustc.args(["--print", "target-libdir", "--target", BARE_TARGET]);
    shell::read(&mut rustc).is_ok_and(|path| Path::new(path.trim()).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe_with(source: &str) -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let seeded = folder.path().join("seeded");
        std::fs::create_dir_all(seeded.join("src")).unwrap();
        let manifest = "[package]\nname = \"seeded\"\nversion = \"0.0.0\"\nedition = \"2024\"\n";
        std::fs::write(seeded.join("Cargo.toml"), manifest).unwrap();
        std::fs::write(seeded.join("src/lib.rs"), source).unwrap();
        probe(folder.path(), &[("seeded", seeded)])
    }

    #[test]
    fn a_crate_that_does_things_is_no_state_machine() {
        without_doers(STATE_MACHINE).unwrap();
        let error = without_doers("tickworld-net").unwrap_err().to_string();
        assert!(error.contains("tokio") && error.contains("quinn"), "{error}");
    }

    #[test]
    fn a_crate_without_std_passes() {
        probe_with("#![no_std]\npub fn one() -> u8 { 1 }\n").unwrap();
    }

    #[test]
    fn a_crate_that_links_std_is_caught() {
        for source in ["pub fn one() -> u8 { 1 }\n", "#![no_std]\nextern crate std;\n"] {
            let error = probe_with(source).unwrap_err().to_string();
            assert!(error.contains("panic_impl"), "{error}");
        }
    }
}
