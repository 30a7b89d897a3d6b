//! `tickworld play`, `tickworld load` and `tickworld bots`: worlds with players in them.
//!
//! Invariant: what is played, and how fast, is decided here; how a server is run and watched in [`hosting`](crate::hosting).

use std::{ffi::OsString, fs, time::Duration};

use tickworld_server::{
    config::Config,
    world::{Accounts, D20},
};

use crate::{
    Context,
    bots::{self, Clerk, DIALS_PER_SECOND, Pace, Plan, Wanderer},
    cli,
    failure::{Failure, Outcome, Verdict},
    hosting::{Hosting, Party, any_port, kinds, runtime},
    packs::LoadedPack,
    scenario::Scenario,
};

/// Coins of each account of a load test.
pub(crate) const COINS: u64 = 1_000_000;

/// A server of the shipped d20 world, with bots in it.
pub(crate) fn play(context: &mut Context, arguments: &cli::Play) -> Outcome {
    let scenario = Scenario::load(&arguments.scenario)?;
    let bot = wanderer(&scenario.pack);
    let (lockstep, witness) = (arguments.bots / 8, 2.min(arguments.bots / 10));
    let kinds = kinds(arguments.bots - lockstep - witness, lockstep, witness);
    let (kinds, apart) = if arguments.apart { (Vec::new(), vec![kinds]) } else { (kinds, Vec::new()) };
    let hosting = Hosting {
        config: Config { listen: arguments.listen, http: arguments.http, ..Config::default() },
        world: D20::new(scenario),
        data: arguments.data.as_deref(),
        party: Party {
            kinds,
            apart,
            apart_arguments: vec!["--scenario".into(), arguments.scenario.clone().into()],
            far: None,
            pace: Pace::Rate(5.0),
            seconds: arguments.seconds,
            report_every: arguments.report_every,
        },
    };
    hosting.run(context, &bot)
}

/// The transfer workload on a server of its own.
pub(crate) fn load(context: &mut Context, arguments: &cli::Load) -> Outcome {
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
        world: Accounts { accounts: arguments.accounts, coins: COINS },
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
    let text = fs::read_to_string(&arguments.tokens)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", arguments.tokens.display())))?;
    let tokens: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let kinds = kinds(arguments.command, arguments.lockstep, arguments.witness);
    if tokens.len() < kinds.len() {
        return Err(Failure::new(format!("{} sessions take as many tokens, there are {}", kinds.len(), tokens.len()))
            .help("`tickworld-server token --player N` prints one"));
    }
    let plan = Plan {
        address: arguments.connect,
        fingerprint: arguments.fingerprint,
        sessions: kinds.into_iter().zip(tokens).collect(),
        pace: arguments.in_flight.map_or(Pace::Rate(arguments.rate), Pace::InFlight),
        time: Duration::from_secs(arguments.seconds),
        dials_per_second: DIALS_PER_SECOND,
    };
    let runtime = runtime("bots")?;
    let report = match arguments.game {
        cli::GameName::D20 => {
            let scenario = Scenario::load(&arguments.scenario)?;
            runtime.block_on(bots::play(&plan, &wanderer(&scenario.pack)))?
        }
        cli::GameName::Ledger => {
            let bot = Clerk::new(arguments.accounts, arguments.coins, arguments.zipf);
            runtime.block_on(bots::play(&plan, &bot))?
        }
    };
    Ok(tell(context, &report))
}

pub(crate) fn wanderer(pack: &LoadedPack) -> Wanderer {
    Wanderer::new(pack.id, pack.library())
}

fn tell(context: &mut Context, report: &bots::Report) -> Verdict {
    context.out.line(report.to_text().trim_end());
    context.out.value(&report.to_json());
    Verdict::of(report.is_good())
}
