//! [`Server`]: a region with its ports, to embed or to run.
//!
//! Invariant: whatever was started has ended when [`Running::stop`] is over; one that is dropped ends without a goodbye.
//!
//! Everything around a world can be another one: the store ([`Server::start_on`]), who is let in
//! ([`Server::authenticator`]), and the HTTP port, which can be left out ([`Server::without_http`]) while its routes are nested
//! in an application of one's own ([`Running::routes`]). [`Running::world`] reads the world, follows it, and puts inputs in.
//! `examples/embedded.rs` does all of it.

mod door;
mod handle;
mod opening;
mod parts;
mod regions;
mod running;

use std::{sync::Arc, time::Duration};

use tickworld_net::mailbox::{Mailbox, MailboxLimits};
use tickworld_persist::{AnyStore, RegionStore, Salvage, Store, StoreConfig, error::Fault};
use tickworld_sim::{game::Game, region::RegionId};
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

pub use door::Door;
pub use handle::{Ticks, TicksError, WorldHandle};
pub use regions::{Borders, Regions};
pub use running::Running;
pub use tickworld_region::Ended;

use self::regions::Place;
use crate::{
    admission::Authenticator,
    config::{Config, Settings as _},
    data_folder::DataFolder,
    driver::{Driver, RegionDeps},
    http::{AdminToken, HttpState, Ready},
    log_limit::LogLimit,
    meters::Meters,
    start_error::StartError,
    world::GameAdapter,
};

pub use crate::driver::OpenError;

/// For a region to hear that it should end, to store what is left, and to let go of its files.
const END_MAX: Duration = Duration::from_secs(60);
/// From one line of the log about requests of strangers to the next.
const STRANGERS_EVERY: Duration = Duration::from_secs(10);

/// A server that is about to start.
pub struct Server<A: GameAdapter> {
    config: Config,
    adapter: A,
    admin: Option<AdminToken>,
    authenticator: Option<Arc<dyn Authenticator>>,
    door: Option<Door>,
    place: Option<Place<A::Game>>,
    has_http: bool,
}

impl<A: GameAdapter> Server<A> {
    /// A server of this world, with everything else as the configuration says.
    #[must_use]
    pub const fn new(config: Config, adapter: A) -> Self {
        Self { config, adapter, admin: None, authenticator: None, door: None, place: None, has_http: true }
    }

    /// Takes operators' requests from whoever shows this token.
    #[must_use]
    pub fn admin(mut self, token: Option<AdminToken>) -> Self {
        self.admin = token;
        self
    }

    /// Judges newcomers so, instead of by the tokens that the configuration speaks of.
    #[must_use]
    pub fn authenticator(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.authenticator = Some(authenticator);
        self
    }

    /// Takes players through a door that other servers of this process use too: those whose token names this server's
    /// `audience`.
    #[must_use]
    pub fn behind(mut self, door: &Door) -> Self {
        self.door = Some(door.clone());
        self
    }

    /// Is a region of a larger world: players cross to the others in this process, and who is where is in the world's store. Its own
    /// store is in a folder of that store's. Regions that were there before are started before new ones.
    #[must_use]
    pub fn within(mut self, id: RegionId, regions: &Regions<A::Game>) -> Self {
        self.door = Some(regions.door().clone());
        self.place = Some(Place { id, regions: regions.clone() });
        self
    }

    /// Opens no HTTP port, nor one for operators; [`Running::routes`] are what they would serve.
    #[must_use]
    pub const fn without_http(mut self) -> Self {
        self.has_http = false;
        self
    }

    /// Starts on the current runtime, with the embedded store in the configured folder: opens or begins the world, then takes
    /// players.
    ///
    /// # Errors
    /// Why not; nothing runs then, and what was made in the folder is taken back.
    pub async fn start(self) -> Result<Running<A::Game>, StartError> {
        self.config.check()?;
        let path = match &self.place {
            Some(place) => place.regions.folder_of(place.id),
            None => self.config.data.clone(),
        };
        if self.place.is_none() && regions::are_in(&path) {
            return Err(StartError::Regions { path, found: "several regions" });
        }
        let folder = DataFolder::open(&path)?;
        // First of all: whoever has the store owns the folder, and nobody else may touch what else is in it.
        let opened = AnyStore::open(&StoreConfig::embedded(&path)).await;
        let store = opened.map_err(|fault| match fault {
            Fault::Corrupt(_) => StartError::World(OpenError::damaged(&fault)),
            fault => StartError::Store { path, fault },
        })?;
        let world = self.place.as_ref().map(|place| place.regions.store());
        let started = match world {
            Some(world) => self.run_on(RegionStore { region: store.clone(), world }).await,
            None => self.run_on(store.clone()).await,
        };
        match started {
            Ok(mut running) => {
                folder.keep();
                running.close_after(async move { store.close().await });
                Ok(running)
            }
            Err(error) => {
                // Nobody writes into the folder any more when it is taken back.
                if timeout(END_MAX, store.close()).await.is_err() {
                    tracing::error!("the storage did not close in time");
                }
                Err(error)
            }
        }
    }

    /// The same with a store of the embedder's own; the configured folder still keeps the development keys.
    ///
    /// # Errors
    /// Why not; nothing runs then.
    pub async fn start_on<S: Store + Salvage + 'static>(self, store: S) -> Result<Running<A::Game>, StartError> {
        self.config.check()?;
        let folder = DataFolder::open(&self.config.data)?;
        let running = self.run_on(store).await?;
        folder.keep();
        Ok(running)
    }

    async fn run_on<S: Store + Salvage + 'static>(self, store: S) -> Result<Running<A::Game>, StartError> {
        let Self { config, adapter, admin, authenticator, door, place, has_http } = self;
        let (store, adapter, runtime) = (Arc::new(store), Arc::new(adapter), Handle::current());
        let authenticator = match authenticator {
            Some(authenticator) => authenticator,
            None => parts::authenticator(&config, Arc::clone(&store)).await?,
        };
        let executor = parts::executor(&config)?;
        // Ports first: a start that fails for one leaves no world behind.
        let identity = parts::identity(&config)?;
        let sockets = if has_http { Some(parts::http_sockets(&config, &identity).await?) } else { None };
        let mailbox = Mailbox::new(MailboxLimits::default());
        let (door, own_door) = match door {
            Some(door) => (door, None),
            None => {
                let door = Door::open_with(&config, identity)?;
                (door.clone(), Some(door))
            }
        };
        let (meters, ready) = (Arc::new(Meters::new()), Arc::new(Ready::default()));
        let opened = opening::open_world(&*adapter, &*store, &config, &executor, &meters, place.as_ref()).await?;
        let tick_rate = opened.header.tick_rate;
        let title = adapter.title().into();
        let (publisher, world) = handle::publish(&opened, mailbox.post());
        let (lane, post) = (mailbox.lane(), mailbox.post());
        let region = opened.header.region.unwrap_or(RegionId::FIRST);
        let deps = RegionDeps {
            adapter,
            store,
            executor,
            mailbox,
            outbox: door.outbox(),
            authenticator,
            meters: meters.clone(),
            ready: ready.clone(),
            runtime,
            publisher,
            regions: place.as_ref().map(|place| place.regions.clone()),
        };
        let settings = opening::region_settings(&config, tick_rate, opened.simulation.world(), place.is_some());
        let driver = Driver::new(deps, settings, opened);
        let driver = driver.map_err(StartError::Thread)?;
        let (end, ended) = oneshot::channel();
        // Who started it may have gone: then nobody asks how it ended.
        let run = move || _ = end.send(driver.run());
        std::thread::Builder::new().name("region".into()).spawn(run).map_err(StartError::Thread)?;
        // Nobody comes in before the world runs.
        if let Some(Place { id, regions }) = &place {
            regions.enter(*id, post);
        }
        let entry = door.enter(&config.audience, region, lane);
        let strangers = Arc::new(LogLimit::new(STRANGERS_EVERY));
        let state = HttpState { meters, ready, title, handler: Arc::new(world.clone()), admin, strangers };
        let http = sockets.map(|sockets| sockets.serve(&state)).transpose()?.unwrap_or_default();
        let running = Running::new((door, own_door, entry), tick_rate, state, world, ended, http);
        running.announce();
        Ok(running)
    }
}

/// A world of a game.
pub(crate) type World<G> = tickworld_sim::world::World<G>;

/// Whatever has to be awaited when a server has ended.
pub(crate) type Closing = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl<A: GameAdapter> std::fmt::Debug for Server<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("game", &A::Game::NAME).field("config", &self.config).finish_non_exhaustive()
    }
}
