//! What is wrong with the sources, for people and for machines.
//!
//! Invariant: a list is sorted by file, line and column, without repeats, so equal sources give equal reports. Text is
//! plain; whoever has a terminal may ask for colours.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

/// Reports kept; the rest are counted. A wrong indentation can make thousands.
pub const DIAGNOSTICS_MAX: usize = 200;
/// Characters of a source line that are shown around the mistake.
const LINE_CHARS_MAX: usize = 120;

/// One mistake in one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    /// The source's path, as [`Source::path`](crate::Source::path) gives it.
    pub path: String,
    /// From 1; 0 where the whole file is meant.
    pub line: u32,
    /// In characters, from 1; 0 where the whole file is meant.
    pub column: u32,
    /// Characters underlined, at least 1.
    pub length: u32,
    /// What is wrong, in lower case without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The line as it stands in the file.
    pub source_line: String,
}

/// Everything that is wrong, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diagnostics {
    /// Sorted; at most [`DIAGNOSTICS_MAX`].
    pub list: Vec<Diagnostic>,
    /// How many more there were.
    pub omitted: usize,
}

impl Diagnostics {
    /// Sorts, drops repeats and cuts to [`DIAGNOSTICS_MAX`].
    pub(crate) fn of(all: impl IntoIterator<Item = Diagnostic>) -> Self {
        let mut list: Vec<_> = all.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let omitted = list.len().saturating_sub(DIAGNOSTICS_MAX);
        list.truncate(DIAGNOSTICS_MAX);
        Self { list, omitted }
    }

    /// A single report about a file as a whole.
    pub(crate) fn of_file(path: &str, message: impl Into<String>) -> Self {
        Self::of([Diagnostic::of_file(path, message)])
    }

    /// The same text as `Display`, with ANSI colours.
    pub fn to_colored_string(&self) -> String {
        self.to_string_in(Palette { red: "\x1b[1;31m", blue: "\x1b[1;34m", plain: "\x1b[0m" })
    }

    fn to_string_in(&self, palette: Palette) -> String {
        let mut text = String::new();
        for diagnostic in &self.list {
            diagnostic.render(&mut text, palette);
        }
        let count = self.list.len() + self.omitted;
        text.push_str(&format!("{count} error{}", if count == 1 { "" } else { "s" }));
        if self.omitted > 0 {
            text.push_str(&format!(", {} not shown", self.omitted));
        }
        text.push('\n');
        text
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_in(Palette { red: "", blue: "", plain: "" }))
    }
}

impl std::error::Error for Diagnostics {}

#[derive(Clone, Copy)]
struct Palette {
    red: &'static str,
    blue: &'static str,
    plain: &'static str,
}

impl Diagnostic {
    pub(crate) fn of_file(path: &str, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: 0,
            column: 0,
            length: 1,
            message: message.into(),
            help: None,
            source_line: String::new(),
        }
    }

    fn render(&self, out: &mut String, Palette { red, blue, plain }: Palette) {
        let Self { path, line, column, message, .. } = self;
        if *line == 0 {
            out.push_str(&format!("{path}: {red}error{plain}: {message}\n"));
            if let Some(help) = &self.help {
                out.push_str(&format!("  {help}\n"));
            }
            return;
        }
        out.push_str(&format!("{path}:{line}:{column}: {red}error{plain}: {message}\n"));
        let gutter = line.to_string();
        let blank = " ".repeat(gutter.len());
        let (shown, before) = self.window();
        let carets = "^".repeat(usize::try_from(self.length).unwrap_or(1).clamp(1, LINE_CHARS_MAX));
        let help = self.help.as_deref().map(|help| format!(" {help}")).unwrap_or_default();
        out.push_str(&format!("{blue}{gutter} |{plain} {shown}\n"));
        out.push_str(&format!("{blue}{blank} |{plain} {}{red}{carets}{help}{plain}\n", " ".repeat(before)));
    }

    /// The part of the line around the mistake, and how many characters stand before the caret.
    fn window(&self) -> (String, usize) {
        let before = usize::try_from(self.column).unwrap_or(1).saturating_sub(1);
        let start = before.saturating_sub(LINE_CHARS_MAX / 2);
        let start = if before + 8 < LINE_CHARS_MAX { 0 } else { start };
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let shown: String = self.source_line.chars().skip(start).take(LINE_CHARS_MAX).map(clean).collect();
        (shown.trim_end().to_owned(), before - start)
    }
}
