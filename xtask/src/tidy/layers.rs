//! The layer table: each crate may depend only on those above it.
//!
//! Counts every kind of dependency, development and build too: a test that needs a lower layer belongs there.

use super::tree::{Finding, Tree};

/// From top to bottom. A member that is not here is a finding: a new crate starts with its place in this table.
const LAYERS: &[&str] = &[
    "tickworld-derive",
    "tickworld-sim",
    "tickworld-pool",
    "tickworld-content",
    "tickworld-rules",
    "tickworld-verifier",
    "tickworld-ledger",
    "tickworld-contentc",
    "tickworld-scenario",
    "tickworld-swarm",
    "tickworld-persist",
    "tickworld-proto",
    "tickworld-region",
    "tickworld-testkit",
    "tickworld-net",
    "tickworld-server",
    "tickworld-cli",
    "tickworld-fuzz",
];

/// Depends on no member and no member depends on it.
const APART: &[&str] = &["xtask"];

/// The one development dependency downwards: the examples of a derive need the crate that it writes for, and only its users
/// ever compile both.
const EXAMPLES: (&str, &str) = ("tickworld-derive", "tickworld-sim");

/// Checks the members and their dependencies in `cargo metadata`.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in list(&tree.metadata["packages"]) {
        let name = package["name"].as_str().unwrap_or_default();
        let path = "Cargo.toml";
        if rank(name).is_none() && !APART.contains(&name) {
            findings.push(Finding::on(path, format!("{name} has no place in the layer table of xtask")));
        }
        for dependency in list(&package["dependencies"]) {
            // Only members have a path.
            if dependency["path"].is_null() {
                continue;
            }
            let below = dependency["name"].as_str().unwrap_or_default();
            let for_examples = dependency["kind"] == "dev" && (name, below) == EXAMPLES;
            let allowed = for_examples || matches!((rank(name), rank(below)), (Some(user), Some(used)) if used < user);
            if !allowed {
                findings.push(Finding::on(path, format!("{name} may not depend on {below}: not above it")));
            }
        }
    }
    findings
}

fn rank(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == name)
}

fn list(value: &serde_json::Value) -> &[serde_json::Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, uses: &str) -> Vec<String> {
        let mut tree = Tree::of(&[]);
        tree.metadata = serde_json::json!({ "packages": [
            { "name": name, "dependencies": [{ "name": uses, "path": "somewhere" }, { "name": "blake3" }] },
        ]});
        check(&tree).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_crate_may_use_those_above_it() {
        assert_eq!(findings("tickworld-rules", "tickworld-sim"), [""; 0]);
        assert_eq!(findings("tickworld-sim", "tickworld-derive"), [""; 0]);
    }

    #[test]
    fn a_dependency_downwards_is_caught() {
        assert_eq!(findings("tickworld-sim", "tickworld-rules").len(), 1);
        assert_eq!(findings("tickworld-content", "tickworld-contentc").len(), 1);
        assert_eq!(findings("xtask", "tickworld-sim").len(), 1);
        assert_eq!(findings("tickworld-cli", "xtask").len(), 1);
    }

    #[test]
    fn only_the_examples_of_the_derive_look_down() {
        let mut tree = Tree::of(&[]);
        let mut found = |kind| {
            tree.metadata = serde_json::json!({ "packages": [
                { "name": EXAMPLES.0, "dependencies": [{ "name": EXAMPLES.1, "path": "somewhere", "kind": kind }] },
            ]});
            check(&tree).len()
        };
        assert_eq!((found(Some("dev")), found(None), found(Some("build"))), (0, 1, 1));
    }

    #[test]
    fn a_crate_without_a_place_is_caught() {
        assert_eq!(findings("tickworld-surprise", "tickworld-sim").len(), 2);
    }
}
