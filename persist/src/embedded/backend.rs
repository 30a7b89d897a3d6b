//! [`StorageBackend`]: where the database and the watermark are; [`Files`]: in a folder.
//!
//! Invariant: a backend only holds bytes; it knows nothing of what they mean, and whatever it fails at is an error.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use redb::{DatabaseError, backends::FileBackend};

/// Where an embedded store keeps its bytes. A simulated disk implements this.
pub trait StorageBackend: Send + 'static {
    /// The storage that redb works on.
    type File: redb::StorageBackend;

    /// Opens the database's storage, empty if it was never there. Called again after a failure, when the file before was
    /// closed and dropped.
    ///
    /// # Errors
    /// When it cannot be opened; [`DatabaseError::DatabaseAlreadyOpen`] if somebody else has it.
    fn open(&mut self) -> Result<Self::File, DatabaseError>;

    /// The bytes of the watermark, none if there are none.
    ///
    /// # Errors
    /// When they cannot be read.
    fn watermark(&mut self) -> io::Result<Vec<u8>>;

    /// Writes a part of the watermark, growing it as needed. Need not be synced: it must outlive the process, not the machine.
    ///
    /// # Errors
    /// When it cannot be written.
    fn write_watermark(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Keeps a copy of the database as it is, because acknowledged ticks are about to be given up. It is not open then.
    /// Gives the copy's name; `None` where the backend cannot keep one.
    ///
    /// # Errors
    /// When the copy cannot be made: nothing is given up then.
    fn keep_damaged(&mut self) -> io::Result<Option<String>>;
}

/// A database and a watermark in a folder. Files that it makes only their owner reads: they hold everything that players did,
/// and what no player should see. Those that are there keep their modes.
#[derive(Clone)]
pub struct Files {
    folder: PathBuf,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Files({})", self.folder.display())
    }
}

impl Files {
    /// Name of the database in its folder.
    pub const DATABASE: &'static str = "world.redb";
    /// Name of the watermark.
    pub const WATERMARK: &'static str = "world.mark";

    /// In this folder, which is made when the database is opened.
    #[must_use]
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self { folder: folder.as_ref().to_path_buf() }
    }

    /// The database's file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.folder.join(Self::DATABASE)
    }
}

impl StorageBackend for Files {
    type File = FileBackend;

    fn open(&mut self) -> Result<FileBackend, DatabaseError> {
        fs::create_dir_all(&self.folder)?;
        let file = private().read(true).open(self.database())?;
        // A new file must still be in its folder after a crash.
        if cfg!(unix) {
            fs::File::open(&self.folder)?.sync_all()?;
        }
        FileBackend::new(file)
    }

    fn watermark(&mut self) -> io::Result<Vec<u8>> {
        match fs::read(self.folder.join(Self::WATERMARK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    fn write_watermark(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        use io::{Seek as _, Write as _};
        let path = self.folder.join(Self::WATERMARK);
        let mut file = private().open(path)?;
        file.seek(io::SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }

    fn keep_damaged(&mut self) -> io::Result<Option<String>> {
        let names = (1_u32..).map(|number| format!("{}.damaged-{number}", Self::DATABASE));
        for name in names {
            let path = self.folder.join(&name);
            if !path.exists() {
                fs::copy(self.database(), &path)?;
                fs::File::open(&path)?.sync_all()?;
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// Opens a file to write, and makes it for its owner alone where there is none.
fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_owner_reads_what_is_made_and_what_is_there_keeps_its_mode() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let mut files = Files::new(folder.path().join("world"));
        let mode = |name| fs::metadata(folder.path().join("world").join(name)).expect("it is there").permissions();
        drop(files.open().expect("a new file"));
        files.write_watermark(0, b"note").expect("a new file");
        let copy = files.keep_damaged().expect("there is room").expect("a name");
        for name in [Files::DATABASE, Files::WATERMARK, &copy] {
            assert_eq!(mode(name).mode() & 0o777, 0o600, "{name}");
        }
        fs::set_permissions(files.database(), fs::Permissions::from_mode(0o640)).expect("it is ours");
        drop(files.open().expect("it is there"));
        assert_eq!(mode(Files::DATABASE).mode() & 0o777, 0o640);
    }
}
