//! `tickworld swarm`: runs seeds, each by many ways, and shrinks what fails.
//!
//! Invariant: a seed's result does not depend on the threads or on which other seeds are run; the lowest seed that fails is the
//! one that is shown.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rayon::prelude::*;
use serde::Serialize;
use tickworld_sim::executor::Executor as _;
use tickworld_swarm::{Case, ContentPool, Shrunk, Size, Violation, hunt, hunt::Run, shrink_while};

use crate::{
    Context,
    cli::{SeedRange, Swarm},
    commands::run::per_second,
    failure::{Failure, Outcome, Verdict},
    files::{self, Kind, Target},
    interrupt,
    output::{Ink, counted},
    packs,
    progress::Progress,
};

/// Seeds that a thread is given at a time.
const SEEDS_PER_THREAD: u64 = 8;

/// What the runs came to.
#[derive(Debug, Serialize)]
struct Report {
    seeds: u64,
    /// Ticks of the runs.
    ticks: u64,
    /// Ticks made by all ways together.
    ticks_stepped: u64,
    /// Of the last roots of all seeds: the same in every process and build.
    digest: String,
    /// Whether it was told to end before the last seed.
    interrupted: bool,
    seeds_per_second: u64,
    ticks_stepped_per_second: u64,
    finding: Option<Found>,
}

/// A failing seed.
#[derive(Debug, Serialize)]
struct Found {
    seed: u64,
    tick: u64,
    way: &'static str,
    fault: &'static str,
    text: String,
    repeat: String,
    before: Size,
    after: Option<Size>,
    /// What the shrunk case fails with.
    shrunk: Option<String>,
    tries: u32,
    /// Whether it fails every time.
    always: bool,
    files: Vec<String>,
}

/// Runs seeds, or a case that was kept.
pub(crate) fn run(context: &mut Context, arguments: &Swarm) -> Outcome {
    tickworld_swarm::silence_panics();
    if let Some(file) = &arguments.case {
        return again(context, file);
    }
    // What an hour found must not be lost because there is no place for it.
    if !arguments.no_shrink {
        files::check_folder(&arguments.keep)?;
    }
    let pool = ContentPool::new(packs::shipped()?.pack);
    let workers = context.pool.workers();
    let threads = rayon::ThreadPoolBuilder::new().num_threads(workers).build();
    let threads = threads.map_err(|error| Failure::new(format!("cannot start {workers} threads: {error}")))?;
    let asked = Asked::of(arguments);
    let begun = Instant::now();
    let mut progress = Progress::new(context.quiet, "swarm", asked.count.unwrap_or(u64::MAX));
    let mut report = Report {
        seeds: 0,
        digest: String::new(),
        ticks: 0,
        ticks_stepped: 0,
        interrupted: false,
        seeds_per_second: 0,
        ticks_stepped_per_second: 0,
        finding: None,
    };
    let mut digest = blake3::Hasher::new();
    let mut failed: Option<Run> = None;
    interrupt::take_over();
    while failed.is_none() && asked.goes_on(report.seeds, begun.elapsed()) && !interrupt::is_asked() {
        let first = asked.first.wrapping_add(report.seeds);
        let share = workers as u64 * SEEDS_PER_THREAD;
        let count = asked.count.map_or(share, |count| share.min(count - report.seeds));
        let batch = (0..count).into_par_iter().map(|at| hunt::seed(&pool, first.wrapping_add(at)));
        let runs: Vec<Run> = threads.install(|| batch.collect());
        for run in runs {
            report.seeds += 1;
            report.ticks += run.case.ticks;
            digest.update(run.last_root.as_ref().map_or(&[], |root| &root.0[..]));
            report.ticks_stepped += run.ticks_stepped;
            if run.violation.is_some() && failed.is_none() {
                failed = Some(run);
            }
        }
        progress.set(report.seeds);
    }
    drop(progress);
    report.interrupted = failed.is_none() && asked.goes_on(report.seeds, begun.elapsed());
    report.digest = digest.finalize().to_hex()[..16].to_owned();
    report.seeds_per_second = per_second(report.seeds, begun.elapsed());
    report.ticks_stepped_per_second = per_second(report.ticks_stepped, begun.elapsed());
    if let Some(Run { seed, case, violation: Some(violation), .. }) = &failed {
        report.finding = Some(found(arguments, *seed, case, violation)?);
        // It may not be as small as it could be.
        report.interrupted = !arguments.no_shrink && interrupt::is_asked();
    }
    context.out.value(&report);
    say(context, &report);
    Ok(Verdict::of(report.finding.is_none()).interrupted(report.interrupted))
}

/// Which seeds, and until when.
struct Asked {
    first: u64,
    count: Option<u64>,
    time: Option<Duration>,
}

impl Asked {
    fn of(arguments: &Swarm) -> Self {
        let time = arguments.time.map(Duration::from_secs);
        match (arguments.seed, arguments.seeds) {
            (Some(seed), _) => Self { first: seed, count: Some(1), time },
            (None, Some(SeedRange { first, end })) => Self { first, count: Some(end - first), time },
            (None, None) => Self { first: 0, count: None, time: time.or(Some(Duration::from_secs(60))) },
        }
    }

    fn goes_on(&self, done: u64, elapsed: Duration) -> bool {
        self.count.is_none_or(|count| done < count) && self.time.is_none_or(|time| elapsed < time)
    }
}

/// Shrinks and keeps what failed.
fn found(arguments: &Swarm, seed: u64, case: &Case, violation: &Violation) -> Outcome<Found> {
    let mut found = Found {
        seed,
        tick: violation.tick,
        way: violation.variant.word(),
        fault: violation.fault.word(),
        text: violation.to_string(),
        repeat: format!("tickworld swarm --seed {seed}"),
        before: case.size(),
        after: None,
        shrunk: None,
        tries: 0,
        always: true,
        files: Vec::new(),
    };
    if arguments.no_shrink {
        return Ok(found);
    }
    let Shrunk { case, violation, after, tries, always, .. } =
        shrink_while(case, violation, &|| !interrupt::is_asked());
    found.after = Some(after);
    found.shrunk = Some(violation.to_string());
    (found.tries, found.always) = (tries, always);
    // A run that cannot be recorded has its case all the same.
    let trace = case.to_trace().ok();
    let kept = |stem: &str| {
        let json_name = format!("{stem}.json");
        let test = case.to_rust_test(&json_name, &violation).into_bytes();
        let mut kept = vec![
            (json_name, case.to_json(&violation.to_string()).into_bytes()),
            (format!("{}.rs", stem.replace('-', "_")), test),
        ];
        kept.extend(trace.clone().map(|bytes| (format!("{stem}.trace"), bytes)));
        kept
    };
    files::make_folder(&arguments.keep)?;
    for (name, bytes) in first_free(&arguments.keep, seed, kept) {
        let path = arguments.keep.join(name);
        files::write(Target::new(&path, Kind::Exactly(&bytes)), &bytes)?;
        found.files.push(path.display().to_string());
    }
    Ok(found)
}

/// The files of a case, named by its seed, or by seed and number where other files have those names: they may be a case that
/// somebody changed by hand.
fn first_free(folder: &Path, seed: u64, files: impl Fn(&str) -> Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let mut number = 1_u32;
    loop {
        let stem = if number == 1 { format!("seed-{seed}") } else { format!("seed-{seed}-{number}") };
        let files = files(&stem);
        let is_free = |(name, bytes): &(String, Vec<u8>)| match std::fs::read(folder.join(name)) {
            Ok(found) => found == *bytes,
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        if number == u32::MAX || files.iter().all(is_free) {
            return files;
        }
        number += 1;
    }
}

/// Makes a kept case again.
fn again(context: &mut Context, path: &Path) -> Outcome {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("cannot read {shown}: {error}")).help("a case is a file seed-N.json"))?;
    let case = Case::from_json(&text).map_err(|error| Failure::new(format!("{shown}: {error}")))?;
    let size = case.size();
    let violation = case.check().err();
    let text = violation.as_ref().map(ToString::to_string);
    context.out.value(&serde_json::json!({ "case": shown.to_string(), "size": size, "finding": text }));
    let out = &mut context.out;
    out.line(format!("{shown}: {}", shown_size(&size)));
    let verdict = match &text {
        Some(text) => out.paint(Ink::Red, format!("fails: {text}")),
        None => out.paint(Ink::Green, "does not fail"),
    };
    out.line(verdict);
    Ok(Verdict::of(violation.is_none()))
}

fn shown_size(size: &Size) -> String {
    let Size { inputs, entities, ticks, content } = size;
    let (inputs, entities, ticks) = (counted(inputs, "input"), counted(entities, "entity"), counted(ticks, "tick"));
    format!("{inputs}, {entities}, {ticks}, {} of content", counted(content, "entry"))
}

fn say(context: &mut Context, report: &Report) {
    let out = &mut context.out;
    let title = out.paint(Ink::Bold, counted(report.seeds, "seed"));
    out.line(format!(
        "{title}, {}, {} made by all ways; {} and {} a second",
        counted(report.ticks, "tick"),
        report.ticks_stepped,
        counted(report.seeds_per_second, "seed"),
        counted(report.ticks_stepped_per_second, "tick")
    ));
    out.line(format!("digest of their last roots: {}", report.digest));
    let Some(found) = &report.finding else {
        out.line(out.paint(Ink::Green, "nothing found"));
        return;
    };
    out.line(out.paint(Ink::Red, format!("seed {} fails", found.seed)));
    out.line(format!("  {}", found.text));
    out.line(format!("  repeat: {}", found.repeat));
    out.line(format!("  it has {}", shown_size(&found.before)));
    if let (Some(after), Some(text)) = (&found.after, &found.shrunk) {
        out.line(format!("  shrunk in {} to {}", counted(found.tries, "try"), shown_size(after)));
        out.line(format!("  {text}"));
        if !found.always {
            out.line("  it does not fail every time: what it depends on is outside the world");
        }
    }
    for file in &found.files {
        out.line(format!("  kept {file}"));
    }
}
