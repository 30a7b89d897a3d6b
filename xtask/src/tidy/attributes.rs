//! What each crate must say about itself: the lints in its manifest, and below the sans-I/O line the attributes.
//!
//! Cargo lets a member take the workspace's lints or list its own, not both; so the stricter ones are attributes, and
//! this check is what keeps the copies of them equal.

use super::tokens::{self, Token};
use super::tree::{Finding, Tree};
use crate::bans::{BANS_PATH, BELOW_LINE_LINTS};
use crate::no_std::NO_STD_CRATES;

/// Crates with generated FlatBuffers code may relax `unsafe_code` there, so they deny it where the others forbid it.
const WITH_GENERATED_CODE: &[&str] = &["content", "net/proto"];

/// Checks manifests, attributes and the copies of the bans.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        let table = file.text.parse::<toml::Table>().unwrap_or_default();
        // A workspace of its own has nothing to inherit from.
        let is_member = table.contains_key("package") && !table.contains_key("workspace");
        let takes_lints = table.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
        if is_member && takes_lints != Some(true) {
            findings.push(file.whole("does not take the workspace's lints: add `lints.workspace = true`"));
        }
    }
    if let Some(contributing) = tree.file("CONTRIBUTING.md") {
        let unnamed = NO_STD_CRATES.iter().filter(|(folder, _)| {
            let names = [format!("`{folder}/`"), format!("`{folder}/clippy.toml`")];
            !names.iter().any(|name| contributing.text.contains(name))
        });
        let finding =
            |(folder, _): &(&str, &str)| contributing.whole(format!("does not say that {folder}/ holds the bans"));
        findings.extend(unnamed.map(finding));
    }
    for (folder, _) in NO_STD_CRATES {
        if tree.file(&format!("{folder}/Cargo.toml")).is_some() {
            check_crate(tree, folder, &mut findings);
        }
    }
    findings
}

fn check_crate(tree: &Tree, folder: &str, findings: &mut Vec<Finding>) {
    let bans_path = format!("{folder}/clippy.toml");
    let bans = |path: &str| tree.file(path).map(|file| file.text.as_str());
    if bans(&bans_path).is_none() || bans(&bans_path) != bans(BANS_PATH) {
        findings.push(Finding::on(&bans_path, format!("must be a copy of {BANS_PATH}")));
    }
    let lib_path = format!("{folder}/src/lib.rs");
    let Some(lib) = tree.file(&lib_path) else {
        findings.push(Finding::on(&lib_path, "is missing"));
        return;
    };
    let tokens = match tokens::scan(lib) {
        Ok(tokens) => tokens,
        Err(finding) => return findings.push(finding),
    };
    let inner = inner_attributes(&tokens);
    if !inner.iter().any(|attribute| attribute == "no_std") {
        findings.push(lib.whole("lacks #![no_std], without conditions"));
    }
    let level = if WITH_GENERATED_CODE.contains(&folder) { "deny" } else { "forbid" };
    if !inner.iter().any(|attribute| attribute.starts_with(level) && has_word(attribute, "unsafe_code")) {
        findings.push(lib.whole(format!("lacks #![{level}(unsafe_code)]")));
    }
    let strict: Vec<&String> =
        inner.iter().filter(|attribute| attribute.starts_with("cfg_attr(not(test),deny(")).collect();
    for lint in BELOW_LINE_LINTS {
        if !strict.iter().any(|attribute| has_word(attribute, lint)) {
            findings.push(lib.whole(format!("lacks #![cfg_attr(not(test), deny(clippy::{lint}))]")));
        }
    }
}

/// The insides of all `#![...]`, without spaces.
fn inner_attributes(tokens: &[Token]) -> Vec<String> {
    let mut attributes = Vec::new();
    let mut rest = tokens;
    while let Some(start) = rest.windows(3).position(|window| {
        let texts = [&window[0].text, &window[1].text, &window[2].text];
        texts == ["#", "!", "["]
    }) {
        rest = &rest[start + 3..];
        let mut depth = 1;
        let end = rest.iter().position(|token| {
            depth += i32::from(token.text == "[") - i32::from(token.text == "]");
            depth == 0
        });
        let end = end.unwrap_or(rest.len());
        attributes.push(rest[..end].iter().map(|token| token.text.as_str()).collect());
        rest = &rest[end..];
    }
    attributes
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"x\"\nlints.workspace = true\n[lints]\nworkspace = true\n";

    fn lib(unsafe_level: &str) -> String {
        let lints: Vec<String> = BELOW_LINE_LINTS.iter().map(|lint| format!("clippy::{lint}")).collect();
        let lints = lints.join(", ");
        format!("#![no_std]\n#![{unsafe_level}(unsafe_code)]\n#![cfg_attr(not(test), deny({lints}))]\n")
    }

    fn findings(lib: &str, bans: &str) -> Vec<String> {
        let manifest = MANIFEST.replace("lints.workspace = true\n", "");
        let tree = Tree::of(&[
            ("sim/Cargo.toml", &manifest),
            ("sim/clippy.toml", "bans"),
            ("sim/src/lib.rs", &self::lib("forbid")),
            ("content/Cargo.toml", &manifest),
            ("content/clippy.toml", bans),
            ("content/src/lib.rs", lib),
        ]);
        check(&tree).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn a_crate_with_all_of_it_passes() {
        assert_eq!(findings(&lib("deny"), "bans"), [""; 0]);
    }

    #[test]
    fn each_missing_attribute_is_caught() {
        let whole = lib("deny");
        for lost in ["no_std", "unsafe_code", "clippy::float_arithmetic", "clippy::disallowed_types"] {
            let found = findings(&whole.replacen(lost, "other", 1), "bans");
            assert_eq!(found.len(), 1, "{lost}: {found:?}");
        }
        let conditional = whole.replace("#![no_std]", "#![cfg_attr(not(test), no_std)]");
        assert_eq!(findings(&conditional, "bans").len(), 1);
    }

    #[test]
    fn a_copy_of_the_bans_that_differs_is_caught() {
        assert_eq!(findings(&lib("deny"), "fewer bans").len(), 1);
    }

    #[test]
    fn a_copy_of_the_bans_that_contributors_are_not_told_of_is_caught() {
        let found = |text: &str| check(&Tree::of(&[("CONTRIBUTING.md", text)])).len();
        assert_eq!(found("`sim/clippy.toml`; `content/`, `rules/`, `ledger/` and `net/proto/` hold copies"), 0);
        assert_eq!(found("`sim/clippy.toml`; `content/` and `rules/` hold copies"), 2);
    }

    #[test]
    fn a_member_without_the_lints_is_caught() {
        let tree = Tree::of(&[("tools/Cargo.toml", "[package]\nname = \"x\"\n"), ("Cargo.toml", "[workspace]\n")]);
        assert_eq!(check(&tree).len(), 1);
    }
}
