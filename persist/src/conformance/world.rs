//! [`World`]: a pretended world for the stores' tests: records, roots and snapshots that belong together.
//!
//! Invariant: everything follows from the tick, so two worlds agree; a snapshot's root is the one that later records prove.

use bytes::Bytes;
use tickworld_sim::{
    column::PageEntry,
    content::ContentId,
    frame::Tick,
    hash::Hash,
    schema::{ColumnType, RowKind, Schema, SchemaId, Type},
    snapshot::Manifest,
    trace::Start,
    world::WorldHead,
};

use crate::{
    header::{JournalHeader, WorldId},
    record::{Body, Epoch, Proof, Record},
    store::{LogPosition, Page, Snapshot},
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
        let header =
            JournalHeader { world: WorldId([7; 16]), revision: 1, tick_rate: 30, root_lag_ticks: 2, start, schema };
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
        Snapshot { record_hash: position.record_hash, manifest: self.manifest(position.tick) }
    }

    /// The record after a position, with `noise` bytes of inputs.
    #[must_use]
    pub fn record(&self, epoch: Epoch, after: LogPosition, noise: usize) -> Record {
        let tick = after.tick.next();
        let mut frame = tick.0.to_le_bytes().to_vec();
        frame.extend((0..noise).map(|i| (i % 251) as u8));
        let proof = self.header.proven_by(tick).map(|tick| Proof { tick, root: self.root(tick) });
        let body =
            Body { tick, epoch, previous_hash: after.record_hash, durable: after.tick, proof, frame: frame.into() };
        Record::new(body).expect("a short frame that begins with its tick")
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
