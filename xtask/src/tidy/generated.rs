//! Whether the generated code belongs to the committed schemas, told by hash, without the compiler that made it.

use super::tree::{File, Finding, Tree};
use crate::codegen::{self, LOCK_NAME, PLACES, Place};

/// Compares each lock with the schemas and the generated files as they are.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    PLACES.iter().flat_map(|place| check_place(tree, place)).collect()
}

fn check_place(tree: &Tree, place: &Place) -> Vec<Finding> {
    let in_folder = |file: &File, folder: &str| file.path.starts_with(&format!("{folder}/"));
    let belongs = |file: &&File| {
        let schema = in_folder(file, place.schemas) && file.path.ends_with(".fbs");
        schema || (in_folder(file, place.generated) && !file.path.ends_with(LOCK_NAME))
    };
    let files: Vec<&File> = tree.files.iter().filter(belongs).collect();
    let expected = codegen::lock(files.iter().map(|file| (file.path.as_str(), file.text.as_str())));
    let lock_path = format!("{}/{LOCK_NAME}", place.generated);
    let lock = tree.file(&lock_path).map_or("", |file| file.text.as_str());
    let path = |line: &str| line.split_whitespace().last().unwrap_or_default().to_owned();
    let lines = expected.lines().filter(|line| !lock.lines().any(|locked| locked == *line));
    let gone = lock.lines().filter(|line| !files.iter().any(|file| file.path == path(line)));
    let message = "is not what the lock was made with: run `cargo xtask codegen`, edit no generated file";
    lines.chain(gone).map(|line| Finding::on(&path(line), message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(schema: &str, code: &str) -> usize {
        let lock = codegen::lock([("content/schema/a.fbs", "schema"), ("content/src/generated/a.rs", "code")]);
        let tree = Tree::of(&[
            ("content/schema/a.fbs", schema),
            ("content/src/generated/a.rs", code),
            ("content/src/generated/LOCK", &lock),
        ]);
        check(&tree).len()
    }

    #[test]
    fn a_changed_schema_and_a_hand_edit_are_caught() {
        assert_eq!(findings("schema", "code"), 0);
        assert_eq!(findings("schema with a new field", "code"), 1);
        assert_eq!(findings("schema", "code edited"), 1);
    }

    #[test]
    fn a_missing_lock_and_a_missing_file_are_caught() {
        assert_eq!(check(&Tree::of(&[("content/schema/a.fbs", "schema")])).len(), 1);
        let lock = codegen::lock([("content/schema/a.fbs", "schema")]);
        assert_eq!(check(&Tree::of(&[("content/src/generated/LOCK", &lock)])).len(), 1);
        assert_eq!(check(&Tree::of(&[])).len(), 0);
    }

    #[test]
    fn every_place_is_looked_at() {
        for place in PLACES {
            let schema = format!("{}/a.fbs", place.schemas);
            assert_eq!(check(&Tree::of(&[(&schema, "schema without code")])).len(), 1, "{schema}");
        }
    }
}
