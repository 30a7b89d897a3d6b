//! [`Glue`]: records on their way from a region to its store, where an embedder's mistakes would change them.
//!
//! Invariant: without a bug nothing is changed.

use std::collections::BTreeMap;

use tickworld_persist::{Body, Epoch, Proof, Record};
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
        let previous = self.changed.get(&before).map_or(record.body().previous_hash, Record::hash);
        let proof = record.body().proof.map(|proof| Proof { root: other, ..proof });
        let changed = made(Body { previous_hash: previous, proof, ..record.body().clone() });
        self.changed.insert(tick, changed.clone());
        changed
    }

    /// For [`Bug::IgnoresTheFence`]: the same records in the name of another owner.
    pub(super) fn steal(&mut self, append: Append, epoch: Epoch) -> Append {
        let mut previous = append.records.first().map(|record| record.body().previous_hash);
        let mut renewed = |record: &Record| {
            let before = previous.unwrap_or(record.body().previous_hash);
            let record = made(Body { epoch, previous_hash: before, ..record.body().clone() });
            previous = Some(record.hash());
            record
        };
        Append { records: append.records.iter().map(&mut renewed).collect(), ..append }
    }
}

fn made(body: Body) -> Record {
    Record::new(body).expect("it was a record before")
}
