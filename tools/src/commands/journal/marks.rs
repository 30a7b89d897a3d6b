//! `tickworld journal marks`: which ticks a build panicked in, and which starts ended without a word.

use serde_json::json;
use tickworld_persist::{Attempts, Mark};

use crate::{
    Context,
    failure::{Outcome, Verdict},
    output,
    store::OpenStore,
};

pub(super) fn run(context: &mut Context, store: &OpenStore) -> Outcome {
    let (marks, attempts) = (store.marks()?, store.attempts()?);
    // A mark stands at a tick while its record is kept, void or not.
    let ticks = store.ticks_of(&marks)?;
    let value = |(mark, tick): (&Mark, &Option<u64>)| {
        json!({
            "tick": tick,
            "record": mark.record_hash.to_string(),
            "build": mark.build.to_string(),
            "epoch": mark.epoch.map(|epoch| epoch.0),
            "message": mark.message,
        })
    };
    let counted = |it: &Attempts| json!({ "build": it.build.to_string(), "record": it.record_hash.to_string(), "count": it.count });
    context.out.value(&json!({
        "folder": store.shown(),
        "marks": marks.iter().zip(&ticks).map(value).collect::<Vec<_>>(),
        "attempts": attempts.iter().map(counted).collect::<Vec<_>>(),
    }));
    if marks.is_empty() && attempts.is_empty() {
        context.out.line(format!("{}: no tick is marked, and no start ended without a word", store.shown()));
    }
    for (mark, tick) in marks.iter().zip(&ticks) {
        let tick = tick.map_or_else(|| "a tick that is no longer kept".to_owned(), |tick| format!("tick {tick}"));
        let by = match mark.epoch {
            Some(epoch) => format!("its writer, of epoch {epoch}, panicked in it"),
            None => "a replay panicked in it".to_owned(),
        };
        context.out.line(format!("{tick}: {by}: {}", mark.message));
        context.out.line(format!("    record {}, build {}", mark.record_hash, mark.build));
    }
    for Attempts { build, record_hash, count } in &attempts {
        context.out.line(format!(
            "{} of build {build} since the record {record_hash:.16} came to no new tick",
            output::counted(count, "start")
        ));
    }
    Ok(Verdict::Same)
}
