//! The tree as tidy sees it: every text file with its path, and what cargo says about the members.
//!
//! Build output and git's own folder (in a linked worktree a file) are left out; nothing else is, so a check cannot miss a
//! file by accident.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::shell;

const SKIPPED: &[&str] = &[".git", "target"];

/// Everything a check may look at.
pub(crate) struct Tree {
    /// Sorted by path.
    pub(crate) files: Vec<File>,
    /// `cargo metadata --no-deps`.
    pub(crate) metadata: serde_json::Value,
}

/// One text file.
pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: String,
    /// Its whole text.
    pub(crate) text: String,
}

/// A violation of the house style, and its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The path of the file, from the root.
    pub(crate) path: String,
    /// From 1; none if it concerns the file as a whole.
    pub(crate) line: Option<usize>,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl Tree {
    /// Reads the working tree under `root`; files that are not UTF-8 are no text and are left out.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for path in file_paths(root)? {
            // Not UTF-8: a trace, a pack, a picture.
            if let Ok(text) = String::from_utf8(std::fs::read(root.join(&path))?) {
                files.push(File { path, text });
            }
        }
        let metadata = shell::read(shell::cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
        let metadata = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
        Ok(Self { files, metadata })
    }

    /// The file at `path`, if there is one.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Rust sources that people write: generated code is left out.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs") && !file.path.contains("/generated/"))
    }

    /// A tree of literals, for the checks' tests.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.to_owned(), text: text.to_owned() };
        Self { files: files.iter().map(file).collect(), metadata: serde_json::Value::Null }
    }
}

impl File {
    /// A finding at a line of this file.
    pub(crate) fn at(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line: Some(line), message: message.into() }
    }

    /// A finding on this file as a whole.
    pub(crate) fn whole(&self, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line: None, message: message.into() }
    }

    /// Whether the whole file is test code, by its place.
    pub(crate) fn is_test(&self) -> bool {
        let mut parts = self.path.split('/');
        parts.any(|part| matches!(part, "tests" | "tests.rs" | "fixtures"))
    }
}

impl Finding {
    /// A finding on a place that may not exist.
    pub(crate) fn on(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(out, "{}:{line}: {}", self.path, self.message),
            None => write!(out, "{}: {}", self.path, self.message),
        }
    }
}

/// The files under `root` but for build output and git's own, from there, with `/`; sorted.
///
/// # Errors
/// When a folder cannot be listed.
pub(crate) fn file_paths(root: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    collect(root, root, &mut paths)?;
    paths.sort();
    Ok(paths)
}

fn collect(root: &Path, folder: &Path, paths: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        // Whoever sets CARGO_TARGET_DIR may have it within the tree, under any name.
        if SKIPPED.contains(&entry.file_name().to_string_lossy().as_ref()) || path == shell::target() {
            continue;
        }
        if kind.is_dir() {
            collect(root, &path, paths)?;
        } else if kind.is_file() {
            let parts = path.strip_prefix(root).expect("walked from the root").iter();
            paths.push(parts.map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_place_and_message() {
        let tree = Tree::of(&[("a/b.rs", "")]);
        assert_eq!(tree.files[0].at(3, "odd").to_string(), "a/b.rs:3: odd");
        assert_eq!(tree.files[0].whole("odd").to_string(), "a/b.rs: odd");
    }

    #[test]
    fn the_walk_leaves_out_build_output_and_binary_files() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["sim/src", "target/debug", "benches/target"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for name in ["sim/src/lib.rs", "target/debug/lib.rs", "benches/target/lib.rs", ".dot"] {
            std::fs::write(root.path().join(name), "text").unwrap();
        }
        std::fs::write(root.path().join("picture"), [0xff, 0xfe]).unwrap();
        assert_eq!(file_paths(root.path()).unwrap(), [".dot", "picture", "sim/src/lib.rs"]);
        let tree = Tree::read(root.path()).unwrap();
        let paths: Vec<&str> = tree.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [".dot", "sim/src/lib.rs"]);
    }
}
