//! [`Writer`]: records in order, each page once.
//!
//! Invariant: memory is one manifest with offsets, one record and the bounded index, however long the trace. After an error
//! nothing more is written: what is in the sink is a trace with a torn tail at worst.

use alloc::{string::String, vec::Vec};

use crate::{
    column::{PageEntry, Pages},
    content::ContentId,
    frame::Tick,
    game::Game,
    limits,
    schema::SchemaId,
    snapshot::Manifest,
    world::{Roots, World},
};

use super::{
    Chain, Header, Mismatch, RecordError, Sink, StageRoots, TickRecord,
    index::{Entry, Index},
    record::{self, Kind, MAGIC, VERSION},
    seal::Seal,
    state::StateBody,
};

/// What a trace has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceSize {
    /// Bytes that were written, of all kinds of records.
    pub bytes: u64,
    /// Ticks that were recorded.
    pub ticks: u64,
    /// Bytes of tick records: inputs and roots.
    pub tick_bytes: u64,
    /// Keyframes and evidence written.
    pub states: u64,
    /// Pages that were written; one that is known already is not written again.
    pub pages: u64,
    /// Bytes of pages.
    pub page_bytes: u64,
}

pub(super) struct Writer<S> {
    sink: S,
    size: TraceSize,
    index: Index,
    chain: Chain,
    /// The pages of the state written last, and where they are.
    placed: Vec<Vec<(PageEntry, u64)>>,
    buffer: Vec<u8>,
    closed: bool,
}

impl<S: Sink> Writer<S> {
    pub(super) fn begin(sink: S, header: &Header, schema: SchemaId) -> Result<Self, RecordError<S::Error>> {
        let mut writer = Self {
            sink,
            size: TraceSize::default(),
            index: Index::new(header.start.tick),
            chain: Chain::start(schema, header.revision, &header.start),
            placed: Vec::new(),
            buffer: Vec::new(),
            closed: false,
        };
        writer.buffer.extend_from_slice(&MAGIC);
        writer.buffer.extend_from_slice(&VERSION.to_le_bytes());
        writer.flush()?;
        writer.put(Kind::Header, |out| header.encode(out))?;
        Ok(writer)
    }

    pub(super) const fn size(&self) -> TraceSize {
        self.size
    }

    pub(super) const fn chain(&self) -> Chain {
        self.chain
    }

    pub(super) const fn last(&self) -> Tick {
        self.index.last()
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn has_content(&self, id: ContentId) -> bool {
        self.index.contents.iter().any(|(known, _)| *known == id)
    }

    // DOC:CONTENT
    /// 0   32  id
    /// 32   8  length  of the whole pack, at most 256 MiB
    /// 40   8  offset  of this piece in the pack; pieces stand one after the other
    /// 48   ...  piece   1 MiB, the last one less
    // DOC:END
    pub(super) fn content(&mut self, id: ContentId, pack: &[u8]) -> Result<(), RecordError<S::Error>> {
        if self.has_content(id) {
            return Ok(());
        }
        let length = pack.len() as u64;
        if length > limits::CONTENT_BYTES_MAX {
            return Err(RecordError::Limit { what: "the length of a content pack" });
        }
        if !self.index.add_content(id, self.size.bytes) {
            return Err(self.fail(RecordError::Limit { what: "the number of content packs" }));
        }
        let mut offset = 0_u64;
        loop {
            let start = usize::try_from(offset).expect("within the pack");
            let end = pack.len().min(start.saturating_add(limits::CONTENT_CHUNK_BYTES as usize));
            self.put(Kind::Content, |out| {
                out.extend_from_slice(&id.0.0);
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(&offset.to_le_bytes());
                out.extend_from_slice(&pack[start..end]);
            })?;
            offset = end as u64;
            if offset == length {
                return Ok(());
            }
        }
    }

    pub(super) fn tick(&mut self, frame: Vec<u8>, roots: &Roots) -> Result<(), RecordError<S::Error>> {
        let record = TickRecord::new(self.chain, self.last().next(), frame, roots);
        let at = self.size.bytes;
        self.put(Kind::Tick, |out| record.encode(out))?;
        self.chain = record.chain;
        self.index.add_tick(at);
        add(&mut self.size.ticks, 1);
        add(&mut self.size.tick_bytes, self.size.bytes.saturating_sub(at));
        Ok(())
    }

    /// Writes the pages that the state written last did not have, then the manifest.
    pub(super) fn state<G: Game>(
        &mut self,
        kind: Kind,
        world: &World<G>,
        schema: SchemaId,
    ) -> Result<(), RecordError<S::Error>> {
        let manifest = Manifest::of(world, schema);
        let columns: Vec<(String, &dyn Pages)> = world.column_list();
        let mut offsets = Vec::with_capacity(columns.len());
        for (at, (pages, (_, column))) in manifest.columns.iter().zip(&columns).enumerate() {
            let mut list = Vec::with_capacity(pages.len());
            for entry in pages {
                list.push(match self.placed_at(at, entry) {
                    Some(offset) => offset,
                    None => self.page(entry.page, *column)?,
                });
            }
            offsets.push(list);
        }
        let tick = manifest.head.tick;
        let body = StateBody { manifest, offsets };
        let at = self.size.bytes;
        self.put(kind, |out| body.encode(out))?;
        self.index.add_entry(Entry { kind, tick, at });
        add(&mut self.size.states, 1);
        let StateBody { manifest, offsets } = body;
        let place = |(pages, offsets): (Vec<PageEntry>, Vec<u64>)| pages.into_iter().zip(offsets).collect();
        self.placed = manifest.columns.into_iter().zip(offsets).map(place).collect();
        Ok(())
    }

    fn placed_at(&self, column: usize, entry: &PageEntry) -> Option<u64> {
        let placed = self.placed.get(column)?;
        let at = placed.binary_search_by_key(&entry.page, |(placed, _)| placed.page).ok()?;
        let (same, offset) = placed.get(at)?;
        (same == entry).then_some(*offset)
    }

    fn page(&mut self, page: u32, column: &dyn Pages) -> Result<u64, RecordError<S::Error>> {
        let at = self.size.bytes;
        self.put(Kind::Page, |out| {
            column.page_bytes(page, out);
        })?;
        add(&mut self.size.pages, 1);
        add(&mut self.size.page_bytes, self.size.bytes.saturating_sub(at));
        Ok(at)
    }

    pub(super) fn stages(&mut self, stages: &StageRoots) -> Result<(), RecordError<S::Error>> {
        self.note(Kind::Stages, stages.tick, |out| stages.encode(out))
    }

    pub(super) fn mismatch(&mut self, mismatch: &Mismatch) -> Result<(), RecordError<S::Error>> {
        self.note(Kind::Mismatch, mismatch.tick, |out| mismatch.encode(out))
    }

    fn note(&mut self, kind: Kind, tick: Tick, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), RecordError<S::Error>> {
        let at = self.size.bytes;
        self.put(kind, fill)?;
        self.index.add_entry(Entry { kind, tick, at });
        Ok(())
    }

    pub(super) fn seal(&mut self) -> Result<TraceSize, RecordError<S::Error>> {
        let at = self.size.bytes;
        let (last, chain) = (self.last(), self.chain);
        let mut index = Vec::new();
        self.index.encode(&mut index);
        self.put(Kind::Index, |out| out.extend_from_slice(&index))?;
        self.put(Kind::Seal, |out| Seal { index_at: at, last, chain }.encode(out))?;
        self.closed = true;
        Ok(self.size)
    }

    pub(super) fn into_sink(self) -> S {
        self.sink
    }

    fn put(&mut self, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), RecordError<S::Error>> {
        if self.closed {
            return Err(RecordError::Sealed);
        }
        self.buffer.clear();
        if let Err(bytes) = record::put(&mut self.buffer, kind, fill) {
            return Err(self.fail(RecordError::TooLong { bytes }));
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), RecordError<S::Error>> {
        if let Err(error) = self.sink.write(&self.buffer) {
            return Err(self.fail(RecordError::Sink(error)));
        }
        add(&mut self.size.bytes, self.buffer.len() as u64);
        Ok(())
    }

    const fn fail(&mut self, error: RecordError<S::Error>) -> RecordError<S::Error> {
        self.closed = true;
        error
    }
}

const fn add(total: &mut u64, more: u64) {
    *total = total.saturating_add(more);
}
