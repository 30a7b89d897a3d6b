//! [`Live`]: which slots are the history that goes on, of all that a journal holds.
//!
//! Invariant: a slot is live if and only if the records say so, read from the end: the last record names its epoch, the claim
//! of that epoch where it goes on, and so on back to the base. Ticks ascend along the live slots, one a slot, but for claims,
//! which make none. Nothing goes back behind the base.

use tickworld_sim::{component::DecodeError, frame::Tick};

use crate::{
    position::{Epoch, LogPosition, Slot},
    record::{Record, Why},
};

/// The place before the first record that is kept, and what was in force there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) position: LogPosition,
    pub(crate) epoch: Epoch,
    pub(crate) incarnation: u32,
}

/// A claim and the records under it that go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    /// The claim's slot, which may lie before the base.
    claim: Slot,
    /// The last tick before it.
    before: Tick,
    /// Its last record; the claim itself where nothing was appended.
    last: Slot,
    incarnation: u32,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    base: Base,
    /// Ascending; the last one is in force, and there is always one.
    segments: Vec<Segment>,
}

/// What a journal was found to be.
pub(crate) struct Loaded {
    pub(crate) live: Live,
    /// The last whole record; the base where there is none.
    pub(crate) last: LogPosition,
    /// To where something stands after it that is not whole.
    pub(crate) torn: Option<Slot>,
    /// Whether the last record is a claim that ends in good order.
    pub(crate) is_sealed: bool,
}

/// The records of a journal, by slot.
pub(crate) trait Rows {
    type Error;

    /// The record in a slot, if anything stands there.
    fn row(&mut self, slot: Slot) -> Result<Option<Result<Record, DecodeError>>, Self::Error>;

    /// The last slot up to `slot` and after `base` in which anything stands.
    fn last_row(&mut self, base: Slot, slot: Slot) -> Result<Option<Slot>, Self::Error>;
}

/// The nearest whole record up to a slot, and the last slot before it that is not whole.
fn whole_before<R: Rows>(rows: &mut R, base: Slot, from: Slot) -> Result<(Option<Record>, Option<Slot>), R::Error> {
    let (mut at, mut torn) = (from, None);
    while let Some(slot) = rows.last_row(base, at)? {
        if let Some(Ok(record)) = rows.row(slot)?
            && record.slot() == slot
        {
            return Ok((Some(record), torn));
        }
        torn = torn.or(Some(slot));
        at = Slot(slot.0.saturating_sub(1));
    }
    Ok((None, torn))
}

impl Live {
    /// Of a journal without records after its base.
    pub(crate) fn new(base: Base) -> Self {
        Self { base, segments: vec![Self::before_all(base)] }
    }

    /// What is left of the epoch that the base lies in.
    fn before_all(base: Base) -> Segment {
        let Base { position, epoch, incarnation } = base;
        let made = position.slot.0.saturating_sub(epoch.0);
        let before = Tick(position.tick.0.saturating_sub(made));
        Segment { claim: epoch.slot(), before, last: position.slot, incarnation }
    }

    /// Reads it from the end. `is_old`: records of format 1, which know no claims.
    pub(crate) fn load<R: Rows>(base: Base, is_old: bool, rows: &mut R) -> Result<Loaded, R::Error> {
        let base_slot = base.position.slot;
        let (found, torn) = whole_before(rows, base_slot, Slot(u64::MAX))?;
        let Some(newest) = found else {
            return Ok(Loaded { live: Self::new(base), last: base.position, torn, is_sealed: false });
        };
        let last = newest.position();
        let is_sealed = newest.as_claim().is_some_and(|claim| claim.why == Why::End);
        if is_old {
            let mut live = Self::new(base);
            live.segments[0].last = last.slot;
            return Ok(Loaded { live, last, torn, is_sealed });
        }
        let mut segments = Vec::new();
        let (mut end, mut top) = (last.slot, newest);
        loop {
            let epoch = top.epoch().slot();
            let before = Tick(top.tick().0.saturating_sub(top.slot().0.saturating_sub(epoch.0)));
            if epoch <= base_slot {
                segments.push(Segment { last: end, ..Self::before_all(base) });
                break;
            }
            let (after, incarnation) = match rows.row(epoch)?.and_then(Result::ok).as_ref().and_then(Record::as_claim) {
                Some(claim) => (claim.after.slot, claim.incarnation),
                // The claim cannot be read: the chain is broken there, whatever stands before it. Most claims void nothing.
                None => (Slot(epoch.0.saturating_sub(1)), 0),
            };
            segments.push(Segment { claim: epoch, before, last: end, incarnation });
            if after <= base_slot {
                break;
            }
            match whole_before(rows, base_slot, after)?.0 {
                Some(record) if record.epoch().slot() < epoch => (end, top) = (after, record),
                _ => break,
            }
        }
        segments.reverse();
        // Who cannot be read is taken for one life more: numbers only rise.
        let mut known = base.incarnation;
        for segment in &mut segments {
            if segment.incarnation == 0 {
                segment.incarnation = known.saturating_add(1);
            }
            known = segment.incarnation;
        }
        Ok(Loaded { live: Self { base, segments }, last, torn, is_sealed })
    }

    fn in_force(&self) -> &Segment {
        self.segments.last().expect("there is always one")
    }

    pub(crate) const fn base(&self) -> Base {
        self.base
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.in_force().claim.0)
    }

    pub(crate) fn incarnation(&self) -> u32 {
        self.in_force().incarnation
    }

    /// The first slot of a segment that is kept.
    fn first_of(&self, segment: &Segment) -> Slot {
        segment.claim.max(self.base.position.slot.next())
    }

    fn segment_of(&self, slot: Slot) -> Option<&Segment> {
        self.segments.iter().rev().find(|it| (self.first_of(it)..=it.last).contains(&slot))
    }

    /// The next live slot from this one on.
    pub(crate) fn next_from(&self, slot: Slot) -> Option<Slot> {
        let segment = self.segments.iter().find(|it| it.last >= slot && it.last >= self.first_of(it))?;
        Some(slot.max(self.first_of(segment)))
    }

    /// The tick that a live slot makes, or that stood before it where it holds a claim.
    pub(crate) fn tick_of(&self, slot: Slot) -> Option<Tick> {
        if slot == self.base.position.slot {
            return Some(self.base.position.tick);
        }
        self.segment_of(slot).map(|it| Tick(it.before.0.saturating_add(slot.0 - it.claim.0)))
    }

    /// The slot whose record makes a tick; the base's for its own.
    pub(crate) fn find(&self, tick: Tick) -> Option<Slot> {
        if tick == self.base.position.tick {
            return Some(self.base.position.slot);
        }
        let slot_in = |it: &Segment| {
            let slot = Slot(it.claim.0.saturating_add(tick.0.checked_sub(it.before.0).filter(|ticks| *ticks > 0)?));
            (self.first_of(it)..=it.last).contains(&slot).then_some(slot)
        };
        self.segments.iter().rev().find_map(slot_in)
    }

    /// The base as it would be after a live slot.
    pub(crate) fn base_at(&self, position: LogPosition) -> Option<Base> {
        if position.slot == self.base.position.slot {
            return Some(self.base);
        }
        let segment = self.segment_of(position.slot)?;
        Some(Base { position, epoch: Epoch(segment.claim.0), incarnation: segment.incarnation })
    }

    /// Records up to this slot were appended.
    pub(crate) fn extend(&mut self, last: Slot) {
        self.segments.last_mut().expect("there is always one").last = last;
    }

    /// Somebody has claimed.
    pub(crate) fn claim(&mut self, slot: Slot, after: LogPosition, incarnation: u32) {
        self.segments.retain(|it| it.claim <= after.slot);
        if let Some(segment) = self.segments.last_mut() {
            segment.last = segment.last.min(after.slot);
        }
        self.segments.push(Segment { claim: slot, before: after.tick, last: slot, incarnation });
    }

    /// What stands up to here is forgotten.
    pub(crate) fn trim(&mut self, base: Base) {
        self.base = base;
        let in_force = self.segments.pop().expect("there is always one");
        self.segments.retain(|it| it.last > base.position.slot);
        self.segments.push(in_force);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tickworld_sim::hash::Hash;

    use super::*;
    use crate::record::{ClaimRecord, TickRecord, WallTime};

    #[derive(Default)]
    struct Table(BTreeMap<Slot, Record>, Vec<Slot>);

    impl Rows for Table {
        type Error = std::convert::Infallible;

        fn row(&mut self, slot: Slot) -> Result<Option<Result<Record, DecodeError>>, Self::Error> {
            let torn = DecodeError::new(tickworld_sim::component::DecodeCause::Range);
            Ok(if self.1.contains(&slot) { Some(Err(torn)) } else { self.0.get(&slot).cloned().map(Ok) })
        }

        fn last_row(&mut self, base: Slot, slot: Slot) -> Result<Option<Slot>, Self::Error> {
            Ok(self.0.range(base.next()..=slot.max(base.next())).map(|(slot, _)| *slot).rfind(|it| *it <= slot))
        }
    }

    const BASE: Base = Base {
        position: LogPosition { slot: Slot(0), tick: Tick(0), record_hash: Hash::ZERO },
        epoch: Epoch(0),
        incarnation: 1,
    };

    impl Table {
        fn at(&self, slot: u64) -> LogPosition {
            self.0.get(&Slot(slot)).map_or(BASE.position, Record::position)
        }

        fn claim(&mut self, slot: u64, after: u64) {
            let (slot, after) = (Slot(slot), self.at(after));
            let record = ClaimRecord {
                slot,
                after,
                wall: WallTime(0),
                incarnation: 1,
                why: Why::Cut,
                is_loss: false,
                who: String::new(),
            };
            self.0.insert(slot, Record::claim(record).expect("good"));
        }

        fn ticks(&mut self, epoch: u64, slots: std::ops::RangeInclusive<u64>) {
            for slot in slots {
                let before = self.at(slot - 1);
                let frame = before.tick.next().0.to_le_bytes().to_vec().into();
                let (epoch, previous_hash, wall) = (Epoch(epoch), before.record_hash, WallTime(0));
                let record = TickRecord { slot: Slot(slot), epoch, previous_hash, wall, root: None, frame };
                self.0.insert(Slot(slot), Record::new(record).expect("good"));
            }
        }
    }

    /// Ticks 1 to 4, of which 3 and 4 become void, then 3 to 5 again; and a take-over without a tick.
    fn table() -> Table {
        let mut table = Table::default();
        table.claim(1, 0);
        table.ticks(1, 2..=5);
        table.claim(8, 3);
        table.ticks(8, 9..=11);
        table.claim(12, 11);
        table
    }

    fn slots(live: &Live) -> Vec<u64> {
        let (mut slots, mut from) = (Vec::new(), Slot(0));
        while let Some(slot) = live.next_from(from) {
            slots.push(slot.0);
            from = slot.next();
        }
        slots
    }

    #[test]
    fn void_slots_are_passed_over_and_ticks_are_found() {
        let loaded = Live::load(BASE, false, &mut table()).expect("no error");
        let live = &loaded.live;
        assert_eq!((loaded.last.slot, loaded.last.tick, loaded.torn), (Slot(12), Tick(5), None));
        assert_eq!(slots(live), [1, 2, 3, 8, 9, 10, 11, 12]);
        let found: Vec<_> = (0..=6).map(|tick| live.find(Tick(tick)).map(|slot| slot.0)).collect();
        assert_eq!(found, [Some(0), Some(2), Some(3), Some(9), Some(10), Some(11), None]);
        assert_eq!(live.tick_of(Slot(8)), Some(Tick(2)));
        assert_eq!((live.tick_of(Slot(5)), live.next_from(Slot(5))), (None, Some(Slot(8))));
    }

    #[test]
    fn what_is_told_step_by_step_is_what_is_read_from_the_end() {
        let mut table = Table::default();
        let mut live = Live::new(BASE);
        table.claim(1, 0);
        live.claim(Slot(1), table.at(0), 1);
        table.ticks(1, 2..=5);
        live.extend(Slot(5));
        table.claim(8, 3);
        live.claim(Slot(8), table.at(3), 1);
        table.ticks(8, 9..=11);
        live.extend(Slot(11));
        table.claim(12, 11);
        live.claim(Slot(12), table.at(11), 1);
        let read = Live::load(BASE, false, &mut table).expect("no error").live;
        assert_eq!(slots(&read), slots(&live));
        for slot in [2, 3, 8, 9, 10, 11, 12] {
            let base = live.base_at(table.at(slot)).expect("it is live");
            let mut trimmed = live.clone();
            trimmed.trim(base);
            let read = Live::load(base, false, &mut table).expect("no error").live;
            assert_eq!(slots(&read), slots(&trimmed), "after slot {slot}");
            for tick in 0..=6 {
                assert_eq!(read.find(Tick(tick)), trimmed.find(Tick(tick)), "tick {tick} after slot {slot}");
            }
        }
    }

    #[test]
    fn a_torn_end_is_named_and_a_claim_that_cannot_be_read_hides_nothing_after_it() {
        let mut torn = table();
        torn.1 = vec![Slot(12), Slot(11)];
        let loaded = Live::load(BASE, false, &mut torn).expect("no error");
        assert_eq!((loaded.last.slot, loaded.torn), (Slot(10), Some(Slot(12))));
        let mut torn = table();
        torn.1 = vec![Slot(12), Slot(1)];
        let loaded = Live::load(BASE, false, &mut torn).expect("no error");
        assert_eq!(slots(&loaded.live), [1, 2, 3, 8, 9, 10, 11]);
        assert_eq!(loaded.live.find(Tick(2)), Some(Slot(3)));
    }
}
