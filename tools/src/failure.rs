//! [`Failure`]: why a command could not do its work, and what to do about it.
//!
//! Invariant: one line that says what is wrong and who is to blame, then help; never a panic, never a chain of causes that
//! only the author understands. A difference that was found is no failure: see [`Verdict`].

use std::fmt;

use tickworld_contentc::Diagnostics;

/// What a command that did its work found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is well, or both are the same: exit code 0.
    Same,
    /// Something differs from what was recorded or expected: exit code 1.
    Different,
}

impl Verdict {
    /// `Same` if `same`.
    pub(crate) const fn of(same: bool) -> Self {
        if same { Self::Same } else { Self::Different }
    }
}

/// Why there is no verdict: exit code 2.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    help: Option<String>,
    diagnostics: Option<Diagnostics>,
}

/// What a command comes to.
pub(crate) type Outcome<T = Verdict> = Result<T, Failure>;

impl Failure {
    /// What is wrong, in lower case without a full stop.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, diagnostics: None }
    }

    /// What to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Mistakes in a source, with their places.
    pub(crate) fn of_sources(what: &str, diagnostics: Diagnostics) -> Self {
        let mut failure = Self::new(format!("{what} cannot be used as it is"));
        failure.diagnostics = Some(diagnostics);
        failure
    }

    /// For people, with colours if wanted.
    pub(crate) fn to_text(&self, color: bool) -> String {
        let (red, bold, plain) = if color { ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        let mut text = match &self.diagnostics {
            Some(list) if color => list.to_colored_string(),
            Some(list) => list.to_string(),
            None => String::new(),
        };
        text.push_str(&format!("{red}error{plain}: {}\n", self.message));
        if let Some(help) = &self.help {
            text.push_str(&format!(" {bold}help{plain}: {help}\n"));
        }
        text
    }

    /// For machines.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "error": { "message": self.message, "help": self.help, "diagnostics": self.diagnostics }
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_text(false).trim_end())
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::of_sources("the source", diagnostics)
    }
}
