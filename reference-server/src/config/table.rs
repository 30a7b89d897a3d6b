//! [`Config`]: the settings of a server, whatever game it runs.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    ConfigError,
    settings::settings,
    value::{DurabilityLevel, LogFormat},
};

settings! {
    /// Everything of a server that can be set. The default takes players and operators of this machine alone.
    pub struct Config {
        /// Folder of the world's journal and snapshots, and of the development keys; made where it is missing.
        data: PathBuf = PathBuf::from("tickworld-data");
        /// Address of the game port (UDP, QUIC). Beyond this machine it takes `token-keys` and `certificate`.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 7_310));
        /// Address of the HTTP port: health and metrics; operators' requests too where this is this machine's own and `admin`
        /// is not set.
        http: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 7_311));
        /// Address of a port for operators' requests alone. On an address that others can reach it speaks HTTPS, with the
        /// certificate of the game port.
        admin: Option<SocketAddr> = None;
        /// Certificate chain of the game port and of `admin` (PEM). Without one a development certificate is made, whose
        /// fingerprint clients must pin, as long as both are this machine's own.
        certificate: Option<PathBuf> = None;
        /// Private key of the certificate (PEM).
        certificate_key: Option<PathBuf> = None;
        /// Makes and shows a development certificate on addresses that others can reach, too.
        dev_certificate: bool = false;
        /// Public keys (PEM, Ed25519) of those who issue tokens. A token may be signed with any of them.
        token_keys: Vec<PathBuf> = Vec::new();
        /// What tokens must name as their audience.
        audience: String = "tickworld".to_owned();
        /// By how many seconds the clocks of those who issue tokens may differ from this machine's.
        token_leeway_seconds: u32 [0..=3_600] = 30;
        /// Lets in who has a token of the development key in `data`, which whoever reads that folder can make. Without
        /// `token-keys` that is so anyway, with a warning, as long as `listen` is this machine's own.
        dev_issuer: bool = false;
        /// File with the token of operators; the variable `TICKWORLD_ADMIN_TOKEN` holds the token itself. Without either
        /// nobody administers.
        admin_token_file: Option<PathBuf> = None;
        /// Ticks a second of a new world. If it is not set, the game says it, and 30 where it says nothing. A world that is
        /// there keeps its own.
        tick_rate: Option<u16> [1..=1_000] = None;
        /// Ticks added before an input's first frame.
        input_delay_ticks: u32 [0..=120] = 0;
        /// How many ticks after its own the root of a tick is journaled: 1 computes it within its tick, which is so if it is
        /// not set; 2 to 8 beside the next ones, on another core. A world that is there keeps its own.
        root_lag_ticks: Option<u8> [1..=8] = None;
        /// How surely a tick is kept before anybody hears of it: `memory` or `disk`.
        durability: DurabilityLevel = DurabilityLevel::Disk;
        /// How many ticks may be open while the journal has not stored them; then the world waits. Below `history-ticks`.
        durable_lag_ticks_max: u32 [1..=4_096] = 32;
        /// Ticks for which frames, descents and worlds are kept in memory.
        history_ticks: u32 [2..=16_384] = 256;
        /// Ticks from one stored snapshot to the next; 0 stores none but those at the beginning and at the end.
        snapshot_ticks: u64 [0..=1_000_000_000] = 9_000;
        /// Stored snapshots that are kept at least; the journal is kept from the oldest of them on.
        snapshots_kept: u32 [1..=4_000] = 4;
        /// Seconds of the world's history that are kept at least, with the snapshots and records to replay them from.
        history_seconds: u32 [0..=31_536_000] = 600;
        /// After how many seconds without a connection a player leaves the world for the archive, with what they have, and makes room
        /// for another one; they come back when they say hello. If it is not set nobody leaves. For games whose players travel,
        /// as those of both worlds here do; a character that is in a fight leaves when it is over.
        archive_after_seconds: Option<u32> [1..=315_360_000] = None;
        /// Sessions at most.
        sessions_max: u32 [1..=65_536] = 4_096;
        /// Sessions of one address at most; half as many connections a second are taken from it.
        sessions_per_address_max: u32 [1..=65_536] = 64;
        /// Threads that simulate, with the one that owns the world.
        threads: u16 [1..=256] = 1;
        /// Starts although stored ticks are lost, from the last one that is whole; the damaged files are kept beside.
        accept_loss: bool = false;
        /// Starts once more although the region is halted: this build died several times over the same ticks.
        retry_halted: bool = false;
        /// Form of the log: `text`, `json`, or `auto`, which is text on a terminal and JSON otherwise.
        log: LogFormat = LogFormat::Auto;
        /// What is logged: a level, or a filter such as `info,tickworld_server=debug`.
        log_filter: String = "info".to_owned();
    }
    checked together by Config::fits;
}

impl Config {
    fn fits(&self) -> Result<(), ConfigError> {
        let wrong = |settings: &[&str], text: String| {
            Err(ConfigError::impossible(settings.iter().map(|name| (*name).to_owned()).collect(), text))
        };
        if self.durable_lag_ticks_max >= self.history_ticks {
            let (lag, history) = (self.durable_lag_ticks_max, self.history_ticks);
            return wrong(
                &["durable-lag-ticks-max", "history-ticks"],
                format!("durable-lag-ticks-max is {lag}: it must be below history-ticks, {history}"),
            );
        }
        if self.archive_after_seconds.is_some() && self.durability == DurabilityLevel::Memory {
            return wrong(
                &["archive-after-seconds", "durability"],
                "archive-after-seconds needs durability disk: a departure that a crash takes back would be one all the same"
                    .to_owned(),
            );
        }
        if self.certificate.is_some() != self.certificate_key.is_some() {
            return wrong(
                &["certificate", "certificate-key"],
                "certificate and certificate-key go together: set both or neither".to_owned(),
            );
        }
        let listen = Some(("listen", self.listen));
        for (name, address) in listen.into_iter().chain(self.admin.map(|admin| ("admin", admin))) {
            if !address.ip().is_loopback() && self.certificate.is_none() && !self.dev_certificate {
                return wrong(
                    &[name],
                    format!(
                        "{name} is {address}, which others can reach, and there is no certificate: set certificate and \
                         certificate-key, or dev-certificate for one that clients know by its fingerprint alone"
                    ),
                );
            }
        }
        if self.token_keys.is_empty() && !self.dev_issuer && !self.listen.ip().is_loopback() {
            let listen = self.listen;
            return wrong(
                &["listen"],
                format!(
                    "listen is {listen}, which others can reach, and nobody issues tokens: set token-keys, or dev-issuer if \
                     whoever reads the data folder may be anybody"
                ),
            );
        }
        if self.admin.is_some_and(|admin| admin == self.http && admin.port() != 0) {
            return wrong(&["admin", "http"], format!("admin and http are both {}: two ports take two", self.http));
        }
        if self.audience.is_empty() {
            return wrong(&["audience"], "audience is empty: a token names the world that it is for".to_owned());
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
