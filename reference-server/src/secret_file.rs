//! Files that hold secrets: keys, and what stands for somebody's right to come back.
//!
//! Invariant: only their owner reads them, from the moment that they exist; a file is there whole or not at all. Every secret
//! that the server writes passes through here.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Writes a file where there is none yet.
///
/// # Errors
/// When there is one, or it cannot be written: then nothing is left of it.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = open(path)?;
    write(file, bytes).inspect_err(|_| {
        // What stands there is ours, and of no use; the error is what counts.
        _ = fs::remove_file(path);
    })
}

/// Writes a file in the place of the one that is there, if there is one.
///
/// # Errors
/// When it cannot be written: what was there stays.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create(&part, bytes)?;
    fs::rename(part, path)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

fn write(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_owner_reads_a_secret() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("secret");
        let mode = || fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
        create(&path, b"one").expect("there is none yet");
        assert_eq!(mode(), 0o600);
        assert!(create(&path, b"two").is_err());
        assert_eq!(fs::read(&path).expect("it is there"), b"one");
        // One that everybody could read does not hand that on.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
        fs::write(folder.path().join("secret.part"), b"left by a crash").expect("the folder is ours");
        replace(&path, b"three").expect("the folder is ours");
        assert_eq!((mode(), fs::read(&path).expect("it is there")), (0o600, b"three".to_vec()));
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
    }
}
