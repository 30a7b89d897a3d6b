//! [`Answered`]: every submitted input has exactly one answer, once faults are over.
//!
//! Invariant: it counts what a client's caller is told, not what travels. Who leaves gives up the answers that have not come.

use std::collections::BTreeMap;

use tickworld_sim::frame::{PlayerId, Sequence};

use super::Violation;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Answered,
}

/// Submitted inputs, by player and number.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    inputs: BTreeMap<(PlayerId, Sequence), State>,
    waiting: usize,
    answers: u64,
}

impl Answered {
    /// A client gave an input this number.
    ///
    /// # Errors
    /// When the number was given before: its answer would be another one's.
    pub fn submit(&mut self, player: PlayerId, sequence: Sequence) -> Result<(), Violation> {
        if self.inputs.contains_key(&(player, sequence)) {
            return Err(Violation::AnsweredTwice { player, sequence });
        }
        self.inputs.insert((player, sequence), State::Waiting);
        self.waiting += 1;
        Ok(())
    }

    /// A client's caller was told what became of an input.
    ///
    /// # Errors
    /// When it was told before, or never submitted it.
    pub fn answer(&mut self, player: PlayerId, sequence: Sequence) -> Result<(), Violation> {
        let state = self.inputs.get_mut(&(player, sequence)).ok_or(Violation::AnsweredUnasked { player, sequence })?;
        if *state != State::Waiting {
            return Err(Violation::AnsweredTwice { player, sequence });
        }
        *state = State::Answered;
        self.waiting -= 1;
        self.answers += 1;
        Ok(())
    }

    /// A player's client is gone for good, and with it whoever waits for its answers. Its numbers may be given again: what was
    /// refused, and what only a server's memory kept, may stand nowhere.
    pub fn forget(&mut self, player: PlayerId) {
        self.inputs.retain(|(owner, _), state| {
            if *owner != player {
                return true;
            }
            self.waiting -= usize::from(*state == State::Waiting);
            false
        });
    }

    /// How many have no answer yet.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many answers there were.
    #[must_use]
    pub const fn answers(&self) -> u64 {
        self.answers
    }

    /// All faults are over, and there was time enough.
    ///
    /// # Errors
    /// When an input has no answer.
    pub fn check(&self) -> Result<(), Violation> {
        match self.inputs.iter().find(|(_, state)| **state == State::Waiting) {
            None => Ok(()),
            Some(((player, sequence), _)) => {
                Err(Violation::Unanswered { count: self.waiting, player: *player, sequence: *sequence })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_two_and_unasked_answers_are_noticed() {
        let (clerk, one, two) = (PlayerId(3), Sequence(1), Sequence(2));
        let mut check = Answered::default();
        check.submit(clerk, one).unwrap();
        assert!(matches!(check.check(), Err(Violation::Unanswered { count: 1, .. })));
        check.answer(clerk, one).unwrap();
        check.check().unwrap();
        assert!(matches!(check.answer(clerk, one), Err(Violation::AnsweredTwice { .. })));
        assert!(matches!(check.answer(clerk, two), Err(Violation::AnsweredUnasked { .. })));
        check.submit(clerk, two).unwrap();
        assert!(matches!(check.submit(clerk, one), Err(Violation::AnsweredTwice { .. })), "a number for two inputs");
        check.forget(clerk);
        check.check().unwrap();
        assert_eq!((check.answers(), check.waiting()), (1, 0));
    }
}
