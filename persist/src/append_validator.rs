//! [`AppendValidator`]: what an append and a claim are checked against, the same for every backend.
//!
//! Invariant: whatever passes stands in the next slot and continues the history, in the epoch in force; a claim that takes back
//! what may have been acknowledged says so.

use std::ops::RangeInclusive;

use tickworld_sim::{
    component::{DecodeCause, DecodeError},
    frame::Tick,
};

use crate::{
    error::{AppendError, Cause, ClaimError, Damage, ReadError},
    header::JournalHeader,
    limits,
    live::{Base, Live, Loaded, Rows},
    position::{Epoch, LogPosition, Slot},
    record::{ClaimRecord, Record, Why},
    salvage::TailReport,
    store::LogState,
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
    pub(crate) live: Live,
    last: LogPosition,
    durable: LogPosition,
    is_sealed: bool,
    /// What of the end is not as it was left.
    pub(crate) report: TailReport,
    /// Whether the watermark names another record of its slot than the journal has.
    pub(crate) forked: bool,
    /// What a journal of format 1 says of its claims.
    old: Option<OldState>,
}

/// What a journal of format 1 keeps of its claims, which stand in no slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OldState {
    pub(crate) epoch: Epoch,
    pub(crate) is_sealed: bool,
}

impl AppendValidator {
    /// The base of a journal that begins.
    pub(crate) fn first_base(header: &JournalHeader) -> Base {
        Base { position: header.start_position(), epoch: Epoch(0), incarnation: 1 }
    }

    /// The validator of a journal without records.
    pub(crate) fn new(header: &JournalHeader) -> Self {
        let base = Self::first_base(header);
        let (live, position) = (Live::new(base), base.position);
        Self {
            header: header.clone(),
            live,
            last: position,
            durable: position,
            is_sealed: false,
            report: TailReport::default(),
            forked: false,
            old: None,
        }
    }

    /// The same of a journal of format 1.
    pub(crate) fn with_old(mut self, old: Option<OldState>) -> Self {
        self.old = old;
        self
    }

    /// Of the records that stand after a base.
    pub(crate) fn load<R: Rows>(
        header: JournalHeader,
        base: Base,
        watermark: Option<LogPosition>,
        rows: &mut R,
    ) -> Result<Self, R::Error> {
        let Loaded { live, last, torn, is_sealed } = Live::load(base, header.is_old(), rows)?;
        let report = TailReport { torn_tail: torn, watermark };
        let forked = match watermark {
            Some(mark) if mark.slot == base.position.slot => mark.record_hash != base.position.record_hash,
            Some(mark) if mark.slot > base.position.slot => {
                let found = rows.row(mark.slot)?.and_then(Result::ok);
                found.is_some_and(|record| record.slot() == mark.slot && record.hash() != mark.record_hash)
            }
            _ => false,
        };
        Ok(Self { header, live, last, durable: last, is_sealed, report, forked, old: None })
    }

    /// Where the journal stands.
    pub(crate) fn log(&self) -> LogState {
        let mut log = LogState {
            base: self.live.base().position,
            last: self.last,
            durable: self.durable,
            next: self.last.slot.next(),
            epoch: self.epoch(),
            incarnation: self.live.incarnation(),
            sealed: self.old.map_or(self.is_sealed, |old| old.is_sealed),
        };
        log.next = self.report.end(&log).next();
        log
    }

    /// The claim in force.
    fn epoch(&self) -> Epoch {
        self.old.map_or(self.live.epoch(), |old| old.epoch)
    }

    /// Where the journal stands once `records` are appended.
    pub(crate) fn after(&self, records: &[Record]) -> Result<LogPosition, AppendError> {
        if self.header.is_old() {
            return Err(AppendError::Old);
        }
        if let Some(damage) = self.damage() {
            return Err(AppendError::Damaged(damage));
        }
        let mut last = self.last;
        for record in records {
            if record.is_claim() {
                return Err(AppendError::Claim { slot: record.slot() });
            }
            self.check_epoch(record.epoch())?;
            let (first, expected) = (record.tick_before().next(), last.slot.next());
            if record.slot() != expected {
                return Err(AppendError::Gap { expected, found: record.slot() });
            }
            if first != last.tick.next() {
                return Err(AppendError::Tick { expected: last.tick.next(), found: first });
            }
            if record.previous_hash() != last.record_hash {
                return Err(AppendError::Chain { tick: first });
            }
            let tick = record.tick();
            let has_root = record.as_tick().is_some_and(|record| record.root.is_some());
            if has_root && self.header.proven_by(tick).is_none() {
                return Err(AppendError::Proof { tick });
            }
            last = record.position();
        }
        Ok(last)
    }

    /// Whether `epoch` may write.
    fn check_epoch(&self, epoch: Epoch) -> Result<(), AppendError> {
        let current = self.epoch();
        match epoch.cmp(&current) {
            std::cmp::Ordering::Less => Err(AppendError::Fenced { by: current }),
            std::cmp::Ordering::Equal if self.is_sealed => Err(AppendError::Sealed),
            std::cmp::Ordering::Equal if current > Epoch(0) => Ok(()),
            std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => Err(AppendError::Unclaimed { epoch, current }),
        }
    }

    /// Records up to this one were appended.
    pub(crate) fn extend(&mut self, last: LogPosition) {
        if last.slot > self.last.slot {
            self.live.extend(last.slot);
            self.last = last;
        }
    }

    /// Everything that was appended is durable.
    pub(crate) const fn settle(&mut self) {
        self.durable = self.last;
    }

    pub(crate) const fn last(&self) -> LogPosition {
        self.last
    }

    pub(crate) const fn durable(&self) -> LogPosition {
        self.durable
    }

    /// Whether a claim may take its slot. `place_of` gives the position of the record in a slot of the history, as far as it or
    /// a snapshot of it is whole; `is_marked` says of the last record whether its own writer panicked in it.
    pub(crate) fn check_claim<E>(
        &self,
        record: &Record,
        is_marked: bool,
        place_of: impl FnOnce(Slot) -> Result<Option<LogPosition>, E>,
    ) -> Result<ClaimRecord, ClaimError>
    where
        ClaimError: From<E>,
    {
        if self.header.is_old() {
            return Err(ClaimError::Old);
        }
        let claim = record.as_claim().ok_or(ClaimError::NoClaim)?;
        let log = self.log();
        if claim.slot != log.next {
            return Err(ClaimError::Moved { next: log.next, found: claim.slot });
        }
        let after = claim.after;
        let is_there = self.live.holds(after.slot) && place_of(after.slot)? == Some(after);
        if !is_there {
            return Err(ClaimError::After { after: after.slot });
        }
        // The writer of the last tick has told nobody of it, and never will: it panicked before, and does not step again.
        let is_free = claim.why == Why::Skip
            && is_marked
            && self.damage().is_none()
            && (self.last.slot, self.last.tick) == (after.slot.next(), after.tick.next());
        if let Some(ticks) = self.lost_by(claim).filter(|_| !claim.is_loss && !is_free) {
            return Err(ClaimError::Acknowledged(ticks));
        }
        let expected = log.incarnation.saturating_add(u32::from(claim.is_loss));
        if claim.incarnation != expected {
            return Err(ClaimError::Incarnation { expected, found: claim.incarnation });
        }
        Ok(claim.clone())
    }

    /// The ticks that a claim voids and that may have been told.
    fn lost_by(&self, claim: &ClaimRecord) -> Option<RangeInclusive<Tick>> {
        let forked = self.report.watermark.filter(|_| self.forked).map(|mark| mark.tick..=mark.tick);
        self.report.lost_after(claim.after, &self.log()).or(forked)
    }

    /// Somebody has claimed, durably.
    pub(crate) fn claimed(&mut self, record: &Record) {
        let Some(claim) = record.as_claim() else { return };
        self.live.claim(claim.slot, claim.after, claim.incarnation);
        (self.last, self.durable) = (record.position(), record.position());
        self.is_sealed = claim.why == Why::End;
        (self.report.torn_tail, self.forked) = (None, false);
        if self.report.watermark.is_some_and(|mark| mark.slot >= claim.slot) {
            self.report.watermark = None;
        }
    }

    /// What a claim must go on before, and perhaps call a loss: judged by the end alone.
    pub(crate) fn damage(&self) -> Option<Damage> {
        let (last, log) = (self.last, self.log());
        let end = self.report.end_tick(&log).max(last.tick.next());
        if self.report.torn_tail.is_some() {
            let cause = Cause::Malformed(DecodeError::new(DecodeCause::Form("the journal's end")));
            return Some(Damage { slot: last.slot.next(), ticks: last.tick.next()..=end, cause });
        }
        if self.report.end(&log) > last.slot {
            return Some(Damage { slot: last.slot.next(), ticks: last.tick.next()..=end, cause: Cause::Missing });
        }
        let mark = self.report.watermark.filter(|_| self.forked)?;
        Some(Damage { slot: mark.slot, ticks: mark.tick..=last.tick.max(mark.tick), cause: Cause::Fork })
    }

    /// What is wrong with a slot of the history, and with what should follow from it.
    fn damage_at<R: Rows>(&self, slot: Slot, cause: Cause, rows: &mut R) -> Result<Damage, R::Error> {
        let from = self.live.first_tick_of(slot, rows)?;
        Ok(Damage { slot, ticks: from..=self.report.end_tick(&self.log()).max(from), cause })
    }

    /// The history from a slot on: whole records that follow each other.
    pub(crate) fn read<R: Rows>(
        &self,
        from: Slot,
        bytes_max: u64,
        rows: &mut R,
    ) -> Result<Result<Vec<Record>, ReadError>, R::Error> {
        let base = self.live.base().position;
        if from <= base.slot {
            return Ok(Err(ReadError::Trimmed { slot: from, base: base.slot }));
        }
        let (mut records, mut bytes, mut at) = (Vec::<Record>::new(), 0_u64, from);
        while let Some(slot) = self.live.next_from(at) {
            let is_first_of_all = Some(slot) == self.live.next_from(base.slot.next());
            let before = records.last().map(Record::hash).or(is_first_of_all.then_some(base.record_hash));
            let cause = match rows.row(slot)? {
                None => Cause::Missing,
                Some(Err(error)) => Cause::Malformed(error),
                Some(Ok(record)) if record.slot() != slot => Cause::Chain,
                Some(Ok(record)) if before.is_some_and(|hash| hash != record.previous_hash()) => Cause::Chain,
                Some(Ok(record)) => {
                    bytes += record.encoded_bytes() as u64;
                    if bytes > bytes_max && !records.is_empty() {
                        break;
                    }
                    records.push(record);
                    at = slot.next();
                    continue;
                }
            };
            if records.is_empty() {
                return Ok(Err(ReadError::Damaged(self.damage_at(slot, cause, rows)?)));
            }
            break;
        }
        if records.is_empty() && self.report.torn_tail.is_some_and(|torn| from <= torn) {
            // Nothing live is left, and something that is not whole stands there.
            let slot = from.max(self.last.slot.next());
            let cause = match rows.row(slot)? {
                Some(Err(error)) => Cause::Malformed(error),
                _ => Cause::Missing,
            };
            return Ok(Err(ReadError::Damaged(self.damage_at(slot, cause, rows)?)));
        }
        Ok(Ok(records))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tickworld_sim::hash::Hash;

    use super::*;
    use crate::record::{TickRecord, WallTime};

    fn record(tick: u64, frame_bytes: usize) -> Record {
        let mut frame = tick.to_le_bytes().to_vec();
        frame.resize(frame_bytes, 0);
        let (slot, epoch, wall, frame) = (Slot(tick + 1), Epoch(1), WallTime(0), Bytes::from(frame));
        Record::new(TickRecord { slot, epoch, previous_hash: Hash::ZERO, wall, count: 1, root: None, frame })
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
