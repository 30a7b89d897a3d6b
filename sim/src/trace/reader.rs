//! [`Trace`]: a trace, to be read at any tick.
//!
//! Invariant: opening reads the header and the index, or scans the records where there is no good index; memory is the index
//! and one record. What the index says is checked against what is found there. A torn tail (a recorder that was killed) is
//! cut at the first bad record and reported; damage before the end of a sealed trace is an error where it is met.

use alloc::{string::String, sync::Arc, vec::Vec};

use crate::{
    bytes::Reader,
    column::PageEntry,
    component::DecodeError,
    content::ContentId,
    frame::{FrameFormat, Tick},
    game::Game,
    hash::{Hash, hash},
    schema::{Schema, SchemaId},
    world::{Roots, World, WorldHead},
};

use super::{
    Chain, Header, Mismatch, RawState, ReplayError, Source, StageRoots, TickRecord, TraceError,
    error::{Damage, damaged},
    index::{Entry, Index},
    packs::ContentPiece,
    record::{HEAD_BYTES, Kind, MAGIC, PREFIX_BYTES, VERSION},
    scan::{Scan, Scanned},
    seal::{SEAL_RECORD_BYTES, Seal},
    state::{PageCache, StateBody},
    window::Window,
};

/// A trace that was opened.
pub struct Trace<S> {
    pub(super) window: Window<S>,
    /// Version of the format.
    pub(super) version: u32,
    header: Header,
    schema: Arc<Schema>,
    schema_id: SchemaId,
    pub(super) index: Index,
    /// Where the records after the header begin.
    pub(super) first_record: u64,
    /// Where the records to read end: at the index of a sealed trace.
    pub(super) end: u64,
    sealed: bool,
    torn: Option<Torn>,
    /// What is wrong with the record at which it is torn, unless it was broken off there.
    pub(super) refused: Option<Damage>,
}

/// A trace whose end is missing or unreadable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Where the good records end.
    pub at_byte: u64,
    /// The last tick that can be read.
    pub last_tick: Tick,
}

/// Why a trace holds a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind {
    /// One of those kept every so many ticks.
    Keyframe,
    /// One of the last ticks before a seal or a mismatch.
    Evidence,
}

/// A world in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateRef {
    /// The tick of the world.
    pub tick: Tick,
    /// Why it is there.
    pub kind: StateKind,
    at: u64,
}

impl<S: Source> Trace<S> {
    /// Opens a trace: reads its index or, where there is none, every record once.
    ///
    /// # Errors
    /// When the source fails, or it does not begin with the header of a trace that this build reads.
    pub fn open(source: S) -> Result<Self, TraceError<S::Error>> {
        let mut window = Window::new(source)?;
        let prefix = window.bytes(0, PREFIX_BYTES)?.ok_or(TraceError::Magic)?;
        let (magic, version) = prefix.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(TraceError::Magic);
        }
        let version = Reader::new(version).value().unwrap_or(0);
        if !(1..=VERSION).contains(&version) {
            return Err(TraceError::Version { newest: VERSION, found: version });
        }
        let length = window.length();
        let at = PREFIX_BYTES;
        let (record, first_record) = window.record(at, length)?;
        let body = match record {
            Some(record) if record.kind == Kind::Header => record.body,
            _ => return Err(damaged(at, Damage::Place("the first record must be a header"))),
        };
        let header = Header::decode(body).map_err(|e| damaged(at, e.into()))?;
        let schema = Arc::new(header.schema.clone());
        let schema_id = schema.id();
        let index = Index::new(header.start.tick);
        let mut trace = Self {
            window,
            version,
            header,
            schema,
            schema_id,
            index,
            first_record,
            end: length,
            sealed: false,
            torn: None,
            refused: None,
        };
        if !trace.read_index()? {
            trace.scan()?;
        }
        Ok(trace)
    }

    /// What it says of itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Names and types of everything in its worlds.
    #[must_use]
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The schema's id.
    #[must_use]
    pub const fn schema_id(&self) -> SchemaId {
        self.schema_id
    }

    /// The tick that it starts from; the first one recorded is the next.
    #[must_use]
    pub const fn start(&self) -> Tick {
        self.header.start.tick
    }

    /// The last tick recorded.
    #[must_use]
    pub const fn last(&self) -> Tick {
        self.index.last()
    }

    /// Whether the recorder ended it.
    #[must_use]
    pub const fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Where it is torn, if it is.
    #[must_use]
    pub const fn torn(&self) -> Option<Torn> {
        self.torn
    }

    /// What is wrong with the record at which it is torn; none where the recording was merely broken off there.
    #[must_use]
    pub const fn damage(&self) -> Option<&Damage> {
        self.refused.as_ref()
    }

    /// Length of the file in bytes.
    #[must_use]
    pub const fn byte_count(&self) -> u64 {
        self.window.length()
    }

    /// The content packs inside.
    #[must_use]
    pub fn contents(&self) -> Vec<ContentId> {
        self.index.contents.iter().map(|(id, _)| *id).collect()
    }

    /// The format of the frames inside.
    pub const fn frame_format(&self) -> FrameFormat {
        if self.version < 3 { FrameFormat::Old } else { FrameFormat::Current }
    }

    /// The worlds inside, by tick; evidence after a keyframe of the same tick.
    #[must_use]
    pub fn states(&self) -> Vec<StateRef> {
        let notes = self.index.notes().iter();
        let mut states: Vec<StateRef> = self.index.keyframes().iter().chain(notes).filter_map(StateRef::of).collect();
        states.sort_by_key(|state| (state.tick, state.kind == StateKind::Evidence, state.at));
        states
    }

    /// The last keyframe at or before `tick`.
    ///
    /// # Errors
    /// When there is none.
    pub fn keyframe_at_or_before(&self, tick: Tick) -> Result<StateRef, TraceError<S::Error>> {
        let keyframes = self.index.keyframes();
        let past = keyframes.partition_point(|entry| entry.tick <= tick);
        let found = past.checked_sub(1).and_then(|at| keyframes.get(at)).and_then(StateRef::of);
        found.ok_or(TraceError::NoKeyframe { tick })
    }

    /// The world of exactly `tick`, if it is inside.
    #[must_use]
    pub fn state_at(&self, tick: Tick) -> Option<StateRef> {
        self.states().into_iter().find(|state| state.tick == tick)
    }

    /// The record of `tick`. Costs a read of the index's piece, at most some dozens of records.
    ///
    /// # Errors
    /// When the trace does not hold it or is damaged there.
    pub fn tick(&mut self, tick: Tick) -> Result<TickRecord, TraceError<S::Error>> {
        let at = self.find_tick(tick)?;
        self.tick_record(at)
    }

    /// The link of `tick`, of the start too.
    ///
    /// # Errors
    /// As [`tick`](Self::tick).
    pub fn chain(&mut self, tick: Tick) -> Result<Chain, TraceError<S::Error>> {
        if tick == self.start() {
            return Ok(Chain::start(self.schema_id, self.header.revision, &self.header.start));
        }
        Ok(self.tick_after_start(tick)?.chain)
    }

    /// The root recorded for `tick`, of the start too.
    ///
    /// # Errors
    /// As [`tick`](Self::tick).
    pub fn root(&mut self, tick: Tick) -> Result<Hash, TraceError<S::Error>> {
        if tick == self.start() { Ok(self.header.start.root) } else { Ok(self.tick_after_start(tick)?.root) }
    }

    /// The record of a tick of which the same is asked as of the start: what there is begins with the start, which has no record.
    fn tick_after_start(&mut self, tick: Tick) -> Result<TickRecord, TraceError<S::Error>> {
        let first = self.start();
        self.tick(tick).map_err(|error| match error {
            TraceError::NoTick { tick, last, .. } => TraceError::NoTick { tick, first, last },
            error => error,
        })
    }

    /// The bytes of a content pack; `None` where the trace does not hold it. Whether they are what the id says is for the
    /// content's reader to check.
    ///
    /// # Errors
    /// When the trace is damaged there.
    pub fn content(&mut self, id: ContentId) -> Result<Option<Vec<u8>>, TraceError<S::Error>> {
        let Some((_, mut at)) = self.index.contents.iter().find(|(known, _)| *known == id).copied() else {
            return Ok(None);
        };
        let mut pack = Vec::new();
        loop {
            let wrong = damaged(at, Damage::Place("a piece of a content pack must stand here"));
            let (record, next) = self.window.record(at, self.end)?;
            let Some(record) = record.filter(|record| record.kind == Kind::Content) else { return Err(wrong) };
            let piece = ContentPiece::decode(record.body).map_err(|e| damaged(at, e.into()))?;
            if piece.id != id || piece.offset != pack.len() as u64 {
                return Err(wrong);
            }
            pack.extend_from_slice(piece.bytes);
            if pack.len() as u64 == piece.length {
                return Ok(Some(pack));
            }
            if pack.len() as u64 > piece.length || piece.bytes.is_empty() {
                return Err(wrong);
            }
            at = next;
        }
    }

    /// The roots after every stage of `tick`, where the recorder noted them.
    ///
    /// # Errors
    /// When the trace is damaged there.
    pub fn stages(&mut self, tick: Tick) -> Result<Option<StageRoots>, TraceError<S::Error>> {
        let columns = self.schema.columns.len();
        let found = self.index.notes().iter().find(|note| note.kind == Kind::Stages && note.tick == tick).copied();
        let Some(note) = found else { return Ok(None) };
        let stages = self.note(note, |body| StageRoots::decode(body, columns))?;
        if stages.tick != tick {
            return Err(damaged(note.at, Damage::Place("the index names another tick's stages here")));
        }
        stages.check(&self.tick(tick)?.columns).map_err(|what| damaged(note.at, Damage::Place(what)))?;
        Ok(Some(stages))
    }

    /// The tick at which the recorder had another root than was expected of it.
    ///
    /// # Errors
    /// When the trace is damaged there.
    pub fn mismatch(&mut self) -> Result<Option<Mismatch>, TraceError<S::Error>> {
        let found = self.index.notes().iter().find(|note| note.kind == Kind::Mismatch).copied();
        let (version, Some(note)) = (self.version, found) else { return Ok(None) };
        let mismatch = self.note(note, |body| Mismatch::decode(body, version))?;
        let root = self.root(mismatch.tick)?;
        mismatch.check(root).map_err(|what| damaged(note.at, Damage::Place(what)))?;
        Ok(Some(mismatch))
    }

    fn note<T>(
        &mut self,
        note: Entry,
        decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, TraceError<S::Error>> {
        let (record, _) = self.window.record(note.at, self.end)?;
        match record {
            Some(record) if record.kind == note.kind => decode(record.body).map_err(|e| damaged(note.at, e.into())),
            _ => Err(damaged(note.at, Damage::Place("the index names another kind of record here"))),
        }
    }

    /// A world as pages, for builds without its game. Reads and checks every page.
    ///
    /// # Errors
    /// When the trace is damaged there, the pages are over [`WORLD_BYTES_MAX`](crate::limits::WORLD_BYTES_MAX), or the world's root is not the one recorded for its tick.
    pub fn raw_state(&mut self, state: StateRef) -> Result<RawState, TraceError<S::Error>> {
        let body = self.state_body(state)?;
        let mut cache = PageCache::default();
        let mut pages = Vec::new();
        for (entries, offsets) in body.manifest.columns.iter().zip(&body.offsets) {
            let mut column = Vec::with_capacity(entries.len());
            for (entry, offset) in entries.iter().zip(offsets) {
                column.push(match cache.find(*offset, entry.hash) {
                    Some(page) => page,
                    None => {
                        let page = self.page(*offset, entry)?;
                        let kept = cache.keep(*offset, entry.hash, page);
                        kept.map_err(|bytes| TraceError::WorldTooLarge { tick: state.tick, bytes })?
                    }
                });
            }
            pages.push(column);
        }
        Ok(RawState { schema: self.schema.clone(), manifest: body.manifest, pages })
    }

    /// A world as the game's own.
    ///
    /// # Errors
    /// As [`raw_state`](Self::raw_state), and when schema or revision are not this build's.
    pub fn load_world<G: Game>(&mut self, state: StateRef) -> Result<World<G>, ReplayError<S::Error>> {
        let body = self.state_body(state)?;
        let mut offsets = body.offsets.iter().flatten();
        let mut failed = None;
        let world = World::restore(&body.manifest, |entry| match self.page(*offsets.next()?, entry) {
            Ok(page) => Some(page),
            Err(error) => {
                failed.get_or_insert(error);
                None
            }
        });
        match failed {
            Some(error) => Err(error.into()),
            None => world.map_err(|cause| ReplayError::Restore { tick: state.tick, cause }),
        }
    }

    /// The manifest of a world, whose root is the recorded one.
    pub(super) fn state_body(&mut self, state: StateRef) -> Result<StateBody, TraceError<S::Error>> {
        let kind = match state.kind {
            StateKind::Keyframe => Kind::Keyframe,
            StateKind::Evidence => Kind::Evidence,
        };
        let schema = self.schema.clone();
        let entry = Entry { kind, tick: state.tick, at: state.at };
        let body = self.note(entry, |bytes| StateBody::decode(bytes, &schema, state.at))?;
        if body.manifest.head.tick != state.tick {
            return Err(damaged(state.at, Damage::Place("the index names another tick's world here")));
        }
        self.check_head(&body.manifest.head, state.at)?;
        let Roots { root: found, .. } = body.manifest.roots(&schema);
        let recorded = self.root(state.tick)?;
        if found != recorded {
            return Err(TraceError::KeyframeRoot { tick: state.tick, recorded, found });
        }
        Ok(body)
    }

    /// Compares what a world's root binds besides its columns with what the header says.
    pub(super) fn check_head(&self, head: &WorldHead, at: u64) -> Result<(), TraceError<S::Error>> {
        let wrong = |what| Err(damaged(at, Damage::Place(what)));
        let Header { revision, start, .. } = &self.header;
        if head.schema != self.schema_id {
            return wrong("a world of another schema than the header's");
        }
        if head.revision != *revision {
            return wrong("a world of another rules revision than the header's");
        }
        if head.tick == start.tick && head.content != start.content {
            return wrong("the first world has other content than the header says");
        }
        Ok(())
    }

    /// The bytes of a page, which have the entry's hash.
    pub(super) fn page(&mut self, at: u64, entry: &PageEntry) -> Result<Vec<u8>, TraceError<S::Error>> {
        let (record, _) = self.window.record(at, self.end)?;
        match record {
            Some(record) if record.kind == Kind::Page && hash(record.body) == entry.hash => Ok(record.body.to_vec()),
            Some(record) if record.kind == Kind::Page => Err(damaged(at, Damage::PageHash { expected: entry.hash })),
            _ => Err(damaged(at, Damage::Place("a page must stand here"))),
        }
    }

    /// Where the record of `tick` begins.
    pub(crate) fn find_tick(&mut self, tick: Tick) -> Result<u64, TraceError<S::Error>> {
        let (first, last) = (self.index.first, self.last());
        let absent = TraceError::NoTick { tick, first, last };
        if tick < first || tick > last {
            return Err(absent);
        }
        let (_, mut at) = self.index.tick_before(tick).ok_or(absent)?;
        loop {
            let head = self.window.head(at, self.end)?;
            if head.kind == Some(Kind::Tick) {
                let found = self.tick_number(at)?;
                if found == tick {
                    return Ok(at);
                }
                if found > tick {
                    return Err(damaged(at, Damage::Place("the index names a later tick here")));
                }
            }
            at = head.next;
        }
    }

    /// The tick of the tick record at `at`, unchecked.
    fn tick_number(&mut self, at: u64) -> Result<Tick, TraceError<S::Error>> {
        let bytes = self.window.bytes(at.saturating_add(HEAD_BYTES as u64), 8)?.ok_or(damaged(at, Damage::Short))?;
        Ok(Tick(Reader::new(bytes).value().map_err(|e| damaged(at, e.into()))?))
    }

    pub(super) fn tick_record(&mut self, at: u64) -> Result<TickRecord, TraceError<S::Error>> {
        let columns = self.schema.columns.len();
        let (record, _) = self.window.record(at, self.end)?;
        match record {
            Some(record) if record.kind == Kind::Tick => {
                TickRecord::decode(record.body, columns).map_err(|e| damaged(at, e.into()))
            }
            _ => Err(damaged(at, Damage::Place("a tick must stand here"))),
        }
    }

    /// Takes the index that the seal names; false where there is no good one.
    fn read_index(&mut self) -> Result<bool, TraceError<S::Error>> {
        let length = self.window.length();
        let Some(seal_at) = length.checked_sub(SEAL_RECORD_BYTES).filter(|at| *at >= self.first_record) else {
            return Ok(false);
        };
        let Some((body, _)) = self.good_record(seal_at, length, Kind::Seal)? else { return Ok(false) };
        let Ok(seal) = Seal::decode(&body) else { return Ok(false) };
        if seal.index_at < self.first_record || seal.index_at >= seal_at {
            return Ok(false);
        }
        let Some((body, next)) = self.good_record(seal.index_at, seal_at, Kind::Index)? else { return Ok(false) };
        match Index::decode(&body) {
            Ok(index) if index.first == self.index.first && index.last() == seal.last && next == seal_at => {
                self.index = index;
                self.end = seal.index_at;
                self.sealed = true;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The record at `at` if it is whole and of that kind.
    fn good_record(&mut self, at: u64, end: u64, kind: Kind) -> Result<Option<GoodRecord>, TraceError<S::Error>> {
        match self.window.record(at, end) {
            Ok((Some(record), next)) if record.kind == kind => Ok(Some((record.body.to_vec(), next))),
            Err(TraceError::Source(error)) => Err(TraceError::Source(error)),
            _ => Ok(None),
        }
    }

    /// Makes the index from the records, up to the first bad one.
    fn scan(&mut self) -> Result<(), TraceError<S::Error>> {
        let start = Chain::start(self.schema_id, self.header.revision, &self.header.start);
        let scan = Scan::new(self.header.start.tick, start);
        let Scanned { scan, end, refused } = scan.run(&mut self.window, self.first_record)?;
        self.index = scan.index;
        self.end = end;
        self.sealed = scan.is_sealed;
        self.refused = refused;
        if !self.sealed {
            self.torn = Some(Torn { at_byte: end, last_tick: self.last() });
        }
        Ok(())
    }
}

/// A body, and where the next record begins.
type GoodRecord = (Vec<u8>, u64);

impl StateRef {
    fn of(entry: &Entry) -> Option<Self> {
        let kind = match entry.kind {
            Kind::Keyframe => StateKind::Keyframe,
            Kind::Evidence => StateKind::Evidence,
            _ => return None,
        };
        Some(Self { tick: entry.tick, kind, at: entry.at })
    }
}

/// Names of the columns whose roots differ.
pub(super) fn differing_columns(schema: &Schema, recorded: &[crate::hash::ShortHash], found: &[Hash]) -> Vec<String> {
    let differs = recorded.iter().zip(found).map(|(recorded, found)| *recorded != found.short());
    schema
        .columns
        .iter()
        .zip(differs)
        .filter(|(_, differs)| *differs)
        .map(|(column, _)| column.name.clone().into_owned())
        .collect()
}
