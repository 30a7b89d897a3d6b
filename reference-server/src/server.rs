//! [`Server`]: a region with its ports, to embed or to run.
//!
//! Invariant: whatever was started has ended when [`Running::stop`] is over; one that is dropped ends without a goodbye.

use std::{
    fs, io,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tickworld_net::{
    listener::{Listener, ListenerSettings},
    mailbox::{Mailbox, MailboxLimits, Post},
    tls::{fingerprint::Fingerprint, identity::Identity},
};
use tickworld_persist::{
    DataLossPolicy, Durability, JournalHeader, Retention, WorldId,
    embedded::{Files, Settings, Store},
    error::Fault,
};
use tickworld_pool::Pool;
use tickworld_proto::host::{AddressRates, HostSettings, Rate};
use tickworld_region::{OpenSettings, Opened, RegionSettings};
use tickworld_sim::{executor::Executor, game::Game};
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
    config::{Config, DurabilityLevel},
    driver::{CatchingStepper, Driver, RegionDeps, Work},
    http::{self, AdminToken, HttpState, Ready, port::HttpPort},
    log_limit::LogLimit,
    meters::Meters,
    secret_file,
    world::GameAdapter,
};

/// For the last messages at a shutdown, and for the last requests.
const GRACE: Duration = Duration::from_secs(5);
/// For a region to hear that it should end, to store what is left, and to let go of its files.
const END_MAX: Duration = Duration::from_secs(60);
/// From one line of the log about requests of strangers to the next.
const STRANGERS_EVERY: Duration = Duration::from_secs(10);

pub use tickworld_region::Ended;

pub use crate::driver::OpenError;

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
    /// Where operators' requests are taken, if they are.
    pub admin_address: Option<SocketAddr>,
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
    pub async fn start<A: GameAdapter>(
        config: Config,
        adapter: A,
        admin: Option<AdminToken>,
    ) -> Result<Running, StartError> {
        config.check().map_err(|error| StartError::Unusable(error.to_string()))?;
        let data = config.data.as_path();
        fs::create_dir_all(data).map_err(|error| at(data, &error))?;
        // First of all: whoever has the store owns the folder, and nobody else may touch what else is in it.
        let store = Arc::new(open_store(data).await?);
        let identity = identity(&config)?;
        let fingerprint = identity.fingerprint();
        let tls = admin_tls(&config, &identity)?;
        let authenticator = authenticator(&config).await?;
        let executor = executor(&config)?;
        let runtime = Handle::current();
        let mailbox = Mailbox::new(MailboxLimits::default());
        let post = mailbox.post();
        let settings = ListenerSettings { sessions_max: config.sessions_max as usize, ..listener(&config, identity) };
        let (listener, outbox) = Listener::open(&runtime, settings, Arc::new(mailbox.lane()))
            .map_err(|error| StartError::Machine(error.to_string()))?;
        let socket = bind("http", config.http).await?;
        let admin_socket = match config.admin {
            Some(address) => Some((bind("admin", address).await?, tls)),
            None => None,
        };
        let administers_on_http = config.administers_on_http();
        let (meters, ready) = (Arc::new(Meters::new()), Arc::new(Ready::default()));
        let (commands, queue) = mpsc::channel(COMMANDS_MAX);
        tokio::spawn(hand_over(queue, post));
        let adapter = Arc::new(adapter);
        let opened = open_world(&*adapter, &store, &config, &executor, &meters).await?;
        let deps = RegionDeps {
            adapter,
            store: store.clone(),
            executor,
            mailbox,
            outbox,
            authenticator,
            meters: meters.clone(),
            ready: ready.clone(),
            runtime,
            data: config.data.clone(),
        };
        let driver = Driver::new(deps, region_settings(&config, &opened.header), opened);
        let driver = driver.map_err(|error| StartError::Machine(error.to_string()))?;
        let (end, ended) = oneshot::channel();
        // Who started it may have gone: then nobody asks how it ended.
        let run = move || _ = end.send(driver.run());
        let thread = std::thread::Builder::new().name("region".into()).spawn(run);
        thread.map_err(|error| StartError::Machine(error.to_string()))?;
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
        if timeout(END_MAX, Store::clone(&self.store).close()).await.is_err() {
            tracing::error!("the storage did not close in time");
        }
    }
}

/// Opens the world or begins it, and says what was found.
async fn open_world<A: GameAdapter>(
    adapter: &A,
    store: &Store<Files>,
    config: &Config,
    executor: &Arc<dyn Executor>,
    meters: &Meters,
) -> Result<Opened<A::Game>, StartError> {
    let mut world = [0; 16];
    getrandom::fill(&mut world).map_err(|error| StartError::Machine(error.to_string()))?;
    let settings = OpenSettings {
        world: WorldId(world),
        tick_rate: config.tick_rate,
        root_lag_ticks: config.root_lag_ticks,
        loss: if config.accept_loss { DataLossPolicy::Accept } else { DataLossPolicy::Refuse },
        retention: retention(config, config.tick_rate),
    };
    let (begun, mut steps) = (Instant::now(), CatchingStepper(Arc::clone(executor)));
    let opened = tickworld_region::open(adapter, store, &settings, &**executor, &mut steps, &mut |_| {}).await;
    let opened = opened.map_err(|error| StartError::World(OpenError::from(error)))?;
    let report = &opened.report;
    for skipped in &report.skipped {
        tracing::warn!(tick = skipped.tick.0, cause = %skipped.cause, "a snapshot cannot be used");
    }
    if let Some(damage) = &report.damage {
        tracing::warn!(%damage, "cut the journal's end");
    }
    let (ticks, root) = (report.replayed_ticks, opened.roots.root);
    let per_second = ticks as f64 / begun.elapsed().as_secs_f64().max(1e-9);
    meters.replayed.set(ticks as f64);
    meters.replay_speed.set(if ticks == 0 { 0.0 } else { per_second });
    let (tick, title) = (opened.claim.last.tick.0, adapter.title());
    if report.has_begun {
        tracing::info!(world = title, "began a world");
    }
    let from = opened.snapshot_tick.0;
    tracing::info!(from, tick, %root, per_second = per_second as u64, "the world is where it left off");
    Ok(opened)
}

/// What the configuration says of the region of a world.
fn region_settings(config: &Config, header: &JournalHeader) -> RegionSettings {
    let per_address = config.sessions_per_address_max;
    let connections = Rate { per_second: per_address.div_ceil(2), burst: per_address.saturating_mul(2) };
    let defaults = HostSettings::default();
    let host = HostSettings {
        durability: durability(config),
        input_delay_ticks: config.input_delay_ticks,
        durable_lag_ticks_max: config.durable_lag_ticks_max,
        history_ticks: config.history_ticks,
        sessions_max: config.sessions_max,
        sessions_per_address_max: per_address,
        address_budget: AddressRates { connections, ..defaults.address_budget },
        ..defaults
    };
    RegionSettings {
        host,
        snapshot_ticks: config.snapshot_ticks,
        retention: retention(config, header.tick_rate),
        ..RegionSettings::default()
    }
}

/// What acknowledgements promise.
const fn durability(config: &Config) -> Durability {
    match config.durability {
        DurabilityLevel::Memory => Durability::Memory,
        DurabilityLevel::Disk => Durability::Disk,
    }
}

fn retention(config: &Config, tick_rate: u16) -> Retention {
    let ticks = u64::from(config.history_seconds) * u64::from(tick_rate);
    Retention { snapshots_min: config.snapshots_kept, ticks }
}

/// Hands commands over to the region, which answers each.
async fn hand_over<G: Game>(mut queue: mpsc::Receiver<Command>, post: Post<Work<G>>) {
    while let Some(command) = queue.recv().await {
        // Whose command finds no room is told so by the reply that is dropped with it.
        drop(post.offer(Work::Command(command)));
    }
}

async fn open_store(data: &Path) -> Result<Store<Files>, StartError> {
    Store::open(Files::new(data), Settings::default()).await.map_err(|fault| match fault {
        Fault::Corrupt(_) => StartError::World(OpenError::damaged(&fault)),
        _ => StartError::Machine(format!("cannot open the world in {}: {fault}", data.display())),
    })
}

/// Takes a TCP port; a refusal names the setting that asked for it.
async fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = http::bind(address).await;
    bound.map_err(|error| StartError::Machine(format!("{setting} is {address}, which cannot be had: {error}")))
}

fn serve(socket: TcpListener, tls: Option<TlsAcceptor>, routes: axum::Router) -> Result<HttpPort, StartError> {
    HttpPort::serve(socket, tls, routes).map_err(|error| StartError::Machine(error.to_string()))
}

/// What the operators' port speaks beyond this machine.
fn admin_tls(config: &Config, identity: &Identity) -> Result<Option<TlsAcceptor>, StartError> {
    if config.admin.is_none_or(|admin| admin.ip().is_loopback()) {
        return Ok(None);
    }
    let tls = identity.tcp_config(b"http/1.1").map_err(|error| StartError::Unusable(error.to_string()))?;
    Ok(Some(TlsAcceptor::from(Arc::new(tls))))
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
        // Where the certificate was lost, its key is of no use.
        secret_file::replace(&key, made.key.as_bytes()).map_err(|error| at(&key, &error))?;
        fs::write(&certificate, made.certificate).map_err(|error| at(&certificate, &error))?;
        tracing::warn!(file = %certificate.display(), "made a development certificate: clients must pin its fingerprint");
    }
    Identity::from_pem_files(&certificate, &key).map_err(|error| unusable(&error))
}

/// The default one: tokens of the configured keys, and those of the development key where they count.
async fn authenticator(config: &Config) -> Result<Arc<dyn Authenticator>, StartError> {
    let unusable = |error: &dyn std::fmt::Display| StartError::Unusable(error.to_string());
    let read = |path| PublicKey::read(path).map_err(|error| unusable(&error));
    let mut keys = config.token_keys.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    if config.takes_development_tokens() {
        let issuer = DevelopmentIssuer::open(&config.data).map_err(|error| unusable(&error))?;
        keys.push(issuer.public());
        tracing::warn!(folder = %config.data.display(), "whoever can read the data folder can be anybody: development tokens count");
    }
    let tokens = Arc::new(MemoryTokens::default());
    take_over_file(&config.data, &*tokens).await.map_err(|error| at(&config.data, &error))?;
    let settings =
        JwtSettings { audience: config.audience.clone(), leeway_seconds: config.token_leeway_seconds.into() };
    Ok(Arc::new(JwtAuthenticator::new(keys, &settings, tokens)))
}

fn executor(config: &Config) -> Result<Arc<dyn Executor>, StartError> {
    let pool = Pool::new(usize::from(config.threads));
    Ok(Arc::new(pool.map_err(|failure| StartError::Unusable(failure.to_string()))?))
}
