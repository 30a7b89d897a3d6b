//! `tickworld measure idle`: what a server writes while nobody is there, and how fast it answers whoever comes then.
//!
//! Invariant: what is counted is what the process had written to disk, as the system tells it; the beginning, in which ticks are
//! stored one by one for whoever might still ask, is left out. The first input is compared with one that comes right after it.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::json;
use tickworld_proto::message::Fate;
use tickworld_server::{
    config::Config,
    server::{Ended, Running, Server},
    world::{Accounts, D20, GameAdapter},
};
use tickworld_sim::{frame::PlayerId, game::Game};
use tokio::time::{interval, sleep};

use super::machine::load_average;
use crate::{
    Context,
    bots::{Bot, Clerk, Moment},
    cli::{GameName, MeasureIdle},
    commands::play::{COINS, wanderer},
    failure::{Failure, Outcome, Verdict},
    hosting::{any_port, runtime},
    interrupt::{self, Scratch},
    scenario::Scenario,
};

/// How long the server runs before it is measured: longer than a history is kept for those who might ask for it.
const BEFORE: Duration = Duration::from_secs(20);
/// Inputs after the first one, to compare it with.
const FURTHER: usize = 9;

/// What was seen.
struct Seen {
    seconds: f64,
    bytes: u64,
    first: Duration,
    further: Vec<Duration>,
}

/// Measures and tells.
pub(super) fn run(context: &mut Context, arguments: &MeasureIdle) -> Outcome {
    interrupt::take_over();
    let seen = match arguments.game {
        GameName::D20 => {
            let scenario = Scenario::load("skirmish".as_ref())?;
            let bot = wanderer(&scenario.pack);
            measure(arguments, D20::new(scenario), &bot)?
        }
        GameName::Ledger => {
            let bot = Clerk::new(arguments.accounts, COINS, 0.0);
            measure(arguments, Accounts { accounts: arguments.accounts, coins: COINS }, &bot)?
        }
    };
    let interrupted = interrupt::is_asked();
    let Some(Seen { seconds, bytes, first, mut further }) = seen else {
        context.out.value(&json!({ "interrupted": true }));
        return Ok(Verdict::Interrupted);
    };
    further.sort_unstable();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let median = further.get(further.len() / 2).copied().unwrap_or_default();
    let rate = bytes as f64 / seconds / 1e3;
    context.out.line(format!("idle       {rate:.2} kB written a second ({bytes} bytes in {seconds:.0} s)"));
    context.out.line(format!(
        "first      answered after {:.1} ms; those right after it after {:.1} ms (median of {FURTHER})",
        millis(first),
        millis(median)
    ));
    context.out.value(&json!({
        "interrupted": interrupted,
        "seconds": seconds,
        "bytes": bytes,
        "bytes_per_second": bytes as f64 / seconds,
        "first_input_ms": millis(first),
        "further_inputs_ms": further.iter().copied().map(millis).collect::<Vec<_>>(),
        "load_average": load_average(),
    }));
    Ok(Verdict::Same.interrupted(interrupted))
}

/// Runs a server that nobody plays on; none where it was told to end before anything was seen.
fn measure<H: GameAdapter, B: Bot<Game = H::Game>>(
    arguments: &MeasureIdle,
    world: H,
    bot: &B,
) -> Outcome<Option<Seen>> {
    let scratch = Scratch::new()?;
    let config =
        Config { data: scratch.path().to_path_buf(), listen: any_port(), http: any_port(), ..Config::default() };
    let net = runtime("net")?;
    net.block_on(async {
        let running = Server::new(config, world).start().await.map_err(|error| failed(&error))?;
        let seen = look(arguments, &running, bot).await;
        match running.stop().await {
            Ended::Asked => seen,
            ended => Err(Failure::new(format!("the server did not end in good order: {ended:?}"))),
        }
    })
}

async fn look<G: Game, B: Bot<Game = G>>(
    arguments: &MeasureIdle,
    running: &Running<G>,
    bot: &B,
) -> Outcome<Option<Seen>> {
    if !pass(BEFORE).await {
        return Ok(None);
    }
    let (before, begun) = (written()?, Instant::now());
    pass(Duration::from_secs(arguments.seconds)).await;
    let (bytes, seconds) = (written()?.saturating_sub(before), begun.elapsed().as_secs_f64());
    let mut dice =
        tickworld_sim::rng::StreamKey::new(&tickworld_sim::rng::Entropy::from_bytes([7; 16]), 0, "idle").rng(0);
    let mut times = Vec::new();
    for _ in 0..=FURTHER {
        let input = bot.next(&mut dice, None, PlayerId(1), Moment::FIRST);
        let asked = Instant::now();
        let (_, fate) = running.world().submit(PlayerId(1), input).await.map_err(|error| failed(&error))?;
        times.push(asked.elapsed());
        if !matches!(fate, Fate::Applied { .. }) {
            return Err(Failure::new(format!("an input was not applied: {fate:?}")));
        }
    }
    let first = times.remove(0);
    Ok(Some(Seen { seconds, bytes, first, further: times }))
}

/// Lets time pass; whether it was let.
async fn pass(time: Duration) -> bool {
    let mut looks = interval(Duration::from_millis(50));
    let asked = async {
        while !interrupt::is_asked() {
            looks.tick().await;
        }
    };
    tokio::select! {
        () = sleep(time) => true,
        () = asked => false,
    }
}

/// Bytes that this process has had written to disk so far.
fn written() -> Outcome<u64> {
    let told = fs::read_to_string("/proc/self/io").ok();
    let bytes = told.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("write_bytes: ")));
    let bytes = bytes.and_then(|bytes| bytes.trim().parse().ok());
    bytes.ok_or_else(|| {
        Failure::new("this system does not tell what a process writes")
            .help("it is measured on Linux, by /proc/self/io")
    })
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
