//! [`Rollback`]: a world that runs ahead of what is confirmed, and goes back where it guessed wrong.
//!
//! Invariant: the confirmed line is stepped once per tick, with confirmed frames alone, so its roots never depend on a guess;
//! only they are ever given out. The predicted line begins at the confirmed world and is thrown away from the first tick
//! whose guess was wrong. A predicted frame has [`Entropy::PREDICTED`](crate::rng::Entropy::PREDICTED), since a sequencer's
//! entropy is secret until the tick is made, unless the [`InputPredictor`] knows better.
//!
//! To fork a world (to try a frame, a content switch, another future) no session is needed: a clone of a [`Simulation`]
//! shares all pages and goes its own way.
//! It knows no network, no clock and no input delay: when to advance is the caller's business.

mod predict;
mod sync_test;

use alloc::{collections::VecDeque, vec::Vec};

pub use predict::{InputPredictor, PredictNothing, RepeatLast};
pub use sync_test::{Path, SyncTest, SyncTestError, SyncTestSettings};

use crate::{
    content::Library,
    executor::Executor,
    frame::{FrameError, Input, InputFrame, Tick},
    game::Game,
    limits,
    simulation::Simulation,
    world::{Roots, World},
};

/// How far a session runs ahead, and how much it remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollbackSettings {
    /// Most ticks that the predicted world may be ahead of the confirmed one; 0 is plain lockstep.
    pub prediction_ticks_max: u32,
    /// How many confirmed ticks stay as [`Evidence`], at least 1: longer than confirmation and a round trip take.
    pub evidence_ticks: u32,
    /// Most bytes that the worlds among them hold together; the oldest worlds go first, the newest always stays. Frames and
    /// roots stay as long as the ticks do.
    pub evidence_bytes_max: u64,
}

impl Default for RollbackSettings {
    fn default() -> Self {
        Self { prediction_ticks_max: 8, evidence_ticks: 64, evidence_bytes_max: limits::EVIDENCE_BYTES }
    }
}

/// What a session did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RollbackCounters {
    /// Confirmations that found a wrong guess and went back.
    pub rollbacks: u64,
    /// Ticks stepped again on the way back to the present.
    pub resimulated_ticks: u64,
    /// Confirmations after which the predicted line stood as it was.
    pub predictions_kept: u64,
    /// Advances refused because the limit was reached.
    pub stalls: u64,
}

/// A confirmed tick: what it was made from and what it made.
pub struct Evidence<G: Game> {
    /// The inputs that made it.
    pub frame: InputFrame<G::Input>,
    /// The world after it; shares its pages with its neighbours. `None` once later worlds hold as much as may be kept.
    pub world: Option<World<G>>,
    /// The roots of that world.
    pub roots: Roots,
}

/// Why a session does not advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdvanceError {
    /// The predicted world is as far ahead as it may be: wait for a confirmation.
    #[error("tick {tick} is {ahead} ticks ahead of the last confirmed one, as far as settings allow")]
    Stall {
        /// The tick of the predicted world.
        tick: Tick,
        /// How far ahead it is.
        ahead: u32,
    },
    /// The inputs make no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Says which local inputs a tick has when it is made anew; is given those that it had.
pub type Placing<'p, I> = &'p mut dyn FnMut(Tick, Vec<Input<I>>) -> Vec<Input<I>>;

/// A tick of the predicted line.
struct Predicted<G: Game> {
    /// Inputs known here before they are confirmed: the local players'.
    local: Vec<Input<G::Input>>,
    frame: InputFrame<G::Input>,
    /// The world after it.
    world: World<G>,
}

/// A rollback session over a [`Simulation`].
///
/// It is given confirmed frames by whoever sequences them. For peers without a sequencer, `tickworld_proto::peer` makes the frames,
/// delays inputs and keeps time around this type. Here the game is one with a `Press` for an input and a count of presses.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/counter.inc"));
/// use tickworld_sim::{
///     executor::Inline,
///     frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
///     rng::Entropy,
///     rollback::{PredictNothing, Rollback, RollbackSettings},
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut session = Rollback::new(simulation(), PredictNothing, RollbackSettings::default(), &Inline);
/// let press = Input { player: PlayerId(1), sequence: Sequence(1), act: Act::Play(Press) };
/// session.advance_predicted(Vec::new(), &Inline)?; // tick 1, as far as we know
/// session.advance_predicted(vec![press], &Inline)?; // tick 2, with our own input
/// assert_eq!((session.tick(), session.confirmed_tick()), (Tick(2), Tick(0)));
///
/// // The sequencer says what tick 1 was: somebody joined.
/// let join = Input { player: PlayerId(1), sequence: Sequence(0), act: Act::ENTER };
/// let frame = InputFrame::new(Tick(1), Entropy::from_bytes([7; 16]), vec![join]);
/// let roots = session.confirm(&frame, &Inline)?;
/// assert_eq!(session.counters().resimulated_ticks, 1); // tick 2, on top of the confirmed tick 1
/// assert_eq!(*session.predicted().state().presses, 1);
/// assert_eq!(session.evidence(Tick(1)).expect("kept").roots, roots);
/// # Ok(())
/// # }
/// ```
pub struct Rollback<G: Game, P> {
    confirmed: Simulation<G>,
    predicted: Simulation<G>,
    /// The ticks between both, in order.
    ahead: VecDeque<Predicted<G>>,
    /// The last confirmed ticks, in order.
    evidence: VecDeque<Evidence<G>>,
    /// What each of their worlds does not share with the one before; 0 where it is gone.
    world_bytes: VecDeque<u64>,
    /// All of that.
    evidence_bytes: u64,
    predictor: P,
    settings: RollbackSettings,
    counters: RollbackCounters,
}

impl<G: Game, P: InputPredictor<G>> Rollback<G, P> {
    /// A session that begins with a confirmed world.
    #[must_use]
    pub fn new(
        mut simulation: Simulation<G>,
        predictor: P,
        settings: RollbackSettings,
        executor: &dyn Executor,
    ) -> Self {
        // Hashed first: pages that are shared while dirty would be copied again.
        simulation.seal(executor);
        Self {
            predicted: simulation.clone(),
            confirmed: simulation,
            ahead: VecDeque::new(),
            evidence: VecDeque::new(),
            world_bytes: VecDeque::new(),
            evidence_bytes: 0,
            predictor,
            settings,
            counters: RollbackCounters::default(),
        }
    }

    /// The tick of the predicted world.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.predicted.world().tick()
    }

    /// The last confirmed tick.
    #[must_use]
    pub const fn confirmed_tick(&self) -> Tick {
        self.confirmed.world().tick()
    }

    /// The predicted world: what to show. It has no roots to compare with anyone.
    #[must_use]
    pub const fn predicted(&self) -> &World<G> {
        self.predicted.world()
    }

    /// The world of the last confirmed tick.
    #[must_use]
    pub const fn confirmed(&self) -> &Simulation<G> {
        &self.confirmed
    }

    /// What the session did so far.
    #[must_use]
    pub const fn counters(&self) -> RollbackCounters {
        self.counters
    }

    /// What guesses the inputs of ticks that are not confirmed.
    #[must_use]
    pub const fn predictor(&self) -> &P {
        &self.predictor
    }

    /// What guesses, to be told what became known. Ticks that are predicted already stay as they were guessed until one before
    /// them is confirmed differently, or [`predict_anew`](Self::predict_anew) is called.
    pub const fn predictor_mut(&mut self) -> &mut P {
        &mut self.predictor
    }

    /// A confirmed tick, while it is remembered. O(1).
    #[must_use]
    pub fn evidence(&self, tick: Tick) -> Option<&Evidence<G>> {
        let first = self.evidence.front()?.frame.tick;
        self.evidence.get(usize::try_from(tick.0.checked_sub(first.0)?).ok()?)
    }

    /// Bytes that the worlds of the evidence do not share with the ones before them: at most
    /// [`evidence_bytes_max`](RollbackSettings::evidence_bytes_max), or what the newest alone holds.
    #[must_use]
    pub const fn evidence_bytes(&self) -> u64 {
        self.evidence_bytes
    }

    /// Replaces the packs that the game can use, before a frame that switches to a new one.
    pub fn set_library(&mut self, library: &Library<G::Content>) {
        *self.confirmed.library_mut() = library.clone();
        *self.predicted.library_mut() = library.clone();
    }

    /// Makes the next tick from what is known here: `local` inputs, and the predictor's guess of the others'.
    ///
    /// # Errors
    /// [`AdvanceError::Stall`] at the limit, or where the inputs make no frame; nothing is then changed.
    pub fn advance_predicted(
        &mut self,
        local: Vec<Input<G::Input>>,
        executor: &dyn Executor,
    ) -> Result<(), AdvanceError> {
        let ahead = u32::try_from(self.ahead.len()).unwrap_or(u32::MAX);
        if ahead >= self.settings.prediction_ticks_max {
            self.counters.stalls = self.counters.stalls.saturating_add(1);
            return Err(AdvanceError::Stall { tick: self.tick(), ahead });
        }
        Ok(self.predict(local, executor)?)
    }

    /// Makes the next confirmed tick and gives its roots.
    ///
    /// Where the guess was the very frame, or made the very world, the predicted line stands; else it is made anew on top of
    /// the confirmed world, with the same local inputs and newer guesses. A guess with the right inputs still has the wrong
    /// entropy, so its world is right only where no dice were cast: comparing its root costs the hash of its dirty pages.
    ///
    /// # Errors
    /// When the frame is refused; nothing is then changed.
    pub fn confirm(&mut self, frame: &InputFrame<G::Input>, executor: &dyn Executor) -> Result<Roots, FrameError> {
        self.confirm_moving(frame, &mut |_, local| local, executor)
    }

    /// The same, where a wrong guess may have been when the local inputs apply: `place` is asked, for every tick that is made
    /// anew and in order, which they are now; it is given those that the tick had.
    ///
    /// # Errors
    /// When the frame is refused; nothing is then changed.
    pub fn confirm_moving(
        &mut self,
        frame: &InputFrame<G::Input>,
        place: Placing<'_, G::Input>,
        executor: &dyn Executor,
    ) -> Result<Roots, FrameError> {
        let first = self.ahead.front();
        let (roots, bytes) = match first {
            Some(guess) if guess.frame.canonical_eq(frame) => {
                let world = guess.world.clone();
                self.confirmed.restore(&world);
                // A line that was guessed over several ticks is not hashed in between: at worst its pages count twice.
                let bytes = self.confirmed.world().dirty_bytes();
                (self.confirmed.seal(executor), bytes)
            }
            _ => self.confirmed.step_measured(frame, executor)?,
        };
        self.predictor.confirmed(frame);
        if let Some(mut guess) = self.ahead.pop_front() {
            let is_right = guess.frame.canonical_eq(frame)
                || guess.frame.same_inputs(frame)
                    && self.confirmed.seal_snapshot(&mut guess.world, executor).root == roots.root;
            if is_right {
                self.counters.predictions_kept = self.counters.predictions_kept.saturating_add(1);
            } else {
                self.roll_back(place, executor);
            }
        } else {
            self.predicted.restore(self.confirmed.world());
        }
        let world = Some(self.confirmed.snapshot());
        self.remember(Evidence { frame: frame.clone(), world, roots: roots.clone() }, bytes);
        Ok(roots)
    }

    /// Makes the predicted line anew, with what the predictor knows by now: where inputs became known that no confirmation
    /// waits for yet. The local inputs stay.
    pub fn predict_anew(&mut self, executor: &dyn Executor) {
        if !self.ahead.is_empty() {
            self.roll_back(&mut |_, local| local, executor);
        }
    }

    /// Makes the predicted line anew on top of the confirmed world.
    fn roll_back(&mut self, place: Placing<'_, G::Input>, executor: &dyn Executor) {
        self.counters.rollbacks = self.counters.rollbacks.saturating_add(1);
        self.predicted.restore(self.confirmed.world());
        for old in core::mem::take(&mut self.ahead) {
            // What was a frame may be none now, if its content is gone: the line then ends here, and goes on from there.
            let local = place(self.tick().next(), old.local);
            if self.predict(local, executor).is_err() {
                break;
            }
            self.counters.resimulated_ticks = self.counters.resimulated_ticks.saturating_add(1);
        }
    }

    /// Adds a tick to the predicted line.
    fn predict(&mut self, local: Vec<Input<G::Input>>, executor: &dyn Executor) -> Result<(), FrameError> {
        let tick = self.tick().next();
        let mut inputs = self.predictor.predict(tick, self.predicted.world(), &local);
        inputs.retain(|guess| local.iter().all(|own| own.player != guess.player));
        inputs.extend_from_slice(&local);
        let entropy = self.predictor.entropy(tick);
        let frame = InputFrame::new(tick, entropy, inputs);
        self.predicted.advance(&frame, executor)?;
        self.ahead.push_back(Predicted { local, frame, world: self.predicted.snapshot() });
        Ok(())
    }

    fn remember(&mut self, evidence: Evidence<G>, bytes: u64) {
        let kept = usize::try_from(self.settings.evidence_ticks.max(1)).unwrap_or(usize::MAX);
        while self.evidence.len() >= kept {
            self.evidence.pop_front();
            self.evidence_bytes = self.evidence_bytes.saturating_sub(self.world_bytes.pop_front().unwrap_or(0));
        }
        for (old, old_bytes) in self.evidence.iter_mut().zip(&mut self.world_bytes) {
            if self.evidence_bytes.saturating_add(bytes) <= self.settings.evidence_bytes_max {
                break;
            }
            old.world = None;
            self.evidence_bytes = self.evidence_bytes.saturating_sub(core::mem::take(old_bytes));
        }
        self.evidence.push_back(evidence);
        self.world_bytes.push_back(bytes);
        self.evidence_bytes = self.evidence_bytes.saturating_add(bytes);
    }
}
