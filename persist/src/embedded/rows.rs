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
    limits,
    record::Epoch,
    store::{LogPosition, Snapshot},
};

// DOC:TABLES
// meta       text      "format": 1 (4) | "header": the header's bytes, check | "state": the state's row
// records    tick      the record's bytes
// pages      hash      the page's bytes
// manifests  tick      link (32), hash of the record of that tick; the manifest's bytes ("Snapshot"), check
// packs      pack id   length (8), then the hash of each piece (32), whose bytes are a page of 64 KiB, the last one less;
//                      check
// tokens     digest    when it expires (8), check; of single-use tokens that were spent. Made where it is not there.
//
// The state's row: epoch in force (8), sealed (1), base tick (8), base link (32), check. The base is the place before the
// first record that is kept.
// A digest is the first 16 bytes of BLAKE3 over 17 "tickworld.token.1" and the token's id.
// A check is the first 8 bytes of BLAKE3 over 15 "tickworld.row.1", length of the key (1), the key, and the row before it. A
// tick as a key is 8 bytes long here.
// DOC:END
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
pub(super) const PAGES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("pages");
pub(super) const MANIFESTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("manifests");
pub(super) const PACKS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("packs");
pub(super) const TOKENS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("tokens");

pub(super) const FORMAT_KEY: &str = "format";
pub(super) const HEADER_KEY: &str = "header";
pub(super) const STATE_KEY: &str = "state";
pub(super) const FORMAT: u32 = 1;
const CHECK_BYTES: usize = 8;

/// What a journal remembers besides its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) epoch: Epoch,
    pub(super) sealed: bool,
    pub(super) base: LogPosition,
}

impl State {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.epoch.0.to_le_bytes());
        out.push(u8::from(self.sealed));
        out.extend_from_slice(&self.base.tick.0.to_le_bytes());
        out.extend_from_slice(&self.base.record_hash.0);
        checked(STATE_KEY.as_bytes(), out)
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(unchecked(STATE_KEY.as_bytes(), row)?);
        let state = Self {
            epoch: Epoch(reader.value()?),
            sealed: reader.value()?,
            base: LogPosition { tick: Tick(reader.value()?), record_hash: Hash(reader.value()?) },
        };
        reader.end()?;
        Ok(state)
    }
}

pub(super) fn encode_snapshot(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = snapshot.record_hash.0.to_vec();
    snapshot.manifest.encode(&mut out);
    checked(&snapshot.position().tick.0.to_le_bytes(), out)
}

pub(super) fn decode_snapshot(tick: Tick, row: &[u8], schema: &Schema) -> Result<Snapshot, DecodeError> {
    let mut reader = Reader::new(unchecked(&tick.0.to_le_bytes(), row)?);
    let link = Hash(reader.value()?);
    let manifest = Manifest::decode(reader.take(reader.left())?, schema)?;
    if manifest.head.tick != tick {
        return Err(DecodeError::new(DecodeCause::Form("a manifest of another tick")));
    }
    Ok(Snapshot { record_hash: link, manifest })
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
