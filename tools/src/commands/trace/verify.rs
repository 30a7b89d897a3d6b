//! `tickworld trace verify`: everything in a trace, simulated again and compared.

use std::{path::Path, time::Instant};

use serde::Serialize;
use tickworld_ledger::Ledger;
use tickworld_pool::Pool;
use tickworld_rules::Rules;
use tickworld_sim::{
    frame::Tick,
    trace::{Audit, AuditReport, Verifier, VerifyReport},
};

use super::{check_game, is_ledger, ledger_library, replay_failure};
use crate::{
    Context,
    cli::Verify,
    commands::run::per_second,
    failure::{Outcome, Verdict},
    files::{open_trace, trace_failure},
    output::Ink,
    packs,
    progress::Progress,
};

/// What verifying one trace came to.
#[derive(Serialize)]
struct Report {
    file: String,
    /// 0: nothing was simulated.
    workers: usize,
    ok: bool,
    ticks: u64,
    keyframes: u64,
    pages: u64,
    bytes: u64,
    ticks_per_second: u64,
    /// The last tick before the tear.
    torn_after: Option<u64>,
    divergence: Option<Divergence>,
}

#[derive(Serialize)]
struct Divergence {
    tick: u64,
    recorded: String,
    found: String,
    columns: Vec<String>,
}

pub(super) fn run(context: &mut Context, arguments: &Verify) -> Outcome {
    let mut reports = Vec::new();
    for path in &arguments.files {
        if arguments.audit {
            reports.push(audit(context, path)?);
        } else if arguments.workers.is_empty() {
            reports.push(verify(context, path, None)?);
        } else {
            for workers in &arguments.workers {
                reports.push(verify(context, path, Some(Pool::new(usize::from(*workers))?))?);
            }
        }
        if let Some(report) = reports.last().filter(|_| !context.out.is_json()) {
            let torn = report.torn_after.is_some();
            if torn {
                context.out.line("    torn: the recording was broken off; what is there is whole");
            }
        }
    }
    context.out.value(&reports);
    Ok(Verdict::of(reports.iter().all(|report| report.ok)))
}

fn audit(context: &mut Context, path: &Path) -> Outcome<Report> {
    let mut trace = open_trace(path)?;
    let mut progress = Progress::new(context.quiet, path.display().to_string(), trace.byte_count());
    let begun = Instant::now();
    let audited = Audit::run(&mut trace, &mut |done, _| progress.set(done));
    drop(progress);
    let audit = audited.map_err(|error| trace_failure(path, error))?;
    let report = report(path, 0, audit, begun.elapsed(), None);
    say(context, &report);
    Ok(report)
}

fn verify(context: &mut Context, path: &Path, own: Option<Pool>) -> Outcome<Report> {
    use tickworld_sim::executor::Executor as _;
    let pool = own.as_ref().unwrap_or(&context.pool);
    let mut trace = open_trace(path)?;
    check_game(path, &trace)?;
    let total = trace.last().0.saturating_sub(trace.start().0);
    let first = trace.start().0;
    let mut progress = Progress::new(context.quiet, path.display().to_string(), total);
    let begun = Instant::now();
    let mut tell = |tick: Tick, _: Tick| progress.set(tick.0.saturating_sub(first));
    let verified = if is_ledger(&trace.schema().game) {
        Verifier::<Ledger>::run(&mut trace, &ledger_library(), pool, &mut tell)
    } else {
        let library = packs::library(&packs::packs_of(&mut trace, &path.display().to_string())?);
        Verifier::<Rules>::run(&mut trace, &library, pool, &mut tell)
    };
    drop(progress);
    let VerifyReport { audit, divergence, .. } = verified.map_err(|error| replay_failure(path, error))?;
    let divergence = divergence.map(|it| Divergence {
        tick: it.tick.0,
        recorded: it.recorded.to_string(),
        found: it.found.to_string(),
        columns: it.columns,
    });
    let report = report(path, pool.workers(), audit, begun.elapsed(), divergence);
    say(context, &report);
    Ok(report)
}

fn report(
    path: &Path,
    workers: usize,
    audit: AuditReport,
    elapsed: std::time::Duration,
    divergence: Option<Divergence>,
) -> Report {
    Report {
        file: path.display().to_string(),
        workers,
        ok: divergence.is_none(),
        ticks: audit.ticks,
        keyframes: audit.keyframes,
        pages: audit.pages,
        bytes: audit.bytes,
        ticks_per_second: per_second(audit.ticks, elapsed),
        torn_after: audit.torn.map(|torn| torn.last_tick.0),
        divergence,
    }
}

fn say(context: &mut Context, report: &Report) {
    let out = &mut context.out;
    let Report { file, workers, ticks, keyframes, pages, ticks_per_second, .. } = report;
    let how = match workers {
        0 => "audited, not simulated".to_owned(),
        1 => format!("simulated with 1 worker, {ticks_per_second} ticks/s"),
        workers => format!("simulated with {workers} workers, {ticks_per_second} ticks/s"),
    };
    match &report.divergence {
        None => {
            let ok = out.paint(Ink::Green, "ok");
            out.line(format!("{ok}  {file}: {ticks} ticks, {keyframes} keyframes, {pages} pages; {how}"));
        }
        Some(Divergence { tick, recorded, found, columns }) => {
            let red = out.paint(Ink::Red, "different");
            out.line(format!("{red}  {file}: tick {tick} comes out differently; {how}"));
            out.line(format!("    recorded {recorded}\n    found    {found}"));
            out.line(format!("    in {}", columns.join(", ")));
            out.line("    record the scenario again and `tickworld trace diff` the two: it names entity and field");
        }
    }
}
