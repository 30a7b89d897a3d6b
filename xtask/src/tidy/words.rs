//! Old words: what the project once called things by private inventions, and must not call so again.
//!
//! Looks at declared names and at the names of files, never at prose. A word counts anywhere in a name: `climb` is found in
//! `climb_docs` and in `ClimbError`. Names of columns, components and messages that stand in a schema keep their old words,
//! since they are part of every root; those are fields and types that are not in the table.

use super::tokens::{self, Token};
use super::tree::{File, Finding, Tree};

/// An old word, the word of the field, and the packages that have left it.
struct Old {
    word: &'static str,
    field: &'static str,
    folders: &'static [&'static str],
}

/// A package that is renamed is added to the words it has left.
const LEFT: &[&str] = &["content", "ledger", "pool", "rules", "xtask"];
const RULES: &[&str] = &["rules"];
const CHORES: &[&str] = &["xtask"];

const OLD: &[Old] = &[
    Old { word: "asking", field: "awaiting admission", folders: LEFT },
    Old { word: "balk", field: "path backoff", folders: RULES },
    Old { word: "balks", field: "path backoff", folders: RULES },
    Old { word: "beat", field: "think interval", folders: RULES },
    Old { word: "beats", field: "think intervals", folders: RULES },
    Old { word: "birth", field: "new creature", folders: RULES },
    Old { word: "body", field: "components", folders: RULES },
    Old { word: "breach", field: "violation", folders: LEFT },
    Old { word: "broken", field: "violation", folders: RULES },
    Old { word: "clerk", field: "ledger bot", folders: LEFT },
    Old { word: "climb", field: "run", folders: CHORES },
    Old { word: "crowd", field: "load clients", folders: LEFT },
    Old { word: "descent", field: "desync bisection", folders: LEFT },
    Old { word: "drill", field: "fault injection", folders: LEFT },
    Old { word: "embody", field: "insert rows", folders: RULES },
    Old { word: "gave_up", field: "retries exhausted", folders: LEFT },
    Old { word: "goods", field: "items, inventory", folders: RULES },
    Old { word: "guilty", field: "faulty", folders: LEFT },
    Old { word: "hush", field: "silence panics", folders: LEFT },
    Old { word: "intake", field: "admission", folders: LEFT },
    Old { word: "joins", field: "snapshot requests", folders: LEFT },
    Old { word: "law", field: "invariant", folders: RULES },
    Old { word: "laws", field: "invariants", folders: RULES },
    Old { word: "leg", field: "segment", folders: RULES },
    Old { word: "legs", field: "waypoints", folders: RULES },
    Old { word: "lingered", field: "half closed", folders: LEFT },
    Old { word: "may_answer", field: "is transient", folders: LEFT },
    Old { word: "may_pass", field: "is retryable", folders: LEFT },
    Old { word: "mend", field: "repair, heal", folders: LEFT },
    Old { word: "meters", field: "metrics", folders: LEFT },
    Old { word: "obey", field: "apply, handle", folders: LEFT },
    Old { word: "outage", field: "disconnected", folders: LEFT },
    Old { word: "reach", field: "range", folders: RULES },
    Old { word: "roster", field: "player table", folders: LEFT },
    Old { word: "rung", field: "check", folders: CHORES },
    Old { word: "rungs", field: "checks", folders: CHORES },
    Old { word: "someone", field: "living creature", folders: RULES },
    Old { word: "sow", field: "generate", folders: LEFT },
    Old { word: "stride", field: "step length", folders: RULES },
    Old { word: "suffers", field: "has effect", folders: RULES },
    Old { word: "telling", field: "summary", folders: LEFT },
    Old { word: "told", field: "printed, reported", folders: CHORES },
    Old { word: "uplink", field: "input sender", folders: LEFT },
    Old { word: "wanderer", field: "random bot", folders: LEFT },
    Old { word: "weigh", field: "byte cost", folders: LEFT },
];

/// Looks at every file's name and at the names that it declares; tests tell stories, and are free.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.sources().filter(|file| !file.is_test()) {
        let Some((folder, inside)) = file.path.split_once("/src/") else { continue };
        // Of `content/compiler` the words of `content` are asked.
        let is_left = |old: &&Old| old.folders.iter().any(|left| folder.split('/').next() == Some(left));
        let olds: Vec<&Old> = OLD.iter().filter(is_left).collect();
        if olds.is_empty() {
            continue;
        }
        for name in inside.trim_end_matches(".rs").split('/') {
            findings.extend(olds.iter().filter(|old| has(name, old.word)).map(|old| file.whole(message(name, old))));
        }
        match tokens::scan(file) {
            Ok(tokens) => findings.extend(in_names(file, &tokens, &olds)),
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

fn in_names(file: &File, tokens: &[Token], olds: &[&Old]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in declared(tokens) {
        let found = olds.iter().filter(|old| has(&name.text, old.word));
        findings.extend(found.map(|old| file.at(name.line, message(&name.text, old))));
    }
    findings
}

fn message(name: &str, old: &Old) -> String {
    format!("`{name}`: `{}` is an old word; the field says: {}", old.word, old.field)
}

/// The names that a file declares outside tests: functions, types, modules, constants, variants.
fn declared(tokens: &[Token]) -> Vec<&Token> {
    const KEYWORDS: &[&str] = &["fn", "struct", "enum", "trait", "type", "mod", "const", "static", "union"];
    let mut names = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if KEYWORDS.contains(&tokens[at].text.as_str())
            && let Some(name) = tokens.get(at + 1)
        {
            names.push(name);
            if tokens[at].text == "enum" {
                names.extend(variants(&tokens[at + 2..]));
            }
        }
        at += 1;
    }
    names.retain(|name| !name.in_test);
    names
}

/// The variants of the enum whose braces come next: what stands behind its brace, a comma, or an attribute.
fn variants(tokens: &[Token]) -> Vec<&Token> {
    let mut names = Vec::new();
    let (mut depth, mut is_next) = (0_usize, false);
    for token in tokens {
        match token.text.as_str() {
            "{" | "(" | "[" => {
                depth += 1;
                is_next = depth == 1;
            }
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
                // Behind an attribute the variant is still to come.
                is_next |= token.text == "]" && depth == 1;
            }
            "," if depth == 1 => is_next = true,
            "#" => {}
            _ if depth == 1 && is_next => {
                names.push(token);
                is_next = false;
            }
            _ => {}
        }
    }
    names
}

/// Whether the words of a name, in whatever case, hold those of `old` next to each other.
fn has(name: &str, old: &str) -> bool {
    let (name, old) = (words(name), words(old));
    name.windows(old.len()).any(|window| window == old)
}

/// `gave_up`, `GaveUp` and `GAVE_UP` are `gave` and `up`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for letter in name.chars() {
        let begins = letter == '_' || letter.is_uppercase() && before.is_lowercase();
        if begins {
            words.push(String::new());
        }
        if letter != '_' {
            words.last_mut().expect("never empty").extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn an_old_word_in_a_declared_name_is_caught() {
        for text in [
            "fn climb_docs() {}",
            "struct Rung;",
            "mod rungs { }",
            "const RUNGS: u8 = 3;",
            "enum E { A, #[b] GaveUp { c: u8 }, D }",
            "enum E { A(Vec<u8>), Rung }",
            "impl A { pub(crate) const fn gave_up() {} }",
        ] {
            assert_eq!(messages("xtask/src/a.rs", text).len(), 1, "{text}");
        }
        let found = messages("rules/src/a.rs", "\nfn someone_in() {}");
        assert_eq!(
            found,
            ["rules/src/a.rs:2: `someone_in`: `someone` is an old word; the field says: living creature"]
        );
    }

    #[test]
    fn a_file_named_by_an_old_word_is_caught() {
        assert_eq!(messages("rules/src/goods.rs", "").len(), 1);
        assert_eq!(messages("rules/src/goods/mod.rs", "").len(), 1);
        assert_eq!(messages("content/compiler/src/drill.rs", "").len(), 1);
    }

    #[test]
    fn uses_prose_longer_words_tests_and_other_packages_are_free() {
        for text in [
            "// climb\nfn a() { rung(); let climb = 3; }",
            "fn strung_climber() {}",
            "struct A { climb: u8 }",
            "enum E { A { climb: u8 }, B(climb) }",
            "#[cfg(test)] mod tests { fn a_rung_fails() {} }",
        ] {
            assert_eq!(messages("xtask/src/a.rs", text), [""; 0], "{text}");
        }
        assert_eq!(messages("sim/src/a.rs", "fn climb() {}"), [""; 0]);
        assert_eq!(messages("xtask/tests/rung.rs", "fn climb() {}"), [""; 0]);
    }

    #[test]
    fn the_table_names_each_word_once_in_order() {
        let words: Vec<&str> = OLD.iter().map(|old| old.word).collect();
        assert!(words.is_sorted() && words.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
