//! Source files and the report that grows while they are read.
//!
//! Invariant: sources are visited in the order of their paths, whatever order they came in.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::diagnostic::{Diagnostic, Diagnostics};

/// Bytes of one source file; the whole shipped set is a tenth of this.
pub const SOURCE_BYTES_MAX: usize = 8 << 20;
/// Files of one compilation.
pub const SOURCES_MAX: usize = 10_000;

/// One YAML file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// As messages should name it; with `/` between folders.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

impl Source {
    /// Reads every `*.yaml` and `*.yml` file under `folder`, in letters of either case, sorted by path relative to it.
    ///
    /// Links are followed, to files and to folders. Names that begin with a dot are left out: systems and editors leave such
    /// files behind (`._x.yaml`, `.#x.yaml`).
    ///
    /// # Errors
    /// One diagnostic for each file that cannot be read, is no regular file, or is not UTF-8, and for each folder that cannot be
    /// listed.
    pub fn read_dir(folder: &Path) -> Result<Vec<Self>, Diagnostics> {
        let mut listing = Listing::default();
        listing.folder(folder, "", &mut Vec::new());
        let Listing { mut files, mut errors } = listing;
        files.sort();
        let mut sources = Vec::new();
        for (path, file) in files {
            match read(&file) {
                Ok(text) => sources.push(Self { path, text }),
                Err(message) => errors.push(Diagnostic::of_file(&path, message)),
            }
        }
        if sources.is_empty() && errors.is_empty() {
            errors.push(Diagnostic::of_file(&folder.display().to_string(), "no .yaml file here"));
        }
        if errors.is_empty() { Ok(sources) } else { Err(Diagnostics::of(errors)) }
    }
}

/// What is found under a folder.
#[derive(Default)]
struct Listing {
    /// Names for messages, and the files themselves.
    files: Vec<(String, PathBuf)>,
    errors: Vec<Diagnostic>,
}

impl Listing {
    /// Adds what is in `folder`; `above` are the folders that lead to it, without links.
    fn folder(&mut self, folder: &Path, prefix: &str, above: &mut Vec<PathBuf>) {
        let shown = if prefix.is_empty() { folder.display().to_string() } else { prefix.to_owned() };
        let listed = fs::canonicalize(folder).and_then(|whole| Ok((whole, fs::read_dir(folder)?)));
        let (whole, entries) = match listed {
            Ok(listed) => listed,
            Err(error) => return self.fail(&shown, format!("cannot be listed: {error}")),
        };
        if above.contains(&whole) {
            return self.fail(&shown, "a link that leads back to a folder above it");
        }
        above.push(whole);
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry, prefix, above),
                Err(error) => self.fail(&shown, format!("cannot be listed: {error}")),
            }
        }
        above.pop();
    }

    fn entry(&mut self, entry: &fs::DirEntry, prefix: &str, above: &mut Vec<PathBuf>) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            return;
        }
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let is_source = ["yaml", "yml"].iter().any(|known| ending.eq_ignore_ascii_case(known));
        // Of what a link leads to.
        match fs::metadata(entry.path()) {
            Ok(metadata) if metadata.is_dir() => self.folder(&entry.path(), &path, above),
            Ok(metadata) if is_source && !metadata.is_file() => self.fail(&path, "not a regular file"),
            Ok(_) if is_source => self.files.push((path, entry.path())),
            Ok(_) => {}
            Err(error) if is_source || entry.file_type().is_ok_and(|kind| kind.is_symlink()) => {
                self.fail(&path, format!("cannot be read: {error}"));
            }
            Err(_) => {}
        }
    }

    fn fail(&mut self, path: &str, message: impl Into<String>) {
        self.errors.push(Diagnostic::of_file(path, message));
    }
}

fn read(path: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let mut bytes = Vec::new();
    // One byte more shows that there are too many, also where the length of a file is not known before.
    let file = fs::File::open(path).map_err(cannot)?;
    file.take(SOURCE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > SOURCE_BYTES_MAX {
        return Err(format!("more than {SOURCE_BYTES_MAX} bytes, which a source has at most"));
    }
    if [[0xff, 0xfe], [0xfe, 0xff]].iter().any(|mark| bytes.starts_with(mark)) {
        return Err("not UTF-8 but UTF-16, by its first two bytes: save it as UTF-8".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        format!("not UTF-8: line {line} holds a byte that no UTF-8 text has there")
    })
}

/// Characters `start` (from 0) up to `start + length` of line `line` (from 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The line, from 1.
    pub line: u32,
    /// The first character within the line, from 0.
    pub start: u32,
    /// Length in characters, all on one line.
    pub length: u32,
}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    all: Vec<Diagnostic>,
    omitted: usize,
}

impl Sink {
    pub(crate) fn report(&mut self, source: &Source, span: Span, message: impl Into<String>, help: Option<String>) {
        // Ten times what is shown: sorting comes later, and the first of a file should not be lost to its last.
        if self.all.len() >= 10 * crate::diagnostic::DIAGNOSTICS_MAX {
            self.omitted += 1;
            return;
        }
        let source_line = source.text.lines().nth((span.line as usize).saturating_sub(1)).unwrap_or_default();
        let source_line: String = source_line.chars().take(100_000).collect();
        self.all.push(Diagnostic {
            path: source.path.clone(),
            line: span.line,
            column: span.start + 1,
            length: span.length.max(1),
            message: message.into(),
            help,
            source_line,
        });
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.all.push(diagnostic);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn into_diagnostics(self) -> Diagnostics {
        let mut diagnostics = Diagnostics::of(self.all);
        diagnostics.omitted += self.omitted;
        diagnostics
    }
}
