//! [`WorldDisk`]: the machine of the store that all regions of a world share.
//!
//! Invariant: what its store reported as kept is there again after the machine came up.

use super::{storage::Disk, world_store::WorldStore};

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
    /// The store is opened anew, if it can be.
    pub(super) fn restart(&mut self) {
        self.store.set(None);
        self.disk.kill();
        self.store.set(self.disk.open().ok());
    }
}
