//! `tickworld run`: a scenario, and what happened in it.

use std::{path::PathBuf, time::Instant};

use serde::Serialize;

use crate::{
    Context, builtin,
    cli::Run,
    drive::{Drive, Recording},
    failure::{Outcome, Verdict},
    files::{Kind, Target},
    interrupt,
    output::{Ink, counted},
    packs::{self, Names},
    progress::Progress,
    run_summary::{self, RunStats, Side},
};

/// What a run came to.
#[derive(Serialize)]
struct Report {
    scenario: String,
    seed: u64,
    content: String,
    ticks: u64,
    /// Whether it was told to end before its last tick.
    interrupted: bool,
    ticks_per_second: u64,
    root: String,
    happened: RunStats,
    sides: Vec<Side>,
    trace: Option<Recorded>,
}

#[derive(Serialize)]
struct Recorded {
    file: String,
    bytes: u64,
    bytes_per_tick: u64,
}

/// Simulates the scenario and says what happened.
pub(crate) fn run(context: &mut Context, arguments: &Run) -> Outcome {
    let scenario = builtin::scenario(&arguments.scenario)?.with_seed(arguments.seed);
    let ticks = arguments.ticks.unwrap_or(scenario.ticks);
    let names = Names::of([&scenario.pack]);
    let mut drive = Drive::begin(&scenario)?;
    let recording = arguments.record.as_ref();
    let target = |path: &PathBuf| Target::new(path, Kind::Trace).force(arguments.force);
    let mut recording = recording
        .map(|path| Recording::begin(target(path), &scenario, &drive.simulation, scenario.about()))
        .transpose()?;
    let mut happened = RunStats::default();
    let mut root = drive.simulation.seal(&context.pool).root;
    let mut progress = Progress::new(context.quiet, &scenario.title, ticks);
    let begun = Instant::now();
    interrupt::take_over();
    let mut made = 0;
    while made < ticks && !interrupt::is_asked() {
        let ticked = drive.tick(&context.pool, false);
        root = ticked.roots.root;
        happened.watch(&drive.simulation, ticked.frame.inputs.len(), &names);
        if let Some(recording) = &mut recording {
            recording.add(ticked, &drive.simulation)?;
        }
        made += 1;
        progress.set(made);
    }
    drop(progress);
    let elapsed = begun.elapsed();
    let interrupted = made < ticks;
    let recorded = recording.map(|recording| recording.finish(interrupted)).transpose()?;
    let report = Report {
        scenario: scenario.title.clone(),
        seed: scenario.seed,
        content: packs::short(scenario.pack.id),
        ticks: made,
        interrupted,
        ticks_per_second: per_second(made, elapsed),
        root: root.to_string(),
        happened,
        sides: run_summary::sides(drive.simulation.state(), &scenario.factions),
        trace: recorded.map(|(size, path)| Recorded {
            file: path.display().to_string(),
            bytes: size.bytes,
            bytes_per_tick: size.bytes / size.ticks.max(1),
        }),
    };
    context.out.value(&report);
    say(context, &report);
    Ok(Verdict::Same.interrupted(interrupted))
}

fn say(context: &mut Context, report: &Report) {
    let out = &mut context.out;
    let Report { scenario, seed, content, ticks, ticks_per_second, root, happened, sides, trace, .. } = report;
    let title = out.paint(Ink::Bold, scenario);
    out.line(format!("{title}: {}, seed {seed}, content {content}", counted(ticks, "tick")));
    let RunStats { actions, hits, misses, criticals, damage, healing, conditions, deaths, arrivals, inputs, .. } =
        happened;
    let (actions, hits, misses) = (counted(actions, "action"), counted(hits, "hit"), counted(misses, "miss"));
    let (damage, conditions) = (counted(damage, "hit point"), counted(conditions, "condition"));
    let (deaths, arrivals, inputs) = (counted(deaths, "death"), counted(arrivals, "arrival"), counted(inputs, "input"));
    out.line(format!("  {actions}, {hits} ({criticals} critical), {misses}"));
    out.line(format!("  {damage} lost, {healing} healed, {conditions}"));
    out.line(format!("  {deaths}, {arrivals}, {inputs} of players"));
    if let Some(blow) = &happened.hardest {
        out.line(format!("  hardest blow: {} for {} on {}, tick {}", blow.by, blow.amount, blow.to, blow.tick));
    }
    if let Some((name, entity, kills)) = happened.deadliest() {
        out.line(format!("  deadliest: {name} {entity} with {kills}"));
    }
    let sides: Vec<String> = sides.iter().map(|side| format!("{} {}", side.alive, side.faction)).collect();
    out.line(format!(
        "  still standing: {}",
        if sides.is_empty() { "nobody counted".into() } else { sides.join(", ") }
    ));
    out.line(format!("  {}/s, root of every tick computed", counted(ticks_per_second, "tick")));
    if let Some(Recorded { file, bytes, bytes_per_tick }) = trace {
        out.line(format!("  recorded {file}: {} KiB, {} a tick", bytes / 1024, counted(bytes_per_tick, "byte")));
    }
    out.line(format!("  root {root}"));
}

/// How many a second, rounded.
pub(super) fn per_second(count: u64, elapsed: std::time::Duration) -> u64 {
    let micros = elapsed.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}
