//! `tickworld trace diff`: the first tick, system, entity and field in which two traces differ.

use std::path::Path;

use serde_json::json;
use tickworld_ledger::Ledger;
use tickworld_pool::Pool;
use tickworld_rules::{Rules, Ruleset};
use tickworld_sim::{
    content::Library,
    diff::{self, Rerun, TraceDiff, TraceDiffError},
    frame::Tick,
    trace::{Source, Trace},
};

use crate::{
    Context,
    cli::Diff,
    diff_report::{self, DiffReport, End},
    failure::{Failure, Outcome, Verdict},
    files::{TraceFile, open_trace_until_asked, trace_failure},
    games::{is_ledger, is_rules},
    interrupt,
    output::Ink,
    packs::{self, Names},
    store::{self, Hosted as _},
};

pub(super) fn run(context: &mut Context, arguments: &Diff) -> Outcome {
    interrupt::take_over();
    let mut first = None;
    match find(context, arguments, &mut first) {
        Err(_) if interrupt::is_asked() => Ok(say_stopped(context, arguments, first)),
        outcome => outcome,
    }
}

/// Told to end: the first tick that differs may be known, and not yet in what.
fn say_stopped(context: &mut Context, arguments: &Diff, first: Option<Tick>) -> Verdict {
    let same = first.map(|_| false);
    context.out.value(&json!({ "interrupted": true, "same": same, "first_tick": first.map(|tick| tick.0) }));
    let (left, right) = (arguments.left.display(), arguments.right.display());
    let line = match first {
        Some(tick) => {
            let red = context.out.paint(Ink::Red, "different");
            format!("{red}: {left} and {right}, first at tick {tick}; told to end before it was known in what")
        }
        None => format!("{left} and {right}: no difference was found until then"),
    };
    context.out.line(line);
    Verdict::of(first.is_none()).interrupted(true)
}

/// Compares both, and says in `first` at which tick they part as soon as that is known.
fn find(context: &mut Context, arguments: &Diff, first: &mut Option<Tick>) -> Outcome {
    let (mut left, mut right) = (open_trace_until_asked(&arguments.left)?, open_trace_until_asked(&arguments.right)?);
    let paths = [&*arguments.left, &*arguments.right];
    *first = diff::first_difference(&mut left, &mut right).map_err(|error| failure(paths, error))?;
    let both = |is: fn(&str) -> bool| is(&left.schema().game) && is(&right.schema().game);
    let report = if both(is_ledger) {
        let rerun = Rerun { library: &store::Ledger::library(&[]), executor: &context.pool };
        let found = diff::traces_at::<Ledger, _, _>(&mut left, &mut right, *first, &rerun, arguments.limit);
        found.map(|found| nameless(&found))
    } else if both(is_rules) {
        let mut packs = packs::packs_of(&mut left, &paths[0].display().to_string())?;
        packs.extend(packs::packs_of(&mut right, &paths[1].display().to_string())?);
        let library = packs::library(&packs);
        let rerun = Rerun { library: &library, executor: &context.pool };
        compare_at(&mut left, &mut right, *first, &rerun, &Names::of(&packs), arguments.limit)
    } else {
        diff::traces_of_unknown_game(&mut left, &mut right, arguments.limit).map(|found| nameless(&found))
    };
    let mut report = report.map_err(|error| failure(paths, error))?;
    report.ends = vec![end(&left), end(&right)];
    if report.first.is_none()
        && let Some(damage) = damaged(paths[0], &left).or_else(|| damaged(paths[1], &right))
    {
        return Err(damage);
    }
    report.same = report.first.is_none() && (arguments.prefix || report.last[0] == report.last[1]);
    context.out.value(&report);
    diff_report::say(&mut context.out, &report, paths.map(|path| path.display().to_string()));
    Ok(Verdict::of(report.same))
}

/// How a trace ends.
fn end(trace: &Trace<TraceFile>) -> End {
    let torn = trace.torn();
    End {
        last_tick: trace.last().0,
        state: match (torn, trace.damage()) {
            (None, _) => "whole",
            (Some(_), None) => "broken off",
            (Some(_), Some(_)) => "damaged",
        },
        at_byte: torn.map(|torn| torn.at_byte),
        damage: trace.damage().map(ToString::to_string),
    }
}

/// Why equal beginnings say nothing of two traces: what comes after them in one cannot be read.
fn damaged(path: &Path, trace: &Trace<TraceFile>) -> Option<Failure> {
    let (torn, damage) = (trace.torn()?, trace.damage()?);
    let (shown, at, last) = (path.display(), torn.at_byte, torn.last_tick);
    let message = format!("{shown}: byte {at}: {damage}; up to tick {last} both are the same, what follows is damaged");
    Some(
        Failure::new(message)
            .help(format!("`tickworld trace info {shown}` says more; copy the file again, or record it again")),
    )
}

/// Of a game in which nothing has a name.
fn nameless(found: &TraceDiff) -> DiffReport {
    DiffReport::of(found, &Names::default(), &|_, _| None)
}

/// The ordinary diff of two traces of the d20 game. It knows nothing but the two.
pub(crate) fn compare<L: Source, R: Source>(
    left: &mut Trace<L>,
    right: &mut Trace<R>,
    library: &Library<Ruleset>,
    names: &Names,
    pool: &Pool,
    limit: usize,
) -> Result<DiffReport, TraceDiffError<L::Error, R::Error>> {
    let first = diff::first_difference(left, right)?;
    compare_at(left, right, first, &Rerun { library, executor: pool }, names, limit)
}

fn compare_at<L: Source, R: Source>(
    left: &mut Trace<L>,
    right: &mut Trace<R>,
    first: Option<Tick>,
    rerun: &Rerun<'_, Rules>,
    names: &Names,
    limit: usize,
) -> Result<DiffReport, TraceDiffError<L::Error, R::Error>> {
    let found: TraceDiff = diff::traces_at::<Rules, L, R>(left, right, first, rerun, limit)?;
    let first = found.first.as_ref();
    let rows = first.map(diff_report::rows).unwrap_or_default();
    let tick = first.map_or(left.start(), |first| first.tick);
    let mut creatures = diff_report::creatures_of(left, tick, &rows, rerun, names);
    for (row, name) in diff_report::creatures_of(right, tick, &rows, rerun, names) {
        creatures.entry(row).or_insert(name);
    }
    Ok(DiffReport::of(&found, names, &|_, row| creatures.get(&row).cloned()))
}

fn failure(paths: [&Path; 2], error: TraceDiffError<std::io::Error, std::io::Error>) -> Failure {
    match error {
        TraceDiffError::Left(error) => trace_failure(paths[0], error),
        TraceDiffError::Right(error) => trace_failure(paths[1], error),
        TraceDiffError::Apart { left, right } => {
            let [one, other] = paths.map(Path::display);
            let ([a, b], [c, d]) = (left, right);
            Failure::new(format!("nothing to compare: {one} holds ticks {a} to {b}, {other} {c} to {d}"))
                .help("only traces of the same ticks can be compared: record one that reaches into the other")
        }
        error => Failure::new(error.to_string()),
    }
}
