//! `tickworld journal skip`: the last tick left out, for nobody at hand can make it.

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::json;
use tickworld_persist::{Claimant, DataLossPolicy, SkipError, Skipped, WallTime};

use crate::{
    Context,
    failure::{Failure, Outcome, Verdict},
    store,
};

pub(super) fn run(context: &mut Context, data: &Path, accept_loss: bool) -> Outcome {
    let policy = if accept_loss { DataLossPolicy::Accept } else { DataLossPolicy::Refuse };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let who = concat!("tickworld ", env!("CARGO_PKG_VERSION"), " journal skip").to_owned();
    let by = Claimant { who, wall: WallTime(u64::try_from(since).unwrap_or(u64::MAX)) };
    let shown = data.display();
    let Skipped { tick, slot, is_loss, claim } = store::skip(data, &by, policy)?.map_err(|error| match error {
        SkipError::Told(_) => Failure::new(format!("{shown}: {error}"))
            .help("another build may make it: start with one first; --accept-loss leaves it out, and another life of the region begins"),
        SkipError::Damaged(_) => Failure::new(format!("{shown}: {error}"))
            .help(format!("`tickworld journal verify {shown}` lists everything that is damaged")),
        error => Failure::new(format!("{shown}: {error}")),
    })?;
    context.out.value(&json!({
        "folder": shown.to_string(),
        "skipped_tick": tick.0,
        "slot": slot.0,
        "loss": is_loss,
        "epoch": claim.epoch.0,
        "incarnation": claim.incarnation,
    }));
    context.out.line(format!("{shown}: tick {tick} is left out; the next server answers what stood in it as void"));
    if is_loss {
        let life = claim.incarnation;
        context.out.line(format!(
            "    it may have been told: life {life} of the region begins, and clients fetch the world anew"
        ));
    }
    Ok(Verdict::Same)
}
