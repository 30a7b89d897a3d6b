//! The tables of the database, and the bytes of their rows.
//!
//! Invariant: every row tells by itself whether it is whole: a record by its hash, a page by its key, any other by a check at
//! its end. So damage is found where it is read, whatever the database thinks of its pages.

use redb::TableDefinition;
use tickworld_sim::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    frame::Tick,
    hash::{Hash, Hasher},
    schema::Schema,
    snapshot::Manifest,
};

use crate::{
    append_validator::OldState,
    limits,
    live::{Base, Rows},
    position::{Epoch, LogPosition, Slot},
    record::Record,
    store::Snapshot,
};

// DOC:TABLES
// meta       text      "format": 2 (4) | "header": the header's bytes, check | "state": the state's row | "keys": the world's keys
//                      ("Ticket"), check
// records    slot      the record's bytes
// pages      hash      the page's bytes
// manifests  tick      slot (8) and hash (32) of the record of that tick; the manifest's bytes ("Snapshot"), check
// packs      pack id   length (8), then the hash of each piece (32), whose bytes are a page of 64 KiB, the last one less;
//                      check
// marks      mark      epoch (1: 0 or 1, 8), message (2: length, then UTF-8), check; the key is the hash of a record (32) and the
//                      id of a build (16). Made where it is not there.
// attempts   build     hash of the last record of a tick (32), count (4), check; the key is the id of a build (16). As marks.
// players    player    hops (8), region that has them, 0: the archive (4); whose tick says so: region (4), incarnation (4),
//                      tick (8); their parcel, the rest before the check. Made where it is not there.
// tokens     digest    when it expires (8), nonce of who spent it (16), generation of its player then (4), check; of single-use
//                      tokens that were spent. Made where it is not there. A reader takes rows without nonce and generation
//                      too: they are nobody's.
//
// The state's row: slot (8), tick (8) and hash (32) of the base, epoch (8) and incarnation (4) in force there, check. The base
// is the place before the first record that is kept. What stands in a void slot stays until the base has passed it.
// A digest is the first 16 bytes of BLAKE3 over 17 "tickworld.token.1" and the token's id.
// A check is the first 8 bytes of BLAKE3 over 15 "tickworld.row.1", length of the key (1), the key, and the row before it. A
// tick as a key is 8 bytes long here.
//
// A database of format 1 is read, and nothing is appended to it: its records stand by tick, its manifests name no slot, and its
// state's row is: epoch in force (8), sealed (1), base tick (8), base hash (32), check.
// DOC:END
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
pub(super) const PAGES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("pages");
pub(super) const MANIFESTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("manifests");
pub(super) const PACKS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("packs");
pub(super) const TOKENS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("tokens");

pub(super) const PLAYERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("players");
pub(super) const MARKS: TableDefinition<'_, &[u8; 48], &[u8]> = TableDefinition::new("marks");
pub(super) const ATTEMPTS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("attempts");

pub(super) const FORMAT_KEY: &str = "format";
pub(super) const HEADER_KEY: &str = "header";
pub(super) const STATE_KEY: &str = "state";
pub(super) const KEYS_KEY: &str = "keys";
/// The format of a database that begins.
pub(super) const FORMAT: u32 = 2;
/// The one before, which is read.
pub(super) const OLD_FORMAT: u32 = 1;
const CHECK_BYTES: usize = 8;

/// The state's row.
pub(super) fn encode_state(base: Base) -> Vec<u8> {
    let Base { position: LogPosition { slot, tick, record_hash }, epoch, incarnation } = base;
    let mut out = Vec::new();
    out.extend_from_slice(&slot.0.to_le_bytes());
    out.extend_from_slice(&tick.0.to_le_bytes());
    out.extend_from_slice(&record_hash.0);
    out.extend_from_slice(&epoch.0.to_le_bytes());
    out.extend_from_slice(&incarnation.to_le_bytes());
    checked(STATE_KEY.as_bytes(), out)
}

/// The base; and of a database of format 1 what else it says.
pub(super) fn decode_state(is_old: bool, row: &[u8]) -> Result<(Base, Option<OldState>), DecodeError> {
    let mut reader = Reader::new(unchecked(STATE_KEY.as_bytes(), row)?);
    let read = if is_old {
        let old = OldState { epoch: Epoch(reader.value()?), is_sealed: reader.value()? };
        let tick = Tick(reader.value()?);
        let position = LogPosition { slot: Slot(tick.0), tick, record_hash: Hash(reader.value()?) };
        (Base { position, epoch: Epoch(position.slot.0), incarnation: 1 }, Some(old))
    } else {
        let position = LogPosition {
            slot: Slot(reader.value()?),
            tick: Tick(reader.value()?),
            record_hash: Hash(reader.value()?),
        };
        (Base { position, epoch: Epoch(reader.value()?), incarnation: reader.value()? }, None)
    };
    reader.end()?;
    Ok(read)
}

pub(super) fn encode_snapshot(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = snapshot.slot.0.to_le_bytes().to_vec();
    out.extend_from_slice(&snapshot.record_hash.0);
    snapshot.manifest.encode(&mut out);
    checked(&snapshot.position().tick.0.to_le_bytes(), out)
}

pub(super) fn decode_snapshot(tick: Tick, row: &[u8], is_old: bool, schema: &Schema) -> Result<Snapshot, DecodeError> {
    let mut reader = Reader::new(unchecked(&tick.0.to_le_bytes(), row)?);
    let slot = Slot(if is_old { tick.0 } else { reader.value()? });
    let record_hash = Hash(reader.value()?);
    let manifest = Manifest::decode(reader.take(reader.left())?, schema)?;
    if manifest.head.tick != tick {
        return Err(DecodeError::new(DecodeCause::Form("a manifest of another tick")));
    }
    Ok(Snapshot { slot, record_hash, manifest })
}

/// The records of a database, as a transaction sees them.
pub(super) struct Table(pub(super) redb::ReadOnlyTable<u64, &'static [u8]>);

impl Rows for Table {
    type Error = redb::Error;

    fn row(&mut self, slot: Slot) -> Result<Option<Result<Record, DecodeError>>, redb::Error> {
        Ok(self.0.get(slot.0)?.map(|row| Record::decode(row.value())))
    }

    fn last_row(&mut self, base: Slot, slot: Slot) -> Result<Option<Slot>, redb::Error> {
        if slot <= base {
            return Ok(None);
        }
        let row = self.0.range(base.next().0..=slot.0)?.next_back().transpose()?;
        Ok(row.map(|(key, _)| Slot(key.value())))
    }
}

/// A pack as the pages that hold its pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pieces {
    pub(super) length: u64,
    pub(super) hashes: Vec<Hash>,
}

impl Pieces {
    pub(super) fn encode(&self, id: Hash) -> Vec<u8> {
        let mut out = self.length.to_le_bytes().to_vec();
        self.hashes.iter().for_each(|hash| out.extend_from_slice(&hash.0));
        checked(&id.0, out)
    }

    pub(super) fn decode(id: Hash, row: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(unchecked(&id.0, row)?);
        let length: u64 = reader.value()?;
        let count = length.div_ceil(limits::PACK_PIECE_BYTES as u64);
        if length > limits::PACK_BYTES_MAX || count * 32 != reader.left() as u64 {
            return Err(reader.fail(DecodeCause::Range));
        }
        let hashes = (0..count).map(|_| reader.value().map(Hash)).collect::<Result<_, _>>()?;
        Ok(Self { length, hashes })
    }
}

/// The row with its check.
pub(super) fn checked(key: &[u8], mut row: Vec<u8>) -> Vec<u8> {
    let check = check(key, &row);
    row.extend_from_slice(&check);
    row
}

/// The row without its check, if that holds.
pub(super) fn unchecked<'a>(key: &[u8], row: &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let cut = row.len().checked_sub(CHECK_BYTES).map(|at| row.split_at(at));
    match cut {
        Some((body, stated)) if *stated == check(key, body) => Ok(body),
        _ => Err(DecodeError::new(DecodeCause::Form("the row's check is not that of its bytes"))),
    }
}

fn check(key: &[u8], row: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = Hasher::new(b"tickworld.row.1");
    hasher.update(&[u8::try_from(key.len()).expect("keys are at most 32 bytes long")]);
    hasher.update(key);
    hasher.update(row);
    hasher.finish().short().0
}
