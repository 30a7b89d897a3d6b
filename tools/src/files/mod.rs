//! Files: traces as the engine's [`Source`] and [`Sink`].
//!
//! Invariant: a message about a file names it, says what it is as far as its first bytes tell, and what to do next.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read as _, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tickworld_sim::trace::{Sink, Source, Trace, TraceError};

use tickworld_server::files::cannot_open;
pub(crate) use tickworld_server::files::wrong_kind;

use crate::failure::{Failure, Outcome};

/// A file that is read as a trace.
pub(crate) struct TraceFile {
    file: BufReader<File>,
}

impl Source for TraceFile {
    type Error = io::Error;

    fn len(&mut self) -> io::Result<u64> {
        Ok(self.file.get_ref().metadata()?.len())
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(buffer)
    }
}

/// A file that a trace is written to.
///
/// It is written under another name and takes its own at the end, so that a broken-off recording never replaces a good one;
/// what was written until then stays, to be read up to the tear.
pub(crate) struct NewFile {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
}

impl NewFile {
    /// Begins to write what will be `path`.
    pub(crate) fn create(path: &Path) -> Outcome<Self> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        match File::create(&part) {
            Ok(file) => Ok(Self { path: path.to_owned(), part, file: BufWriter::with_capacity(1 << 18, file) }),
            Err(error) => Err(Failure::new(format!("cannot create {}: {error}", path.display()))),
        }
    }

    /// All is written.
    pub(crate) fn finish(mut self) -> Outcome<()> {
        let done = self.file.flush().and_then(|()| std::fs::rename(&self.part, &self.path));
        done.map_err(|error| Failure::new(format!("cannot write {}: {error}", self.path.display())))
    }
}

impl Sink for NewFile {
    type Error = io::Error;

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }
}

/// Opens a trace.
pub(crate) fn open_trace(path: &Path) -> Outcome<Trace<TraceFile>> {
    if path.is_dir() {
        return Err(Failure::new(format!("{} is a folder, not a trace", path.display())));
    }
    let file = File::open(path).map_err(|error| cannot_open(path, &error, "trace"))?;
    Trace::open(TraceFile { file: BufReader::with_capacity(1 << 16, file) }).map_err(|error| trace_failure(path, error))
}

/// A trace that cannot be read, said for people.
pub(crate) fn trace_failure(path: &Path, error: TraceError<io::Error>) -> Failure {
    let shown = path.display();
    match error {
        TraceError::Magic => wrong_kind(path, "trace"),
        TraceError::Version { .. } => {
            Failure::new(format!("{shown}: {error}")).help("read it with the build that wrote it, or with a newer one")
        }
        TraceError::Damaged { .. } | TraceError::Chain { .. } | TraceError::KeyframeRoot { .. } => {
            Failure::new(format!("{shown}: {error}"))
                .help(format!("`tickworld trace info {shown}` says how far it can be read"))
        }
        error => Failure::new(format!("{shown}: {error}")),
    }
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Outcome<()> {
    let write = || -> io::Result<()> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, bytes)
    };
    write().map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
}
