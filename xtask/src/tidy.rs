//! `cargo xtask tidy`: what the house style can state as code.
//!
//! A check is a pure function from the tree's texts to findings, so each has a unit test with a seeded violation. What
//! clippy can state is left to clippy (but for `unwrap`, which must not hide in a crate that forgot the lints).

mod attributes;
mod circles;
mod generated;
mod imports;
mod layers;
mod lengths;
mod packages;
mod places;
mod readme;
mod seeded_bugs;
mod short_docs;
mod sources;
mod synced;
mod tokens;
mod tree;
mod words;

use anyhow::{Context as _, Result, bail};

use crate::shell;
use tree::{Finding, Tree};

pub(crate) use packages::is_published;
pub(crate) use tree::file_paths;

/// Name, what holds, and the check itself.
type Check = (&'static str, &'static str, fn(&Tree) -> Vec<Finding>);

const CHECKS: &[Check] = &[
    ("layers", "a crate depends only on those above it in the layer table", layers::check),
    (
        "packages",
        "what is published says what registries ask, and needs nothing that is not published",
        packages::check,
    ),
    ("attributes", "crates below the sans-I/O line carry its attributes, and all members the lints", attributes::check),
    ("module docs", "every .rs file opens with //!", sources::module_docs),
    ("ascii", "sources are ASCII", sources::ascii),
    ("panics", "no unwrap outside tests", sources::unwrap),
    ("tests", "no ignored test, no sleep in a test", sources::ignored_and_sleeping),
    ("profiles", "nothing below the sans-I/O line is done by debug builds alone", sources::profiles),
    ("std", "no path into std below the sans-I/O line", sources::std_paths),
    ("lengths", "files stay under the line limit; the ratchet only goes down", lengths::check),
    ("circles", "modules import each other in no circle that is not listed; the list only goes down", circles::check),
    ("words", "declared names are the field's words, but for old ones that a package is listed to keep", words::check),
    ("short docs", "docs say more than two words", short_docs::check),
    ("synced", "marked blocks of the documents equal the code they describe", synced::check),
    ("generated", "generated code belongs to the committed schemas", generated::check),
    ("readme", "the README's commands are what CI runs", readme::check),
    ("seeded bugs", "every bug's patch goes into today's sources", seeded_bugs::check),
    ("places", "no path of somebody's machine", places::check),
];

/// Runs every check and prints the findings as `path:line: check: message`; with `fix`, repairs what it can first.
///
/// # Errors
/// When anything was found, or the tree cannot be read.
pub(crate) fn run(fix: bool) -> Result<()> {
    let mut tree = Tree::read(&shell::root())?;
    if fix {
        for (path, text) in
            lengths::repairs(&tree).into_iter().chain(circles::repairs(&tree)).chain(synced::repairs(&tree))
        {
            std::fs::write(shell::root().join(&path), text).with_context(|| format!("cannot write {path}"))?;
            println!("repaired {path}");
        }
        tree = Tree::read(&shell::root())?;
    }
    let mut count = 0;
    for (name, holds, check) in CHECKS {
        let findings = check(&tree);
        println!("{} {name}: {holds}", if findings.is_empty() { "ok  " } else { "FAIL" });
        for finding in &findings {
            println!("     {finding}");
        }
        count += findings.len();
    }
    if count > 0 {
        bail!("tidy found {count} violations in {} files read", tree.files.len());
    }
    println!("{} files read", tree.files.len());
    Ok(())
}
