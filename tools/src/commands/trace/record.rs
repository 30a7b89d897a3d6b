//! `tickworld trace record`: a scenario into a file, compared with another trace if wanted.

use std::{path::Path, time::Instant};

use serde_json::json;
use tickworld_sim::trace::{About, Mismatch, Reproducible, Trace};

use crate::{
    Context, builtin,
    cli::Record,
    commands::run::per_second,
    drive::{Drive, Recording},
    failure::{Failure, Outcome, Verdict},
    files::{Kind, Target, TraceFile, open_trace, trace_failure},
    interrupt,
    output::{Ink, counted},
    packs,
    progress::Progress,
    scenario::Scenario,
};

pub(super) fn run(context: &mut Context, arguments: &Record) -> Outcome {
    let scenario = builtin::scenario(&arguments.scenario)?.with_seed(arguments.seed);
    let ticks = arguments.ticks.unwrap_or(scenario.ticks);
    let mut expected = arguments.expect.as_deref().map(|path| Expected::open(path, &scenario)).transpose()?;
    let about = About { keyframe_ticks: arguments.keyframes, evidence_ticks: arguments.evidence, ..scenario.about() };
    let mut drive = Drive::begin(&scenario)?;
    let target = Target::new(&arguments.output, Kind::Trace).reads(&arguments.expect).force(arguments.force);
    let mut recording = Recording::begin(target, &scenario, &drive.simulation, about)?;
    let mut progress = Progress::new(context.quiet, &scenario.title, ticks);
    let begun = Instant::now();
    let mut mismatch = None;
    interrupt::take_over();
    let mut done = 0;
    while done < ticks && mismatch.is_none() && !interrupt::is_asked() {
        done += 1;
        let ticked = drive.tick(&context.pool, arguments.per_system);
        if let Some(expected) = &mut expected {
            expected.tell(&mut recording, done)?;
        }
        mismatch = recording.add(ticked, &drive.simulation)?;
        progress.set(done);
    }
    drop(progress);
    let elapsed = begun.elapsed();
    let interrupted = done < ticks && mismatch.is_none();
    let (size, file) = recording.finish(interrupted)?;
    let root = drive.simulation.seal(&context.pool).root;
    let shown = file.display();
    context.out.value(&json!({
        "file": shown.to_string(),
        "scenario": scenario.title,
        "seed": scenario.seed,
        "content": packs::short(scenario.pack.id),
        "ticks": size.ticks,
        "bytes": size.bytes,
        "tick_bytes": size.tick_bytes,
        "page_bytes": size.page_bytes,
        "root": root.to_string(),
        "interrupted": interrupted,
        "mismatch": mismatch.map(|it| json!({
            "tick": it.tick.0,
            "own_root": it.own.to_string(),
            "expected_root": it.expected.to_string(),
            "reproducible": match it.reproducible {
                Reproducible::Yes => Some(true),
                Reproducible::No => Some(false),
                Reproducible::Unknown => None,
            },
        })),
    }));
    let title = context.out.paint(Ink::Bold, shown.to_string());
    context.out.line(format!("{title}: {}, seed {}, {}", scenario.title, scenario.seed, counted(size.ticks, "tick")));
    context.out.line(format!(
        "  {} KiB: {} a tick for inputs and roots, {} in {}",
        size.bytes / 1024,
        counted(size.tick_bytes / size.ticks.max(1), "byte"),
        counted(size.pages, "page"),
        counted(size.states, "world"),
    ));
    context.out.line(format!("  {} ticks/s, root {root}", per_second(size.ticks, elapsed)));
    if let Some(mismatch) = &mismatch {
        say_mismatch(context, arguments, mismatch);
    }
    Ok(Verdict::of(mismatch.is_none()).interrupted(interrupted))
}

fn say_mismatch(context: &mut Context, arguments: &Record, mismatch: &Mismatch) {
    let red = context.out.paint(Ink::Red, format!("tick {} has another root than expected", mismatch.tick));
    context.out.line(red);
    context.out.line(format!("  here      {}\n  expected  {}", mismatch.own, mismatch.expected));
    match mismatch.reproducible {
        Reproducible::Yes => {
            context.out.line("  running the tick again gives the same root: other inputs, or other code")
        }
        Reproducible::No => context.out.line("  running the tick again gives another root: this machine is at fault"),
        Reproducible::Unknown => {}
    }
    if let Some(other) = &arguments.expect {
        let (left, right) = (arguments.output.display(), other.display());
        context.out.line(format!("the evidence is in the file: tickworld trace diff {left} {right}"));
    }
}

/// The roots that another trace has.
struct Expected<'p> {
    path: &'p Path,
    trace: Trace<TraceFile>,
}

impl<'p> Expected<'p> {
    fn open(path: &'p Path, scenario: &Scenario) -> Outcome<Self> {
        let trace = open_trace(path)?;
        let content = trace.header().start.content;
        if content != scenario.pack.id {
            let (theirs, ours) = (packs::short(content), packs::short(scenario.pack.id));
            return Err(Failure::new(format!(
                "{} was made with content {theirs}, the scenario uses {ours}",
                path.display()
            ))
            .help("they would differ from the first tick on: record both with the same pack"));
        }
        Ok(Self { path, trace })
    }

    fn tell(&mut self, recording: &mut Recording, tick: u64) -> Outcome<()> {
        let tick = tickworld_sim::frame::Tick(tick);
        if tick > self.trace.start() && tick <= self.trace.last() {
            let root = self.trace.root(tick).map_err(|error| trace_failure(self.path, error))?;
            recording.expect(root)?;
        }
        Ok(())
    }
}
