//! [`Failure`]: why something that a person asked for could not be done, and what to do about it.
//!
//! Invariant: one line that says what is wrong and who is to blame, then help; never a panic, never a chain of causes that
//! only the author understands. What programs tell apart has errors of its own; this is the end of the line, for people.

use std::fmt;

use tickworld_contentc::Diagnostics;
use tickworld_pool::PoolError;
use tickworld_region::AdapterError;

/// Why something could not be done, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    message: String,
    help: Option<String>,
    diagnostics: Option<Diagnostics>,
}

/// What is tried comes to.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// What is wrong, in lower case without a full stop.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, diagnostics: None }
    }

    /// What to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Mistakes in a source, with their places.
    pub fn of_sources(what: &str, diagnostics: Diagnostics) -> Self {
        let mut failure = Self::new(format!("{what} cannot be used as it is"));
        failure.diagnostics = Some(diagnostics);
        failure
    }

    /// For people, with colours if wanted.
    pub fn to_text(&self, color: bool) -> String {
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
    pub fn to_json(&self) -> serde_json::Value {
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

impl std::error::Error for Failure {}

impl From<AdapterError> for Failure {
    fn from(error: AdapterError) -> Self {
        match error.downcast::<Self>() {
            Ok(failure) => *failure,
            Err(error) => Self::new(error.to_string()),
        }
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::of_sources("the source", diagnostics)
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        Self::new(error.to_string()).help("give fewer with --threads")
    }
}
