//! [`Hosting`]: a world in this process with bots in it, in this process and in others.
//!
//! Invariant: the bots are told where the server is and what it demands, as anybody would be; they share nothing else with it.
//! Server and bots have threads of their own, by whose names it shows what either costs.

use std::{
    ffi::{OsStr, OsString},
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, SystemTime},
};

use serde_json::Value;
use tickworld_net::tls::{fingerprint::Fingerprint, identity::Identity};
use tickworld_proto::message::SessionKind;
use tickworld_server::{
    admission::{Claims, DevelopmentIssuer, KindName},
    config::Config,
    secret_file,
    server::Running,
    world::GameAdapter,
};
use tickworld_sim::{game::Game, region::RegionId};
use tokio::runtime::{Builder, Runtime};

use crate::{
    Context,
    bots::{self, Bot, Pace, Plan, Report},
    failure::{Failure, Outcome, Verdict},
    hosted_world::{HostedWorld, WorldPlan},
    interrupt::{self, Asked, Scratch},
    measure::{
        crossings::{Crossed, Crossings},
        relay::{Line, Passed, Relay},
        watch::{Watch, Watched},
    },
    output::counted,
    viewer::ServerLogin,
};

/// How long a token of the bots is good for.
const TOKEN_SECONDS: u64 = 24 * 3_600;
/// Sessions that dial a server of this process in a second.
const DIALS_PER_SECOND: f64 = 100.0;

/// A server in this process, or several for the regions of one world.
pub(crate) struct Hosting<'a, H> {
    pub(crate) config: Config,
    pub(crate) world: WorldPlan<H>,
    /// Where it keeps its world; a folder that is removed afterwards where nothing is said.
    pub(crate) data: Option<&'a Path>,
    pub(crate) party: Party,
}

/// Who plays on it.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    /// Bots in this process.
    pub(crate) kinds: Vec<SessionKind>,
    /// Bots in processes of their own, and what those are told besides.
    pub(crate) apart: Vec<Vec<SessionKind>>,
    pub(crate) apart_arguments: Vec<OsString>,
    /// A lockstep bot that comes over such a line once the others are there.
    pub(crate) far: Option<Line>,
    pub(crate) pace: Pace,
    pub(crate) seconds: u64,
    /// Seconds from one line about the server to the next.
    pub(crate) report_every: Option<u64>,
}

/// What came of it.
pub(crate) struct Played {
    /// The game port, and how others know the server by its certificate.
    address: SocketAddr,
    fingerprint: Fingerprint,
    /// Where the world is, or was.
    data: PathBuf,
    /// What the bots of this process saw; none where there were none.
    pub(crate) report: Option<Report>,
    /// What those of the others saw.
    pub(crate) apart: Vec<Value>,
    /// What the far one saw, and what passed through its line.
    pub(crate) far: Option<(Report, Arc<Passed>)>,
    /// What the server used.
    pub(crate) watched: Watched,
    /// What became of its regions, where it has several.
    regions: Option<PlayedRegions>,
}

/// What became of the regions of a world.
struct PlayedRegions {
    /// The number of each, what it is called, and its HTTP port.
    regions: Vec<(RegionId, String, Option<SocketAddr>)>,
    crossed: Crossed,
}

impl<H: GameAdapter> Hosting<'_, H> {
    /// Plays and tells about it.
    pub(crate) fn run<B: Bot<Game = H::Game>>(self, context: &mut Context, bot: &B) -> Outcome {
        let played = self.play(context, bot)?;
        Ok(played.tell(context))
    }

    /// Plays, with nobody who looks on.
    pub(crate) fn play<B: Bot<Game = H::Game>>(self, context: &mut Context, bot: &B) -> Outcome<Played> {
        self.play_beside(context, bot, None)
    }

    /// Plays, with somebody who looks on meanwhile. Whoever is first ends the other: the bots when their time is up, the spectator
    /// when they have seen enough.
    pub(crate) fn play_beside<B: Bot<Game = H::Game>>(
        self,
        context: &mut Context,
        bot: &B,
        spectator: Option<Spectator<'_>>,
    ) -> Outcome<Played> {
        interrupt::take_over();
        let scratch = Scratch::new()?;
        let data = self.data.map_or_else(|| scratch.path().to_path_buf(), Path::to_path_buf);
        if data.exists() && !data.is_dir() {
            let message = format!("{} is a file, not a folder to keep a world in", data.display());
            return Err(Failure::new(message).help("name a folder, or one that is not there yet"));
        }
        let others = self.world.others(&data)?;
        for (folder, title) in &others {
            let folder = folder.display();
            // Whoever closed standard error does not want to know.
            _ = writeln!(
                std::io::stderr(),
                "note: the world in {folder} did not begin as `{title}` does: it goes on as it is, and nothing of that beginning \
                 is used; for a new world name another folder with --data"
            );
        }
        let config = Config { data: data.clone(), sessions_per_address_max: 4_096, ..self.config };
        let place = Place { data, audience: config.audience.clone(), scratch: scratch.path().to_path_buf() };
        let party = self.party;
        let (server, players) = (runtime("net")?, runtime("bots")?);
        let mut world = server.block_on(HostedWorld::start(config, self.world))?;
        if !others.is_empty() {
            world.title = format!("as kept in {}", place.data.display());
        }
        introduce(context, &world, &place.data, &party);
        let met = place.meet_beside(&players, &world, &party, bot, spectator);
        // Whatever went wrong with the bots, the server ends in good order.
        server.block_on(world.stop())?;
        met
    }
}

/// Looks at a server of this process until it has seen enough, or it is told that the players have left.
pub(crate) type Spectator<'a> = Box<dyn FnOnce(ServerLogin, &dyn Fn() -> bool) -> Outcome<()> + Send + 'a>;

/// Where a server keeps its world, and what its bots need of that.
struct Place {
    data: PathBuf,
    audience: String,
    scratch: PathBuf,
}

impl Place {
    /// Lets everybody play, and somebody look on.
    fn meet_beside<B: Bot>(
        &self,
        players: &Runtime,
        world: &HostedWorld<B::Game>,
        party: &Party,
        bot: &B,
        spectator: Option<Spectator<'_>>,
    ) -> Outcome<Played> {
        let Some(spectator) = spectator else { return self.meet(players, world, party, bot) };
        let running = world.first();
        let token = spectator_token(&self.data, &self.audience)?;
        let login = ServerLogin { address: reached_at(running.address), fingerprint: running.fingerprint, token };
        let have_left = &AtomicBool::new(false);
        std::thread::scope(|scope| {
            let looking = scope.spawn(move || {
                let looked = spectator(login, &|| have_left.load(Ordering::SeqCst));
                interrupt::ask();
                looked
            });
            let met = self.meet(players, world, party, bot);
            have_left.store(true, Ordering::SeqCst);
            // A panic of the view is a defect of this tool, and must not look like a good run.
            let looked = looking.join().expect("a spectator does not panic");
            met.and_then(|played| looked.map(|()| played))
        })
    }

    /// Lets everybody play on a server that runs.
    fn meet<B: Bot>(&self, players: &Runtime, world: &HostedWorld<B::Game>, party: &Party, bot: &B) -> Outcome<Played> {
        let running = world.first();
        let mut tokens = tokens(&self.data, &self.audience, 1, party.all())?;
        let mut others = Vec::new();
        for kinds in &party.apart {
            let some: Vec<_> = tokens.drain(..kinds.len()).collect();
            others.push(Other::start(&self.scratch, others.len(), running, party, &some)?);
        }
        let far = if party.far.is_some() { tokens.drain(..1).collect() } else { Vec::new() };
        let plan = Plan {
            address: reached_at(running.address),
            fingerprint: running.fingerprint,
            sessions: tokens,
            pace: party.pace,
            time: Duration::from_secs(party.seconds),
            dials_per_second: DIALS_PER_SECOND,
            regions: world.region_count(),
        };
        let crossings = world.has_regions().then(|| players.block_on(async { Crossings::follow(world.handles()) }));
        let watch = Watch::start(world.metrics(), &plan, running.tick_rate, party.report_every);
        let (report, far) = players
            .block_on(async { tokio::join!(near(&plan, bot), late(&plan, bot, party.far.map(|line| (line, far)))) });
        let (report, far) = (report?, far?);
        let apart = others.into_iter().map(Other::end).collect::<Outcome<Vec<_>>>()?;
        let watched = watch.end();
        let regions = crossings.map(|crossings| PlayedRegions {
            regions: world.servers().iter().map(|it| (it.id, it.title.clone(), it.running.http_address)).collect(),
            crossed: players.block_on(crossings.end()),
        });
        let (address, fingerprint, data) = (running.address, running.fingerprint, self.data.clone());
        Ok(Played { address, fingerprint, data, report, apart, far, watched, regions })
    }
}

/// The bots of this process, if there are any.
async fn near<B: Bot>(plan: &Plan, bot: &B) -> Outcome<Option<Report>> {
    if plan.sessions.is_empty() { Ok(None) } else { bots::play(plan, bot).await.map(Some) }
}

type Sessions = Vec<(SessionKind, String)>;

/// The one that comes over a line, if there is one, once the others of the plan are there.
async fn late<B: Bot>(plan: &Plan, bot: &B, far: Option<(Line, Sessions)>) -> Outcome<Option<(Report, Arc<Passed>)>> {
    let Some((line, sessions)) = far else { return Ok(None) };
    let mut asked = Asked::new();
    tokio::select! {
        () = tokio::time::sleep(plan.gathering()) => {}
        () = asked.wait() => return Ok(None),
    }
    let relay = Relay::start(plan.address, line);
    let relay = relay.map_err(|error| Failure::new(format!("no line to the server: {error}")))?;
    let plan = Plan { address: relay.address, sessions, ..plan.clone() };
    let report = bots::play(&plan, bot).await?;
    Ok(Some((report, Arc::clone(&relay.passed))))
}

impl Party {
    /// Those of other processes first, then the far one.
    fn all(&self) -> Vec<SessionKind> {
        let far = self.far.map(|_| SessionKind::Lockstep);
        self.apart.iter().flatten().copied().chain(far).chain(self.kinds.iter().copied()).collect()
    }
}

impl Played {
    /// For people and machines; whether everybody saw one history.
    pub(crate) fn tell(&self, context: &mut Context) -> Verdict {
        let is_good = |value: &Value| value["good"].as_bool() == Some(true);
        let mut good = self.apart.iter().all(is_good);
        let mut value = serde_json::json!({ "apart": self.apart });
        if let Some((report, _)) = &self.far {
            good &= report.is_good();
        }
        let mut outcomes: u64 = self.apart.iter().filter_map(|value| value["measured"].as_u64()).sum();
        if let Some(report) = &self.report {
            context.out.line(report.to_text().trim_end());
            good &= report.is_good();
            outcomes += report.measured();
            value = report.to_json();
            value["apart"] = Value::from(self.apart.clone());
        }
        for (number, other) in self.apart.iter().enumerate() {
            context.out.line(line(number + 1, other));
        }
        if let Some(regions) = &self.regions {
            let far = self.apart.iter().filter_map(|value| value["moves"].as_u64()).sum::<u64>();
            let followed = far + self.report.as_ref().map_or(0, Report::moves);
            good &= regions.crossed.is_good();
            regions.tell(context, &self.watched, followed);
            value["crossings"] = regions.crossed.to_json(followed);
            value["regions"] = regions.to_json(&self.watched);
            value["good"] = good.into();
        }
        context.out.line(self.watched.to_text(outcomes).trim_end());
        value["server"] = self.watched.to_json();
        value["address"] = self.address.to_string().into();
        value["fingerprint"] = self.fingerprint.to_string().into();
        value["data"] = self.data.display().to_string().into();
        value["interrupted"] = interrupt::is_asked().into();
        context.out.value(&value);
        Verdict::of(good)
    }
}

impl PlayedRegions {
    fn tell(&self, context: &mut Context, watched: &Watched, followed: u64) {
        context.out.line(self.crossed.to_text(followed));
        for ((id, title, _), index) in self.regions.iter().zip(0..) {
            let (ticks, players) = (watched.region_text(index), self.crossed.players_in(*id));
            context.out.line(format!("region {id:<3} {ticks}; {}; {title}", counted(players, "player")));
        }
    }

    fn to_json(&self, watched: &Watched) -> Value {
        let regions = self.regions.iter().zip(0..).map(|((id, title, http), index)| {
            let mut value = watched.region_json(index);
            value["region"] = id.0.into();
            value["title"] = title.as_str().into();
            value["players"] = self.crossed.players_in(*id).into();
            value["http"] = http.map(|address| address.to_string()).into();
            value
        });
        regions.collect()
    }
}

/// What the bots of another process say.
fn line(number: usize, value: &Value) -> String {
    let latency = &value["latency_ms"];
    let number_of = |name: &str| value[name].as_u64().unwrap_or(0);
    let mut text = format!(
        "apart {number:<4} {} of {} opened, {} sent, {} applied, {} refused, {} without an answer, {} computed, {} \
         differed; p50 {} ms, p99 {}, p99.9 {}",
        number_of("opened"),
        number_of("sessions"),
        number_of("submitted"),
        number_of("applied"),
        number_of("refused"),
        number_of("unanswered"),
        counted(number_of("lockstep_ticks"), "tick"),
        number_of("desyncs"),
        latency["p50"],
        latency["p99"],
        latency["p999"],
    );
    for wrong in value["wrong"].as_array().into_iter().flatten().filter_map(Value::as_str).take(4) {
        text.push_str(&format!("\nwrong      {wrong}"));
    }
    text
}

/// How often somebody who waits for bots looks whether to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Bots in a process of their own.
struct Other {
    /// None once it was waited for.
    process: Option<Child>,
}

impl Other {
    fn start<G: Game>(
        folder: &Path,
        number: usize,
        running: &Running<G>,
        party: &Party,
        sessions: &[(SessionKind, String)],
    ) -> Outcome<Self> {
        let failed =
            |error: std::io::Error| Failure::new(format!("cannot start bots in a process of their own: {error}"));
        let file = folder.join(format!("tokens-{number}"));
        let tokens: Vec<&str> = sessions.iter().map(|(_, token)| token.as_str()).collect();
        // Whoever reads one of them first is that player.
        secret_file::create(&file, tokens.join("\n").as_bytes()).map_err(failed)?;
        let count = |kind| sessions.iter().filter(|(other, _)| *other == kind).count().to_string();
        let mut command = std::process::Command::new(std::env::current_exe().map_err(failed)?);
        command.args(["--json", "bots", "--tethered", "--connect", &reached_at(running.address).to_string()]);
        command.args(["--fingerprint", &running.fingerprint.to_string(), "--seconds", &party.seconds.to_string()]);
        command.args(["--lockstep", &count(SessionKind::Lockstep), "--witness", &count(SessionKind::Witness)]);
        command.args(["--command", &count(SessionKind::Command)]).arg("--tokens").arg(file);
        match party.pace {
            Pace::Rate(rate) => command.args(["--rate", &rate.to_string()]),
            Pace::InFlight(inputs) => command.args(["--in-flight", &inputs.to_string()]),
        };
        // Standard input says that this process is there: whatever ends it ends the other one too.
        let process = command.args(&party.apart_arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        Ok(Self { process: Some(process.map_err(failed)?) })
    }

    /// Waits for it, and gives what it says; it is told to end when this process is.
    fn end(mut self) -> Outcome<Value> {
        let mut process = self.process.take().expect("it is waited for once");
        let mut tether = process.stdin.take();
        let (send, answer) = mpsc::channel();
        // Nobody hears it where this process ends first.
        std::thread::spawn(move || _ = send.send(process.wait_with_output()));
        let output = loop {
            match answer.recv_timeout(LOOK_EVERY) {
                Ok(output) => break output,
                Err(RecvTimeoutError::Timeout) if interrupt::is_asked() => drop(tether.take()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(error @ RecvTimeoutError::Disconnected) => break Err(std::io::Error::other(error)),
            }
        };
        let output = output.map_err(|error| Failure::new(format!("bots in another process: {error}")))?;
        let value: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        value.ok_or_else(|| Failure::new(format!("bots in another process ended with {}", output.status)))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            _ = process.kill();
            _ = process.wait();
        }
    }
}

/// So many of each, lockstep first, as `tickworld bots` takes their tokens.
pub(crate) fn kinds(command: u32, lockstep: u32, witness: u32) -> Vec<SessionKind> {
    let counts = [(SessionKind::Lockstep, lockstep), (SessionKind::Witness, witness), (SessionKind::Command, command)];
    counts.into_iter().flat_map(|(kind, count)| (0..count).map(move |_| kind)).collect()
}

/// Where this machine reaches a port. One that listens on every address answers from the one that was meant, and who asked the
/// unspecified one takes that for a stranger's.
fn reached_at(port: SocketAddr) -> SocketAddr {
    let ip = match port.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, port.port())
}

pub(crate) const fn any_port() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)
}

/// Threads of this name for sockets and timers.
pub(crate) fn runtime(name: &str) -> Outcome<Runtime> {
    let runtime = Builder::new_multi_thread().enable_all().thread_name(name).build();
    runtime.map_err(|error| Failure::new(format!("cannot start: {error}")))
}

/// Where to look, and how others come in; where machines read standard output, people read it on standard error.
fn introduce<G: Game>(context: &mut Context, world: &HostedWorld<G>, data: &Path, party: &Party) {
    let Running { address, fingerprint, .. } = world.first();
    let all = party.all();
    let count = |kind| all.iter().filter(|other| **other == kind).count();
    let game = party.apart_arguments.iter().map(|word| shell_word(word.as_ref()));
    let game = game.fold(String::new(), |line, word| format!("{line} {word}"));
    let (near, data) = (reached_at(*address), shell_word(data.as_ref()));
    let mut lines = vec![
        format!("world      {}", world.title),
        format!("players    come to {address} (QUIC), certificate"),
        format!("           {fingerprint}"),
        format!("join       tickworld bots --connect {near} --data {data}{game}"),
    ];
    if !address.ip().is_loopback() {
        let port = address.port();
        lines.push(format!("elsewhere  tickworld bots --connect HOST:{port} --tokens FILE{game} \\"));
        lines.push(format!("             --fingerprint {fingerprint}"));
        lines.push(format!("           with a token a line of: tickworld-server token --data {data} --player N"));
    }
    lines.extend(world.servers().iter().map(|server| {
        let http = server.running.http_address.expect("a server that plays has its HTTP port");
        let of =
            if world.has_regions() { format!("  (region {}, {})", server.id, server.title) } else { String::new() };
        format!("look       http://{http}/metrics  /healthz  /readyz{of}")
    }));
    lines.push(format!(
        "bots       {} in lockstep, {} that witness, {} that command, for {} s; Ctrl-C ends them earlier",
        count(SessionKind::Lockstep),
        count(SessionKind::Witness),
        count(SessionKind::Command),
        party.seconds,
    ));
    for line in lines {
        if context.out.is_json() {
            // Whoever closed standard error does not want to know.
            _ = writeln!(std::io::stderr(), "{line}");
        }
        context.out.line(line);
    }
    context.out.flush();
}

/// A word as shells read it.
fn shell_word(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+:,=@%".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The certificate by which a server of this folder is known.
pub(crate) fn fingerprint_of(data: &Path) -> Outcome<Fingerprint> {
    let (certificate, key) = (data.join("dev-certificate.pem"), data.join("dev-certificate-key.pem"));
    let identity = Identity::from_pem_files(&certificate, &key).map_err(|error| {
        Failure::new(format!("{}: {error}", data.display())).help(
            "name a data folder that a server with a development certificate has used, or --fingerprint and --tokens",
        )
    })?;
    Ok(identity.fingerprint())
}

/// A token for somebody who looks on and is nobody in the world.
pub(crate) fn spectator_token(data: &Path, audience: &str) -> Outcome<String> {
    let issuer = DevelopmentIssuer::open(data).map_err(|error| Failure::new(error.to_string()))?;
    let claims = Claims::fresh(None, audience, &[KindName::Lockstep], now_seconds(), TOKEN_SECONDS);
    Ok(issuer.sign(&claims.map_err(|error| Failure::new(error.to_string()))?))
}

/// Seconds since 1970 by the machine's clock.
fn now_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Tokens for sessions of these kinds, players numbered from `first` on.
pub(crate) fn tokens(
    data: &Path,
    audience: &str,
    first: u64,
    kinds: Vec<SessionKind>,
) -> Outcome<Vec<(SessionKind, String)>> {
    let issuer = DevelopmentIssuer::open(data).map_err(|error| Failure::new(error.to_string()))?;
    let now = now_seconds();
    let token = |(number, kind): (u64, SessionKind)| {
        let name = match kind {
            SessionKind::Lockstep => KindName::Lockstep,
            SessionKind::Witness => KindName::Witness,
            SessionKind::Command => KindName::Command,
        };
        let claims = Claims::fresh(Some(number), audience, &[name], now, TOKEN_SECONDS);
        let claims = claims.map_err(|error| Failure::new(error.to_string()))?;
        Ok((kind, issuer.sign(&claims)))
    };
    (first..).zip(kinds).map(token).collect()
}
