//! A copy of the tree under cargo's target folder, whose sources may be changed: by patches, by mutations.
//!
//! Invariant: nothing outside the copy changes, and a copy is one run's at a time. Files whose bytes would stay are not written,
//! so that cargo builds again only what has changed since the last run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{shell, tidy::file_paths};

/// A copy, ours until it is dropped.
pub(crate) struct TreeCopy {
    /// The folder of this kind of copy, for what belongs to it beside the tree.
    pub(crate) folder: PathBuf,
    /// The copy's root.
    pub(crate) tree: PathBuf,
    /// Held open for its lock.
    _lock: File,
}

impl TreeCopy {
    /// Brings the copy called `name` up to date, with `changed` texts instead of the tree's; waits while another run has it.
    ///
    /// # Errors
    /// When the tree cannot be read or the copy not be written.
    pub(crate) fn make(name: &str, changed: &BTreeMap<String, String>) -> Result<Self> {
        let folder = shell::scratch(name)?;
        let lock = File::create(folder.join("lock")).context("cannot make a lock file")?;
        lock.lock().with_context(|| format!("cannot lock {}", folder.display()))?;
        let (root, tree) = (shell::root(), folder.join("tree"));
        let paths: BTreeSet<String> = file_paths(&root)?.into_iter().collect();
        for path in &paths {
            let bytes = match changed.get(path) {
                Some(text) => text.as_bytes().to_vec(),
                None => std::fs::read(root.join(path)).with_context(|| format!("cannot read {path}"))?,
            };
            write_if_changed(&tree.join(path), &bytes)?;
        }
        remove_others(&tree, &paths)?;
        Ok(Self { folder, tree, _lock: lock })
    }

    /// Cargo in the copy, with a target folder beside it, so that nothing built here is taken for something else.
    pub(crate) fn cargo(&self) -> std::process::Command {
        let mut cargo = shell::cargo();
        cargo.current_dir(&self.tree).env("CARGO_TARGET_DIR", self.folder.join("target"));
        cargo
    }
}

fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = path.parent().expect("a file of the copy lies in a folder");
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Removes the copy's files that the tree has no longer: a test or a module that is gone must not be built.
fn remove_others(tree: &Path, paths: &BTreeSet<String>) -> Result<()> {
    for path in file_paths(tree)?.into_iter().filter(|path| !paths.contains(path)) {
        std::fs::remove_file(tree.join(&path)).with_context(|| format!("cannot remove {path} from the copy"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_loses_what_the_tree_has_lost_and_keeps_the_age_of_what_stays() {
        let tree = tempfile::tempdir().unwrap();
        let (kept, gone) = (tree.path().join("a/kept.rs"), tree.path().join("a/gone.rs"));
        write_if_changed(&kept, b"one").unwrap();
        write_if_changed(&gone, b"two").unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH;
        File::options().write(true).open(&kept).unwrap().set_modified(old).unwrap();
        write_if_changed(&kept, b"one").unwrap();
        remove_others(tree.path(), &["a/kept.rs".to_owned()].into()).unwrap();
        assert!(!gone.exists());
        assert_eq!(kept.metadata().unwrap().modified().unwrap(), old);
        write_if_changed(&kept, b"other").unwrap();
        assert_ne!(kept.metadata().unwrap().modified().unwrap(), old);
    }
}
