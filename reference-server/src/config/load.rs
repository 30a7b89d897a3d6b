//! [`Layers`]: what flags, variables and the file say, put over each other.
//!
//! Invariant: a name that nobody knows is an error in a file and among flags, with the name that may have been meant. Among
//! variables it is a warning: whoever starts the process may put in some of their own under this prefix (a cluster that names
//! a service `tickworld` does). Other people's variables are not even read. Every refusal names the place.

use std::{collections::BTreeMap, ffi::OsString, fmt, io, path::Path};

use toml::de::{DeTable, DeValue};

use super::{
    ADMIN_TOKEN_VARIABLE, CONFIG_VARIABLE, ConfigError, Setting, Settings,
    error::{Place, did_you_mean},
};

/// Longest configuration file that is read, in bytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// What the names of our variables begin with.
const PREFIX: &str = "TICKWORLD_";

/// Where a value comes from; a later one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The TOML file.
    File,
    /// A variable of the environment.
    Variable,
    /// A flag of the command line.
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

/// A value that somebody wrote, and where.
#[derive(Clone, Debug)]
struct Said {
    texts: Vec<String>,
    place: Place,
}

/// What is said of each setting of some tables, and by whom.
#[derive(Clone, Debug)]
pub struct Layers {
    known: Vec<&'static Setting>,
    /// What is said, by the setting's name and by where it is said.
    said: BTreeMap<(String, Origin), Said>,
    /// What looks like a mistake and may be none.
    pub warnings: Vec<String>,
}

impl Layers {
    /// Nothing is said yet of the settings in these tables.
    #[must_use]
    pub fn of(tables: &[&'static [Setting]]) -> Self {
        Self { known: tables.iter().copied().flatten().collect(), said: BTreeMap::new(), warnings: Vec::new() }
    }

    /// Adds what flags say: a setting's name and its values.
    #[must_use]
    pub fn flags(mut self, flags: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        for (name, texts) in flags {
            let place = Place::Flag(name.clone());
            self.said.insert((name, Origin::Flag), Said { texts, place });
        }
        self
    }

    /// Adds what variables say; where a setting takes several values, commas part them.
    ///
    /// # Errors
    /// When a setting's variable is not UTF-8.
    pub fn variables(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        for (name, text) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)).map(str::to_owned) else { continue };
            let Some(setting) = self.known.iter().find(|setting| setting.variable() == name) else {
                if ![ADMIN_TOKEN_VARIABLE, CONFIG_VARIABLE].contains(&name.as_str()) {
                    let variables: Vec<String> = self.known.iter().map(|setting| setting.variable()).collect();
                    // What all of them begin with makes none of them nearer.
                    let ends = variables.iter().filter_map(|known| known.strip_prefix(PREFIX));
                    let meant = nearest(name.strip_prefix(PREFIX).unwrap_or(&name), ends);
                    let meant = meant.map(|end| format!("{PREFIX}{end}"));
                    self.warnings.push(format!("the variable {name} is no setting{}", did_you_mean(&meant)));
                }
                continue;
            };
            let place = Place::Variable(name);
            let Ok(text) = text.into_string() else {
                let wrong = "the value is not UTF-8".to_owned();
                return Err(ConfigError::Value { place, name: setting.name(), wrong });
            };
            let texts = match setting.many {
                true => text.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect(),
                false => vec![text],
            };
            self.said.insert((setting.name(), Origin::Variable), Said { texts, place });
        }
        Ok(self)
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
        let table = DeTable::parse(text)
            .map_err(|cause| ConfigError::Form { path: path.to_owned(), cause: Box::new(cause) })?;
        for (key, value) in table.get_ref() {
            let (name, place) = (key.get_ref().to_string(), Place::in_text(path, text, key.span().start));
            let Some(setting) = self.known.iter().find(|setting| setting.name() == name) else {
                let names: Vec<String> = self.known.iter().map(|setting| setting.name()).collect();
                let meant = nearest(&name, names.iter().map(String::as_str));
                return Err(ConfigError::Unknown { place, key: name, meant });
            };
            let read = |value: &toml::Spanned<DeValue<'_>>| {
                text_of(value.get_ref()).ok_or_else(|| ConfigError::Value {
                    place: Place::in_text(path, text, value.span().start),
                    name: name.clone(),
                    wrong: format!("expected {}, found {}", setting.expected(), kind_of(value.get_ref())),
                })
            };
            let texts = match value.get_ref() {
                DeValue::Array(list) if setting.many => list.iter().map(read).collect::<Result<_, _>>()?,
                _ => vec![read(value)?],
            };
            self.said.insert((name, Origin::File), Said { texts, place });
        }
        Ok(self)
    }

    /// The settings of one table.
    ///
    /// # Errors
    /// The first value that is not of its setting's form, or cannot be.
    pub fn read<S: Settings>(&self) -> Result<S, ConfigError> {
        let mut settings = S::default();
        // Ascending by origin within each setting: the last one said wins, and the others are checked on the way.
        for ((name, _), Said { texts, place }) in &self.said {
            let wrong = |wrong| ConfigError::Value { place: place.clone(), name: name.clone(), wrong };
            settings.set(name, texts).map_err(wrong)?;
        }
        settings.check().map_err(|error| self.with_places(error))?;
        Ok(settings)
    }

    /// Who said what the setting of this name is.
    #[must_use]
    pub fn origin(&self, name: &str) -> Origin {
        let said = self.said.keys().filter(|(of, _)| of == name);
        said.map(|(_, origin)| *origin).max().unwrap_or(Origin::Default)
    }

    /// The settings of one table as a part of a TOML file, with who said them.
    pub fn print<S: Settings>(&self, settings: &S) -> String {
        let mut text = String::new();
        for (setting, value) in S::TABLE.iter().zip(settings.values()) {
            let name = setting.name();
            match value {
                Some(value) => text.push_str(&format!("{name} = {value} # {}\n", self.origin(&name))),
                None => text.push_str(&format!("# {name} is not set\n")),
            }
        }
        text
    }

    /// Adds where the settings were said that an error is about.
    fn with_places(&self, error: ConfigError) -> ConfigError {
        let ConfigError::Impossible { settings, message, .. } = error else { return error };
        let place = |name: &String| Some(self.said.get(&(name.clone(), self.origin(name)))?.place.clone());
        let places = settings.iter().filter_map(place).collect();
        ConfigError::Impossible { settings, message, places }
    }
}

/// The known name that is nearest to one that is not.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    let near = known.map(|known| (strsim::damerau_levenshtein(name, known), known));
    let best = near.filter(|(distance, _)| *distance <= 1 + name.len() / 4).min();
    best.map(|(_, known)| known.to_owned())
}

/// A scalar as somebody would have written it on a command line.
fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            let digits = number.as_str();
            let whole = i128::from_str_radix(digits, number.radix()).ok();
            Some(whole.map_or_else(|| digits.to_owned(), |whole| whole.to_string()))
        }
        DeValue::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// What a value is, for messages.
const fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
