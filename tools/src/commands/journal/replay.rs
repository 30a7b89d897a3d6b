//! `tickworld journal replay`: a journal simulated again, every root compared that it proves.

use std::time::{Duration, Instant};

use serde_json::json;
use tickworld_sim::frame::Tick;

use super::{Stretch, WithGame, divergence_json, say_divergence, skip, stretch, with_game};
use crate::{
    Context, cli,
    failure::{Outcome, Verdict},
    interrupt,
    output::{Ink, counted},
    progress::Progress,
    store::{Divergence, Follow, Hosted, OpenStore, Origin},
};

pub(super) fn run(context: &mut Context, store: &OpenStore, span: cli::Span, beginning: &cli::Beginning) -> Outcome {
    let stretch = stretch(context, store, span)?;
    with_game(store, Replay { context, store, stretch, beginning })
}

struct Replay<'a> {
    context: &'a mut Context,
    store: &'a OpenStore,
    stretch: Stretch,
    beginning: &'a cli::Beginning,
}

/// What it came to.
struct Replayed {
    ticks: u64,
    proofs: u64,
    worlds: u64,
    proven: Option<Tick>,
    took: Duration,
    divergence: Option<Divergence>,
    interrupted: bool,
}

impl WithGame for Replay<'_> {
    fn run<H: Hosted>(self) -> Outcome {
        let Self { context, store, stretch: Stretch { origin, at, to, .. }, beginning } = self;
        let mut follow = Follow::<H>::begin(store, &origin, beginning)?;
        let mut progress = Progress::new(context.quiet, "ticks", to.0 - at.0);
        let begun = Instant::now();
        interrupt::take_over();
        let mut divergence = skip(context, &mut follow, to, &mut |tick| progress.set(tick.0 - at.0))?;
        let took = begun.elapsed();
        drop(progress);
        let interrupted = divergence.is_none() && follow.tick() < to;
        if divergence.is_none() {
            divergence = follow.compare_rest();
        }
        let ticks = follow.tick().0 - at.0;
        let (proofs, worlds, proven) = (follow.proofs(), follow.worlds, follow.proven());
        let replayed = Replayed { ticks, proofs, worlds, proven, took, divergence, interrupted };
        tell(context, store, &origin, at, &replayed);
        Ok(Verdict::of(replayed.divergence.is_none()).interrupted(interrupted))
    }
}

fn tell(context: &mut Context, store: &OpenStore, origin: &Origin, at: Tick, replayed: &Replayed) {
    let Replayed { ticks, proofs, worlds, proven, took, divergence, interrupted } = replayed;
    let (last, seconds) = (at.0 + ticks, took.as_secs_f64().max(1e-9));
    let per_second = *ticks as f64 / seconds;
    let real_time = per_second / f64::from(store.header.tick_rate);
    let from = match origin {
        Origin::Start => "the start",
        Origin::Snapshot(_) => "snapshot",
    };
    context.out.value(&json!({
        "folder": store.shown(),
        "ok": divergence.is_none(),
        "interrupted": interrupted,
        "from": { "tick": at.0, "is_snapshot": matches!(origin, Origin::Snapshot(_)) },
        "last_tick": last,
        "ticks": ticks,
        "proofs": proofs,
        "snapshots": worlds,
        "proven_tick": proven.map(|tick| tick.0),
        "seconds": seconds,
        "ticks_per_second": per_second,
        "times_real_time": real_time,
        "divergence": divergence.as_ref().map(divergence_json),
    }));
    if let Some(divergence) = divergence {
        say_divergence(context, divergence);
        context.out.line(
            "    the journal was tampered with, its server was another build, or a machine was at fault: `tickworld \
             journal verify` tells the first apart",
        );
    } else {
        let ok = context.out.paint(Ink::Green, "ok");
        let shown = store.shown();
        context.out.line(format!(
            "{ok}  {shown}: ticks {} to {last} from {from} of tick {at}; {} and {} as recorded",
            at.0 + 1,
            counted(proofs, "root"),
            counted(worlds, "world"),
        ));
        match proven {
            Some(proven) if proven.0 < last => {
                context
                    .out
                    .line(format!("    proven up to tick {proven}: nothing in the store proves what comes after"));
            }
            None => context.out.line("    nothing in the store proves any of these ticks"),
            Some(_) => {}
        }
    }
    context.out.line(format!("    {per_second:.0} ticks/s, {real_time:.0} times real time"));
}
