//! Claims on the double's journal.
//!
//! Invariant: judged as every store judges them, but for the seeded bug; a claim that is told to be there is there, and so is
//! everything that is void.

use super::{FaultMode, SeededBug, State, told_to_fail};
use crate::{
    error::{ClaimError, Fault},
    position::LogPosition,
    record::Record,
    store::Claim,
};

impl State {
    pub(super) fn claim(&mut self, record: &Record) -> Result<Claim, ClaimError> {
        let validator = self.validator.as_ref().ok_or(ClaimError::Absent)?;
        let last = self.record(validator.last().slot).and_then(Result::ok);
        let is_own = |last: &Record| self.marks.values().any(|mark| mark.is_of_writer(last));
        let is_any = |last: &Record| self.marks.values().any(|mark| mark.record_hash == last.hash());
        let is_marked = last.is_some_and(|last| {
            is_own(&last)
                || (self.has(SeededBug::SkipsWithAnyMark) && is_any(&last))
                || self.has(SeededBug::SkipsWithoutAMark)
        });
        let checked = validator.check_claim(record, is_marked, |slot| Ok::<_, ClaimError>(self.position_at(slot)));
        let forgiven = match &checked {
            Err(ClaimError::Moved { .. }) => self.has(SeededBug::ClaimsTakenSlots),
            Err(ClaimError::After { .. }) => self.has(SeededBug::ClaimsAfterVoidRecords),
            Err(ClaimError::Acknowledged(_)) => self.has(SeededBug::CutsWithoutAsking),
            Err(ClaimError::Incarnation { .. }) => {
                self.has(SeededBug::ClaimsAnyIncarnation) || self.has(SeededBug::CutsWithoutAsking)
            }
            _ => false,
        };
        let (Some(claim), true) = (record.as_claim(), checked.is_ok() || forgiven) else {
            return Err(checked.expect_err("it is no claim, or not a good one"));
        };
        if self.full && !self.has(SeededBug::AppendsWhenFull) {
            return Err(ClaimError::Storage(Fault::Full));
        }
        match self.fault.take() {
            Some(FaultMode::Fails) => return Err(ClaimError::Storage(told_to_fail())),
            Some(FaultMode::UnknownLost) => return Err(ClaimError::Unknown(told_to_fail())),
            Some(FaultMode::UnknownWritten) => {
                self.put_claim(record, claim.after);
                return Err(ClaimError::Unknown(told_to_fail()));
            }
            Some(FaultMode::KeepsHalf) | None => self.put_claim(record, claim.after),
        }
        Claim::of(record).ok_or(ClaimError::NoClaim)
    }

    fn put_claim(&mut self, record: &Record, after: LogPosition) {
        if self.has(SeededBug::LosesClaims) {
            if let Some(validator) = &mut self.validator {
                validator.claimed(record);
            }
            return;
        }
        if !self.has(SeededBug::KeepsSnapshotsOfVoidTicks) {
            self.manifests.retain(|tick, _| *tick <= after.tick);
        }
        if self.has(SeededBug::ForgetsWhatWasVoid) {
            self.records.retain(|slot, _| *slot <= after.slot);
        }
        // Where only a snapshot is left of the record, the journal begins anew with it.
        if self.record(after.slot).is_none_or(|it| it.is_err())
            && let Some(validator) = &mut self.validator
            && let Some(base) = validator.live.base_at(after)
        {
            validator.live.trim(base);
            self.records.retain(|slot, _| *slot > after.slot);
        }
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        self.records.insert(record.slot(), bytes);
        if let Some(validator) = &mut self.validator {
            validator.claimed(record);
        }
    }
}
