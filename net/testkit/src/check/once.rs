//! [`Once`]: no input stands in two frames, of whichever regions, and none that nobody sent.
//!
//! Invariant: an input is known by what it says, not by its number alone: a cluster moves no two equal amounts for one player, so an
//! order that is applied again under another number is noticed as well. Only journeys are alike, and known by their numbers.

use std::collections::{BTreeMap, BTreeSet};

use tickworld_ledger::Order;
use tickworld_sim::{
    component::Component as _,
    frame::{Act, InputFrame, PlayerId, Sequence},
    region::RegionId,
};

use super::{RegionTick, Violation};

/// An order as an ordered key: its bytes, and the number of a journey.
type Said = ([u8; Order::SIZE], Sequence);

/// Where every submitted input stands.
#[derive(Clone, Debug, Default)]
pub struct Once {
    submitted: BTreeMap<(PlayerId, Said), Sequence>,
    ordered: BTreeSet<(PlayerId, Said)>,
    by_number: BTreeMap<(PlayerId, Sequence), RegionTick>,
    by_word: BTreeMap<(PlayerId, Said), RegionTick>,
    voided: BTreeMap<(PlayerId, Sequence), RegionTick>,
}

impl Once {
    /// A client gave an input this number.
    ///
    /// # Panics
    /// If the player said the very same before: then nothing could be told apart.
    pub fn submit(&mut self, player: PlayerId, sequence: Sequence, order: Order) {
        let before = self.submitted.insert((player, said(order, sequence)), sequence);
        // Of a number that was refused another program may make the same journey.
        assert!(before.is_none() || is_journey(order), "a cluster moves every amount once");
    }

    /// Somebody who gives no numbers orders this in a player's name.
    ///
    /// # Panics
    /// As [`submit`](Self::submit).
    pub fn order(&mut self, player: PlayerId, order: Order) {
        let is_first = self.ordered.insert((player, said(order, Sequence(0))));
        assert!(is_first, "a cluster moves every amount once");
    }

    /// Where an input is answered: where it stands, or in the frame after the tick that it was to stand in.
    #[must_use]
    pub fn place(&self, player: PlayerId, sequence: Sequence) -> Option<RegionTick> {
        let key = (player, sequence);
        self.by_number.get(&key).or_else(|| self.voided.get(&key)).copied()
    }

    /// Looks through the whole journal of a region, which goes on with what is [observed](Self::observe) from now on.
    ///
    /// # Errors
    /// The first input that stands somewhere twice, or was never submitted.
    pub fn restart(&mut self, region: RegionId, frames: &[InputFrame<Order>]) -> Result<(), Violation> {
        self.by_number.retain(|_, place| place.region != region);
        self.by_word.retain(|_, place| place.region != region);
        self.voided.retain(|_, place| place.region != region);
        frames.iter().try_for_each(|frame| self.observe(region, frame))
    }

    /// Looks through a region's next frame.
    ///
    /// # Errors
    /// The first input that stands somewhere before, or was never submitted.
    pub fn observe(&mut self, region: RegionId, frame: &InputFrame<Order>) -> Result<(), Violation> {
        let again = RegionTick { region, tick: frame.tick };
        for input in &frame.inputs {
            let (player, sequence) = (input.player, input.sequence);
            if matches!(input.act, Act::Void) {
                self.voided.insert((player, sequence), again);
            }
            let Act::Play(order) = input.act else { continue };
            let numbered = self.by_number.insert((player, sequence), again);
            let word = (player, said(order, sequence));
            let worded = self.by_word.insert(word, again);
            if let Some(first) = numbered.or(worded) {
                return Err(Violation::Twice { player, sequence, first, again });
            }
            if !self.ordered.contains(&word) && self.submitted.get(&word) != Some(&sequence) {
                return Err(Violation::Invented { player, sequence, tick: again });
            }
        }
        Ok(())
    }
}

const fn is_journey(order: Order) -> bool {
    matches!(order, Order::Travel { .. })
}

fn said(order: Order, sequence: Sequence) -> Said {
    let mut bytes = [0; Order::SIZE];
    order.encode(&mut bytes);
    (bytes, if is_journey(order) { sequence } else { Sequence(0) })
}

#[cfg(test)]
mod tests {
    use tickworld_sim::{
        frame::{Input, Tick},
        rng::Entropy,
    };

    use super::*;

    const HERE: RegionId = RegionId(1);
    const THERE: RegionId = RegionId(2);

    fn order(amount: u32) -> Order {
        if amount == 0 { Order::Travel { region: 2 } } else { Order::Transfer { from: 0, to: 1, amount } }
    }

    fn frame(tick: u64, inputs: &[(u32, u32)]) -> InputFrame<Order> {
        let input = |(sequence, amount): &(u32, u32)| Input {
            player: PlayerId(1),
            sequence: Sequence(*sequence),
            act: Act::Play(order(*amount)),
        };
        InputFrame::new(Tick(tick), Entropy::PREDICTED, inputs.iter().map(input).collect())
    }

    fn submitted(inputs: &[(u32, u32)]) -> Once {
        let mut check = Once::default();
        inputs.iter().for_each(|(sequence, amount)| check.submit(PlayerId(1), Sequence(*sequence), order(*amount)));
        check
    }

    #[test]
    fn a_second_place_is_noticed_by_number_and_by_word() {
        let mut check = submitted(&[(1, 5), (2, 6)]);
        check.restart(HERE, &[frame(1, &[(1, 5)]), frame(2, &[(2, 6)])]).unwrap();
        let twice = check.restart(HERE, &[frame(1, &[(1, 5)]), frame(2, &[(1, 5)])]).unwrap_err();
        let (first, again) = (RegionTick { region: HERE, tick: Tick(1) }, RegionTick { region: HERE, tick: Tick(2) });
        assert_eq!(twice, Violation::Twice { player: PlayerId(1), sequence: Sequence(1), first, again });
        let renumbered = check.restart(HERE, &[frame(1, &[(1, 5)]), frame(2, &[(2, 5)])]).unwrap_err();
        assert!(matches!(renumbered, Violation::Twice { .. }));
        let invented = check.restart(HERE, &[frame(1, &[(1, 7)])]).unwrap_err();
        assert!(matches!(invented, Violation::Invented { .. }));
    }

    #[test]
    fn a_second_place_in_another_region_is_noticed_and_one_that_was_taken_back_is_none() {
        let mut check = submitted(&[(1, 5)]);
        check.observe(HERE, &frame(9, &[(1, 5)])).unwrap();
        assert!(matches!(check.observe(THERE, &frame(3, &[(1, 5)])), Err(Violation::Twice { .. })));
        let mut check = submitted(&[(1, 5)]);
        check.observe(HERE, &frame(9, &[(1, 5)])).unwrap();
        assert_eq!(check.place(PlayerId(1), Sequence(1)), Some(RegionTick { region: HERE, tick: Tick(9) }));
        check.restart(HERE, &[]).unwrap();
        assert_eq!(check.place(PlayerId(1), Sequence(1)), None);
        check.observe(THERE, &frame(3, &[(1, 5)])).unwrap();
    }

    #[test]
    fn journeys_are_alike_and_told_apart_by_their_numbers() {
        let mut check = submitted(&[(1, 0), (2, 0)]);
        check.restart(HERE, &[frame(1, &[(1, 0)]), frame(2, &[(2, 0)])]).unwrap();
        assert!(matches!(check.observe(HERE, &frame(3, &[(2, 0)])), Err(Violation::Twice { .. })));
        assert!(matches!(check.observe(HERE, &frame(3, &[(3, 0)])), Err(Violation::Invented { .. })));
    }
}
