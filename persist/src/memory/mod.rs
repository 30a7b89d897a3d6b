//! [`Memory`]: a store in memory, for tests, whose storage fails when it is told to.
//!
//! Invariant: it keeps the same promises as any store, which [`conformance`](crate::conformance) shows; unless it is given a
//! [`SeededBug`], which that suite must notice. It is no model of a disk: for torn writes there is the simulated one.

mod faults;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use tickworld_sim::{
    component::DecodeError,
    content::ContentId,
    frame::Tick,
    hash::{Hash, hash},
};
use tokio::sync::watch;

use crate::{
    Durability,
    append_validator::{AppendValidator, prefix},
    error::{
        AppendError, Cause, ClaimError, CreateError, Damage, Fault, FetchError, ManifestError, PutError, ReadError,
        RetainError, SpendError, TrimError, TruncateError,
    },
    header::JournalHeader,
    limits,
    page::{check_pages, page_hashes},
    record::{Epoch, Record},
    retention::{Removed, Retention},
    salvage::{Salvage, TailReport},
    store::{Appended, Claim, DataLossPolicy, Journal, LogPosition, LogState, Page, Snapshot, Snapshots},
    tokens::{TokenDigest, Tokens},
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
    records: BTreeMap<Tick, Vec<u8>>,
    pages: BTreeMap<Hash, Bytes>,
    manifests: BTreeMap<Tick, Snapshot>,
    packs: BTreeMap<ContentId, Bytes>,
    /// When each spent token expires, by the token; and, of a store that mistakes it for another one then, by the second too.
    tokens: BTreeMap<(TokenDigest, u64), u64>,
    tokens_max: Option<u64>,
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

    /// What becomes of the next append, or of the next token to spend.
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
        if state.bug == Some(SeededBug::ForgetsSpentTokens) {
            state.tokens.pop_last();
        }
        let durable = state.validator.as_ref().map(|validator| validator.log.durable);
        let Some(mut durable) = durable else { return };
        if state.bug == Some(SeededBug::LosesWhatItAcknowledged) {
            durable = Tick(durable.0.saturating_sub(1));
        }
        state.truncate(durable);
    }

    /// Damages the record of a tick.
    pub fn damage_record(&self, tick: Tick) {
        let mut state = self.state();
        if let Some(last) = state.records.get_mut(&tick).and_then(|bytes| bytes.last_mut()) {
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
        self.validator.as_ref().map(|validator| (&validator.header, validator.log))
    }

    fn record(&self, tick: Tick) -> Option<Result<Record, DecodeError>> {
        self.records.get(&tick).map(|bytes| Record::decode(bytes))
    }

    fn record_hash_at(&self, tick: Tick) -> Option<Hash> {
        let (_, log) = self.header_and_log()?;
        if tick == log.base.tick {
            return Some(log.base.record_hash);
        }
        let record = self.record(tick).and_then(Result::ok).map(|record| record.hash());
        record.or_else(|| self.manifests.get(&tick).map(|snapshot| snapshot.record_hash))
    }

    /// Finds the last whole record again.
    fn look(&mut self) {
        let whole = self.records.iter().rev().find_map(|(tick, bytes)| {
            Record::decode(bytes).ok().map(|record| LogPosition { tick: *tick, record_hash: record.hash() })
        });
        let end = self.records.keys().next_back().copied();
        let Some(validator) = &mut self.validator else { return };
        validator.log.last = whole.unwrap_or(validator.log.base);
        validator.report.torn_tail = end.filter(|end| *end > validator.log.last.tick);
        validator.log.durable = validator.log.durable.min(validator.log.last.tick);
    }

    fn truncate(&mut self, tick: Tick) {
        self.records.retain(|at, _| *at <= tick);
        self.manifests.retain(|at, _| *at <= tick);
        self.look();
    }

    /// Judges an append as every store does, but for the seeded bug.
    fn judge(&self, records: &[Record]) -> Result<LogPosition, AppendError> {
        let validator = self.validator.as_ref().ok_or(AppendError::Absent)?;
        let judged = validator.after(records);
        let forgiven = match &judged {
            Err(AppendError::Gap { .. }) => self.has(SeededBug::TakesGaps),
            Err(AppendError::Chain { .. }) => self.has(SeededBug::TakesAnyChain),
            Err(AppendError::Proof { .. }) => self.has(SeededBug::TakesAnyProof),
            Err(AppendError::Fenced { .. }) => self.has(SeededBug::DoesNotFence),
            Err(AppendError::Sealed) => self.has(SeededBug::AppendsAfterSeal),
            _ => false,
        };
        match records.last() {
            Some(last) if forgiven => Ok(LogPosition { tick: last.tick(), record_hash: last.hash() }),
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
            .map_or((Tick(0), Tick(0)), |validator| (validator.log.last.tick, validator.log.durable));
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
            self.records.insert(record.tick(), bytes);
        }
        let Some(validator) = &mut self.validator else { return };
        validator.log.last = position;
        if durable {
            validator.log.durable = position.tick;
        }
        if lost {
            self.records.remove(&position.tick);
        }
    }

    fn spend(&mut self, token: TokenDigest, expires_seconds: u64) -> Result<bool, SpendError> {
        let key = (token, if self.has(SeededBug::SpendsBySecond) { expires_seconds } else { 0 });
        if let Some(expires) = self.tokens.get_mut(&key)
            && self.bug != Some(SeededBug::SpendsTwice)
        {
            if self.bug != Some(SeededBug::KeepsTheFirstSecond) {
                *expires = expires_seconds.max(*expires);
            }
            return Ok(false);
        }
        let max = self.tokens_max.unwrap_or(limits::SPENT_TOKENS_MAX);
        if self.tokens.len() as u64 >= max && !self.has(SeededBug::SpendsWithoutLimit) {
            return Err(SpendError::Full);
        }
        if self.full {
            let is_admitting = self.has(SeededBug::AdmitsWhenFull);
            return if is_admitting { Ok(true) } else { Err(SpendError::Storage(Fault::Full)) };
        }
        match self.fault.take() {
            Some(FaultMode::Fails) => return Err(SpendError::Storage(told_to_fail())),
            Some(FaultMode::UnknownLost) if self.has(SeededBug::AdmitsTheUnknown) => return Ok(true),
            Some(FaultMode::UnknownLost) => return Err(SpendError::Unknown(told_to_fail())),
            Some(FaultMode::UnknownWritten) => {
                self.tokens.insert(key, expires_seconds);
                return Err(SpendError::Unknown(told_to_fail()));
            }
            Some(FaultMode::KeepsHalf) | None => {}
        }
        self.tokens.insert(key, expires_seconds);
        Ok(true)
    }

    fn is_whole(&self, tick: Tick) -> bool {
        let whole = |wanted: Hash| self.pages.get(&wanted).is_some_and(|bytes| hash(bytes) == wanted);
        self.manifests.get(&tick).is_some_and(|snapshot| page_hashes(&snapshot.manifest).all(whole))
    }

    fn trim(&mut self, tick: Tick) -> u64 {
        let Some(link) = self.record_hash_at(tick) else { return 0 };
        let before = self.records.len();
        self.records.retain(|at, _| *at > tick);
        if let Some(validator) = &mut self.validator {
            validator.log.base = LogPosition { tick, record_hash: link };
        }
        (before - self.records.len()) as u64
    }

    fn check_manifest(&self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        let (header, log) = self.header_and_log().ok_or(ManifestError::Absent)?;
        let tick = snapshot.position().tick;
        if tick < log.base.tick || tick > log.last.tick {
            return Err(ManifestError::Tick { tick, base: log.base.tick, last: log.last.tick });
        }
        if snapshot.manifest.head.schema != header.schema_id() {
            return Err(ManifestError::Schema);
        }
        if self.record_hash_at(tick) != Some(snapshot.record_hash)
            && !self.has(SeededBug::TakesManifestsOfOtherHistories)
        {
            return Err(ManifestError::Chain { tick });
        }
        let prover = self.record(Tick(tick.0.saturating_add(u64::from(header.root_lag_ticks))));
        let proof = prover.and_then(Result::ok).and_then(|record| record.body().proof).map(|proof| proof.root);
        let proven = proof.or((tick == header.start.tick).then_some(header.start.root));
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
            records = self.trim(if self.has(SeededBug::RemovesNeededRecords) { oldest.next() } else { oldest });
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
        header.check().map_err(CreateError::Header)?;
        let mut state = self.state();
        match &state.validator {
            Some(validator) => Err(CreateError::Exists(validator.header.world)),
            None => {
                state.validator = Some(AppendValidator::new(header));
                Ok(())
            }
        }
    }

    async fn claim(&self) -> Result<Claim, ClaimError> {
        let mut state = self.state();
        let same = state.has(SeededBug::ReusesEpochs);
        let validator = state.validator.as_mut().ok_or(ClaimError::Absent)?;
        let epoch = validator.claim()?;
        let epoch = if same { Epoch(1) } else { epoch };
        (validator.log.epoch, validator.log.sealed) = (epoch, false);
        Ok(Claim { epoch, last: validator.log.last })
    }

    async fn append(&self, records: &[Record], durability: Durability) -> Result<Appended, AppendError> {
        self.wait().await;
        self.state().append(records, durability)
    }

    async fn log_state(&self) -> Result<LogState, ReadError> {
        self.readable()?.header_and_log().map(|(_, log)| log).ok_or(ReadError::Absent)
    }

    async fn read(&self, from: Tick, bytes_max: u64) -> Result<Vec<Record>, ReadError> {
        let state = self.readable()?;
        let validator = state.validator.as_ref().ok_or(ReadError::Absent)?;
        let (log, report) = (validator.log, validator.report);
        if from <= log.base.tick {
            return Err(ReadError::Trimmed { tick: from, base: log.base.tick });
        }
        let last = report.torn_tail.unwrap_or(log.last.tick);
        let (mut records, mut bytes, mut at) = (Vec::<Record>::new(), 0_u64, from);
        while at <= last {
            bytes += state.records.get(&at).map_or(0, |bytes| bytes.len() as u64);
            if bytes > bytes_max && !records.is_empty() {
                break;
            }
            let follows =
                |record: &Record| records.last().is_none_or(|last| last.hash() == record.body().previous_hash);
            let cause = match state.record(at) {
                Some(Ok(record)) if follows(&record) => {
                    records.push(record);
                    at = at.next();
                    continue;
                }
                Some(Ok(_)) => Cause::Chain,
                Some(Err(error)) => Cause::Malformed(error),
                None => Cause::Missing,
            };
            if records.is_empty() && !state.has(SeededBug::HidesDamage) {
                return Err(ReadError::Damaged(Damage { ticks: from..=last, cause }));
            }
            break;
        }
        Ok(records)
    }

    async fn trim_prefix(&self, tick: Tick) -> Result<(), TrimError> {
        let mut state = self.state();
        if !state.is_whole(tick) && !state.has(SeededBug::ForgetsWithoutSnapshot) {
            return Err(TrimError::Needed { tick });
        }
        state.trim(tick);
        Ok(())
    }

    async fn truncate_after(&self, tick: Tick, policy: DataLossPolicy) -> Result<(), TruncateError> {
        let mut state = self.state();
        let policy = if state.has(SeededBug::CutsWithoutAsking) { DataLossPolicy::Accept } else { policy };
        state.validator.as_ref().ok_or(TruncateError::Absent { tick })?.check_truncation(tick, policy)?;
        let link = state.record_hash_at(tick).ok_or(TruncateError::Absent { tick })?;
        if state.record(tick).is_none_or(|record| record.is_err()) {
            state.records.retain(|at, _| *at > tick);
            state
                .validator
                .iter_mut()
                .for_each(|validator| validator.log.base = LogPosition { tick, record_hash: link });
        }
        state.truncate(tick);
        state.validator.iter_mut().for_each(|validator| validator.log.durable = tick);
        Ok(())
    }

    async fn seal(&self, epoch: Epoch) -> Result<LogState, AppendError> {
        let mut state = self.state();
        let validator = state.validator.as_mut().ok_or(AppendError::Absent)?;
        validator.check_epoch(epoch)?;
        (validator.log.sealed, validator.log.durable) = (true, validator.log.last.tick);
        Ok(validator.log)
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
        state.validator.iter_mut().for_each(|validator| validator.log.durable = validator.log.last.tick);
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

impl Tokens for Memory {
    async fn spend(&self, token: TokenDigest, expires_seconds: u64) -> Result<bool, SpendError> {
        self.state().spend(token, expires_seconds)
    }

    async fn forget_spent(&self, expired_before_seconds: u64) -> Result<u64, Fault> {
        let mut state = self.state();
        let before = state.tokens.len();
        let is_early = u64::from(state.has(SeededBug::ForgetsTokensEarly));
        state.tokens.retain(|_, expires| *expires >= expired_before_seconds.saturating_add(is_early));
        Ok((before - state.tokens.len()) as u64)
    }
}
