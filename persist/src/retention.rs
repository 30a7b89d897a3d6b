//! [`Retention`]: which snapshots are kept.
//!
//! Invariant: what is kept is enough to start again: at least one snapshot that was read and found whole, and every record
//! after the oldest kept one. Before the first snapshot nothing is removed.

use tickworld_sim::frame::Tick;

/// Which snapshots stay. Packs always do: the id of one may stand in any record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest, at least 1.
    pub snapshots_min: u32,
    /// And all that are at most this much older than the journal's last tick.
    pub ticks: u64,
}

impl Default for Retention {
    /// The newest three, and those of the last 108,000 ticks: an hour at 30 ticks a second.
    fn default() -> Self {
        Self { snapshots_min: 3, ticks: 108_000 }
    }
}

/// What a [`retain`](crate::Snapshots::retain) removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Snapshots.
    pub snapshots: u32,
    /// Records.
    pub records: u64,
    /// Pages.
    pub pages: u64,
}

impl Retention {
    /// Of these snapshots, ascending, how many of the oldest go.
    pub(crate) fn surplus(&self, snapshots: &[Tick], last: Tick) -> usize {
        let keep_from = last.0.saturating_sub(self.ticks);
        let young = snapshots.iter().filter(|tick| tick.0 >= keep_from).count();
        let kept = young.max(self.snapshots_min.max(1) as usize);
        snapshots.len().saturating_sub(kept)
    }
}
