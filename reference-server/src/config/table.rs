//! The table of settings, and [`Config`], which is made of it.

use std::{net::SocketAddr, path::PathBuf};

use super::value::{DurabilityLevel, LogFormat, Value, WorldKind};

/// What is known of a setting before anybody set it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Field of [`Config`], in snake case.
    field: &'static str,
    /// What it does.
    pub about: &'static str,
    /// The form of its value, for `--help`.
    pub form: &'static str,
    /// Whether `--name` without a value means `true`.
    pub switch: bool,
    /// Whether it takes several values.
    pub many: bool,
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
}

macro_rules! settings {
    ($($(#[doc = $about:literal])+ $field:ident: $type:ty = $default:expr;)+) => {
        /// Everything that can be set. [`Config::default`] starts a d20 world on this machine alone.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Config {
            $($(#[doc = $about])+ pub $field: $type,)+
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        /// Every setting, in the order of the documents.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            field: stringify!($field),
            about: concat!($($about),+),
            form: <$type as Value>::FORM,
            switch: <$type as Value>::SWITCH,
            many: <$type as Value>::MANY,
        },)+];

        impl Config {
            /// Sets what stands at `index` in [`SETTINGS`].
            pub(super) fn set(&mut self, index: usize, texts: &[String]) -> Result<(), String> {
                let field = SETTINGS.get(index).map(|setting| setting.field);
                match field {
                    $(Some(stringify!($field)) => self.$field = <$type as Value>::parse(texts)?,)+
                    _ => {}
                }
                Ok(())
            }

            /// The values in the order of [`SETTINGS`], as the file would have them; none for what is not set.
            #[must_use]
            pub fn values(&self) -> Vec<Option<toml::Value>> {
                vec![$(self.$field.show(),)+]
            }
        }
    };
}

settings! {
    /// Folder of the world's journal and snapshots, and of the development keys; made where it is missing.
    data: PathBuf = PathBuf::from("tickworld-data");
    /// Which game: `d20` or `ledger`.
    world: WorldKind = WorldKind::D20;
    /// How a new d20 world begins: a scenario file (YAML), or one of the shipped `duel`, `skirmish`, `siege`. Its players
    /// and bots are left out. A world that is there already goes on as it is.
    scenario: PathBuf = PathBuf::from("skirmish");
    /// Seed of a new world; the scenario's own if it is not set.
    seed: Option<u64> = None;
    /// Accounts of a new ledger world.
    accounts: u32 = 10_000;
    /// Coins in each of them.
    coins: u64 = 1_000_000;
    /// Address of the game port (UDP, QUIC). Beyond this machine it takes `token-keys`.
    listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 7_310));
    /// Address of the HTTP port: health and metrics; operators' requests too where this is this machine's own and `admin` is
    /// not set.
    http: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 7_311));
    /// Address of a port for operators' requests alone. On an address that others can reach it speaks HTTPS, with the
    /// certificate of the game port.
    admin: Option<SocketAddr> = None;
    /// Certificate chain of the game port and of `admin` (PEM); without one a development certificate is made.
    certificate: Option<PathBuf> = None;
    /// Private key of the certificate (PEM).
    certificate_key: Option<PathBuf> = None;
    /// Public keys (PEM, Ed25519) of those who issue tokens. A token may be signed with any of them.
    token_keys: Vec<PathBuf> = Vec::new();
    /// What tokens must name as their audience.
    audience: String = "tickworld".to_owned();
    /// By how many seconds the clocks of those who issue tokens may differ from this machine's.
    token_leeway_seconds: u32 = 30;
    /// Lets in who has a token of the development key in `data`, which whoever reads that folder can make. Without
    /// `token-keys` that is so anyway, with a warning, as long as `listen` is this machine's own.
    dev_issuer: bool = false;
    /// File with the token of operators; the variable `TICKWORLD_ADMIN_TOKEN` holds the token itself. Without either nobody
    /// administers.
    admin_token_file: Option<PathBuf> = None;
    /// Ticks a second.
    tick_rate: u16 = 30;
    /// Ticks added before an input's first frame.
    input_delay_ticks: u32 = 0;
    /// How many ticks after its own the root of a tick is journaled: 1 computes it within its tick, 2 to 8 beside the next
    /// ones, on another core. It is fixed when the world is made.
    root_lag_ticks: u8 = 1;
    /// How surely a tick is kept before anybody hears of it: `memory` or `disk`.
    durability: DurabilityLevel = DurabilityLevel::Disk;
    /// How many ticks may be open while the journal has not stored them; then the world waits.
    durable_lag_ticks_max: u32 = 32;
    /// Ticks for which frames, descents and worlds are kept in memory.
    history_ticks: u32 = 256;
    /// Ticks from one stored snapshot to the next; 0 stores none but those at the beginning and at the end.
    snapshot_ticks: u64 = 9_000;
    /// Stored snapshots that are kept; the journal is kept from the oldest of them on.
    snapshots_kept: u32 = 4;
    /// Sessions at most.
    sessions_max: u32 = 4_096;
    /// Sessions of one address at most; half as many connections a second are taken from it.
    sessions_per_address_max: u32 = 64;
    /// Threads that simulate, with the one that owns the world.
    threads: u16 = 1;
    /// Starts although stored ticks are lost, from the last one that is whole; the damaged files are kept beside.
    accept_loss: bool = false;
    /// Form of the log: `text`, `json`, or `auto`, which is text on a terminal and JSON otherwise.
    log: LogFormat = LogFormat::Auto;
    /// What is logged: a level, or a filter such as `info,tickworld_server=debug`.
    log_filter: String = "info".to_owned();
}
