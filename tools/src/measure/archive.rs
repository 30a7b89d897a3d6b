//! `tickworld measure archive`: accounts that come, do one thing, and leave for the archive, through one region.
//!
//! Invariant: it is a server with its store on disk; each account comes twice, so the second time out of the archive, and its second
//! input must have the second number: nothing of anybody is forgotten. What a move costs is what the region's thread needs more than
//! for as many inputs of players who stay.

use std::time::{Duration, Instant};

use serde_json::json;
use tickworld_ledger::{Ledger, Order};
use tickworld_proto::message::Fate;
use tickworld_server::{
    config::Config,
    server::{Ended, Server, WorldHandle},
    world::Accounts,
};
use tickworld_sim::frame::{PlayerId, Sequence};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::machine::{Usage, load_average};
use crate::{
    Context,
    cli::MeasureArchive,
    commands::play::COINS,
    failure::{Failure, Outcome, Verdict},
    hosting::{any_port, runtime},
    interrupt::{self, Scratch},
    progress::Progress,
};

/// Inputs of players who stay, to compare with, for so long.
const COMPARED: Duration = Duration::from_secs(20);
/// Players who stay.
const STAYERS: u64 = 64;
/// Most inputs that wait for their answers: fewer than come home at a time, so that a slow machine slows the arrivals down.
const WAITING_MAX: usize = 128;

/// What the region's thread needed in a while.
struct Cost {
    seconds: f64,
    inputs: u64,
    processor_seconds: Option<f64>,
}

impl Cost {
    /// Of all the time that ticks have, the part in percent that was used.
    fn percent(&self) -> Option<f64> {
        self.processor_seconds.map(|used| used * 100.0 / self.seconds)
    }
}

/// Measures and tells.
pub(super) fn run(context: &mut Context, arguments: &MeasureArchive) -> Outcome {
    interrupt::take_over();
    let scratch = Scratch::new()?;
    let config = Config {
        data: scratch.path().to_path_buf(),
        listen: any_port(),
        http: any_port(),
        archive_after_seconds: Some(1),
        ..Config::default()
    };
    let mut progress = Progress::new(context.quiet, "inputs", u64::from(arguments.accounts) * 2);
    let net = runtime("net")?;
    let (stay, moves, slots) = net.block_on(async {
        let server = Server::new(config, Accounts { accounts: 10_000, coins: COINS }).start().await;
        let running = server.map_err(|error| failed(&error))?;
        let seen = measure(arguments, &running.world(), &mut progress).await;
        match running.stop().await {
            Ended::Asked => seen,
            ended => Err(Failure::new(format!("the server did not end in good order: {ended:?}"))),
        }
    })?;
    drop(progress);
    let per_minute = moves.inputs as f64 * 2.0 * 60.0 / moves.seconds;
    let extra = moves.percent().zip(stay.percent()).map(|(moves, stay)| moves - stay);
    let out = &mut context.out;
    out.line(format!(
        "moves      {per_minute:.0} a minute: {} accounts came and left, twice, through {slots} slots at most",
        arguments.accounts
    ));
    if let (Some(stay), Some(moves), Some(extra)) = (stay.percent(), moves.percent(), extra) {
        out.line(format!(
            "costs      {extra:.2} % of a tick's time for the moves: {moves:.2} % with them, {stay:.2} % with as many inputs \
             of players who stay"
        ));
    }
    let interrupted = interrupt::is_asked();
    out.value(&json!({
        "interrupted": interrupted,
        "accounts": arguments.accounts,
        "moves_per_minute": per_minute,
        "slots_max": slots,
        "tick_percent": moves.percent(),
        "tick_percent_without_moves": stay.percent(),
        "load_average": load_average(),
    }));
    Ok(Verdict::Same.interrupted(interrupted))
}

async fn measure(
    arguments: &MeasureArchive,
    world: &WorldHandle<Ledger>,
    progress: &mut Progress,
) -> Outcome<(Cost, Cost, usize)> {
    let accounts = u64::from(arguments.accounts);
    let rate = arguments.rate;
    // Those who stay have ids above all others; they come in before they are counted.
    let stayer = |number: u64| PlayerId(accounts + 1 + number % STAYERS);
    send(world, rate, STAYERS, &mut |number| (stayer(number), None), &mut |_| {}).await?;
    let count = (COMPARED.as_secs_f64() * f64::from(rate)) as u64;
    let stay = send(world, rate, count, &mut |number| (stayer(number), None), &mut |_| {}).await?;
    let (mut slots, mut done) = (0, 0);
    let moves = send(
        world,
        rate,
        accounts * 2,
        &mut |number| {
            (PlayerId(1 + number % accounts), Some(Sequence(1 + u32::try_from(number / accounts).unwrap_or(1))))
        },
        &mut |_| {
            done += 1;
            progress.set(done);
            if done % 256 == 0 {
                slots = slots.max(world.newest().players().iter().count());
            }
        },
    )
    .await?;
    Ok((stay, moves, slots))
}

/// Sends inputs at a rate; each must be applied, under the number that it should have.
async fn send(
    world: &WorldHandle<Ledger>,
    rate: u32,
    count: u64,
    whose: &mut dyn FnMut(u64) -> (PlayerId, Option<Sequence>),
    done: &mut dyn FnMut(u64),
) -> Outcome<Cost> {
    let (before, begun) = (Usage::now(), Instant::now());
    let mut pace = interval(Duration::from_secs_f64(1.0 / f64::from(rate)));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut waiting = JoinSet::new();
    let mut answered = 0;
    let mut take = |answer: Result<Outcome<()>, tokio::task::JoinError>| -> Outcome<()> {
        answer.map_err(|error| failed(&error))??;
        answered += 1;
        done(answered);
        Ok(())
    };
    let mut sent = 0;
    for number in 0..count {
        if interrupt::is_asked() {
            break;
        }
        pace.tick().await;
        let (player, expected) = whose(number);
        let world = world.clone();
        waiting.spawn(async move {
            let input = Order::Transfer { from: 0, to: 1, amount: 0 };
            let (sequence, fate) = world.submit(player, input).await.map_err(|error| failed(&error))?;
            match fate {
                Fate::Applied { .. } if expected.is_none_or(|expected| expected == sequence) => Ok(()),
                _ => Err(Failure::new(format!("input {} of player {}: {fate:?}", sequence.0, player.0))),
            }
        });
        sent += 1;
        while waiting.len() >= WAITING_MAX {
            if let Some(answer) = waiting.join_next().await {
                take(answer)?;
            }
        }
        while let Some(answer) = waiting.try_join_next() {
            take(answer)?;
        }
    }
    while let Some(answer) = waiting.join_next().await {
        take(answer)?;
    }
    let used = before.zip(Usage::now()).map(|(before, now)| now.since(&before));
    let processor_seconds = used.and_then(|used| used.threads.get("region").copied());
    Ok(Cost { seconds: begun.elapsed().as_secs_f64(), inputs: sent, processor_seconds })
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
