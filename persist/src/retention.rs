//! [`Retention`]: which snapshots are kept.
//!
//! Invariant: what is kept is enough to start again: at least one snapshot that was read and found whole, and every record
//! after the oldest kept one. Before the first snapshot nothing is removed.
//!
//! By number *and* by age: a snapshot stays while it is among the newest so many, or one of the few from which the history is
//! replayed. By number alone, a server that is restarted a few times in a row makes as many snapshots as are kept and throws
//! all its history away; by age alone, a world that stood still for long would have none. Age is counted in ticks before the
//! journal's last one, since a store has no clock, and a world that does not run does not age.

#[cfg(feature = "stores")]
use {crate::limits, tickworld_sim::frame::Tick};

/// Which snapshots stay. Packs always do: the id of one may stand in any record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest, at least 1; at most half of what a store may keep ([`MANIFESTS_MAX`](crate::limits::MANIFESTS_MAX)),
    /// so that there is room for a history and for the next one.
    pub snapshots_min: u32,
    /// And enough older ones, about [`HISTORY_SNAPSHOTS`](crate::limits::HISTORY_SNAPSHOTS), that every tick can be replayed
    /// which is at most this much older than the journal's last one. 0 for none.
    pub ticks: u64,
}

impl Default for Retention {
    /// The newest three, and a history of 108,000 ticks: an hour at 30 ticks a second.
    fn default() -> Self {
        Self { snapshots_min: 3, ticks: 108_000 }
    }
}

/// What a [`retain`](crate::Snapshots::retain) removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Snapshots that were removed.
    pub snapshots: u32,
    /// Records that were removed from the journal.
    pub records: u64,
    /// Pages that no snapshot names any more.
    pub pages: u64,
}

impl Retention {
    /// Of these snapshots, ascending, those that go and those that stay.
    ///
    /// Walked from the oldest on, so that what stayed once is measured against the same neighbour the next time and stays, until
    /// the history has moved past it.
    #[cfg(feature = "stores")]
    pub(crate) fn part(&self, snapshots: &[Tick], last: Tick) -> (Vec<Tick>, Vec<Tick>) {
        let newest = (self.snapshots_min as usize).clamp(1, limits::MANIFESTS_MAX / 2);
        let newest = snapshots.len().saturating_sub(newest);
        let (older, newest) = snapshots.split_at(newest);
        let from = last.0.saturating_sub(self.ticks);
        // The history begins with the last one before it.
        let base = snapshots.partition_point(|tick| tick.0 <= from).saturating_sub(1);
        let spacing = (self.ticks / limits::HISTORY_SNAPSHOTS).max(1);
        let (mut gone, mut kept) = (Vec::new(), Vec::<Tick>::new());
        for (index, tick) in older.iter().enumerate() {
            let is_apart = kept.last().is_none_or(|before| tick.0 - before.0 >= spacing);
            let stays = self.ticks > 0 && index >= base && is_apart;
            if stays { kept.push(*tick) } else { gone.push(*tick) }
        }
        kept.extend(newest);
        (gone, kept)
    }
}

#[cfg(all(test, feature = "stores"))]
mod tests {
    use super::*;

    fn ticks(of: impl IntoIterator<Item = u64>) -> Vec<Tick> {
        of.into_iter().map(Tick).collect()
    }

    fn kept(retention: Retention, snapshots: impl IntoIterator<Item = u64>, last: u64) -> Vec<u64> {
        let (gone, kept) = retention.part(&ticks(snapshots), Tick(last));
        assert!(gone.iter().all(|tick| !kept.contains(tick)));
        kept.into_iter().map(|tick| tick.0).collect()
    }

    #[test]
    fn the_newest_stay_and_without_a_history_no_others() {
        let retention = Retention { snapshots_min: 2, ticks: 0 };
        assert_eq!(kept(retention, [1, 5, 9, 12], 20), [9, 12]);
        assert_eq!(kept(Retention { snapshots_min: 0, ticks: 0 }, [1, 5], 20), [5], "one at least");
        assert!(kept(retention, [], 20).is_empty());
    }

    #[test]
    fn there_is_always_room_for_one_more() {
        for retention in [
            Retention { snapshots_min: 1, ticks: u64::MAX },
            Retention { snapshots_min: u32::MAX, ticks: 0 },
            Retention { snapshots_min: u32::MAX, ticks: u64::MAX },
        ] {
            let kept = kept(retention, 0..limits::MANIFESTS_MAX as u64, limits::MANIFESTS_MAX as u64);
            assert!(!kept.is_empty() && kept.len() < limits::MANIFESTS_MAX, "{} are kept", kept.len());
        }
    }

    #[test]
    fn a_history_begins_with_the_last_snapshot_before_it() {
        let retention = Retention { snapshots_min: 1, ticks: 10 };
        assert_eq!(kept(retention, [1, 5, 9, 12, 18], 20), [9, 12, 18], "tick 10 is replayed from 9");
        assert_eq!(kept(retention, [10, 18], 20), [10, 18]);
        assert_eq!(kept(retention, [5, 10], 20), [10], "the newest may be the last one before it");
    }

    /// A snapshot every tick for a long time: few are kept, and at every moment the whole history can be replayed.
    #[test]
    fn few_snapshots_keep_a_long_history() {
        let retention = Retention { snapshots_min: 3, ticks: 1_600 };
        let mut snapshots = Vec::new();
        for tick in 0..10_000_u64 {
            snapshots.push(Tick(tick));
            let (_, kept) = retention.part(&snapshots, Tick(tick));
            snapshots = kept;
            assert!(snapshots.len() as u64 <= limits::HISTORY_SNAPSHOTS + 5, "{} are kept", snapshots.len());
            assert!(snapshots[0].0 <= tick.saturating_sub(1_600), "the history begins at {}", snapshots[0].0);
            let far = snapshots.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or(0);
            assert!(far <= 2 * 1_600 / limits::HISTORY_SNAPSHOTS, "{far} ticks between two snapshots");
        }
    }
}
