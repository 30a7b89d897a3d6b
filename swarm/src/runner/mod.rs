//! [`Runner`]: makes a case's run every way it names, and compares each root with the first time's.
//!
//! Invariant: the first time is made once, straight, and watched; every other way is handed the same frames and must give the
//! same roots. A panic within a run is a violation.

mod rollback;

use std::{cell::Cell, sync::Arc};

use tickworld_rules::{Command, Rules, Ruleset, invariants};
use tickworld_sim::{
    content::Library,
    executor::{Executor, Inline},
    frame::{Input, InputFrame, Tick},
    math::Fx,
    rollback::{SyncTest, SyncTestError, SyncTestSettings},
    simulation::Simulation,
    trace::{About, Recorder, Trace, Verifier},
    world::{Roots, World},
};

use crate::{
    case::Case,
    catch_panic::catch_panic,
    dice::{Dice, entropy},
    executors::{Shuffled, Threads},
    variants::Variant,
    violation::{Fault, Violation},
};

/// What a way may find.
pub(crate) type Found<T = ()> = Result<T, Violation>;

/// Gives the inputs of the tick after a world's, until there are no more.
pub(crate) type Next<'n> = &'n mut dyn FnMut(&Simulation<Rules>) -> Option<Vec<Input<Command>>>;

/// Makes one case's runs.
pub(crate) struct Runner<'c> {
    pub(crate) case: &'c Case,
    pub(crate) library: Library<Ruleset>,
    pub(crate) frames: Vec<InputFrame<Command>>,
    /// The roots of the first time: of tick 1, 2, ...
    pub(crate) line: Vec<Roots>,
    /// Names of the columns.
    columns: Vec<String>,
    /// The tick under way, for the case of a panic.
    pub(crate) at: Cell<u64>,
    stepped: Cell<u64>,
}

impl Case {
    /// Makes the run every way it names, and compares.
    ///
    /// # Errors
    /// The first thing found.
    pub fn check(&self) -> Result<(), Violation> {
        Runner::new(self).check()
    }
}

impl<'c> Runner<'c> {
    pub(crate) fn new(case: &'c Case) -> Self {
        Self {
            case,
            library: case.library(),
            frames: Vec::new(),
            line: Vec::new(),
            columns: Vec::new(),
            at: Cell::new(0),
            stepped: Cell::new(0),
        }
    }

    /// Ticks made so far, by all ways.
    pub(crate) const fn stepped(&self) -> u64 {
        self.stepped.get()
    }

    /// Makes the run by every way, and compares.
    pub(crate) fn check(&mut self) -> Found {
        self.frames = self.case.frames();
        let mut frames = std::mem::take(&mut self.frames).into_iter();
        self.straight(&mut |_| frames.next().map(|frame| frame.inputs))?;
        self.others()
    }

    /// The first time, with the inputs that `next` gives until it gives none; they are kept as the frames of the other ways.
    pub(crate) fn straight(&mut self, next: Next<'_>) -> Found {
        let made = catch_panic(|| self.step_and_watch(next));
        self.settled(Variant::Straight, made)
    }

    /// All ways but the first.
    pub(crate) fn others(&self) -> Found {
        self.case.variants.iter().try_for_each(|variant| {
            self.at.set(0);
            self.settled(*variant, catch_panic(|| self.by(*variant)))
        })
    }

    fn settled(&self, variant: Variant, made: Result<Found, String>) -> Found {
        made.unwrap_or_else(|panic| Err(Violation { variant, tick: self.at.get(), fault: Fault::Panic(panic) }))
    }

    fn step_and_watch(&mut self, next: Next<'_>) -> Found {
        let mut simulation = self.case.begin(&self.library)?;
        self.columns = simulation.schema().columns.iter().map(|column| column.name.to_string()).collect();
        let packs: Vec<_> =
            self.case.packs.iter().filter_map(|content| self.library.find(content.id)).cloned().collect();
        let watch = Watch::new(&simulation, &packs);
        while let Some(inputs) = next(&simulation) {
            let tick = simulation.world().tick().next();
            self.frames.push(InputFrame::new(tick, entropy(self.case.seed, tick.0), inputs));
            let before = simulation.snapshot();
            let frame = &self.frames[self.frames.len() - 1];
            let roots = self.step(&mut simulation, frame, &Inline, Variant::Straight)?;
            self.line.push(roots);
            self.check_derived(&simulation, Variant::Straight)?;
            watch.look(frame, &before, simulation.world()).map_err(|(name, what)| {
                let fault = Fault::Law { name: name.to_owned(), what };
                Violation { variant: Variant::Straight, tick: tick.0, fault }
            })?;
        }
        Ok(())
    }

    /// One tick, without a comparison.
    pub(crate) fn step(
        &self,
        simulation: &mut Simulation<Rules>,
        frame: &InputFrame<Command>,
        executor: &dyn Executor,
        variant: Variant,
    ) -> Found<Roots> {
        self.begin_tick(frame.tick);
        simulation.step(frame, executor).map_err(|error| self.violation(variant, Fault::Refused(error.to_string())))
    }

    /// Notes that a tick is about to be made.
    pub(crate) fn begin_tick(&self, tick: Tick) {
        self.at.set(tick.0);
        self.stepped.set(self.stepped.get() + 1);
    }

    /// A violation at the tick under way.
    pub(crate) const fn violation(&self, variant: Variant, fault: Fault) -> Violation {
        Violation { variant, tick: self.at.get(), fault }
    }

    /// Compares the roots of a tick with the first time's.
    pub(crate) fn compare(&self, variant: Variant, tick: Tick, found: &Roots) -> Found {
        let first = tick.0.checked_sub(1).and_then(|at| self.line.get(usize::try_from(at).ok()?));
        let Some(first) = first.filter(|first| *first != found) else { return Ok(()) };
        let pairs = self.columns.iter().zip(first.columns.iter().zip(&found.columns));
        let columns = pairs.filter(|(_, (a, b))| a != b).map(|(name, _)| name.clone()).collect();
        Err(Violation { variant, tick: tick.0, fault: Fault::Root { columns } })
    }

    pub(crate) fn check_derived(&self, simulation: &Simulation<Rules>, variant: Variant) -> Found {
        simulation.check_derived().map_err(|field| self.violation(variant, Fault::Derived(field.to_owned())))
    }

    /// Steps to the end, comparing.
    fn finish(&self, simulation: &mut Simulation<Rules>, executor: &dyn Executor, variant: Variant) -> Found {
        let from = usize::try_from(simulation.world().tick().0).unwrap_or(usize::MAX);
        for frame in self.frames.iter().skip(from) {
            let roots = self.step(simulation, frame, executor, variant)?;
            self.compare(variant, frame.tick, &roots)?;
        }
        self.check_derived(simulation, variant)
    }

    fn by(&self, variant: Variant) -> Found {
        let begin = || self.case.begin(&self.library);
        match variant {
            Variant::Straight => Ok(()),
            Variant::Again => self.finish(&mut begin()?, &Inline, variant),
            Variant::Shuffled { workers, order } => {
                self.finish(&mut begin()?, &Shuffled::new(workers.max(1).into(), order), variant)
            }
            Variant::Threads => self.finish(&mut begin()?, &Threads, variant),
            Variant::SyncTest { distance, restore } => self.sync_test(distance, restore, variant),
            Variant::Restored { every } => self.restored(every, variant),
            Variant::Rollback { ahead, mood } => rollback::run(self, ahead, mood, variant),
            Variant::Forked { after } => self.forked(after, variant),
            Variant::HashedLate { mood } => self.hashed_late(mood, variant),
            Variant::Recorded { keyframes } => self.recorded(keyframes, variant),
            Variant::Refusing => self.refusing(variant),
        }
    }

    fn sync_test(&self, distance: u8, restore: u8, variant: Variant) -> Found {
        let settings = SyncTestSettings { distance_ticks: distance.into(), restore_ticks: restore.into() };
        let mut test = SyncTest::new(self.case.begin(&self.library)?, settings);
        for frame in &self.frames {
            self.begin_tick(frame.tick);
            self.stepped.set(self.stepped.get() + u64::from(distance).min(frame.tick.0));
            let roots = test.step(frame, &Inline).map_err(|error| match error {
                SyncTestError::Root { tick, columns, .. } => {
                    Violation { variant, tick: tick.0, fault: Fault::Root { columns } }
                }
                SyncTestError::Derived { field, .. } => self.violation(variant, Fault::Derived(field.to_owned())),
                SyncTestError::Bytes { .. } => self.violation(variant, Fault::Bytes(error.to_string())),
                other => self.violation(variant, Fault::Refused(other.to_string())),
            })?;
            self.compare(variant, frame.tick, &roots)?;
        }
        Ok(())
    }

    fn restored(&self, every: u8, variant: Variant) -> Found {
        let mut simulation = self.case.begin(&self.library)?;
        for frame in &self.frames {
            if frame.tick.0.is_multiple_of(u64::from(every.max(1))) {
                simulation = self.through_bytes(&simulation, variant)?;
            }
            let roots = self.step(&mut simulation, frame, &Inline, variant)?;
            self.compare(variant, frame.tick, &roots)?;
        }
        self.through_bytes(&simulation, variant).map(drop)
    }

    /// The world that the bytes of a world make; it must have the same bytes and roots.
    pub(crate) fn through_bytes(&self, simulation: &Simulation<Rules>, variant: Variant) -> Found<Simulation<Rules>> {
        let bytes = simulation.to_bytes();
        let world = World::from_bytes(&bytes);
        let world = world.map_err(|error| self.violation(variant, Fault::Refused(error.to_string())))?;
        let mut restored = Simulation::resume(self.library.clone(), world);
        if restored.to_bytes() != bytes {
            return Err(self.violation(variant, Fault::Bytes("a restored world encodes to other bytes".into())));
        }
        self.check_derived(&restored, variant)?;
        let roots = restored.seal(&Inline);
        self.compare(variant, restored.world().tick(), &roots)?;
        Ok(restored)
    }

    fn forked(&self, after: u64, variant: Variant) -> Found {
        let mut simulation = self.case.begin(&self.library)?;
        let after = usize::try_from(after).unwrap_or(usize::MAX).min(self.frames.len());
        for frame in &self.frames[..after] {
            let roots = self.step(&mut simulation, frame, &Inline, variant)?;
            self.compare(variant, frame.tick, &roots)?;
        }
        let bytes = simulation.to_bytes();
        let (mut fork, mut twin) = (simulation.clone(), simulation.clone());
        for frame in &self.frames[after..] {
            // The players' inputs come, but the dice fall otherwise.
            let other = InputFrame::new(frame.tick, entropy(!self.case.seed, frame.tick.0), frame.inputs.clone());
            self.step(&mut fork, &other, &Inline, variant)?;
        }
        if simulation.to_bytes() != bytes {
            return Err(self.violation(variant, Fault::Bytes("a world changed while its fork was stepped".into())));
        }
        self.finish(&mut simulation, &Inline, variant)?;
        fork.restore(twin.world());
        self.finish(&mut fork, &Inline, variant)?;
        self.finish(&mut twin, &Inline, variant)
    }

    fn hashed_late(&self, mood: u64, variant: Variant) -> Found {
        let mut rng = Dice::one(mood, "hashed late");
        let mut simulation = self.case.begin(&self.library)?;
        let mut waiting: Vec<World<Rules>> = Vec::new();
        for frame in &self.frames {
            self.begin_tick(frame.tick);
            let advanced = simulation.advance(frame, &Inline);
            advanced.map_err(|error| self.violation(variant, Fault::Refused(error.to_string())))?;
            match rng.below(4) {
                0 => self.compare(variant, frame.tick, &simulation.seal(&Inline))?,
                1 => waiting.push(simulation.snapshot()),
                2 => {
                    for mut world in waiting.drain(..) {
                        let roots = simulation.seal_snapshot(&mut world, &Inline);
                        self.compare(variant, world.tick(), &roots)?;
                        simulation.adopt_hashes(&world);
                    }
                }
                _ => {}
            }
        }
        let last = simulation.world().tick();
        self.compare(variant, last, &simulation.seal(&Inline))
    }

    fn recorded(&self, keyframes: u8, variant: Variant) -> Found {
        let mut bytes = self.record(u32::from(keyframes).max(1), variant)?;
        let refused = |error: String| self.violation(variant, Fault::Refused(error));
        let mut trace = Trace::open(bytes.as_mut_slice() as &[u8]).map_err(|error| refused(error.to_string()))?;
        let report = Verifier::<Rules>::run(&mut trace, &self.library, &Inline, &mut |tick, _| self.begin_tick(tick));
        if let Some(it) = report.map_err(|error| refused(error.to_string()))?.divergence {
            return Err(Violation { variant, tick: it.tick.0, fault: Fault::Root { columns: it.columns } });
        }
        let middle = Tick(self.case.ticks / 2);
        self.at.set(middle.0);
        let sought = trace.seek::<Rules>(middle, &self.library, &Inline);
        let mut sought = sought.map_err(|error| refused(error.to_string()))?;
        let roots = sought.seal(&Inline);
        self.compare(variant, middle, &roots)
    }

    /// The trace of the run.
    pub(crate) fn record(&self, keyframe_ticks: u32, variant: Variant) -> Found<Vec<u8>> {
        let refused = |error: String| self.violation(variant, Fault::Refused(error));
        let mut simulation = self.case.begin(&self.library)?;
        let about = About {
            engine: concat!("tickworld-swarm ", env!("CARGO_PKG_VERSION")).into(),
            title: format!("Swarm seed {}", self.case.seed),
            seed: self.case.seed.to_string(),
            ticks_per_second: self.case.set_up.settings.ticks_per_second.into(),
            keyframe_ticks,
            ..About::default()
        };
        let packs: Vec<_> = self.case.packs.iter().map(|content| (content.id, content.bytes.as_slice())).collect();
        let recorder = Recorder::begin(Vec::new(), &simulation, about, &packs);
        let mut recorder = recorder.map_err(|error| refused(error.to_string()))?;
        for frame in &self.frames {
            let roots = self.step(&mut simulation, frame, &Inline, variant)?;
            self.compare(variant, frame.tick, &roots)?;
            let recorded = recorder.record(frame, &roots, simulation.world());
            recorded.map_err(|error| refused(error.to_string()))?;
        }
        recorder.seal().map(|(bytes, _)| bytes).map_err(|error| refused(error.to_string()))
    }

    fn refusing(&self, variant: Variant) -> Found {
        let mut simulation = self.case.begin(&self.library)?;
        for frame in &self.frames {
            for tick in [Tick(frame.tick.0 - 1), frame.tick.next()] {
                self.at.set(frame.tick.0);
                let wrong = InputFrame { tick, ..frame.clone() };
                if simulation.step(&wrong, &Inline).is_ok() {
                    return Err(self.violation(variant, Fault::Accepted));
                }
            }
            let roots = self.step(&mut simulation, frame, &Inline, variant)?;
            self.compare(variant, frame.tick, &roots)?;
        }
        Ok(())
    }
}

/// What the invariants need to know of a case.
struct Watch {
    stride: Fx,
    /// What lies about is gone after a while, with the coins in it.
    litter_goes: bool,
}

impl Watch {
    fn new(simulation: &Simulation<Rules>, packs: &[Arc<Ruleset>]) -> Self {
        let settings = &simulation.state().settings;
        let stride = packs.iter().map(|rules| invariants::step_length_max(settings, rules)).max().unwrap_or(Fx::ZERO);
        Self { stride, litter_goes: packs.iter().any(|rules| rules.pack().constants.litter_seconds > 0) }
    }

    fn look(
        &self,
        frame: &InputFrame<Command>,
        before: &World<Rules>,
        now: &World<Rules>,
    ) -> Result<(), (&'static str, String)> {
        if let Some(broken) = invariants::first_violation(before.state(), now.state()) {
            return Err(broken);
        }
        if let Some(what) = invariants::nobody_jumps(before.state(), now.state(), self.stride) {
            return Err(("nobody jumps", what));
        }
        let coins = invariants::coins_are_only_moved(frame, before, now, self.litter_goes);
        coins.map_or(Ok(()), |what| Err(("coins are only moved", what)))
    }
}
