//! [`Layers`]: what flags, variables and the file say, put over each other.
//!
//! Invariant: a name that nobody knows is an error in a file and among flags, with the name that may have been meant. Among
//! variables it is a warning: whoever starts the process may put in some of their own under this prefix (a cluster that names
//! a service `tickworld` does).

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

use tickworld_contentc::document::suggestion;

use super::{ADMIN_TOKEN_VARIABLE, CONFIG_VARIABLE, Config, SETTINGS, Setting};

/// Longest configuration file that is read, in bytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Where a value comes from; a later one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The TOML file.
    File,
    /// A variable.
    Variable,
    /// A flag.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Variable => "variable",
            Self::Flag => "flag",
        })
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// The file is no TOML.
    #[error("the configuration {} is no TOML: {cause}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Where and why.
        cause: Box<toml::de::Error>,
    },
    /// A key that is no setting.
    #[error("the configuration {} sets `{key}`, which is no setting{}", path.display(), did_you_mean(.meant))]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The key that may have been meant.
        meant: Option<String>,
    },
    /// A value that is not of the setting's form.
    #[error("{name} (from a {origin}): {wrong}")]
    Value {
        /// The setting.
        name: String,
        /// Who set it.
        origin: Origin,
        /// What is wrong with it.
        wrong: String,
    },
    /// A value that cannot be, by itself or beside another.
    #[error("{0}")]
    Impossible(String),
}

fn did_you_mean(meant: &Option<String>) -> String {
    meant.as_ref().map(|meant| format!("; {meant}")).unwrap_or_default()
}

/// What is said of each setting, and by whom.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// By position in [`SETTINGS`] and origin.
    said: BTreeMap<(usize, Origin), Vec<String>>,
    /// What looks like a mistake and may be none.
    pub warnings: Vec<String>,
}

impl Layers {
    /// Adds what flags say: setting's position and values.
    #[must_use]
    pub fn flags(mut self, flags: impl IntoIterator<Item = (usize, Vec<String>)>) -> Self {
        self.said.extend(flags.into_iter().map(|(index, texts)| ((index, Origin::Flag), texts)));
        self
    }

    /// Adds what variables say; where a setting takes several values, commas part them.
    #[must_use]
    pub fn variables(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let known: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
        for (name, text) in variables.into_iter().filter(|(name, _)| name.starts_with("TICKWORLD_")) {
            match known.iter().position(|known| *known == name) {
                Some(index) if SETTINGS[index].many => {
                    let texts = text.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect();
                    self.said.insert((index, Origin::Variable), texts);
                }
                Some(index) => drop(self.said.insert((index, Origin::Variable), vec![text])),
                None if [ADMIN_TOKEN_VARIABLE, CONFIG_VARIABLE].contains(&name.as_str()) => {}
                None => {
                    let meant = suggestion(&name, known.iter().map(String::as_str));
                    self.warnings.push(format!("the variable {name} is no setting{}", did_you_mean(&meant)));
                }
            }
        }
        self
    }

    /// Adds what a TOML file says.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, or has a key that is no setting.
    pub fn file(self, path: &Path) -> Result<Self, ConfigError> {
        let read = || -> io::Result<String> {
            if std::fs::metadata(path)?.len() > CONFIG_BYTES_MAX {
                return Err(io::Error::other(format!("it is longer than {CONFIG_BYTES_MAX} bytes")));
            }
            std::fs::read_to_string(path)
        };
        let text = read().map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })?;
        self.text(path, &text)
    }

    /// The same, of a file's text.
    ///
    /// # Errors
    /// When it is no TOML or has a key that is no setting.
    pub fn text(mut self, path: &Path, text: &str) -> Result<Self, ConfigError> {
        let table: toml::Table =
            text.parse().map_err(|cause| ConfigError::Form { path: path.to_owned(), cause: Box::new(cause) })?;
        let known: Vec<String> = SETTINGS.iter().map(Setting::name).collect();
        for (key, value) in table {
            let Some(index) = known.iter().position(|known| *known == key) else {
                let meant = suggestion(&key, known.iter().map(String::as_str));
                return Err(ConfigError::Unknown { path: path.to_owned(), key, meant });
            };
            let wrong = |found: &toml::Value| ConfigError::Value {
                name: key.clone(),
                origin: Origin::File,
                wrong: format!("expected {}, found a {}", SETTINGS[index].form, found.type_str()),
            };
            let texts = match &value {
                toml::Value::Array(list) if SETTINGS[index].many => {
                    list.iter().map(|value| text_of(value).ok_or_else(|| wrong(value))).collect::<Result<_, _>>()?
                }
                value => vec![text_of(value).ok_or_else(|| wrong(value))?],
            };
            self.said.insert((index, Origin::File), texts);
        }
        Ok(self)
    }

    /// The configuration.
    ///
    /// # Errors
    /// The first value that is not of its setting's form, or cannot be.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        // Ascending by origin within each setting: the last one said wins, and the others are checked on the way.
        for ((index, origin), texts) in &self.said {
            let name = SETTINGS.get(*index).map(Setting::name).unwrap_or_default();
            config.set(*index, texts).map_err(|wrong| ConfigError::Value { name, origin: *origin, wrong })?;
        }
        config.check()?;
        Ok(config)
    }

    /// Who said what stands at `index` in [`SETTINGS`].
    #[must_use]
    pub fn origin(&self, index: usize) -> Origin {
        let said = self.said.keys().filter(|(at, _)| *at == index);
        said.map(|(_, origin)| *origin).max().unwrap_or(Origin::Default)
    }

    /// The whole configuration as a TOML file, with who said it.
    ///
    /// # Errors
    /// As [`config`](Self::config).
    pub fn print(&self) -> Result<String, ConfigError> {
        let mut text = String::new();
        for (index, (setting, value)) in SETTINGS.iter().zip(self.config()?.values()).enumerate() {
            let (name, origin) = (setting.name(), self.origin(index));
            match value {
                Some(value) => text.push_str(&format!("{name} = {value} # {origin}\n")),
                None => text.push_str(&format!("# {name} is not set\n")),
            }
        }
        Ok(text)
    }
}

impl Config {
    /// Checks what no single value shows.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |text: String| Err(ConfigError::Impossible(text));
        if !(1..=1_000).contains(&self.tick_rate) {
            return wrong(format!("tick-rate is {}: it must be 1 to 1000", self.tick_rate));
        }
        if !(1..=8).contains(&self.root_lag_ticks) {
            return wrong(format!("root-lag-ticks is {}: it must be 1 to 8", self.root_lag_ticks));
        }
        if !(1..=256).contains(&self.threads) {
            return wrong(format!("threads is {}: it must be 1 to 256", self.threads));
        }
        if self.durable_lag_ticks_max == 0 || self.durable_lag_ticks_max >= self.history_ticks {
            let (lag, history) = (self.durable_lag_ticks_max, self.history_ticks);
            return wrong(format!(
                "durable-lag-ticks-max is {lag}: it must be at least 1 and below history-ticks, {history}"
            ));
        }
        if self.snapshots_kept == 0 {
            return wrong(
                "snapshots-kept is 0: a world starts again from a snapshot, so one is kept at least".to_owned(),
            );
        }
        if self.certificate.is_some() != self.certificate_key.is_some() {
            return wrong("certificate and certificate-key go together: set both or neither".to_owned());
        }
        if let Some(admin) = self.admin.filter(|admin| !admin.ip().is_loopback() && self.certificate.is_none()) {
            return wrong(format!(
                "admin is {admin}, which others can reach, and there is no certificate: set certificate and certificate-key, or \
                 an address of this machine alone such as 127.0.0.1:7312"
            ));
        }
        if self.token_keys.is_empty() && !self.dev_issuer && !self.listen.ip().is_loopback() {
            let listen = self.listen;
            return wrong(format!(
                "listen is {listen}, which others can reach, and nobody issues tokens: set token-keys, or dev-issuer if \
                 whoever reads the data folder may be anybody"
            ));
        }
        Ok(())
    }

    /// Whether operators' requests are taken on the HTTP port.
    #[must_use]
    pub const fn administers_on_http(&self) -> bool {
        self.admin.is_none() && self.http.ip().is_loopback()
    }

    /// Whether tokens of the development key count.
    #[must_use]
    pub fn takes_development_tokens(&self) -> bool {
        self.dev_issuer || self.token_keys.is_empty()
    }
}

/// A scalar as somebody would have written it on a command line.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    }
}
