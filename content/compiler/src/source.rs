//! Source files and the report that grows while they are read.
//!
//! Invariant: sources are visited in the order of their paths, whatever order they came in.

use std::{fs, path::Path};

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
    /// Reads every `*.yaml` and `*.yml` file under `folder`, sorted by path relative to it.
    ///
    /// # Errors
    /// One diagnostic for each file that cannot be read or is not UTF-8.
    pub fn read_dir(folder: &Path) -> Result<Vec<Self>, Diagnostics> {
        let mut paths = Vec::new();
        let listing = list(folder, "", &mut paths);
        if let Err(error) = listing {
            return Err(Diagnostics::of_file(&folder.display().to_string(), format!("cannot be listed: {error}")));
        }
        paths.sort();
        let mut sources = Vec::new();
        let mut errors = Vec::new();
        for path in paths {
            match read(&folder.join(&path)) {
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

fn list(folder: &Path, prefix: &str, paths: &mut Vec<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &path, paths)?;
        } else if name.ends_with(".yaml") || name.ends_with(".yml") {
            paths.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if length > SOURCE_BYTES_MAX as u64 {
        return Err(format!("{length} bytes; a source has at most {SOURCE_BYTES_MAX}"));
    }
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        format!("not UTF-8: line {line} holds a byte that no UTF-8 text has there")
    })
}

/// Characters `start` (from 0) up to `start + length` of line `line` (from 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// From 1.
    pub line: u32,
    /// In characters, from 0.
    pub start: u32,
    /// In characters.
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
