//! [`Watermark`]: the last record reported durable, noted beside the database.
//!
//! Invariant: it is written after the commit that it names, so it is never ahead of an honest disk; a write that was torn
//! leaves the slot before. A database that is behind it has lost what was acknowledged. It is not synced: a crash of the
//! machine may take the last notes away, and then less is known, nothing wrong.

use std::io;

use tickworld_sim::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    frame::Tick,
    hash::{Hash, Hasher},
};

use super::StorageBackend;
use crate::{
    header::WorldId,
    position::{LogPosition, Slot},
};

const MAGIC: [u8; 8] = *b"TWMARK\r\n";
const VERSION: u16 = 2;
/// Without a slot: a record of format 1 has its tick for one.
const OLD_VERSION: u16 = 1;
/// Slots are apart by a sector, so that one torn write never takes both.
const SLOT_BYTES: u64 = 4096;
const CHECK_BYTES: usize = 8;

/// The newest note and how it goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watermark {
    count: u64,
    note: Option<(WorldId, LogPosition)>,
}

impl Watermark {
    /// Reads both slots; whatever is not whole counts as never written.
    pub(super) fn read(backend: &mut impl StorageBackend) -> io::Result<Self> {
        let bytes = backend.watermark()?;
        let slots = [0, SLOT_BYTES].map(|at| {
            let slot = bytes.get(usize::try_from(at).ok()?..)?;
            decode(slot).ok()
        });
        let newest = slots.into_iter().flatten().max_by_key(|(count, ..)| *count);
        Ok(newest.map_or_else(Self::default, |(count, world, position)| Self { count, note: Some((world, position)) }))
    }

    /// The last record reported durable in this world. A note of another world is none.
    pub(super) fn of(&self, world: WorldId) -> Option<LogPosition> {
        self.note.filter(|(noted, _)| *noted == world).map(|(_, position)| position)
    }

    /// Whether anything was ever noted, of whatever world.
    pub(super) const fn is_noted(&self) -> bool {
        self.note.is_some()
    }

    /// Notes a position in the slot that is not the newest.
    pub(super) fn write(
        &mut self,
        backend: &mut impl StorageBackend,
        world: WorldId,
        position: LogPosition,
    ) -> io::Result<()> {
        let count = self.count.saturating_add(1);
        backend.write_watermark(count % 2 * SLOT_BYTES, &encode(count, world, position))?;
        *self = Self { count, note: Some((world, position)) };
        Ok(())
    }
}

// DOC:WATERMARK
// Two slots, at 0 and 4,096; the whole one with the higher count holds.
//
// 0    8  magic    "TWMARK", a carriage return and a line feed
// 8    2  version  2; a reader takes 1 too, which has no slot: what follows it stands 8 bytes earlier
// 10   8  count    of writes; an odd one stands in the second slot
// 18  16  world id
// 34   8  slot     of the last record reported durable; 0 for the header
// 42   8  tick     of it
// 50  32  hash     of it
// 82   8  check    the first 8 bytes of BLAKE3 over 21 "tickworld.watermark.1" and everything before it in the slot
// DOC:END
const NOTE_BYTES: usize = 90;
const OLD_NOTE_BYTES: usize = 82;

fn encode(count: u64, world: WorldId, position: LogPosition) -> Vec<u8> {
    let mut out = Vec::with_capacity(NOTE_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&world.0);
    out.extend_from_slice(&position.slot.0.to_le_bytes());
    out.extend_from_slice(&position.tick.0.to_le_bytes());
    out.extend_from_slice(&position.record_hash.0);
    let check = check(&out);
    out.extend_from_slice(&check);
    out
}

fn decode(slot: &[u8]) -> Result<(u64, WorldId, LogPosition), DecodeError> {
    let none = || DecodeError::new(DecodeCause::Form("no watermark"));
    let version = slot.get(8..10).and_then(|bytes| bytes.try_into().ok()).map(u16::from_le_bytes);
    let length = match version {
        Some(VERSION) => NOTE_BYTES,
        Some(OLD_VERSION) => OLD_NOTE_BYTES,
        _ => return Err(none()),
    };
    let bytes = slot.get(..length).ok_or_else(none)?;
    let mut reader = Reader::new(bytes);
    let magic: [u8; 8] = reader.value()?;
    let version: u16 = reader.value()?;
    let count = reader.value()?;
    let world = WorldId(reader.value()?);
    let first: u64 = reader.value()?;
    let tick = Tick(if version == VERSION { reader.value()? } else { first });
    let position = LogPosition { slot: Slot(first), tick, record_hash: Hash(reader.value()?) };
    let stated: [u8; CHECK_BYTES] = reader.value()?;
    reader.end()?;
    if magic != MAGIC || stated != check(&bytes[..length - CHECK_BYTES]) {
        return Err(none());
    }
    Ok((count, world, position))
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = Hasher::new(b"tickworld.watermark.1");
    hasher.update(bytes);
    hasher.finish().short().0
}
