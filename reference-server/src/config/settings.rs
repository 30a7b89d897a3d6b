//! [`Settings`]: a struct whose fields can be set from outside, and the table that says of each what it is.
//!
//! Invariant: one table says of each setting its name, default, range and meaning; flags, variables, the file's keys,
//! `--print-config`, `--help` and the README follow from it. Every number has a range, and is held against it wherever it comes
//! from.

use std::ops::RangeInclusive;

use super::{ConfigError, Value};

/// What is known of a setting before anybody set it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Field of its struct, in snake case.
    pub(crate) field: &'static str,
    /// What it does.
    pub about: &'static str,
    /// The form of its value, for `--help`.
    pub form: &'static str,
    /// Whether `--name` without a value means `true`.
    pub switch: bool,
    /// Whether it takes several values.
    pub many: bool,
    /// Where it is a number: the least and the greatest that it can be.
    pub range: Option<RangeInclusive<u64>>,
}

impl Setting {
    /// Its name as a flag and as a key of the file: `root-lag-ticks`.
    #[must_use]
    pub fn name(&self) -> String {
        self.field.replace('_', "-")
    }

    /// Its name as a variable: `TICKWORLD_ROOT_LAG_TICKS`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("TICKWORLD_{}", self.field.to_ascii_uppercase())
    }

    /// What it does, and within which range.
    #[must_use]
    pub fn meaning(&self) -> String {
        let about = self.about.trim();
        match &self.range {
            Some(range) if *range.end() < u64::MAX => format!("{about} From {} to {}.", range.start(), range.end()),
            _ => about.to_owned(),
        }
    }

    /// What a value of it looks like, for messages.
    pub(crate) fn expected(&self) -> String {
        match (&self.range, self.form) {
            (Some(range), _) => format!("a whole number from {} to {}", range.start(), range.end()),
            (None, "PATH") => "a path in quotes".to_owned(),
            (None, "TEXT") => "a text in quotes".to_owned(),
            (None, "ADDRESS:PORT") => "an address and a port in quotes, such as \"127.0.0.1:7310\"".to_owned(),
            (None, form) => format!("one of {}", form.replace('|', ", ")),
        }
    }

    /// Reads a value of it.
    pub(crate) fn parse<T: Value>(&self, texts: &[String]) -> Result<T, String> {
        let Some(range) = &self.range else { return T::parse(texts) };
        let wrong = || format!("expected {}, found `{}`", self.expected(), texts.join(","));
        let value = T::parse(texts).map_err(|_| wrong())?;
        match value.number() {
            Some(number) if !range.contains(&number) => Err(wrong()),
            _ => Ok(value),
        }
    }
}

/// A struct of settings.
pub trait Settings: Default {
    /// Every setting, in the order of the documents.
    const TABLE: &'static [Setting];

    /// Sets the one of this name; nothing where there is none.
    ///
    /// # Errors
    /// What would have been right.
    fn set(&mut self, name: &str, texts: &[String]) -> Result<(), String>;

    /// The values in the order of the table, as the file would have them; none for what is not set.
    fn values(&self) -> Vec<Option<toml::Value>>;

    /// The numbers in the order of the table; none for what is no number, or not set.
    fn numbers(&self) -> Vec<Option<u64>>;

    /// Checks what no single value shows.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    fn check_together(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    /// Checks every value, each by itself and all of them together.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    fn check(&self) -> Result<(), ConfigError> {
        for (setting, number) in Self::TABLE.iter().zip(self.numbers()) {
            let outside = number.zip(setting.range.as_ref()).filter(|(number, range)| !range.contains(number));
            if let Some((number, range)) = outside {
                let name = setting.name();
                let wrong = format!("{name} is {number}: it must be {} to {}", range.start(), range.end());
                return Err(ConfigError::impossible(vec![name], wrong));
            }
        }
        self.check_together()
    }
}

/// Makes a struct of settings. A number has its range in brackets behind its type.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[doc = $about:literal])+ $field:ident: $type:ty $([$range:expr])? = $default:expr;)+
        }
        $(checked together by $check:expr;)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[doc = $about])+ pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::config::Settings for $name {
            const TABLE: &'static [$crate::config::Setting] = &[$($crate::config::Setting {
                field: stringify!($field),
                about: concat!($($about),+),
                form: <$type as $crate::config::Value>::FORM,
                switch: <$type as $crate::config::Value>::SWITCH,
                many: <$type as $crate::config::Value>::MANY,
                range: $crate::config::settings!(@range $($range)?),
            },)+];

            fn set(&mut self, name: &str, texts: &[String]) -> Result<(), String> {
                let Some(setting) = Self::TABLE.iter().find(|setting| setting.name() == name) else { return Ok(()) };
                match setting.field {
                    $(stringify!($field) => self.$field = setting.parse(texts)?,)+
                    _ => {}
                }
                Ok(())
            }

            fn values(&self) -> Vec<Option<toml::Value>> {
                vec![$($crate::config::Value::show(&self.$field),)+]
            }

            fn numbers(&self) -> Vec<Option<u64>> {
                vec![$($crate::config::Value::number(&self.$field),)+]
            }

            $(fn check_together(&self) -> Result<(), $crate::config::ConfigError> {
                $check(self)
            })?
        }
    };
    (@range) => { None };
    (@range $range:expr) => { Some($range) };
}

pub(crate) use settings;
