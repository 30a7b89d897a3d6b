//! [`SimMedium`]: a simulated machine's disk with the two files of an embedded store.
//!
//! Invariant: both files lose power together. The watermark is never synced, as the medium's contract allows.

use std::io;

use redb::{DatabaseError, StorageBackend as _};
use tickworld_persist::embedded::StorageBackend;

use super::{CrashKind, SimDisk, SimFile};
use crate::dice::Dice;

/// Database and watermark of one store. Clones are the same medium.
#[derive(Clone, Debug, Default)]
pub struct SimMedium {
    /// The database's file.
    pub database: SimDisk,
    /// The watermark's file.
    pub watermark: SimDisk,
    /// Copies of damaged databases that were kept.
    damaged: std::sync::Arc<std::sync::Mutex<Vec<Vec<u8>>>>,
}

impl SimMedium {
    /// Cuts the power of both.
    pub fn crash(&self, kind: CrashKind, dice: &mut Dice) {
        self.database.crash(kind, dice);
        self.watermark.crash(kind, dice);
    }

    /// Ends the process: the caches of both files stay.
    pub fn kill(&self) {
        self.database.kill();
        self.watermark.kill();
    }

    /// Databases that were kept before acknowledged ticks were given up.
    #[must_use]
    pub fn damaged(&self) -> Vec<Vec<u8>> {
        self.damaged.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl StorageBackend for SimMedium {
    type File = SimFile;

    fn open(&mut self) -> Result<SimFile, DatabaseError> {
        self.database.try_open().ok_or(DatabaseError::DatabaseAlreadyOpen)
    }

    fn watermark(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.watermark.image())
    }

    fn write_watermark(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.watermark.open().write(offset, bytes)
    }

    fn keep_damaged(&mut self) -> io::Result<Option<String>> {
        let mut damaged = self.damaged.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        damaged.push(self.database.image());
        Ok(Some(format!("copy {}", damaged.len())))
    }
}
