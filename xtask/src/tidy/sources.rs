//! Checks on single Rust sources: how they open, their alphabet, and what they may not call.
//!
//! Works on tokens, not on text, so prose and strings are free.

use super::tokens::{self, Token};
use super::tree::{File, Finding, Tree};
use crate::no_std::NO_STD_CRATES;

/// Holds a macro that stands below the line and is expanded above it. That its crate links without std is the rung `no-std`.
const EXPANDS_ELSEWHERE: &str = "sim/src/overflow.rs";

/// Every source opens with `//!`.
pub(super) fn module_docs(tree: &Tree) -> Vec<Finding> {
    let undocumented = |file: &&File| !file.text.trim_start().starts_with("//!");
    let message = "must open with //!: what it is, the invariant it keeps, what it does not do";
    tree.sources().filter(undocumented).map(|file| file.at(1, message)).collect()
}

/// Sources, manifests, schemas and scripts are ASCII.
pub(super) fn ascii(tree: &Tree) -> Vec<Finding> {
    let is_source = |path: &str| {
        [".rs", ".toml", ".fbs", ".sh"].iter().any(|ending| path.ends_with(ending)) || path.starts_with(".ci/")
    };
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| is_source(&file.path)) {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(letter) = line.chars().find(|letter| !letter.is_ascii()) {
                findings.push(file.at(index + 1, format!("{letter:?} is not ASCII")));
            }
        }
    }
    findings
}

/// No `unwrap()` outside tests: `expect` says why it holds.
pub(super) fn unwrap(tree: &Tree) -> Vec<Finding> {
    each_token_list(tree.sources(), |file, tokens, findings| {
        let calls = tokens::find(tokens, &[".", "unwrap", "(", ")"]).filter(|token| !token.in_test);
        findings
            .extend(calls.map(|token| file.at(token.line, "unwrap() outside a test: use expect(\"why it holds\")")));
    })
}

/// No `#[ignore]` anywhere, and no sleeping in tests.
pub(super) fn ignored_and_sleeping(tree: &Tree) -> Vec<Finding> {
    each_token_list(tree.sources(), |file, tokens, findings| {
        let ignored = tokens::find(tokens, &["#", "[", "ignore"]);
        findings.extend(ignored.map(|token| file.at(token.line, "an ignored test proves nothing")));
        let sleeping = tokens::find(tokens, &["sleep", "("]).filter(|token| token.in_test);
        findings.extend(sleeping.map(|token| file.at(token.line, "a test that sleeps depends on the machine")));
    })
}

/// Whether a file is of the crates below the sans-I/O line.
fn is_below_line(file: &File) -> bool {
    NO_STD_CRATES.iter().any(|(folder, _)| file.path.starts_with(&format!("{folder}/src/")))
}

/// Nothing below the sans-I/O line is computed in one profile only.
pub(super) fn profiles(tree: &Tree) -> Vec<Finding> {
    each_token_list(tree.sources().filter(|file| is_below_line(file)), |file, tokens, findings| {
        let named = [["debug_assert"], ["debug_assert_eq"], ["debug_assert_ne"], ["debug_assertions"]];
        let found = named.iter().flat_map(|name| tokens::find(tokens, name)).filter(|token| !token.in_test);
        let message = "only debug builds do this: what all builds must do is the same, so use assert or an error";
        findings.extend(found.map(|token| file.at(token.line, message)));
    })
}

/// No path into `std` in the crates that promise to do without it.
pub(super) fn std_paths(tree: &Tree) -> Vec<Finding> {
    let below_line = |file: &&File| is_below_line(file) && file.path != EXPANDS_ELSEWHERE;
    each_token_list(tree.sources().filter(below_line), |file, tokens, findings| {
        let paths = tokens::find(tokens, &["std", ":", ":"]).chain(tokens::find(tokens, &["extern", "crate", "std"]));
        let paths = paths.filter(|token| !token.in_test);
        findings.extend(paths.map(|token| file.at(token.line, "std below the sans-I/O line: use core or alloc")));
    })
}

fn each_token_list<'a>(
    files: impl Iterator<Item = &'a File>,
    check: impl Fn(&File, &[Token], &mut Vec<Finding>),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        match tokens::scan(file) {
            Ok(tokens) => check(file, &tokens, &mut findings),
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that `check` finds in a file of this text.
    fn lines(check: fn(&Tree) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
        let findings = check(&Tree::of(&[(path, text)]));
        findings.into_iter().map(|finding| finding.line.expect("these checks name a line")).collect()
    }

    #[test]
    fn a_file_without_docs_is_caught() {
        assert_eq!(lines(module_docs, "sim/src/a.rs", "//! Docs.\n"), [0; 0]);
        assert_eq!(lines(module_docs, "sim/src/a.rs", "// Not docs.\n"), [1]);
        assert_eq!(lines(module_docs, "content/src/generated/a.rs", "// Not docs.\n"), [0; 0]);
    }

    #[test]
    fn a_letter_outside_ascii_is_caught_in_sources_and_not_in_prose() {
        assert_eq!(lines(ascii, "sim/src/a.rs", "//! x\n// 3 \u{2264} 4\n"), [2]);
        assert_eq!(lines(ascii, "Cargo.toml", "# \u{2014}\n"), [1]);
        assert_eq!(lines(ascii, "README.md", "3 \u{2264} 4\n"), [0; 0]);
    }

    #[test]
    fn what_only_debug_builds_do_is_caught_below_the_line() {
        let text = "fn a() { debug_assert!(b()); }\n#[cfg(debug_assertions)]\nfn c() { assert!(d()) }\n\
                    #[cfg(test)]\nmod tests { fn e() { debug_assert_eq!(1, f()); } }\n";
        assert_eq!(lines(profiles, "sim/src/a.rs", text), [1, 2]);
        assert_eq!(lines(profiles, "net/src/a.rs", text), [0; 0]);
    }

    #[test]
    fn an_unwrap_outside_tests_is_caught() {
        let text = "fn a() { b().unwrap(); }\n// c.unwrap()\n#[cfg(test)]\nmod tests { fn d() { e().unwrap(); } }\n";
        assert_eq!(lines(unwrap, "sim/src/a.rs", text), [1]);
        assert_eq!(lines(unwrap, "sim/tests/a.rs", text), [0; 0]);
        assert_eq!(lines(unwrap, "sim/src/a.rs", "fn a() { b().unwrap_or(3); }"), [0; 0]);
    }

    #[test]
    fn an_ignored_test_is_caught() {
        assert_eq!(lines(ignored_and_sleeping, "sim/src/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}"), [2]);
        assert_eq!(lines(ignored_and_sleeping, "sim/tests/a.rs", "#[ignore]\nfn a() {}"), [1]);
    }

    #[test]
    fn a_sleeping_test_is_caught() {
        let text = "fn a() { std::thread::sleep(b); }";
        assert_eq!(lines(ignored_and_sleeping, "tools/tests/a.rs", text), [1]);
        assert_eq!(lines(ignored_and_sleeping, "tools/src/a.rs", text), [0; 0]);
    }

    #[test]
    fn a_path_into_std_is_caught_below_the_line() {
        assert_eq!(lines(std_paths, "rules/src/a.rs", "use std::vec::Vec;"), [1]);
        assert_eq!(lines(std_paths, "sim/src/lib.rs", "\nextern crate std;"), [2]);
        assert_eq!(lines(std_paths, "sim/src/lib.rs", "#[cfg(test)]\nextern crate std;"), [0; 0]);
        assert_eq!(lines(std_paths, "tools/src/a.rs", "use std::vec::Vec;"), [0; 0]);
        assert_eq!(lines(std_paths, EXPANDS_ELSEWHERE, "macro_rules! a { () => { std::process::exit(0) } }"), [0; 0]);
    }

    #[test]
    fn a_file_that_is_no_rust_is_a_finding() {
        assert_eq!(lines(unwrap, "sim/src/a.rs", "fn a( {").len(), 1);
    }
}
