//! [`InputSender`]: own inputs on their way, until each has its answer.
//!
//! Invariant: an input keeps its sequence whatever happens to the connection, and leaves with its one answer; the engine
//! applies a sequence once, so sending it again is always safe. At most
//! [`INPUTS_IN_FLIGHT_MAX`](limits::INPUTS_IN_FLIGHT_MAX) sequences lie between the oldest input without an answer and the
//! next one, so that the world still remembers the outcome of each.

use alloc::{collections::BTreeMap, vec::Vec};

use bytes::Bytes;
use tickworld_sim::{
    component::Component,
    frame::{Act, Input, PlayerId, Sequence, Tick},
};

use crate::{
    instant::{Instant, Micros},
    limits,
    message::{InputMessage, Inputs},
};

/// Why an input is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// Before the first session told which number the player's next input has.
    #[error("no session was open yet: submit after the first welcome")]
    NotReady,
    /// The session is over by choice, or the client is a witness or a spectator.
    #[error("this session sends no inputs: it has no player, is a witness's, or is over")]
    NotPlaying,
    /// As many inputs as may be are without an answer, or their answers were not polled.
    #[error("{0} inputs are without an answer: wait for one, and poll the events")]
    InFlight(u32),
    /// It could never apply.
    #[error("the input may apply from tick {not_before} to tick {not_after}, which is never")]
    Window {
        /// The first tick.
        not_before: Tick,
        /// The last tick.
        not_after: Tick,
    },
    /// Four billion inputs were sent.
    #[error("the player's sequences are used up")]
    Exhausted,
}

/// An input without an answer.
#[derive(Debug)]
struct Waiting<I> {
    input: I,
    message: InputMessage,
    /// The tick for which it is predicted, or in whose frame it stands.
    guess: Option<Tick>,
    sent: Option<Instant>,
    /// Times that it was sent.
    sends: u32,
}

/// Own inputs without an answer.
#[derive(Debug)]
pub(super) struct InputSender<I> {
    next: Option<Sequence>,
    waiting: BTreeMap<Sequence, Waiting<I>>,
    in_flight_max: u32,
}

impl<I> Default for InputSender<I> {
    fn default() -> Self {
        Self { next: None, waiting: BTreeMap::new(), in_flight_max: limits::INPUTS_IN_FLIGHT_MAX }
    }
}

impl<I: Component> InputSender<I> {
    /// Takes what a new session says of the numbers; everything without an answer is sent again.
    ///
    /// Where the host is further than this client, someone else played this player since: the numbers in between are theirs.
    pub(super) fn open(&mut self, next: Sequence, in_flight_max: u32) {
        let next = next.max(Sequence(1));
        self.next = Some(self.next.map_or(next, |own| own.max(next)));
        self.in_flight_max = in_flight_max.clamp(1, limits::INPUTS_IN_FLIGHT_MAX);
        for waiting in self.waiting.values_mut() {
            (waiting.sent, waiting.sends) = (None, 0);
        }
    }

    /// Whether a session ever was open.
    pub(super) const fn is_open(&self) -> bool {
        self.next.is_some()
    }

    /// Gives an input its number. `unpolled` answers count as inputs in flight.
    pub(super) fn submit(
        &mut self,
        input: I,
        not_before: Tick,
        not_after: Tick,
        unpolled: u32,
    ) -> Result<Sequence, SubmitError> {
        let sequence = self.next.ok_or(SubmitError::NotReady)?;
        if not_after < not_before {
            return Err(SubmitError::Window { not_before, not_after });
        }
        let next = sequence.0.checked_add(1).ok_or(SubmitError::Exhausted)?;
        let window = next.saturating_sub(self.base().0);
        let count = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX).saturating_add(1).saturating_add(unpolled);
        if window.max(count) > self.in_flight_max {
            return Err(SubmitError::InFlight(self.in_flight_max));
        }
        let message = InputMessage { sequence, not_before, not_after, body: packed(&input) };
        self.waiting.insert(sequence, Waiting { input, message, guess: None, sent: None, sends: 0 });
        self.next = Some(Sequence(next));
        Ok(sequence)
    }

    /// Every sequence below has its answer.
    fn base(&self) -> Sequence {
        self.waiting.keys().next().copied().or(self.next).unwrap_or(Sequence(1))
    }

    /// Sequences without an answer, ascending.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = Sequence> + '_ {
        self.waiting.keys().copied()
    }

    /// Takes an input's answer: gives whether it is the first one. `None` for an input that was never sent.
    pub(super) fn answer(&mut self, sequence: Sequence) -> Option<bool> {
        if sequence == Sequence(0) || self.next.is_none_or(|next| sequence >= next) {
            return None;
        }
        Some(self.waiting.remove(&sequence).is_some())
    }

    /// The messages that are due, each at most `bytes_max` long. All that is unanswered goes again wherever it fits: a lost
    /// datagram then costs no more than the time to the next one.
    pub(super) fn poll_messages(&mut self, now: Instant, wait: Micros, bytes_max: usize) -> Vec<Inputs> {
        let is_due = |waiting: &Waiting<I>| due(waiting, wait).is_none_or(|due| due <= now);
        if !self.waiting.values().any(is_due) {
            return Vec::new();
        }
        let bytes = |waiting: &Waiting<I>| INPUT_BYTES.saturating_add(waiting.message.body.len());
        let all = self.waiting.values().map(bytes).fold(INPUTS_BYTES, usize::saturating_add);
        let base = self.base();
        let mut messages = Vec::new();
        let (mut message, mut room) = (Inputs { base, inputs: Vec::new() }, bytes_max.saturating_sub(INPUTS_BYTES));
        for waiting in self.waiting.values_mut() {
            if all > bytes_max && !is_due(waiting) {
                continue;
            }
            let taken = bytes(waiting);
            if taken > room && !message.inputs.is_empty() {
                messages.push(core::mem::replace(&mut message, Inputs { base, inputs: Vec::new() }));
                room = bytes_max.saturating_sub(INPUTS_BYTES);
            }
            room = room.saturating_sub(taken);
            message.inputs.push(waiting.message.clone());
            waiting.sent = Some(now);
            waiting.sends = waiting.sends.saturating_add(1);
        }
        messages.push(message);
        messages
    }

    /// When the next input is to be sent again.
    pub(super) fn poll_timeout(&self, wait: Micros) -> Option<Instant> {
        self.waiting.values().map(|waiting| due(waiting, wait).unwrap_or_default()).min()
    }

    /// The inputs that are guessed to apply in `tick`: those that were guessed so before, and those without a guess. Order
    /// within a player is never broken, so one that waits for its tick holds those behind it.
    pub(super) fn place(&mut self, tick: Tick, player: PlayerId) -> Vec<Input<I>> {
        let mut placed = Vec::new();
        for (sequence, waiting) in &mut self.waiting {
            match waiting.guess {
                Some(guess) if guess > tick => break,
                Some(guess) if guess < tick => continue,
                Some(_) => {}
                None if waiting.message.not_before > tick => break,
                None if waiting.message.not_after < tick => continue,
                None => waiting.guess = Some(tick),
            }
            placed.push(Input { player, sequence: *sequence, act: Act::Play(waiting.input) });
        }
        placed
    }

    /// Takes the frame of `tick`: what was guessed for it and is not `in_frame` has no guess any more.
    pub(super) fn handle_frame(&mut self, tick: Tick, in_frame: impl Fn(Sequence) -> bool) {
        for (sequence, waiting) in &mut self.waiting {
            if in_frame(*sequence) {
                waiting.guess = Some(tick);
            } else if waiting.guess.is_some_and(|guess| guess <= tick) {
                waiting.guess = None;
            }
        }
    }

    /// Forgets all guesses: the world they were made for is gone.
    pub(super) fn forget_guesses(&mut self) {
        self.waiting.values_mut().for_each(|waiting| waiting.guess = None);
    }
}

/// Bytes of a message without its inputs, and of an input without its body: above what the envelope takes.
const INPUTS_BYTES: usize = 120;
const INPUT_BYTES: usize = 8 + 16;

/// When an input is to be sent again; `None` where it never was. The wait doubles with every time.
fn due<I>(waiting: &Waiting<I>, wait: Micros) -> Option<Instant> {
    let doublings = waiting.sends.saturating_sub(1).min(8);
    let wait = wait.0.saturating_mul(1_u64.wrapping_shl(doublings));
    let wait = wait.clamp(limits::CLIENT_RESEND_WAIT_MIN.0, limits::CLIENT_RESEND_WAIT_MAX.0);
    Some(waiting.sent?.after(Micros(wait)))
}

/// The canonical bytes of an input without the zeros at their end.
fn packed<I: Component>(input: &I) -> Bytes {
    let mut bytes = alloc::vec![0; I::SIZE];
    input.encode(&mut bytes);
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    bytes.truncate(length);
    Bytes::from(bytes)
}
