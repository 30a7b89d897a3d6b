//! `tickworld play`, `tickworld load` and `tickworld bots`: worlds with players in them.
//!
//! Invariant: what is played, and how fast, is decided here; how a server is run and watched in [`hosting`](crate::hosting).

use std::{
    ffi::OsString,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tickworld_proto::message::SessionKind;
use tickworld_server::{
    config::Config,
    world::{Accounts, D20},
};

use super::login;
use crate::{
    Context,
    bots::{self, Clerk, DIALS_PER_SECOND, Pace, Plan, Wanderer},
    builtin, cli,
    failure::{Failure, Outcome, Verdict},
    hosted_world::{SeveralRegions, WorldPlan},
    hosting::{Hosting, Party, Spectator, any_port, kinds, runtime, tokens},
    interrupt,
    packs::LoadedPack,
    scenario::Scenario,
    store::{self, Hosted as _},
    viewer::{InitialView, LiveSession, LogLines, Viewer, WorldSource as _, check_terminal, look},
};

/// Coins of each account of a load test.
pub(crate) const COINS: u64 = 1_000_000;

/// What is played where nothing is named: a scenario, and of several regions a world map.
const SCENARIO: &str = "skirmish";
const WORLD_MAP: &str = "marches";

/// A d20 world to play in.
struct D20World {
    plan: WorldPlan<D20>,
    bot: Wanderer,
    /// How it is named to bots in another process.
    arguments: Vec<OsString>,
    /// How its only region begins, or its first.
    scenario: Scenario,
}

impl D20World {
    /// Of a scenario; of so many regions of a world map, where there are to be several.
    fn load(path: Option<&Path>, regions: Option<u32>) -> Outcome<Self> {
        let path = path.unwrap_or(Path::new(if regions.is_some() { WORLD_MAP } else { SCENARIO }));
        let mut arguments = vec![path.into()];
        let Some(regions) = regions else {
            let scenario = builtin::scenario(path)?;
            let bot = wanderer(&scenario.pack);
            return Ok(Self { plan: WorldPlan::One(D20::new(scenario.clone())), bot, arguments, scenario });
        };
        arguments.extend(["--regions".into(), regions.to_string().into()]);
        let map = builtin::world_map(path, regions)?;
        let (bot, borders, title) = (Wanderer::of_map(&map), map.borders(), map.title);
        let scenario = map.regions.first().expect("a map has at least one region").scenario.clone();
        let adapters = map.regions.into_iter().map(|region| (region.id, D20::new(region.scenario))).collect();
        let plan = WorldPlan::Several(SeveralRegions { title, adapters, borders });
        Ok(Self { plan, bot, arguments, scenario })
    }
}

/// A server of the shipped d20 world, with bots in it.
pub(crate) fn play(context: &mut Context, arguments: &cli::Play) -> Outcome {
    let D20World { plan, bot, arguments: apart_arguments, scenario } =
        D20World::load(arguments.scenario(), arguments.regions)?;
    let (lockstep, witness) = (arguments.bots / 8, 2.min(arguments.bots / 10));
    let kinds = kinds(arguments.bots - lockstep - witness, lockstep, witness);
    let (kinds, apart) = if arguments.apart { (Vec::new(), vec![kinds]) } else { (kinds, Vec::new()) };
    let hosting = Hosting {
        // Wherever it listens: its bots come with tokens of its own key, and it is known by the fingerprint that it prints.
        config: Config {
            listen: arguments.listen,
            http: arguments.http,
            dev_issuer: true,
            dev_certificate: true,
            ..Config::default()
        },
        world: plan,
        data: arguments.data.as_deref(),
        party: Party {
            kinds,
            apart,
            apart_arguments,
            far: None,
            pace: Pace::Rate(5.0),
            seconds: arguments.seconds,
            report_every: arguments.report_every,
        },
    };
    if arguments.watch { play_watched(context, hosting, &bot, &scenario) } else { hosting.run(context, &bot) }
}

/// Plays, with the server's world on the terminal meanwhile.
fn play_watched(context: &mut Context, hosting: Hosting<'_, D20>, bot: &Wanderer, scenario: &Scenario) -> Outcome {
    check_terminal(
        "without --watch the bots play all the same, and `tickworld watch --data FOLDER` shows it afterwards",
    )?;
    // What is logged would be written over the view.
    let (log, has_color) = (LogLines::listen(), context.out.has_color());
    let has_differed = AtomicBool::new(false);
    let spectator: Spectator<'_> = Box::new(|login, have_left| {
        let pack = &scenario.pack;
        let live = LiveSession::begin(&login, scenario.title.clone(), pack.id, pack.library())?;
        let depiction = store::D20::depiction(std::slice::from_ref(pack));
        let mut viewer = Viewer::new(live, depiction, InitialView::default()).with_log(log);
        let looked = look(&mut viewer, has_color, have_left);
        let (live, _) = viewer.into_parts();
        has_differed.store(live.difference().is_some(), Ordering::SeqCst);
        live.end();
        looked
    });
    let played = hosting.play_beside(context, bot, Some(spectator))?;
    let verdict = played.tell(context);
    Ok(if has_differed.load(Ordering::SeqCst) { Verdict::Different } else { verdict })
}

/// The transfer workload on a server of its own.
pub(crate) fn load(context: &mut Context, arguments: &cli::Load) -> Outcome {
    check_zipf(arguments.zipf)?;
    arguments.rate.map_or(Ok(()), check_rate)?;
    let bot = Clerk::new(arguments.accounts, COINS, arguments.zipf);
    let (accounts, zipf) = (arguments.accounts.to_string(), arguments.zipf.to_string());
    let told = ["--game", "ledger", "--accounts", &accounts, "--coins", &COINS.to_string(), "--zipf", &zipf];
    let apart_arguments = told.iter().map(OsString::from).collect();
    let hosting = Hosting {
        config: Config {
            listen: any_port(),
            http: any_port(),
            tick_rate: Some(arguments.tick_rate),
            ..Config::default()
        },
        world: WorldPlan::One(Accounts { accounts: arguments.accounts, coins: COINS }),
        data: arguments.data.as_deref(),
        party: Party {
            kinds: kinds(arguments.sessions, arguments.lockstep, 0),
            apart: vec![kinds(0, 1, 0); arguments.apart as usize],
            apart_arguments,
            far: None,
            pace: arguments.rate.map_or(Pace::InFlight(arguments.in_flight), Pace::Rate),
            seconds: arguments.seconds,
            report_every: arguments.report_every,
        },
    };
    hosting.run(context, &bot)
}

/// Bots for a server that runs elsewhere on this machine.
pub(crate) fn bots(context: &mut Context, arguments: &cli::Bots) -> Outcome {
    check_zipf(arguments.zipf)?;
    check_rate(arguments.rate)?;
    interrupt::take_over();
    if arguments.tethered {
        // Where no thread can be started, it ends by itself later on.
        _ = std::thread::Builder::new().name("tether".into()).spawn(|| {
            _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            interrupt::ask();
        });
    }
    let plan = Plan {
        fingerprint: login::fingerprint(arguments.fingerprint, arguments.data.as_deref())?,
        address: login::resolve(&arguments.connect)?,
        sessions: sessions(arguments)?,
        pace: arguments.in_flight.map_or(Pace::Rate(arguments.rate), Pace::InFlight),
        time: Duration::from_secs(arguments.seconds),
        dials_per_second: DIALS_PER_SECOND,
        regions: arguments.regions,
    };
    let runtime = runtime("bots")?;
    let report = match arguments.game {
        cli::GameName::D20 => {
            let world = D20World::load(arguments.scenario(), arguments.regions)?;
            runtime.block_on(bots::play(&plan, &world.bot))?
        }
        cli::GameName::Ledger => {
            let bot = Clerk::new(arguments.accounts, arguments.coins, arguments.zipf);
            runtime.block_on(bots::play(&plan, &bot))?
        }
    };
    Ok(tell(context, &report))
}

/// Inputs a second of a session; a server takes far fewer.
const RATE_MAX: f64 = 1_000_000.0;
/// Beyond it the first account takes part in every transfer.
const ZIPF_MAX: f64 = 100.0;

/// Refuses what is no exponent: no order of comparisons takes NaN for one.
fn check_zipf(exponent: f64) -> Outcome<()> {
    if (0.0..=ZIPF_MAX).contains(&exponent) {
        return Ok(());
    }
    Err(Failure::new(format!("--zipf {exponent} is not within 0 to {ZIPF_MAX}")))
}

/// Refuses a rate at which nobody would ever send.
fn check_rate(rate: f64) -> Outcome<()> {
    if rate > 0.0 && rate <= RATE_MAX {
        return Ok(());
    }
    Err(Failure::new(format!("--rate {rate} is not within 0 to {RATE_MAX}, 0 itself left out")))
}

/// Players of these bots are numbered from here on, so that they are nobody who plays already.
const PLAYERS_FROM: u64 = 1_000_000;

/// The sessions that were asked for, each with its token.
fn sessions(arguments: &cli::Bots) -> Outcome<Vec<(SessionKind, String)>> {
    let mut kinds = kinds(arguments.command, arguments.lockstep, arguments.witness);
    if kinds.is_empty() {
        kinds.push(SessionKind::Command);
    }
    if let Some(file) = &arguments.tokens {
        let tokens = login::tokens_in(file)?;
        if tokens.len() < kinds.len() {
            let message = format!("{} sessions take as many tokens, there are {}", kinds.len(), tokens.len());
            return Err(Failure::new(message).help("`tickworld-server token --player N` prints one; each counts once"));
        }
        return Ok(kinds.into_iter().zip(tokens).collect());
    }
    let data = login::issuer_folder(arguments.data.as_deref())?;
    // Another process beside this one has other players.
    let first = PLAYERS_FROM + u64::from(std::process::id()) * 10_000;
    tokens(data, &arguments.audience, first, kinds)
}

pub(crate) fn wanderer(pack: &LoadedPack) -> Wanderer {
    Wanderer::new(pack.id, pack.library())
}

fn tell(context: &mut Context, report: &bots::Report) -> Verdict {
    context.out.line(report.to_text().trim_end());
    context.out.value(&report.to_json());
    Verdict::of(report.is_good())
}
