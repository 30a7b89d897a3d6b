//! [`Config`]: everything of a server that can be set, from flags, environment and a TOML file.
//!
//! Invariant: a table ([`Settings::TABLE`]) says of each setting its name, default, range and meaning; flags, variables, the
//! file's keys, `--print-config` and the README follow from it. A flag wins over a variable, a variable over the file, the file
//! over the default. Secrets are not settings: they come from files, or from variables of their own. What a game needs besides
//! is a table of its own, read from the same [`Layers`].

mod error;
mod load;
mod settings;
mod table;
mod value;

pub use error::{ConfigError, Place};
pub use load::{Layers, Origin};
pub(crate) use settings::settings;
pub use settings::{Setting, Settings};
pub use table::Config;
#[cfg(all(feature = "d20", feature = "ledger"))]
pub(crate) use value::choices;
pub(crate) use value::one;
pub use value::{DurabilityLevel, LogFormat, Value};

/// The variable that holds the token of operators.
pub const ADMIN_TOKEN_VARIABLE: &str = "TICKWORLD_ADMIN_TOKEN";
/// The variable that names the TOML file; `--config` wins over it.
pub const CONFIG_VARIABLE: &str = "TICKWORLD_CONFIG";
