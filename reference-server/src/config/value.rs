//! [`Value`]: the types that settings have, as text and as TOML.

use std::{net::SocketAddr, path::PathBuf};

/// A type of settings.
pub trait Value: Sized {
    /// Its form, for `--help`.
    const FORM: &'static str;
    /// Whether the flag alone means `true`.
    const SWITCH: bool = false;
    /// Whether it takes several values.
    const MANY: bool = false;

    /// From what somebody wrote: one text, or any number where it takes several.
    ///
    /// # Errors
    /// What would have been right.
    fn parse(texts: &[String]) -> Result<Self, String>;

    /// As a TOML file has it; none where it is not set.
    fn show(&self) -> Option<toml::Value>;

    /// The number that it is; none where it is no number, or not set.
    fn number(&self) -> Option<u64> {
        None
    }
}

pub(crate) fn one(texts: &[String]) -> Result<&str, String> {
    match texts {
        [text] => Ok(text),
        _ => Err("expected one value".to_owned()),
    }
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl Value for $type {
            const FORM: &'static str = "N";

            fn parse(texts: &[String]) -> Result<Self, String> {
                let text = one(texts)?;
                text.parse().map_err(|_| format!("expected a whole number from 0 to {}, found `{text}`", Self::MAX))
            }

            fn number(&self) -> Option<u64> {
                Some((*self).into())
            }

            fn show(&self) -> Option<toml::Value> {
                // TOML has no larger ones; a string is read as well.
                let number = i64::try_from(*self).map(toml::Value::Integer);
                Some(number.unwrap_or_else(|_| toml::Value::String(self.to_string())))
            }
        }
    )+};
}

numbers!(u8, u16, u32, u64);

impl Value for bool {
    const FORM: &'static str = "true|false";
    const SWITCH: Self = true;

    fn parse(texts: &[String]) -> Result<Self, String> {
        let text = one(texts)?;
        text.parse().map_err(|_| format!("expected `true` or `false`, found `{text}`"))
    }

    fn show(&self) -> Option<toml::Value> {
        Some(toml::Value::Boolean(*self))
    }
}

impl Value for String {
    const FORM: &'static str = "TEXT";

    fn parse(texts: &[String]) -> Result<Self, String> {
        one(texts).map(str::to_owned)
    }

    fn show(&self) -> Option<toml::Value> {
        Some(toml::Value::String(self.clone()))
    }
}

impl Value for PathBuf {
    const FORM: &'static str = "PATH";

    fn parse(texts: &[String]) -> Result<Self, String> {
        match one(texts)? {
            "" => Err("expected a path".to_owned()),
            // A folder of that name would be made where the process runs, which nobody means who writes so.
            text if text.starts_with('~') => Err(format!(
                "`~` stands for somebody's home in a shell alone: write the whole path, or `./{text}` if it is called so"
            )),
            text => Ok(text.into()),
        }
    }

    fn show(&self) -> Option<toml::Value> {
        Some(toml::Value::String(self.display().to_string()))
    }
}

impl Value for SocketAddr {
    const FORM: &'static str = "ADDRESS:PORT";

    fn parse(texts: &[String]) -> Result<Self, String> {
        let text = one(texts)?;
        text.parse().map_err(|_| format!("expected an address and a port such as 127.0.0.1:7310, found `{text}`"))
    }

    fn show(&self) -> Option<toml::Value> {
        Some(toml::Value::String(self.to_string()))
    }
}

impl<T: Value> Value for Option<T> {
    const FORM: &'static str = T::FORM;

    fn parse(texts: &[String]) -> Result<Self, String> {
        T::parse(texts).map(Some)
    }

    fn show(&self) -> Option<toml::Value> {
        self.as_ref().and_then(T::show)
    }

    fn number(&self) -> Option<u64> {
        self.as_ref().and_then(T::number)
    }
}

impl Value for Vec<PathBuf> {
    const FORM: &'static str = "PATH";
    const MANY: bool = true;

    fn parse(texts: &[String]) -> Result<Self, String> {
        texts.iter().map(|text| PathBuf::parse(std::slice::from_ref(text))).collect()
    }

    fn show(&self) -> Option<toml::Value> {
        (!self.is_empty()).then(|| toml::Value::Array(self.iter().filter_map(Value::show).collect()))
    }
}

/// Declares a setting with a few named values.
macro_rules! choices {
    (
        $(#[doc = $about:literal])+
        $name:ident {
            $(#[doc = $first_said:literal])+ $first:ident = $first_text:literal,
            $($(#[doc = $said:literal])+ $variant:ident = $text:literal,)*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = $first_said])+
            $first,
            $($(#[doc = $said])+ $variant,)*
        }

        impl $name {
            const WORDS: &'static [&'static str] = &[$first_text $(, $text)*];
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $first_text => Ok(Self::$first),
                    $($text => Ok(Self::$variant),)*
                    _ => Err(format!("expected one of {}, found `{text}`", Self::WORDS.join(", "))),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    Self::$first => $first_text,
                    $(Self::$variant => $text,)*
                })
            }
        }

        impl $crate::config::Value for $name {
            const FORM: &'static str = concat!($first_text $(, "|", $text)*);

            fn parse(texts: &[String]) -> Result<Self, String> {
                $crate::config::one(texts)?.parse()
            }

            fn show(&self) -> Option<toml::Value> {
                Some(toml::Value::String(self.to_string()))
            }
        }
    };
}

#[cfg(all(feature = "d20", feature = "ledger"))]
pub(crate) use choices;

choices! {
    /// How surely a tick is kept before anybody hears of it.
    DurabilityLevel {
        /// In this process: a crash forgets what was acknowledged. For load tests.
        Memory = "memory",
        /// It is on this machine's disk.
        Disk = "disk",
    }
}

choices! {
    /// The form of the log.
    LogFormat {
        /// Text on a terminal, JSON otherwise.
        Auto = "auto",
        /// Text, which people read.
        Text = "text",
        /// JSON, one object a line, which machines read.
        Json = "json",
    }
}
