//! [`Publisher`]: shows durable worlds to whoever reads or follows them.

use tickworld_sim::{game::Game, world::World};
use tokio::sync::{broadcast, watch};

/// See the module. What nobody reads costs a clone of the page tables.
pub(crate) struct Publisher<G: Game> {
    newest: watch::Sender<World<G>>,
    ticks: broadcast::Sender<World<G>>,
}

impl<G: Game> Publisher<G> {
    pub(crate) const fn new(newest: watch::Sender<World<G>>, ticks: broadcast::Sender<World<G>>) -> Self {
        Self { newest, ticks }
    }

    /// The next durable world.
    pub(super) fn show(&self, world: World<G>) {
        if self.ticks.receiver_count() > 0 {
            // Whoever followed may have gone just now.
            _ = self.ticks.send(world.clone());
        }
        self.newest.send_replace(world);
    }
}
