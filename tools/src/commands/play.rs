//! `tickworld play`, `tickworld load` and `tickworld bots`: worlds with players in them.
//!
//! Invariant: the bots are told where the server is and what it demands, as anybody would be; they share nothing else with it.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, SystemTime},
};

use tickworld_proto::message::SessionKind;
use tickworld_server::{
    admission::{Claims, DevelopmentIssuer, KindName},
    config::Config,
    region::Ended,
    server::{Running, Server},
    world::{Accounts, D20, Hosted},
};
use tokio::runtime::Runtime;

use crate::{
    Context,
    bots::{self, Bot, Clerk, Pace, Plan, Report, Wanderer},
    cli,
    failure::{Failure, Outcome, Verdict},
    packs::LoadedPack,
    scenario::Scenario,
};

/// How long a token of the bots is good for.
const TOKEN_SECONDS: u64 = 3_600;
/// Coins of each account of a load test.
const COINS: u64 = 1_000_000;

/// A server of the shipped d20 world, with bots in it.
pub(crate) fn play(context: &mut Context, arguments: &cli::Play) -> Outcome {
    let scenario = Scenario::load(&arguments.scenario)?;
    let bot = wanderer(&scenario.pack);
    let (lockstep, witness) = (arguments.bots / 8, 2.min(arguments.bots / 10));
    let kinds = kinds(arguments.bots - lockstep - witness, lockstep, witness);
    let hosting = Hosting {
        config: Config { listen: arguments.listen, http: arguments.http, ..Config::default() },
        world: D20::new(scenario),
        data: arguments.data.as_deref(),
        seconds: arguments.seconds,
    };
    hosting.run(context, &bot, &kinds, Pace::Rate(5.0))
}

/// The transfer workload on a server of its own.
pub(crate) fn load(context: &mut Context, arguments: &cli::Load) -> Outcome {
    let bot = Clerk::new(arguments.accounts, COINS, arguments.zipf);
    let kinds = kinds(arguments.sessions, arguments.lockstep, 0);
    let config = Config { listen: any_port(), http: any_port(), tick_rate: arguments.tick_rate, ..Config::default() };
    let world = Accounts { accounts: arguments.accounts, coins: COINS };
    let hosting = Hosting { config, world, data: arguments.data.as_deref(), seconds: arguments.seconds };
    let pace = arguments.rate.map_or(Pace::InFlight(arguments.in_flight), Pace::Rate);
    hosting.run(context, &bot, &kinds, pace)
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
    };
    let runtime = runtime()?;
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

fn wanderer(pack: &LoadedPack) -> Wanderer {
    Wanderer::new(pack.id, pack.library())
}

fn kinds(command: u32, lockstep: u32, witness: u32) -> Vec<SessionKind> {
    let counts = [(SessionKind::Lockstep, lockstep), (SessionKind::Witness, witness), (SessionKind::Command, command)];
    counts.into_iter().flat_map(|(kind, count)| (0..count).map(move |_| kind)).collect()
}

const fn any_port() -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0)
}

fn runtime() -> Outcome<Runtime> {
    Runtime::new().map_err(|error| Failure::new(format!("cannot start: {error}")))
}

/// A server in this process.
struct Hosting<'a, H> {
    config: Config,
    world: H,
    /// Where it keeps its world; a folder that is removed afterwards where nothing is said.
    data: Option<&'a Path>,
    seconds: u64,
}

impl<H: Hosted> Hosting<'_, H> {
    fn run<B: Bot<Game = H::Game>>(self, context: &mut Context, bot: &B, kinds: &[SessionKind], pace: Pace) -> Outcome {
        let scratch = tempfile::tempdir().map_err(|error| Failure::new(format!("no folder for the world: {error}")))?;
        let data = self.data.map_or_else(|| scratch.path().to_path_buf(), Path::to_path_buf);
        let config = Config { data: data.clone(), sessions_per_address_max: 4_096, ..self.config };
        let audience = config.audience.clone();
        let world = self.world;
        let title = world.title();
        let runtime = runtime()?;
        let (report, ended) = runtime.block_on(async {
            let running = Server::start(config, world, None).await;
            let running = running.map_err(|error| Failure::new(error.to_string()))?;
            introduce(context, &title, &running, kinds, self.seconds);
            let plan = Plan {
                address: running.address,
                fingerprint: running.fingerprint,
                sessions: tokens(&data, &audience, kinds)?,
                pace,
                time: Duration::from_secs(self.seconds),
            };
            let report = bots::play(&plan, bot).await?;
            Ok::<_, Failure>((report, running.stop().await))
        })?;
        if ended != Ended::Asked {
            return Err(Failure::new(format!("the server did not end in good order: {ended:?}")));
        }
        Ok(tell(context, &report))
    }
}

/// Where to look.
fn introduce(context: &mut Context, title: &str, running: &Running, kinds: &[SessionKind], seconds: u64) {
    let Running { address, http_address, fingerprint, .. } = running;
    let count = |kind| kinds.iter().filter(|other| **other == kind).count();
    let out = &mut context.out;
    out.line(format!("world      {title}"));
    out.line(format!("players    come to {address} (QUIC), certificate {:.23}...", fingerprint.to_string()));
    out.line(format!("look       http://{http_address}/metrics  /healthz  /readyz"));
    out.line(format!(
        "bots       {} in lockstep, {} that witness, {} that command, for {seconds} s",
        count(SessionKind::Lockstep),
        count(SessionKind::Witness),
        count(SessionKind::Command),
    ));
    out.flush();
}

fn tokens(data: &Path, audience: &str, kinds: &[SessionKind]) -> Outcome<Vec<(SessionKind, String)>> {
    let issuer = DevelopmentIssuer::open(data).map_err(|error| Failure::new(error.to_string()))?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let token = |(number, kind): (u64, &SessionKind)| {
        let name = match kind {
            SessionKind::Lockstep => KindName::Lockstep,
            SessionKind::Witness => KindName::Witness,
            SessionKind::Command => KindName::Command,
        };
        let claims = Claims::fresh(Some(number), audience, &[name], now, TOKEN_SECONDS);
        let claims = claims.map_err(|error| Failure::new(error.to_string()))?;
        Ok((*kind, issuer.sign(&claims)))
    };
    (1..).zip(kinds).map(token).collect()
}

fn tell(context: &mut Context, report: &Report) -> Verdict {
    context.out.line(report.to_text().trim_end());
    context.out.value(&report.to_json());
    Verdict::of(report.is_good())
}
