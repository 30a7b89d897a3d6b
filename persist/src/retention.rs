//! [`Retention`]: which snapshots are kept.
//!
//! Invariant: what is kept is enough to start again: at least one snapshot that was read and found whole, and every record
//! after the oldest kept one. Before the first snapshot nothing is removed.
//!
//! By number *and* by age: a snapshot stays while it is among the newest so many, or young. By number alone, a server that is
//! restarted a few times in a row makes as many snapshots as are kept and throws all its history away; by age alone, a world
//! that stood still for long would have none. Age is counted in ticks before the journal's last one, since a store has no
//! clock, and a world that does not run does not age.

use tickworld_sim::frame::Tick;

use crate::limits::MANIFESTS_MAX;

/// Which snapshots stay. Packs always do: the id of one may stand in any record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest, at least 1.
    pub snapshots_min: u32,
    /// And all that are at most this much older than the journal's last tick; fewer where a store could not keep one more
    /// ([`MANIFESTS_MAX`]).
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
        // With as many as a store may have, there would be no room for the next one.
        let kept = young.max(self.snapshots_min.max(1) as usize).min(MANIFESTS_MAX - 1);
        snapshots.len().saturating_sub(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surplus(snapshots_min: u32, ticks: u64, snapshots: &[u64], last: u64) -> usize {
        let snapshots: Vec<Tick> = snapshots.iter().copied().map(Tick).collect();
        Retention { snapshots_min, ticks }.surplus(&snapshots, Tick(last))
    }

    #[test]
    fn a_snapshot_goes_only_when_it_is_neither_young_nor_among_the_newest() {
        let snapshots = [10, 20, 30, 40, 50];
        // By number alone, by age alone (the one that is exactly so old stays), and whichever keeps more.
        assert_eq!(surplus(2, 0, &snapshots, 100), 3);
        assert_eq!(surplus(1, 70, &snapshots, 100), 2);
        assert_eq!(surplus(1, 69, &snapshots, 100), 3);
        assert_eq!(surplus(4, 60, &snapshots, 100), 1);
        assert_eq!(surplus(2, 85, &snapshots, 100), 1);
        assert_eq!(surplus(2, 1_000, &snapshots, 100), 0);
        assert_eq!(surplus(9, 0, &snapshots, 100), 0);
        assert_eq!(surplus(0, 0, &snapshots, 100), 4, "one stays in any case");
        assert_eq!(surplus(3, 100, &[], 100), 0);
    }

    /// Four restarts within a second, as once threw away everything before them.
    #[test]
    fn restarts_in_a_row_do_not_push_the_history_out() {
        let (mut kept, hour) = (vec![Tick(0), Tick(90_000)], 108_000);
        for restart in 0..4 {
            let last = Tick(100_000 + restart * 5);
            kept.push(last);
            let gone = Retention { snapshots_min: 2, ticks: hour }.surplus(&kept, last);
            kept.drain(..gone);
        }
        assert_eq!(kept.first(), Some(&Tick(0)));
    }

    #[test]
    fn there_is_always_room_for_one_more() {
        let snapshots: Vec<Tick> = (0..MANIFESTS_MAX as u64).map(Tick).collect();
        let last = Tick(MANIFESTS_MAX as u64);
        assert_eq!(Retention { snapshots_min: 1, ticks: u64::MAX }.surplus(&snapshots, last), 1);
        assert_eq!(Retention { snapshots_min: u32::MAX, ticks: 0 }.surplus(&snapshots, last), 1);
    }
}
