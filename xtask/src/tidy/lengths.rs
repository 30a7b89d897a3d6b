//! The length of sources: a limit, and a list of those over it whose numbers may only go down.
//!
//! The list holds the exact length, so a file on it that grows is a finding, and one that shrinks must say so
//! (`cargo xtask tidy --fix` does).

use super::tree::{File, Finding, Tree};

/// Past this a source is to be split by noun.
const LINES_MAX: usize = 600;

const RATCHET_PATH: &str = "xtask/ratchet.txt";

/// Compares each source with the limit and the ratchet.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let listed = ratchet(tree);
    let mut findings = Vec::new();
    for file in tree.sources() {
        let lines = lines_count(file);
        match listed.iter().find(|(path, _)| *path == file.path) {
            None if lines > LINES_MAX => {
                findings.push(file.whole(format!("{lines} lines, more than {LINES_MAX}: split it by noun")));
            }
            Some((_, limit)) if lines > *limit => {
                findings.push(file.whole(format!("{lines} lines, more than its ratchet of {limit}: split it by noun")));
            }
            _ => {}
        }
    }
    for (path, limit) in listed {
        let lines = tree.file(path).map_or(0, lines_count);
        if lines < limit {
            let message = format!("{path} is down to {lines} lines: run `cargo xtask tidy --fix`");
            findings.push(Finding::on(RATCHET_PATH, message));
        }
    }
    findings
}

/// The ratchet with every number lowered to what is true now, if that changes it. Never raises one.
pub(super) fn repairs(tree: &Tree) -> Option<(String, String)> {
    let file = tree.file(RATCHET_PATH)?;
    let mut text: String =
        file.text.lines().filter(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    for (path, limit) in ratchet(tree) {
        let lines = tree.file(path).map_or(0, lines_count).min(limit);
        if lines > LINES_MAX {
            text.push_str(&format!("{lines} {path}\n"));
        }
    }
    (text != file.text).then(|| (RATCHET_PATH.to_owned(), text))
}

/// Path and number of each line of the ratchet; what cannot be read counts as length 0, so it is found.
fn ratchet(tree: &Tree) -> Vec<(&str, usize)> {
    let text = tree.file(RATCHET_PATH).map_or("", |file| file.text.as_str());
    let entries = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let entry = |line: &'_ str| line.split_once(' ').and_then(|(count, _)| count.parse().ok()).unwrap_or(0);
    entries.map(|line| (line.split_once(' ').map_or(line, |(_, path)| path.trim()), entry(line))).collect()
}

fn lines_count(file: &File) -> usize {
    file.text.lines().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(lines: usize, ratchet: &str) -> Tree {
        Tree::of(&[("sim/src/a.rs", &"//! x\n".repeat(lines)), (RATCHET_PATH, ratchet)])
    }

    #[test]
    fn a_long_file_is_caught_unless_listed() {
        assert!(check(&tree(LINES_MAX, "")).is_empty());
        assert_eq!(check(&tree(LINES_MAX + 1, "")).len(), 1);
        assert!(check(&tree(LINES_MAX + 1, "# why\n601 sim/src/a.rs\n")).is_empty());
    }

    #[test]
    fn a_listed_file_may_not_grow_and_must_follow_when_it_shrinks() {
        assert_eq!(check(&tree(702, "701 sim/src/a.rs\n")).len(), 1);
        assert_eq!(check(&tree(700, "701 sim/src/a.rs\n")).len(), 1);
        assert_eq!(check(&tree(3, "701 sim/src/gone.rs\n")).len(), 1);
    }

    #[test]
    fn a_repair_only_lowers() {
        let repaired = |lines, ratchet| repairs(&tree(lines, ratchet)).map(|(_, text)| text);
        assert_eq!(repaired(700, "# why\n701 sim/src/a.rs\n").as_deref(), Some("# why\n700 sim/src/a.rs\n"));
        assert_eq!(repaired(600, "# why\n701 sim/src/a.rs\n").as_deref(), Some("# why\n"));
        assert_eq!(repaired(702, "# why\n701 sim/src/a.rs\n"), None);
    }
}
