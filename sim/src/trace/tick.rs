//! [`TickRecord`]: one tick's inputs and roots, and the chain that binds all ticks up to it.
//!
//! Invariant: two traces have the same link at a tick exactly when they began from the same start and had the same frames,
//! roots and column roots at every tick up to it: 32 bytes that two machines can compare instead of a history. What a file
//! says a link is proves nothing until it was computed again ([`TickRecord::chain_after`]).

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    frame::Tick,
    hash::{Hash, Hasher, ShortHash},
    limits,
    schema::SchemaId,
    world::Roots,
};

use super::header::Start;

/// A link of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain(pub Hash);

impl Chain {
    // DOC:CHAIN
    /// First link: BLAKE3 over 23 "tickworld.trace.start.1", schema id (32), rules revision (4), start tick (8),
    /// start root (32), start content (32). A number before a quoted name is the name's length as one byte.
    /// Next link: BLAKE3 over 22 "tickworld.trace.tick.1", the link before (32), tick (8), frame length (4), frame,
    /// root (32), number of columns (2), the column roots' first 8 bytes each.
    // DOC:END
    #[must_use]
    pub fn start(schema: SchemaId, revision: u32, start: &Start) -> Self {
        let mut hasher = Hasher::new(b"tickworld.trace.start.1");
        hasher.update(&schema.0.0);
        hasher.update(&revision.to_le_bytes());
        hasher.update(&start.tick.0.to_le_bytes());
        hasher.update(&start.root.0);
        hasher.update(&start.content.0.0);
        Self(hasher.finish())
    }

    /// Where a tick's body has its link.
    pub(crate) const PLACE: Range<usize> = 8..40;

    /// From the 32 bytes of that place.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Hash(bytes.try_into().ok()?)))
    }

    /// The link of the tick after this one's.
    #[must_use]
    pub fn next(&self, tick: Tick, frame: &[u8], root: Hash, columns: &[ShortHash]) -> Self {
        let mut hasher = Hasher::new(b"tickworld.trace.tick.1");
        hasher.update(&self.0.0);
        hasher.update(&tick.0.to_le_bytes());
        hasher.update(&u32::try_from(frame.len()).expect("a frame is within a record's limit").to_le_bytes());
        hasher.update(frame);
        hasher.update(&root.0);
        hasher.update(&u16::try_from(columns.len()).expect("a schema has at most 1024 columns").to_le_bytes());
        for column in columns {
            hasher.update(&column.0);
        }
        Self(hasher.finish())
    }
}

/// One tick of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickRecord {
    /// The tick that was recorded.
    pub tick: Tick,
    /// Binds this and every earlier tick.
    pub chain: Chain,
    /// Root of the world that the tick made.
    pub root: Hash,
    /// Its column roots, in schema order.
    pub columns: Vec<ShortHash>,
    /// The canonical bytes of the input frame.
    pub frame: Vec<u8>,
}

/// Bytes of a tick's record before the column roots.
pub(super) const FIXED_BYTES: usize = 8 + 32 + 32 + 2;

impl TickRecord {
    pub(super) fn new(previous: Chain, tick: Tick, frame: Vec<u8>, roots: &Roots) -> Self {
        let columns = short(&roots.columns);
        let chain = previous.next(tick, &frame, roots.root, &columns);
        Self { tick, chain, root: roots.root, columns, frame }
    }

    /// The link that follows from the one before and this record's own bytes; equal to `chain` unless someone changed it.
    #[must_use]
    pub fn chain_after(&self, previous: Chain) -> Chain {
        previous.next(self.tick, &self.frame, self.root, &self.columns)
    }

    // DOC:TICK
    /// 0      8  tick
    /// 8     32  chain         ("Chain")
    /// 40    32  root
    /// 72     2  columns       C, as many as the schema has
    /// 74    8C  column roots  the first 8 bytes of each
    /// 74+8C  ...  frame         to the end of the body ("Input frame")
    // DOC:END
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tick.0.to_le_bytes());
        out.extend_from_slice(&self.chain.0.0);
        out.extend_from_slice(&self.root.0);
        put_columns(out, &self.columns);
        out.extend_from_slice(&self.frame);
    }

    pub(super) fn decode(bytes: &[u8], column_count: usize) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let tick = Tick(reader.value()?);
        let chain = Chain(Hash(reader.value()?));
        let root = Hash(reader.value()?);
        let columns = read_columns(&mut reader, column_count)?;
        let frame = reader.take(reader.left())?.to_vec();
        Ok(Self { tick, chain, root, columns, frame })
    }

    /// The first eight bytes of a tick's body.
    pub(super) fn decode_tick(bytes: &[u8]) -> Result<Tick, DecodeError> {
        if bytes.len() < FIXED_BYTES {
            return Err(DecodeError::length(FIXED_BYTES, bytes.len()));
        }
        Ok(Tick(Reader::new(bytes).value()?))
    }
}

/// A tick whose root was not the expected one, as the recorder noted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The tick whose root differs.
    pub tick: Tick,
    /// The root that this side had.
    pub own: Hash,
    /// The root that was expected of it.
    pub expected: Hash,
    /// Whether running the tick again from the world before it gave this side's own root once more.
    pub reproducible: Reproducible,
}

/// What came of running a tick again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reproducible {
    /// The same root: the code or the inputs differ from the other side's.
    Yes,
    /// Another root: the machine is at fault, or something reaches into the world from outside.
    No,
    /// It was not run again: the world before it was not kept, or another tick's mismatch came first.
    Unknown,
}

impl Mismatch {
    // DOC:MISMATCH
    /// 0    8  tick
    /// 8   32  own root       that of the tick
    /// 40  32  expected root  another one
    /// 72   1  reproducible   what running the tick again gave: 0 another root | 1 the own root once more | 2 it was not run
    ///                        (version 1 has 0 for 0 and 2)
    // DOC:END
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tick.0.to_le_bytes());
        out.extend_from_slice(&self.own.0);
        out.extend_from_slice(&self.expected.0);
        out.push(match self.reproducible {
            Reproducible::No => 0,
            Reproducible::Yes => 1,
            Reproducible::Unknown => 2,
        });
    }

    /// `version` is that of the file.
    pub(super) fn decode(bytes: &[u8], version: u32) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mismatch = Self {
            tick: Tick(reader.value()?),
            own: Hash(reader.value()?),
            expected: Hash(reader.value()?),
            reproducible: match reader.value::<u8>()? {
                0 if version == 1 => Reproducible::Unknown,
                0 => Reproducible::No,
                1 => Reproducible::Yes,
                2 if version > 1 => Reproducible::Unknown,
                other => return Err(reader.fail(DecodeCause::Variant(other))),
            },
        };
        reader.end()?;
        Ok(mismatch)
    }

    /// Compares it with the root recorded for its tick.
    pub(super) fn check(&self, recorded: Hash) -> Result<(), &'static str> {
        if self.own != recorded {
            return Err("a mismatch does not have the root of its tick");
        }
        if self.expected == self.own { Err("a mismatch expects the root that the tick has") } else { Ok(()) }
    }
}

/// The first eight bytes of each.
pub(super) fn short(columns: &[Hash]) -> Vec<ShortHash> {
    columns.iter().map(Hash::short).collect()
}

pub(super) fn put_columns(out: &mut Vec<u8>, columns: &[ShortHash]) {
    let count = u16::try_from(columns.len()).expect("a schema has at most 1024 columns");
    out.extend_from_slice(&count.to_le_bytes());
    columns.iter().for_each(|column| out.extend_from_slice(&column.0));
}

pub(super) fn read_columns(reader: &mut Reader<'_>, expected: usize) -> Result<Vec<ShortHash>, DecodeError> {
    let count: u16 = reader.value()?;
    if usize::from(count) != expected || count > limits::COLUMNS_MAX {
        return Err(reader.fail(DecodeCause::Form("number of column roots")));
    }
    (0..count).map(|_| Ok(ShortHash(reader.value()?))).collect()
}
