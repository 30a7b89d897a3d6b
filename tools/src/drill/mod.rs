//! Drills: a fault is planted into one of two recordings of a run, and the ordinary diff is handed both.
//!
//! Invariant: the diff gets the two traces and nothing else. What was planted is kept here, to be laid beside what was found.
//! The faulty side is recorded as a lockstep client records itself: it journals the true inputs, is told the true root of each
//! tick, and writes its evidence when its own is another one.

mod plan;
mod plant;
mod rows;

use std::{
    cell::Cell,
    fmt,
    ops::{Range, RangeInclusive},
    panic,
};

use serde::Serialize;
use tickworld_contentc::Source;
use tickworld_pool::Pool;
use tickworld_rules::{Command, Rules, Ruleset};
use tickworld_scenario::Frames;
use tickworld_sim::{
    content::Library,
    diff::Found,
    executor::Inline,
    frame::InputFrame,
    simulation::Simulation,
    trace::{About, AfterMismatch, Recorder, StageRoots, Trace, step_staged},
    world::{Roots, World},
};

use crate::{
    commands::trace::compare,
    diff_report::{DiffReport, FieldReport},
    failure::{Failure, Outcome},
    packs::Names,
    scenario::Scenario,
};

pub(crate) use plant::{Field, Kind, Plant};

/// Plants that share a recording of the left side.
const PLANTS_PER_STAGE: u64 = 250;
/// Ticks between keyframes of a drill's recordings.
const KEYFRAME_TICKS: u32 = 16;
/// How long a run may be that faults are planted into.
const TICKS: RangeInclusive<u64> = 3..=5000;
/// Fields that diff is asked to list.
const FIELDS_LISTED: usize = 2000;

/// The built-in scenario: small, with something of every kind.
pub(crate) fn scenario() -> Outcome<Scenario> {
    let text = include_str!("../../scenarios/drill.yaml");
    let source = Source { path: "drill.yaml".into(), text: text.into() };
    Scenario::parse(&source, std::path::Path::new("."))
}

/// A run that faults are planted into.
pub(crate) struct Stage {
    scenario: Scenario,
    about: About,
    library: Library<Ruleset>,
    names: Names,
    pool: Pool,
    start: World<Rules>,
    ticks: Vec<Recorded>,
    left: Vec<u8>,
}

/// A tick of the run, as the healthy side made it.
struct Recorded {
    frame: InputFrame<Command>,
    roots: Roots,
    after: World<Rules>,
}

/// A plant and what became of it.
#[derive(Debug, Serialize)]
pub(crate) struct Case {
    /// Everything follows from it and the kind: a drill of this seed alone repeats the case.
    pub(crate) seed: u64,
    /// What was planted.
    pub(crate) plant: Plant,
    /// Whether it was found.
    pub(crate) result: Result,
    /// What the diff said.
    pub(crate) report: DiffReport,
    /// The faulty recording.
    #[serde(skip)]
    pub(crate) right: Vec<u8>,
}

/// What became of a plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Result {
    /// The tick has its true root: the fault left no trace.
    Masked,
    /// The rules stopped at a value that they can never have made.
    Stopped,
    /// The diff found no difference.
    Missed,
    /// The diff found one.
    Found(Matches),
}

/// What of a plant the diff names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Matches {
    /// Whether the tick is the planted one.
    pub(crate) tick: bool,
    /// The system, where there is one to name.
    pub(crate) system: bool,
    /// The column, among those that differ after the system.
    pub(crate) column: bool,
    /// The entity, among those listed.
    pub(crate) entity: bool,
    /// The field, with its entity; or its row as a whole, where that stands on one side alone.
    pub(crate) field: bool,
    /// The planted value is no longer there at the end of the tick; what it led to is.
    pub(crate) used_up: bool,
}

impl Result {
    /// Whether there was nothing to find, or all of it was found.
    pub(crate) const fn is_well(&self) -> bool {
        match self {
            Self::Masked | Self::Stopped => true,
            Self::Missed => false,
            Self::Found(found) => {
                found.tick && found.system && found.column && (found.used_up || found.entity && found.field)
            }
        }
    }
}

impl Stage {
    /// The run that the plant of this seed goes into.
    pub(crate) fn of_plant(scenario: &Scenario, seed: u64) -> Outcome<Self> {
        Self::record(scenario, seed / PLANTS_PER_STAGE)
    }

    /// The seeds whose plants go into the same run as that of `seed`.
    pub(crate) const fn seeds_with(seed: u64) -> Range<u64> {
        let first = seed - seed % PLANTS_PER_STAGE;
        first..first.saturating_add(PLANTS_PER_STAGE)
    }

    /// Runs the scenario with another seed and records the healthy side.
    fn record(scenario: &Scenario, seed: u64) -> Outcome<Self> {
        if !TICKS.contains(&scenario.ticks) {
            let (least, most) = (TICKS.start(), TICKS.end());
            return Err(Failure::new(format!(
                "{}: {} ticks, a drill takes {least} to {most}",
                scenario.title, scenario.ticks
            ))
            .help("it keeps every tick's world in memory"));
        }
        let scenario = scenario.clone().with_seed(Some(scenario.seed.wrapping_add(seed)));
        let pool = Pool::new(1)?;
        let about = About { keyframe_ticks: KEYFRAME_TICKS, evidence_ticks: 2, ..scenario.about() };
        let mut simulation = scenario.begin()?;
        simulation.seal(&Inline);
        let start = simulation.snapshot();
        let mut frames = Frames::new(&scenario);
        let mut recorder = recorder(&simulation, &about, &scenario)?;
        let mut ticks = Vec::new();
        for _ in 0..scenario.ticks {
            let frame = frames.next(&simulation);
            let roots = simulation.step(&frame, &Inline).map_err(|error| Failure::new(error.to_string()))?;
            recorder.record(&frame, &roots, simulation.world()).map_err(|error| Failure::new(error.to_string()))?;
            ticks.push(Recorded { frame, roots, after: simulation.snapshot() });
        }
        let (left, _) = recorder.seal().map_err(|error| Failure::new(error.to_string()))?;
        let (library, names) = (simulation.library().clone(), Names::of([&scenario.pack]));
        Ok(Self { scenario, about, library, names, pool, start, ticks, left })
    }

    /// The healthy recording.
    pub(crate) fn left(&self) -> &[u8] {
        &self.left
    }

    /// Plants one fault, records the faulty side and lets diff compare.
    pub(crate) fn drill(&self, kind: Kind, seed: u64) -> Outcome<Case> {
        let (plant, plan) = plan::make(self, kind, seed)?;
        let tick = usize::try_from(plant.tick).expect("the run is in memory");
        let before = self.before(tick);
        let truth = &self.ticks[tick - 1];
        let faulty = quietly(|| {
            let mut simulation = Simulation::resume(self.library.clone(), before.clone());
            let mut observer = |stage: &'static str, world: &mut World<Rules>| plan.apply(stage, world);
            let frame = plan.frame().unwrap_or(&truth.frame);
            let made = step_staged(&mut simulation, frame, &Inline, Some(&mut observer));
            made.map(|(roots, stages)| (simulation, roots, stages))
        });
        let Some(Ok((simulation, roots, stages))) = faulty else {
            let report = DiffReport { same: true, last: [0, 0], ends: Vec::new(), header: Vec::new(), first: None };
            return Ok(Case { seed, plant, result: Result::Stopped, report, right: Vec::new() });
        };
        let right = self.record_right(tick, &simulation, &roots, stages)?;
        let report = self.diff(&right)?;
        let result = if roots.root == truth.roots.root {
            Result::Masked
        } else {
            judge(&plant, &report, &truth.after, simulation.world())
        };
        Ok(Case { seed, plant, result, report, right })
    }

    /// The world before a tick, from 1 on.
    fn before(&self, tick: usize) -> &World<Rules> {
        tick.checked_sub(2).map_or(&self.start, |at| &self.ticks[at].after)
    }

    /// As a client records itself: every tick, then its evidence when a root is not the true one.
    fn record_right(
        &self,
        tick: usize,
        simulation: &Simulation<Rules>,
        roots: &Roots,
        stages: StageRoots,
    ) -> Outcome<Vec<u8>> {
        let failed =
            |error: tickworld_sim::trace::RecordError<std::convert::Infallible>| Failure::new(error.to_string());
        let begun = Simulation::resume(self.library.clone(), self.start.clone());
        let mut recorder = recorder(&begun, &self.about, &self.scenario)?;
        for Recorded { frame, roots, after } in &self.ticks[..tick - 1] {
            recorder.record(frame, roots, after).map_err(failed)?;
        }
        let truth = &self.ticks[tick - 1];
        recorder.expect(truth.frame.tick, truth.roots.root).map_err(failed)?;
        recorder.record_staged(&truth.frame, roots, simulation.world(), stages).map_err(failed)?;
        recorder.seal().map(|(bytes, _)| bytes).map_err(failed)
    }

    fn diff(&self, right: &[u8]) -> Outcome<DiffReport> {
        let opened =
            |error: tickworld_sim::trace::TraceError<std::convert::Infallible>| Failure::new(error.to_string());
        let mut left = Trace::open(self.left.as_slice()).map_err(opened)?;
        let mut right = Trace::open(right).map_err(opened)?;
        compare(&mut left, &mut right, &self.library, &self.names, &self.pool, FIELDS_LISTED)
            .map_err(|error| Failure::new(error.to_string()))
    }
}

fn recorder(simulation: &Simulation<Rules>, about: &About, scenario: &Scenario) -> Outcome<Recorder<Rules, Vec<u8>>> {
    let packs = [(scenario.pack.id, scenario.pack.bytes.as_slice())];
    let begun = Recorder::begin(Vec::new(), simulation, about.clone(), &packs);
    Ok(begun.map_err(|error| Failure::new(error.to_string()))?.after_mismatch(AfterMismatch::Seal))
}

/// Lays the plant beside what the diff says.
fn judge(plant: &Plant, report: &DiffReport, truth: &World<Rules>, faulty: &World<Rules>) -> Result {
    let Some(found) = &report.first else { return Result::Missed };
    let entity = |named: Option<&str>| plant.entity.as_deref().is_none_or(|entity| named == Some(entity));
    let listed = |path: &str| {
        found.fields.iter().any(|it| it.path == path && (plant.entity.is_none() || entity(it.entity.as_deref())))
    };
    let column = |name: &str| {
        let chunks = format!("{name}.chunks");
        found.columns_after_system.iter().any(|column| *column == name || *column == chunks)
    };
    // The healthy side has the row no more, say, for the condition ended: no field of it can be listed.
    let row_on_one_side = |column: &str| {
        let absent = Found::NoRow.to_string();
        let is_whole = |it: &FieldReport| it.path == column && [&it.left, &it.right].contains(&&absent);
        found.fields.iter().any(|it| is_whole(it) && entity(it.entity.as_deref()))
    };
    let field = plant.field.as_ref();
    Result::Found(Matches {
        tick: found.tick == plant.tick,
        system: plant.system.is_none() || found.system == plant.system,
        column: field.is_none_or(|field| column(&field.column)),
        entity: plant.entity.is_none() || found.fields.iter().any(|it| entity(it.entity.as_deref())),
        field: field.is_none_or(|field| listed(&field.path) || row_on_one_side(&field.column)),
        used_up: field.is_some_and(|field| {
            let now = field.place.value(faulty);
            now.is_none() || now == field.place.value(truth)
        }),
    })
}

thread_local! {
    /// Whether this thread runs a faulty tick, whose panics are caught.
    static FAULTY: Cell<bool> = const { Cell::new(false) };
}

/// Runs the faulty tick; a value that the rules can never have made may make them panic, which is a find of its own.
fn quietly<T>(run: impl FnOnce() -> T) -> Option<T> {
    FAULTY.set(true);
    let ran = panic::catch_unwind(panic::AssertUnwindSafe(run)).ok();
    FAULTY.set(false);
    ran
}

/// From now on the panics of faulty ticks are not printed; all others are.
pub(crate) fn silence_faulty_ticks() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !FAULTY.get() {
            usual(info);
        }
    }));
}

impl fmt::Display for Plant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, tick {}", self.kind.word(), self.tick)?;
        if let Some(system) = &self.system {
            write!(f, ", after {system}")?;
        }
        write!(f, ": {}", self.story)
    }
}
