//! [`Records`]: the records of a journal, tick by tick.
//!
//! Invariant: every tick that was asked for comes, as its record or as what is wrong with it, and so does every claim before one
//! of them; a record that comes right after another follows from it.

use std::vec::IntoIter;

use tickworld_persist::{
    Record, Slot,
    error::{Cause, Damage, ReadError},
};
use tickworld_sim::{frame::Tick, hash::Hash};

use super::OpenStore;

/// Bytes of records held at once.
const READ_BYTES: u64 = 4 * 1024 * 1024;

/// See the module.
pub(crate) struct Records<'s> {
    store: &'s OpenStore,
    /// Where to read on; `None` where all was read.
    slot: Option<Slot>,
    next: Tick,
    to: Tick,
    read: IntoIter<Record>,
    /// Of the record before the next one; `None` where that is not known.
    record_hash: Option<Hash>,
}

impl<'s> Records<'s> {
    pub(super) fn new(store: &'s OpenStore, from: Tick, to: Tick) -> Self {
        let base = store.log.base;
        let next = from.max(base.tick.next());
        let is_all = next == base.tick.next();
        // With the claims before it. A tick that is not there is looked for where the history ends.
        let before = store.find(Tick(next.0.saturating_sub(1)));
        let slot = before.filter(|_| !is_all).unwrap_or(if is_all { base.slot } else { store.log.last.slot }).next();
        Self {
            store,
            slot: Some(slot),
            next,
            to,
            read: Vec::new().into_iter(),
            record_hash: is_all.then_some(base.record_hash),
        }
    }

    fn damaged(&mut self, slot: Slot, cause: Cause) -> ReadError {
        // Where a claim is damaged, its ticks may be whole: the next slot is looked at.
        let tick = self.next;
        let is_of_tick = self.store.find(tick).is_none_or(|found| found <= slot);
        self.next = if is_of_tick { tick.next() } else { tick };
        (self.slot, self.record_hash, self.read) = (Some(slot.next()), None, Vec::new().into_iter());
        ReadError::Damaged(Damage { slot, ticks: tick..=tick, cause })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.to {
            return None;
        }
        let slot = self.slot?;
        if self.read.len() == 0 {
            match self.store.read(slot, READ_BYTES) {
                Ok(records) => self.read = records.into_iter(),
                Err(ReadError::Damaged(damage)) => return Some(Err(self.damaged(damage.slot, damage.cause))),
                Err(error) => {
                    // The storage fails: the next tick would as well.
                    self.slot = None;
                    return Some(Err(error));
                }
            }
        }
        let Some(record) = self.read.next() else { return Some(Err(self.damaged(slot, Cause::Missing))) };
        if self.record_hash.is_some_and(|hash| hash != record.previous_hash()) {
            return Some(Err(self.damaged(record.slot(), Cause::Chain)));
        }
        (self.slot, self.record_hash) = (Some(record.slot().next()), Some(record.hash()));
        if !record.is_claim() {
            self.next = record.tick().next();
        }
        Some(Ok(record))
    }
}
