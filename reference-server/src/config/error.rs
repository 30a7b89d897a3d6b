//! [`ConfigError`]: why a configuration is refused, with the place where somebody wrote what is wrong.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// Where somebody said something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a line of a TOML file, counted from 1.
    File(PathBuf, usize),
    /// In the variable of this name.
    Variable(String),
    /// With the flag of this name.
    Flag(String),
}

impl Place {
    /// On the line of a file's text in which the byte `at` stands.
    pub(super) fn in_text(path: &Path, text: &str, at: usize) -> Self {
        let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
        Self::File(path.to_owned(), 1 + before.iter().filter(|byte| **byte == b'\n').count())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Flag(name) => write!(f, "the flag --{name}"),
        }
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {cause}", path.display())]
    Read {
        /// The path of the file.
        path: PathBuf,
        /// Why it cannot be read.
        cause: io::Error,
    },
    /// The file is no TOML.
    #[error("the configuration {} is no TOML: {cause}", path.display())]
    Form {
        /// The path of the file.
        path: PathBuf,
        /// Where and why.
        cause: Box<toml::de::Error>,
    },
    /// A key that is no setting.
    #[error("{place}: `{key}` is no setting{}", did_you_mean(.meant))]
    Unknown {
        /// Where it stands.
        place: Place,
        /// The key that was found.
        key: String,
        /// The key that may have been meant.
        meant: Option<String>,
    },
    /// A value that is not of the setting's form, or out of its range.
    #[error("{place}: {name}: {wrong}")]
    Value {
        /// Where it stands.
        place: Place,
        /// Name of the setting.
        name: String,
        /// What is wrong with it.
        wrong: String,
    },
    /// A value that cannot be, by itself or beside another.
    #[error("{message}{}", said_by(.places))]
    Impossible {
        /// The settings that it is about.
        settings: Vec<String>,
        /// What is wrong, and what to do.
        message: String,
        /// Where they were said, as far as somebody did.
        places: Vec<Place>,
    },
}

impl ConfigError {
    /// Nobody leaves for the archive in a game whose players stay.
    pub(crate) fn untravelled(game: &str) -> Self {
        let message =
            format!("archive-after-seconds is set, and players of the game {game} do not travel: leave it out");
        Self::impossible(vec!["archive-after-seconds".to_owned()], message)
    }

    pub(crate) const fn impossible(settings: Vec<String>, message: String) -> Self {
        Self::Impossible { settings, message, places: Vec::new() }
    }
}

pub(super) fn did_you_mean(meant: &Option<String>) -> String {
    meant.as_ref().map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default()
}

fn said_by(places: &[Place]) -> String {
    let said: Vec<String> = places.iter().map(Place::to_string).collect();
    if said.is_empty() { String::new() } else { format!(" (said by {})", said.join(" and ")) }
}
