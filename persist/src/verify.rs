//! [`verify`]: reads everything that is kept and compares every hash.
//!
//! Invariant: a store without a finding can be replayed from any of its snapshots and shows no damage, tampering or gap,
//! short of running the game: that roots follow from frames is for whoever replays.

use std::{
    collections::BTreeMap,
    ops::{ControlFlow, RangeInclusive},
};

use tickworld_sim::{content::ContentId, frame::Tick, hash::Hash};

use crate::{
    error::{Cause, Damage, FetchError, ReadError},
    header::JournalHeader,
    limits,
    page::page_hashes,
    position::{Epoch, Slot},
    progress::Progress,
    record::Record,
    recover::damage_of,
    salvage::{Salvage, TailReport},
    store::{LogState, Store},
};

/// Something that is not as it was written, or should be there and is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// Records that are damaged or missing.
    #[error("records of {0}")]
    Records(Damage),
    /// Records without the root that the journal's lag asks for. Those after a claim may lack it: whoever began there from a
    /// snapshot knew no root before it.
    #[error("the records of ticks {} to {} carry no root", .0.start(), .0.end())]
    Unproven(RangeInclusive<Tick>),
    /// A snapshot that cannot be used.
    #[error("the snapshot of tick {tick}: {cause}")]
    Snapshot {
        /// The tick of the snapshot.
        tick: Tick,
        /// What is wrong.
        cause: Cause,
    },
    /// A content pack.
    #[error("content pack {id}: {cause}")]
    Pack {
        /// The id that the pack is kept under.
        id: ContentId,
        /// What is wrong.
        cause: Cause,
    },
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Whole records of ticks.
    pub records: u64,
    /// Claims that are whole.
    pub claims: u64,
    /// Roots that they carry.
    pub proofs: u64,
    /// Snapshots that are whole.
    pub snapshots: u64,
    /// Whole pages in them, each counted as often as it is named.
    pub pages: u64,
    /// Packs that are whole.
    pub packs: u64,
    /// Whether it was told to stop: what comes after the last progress was not read.
    pub is_stopped: bool,
    /// What is wrong; at most [`FINDINGS_MAX`](limits::FINDINGS_MAX), where reading stopped.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    fn is_full(&self) -> bool {
        self.findings.len() >= limits::FINDINGS_MAX
    }

    /// Adds damaged ticks, to the last finding where they continue it.
    fn damaged(&mut self, slot: Slot, ticks: RangeInclusive<Tick>, cause: Cause) {
        match self.findings.last_mut() {
            Some(Finding::Records(last)) if last.ticks.end().next() == *ticks.start() && last.cause == cause => {
                last.ticks = *last.ticks.start()..=*ticks.end();
            }
            _ => self.findings.push(Finding::Records(Damage { slot, ticks, cause })),
        }
    }

    fn unproven(&mut self, ticks: RangeInclusive<Tick>) {
        match self.findings.last_mut() {
            Some(Finding::Unproven(last)) if last.end().next() == *ticks.start() => {
                *last = *last.start()..=*ticks.end()
            }
            _ => self.findings.push(Finding::Unproven(ticks)),
        }
    }
}

/// Why it could not be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// No journal, its header is damaged, or the storage fails.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The storage fails.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// Reads every record, snapshot, page and pack, until `progress` says that it is enough.
///
/// # Errors
/// When the storage fails, or there is no journal that could be read.
pub async fn verify<S: Store + Salvage>(
    store: &S,
    progress: &mut (dyn FnMut(Progress) -> ControlFlow<()> + Send),
) -> Result<VerifyReport, VerifyError> {
    let header = store.header().await?.ok_or(ReadError::Absent)?;
    let log = store.log_state().await?;
    let mut report = VerifyReport::default();
    let snapshots = store.manifests().await?;
    let mut known = Known {
        roots: BTreeMap::from([(header.start.tick, header.start.root)]),
        links: BTreeMap::from([(log.base.tick, log.base.record_hash)]),
    };
    let journal = Standing { header: &header, log, tail: store.tail_report().await? };
    verify_records(store, &journal, &snapshots, &mut known, &mut report, progress).await?;
    for tick in snapshots {
        if !report.is_full() && !report.is_stopped {
            verify_snapshot(store, &header, tick, &known, &mut report, progress).await?;
        }
    }
    if report.is_stopped {
        return Ok(report);
    }
    let packs = store.packs().await?;
    for (index, id) in packs.iter().enumerate() {
        if progress(Progress::Packs { done: index as u64, total: packs.len() as u64 }).is_break() {
            report.is_stopped = true;
            return Ok(report);
        }
        match damage_of(store.pack(*id).await)? {
            Ok(Some(_)) => report.packs += 1,
            Ok(None) => report.findings.push(Finding::Pack { id: *id, cause: Cause::Missing }),
            Err(cause) => report.findings.push(Finding::Pack { id: *id, cause }),
        }
    }
    Ok(report)
}

/// What the records say of the snapshots.
struct Known {
    /// Roots that the journal proves, by their ticks.
    roots: BTreeMap<Tick, Hash>,
    /// Links of the ticks that there are snapshots of.
    links: BTreeMap<Tick, Hash>,
}

/// The journal as it says that it is.
struct Standing<'a> {
    header: &'a JournalHeader,
    log: LogState,
    tail: TailReport,
}

async fn verify_records<S: Store>(
    store: &S,
    journal: &Standing<'_>,
    snapshots: &[Tick],
    known: &mut Known,
    report: &mut VerifyReport,
    progress: &mut (dyn FnMut(Progress) -> ControlFlow<()> + Send),
) -> Result<(), ReadError> {
    let Standing { header, log, tail } = journal;
    let (base, last) = (log.base.tick, tail.end_tick(log));
    let mut at = At { slot: log.base.slot, tick: base, link: Some(log.base.record_hash) };
    // The epoch of the last record, and the tick where its owner began.
    let mut owner = (Epoch(0), base);
    while at.slot < tail.end(log) && !report.is_full() {
        let (done, total) = (at.tick.0.saturating_sub(base.0), last.0.saturating_sub(base.0));
        if progress(Progress::Records { done, total }).is_break() {
            report.is_stopped = true;
            return Ok(());
        }
        let records = match store.read(at.slot.next(), limits::WALK_BYTES).await {
            Ok(records) if records.is_empty() => {
                // Of a claim at the end alone, no tick is missing.
                let ticks = at.tick.next()..=last.max(at.tick.next());
                report.damaged(at.slot.next(), ticks, Cause::Missing);
                return Ok(());
            }
            Ok(records) => records,
            Err(ReadError::Damaged(damage)) => {
                // Those after it may be whole: each is looked at.
                let tick = *damage.ticks.start();
                report.damaged(damage.slot, tick..=tick, damage.cause);
                // A claim makes no tick: the one that would follow it is looked at next.
                let is_last = damage.slot >= tail.end(log);
                at = At { slot: damage.slot, tick: if is_last { last } else { at.tick }, link: None };
                continue;
            }
            Err(error) => return Err(error),
        };
        for record in records {
            let tick = record.tick();
            if at.link.is_some_and(|link| link != record.previous_hash()) {
                report.damaged(record.slot(), ticks_of(&record), Cause::Chain);
            }
            if owner.0 != record.epoch() {
                let begun = if record.is_claim() { tick } else { at.tick };
                owner = (record.epoch(), begun);
            }
            at = At { slot: record.slot(), tick, link: Some(record.hash()) };
            verify_record(header, &record, owner.1, &mut known.roots, report);
            if snapshots.binary_search(&tick).is_ok() && !record.is_claim() {
                known.links.insert(tick, record.hash());
            }
            if tail.fork_at(record.position()).is_some() {
                // The watermark may be at a claim: then it is about the tick before that.
                let first = record.tick_before().next().min(tick);
                report.damaged(record.slot(), first..=tick, Cause::Fork);
            }
        }
    }
    Ok(())
}

/// How far the records were read.
struct At {
    slot: Slot,
    tick: Tick,
    /// Hash of the last one, where it is known.
    link: Option<Hash>,
}

/// The ticks that a record makes; of a claim, the one after it.
fn ticks_of(record: &Record) -> RangeInclusive<Tick> {
    let first = record.tick_before().next();
    first..=record.tick().max(first)
}

fn verify_record(
    header: &JournalHeader,
    record: &Record,
    begun: Tick,
    roots: &mut BTreeMap<Tick, Hash>,
    report: &mut VerifyReport,
) {
    if record.is_claim() {
        report.claims += 1;
        return;
    }
    report.records += 1;
    let tick = record.tick();
    match (header.proven_by(tick), record.proof(header)) {
        (None, None) => {}
        (Some(proven), None) if proven < begun => {}
        (Some(_), None) => report.unproven(ticks_of(record)),
        (expected, Some(proof)) if expected != Some(proof.tick) => {
            report.damaged(record.slot(), ticks_of(record), Cause::Chain)
        }
        (_, Some(proof)) => {
            report.proofs += 1;
            let known = *roots.entry(proof.tick).or_insert(proof.root);
            if known != proof.root {
                let cause = Cause::Root { tick: proof.tick, one: proof.root, other: known };
                report.damaged(record.slot(), ticks_of(record), cause);
            }
        }
    }
}

async fn verify_snapshot<S: Store>(
    store: &S,
    header: &JournalHeader,
    tick: Tick,
    known: &Known,
    report: &mut VerifyReport,
    progress: &mut (dyn FnMut(Progress) -> ControlFlow<()> + Send),
) -> Result<(), FetchError> {
    let snapshot = match damage_of(store.manifest(tick).await)? {
        Ok(Some(snapshot)) => snapshot,
        other => {
            report.findings.push(Finding::Snapshot { tick, cause: other.err().unwrap_or(Cause::Missing) });
            return Ok(());
        }
    };
    let one = snapshot.manifest.roots(&header.schema).root;
    if known.links.get(&tick).is_some_and(|link| *link != snapshot.record_hash) {
        report.findings.push(Finding::Snapshot { tick, cause: Cause::Fork });
        return Ok(());
    }
    if let Some(other) = known.roots.get(&tick).copied().filter(|other| *other != one) {
        report.findings.push(Finding::Snapshot { tick, cause: Cause::Root { tick, one, other } });
        return Ok(());
    }
    let hashes: Vec<Hash> = page_hashes(&snapshot.manifest).collect();
    for (index, hash) in hashes.iter().enumerate() {
        if progress(Progress::Pages { snapshot: tick, done: index as u64, total: hashes.len() as u64 }).is_break() {
            report.is_stopped = true;
            return Ok(());
        }
        match damage_of(store.page(*hash).await)? {
            Ok(Some(_)) => report.pages += 1,
            other => {
                report.findings.push(Finding::Snapshot { tick, cause: other.err().unwrap_or(Cause::Missing) });
                return Ok(());
            }
        }
    }
    report.snapshots += 1;
    Ok(())
}
