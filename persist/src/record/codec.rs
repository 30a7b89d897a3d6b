//! The bytes of a record.
//!
//! Invariant: one record, one byte string; what is reserved is refused by name.

use bytes::Bytes;
use tickworld_sim::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    frame::Tick,
    hash::{Hash, Hasher},
};

use super::{ClaimRecord, Content, Record, TickRecord, WallTime, Why, old};
use crate::{
    limits,
    position::{Epoch, LogPosition, Slot},
};

pub(super) const MAGIC: [u8; 8] = *b"TWRECORD";
/// The version that is written.
const VERSION: u16 = 2;
const KIND_TICKS: u8 = 0;
const KIND_CLAIM: u8 = 1;
/// Bytes before the frame of a tick.
const TICK_HEAD_BYTES: usize = 106;
/// Bytes of a claim without its text and its hash.
const CLAIM_HEAD_BYTES: usize = 95;
pub(super) const HASH_BYTES: usize = 32;

impl Record {
    /// Length of the canonical bytes.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        let before = match (&self.content, &self.old) {
            (Content::Tick(record), None) => TICK_HEAD_BYTES + record.frame.len(),
            (Content::Tick(record), Some(_)) => old::HEAD_BYTES + record.frame.len(),
            (Content::Claim(record), _) => CLAIM_HEAD_BYTES + record.who.len(),
        };
        before + HASH_BYTES
    }

    // DOC:JOURNAL_RECORD
    // 0      8  magic        "TWRECORD"
    // 8      2  version      2; a reader takes 1 too ("Old journal record")
    // 10     1  kind         0 ticks | 1 claim
    // 11     8  slot         dense, from 1
    // 19     8  epoch        slot of the claim in force; a claim's is its own
    // 27    32  previous     hash of the record before it in history: of a claim, of the record that it goes on after; of the
    //                        first, of the header
    // 59     8  wall         milliseconds since 1970 by the writer's clock, for people
    //
    // ticks:
    // 67     1  proof        1, then the root (32) after the tick that lies the header's root lag before the last one of the
    //                        record; or 0, then 32 zeros
    // 100    2  count        how many ticks: 1, or in a run up to 1,024
    // 102    4  length       L, of the frame, at most 32 MiB; of a run's, 25
    // 106    L  frame        ("Input frame"), which begins with the first tick. The others of a run have the next ticks, the same
    //                        entropy, and no inputs, as this one then has none
    // 106+L 32  hash
    //
    // a claim:
    // 67     8  after        slot of the record that history goes on after, 0 for the header
    // 75     8  tick         the last one there
    // 83     4  incarnation  from 1
    // 87     1  why          0 take-over | 1 skip | 2 cut | 5 end; 3 and 4 are reserved
    // 88     1  loss         1 where ticks are void that may have been told, else 0
    // 89     2  who          length W, at most 256, then UTF-8
    // 91+W   4  terms        0; more is reserved
    // 95+W  32  hash
    //
    // The hash: BLAKE3 over 26 "tickworld.journal.record.2" and everything before it. The header's hash: BLAKE3 over 26
    // "tickworld.journal.header.2" (of version 1: ".1") and its bytes. A number before a quoted name is the name's length as
    // one byte.
    //
    // Void is what stands between the record that a claim goes on after and the claim, torn rows among it. The history is read
    // from the end: the last record names its epoch, that claim where it goes on, and so on.
    // DOC:END
    /// Appends the canonical bytes (docs/FORMATS.md, "Journal").
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_bytes());
        match (&self.content, &self.old) {
            (Content::Tick(record), old) => {
                match old {
                    None => out.extend_from_slice(&tick_head(record)),
                    Some(old) => out.extend_from_slice(&old.head(record, self.tick)),
                }
                out.extend_from_slice(&record.frame);
            }
            (Content::Claim(record), _) => out.extend_from_slice(&claim_head(record)),
        }
        out.extend_from_slice(&self.hash.0);
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// On any bytes that [`encode`](Self::encode) does not write: so on every damage.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.value::<[u8; 8]>()? != MAGIC {
            return Err(DecodeError::new(DecodeCause::Form("no record: another magic")));
        }
        match reader.value::<u16>()? {
            1 => return old::decode(bytes),
            VERSION => {}
            _ => return Err(reader.fail(DecodeCause::Form("a version of the journal that this build cannot read"))),
        }
        let kind: u8 = reader.value()?;
        let slot = Slot(reader.value()?);
        let epoch = Epoch(reader.value()?);
        let previous_hash = Hash(reader.value()?);
        let wall = WallTime(reader.value()?);
        let content = match kind {
            KIND_TICKS => Content::Tick(read_tick(&mut reader, (slot, epoch, previous_hash, wall))?),
            KIND_CLAIM if epoch.slot() == slot => Content::Claim(read_claim(&mut reader, (slot, previous_hash, wall))?),
            _ => return Err(reader.fail(DecodeCause::Form("a kind of record that this build does not know"))),
        };
        let stated = Hash(reader.value()?);
        reader.end()?;
        let malformed = |_| DecodeError::new(DecodeCause::Form("a record that nobody writes"));
        let record = match content {
            Content::Tick(record) => Self::new(record).map_err(malformed)?,
            Content::Claim(record) => Self::claim(record).map_err(malformed)?,
        };
        if record.slot() == Slot::HEADER {
            return Err(DecodeError::new(DecodeCause::Form("a record in the header's slot")));
        }
        if stated != record.hash {
            return Err(DecodeError::new(DecodeCause::Form("the record's hash is not that of its bytes")));
        }
        Ok(record)
    }
}

fn read_tick(
    reader: &mut Reader<'_>,
    (slot, epoch, previous_hash, wall): (Slot, Epoch, Hash, WallTime),
) -> Result<TickRecord, DecodeError> {
    let root: Option<[u8; 32]> = reader.value()?;
    let count: u16 = reader.value()?;
    let length: u32 = reader.value()?;
    if length > limits::FRAME_BYTES_MAX {
        return Err(reader.fail(DecodeCause::Range));
    }
    let frame = Bytes::copy_from_slice(reader.take(length as usize)?);
    Ok(TickRecord { slot, epoch, previous_hash, wall, root: root.map(Hash), count, frame })
}

fn read_claim(
    reader: &mut Reader<'_>,
    (slot, record_hash, wall): (Slot, Hash, WallTime),
) -> Result<ClaimRecord, DecodeError> {
    let after = LogPosition { slot: Slot(reader.value()?), tick: Tick(reader.value()?), record_hash };
    let incarnation = reader.value()?;
    let why = match reader.value::<u8>()? {
        0 => Why::TakeOver,
        1 => Why::Skip,
        2 => Why::Cut,
        3 => return Err(reader.fail(DecodeCause::Form("a restore, which this build does not know"))),
        4 => return Err(reader.fail(DecodeCause::Form("an upgrade, which this build does not know"))),
        5 => Why::End,
        _ => return Err(reader.fail(DecodeCause::Range)),
    };
    let is_loss = reader.value()?;
    let length: u16 = reader.value()?;
    if usize::from(length) > limits::CLAIM_WHO_BYTES_MAX {
        return Err(reader.fail(DecodeCause::Range));
    }
    let who = core::str::from_utf8(reader.take(usize::from(length))?);
    let who = who.map_err(|_| reader.fail(DecodeCause::Form("a text that is no UTF-8")))?.to_owned();
    if reader.value::<u32>()? != 0 {
        return Err(reader.fail(DecodeCause::Form("a change of terms, which this build does not know")));
    }
    Ok(ClaimRecord { slot, after, wall, incarnation, why, is_loss, who })
}

fn head(kind: u8, slot: Slot, epoch: Epoch, previous: Hash, wall: WallTime, capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.push(kind);
    out.extend_from_slice(&slot.0.to_le_bytes());
    out.extend_from_slice(&epoch.0.to_le_bytes());
    out.extend_from_slice(&previous.0);
    out.extend_from_slice(&wall.0.to_le_bytes());
    out
}

/// Everything before the frame.
pub(super) fn tick_head(record: &TickRecord) -> Vec<u8> {
    let TickRecord { slot, epoch, previous_hash, wall, root, count, frame } = record;
    let mut out = head(KIND_TICKS, *slot, *epoch, *previous_hash, *wall, TICK_HEAD_BYTES);
    out.push(u8::from(root.is_some()));
    out.extend_from_slice(&root.unwrap_or(Hash::ZERO).0);
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&u32::try_from(frame.len()).expect("checked on the way in").to_le_bytes());
    out
}

/// Everything before the hash.
pub(super) fn claim_head(record: &ClaimRecord) -> Vec<u8> {
    let ClaimRecord { slot, after, wall, incarnation, why, is_loss, who } = record;
    let capacity = CLAIM_HEAD_BYTES + who.len();
    let mut out = head(KIND_CLAIM, *slot, Epoch(slot.0), after.record_hash, *wall, capacity);
    out.extend_from_slice(&after.slot.0.to_le_bytes());
    out.extend_from_slice(&after.tick.0.to_le_bytes());
    out.extend_from_slice(&incarnation.to_le_bytes());
    out.push(match why {
        Why::TakeOver => 0,
        Why::Skip => 1,
        Why::Cut => 2,
        Why::End => 5,
    });
    out.push(u8::from(*is_loss));
    out.extend_from_slice(&u16::try_from(who.len()).expect("checked on the way in").to_le_bytes());
    out.extend_from_slice(who.as_bytes());
    out.extend_from_slice(&0_u32.to_le_bytes());
    out
}

pub(super) fn hash(head: &[u8], frame: &[u8]) -> Hash {
    let mut hasher = Hasher::new(b"tickworld.journal.record.2");
    hasher.update(head);
    hasher.update(frame);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(body: Vec<u8>) -> Vec<u8> {
        let mut hasher = Hasher::new(b"tickworld.journal.record.2");
        hasher.update(&body);
        [&body[..], &hasher.finish().0].concat()
    }

    fn read_back(bytes: &[u8]) -> Record {
        let record = Record::decode(bytes).expect("it is whole");
        let mut again = Vec::new();
        record.encode(&mut again);
        assert_eq!((again.as_slice(), again.len()), (bytes, record.encoded_bytes()));
        record
    }

    /// By hand, after the table in docs/FORMATS.md.
    fn begun(kind: u8) -> Vec<u8> {
        [&b"TWRECORD"[..], &[2, 0, kind], &9_u64.to_le_bytes(), &9_u64.to_le_bytes(), &[7; 32], &5_u64.to_le_bytes()]
            .concat()
    }

    #[test]
    fn a_tick_has_the_bytes_of_the_table() {
        let frame = [&3_u64.to_le_bytes()[..], &[1; 16], &[0]].concat();
        let body = [&begun(0)[..], &[1], &[8; 32], &[1, 0], &[25, 0, 0, 0], &frame].concat();
        let record = read_back(&sealed(body));
        assert_eq!((record.slot(), record.epoch(), record.tick()), (Slot(9), Epoch(9), Tick(3)));
        assert_eq!((record.previous_hash(), record.wall()), (Hash([7; 32]), WallTime(5)));
        assert_eq!(record.as_tick().map(|it| (it.root, it.frame.len())), Some((Some(Hash([8; 32])), 25)));
    }

    fn run(count: u16, frame: &[u8]) -> Vec<u8> {
        let length = u32::try_from(frame.len()).expect("short");
        let body = [&begun(0)[..], &[1], &[8; 32], &count.to_le_bytes(), &length.to_le_bytes(), frame].concat();
        sealed(body)
    }

    #[test]
    fn a_run_has_the_bytes_of_the_table_and_ends_with_its_last_tick() {
        let frame = [&3_u64.to_le_bytes()[..], &[1; 16], &[0]].concat();
        for count in [2, 1_024] {
            let record = read_back(&run(count, &frame));
            assert_eq!(
                (record.count(), record.tick_before(), record.tick()),
                (count, Tick(2), Tick(2 + u64::from(count)))
            );
            assert_eq!(record.position().tick, record.tick());
        }
    }

    #[test]
    fn a_run_of_none_of_too_many_of_inputs_or_beyond_all_ticks_is_refused() {
        let frame = |tick: u64, more: &[u8]| [&tick.to_le_bytes()[..], &[1; 16], more].concat();
        for (count, frame) in
            [(0, frame(3, &[0])), (1_025, frame(3, &[0])), (2, frame(3, &[1, 9])), (2, frame(u64::MAX, &[0]))]
        {
            assert!(Record::decode(&run(count, &frame)).is_err(), "{count} times {} bytes", frame.len());
        }
        assert!(Record::decode(&run(1, &frame(u64::MAX, &[0]))).is_ok());
    }

    fn claim(why: u8, loss: u8, terms: u32) -> Vec<u8> {
        let numbers = [&4_u64.to_le_bytes()[..], &3_u64.to_le_bytes(), &2_u32.to_le_bytes()].concat();
        let body = [&begun(1)[..], &numbers, &[why, loss], &[3, 0], b"who", &terms.to_le_bytes()].concat();
        sealed(body)
    }

    #[test]
    fn a_claim_has_the_bytes_of_the_table() {
        for (byte, why) in [(0, Why::TakeOver), (1, Why::Skip), (2, Why::Cut), (5, Why::End)] {
            let record = read_back(&claim(byte, 1, 0));
            let after = LogPosition { slot: Slot(4), tick: Tick(3), record_hash: Hash([7; 32]) };
            let (slot, wall, who) = (Slot(9), WallTime(5), "who".to_owned());
            let expected = ClaimRecord { slot, after, wall, incarnation: 2, why, is_loss: true, who };
            assert_eq!(record.as_claim(), Some(&expected));
            assert_eq!((record.tick(), record.epoch()), (Tick(3), Epoch(9)));
        }
    }

    #[test]
    fn what_is_reserved_is_refused_by_name() {
        let refused = |bytes: &[u8], word: &str| {
            let error = Record::decode(bytes).expect_err("reserved").to_string();
            assert!(error.contains(word), "{error}");
        };
        refused(&claim(3, 0, 0), "restore");
        refused(&claim(4, 0, 0), "upgrade");
        refused(&claim(0, 0, 1), "terms");
        assert!(Record::decode(&claim(6, 0, 0)).is_err() && Record::decode(&claim(0, 2, 0)).is_err());
        refused(&sealed(begun(2)), "kind");
        let mut newer = claim(0, 0, 0);
        newer[8] = 3;
        refused(&newer, "version");
    }

    #[test]
    fn every_turned_bit_is_found() {
        let whole = claim(2, 1, 0);
        for bit in 0..whole.len() * 8 {
            let mut turned = whole.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            assert!(Record::decode(&turned).is_err(), "bit {bit}");
        }
        for length in 0..whole.len() {
            assert!(Record::decode(&whole[..length]).is_err(), "{length} bytes");
        }
    }
}
