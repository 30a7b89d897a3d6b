//! [`AppendValidator`]: what an append is checked against, the same for every backend.
//!
//! Invariant: whatever passes continues the chain, in the epoch in force, without a gap.

use tickworld_sim::{
    component::{DecodeCause, DecodeError},
    frame::Tick,
};

use crate::{
    error::{AppendError, Cause, ClaimError, Damage, TruncateError},
    header::JournalHeader,
    limits,
    record::{Epoch, Record},
    salvage::TailReport,
    store::{DataLossPolicy, LogPosition, LogState},
};

/// The prefix of these records that one append takes: as many as the limits allow, but at least one.
pub(crate) fn prefix(records: &[Record]) -> &[Record] {
    let mut bytes = 0_u64;
    let fits = |record: &&Record| {
        bytes += record.encoded_bytes() as u64;
        bytes <= limits::APPEND_BYTES_MAX
    };
    let count = records.iter().take(limits::APPEND_RECORDS_MAX).take_while(fits).count();
    &records[..count.max(1).min(records.len())]
}

/// A journal's header and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct AppendValidator {
    pub(crate) header: JournalHeader,
    pub(crate) log: LogState,
    /// What of the end is not as it was left.
    pub(crate) report: TailReport,
    /// Whether the watermark names another record of its tick than the journal has.
    pub(crate) forked: bool,
}

impl AppendValidator {
    /// Of a journal without records.
    pub(crate) fn new(header: &JournalHeader) -> Self {
        let base = LogPosition { tick: header.start.tick, record_hash: header.hash() };
        let log = LogState { base, last: base, durable: base.tick, epoch: Epoch(0), sealed: false };
        Self { header: header.clone(), log, report: TailReport::default(), forked: false }
    }

    /// Where the journal stands once `records` are appended.
    pub(crate) fn after(&self, records: &[Record]) -> Result<LogPosition, AppendError> {
        if let Some(damage) = self.damage() {
            return Err(AppendError::Damaged(damage));
        }
        let mut last = self.log.last;
        for record in records {
            self.check_epoch(record.body().epoch)?;
            let (tick, expected) = (record.tick(), last.tick.next());
            if tick != expected {
                return Err(AppendError::Gap { expected, found: tick });
            }
            if record.body().previous_hash != last.record_hash {
                return Err(AppendError::Chain { tick });
            }
            if record.body().proof.is_some_and(|proof| Some(proof.tick) != self.header.proven_by(tick)) {
                return Err(AppendError::Proof { tick });
            }
            last = LogPosition { tick, record_hash: record.hash() };
        }
        Ok(last)
    }

    /// Whether `epoch` may write.
    pub(crate) fn check_epoch(&self, epoch: Epoch) -> Result<(), AppendError> {
        let current = self.log.epoch;
        match epoch.cmp(&current) {
            std::cmp::Ordering::Less => Err(AppendError::Fenced { by: current }),
            std::cmp::Ordering::Greater => Err(AppendError::Unclaimed { epoch, current }),
            std::cmp::Ordering::Equal if self.log.sealed => Err(AppendError::Sealed),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }

    /// The epoch that a claim gives.
    pub(crate) fn claim(&self) -> Result<Epoch, ClaimError> {
        self.damage().map_or(Ok(self.log.epoch.next()), |damage| Err(ClaimError::Damaged(damage)))
    }

    /// What must be truncated, and perhaps accepted, before the journal goes on: judged by the end alone.
    pub(crate) fn damage(&self) -> Option<Damage> {
        let last = self.log.last;
        let acknowledged = self.report.acknowledged(&self.log);
        if let Some(torn) = self.report.torn_tail {
            let cause = Cause::Malformed(DecodeError::new(DecodeCause::Form("the journal's end")));
            return Some(Damage { ticks: last.tick.next()..=torn.max(acknowledged), cause });
        }
        if acknowledged > last.tick {
            return Some(Damage { ticks: last.tick.next()..=acknowledged, cause: Cause::Missing });
        }
        let mark = self.report.watermark.filter(|_| self.forked)?;
        Some(Damage { ticks: mark.tick..=last.tick, cause: Cause::Fork })
    }

    /// The acknowledged ticks that a truncation after `tick` gives up.
    pub(crate) fn check_truncation(&self, tick: Tick, policy: DataLossPolicy) -> Result<(), TruncateError> {
        if policy == DataLossPolicy::Accept {
            return Ok(());
        }
        let forked = self.report.watermark.filter(|_| self.forked).map(|mark| mark.tick..=mark.tick);
        let lost = self.report.lost_after(tick, &self.log).or(forked);
        lost.map_or(Ok(()), |lost| Err(TruncateError::Acknowledged(lost)))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tickworld_sim::hash::Hash;

    use super::*;
    use crate::record::Body;

    fn record(tick: u64, frame_bytes: usize) -> Record {
        let mut frame = tick.to_le_bytes().to_vec();
        frame.resize(frame_bytes, 0);
        let (epoch, tick, frame) = (Epoch(1), Tick(tick), Bytes::from(frame));
        Record::new(Body { tick, epoch, previous_hash: Hash::ZERO, durable: Tick(0), proof: None, frame })
            .expect("it is short")
    }

    #[test]
    fn a_prefix_is_within_both_limits_and_never_empty() {
        let small: Vec<Record> = (1..=limits::APPEND_RECORDS_MAX as u64 + 1).map(|tick| record(tick, 8)).collect();
        assert_eq!(prefix(&small).len(), limits::APPEND_RECORDS_MAX);
        assert_eq!(prefix(&small[..5]).len(), 5);
        assert_eq!(prefix(&[]).len(), 0);
        let large: Vec<Record> = (1..=3).map(|tick| record(tick, limits::FRAME_BYTES_MAX as usize)).collect();
        let two = large[..2].iter().map(|record| record.encoded_bytes() as u64).sum::<u64>();
        assert!(two > limits::APPEND_BYTES_MAX, "two of the longest frames and what is around them are too many");
        assert_eq!(prefix(&large).len(), 1);
    }
}
