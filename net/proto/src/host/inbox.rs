//! [`Inbox`]: a player's inputs on their way into frames.
//!
//! Invariant: inputs leave in ascending order, each once; one leaves only when all below it have left, were refused, or are
//! below the client's `base`. The engine takes ascending numbers only, so another order would lose inputs for ever.
//! Bounded by the window of inputs in flight, whatever comes.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use tickworld_sim::frame::{Sequence, Tick};

use crate::{limits, message::Refusal};

/// A player's inputs that are in no released frame yet.
#[derive(Debug)]
pub(super) struct Inbox<I> {
    /// The lowest number that has neither left nor been refused. Wider than a number, so that there is always a next one.
    next: u64,
    /// All below have their answer, says the client.
    base: u64,
    /// What became of each input from `next` upwards.
    slots: VecDeque<Slot<I>>,
    waiting_count: u32,
    /// At or below every `not_after` that waits: nothing has expired before.
    expires: Tick,
    /// Frames with inputs of the player that are not released yet, with the last number in each.
    framed: VecDeque<(Tick, u64)>,
    /// How the latest refused ones were answered.
    refusals: BTreeMap<u64, Refusal>,
}

#[derive(Debug)]
enum Slot<I> {
    Empty,
    Waiting(Waiting<I>),
    Refused,
}

/// An input that waits.
#[derive(Debug)]
pub(super) struct Waiting<I> {
    /// The first tick that may apply it.
    pub(super) not_before: Tick,
    /// The last one.
    pub(super) not_after: Tick,
    /// What it says.
    pub(super) body: I,
}

/// What became of an input that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is new.
    New,
    /// It waits for its tick.
    Waits,
    /// It is in a frame of this tick, which was not released when last looked.
    Framed(Tick),
    /// It was refused.
    Refused(Refusal),
    /// It is below all that is known: what became of it stands in the world, if anywhere.
    Past,
}

impl<I> Inbox<I> {
    /// For a player whose last applied input is `last`.
    pub(super) fn after(last: Sequence) -> Self {
        let next = u64::from(last.0).saturating_add(1);
        Self {
            next,
            base: next,
            slots: VecDeque::new(),
            waiting_count: 0,
            expires: Tick(u64::MAX),
            framed: VecDeque::new(),
            refusals: BTreeMap::new(),
        }
    }

    /// Above every number that came: what a program begins with that knows of none. Those that came before wait for their
    /// tick, or for one that never comes, under their own numbers.
    pub(super) fn unused(&self) -> Sequence {
        let end = self.next.saturating_add(u64::try_from(self.slots.len()).unwrap_or(u64::MAX));
        Sequence(u32::try_from(end).unwrap_or(u32::MAX))
    }

    /// The number of the next input to leave.
    fn next(&self) -> Sequence {
        Sequence(u32::try_from(self.next).unwrap_or(u32::MAX))
    }

    /// Whether nothing waits and no frame with its inputs is unreleased.
    pub(super) fn is_quiet(&self) -> bool {
        self.waiting_count == 0 && self.framed.is_empty()
    }

    /// Numbers from the next one to leave up to the last that came.
    pub(super) fn queued_count(&self) -> usize {
        self.slots.len()
    }

    /// Whether something waits.
    pub(super) const fn has_waiting(&self) -> bool {
        self.waiting_count > 0
    }

    /// Whether the frame of this tick may take something.
    pub(super) fn is_due(&self, open: Tick) -> bool {
        matches!(self.slots.front(), Some(Slot::Waiting(input)) if input.not_before <= open)
    }

    /// The client has answers for all below `base`: gaps there are filled by nothing. Gives whether it is a base that a client
    /// can have.
    pub(super) fn raise_base(&mut self, base: Sequence) -> bool {
        let base = u64::from(base.0);
        if base > self.next.saturating_add(u64::from(limits::SEQUENCE_JUMP_MAX)) {
            return false;
        }
        self.base = self.base.max(base);
        self.advance();
        true
    }

    /// What is known of an input.
    pub(super) fn standing(&self, sequence: Sequence) -> Standing {
        let number = u64::from(sequence.0);
        if let Some(refusal) = self.refusals.get(&number) {
            return Standing::Refused(*refusal);
        }
        match number.checked_sub(self.next) {
            None => match self.framed.iter().find(|(_, last)| *last >= number) {
                Some((tick, _)) => Standing::Framed(*tick),
                None => Standing::Past,
            },
            Some(at) => match usize::try_from(at).ok().and_then(|at| self.slots.get(at)) {
                None | Some(Slot::Empty) => Standing::New,
                Some(Slot::Waiting(_)) => Standing::Waits,
                // Refused, and so long ago that it is forgotten how.
                Some(Slot::Refused) => Standing::Past,
            },
        }
    }

    /// Whether a number is among the `count` from the client's base on.
    pub(super) fn is_within(&self, sequence: Sequence, count: u32) -> bool {
        u64::from(sequence.0) < self.base.saturating_add(u64::from(count))
    }

    /// Keeps an input that is [`New`](Standing::New) and within the window of inputs in flight.
    pub(super) fn put(&mut self, sequence: Sequence, input: Waiting<I>) {
        self.expires = self.expires.min(input.not_after);
        if let Some(slot) = self.slot(sequence) {
            *slot = Slot::Waiting(input);
            self.waiting_count = self.waiting_count.saturating_add(1);
        }
    }

    /// Refuses an input that is [`New`](Standing::New) and within the window of inputs in flight.
    pub(super) fn refuse(&mut self, sequence: Sequence, refusal: Refusal) {
        if let Some(slot) = self.slot(sequence) {
            *slot = Slot::Refused;
        }
        self.remember(u64::from(sequence.0), refusal);
        self.advance();
    }

    /// Refuses all that wait; gives their numbers.
    pub(super) fn refuse_all(&mut self, refusal: Refusal) -> Vec<Sequence> {
        self.refuse_where(refusal, |_| true)
    }

    /// Takes the inputs that tick `open` may apply, at most `count_max`; refuses those that waited too long.
    pub(super) fn take_due(&mut self, open: Tick, count_max: u32, mut take: impl FnMut(Sequence, I)) -> Vec<Sequence> {
        let mut expired = Vec::new();
        if self.expires < open {
            expired = self.refuse_where(Refusal::Expired, |input| input.not_after < open);
        }
        let mut count = 0_u32;
        while count < count_max {
            match self.slots.front() {
                Some(Slot::Waiting(input)) if input.not_before <= open => {}
                _ => break,
            }
            let sequence = self.next();
            if let Some(Slot::Waiting(input)) = self.pop() {
                take(sequence, input.body);
            }
            count = count.saturating_add(1);
            self.advance();
        }
        if count > 0 {
            self.framed.push_back((open, self.next.saturating_sub(1)));
        }
        expired
    }

    /// Forgets frames up to `tick`: they are released, so the world tells what became of their inputs.
    pub(super) fn release(&mut self, tick: Tick) {
        while self.framed.front().is_some_and(|(framed, _)| *framed <= tick) {
            self.framed.pop_front();
        }
    }

    fn slot(&mut self, sequence: Sequence) -> Option<&mut Slot<I>> {
        let at = usize::try_from(u64::from(sequence.0).checked_sub(self.next)?).ok()?;
        while self.slots.len() <= at {
            self.slots.push_back(Slot::Empty);
        }
        self.slots.get_mut(at)
    }

    fn pop(&mut self) -> Option<Slot<I>> {
        let slot = self.slots.pop_front();
        if matches!(slot, Some(Slot::Waiting(_))) {
            self.waiting_count = self.waiting_count.saturating_sub(1);
        }
        self.next = self.next.saturating_add(1);
        slot
    }

    /// Passes over what will never leave.
    fn advance(&mut self) {
        while self.next < self.base || matches!(self.slots.front(), Some(Slot::Refused)) {
            if self.slots.is_empty() {
                self.next = self.base;
                return;
            }
            self.pop();
        }
    }

    fn refuse_where(&mut self, refusal: Refusal, which: impl Fn(&Waiting<I>) -> bool) -> Vec<Sequence> {
        let mut numbers = Vec::new();
        self.expires = Tick(u64::MAX);
        for (number, slot) in (self.next..).zip(&mut self.slots) {
            let Slot::Waiting(input) = slot else { continue };
            if which(input) {
                *slot = Slot::Refused;
                self.waiting_count = self.waiting_count.saturating_sub(1);
                numbers.push(number);
            } else {
                self.expires = self.expires.min(input.not_after);
            }
        }
        numbers.iter().for_each(|number| self.remember(*number, refusal));
        self.advance();
        numbers.into_iter().filter_map(|number| u32::try_from(number).ok().map(Sequence)).collect()
    }

    fn remember(&mut self, number: u64, refusal: Refusal) {
        self.refusals.insert(number, refusal);
        while self.refusals.len() > limits::REFUSALS_PER_PLAYER_MAX as usize {
            self.refusals.pop_first();
        }
    }
}
