//! [`Replica`]: a world that makes the host's confirmed ticks again.
//!
//! Invariant: frames are confirmed in order and each once; a root is compared only for a tick that is confirmed on both
//! sides, with the evidence of that very tick. Own inputs are predicted from the input sender's guesses, and guessed anew when a
//! frame shows that they came later.

use alloc::string::ToString;

use tickworld_sim::{
    content::{ContentId, Library},
    executor::Executor,
    frame::{FrameError, InputFrame, PlayerId, Tick},
    game::Game,
    hash::Hash,
    rollback::{InputPredictor, Rollback, RollbackSettings},
    simulation::Simulation,
    world::World,
};

use super::{
    event::Fault,
    frames::{FrameBuffer, tick_of},
    input_sender::InputSender,
};
use crate::message::{Durability, Frame, RootReport};

/// A world on the host's heels.
pub(super) struct Replica<G: Game, P> {
    rollback: Rollback<G, P>,
    /// The world of the snapshot and its root: evidence of a tick that was not stepped here.
    start: (World<G>, Hash),
    frames: FrameBuffer,
    /// What the next frame needs and the library lacks.
    missing_content: Option<ContentId>,
    /// The last tick whose root the host said, and it is the own one.
    proven: Option<Tick>,
}

/// What came of a look at the next frame.
pub(super) enum Confirmed {
    /// There is none.
    Nothing,
    /// A tick was made.
    Tick {
        tick: Tick,
        root: Hash,
        durability: Durability,
        pace_percent: u16,
        /// The tick whose root is not the host's.
        desync: Option<Tick>,
    },
    /// It needs content that is not there; told once.
    ContentMissing(ContentId),
    /// It is none.
    Bad(Fault),
}

impl<G: Game, P: InputPredictor<G>> Replica<G, P> {
    /// Begins with a restored world that is sealed. `frames` may hold some that came before.
    pub(super) fn new(
        simulation: Simulation<G>,
        root: Hash,
        predictor: P,
        settings: RollbackSettings,
        mut frames: FrameBuffer,
        executor: &dyn Executor,
    ) -> Self {
        let start = (simulation.snapshot(), root);
        let rollback = Rollback::new(simulation, predictor, settings, executor);
        frames.begin_at(rollback.confirmed_tick());
        frames.handle_known(rollback.confirmed_tick());
        Self { rollback, start, frames, missing_content: None, proven: None }
    }

    pub(super) const fn rollback(&self) -> &Rollback<G, P> {
        &self.rollback
    }

    pub(super) const fn frames(&self) -> &FrameBuffer {
        &self.frames
    }

    pub(super) const fn frames_mut(&mut self) -> &mut FrameBuffer {
        &mut self.frames
    }

    /// Replaces the packs.
    pub(super) fn set_library(&mut self, library: &Library<G::Content>) {
        self.rollback.set_library(library);
        self.missing_content = None;
    }

    /// Whether a call of [`confirm_next`](Self::confirm_next) would make a tick.
    pub(super) fn has_work(&self) -> bool {
        self.missing_content.is_none() && self.frames.is_next_here(self.rollback.confirmed_tick())
    }

    /// Keeps a frame that came.
    pub(super) fn handle_frame(&mut self, frame: Frame) -> Result<(), Fault> {
        let short = || Fault::BadFrame("it is too short to say its tick".to_string());
        let tick = tick_of(&frame).ok_or_else(short)?;
        if let Some(proof) = frame.proof.filter(|proof| proof.tick > tick) {
            return Err(Fault::Foretold { tick, root_tick: proof.tick });
        }
        self.frames.insert(self.rollback.confirmed_tick(), tick, frame);
        Ok(())
    }

    /// Makes the next confirmed tick, if its frame came.
    pub(super) fn confirm_next(
        &mut self,
        player: Option<PlayerId>,
        input_sender: &mut InputSender<G::Input>,
        executor: &dyn Executor,
    ) -> Confirmed {
        let tick = self.rollback.confirmed_tick().next();
        let Some(message) = self.frames.peek(tick_before(tick)).filter(|_| self.missing_content.is_none()) else {
            return Confirmed::Nothing;
        };
        let (durability, pace_percent, proof) = (message.durability, message.pace_percent, message.proof);
        let frame = match InputFrame::<G::Input>::decode(&message.frame) {
            Ok(frame) => frame,
            Err(cause) => {
                self.frames.remove(tick);
                return Confirmed::Bad(Fault::Frame { tick, cause });
            }
        };
        let own = |sequence| {
            let key = player.map(|player| (player, sequence));
            key.is_some_and(|key| {
                frame.inputs.binary_search_by_key(&key, |input| (input.player, input.sequence)).is_ok()
            })
        };
        input_sender.handle_frame(tick, own);
        let confirmed = match player {
            Some(player) => {
                self.rollback.confirm_moving(&frame, &mut |tick, _| input_sender.place(tick, player), executor)
            }
            None => self.rollback.confirm(&frame, executor),
        };
        match confirmed {
            Ok(roots) => {
                self.frames.remove(tick);
                let desync = proof.and_then(|proof| self.compare(proof));
                Confirmed::Tick { tick, root: roots.root, durability, pace_percent, desync }
            }
            Err(FrameError::Content(id)) => {
                self.missing_content = Some(id);
                Confirmed::ContentMissing(id)
            }
            Err(error) => {
                self.frames.remove(tick);
                Confirmed::Bad(Fault::BadFrame(error.to_string()))
            }
        }
    }

    /// Makes the next predicted tick; gives whether there was room.
    pub(super) fn predict(
        &mut self,
        player: Option<PlayerId>,
        input_sender: &mut InputSender<G::Input>,
        executor: &dyn Executor,
    ) -> bool {
        let tick = self.rollback.tick().next();
        let local = player.map(|player| input_sender.place(tick, player)).unwrap_or_default();
        self.rollback.advance_predicted(local, executor).is_ok()
    }

    /// The last tick whose root the host said, and it is the own one.
    pub(super) const fn proven(&self) -> Option<Tick> {
        self.proven
    }

    /// Compares a root that the host said with the own one; gives its tick where they differ.
    fn compare(&mut self, proof: RootReport) -> Option<Tick> {
        let own = self.root(proof.tick)?;
        if own.short() != proof.root {
            return Some(proof.tick);
        }
        self.proven = self.proven.max(Some(proof.tick));
        None
    }

    /// The own root of a confirmed tick, while there is evidence, be its world kept or not.
    pub(super) fn root(&self, tick: Tick) -> Option<Hash> {
        let stepped = self.rollback.evidence(tick).map(|evidence| evidence.roots.root);
        stepped.or_else(|| (self.start.0.tick() == tick).then_some(self.start.1))
    }

    /// The own world of a confirmed tick, while it is kept.
    pub(super) fn world(&self, tick: Tick) -> Option<&World<G>> {
        let stepped = self.rollback.evidence(tick).and_then(|evidence| evidence.world.as_ref());
        stepped.or_else(|| (self.start.0.tick() == tick).then_some(&self.start.0))
    }
}

const fn tick_before(tick: Tick) -> Tick {
    Tick(tick.0.saturating_sub(1))
}
