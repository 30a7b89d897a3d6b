//! [`InputPredictor`]: what others may have done.
//!
//! Invariant: a guess never reaches the confirmed line, so it may be as bold, and as wrong, as it likes; it need not be the
//! same on every machine.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    component::Component,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    game::Game,
    rng::Entropy,
    world::World,
};

/// Guesses the inputs of a tick that is not confirmed yet.
pub trait InputPredictor<G: Game> {
    /// The inputs of `tick`, on top of the predicted `world` before it. `local` are known and are added by the session,
    /// which drops guesses about the players whose inputs they are.
    fn predict(&mut self, tick: Tick, world: &World<G>, local: &[Input<G::Input>]) -> Vec<Input<G::Input>>;

    /// The entropy of the guessed frame. A sequencer's is secret until the tick is made, so a placeholder stands for it. Where
    /// the session knows the true one (peers who agreed on a seed, a game without dice), a guess that is right is the very
    /// frame, and is neither stepped nor hashed a second time.
    fn entropy(&self, _tick: Tick) -> Entropy {
        Entropy::PREDICTED
    }

    /// Is told every confirmed frame, before the ticks ahead of it are made anew.
    fn confirmed(&mut self, _frame: &InputFrame<G::Input>) {}
}

/// Guesses that nobody does anything: right for games of single commands, where the world goes on by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct PredictNothing;

impl<G: Game> InputPredictor<G> for PredictNothing {
    fn predict(&mut self, _: Tick, _: &World<G>, _: &[Input<G::Input>]) -> Vec<Input<G::Input>> {
        Vec::new()
    }
}

/// Guesses that everybody else goes on with what they did last: right for games where an input is a state of the controls.
#[derive(Clone, Debug)]
pub struct RepeatLast<I> {
    own: Vec<PlayerId>,
    last: BTreeMap<PlayerId, I>,
}

impl<I> RepeatLast<I> {
    /// Guesses for all but the players in `own`, whose inputs are made here.
    #[must_use]
    pub const fn new(own: Vec<PlayerId>) -> Self {
        Self { own, last: BTreeMap::new() }
    }
}

impl<I: Component, G: Game<Input = I>> InputPredictor<G> for RepeatLast<I> {
    fn predict(&mut self, _: Tick, world: &World<G>, _: &[Input<I>]) -> Vec<Input<I>> {
        let guess = |(player, body): (&PlayerId, &I)| {
            let known = world.players().find(*player).filter(|known| known.connected)?;
            let sequence = Sequence(world.players().last_sequence(known.id).0.checked_add(1)?);
            Some(Input { player: *player, sequence, act: Act::Play(*body) })
        };
        self.last.iter().filter_map(guess).collect()
    }

    fn confirmed(&mut self, frame: &InputFrame<I>) {
        for input in frame.inputs.iter().filter(|input| !self.own.contains(&input.player)) {
            match &input.act {
                Act::Play(body) => drop(self.last.insert(input.player, *body)),
                Act::Leave | Act::TimeOut => drop(self.last.remove(&input.player)),
                _ => {}
            }
        }
    }
}
