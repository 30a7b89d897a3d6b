//! [`Progress`]: how far a recovery or a verification is, for whoever waits for it.
//!
//! Counts of what was read; no time, and no promise about how much is left of it.

use tickworld_sim::frame::Tick;

/// How far something is that reads a whole store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// It reads the chain of records.
    Records {
        /// Ticks whose records were read.
        done: u64,
        /// Ticks that the journal has records of.
        total: u64,
    },
    /// It reads the pages of a snapshot.
    Pages {
        /// The tick of the snapshot.
        snapshot: Tick,
        /// Pages that were read.
        done: u64,
        /// Pages that the snapshot has.
        total: u64,
    },
    /// It reads the content packs.
    Packs {
        /// Packs that were read.
        done: u64,
        /// Packs that there are.
        total: u64,
    },
}
