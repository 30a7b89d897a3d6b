//! [`Step`]: what a system sees of the tick besides the state.
//!
//! Invariant: everything here follows from the frame, the content and what earlier systems did. There is no clock, no outside.

use alloc::{collections::BTreeMap, vec::Vec};

use super::Game;
use crate::{
    commands::Commands,
    entity::Entity,
    events::Events,
    executor::Executor,
    frame::{PlayerId, Sequence, Tick},
    region::RegionId,
    rng::{Entropy, Rng, StreamKey},
    session::OutcomeCode,
    stream::Stream,
};

/// The stream that orders contested inputs: the engine's own.
pub(crate) const CONTEST_STREAM: &str = "session::contest";

/// An input that applies in this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<I> {
    /// Who sent it.
    pub player: PlayerId,
    /// The number that the player gave it.
    pub sequence: Sequence,
    /// The entity they are bound to; it may be dead.
    pub entity: Option<Entity>,
    /// What it says.
    pub body: I,
}

/// The random streams opened in a tick.
#[derive(Default)]
pub(crate) struct OpenedStreams {
    /// Names of the streams that were opened for everyone.
    whole: Vec<&'static str>,
    /// Names of the streams that were opened for single players, and how often.
    players: BTreeMap<(&'static str, PlayerId), u32>,
}

impl OpenedStreams {
    /// # Panics
    /// If the numbers of a stream of this name were given to everyone.
    fn expect_not_whole(&self, name: &'static str) {
        let taken = name == CONTEST_STREAM || self.whole.contains(&name);
        assert!(!taken, "the random stream `{name}` is opened twice in one tick");
    }
}

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
    pub(crate) streams: OpenedStreams,
    /// Who leaves at the end of the tick, and for where.
    pub(crate) departures: BTreeMap<PlayerId, RegionId>,
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
    ///
    /// # Determinism
    /// Only to be handed to them: what depends on the number of its workers must not reach the state.
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
    /// If there is no such input, and for a code of the engine's other than [`APPLIED`](OutcomeCode::APPLIED).
    pub fn answer(&mut self, index: usize, code: OutcomeCode, value: i64) {
        assert!(code < OutcomeCode::ENGINE_FROM, "outcome code {} is the engine's", code.0);
        self.answers[index] = (code, value);
    }

    /// Tells the outside.
    pub fn emit(&mut self, event: G::Event) {
        self.events.push(event);
    }

    /// Lets a player leave for another region when the tick is over: with all outcomes, and with all that belongs to them
    /// ([`Game::belongings`]). Nothing happens where the border is closed, [`Game::may_leave`] says no, or there is no room.
    pub fn depart(&mut self, player: PlayerId, to: RegionId) {
        self.departures.insert(player, to);
    }

    /// The random numbers for one purpose.
    ///
    /// # Panics
    /// If a stream of this name was opened before in this tick: it would give the same numbers.
    pub fn stream(&mut self, name: &'static str) -> Stream {
        self.streams.expect_not_whole(name);
        let by_player = self.streams.players.range((name, PlayerId(0))..=(name, PlayerId(u64::MAX))).next().is_some();
        assert!(!by_player, "the random stream `{name}` is opened twice in one tick");
        self.streams.whole.push(name);
        Stream::new(StreamKey::new(&self.entropy, self.tick.0, name))
    }

    /// The random numbers for one purpose and player, for [`Game::join`], [`Game::leave`] and [`Game::arrive`], which run once
    /// for every player that comes or goes. Opened again for the same player in one tick (who left and came back), it gives others.
    ///
    /// # Panics
    /// If a stream of this name was opened for everyone in this tick.
    pub fn player_rng(&mut self, name: &'static str, player: PlayerId) -> Rng {
        self.streams.expect_not_whole(name);
        let before = self.streams.players.entry((name, player)).or_default();
        let key = match *before {
            0 => StreamKey::new(&self.entropy, self.tick.0, name),
            again => StreamKey::new(&self.entropy, self.tick.0, &alloc::format!("{name}#{again}")),
        };
        *before = before.saturating_add(1);
        key.rng(player.0)
    }
}
