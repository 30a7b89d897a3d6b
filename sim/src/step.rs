//! [`Step`]: what a system sees of the tick besides the state.
//!
//! Invariant: everything here follows from the frame, the content and what earlier systems did. There is no clock, no outside.

use alloc::vec::Vec;

use crate::{
    commands::Commands,
    entity::Entity,
    events::Events,
    executor::Executor,
    frame::{PlayerId, Sequence, Tick},
    game::Game,
    rng::{Entropy, Rng, StreamKey},
    session::OutcomeCode,
    stream::Stream,
};

/// An input that applies in this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<I> {
    /// Who sent it.
    pub player: PlayerId,
    /// Which of theirs.
    pub sequence: Sequence,
    /// The entity they are bound to; it may be dead.
    pub entity: Option<Entity>,
    /// What it says.
    pub body: I,
}

/// A random stream opened for everyone, or for one player.
pub(crate) type OpenedStream = (&'static str, Option<PlayerId>);

/// The tick, as systems see it.
pub struct Step<'a, G: Game> {
    pub(crate) tick: Tick,
    pub(crate) entropy: Entropy,
    pub(crate) content: &'a G::Content,
    pub(crate) executor: &'a dyn Executor,
    pub(crate) inputs: &'a [Accepted<G::Input>],
    pub(crate) answers: &'a mut [(OutcomeCode, i64)],
    pub(crate) events: &'a mut Events<G::Event>,
    /// What was opened in this tick so far.
    pub(crate) streams: Vec<OpenedStream>,
    /// Changes of who exists and has what, applied at the end of the system.
    pub commands: Commands<G::State>,
}

impl<'a, G: Game> Step<'a, G> {
    /// The tick being made.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// The content in force.
    #[must_use]
    pub const fn content(&self) -> &'a G::Content {
        self.content
    }

    /// Runs parallel joins.
    #[must_use]
    pub const fn executor(&self) -> &'a dyn Executor {
        self.executor
    }

    /// The inputs that apply in this tick.
    ///
    /// # Determinism
    /// In the order of a hash of (entropy, player), a player's own by sequence: who wins a contest does not depend on ids.
    #[must_use]
    pub const fn inputs(&self) -> &'a [Accepted<G::Input>] {
        self.inputs
    }

    /// Says what became of `inputs()[index]`; the last answer counts.
    ///
    /// # Panics
    /// If there is no such input.
    pub fn answer(&mut self, index: usize, code: OutcomeCode, value: i64) {
        self.answers[index] = (code, value);
    }

    /// Tells the outside.
    pub fn emit(&mut self, event: G::Event) {
        self.events.push(event);
    }

    /// The random numbers for one purpose.
    ///
    /// # Panics
    /// If a stream of this name was opened before in this tick: it would give the same numbers.
    pub fn stream(&mut self, name: &'static str) -> Stream {
        let opened = self.streams.iter().any(|(other, _)| *other == name);
        assert!(!opened, "the random stream `{name}` is opened twice in one tick");
        self.streams.push((name, None));
        Stream::new(StreamKey::new(&self.entropy, self.tick.0, name))
    }

    /// The random numbers for one purpose and player, for [`Game::join`] and [`Game::leave`], which run once for every player
    /// that comes or goes. Opened again for the same player in one tick (who left and came back), it gives others.
    ///
    /// # Panics
    /// If a stream of this name was opened for everyone in this tick.
    pub fn player_rng(&mut self, name: &'static str, player: PlayerId) -> Rng {
        assert!(!self.streams.contains(&(name, None)), "the random stream `{name}` is opened twice in one tick");
        let before = self.streams.iter().filter(|opened| **opened == (name, Some(player))).count() as u64;
        self.streams.push((name, Some(player)));
        let key = StreamKey::new(&self.entropy, self.tick.0, name);
        key.rng(player.0.wrapping_add(before.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }
}
