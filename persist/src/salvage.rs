//! [`Salvage`]: what a store knows of losses that the storage below it may have had unnoticed.
//!
//! Invariant: all of this is about storage that can tear or fall back, as a file on one machine can. [`Journal`](crate::Journal)
//! promises nothing of it and asks nothing of it: a store whose storage can do neither, because many machines agree on it,
//! implements [`Salvage`] with nothing in it and has nothing to pretend.

use std::{future::Future, ops::RangeInclusive};

use tickworld_sim::frame::Tick;

use crate::{
    error::ReadError,
    position::{LogPosition, Slot},
    store::LogState,
};

/// What a store found at the end of its own journal that is not as it was left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TailReport {
    /// To which slot something stands after the last whole record that is not whole: a claim must go on before it.
    pub torn_tail: Option<Slot>,
    /// The last record that was reported durable, as noted beside the database; `None` where there is no such note.
    pub watermark: Option<LogPosition>,
}

impl TailReport {
    /// The last slot and the last tick that may have been reported durable to somebody, by a journal that stands at `log`.
    fn acknowledged_place(&self, log: &LogState) -> (Slot, Tick) {
        let noted = match (self.watermark, self.torn_tail) {
            (Some(mark), _) => (mark.slot, mark.tick),
            // Without a watermark nothing tells that what is damaged at the end was never acknowledged; each slot is taken for one tick.
            (None, Some(torn)) => (torn, Tick(log.last.tick.0.saturating_add(torn.0 - log.last.slot.0))),
            (None, None) => (log.durable.slot, log.durable.tick),
        };
        if noted.0 > log.durable.slot { noted } else { (log.durable.slot, log.durable.tick) }
    }

    /// The last tick that may have been reported durable to somebody, by a journal that stands at `log`.
    #[must_use]
    pub fn acknowledged(&self, log: &LogState) -> Tick {
        self.acknowledged_place(log).1
    }

    /// The last slot in which anything stands, or stood that was acknowledged, of a journal that stands at `log`.
    #[must_use]
    pub fn end(&self, log: &LogState) -> Slot {
        self.torn_tail.unwrap_or(log.last.slot).max(self.acknowledged_place(log).0)
    }

    /// The last tick of those: as if each slot that is not whole had made one.
    #[must_use]
    pub fn end_tick(&self, log: &LogState) -> Tick {
        let torn = self.torn_tail.map_or(0, |torn| torn.0.saturating_sub(log.last.slot.0));
        Tick(log.last.tick.0.saturating_add(torn)).max(self.acknowledged(log))
    }

    /// The acknowledged tick that a record at `position` says is another history's.
    #[must_use]
    pub fn fork_at(&self, position: LogPosition) -> Option<Tick> {
        self.watermark
            .filter(|mark| mark.slot == position.slot && mark.record_hash != position.record_hash)
            .map(|mark| mark.tick)
    }

    /// Of the ticks after `end`, those that may have been acknowledged.
    #[must_use]
    pub fn lost_after(&self, end: LogPosition, log: &LogState) -> Option<RangeInclusive<Tick>> {
        let (slot, tick) = self.acknowledged_place(log);
        (slot > end.slot && tick > end.tick).then(|| end.tick.next()..=tick)
    }
}

/// What a store knows of its own end, for whoever recovers or verifies it.
pub trait Salvage: Send + Sync {
    /// What is not as it was left. Nothing, unless the store says otherwise.
    ///
    /// # Errors
    /// When there is no journal, or the storage fails.
    fn tail_report(&self) -> impl Future<Output = Result<TailReport, ReadError>> + Send {
        async { Ok(TailReport::default()) }
    }
}
