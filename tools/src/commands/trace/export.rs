//! `tickworld trace export`: a trace as JSON lines, for other tools.

use std::path::Path;

use serde_json::{Map, Value, json};
use tickworld_sim::{
    diff::{Fields, read_frame},
    frame::{Act, Enter, Input, InputFrame, Request, Tick},
};

use crate::{
    Context,
    failure::{Failure, Outcome, Verdict},
    files::{open_trace, trace_failure},
    interrupt,
};

pub(super) fn run(context: &mut Context, path: &Path, from: Option<u64>, to: Option<u64>) -> Outcome {
    let mut trace = open_trace(path)?;
    let (first, last) = (trace.start().next(), trace.last());
    let (from, to) = (from.map_or(first, Tick), to.map_or(last, Tick));
    if from < first || to > last || from > to {
        let message = format!("{}: ticks {from} to {to} are not in the trace", path.display());
        return Err(Failure::new(message).help(format!("it holds {first} to {last}")));
    }
    interrupt::take_over();
    let (schema, format) = (trace.schema().clone(), trace.frame_format());
    let header = trace.header();
    context.out.value_line(&json!({
        "title": header.about.title,
        "seed": header.about.seed,
        "game": schema.game,
        "revision": header.revision,
        "start": header.start.tick.0,
        "root": header.start.root.to_string(),
        "columns": schema.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>(),
    }));
    for record in trace.ticks(from) {
        let record = record.map_err(|error| trace_failure(path, error))?;
        if record.tick > to || context.out.is_broken() || interrupt::is_asked() {
            break;
        }
        let frame = read_frame(&record.frame, format, &schema.input).map_err(|error| {
            Failure::new(format!("{}: the frame of tick {} is malformed: {error}", path.display(), record.tick))
        })?;
        context.out.value_line(&json!({
            "tick": record.tick.0,
            "root": record.root.to_string(),
            "columns": record.columns.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "entropy": entropy(&frame),
            "inputs": frame.inputs.iter().map(input).collect::<Vec<_>>(),
        }));
    }
    Ok(Verdict::Same.interrupted(interrupt::is_asked()))
}

/// The entropy of a frame.
pub(crate) fn entropy(frame: &InputFrame<Fields>) -> String {
    frame.entropy.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An input of a frame.
pub(crate) fn input(input: &Input<Fields>) -> Value {
    let mut value = Map::new();
    value.insert("player".into(), input.player.0.into());
    match &input.act {
        Act::Enter(Enter { generation, opened_by }) => {
            value.insert("generation".into(), (*generation).into());
            value.insert("opened_by".into(), format!("{opened_by:016x}").into());
            value.insert("act".into(), "enter".into())
        }
        Act::Leave => value.insert("act".into(), "leave".into()),
        Act::TimeOut => value.insert("act".into(), "time-out".into()),
        Act::Incarnation { number, lamport } => {
            value.insert("incarnation".into(), (*number).into());
            value.insert("lamport".into(), (*lamport).into());
            value.insert("act".into(), "incarnation".into())
        }
        Act::Return { hops, is_held, parcel } => {
            value.insert("hops".into(), (*hops).into());
            value.insert("held".into(), (*is_held).into());
            value.insert("parcel_bytes".into(), parcel.len().into());
            value.insert("act".into(), "return".into())
        }
        Act::Archive => value.insert("act".into(), "archive".into()),
        Act::Hold => value.insert("act".into(), "hold".into()),
        Act::Border { region, state } => {
            value.insert("region".into(), region.0.into());
            value.insert("border".into(), format!("{state:?}").to_lowercase().into());
            value.insert("act".into(), "border".into())
        }
        Act::Delivered { region, incarnation, sequence, lamport } => {
            value.insert("region".into(), region.0.into());
            value.insert("incarnation".into(), (*incarnation).into());
            value.insert("number".into(), (*sequence).into());
            value.insert("lamport".into(), (*lamport).into());
            value.insert("act".into(), "delivered".into())
        }
        Act::Accept { region, incarnation } => {
            value.insert("region".into(), region.0.into());
            value.insert("incarnation".into(), (*incarnation).into());
            value.insert("act".into(), "accept".into())
        }
        Act::Mail { region, incarnation, sequence, lamport, is_held, parcel } => {
            value.insert("region".into(), region.0.into());
            value.insert("incarnation".into(), (*incarnation).into());
            value.insert("number".into(), (*sequence).into());
            value.insert("lamport".into(), (*lamport).into());
            value.insert("held".into(), (*is_held).into());
            value.insert("parcel_bytes".into(), parcel.len().into());
            value.insert("act".into(), "mail".into())
        }
        Act::Void => {
            value.insert("sequence".into(), input.sequence.0.into());
            value.insert("act".into(), "void".into())
        }
        Act::Request(request) => {
            value.insert("sequence".into(), input.sequence.0.into());
            match request {
                Request::Kick(player) => value.insert("kick".into(), player.0.into()),
                Request::Bar { player, is_barred: true } => value.insert("bar".into(), player.0.into()),
                Request::Bar { player, is_barred: false } => value.insert("unbar".into(), player.0.into()),
                Request::Clear(player) => value.insert("clear".into(), player.0.into()),
                Request::Held { player, is_taken: true } => value.insert("take".into(), player.0.into()),
                Request::Held { player, is_taken: false } => value.insert("drop".into(), player.0.into()),
                Request::Border { region, is_open: true } => value.insert("open_border".into(), region.0.into()),
                Request::Border { region, is_open: false } => value.insert("close_border".into(), region.0.into()),
                Request::Accept { region, incarnation } => {
                    value.insert("incarnation".into(), (*incarnation).into());
                    value.insert("accept".into(), region.0.into())
                }
                Request::Mark(lamport) => value.insert("mark".into(), (*lamport).into()),
                Request::Content(id) => value.insert("content".into(), id.to_string().into()),
            }
        }
        Act::Play(fields) => {
            value.insert("sequence".into(), input.sequence.0.into());
            let named = fields.iter().map(|(path, found)| {
                let path = if path.is_empty() { "act" } else { path };
                (path.to_owned(), Value::from(found.to_string()))
            });
            value.insert("input".into(), named.collect::<Map<_, _>>().into())
        }
    };
    value.into()
}
