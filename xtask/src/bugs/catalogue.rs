//! The catalogue as data: `bugs/catalogue.toml`, and a patch beside it for each bug that runs.
//!
//! Invariant: every entry names a check, every bug that runs has a patch that switches on by the bug's own name, and no patch
//! is left without an entry; anything else is an error, not a bug that nobody looks for.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};

use super::patch::{Failure, Patch};
use crate::shell;

/// The path of the catalogue.
pub(super) const PATH: &str = "bugs/catalogue.toml";
/// The folder of the patches.
const FOLDER: &str = "bugs/";

/// The bugs of the catalogue, by how each shows.
pub(super) struct Catalogue {
    pub(super) run: Vec<Run>,
    pub(super) compile: Vec<Refused>,
    pub(super) lint: Vec<Refused>,
}

/// A bug that a patch puts into the code.
pub(super) struct Run {
    pub(super) name: String,
    pub(super) story: String,
    check: Option<String>,
    /// Whether the swarm hunts for it.
    pub(super) swarm: bool,
    /// Whether two processes are compared instead.
    pub(super) digest: bool,
}

/// A bug that no build lets through.
pub(super) struct Refused {
    pub(super) story: String,
    pub(super) check: String,
}

impl Run {
    /// Package and name of the test that has to catch it, if one has to.
    pub(super) fn test(&self) -> Option<(&str, &str)> {
        self.check.as_ref()?.split_once(' ')
    }
}

impl Catalogue {
    /// # Errors
    /// When the file cannot be read or an entry lacks something.
    pub(super) fn read() -> Result<Self> {
        let text = std::fs::read_to_string(shell::root().join(PATH)).with_context(|| format!("cannot read {PATH}"))?;
        Self::parse(&text)
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let table: toml::Table = text.parse().with_context(|| format!("{PATH} is not TOML"))?;
        let entries = |kind: &str| table.get(kind).and_then(|it| it.as_array()).map_or(&[][..], Vec::as_slice);
        let optional =
            |entry: &toml::Value, field: &str| entry.get(field).and_then(|it| it.as_str()).map(str::to_owned);
        let word = |entry: &toml::Value, field: &str| {
            optional(entry, field).with_context(|| format!("{PATH}: an entry without `{field}`: {entry}"))
        };
        let flag =
            |entry: &toml::Value, field: &str, default| entry.get(field).and_then(|it| it.as_bool()).unwrap_or(default);
        let run = |entry: &toml::Value| {
            let (name, story) = (word(entry, "name")?, word(entry, "story")?);
            let bug = Run {
                name,
                story,
                check: optional(entry, "check"),
                swarm: flag(entry, "swarm", true),
                digest: flag(entry, "digest", false),
            };
            if bug.test().is_none() && !bug.swarm && !bug.digest {
                bail!("{PATH}: nothing has to catch `{}`", bug.name);
            }
            Ok(bug)
        };
        let refused = |entry: &toml::Value| Ok(Refused { story: word(entry, "story")?, check: word(entry, "check")? });
        Ok(Self {
            run: entries("run").iter().map(run).collect::<Result<_>>()?,
            compile: entries("compile").iter().map(refused).collect::<Result<_>>()?,
            lint: entries("lint").iter().map(refused).collect::<Result<_>>()?,
        })
    }

    /// The patches of all bugs that run, in their order; `patch_of` gives the text of a file of the tree.
    ///
    /// # Errors
    /// Names those that are missing, cannot be read, or are switched on by another name than the bug's own.
    pub(super) fn patches<'t>(
        &self,
        patch_of: impl Fn(&str) -> Option<&'t str>,
    ) -> std::result::Result<Vec<Patch>, Vec<Failure>> {
        let (mut patches, mut failures) = (Vec::new(), Vec::new());
        for Run { name, .. } in &self.run {
            let failure = |message: String| Failure { name: name.clone(), message };
            let text = patch_of(&patch_path(name)).ok_or_else(|| failure("has no patch".to_owned()));
            match text.and_then(|text| Patch::parse(name, text)) {
                Ok(patch) if switches(&patch.added()).any(|switch| switch == *name) => patches.push(patch),
                Ok(_) => failures.push(failure(format!("the patch asks nowhere whether \"{name}\" is on"))),
                Err(error) => failures.push(error),
            }
        }
        if failures.is_empty() { Ok(patches) } else { Err(failures) }
    }

    /// How many bugs no build lets through: those that clippy flags, and the compile-fail tests, which `sim`'s tests run.
    ///
    /// # Errors
    /// Names those that are let through, or whose test is not there.
    pub(super) fn refused(&self, flagged: &BTreeSet<String>) -> Result<usize> {
        let unflagged = self.lint.iter().map(|bug| &bug.check).filter(|check| !flagged.contains(*check));
        let is_there = |check: &str| {
            let file = |ending: &str| shell::root().join(format!("sim/tests/ui/{check}{ending}")).exists();
            file(".rs") && file(".stderr")
        };
        let untested = self.compile.iter().map(|bug| &bug.check).filter(|check| !is_there(check));
        let through: Vec<&String> = unflagged.chain(untested).collect();
        if !through.is_empty() {
            bail!("nothing refuses these bugs of {PATH}: {through:?}");
        }
        Ok(self.lint.len() + self.compile.len())
    }
}

/// Where the patch of a bug is.
pub(super) fn patch_path(name: &str) -> String {
    format!("{FOLDER}{name}.patch")
}

/// The bug that a file of this path is the patch of.
pub(super) fn name_of_patch(path: &str) -> Option<&str> {
    path.strip_prefix(FOLDER)?.strip_suffix(".patch")
}

/// The names in `is_on("name")`.
fn switches(code: &str) -> impl Iterator<Item = &str> {
    code.split("is_on(\"").skip(1).filter_map(|rest| rest.split('"').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_as_long_as_it_is_meant_to_be() {
        let all = Catalogue::read().unwrap();
        assert!(all.run.len() >= 30 && all.run.len() + all.compile.len() + all.lint.len() >= 60);
        for (index, bug) in all.run.iter().enumerate() {
            assert!(all.run[..index].iter().all(|other| other.name != bug.name), "{} stands twice", bug.name);
        }
        let flagged = all.lint.iter().map(|bug| bug.check.clone()).collect();
        assert!(all.refused(&flagged).is_ok());
    }

    #[test]
    fn a_bug_that_nothing_has_to_catch_is_refused() {
        let parse = |text: &str| Catalogue::parse(text).map(|it| it.run.len()).map_err(|error| error.to_string());
        assert_eq!(parse("[[run]]\nname = \"a\"\nstory = \"b\"\n"), Ok(1));
        assert!(
            parse("[[run]]\nname = \"a\"\nstory = \"b\"\nswarm = false\n")
                .unwrap_err()
                .contains("nothing has to catch")
        );
        assert!(parse("[[run]]\nname = \"a\"\n").unwrap_err().contains("without `story`"));
    }

    #[test]
    fn a_bug_that_clippy_lets_through_is_named() {
        let text = "[[lint]]\nstory = \"a\"\ncheck = \"std::no::Such\"\n[[compile]]\nstory = \"b\"\ncheck = \"no_such_file\"\n";
        let error = Catalogue::parse(text).unwrap().refused(&BTreeSet::new()).unwrap_err().to_string();
        assert!(error.contains("std::no::Such") && error.contains("no_such_file"), "{error}");
    }
}
