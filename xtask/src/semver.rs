//! `cargo xtask semver`: what of the published packages' public API changed since a commit, judged by `cargo semver-checks`.
//!
//! It compares with a commit, since nothing is in a registry yet; so it needs the tool and time, and no network. It is no check of
//! `ci`: the tool reads rustdoc's JSON, whose format follows the compiler, and is installed where somebody wants it.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::{shell, tidy::is_published};

/// Compares every published package with what it was at `baseline`.
///
/// # Errors
/// When the tool is missing, or a change asks for another version number than the manifests have.
pub(crate) fn run(baseline: &str) -> Result<()> {
    ensure!(
        shell::succeeds(shell::cargo().args(["semver-checks", "--version"])),
        "cargo-semver-checks is not installed here: `cargo install --locked cargo-semver-checks` builds it"
    );
    let metadata = shell::read(shell::cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
    let mut check = shell::cargo();
    check.args(arguments(&serde_json::from_str(&metadata)?, baseline));
    shell::run(&mut check)
}

/// What cargo is told.
fn arguments(metadata: &Value, baseline: &str) -> Vec<String> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    // Of a program there is no API, and of a macro the tool reads nothing.
    let has_api = |package: &&Value| {
        let targets = package["targets"].as_array().map_or(&[][..], Vec::as_slice);
        targets.iter().any(|target| target["kind"].as_array().is_some_and(|kinds| kinds.contains(&"lib".into())))
    };
    let names = packages.iter().filter(|package| is_published(package)).filter(has_api);
    let mut arguments = vec!["semver-checks".to_owned(), "--baseline-rev".to_owned(), baseline.to_owned()];
    for name in names.filter_map(|package| package["name"].as_str()) {
        arguments.extend(["--package".to_owned(), name.to_owned()]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_are_published_are_compared() {
        let package = |name: &str, kind: &str, publish: Value| serde_json::json!({ "name": name, "publish": publish, "targets": [{ "kind": [kind] }] });
        let metadata = serde_json::json!({ "packages": [
            package("engine", "lib", Value::Null),
            package("derive", "proc-macro", Value::Null),
            package("program", "bin", Value::Null),
            package("testkit", "lib", serde_json::json!([])),
        ] });
        assert_eq!(arguments(&metadata, "main"), ["semver-checks", "--baseline-rev", "main", "--package", "engine"]);
    }
}
