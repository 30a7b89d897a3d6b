//! `tickworld measure traffic`: what a lockstep client receives as the number of players grows.
//!
//! Invariant: what is counted are whole datagrams as they pass, with the headers of UDP and IP: frames, acknowledgements,
//! resends and whatever else QUIC sends.

use serde_json::json;
use tickworld_server::{
    config::Config,
    world::{Accounts, D20, GameAdapter},
};

use super::relay::Line;
use crate::{
    Context,
    bots::{Bot, Clerk, Pace},
    cli::{GameName, MeasureTraffic},
    commands::play::{COINS, wanderer},
    failure::{Failure, Outcome, Verdict},
    hosted_world::WorldPlan,
    hosting::{Hosting, Party, any_port, kinds},
    interrupt,
    scenario::Scenario,
};

/// Seconds at the beginning that belong to the join.
const JOIN_SECONDS: usize = 3;

/// Measures and tells.
pub(super) fn run(context: &mut Context, arguments: &MeasureTraffic) -> Outcome {
    let mut rows = Vec::new();
    let mut good = true;
    for players in arguments.players.iter().copied() {
        if interrupt::is_asked() {
            break;
        }
        let (row, is_good) = match arguments.game {
            GameName::D20 => {
                let mut scenario = Scenario::load("skirmish".as_ref())?;
                // The rules' second is the server's.
                scenario.set_up.settings.ticks_per_second = arguments.tick_rate;
                let bot = wanderer(&scenario.pack);
                one(context, arguments, players, D20::new(scenario), &bot)?
            }
            GameName::Ledger => {
                let (accounts, bot) = (10_000, Clerk::new(10_000, COINS, 0.0));
                one(context, arguments, players, Accounts { accounts, coins: COINS }, &bot)?
            }
        };
        good &= is_good;
        rows.push(row);
    }
    let interrupted = interrupt::is_asked();
    context.out.value(&json!({ "good": good, "interrupted": interrupted, "rows": rows }));
    Ok(Verdict::of(good).interrupted(interrupted))
}

fn one<H: GameAdapter, B: Bot<Game = H::Game>>(
    context: &mut Context,
    arguments: &MeasureTraffic,
    players: u32,
    world: H,
    bot: &B,
) -> Outcome<(serde_json::Value, bool)> {
    let hosting = Hosting {
        config: Config {
            listen: any_port(),
            http: any_port(),
            tick_rate: Some(arguments.tick_rate),
            ..Config::default()
        },
        world: WorldPlan::One(world),
        data: None,
        party: Party {
            kinds: kinds(players - 1, 0, 0),
            apart: Vec::new(),
            apart_arguments: Vec::new(),
            far: Some(Line { bits_per_second: None, delay: std::time::Duration::ZERO }),
            pace: Pace::Rate(arguments.rate),
            seconds: arguments.seconds,
            report_every: None,
        },
    };
    let played = hosting.play(context, bot)?;
    let Some((report, passed)) = &played.far else {
        if interrupt::is_asked() {
            return Ok((json!({ "players": players, "interrupted": true }), true));
        }
        return Err(Failure::new("nobody listened"));
    };
    let end = usize::try_from(arguments.seconds).unwrap_or(usize::MAX) - 1;
    let mean = |seconds: Vec<u64>| {
        let seconds = seconds.get(JOIN_SECONDS..end).unwrap_or(&[]);
        seconds.iter().sum::<u64>() as f64 / 1024.0 / seconds.len().max(1) as f64
    };
    let (down, up) = (mean(passed.down.by_second()), mean(passed.up.by_second()));
    let (bytes, datagrams, _) = passed.down.sums();
    let all_good = report.is_good() && played.report.as_ref().is_some_and(crate::bots::Report::is_good);
    let good = all_good && (down > 0.0 || interrupt::is_asked());
    context.out.line(format!(
        "players    {players}: the lockstep client receives {down:.1} KiB/s and sends {up:.1}; {} ticks computed, {} bytes a \
         datagram",
        report.roots(),
        bytes / datagrams.max(1),
    ));
    context.out.flush();
    let row =
        json!({ "players": players, "down_kib_per_second": down, "up_kib_per_second": up, "ticks": report.roots() });
    Ok((row, good))
}
