//! The state of a simulated disk: what is synced, what is not yet, and which faults are on.
//!
//! Invariant: `live` is `synced` with every write of `unsynced` applied in order.

use super::{
    crash::{self, CrashKind},
    write::{Write, apply},
};
use crate::{dice::Dice, digest::Digest};

/// Whether a sync does what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncTruth {
    /// It does what it says.
    #[default]
    Honest,
    /// It reports success and does nothing: as a disk that lies, or a build that lost its call of `sync`.
    Lies,
}

/// How a sync fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncFault {
    /// The writes stay in the cache; a later sync that succeeds has them.
    Retained,
    /// Some reached the disk and the others are gone, from the cache too.
    Lost,
}

/// What a disk did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskCounters {
    /// Reads that were served.
    pub reads: u64,
    /// Writes and changes of length that were taken.
    pub writes: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// Syncs that reported success.
    pub syncs: u64,
    /// Syncs that failed.
    pub syncs_failed: u64,
    /// Operations refused for lack of space or power.
    pub refused: u64,
    /// How often the power was cut.
    pub crashes: u64,
    /// Unsynced writes that a crash dropped, wholly.
    pub dropped: u64,
    /// Unsynced writes of which a crash kept a part.
    pub torn: u64,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) synced: Vec<u8>,
    pub(super) live: Vec<u8>,
    pub(super) unsynced: Vec<Write>,
    /// Goes up with every crash; handles of an earlier one fail.
    pub(super) generation: u64,
    /// How many more operations succeed.
    pub(super) operations_left: Option<u64>,
    pub(super) sync_fault: Option<SyncFault>,
    /// How the next sync fails, and whether the next write does; used up by it.
    pub(super) next_sync_fault: Option<SyncFault>,
    pub(super) refuses_next_write: bool,
    pub(super) sync_truth: SyncTruth,
    pub(super) capacity_bytes: Option<u64>,
    /// Of failing syncs, so that they need none from outside.
    pub(super) syncs_lost: u64,
    pub(super) counters: DiskCounters,
    pub(super) digest: Digest,
    /// What reached the disk since somebody asked; kept only while somebody does.
    pub(super) news: Option<Vec<Write>>,
    /// Whether a process has the file open.
    pub(super) is_open: bool,
}

/// Why an operation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The handle is of a process that is gone, or the power is.
    Off,
    Full,
    End,
    Sync,
}

impl State {
    /// Starts again from an image on the disk.
    pub(super) fn load(&mut self, image: Vec<u8>) {
        self.live.clone_from(&image);
        self.synced = image;
        self.unsynced.clear();
        self.end_process();
        self.note_all();
    }

    /// Handles of the process fail from now on.
    pub(super) fn end_process(&mut self) {
        self.generation += 1;
        self.operations_left = None;
        self.is_open = false;
    }

    /// After something that is not a plain sync, all that is on the disk is news.
    fn note_all(&mut self) {
        if let Some(news) = &mut self.news {
            news.push(Write::Bytes { offset: 0, bytes: self.synced.clone() });
        }
    }

    pub(super) fn length(&self) -> u64 {
        u64::try_from(self.live.len()).expect("a file in memory")
    }

    pub(super) fn crash_image(&mut self, kind: CrashKind, dice: &mut Dice) -> Vec<u8> {
        let (image, fate) = crash::crash_image(&self.synced, &self.unsynced, kind, dice);
        self.counters.dropped += fate.dropped;
        self.counters.torn += fate.torn;
        image
    }

    pub(super) fn flip(&mut self, offset: u64, mask: u8) {
        let at = usize::try_from(offset).expect("within the file");
        self.live[at] ^= mask;
        if let Some(byte) = self.synced.get_mut(at) {
            *byte ^= mask;
        }
    }

    pub(super) fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<(), Refused> {
        if self.operations_left == Some(0) {
            return Err(Refused::Off);
        }
        self.counters.reads += 1;
        let start = usize::try_from(offset).map_err(|_| Refused::End)?;
        let end = start.checked_add(out.len()).ok_or(Refused::End)?;
        out.copy_from_slice(self.live.get(start..end).ok_or(Refused::End)?);
        Ok(())
    }

    pub(super) fn write(&mut self, write: Write) -> Result<(), Refused> {
        self.spend()?;
        let end = match &write {
            Write::Bytes { offset, bytes } => offset + u64::try_from(bytes.len()).expect("a slice fits the memory"),
            Write::Length(length) => *length,
        };
        let is_full = end > self.length() && self.capacity_bytes.is_some_and(|capacity| end > capacity);
        if core::mem::take(&mut self.refuses_next_write) || is_full {
            self.counters.refused += 1;
            return Err(Refused::Full);
        }
        self.counters.writes += 1;
        match &write {
            Write::Bytes { offset, bytes } => {
                self.counters.written_bytes += u64::try_from(bytes.len()).expect("a slice fits the memory");
                self.digest.number(*offset);
                self.digest.bytes(bytes);
            }
            Write::Length(length) => self.digest.number(*length),
        }
        apply(&mut self.live, &write);
        self.unsynced.push(write);
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), Refused> {
        self.spend()?;
        self.digest.number(u64::MAX);
        match self.next_sync_fault.take().or(self.sync_fault) {
            Some(fault) => {
                self.counters.syncs_failed += 1;
                if fault == SyncFault::Lost {
                    self.lose();
                }
                return Err(Refused::Sync);
            }
            None => self.counters.syncs += 1,
        }
        if self.sync_truth == SyncTruth::Honest {
            for write in self.unsynced.drain(..) {
                apply(&mut self.synced, &write);
                if let Some(news) = &mut self.news {
                    news.push(write);
                }
            }
        }
        Ok(())
    }

    /// A part of the unsynced writes reaches the disk, and the cache forgets the others.
    fn lose(&mut self) {
        let mut dice = Dice::new(self.counters.writes, "failed sync", self.syncs_lost);
        self.syncs_lost += 1;
        let image = self.crash_image(CrashKind::Scatter, &mut dice);
        self.live.clone_from(&image);
        self.synced = image;
        self.unsynced.clear();
        self.note_all();
    }

    fn spend(&mut self) -> Result<(), Refused> {
        match &mut self.operations_left {
            Some(0) => {
                self.counters.refused += 1;
                Err(Refused::Off)
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}
