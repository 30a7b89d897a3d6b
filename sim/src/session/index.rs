//! [`Index`]: the slot of each player.
//!
//! Invariant: it follows from the slots' column and is rebuilt after a restore; nothing depends on its order. It is dealt out
//! over many small maps, so that an entry in a world that others share copies one of them, not all: with 65,536 players a
//! microsecond or two instead of some two hundred.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use crate::frame::PlayerId;

const MAPS: usize = 256;

type Map = Arc<BTreeMap<PlayerId, u32>>;

/// Slots by player. A clone shares all maps.
#[derive(Clone)]
pub(super) struct Index(Arc<[Map]>);

impl Default for Index {
    fn default() -> Self {
        Self((0..MAPS).map(|_| Map::default()).collect::<Vec<_>>().into())
    }
}

impl Index {
    pub(super) fn find(&self, id: PlayerId) -> Option<u32> {
        self.0.get(map_of(id))?.get(&id).copied()
    }

    pub(super) fn remove(&mut self, id: PlayerId) {
        if let Some(map) = Arc::make_mut(&mut self.0).get_mut(map_of(id)) {
            Arc::make_mut(map).remove(&id);
        }
    }

    pub(super) fn insert(&mut self, id: PlayerId, slot: u32) -> Option<u32> {
        Arc::make_mut(Arc::make_mut(&mut self.0).get_mut(map_of(id))?).insert(id, slot)
    }
}

/// The map of an id: the high byte of its product with the golden ratio, which spreads ids however they are dealt out.
const fn map_of(id: PlayerId) -> usize {
    (id.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize
}
