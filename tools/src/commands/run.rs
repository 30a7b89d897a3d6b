//! `tickworld run`: a scenario, and what happened in it.

use std::{path::PathBuf, time::Instant};

use serde::Serialize;

use crate::{
    Context, builtin,
    cli::Run,
    drive::{Drive, Recording},
    failure::{Failure, Outcome, Verdict},
    files::{Kind, Target},
    interrupt,
    output::Ink,
    packs::{self, Names},
    progress::Progress,
    scenario::{Scenario, TICKS_MAX},
    telling::{self, Side, Telling},
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
    happened: Telling,
    sides: Vec<Side>,
    trace: Option<Recorded>,
}

#[derive(Serialize)]
struct Recorded {
    file: String,
    bytes: u64,
    bytes_per_tick: u64,
}

/// Runs it.
pub(crate) fn run(context: &mut Context, arguments: &Run) -> Outcome {
    let scenario = builtin::scenario(&arguments.scenario)?.with_seed(arguments.seed);
    let ticks = checked_ticks(arguments.ticks, &scenario)?;
    let names = Names::of([&scenario.pack]);
    let mut drive = Drive::begin(&scenario)?;
    let recording = arguments.record.as_ref();
    let target = |path: &PathBuf| Target::new(path, Kind::Trace).force(arguments.force);
    let mut recording = recording
        .map(|path| Recording::begin(target(path), &scenario, &drive.simulation, scenario.about()))
        .transpose()?;
    let mut happened = Telling::default();
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
        sides: telling::sides(drive.simulation.state(), &scenario.factions),
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
    out.line(format!("{title}: {ticks} ticks, seed {seed}, content {content}"));
    let Telling { actions, hits, misses, criticals, damage, healing, conditions, deaths, arrivals, inputs, .. } =
        happened;
    out.line(format!("  {actions} actions, {hits} hits ({criticals} critical), {misses} misses"));
    out.line(format!("  {damage} hit points lost, {healing} healed, {conditions} conditions"));
    out.line(format!("  {deaths} deaths, {arrivals} arrivals, {inputs} inputs of players"));
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
    out.line(format!("  {ticks_per_second} ticks/s, root of every tick computed"));
    if let Some(Recorded { file, bytes, bytes_per_tick }) = trace {
        out.line(format!("  recorded {file}: {} KiB, {bytes_per_tick} bytes a tick", bytes / 1024));
    }
    out.line(format!("  root {root}"));
}

/// The number of ticks asked for, or the scenario's.
pub(super) fn checked_ticks(asked: Option<u64>, scenario: &Scenario) -> Outcome<u64> {
    match asked {
        Some(ticks) if ticks == 0 || ticks > TICKS_MAX => {
            Err(Failure::new(format!("--ticks {ticks} is not within 1 to {TICKS_MAX}")))
        }
        Some(ticks) => Ok(ticks),
        None => Ok(scenario.ticks),
    }
}

/// How many a second, rounded.
pub(super) fn per_second(count: u64, elapsed: std::time::Duration) -> u64 {
    let micros = elapsed.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}
