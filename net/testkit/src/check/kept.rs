//! [`Kept`]: what was acknowledged is in the journal, whatever crashed since.
//!
//! Invariant: an answer counts from the moment a client has it, at the level that it names: what was promised of memory alone
//! may go with the server's life, what was promised of the disk may never.

use std::collections::BTreeMap;

use tickworld_ledger::Order;
use tickworld_proto::message::{Durability, Fate};
use tickworld_sim::{
    frame::{Act, InputFrame, PlayerId, Sequence, Tick},
    region::RegionId,
};

use super::{RegionTick, Violation};

/// The frames of each region's history.
pub type Histories<'h> = BTreeMap<RegionId, &'h [InputFrame<Order>]>;

/// Every place of an input, with what it says there; nothing, where it was to be done in a tick that was skipped: then it is
/// answered in the frame after it, and done nowhere.
type Places = BTreeMap<(PlayerId, Sequence), Vec<(RegionTick, Option<Order>)>>;

/// What clients were promised.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// What the newest program of each player meant by its numbers.
    said: BTreeMap<(PlayerId, Sequence), Order>,
    applied: BTreeMap<(PlayerId, Sequence), Tick>,
    refused: BTreeMap<(PlayerId, Sequence), ()>,
    /// Promised for the life of a server only, of this region.
    in_memory: BTreeMap<(PlayerId, Sequence), RegionTick>,
    confirmed: BTreeMap<RegionId, Tick>,
}

impl Kept {
    /// A client gave an input this number.
    pub fn submit(&mut self, player: PlayerId, sequence: Sequence, order: Order) {
        self.said.insert((player, sequence), order);
    }

    /// A player's program ended. The next one may give the numbers of refused inputs again, which stand nowhere.
    pub fn forget_refusals(&mut self, player: PlayerId) {
        self.refused.retain(|(owner, _), ()| *owner != player);
    }

    /// A client has an answer, from a server of this region.
    pub fn answer(&mut self, by: RegionId, player: PlayerId, sequence: Sequence, fate: Fate, durability: Durability) {
        let key = (player, sequence);
        match (fate, durability) {
            (Fate::Applied { tick, .. }, Durability::Memory) => {
                self.in_memory.insert(key, RegionTick { region: by, tick });
            }
            (Fate::Applied { tick, .. }, _) => drop(self.applied.insert(key, tick)),
            (Fate::Refused(_), _) => drop(self.refused.insert(key, ())),
        }
    }

    /// A client has a confirmed tick of a region.
    pub fn confirm(&mut self, region: RegionId, tick: Tick) {
        let confirmed = self.confirmed.entry(region).or_default();
        *confirmed = tick.max(*confirmed);
    }

    /// The life of a region's server ended: what was promised of its memory is not owed any more.
    pub fn end_life(&mut self, region: RegionId) {
        self.in_memory.retain(|_, place| place.region != region);
    }

    /// Ticks after this one of a region were taken back, as somebody decided: what was promised of them is not owed any more.
    pub fn take_back(&mut self, region: RegionId, after: Tick, is_of_region: impl Fn(PlayerId, Sequence) -> bool) {
        self.in_memory.retain(|_, place| place.region != region);
        self.applied.retain(|(player, sequence), tick| *tick <= after || !is_of_region(*player, *sequence));
        if let Some(confirmed) = self.confirmed.get_mut(&region) {
            *confirmed = after.min(*confirmed);
        }
    }

    /// How many inputs are owed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.applied.len() + self.in_memory.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Looks through whole journals, as they were found after a crash or stand now: which region has an input is not what matters.
    ///
    /// # Errors
    /// The first promise that was broken.
    pub fn check(&self, histories: &Histories<'_>) -> Result<(), Violation> {
        for (region, frames) in histories {
            let last = frames.last().map_or(Tick(0), |frame| frame.tick);
            if let Some(tick) = self.confirmed.get(region).copied().filter(|confirmed| *confirmed > last) {
                return Err(Violation::TickLost { tick, last });
            }
        }
        let places = places(histories);
        let of = |key: &(PlayerId, Sequence)| places.get(key).map_or(&[][..], Vec::as_slice);
        // Of a tick that is promised of memory alone the record may not be handed to the journal yet.
        let is_written = |place: &RegionTick| {
            let last = histories.get(&place.region).and_then(|frames| frames.last());
            last.is_some_and(|last| place.tick <= last.tick)
        };
        let in_memory = self.in_memory.iter().filter(|(_, place)| is_written(place));
        let in_memory = in_memory.map(|(key, place)| (key, place.tick));
        for (key, acknowledged) in self.applied.iter().map(|(key, tick)| (key, *tick)).chain(in_memory) {
            let ((player, sequence), found) = (*key, of(key));
            let Some((tick, stands)) = found.iter().find(|(place, _)| place.tick == acknowledged) else {
                let found = found.first().map(|(place, _)| *place);
                return Err(Violation::Missing { player, sequence, acknowledged, found });
            };
            let said = self.said.get(key);
            if said.is_some_and(|said| stands.is_some_and(|stands| *said != stands)) {
                return Err(Violation::Exchanged { player, sequence, tick: *tick });
            }
        }
        for key in self.refused.keys() {
            if let Some((found, Some(_))) = of(key).first() {
                let (player, sequence) = *key;
                return Err(Violation::RefusedApplied { player, sequence, found: *found });
            }
        }
        Ok(())
    }
}

fn places(histories: &Histories<'_>) -> Places {
    let mut places = Places::new();
    for (region, frame) in histories.iter().flat_map(|(region, frames)| frames.iter().map(|frame| (*region, frame))) {
        for input in &frame.inputs {
            let said = match input.act {
                Act::Play(order) => Some(order),
                Act::Void => None,
                _ => continue,
            };
            let place = RegionTick { region, tick: frame.tick };
            places.entry((input.player, input.sequence)).or_default().push((place, said));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use tickworld_proto::message::Refusal;
    use tickworld_sim::{frame::Input, rng::Entropy, session::OutcomeCode};

    use super::*;

    const CLERK: PlayerId = PlayerId(7);
    const HERE: RegionId = RegionId(1);
    const THERE: RegionId = RegionId(2);

    fn applied(tick: u64) -> Fate {
        Fate::Applied { tick: Tick(tick), code: OutcomeCode::APPLIED, value: 0 }
    }

    fn frames(place: Option<u64>) -> Vec<InputFrame<Order>> {
        let act = Act::Play(Order::Transfer { from: 0, to: 1, amount: 1 });
        let input = Input { player: CLERK, sequence: Sequence(1), act };
        let of = |tick| if place == Some(tick) { vec![input.clone()] } else { vec![] };
        (1..4).map(|tick| InputFrame::new(Tick(tick), Entropy::PREDICTED, of(tick))).collect()
    }

    /// With the input in a tick of a region, if anywhere.
    fn judged(check: &Kept, region: RegionId, place: Option<u64>) -> Result<(), Violation> {
        let (with, without) = (frames(place), frames(None));
        let other = if region == HERE { THERE } else { HERE };
        check.check(&Histories::from([(region, &with[..]), (other, &without[..])]))
    }

    #[test]
    fn a_broken_promise_is_noticed() {
        let mut check = Kept::default();
        check.answer(HERE, CLERK, Sequence(1), applied(2), Durability::Disk);
        judged(&check, HERE, Some(2)).unwrap();
        // Who crossed a border is told there what became of it here.
        judged(&check, THERE, Some(2)).unwrap();
        for broken in [None, Some(3)] {
            let found = judged(&check, HERE, broken).unwrap_err();
            assert!(matches!(found, Violation::Missing { acknowledged: Tick(2), .. }), "{found}");
        }
        check.end_life(HERE);
        assert!(judged(&check, HERE, None).is_err(), "the disk's promise outlives the server");
    }

    #[test]
    fn another_input_under_the_number_is_noticed() {
        let mut check = Kept::default();
        check.submit(CLERK, Sequence(1), Order::Transfer { from: 0, to: 1, amount: 2 });
        check.answer(HERE, CLERK, Sequence(1), applied(2), Durability::Disk);
        let found = judged(&check, HERE, Some(2)).unwrap_err();
        let tick = RegionTick { region: HERE, tick: Tick(2) };
        assert_eq!(found, Violation::Exchanged { player: CLERK, sequence: Sequence(1), tick });
        check.submit(CLERK, Sequence(1), Order::Transfer { from: 0, to: 1, amount: 1 });
        judged(&check, HERE, Some(2)).unwrap();
    }

    #[test]
    fn memory_promises_for_a_life() {
        let mut check = Kept::default();
        check.answer(HERE, CLERK, Sequence(1), applied(2), Durability::Memory);
        assert!(judged(&check, HERE, None).is_err());
        check.answer(HERE, CLERK, Sequence(2), applied(4), Durability::Memory);
        assert!(matches!(judged(&check, HERE, None), Err(Violation::Missing { sequence: Sequence(1), .. })));
        judged(&check, HERE, Some(2)).expect("tick 4 is not written yet");
        check.end_life(THERE);
        assert!(judged(&check, HERE, None).is_err(), "another region's server ended");
        check.end_life(HERE);
        judged(&check, HERE, None).unwrap();
    }

    #[test]
    fn refusals_and_confirmed_ticks_bind() {
        let mut check = Kept::default();
        check.confirm(THERE, Tick(3));
        check.confirm(HERE, Tick(4));
        assert_eq!(judged(&check, HERE, None), Err(Violation::TickLost { tick: Tick(4), last: Tick(3) }));
        let mut check = Kept::default();
        check.answer(HERE, CLERK, Sequence(1), Fate::Refused(Refusal::Expired), Durability::Disk);
        judged(&check, HERE, None).unwrap();
        for region in [HERE, THERE] {
            assert!(matches!(judged(&check, region, Some(1)), Err(Violation::RefusedApplied { .. })));
        }
    }
}
