//! [`Records`]: the records of a journal, tick by tick.
//!
//! Invariant: every tick that was asked for comes, as its record or as what is wrong with it; a record that comes right after
//! another follows from it.

use std::vec::IntoIter;

use tickworld_persist::{
    Record,
    error::{Cause, Damage, ReadError},
};
use tickworld_sim::{frame::Tick, hash::Hash};

use super::OpenStore;

/// Bytes of records held at once.
const READ_BYTES: u64 = 4 * 1024 * 1024;

/// See the module.
pub(crate) struct Records<'s> {
    store: &'s OpenStore,
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
        Self {
            store,
            next,
            to,
            read: Vec::new().into_iter(),
            record_hash: (next == base.tick.next()).then_some(base.record_hash),
        }
    }

    fn damaged(&mut self, cause: Cause) -> ReadError {
        let tick = self.next;
        (self.next, self.record_hash, self.read) = (tick.next(), None, Vec::new().into_iter());
        ReadError::Damaged(Damage { ticks: tick..=tick, cause })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.to {
            return None;
        }
        if self.read.len() == 0 {
            match self.store.read(self.next, READ_BYTES) {
                Ok(records) => self.read = records.into_iter(),
                Err(ReadError::Damaged(damage)) => return Some(Err(self.damaged(damage.cause))),
                Err(error) => {
                    // The storage fails: the next tick would as well.
                    self.next = Tick(u64::MAX);
                    self.to = Tick(0);
                    return Some(Err(error));
                }
            }
        }
        let Some(record) = self.read.next() else { return Some(Err(self.damaged(Cause::Missing))) };
        if self.record_hash.is_some_and(|hash| hash != record.body().previous_hash) {
            return Some(Err(self.damaged(Cause::Chain)));
        }
        (self.next, self.record_hash) = (record.tick().next(), Some(record.hash()));
        Some(Ok(record))
    }
}
