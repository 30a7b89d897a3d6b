//! [`Memory`]: a store in memory, for tests, whose storage fails when it is told to.
//!
//! Invariant: it keeps the same promises as any store, which [`conformance`](crate::conformance) shows; unless it is given a
//! [`SeededBug`], which that suite must notice. It is no model of a disk: for torn writes there is the simulated one.

mod archive;
mod claims;
mod faults;
mod marks;
mod tokens;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use tickworld_sim::{
    component::DecodeError,
    content::ContentId,
    frame::{PlayerId, Tick},
    hash::{Hash, hash},
};
use tokio::sync::watch;

use crate::{
    Durability,
    append_validator::{AppendValidator, prefix},
    archive::Whereabouts,
    error::{
        AppendError, Cause, ClaimError, CreateError, Fault, FetchError, ManifestError, PutError, ReadError,
        RetainError, TrimError,
    },
    header::JournalHeader,
    keys::KeysRow,
    limits,
    live::Rows,
    marks::{BuildId, Mark},
    page::{check_pages, page_hashes},
    position::{LogPosition, Slot},
    record::Record,
    recover::prover_of,
    retention::{Removed, Retention},
    salvage::{Salvage, TailReport},
    store::{Appended, Claim, Journal, LogState, Page, Snapshot, Snapshots},
    tokens::{Bearer, TokenDigest},
};

pub use self::faults::{FaultMode, SeededBug};

/// A store in memory; clones share it.
#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    held: Arc<watch::Sender<bool>>,
}

#[derive(Default)]
struct State {
    validator: Option<AppendValidator>,
    /// Encoded, so that they can be damaged.
    records: BTreeMap<Slot, Vec<u8>>,
    pages: BTreeMap<Hash, Bytes>,
    manifests: BTreeMap<Tick, Snapshot>,
    packs: BTreeMap<ContentId, Bytes>,
    /// When each spent token expires and whose it is, by the token; and, of a store that mistakes it for another one then, by the second too.
    tokens: BTreeMap<(TokenDigest, u64), (u64, Bearer)>,
    keys: Option<KeysRow>,
    tokens_max: Option<u64>,
    marks: BTreeMap<(Hash, BuildId), Mark>,
    attempts: BTreeMap<BuildId, (Hash, u32)>,
    archive: BTreeMap<PlayerId, Whereabouts>,
    fault: Option<FaultMode>,
    full: bool,
    unreadable: bool,
    bug: Option<SeededBug>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { state: Arc::default(), held: Arc::new(watch::Sender::new(false)) }
    }
}

impl Memory {
    /// An empty store that breaks a promise.
    #[must_use]
    pub fn with_bug(bug: SeededBug) -> Self {
        let memory = Self::default();
        memory.state().bug = Some(bug);
        memory
    }

    /// What becomes of the next append, of the next token to spend or of the next raise.
    pub fn inject(&self, fault: FaultMode) {
        self.state().fault = Some(fault);
    }

    /// Keeps at most so many spent tokens.
    pub fn set_spent_tokens_max(&self, count: u64) {
        self.state().tokens_max = Some(count);
    }

    /// Whether there is room.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// Whether the journal can be read; while it cannot, nobody can read back what became of an append of unknown outcome.
    pub fn set_unreadable(&self, unreadable: bool) {
        self.state().unreadable = unreadable;
    }

    /// Lets appends wait until they are let go: a slow storage.
    pub fn hold(&self, hold: bool) {
        self.held.send_replace(hold);
    }

    /// The process ends and begins again: what was not durable is gone.
    pub fn crash(&self) {
        let mut state = self.state();
        if state.bug == Some(SeededBug::ForgetsRaises) {
            state.archive.pop_last();
        }
        if state.bug == Some(SeededBug::ForgetsMarks) {
            state.marks.clear();
        }
        if state.bug == Some(SeededBug::ForgetsSpentTokens) {
            state.tokens.pop_last();
        }
        let durable = state.validator.as_ref().map(|validator| validator.durable().slot);
        let Some(mut durable) = durable else { return };
        if state.bug == Some(SeededBug::LosesWhatItAcknowledged) {
            durable = Slot(durable.0.saturating_sub(1));
        }
        state.records.retain(|slot, _| *slot <= durable);
        state.look();
    }

    /// Damages the record in a slot.
    pub fn damage_record(&self, slot: Slot) {
        let mut state = self.state();
        if let Some(last) = state.records.get_mut(&slot).and_then(|bytes| bytes.last_mut()) {
            *last ^= 1;
        }
        state.look();
    }

    /// Damages a page.
    pub fn damage_page(&self, hash: Hash) {
        if let Some(page) = self.state().pages.get_mut(&hash) {
            let mut bytes = page.to_vec();
            bytes.push(0);
            *page = bytes.into();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no call panics while it holds the lock")
    }

    fn readable(&self) -> Result<MutexGuard<'_, State>, Fault> {
        let state = self.state();
        if state.unreadable { Err(told_to_fail()) } else { Ok(state) }
    }

    async fn wait(&self) {
        let mut held = self.held.subscribe();
        // The sender is in `self`, so it cannot be gone.
        _ = held.wait_for(|held| !held).await;
    }
}

fn told_to_fail() -> Fault {
    Fault::Io("told to fail".into())
}

impl State {
    fn has(&self, bug: SeededBug) -> bool {
        self.bug == Some(bug)
    }

    fn header_and_log(&self) -> Option<(&JournalHeader, LogState)> {
        self.validator.as_ref().map(|validator| (&validator.header, validator.log()))
    }

    fn record(&self, slot: Slot) -> Option<Result<Record, DecodeError>> {
        self.records.get(&slot).map(|bytes| Record::decode(bytes))
    }

    /// The position of the record in a slot of the history: its own, the base's, or else that of a snapshot of it.
    fn position_at(&self, slot: Slot) -> Option<LogPosition> {
        let (_, log) = self.header_and_log()?;
        if slot == log.base.slot {
            return Some(log.base);
        }
        let record = self.record(slot).and_then(Result::ok).map(|record| record.position());
        let of_snapshot = || self.manifests.values().find(|it| it.slot == slot).map(Snapshot::position);
        record.or_else(of_snapshot)
    }

    fn slot_of(&self, tick: Tick) -> Option<Slot> {
        let found = match self.validator.as_ref()?.live.find(tick, &mut Table(&self.records)) {
            Ok(slot) => slot,
            Err(never) => match never {},
        };
        let ends_there = |slot: &Slot| self.position_at(*slot).is_none_or(|position| position.tick == tick);
        if self.has(SeededBug::FindsRunsByTheirEnd) { found.filter(ends_there) } else { found }
    }

    /// Finds out again what the records say.
    fn look(&mut self) {
        let Some(validator) = self.validator.take() else { return };
        let (base, watermark) = (validator.live.base(), validator.report.watermark);
        let loaded = AppendValidator::load(validator.header, base, watermark, &mut Table(&self.records));
        self.validator = Some(match loaded {
            Ok(loaded) => loaded,
            Err(never) => match never {},
        });
    }

    /// Judges an append as every store does, but for the seeded bug.
    fn judge(&self, records: &[Record]) -> Result<LogPosition, AppendError> {
        let validator = self.validator.as_ref().ok_or(AppendError::Absent)?;
        let judged = validator.after(records);
        let forgiven = match &judged {
            Err(AppendError::Gap { .. }) => self.has(SeededBug::TakesGaps),
            Err(AppendError::Tick { .. }) => self.has(SeededBug::TakesTicksTwice),
            Err(AppendError::Chain { .. }) => self.has(SeededBug::TakesAnyChain),
            Err(AppendError::Proof { .. }) => self.has(SeededBug::TakesAnyProof),
            Err(AppendError::Fenced { .. }) => self.has(SeededBug::DoesNotFence),
            Err(AppendError::Sealed) => self.has(SeededBug::AppendsAfterSeal),
            _ => false,
        };
        match records.last() {
            Some(last) if forgiven => Ok(last.position()),
            _ => judged,
        }
    }

    fn append(&mut self, given: &[Record], durability: Durability) -> Result<Appended, AppendError> {
        if durability == Durability::Quorum {
            return Err(AppendError::Durability(durability));
        }
        let mut records = prefix(given);
        if let Some(FaultMode::KeepsHalf) = self.fault {
            self.fault = None;
            records = &records[..records.len().div_ceil(2)];
        }
        if self.has(SeededBug::KeepsMoreThanItClaims) && records.len() < given.len() {
            let taken = &given[..=records.len()];
            self.append_prefix(taken, durability)?;
            return Ok(self.appended(records.last().map(Record::tick)));
        }
        self.append_prefix(records, durability)?;
        let last = if self.has(SeededBug::ClaimsMoreThanItKept) { given.last() } else { records.last() };
        Ok(self.appended(last.map(Record::tick)))
    }

    /// What is told of an append that was kept up to a tick, or to the end of the journal.
    fn appended(&self, kept: Option<Tick>) -> Appended {
        let (last, durable) = self
            .validator
            .as_ref()
            .map_or((Tick(0), Tick(0)), |validator| (validator.last().tick, validator.durable().tick));
        Appended { kept: kept.unwrap_or(last), durable }
    }

    fn append_prefix(&mut self, records: &[Record], durability: Durability) -> Result<(), AppendError> {
        let judged = self.judge(records);
        if judged.is_err() && self.has(SeededBug::AppendsHalfAGroup) {
            for end in (1..records.len()).rev() {
                if let Ok(position) = self.judge(&records[..end]) {
                    self.write(&records[..end], position, durability);
                    break;
                }
            }
        }
        let position = judged?;
        if self.full && !self.has(SeededBug::AppendsWhenFull) {
            return Err(AppendError::Storage(Fault::Full));
        }
        match self.fault.take() {
            Some(FaultMode::Fails) => return Err(AppendError::Storage(told_to_fail())),
            Some(FaultMode::UnknownLost) if self.has(SeededBug::CallsLossKnown) => {}
            Some(FaultMode::UnknownLost) => return Err(AppendError::Unknown(told_to_fail())),
            Some(FaultMode::UnknownWritten) => {
                self.write(records, position, durability);
                return Err(AppendError::Unknown(told_to_fail()));
            }
            Some(FaultMode::KeepsHalf) | None => self.write(records, position, durability),
        }
        Ok(())
    }

    fn write(&mut self, records: &[Record], position: LogPosition, durability: Durability) {
        let is_for_disk = durability == Durability::Disk && !self.has(SeededBug::KeepsInMemoryForDisk);
        let durable = is_for_disk || self.has(SeededBug::CallsMemoryDurable);
        let lost = durability == Durability::Memory && self.has(SeededBug::CallsMemoryDurable);
        for record in records {
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            self.records.insert(record.slot(), bytes);
        }
        let Some(validator) = &mut self.validator else { return };
        validator.extend(position);
        if durable {
            validator.settle();
        }
        if lost {
            self.records.remove(&position.slot);
        }
    }

    fn is_whole(&self, tick: Tick) -> bool {
        let whole = |wanted: Hash| self.pages.get(&wanted).is_some_and(|bytes| hash(bytes) == wanted);
        self.manifests.get(&tick).is_some_and(|snapshot| page_hashes(&snapshot.manifest).all(whole))
    }

    fn trim(&mut self, to: Slot) -> u64 {
        let Some(position) = self.position_at(to) else { return 0 };
        let Some(validator) = &mut self.validator else { return 0 };
        let from = validator.live.base().position.tick;
        let Some(base) = validator.live.base_at(position) else { return 0 };
        validator.live.trim(base);
        self.records.retain(|at, _| *at > to);
        position.tick.0.saturating_sub(from.0)
    }

    fn check_manifest(&self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        let validator = self.validator.as_ref().ok_or(ManifestError::Absent)?;
        let (header, log) = (&validator.header, validator.log());
        let position = snapshot.position();
        let tick = position.tick;
        if tick < log.base.tick || tick > log.last.tick {
            return Err(ManifestError::Tick { tick, base: log.base.tick, last: log.last.tick });
        }
        if snapshot.manifest.head.schema != header.schema_id() {
            return Err(ManifestError::Schema);
        }
        let is_live = validator.live.holds(position.slot);
        let own = self.position_at(position.slot);
        let is_inside = own.is_some_and(|own| own.record_hash == position.record_hash && own.tick > tick);
        let is_own = is_live && own == Some(position);
        let is_taken = is_inside && self.has(SeededBug::TakesManifestsInsideRuns);
        if !is_own && !is_taken && !self.has(SeededBug::TakesManifestsOfOtherHistories) {
            return Err(ManifestError::Chain { tick });
        }
        let prover = self.slot_of(prover_of(header, snapshot)).and_then(|slot| self.record(slot)).and_then(Result::ok);
        let proof = prover.and_then(|record| record.proof(header)).filter(|proof| proof.tick == tick);
        let proven = proof.map(|proof| proof.root).or((tick == header.start.tick).then_some(header.start.root));
        let root = snapshot.manifest.roots(&header.schema).root;
        if proven.is_some_and(|proven| proven != root) && !self.has(SeededBug::TakesManifestsWithWrongRoots) {
            return Err(ManifestError::Root { tick });
        }
        let missing = page_hashes(&snapshot.manifest).filter(|page| !self.pages.contains_key(page));
        let missing: BTreeSet<Hash> = missing.collect();
        match missing.first() {
            Some(first) if !self.has(SeededBug::TakesManifestsWithoutPages) => {
                Err(ManifestError::Missing { count: u32::try_from(missing.len()).unwrap_or(u32::MAX), first: *first })
            }
            _ if self.full => Err(ManifestError::Storage(Fault::Full)),
            _ => Ok(()),
        }
    }

    fn retain(&mut self, retention: Retention) -> Result<Removed, RetainError> {
        let Some((_, log)) = self.header_and_log() else { return Ok(Removed::default()) };
        let ticks: Vec<Tick> = self.manifests.keys().copied().collect();
        let is_blind = self.has(SeededBug::RetainsByNumberAlone);
        let retention = if is_blind { Retention { ticks: 0, ..retention } } else { retention };
        let (doomed, kept) = retention.part(&ticks, log.last.tick);
        let Some(oldest) = kept.first().copied() else { return Ok(Removed::default()) };
        if self.has(SeededBug::RetainsNothing) {
            return Ok(Removed::default());
        }
        if !kept.iter().any(|tick| self.is_whole(*tick)) && !self.has(SeededBug::RetainsUnsoundly) {
            return Err(RetainError::Unsound);
        }
        doomed.iter().for_each(|tick| _ = self.manifests.remove(tick));
        let snapshots = u32::try_from(doomed.len()).unwrap_or(u32::MAX);
        let mut records = 0;
        if oldest > log.base.tick {
            let slot = self.manifests.get(&oldest).map_or(Slot(0), |snapshot| snapshot.slot);
            records = self.trim(if self.has(SeededBug::RemovesNeededRecords) { slot.next() } else { slot });
        }
        let mut reachable: BTreeSet<Hash> =
            self.manifests.values().flat_map(|kept| page_hashes(&kept.manifest)).collect();
        if self.has(SeededBug::RemovesNeededPages) {
            reachable.pop_first();
        }
        let before = self.pages.len();
        self.pages.retain(|page, _| reachable.contains(page));
        Ok(Removed { snapshots, records, pages: (before - self.pages.len()) as u64 })
    }
}

impl Journal for Memory {
    async fn header(&self) -> Result<Option<JournalHeader>, ReadError> {
        Ok(self.readable()?.validator.as_ref().map(|validator| validator.header.clone()))
    }

    async fn create(&self, header: &JournalHeader) -> Result<(), CreateError> {
        header.check_new().map_err(CreateError::Header)?;
        let mut state = self.state();
        match &state.validator {
            Some(validator) => Err(CreateError::Exists(validator.header.world)),
            None => {
                state.validator = Some(AppendValidator::new(header));
                Ok(())
            }
        }
    }

    async fn claim(&self, record: &Record) -> Result<Claim, ClaimError> {
        self.state().claim(record)
    }

    async fn append(&self, records: &[Record], durability: Durability) -> Result<Appended, AppendError> {
        self.wait().await;
        self.state().append(records, durability)
    }

    async fn log_state(&self) -> Result<LogState, ReadError> {
        self.readable()?.header_and_log().map(|(_, log)| log).ok_or(ReadError::Absent)
    }

    async fn read(&self, from: Slot, bytes_max: u64) -> Result<Vec<Record>, ReadError> {
        let state = self.readable()?;
        let validator = state.validator.as_ref().ok_or(ReadError::Absent)?;
        if state.has(SeededBug::ShowsVoidRecords) {
            let rows = state.records.range(from..).map_while(|(_, bytes)| Record::decode(bytes).ok());
            return Ok(rows.collect());
        }
        let read = match validator.read(from, bytes_max, &mut Table(&state.records)) {
            Ok(read) => read,
            Err(never) => match never {},
        };
        match read {
            Err(ReadError::Damaged(_)) if state.has(SeededBug::HidesDamage) => Ok(Vec::new()),
            read => read,
        }
    }

    async fn record(&self, slot: Slot) -> Result<Option<Record>, ReadError> {
        let state = self.readable()?;
        state.validator.as_ref().ok_or(ReadError::Absent)?;
        Ok(state.record(slot).and_then(Result::ok))
    }

    async fn find(&self, tick: Tick) -> Result<Option<Slot>, ReadError> {
        let state = self.readable()?;
        state.validator.as_ref().ok_or(ReadError::Absent)?;
        Ok(state.slot_of(tick))
    }

    async fn trim_prefix(&self, tick: Tick) -> Result<(), TrimError> {
        let mut state = self.state();
        if !state.is_whole(tick) && !state.has(SeededBug::ForgetsWithoutSnapshot) {
            return Err(TrimError::Needed { tick });
        }
        let slot = state.slot_of(tick);
        slot.map(|slot| state.trim(slot));
        Ok(())
    }
}

/// The records as rows.
struct Table<'r>(&'r BTreeMap<Slot, Vec<u8>>);

impl Rows for Table<'_> {
    type Error = std::convert::Infallible;

    fn row(&mut self, slot: Slot) -> Result<Option<Result<Record, DecodeError>>, Self::Error> {
        Ok(self.0.get(&slot).map(|bytes| Record::decode(bytes)))
    }

    fn last_row(&mut self, base: Slot, slot: Slot) -> Result<Option<Slot>, Self::Error> {
        Ok(if slot > base { self.0.range(base.next()..=slot).next_back().map(|(slot, _)| *slot) } else { None })
    }
}

impl Salvage for Memory {
    /// It keeps no watermark: a damaged last record is a torn tail.
    async fn tail_report(&self) -> Result<TailReport, ReadError> {
        self.readable()?.validator.as_ref().map(|validator| validator.report).ok_or(ReadError::Absent)
    }
}

impl Snapshots for Memory {
    async fn missing(&self, hashes: &[Hash]) -> Result<Vec<Hash>, PutError> {
        if hashes.len() > limits::MISSING_HASHES_MAX {
            return Err(PutError::Limit { what: "the number of hashes" });
        }
        let state = self.state();
        let whole = |wanted: &Hash| state.pages.get(wanted).is_some_and(|bytes| hash(bytes) == *wanted);
        Ok(hashes.iter().copied().filter(|wanted| !whole(wanted)).collect())
    }

    async fn put_pages(&self, pages: &[Page]) -> Result<(), PutError> {
        let mut state = self.state();
        match check_pages(pages) {
            Err(PutError::Hash { .. }) if state.has(SeededBug::TakesWrongHashes) => {}
            other => other?,
        }
        if state.full {
            return Err(PutError::Storage(Fault::Full));
        }
        state.pages.extend(pages.iter().map(|page| (page.hash, page.bytes.clone())));
        Ok(())
    }

    async fn page(&self, wanted: Hash) -> Result<Option<Bytes>, FetchError> {
        let state = self.state();
        match state.pages.get(&wanted) {
            Some(bytes) if hash(bytes) != wanted && !state.has(SeededBug::HidesLostPages) => {
                Err(FetchError::Damaged(Cause::Hash(wanted)))
            }
            other => Ok(other.cloned()),
        }
    }

    async fn put_manifest(&self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        let mut state = self.state();
        state.check_manifest(snapshot)?;
        state.manifests.insert(snapshot.position().tick, snapshot.clone());
        state.validator.iter_mut().for_each(AppendValidator::settle);
        Ok(())
    }

    async fn manifests(&self) -> Result<Vec<Tick>, FetchError> {
        Ok(self.state().manifests.keys().copied().collect())
    }

    async fn manifest(&self, tick: Tick) -> Result<Option<Snapshot>, FetchError> {
        Ok(self.state().manifests.get(&tick).cloned())
    }

    async fn put_pack(&self, id: ContentId, bytes: Bytes) -> Result<(), PutError> {
        if bytes.len() as u64 > limits::PACK_BYTES_MAX {
            return Err(PutError::Limit { what: "the pack" });
        }
        let mut state = self.state();
        if state.full {
            return Err(PutError::Storage(Fault::Full));
        }
        state.packs.insert(id, bytes);
        Ok(())
    }

    async fn pack(&self, id: ContentId) -> Result<Option<Bytes>, FetchError> {
        Ok(self.state().packs.get(&id).cloned())
    }

    async fn packs(&self) -> Result<Vec<ContentId>, FetchError> {
        Ok(self.state().packs.keys().copied().collect())
    }

    async fn retain(&self, retention: Retention) -> Result<Removed, RetainError> {
        self.state().retain(retention)
    }
}
