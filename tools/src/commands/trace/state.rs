//! `tickworld trace state`: the world of any tick, as rows and fields.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;
use tickworld_ledger::Ledger;
use tickworld_rules::Rules;
use tickworld_sim::{
    diff::{StateView, WorldView},
    frame::Tick,
    schema::RowKind,
    trace::Trace,
};

use super::replay_failure;
use crate::{
    Context,
    cli::State,
    diff_report::{creature_names, shown},
    failure::{Failure, Outcome, Verdict},
    files::{TraceFile, open_trace_until_asked, trace_failure},
    interrupt,
    output::{Ink, counted},
    packs::{self, LoadedPack, Names},
    store::{self, Hosted as _},
    viewer::parse_entity,
};

#[derive(Serialize)]
struct Report {
    file: String,
    tick: u64,
    root: String,
    columns: Vec<ColumnReport>,
}

#[derive(Serialize)]
struct ColumnReport {
    column: String,
    rows: u64,
    shown: Vec<RowReport>,
}

#[derive(Serialize)]
struct RowReport {
    row: u32,
    name: Option<String>,
    fields: BTreeMap<String, String>,
}

/// What to show.
struct Wanted<'a> {
    row: Option<u32>,
    /// Of the entity that was asked for, where its generation was said.
    generation: Option<u32>,
    column: Option<&'a str>,
    limit: usize,
    raw: bool,
}

pub(super) fn run(context: &mut Context, arguments: &State) -> Outcome {
    interrupt::take_over();
    match show(context, arguments) {
        // Of a world that was not reached there is nothing to show.
        Err(_) if interrupt::is_asked() => {
            context.out.value(&serde_json::json!({ "interrupted": true }));
            Ok(Verdict::Interrupted)
        }
        outcome => outcome,
    }
}

fn show(context: &mut Context, arguments: &State) -> Outcome {
    let path = &arguments.file;
    let mut trace = open_trace_until_asked(path)?;
    let tick = Tick(arguments.tick);
    let (row, generation) = arguments.entity.as_deref().map(entity).transpose()?.unzip();
    let wanted = Wanted {
        row,
        generation: generation.flatten(),
        column: arguments.column.as_deref(),
        limit: if arguments.raw { usize::MAX } else { arguments.limit },
        raw: arguments.raw,
    };
    check_column(&trace, wanted.column)?;
    let root = trace.root(tick).map_err(|error| trace_failure(path, error))?;
    let mut report =
        Report { file: path.display().to_string(), tick: tick.0, root: root.to_string(), columns: Vec::new() };
    let names = |packs: &[LoadedPack]| if wanted.raw { Names::default() } else { Names::of(packs) };
    if trace.check_game::<Ledger>().is_ok() {
        let sought = trace.seek::<Ledger>(tick, &store::Ledger::library(&[]), &context.pool);
        let simulation = sought.map_err(|error| replay_failure(path, error))?;
        let view = WorldView::new(simulation.world(), simulation.schema());
        check_generation(&view, &wanted, tick)?;
        report.columns = columns(&view, &wanted, &Names::default());
    } else if trace.check_game::<Rules>().is_ok() {
        let packs = packs::packs_of(&mut trace, &report.file)?;
        let names = names(&packs);
        let sought = trace.seek::<Rules>(tick, &packs::library(&packs), &context.pool);
        let simulation = sought.map_err(|error| replay_failure(path, error))?;
        let view = WorldView::new(simulation.world(), simulation.schema());
        check_generation(&view, &wanted, tick)?;
        report.columns = columns(&view, &wanted, &names);
    } else {
        let state = trace.state_at(tick).ok_or_else(|| no_state(path, &trace, tick))?;
        let state = trace.raw_state(state).map_err(|error| trace_failure(path, error))?;
        // Packs of another game, or of a build too old or too new to read: its keys are shown as numbers.
        let packs = packs::packs_of(&mut trace, &report.file).unwrap_or_default();
        check_generation(&state, &wanted, tick)?;
        report.columns = columns(&state, &wanted, &names(&packs));
    }
    if wanted.row.is_some() && report.columns.is_empty() {
        let message = format!("nothing lives in row {} at tick {tick}", wanted.row.unwrap_or(0));
        return Err(Failure::new(message).help("`--column entities.alive` shows who lives"));
    }
    context.out.value(&report);
    say(context, &report, &wanted);
    Ok(Verdict::Same)
}

fn no_state(path: &Path, trace: &Trace<TraceFile>, tick: Tick) -> Failure {
    let known: Vec<String> = trace.states().iter().take(20).map(|state| state.tick.to_string()).collect();
    let (game, revision) = (&trace.schema().game, trace.header().revision);
    let message = format!("{}: this build cannot replay the game {game}, revision {revision}", path.display());
    Failure::new(format!("{message}, and the trace holds no world of tick {tick}"))
        .help(format!("it holds the worlds of ticks {}", known.join(", ")))
}

/// The index and generation of `17v1`, or the index `17`.
fn entity(text: &str) -> Outcome<(u32, Option<u32>)> {
    parse_entity(text).ok_or_else(|| {
        Failure::new(format!("`{text}` is no entity")).help("write its index, or index and generation: 17v1")
    })
}

/// Refuses an entity that does not live in its row, and says who does.
fn check_generation(view: &dyn StateView, wanted: &Wanted<'_>, tick: Tick) -> Outcome<()> {
    let (Some(row), Some(asked)) = (wanted.row, wanted.generation) else { return Ok(()) };
    let (alive, retired) = (generation(view, "entities.alive", row), generation(view, "entities.retired", row));
    if alive == Some(asked) {
        return Ok(());
    }
    let newest = alive.or(retired).unwrap_or(0);
    let fate = if asked > newest || asked == 0 { "has not lived" } else { "lives no more" };
    let message = format!("{row}v{asked} {fate} at tick {tick}");
    Err(match alive {
        Some(other) => Failure::new(format!("{message}: {row}v{other} lives in its row"))
            .help(format!("--entity {row}v{other} shows that one")),
        None => Failure::new(format!("{message}, and nothing else lives in row {row}"))
            .help("`--column entities.alive` shows who lives"),
    })
}

/// The generation that a column of the entities holds in a row.
fn generation(view: &dyn StateView, column: &str, row: u32) -> Option<u32> {
    let (at, _) = view.column(column)?;
    let mut bytes = Vec::new();
    let bytes = view.row_bytes(at, row, &mut bytes).then_some(bytes)?;
    Some(u32::from_le_bytes(*bytes.first_chunk()?))
}

fn check_column(trace: &Trace<TraceFile>, wanted: Option<&str>) -> Outcome<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let known: Vec<&str> = trace.schema().columns.iter().map(|column| &*column.name).collect();
    if known.contains(&wanted) {
        return Ok(());
    }
    let help = tickworld_contentc::document::suggestion(wanted, known.iter().copied());
    Err(Failure::new(format!("there is no column `{wanted}`"))
        .help(help.unwrap_or_else(|| format!("there are: {}", known.join(", ")))))
}

fn columns(view: &dyn StateView, wanted: &Wanted<'_>, names: &Names) -> Vec<ColumnReport> {
    let mut reports = Vec::new();
    let detailed = wanted.raw || wanted.row.is_some() || wanted.column.is_some();
    for (at, column) in view.schema().columns.iter().enumerate() {
        if wanted.column.is_some_and(|name| name != column.name) {
            continue;
        }
        if wanted.row.is_some() && column.rows != RowKind::Entity {
            continue;
        }
        let pages = view.pages(at);
        let count: u64 = pages.iter().map(|page| u64::from(page.row_count)).sum();
        let mut shown_rows = Vec::new();
        if detailed {
            // A page that is none ends the column; `trace verify` names it.
            _ = view.rows(at, &mut |row, bytes| {
                if wanted.row.is_none_or(|wanted| wanted == row)
                    && shown_rows.len() < wanted.limit
                    && let Ok(fields) = column.ty.fields(bytes, &mut |value| shown(value, names))
                {
                    shown_rows.push(RowReport { row, name: None, fields });
                }
            });
        }
        if column.rows == RowKind::Entity {
            let rows: Vec<u32> = shown_rows.iter().map(|row| row.row).collect();
            let named = creature_names(view, &rows, names);
            for row in &mut shown_rows {
                row.name = named.get(&row.row).cloned();
            }
        }
        if wanted.row.is_none() || !shown_rows.is_empty() {
            reports.push(ColumnReport { column: column.name.to_string(), rows: count, shown: shown_rows });
        }
    }
    reports
}

fn say(context: &mut Context, report: &Report, wanted: &Wanted<'_>) {
    let out = &mut context.out;
    let title = out.paint(Ink::Bold, format!("tick {}", report.tick));
    out.line(format!("{title} of {}, root {}", report.file, report.root));
    for ColumnReport { column, rows, shown } in &report.columns {
        if shown.is_empty() {
            out.line(format!("  {rows:8}  {column}"));
            continue;
        }
        if wanted.row.is_none() {
            let title = out.paint(Ink::Bold, column);
            out.line(format!("{title}: {}", counted(rows, "row")));
        }
        for row in shown {
            let fields: Vec<String> = row
                .fields
                .iter()
                .map(|(path, value)| if path.is_empty() { value.clone() } else { format!("{path} {value}") })
                .collect();
            let head = if wanted.row.is_some() { column.clone() } else { row.row.to_string() };
            let name = row.name.as_ref().filter(|_| wanted.row.is_none()).map(|name| format!(" ({name})"));
            out.line(format!("  {head:14}{} {}", name.unwrap_or_default(), fields.join(", ")));
        }
        if wanted.row.is_none() && rows > &u64::try_from(shown.len()).unwrap_or(u64::MAX) {
            out.line(format!("  ... {}: --limit shows more", counted(rows - shown.len() as u64, "more row")));
        }
    }
}
