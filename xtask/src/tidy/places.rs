//! No path that exists only on somebody's machine.

use super::tree::{Finding, Tree};

/// Beginnings of such paths. Written in halves, so that this file does not find itself.
const PLACES: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tm", "p/"), concat!("/ho", "me/")];

/// Looks through every text file.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(place) = PLACES.iter().find(|place| has_absolute(line, place)) {
                findings.push(file.at(index + 1, format!("a path under {place} exists on no other machine")));
            }
        }
    }
    findings
}

/// Whether `line` has `place` at the start of a path, not in the middle of a relative one or of an address.
fn has_absolute(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        before.is_none_or(|letter| !letter.is_alphanumeric() && !"._-/~".contains(letter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_machine_is_caught() {
        for place in PLACES {
            for text in [format!("see {place}main"), format!("{place}x"), format!("\"{place}log\"")] {
                assert_eq!(check(&Tree::of(&[("docs/a.md", &text)])).len(), 1, "{text}");
            }
        }
    }

    #[test]
    fn a_relative_path_or_an_address_is_none() {
        for place in PLACES {
            for text in [format!("target{place}x"), format!("https://example.org{place}x")] {
                assert_eq!(check(&Tree::of(&[("docs/a.md", &text)])).len(), 0, "{text}");
            }
        }
    }
}
