//! Records of version 1: read, never made.
//!
//! Invariant: they keep their bytes and their hash. They have no slots: a tick stands where its number says.

use tickworld_sim::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    frame::Tick,
    hash::{Hash, Hasher},
};

use super::{
    Content, Record, TickRecord, WallTime,
    codec::{HASH_BYTES, MAGIC},
};
use crate::{
    limits,
    position::{Epoch, Slot},
};

/// Bytes before the frame.
pub(super) const HEAD_BYTES: usize = 111;

/// What a record of version 1 says besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Old {
    durable: u64,
    pub(super) proof_tick: Tick,
}

// DOC:OLD_JOURNAL_RECORD
// 0      8  magic     "TWRECORD"
// 8      2  version   1
// 10     8  tick      and slot
// 18     8  epoch     number of the claim in force, from 1
// 26    32  previous  hash of the record before; of the first one, of the header
// 58     8  durable   a tick, which says nothing to anybody
// 66     1  proof     1, then tick (8) and the root after it (32); or 0, then 40 zeros
// 107    4  length    L, of the frame, at most 32 MiB
// 111    L  frame     ("Old input frame"), of this record's tick
// 111+L 32  hash      BLAKE3 over 26 "tickworld.journal.record.1" and everything before it
// DOC:END
pub(super) fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.take(MAGIC.len() + 2)?;
    let tick = Tick(reader.value()?);
    let epoch = Epoch(reader.value()?);
    let previous_hash = Hash(reader.value()?);
    let durable = reader.value()?;
    let proof: Option<[u8; 40]> = reader.value()?;
    let length: u32 = reader.value()?;
    if length > limits::FRAME_BYTES_MAX {
        return Err(reader.fail(DecodeCause::Range));
    }
    let frame = reader.take(length as usize)?;
    let stated = Hash(reader.value()?);
    reader.end()?;
    let mut hasher = Hasher::new(b"tickworld.journal.record.1");
    hasher.update(&bytes[..bytes.len() - HASH_BYTES]);
    if hasher.finish() != stated {
        return Err(DecodeError::new(DecodeCause::Form("the record's hash is not that of its bytes")));
    }
    if frame.first_chunk() != Some(&tick.0.to_le_bytes()) {
        return Err(DecodeError::new(DecodeCause::Form("the frame is of another tick")));
    }
    let (proof_tick, root) = match &proof {
        Some(bytes) => {
            let (tick, root) = bytes.split_at(8);
            let tick = Tick(u64::from_le_bytes(tick.try_into().expect("split at 8")));
            (tick, Some(Hash(root.try_into().expect("40 less 8"))))
        }
        None => (Tick(0), None),
    };
    let (slot, wall, frame) = (Slot(tick.0), WallTime(0), frame.to_vec().into());
    let record = TickRecord { slot, epoch, previous_hash, wall, root, count: 1, frame };
    Ok(Record { content: Content::Tick(record), tick, old: Some(Old { durable, proof_tick }), hash: stated })
}

impl Old {
    /// Everything before the frame.
    pub(super) fn head(&self, record: &TickRecord, tick: Tick) -> Vec<u8> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&1_u16.to_le_bytes());
        head.extend_from_slice(&tick.0.to_le_bytes());
        head.extend_from_slice(&record.epoch.0.to_le_bytes());
        head.extend_from_slice(&record.previous_hash.0);
        head.extend_from_slice(&self.durable.to_le_bytes());
        head.push(u8::from(record.root.is_some()));
        head.extend_from_slice(&self.proof_tick.0.to_le_bytes());
        head.extend_from_slice(&record.root.unwrap_or(Hash::ZERO).0);
        head.extend_from_slice(&u32::try_from(record.frame.len()).expect("checked on the way in").to_le_bytes());
        head
    }
}

#[cfg(test)]
mod tests {
    use tickworld_sim::frame::FrameFormat;

    use super::*;

    #[test]
    fn a_record_of_version_1_is_read_and_keeps_its_bytes_and_hash() {
        // An empty frame of tick 5, by hand, as it was written before frames had format 2.
        let frame = [&5_u64.to_le_bytes()[..], &[3; 16], &[0; 4]].concat();
        let mut bytes = [&b"TWRECORD"[..], &[1, 0], &5_u64.to_le_bytes(), &2_u64.to_le_bytes(), &[7; 32]].concat();
        bytes.extend_from_slice(&4_u64.to_le_bytes());
        bytes.extend_from_slice(&[0; 41]);
        bytes.extend_from_slice(&u32::try_from(frame.len()).expect("short").to_le_bytes());
        assert_eq!(bytes.len(), HEAD_BYTES);
        let mut hasher = Hasher::new(b"tickworld.journal.record.1");
        hasher.update(&bytes).update(&frame);
        let hash = hasher.finish();
        let whole = [&bytes[..], &frame, &hash.0].concat();
        let record = Record::decode(&whole).expect("it is whole");
        assert_eq!((record.frame_format(), record.tick(), record.hash()), (FrameFormat::Old, Tick(5), hash));
        assert_eq!((record.slot(), record.epoch()), (Slot(5), Epoch(2)));
        let mut again = Vec::new();
        record.encode(&mut again);
        assert_eq!((again.len(), again), (record.encoded_bytes(), whole.clone()));
        let mut newer = whole.clone();
        newer[8] = 2;
        assert!(Record::decode(&newer).is_err(), "the hash binds the version");
        newer[8] = 3;
        assert!(Record::decode(&newer).is_err(), "no version of ours");
    }
}
