//! [`Salvage`]: what a store knows of losses that the storage below it may have had unnoticed.
//!
//! Invariant: all of this is about storage that can tear or fall back, as a file on one machine can. [`Journal`](crate::Journal)
//! promises nothing of it and asks nothing of it: a store whose storage can do neither, because many machines agree on it,
//! implements [`Salvage`] with nothing in it and has nothing to pretend.

use std::{future::Future, ops::RangeInclusive};

use tickworld_sim::frame::Tick;

use crate::{
    error::ReadError,
    store::{Head, Place},
};

/// What a store found at the end of its own journal that is not as it was left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TailReport {
    /// To which tick something stands after the last whole record that is not whole: to be cut before anything is appended.
    pub torn_tail: Option<Tick>,
    /// The last tick that was reported durable, as noted beside the database; `None` where there is no such note.
    pub watermark: Option<Place>,
}

impl TailReport {
    /// The last tick that may have been reported durable to somebody, by a journal that stands at `head`.
    #[must_use]
    pub fn acknowledged(&self, head: &Head) -> Tick {
        // Without a watermark nothing tells that what is damaged at the end was never acknowledged.
        let noted = self.watermark.map_or(self.torn_tail.unwrap_or(head.durable), |mark| mark.tick);
        noted.max(head.durable)
    }

    /// The last tick of which anything stands in a journal that is at `head`, or was acknowledged.
    #[must_use]
    pub fn end(&self, head: &Head) -> Tick {
        self.torn_tail.unwrap_or(head.last.tick).max(self.acknowledged(head))
    }

    /// The acknowledged tick that a record at `place` says is another history's.
    #[must_use]
    pub fn fork_at(&self, place: Place) -> Option<Tick> {
        self.watermark.filter(|mark| mark.tick == place.tick && mark.link != place.link).map(|mark| mark.tick)
    }

    /// Of the ticks after `end`, those that may have been acknowledged.
    #[must_use]
    pub fn lost_after(&self, end: Tick, head: &Head) -> Option<RangeInclusive<Tick>> {
        let acknowledged = self.acknowledged(head);
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
