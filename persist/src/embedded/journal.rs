//! The journal's calls on [`Core`].
//!
//! Invariant: whatever is written was validated first, and the validator moves on only after the commit. A failed append is
//! looked up at once, so that its outcome stays unknown only while the storage cannot be read.

use tickworld_sim::frame::Tick;

use super::{
    Core, StorageBackend,
    core::{Failure, insert_records, io_fault},
    rows::{HEADER_KEY, MANIFESTS, META, RECORDS, STATE_KEY, Table, checked, decode_snapshot, encode_state},
};
use crate::{
    Durability,
    append_validator::{AppendValidator, prefix},
    error::{AppendError, ClaimError, CreateError, Fault, ReadError},
    header::JournalHeader,
    limits,
    live::{Base, Rows as _},
    position::{LogPosition, Slot},
    record::Record,
    salvage::TailReport,
    store::{Appended, Claim, LogState},
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

    /// Carries out [`Journal::create`](crate::Journal::create).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn create(&mut self, header: &JournalHeader) -> Result<(), CreateError> {
        header.check_new().map_err(CreateError::Header)?;
        self.guarded(|core| {
            if let Some(validator) = &core.validator {
                return Err(CreateError::Exists(validator.header.world));
            }
            if core.header_damage.is_some() {
                return Err(CreateError::Storage(Fault::Corrupt("a journal whose header is damaged".into())));
            }
            let validator = AppendValidator::new(header);
            let state = encode_state(validator.live.base());
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            let written = core.commit(redb::Durability::Immediate, |txn| {
                let mut meta = txn.open_table(META)?;
                meta.insert(HEADER_KEY, checked(HEADER_KEY.as_bytes(), bytes).as_slice())?;
                meta.insert(STATE_KEY, state.as_slice())?;
                Ok(())
            });
            if let Err(failure) = written {
                // Opening the database tells what became of it.
                core.guarded(|core| match &core.validator {
                    Some(found) if found.header == *header => core.settle(),
                    _ => Err(failure.fault()),
                })?;
            }
            let base = validator.last();
            core.validator = Some(validator);
            Ok(core.advance(base, redb::Durability::Immediate, &[])?)
        })
    }

    /// Carries out [`Journal::claim`](crate::Journal::claim).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn claim(&mut self, record: &Record) -> Result<Claim, ClaimError> {
        let is_loss = self.guarded(|core| core.check_claim(record).map(|claim| claim.is_loss))?;
        if is_loss {
            self.shut();
            self.backend.keep_damaged().map_err(|error| ClaimError::Storage(io_fault(&error)))?;
        }
        self.guarded(|core| {
            let after = core.check_claim(record)?.after;
            // Where only a snapshot is left of that record, the journal begins anew with it.
            let is_whole = core.row(after.slot)?.is_some();
            let validator = core.validator.as_ref().ok_or(ClaimError::Absent)?;
            let base = validator.live.base();
            let base = if is_whole || after.slot == base.position.slot {
                base
            } else {
                validator.live.base_at(after).unwrap_or(base)
            };
            let written = core.commit(redb::Durability::Immediate, |txn| {
                insert_records(txn, std::slice::from_ref(record))?;
                txn.open_table(RECORDS)?.retain_in(..=base.position.slot.0, |_, _| false)?;
                txn.open_table(MANIFESTS)?.retain_in(after.tick.0.saturating_add(1).., |_, _| false)?;
                txn.open_table(META)?.insert(STATE_KEY, encode_state(base).as_slice())?;
                Ok(())
            });
            match written {
                Ok(()) => {
                    core.clear_pending();
                    if let Some(validator) = &mut core.validator {
                        validator.live.trim(base);
                        validator.claimed(record);
                    }
                    core.note_watermark(record.position())?;
                }
                Err(failure) => core.look_up(record.position(), failure)?,
            }
            Claim::of(record).ok_or(ClaimError::NoClaim)
        })
    }

    fn check_claim(&mut self, record: &Record) -> Result<crate::ClaimRecord, ClaimError> {
        let validator = self.validator.clone().ok_or(ClaimError::Absent)?;
        let last = self.row(validator.last().slot)?;
        let is_marked = match last {
            Some(last) => self.marks()?.iter().any(|mark| mark.is_of_writer(&last)),
            None => false,
        };
        validator.check_claim(record, is_marked, |slot| self.position_at(slot))
    }

    /// Carries out [`Journal::append`](crate::Journal::append).
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
        let before = validator.last();
        let mut good = Vec::new();
        let mut immediate = self.pending_is_full();
        for append in appends {
            let end = match append.durability {
                Durability::Quorum => Err(AppendError::Durability(append.durability)),
                Durability::Memory | Durability::Disk => validator.after(&append.records),
            };
            if let Ok(position) = end {
                validator.extend(position);
                good.extend_from_slice(&append.records);
                immediate |= append.durability == Durability::Disk;
            }
            judged.push(end.map(|position| position.tick));
        }
        let durability = if immediate { redb::Durability::Immediate } else { redb::Durability::None };
        let nothing = good.is_empty() && validator.durable() == before;
        let is_wanted = judged.iter().any(Result::is_ok);
        if !is_wanted || nothing || (good.is_empty() && !immediate) {
            return Ok(validator.durable().tick);
        }
        match self.commit(durability, |txn| insert_records(txn, &good)) {
            Ok(()) => self.advance(validator.last(), durability, &good)?,
            Err(failure) => self.look_up(validator.last(), failure)?,
        }
        Ok(self.validator.as_ref().map_or(validator.durable(), AppendValidator::durable).tick)
    }

    /// After a failed commit: `Ok` if the journal now ends at `wanted` nevertheless, and surely.
    fn look_up(&mut self, wanted: LogPosition, failure: Failure) -> Result<(), Failure> {
        let Failure::Unknown(fault) = failure else { return Err(failure) };
        // Opening the database reads the validator again, and writes what only memory had.
        let found = self.guarded(|core| Ok::<_, Fault>(core.validator.as_ref().map(AppendValidator::last)));
        match found {
            Ok(Some(last)) if last == wanted => self.settle().map_err(|_| Failure::Unknown(fault)),
            Ok(_) => Err(Failure::Before(fault)),
            Err(_) => Err(Failure::Unknown(fault)),
        }
    }

    /// One more commit, so that what was read back from a storage that failed is certainly on it.
    fn settle(&mut self) -> Result<(), Fault> {
        let Some(validator) = &self.validator else { return Ok(()) };
        let (base, last) = (validator.live.base(), validator.last());
        self.write_state(base)?;
        self.advance(last, redb::Durability::Immediate, &[])
    }

    /// Carries out [`Journal::log_state`](crate::Journal::log_state).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn log_state(&mut self) -> Result<LogState, ReadError> {
        self.guarded(|core| {
            core.check_header()?;
            core.validator.as_ref().map(AppendValidator::log).ok_or(ReadError::Absent)
        })
    }

    /// Carries out [`Salvage::tail_report`](crate::Salvage::tail_report).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn tail_report(&mut self) -> Result<TailReport, ReadError> {
        self.guarded(|core| {
            core.check_header()?;
            core.validator.as_ref().map(|validator| validator.report).ok_or(ReadError::Absent)
        })
    }

    /// Carries out [`Journal::read`](crate::Journal::read).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn read_records(&mut self, from: Slot, bytes_max: u64) -> Result<Vec<Record>, ReadError> {
        self.guarded(|core| {
            core.check_header()?;
            let validator = core.validator.take().ok_or(ReadError::Absent)?;
            let bytes_max = bytes_max.min(limits::READ_BYTES_MAX);
            let read = core.read(|txn| validator.read(from, bytes_max, &mut Table(txn.open_table(RECORDS)?)));
            if read.is_ok() {
                core.validator = Some(validator);
            }
            read?
        })
    }

    /// Carries out [`Journal::record`](crate::Journal::record).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn record(&mut self, slot: Slot) -> Result<Option<Record>, ReadError> {
        self.guarded(|core| {
            core.check_header()?;
            core.validator.as_ref().ok_or(ReadError::Absent)?;
            Ok(core.row(slot)?)
        })
    }

    /// Carries out [`Journal::find`](crate::Journal::find).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn find(&mut self, tick: Tick) -> Result<Option<Slot>, ReadError> {
        self.guarded(|core| {
            core.check_header()?;
            core.validator.as_ref().ok_or(ReadError::Absent)?;
            Ok(core.slot_of(tick)?)
        })
    }

    pub(super) fn slot_of(&mut self, tick: Tick) -> Result<Option<Slot>, Fault> {
        let Some(live) = self.validator.as_ref().map(|validator| validator.live.clone()) else { return Ok(None) };
        self.read(|txn| live.find(tick, &mut Table(txn.open_table(RECORDS)?)))
    }

    /// The whole record in a slot, void or not.
    pub(super) fn row(&mut self, slot: Slot) -> Result<Option<Record>, Fault> {
        let row = self.read(|txn| Table(txn.open_table(RECORDS)?).row(slot))?;
        Ok(row.and_then(Result::ok).filter(|record| record.slot() == slot))
    }

    /// Forgets some of the oldest slots up to the one of a tick; how many ticks, and whether some are left to forget.
    pub(super) fn trim_some(&mut self, tick: Tick, count_max: usize) -> Result<(u64, bool), Fault> {
        self.guarded(|core| {
            let Some(log) = core.validator.as_ref().map(|validator| validator.log()) else { return Ok((0, false)) };
            let Some(end) = core.slot_of(tick.min(log.last.tick))? else { return Ok((0, false)) };
            // A base is a tick's record, never a claim: whoever begins there begins with its world.
            let some = Tick(log.base.tick.0.saturating_add(count_max as u64)).min(tick);
            let slot = core.slot_of(some)?.map_or(end, |slot| slot.min(end));
            if slot <= log.base.slot {
                return Ok((0, false));
            }
            let Some(position) = core.position_at(slot)? else {
                return Err(Fault::Corrupt(format!(
                    "the record in slot {slot} is damaged, nothing before it is forgotten"
                )));
            };
            let validator = core.validator.as_ref().ok_or(Fault::Closed)?;
            let Some(base) = validator.live.base_at(position) else { return Ok((0, false)) };
            core.commit(redb::Durability::Immediate, |txn| {
                txn.open_table(RECORDS)?.retain_in(..=slot.0, |_, _| false)?;
                txn.open_table(META)?.insert(STATE_KEY, encode_state(base).as_slice())?;
                Ok(())
            })
            .map_err(Failure::fault)?;
            if let Some(validator) = &mut core.validator {
                validator.live.trim(base);
            }
            core.advance(log.last, redb::Durability::Immediate, &[])?;
            Ok((position.tick.0 - log.base.tick.0, slot < end))
        })
    }

    /// The position of the record in a slot of the history: its own, the base's, or else that of a snapshot of it.
    pub(super) fn position_at(&mut self, slot: Slot) -> Result<Option<LogPosition>, Fault> {
        let Some(validator) = &self.validator else { return Ok(None) };
        let (base, schema) = (validator.live.base().position, validator.header.schema.clone());
        if slot == base.slot {
            return Ok(Some(base));
        }
        if let Some(record) = self.row(slot)? {
            return Ok(Some(record.position()));
        }
        let is_old = self.is_old;
        self.read(|txn| {
            for row in txn.open_table(MANIFESTS)?.range::<u64>(..)? {
                let (tick, row) = row?;
                let snapshot = decode_snapshot(Tick(tick.value()), row.value(), is_old, &schema).ok();
                if let Some(snapshot) = snapshot.filter(|snapshot| snapshot.slot == slot) {
                    return Ok(Some(snapshot.position()));
                }
            }
            Ok(None)
        })
    }

    /// Writes the state, and with it everything that was appended.
    fn write_state(&mut self, base: Base) -> Result<(), Fault> {
        self.commit(redb::Durability::Immediate, |txn| {
            txn.open_table(META)?.insert(STATE_KEY, encode_state(base).as_slice())?;
            Ok(())
        })
        .map_err(Failure::fault)
    }

    fn check_header(&self) -> Result<(), ReadError> {
        self.header_damage.clone().map_or(Ok(()), |cause| Err(ReadError::Header(cause)))
    }
}
