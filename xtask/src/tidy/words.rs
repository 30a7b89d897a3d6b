//! Old words: what the project once called things by private inventions, and must not call so again.
//!
//! Looks at declared names and at the names of files, never at prose. A word counts anywhere in a name: `climb` is found in
//! `climb_docs` and in `ClimbError`. Names of columns, components and messages that stand in a schema keep their old words,
//! since they are part of every root; those are fields and types that are not in the table.

use super::tokens::{self, Token};
use super::tree::{File, Finding, Tree};

/// An old word, the word of the field, where it is refused, and the packages in there that have it still.
struct Old {
    word: &'static str,
    field: &'static str,
    refused: &'static [&'static str],
    kept: &'static [&'static str],
}

const EVERYWHERE: &[&str] = &[""];
/// What follows is refused where it was a private invention; elsewhere it may be the right word.
const RULES: &[&str] = &["rules"];
const CHORES: &[&str] = &["xtask"];
const ENGINE: &[&str] = &["sim"];
const SWARM: &[&str] = &["swarm"];

/// A package that leaves a word is taken from its list of those that keep it; the list only gets shorter.
const OLD: &[Old] = &[
    Old { word: "asking", field: "awaiting admission", refused: EVERYWHERE, kept: &["net/proto"] },
    Old { word: "attend", field: "install", refused: EVERYWHERE, kept: &["net/testkit"] },
    Old { word: "balk", field: "path backoff", refused: RULES, kept: &[] },
    Old { word: "balks", field: "path backoff", refused: RULES, kept: &[] },
    Old { word: "bare_content", field: "default content", refused: EVERYWHERE, kept: &[] },
    Old { word: "beat", field: "think interval", refused: RULES, kept: &[] },
    Old { word: "beats", field: "think intervals", refused: RULES, kept: &[] },
    Old { word: "birth", field: "new creature", refused: RULES, kept: &[] },
    Old { word: "body", field: "components", refused: RULES, kept: &[] },
    Old { word: "book", field: "answer log", refused: EVERYWHERE, kept: &[] },
    Old { word: "breach", field: "violation", refused: EVERYWHERE, kept: &[] },
    Old { word: "broken", field: "violation", refused: RULES, kept: &[] },
    Old { word: "caught", field: "catch panic", refused: SWARM, kept: &[] },
    Old { word: "clerk", field: "ledger bot", refused: EVERYWHERE, kept: &["tools"] },
    Old { word: "climb", field: "run", refused: CHORES, kept: &[] },
    Old { word: "crowd", field: "load clients", refused: EVERYWHERE, kept: &[] },
    Old { word: "descent", field: "desync bisection", refused: EVERYWHERE, kept: &["fuzz", "net/proto", "sim"] },
    Old { word: "dialer", field: "endpoint", refused: EVERYWHERE, kept: &["net"] },
    Old { word: "draft", field: "plan", refused: SWARM, kept: &[] },
    Old { word: "drill", field: "fault injection", refused: EVERYWHERE, kept: &["tools"] },
    Old { word: "embody", field: "insert rows", refused: RULES, kept: &[] },
    Old { word: "fate", field: "input result", refused: EVERYWHERE, kept: &["net/proto", "net/testkit"] },
    Old {
        word: "finding",
        field: "difference, violation",
        refused: EVERYWHERE,
        kept: &["net/proto", "persist", "tools", "xtask"],
    },
    Old { word: "follower", field: "replica", refused: EVERYWHERE, kept: &[] },
    Old { word: "gave_up", field: "retries exhausted", refused: EVERYWHERE, kept: &[] },
    Old { word: "goods", field: "items, inventory", refused: RULES, kept: &[] },
    Old { word: "guilty", field: "faulty", refused: EVERYWHERE, kept: &[] },
    Old { word: "hosted", field: "game adapter", refused: EVERYWHERE, kept: &["tools"] },
    Old { word: "hush", field: "silence panics", refused: EVERYWHERE, kept: &[] },
    Old { word: "intake", field: "admission", refused: EVERYWHERE, kept: &["net/proto"] },
    Old { word: "joins", field: "snapshot requests", refused: EVERYWHERE, kept: &["net/proto", "sim"] },
    Old { word: "lane", field: "term", refused: ENGINE, kept: &[] },
    Old { word: "law", field: "invariant", refused: RULES, kept: &[] },
    Old { word: "laws", field: "invariants", refused: RULES, kept: &[] },
    Old { word: "leg", field: "segment", refused: RULES, kept: &[] },
    Old { word: "legs", field: "waypoints", refused: RULES, kept: &[] },
    Old { word: "lingered", field: "half closed", refused: EVERYWHERE, kept: &[] },
    Old { word: "may_answer", field: "is transient", refused: EVERYWHERE, kept: &[] },
    Old { word: "may_pass", field: "is retryable", refused: EVERYWHERE, kept: &[] },
    Old { word: "mend", field: "repair, heal", refused: EVERYWHERE, kept: &["net/testkit"] },
    Old { word: "meters", field: "metrics", refused: EVERYWHERE, kept: &["reference-server"] },
    Old { word: "obey", field: "apply, handle", refused: EVERYWHERE, kept: &[] },
    Old { word: "outage", field: "disconnected", refused: EVERYWHERE, kept: &["net"] },
    Old { word: "party", field: "bot plan", refused: EVERYWHERE, kept: &["fuzz", "tools"] },
    Old { word: "probe", field: "copy", refused: ENGINE, kept: &[] },
    Old { word: "reach", field: "range", refused: RULES, kept: &[] },
    Old { word: "roster", field: "player table", refused: EVERYWHERE, kept: &["net/proto"] },
    Old { word: "rung", field: "check", refused: CHORES, kept: &[] },
    Old { word: "rungs", field: "checks", refused: CHORES, kept: &[] },
    Old { word: "shows", field: "description", refused: EVERYWHERE, kept: &[] },
    Old { word: "someone", field: "living creature", refused: RULES, kept: &[] },
    Old { word: "sow", field: "generate", refused: EVERYWHERE, kept: &[] },
    Old { word: "stock", field: "content pool", refused: EVERYWHERE, kept: &[] },
    Old { word: "strays", field: "dangling rows", refused: EVERYWHERE, kept: &[] },
    Old { word: "stride", field: "step length", refused: RULES, kept: &[] },
    Old { word: "suffers", field: "has effect", refused: RULES, kept: &[] },
    Old { word: "telling", field: "summary", refused: EVERYWHERE, kept: &[] },
    Old { word: "told", field: "printed, reported", refused: CHORES, kept: &[] },
    Old { word: "uplink", field: "input sender", refused: EVERYWHERE, kept: &[] },
    Old { word: "wanderer", field: "random bot", refused: EVERYWHERE, kept: &["tools"] },
    Old { word: "way", field: "variant", refused: SWARM, kept: &[] },
    Old { word: "weather", field: "network faults", refused: EVERYWHERE, kept: &["net/testkit"] },
    Old { word: "weigh", field: "byte cost", refused: EVERYWHERE, kept: &[] },
    Old { word: "weight_bytes", field: "cost in bytes", refused: EVERYWHERE, kept: &[] },
];

impl Old {
    /// Of what lies within a folder the words of that folder are asked; who keeps a word is named exactly.
    fn is_refused_in(&self, folder: &str) -> bool {
        let is_within = |whole: &&str| {
            whole.is_empty() || folder.strip_prefix(*whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.refused.iter().any(is_within) && !self.kept.contains(&folder)
    }
}

/// Looks at every file's name and at the names that it declares; tests tell stories, and are free.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.sources().filter(|file| !file.is_test()) {
        let Some((folder, inside)) = file.path.split_once("/src/") else { continue };
        let olds: Vec<&Old> = OLD.iter().filter(|old| old.is_refused_in(folder)).collect();
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
        assert_eq!(messages("sim/derive/src/lane.rs", "").len(), 1);
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
        assert_eq!(messages("tools/src/a.rs", "fn drill() {}"), [""; 0]);
        assert_eq!(messages("xtask/tests/rung.rs", "fn climb() {}"), [""; 0]);
    }

    #[test]
    fn the_table_names_each_word_once_in_order() {
        let words: Vec<&str> = OLD.iter().map(|old| old.word).collect();
        assert!(words.is_sorted() && words.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
