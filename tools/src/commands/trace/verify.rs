//! `tickworld trace verify`: everything in a trace, simulated again and compared.

use std::{path::Path, time::Instant};

use serde::Serialize;
use tickworld_ledger::Ledger;
use tickworld_pool::Pool;
use tickworld_rules::Rules;
use tickworld_sim::{
    content::Library,
    frame::Tick,
    game::Game,
    trace::{Audit, AuditReport, ReplayError, Trace, Verifier, VerifyReport},
};

use super::{check_game, replay_failure};
use crate::{
    Context,
    cli::Verify,
    commands::run::per_second,
    failure::{Failure, Outcome, Verdict},
    files::{TraceFile, open_trace, trace_failure},
    games::is_ledger,
    interrupt,
    output::{Ink, counted},
    packs,
    progress::Progress,
    store::{self, Hosted as _},
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
    /// Why nothing can be said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct Divergence {
    tick: u64,
    recorded: String,
    found: String,
    columns: Vec<String>,
}

pub(super) fn run(context: &mut Context, arguments: &Verify) -> Outcome {
    interrupt::take_over();
    let mut reports = Vec::new();
    let mut unusable = false;
    for path in &arguments.files {
        let pools = if arguments.audit || arguments.workers.is_empty() {
            vec![None]
        } else {
            arguments.workers.iter().copied().map(Some).collect()
        };
        for workers in pools {
            if interrupt::is_asked() {
                break;
            }
            match one(context, path, arguments, workers) {
                Ok(report) => {
                    say(context, &report);
                    reports.push(report);
                }
                // Alone, it is what the command comes to.
                Err(failure) if arguments.files.len() == 1 => return Err(failure),
                Err(failure) => {
                    // Before the next file's line, in whatever order both streams are read.
                    context.out.flush();
                    context.complain(&failure);
                    reports.push(Report::unusable(path, &failure));
                    unusable = true;
                    break;
                }
            }
        }
    }
    context.out.value(&reports);
    if unusable {
        return Ok(Verdict::Unusable);
    }
    Ok(Verdict::of(reports.iter().all(|report| report.ok)).interrupted(interrupt::is_asked()))
}

fn one(context: &Context, path: &Path, arguments: &Verify, workers: Option<u16>) -> Outcome<Report> {
    let mut report = if arguments.audit {
        audit(context, path)?
    } else {
        verify(context, path, workers.map(|workers| Pool::new(usize::from(workers))).transpose()?)?
    };
    report.ok &= arguments.prefix || report.torn_after.is_none();
    Ok(report)
}

impl Report {
    /// Of a file that could not be verified.
    fn unusable(path: &Path, failure: &Failure) -> Self {
        let mut report = report(path, 0, AuditReport::default(), std::time::Duration::ZERO, None);
        report.ok = false;
        report.error = Some(failure.to_json()["error"].clone());
        report
    }
}

fn audit(context: &Context, path: &Path) -> Outcome<Report> {
    let mut trace = open_trace(path)?;
    let mut progress = Progress::new(context.quiet, path.display().to_string(), trace.byte_count());
    let begun = Instant::now();
    let mut audit = Audit::new(&trace);
    while !interrupt::is_asked() && audit.step(&mut trace).map_err(|error| trace_failure(path, error))?.is_some() {
        progress.set(audit.report().bytes);
    }
    drop(progress);
    Ok(report(path, 0, *audit.report(), begun.elapsed(), None))
}

fn verify(context: &Context, path: &Path, own: Option<Pool>) -> Outcome<Report> {
    use tickworld_sim::executor::Executor as _;
    let pool = own.as_ref().unwrap_or(&context.pool);
    let mut trace = open_trace(path)?;
    check_game(path, &trace)?;
    let total = trace.last().0.saturating_sub(trace.start().0);
    let first = trace.start().0;
    let mut progress = Progress::new(context.quiet, path.display().to_string(), total);
    let begun = Instant::now();
    let mut tell = |tick: Tick| progress.set(tick.0.saturating_sub(first));
    let verified = if is_ledger(&trace.schema().game) {
        simulate::<Ledger>(&mut trace, &store::Ledger::library(&[]), pool, &mut tell)
    } else {
        let library = packs::library(&packs::packs_of(&mut trace, &path.display().to_string())?);
        simulate::<Rules>(&mut trace, &library, pool, &mut tell)
    };
    drop(progress);
    let VerifyReport { audit, divergence, .. } = verified.map_err(|error| replay_failure(path, error))?;
    let divergence = divergence.map(|it| Divergence {
        tick: it.tick.0,
        recorded: it.recorded.to_string(),
        found: it.found.to_string(),
        columns: it.columns,
    });
    Ok(report(path, pool.workers(), audit, begun.elapsed(), divergence))
}

/// Verifies until something differs, the trace ends, or the process is told to.
fn simulate<G: Game>(
    trace: &mut Trace<TraceFile>,
    library: &Library<G::Content>,
    pool: &Pool,
    progress: &mut dyn FnMut(Tick),
) -> Result<VerifyReport, ReplayError<std::io::Error>> {
    let mut verifier = Verifier::<G>::new(trace, library)?;
    while !interrupt::is_asked()
        && let Some(tick) = verifier.step(trace, pool)?
    {
        progress(tick);
    }
    Ok(verifier.into_report())
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
        error: None,
    }
}

fn say(context: &mut Context, report: &Report) {
    let out = &mut context.out;
    let Report { file, workers, ticks, keyframes, pages, ticks_per_second, .. } = report;
    let how = match workers {
        0 => "audited, not simulated".to_owned(),
        workers => format!("simulated with {}, {}/s", counted(workers, "worker"), counted(ticks_per_second, "tick")),
    };
    match &report.divergence {
        None => {
            let ok = out.paint(Ink::Green, "ok");
            let ok = if report.ok { ok } else { out.paint(Ink::Red, "broken off") };
            let ticks = counted(ticks, "tick");
            let (keyframes, pages) = (counted(keyframes, "keyframe"), counted(pages, "page"));
            out.line(format!("{ok}  {file}: {ticks}, {keyframes}, {pages}; {how}"));
            if let Some(last) = report.torn_after {
                let hint = if report.ok { "" } else { "; --prefix takes that for good" };
                out.line(format!(
                    "    torn: the recording was broken off after tick {last}; what is there is whole{hint}"
                ));
            }
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
