//! [`Regions`]: what the regions of one world share in a process: the game port, the store of the world, and the posts between them.
//!
//! Invariant: a region reaches the others by posts alone, which may be lost; who is where, the keys and the spent tokens are in the
//! one store that all of them ask.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tickworld_net::mailbox;
use tickworld_persist::{AnyStore, Journal as _, JournalHeader, StoreConfig, WorldId, error::Fault};
use tickworld_proto::message::Way;
use tickworld_region::Post;
use tickworld_sim::{game::Game, region::RegionId};
use tokio::time::timeout;

use super::{Door, END_MAX, OpenError};
use crate::{config::Config, data_folder::DataFolder, driver::Work, start_error::StartError};

/// The regions of one world in this process. Clones are the same.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use tickworld_server::{config::Config, server::{Regions, Server}, world::Accounts};
/// use tickworld_sim::region::RegionId;
///
/// let config = Config { data: "world".into(), ..Config::default() };
/// let regions = Regions::open(&config, 2).await?;
/// let world = || Accounts { accounts: 8, coins: 100 };
/// let north = Server::new(config.clone(), world()).within(RegionId(1), &regions).without_http().start().await?;
/// let south = Server::new(config, world()).within(RegionId(2), &regions).without_http().start().await?;
/// # north.stop().await; south.stop().await;
/// regions.close().await;
/// # Ok(())
/// # }
/// ```
pub struct Regions<G: Game> {
    shared: Arc<Shared<G>>,
}

struct Shared<G: Game> {
    folder: PathBuf,
    borders: Borders,
    door: Door,
    store: AnyStore,
    world: OnceLock<WorldId>,
    mailboxes: Mutex<BTreeMap<RegionId, mailbox::Post<Work<G>>>>,
}

/// The regions of a world, each with its neighbours: those that players may cross to. A border that only one side names stays closed.
pub type Borders = BTreeMap<RegionId, BTreeSet<RegionId>>;

/// Another region, as one of them is told of it.
pub(crate) struct OtherRegion {
    pub(crate) id: RegionId,
    /// How clients reach it.
    pub(crate) way: Way,
    /// Whether players may cross.
    pub(crate) is_neighbour: bool,
}

/// A server's place among the regions.
pub(super) struct Place<G: Game> {
    pub(super) id: RegionId,
    pub(super) regions: Regions<G>,
}

impl<G: Game> Clone for Regions<G> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<G: Game> Regions<G> {
    /// Opens the store of the world, in the configured folder, and the configured game port, for so many regions: numbered from 1,
    /// each a neighbour of every other one.
    ///
    /// # Errors
    /// When the folder, its store or the port cannot be used.
    pub async fn open(config: &Config, count: u32) -> Result<Self, StartError> {
        let all = || (1..=count).map(RegionId);
        let others = |id| all().filter(move |other| *other != id).collect();
        Self::open_with(config, all().map(|id| (id, others(id))).collect()).await
    }

    /// The same, for the regions of a map.
    ///
    /// # Errors
    /// When the folder, its store or the port cannot be used.
    pub async fn open_with(config: &Config, borders: Borders) -> Result<Self, StartError> {
        let folder = DataFolder::open(&config.data)?;
        let path = config.data.clone();
        let opened = AnyStore::open(&StoreConfig::embedded(&path)).await;
        let store = opened.map_err(|fault| match fault {
            Fault::Corrupt(_) => StartError::World(OpenError::damaged(&fault)),
            fault => StartError::Store { path: path.clone(), fault },
        })?;
        if store.header().await.is_ok_and(|header| header.is_some()) {
            store.close().await;
            return Err(StartError::Regions { path, found: "one region" });
        }
        if has_others(&path, &borders) {
            store.close().await;
            return Err(StartError::Regions { path, found: "other regions, too" });
        }
        let door = Door::open(config)?;
        folder.keep();
        let (world, mailboxes) = (OnceLock::new(), Mutex::default());
        Ok(Self { shared: Arc::new(Shared { folder: path, borders, door, store, world, mailboxes }) })
    }

    /// The game port.
    #[must_use]
    pub fn door(&self) -> &Door {
        &self.shared.door
    }

    /// Closes the game port and the store of the world, once the servers were stopped.
    pub async fn close(self) {
        self.shared.door.clone().close().await;
        if timeout(END_MAX, self.shared.store.clone().close()).await.is_err() {
            tracing::error!("the storage of the world did not close in time");
        }
    }

    /// The folder of a region's own store.
    pub(super) fn folder_of(&self, id: RegionId) -> PathBuf {
        region_folder(&self.shared.folder, id)
    }

    pub(super) fn store(&self) -> AnyStore {
        self.shared.store.clone()
    }

    /// The world that all of them are of: that of the region that was opened first, which has or draws `own`.
    pub(super) fn world(&self, own: WorldId) -> WorldId {
        *self.shared.world.get_or_init(|| own)
    }

    /// The others. Clients reach them as this one.
    pub(crate) fn others(&self, id: RegionId) -> impl Iterator<Item = OtherRegion> {
        let borders = &self.shared.borders;
        borders.keys().filter(move |other| **other != id).map(move |other| OtherRegion {
            id: *other,
            way: Way { transports: vec!["quic".to_owned()], ..Way::default() },
            is_neighbour: borders.get(&id).is_some_and(|neighbours| neighbours.contains(other)),
        })
    }

    /// A region runs from now on, and what is said to it comes here.
    pub(super) fn enter(&self, id: RegionId, mailbox: mailbox::Post<Work<G>>) {
        self.shared.mailboxes.lock().unwrap_or_else(PoisonError::into_inner).insert(id, mailbox);
    }

    /// Hands a post to the region that it is for. One that does not run, or is flooded, does not get it, and is told again.
    pub(crate) fn carry(&self, post: Post) {
        let mailboxes = self.shared.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mailbox) = mailboxes.get(&post.to) {
            _ = mailbox.offer(Work::Said(post));
        }
    }
}

fn region_folder(world: &Path, id: RegionId) -> PathBuf {
    world.join(format!("region-{id}"))
}

/// Whether a folder keeps a world of several regions.
pub(super) fn are_in(world: &Path) -> bool {
    region_folder(world, RegionId::FIRST).is_dir()
}

/// Whether a folder keeps regions besides these: players may be on the way to them.
fn has_others(world: &Path, borders: &Borders) -> bool {
    let entries = std::fs::read_dir(world).into_iter().flatten().flatten();
    let mut ids = entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("region-")?.parse().ok());
    ids.any(|id| !borders.contains_key(&RegionId(id)))
}

impl<G: Game> Place<G> {
    /// Whether the region's store is of this region and of this world.
    pub(super) fn check(&self, header: &JournalHeader) -> Result<(), StartError> {
        let world = self.regions.world(header.world);
        let found = header.region.unwrap_or(RegionId::FIRST);
        if (header.world, found) == (world, self.id) {
            return Ok(());
        }
        let found = format!("region {found} of the world {}", header.world);
        Err(StartError::Region { region: self.id, found, world })
    }
}
