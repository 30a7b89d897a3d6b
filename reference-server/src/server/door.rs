//! [`Door`]: one QUIC port, and the servers behind it.
//!
//! Invariant: a client comes to the server whose audience its token names, before anything of it is judged; what the token is
//! worth is that server's to find out.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tickworld_net::{
    listener::{BindError, Listener, ListenerSettings, Outbox},
    mailbox::Lane,
    router::{Route, read_hello},
    tls::{fingerprint::Fingerprint, identity::Identity},
};
use tickworld_proto::message::{Goodbye, Reason};
use tickworld_sim::region::RegionId;
use tokio::runtime::Handle;

use super::parts;
use crate::{admission::audience_of, config::Config, start_error::StartError};

/// For the last messages at a shutdown.
const GRACE: Duration = Duration::from_secs(5);

/// A game port that several servers of a process share. Clones are the same door; it closes when the last one is dropped.
#[derive(Clone)]
pub struct Door {
    listener: Arc<Mutex<Option<Listener>>>,
    entries: Arc<Entries>,
    outbox: Outbox,
    address: SocketAddr,
    fingerprint: Fingerprint,
}

/// A server's place behind a door; it is given up when this is dropped.
pub(super) struct Entry {
    entries: Arc<Entries>,
    of: (String, RegionId),
}

/// The servers' mailboxes, by audience and region.
#[derive(Default)]
struct Entries(Mutex<BTreeMap<(String, RegionId), Lane>>);

impl Door {
    /// Listens on the configured address, with the configured certificate.
    ///
    /// # Errors
    /// When the address or the certificate cannot be used.
    pub fn open(config: &Config) -> Result<Self, StartError> {
        Self::open_with(config, parts::identity(config)?)
    }

    pub(super) fn open_with(config: &Config, identity: Identity) -> Result<Self, StartError> {
        let fingerprint = identity.fingerprint();
        let settings = ListenerSettings::new(config.listen, identity);
        let settings = ListenerSettings {
            sessions_max: config.sessions_max as usize,
            // The region counts sessions and says so to those beyond; connections live longer than their sessions.
            sessions_per_address_max: config.sessions_per_address_max.saturating_mul(2) as usize,
            ..settings
        };
        let entries = Arc::new(Entries::default());
        let opened = Listener::open(&Handle::current(), settings, Arc::clone(&entries) as Arc<dyn Route>);
        let (listener, outbox) = opened.map_err(|error| match error {
            BindError::Socket { address, error: cause } => StartError::Port { setting: "listen", address, cause },
            error => StartError::Tls(error.to_string()),
        })?;
        let address = listener.local_address();
        Ok(Self { listener: Arc::new(Mutex::new(Some(listener))), entries, outbox, address, fingerprint })
    }

    /// Where it listens, with the port that the system chose.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Of its certificate, for clients to pin.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(super) fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Leads clients whose token names `audience` into `lane`, until what it gives is dropped; of several regions, those who ask for
    /// that one, or for none where it is the first. A later server of the same audience and region takes an earlier one's place.
    pub(super) fn enter(&self, audience: &str, region: RegionId, lane: Lane) -> Entry {
        let of = (audience.to_owned(), region);
        self.entries.lock().insert(of.clone(), lane);
        Entry { entries: Arc::clone(&self.entries), of }
    }

    /// Sends what was handed over, closes every session, and ends.
    pub async fn close(self) {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listener) = listener {
            listener.shutdown(GRACE).await;
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.entries.lock().remove(&self.of);
    }
}

impl Entries {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, RegionId), Lane>> {
        // Single inserts and removals: whole, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Route for Entries {
    fn lane(&self, hello: &Bytes) -> Result<Lane, Goodbye> {
        let refuse = |reason, detail: String| Goodbye { reason, detail };
        let entries = self.lock();
        let mut lanes = entries.values();
        match (lanes.next(), lanes.next()) {
            (None, _) => {
                return Err(refuse(Reason::Shutdown, "no world is here yet, or any more; come back later".into()));
            }
            // A single server judges everybody itself, whatever they show.
            (Some(only), None) => return Ok(only.clone()),
            _ => {}
        }
        let hello = read_hello(hello).map_err(|error| refuse(Reason::Violation, error.to_string()))?;
        let unknown = |what: String| refuse(Reason::Unauthorized, what);
        // Where all are of one world, nothing need say which is meant.
        let only = entries.keys().next().filter(|(first, _)| entries.keys().all(|(other, _)| other == first));
        let audience = audience_of(&hello.token).or_else(|| only.map(|(audience, _)| audience.clone()));
        let audience = audience.ok_or_else(|| {
            unknown("several worlds are here, and nothing shown says which one is meant: come with a token".to_owned())
        })?;
        let mut regions = entries.iter().filter(|((of, _), _)| *of == audience).peekable();
        if regions.peek().is_none() {
            return Err(unknown(format!("no world here is called `{audience}`")));
        }
        let any = RegionId(0);
        let lane = regions.find(|((_, region), _)| hello.region == any || *region == hello.region);
        lane.map(|(_, lane)| lane.clone()).ok_or_else(|| {
            refuse(Reason::Elsewhere, format!("region {} of the world `{audience}` is not here", hello.region))
        })
    }
}
