//! `tickworld trace info`: what a trace says of itself, and how far it can be read.

use std::path::Path;

use serde_json::json;
use tickworld_sim::{
    hash::Hash,
    trace::{StateKind, Torn, Trace},
};

use super::is_known_game;
use crate::{
    Context,
    failure::{Outcome, Verdict},
    files::{TraceFile, open_trace, trace_failure},
    output::{Ink, counted},
    packs,
};

pub(super) fn run(context: &mut Context, path: &Path) -> Outcome {
    let mut trace = open_trace(path)?;
    let mismatch = trace.mismatch().map_err(|error| trace_failure(path, error))?;
    let last_root = trace.root(trace.last()).map_err(|error| trace_failure(path, error))?;
    let header = trace.header();
    let about = &header.about;
    let count = |kind| trace.states().iter().filter(|state| state.kind == kind).count();
    let (keyframes, evidence) = (count(StateKind::Keyframe), count(StateKind::Evidence));
    let contents: Vec<String> = trace.contents().into_iter().map(|id| id.to_string()).collect();
    let schema = trace.schema();
    let torn = trace.torn();
    context.out.value(&json!({
        "file": path.display().to_string(),
        "title": about.title,
        "engine": about.engine,
        "seed": about.seed,
        "game": schema.game,
        "known_game": is_known_game(&trace),
        "revision": header.revision,
        "schema": trace.schema_id().0.to_string(),
        "columns": schema.columns.len(),
        "content": contents,
        "first_tick": trace.start().0,
        "last_tick": trace.last().0,
        "ticks_per_second": about.ticks_per_second,
        "start_root": header.start.root.to_string(),
        "last_root": last_root.to_string(),
        "keyframes": keyframes,
        "evidence": evidence,
        "bytes": trace.byte_count(),
        "sealed": trace.is_sealed(),
        "torn": torn.map(|torn| json!({
            "at_byte": torn.at_byte, "last_tick": torn.last_tick.0, "damage": trace.damage().map(ToString::to_string),
        })),
        "mismatch": mismatch.map(|it| json!({ "tick": it.tick.0, "own": it.own.to_string(), "expected": it.expected.to_string() })),
    }));
    say(context, path, &trace, &last_root);
    if let Some(mismatch) = mismatch {
        let red = context.out.paint(Ink::Red, "mismatch");
        let tick = mismatch.tick;
        context.out.line(format!("  {red} at tick {tick}: another root was expected; the evidence is inside"));
    }
    Ok(Verdict::Same)
}

fn say(context: &mut Context, path: &Path, trace: &Trace<TraceFile>, last_root: &Hash) {
    let (header, schema) = (trace.header(), trace.schema());
    let about = &header.about;
    let count = |kind| trace.states().iter().filter(|state| state.kind == kind).count();
    let (keyframes, evidence) = (count(StateKind::Keyframe), count(StateKind::Evidence));
    let ticks = trace.last().0 - trace.start().0;
    let out = &mut context.out;
    let title = out.paint(Ink::Bold, if about.title.is_empty() { "without a title" } else { &about.title });
    out.line(format!("{}: {title}", path.display()));
    let engine = if about.engine.is_empty() { String::new() } else { format!("{}, ", about.engine) };
    let seed = if about.seed.is_empty() { String::new() } else { format!(", seed {}", about.seed) };
    out.line(format!("  by       {engine}rules {} revision {}{seed}", schema.game, header.revision));
    let seconds = ticks / u64::from(about.ticks_per_second.max(1));
    out.line(format!(
        "  ticks    {} to {}: {}:{:02} min of the world",
        trace.start(),
        trace.last(),
        seconds / 60,
        seconds % 60
    ));
    let bytes = trace.byte_count();
    out.line(format!("  size     {} KiB, {} a tick", bytes / 1024, counted(bytes / ticks.max(1), "byte")));
    let (keyframes, columns) = (counted(keyframes, "keyframe"), counted(schema.columns.len(), "column"));
    out.line(format!("  worlds   {keyframes}, {evidence} of evidence; {columns}"));
    let ids: Vec<String> = trace.contents().into_iter().map(packs::short).collect();
    out.line(format!("  content  {}", if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }));
    out.line(format!("  root     {last_root} (last tick)"));
    if let Some(Torn { at_byte, last_tick }) = trace.torn() {
        match trace.damage() {
            Some(damage) => {
                let red = out.paint(Ink::Red, "damaged");
                out.line(format!(
                    "  {red}  at byte {at_byte}, after tick {last_tick}: {damage}; what is before can be used"
                ));
            }
            None => {
                let red = out.paint(Ink::Red, "torn");
                out.line(format!("  {red}     at byte {at_byte}, after tick {last_tick}: what is there can be used"));
            }
        }
    }
}
