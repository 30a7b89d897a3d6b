//! [`Runner`]: makes a case's run every way it names, and compares each root with the first time's.
//!
//! Invariant: the first time is made once, straight, and watched; every other way is handed the same frames and must give the
//! same roots. A panic within a run is a finding.

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
    case::{Case, entropy},
    caught::caught,
    draw::Dice,
    executors::{Shuffled, Threads},
    finding::{Fault, Finding},
    rollback,
    ways::Way,
};

/// What a way may find.
pub(crate) type Found<T = ()> = Result<T, Finding>;

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

    /// Every way.
    pub(crate) fn check(&mut self) -> Found {
        self.frames = self.case.frames();
        let mut frames = std::mem::take(&mut self.frames).into_iter();
        self.straight(&mut |_| frames.next().map(|frame| frame.inputs))?;
        self.others()
    }

    /// The first time, with the inputs that `next` gives until it gives none; they are kept as the frames of the other ways.
    pub(crate) fn straight(&mut self, next: Next<'_>) -> Found {
        let made = caught(|| self.step_and_watch(next));
        self.settled(Way::Straight, made)
    }

    /// All ways but the first.
    pub(crate) fn others(&self) -> Found {
        self.case.ways.iter().try_for_each(|way| {
            self.at.set(0);
            self.settled(*way, caught(|| self.by(*way)))
        })
    }

    fn settled(&self, way: Way, made: Result<Found, String>) -> Found {
        made.unwrap_or_else(|panic| Err(Finding { way, tick: self.at.get(), fault: Fault::Panic(panic) }))
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
            let roots = self.step(&mut simulation, frame, &Inline, Way::Straight)?;
            self.line.push(roots);
            self.check_derived(&simulation, Way::Straight)?;
            watch.look(frame, &before, simulation.world()).map_err(|(name, what)| {
                let fault = Fault::Law { name: name.to_owned(), what };
                Finding { way: Way::Straight, tick: tick.0, fault }
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
        way: Way,
    ) -> Found<Roots> {
        self.begin_tick(frame.tick);
        simulation.step(frame, executor).map_err(|error| self.finding(way, Fault::Refused(error.to_string())))
    }

    /// Notes that a tick is about to be made.
    pub(crate) fn begin_tick(&self, tick: Tick) {
        self.at.set(tick.0);
        self.stepped.set(self.stepped.get() + 1);
    }

    /// A finding at the tick under way.
    pub(crate) const fn finding(&self, way: Way, fault: Fault) -> Finding {
        Finding { way, tick: self.at.get(), fault }
    }

    /// Compares the roots of a tick with the first time's.
    pub(crate) fn compare(&self, way: Way, tick: Tick, found: &Roots) -> Found {
        let first = tick.0.checked_sub(1).and_then(|at| self.line.get(usize::try_from(at).ok()?));
        let Some(first) = first.filter(|first| *first != found) else { return Ok(()) };
        let pairs = self.columns.iter().zip(first.columns.iter().zip(&found.columns));
        let columns = pairs.filter(|(_, (a, b))| a != b).map(|(name, _)| name.clone()).collect();
        Err(Finding { way, tick: tick.0, fault: Fault::Root { columns } })
    }

    pub(crate) fn check_derived(&self, simulation: &Simulation<Rules>, way: Way) -> Found {
        simulation.check_derived().map_err(|field| self.finding(way, Fault::Derived(field.to_owned())))
    }

    /// Steps to the end, comparing.
    fn finish(&self, simulation: &mut Simulation<Rules>, executor: &dyn Executor, way: Way) -> Found {
        let from = usize::try_from(simulation.world().tick().0).unwrap_or(usize::MAX);
        for frame in self.frames.iter().skip(from) {
            let roots = self.step(simulation, frame, executor, way)?;
            self.compare(way, frame.tick, &roots)?;
        }
        self.check_derived(simulation, way)
    }

    fn by(&self, way: Way) -> Found {
        let begin = || self.case.begin(&self.library);
        match way {
            Way::Straight => Ok(()),
            Way::Again => self.finish(&mut begin()?, &Inline, way),
            Way::Shuffled { workers, order } => {
                self.finish(&mut begin()?, &Shuffled::new(workers.max(1).into(), order), way)
            }
            Way::Threads => self.finish(&mut begin()?, &Threads, way),
            Way::SyncTest { distance, restore } => self.sync_test(distance, restore, way),
            Way::Restored { every } => self.restored(every, way),
            Way::Rollback { ahead, mood } => rollback::run(self, ahead, mood, way),
            Way::Forked { after } => self.forked(after, way),
            Way::HashedLate { mood } => self.hashed_late(mood, way),
            Way::Recorded { keyframes } => self.recorded(keyframes, way),
            Way::Refusing => self.refusing(way),
        }
    }

    fn sync_test(&self, distance: u8, restore: u8, way: Way) -> Found {
        let settings = SyncTestSettings { distance_ticks: distance.into(), restore_ticks: restore.into() };
        let mut test = SyncTest::new(self.case.begin(&self.library)?, settings);
        for frame in &self.frames {
            self.begin_tick(frame.tick);
            self.stepped.set(self.stepped.get() + u64::from(distance).min(frame.tick.0));
            let roots = test.step(frame, &Inline).map_err(|error| match error {
                SyncTestError::Root { tick, columns, .. } => {
                    Finding { way, tick: tick.0, fault: Fault::Root { columns } }
                }
                SyncTestError::Derived { field, .. } => self.finding(way, Fault::Derived(field.to_owned())),
                SyncTestError::Bytes { .. } => self.finding(way, Fault::Bytes(error.to_string())),
                other => self.finding(way, Fault::Refused(other.to_string())),
            })?;
            self.compare(way, frame.tick, &roots)?;
        }
        Ok(())
    }

    fn restored(&self, every: u8, way: Way) -> Found {
        let mut simulation = self.case.begin(&self.library)?;
        for frame in &self.frames {
            if frame.tick.0.is_multiple_of(u64::from(every.max(1))) {
                simulation = self.through_bytes(&simulation, way)?;
            }
            let roots = self.step(&mut simulation, frame, &Inline, way)?;
            self.compare(way, frame.tick, &roots)?;
        }
        self.through_bytes(&simulation, way).map(drop)
    }

    /// The world that the bytes of a world make; it must have the same bytes and roots.
    pub(crate) fn through_bytes(&self, simulation: &Simulation<Rules>, way: Way) -> Found<Simulation<Rules>> {
        let bytes = simulation.to_bytes();
        let world = World::from_bytes(&bytes);
        let world = world.map_err(|error| self.finding(way, Fault::Refused(error.to_string())))?;
        let mut restored = Simulation::resume(self.library.clone(), world);
        if restored.to_bytes() != bytes {
            return Err(self.finding(way, Fault::Bytes("a restored world encodes to other bytes".into())));
        }
        self.check_derived(&restored, way)?;
        let roots = restored.seal(&Inline);
        self.compare(way, restored.world().tick(), &roots)?;
        Ok(restored)
    }

    fn forked(&self, after: u64, way: Way) -> Found {
        let mut simulation = self.case.begin(&self.library)?;
        let after = usize::try_from(after).unwrap_or(usize::MAX).min(self.frames.len());
        for frame in &self.frames[..after] {
            let roots = self.step(&mut simulation, frame, &Inline, way)?;
            self.compare(way, frame.tick, &roots)?;
        }
        let bytes = simulation.to_bytes();
        let (mut fork, mut twin) = (simulation.clone(), simulation.clone());
        for frame in &self.frames[after..] {
            // The players' inputs come, but the dice fall otherwise.
            let other = InputFrame::new(frame.tick, entropy(!self.case.seed, frame.tick.0), frame.inputs.clone());
            self.step(&mut fork, &other, &Inline, way)?;
        }
        if simulation.to_bytes() != bytes {
            return Err(self.finding(way, Fault::Bytes("a world changed while its fork was stepped".into())));
        }
        self.finish(&mut simulation, &Inline, way)?;
        fork.restore(twin.world());
        self.finish(&mut fork, &Inline, way)?;
        self.finish(&mut twin, &Inline, way)
    }

    fn hashed_late(&self, mood: u64, way: Way) -> Found {
        let mut rng = Dice::one(mood, "hashed late");
        let mut simulation = self.case.begin(&self.library)?;
        let mut waiting: Vec<World<Rules>> = Vec::new();
        for frame in &self.frames {
            self.begin_tick(frame.tick);
            let advanced = simulation.advance(frame, &Inline);
            advanced.map_err(|error| self.finding(way, Fault::Refused(error.to_string())))?;
            match rng.below(4) {
                0 => self.compare(way, frame.tick, &simulation.seal(&Inline))?,
                1 => waiting.push(simulation.snapshot()),
                2 => {
                    for mut world in waiting.drain(..) {
                        let roots = simulation.seal_snapshot(&mut world, &Inline);
                        self.compare(way, world.tick(), &roots)?;
                        simulation.adopt_hashes(&world);
                    }
                }
                _ => {}
            }
        }
        let last = simulation.world().tick();
        self.compare(way, last, &simulation.seal(&Inline))
    }

    fn recorded(&self, keyframes: u8, way: Way) -> Found {
        let mut bytes = self.record(u32::from(keyframes).max(1), way)?;
        let refused = |error: String| self.finding(way, Fault::Refused(error));
        let mut trace = Trace::open(bytes.as_mut_slice() as &[u8]).map_err(|error| refused(error.to_string()))?;
        let report = Verifier::<Rules>::run(&mut trace, &self.library, &Inline, &mut |tick, _| self.begin_tick(tick));
        if let Some(it) = report.map_err(|error| refused(error.to_string()))?.divergence {
            return Err(Finding { way, tick: it.tick.0, fault: Fault::Root { columns: it.columns } });
        }
        let middle = Tick(self.case.ticks / 2);
        self.at.set(middle.0);
        let sought = trace.seek::<Rules>(middle, &self.library, &Inline);
        let mut sought = sought.map_err(|error| refused(error.to_string()))?;
        let roots = sought.seal(&Inline);
        self.compare(way, middle, &roots)
    }

    /// The trace of the run.
    pub(crate) fn record(&self, keyframe_ticks: u32, way: Way) -> Found<Vec<u8>> {
        let refused = |error: String| self.finding(way, Fault::Refused(error));
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
            let roots = self.step(&mut simulation, frame, &Inline, way)?;
            self.compare(way, frame.tick, &roots)?;
            let recorded = recorder.record(frame, &roots, simulation.world());
            recorded.map_err(|error| refused(error.to_string()))?;
        }
        recorder.seal().map(|(bytes, _)| bytes).map_err(|error| refused(error.to_string()))
    }

    fn refusing(&self, way: Way) -> Found {
        let mut simulation = self.case.begin(&self.library)?;
        for frame in &self.frames {
            for tick in [Tick(frame.tick.0 - 1), frame.tick.next()] {
                self.at.set(frame.tick.0);
                let wrong = InputFrame { tick, ..frame.clone() };
                if simulation.step(&wrong, &Inline).is_ok() {
                    return Err(self.finding(way, Fault::Accepted));
                }
            }
            let roots = self.step(&mut simulation, frame, &Inline, way)?;
            self.compare(way, frame.tick, &roots)?;
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
