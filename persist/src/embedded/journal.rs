//! The journal's calls on [`Core`].
//!
//! Invariant: whatever is written was validated first, and the validator moves on only after the commit. A failed append is
//! looked up at once, so that its outcome stays unknown only while the storage cannot be read.

use tickworld_sim::frame::Tick;

use super::{
    Core, StorageBackend,
    core::{Failure, insert_records, io_fault},
    rows::{HEADER_KEY, MANIFESTS, META, RECORDS, STATE_KEY, State, checked},
};
use crate::{
    Durability,
    append_validator::{AppendValidator, prefix},
    error::{AppendError, Cause, ClaimError, CreateError, Damage, Fault, ReadError, TruncateError},
    header::JournalHeader,
    limits,
    record::{Epoch, Record},
    salvage::TailReport,
    store::{Appended, Claim, DataLossPolicy, LogPosition, LogState},
};

/// Records to append, and how durable they must be.
#[derive(Clone, Debug)]
pub(super) struct Appending {
    pub(super) records: Vec<Record>,
    pub(super) durability: Durability,
}

impl<B: StorageBackend> Core<B> {
    /// See [`Journal::header`](crate::Journal::header).
    ///
    /// # Errors
    /// See there; so for all that follow.
    pub fn header(&mut self) -> Result<Option<JournalHeader>, ReadError> {
        self.guarded(|core| {
            core.check_header().map(|()| core.validator.as_ref().map(|validator| validator.header.clone()))
        })
    }

    /// See [`Journal::create`](crate::Journal::create).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn create(&mut self, header: &JournalHeader) -> Result<(), CreateError> {
        header.check().map_err(CreateError::Header)?;
        self.guarded(|core| {
            if let Some(validator) = &core.validator {
                return Err(CreateError::Exists(validator.header.world));
            }
            if core.header_damage.is_some() {
                return Err(CreateError::Storage(Fault::Corrupt("a journal whose header is damaged".into())));
            }
            let validator = AppendValidator::new(header);
            let state = State { epoch: validator.log.epoch, sealed: false, base: validator.log.base };
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            let written = core.commit(redb::Durability::Immediate, |txn| {
                let mut meta = txn.open_table(META)?;
                meta.insert(HEADER_KEY, checked(HEADER_KEY.as_bytes(), bytes).as_slice())?;
                meta.insert(STATE_KEY, state.encode().as_slice())?;
                Ok(())
            });
            if let Err(failure) = written {
                // Opening the database tells what became of it.
                core.guarded(|core| match &core.validator {
                    Some(found) if found.header == *header => core.settle(),
                    _ => Err(failure.fault()),
                })?;
            }
            let base = validator.log.base;
            core.validator = Some(validator);
            Ok(core.advance(base, redb::Durability::Immediate, &[])?)
        })
    }

    /// See [`Journal::claim`](crate::Journal::claim).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn claim(&mut self) -> Result<Claim, ClaimError> {
        self.guarded(|core| {
            let validator = core.validator.as_ref().ok_or(ClaimError::Absent)?;
            let epoch = validator.claim()?;
            let (base, last) = (validator.log.base, validator.log.last);
            core.write_state(State { epoch, sealed: false, base })?;
            // A crash may have taken the last notes away. Whoever claims goes on from here, so from here on it is noted.
            if core
                .validator
                .as_ref()
                .is_some_and(|validator| validator.report.watermark.is_none_or(|mark| mark.tick < last.tick))
            {
                core.note_watermark(last)?;
            }
            Ok(Claim { epoch, last })
        })
    }

    /// See [`Journal::append`](crate::Journal::append).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn append(&mut self, records: &[Record], durability: Durability) -> Result<Appended, AppendError> {
        let appending = Appending { records: prefix(records).to_vec(), durability };
        self.append_all(std::slice::from_ref(&appending)).pop().expect("one answer for each append")
    }

    /// Several appends in one commit; each is judged by itself.
    pub(super) fn append_all(&mut self, appends: &[Appending]) -> Vec<Result<Appended, AppendError>> {
        let mut judged = Vec::with_capacity(appends.len());
        match self.guarded(|core| core.append_group(appends, &mut judged)) {
            Ok(durable) => judged.into_iter().map(|kept| kept.map(|kept| Appended { kept, durable })).collect(),
            Err(error) => {
                // Those that were refused for their own sake keep their reason; where nothing was judged, all failed alike.
                judged.resize(appends.len(), Ok(Tick(0)));
                judged.into_iter().map(|kept| kept.and(Err(error.clone()))).collect()
            }
        }
    }

    /// Judges the appends into `judged`, each as the tick that it ends with; commits those that are good, and gives the last
    /// durable tick.
    fn append_group(
        &mut self,
        appends: &[Appending],
        judged: &mut Vec<Result<Tick, AppendError>>,
    ) -> Result<Tick, AppendError> {
        let mut validator = self.validator.clone().ok_or(AppendError::Absent)?;
        let before = validator.log.last;
        let mut good = Vec::new();
        let mut immediate = self.pending_is_full();
        for append in appends {
            let end = match append.durability {
                Durability::Quorum => Err(AppendError::Durability(append.durability)),
                Durability::Memory | Durability::Disk => validator.after(&append.records),
            };
            if let Ok(position) = end {
                validator.log.last = position;
                good.extend_from_slice(&append.records);
                immediate |= append.durability == Durability::Disk;
            }
            judged.push(end.map(|position| position.tick));
        }
        let durability = if immediate { redb::Durability::Immediate } else { redb::Durability::None };
        let nothing = good.is_empty() && validator.log.durable == before.tick;
        let is_wanted = judged.iter().any(Result::is_ok);
        if !is_wanted || nothing || (good.is_empty() && !immediate) {
            return Ok(validator.log.durable);
        }
        match self.commit(durability, |txn| insert_records(txn, &good)) {
            Ok(()) => self.advance(validator.log.last, durability, &good)?,
            Err(failure) => self.look_up(validator.log.last, failure)?,
        }
        Ok(self.validator.as_ref().map_or(validator.log.durable, |validator| validator.log.durable))
    }

    /// After a failed commit: `Ok` if the journal now ends at `wanted` nevertheless, and surely.
    fn look_up(&mut self, wanted: LogPosition, failure: Failure) -> Result<(), AppendError> {
        let fault = match failure {
            Failure::Before(fault) => return Err(AppendError::Storage(fault)),
            Failure::Unknown(fault) => fault,
        };
        // Opening the database reads the validator again.
        let found = self.guarded(|core| Ok::<_, Fault>(core.validator.as_ref().map(|validator| validator.log)));
        match found {
            Ok(Some(log)) if log.last == wanted => self.settle().map_err(|_| AppendError::Unknown(fault)),
            Ok(_) => Err(AppendError::Storage(fault)),
            Err(_) => Err(AppendError::Unknown(fault)),
        }
    }

    /// One more commit, so that what was read back from a storage that failed is certainly on it.
    fn settle(&mut self) -> Result<(), Fault> {
        let Some(validator) = &self.validator else { return Ok(()) };
        let LogState { epoch, sealed, base, last, .. } = validator.log;
        self.write_state(State { epoch, sealed, base })?;
        self.advance(last, redb::Durability::Immediate, &[])
    }

    /// See [`Journal::log_state`](crate::Journal::log_state).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn log_state(&mut self) -> Result<LogState, ReadError> {
        self.guarded(|core| {
            core.check_header()?;
            core.validator.as_ref().map(|validator| validator.log).ok_or(ReadError::Absent)
        })
    }

    /// See [`Salvage::tail_report`](crate::Salvage::tail_report).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn tail_report(&mut self) -> Result<TailReport, ReadError> {
        self.guarded(|core| {
            core.check_header()?;
            core.validator.as_ref().map(|validator| validator.report).ok_or(ReadError::Absent)
        })
    }

    /// See [`Journal::read`](crate::Journal::read).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn read_records(&mut self, from: Tick, bytes_max: u64) -> Result<Vec<Record>, ReadError> {
        self.guarded(|core| {
            core.check_header()?;
            let validator = core.validator.as_ref().ok_or(ReadError::Absent)?;
            let base = validator.log.base;
            let last = validator.report.torn_tail.unwrap_or(validator.log.last.tick);
            if from <= base.tick {
                return Err(ReadError::Trimmed { tick: from, base: base.tick });
            }
            let (records, stopped) = core.read_chain(from, base, last, bytes_max.min(limits::READ_BYTES_MAX))?;
            match stopped {
                Some(cause) if records.is_empty() => {
                    Err(ReadError::Damaged(Damage { ticks: from..=last.max(from), cause }))
                }
                _ => Ok(records),
            }
        })
    }

    /// Whole records that follow each other, and why they stop before the limit or the tick `last`, if they do.
    fn read_chain(
        &mut self,
        from: Tick,
        base: LogPosition,
        last: Tick,
        bytes_max: u64,
    ) -> Result<(Vec<Record>, Option<Cause>), Fault> {
        self.read(|txn| {
            let table = txn.open_table(RECORDS)?;
            let mut records: Vec<Record> = Vec::new();
            let (mut bytes, mut expected) = (0_u64, from);
            for row in table.range(from.0..)? {
                let (key, value) = row?;
                if key.value() != expected.0 {
                    break;
                }
                bytes += value.value().len() as u64;
                if bytes > bytes_max && !records.is_empty() {
                    return Ok((records, None));
                }
                let record = match Record::decode(value.value()) {
                    Ok(record) => record,
                    Err(error) => return Ok((records, Some(Cause::Malformed(error)))),
                };
                let previous =
                    records.last().map(Record::hash).or((from == base.tick.next()).then_some(base.record_hash));
                if record.tick() != expected || previous.is_some_and(|link| link != record.body().previous_hash) {
                    return Ok((records, Some(Cause::Chain)));
                }
                expected = expected.next();
                records.push(record);
            }
            Ok((records, (expected <= last).then_some(Cause::Missing)))
        })
    }

    /// Forgets up to so many of the oldest records up to `tick`; whether some are left to forget.
    pub(super) fn trim_some(&mut self, tick: Tick, count_max: usize) -> Result<(u64, bool), Fault> {
        self.guarded(|core| {
            let Some(validator) = core.validator.as_ref() else { return Ok((0, false)) };
            let log = validator.log;
            let end = tick.min(log.last.tick).min(Tick(log.base.tick.0.saturating_add(count_max as u64)));
            if end <= log.base.tick {
                return Ok((0, false));
            }
            let Some(link) = core.record_hash_at(end)? else {
                return Err(Fault::Corrupt(format!(
                    "the record of tick {end} is damaged, nothing before it is forgotten"
                )));
            };
            let state =
                State { epoch: log.epoch, sealed: log.sealed, base: LogPosition { tick: end, record_hash: link } };
            let count = core
                .commit(redb::Durability::Immediate, |txn| {
                    let mut records = txn.open_table(RECORDS)?;
                    let mut count = 0;
                    for row in records.extract_from_if(..=end.0, |_, _| true)? {
                        row?;
                        count += 1;
                    }
                    txn.open_table(META)?.insert(STATE_KEY, state.encode().as_slice())?;
                    Ok(count)
                })
                .map_err(Failure::fault)?;
            if let Some(validator) = &mut core.validator {
                validator.log.base = state.base;
            }
            core.advance(log.last, redb::Durability::Immediate, &[])?;
            Ok((count, end < tick.min(log.last.tick)))
        })
    }

    /// The chain's link at a tick: of its record, of the base, or else of a snapshot of it.
    pub(super) fn record_hash_at(&mut self, tick: Tick) -> Result<Option<tickworld_sim::hash::Hash>, Fault> {
        let Some(validator) = self.validator.clone() else { return Ok(None) };
        if tick == validator.log.base.tick {
            return Ok(Some(validator.log.base.record_hash));
        }
        self.read(|txn| {
            let row = txn.open_table(RECORDS)?.get(tick.0)?.and_then(|row| Record::decode(row.value()).ok());
            if let Some(record) = row.filter(|record| record.tick() == tick) {
                return Ok(Some(record.hash()));
            }
            let row = txn.open_table(MANIFESTS)?.get(tick.0)?;
            let snapshot =
                row.and_then(|row| super::rows::decode_snapshot(tick, row.value(), &validator.header.schema).ok());
            Ok(snapshot.map(|snapshot| snapshot.record_hash))
        })
    }

    /// See [`Journal::truncate_after`](crate::Journal::truncate_after).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn truncate_after(&mut self, tick: Tick, policy: DataLossPolicy) -> Result<(), TruncateError> {
        let (mut base, position) = self.guarded(|core| {
            let validator = core.validator.as_ref().ok_or(TruncateError::Absent { tick })?;
            let base = validator.log.base;
            validator.check_truncation(tick, policy)?;
            let link = if tick < base.tick { None } else { core.record_hash_at(tick)? };
            let position = LogPosition { tick, record_hash: link.ok_or(TruncateError::Absent { tick })? };
            Ok::<_, TruncateError>((base, position))
        })?;
        if policy == DataLossPolicy::Accept {
            self.shut();
            self.backend.keep_damaged().map_err(|error| TruncateError::Storage(io_fault(&error)))?;
        }
        self.guarded(|core| {
            let validator = core.validator.as_ref().ok_or(TruncateError::Absent { tick })?;
            let LogState { epoch, sealed, .. } = validator.log;
            // Where only a snapshot is left of that tick, the journal begins anew with it.
            if core.read(|txn| record_is_whole(txn, tick))?.is_none() && tick > base.tick {
                base = position;
            }
            let state = State { epoch, sealed, base };
            core.commit(redb::Durability::Immediate, |txn| {
                let mut records = txn.open_table(RECORDS)?;
                records.retain_in(tick.0.saturating_add(1).., |_, _| false)?;
                records.retain_in(..=base.tick.0, |_, _| false)?;
                txn.open_table(MANIFESTS)?.retain_in(tick.0.saturating_add(1).., |_, _| false)?;
                txn.open_table(META)?.insert(STATE_KEY, state.encode().as_slice())?;
                Ok(())
            })
            .map_err(Failure::fault)?;
            if let Some(validator) = &mut core.validator {
                (validator.log.base, validator.report.torn_tail, validator.forked) = (base, None, false);
            }
            core.clear_pending();
            Ok(core.advance(position, redb::Durability::Immediate, &[])?)
        })
    }

    /// See [`Journal::seal`](crate::Journal::seal).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn seal(&mut self, epoch: Epoch) -> Result<LogState, AppendError> {
        self.guarded(|core| {
            let validator = core.validator.as_ref().ok_or(AppendError::Absent)?;
            validator.check_epoch(epoch)?;
            let base = validator.log.base;
            core.write_state(State { epoch, sealed: true, base }).map_err(AppendError::Unknown)?;
            core.validator.as_ref().map(|validator| validator.log).ok_or(AppendError::Absent)
        })
    }

    /// Writes the state, and with it everything that was appended.
    fn write_state(&mut self, state: State) -> Result<(), Fault> {
        self.commit(redb::Durability::Immediate, |txn| {
            txn.open_table(META)?.insert(STATE_KEY, state.encode().as_slice())?;
            Ok(())
        })
        .map_err(Failure::fault)?;
        let Some(validator) = &mut self.validator else { return Ok(()) };
        (validator.log.epoch, validator.log.sealed, validator.log.base) = (state.epoch, state.sealed, state.base);
        let last = validator.log.last;
        self.advance(last, redb::Durability::Immediate, &[])
    }

    fn check_header(&self) -> Result<(), ReadError> {
        self.header_damage.clone().map_or(Ok(()), |cause| Err(ReadError::Header(cause)))
    }
}

fn record_is_whole(txn: &redb::ReadTransaction, tick: Tick) -> Result<Option<()>, redb::Error> {
    let row = txn.open_table(RECORDS)?.get(tick.0)?;
    Ok(row.and_then(|row| Record::decode(row.value()).ok()).filter(|record| record.tick() == tick).map(|_| ()))
}
