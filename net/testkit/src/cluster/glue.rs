//! [`Glue`]: records on their way from a region to its store, where an embedder's mistakes would change them.
//!
//! Invariant: without a bug nothing is changed.

use std::collections::BTreeMap;

use tickworld_persist::{LogState, Record, TickRecord};
use tickworld_region::Append;
use tickworld_sim::{frame::Tick, hash::Hash};

use super::bug::Bug;

/// What was changed so far: records that come again come as they were.
#[derive(Debug, Default)]
pub(super) struct Glue {
    changed: BTreeMap<Tick, Record>,
}

impl Glue {
    /// For [`Bug::ProvesAnotherRoot`]: each record carries `other` for its root.
    pub(super) fn change(&mut self, append: Append, other: Hash, bug: Option<Bug>) -> Append {
        if bug != Some(Bug::ProvesAnotherRoot) {
            return append;
        }
        let records = append.records.iter().map(|record| self.prove(record, other)).collect();
        Append { records, ..append }
    }

    fn prove(&mut self, record: &Record, other: Hash) -> Record {
        let tick = record.tick();
        if let Some(changed) = self.changed.get(&tick) {
            return changed.clone();
        }
        let before = Tick(tick.0.saturating_sub(1));
        let own = of_tick(record);
        let previous_hash = self.changed.get(&before).map_or(own.previous_hash, Record::hash);
        let changed = made(TickRecord { previous_hash, root: own.root.map(|_| other), ..own });
        self.changed.insert(tick, changed.clone());
        changed
    }

    /// For [`Bug::IgnoresTheFence`]: the same records in the name of whoever owns the journal now, which stands at `log`.
    pub(super) fn steal(&mut self, append: Append, log: &LogState) -> Append {
        let mut last = log.last;
        let mut renewed = |record: &Record| {
            let (slot, epoch, previous_hash) = (last.slot.next(), log.epoch, last.record_hash);
            let record = made(TickRecord { slot, epoch, previous_hash, ..of_tick(record) });
            last = record.position();
            record
        };
        Append { records: append.records.iter().map(&mut renewed).collect(), ..append }
    }
}

fn of_tick(record: &Record) -> TickRecord {
    record.as_tick().expect("a region appends ticks").clone()
}

fn made(record: TickRecord) -> Record {
    Record::new(record).expect("it was a record before")
}
