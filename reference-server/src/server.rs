//! [`Server`]: a region with its ports, to embed or to run.
//!
//! Invariant: whatever was started has ended when [`Running::stop`] is over; one that is dropped ends without a goodbye.

use std::{
    fs, io,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tickworld_net::{
    listener::{Listener, ListenerSettings},
    tls::{fingerprint::Fingerprint, identity::Identity},
};
use tickworld_persist::{
    embedded::{Files, Settings, Store},
    error::Fault,
};
use tickworld_pool::Pool;
use tickworld_sim::executor::Executor;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    admission::{DevelopmentIssuer, Gate, PublicKey, UsedTokens, used_tokens_file},
    command::{COMMANDS_MAX, Command, Commands},
    config::Config,
    http::{self, AdminToken, Ready, Site},
    meters::Meters,
    region::{Ended, OpenError, Parts, Region},
    world::Hosted,
};

/// For the last messages at a shutdown.
const GRACE: Duration = Duration::from_secs(5);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration, keys or certificates cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The stored world cannot go on.
    #[error(transparent)]
    World(#[from] OpenError),
    /// Something of this machine is not to be had: a port, a file.
    #[error("{0}")]
    Machine(String),
}

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A server that runs.
pub struct Running {
    /// The game port.
    pub address: SocketAddr,
    /// The HTTP port.
    pub http_address: SocketAddr,
    /// Of the certificate, for clients to pin.
    pub fingerprint: Fingerprint,
    /// What it counts.
    pub meters: Arc<Meters>,
    commands: Commands,
    ended: oneshot::Receiver<Ended>,
    listener: Option<Listener>,
    http: JoinHandle<()>,
    http_stop: oneshot::Sender<()>,
    store: Arc<Store<Files>>,
}

impl Server {
    /// Starts one on the current runtime: opens or begins the world, then takes players.
    ///
    /// # Errors
    /// Why not; nothing runs then.
    pub async fn start<H: Hosted>(config: Config, hosted: H, admin: Option<AdminToken>) -> Result<Running, StartError> {
        config.check().map_err(|error| StartError::Unusable(error.to_string()))?;
        let data = config.data.as_path();
        fs::create_dir_all(data).map_err(|error| at(data, &error))?;
        // First of all: whoever has the store owns the folder, and nobody else may touch what else is in it.
        let store = Arc::new(open_store(data).await?);
        let identity = identity(&config)?;
        let fingerprint = identity.fingerprint();
        let gate = gate(&config)?;
        let executor = executor(&config)?;
        let runtime = Handle::current();
        let settings = ListenerSettings { sessions_max: config.sessions_max as usize, ..listener(&config, identity) };
        let (listener, events, outbox) =
            Listener::bind(&runtime, settings).map_err(|error| StartError::Machine(error.to_string()))?;
        let socket = http::bind(config.http).await;
        let socket = socket.map_err(|error| StartError::Machine(format!("cannot bind {}: {error}", config.http)))?;
        let http_address = socket.local_addr().map_err(|error| StartError::Machine(error.to_string()))?;
        let (meters, ready) = (Arc::new(Meters::new()), Arc::new(Ready::default()));
        let (commands, queue) = mpsc::channel(COMMANDS_MAX);
        let parts = Parts {
            config,
            store: store.clone(),
            executor,
            events,
            outbox,
            gate,
            commands: queue,
            meters: meters.clone(),
            ready: ready.clone(),
            runtime,
        };
        let region = Region::open(Arc::new(hosted), parts).await?;
        let (end, ended) = oneshot::channel();
        // Who started it may have gone: then nobody asks how it ended.
        let run = move || _ = end.send(region.run());
        let thread = std::thread::Builder::new().name("region".into()).spawn(run);
        thread.map_err(|error| StartError::Machine(error.to_string()))?;
        let site = Site { meters: meters.clone(), ready, commands: commands.clone(), admin };
        let (http_stop, stop) = oneshot::channel::<()>();
        let http = tokio::spawn(async move {
            let served = http::serve(socket, site, async { _ = stop.await }).await;
            if let Err(error) = served {
                tracing::error!(%error, "the HTTP port failed");
            }
        });
        let address = listener.local_address();
        tracing::info!(%address, http = %http_address, %fingerprint, "players may come");
        Ok(Running {
            address,
            http_address,
            fingerprint,
            meters,
            commands,
            ended,
            listener: Some(listener),
            http,
            http_stop,
            store,
        })
    }
}

impl Running {
    /// Waits until the region ends by itself, or by an operator's command. Loses nothing when dropped.
    pub async fn ended(&mut self) -> Ended {
        (&mut self.ended).await.unwrap_or_else(|_| Ended::Failed("the region's thread panicked".to_owned()))
    }

    /// A way to send it commands.
    #[must_use]
    pub fn commands(&self) -> Commands {
        self.commands.clone()
    }

    /// Says goodbye to everybody, stores a snapshot, and ends everything.
    pub async fn stop(mut self) -> Ended {
        let (reply, _) = oneshot::channel();
        // One that has ended takes no commands any more.
        _ = self.commands.send(Command::Shutdown(reply)).await;
        let ended = self.ended().await;
        self.close().await;
        ended
    }

    /// Ends the ports and the store after the region has ended.
    pub async fn close(mut self) {
        if let Some(listener) = self.listener.take() {
            listener.shutdown(GRACE).await;
        }
        // It is gone already if the HTTP port failed.
        _ = self.http_stop.send(());
        _ = self.http.await;
        Store::clone(&self.store).close().await;
    }
}

async fn open_store(data: &Path) -> Result<Store<Files>, StartError> {
    Store::open(Files::new(data), Settings::default()).await.map_err(|fault| match fault {
        Fault::Corrupt(_) => StartError::World(OpenError::damaged(&fault)),
        _ => StartError::Machine(format!("cannot open the world in {}: {fault}", data.display())),
    })
}

fn at(path: &Path, error: &io::Error) -> StartError {
    StartError::Machine(format!("{}: {error}", path.display()))
}

fn listener(config: &Config, identity: Identity) -> ListenerSettings {
    ListenerSettings::new(config.listen, identity)
}

/// The configured certificate, or the development one of the data folder, which keeps its fingerprint.
fn identity(config: &Config) -> Result<Identity, StartError> {
    let unusable = |error: &dyn std::fmt::Display| StartError::Unusable(error.to_string());
    if let (Some(certificate), Some(key)) = (&config.certificate, &config.certificate_key) {
        return Identity::from_pem_files(certificate, key).map_err(|error| unusable(&error));
    }
    let (certificate, key) = (config.data.join("dev-certificate.pem"), config.data.join("dev-certificate-key.pem"));
    if !certificate.exists() || !key.exists() {
        let made = Identity::generate_pem(&["localhost"]).map_err(|error| unusable(&error))?;
        fs::write(&key, made.key).map_err(|error| at(&key, &error))?;
        fs::write(&certificate, made.certificate).map_err(|error| at(&certificate, &error))?;
        tracing::warn!(file = %certificate.display(), "made a development certificate: clients must pin its fingerprint");
    }
    Identity::from_pem_files(&certificate, &key).map_err(|error| unusable(&error))
}

fn gate(config: &Config) -> Result<Gate, StartError> {
    let unusable = |error: &dyn std::fmt::Display| StartError::Unusable(error.to_string());
    let read = |path| PublicKey::read(path).map_err(|error| unusable(&error));
    let mut keys = config.token_keys.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    if config.takes_development_tokens() {
        let issuer = DevelopmentIssuer::open(&config.data).map_err(|error| unusable(&error))?;
        keys.push(issuer.public());
        tracing::warn!(folder = %config.data.display(), "whoever can read the data folder can be anybody: development tokens count");
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let file = used_tokens_file(&config.data);
    let used = UsedTokens::open(&file, now).map_err(|error| at(&file, &error))?;
    Ok(Gate::new(keys, &config.audience, used))
}

fn executor(config: &Config) -> Result<Arc<dyn Executor>, StartError> {
    let pool = Pool::new(usize::from(config.threads));
    Ok(Arc::new(pool.map_err(|failure| StartError::Unusable(failure.to_string()))?))
}
