//! [`Audit`]: everything about a trace that can be checked without its game.
//!
//! Invariant: reads every record once, front to back: each check, each link of the chain, each world's root against its
//! tick's, each page against the hash that a world gives it; then the index and the seal against one made anew. What passes
//! was not changed since it was written; whether the game does what it says is for the [`Verifier`](super::Verifier). Memory
//! is one world's page entries and the bounded index.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    component::DecodeError,
    content::ContentId,
    frame::{FrameFormat, InputFrame, Sequence, Tick, unpack},
    hash::{Hash, ShortHash},
    schema::{Schema, Type},
};

use super::{
    Chain, Header, Source, StageRoots, Start, TickRecord, Torn, Trace, TraceError,
    error::{Damage, damaged},
    index::{Entry, Index},
    packs::{ContentPiece, Packs},
    record::Kind,
    scan::{check_index, check_seal},
    seal::Seal,
    state::StateBody,
    tick::{FIXED_BYTES, Mismatch, short},
};

/// What an audit went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Records of ticks that were gone through.
    pub ticks: u64,
    /// Worlds that are keyframes.
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
    /// Any other record, such as a page or a piece of content.
    Other,
}

/// What is compared with a world, stages or a mismatch that stand after their tick.
struct Near {
    root: Hash,
    /// Content packs that may be in force.
    contents: Vec<ContentId>,
    /// First bytes of the column roots; none of the start.
    columns: Option<Vec<ShortHash>>,
}

/// An audit under way.
pub struct Audit {
    at: u64,
    chain: Chain,
    /// Made anew from the records.
    index: Index,
    /// The last ticks: worlds may be written some ticks after theirs.
    near: BTreeMap<Tick, Near>,
    format: FrameFormat,
    /// The packs that may be in force: whether a request was made before, or its sender was heard, only the world knows, so what
    /// was in force before stays possible. Which of them it is, is bound by the roots.
    contents: Vec<ContentId>,
    packs: Packs,
    /// Offsets and hashes of the pages of the world read last: they were checked.
    checked: BTreeMap<u64, Hash>,
    report: AuditReport,
    is_done: bool,
}

impl Audit {
    /// Begins at the start of `trace`.
    #[must_use]
    pub fn new<S: Source>(trace: &Trace<S>) -> Self {
        let header = trace.header();
        let Start { root, content, .. } = header.start;
        Self {
            at: trace.first_record,
            chain: Chain::start(trace.schema_id(), header.revision, &header.start),
            index: Index::new(header.start.tick),
            near: BTreeMap::from([(header.start.tick, Near { root, contents: [content].into(), columns: None })]),
            format: trace.frame_format(),
            contents: [content].into(),
            packs: Packs::default(),
            checked: BTreeMap::new(),
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
        let malformed = |error: DecodeError| damaged(at, error.into());
        match record.kind {
            Kind::Tick => {
                let record = TickRecord::decode(record.body, schema.columns.len()).map_err(malformed)?;
                self.tick(at, &record, &schema)?;
                Ok(Some(Audited::Tick(record)))
            }
            kind @ (Kind::Keyframe | Kind::Evidence) => {
                let body = StateBody::decode(record.body, &schema, at).map_err(malformed)?;
                let tick = body.manifest.head.tick;
                if self.report.keyframes == 0 {
                    self.begin(trace, at, kind, tick)?;
                }
                self.note(at, kind, tick)?;
                self.world(trace, at, body)?;
                let count = if kind == Kind::Keyframe { &mut self.report.keyframes } else { &mut self.report.evidence };
                *count = count.saturating_add(1);
                Ok(Some(Audited::World(tick)))
            }
            Kind::Stages => {
                let stages = StageRoots::decode(record.body, schema.columns.len()).map_err(malformed)?;
                self.stages(at, &stages)?;
                Ok(Some(Audited::Other))
            }
            Kind::Mismatch => {
                let mismatch = Mismatch::decode(record.body, version).map_err(malformed)?;
                self.mismatch(at, &mismatch)?;
                Ok(Some(Audited::Other))
            }
            Kind::Content => {
                let piece = ContentPiece::decode(record.body).map_err(malformed)?;
                self.packs.add(&piece).map_err(|what| damaged(at, Damage::Place(what)))?;
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

    fn stages<E>(&mut self, at: u64, stages: &StageRoots) -> Result<(), TraceError<E>> {
        let place = |what| damaged(at, Damage::Place(what));
        let columns = self.near.get(&stages.tick).and_then(|near| near.columns.as_ref());
        stages.check(columns.ok_or(place("stages of a tick that is not near"))?).map_err(place)?;
        self.note(at, Kind::Stages, stages.tick)
    }

    fn mismatch<E>(&mut self, at: u64, mismatch: &Mismatch) -> Result<(), TraceError<E>> {
        let place = |what| damaged(at, Damage::Place(what));
        let near = self.near.get(&mismatch.tick).ok_or(place("a mismatch of a tick that is not near"))?;
        mismatch.check(near.root).map_err(place)?;
        if self.index.notes().iter().any(|note| note.kind == Kind::Mismatch) {
            return Err(place("a second mismatch"));
        }
        self.note(at, Kind::Mismatch, mismatch.tick)
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
        self.packs.whole().map_err(|what| damaged(index_at, Damage::Place(what)))?;
        if self.report.keyframes == 0 {
            return Err(damaged(index_at, Damage::Place("the keyframe of the start is missing")));
        }
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

    /// The first world: the start's, after the packs that the header names.
    fn begin<S: Source>(&self, trace: &Trace<S>, at: u64, kind: Kind, tick: Tick) -> Result<(), TraceError<S::Error>> {
        let place = |what| damaged(at, Damage::Place(what));
        let Header { start, contents, .. } = trace.header();
        if kind != Kind::Keyframe || tick != start.tick {
            return Err(place("the first world must be the start's keyframe"));
        }
        if self.packs.whole().map_err(place)? != contents {
            return Err(place("the content packs are not those that the header names"));
        }
        if start.content != ContentId::NONE && !contents.contains(&start.content) {
            return Err(place("the content of the start is not in the trace"));
        }
        Ok(())
    }

    fn tick<E>(&mut self, at: u64, record: &TickRecord, schema: &Schema) -> Result<(), TraceError<E>> {
        let place = |what| damaged(at, Damage::Place(what));
        if self.report.keyframes == 0 {
            return Err(place("the keyframe of the start must stand before the first tick"));
        }
        if record.tick != self.index.last().next() {
            return Err(place("ticks must follow one another"));
        }
        if record.chain != record.chain_after(self.chain) {
            return Err(TraceError::Chain { tick: record.tick });
        }
        let frame =
            read_acts(&record.frame, self.format, &schema.input).map_err(|cause| frame_fault(at, record, cause))?;
        if frame.tick != record.tick {
            return Err(place("a tick holds another tick's frame"));
        }
        for (_, sequence, id) in frame.switches() {
            if !self.packs.whole().map_err(place)?.contains(&id) {
                return Err(place("a frame switches to content that is not in the trace"));
            }
            // Those of old frames have no number: each applied.
            if sequence == Sequence(0) {
                self.contents.clear();
            }
            if !self.contents.contains(&id) {
                self.contents.push(id);
            }
        }
        self.chain = record.chain;
        self.index.add_tick(at);
        self.report.ticks = self.report.ticks.saturating_add(1);
        let near = Near { root: record.root, contents: self.contents.clone(), columns: Some(record.columns.clone()) };
        self.near.insert(record.tick, near);
        if self.near.len() > TICKS_KEPT {
            self.near.pop_first();
        }
        Ok(())
    }

    fn world<S: Source>(&mut self, trace: &mut Trace<S>, at: u64, body: StateBody) -> Result<(), TraceError<S::Error>> {
        let head = body.manifest.head;
        let tick = head.tick;
        let Some(near) = self.near.get(&tick) else {
            return Err(damaged(at, Damage::Place("a world of a tick that is not near")));
        };
        trace.check_head(&head, at)?;
        if !near.contents.contains(&head.content) {
            return Err(damaged(at, Damage::Place("a world has other content than its frames switch to")));
        }
        let (recorded, found) = (near.root, body.manifest.roots(trace.schema()));
        if found.root != recorded {
            return Err(TraceError::KeyframeRoot { tick, recorded, found: found.root });
        }
        if near.columns.as_ref().is_some_and(|columns| *columns != short(&found.columns)) {
            return Err(damaged(at, Damage::Place("a world has other column roots than its tick")));
        }
        let mut checked = BTreeMap::new();
        for (entry, offset) in body.manifest.columns.iter().flatten().zip(body.offsets.iter().flatten()) {
            let known = checked.get(offset).or_else(|| self.checked.get(offset));
            if known != Some(&entry.hash) {
                trace.page(*offset, entry)?;
                self.report.pages = self.report.pages.saturating_add(1);
            }
            checked.insert(*offset, entry.hash);
        }
        self.checked = checked;
        Ok(())
    }
}

/// A frame without its bodies, which are read and forgotten.
fn read_acts(bytes: &[u8], format: FrameFormat, input: &Type) -> Result<InputFrame<()>, DecodeError> {
    InputFrame::decode_with(bytes, format, |reader, length| {
        let (whole, offset) = unpack(reader, length, input.size())?;
        input.read(&whole, &mut |_, _| {}).map_err(|e| e.shift(offset))
    })
}

fn frame_fault<E>(at: u64, record: &TickRecord, cause: DecodeError) -> TraceError<E> {
    damaged(at, cause.shift(FIXED_BYTES.saturating_add(record.columns.len().saturating_mul(8))).into())
}

/// Evidence reaches back this far at most.
const TICKS_KEPT: usize = crate::limits::EVIDENCE_TICKS_MAX as usize + 2;
