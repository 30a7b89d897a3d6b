//! [`DataFolder`]: the folder of a world while a server starts in it.
//!
//! Invariant: what a server makes here only its owner reads, but for the certificate that everybody may have. A start that fails leaves the folder as it was found: what it made in there is removed, and so is the folder if
//! there was none. What was there before, and what is none of ours, is never touched.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

/// Makes the folder of a world where it is missing, for its owner alone. One that is there keeps its mode: who else may read it
/// is then somebody's decision.
///
/// # Errors
/// When it cannot be made.
pub fn make(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Names of the files that a server makes in its folder.
const OURS: &[&str] = &[
    "world.redb",
    "world.mark",
    "development-issuer.pem",
    "dev-certificate.pem",
    "dev-certificate-key.pem",
    "dev-certificate-key.part",
];

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// It is a file.
    #[error("data is {}, which is a file: a world takes a folder", .0.display())]
    File(PathBuf),
    /// It cannot be made, or not be read.
    #[error("data is {}, which cannot be used: {cause}", path.display())]
    Unusable {
        /// The path of the folder.
        path: PathBuf,
        /// Why it cannot be used.
        cause: io::Error,
    },
}

/// See the module.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Folders that had to be made, the innermost first.
    made: Vec<PathBuf>,
    before: BTreeSet<OsString>,
    is_kept: bool,
}

impl DataFolder {
    /// Makes the folder where it is missing, and takes note of what is in it.
    ///
    /// # Errors
    /// When it is a file, or not ours to use.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        if path.metadata().is_ok_and(|found| !found.is_dir()) {
            return Err(FolderError::File(path.to_owned()));
        }
        let unusable = |cause| FolderError::Unusable { path: path.to_owned(), cause };
        let parents = path.ancestors().take_while(|parent| !parent.as_os_str().is_empty() && !parent.exists());
        let mut folder = Self { path: path.to_owned(), made: Vec::new(), before: BTreeSet::new(), is_kept: false };
        folder.made = parents.map(Path::to_owned).collect();
        // What of it was made is removed with the value.
        make(path).map_err(unusable)?;
        let listed = fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
        folder.before = listed.map_err(|cause| {
            folder.is_kept = true;
            FolderError::Unusable { path: path.to_owned(), cause }
        })?;
        Ok(folder)
    }

    /// Whether a world is in the folder of this path.
    #[must_use]
    pub fn has_world(path: &Path) -> bool {
        path.join(OURS[0]).exists()
    }

    /// The start has succeeded: everything stays.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        for name in OURS.iter().filter(|name| !self.before.contains(&OsString::from(**name))) {
            // Most were never made; what cannot be removed does no harm where it is.
            _ = fs::remove_file(self.path.join(name));
        }
        for folder in &self.made {
            // Fails where something is in it that is none of ours.
            _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).expect("the folder is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_start_that_fails_leaves_nothing_behind() {
        let scratch = tempfile::tempdir().expect("a folder for the test");
        let path = scratch.path().join("a/b/world");
        let folder = DataFolder::open(&path).expect("it can be made");
        for name in OURS {
            fs::write(path.join(name), b"x").expect("it can be written");
        }
        drop(folder);
        assert_eq!(names(scratch.path()), [""; 0]);
    }

    #[test]
    fn what_was_there_and_what_is_none_of_ours_stays() {
        let scratch = tempfile::tempdir().expect("a folder for the test");
        let path = scratch.path().join("world");
        fs::create_dir(&path).expect("it can be made");
        fs::write(path.join("development-issuer.pem"), b"x").expect("it can be written");
        let folder = DataFolder::open(&path).expect("it is there");
        for name in ["world.redb", "notes.txt"] {
            fs::write(path.join(name), b"x").expect("it can be written");
        }
        drop(folder);
        assert_eq!(names(&path), ["development-issuer.pem", "notes.txt"]);
        let folder = DataFolder::open(&path).expect("it is there");
        fs::write(path.join("world.redb"), b"x").expect("it can be written");
        folder.keep();
        assert!(DataFolder::has_world(&path));
    }

    #[test]
    fn a_file_is_no_folder() {
        let scratch = tempfile::NamedTempFile::new().expect("a file for the test");
        let error = DataFolder::open(scratch.path()).expect_err("it is a file");
        assert!(error.to_string().contains("is a file"), "{error}");
        let error = DataFolder::open(&scratch.path().join("world")).expect_err("a file has no folders in it");
        assert!(matches!(error, FolderError::Unusable { .. }), "{error}");
    }
}
