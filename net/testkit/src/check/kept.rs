//! [`Kept`]: what was acknowledged is in the journal, whatever crashed since.
//!
//! Invariant: an answer counts from the moment a client has it, at the level that it names: what was promised of memory alone
//! may go with the server's life, what was promised of the disk may never.

use std::collections::BTreeMap;

use tickworld_ledger::Order;
use tickworld_proto::message::{Durability, Fate};
use tickworld_sim::frame::{Act, InputFrame, PlayerId, Sequence, Tick};

use super::Violation;

/// What clients were promised.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// What the newest program of each player meant by its numbers.
    said: BTreeMap<(PlayerId, Sequence), Order>,
    applied: BTreeMap<(PlayerId, Sequence), Tick>,
    refused: BTreeMap<(PlayerId, Sequence), ()>,
    /// Promised for the life of the server only.
    in_memory: BTreeMap<(PlayerId, Sequence), Tick>,
    confirmed: Tick,
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

    /// A client has an answer.
    pub fn answer(&mut self, player: PlayerId, sequence: Sequence, fate: Fate, durability: Durability) {
        match (fate, durability) {
            (Fate::Applied { tick, .. }, Durability::Memory) => drop(self.in_memory.insert((player, sequence), tick)),
            (Fate::Applied { tick, .. }, _) => drop(self.applied.insert((player, sequence), tick)),
            (Fate::Refused(_), _) => drop(self.refused.insert((player, sequence), ())),
        }
    }

    /// A client has a confirmed tick.
    pub fn confirm(&mut self, tick: Tick) {
        self.confirmed = self.confirmed.max(tick);
    }

    /// The server's life ended: what was promised of its memory is not owed any more.
    pub fn end_life(&mut self) {
        self.in_memory.clear();
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

    /// Looks through a whole journal, as it was found after a crash or stands now.
    ///
    /// # Errors
    /// The first promise that was broken.
    pub fn check(&self, frames: &[InputFrame<Order>]) -> Result<(), Violation> {
        // What a tick was to do that was skipped is answered in the frame after it, and done nowhere.
        let mut places: BTreeMap<(PlayerId, Sequence), (Tick, Option<Order>)> = BTreeMap::new();
        for (frame, input) in frames.iter().flat_map(|frame| frame.inputs.iter().map(move |input| (frame, input))) {
            let said = match input.act {
                Act::Play(order) => Some(order),
                Act::Void => None,
                _ => continue,
            };
            places.entry((input.player, input.sequence)).or_insert((frame.tick, said));
        }
        let last = frames.last().map_or(Tick(0), |frame| frame.tick);
        if self.confirmed > last {
            return Err(Violation::TickLost { tick: self.confirmed, last });
        }
        for ((player, sequence), acknowledged) in self.applied.iter().chain(&self.in_memory) {
            let place = places.get(&(*player, *sequence)).copied();
            let found = place.map(|(tick, _)| tick);
            let (player, sequence, acknowledged) = (*player, *sequence, *acknowledged);
            if found != Some(acknowledged) {
                return Err(Violation::Missing { player, sequence, acknowledged, found });
            }
            let said = self.said.get(&(player, sequence));
            let stands = place.and_then(|(_, said)| said);
            if said.is_some_and(|said| stands.is_some_and(|stands| *said != stands)) {
                return Err(Violation::Exchanged { player, sequence, tick: acknowledged });
            }
        }
        for (player, sequence) in self.refused.keys() {
            if let Some((found, Some(_))) = places.get(&(*player, *sequence)) {
                return Err(Violation::RefusedApplied { player: *player, sequence: *sequence, found: *found });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tickworld_proto::message::Refusal;
    use tickworld_sim::{frame::Input, rng::Entropy, session::OutcomeCode};

    use super::*;

    const CLERK: PlayerId = PlayerId(7);

    fn applied(tick: u64) -> Fate {
        Fate::Applied { tick: Tick(tick), code: OutcomeCode::APPLIED, value: 0 }
    }

    fn frames(place: Option<u64>) -> Vec<InputFrame<Order>> {
        let act = Act::Play(Order::Transfer { from: 0, to: 1, amount: 1 });
        let input = Input { player: CLERK, sequence: Sequence(1), act };
        let of = |tick| if place == Some(tick) { vec![input.clone()] } else { vec![] };
        (1..4).map(|tick| InputFrame::new(Tick(tick), Entropy::PREDICTED, of(tick))).collect()
    }

    #[test]
    fn a_broken_promise_is_noticed() {
        let mut check = Kept::default();
        check.answer(CLERK, Sequence(1), applied(2), Durability::Disk);
        check.check(&frames(Some(2))).unwrap();
        for broken in [None, Some(3)] {
            let found = check.check(&frames(broken)).unwrap_err();
            assert!(matches!(found, Violation::Missing { acknowledged: Tick(2), .. }), "{found}");
        }
        check.end_life();
        assert!(check.check(&frames(None)).is_err(), "the disk's promise outlives the server");
    }

    #[test]
    fn another_input_under_the_number_is_noticed() {
        let mut check = Kept::default();
        check.submit(CLERK, Sequence(1), Order::Transfer { from: 0, to: 1, amount: 2 });
        check.answer(CLERK, Sequence(1), applied(2), Durability::Disk);
        assert!(matches!(check.check(&frames(Some(2))), Err(Violation::Exchanged { tick: Tick(2), .. })));
        check.submit(CLERK, Sequence(1), Order::Transfer { from: 0, to: 1, amount: 1 });
        check.check(&frames(Some(2))).unwrap();
    }

    #[test]
    fn memory_promises_for_a_life() {
        let mut check = Kept::default();
        check.answer(CLERK, Sequence(1), applied(2), Durability::Memory);
        assert!(check.check(&frames(None)).is_err());
        check.end_life();
        check.check(&frames(None)).unwrap();
    }

    #[test]
    fn refusals_and_confirmed_ticks_bind() {
        let mut check = Kept::default();
        check.confirm(Tick(4));
        assert_eq!(check.check(&frames(None)), Err(Violation::TickLost { tick: Tick(4), last: Tick(3) }));
        let mut check = Kept::default();
        check.answer(CLERK, Sequence(1), Fate::Refused(Refusal::Expired), Durability::Disk);
        check.check(&frames(None)).unwrap();
        assert!(matches!(check.check(&frames(Some(1))), Err(Violation::RefusedApplied { found: Tick(1), .. })));
    }
}
