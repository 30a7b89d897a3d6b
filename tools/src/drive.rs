//! [`Drive`]: a scenario under way, tick by tick; [`Recording`]: the same into a file.
//!
//! Invariant: recording changes nothing about the run.

use std::{io, path::PathBuf};

use tickworld_pool::Pool;
use tickworld_rules::{Command, Rules};
use tickworld_scenario::Frames;
use tickworld_sim::{
    frame::InputFrame,
    hash::Hash,
    simulation::{Observer, Simulation},
    trace::{About, AfterMismatch, Expectation, Mismatch, RecordError, Recorder, StageRoots, TraceSize, step_staged},
    world::Roots,
};

use crate::{
    failure::{Failure, Outcome},
    files::{NewFile, Target},
    scenario::Scenario,
};

/// Why a step is never refused here.
const FRAMES_FIT: &str = "frames are made for the world's next tick, sorted, with content that is loaded";

/// A scenario under way.
pub(crate) struct Drive {
    /// The world, and what steps it.
    pub(crate) simulation: Simulation<Rules>,
    frames: Frames,
}

/// What a tick was made of and came to.
pub(crate) struct Ticked {
    /// The inputs that made it.
    pub(crate) frame: InputFrame<Command>,
    /// The roots of the world after it.
    pub(crate) roots: Roots,
    /// Those after every system, if they were asked for.
    pub(crate) stages: Option<StageRoots>,
}

impl Drive {
    /// Begins the scenario, at tick 0.
    pub(crate) fn begin(scenario: &Scenario) -> Outcome<Self> {
        Ok(Self { simulation: scenario.begin()?, frames: Frames::new(scenario) })
    }

    /// Makes the next tick; with `staged`, hashes after every system.
    pub(crate) fn tick(&mut self, pool: &Pool, staged: bool) -> Ticked {
        if staged {
            return self.tick_observed(pool, None);
        }
        let frame = self.frames.next(&self.simulation);
        let roots = self.simulation.step(&frame, pool).expect(FRAMES_FIT);
        Ticked { frame, roots, stages: None }
    }

    /// The same, hashed after every system and shown to `observer` before.
    pub(crate) fn tick_observed(&mut self, pool: &Pool, observer: Option<Observer<'_, Rules>>) -> Ticked {
        let frame = self.frames.next(&self.simulation);
        let (roots, stages) = step_staged(&mut self.simulation, &frame, pool, observer).expect(FRAMES_FIT);
        Ticked { frame, roots, stages: Some(stages) }
    }
}

/// A trace being written.
pub(crate) struct Recording {
    recorder: Recorder<Rules, NewFile<'static>>,
    shown: String,
}

impl Recording {
    /// Of what `simulation` does from now on.
    pub(crate) fn begin(
        target: Target<'static>,
        scenario: &Scenario,
        simulation: &Simulation<Rules>,
        about: About,
    ) -> Outcome<Self> {
        let shown = target.path.display().to_string();
        let sink = NewFile::create(target.reads(&scenario.read_from))?;
        let packs = [(scenario.pack.id, scenario.pack.bytes.as_slice())];
        let recorder = Recorder::begin(sink, simulation, about, &packs).map_err(|error| failed(&shown, &error))?;
        Ok(Self { recorder: recorder.after_mismatch(AfterMismatch::Seal), shown })
    }

    /// Says which root the next tick must have.
    pub(crate) fn expect(&mut self, root: Hash) -> Outcome<Expectation> {
        self.recorder.expect(self.recorder.last().next(), root).map_err(|error| failed(&self.shown, &error))
    }

    /// Adds a tick; gives the mismatch that ends the recording, if it is one.
    pub(crate) fn add(&mut self, ticked: Ticked, simulation: &Simulation<Rules>) -> Outcome<Option<Mismatch>> {
        let Ticked { frame, roots, stages } = ticked;
        let world = simulation.world();
        let recorded = match stages {
            Some(stages) => self.recorder.record_staged(&frame, &roots, world, stages),
            None => self.recorder.record(&frame, &roots, world),
        };
        recorded.map_err(|error| failed(&self.shown, &error))
    }

    /// Ends the trace, and says where it is.
    ///
    /// One that was `broken_off` never replaces another: it stays beside it.
    pub(crate) fn finish(self, broken_off: bool) -> Outcome<(TraceSize, PathBuf)> {
        let (file, size) = self.recorder.seal().map_err(|error| failed(&self.shown, &error))?;
        let path = if broken_off { file.finish_broken_off()? } else { file.finish()? };
        Ok((size, path))
    }
}

fn failed(shown: &str, error: &RecordError<io::Error>) -> Failure {
    let failure = Failure::new(format!("{shown}: {error}"));
    if matches!(error, RecordError::Sink(_)) { failure.help("is there room on the disk?") } else { failure }
}
