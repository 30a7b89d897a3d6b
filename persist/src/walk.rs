//! [`ChainWalk`]: the records after an origin, judged batch by batch.
//!
//! Invariant: what it lets through, claims and ticks, continues the origin; every tick after that is named, and those among them
//! that may have been acknowledged are named apart. It reads nothing and replays nothing: who has the records hands them in,
//! and may replay what comes out at once.

use std::ops::RangeInclusive;

use tickworld_sim::frame::Tick;

use crate::{
    error::{Cause, Damage},
    header::JournalHeader,
    position::{LogPosition, Slot},
    record::{Proof, Record},
    salvage::TailReport,
    store::LogState,
};

/// See the module.
#[derive(Clone, Debug)]
pub struct ChainWalk {
    root_lag_ticks: u64,
    origin: LogPosition,
    log: LogState,
    tail: TailReport,
    end: LogPosition,
    proven: Option<Proof>,
    /// Where the records stop, if they do before they should.
    damage: Option<Damage>,
    /// The acknowledged tick that is another one here.
    forked_at: Option<Tick>,
}

/// How far the records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The last record that can be replayed; the origin itself if there is none.
    pub end: LogPosition,
    /// The last root that a replay up to `end` is compared with.
    pub proven: Option<Proof>,
    /// Records after `end`, to be truncated; or, with [`Cause::Fork`], a history that is not the acknowledged one.
    pub damage: Option<Damage>,
    /// Ticks of the damage that may have been acknowledged to somebody.
    pub lost: Option<RangeInclusive<Tick>>,
}

impl ChainWalk {
    /// Begins after `origin`, in the journal with this header, which stands at `log` and says so of its end.
    #[must_use]
    pub fn new(header: &JournalHeader, origin: LogPosition, log: LogState, tail: TailReport) -> Self {
        let root_lag_ticks = u64::from(header.root_lag_ticks);
        let forked_at = tail.fork_at(origin);
        Self { root_lag_ticks, origin, log, tail, end: origin, proven: None, damage: None, forked_at }
    }

    /// The slot from which records are wanted; `None` when all that can be used have been.
    #[must_use]
    pub fn poll_read(&self) -> Option<Slot> {
        (self.damage.is_none() && self.end.slot < self.tail.end(&self.log)).then(|| self.end.slot.next())
    }

    /// Ticks that were walked, and of how many.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let from = self.origin.tick.0;
        (self.end.tick.0.saturating_sub(from), self.last().0.saturating_sub(from))
    }

    /// Takes the records from the wanted slot on, as many as were read, and gives those that can be replayed.
    pub fn handle_records<'r>(&mut self, records: &'r [Record]) -> &'r [Record] {
        if records.is_empty() && self.poll_read().is_some() {
            self.handle_damage(Cause::Missing);
        }
        for (index, record) in records.iter().enumerate() {
            let is_wanted = self.poll_read().is_some_and(|from| record.slot() >= from);
            if !is_wanted || record.tick_before() != self.end.tick || record.previous_hash() != self.end.record_hash {
                self.handle_damage(Cause::Chain);
                return &records[..index];
            }
            self.end = record.position();
            let tick = self.end.tick;
            let proof = record.as_tick().and_then(|it| it.root).zip(tick.0.checked_sub(self.root_lag_ticks));
            let proof = proof.map(|(root, tick)| Proof { tick: Tick(tick), root });
            self.proven = proof.filter(|proof| proof.tick >= self.origin.tick).or(self.proven);
            self.forked_at = self.forked_at.or(self.tail.fork_at(self.end));
        }
        records
    }

    /// Nothing that could be used stands in the wanted slot.
    pub fn handle_damage(&mut self, cause: Cause) {
        if let Some(slot) = self.poll_read() {
            let from = self.end.tick.next();
            self.damage = Some(Damage { slot, ticks: from..=self.last().max(from), cause });
        }
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> Walked {
        let Self { log, tail, end, proven, damage, forked_at, .. } = self;
        if let (Some(from), Some(mark)) = (forked_at, tail.watermark) {
            let ticks = from..=damage.map_or(end.tick, |damage| *damage.ticks.end());
            let damage = Some(Damage { slot: mark.slot, ticks: ticks.clone(), cause: Cause::Fork });
            return Walked { end, proven, damage, lost: Some(ticks) };
        }
        let lost = damage.as_ref().and_then(|_| tail.lost_after(end, &log));
        Walked { end, proven, damage, lost }
    }

    /// The tick that the records should reach.
    fn last(&self) -> Tick {
        self.tail.end_tick(&self.log)
    }
}
