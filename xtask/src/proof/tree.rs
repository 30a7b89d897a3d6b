//! The dependencies of the crates below the line: each does without `std`, and none is there for the machine's sake.
//!
//! What this reads is what cargo would compile for this machine: features as they are resolved, build scripts and macros left
//! out, since they do not run in a simulation.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{build::Crate, judge::Finding};
use crate::shell;

/// Packages that ask the machine, whatever their features are.
const BANNED: &[&str] = &["getrandom", "libc", "rand", "chrono", "time", "hashbrown", "ahash", "once_cell", "num_cpus"];

/// What is wrong with the dependencies of these crates, as the probe in `folder` has them.
pub(super) fn findings(crates: &[Crate], folder: &Path, host: &str) -> Result<Vec<Finding>> {
    let mut cargo = shell::cargo();
    // In the probe's folder: the workspace's own would join the features that servers and tools want.
    cargo.args(["metadata", "--format-version", "1", "--filter-platform", host]).current_dir(folder);
    let metadata: Value = serde_json::from_str(&shell::read(&mut cargo)?).context("cargo metadata is not JSON")?;
    let roots: Vec<&str> = crates.iter().map(|(package, _)| *package).collect();
    let packages = reached(&metadata, &roots);
    println!("dependency tree: {} packages below the line", packages.len());
    Ok(checked(&packages, &|path| std::fs::read_to_string(path).unwrap_or_default()))
}

/// A package that is compiled into a simulation.
#[derive(Debug)]
struct Package<'m> {
    name: &'m str,
    /// The text of its `lib.rs`.
    source: &'m str,
    features: Vec<&'m str>,
}

/// The roots and what they depend on.
fn reached<'m>(metadata: &'m Value, roots: &[&str]) -> Vec<Package<'m>> {
    let packages: BTreeMap<&str, &Value> = list(&metadata["packages"]).iter().map(|it| (text(&it["id"]), it)).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).iter().map(|it| (text(&it["id"]), it)).collect();
    let is_root = |it: &&&Value| roots.contains(&text(&it["name"]));
    let mut waiting: Vec<&str> = packages.values().filter(is_root).map(|it| text(&it["id"])).collect();
    let mut seen = BTreeSet::new();
    let mut reached = Vec::new();
    while let Some(id) = waiting.pop() {
        let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else { continue };
        let kind = |it: &&Value, wanted: &[&str]| list(&it["kind"]).iter().any(|kind| wanted.contains(&text(kind)));
        let library = list(&package["targets"]).iter().find(|it| kind(it, &["lib", "rlib"]));
        // A macro has none.
        let Some(library) = library.filter(|_| seen.insert(id)) else { continue };
        let features = list(&node["features"]).iter().map(text).collect();
        reached.push(Package { name: text(&package["name"]), source: text(&library["src_path"]), features });
        for dependency in list(&node["deps"]) {
            if list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()) {
                waiting.push(text(&dependency["pkg"]));
            }
        }
    }
    reached.sort_by_key(|package| package.name);
    reached
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn checked(packages: &[Package<'_>], read: &dyn Fn(&Path) -> String) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Package { name, source, features } in packages {
        let mut add = |what: &str| {
            findings.push(Finding { place: (*source).to_owned(), krate: (*name).to_owned(), what: what.to_owned() });
        };
        if BANNED.contains(name) {
            add("a package that asks the machine");
        }
        if features.contains(&"std") {
            add("its feature `std` is on");
        }
        if !read(Path::new(source)).contains("no_std") {
            add("its lib.rs does not do without `std`");
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(features: &[&str], kind: Value) -> Value {
        let package = |name: &str| json!({"id": name, "name": name, "targets": [{"kind": ["lib"], "src_path": name}]});
        json!({
            "packages": [package("sim"), package("near"), package("rand"), package("other")],
            "resolve": {"nodes": [
                {"id": "sim", "features": [], "deps": [{"pkg": "near", "dep_kinds": [{"kind": kind}]}]},
                {"id": "near", "features": features, "deps": [{"pkg": "rand", "dep_kinds": [{"kind": null}]}]},
                {"id": "rand", "features": [], "deps": []},
                {"id": "other", "features": ["std"], "deps": []},
            ]},
        })
    }

    fn found(metadata: &Value, source: &str) -> Vec<String> {
        let findings = checked(&reached(metadata, &["sim"]), &|_| source.to_owned());
        findings.into_iter().map(|it| format!("{}: {}", it.krate, it.what)).collect()
    }

    #[test]
    fn a_feature_a_source_and_a_package_are_named() {
        let all = found(&metadata(&["std"], Value::Null), "#![no_std]");
        assert_eq!(all, ["near: its feature `std` is on", "rand: a package that asks the machine"]);
        let all = found(&metadata(&[], json!("build")), "//! uses std");
        assert_eq!(all, ["sim: its lib.rs does not do without `std`"], "a build script's dependency does not count");
    }
}
