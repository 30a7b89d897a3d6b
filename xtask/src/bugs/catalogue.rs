//! The catalogue as data: `sim/seeded/bugs.toml`.
//!
//! Invariant: every entry names a check that exists; one that does not is an error, not a bug that nobody looks for.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// Where it is.
pub(super) const PATH: &str = "sim/seeded/bugs.toml";

/// All bugs.
pub(super) struct Catalogue {
    pub(super) run: Vec<Run>,
    pub(super) compile: Vec<Refused>,
    pub(super) lint: Vec<Refused>,
}

/// A bug that can be planted.
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

    fn parse(text: &str) -> Result<Self> {
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
