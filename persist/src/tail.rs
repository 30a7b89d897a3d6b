//! [`Tail`]: what an append is checked against, the same for every backend.
//!
//! Invariant: whatever passes continues the chain, in the epoch in force, without a gap.

use tickworld_sim::{
    component::{DecodeCause, DecodeError},
    frame::Tick,
};

use crate::{
    error::{AppendError, Cause, ClaimError, CutError, Damage},
    header::JournalHeader,
    limits,
    record::{Epoch, Record},
    store::{Head, Loss, Place},
};

/// A journal's header and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    pub(crate) header: JournalHeader,
    pub(crate) head: Head,
    /// Whether the watermark names another record of its tick than the journal has.
    pub(crate) forked: bool,
}

impl Tail {
    /// Of a journal without records.
    pub(crate) fn new(header: &JournalHeader) -> Self {
        let base = Place { tick: header.start.tick, link: header.hash() };
        let head = Head {
            base,
            last: base,
            durable: base.tick,
            epoch: Epoch(0),
            sealed: false,
            torn_to: None,
            watermark: None,
        };
        Self { header: header.clone(), head, forked: false }
    }

    /// Where the journal stands once `records` are appended.
    pub(crate) fn after(&self, records: &[Record]) -> Result<Place, AppendError> {
        if records.len() > limits::APPEND_RECORDS_MAX {
            return Err(AppendError::TooMany { count: records.len() });
        }
        if let Some(damage) = self.damage() {
            return Err(AppendError::Damaged(damage));
        }
        let mut last = self.head.last;
        for record in records {
            self.check_epoch(record.body().epoch)?;
            let (tick, expected) = (record.tick(), last.tick.next());
            if tick != expected {
                return Err(AppendError::Gap { expected, found: tick });
            }
            if record.body().previous != last.link {
                return Err(AppendError::Chain { tick });
            }
            if record.body().proof.is_some_and(|proof| Some(proof.tick) != self.header.proven_by(tick)) {
                return Err(AppendError::Proof { tick });
            }
            last = Place { tick, link: record.hash() };
        }
        Ok(last)
    }

    /// Whether `epoch` may write.
    pub(crate) fn check_epoch(&self, epoch: Epoch) -> Result<(), AppendError> {
        let current = self.head.epoch;
        match epoch.cmp(&current) {
            std::cmp::Ordering::Less => Err(AppendError::Fenced { by: current }),
            std::cmp::Ordering::Greater => Err(AppendError::Unclaimed { epoch, current }),
            std::cmp::Ordering::Equal if self.head.sealed => Err(AppendError::Sealed),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }

    /// The epoch that a claim gives.
    pub(crate) fn claim(&self) -> Result<Epoch, ClaimError> {
        self.damage().map_or(Ok(self.head.epoch.next()), |damage| Err(ClaimError::Damaged(damage)))
    }

    /// What must be cut, and perhaps accepted, before the journal goes on: judged by the end alone.
    pub(crate) fn damage(&self) -> Option<Damage> {
        let Head { last, torn_to, .. } = self.head;
        let acknowledged = self.head.acknowledged();
        if let Some(torn) = torn_to {
            let cause = Cause::Malformed(DecodeError::new(DecodeCause::Form("the journal's end")));
            return Some(Damage { ticks: last.tick.next()..=torn.max(acknowledged), cause });
        }
        if acknowledged > last.tick {
            return Some(Damage { ticks: last.tick.next()..=acknowledged, cause: Cause::Missing });
        }
        let mark = self.head.watermark.filter(|_| self.forked)?;
        Some(Damage { ticks: mark.tick..=last.tick, cause: Cause::Fork })
    }

    /// The acknowledged ticks that a cut after `tick` gives up.
    pub(crate) fn check_cut(&self, tick: Tick, loss: Loss) -> Result<(), CutError> {
        let acknowledged = self.head.acknowledged();
        match (loss, self.head.watermark) {
            (Loss::Accept, _) => Ok(()),
            (Loss::Refuse, _) if acknowledged > tick => Err(CutError::Acknowledged(tick.next()..=acknowledged)),
            (Loss::Refuse, Some(mark)) if self.forked => Err(CutError::Acknowledged(mark.tick..=mark.tick)),
            (Loss::Refuse, _) => Ok(()),
        }
    }
}
