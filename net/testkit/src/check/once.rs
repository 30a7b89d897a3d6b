//! [`Once`]: no input stands in two frames, and none that nobody sent.
//!
//! Invariant: an input is known by what it says, not by its number alone: a cluster submits no transfer twice, so one that is
//! applied again under another number is noticed as well.

use std::collections::{BTreeMap, BTreeSet};

use tickworld_ledger::Transfer;
use tickworld_sim::frame::{Act, InputFrame, PlayerId, Sequence, Tick};

use super::Violation;

/// A transfer as an ordered key.
type Said = (u32, u32, u32);

/// Where every submitted input stands.
#[derive(Clone, Debug, Default)]
pub struct Once {
    submitted: BTreeMap<(PlayerId, Said), Sequence>,
    ordered: BTreeSet<(PlayerId, Said)>,
    by_number: BTreeMap<(PlayerId, Sequence), Tick>,
    by_word: BTreeMap<(PlayerId, Said), Tick>,
}

impl Once {
    /// A client gave an input this number.
    ///
    /// # Panics
    /// If the player said the very same before: then nothing could be told apart.
    pub fn submit(&mut self, player: PlayerId, sequence: Sequence, transfer: Transfer) {
        let before = self.submitted.insert((player, said(transfer)), sequence);
        assert_eq!(before, None, "a cluster submits every transfer once");
    }

    /// Somebody who gives no numbers orders this in a player's name.
    ///
    /// # Panics
    /// As [`submit`](Self::submit).
    pub fn order(&mut self, player: PlayerId, transfer: Transfer) {
        let before = self.ordered.insert((player, said(transfer)));
        assert!(before, "a cluster orders every transfer once");
    }

    /// Looks through a whole journal, which goes on with what is [observed](Self::observe) from now on.
    ///
    /// # Errors
    /// The first input that stands somewhere twice, or was never submitted.
    pub fn restart(&mut self, frames: &[InputFrame<Transfer>]) -> Result<(), Violation> {
        self.by_number.clear();
        self.by_word.clear();
        frames.iter().try_for_each(|frame| self.observe(frame))
    }

    /// Looks through the next frame.
    ///
    /// # Errors
    /// The first input that stands somewhere before, or was never submitted.
    pub fn observe(&mut self, frame: &InputFrame<Transfer>) -> Result<(), Violation> {
        for input in &frame.inputs {
            let Act::Play(transfer) = input.act else { continue };
            let (player, sequence, again) = (input.player, input.sequence, frame.tick);
            let numbered = self.by_number.insert((player, sequence), again);
            let worded = self.by_word.insert((player, said(transfer)), again);
            if let Some(first) = numbered.or(worded) {
                return Err(Violation::Twice { player, sequence, first, again });
            }
            let word = (player, said(transfer));
            if !self.ordered.contains(&word) && self.submitted.get(&word) != Some(&sequence) {
                return Err(Violation::Invented { player, sequence, tick: again });
            }
        }
        Ok(())
    }
}

const fn said(Transfer { from, to, amount }: Transfer) -> Said {
    (from, to, amount)
}

#[cfg(test)]
mod tests {
    use tickworld_sim::{frame::Input, rng::Entropy};

    use super::*;

    fn frame(tick: u64, inputs: &[(u32, u32)]) -> InputFrame<Transfer> {
        let input = |(sequence, amount): &(u32, u32)| Input {
            player: PlayerId(1),
            sequence: Sequence(*sequence),
            act: Act::Play(Transfer { from: 0, to: 1, amount: *amount }),
        };
        InputFrame::new(Tick(tick), Entropy::PREDICTED, inputs.iter().map(input).collect())
    }

    #[test]
    fn a_second_place_is_noticed_by_number_and_by_word() {
        let mut check = Once::default();
        check.submit(PlayerId(1), Sequence(1), Transfer { from: 0, to: 1, amount: 5 });
        check.submit(PlayerId(1), Sequence(2), Transfer { from: 0, to: 1, amount: 6 });
        check.restart(&[frame(1, &[(1, 5)]), frame(2, &[(2, 6)])]).unwrap();
        let twice = check.restart(&[frame(1, &[(1, 5)]), frame(2, &[(1, 5)])]).unwrap_err();
        assert!(matches!(twice, Violation::Twice { first: Tick(1), again: Tick(2), .. }));
        let renumbered = check.restart(&[frame(1, &[(1, 5)]), frame(2, &[(2, 5)])]).unwrap_err();
        assert!(matches!(renumbered, Violation::Twice { .. }));
        let invented = check.restart(&[frame(1, &[(1, 7)])]).unwrap_err();
        assert!(matches!(invented, Violation::Invented { .. }));
    }
}
