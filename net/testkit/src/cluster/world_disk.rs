//! [`WorldDisk`]: the machine of the store that all regions of a world share.
//!
//! Invariant: what its store reported as kept is there again after the machine came up.

use super::{storage::Disk, world_store::WorldStore};
use crate::{dice::Dice, disk::CrashKind};

/// See the module.
pub(super) struct WorldDisk<D: Disk> {
    pub(super) disk: D,
    pub(super) store: WorldStore<D::Store>,
}

impl<D: Disk> Default for WorldDisk<D> {
    fn default() -> Self {
        let mut disk = D::default();
        let store = disk.open().expect("an empty disk that nothing is wrong with opens");
        Self { disk, store: WorldStore::new(store) }
    }
}

impl<D: Disk> WorldDisk<D> {
    /// The power goes; the store does not answer until it is restarted.
    pub(super) fn cut_power(&mut self, dice: &mut Dice) {
        self.store.set(None);
        self.disk.crash(*dice.pick(&CrashKind::ALL), dice);
    }

    /// The store is opened anew; gives whether it could be.
    pub(super) fn restart(&mut self) -> bool {
        self.store.set(None);
        self.disk.kill();
        let store = self.disk.open().ok();
        let is_open = store.is_some();
        self.store.set(store);
        is_open
    }
}
