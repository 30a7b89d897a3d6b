//! [`Publisher`]: shows durable worlds to whoever reads or follows them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tickworld_sim::{game::Game, world::World};
use tokio::sync::{broadcast, watch};

/// See the module. What nobody reads costs a clone of the page tables.
pub(crate) struct Publisher<G: Game> {
    newest: watch::Sender<World<G>>,
    ticks: broadcast::Sender<World<G>>,
    /// Set by whoever reads the newest world.
    is_read: Arc<AtomicBool>,
}

impl<G: Game> Publisher<G> {
    pub(crate) const fn new(
        newest: watch::Sender<World<G>>,
        ticks: broadcast::Sender<World<G>>,
        is_read: Arc<AtomicBool>,
    ) -> Self {
        Self { newest, ticks, is_read }
    }

    /// Whether somebody follows, or has read since this was last asked.
    pub(super) fn has_readers(&self) -> bool {
        self.is_read.swap(false, Ordering::Relaxed) || self.ticks.receiver_count() > 0
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
