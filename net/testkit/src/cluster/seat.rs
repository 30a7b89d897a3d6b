//! [`Seat`]: a region's place in the cluster: its machine's disk and the servers that run there.
//!
//! Invariant: whoever began last goes on; before it stands at most one that does not know yet that it was replaced.

use tickworld_proto::{channel::Transmit, host::SessionId};
use tickworld_sim::region::RegionId;

use super::{
    Cluster,
    opening::{Bank, Build},
    plan::Plan,
    server::{Server, Site},
    storage::Disk,
    watch::Life,
};

/// See the module.
pub(super) struct Seat<D: Disk> {
    pub(super) region: RegionId,
    pub(super) disk: D,
    pub(super) servers: Vec<Server<D::Store>>,
    /// Which program the servers are.
    pub(super) build: Build,
    pub(super) is_slow: bool,
    /// Whether a server has ever begun.
    pub(super) has_begun: bool,
    /// Whether the power goes during the next recovery.
    pub(super) is_armed: bool,
    /// The tick that was released when the calm began.
    pub(super) calm_tick: u64,
    /// What [`Bug::ReleasesOutOfOrder`](super::Bug::ReleasesOutOfOrder) holds back.
    pub(super) held: Option<(SessionId, Transmit)>,
}

impl<D: Disk> Seat<D> {
    pub(super) fn new(region: RegionId) -> Self {
        Self {
            region,
            disk: D::default(),
            servers: Vec::new(),
            build: Build::default(),
            is_slow: false,
            has_begun: false,
            is_armed: false,
            calm_tick: 0,
            held: None,
        }
    }

    pub(super) fn bank(&self, plan: &Plan) -> Bank {
        Bank::of(plan, self.region)
    }

    /// The newest tick that was told.
    pub(super) fn released(&self) -> u64 {
        self.servers.last().map_or(0, |server| server.region.released_tick().0)
    }

    /// The newest tick that is on its way to be told: where nobody is there, many are stored at once.
    pub(super) fn progress(&self) -> u64 {
        let server = self.servers.last();
        server.map_or(
            0,
            |server| if server.region.session_count() > 0 { self.released() } else { server.region.tick().0 },
        )
    }

    fn has(&self, life: Life) -> bool {
        self.servers.iter().any(|server| server.life == life)
    }
}

impl<D: Disk> Cluster<D> {
    pub(super) fn seat(&mut self, region: RegionId) -> &mut Seat<D> {
        self.seats.get_mut(&region).expect("every region has a seat")
    }

    /// The region that a server is of, while it runs.
    pub(super) fn region_of(&self, life: Life) -> Option<RegionId> {
        self.seats.values().find(|seat| seat.has(life)).map(|seat| seat.region)
    }

    /// One of the regions; the dice are not thrown where there is one.
    pub(super) fn any_region(&mut self) -> RegionId {
        let regions: Vec<RegionId> = self.seats.keys().copied().collect();
        if regions.len() == 1 { regions[0] } else { *self.dice.pick(&regions) }
    }

    pub(super) fn server(&mut self, life: Life) -> Option<&mut Server<D::Store>> {
        self.seats.values_mut().flat_map(|seat| &mut seat.servers).find(|server| server.life == life)
    }

    /// The server of a region that goes on.
    pub(super) fn last_server(&mut self, region: RegionId) -> Option<&mut Server<D::Store>> {
        self.seat(region).servers.last_mut()
    }

    /// Does something at a server, where it is.
    pub(super) fn at_server<R>(
        &mut self,
        life: Life,
        act: impl FnOnce(&mut Server<D::Store>, &mut Site<'_, D>) -> R,
    ) -> Option<R> {
        let Seat { disk, servers, is_slow, .. } = self.seats.values_mut().find(|seat| seat.has(life))?;
        let server = servers.iter_mut().find(|server| server.life == life)?;
        let (plan, watch) = (&self.plan, &mut self.watch);
        Some(act(server, &mut Site { plan, bug: self.bug, disk, is_slow: *is_slow, watch }))
    }
}
