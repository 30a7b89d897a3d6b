//! [`Output`]: what a command says, for people or for machines.
//!
//! Invariant: with `--json` exactly one JSON value a command on standard output (`trace export`: one a line), without it text
//! of at most 100 columns where the content allows. A reader that goes away (`| head`) ends the output, not the work: the
//! exit code still says what was found. Any other write error is a failure of the command: [`StandardOutput`].

use std::{
    fmt,
    io::{self, IsTerminal},
};

use serde::Serialize;
use tickworld_server::stdout::StandardOutput;

use crate::failure::Outcome;

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// On whatever is written to.
    Always,
    /// On nothing that is written to.
    Never,
}

/// Standard output, as text or as one JSON value.
pub(crate) struct Output {
    stream: StandardOutput,
    json: bool,
    color: bool,
}

/// So many of something that one is called so: `1 keyframe`, `2 keyframes`, `3 entries`, `4 misses`.
pub(crate) fn counted(count: impl fmt::Display, one: &str) -> String {
    let count = count.to_string();
    match (count.as_str(), one.strip_suffix('y'), one.ends_with('s')) {
        ("1", ..) => format!("{count} {one}"),
        (_, Some(stem), _) => format!("{count} {stem}ies"),
        (_, None, true) => format!("{count} {one}es"),
        (_, None, false) => format!("{count} {one}s"),
    }
}

/// What to emphasise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ink {
    /// A title, in bold.
    Bold,
    /// What is well.
    Green,
    /// What is not.
    Red,
    /// The left side, a hint.
    Cyan,
}

impl Color {
    /// Whether to use colours on a stream.
    pub(crate) fn wanted(self, is_terminal: bool) -> bool {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        }
    }
}

impl Output {
    /// Writes to standard output.
    pub(crate) fn new(json: bool, color: Color) -> Self {
        let color = color.wanted(io::stdout().is_terminal()) && !json;
        Self { stream: StandardOutput::new(), json, color }
    }

    /// Whether machines read it.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether people want colours.
    pub(crate) const fn has_color(&self) -> bool {
        self.color
    }

    /// A line for people; nothing with `--json`.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) {
        if !self.json {
            self.write(text.as_ref());
        }
    }

    /// A value for machines; nothing without `--json`.
    pub(crate) fn value(&mut self, value: &impl Serialize) {
        if self.json {
            self.value_line(value);
        }
    }

    /// A value on a line of its own, whoever reads.
    pub(crate) fn value_line(&mut self, value: &impl Serialize) {
        let text = serde_json::to_string(value).expect("reports have string keys and plain values");
        self.write(&text);
    }

    /// The text in a colour, if there are any.
    pub(crate) fn paint(&self, ink: Ink, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        if !self.color {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Bold => "1",
            Ink::Green => "1;32",
            Ink::Red => "1;31",
            Ink::Cyan => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Text as it is, whoever reads.
    pub(crate) fn raw(&mut self, text: &str) {
        self.stream.write(text);
    }

    /// Whether nothing more can be written; long outputs may stop.
    pub(crate) const fn is_broken(&self) -> bool {
        self.stream.has_ended()
    }

    /// Sends what is buffered.
    pub(crate) fn flush(&mut self) {
        self.stream.flush();
    }

    /// Sends what is buffered; a failure where something that anybody wanted to read could not be written.
    pub(crate) fn finish(&mut self) -> Outcome<()> {
        self.stream.finish()
    }

    fn write(&mut self, text: &str) {
        self.stream.write(text);
        self.stream.write("\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let of = |one| [0, 1, 2, 11, 21].map(|count| counted(count, one)).join(", ");
        assert_eq!(of("tick"), "0 ticks, 1 tick, 2 ticks, 11 ticks, 21 ticks");
        assert_eq!(of("entry"), "0 entries, 1 entry, 2 entries, 11 entries, 21 entries");
        assert_eq!(of("miss"), "0 misses, 1 miss, 2 misses, 11 misses, 21 misses");
    }
}
