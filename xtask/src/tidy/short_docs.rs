//! Docs of one or two words: what they leave to the reader's guess is what a doc is for.
//!
//! Of items and of modules, in tests too. A doc that would say nothing is left out where the lint allows it.

use super::tree::{Finding, Tree};

const WORDS_MIN: usize = 3;

/// Counts the words of every doc comment.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.sources() {
        let mut lines = file.text.lines().map(str::trim).enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            let Some((sign, first)) = doc(line) else { continue };
            let mut words = first.split_whitespace().count();
            let goes_on = |line: &str| doc(line).is_some_and(|(it, _)| it == sign) || line.starts_with("// DOC:");
            // A marked block of a document cuts a doc in two; it is one all the same.
            while let Some((_, more)) = lines.next_if(|(_, line)| goes_on(line)) {
                words += more.split_whitespace().count();
            }
            if words < WORDS_MIN {
                let message = format!("`{first}` says too little: state unit, range or meaning in a sentence");
                findings.push(file.at(index + 1, message));
            }
        }
    }
    findings
}

/// The sign of a doc comment, and what stands behind it.
fn doc(line: &str) -> Option<(&'static str, &str)> {
    let behind = |sign: &'static str| Some((sign, line.strip_prefix(sign)?));
    behind("//!")
        .or_else(|| behind("///").filter(|(_, text)| !text.starts_with('/')))
        .map(|(sign, text)| (sign, text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<Option<usize>> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_doc_of_two_words_is_caught() {
        let text = "//! A module.\n/// Whose.\nfn a() {}\n\n    /// To whom.\n    b: u8,\n";
        assert_eq!(lines("rules/src/a.rs", text), [Some(1), Some(2), Some(5)]);
        assert_eq!(lines("net/tests/a.rs", text), [Some(1), Some(2), Some(5)]);
    }

    #[test]
    fn a_sentence_and_what_is_no_doc_are_free() {
        let text = "/// The creature that acted.\n/// More.\nfn a() {}\n//// Rule\n// No doc\n";
        assert_eq!(lines("rules/src/a.rs", text), [None; 0]);
        assert_eq!(
            lines("rules/src/a.rs", "/// As a map of bytes:\n// DOC:A\n/// 0\n// DOC:END\n/// ```\nfn a() {}"),
            []
        );
    }
}
