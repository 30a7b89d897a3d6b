//! The patches of seeded bugs go into today's sources.
//!
//! Compiles nothing: whether the patched code builds, and whether its bug is caught, is for `cargo xtask bugs` to say.

use super::tree::{Finding, Tree};
use crate::bugs;

/// Applies all patches to the tree's texts.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let files = tree.files.iter().map(|file| file.path.as_str());
    let text_of = |path: &str| tree.file(path).map(|file| file.text.as_str());
    let failures = bugs::stale(files, text_of);
    failures.into_iter().map(|(path, message)| Finding::on(&path, message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOGUE: &str = "[[run]]\nname = \"left-out\"\nstory = \"something is left out\"\n";
    const PATCH: &str = "diff --git a/sim/src/a.rs b/sim/src/a.rs\n--- a/sim/src/a.rs\n+++ b/sim/src/a.rs\n\
                         @@ -1,2 +1,5 @@\n fn a() {\n+    if tickworld_seeded::is_on(\"left-out\") {\n+        return;\n+    }\n     b();\n";
    const SOURCE: &str = "fn a() {\n    b();\n}\n";

    fn findings(catalogue: &str, name: &str, patch: &str, source: &str) -> Vec<String> {
        let path = format!("bugs/{name}.patch");
        let tree = Tree::of(&[("bugs/catalogue.toml", catalogue), (&path, patch), ("sim/src/a.rs", source)]);
        check(&tree).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn a_patch_that_goes_in_passes() {
        assert_eq!(findings(CATALOGUE, "left-out", PATCH, SOURCE), [""; 0]);
        assert_eq!(findings(CATALOGUE, "left-out", PATCH, &format!("//! Moved.\n\n{SOURCE}")), [""; 0]);
    }

    #[test]
    fn a_patch_whose_place_is_gone_is_caught_by_name() {
        let found = findings(CATALOGUE, "left-out", PATCH, &SOURCE.replace("b()", "c()"));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("bugs/left-out.patch: sim/src/a.rs: the lines that were at line 1"), "{found:?}");
    }

    #[test]
    fn a_bug_without_a_patch_and_a_patch_without_a_bug_are_caught() {
        let found = findings(CATALOGUE, "left-in", PATCH, SOURCE);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().any(|it| it == "bugs/left-out.patch: has no patch"), "{found:?}");
        assert!(found.iter().any(|it| it.starts_with("bugs/left-in.patch: no bug")), "{found:?}");
    }

    #[test]
    fn a_patch_that_asks_for_another_bug_is_caught() {
        let found =
            findings(CATALOGUE, "left-out", &PATCH.replace("is_on(\"left-out\")", "is_on(\"left-in\")"), SOURCE);
        assert!(found.len() == 1 && found[0].contains("asks nowhere whether \"left-out\" is on"), "{found:?}");
    }

    #[test]
    fn a_tree_without_a_catalogue_is_caught() {
        assert_eq!(check(&Tree::of(&[("sim/src/a.rs", SOURCE)])).len(), 1);
    }
}
