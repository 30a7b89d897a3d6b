//! `tickworld trace from-journal`: an ordinary trace of what a server's journal makes of its world.
//!
//! Invariant: what is written is what this build computes; each root that the journal proves is expected of it, so a trace
//! without a mismatch is the server's history.

use std::{io, path::Path};

use serde_json::json;
use tickworld_sim::trace::{About, AfterMismatch, RecordError, Recorder, TraceSize};

use crate::{
    Context, cli,
    commands::journal::{Stretch, WithGame, divergence_json, say_divergence, skip, stretch, with_game},
    failure::{Failure, Outcome, Verdict},
    files::{Kind, NewFile, Target},
    interrupt,
    output::{Ink, counted},
    progress::Progress,
    store::{Divergence, Follow, Hosted, OpenStore},
};

pub(super) fn run(context: &mut Context, arguments: &cli::FromJournal) -> Outcome {
    let store = OpenStore::open(&arguments.data)?;
    let stretch = stretch(context, &store, arguments.span)?;
    with_game(&store, Recording { context, store: &store, stretch, arguments })
}

struct Recording<'a> {
    context: &'a mut Context,
    store: &'a OpenStore,
    stretch: Stretch,
    arguments: &'a cli::FromJournal,
}

impl WithGame for Recording<'_> {
    fn run<H: Hosted>(self) -> Outcome {
        let Self { context, store, stretch: Stretch { origin, at, from, to }, arguments } = self;
        let mut follow = Follow::<H>::begin(store, &origin, &arguments.beginning)?;
        let mut progress = Progress::new(context.quiet, "ticks", to.0 - at.0);
        interrupt::take_over();
        let before = tickworld_sim::frame::Tick(from.0 - 1);
        if let Some(divergence) = skip(context, &mut follow, before, &mut |tick| progress.set(tick.0 - at.0))? {
            drop(progress);
            say_divergence(context, &divergence);
            context.out.value(&json!({ "file": null, "divergence": divergence_json(&divergence) }));
            return Ok(Verdict::Different);
        }
        if interrupt::is_asked() {
            context.out.value(&json!({ "file": null, "interrupted": true, "divergence": null }));
            return Ok(Verdict::Interrupted);
        }
        let packs = follow.packs()?;
        let packs: Vec<_> = packs.iter().map(|(id, bytes)| (*id, bytes.as_slice())).collect();
        let target = Target::new(&arguments.output, Kind::Trace).reads([&arguments.data]).force(arguments.force);
        let sink = NewFile::create(target)?;
        let failed = |error: RecordError<io::Error>| failed(&arguments.output, &error);
        let recorder = Recorder::begin(sink, follow.simulation(), about(store, arguments), &packs).map_err(failed)?;
        let mut recorder = recorder.after_mismatch(AfterMismatch::Seal);
        let mut divergence = None;
        while let Some(followed) = follow.next(to, &context.pool)? {
            for (id, bytes) in &followed.contents {
                recorder.add_content(*id, bytes, follow.simulation().library()).map_err(failed)?;
            }
            recorder.record(&followed.frame, &followed.roots, follow.simulation().world()).map_err(failed)?;
            divergence = followed.divergence;
            if divergence.is_some() {
                break;
            }
            progress.set(follow.tick().0 - at.0);
            // A trace of no tick is none.
            if interrupt::is_asked() {
                break;
            }
        }
        let divergence = divergence.or_else(|| follow.compare_rest());
        if let Some(Divergence { tick, recorded, .. }) = divergence {
            // The journal proves a root some ticks late: what the recorder made of that tick is still in its memory.
            recorder.expect(tick, recorded).map_err(failed)?;
        }
        drop(progress);
        let interrupted = divergence.is_none() && follow.tick() < to;
        let (file, size) = recorder.seal().map_err(failed)?;
        let path = if interrupted { file.finish_broken_off()? } else { file.finish()? };
        tell(context, &path, store, from.0, &size, divergence.as_ref(), interrupted);
        Ok(Verdict::of(divergence.is_none()).interrupted(interrupted))
    }
}

fn about(store: &OpenStore, arguments: &cli::FromJournal) -> About {
    About {
        engine: concat!("tickworld ", env!("CARGO_PKG_VERSION")).into(),
        title: format!("World {}", store.header.world),
        seed: "none, a server's journal".into(),
        ticks_per_second: store.header.tick_rate.into(),
        keyframe_ticks: arguments.keyframes,
        evidence_ticks: arguments.evidence,
    }
}

fn failed(path: &Path, error: &RecordError<io::Error>) -> Failure {
    let failure = Failure::new(format!("{}: {error}", path.display()));
    if matches!(error, RecordError::Sink(_)) { failure.help("is there room on the disk?") } else { failure }
}

fn tell(
    context: &mut Context,
    path: &Path,
    store: &OpenStore,
    from: u64,
    size: &TraceSize,
    divergence: Option<&Divergence>,
    interrupted: bool,
) {
    let shown = path.display().to_string();
    let last = from + size.ticks - 1;
    context.out.value(&json!({
        "file": shown,
        "folder": store.shown(),
        "first_tick": from,
        "last_tick": last,
        "ticks": size.ticks,
        "bytes": size.bytes,
        "interrupted": interrupted,
        "divergence": divergence.map(divergence_json),
    }));
    let title = context.out.paint(Ink::Bold, &shown);
    context.out.line(format!("{title}: ticks {from} to {last} of world {}", store.header.world));
    context.out.line(format!(
        "  {} KiB: {} a tick for inputs and roots, {} in {}",
        size.bytes / 1024,
        counted(size.tick_bytes / size.ticks.max(1), "byte"),
        counted(size.pages, "page"),
        counted(size.states, "world"),
    ));
    if let Some(divergence) = divergence {
        say_divergence(context, divergence);
        context.out.line(
            "    the trace ends there, with evidence: `tickworld trace diff` against another build's names the field",
        );
    }
}
