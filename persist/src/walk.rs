//! [`ChainWalk`]: the records after an origin, judged batch by batch.
//!
//! Invariant: what it lets through continues the origin without a gap; every tick after that is named, and those among them
//! that may have been acknowledged are named apart. It reads nothing and replays nothing: who has the records hands them in,
//! and may replay what comes out at once.

use std::ops::RangeInclusive;

use tickworld_sim::frame::Tick;

use crate::{
    error::{Cause, Damage},
    record::{Proof, Record},
    salvage::TailReport,
    store::{LogPosition, LogState},
};

/// See the module.
#[derive(Clone, Debug)]
pub struct ChainWalk {
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
    /// Begins after `origin`, in a journal that stands at `log` and says so of its end.
    #[must_use]
    pub fn new(origin: LogPosition, log: LogState, tail: TailReport) -> Self {
        Self { origin, log, tail, end: origin, proven: None, damage: None, forked_at: tail.fork_at(origin) }
    }

    /// The tick from which records are wanted; `None` when all that can be used have been.
    #[must_use]
    pub fn poll_read(&self) -> Option<Tick> {
        (self.damage.is_none() && self.end.tick < self.last()).then(|| self.end.tick.next())
    }

    /// Ticks that were walked, and of how many.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let from = self.origin.tick.0;
        (self.end.tick.0.saturating_sub(from), self.last().0.saturating_sub(from))
    }

    /// Takes the records from the wanted tick on, as many as were read, and gives those that can be replayed.
    pub fn handle_records<'r>(&mut self, records: &'r [Record]) -> &'r [Record] {
        if records.is_empty() && self.poll_read().is_some() {
            self.handle_damage(Cause::Missing);
        }
        for (index, record) in records.iter().enumerate() {
            if self.poll_read() != Some(record.tick()) || record.body().previous_hash != self.end.record_hash {
                self.handle_damage(Cause::Chain);
                return &records[..index];
            }
            self.end = record.position();
            self.proven = record.body().proof.filter(|proof| proof.tick >= self.origin.tick).or(self.proven);
            self.forked_at = self.forked_at.or(self.tail.fork_at(self.end));
        }
        records
    }

    /// Nothing that could be used stands at the wanted tick.
    pub fn handle_damage(&mut self, cause: Cause) {
        if let Some(from) = self.poll_read() {
            self.damage = Some(Damage { ticks: from..=self.last(), cause });
        }
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> Walked {
        let Self { log, tail, end, proven, damage, forked_at, .. } = self;
        if let Some(from) = forked_at {
            let ticks = from..=damage.map_or(end.tick, |damage| *damage.ticks.end());
            return Walked {
                end,
                proven,
                damage: Some(Damage { ticks: ticks.clone(), cause: Cause::Fork }),
                lost: Some(ticks),
            };
        }
        let lost = damage.as_ref().and_then(|_| tail.lost_after(end.tick, &log));
        Walked { end, proven, damage, lost }
    }

    /// The tick that the records should reach.
    fn last(&self) -> Tick {
        self.tail.end(&self.log)
    }
}
