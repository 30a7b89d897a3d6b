//! Circles of imports: modules of one crate that import each other, directly or by way of others.
//!
//! A module is a file. What it imports is what its paths name: `use` items and paths in code, followed through re-exports to
//! the file that defines the name. Test code and re-exports that the file itself does not use are left out, and so is what a
//! module takes from those it is a part of: that `a::b` uses what `a` declares is no circle, even where `a` uses `a::b`.
//!
//! Circles that are there already stand in a list that may only shrink, like the ratchet of lengths: a new circle is a finding,
//! and so is a listed one that is smaller or gone (`cargo xtask tidy --fix` follows it down).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::imports::{Imports, Modules};
use super::tree::{Finding, Tree};

const ALLOWED_PATH: &str = "xtask/circles.txt";

/// The modules of a circle, with the crate's folder before them.
type Circle = (String, BTreeSet<String>);

/// Compares the circles of every crate with the list.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let allowed = allowed(tree);
    let mut findings = Vec::new();
    let mut kept: Vec<&Circle> = Vec::new();
    for (folder, imports) in all_imports(tree, &mut findings) {
        for modules in circles(&imports) {
            match allowed.iter().find(|it| it.0 == folder && modules.is_subset(&it.1)) {
                Some(it) if it.1 == modules => kept.push(it),
                // Told below, once for each line of the list.
                Some(_) => {}
                None => findings.push(Finding::on(&format!("{folder}/src"), new_circle(&imports, &modules))),
            }
        }
    }
    for circle in allowed.iter().filter(|circle| !kept.contains(circle)) {
        let message = format!("`{}` has shrunk or is gone: run `cargo xtask tidy --fix`", line(circle));
        findings.push(Finding::on(ALLOWED_PATH, message));
    }
    findings
}

/// The list with each circle as small as it is now, if that changes it. Never adds a module.
pub(super) fn repairs(tree: &Tree) -> Option<(String, String)> {
    let file = tree.file(ALLOWED_PATH)?;
    let found = all_imports(tree, &mut Vec::new());
    let mut lines: BTreeSet<String> = BTreeSet::new();
    for (folder, modules) in allowed(tree) {
        let now = found.iter().filter(|it| it.0 == folder).flat_map(|(_, imports)| circles(imports));
        lines.extend(now.filter(|it| it.is_subset(&modules)).map(|it| line(&(folder.clone(), it))));
    }
    let comments = file.text.lines().filter(|line| line.starts_with('#')).map(str::to_owned);
    let text: String = comments.chain(lines).map(|line| line + "\n").collect();
    (text != file.text).then(|| (ALLOWED_PATH.to_owned(), text))
}

/// What each module of each crate imports; a file that is no Rust is a finding.
fn all_imports(tree: &Tree, findings: &mut Vec<Finding>) -> Vec<(String, Imports)> {
    let mut crates = Vec::new();
    for (folder, files) in Modules::by_crate(tree) {
        match Modules::read(&files) {
            Ok(modules) => {
                let mut imports = modules.imports();
                imports.iter_mut().for_each(|(from, targets)| targets.retain(|to, _| !is_part_of(from, to)));
                crates.push((folder, imports));
            }
            Err(finding) => findings.push(finding),
        }
    }
    crates
}

/// The list: a crate's folder, a colon, the modules of one circle.
fn allowed(tree: &Tree) -> Vec<Circle> {
    let text = tree.file(ALLOWED_PATH).map_or("", |file| file.text.as_str());
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let circle = |line: &str| {
        let (folder, modules) = line.split_once(':').unwrap_or((line, ""));
        // The paths of modules hold colons too, but no single one before a space.
        (folder.to_owned(), modules.split_whitespace().map(str::to_owned).collect())
    };
    lines.map(circle).collect()
}

fn line((folder, modules): &Circle) -> String {
    let words: Vec<&str> = modules.iter().map(String::as_str).collect();
    format!("{folder}: {}", words.join(" "))
}

/// Sets of two modules or more that reach each other.
fn circles(imports: &Imports) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        imports.keys().map(|from| (from, reach(imports, from))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for from in imports.keys() {
        if found.iter().any(|circle| circle.contains(from)) {
            continue;
        }
        let back = |to: &&&String| reached.get(**to).is_some_and(|it| it.contains(from));
        let circle: BTreeSet<String> = reached[from].iter().filter(back).map(|to| (*to).clone()).collect();
        if circle.len() > 1 {
            found.push(circle);
        }
    }
    found
}

/// All modules that `from` imports, directly or by way of others.
fn reach<'i>(imports: &'i Imports, from: &String) -> BTreeSet<&'i String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = imports.get(from).into_iter().flat_map(BTreeMap::keys).collect();
    while let Some(module) = open.pop() {
        if reached.insert(module) {
            open.extend(imports.get(module).into_iter().flat_map(BTreeMap::keys));
        }
    }
    reached
}

/// Whether `module` is within `whole`, at any depth.
fn is_part_of(module: &str, whole: &str) -> bool {
    whole == "crate" || module.strip_prefix(whole).is_some_and(|rest| rest.starts_with("::"))
}

/// The circle, and a shortest way around from its first module.
fn new_circle(imports: &Imports, modules: &BTreeSet<String>) -> String {
    let names: Vec<&str> = modules.iter().map(String::as_str).collect();
    let (around, names) = (way_around(imports, names[0]), names.join(", "));
    format!("{names} import each other ({around}): move what they share into a module below them")
}

/// `a uses b (line 3), b uses a (line 7)`, by the fewest modules.
fn way_around(imports: &Imports, start: &str) -> String {
    let mut from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(module) = open.pop_front() {
        for to in imports.get(module).into_iter().flat_map(BTreeMap::keys) {
            if !from.contains_key(to.as_str()) {
                from.insert(to, module);
                open.push_back(to);
            }
        }
    }
    let mut steps = Vec::new();
    let mut at = start;
    while let Some(before) = from.get(at) {
        steps.push(format!("{before} uses {at} (line {})", imports[*before][at]));
        at = before;
        if at == start {
            break;
        }
    }
    steps.reverse();
    steps.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).into_iter().map(|finding| finding.to_string()).collect()
    }

    const LIB: (&str, &str) = ("sim/src/lib.rs", "mod a; mod b; mod c; pub use a::A;");
    const A: (&str, &str) = ("sim/src/a.rs", "use crate::b::B;\npub struct A;");
    const B: (&str, &str) = ("sim/src/b.rs", "use super::c;\npub struct B;");

    #[test]
    fn a_line_of_imports_is_no_circle() {
        assert_eq!(messages(&[LIB, A, B, ("sim/src/c.rs", "pub fn c() {}")]), [""; 0]);
    }

    #[test]
    fn a_circle_is_caught_with_what_ties_it() {
        // By way of a re-export of the crate.
        let found = messages(&[LIB, A, B, ("sim/src/c.rs", "\nfn c(_: crate::A) {}")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("sim/src: a, b, c import each other"), "{found:?}");
        assert!(found[0].contains("a uses b (line 1)") && found[0].contains("c uses a (line 2)"), "{found:?}");
    }

    #[test]
    fn a_part_may_use_its_whole_and_not_its_neighbours() {
        let part = |text| {
            messages(&[
                ("sim/src/lib.rs", "mod a; use a::A; pub fn root(_: A) {}"),
                ("sim/src/a.rs", "mod b; mod c; use b::B; pub struct A(B);"),
                ("sim/src/a/b.rs", text),
                ("sim/src/a/c.rs", "use super::b; pub struct C;"),
            ])
        };
        assert_eq!(part("use super::A; use crate::root; pub struct B;"), [""; 0]);
        assert_eq!(part("use super::c::C; pub struct B;").len(), 1);
    }

    #[test]
    fn the_circles_of_two_crates_are_two() {
        let found = messages(&[
            ("sim/src/lib.rs", "mod a; mod b;"),
            ("sim/src/a.rs", "use crate::b;"),
            ("sim/src/b.rs", "use crate::a;"),
            ("net/src/main.rs", "mod a; mod b;"),
            ("net/src/a.rs", "use crate::b;"),
            ("net/src/b/mod.rs", "use crate::a;"),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn tests_may_look_at_each_other() {
        let test = "#[cfg(test)] mod tests { use crate::a::A; fn t(_: crate::a::A) {} }";
        assert_eq!(messages(&[LIB, A, B, ("sim/src/c.rs", test)]), [""; 0]);
    }

    #[test]
    fn a_listed_circle_may_stay_and_must_not_grow() {
        let c = ("sim/src/c.rs", "use crate::a::A;");
        assert_eq!(messages(&[LIB, A, B, c, (ALLOWED_PATH, "# why\nsim: a b c\n")]), [""; 0]);
        // One that has more modules than the list says is a new one, and the listed one is none.
        assert_eq!(messages(&[LIB, A, B, c, (ALLOWED_PATH, "sim: a b\n")]).len(), 2);
        assert_eq!(messages(&[LIB, A, B, c, (ALLOWED_PATH, "net: a b c\n")]).len(), 2);
    }

    #[test]
    fn a_listed_circle_that_is_smaller_or_gone_is_caught_and_repaired() {
        let files = [
            LIB,
            A,
            ("sim/src/b.rs", "use super::a;\npub struct B;"),
            ("sim/src/c.rs", ""),
            (ALLOWED_PATH, "# why\nsim: a b c\nsim: c d\n"),
        ];
        assert_eq!(messages(&files).len(), 2);
        let repaired = repairs(&Tree::of(&files)).map(|(_, text)| text);
        assert_eq!(repaired.as_deref(), Some("# why\nsim: a b\n"));
    }
}
