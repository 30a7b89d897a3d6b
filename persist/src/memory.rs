//! [`Memory`]: a store in memory, for tests, whose storage fails when it is told to.
//!
//! Invariant: it keeps the same promises as any store, which [`conformance`](crate::conformance) shows; unless it is given a
//! [`Flaw`], which that suite must notice. It is no model of a disk: for torn writes there is the simulated one.

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
    error::{
        AppendError, Cause, ClaimError, CreateError, CutError, Damage, Fault, FetchError, ForgetError, ManifestError,
        PutError, ReadError, RetainError,
    },
    header::JournalHeader,
    limits,
    page::{check_pages, page_hashes},
    record::{Epoch, Record},
    retention::{Removed, Retention},
    salvage::{Salvage, TailReport},
    store::{Appended, Claim, Head, Journal, Loss, Page, Place, Snapshot, Snapshots},
    tail::{Tail, prefix},
};

/// What happens to the next append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The storage refuses it.
    Fails,
    /// It is written, but nobody can tell.
    UnknownWritten,
    /// It is not written, but nobody can tell.
    UnknownLost,
    /// Only the first half is kept.
    KeepsHalf,
}

/// A promise that the store breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the broken promise's name")]
pub enum Flaw {
    TakesGaps,
    TakesAnyChain,
    TakesAnyProof,
    DoesNotFence,
    AppendsAfterSeal,
    AppendsHalfAGroup,
    ClaimsMoreThanItKept,
    KeepsMoreThanItClaims,
    LosesWhatItAcknowledged,
    CallsMemoryDurable,
    KeepsInMemoryForDisk,
    ReusesEpochs,
    HidesDamage,
    HidesLostPages,
    TakesWrongHashes,
    TakesManifestsWithoutPages,
    TakesManifestsOfOtherHistories,
    TakesManifestsWithWrongRoots,
    ForgetsWithoutSnapshot,
    RemovesNeededRecords,
    RemovesNeededPages,
    RetainsNothing,
    RetainsUnsoundly,
    CutsWithoutAsking,
    CallsLossKnown,
    AppendsWhenFull,
}

/// A store in memory; clones share it.
#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    held: Arc<watch::Sender<bool>>,
}

#[derive(Default)]
struct State {
    tail: Option<Tail>,
    /// Encoded, so that they can be damaged.
    records: BTreeMap<Tick, Vec<u8>>,
    pages: BTreeMap<Hash, Bytes>,
    manifests: BTreeMap<Tick, Snapshot>,
    packs: BTreeMap<ContentId, Bytes>,
    trouble: Option<Trouble>,
    full: bool,
    unreadable: bool,
    flaw: Option<Flaw>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { state: Arc::default(), held: Arc::new(watch::Sender::new(false)) }
    }
}

impl Memory {
    /// An empty store that breaks a promise.
    #[must_use]
    pub fn with_flaw(flaw: Flaw) -> Self {
        let memory = Self::default();
        memory.state().flaw = Some(flaw);
        memory
    }

    /// What becomes of the next append.
    pub fn trouble(&self, trouble: Trouble) {
        self.state().trouble = Some(trouble);
    }

    /// Whether there is room.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// Whether the journal's header, head and records can be read; with an append of unknown outcome, nobody can read back what
    /// became of it.
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
        let durable = state.tail.as_ref().map(|tail| tail.head.durable);
        let Some(mut durable) = durable else { return };
        if state.flaw == Some(Flaw::LosesWhatItAcknowledged) {
            durable = Tick(durable.0.saturating_sub(1));
        }
        state.cut(durable);
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
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn header_and_head(&self) -> Option<(&JournalHeader, Head)> {
        self.tail.as_ref().map(|tail| (&tail.header, tail.head))
    }

    fn record(&self, tick: Tick) -> Option<Result<Record, DecodeError>> {
        self.records.get(&tick).map(|bytes| Record::decode(bytes))
    }

    fn link(&self, tick: Tick) -> Option<Hash> {
        let (_, head) = self.header_and_head()?;
        if tick == head.base.tick {
            return Some(head.base.link);
        }
        let record = self.record(tick).and_then(Result::ok).map(|record| record.hash());
        record.or_else(|| self.manifests.get(&tick).map(|snapshot| snapshot.link))
    }

    /// Finds the last whole record again.
    fn look(&mut self) {
        let whole = self.records.iter().rev().find_map(|(tick, bytes)| {
            Record::decode(bytes).ok().map(|record| Place { tick: *tick, link: record.hash() })
        });
        let end = self.records.keys().next_back().copied();
        let Some(tail) = &mut self.tail else { return };
        tail.head.last = whole.unwrap_or(tail.head.base);
        tail.report.torn_tail = end.filter(|end| *end > tail.head.last.tick);
        tail.head.durable = tail.head.durable.min(tail.head.last.tick);
    }

    fn cut(&mut self, tick: Tick) {
        self.records.retain(|at, _| *at <= tick);
        self.manifests.retain(|at, _| *at <= tick);
        self.look();
    }

    /// Judges an append as every store does, but for the flaw.
    fn judge(&self, records: &[Record]) -> Result<Place, AppendError> {
        let tail = self.tail.as_ref().ok_or(AppendError::Absent)?;
        let judged = tail.after(records);
        let forgiven = match &judged {
            Err(AppendError::Gap { .. }) => self.has(Flaw::TakesGaps),
            Err(AppendError::Chain { .. }) => self.has(Flaw::TakesAnyChain),
            Err(AppendError::Proof { .. }) => self.has(Flaw::TakesAnyProof),
            Err(AppendError::Fenced { .. }) => self.has(Flaw::DoesNotFence),
            Err(AppendError::Sealed) => self.has(Flaw::AppendsAfterSeal),
            _ => false,
        };
        match records.last() {
            Some(last) if forgiven => Ok(Place { tick: last.tick(), link: last.hash() }),
            _ => judged,
        }
    }

    fn append(&mut self, given: &[Record], durability: Durability) -> Result<Appended, AppendError> {
        if durability == Durability::Quorum {
            return Err(AppendError::Durability(durability));
        }
        let mut records = prefix(given);
        if let Some(Trouble::KeepsHalf) = self.trouble {
            self.trouble = None;
            records = &records[..records.len().div_ceil(2)];
        }
        if self.has(Flaw::KeepsMoreThanItClaims) && records.len() < given.len() {
            let taken = &given[..=records.len()];
            self.append_prefix(taken, durability)?;
            return Ok(self.appended(records.last().map(Record::tick)));
        }
        self.append_prefix(records, durability)?;
        let last = if self.has(Flaw::ClaimsMoreThanItKept) { given.last() } else { records.last() };
        Ok(self.appended(last.map(Record::tick)))
    }

    /// What is told of an append that was kept up to a tick, or to the end of the journal.
    fn appended(&self, kept: Option<Tick>) -> Appended {
        let (last, durable) =
            self.tail.as_ref().map_or((Tick(0), Tick(0)), |tail| (tail.head.last.tick, tail.head.durable));
        Appended { kept: kept.unwrap_or(last), durable }
    }

    fn append_prefix(&mut self, records: &[Record], durability: Durability) -> Result<(), AppendError> {
        let judged = self.judge(records);
        if judged.is_err() && self.has(Flaw::AppendsHalfAGroup) {
            for end in (1..records.len()).rev() {
                if let Ok(place) = self.judge(&records[..end]) {
                    self.write(&records[..end], place, durability);
                    break;
                }
            }
        }
        let place = judged?;
        if self.full && !self.has(Flaw::AppendsWhenFull) {
            return Err(AppendError::Storage(Fault::Full));
        }
        match self.trouble.take() {
            Some(Trouble::Fails) => return Err(AppendError::Storage(told_to_fail())),
            Some(Trouble::UnknownLost) if self.has(Flaw::CallsLossKnown) => {}
            Some(Trouble::UnknownLost) => return Err(AppendError::Unknown(told_to_fail())),
            Some(Trouble::UnknownWritten) => {
                self.write(records, place, durability);
                return Err(AppendError::Unknown(told_to_fail()));
            }
            Some(Trouble::KeepsHalf) | None => self.write(records, place, durability),
        }
        Ok(())
    }

    fn write(&mut self, records: &[Record], place: Place, durability: Durability) {
        let is_for_disk = durability == Durability::Disk && !self.has(Flaw::KeepsInMemoryForDisk);
        let durable = is_for_disk || self.has(Flaw::CallsMemoryDurable);
        let lost = durability == Durability::Memory && self.has(Flaw::CallsMemoryDurable);
        for record in records {
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            self.records.insert(record.tick(), bytes);
        }
        let Some(tail) = &mut self.tail else { return };
        tail.head.last = place;
        if durable {
            tail.head.durable = place.tick;
        }
        if lost {
            self.records.remove(&place.tick);
        }
    }

    fn is_whole(&self, tick: Tick) -> bool {
        let whole = |wanted: Hash| self.pages.get(&wanted).is_some_and(|bytes| hash(bytes) == wanted);
        self.manifests.get(&tick).is_some_and(|snapshot| page_hashes(&snapshot.manifest).all(whole))
    }

    fn forget(&mut self, tick: Tick) -> u64 {
        let Some(link) = self.link(tick) else { return 0 };
        let before = self.records.len();
        self.records.retain(|at, _| *at > tick);
        if let Some(tail) = &mut self.tail {
            tail.head.base = Place { tick, link };
        }
        (before - self.records.len()) as u64
    }

    fn check_manifest(&self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        let (header, head) = self.header_and_head().ok_or(ManifestError::Absent)?;
        let tick = snapshot.place().tick;
        if tick < head.base.tick || tick > head.last.tick {
            return Err(ManifestError::Tick { tick, base: head.base.tick, head: head.last.tick });
        }
        if snapshot.manifest.head.schema != header.schema_id() {
            return Err(ManifestError::Schema);
        }
        if self.link(tick) != Some(snapshot.link) && !self.has(Flaw::TakesManifestsOfOtherHistories) {
            return Err(ManifestError::Chain { tick });
        }
        let prover = self.record(Tick(tick.0.saturating_add(u64::from(header.root_lag_ticks))));
        let proof = prover.and_then(Result::ok).and_then(|record| record.body().proof).map(|proof| proof.root);
        let proven = proof.or((tick == header.start.tick).then_some(header.start.root));
        let root = snapshot.manifest.roots(&header.schema).root;
        if proven.is_some_and(|proven| proven != root) && !self.has(Flaw::TakesManifestsWithWrongRoots) {
            return Err(ManifestError::Root { tick });
        }
        let missing = page_hashes(&snapshot.manifest).filter(|page| !self.pages.contains_key(page));
        let missing: BTreeSet<Hash> = missing.collect();
        match missing.first() {
            Some(first) if !self.has(Flaw::TakesManifestsWithoutPages) => {
                Err(ManifestError::Missing { count: u32::try_from(missing.len()).unwrap_or(u32::MAX), first: *first })
            }
            _ if self.full => Err(ManifestError::Storage(Fault::Full)),
            _ => Ok(()),
        }
    }

    fn retain(&mut self, retention: Retention) -> Result<Removed, RetainError> {
        let Some((_, head)) = self.header_and_head() else { return Ok(Removed::default()) };
        let ticks: Vec<Tick> = self.manifests.keys().copied().collect();
        let (doomed, kept) = ticks.split_at(retention.surplus(&ticks, head.last.tick));
        let Some(oldest) = kept.first().copied() else { return Ok(Removed::default()) };
        if self.has(Flaw::RetainsNothing) {
            return Ok(Removed::default());
        }
        if !kept.iter().any(|tick| self.is_whole(*tick)) && !self.has(Flaw::RetainsUnsoundly) {
            return Err(RetainError::Unsound);
        }
        doomed.iter().for_each(|tick| _ = self.manifests.remove(tick));
        let snapshots = u32::try_from(doomed.len()).unwrap_or(u32::MAX);
        let mut records = 0;
        if oldest > head.base.tick {
            records = self.forget(if self.has(Flaw::RemovesNeededRecords) { oldest.next() } else { oldest });
        }
        let mut live: BTreeSet<Hash> = self.manifests.values().flat_map(|kept| page_hashes(&kept.manifest)).collect();
        if self.has(Flaw::RemovesNeededPages) {
            live.pop_first();
        }
        let before = self.pages.len();
        self.pages.retain(|page, _| live.contains(page));
        Ok(Removed { snapshots, records, pages: (before - self.pages.len()) as u64 })
    }
}

impl Journal for Memory {
    async fn header(&self) -> Result<Option<JournalHeader>, ReadError> {
        Ok(self.readable()?.tail.as_ref().map(|tail| tail.header.clone()))
    }

    async fn create(&self, header: &JournalHeader) -> Result<(), CreateError> {
        header.check().map_err(CreateError::Header)?;
        let mut state = self.state();
        match &state.tail {
            Some(tail) => Err(CreateError::Exists(tail.header.world)),
            None => {
                state.tail = Some(Tail::new(header));
                Ok(())
            }
        }
    }

    async fn claim(&self) -> Result<Claim, ClaimError> {
        let mut state = self.state();
        let same = state.has(Flaw::ReusesEpochs);
        let tail = state.tail.as_mut().ok_or(ClaimError::Absent)?;
        let epoch = tail.claim()?;
        let epoch = if same { Epoch(1) } else { epoch };
        (tail.head.epoch, tail.head.sealed) = (epoch, false);
        Ok(Claim { epoch, last: tail.head.last })
    }

    async fn append(&self, records: &[Record], durability: Durability) -> Result<Appended, AppendError> {
        self.wait().await;
        self.state().append(records, durability)
    }

    async fn head(&self) -> Result<Head, ReadError> {
        self.readable()?.header_and_head().map(|(_, head)| head).ok_or(ReadError::Absent)
    }

    async fn read(&self, from: Tick, bytes_max: u64) -> Result<Vec<Record>, ReadError> {
        let state = self.readable()?;
        let tail = state.tail.as_ref().ok_or(ReadError::Absent)?;
        let (head, report) = (tail.head, tail.report);
        if from <= head.base.tick {
            return Err(ReadError::Forgotten { tick: from, base: head.base.tick });
        }
        let last = report.torn_tail.unwrap_or(head.last.tick);
        let (mut records, mut bytes, mut at) = (Vec::<Record>::new(), 0_u64, from);
        while at <= last {
            bytes += state.records.get(&at).map_or(0, |bytes| bytes.len() as u64);
            if bytes > bytes_max && !records.is_empty() {
                break;
            }
            let follows = |record: &Record| records.last().is_none_or(|last| last.hash() == record.body().previous);
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
            if records.is_empty() && !state.has(Flaw::HidesDamage) {
                return Err(ReadError::Damaged(Damage { ticks: from..=last, cause }));
            }
            break;
        }
        Ok(records)
    }

    async fn forget_to(&self, tick: Tick) -> Result<(), ForgetError> {
        let mut state = self.state();
        if !state.is_whole(tick) && !state.has(Flaw::ForgetsWithoutSnapshot) {
            return Err(ForgetError::Needed { tick });
        }
        state.forget(tick);
        Ok(())
    }

    async fn cut_after(&self, tick: Tick, loss: Loss) -> Result<(), CutError> {
        let mut state = self.state();
        let loss = if state.has(Flaw::CutsWithoutAsking) { Loss::Accept } else { loss };
        state.tail.as_ref().ok_or(CutError::Absent { tick })?.check_cut(tick, loss)?;
        let link = state.link(tick).ok_or(CutError::Absent { tick })?;
        if state.record(tick).is_none_or(|record| record.is_err()) {
            state.records.retain(|at, _| *at > tick);
            state.tail.iter_mut().for_each(|tail| tail.head.base = Place { tick, link });
        }
        state.cut(tick);
        state.tail.iter_mut().for_each(|tail| tail.head.durable = tick);
        Ok(())
    }

    async fn seal(&self, epoch: Epoch) -> Result<Head, AppendError> {
        let mut state = self.state();
        let tail = state.tail.as_mut().ok_or(AppendError::Absent)?;
        tail.check_epoch(epoch)?;
        (tail.head.sealed, tail.head.durable) = (true, tail.head.last.tick);
        Ok(tail.head)
    }
}

impl Salvage for Memory {
    /// It keeps no watermark: a damaged last record is a torn tail.
    async fn tail_report(&self) -> Result<TailReport, ReadError> {
        self.readable()?.tail.as_ref().map(|tail| tail.report).ok_or(ReadError::Absent)
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
            Err(PutError::Hash { .. }) if state.has(Flaw::TakesWrongHashes) => {}
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
            Some(bytes) if hash(bytes) != wanted && !state.has(Flaw::HidesLostPages) => {
                Err(FetchError::Damaged(Cause::Hash(wanted)))
            }
            other => Ok(other.cloned()),
        }
    }

    async fn put_manifest(&self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        let mut state = self.state();
        state.check_manifest(snapshot)?;
        state.manifests.insert(snapshot.place().tick, snapshot.clone());
        state.tail.iter_mut().for_each(|tail| tail.head.durable = tail.head.last.tick);
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
