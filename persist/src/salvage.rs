//! [`Salvage`]: what a store knows of losses that the storage below it may have had unnoticed.
//!
//! Invariant: all of this is about storage that can tear or fall back, as a file on one machine can. [`Journal`](crate::Journal)
//! promises nothing of it and asks nothing of it: a store whose storage can do neither, because many machines agree on it,
//! implements [`Salvage`] with nothing in it and has nothing to pretend.

use std::{future::Future, ops::RangeInclusive};

use tickworld_sim::frame::Tick;

use crate::{
    error::ReadError,
    store::{LogPosition, LogState},
};

/// What a store found at the end of its own journal that is not as it was left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TailReport {
    /// To which tick something stands after the last whole record that is not whole: to be truncated before anything is
    /// appended.
    pub torn_tail: Option<Tick>,
    /// The last tick that was reported durable, as noted beside the database; `None` where there is no such note.
    pub watermark: Option<LogPosition>,
}

impl TailReport {
    /// The last tick that may have been reported durable to somebody, by a journal that stands at `log`.
    #[must_use]
    pub fn acknowledged(&self, log: &LogState) -> Tick {
        // Without a watermark nothing tells that what is damaged at the end was never acknowledged.
        let noted = self.watermark.map_or(self.torn_tail.unwrap_or(log.durable), |mark| mark.tick);
        noted.max(log.durable)
    }

    /// The last tick of which anything stands in a journal that stands at `log`, or was acknowledged.
    #[must_use]
    pub fn end(&self, log: &LogState) -> Tick {
        self.torn_tail.unwrap_or(log.last.tick).max(self.acknowledged(log))
    }

    /// The acknowledged tick that a record at `position` says is another history's.
    #[must_use]
    pub fn fork_at(&self, position: LogPosition) -> Option<Tick> {
        self.watermark
            .filter(|mark| mark.tick == position.tick && mark.record_hash != position.record_hash)
            .map(|mark| mark.tick)
    }

    /// Of the ticks after `end`, those that may have been acknowledged.
    #[must_use]
    pub fn lost_after(&self, end: Tick, log: &LogState) -> Option<RangeInclusive<Tick>> {
        let acknowledged = self.acknowledged(log);
        (acknowledged > end).then(|| end.next()..=acknowledged)
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
