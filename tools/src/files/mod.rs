//! Files: what commands read and write, traces as the engine's [`Source`](trace::Source) and [`Sink`](tickworld_sim::trace::Sink) among them.
//!
//! Invariant: a message about a file names it, says what it is as far as its first bytes tell, and what to do next. Every file
//! that a command leaves is written through [`NewFile`], which replaces only what [`Target`] allows.

mod new_file;
mod target;

use std::{
    fs::File,
    io::{self, BufReader, Read as _, Seek, SeekFrom},
    path::Path,
};

use tickworld_contentc::Source;
use tickworld_sim::trace::{self, Trace, TraceError};

use tickworld_scenario::files::cannot_open;
pub(crate) use tickworld_scenario::files::wrong_kind;

pub(crate) use self::{
    new_file::{NewFile, write},
    target::{Kind, Target, check_folder},
};
use crate::{
    failure::{Failure, Outcome},
    interrupt,
};

/// A file that is read as a trace.
pub(crate) struct TraceFile {
    file: BufReader<File>,
    /// Whether reading fails once the process is told to end.
    ends_when_asked: bool,
}

impl trace::Source for TraceFile {
    type Error = io::Error;

    fn len(&mut self) -> io::Result<u64> {
        Ok(self.file.get_ref().metadata()?.len())
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.ends_when_asked && interrupt::is_asked() {
            return Err(io::Error::other("told to end"));
        }
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(buffer)
    }
}

/// Opens a trace.
pub(crate) fn open_trace(path: &Path) -> Outcome<Trace<TraceFile>> {
    open(path, false)
}

/// Opens a trace for work that the engine does in one piece: it ends with an error of the source once the process is told to
/// end ([`interrupt::is_asked`] tells it from others). The command has taken over.
pub(crate) fn open_trace_until_asked(path: &Path) -> Outcome<Trace<TraceFile>> {
    open(path, true)
}

fn open(path: &Path, ends_when_asked: bool) -> Outcome<Trace<TraceFile>> {
    if path.is_dir() {
        return Err(Failure::new(format!("{} is a folder, not a trace", path.display())));
    }
    // A pipe is opened only by whoever may read it to its end.
    let is_file = std::fs::metadata(path).map(|metadata| metadata.is_file());
    if !is_file.map_err(|error| cannot_open(path, &error, "trace"))? {
        return Err(Failure::new(format!("{} is a pipe or a device, not a file: a trace is searched", path.display()))
            .help("write it to a file first, and name that"));
    }
    let file = File::open(path).map_err(|error| cannot_open(path, &error, "trace"))?;
    let file = TraceFile { file: BufReader::with_capacity(1 << 16, file), ends_when_asked };
    Trace::open(file).map_err(|error| trace_failure(path, error))
}

/// A trace that cannot be read, said for people.
pub(crate) fn trace_failure(path: &Path, error: TraceError<io::Error>) -> Failure {
    let shown = path.display();
    match error {
        TraceError::Magic => wrong_kind(path, "trace"),
        TraceError::Version { .. } => {
            Failure::new(format!("{shown}: {error}")).help("read it with the build that wrote it, or with a newer one")
        }
        TraceError::Damaged { .. } | TraceError::Chain { .. } | TraceError::KeyframeRoot { .. } => Failure::new(
            format!("{shown}: {error}"),
        )
        .help(format!(
            "`tickworld trace info {shown}` says how far it can be read; a copy made as text, with other line ends, \
                     is damaged so"
        )),
        TraceError::NoKeyframe { .. } => Failure::new(format!("{shown}: {error}")).help(format!(
            "a recording that was broken off before its first world was written cannot be simulated: `tickworld trace info \
             {shown}` says whether it was"
        )),
        error => Failure::new(format!("{shown}: {error}")),
    }
}

/// Writes sources into a folder: all of them, or none where one of them stands there with changes.
pub(crate) fn write_sources(folder: &Path, sources: &[Source], force: bool) -> Outcome<()> {
    check_folder(folder)?;
    let sources: Vec<Source> = sources.iter().map(|source| with_known_schema(folder, source)).collect();
    let mut changed = Vec::new();
    for source in &sources {
        // Where its folder is not there, it is not there either.
        if folder.join(&source.path).exists() && !force && target(folder, source, force).is_changed()? {
            changed.push(source.path.as_str());
        }
    }
    if let Some(first) = changed.first() {
        let others = if changed.len() > 1 { format!(" and {} others", changed.len() - 1) } else { String::new() };
        let message = format!("{} holds {first}{others} with other words than would be written", folder.display());
        return Err(Failure::new(message)
            .help("--force replaces such files, with every change that was made in them; or name another folder"));
    }
    for source in &sources {
        make_folder(folder.join(&source.path).parent().unwrap_or(folder))?;
        write(target(folder, source, force), source.text.as_bytes())?;
    }
    Ok(())
}

/// The line that tells editors a source's schema, by a path as this repository has it.
const SCHEMA_LINE: &str = "# yaml-language-server: $schema=";

/// The source, without the line of its schema where no schema is there: editors complain of such a line in every file.
fn with_known_schema(folder: &Path, source: &Source) -> Source {
    let (first, rest) = source.text.split_once('\n').unwrap_or((&source.text, ""));
    let Some(schema) = first.strip_prefix(SCHEMA_LINE) else { return source.clone() };
    // Step by step: the folders of the source need not be there yet.
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut path = folder.join(&source.path);
    path.pop();
    for part in schema.trim().split('/') {
        match part {
            ".." => _ = path.pop(),
            part => path.push(part),
        }
    }
    if path.is_file() { source.clone() } else { Source { path: source.path.clone(), text: rest.to_owned() } }
}

fn target<'s>(folder: &Path, source: &'s Source, force: bool) -> Target<'s> {
    Target::new(folder.join(&source.path), Kind::Exactly(source.text.as_bytes())).force(force)
}

/// Makes a folder to write to, and those above it.
pub(crate) fn make_folder(folder: &Path) -> Outcome<()> {
    check_folder(folder)?;
    let made = std::fs::create_dir_all(folder);
    made.map_err(|error| Failure::new(format!("cannot make the folder {}: {error}", folder.display())))
}
