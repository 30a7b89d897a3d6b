//! [`Config`]: everything that can be set, from flags, environment and a TOML file.
//!
//! Invariant: one table ([`SETTINGS`]) says of each setting its name, default and meaning; flags, variables, the file's keys,
//! `--print-config` and the README follow from it. A flag wins over a variable, a variable over the file, the file over the
//! default. Secrets are not settings: they come from files, or from variables of their own.

mod load;
mod table;
mod value;

pub use load::{ConfigError, Layers, Origin};
pub use table::{Config, SETTINGS, Setting};
pub use value::{DurabilityLevel, LogFormat, Value, WorldKind};

/// The variable that holds the token of operators.
pub const ADMIN_TOKEN_VARIABLE: &str = "TICKWORLD_ADMIN_TOKEN";
/// The variable that names the TOML file; `--config` wins over it.
pub const CONFIG_VARIABLE: &str = "TICKWORLD_CONFIG";
