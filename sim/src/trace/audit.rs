//! [`Audit`]: everything about a trace that can be checked without its game.
//!
//! Invariant: reads every record once, front to back: each check, each link of the chain, each world's root against its
//! tick's, each page against the hash that a world gives it; then the index and the seal against one made anew. What passes
//! was not changed since it was written; whether the game does what it says is for the [`Verifier`](super::Verifier). Memory
//! is one world's page entries and the bounded index.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{column::PageEntry, frame::Tick, hash::Hash};

use super::{
    Chain, Source, StageRoots, TickRecord, Torn, Trace, TraceError,
    error::Damage,
    index::{Entry, Index},
    reader::{ContentPiece, damaged},
    record::Kind,
    scan::{check_index, check_seal},
    seal::Seal,
    state::StateBody,
    tick::Mismatch,
};

/// What an audit went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Tick records.
    pub ticks: u64,
    /// Keyframes.
    pub keyframes: u64,
    /// Worlds that are evidence.
    pub evidence: u64,
    /// Pages read and hashed.
    pub pages: u64,
    /// Bytes gone through.
    pub bytes: u64,
    /// Where the trace is torn, if it is.
    pub torn: Option<Torn>,
}

/// A step of an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audited {
    /// A tick whose link holds.
    Tick(TickRecord),
    /// A world whose root and pages hold.
    World(Tick),
    /// Anything else.
    Other,
}

/// An audit under way.
pub struct Audit {
    at: u64,
    chain: Chain,
    /// Made anew from the records.
    index: Index,
    /// Roots of the last ticks: worlds may be written some ticks after theirs.
    roots: BTreeMap<Tick, Hash>,
    /// Page entries of the world read last, with offsets: they were checked.
    checked: Vec<Vec<(PageEntry, u64)>>,
    report: AuditReport,
    is_done: bool,
}

impl Audit {
    /// At the start of `trace`.
    #[must_use]
    pub fn new<S: Source>(trace: &Trace<S>) -> Self {
        let header = trace.header();
        Self {
            at: trace.first_record,
            chain: Chain::start(trace.schema_id(), header.revision, &header.start),
            index: Index::new(header.start.tick),
            roots: BTreeMap::from([(header.start.tick, header.start.root)]),
            checked: Vec::new(),
            report: AuditReport { bytes: trace.first_record, torn: trace.torn(), ..AuditReport::default() },
            is_done: false,
        }
    }

    /// Audits all of `trace`; `progress` is told the bytes done and their total.
    ///
    /// # Errors
    /// The first thing wrong.
    pub fn run<S: Source>(
        trace: &mut Trace<S>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<AuditReport, TraceError<S::Error>> {
        let mut audit = Self::new(trace);
        while audit.step(trace)?.is_some() {
            progress(audit.report.bytes, trace.end);
        }
        Ok(audit.report)
    }

    /// What was gone through so far.
    #[must_use]
    pub const fn report(&self) -> &AuditReport {
        &self.report
    }

    /// Audits the next record; `None` at the end.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn step<S: Source>(&mut self, trace: &mut Trace<S>) -> Result<Option<Audited>, TraceError<S::Error>> {
        let at = self.at;
        if at >= trace.end {
            if !core::mem::replace(&mut self.is_done, true) {
                self.end(trace)?;
            }
            return Ok(None);
        }
        let schema = trace.schema().clone();
        let (end, version) = (trace.end, trace.version);
        let (record, next) = trace.window.record(at, end)?;
        self.at = next;
        self.report.bytes = next;
        let Some(record) = record else { return Ok(Some(Audited::Other)) };
        let malformed = |error: crate::component::DecodeError| damaged(at, error.into());
        match record.kind {
            Kind::Tick => {
                let record = TickRecord::decode(record.body, schema.columns.len()).map_err(malformed)?;
                self.tick(at, &record)?;
                Ok(Some(Audited::Tick(record)))
            }
            kind @ (Kind::Keyframe | Kind::Evidence) => {
                let body = StateBody::decode(record.body, &schema, at).map_err(malformed)?;
                let tick = body.manifest.head.tick;
                self.note(at, kind, tick)?;
                self.world(trace, at, body)?;
                let count = if kind == Kind::Keyframe { &mut self.report.keyframes } else { &mut self.report.evidence };
                *count = count.saturating_add(1);
                Ok(Some(Audited::World(tick)))
            }
            Kind::Stages => {
                let stages = StageRoots::decode(record.body, schema.columns.len()).map_err(malformed)?;
                self.note(at, record.kind, stages.tick)?;
                Ok(Some(Audited::Other))
            }
            Kind::Mismatch => {
                let mismatch = Mismatch::decode(record.body, version).map_err(malformed)?;
                self.note(at, Kind::Mismatch, mismatch.tick)?;
                Ok(Some(Audited::Other))
            }
            Kind::Content => {
                let piece = ContentPiece::decode(record.body).map_err(malformed)?;
                if piece.offset == 0 && !self.index.add_content(piece.id, at) {
                    return Err(damaged(at, Damage::Place("more content packs than a trace may have")));
                }
                Ok(Some(Audited::Other))
            }
            Kind::Page => Ok(Some(Audited::Other)),
            Kind::Header => Err(damaged(at, Damage::Place("a second header"))),
            // A recording that was broken off right before its seal.
            Kind::Index if self.report.torn.is_some() => {
                check_index(&self.index, at, record.body)?;
                Ok(Some(Audited::Other))
            }
            Kind::Index | Kind::Seal => Err(damaged(at, Damage::Place("index and seal stand at the end"))),
        }
    }

    fn note<E>(&mut self, at: u64, kind: Kind, tick: Tick) -> Result<(), TraceError<E>> {
        let rising = self.index.keyframes().last().is_none_or(|last| last.tick < tick);
        if kind == Kind::Keyframe && !rising {
            return Err(damaged(at, Damage::Place("keyframes must follow one another")));
        }
        if self.index.add_entry(Entry { kind, tick, at }) {
            return Ok(());
        }
        Err(damaged(at, Damage::Place("more evidence than a trace may have")))
    }

    /// Index and seal, or what is wrong where the trace is torn.
    fn end<S: Source>(&mut self, trace: &mut Trace<S>) -> Result<(), TraceError<S::Error>> {
        if let Some(torn) = trace.torn() {
            // A broken-off recording ends inside a record; a whole one that fits nowhere was put there.
            return trace.refused.clone().map_or(Ok(()), |damage| Err(damaged(torn.at_byte, damage)));
        }
        let (index_at, length) = (trace.end, trace.byte_count());
        let missing = |at| damaged(at, Damage::Place("index and seal must stand at the end"));
        let (record, seal_at) = trace.window.record(index_at, length)?;
        let record = record.filter(|record| record.kind == Kind::Index).ok_or(missing(index_at))?;
        check_index(&self.index, index_at, record.body)?;
        let (record, end) = trace.window.record(seal_at, length)?;
        let record = record.filter(|record| record.kind == Kind::Seal && end == length).ok_or(missing(seal_at))?;
        let seal = Seal::decode(record.body).map_err(|error| damaged(seal_at, error.into()))?;
        check_seal(seal, Some(index_at), self.index.last(), self.chain, seal_at)?;
        self.report.bytes = end;
        Ok(())
    }

    fn tick<E>(&mut self, at: u64, record: &TickRecord) -> Result<(), TraceError<E>> {
        if record.tick != self.index.last().next() {
            return Err(damaged(at, Damage::Place("ticks must follow one another")));
        }
        if record.chain != record.chain_after(self.chain) {
            return Err(TraceError::Chain { tick: record.tick });
        }
        self.chain = record.chain;
        self.index.add_tick(at);
        self.report.ticks = self.report.ticks.saturating_add(1);
        self.roots.insert(record.tick, record.root);
        if self.roots.len() > ROOTS_KEPT {
            self.roots.pop_first();
        }
        Ok(())
    }

    fn world<S: Source>(&mut self, trace: &mut Trace<S>, at: u64, body: StateBody) -> Result<(), TraceError<S::Error>> {
        let tick = body.manifest.head.tick;
        let Some(recorded) = self.roots.get(&tick).copied() else {
            return Err(damaged(at, Damage::Place("a world of a tick that is not near")));
        };
        let found = body.manifest.roots(trace.schema()).root;
        if found != recorded {
            return Err(TraceError::KeyframeRoot { tick, recorded, found });
        }
        let StateBody { manifest, offsets } = body;
        let mut columns = Vec::with_capacity(offsets.len());
        for (column, (entries, offsets)) in manifest.columns.into_iter().zip(offsets).enumerate() {
            let known = self.checked.get(column).map_or(&[][..], Vec::as_slice);
            let mut now = Vec::with_capacity(entries.len());
            for (entry, offset) in entries.into_iter().zip(offsets) {
                let found = known.binary_search_by_key(&entry.page, |(known, _)| known.page).ok();
                if found.and_then(|at| known.get(at)) != Some(&(entry, offset)) {
                    trace.page(offset, &entry)?;
                    self.report.pages = self.report.pages.saturating_add(1);
                }
                now.push((entry, offset));
            }
            columns.push(now);
        }
        self.checked = columns;
        Ok(())
    }
}

/// Evidence reaches back this far at most.
const ROOTS_KEPT: usize = crate::limits::EVIDENCE_TICKS_MAX as usize + 2;
