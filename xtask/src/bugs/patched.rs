//! The texts of the tree that differ with the patches in it.
//!
//! A crate whose sources call the switch gets it as a dependency, here alone: no manifest of the tree names it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context as _, Result, bail};

use super::{
    catalogue::Catalogue,
    patch::{self, Failure},
};
use crate::{shell, tidy::file_paths};

/// The package that patched code calls, and where it lies.
const SWITCH: (&str, &str) = ("tickworld-seeded", "bugs/switch");
/// How patched code names it.
const SWITCH_PATH: &str = "tickworld_seeded::";

/// Patched sources, and the manifests of their crates, by path.
///
/// # Errors
/// Names every patch that does not apply; or when a file cannot be read.
pub(super) fn texts(catalogue: &Catalogue) -> Result<BTreeMap<String, String>> {
    let root = shell::root();
    let paths: BTreeSet<String> = file_paths(&root)?.into_iter().collect();
    let mut files = BTreeMap::new();
    for path in paths.iter().filter(|path| path.ends_with(".rs") || path.ends_with(".patch")) {
        let text = std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        files.insert(path.as_str(), text);
    }
    let text_of = |path: &str| files.get(path).map(String::as_str);
    let mut texts = match catalogue.patches(text_of).and_then(|patches| patch::apply(&patches, text_of)) {
        Ok(texts) => texts,
        Err(failures) => {
            let lines = failures.iter().map(|Failure { name, message }| format!("\n  {name}: {message}"));
            bail!("these patches of bugs/ do not apply:{}", lines.collect::<String>());
        }
    };
    let callers = texts.iter().filter(|(_, text)| text.contains(SWITCH_PATH));
    let manifests: BTreeSet<String> = callers.filter_map(|(path, _)| manifest_of(path, &paths)).collect();
    for path in manifests {
        let text = std::fs::read_to_string(root.join(&path)).with_context(|| format!("cannot read {path}"))?;
        texts.insert(path.clone(), with_switch(&path, &text));
    }
    Ok(texts)
}

/// The manifest of the crate that a source belongs to.
fn manifest_of(source: &str, paths: &BTreeSet<String>) -> Option<String> {
    let folders = Path::new(source).ancestors().skip(1);
    let mut manifests = folders.filter_map(|folder| folder.join("Cargo.toml").to_str().map(str::to_owned));
    manifests.find(|path| paths.contains(path))
}

/// A manifest with the switch among its dependencies.
fn with_switch(path: &str, text: &str) -> String {
    let (package, folder) = SWITCH;
    let up = "../".repeat(path.matches('/').count());
    let line = format!("{package} = {{ path = \"{up}{folder}\" }}\n");
    match text.split_once("[dependencies]\n") {
        Some((before, after)) => format!("{before}[dependencies]\n{line}{after}"),
        None => format!("{text}\n[dependencies]\n{line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_of_a_patched_source_gets_the_switch() {
        let paths = ["Cargo.toml", "sim/Cargo.toml", "sim/derive/Cargo.toml"].map(str::to_owned).into();
        assert_eq!(manifest_of("sim/src/column/mod.rs", &paths).as_deref(), Some("sim/Cargo.toml"));
        assert_eq!(manifest_of("sim/derive/src/lib.rs", &paths).as_deref(), Some("sim/derive/Cargo.toml"));
        let text = "[package]\nname = \"a\"\n\n[dependencies]\nb = \"1\"\n";
        let switched: toml::Table = with_switch("sim/derive/Cargo.toml", text).parse().unwrap();
        assert_eq!(switched["dependencies"][SWITCH.0]["path"].as_str(), Some("../../bugs/switch"));
        assert_eq!(switched["dependencies"]["b"].as_str(), Some("1"));
        let alone: toml::Table = with_switch("sim/Cargo.toml", "[package]\nname = \"a\"\n").parse().unwrap();
        assert_eq!(alone["dependencies"][SWITCH.0]["path"].as_str(), Some("../bugs/switch"));
    }
}
