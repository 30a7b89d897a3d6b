//! [`InputLog`]: whose input of which tick is known; [`PeerPredictor`]: what stands in a tick's frame, known or guessed.
//!
//! Invariant: of each player the inputs of successive ticks are known, from the session's beginning up to a newest one, and
//! none of them ever changes. A tick whose inputs are all known has one frame, the same for all peers.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use tickworld_sim::{
    component::Component,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    game::Game,
    rng::Entropy,
    rollback::InputPredictor,
    world::World,
};

use super::{message::Run, seed::Seed};
use crate::limits::{PEER_INPUTS_AHEAD_MAX, PEER_INPUTS_KEPT};

/// A player's inputs.
#[derive(Debug)]
struct PlayerInputs<I> {
    player: PlayerId,
    /// The tick of the first that is kept.
    first: Tick,
    /// Of that tick and those after it, with the number that the input has, or the next one would have.
    kept: VecDeque<(Option<I>, Sequence)>,
    /// The number that the next input will have.
    next: Sequence,
    /// The last tick of a player who is gone.
    last: Option<Tick>,
}

/// What is known of one player in one tick.
enum Known<I> {
    /// Nothing is known yet.
    Nothing,
    /// What the player says in the tick, and up to which sequence that is.
    Acts(Option<Act<I>>, Sequence),
}

/// The inputs of all players.
#[derive(Debug)]
pub(super) struct InputLog<I> {
    /// The tick of the world that the session began with.
    start: Tick,
    players: Vec<PlayerInputs<I>>,
    /// What was guessed for a tick that is not confirmed, by tick and place.
    guesses: BTreeMap<(Tick, usize), Option<I>>,
    /// An input became known that was guessed differently.
    is_contradicted: bool,
}

impl<I: Component> InputLog<I> {
    pub(super) fn new(start: Tick, players: &[PlayerId]) -> Self {
        let begin = |player: &PlayerId| PlayerInputs {
            player: *player,
            first: start.next(),
            kept: VecDeque::new(),
            next: Sequence(1),
            last: None,
        };
        let players = players.iter().map(begin).collect();
        Self { start, players, guesses: BTreeMap::new(), is_contradicted: false }
    }

    /// The newest tick for which this player's input is known; the tick of the beginning, where none is.
    pub(super) fn newest(&self, place: usize) -> Tick {
        self.players[place].newest()
    }

    /// Takes the input of the tick after the newest.
    pub(super) fn push(&mut self, place: usize, input: Option<I>) {
        let player = &mut self.players[place];
        player.kept.push_back((input, player.next));
        if input.is_some() {
            player.next = Sequence(player.next.0.saturating_add(1));
        }
        let tick = self.newest(place);
        if let Some(guess) = self.guesses.get(&(tick, place)) {
            let is_same = match (guess, &input) {
                (Some(guess), Some(input)) => guess.canonical_eq(input),
                (guess, input) => guess.is_none() && input.is_none(),
            };
            self.is_contradicted |= !is_same;
        }
    }

    /// Takes what is news of a run of inputs, unless it is further ahead of `confirmed` than any peer can be.
    pub(super) fn handle_run(&mut self, place: usize, run: &Run<I>, confirmed: Tick) {
        // From whatever tick a peer says that they begin with: it may be the last that there is.
        let mut tick = run.first;
        for input in &run.inputs {
            let is_near = tick.0.saturating_sub(confirmed.0) <= PEER_INPUTS_AHEAD_MAX;
            if tick == self.newest(place).next() && is_near {
                self.push(place, *input);
            }
            tick = tick.next();
        }
    }

    /// The inputs of a player after `have`; from the earliest that is kept, should that be later.
    pub(super) fn run_after(&self, place: usize, have: Tick) -> Run<I> {
        let player = &self.players[place];
        let first = have.next().max(player.first);
        let skipped = usize::try_from(first.0.saturating_sub(player.first.0)).unwrap_or(usize::MAX);
        Run { first, inputs: player.kept.iter().skip(skipped).map(|(input, _)| *input).collect() }
    }

    /// In the tick after `last` the player leaves, and from then on does nothing.
    pub(super) fn end(&mut self, place: usize, last: Tick) {
        self.players[place].last = Some(last);
        // What was guessed for later ticks is wrong.
        self.is_contradicted |= self.guesses.keys().any(|(tick, of)| *of == place && *tick > last);
    }

    /// Whether all inputs of a tick are known.
    pub(super) fn is_complete(&self, tick: Tick) -> bool {
        self.players.iter().all(|player| !matches!(player.at(tick), Known::Nothing))
    }

    /// Whether a guess is known to be wrong; asked once.
    pub(super) fn take_contradiction(&mut self) -> bool {
        core::mem::take(&mut self.is_contradicted)
    }

    /// The inputs of a tick, as far as they are known.
    fn known(&self, tick: Tick) -> Vec<Input<I>> {
        let mut inputs = Vec::new();
        for player in &self.players {
            let id = player.player;
            if tick == self.start.next() {
                inputs.push(Input { player: id, sequence: Sequence(0), act: Act::ENTER });
            }
            if let Known::Acts(Some(act), sequence) = player.at(tick) {
                inputs.push(Input { player: id, sequence, act });
            }
        }
        inputs
    }

    /// Forgets what no peer can need any more.
    fn forget(&mut self, confirmed: Tick) {
        while self.guesses.first_key_value().is_some_and(|((tick, _), _)| *tick <= confirmed) {
            self.guesses.pop_first();
        }
        let least = Tick(confirmed.0.saturating_sub(PEER_INPUTS_KEPT));
        for player in &mut self.players {
            while player.first < least && player.kept.pop_front().is_some() {
                player.first = player.first.next();
            }
        }
    }
}

impl<I: Component> PlayerInputs<I> {
    fn newest(&self) -> Tick {
        Tick(self.first.0.saturating_add(self.kept.len() as u64).saturating_sub(1))
    }

    fn at(&self, tick: Tick) -> Known<I> {
        if let Some(last) = self.last.filter(|last| tick > *last) {
            return Known::Acts((tick == last.next()).then_some(Act::Leave), Sequence(0));
        }
        let kept = tick.0.checked_sub(self.first.0).and_then(|at| self.kept.get(usize::try_from(at).ok()?));
        match kept {
            Some((input, sequence)) => Known::Acts(input.map(Act::Play), *sequence),
            None => Known::Nothing,
        }
    }
}

/// Says what stands in a tick: what is known of it, and what `inner` guesses of those of whom nothing is.
pub(super) struct PeerPredictor<I, P> {
    pub log: InputLog<I>,
    pub seed: Option<Seed>,
    inner: P,
}

impl<I: Component, P> PeerPredictor<I, P> {
    pub(super) const fn new(log: InputLog<I>, inner: P) -> Self {
        Self { log, seed: None, inner }
    }

    /// The frame of a tick whose inputs are all known.
    pub(super) fn frame(&self, tick: Tick) -> Option<InputFrame<I>> {
        let seed = self.seed.filter(|_| self.log.is_complete(tick))?;
        Some(InputFrame::new(tick, seed.entropy(tick), self.log.known(tick)))
    }
}

impl<G: Game, P: InputPredictor<G>> InputPredictor<G> for PeerPredictor<G::Input, P> {
    fn predict(&mut self, tick: Tick, world: &World<G>, _: &[Input<G::Input>]) -> Vec<Input<G::Input>> {
        let known = self.log.known(tick);
        let mut inputs = self.inner.predict(tick, world, &known);
        let log = &mut self.log;
        let unknown: Vec<(usize, PlayerId)> = log
            .players
            .iter()
            .enumerate()
            .filter(|(_, player)| matches!(player.at(tick), Known::Nothing))
            .map(|(place, player)| (place, player.player))
            .collect();
        inputs.retain(|guess| unknown.iter().any(|(_, player)| *player == guess.player));
        for (place, player) in unknown {
            let guess = inputs.iter().find_map(|input| match &input.act {
                Act::Play(body) if input.player == player => Some(*body),
                _ => None,
            });
            log.guesses.insert((tick, place), guess);
        }
        inputs.extend(known);
        inputs
    }

    fn entropy(&self, tick: Tick) -> Entropy {
        self.seed.map_or(Entropy::PREDICTED, |seed| seed.entropy(tick))
    }

    fn confirmed(&mut self, frame: &InputFrame<G::Input>) {
        self.inner.confirmed(frame);
        self.log.forget(frame.tick);
    }
}
