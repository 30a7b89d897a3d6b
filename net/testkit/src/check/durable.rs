//! [`DurableAcks`]: no message names a tick as on disk that the disk has not synced.
//!
//! Invariant: it believes the disk's synced bytes alone, in which it looks for whole records; neither the journal nor the host
//! is asked.

use std::collections::{BTreeMap, BTreeSet};

use tickworld_persist::Record;
use tickworld_sim::{frame::Tick, hash::Hash};

use super::Violation;
use crate::disk::Write;

/// First bytes of a record (docs/FORMATS.md, "Journal").
const RECORD_MAGIC: &[u8; 8] = b"TWRECORD";

/// The records that were synced.
#[derive(Clone, Debug, Default)]
pub struct DurableAcks {
    synced: BTreeMap<Tick, BTreeSet<Hash>>,
    acknowledged: Tick,
}

impl DurableAcks {
    /// These writes are on the disk now.
    pub fn sync(&mut self, writes: &[Write]) {
        for write in writes {
            let Write::Bytes { bytes, .. } = write else { continue };
            for at in places(bytes) {
                if let Some(record) = record_at(&bytes[at..]) {
                    for tick in record.tick_before().0..record.tick().0 {
                        self.synced.entry(Tick(tick).next()).or_default().insert(record.hash());
                    }
                }
            }
        }
    }

    /// The journal was cut: acknowledgements begin anew after this tick.
    pub fn restart(&mut self, tick: Tick) {
        self.acknowledged = self.acknowledged.min(tick);
    }

    /// A message leaves the host that says that everything up to `tick` is on disk, with the record of `tick` being `link`.
    ///
    /// # Errors
    /// When a tick since the last acknowledged one has no whole record among the synced bytes.
    pub fn acknowledge(&mut self, tick: Tick, link: Option<Hash>) -> Result<(), Violation> {
        while self.acknowledged < tick {
            let next = self.acknowledged.next();
            let records = self.synced.get(&next);
            let holds = records.is_some_and(|records| next != tick || link.is_none_or(|link| records.contains(&link)));
            if !holds {
                return Err(Violation::NotDurable { tick: next });
            }
            self.acknowledged = next;
        }
        Ok(())
    }
}

/// Where records may begin.
fn places(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let firsts = bytes.iter().enumerate().filter(|(_, byte)| **byte == RECORD_MAGIC[0]).map(|(at, _)| at);
    firsts.filter(|at| bytes[*at..].starts_with(RECORD_MAGIC))
}

/// The whole record that begins here, if one does.
fn record_at(bytes: &[u8]) -> Option<Record> {
    // Of a tick's (kind 0, at 10): length of the frame at 102, frame, hash (32).
    if *bytes.get(10)? != 0 {
        return None;
    }
    let length = u32::from_le_bytes(*bytes.get(102..)?.first_chunk()?);
    let end = usize::try_from(length).ok()?.checked_add(106 + 32)?;
    Record::decode(bytes.get(..end)?).ok()
}

#[cfg(test)]
mod tests {
    use tickworld_ledger::Order;
    use tickworld_persist::{Epoch, Slot, TickRecord, WallTime};
    use tickworld_sim::{frame::InputFrame, rng::Entropy};

    use super::*;

    fn record(tick: u64) -> (Write, Hash) {
        let mut frame = Vec::new();
        InputFrame::<Order>::empty(Tick(tick), Entropy::PREDICTED).encode(&mut frame);
        let record = Record::new(TickRecord {
            slot: Slot(tick + 1),
            epoch: Epoch(1),
            previous_hash: Hash([0; 32]),
            wall: WallTime(0),
            count: 1,
            root: None,
            frame: frame.into(),
        });
        let record = record.unwrap();
        let mut bytes = b"a page begins TWRECOR TWRECORD not".to_vec();
        record.encode(&mut bytes);
        bytes.extend_from_slice(b"and ends");
        (Write::Bytes { offset: 4096, bytes }, record.hash())
    }

    #[test]
    fn a_tick_that_is_not_synced_is_noticed() {
        let mut check = DurableAcks::default();
        let ((first, first_link), (second, _), (third, third_link)) = (record(1), record(2), record(3));
        check.sync(&[first]);
        check.acknowledge(Tick(1), Some(first_link)).unwrap();
        assert_eq!(check.acknowledge(Tick(2), None), Err(Violation::NotDurable { tick: Tick(2) }));
        check.sync(&[third]);
        assert_eq!(check.acknowledge(Tick(3), None), Err(Violation::NotDurable { tick: Tick(2) }));
        check.sync(&[second]);
        assert_eq!(check.acknowledge(Tick(3), Some(first_link)), Err(Violation::NotDurable { tick: Tick(3) }));
        check.acknowledge(Tick(3), Some(third_link)).unwrap();
    }
}
