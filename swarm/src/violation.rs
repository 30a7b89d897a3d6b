//! [`Violation`]: what a run came to that it must not.
//!
//! Invariant: a violation names the way, the tick and the kind of fault; two violations of one kind and way count as the same bug
//! when a case is shrunk.

use std::fmt;

use crate::variants::Variant;

/// A failed comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// How the run was made.
    pub variant: Variant,
    /// At which tick, or after it.
    pub tick: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Another root than the first time.
    Root {
        /// The columns that differ.
        columns: Vec<String>,
    },
    /// A derived part is not what rebuilding it gives.
    Derived(String),
    /// A law of the rules is broken.
    Law {
        /// Name of the law.
        name: String,
        /// How it is broken.
        what: String,
    },
    /// The world's own bytes are refused, or a trace of the run is.
    Refused(String),
    /// A world does not have the bytes that it should.
    Bytes(String),
    /// The world predicted is not the one that its frames make.
    Predicted,
    /// A frame that had to be refused was not.
    Accepted,
    /// The run stopped.
    Panic(String),
    /// The case is none: its set-up is impossible. Never drawn; a case from a file may be.
    NoCase(String),
}

impl Fault {
    /// The kind, for people and for machines.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Root { .. } => "root",
            Self::Derived(_) => "derived",
            Self::Law { .. } => "law",
            Self::Refused(_) => "refused",
            Self::Bytes(_) => "bytes",
            Self::Predicted => "predicted",
            Self::Accepted => "accepted",
            Self::Panic(_) => "panic",
            Self::NoCase(_) => "no-case",
        }
    }
}

impl Violation {
    /// Whether both are taken for the same bug.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let same_law = match (&self.fault, &other.fault) {
            (Fault::Law { name: a, .. }, Fault::Law { name: b, .. }) => a == b,
            _ => true,
        };
        same_law && self.fault.word() == other.fault.word() && self.variant.word() == other.variant.word()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variant, tick, fault } = self;
        write!(f, "tick {tick}, {variant}: ")?;
        match fault {
            Fault::Root { columns } if columns.is_empty() => f.write_str("another root than the first time"),
            Fault::Root { columns } => write!(f, "differs from the first time in {}", columns.join(", ")),
            Fault::Derived(field) => write!(f, "derived `{field}` is not what rebuilding it gives"),
            Fault::Law { name, what } => write!(f, "the law \"{name}\" is broken: {what}"),
            Fault::Refused(why) => write!(f, "refused: {why}"),
            Fault::Bytes(what) => f.write_str(what),
            Fault::Predicted => f.write_str("the predicted world is not the one that its frames make"),
            Fault::Accepted => f.write_str("a frame for another tick was accepted"),
            Fault::Panic(text) => write!(f, "stopped: {text}"),
            Fault::NoCase(why) => write!(f, "impossible: {why}"),
        }
    }
}
