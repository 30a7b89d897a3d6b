//! [`World`]: a pretended world for the stores' tests: records, roots and snapshots that belong together.
//!
//! Invariant: everything follows from the tick, so two worlds agree; a snapshot's root is the one that later records prove.

use bytes::Bytes;
use tickworld_sim::{
    column::PageEntry,
    content::ContentId,
    frame::Tick,
    hash::Hash,
    region::RegionId,
    schema::{ColumnType, RowKind, Schema, SchemaId, Type},
    snapshot::Manifest,
    trace::Start,
    world::WorldHead,
};

use crate::{
    header::{JournalHeader, WorldId},
    limits::EMPTY_FRAME_BYTES,
    position::{Epoch, LogPosition},
    record::{Record, TickRecord, WallTime, Why},
    store::{Claimant, LogState, Page, Snapshot},
};

/// The pretended world.
#[derive(Clone, Debug)]
pub struct World {
    header: JournalHeader,
    schema_id: SchemaId,
}

impl Default for World {
    fn default() -> Self {
        let column = ColumnType { name: "number".into(), rows: RowKind::Entity, page_rows: 1024, ty: Type::U64 };
        let schema = Schema { game: "pretended".into(), columns: vec![column], input: Type::Unit, event: Type::Unit };
        let start = Start { tick: Tick(0), root: Hash::ZERO, content: ContentId::NONE };
        let schema_id = schema.id();
        let header = JournalHeader {
            world: WorldId([7; 16]),
            region: Some(RegionId::FIRST),
            revision: 1,
            tick_rate: 30,
            root_lag_ticks: 2,
            start,
            schema,
        };
        let mut world = Self { header, schema_id };
        world.header.start.root = world.root(Tick(0));
        world
    }
}

impl World {
    /// The header of its journal.
    #[must_use]
    pub const fn header(&self) -> &JournalHeader {
        &self.header
    }

    /// The root after a tick.
    #[must_use]
    pub fn root(&self, tick: Tick) -> Hash {
        self.manifest(tick).roots(&self.header.schema).root
    }

    /// The pages after a tick: one that never changes, one that does every fourth tick, one that always does.
    #[must_use]
    pub fn pages(&self, tick: Tick) -> Vec<Page> {
        let page = |stamp: u64| Page::new(Bytes::from(stamp.to_le_bytes().repeat(100)));
        vec![page(u64::MAX), page(tick.0 / 4 * 4 + (1 << 40)), page(tick.0)]
    }

    fn manifest(&self, tick: Tick) -> Manifest {
        let pages = self.pages(tick);
        let entries = (0..).zip(&pages).map(|(page, body)| PageEntry { page, row_count: 100, hash: body.hash });
        let head = WorldHead { tick, schema: self.schema_id, revision: self.header.revision, content: ContentId::NONE };
        Manifest { head, columns: vec![entries.collect()] }
    }

    /// The snapshot at a position of the chain.
    #[must_use]
    pub fn snapshot(&self, position: LogPosition) -> Snapshot {
        let LogPosition { slot, tick, record_hash } = position;
        Snapshot { slot, record_hash, manifest: self.manifest(tick) }
    }

    /// The record after a position, with `noise` bytes of inputs.
    #[must_use]
    pub fn record(&self, epoch: Epoch, after: LogPosition, noise: usize) -> Record {
        let mut frame = after.tick.next().0.to_le_bytes().to_vec();
        frame.extend((0..noise).map(|i| (i % 251) as u8));
        self.record_of(epoch, after, 1, frame)
    }

    /// The record of a run of `count` ticks after a position.
    ///
    /// # Panics
    /// If there are none, or more than [`RUN_TICKS_MAX`](crate::limits::RUN_TICKS_MAX).
    #[must_use]
    pub fn run(&self, epoch: Epoch, after: LogPosition, count: u16) -> Record {
        let mut frame = after.tick.next().0.to_le_bytes().to_vec();
        frame.resize(EMPTY_FRAME_BYTES, 0);
        self.record_of(epoch, after, count, frame)
    }

    fn record_of(&self, epoch: Epoch, after: LogPosition, count: u16, frame: Vec<u8>) -> Record {
        let last = Tick(after.tick.0.saturating_add(u64::from(count)));
        let root = self.header.proven_by(last).map(|tick| self.root(tick));
        let (slot, previous_hash, wall) = (after.slot.next(), after.record_hash, WallTime(last.0));
        let record = TickRecord { slot, epoch, previous_hash, wall, count, root, frame: frame.into() };
        Record::new(record).expect("a short frame that begins with its tick")
    }

    /// A claim in the next slot of a journal that stands at `log`, which goes on after the last record.
    #[must_use]
    pub fn claim(&self, log: &LogState) -> Record {
        self.claim_after(log, log.last, Why::TakeOver, false)
    }

    /// A claim in the next slot, which goes on after any record.
    #[must_use]
    pub fn claim_after(&self, log: &LogState, after: LogPosition, why: Why, is_loss: bool) -> Record {
        let by = Claimant { who: "conformance".to_owned(), wall: WallTime(log.next.0) };
        log.claim_after(after, why, is_loss, &by).expect("a short name, and a record before the next slot")
    }

    /// The next `count` records.
    #[must_use]
    pub fn records(&self, epoch: Epoch, after: LogPosition, count: usize) -> Vec<Record> {
        let mut records: Vec<Record> = Vec::new();
        for _ in 0..count {
            let position = records.last().map_or(after, Record::position);
            records.push(self.record(epoch, position, 40));
        }
        records
    }
}
