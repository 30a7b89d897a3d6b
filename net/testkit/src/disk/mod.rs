//! [`SimDisk`]: a disk under redb that keeps after a crash only what was synced, and of the rest what luck says.
//!
//! Invariant: bytes covered by a sync that reported success are there after every crash; nothing else is promised, so a crash
//! may keep, drop, or cut any write after the last sync, in any order. Reads before a crash see every write, as through a page
//! cache. A flipped bit breaks the promise on purpose, and only when asked for.
//!
//! It models what redb's design document assumes of media: single bytes are whole, and bytes beside a write stay as they are.

mod backend;
mod crash;
mod medium;
mod state;
mod write;

use std::sync::{Arc, Mutex, MutexGuard};

pub use backend::SimFile;
pub use crash::CrashKind;
pub use medium::SimMedium;
use state::State;
pub use state::{DiskCounters, SyncFault, SyncTruth};
pub use write::Write;

use crate::{dice::Dice, digest::Digest};

/// A disk with one file on it. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

impl SimDisk {
    /// A disk that holds `image`, all of it synced.
    #[must_use]
    pub fn with_image(image: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.load_image(image);
        disk
    }

    /// Puts another file in the place of this one, as a restored backup is: handles fail, and all of it is synced.
    pub fn load_image(&self, image: Vec<u8>) {
        self.state().load(image);
    }

    /// A handle for redb. Handles that were opened before the last crash fail from then on.
    #[must_use]
    pub fn open(&self) -> SimFile {
        SimFile::new(self.clone())
    }

    /// The same, if nobody else has the file open; closing the handle gives it free.
    #[must_use]
    pub fn try_open(&self) -> Option<SimFile> {
        let was_open = core::mem::replace(&mut self.state().is_open, true);
        (!was_open).then(|| self.open())
    }

    /// Cuts the power: handles fail, and what was not synced goes the way of `kind`. The disk can be opened again at once.
    pub fn crash(&self, kind: CrashKind, dice: &mut Dice) {
        let mut state = self.state();
        let image = state.crash_image(kind, dice);
        state.counters.crashes += 1;
        state.load(image);
    }

    /// Ends the process, not the power: handles fail, but the page cache is written out later as if nothing had been.
    pub fn kill(&self) {
        self.state().end_process();
    }

    /// Lets `count` more writes, changes of length and syncs succeed, and fails all afterwards: to crash in the midst of
    /// something. `None` takes it back.
    pub fn fail_after(&self, count: Option<u64>) {
        self.state().operations_left = count;
    }

    /// Lets the next syncs fail so; `None` takes it back.
    pub fn fail_syncs(&self, fault: Option<SyncFault>) {
        self.state().sync_fault = fault;
    }

    /// Lets the next sync fail so, and those after it succeed; `None` takes it back.
    pub fn fail_next_sync(&self, fault: Option<SyncFault>) {
        self.state().next_sync_fault = fault;
    }

    /// Whether the next write is refused for lack of space, and those after it are not.
    pub fn refuse_next_write(&self, refuses: bool) {
        self.state().refuses_next_write = refuses;
    }

    /// Whether a sync does what it says.
    pub fn set_sync_truth(&self, truth: SyncTruth) {
        self.state().sync_truth = truth;
    }

    /// Lets the file grow no further than this many bytes; `None` takes it back.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    /// Turns one bit, for good: on the disk and in the cache. Gives its byte's place; `None` if the file is empty.
    pub fn flip_bit(&self, dice: &mut Dice) -> Option<u64> {
        let mut state = self.state();
        let length = state.length();
        let at = (length > 0).then(|| dice.below(length))?;
        state.flip(at, 1 << dice.below(8));
        Some(at)
    }

    /// Turns the bits of `mask` in the byte at `offset`, for good.
    ///
    /// # Panics
    /// If the file is shorter.
    pub fn flip(&self, offset: u64, mask: u8) {
        self.state().flip(offset, mask);
    }

    /// Length of the file in bytes, as it would be read now.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.state().length()
    }

    /// The file as it would be read now.
    #[must_use]
    pub fn image(&self) -> Vec<u8> {
        self.state().live.clone()
    }

    /// The file as it is after a crash that loses everything that may be lost.
    #[must_use]
    pub fn synced_image(&self) -> Vec<u8> {
        self.state().synced.clone()
    }

    /// What reached the disk for good since the last call; of what came before the first one, nothing. After a crash or a
    /// failed sync that is the whole file.
    pub fn take_news(&self) -> Vec<Write> {
        self.state().news.replace(Vec::new()).unwrap_or_default()
    }

    /// Writes since the last sync, oldest first.
    #[must_use]
    pub fn unsynced(&self) -> Vec<Write> {
        self.state().unsynced.clone()
    }

    /// What the disk did so far.
    #[must_use]
    pub fn counters(&self) -> DiskCounters {
        self.state().counters
    }

    /// Of everything the disk was told, in order.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.state().digest.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in a test of its own must not hide behind a poisoned lock: the state is whole between operations.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
