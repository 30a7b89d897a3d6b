//! [`Server`]: a region with its ports, to embed or to run.
//!
//! Invariant: whatever was started has ended when [`Running::stop`] is over; one that is dropped ends without a goodbye.

use std::{fs, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tickworld_net::{
    listener::{BindError, Listener, ListenerSettings},
    tls::{fingerprint::Fingerprint, identity::Identity},
};
use tickworld_persist::{
    embedded::{Files, Settings, Store},
    error::Fault,
};
use tickworld_pool::Pool;
use tickworld_sim::executor::Executor;
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    admission::{
        Authenticator, DevelopmentIssuer, JwtAuthenticator, JwtSettings, MemoryTokens, PublicKey, take_over_file,
    },
    command::{COMMANDS_MAX, Command, Commands},
    config::{Config, Settings as _},
    data_folder::DataFolder,
    http::{self, AdminToken, HttpState, Ready, port::HttpPort},
    log_limit::LogLimit,
    meters::Meters,
    region::{Ended, OpenError, Parts, Region},
    secret_file,
    start_error::StartError,
    world::GameAdapter,
};

/// For the last messages at a shutdown, and for the last requests.
const GRACE: Duration = Duration::from_secs(5);
/// For a region to hear that it should end, to store what is left, and to let go of its files.
const END_MAX: Duration = Duration::from_secs(60);
/// From one line of the log about requests of strangers to the next.
const STRANGERS_EVERY: Duration = Duration::from_secs(10);

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A server that runs.
pub struct Running {
    /// The game port.
    pub address: SocketAddr,
    /// The HTTP port.
    pub http_address: SocketAddr,
    /// Where operators' requests are taken, if they are.
    pub admin_address: Option<SocketAddr>,
    /// Ticks a second of the world.
    pub tick_rate: u16,
    /// Of the certificate, for clients to pin.
    pub fingerprint: Fingerprint,
    /// What it counts.
    pub meters: Arc<Meters>,
    commands: Commands,
    ended: oneshot::Receiver<Ended>,
    listener: Option<Listener>,
    ports: Vec<HttpPort>,
    store: Arc<Store<Files>>,
}

impl Server {
    /// Starts one on the current runtime: opens or begins the world, then takes players.
    ///
    /// # Errors
    /// Why not; nothing runs then.
    pub async fn start<H: GameAdapter>(
        config: Config,
        hosted: H,
        admin: Option<AdminToken>,
    ) -> Result<Running, StartError> {
        config.check()?;
        let folder = DataFolder::open(&config.data)?;
        // First of all: whoever has the store owns the folder, and nobody else may touch what else is in it.
        let store = Arc::new(open_store(&config.data).await?);
        match Self::start_on(store.clone(), config, hosted, admin).await {
            Ok(running) => {
                folder.keep();
                Ok(running)
            }
            Err(error) => {
                // Nobody writes into the folder any more when it is taken back.
                close(&store).await;
                Err(error)
            }
        }
    }

    async fn start_on<H: GameAdapter>(
        store: Arc<Store<Files>>,
        config: Config,
        hosted: H,
        admin: Option<AdminToken>,
    ) -> Result<Running, StartError> {
        let identity = identity(&config)?;
        let fingerprint = identity.fingerprint();
        let tls = admin_tls(&config, &identity)?;
        let authenticator = authenticator(&config).await?;
        let executor = executor(&config)?;
        let runtime = Handle::current();
        let settings = ListenerSettings { sessions_max: config.sessions_max as usize, ..listener(&config, identity) };
        let (listener, events, outbox) = Listener::bind(&runtime, settings).map_err(|error| match error {
            BindError::Socket { address, error: cause } => StartError::Port { setting: "listen", address, cause },
            error => StartError::Tls(error.to_string()),
        })?;
        let socket = bind("http", config.http).await?;
        let admin_socket = match config.admin {
            Some(address) => Some((bind("admin", address).await?, tls)),
            None => None,
        };
        let administers_on_http = config.administers_on_http();
        let (meters, ready) = (Arc::new(Meters::new()), Arc::new(Ready::default()));
        let (commands, queue) = mpsc::channel(COMMANDS_MAX);
        let parts = Parts {
            config,
            store: store.clone(),
            executor,
            events,
            outbox,
            authenticator,
            commands: queue,
            meters: meters.clone(),
            ready: ready.clone(),
            runtime,
        };
        let region = Region::open(Arc::new(hosted), parts).await?;
        let tick_rate = region.tick_rate();
        let (end, ended) = oneshot::channel();
        // Who started it may have gone: then nobody asks how it ended.
        let run = move || _ = end.send(region.run());
        let thread = std::thread::Builder::new().name("region".into()).spawn(run);
        thread.map_err(StartError::Thread)?;
        let strangers = Arc::new(LogLimit::new(STRANGERS_EVERY));
        let state = HttpState { meters: meters.clone(), ready, commands: commands.clone(), admin, strangers };
        let routes = if administers_on_http { http::router(state.clone()) } else { http::public_router(state.clone()) };
        let mut ports = vec![serve(socket, None, routes)?];
        if let Some((socket, tls)) = admin_socket {
            ports.push(serve(socket, tls, http::admin_router(state))?);
        }
        let (address, http_address) = (listener.local_address(), ports[0].local_address());
        let admin_address =
            ports.last().filter(|_| administers_on_http || ports.len() > 1).map(HttpPort::local_address);
        let admin = admin_address.map(tracing::field::display);
        tracing::info!(%address, http = %http_address, admin, %fingerprint, "players may come");
        Ok(Running {
            address,
            http_address,
            admin_address,
            tick_rate,
            fingerprint,
            meters,
            commands,
            ended,
            listener: Some(listener),
            ports,
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
        let commands = self.commands.clone();
        let end = async {
            // One that has ended takes no commands any more.
            _ = commands.send(Command::Shutdown(reply)).await;
            self.ended().await
        };
        let ended = timeout(END_MAX, end).await;
        self.close().await;
        ended.unwrap_or_else(|_| Ended::Failed(format!("the region did not end within {} seconds", END_MAX.as_secs())))
    }

    /// Ends the ports and the store after the region has ended. Whoever takes their time is not waited for.
    pub async fn close(mut self) {
        if let Some(listener) = self.listener.take() {
            listener.shutdown(GRACE).await;
        }
        for port in self.ports.drain(..) {
            port.shutdown(GRACE).await;
        }
        close(&self.store).await;
    }
}

async fn close(store: &Store<Files>) {
    if timeout(END_MAX, Store::clone(store).close()).await.is_err() {
        tracing::error!("the storage did not close in time");
    }
}

async fn open_store(data: &Path) -> Result<Store<Files>, StartError> {
    Store::open(Files::new(data), Settings::default()).await.map_err(|fault| match fault {
        Fault::Corrupt(_) => StartError::World(OpenError::damaged(&fault)),
        _ => StartError::Store { path: data.to_owned(), fault },
    })
}

/// Takes a TCP port; a refusal names the setting that asked for it.
async fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    http::bind(address).await.map_err(|cause| StartError::Port { setting, address, cause })
}

fn serve(socket: TcpListener, tls: Option<TlsAcceptor>, routes: axum::Router) -> Result<HttpPort, StartError> {
    let unknown = SocketAddr::from(([0; 4], 0));
    let failed = |cause| StartError::Port { setting: "http", address: unknown, cause };
    HttpPort::serve(socket, tls, routes).map_err(failed)
}

/// What the operators' port speaks beyond this machine.
fn admin_tls(config: &Config, identity: &Identity) -> Result<Option<TlsAcceptor>, StartError> {
    if config.admin.is_none_or(|admin| admin.ip().is_loopback()) {
        return Ok(None);
    }
    let tls = identity.tcp_config(b"http/1.1").map_err(|error| StartError::Tls(error.to_string()))?;
    Ok(Some(TlsAcceptor::from(Arc::new(tls))))
}

fn at(path: &Path) -> impl Fn(io::Error) -> StartError {
    move |cause| StartError::File { path: path.to_owned(), cause }
}

fn listener(config: &Config, identity: Identity) -> ListenerSettings {
    ListenerSettings::new(config.listen, identity)
}

/// The configured certificate, or the development one of the data folder, which keeps its fingerprint.
fn identity(config: &Config) -> Result<Identity, StartError> {
    if let (Some(certificate), Some(key)) = (&config.certificate, &config.certificate_key) {
        return Ok(Identity::from_pem_files(certificate, key)?);
    }
    let (certificate, key) = (config.data.join("dev-certificate.pem"), config.data.join("dev-certificate-key.pem"));
    if !certificate.exists() || !key.exists() {
        let made = Identity::generate_pem(&["localhost"])?;
        // Where the certificate was lost, its key is of no use.
        secret_file::replace(&key, made.key.as_bytes()).map_err(at(&key))?;
        fs::write(&certificate, made.certificate).map_err(at(&certificate))?;
        tracing::warn!(file = %certificate.display(), "made a development certificate: clients must pin its fingerprint");
    }
    Ok(Identity::from_pem_files(&certificate, &key)?)
}

/// The default one: tokens of the configured keys, and those of the development key where they count.
async fn authenticator(config: &Config) -> Result<Arc<dyn Authenticator>, StartError> {
    let mut keys = config.token_keys.iter().map(|path| PublicKey::read(path)).collect::<Result<Vec<_>, _>>()?;
    if config.takes_development_tokens() {
        keys.push(DevelopmentIssuer::open(&config.data)?.public());
        tracing::warn!(folder = %config.data.display(), "whoever can read the data folder can be anybody: development tokens count");
    }
    let tokens = Arc::new(MemoryTokens::default());
    take_over_file(&config.data, &*tokens).await.map_err(at(&config.data))?;
    let settings =
        JwtSettings { audience: config.audience.clone(), leeway_seconds: config.token_leeway_seconds.into() };
    Ok(Arc::new(JwtAuthenticator::new(keys, &settings, tokens)))
}

fn executor(config: &Config) -> Result<Arc<dyn Executor>, StartError> {
    Ok(Arc::new(Pool::new(usize::from(config.threads))?))
}
