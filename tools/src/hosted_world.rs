//! [`HostedWorld`]: the servers of a world in this process, one a region, behind one game port.
//!
//! Invariant: whatever was started is stopped, however far the start came; a world of one region is a server as it always was.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use tickworld_region::Replay;
use tickworld_server::{
    config::Config,
    meters::Meters,
    server::{Borders, Ended, Regions, Running, Server, WorldHandle},
    world::GameAdapter,
};
use tickworld_sim::{executor::Inline, game::Game, region::RegionId};

use crate::{
    failure::{Failure, Outcome},
    store::OpenStore,
};

/// What is to be hosted.
pub(crate) enum WorldPlan<H> {
    /// A world of one region.
    One(H),
    /// A world of several.
    Several(SeveralRegions<H>),
}

/// The regions of a world, and how each begins.
pub(crate) struct SeveralRegions<H> {
    /// What the world is called.
    pub(crate) title: String,
    /// At least one, by number.
    pub(crate) adapters: Vec<(RegionId, H)>,
    pub(crate) borders: Borders,
}

impl<H: GameAdapter> WorldPlan<H> {
    /// The worlds in the data folder that did not begin as this plan says: where each is kept, and what was planned there. A
    /// server goes on with them all the same, for it reads a beginning only where there is no world.
    pub(crate) fn others(&self, data: &Path) -> Outcome<Vec<(PathBuf, String)>> {
        let planned = match self {
            Self::One(adapter) => vec![(data.to_owned(), adapter)],
            Self::Several(several) => {
                several.adapters.iter().map(|(id, adapter)| (data.join(format!("region-{id}")), adapter)).collect()
            }
        };
        let mut others = Vec::new();
        for (folder, adapter) in planned {
            // Whatever else is there or is not: the server says it.
            let Ok(header) = OpenStore::open(&folder).map(|store| store.header) else { continue };
            if Replay::<H::Game>::check(&header).is_err() {
                continue;
            }
            let mut simulation = adapter.begin()?;
            if let Some(region) = header.region.filter(|region| *region != simulation.world().region().state().id) {
                simulation.world_mut().set_region(region);
            }
            if simulation.seal(&Inline).root != header.start.root {
                others.push((folder, adapter.title()));
            }
        }
        Ok(others)
    }
}

/// See the module.
pub(crate) struct HostedWorld<G: Game> {
    /// What the world is called.
    pub(crate) title: String,
    servers: Vec<HostedRegion<G>>,
    regions: Option<Regions<G>>,
}

/// A server of a region.
pub(crate) struct HostedRegion<G: Game> {
    pub(crate) id: RegionId,
    /// What the region is called.
    pub(crate) title: String,
    pub(crate) running: Running<G>,
}

impl<G: Game> HostedWorld<G> {
    /// Starts all servers, in order.
    pub(crate) async fn start<H: GameAdapter<Game = G>>(config: Config, plan: WorldPlan<H>) -> Outcome<Self> {
        let several = match plan {
            WorldPlan::Several(several) => several,
            WorldPlan::One(adapter) => {
                let title = adapter.title();
                let running = Server::new(config, adapter).start().await;
                let running = running.map_err(|error| Failure::new(error.to_string()))?;
                let server = HostedRegion { id: RegionId::FIRST, title: title.clone(), running };
                return Ok(Self { title, servers: vec![server], regions: None });
            }
        };
        let SeveralRegions { title, adapters, borders } = several;
        let regions = Regions::open_with(&config, borders).await;
        let regions = regions.map_err(|error| Failure::new(error.to_string()))?;
        let mut world = Self { title, servers: Vec::new(), regions: Some(regions.clone()) };
        for ((id, adapter), index) in adapters.into_iter().zip(0_u16..) {
            let (title, config) = (adapter.title(), Config { http: port_after(config.http, index), ..config.clone() });
            match Server::new(config, adapter).within(id, &regions).start().await {
                Ok(running) => world.servers.push(HostedRegion { id, title, running }),
                Err(error) => {
                    // The others have just begun; why this one did not is what there is to say.
                    _ = world.stop().await;
                    return Err(Failure::new(format!("region {id}: {error}")));
                }
            }
        }
        Ok(world)
    }

    /// The regions, of which there is at least one.
    pub(crate) fn servers(&self) -> &[HostedRegion<G>] {
        &self.servers
    }

    /// The region to which those come who ask for none.
    pub(crate) fn first(&self) -> &Running<G> {
        &self.servers.first().expect("a world has at least one region").running
    }

    /// How many regions newcomers share out among them; none where nothing is said of regions.
    pub(crate) fn region_count(&self) -> Option<u32> {
        self.has_regions().then(|| u32::try_from(self.servers.len()).unwrap_or(u32::MAX))
    }

    /// The regions' worlds, to follow.
    pub(crate) fn handles(&self) -> Vec<(RegionId, WorldHandle<G>)> {
        self.servers.iter().map(|server| (server.id, server.running.world())).collect()
    }

    /// What each region counts.
    pub(crate) fn metrics(&self) -> Vec<Arc<Meters>> {
        self.servers.iter().map(|server| server.running.meters.clone()).collect()
    }

    /// Whether it is a world of several regions, be it only one of them.
    pub(crate) const fn has_regions(&self) -> bool {
        self.regions.is_some()
    }

    /// Says goodbye to everybody, stores a snapshot of each region, and ends everything.
    pub(crate) async fn stop(self) -> Outcome<()> {
        let mut ends = tokio::task::JoinSet::new();
        for HostedRegion { id, running, .. } in self.servers {
            ends.spawn(async move { (id, running.stop().await) });
        }
        let ended = ends.join_all().await;
        if let Some(regions) = self.regions {
            regions.close().await;
        }
        match ended.into_iter().find(|(_, ended)| *ended != Ended::Asked) {
            None => Ok(()),
            Some((id, ended)) => {
                Err(Failure::new(format!("the server of region {id} did not end in good order: {ended:?}")))
            }
        }
    }
}

/// The HTTP port of the region at this place: any, or one after the other.
fn port_after(first: SocketAddr, index: u16) -> SocketAddr {
    let port = if first.port() == 0 { 0 } else { first.port().saturating_add(index) };
    SocketAddr::new(first.ip(), port)
}
