//! [`Live`]: which slots are the history that goes on, of all that a journal holds.
//!
//! Invariant: a slot is live if and only if the records say so, read from the end: the last record names its epoch, the claim
//! of that epoch where it goes on, and so on back to the base. Ticks ascend along the live slots, without a gap: a record makes one
//! or a run of them, a claim none. Nothing goes back behind the base.

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
        if let Some(record) = whole_at(rows, slot)? {
            return Ok((Some(record), torn));
        }
        torn = torn.or(Some(slot));
        at = Slot(slot.0.saturating_sub(1));
    }
    Ok((None, torn))
}

fn whole_at<R: Rows>(rows: &mut R, slot: Slot) -> Result<Option<Record>, R::Error> {
    Ok(rows.row(slot)?.and_then(Result::ok).filter(|record| record.slot() == slot))
}

/// The nearest whole record from `last` down to `first`.
fn whole_down_to<R: Rows>(rows: &mut R, first: Slot, last: Slot) -> Result<Option<Record>, R::Error> {
    for slot in (first.0..=last.0).rev() {
        if let Some(record) = whole_at(rows, Slot(slot))? {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// Where a segment has a tick.
enum Found {
    In(Slot),
    /// It is of a segment before, if of any.
    Before,
    Nowhere,
}

impl Live {
    /// Of a journal without records after its base.
    pub(crate) fn new(base: Base) -> Self {
        Self { base, segments: vec![Self::before_all(base)] }
    }

    /// What is left of the epoch that the base lies in.
    fn before_all(base: Base) -> Segment {
        let Base { position, epoch, incarnation } = base;
        Segment { claim: epoch.slot(), last: position.slot, incarnation }
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
            if epoch <= base_slot {
                segments.push(Segment { last: end, ..Self::before_all(base) });
                break;
            }
            let (after, incarnation) = match rows.row(epoch)?.and_then(Result::ok).as_ref().and_then(Record::as_claim) {
                Some(claim) => (claim.after.slot, claim.incarnation),
                // The claim cannot be read: the chain is broken there, whatever stands before it. Most claims void nothing.
                None => (Slot(epoch.0.saturating_sub(1)), 0),
            };
            segments.push(Segment { claim: epoch, last: end, incarnation });
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

    /// Whether a slot is live, or the base's.
    pub(crate) fn holds(&self, slot: Slot) -> bool {
        slot == self.base.position.slot || self.segment_of(slot).is_some()
    }

    /// The first tick that a slot makes, or of a claim the one that follows it, as the whole records before it tell: as if each
    /// that is not whole had made one.
    pub(crate) fn first_tick_of<R: Rows>(&self, slot: Slot, rows: &mut R) -> Result<Tick, R::Error> {
        let mut unknown = 0;
        for segment in self.segments.iter().rev() {
            let last = segment.last.min(Slot(slot.0.saturating_sub(1)));
            for at in (self.first_of(segment).0..=last.0).rev().map(Slot) {
                if let Some(record) = whole_at(rows, at)? {
                    return Ok(Tick(record.tick().next().0.saturating_add(unknown)));
                }
                unknown += u64::from(at != segment.claim);
            }
        }
        Ok(Tick(self.base.position.tick.next().0.saturating_add(unknown)))
    }

    /// The slot whose record makes a tick; the base's for its own. Of records that are not whole it is told as far as those around
    /// them tell.
    pub(crate) fn find<R: Rows>(&self, tick: Tick, rows: &mut R) -> Result<Option<Slot>, R::Error> {
        if tick <= self.base.position.tick {
            return Ok((tick == self.base.position.tick).then_some(self.base.position.slot));
        }
        for segment in self.segments.iter().rev() {
            match self.find_in(segment, tick, rows)? {
                Found::In(slot) => return Ok(Some(slot)),
                Found::Nowhere => return Ok(None),
                Found::Before => {}
            }
        }
        Ok(None)
    }

    fn find_in<R: Rows>(&self, segment: &Segment, tick: Tick, rows: &mut R) -> Result<Found, R::Error> {
        let first = self.first_of(segment);
        // Of the whole records, those before `low` are of earlier ticks, and those from `high` on are not.
        let (mut low, mut high) = (first.0, segment.last.next().0);
        while low < high {
            let middle = low.midpoint(high);
            match whole_down_to(rows, Slot(low), Slot(middle))? {
                Some(record) if record.tick() >= tick => high = record.slot().0,
                _ => low = middle + 1,
            }
        }
        let high = Slot(high);
        let above = if high <= segment.last { whole_at(rows, high)? } else { None };
        let above = above.map(|record| record.tick_before());
        if above.is_some_and(|before| before < tick) {
            return Ok(Found::In(high));
        }
        let Some(last) = high.0.checked_sub(1).map(Slot).filter(|last| *last >= first) else {
            return Ok(Found::Before);
        };
        let below = whole_down_to(rows, first, last)?;
        // Between the two nothing is whole. As many ticks as slots are one in each.
        let Some(below) = below else {
            let Some(above) = above else { return Ok(Found::Before) };
            let guess = last.0.checked_sub(above.0.saturating_sub(tick.0)).map(Slot);
            let holds_ticks = |guess: &Slot| *guess >= first && *guess > segment.claim;
            return Ok(guess.filter(holds_ticks).map_or(Found::Before, Found::In));
        };
        let (slots, ticks) = (last.0 - below.slot().0, tick.0 - below.tick().0);
        let is_one_each = above.is_none_or(|above| above.0.saturating_sub(below.tick().0) == slots);
        Ok(if is_one_each && ticks <= slots { Found::In(Slot(below.slot().0 + ticks)) } else { Found::Nowhere })
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
        self.segments.push(Segment { claim: slot, last: slot, incarnation });
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
            slots.for_each(|slot| self.run(epoch, slot, 1));
        }

        fn run(&mut self, epoch: u64, slot: u64, count: u16) {
            let before = self.at(slot - 1);
            let frame = [&before.tick.next().0.to_le_bytes()[..], &[0; 17]].concat().into();
            let (epoch, previous_hash, wall) = (Epoch(epoch), before.record_hash, WallTime(0));
            let record = TickRecord { slot: Slot(slot), epoch, previous_hash, wall, count, root: None, frame };
            self.0.insert(Slot(slot), Record::new(record).expect("good"));
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
        let mut table = table();
        let loaded = Live::load(BASE, false, &mut table).expect("no error");
        let live = &loaded.live;
        assert_eq!((loaded.last.slot, loaded.last.tick, loaded.torn), (Slot(12), Tick(5), None));
        assert_eq!(slots(live), [1, 2, 3, 8, 9, 10, 11, 12]);
        assert_eq!(found(live, &mut table, 6), [Some(0), Some(2), Some(3), Some(9), Some(10), Some(11), None]);
        let first = [(2, 1), (3, 2), (8, 3), (9, 3), (11, 5), (12, 6), (13, 6)];
        for (slot, tick) in first {
            assert_eq!(live.first_tick_of(Slot(slot), &mut table), Ok(Tick(tick)), "slot {slot}");
        }
        assert_eq!((live.holds(Slot(5)), live.next_from(Slot(5))), (false, Some(Slot(8))));
    }

    /// The slots of the ticks from 0 to `last`.
    fn found(live: &Live, table: &mut Table, last: u64) -> Vec<Option<u64>> {
        let find = |tick| live.find(Tick(tick), table).expect("no error").map(|slot| slot.0);
        (0..=last).map(find).collect()
    }

    /// Ticks 1 to 3, 4 to 8 in a run, 9, and 10 to 12 in a run that becomes void; then 10, 11 to 14 in a run, and 15.
    fn runs() -> Table {
        let mut table = Table::default();
        table.claim(1, 0);
        table.ticks(1, 2..=4);
        table.run(1, 5, 5);
        table.ticks(1, 6..=6);
        table.run(1, 7, 3);
        table.claim(8, 6);
        table.ticks(8, 9..=9);
        table.run(8, 10, 4);
        table.ticks(8, 11..=11);
        table
    }

    const RUN_SLOTS: [u64; 16] = [0, 2, 3, 4, 5, 5, 5, 5, 5, 6, 9, 10, 10, 10, 10, 11];

    #[test]
    fn the_ticks_of_a_run_are_found_in_its_slot_and_from_every_base() {
        let mut table = runs();
        let loaded = Live::load(BASE, false, &mut table).expect("no error");
        assert_eq!((loaded.last.slot, loaded.last.tick), (Slot(11), Tick(15)));
        let all: Vec<_> = RUN_SLOTS.iter().copied().map(Some).chain([None]).collect();
        assert_eq!(found(&loaded.live, &mut table, 16), all);
        for slot in [2, 4, 5, 6, 9, 10, 11] {
            let base = loaded.live.base_at(table.at(slot)).expect("it is live");
            let live = Live::load(base, false, &mut table).expect("no error").live;
            for tick in 0..=16 {
                let expected = RUN_SLOTS.get(tick as usize).copied().filter(|at| *at > slot).map(Slot);
                let expected = expected.or((tick == base.position.tick.0).then_some(Slot(slot)));
                assert_eq!(live.find(Tick(tick), &mut table), Ok(expected), "tick {tick} after slot {slot}");
            }
        }
    }

    #[test]
    fn a_damaged_record_is_found_where_those_around_it_tell() {
        for torn in 1..=10 {
            let mut table = runs();
            let live = Live::load(BASE, false, &mut table).expect("no error").live;
            table.1 = vec![Slot(torn)];
            for tick in 1..=15 {
                let slot = RUN_SLOTS[tick as usize];
                let expected = if slot != torn || ![5, 10].contains(&slot) { Some(Slot(slot)) } else { None };
                assert_eq!(live.find(Tick(tick), &mut table), Ok(expected), "tick {tick} with slot {torn} torn");
            }
        }
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
            assert_eq!(found(&read, &mut table, 6), found(&trimmed, &mut table, 6), "after slot {slot}");
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
        assert_eq!(found(&loaded.live, &mut torn, 5)[2..4], [Some(3), Some(9)]);
    }
}
