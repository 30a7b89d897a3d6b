//! `tickworld journal export`: a journal as JSON lines, for other tools.

use serde_json::json;
use tickworld_persist::{ClaimRecord, Proof, Record};
use tickworld_sim::{diff::read_frame, frame::Tick};

use super::{held, within};
use crate::{
    Context, cli,
    commands::trace::{entropy_json, input_json},
    failure::{Failure, Outcome, Verdict},
    interrupt,
    store::OpenStore,
};

pub(super) fn run(context: &mut Context, store: &OpenStore, span: cli::Span) -> Outcome {
    let (first, last) = held(store)?;
    let (from, to) = (span.from.map_or(first, Tick), span.to.map_or(last, Tick));
    within(store, from, to)?;
    interrupt::take_over();
    let header = &store.header;
    context.out.value_line(&json!({
        "world": header.world.to_string(),
        "game": header.game(),
        "revision": header.revision,
        "ticks_per_second": header.tick_rate,
        "root_lag_ticks": header.root_lag_ticks,
        "start": header.start.tick.0,
        "root": header.start.root.to_string(),
    }));
    let at_end = if to == last { store.claims_at_end()? } else { Vec::new() };
    for record in store.records(from, to).chain(at_end.into_iter().map(Ok)) {
        if context.out.is_broken() || interrupt::is_asked() {
            break;
        }
        let record = record.map_err(|error| store.read_failure(error))?;
        let tick = record.tick_before().next();
        let Some(frame) = record.frame() else {
            if let Some(claim) = record.as_claim() {
                context.out.value_line(&claim_json(claim, &record));
            }
            continue;
        };
        let frame = read_frame(frame, record.frame_format(), &header.schema.input).map_err(|error| {
            Failure::new(format!("{}: the frame of tick {tick} cannot be read: {error}", store.shown()))
        })?;
        let proof = record.proof(header);
        context.out.value_line(&json!({
            "tick": tick.0,
            "ticks": record.count(),
            "slot": record.slot().0,
            "epoch": record.epoch().0,
            "link": record.hash().to_string(),
            "wall_ms": record.wall().0,
            "proof": proof.map(|Proof { tick, root }| json!({ "tick": tick.0, "root": root.to_string() })),
            "entropy": entropy_json(&frame),
            "inputs": frame.inputs.iter().map(input_json).collect::<Vec<_>>(),
        }));
    }
    Ok(Verdict::Same.interrupted(interrupt::is_asked()))
}

/// A claim, which makes no tick.
fn claim_json(claim: &ClaimRecord, record: &Record) -> serde_json::Value {
    json!({
        "claim": claim.why.to_string(),
        "slot": claim.slot.0,
        "after": { "slot": claim.after.slot.0, "tick": claim.after.tick.0 },
        "incarnation": claim.incarnation,
        "loss": claim.is_loss,
        "who": claim.who,
        "link": record.hash().to_string(),
        "wall_ms": claim.wall.0,
    })
}
