//! `tickworld measure join`: a late join to a large world over a slow line, and whether the server's ticks notice.
//!
//! Invariant: the client is a real one, over real sockets; only the line between them is a relay that is as slow as asked.

use std::time::Duration;

use serde_json::json;
use tickworld_server::config::Config;

use super::{battle::Battle, relay::Line};
use crate::{
    Context,
    bots::Pace,
    cli::MeasureJoin,
    commands::play::wanderer,
    failure::{Failure, Outcome, Verdict},
    hosted_world::WorldPlan,
    hosting::{Hosting, Party, any_port, kinds},
    interrupt,
};

/// Measures and tells.
pub(super) fn run(context: &mut Context, arguments: &MeasureJoin) -> Outcome {
    let battle = Battle::of(arguments.creatures, arguments.active)?;
    let bot = wanderer(battle.content());
    let line =
        Line { bits_per_second: Some(arguments.megabits * 1_000_000), delay: Duration::from_millis(arguments.delay) };
    let hosting = Hosting {
        config: Config { listen: any_port(), http: any_port(), ..Config::default() },
        world: WorldPlan::One(battle),
        data: None,
        party: Party {
            kinds: kinds(arguments.players, 0, 0),
            apart: Vec::new(),
            apart_arguments: Vec::new(),
            far: Some(line),
            pace: Pace::Rate(5.0),
            seconds: arguments.seconds,
            report_every: None,
        },
    };
    let played = hosting.play(context, &bot)?;
    let Some((report, passed)) = &played.far else {
        if interrupt::is_asked() {
            context.out.value(&json!({ "good": true, "interrupted": true }));
            return Ok(Verdict::Interrupted);
        }
        return Err(Failure::new("nobody joined"));
    };
    let joined = report.joined();
    let seconds =
        |time: Option<Duration>| time.map_or_else(|| "never".into(), |time| format!("{:.2} s", time.as_secs_f64()));
    let (bytes, _, dropped) = passed.down.sums();
    context.out.line(format!(
        "joiner     has the world after {}, and the server's tick after {}; {} KiB of manifest and pages, {} KiB passed down \
         its line in all, {dropped} datagrams dropped there",
        seconds(joined.map(|joined| joined.restored)),
        seconds(joined.and_then(|joined| joined.caught_up)),
        joined.map_or(0, |joined| joined.bytes) / 1024,
        bytes / 1024,
    ));
    context.out.line(format!("roots      {} ticks computed by the joiner; good: {}", report.roots(), report.is_good()));
    let outcomes = played.report.as_ref().map_or(0, crate::bots::Report::measured);
    context.out.line(played.watched.to_text(outcomes).trim_end());
    let good = report.is_good()
        && played.report.as_ref().is_none_or(crate::bots::Report::is_good)
        && (interrupt::is_asked() || joined.is_some_and(|joined| joined.caught_up.is_some()));
    context.out.value(&json!({
        "good": good,
        "interrupted": interrupt::is_asked(),
        "restored_seconds": joined.map(|joined| joined.restored.as_secs_f64()),
        "caught_up_seconds": joined.and_then(|joined| joined.caught_up).map(|time| time.as_secs_f64()),
        "snapshot_bytes": joined.map(|joined| joined.bytes),
        "line_bytes": bytes,
        "line_dropped": dropped,
        "server": played.watched.to_json(),
    }));
    Ok(Verdict::of(good).interrupted(interrupt::is_asked()))
}
