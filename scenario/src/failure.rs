//! [`Failure`]: why something that a person asked for could not be done, and what to do about it.
//!
//! Invariant: one line that says what is wrong and who is to blame, then help; never a panic, never a chain of causes that
//! only the author understands. What programs tell apart has errors of its own; this is the end of the line, for people.

use std::fmt;

use tickworld_contentc::Diagnostics;
use tickworld_pool::PoolError;

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

    /// What is wrong and what to do about it, where that has no places of its own: to be said of a place in another source.
    pub(crate) fn into_parts(self) -> Result<(String, Option<String>), Self> {
        if self.diagnostics.is_some() { Err(self) } else { Ok((self.message, self.help)) }
    }

    /// The failure as text for people, with colours if wanted.
    pub fn to_text(&self, color: bool) -> String {
        let (red, bold, plain) = if color { ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        let mut text = self.places(color);
        text.push_str(&format!("{red}error{plain}: {}\n", self.message));
        if let Some(help) = &self.help {
            text.push_str(&format!(" {bold}help{plain}: {help}\n"));
        }
        text
    }

    /// The failure as one JSON value.
    pub fn to_json(&self) -> serde_json::Value {
        let Self { message, help, diagnostics } = self;
        serde_json::json!({ "error": { "message": message, "help": help, "diagnostics": diagnostics } })
    }

    /// Mistakes in a source, one after another.
    fn places(&self, color: bool) -> String {
        match &self.diagnostics {
            Some(list) if color => list.to_colored_string(),
            Some(list) => list.to_string(),
            None => String::new(),
        }
    }
}

/// What is wrong and what to do, without a word such as "error" before it: whoever shows it knows how to begin.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, "; {help}")?;
        }
        match self.places(false).trim_end() {
            "" => Ok(()),
            places => write!(f, "\n{places}"),
        }
    }
}

impl std::error::Error for Failure {}

/// What a game said for people, or anything else.
impl From<Box<dyn std::error::Error + Send + Sync>> for Failure {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_inside_another_message_says_error_once() {
        let failure = Failure::new("there is no such file").help("make one");
        assert_eq!(failure.to_string(), "there is no such file; make one");
        assert_eq!(failure.to_text(false), "error: there is no such file\n help: make one\n");
        assert_eq!(Failure::new(failure.to_string()).to_text(false).matches("error").count(), 1);
    }
}
