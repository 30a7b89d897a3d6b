//! `tickworld-server`: a region of a world, until it is told to end.
//!
//! Invariant: exit codes are those of README.md; what goes wrong is one line that says what to do.

mod signals;

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use tickworld_ledger::Ledger;
use tickworld_rules::Rules;
use tickworld_server::{
    admission::{Claims, DevelopmentIssuer},
    cli::{self, Arguments, Task, TokenRequest},
    config::{ADMIN_TOKEN_VARIABLE, CONFIG_VARIABLE, Config, Layers, LogFormat, Origin, Setting, Settings as _},
    data_folder::DataFolder,
    http::AdminToken,
    server::{Ended, OpenError, Running, Server},
    start_checks::Misfit,
    start_error::StartError,
    stdout::StandardOutput,
    world::{Accounts, D20, GameAdapter, WorldConfig, WorldKind},
};
use tickworld_sim::game::Game;
use tracing_subscriber::EnvFilter;

const FAILED: u8 = 1;
const UNUSABLE: u8 = 2;
const LOST: u8 = 3;
const FENCED: u8 = 4;
const PANICKED: u8 = 5;
const HALTED: u8 = 6;
/// For what blocks a thread when everything else has ended.
const LAST_WAIT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(help) => {
            if help.use_stderr() {
                // Nothing can be done where even that cannot be printed.
                _ = help.print();
                return ExitCode::from(UNUSABLE);
            }
            let text = help.render();
            let is_colored = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            return finish(print(&if is_colored { text.ansi().to_string() } else { text.to_string() }));
        }
    };
    finish(run(arguments))
}

fn finish(result: Result<(), Exit>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, message)) => {
            _ = writeln!(std::io::stderr(), "error: {message}");
            ExitCode::from(code)
        }
    }
}

type Exit = (u8, String);

fn run(arguments: Arguments) -> Result<(), Exit> {
    let unusable = |error: &dyn std::fmt::Display| (UNUSABLE, error.to_string());
    let file = arguments.config.or_else(|| std::env::var_os(CONFIG_VARIABLE).map(PathBuf::from));
    let layers = Layers::of(&cli::tables()).flags(arguments.flags);
    let mut layers = layers.variables(std::env::vars_os()).map_err(|error| unusable(&error))?;
    if let Some(file) = file {
        layers = layers.file(&file).map_err(|error| unusable(&error))?;
    }
    let config: Config = layers.read().map_err(|error| unusable(&error))?;
    let world: WorldConfig = layers.read().map_err(|error| unusable(&error))?;
    match arguments.task {
        Task::PrintConfig => print(&(layers.print(&world) + &layers.print(&config))),
        Task::Token(request) => print(&format!("{}\n", token(&config, &request)?)),
        Task::Serve => {
            log(&config)?;
            layers.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            if tickworld_sim::overflow_is_checked!() == Some(false) {
                tracing::warn!("{}", tickworld_sim::overflow::ADVICE);
            }
            tell_what_does_not_apply(&layers, &config);
            let runtime = tokio::runtime::Runtime::new().map_err(|error| (FAILED, error.to_string()))?;
            let ended = runtime.block_on(host(config, world));
            // What still runs by then is an operation of the storage that hangs: nothing more can be done for it.
            runtime.shutdown_timeout(LAST_WAIT);
            ended
        }
    }
}

async fn host(config: Config, world: WorldConfig) -> Result<(), Exit> {
    match world.world {
        WorldKind::D20 => serve(config, D20::of(world.scenario, world.seed)).await,
        WorldKind::Ledger => serve(config, Accounts { accounts: world.accounts, coins: world.coins }).await,
    }
}

/// What somebody said about the beginning of a world that has begun long ago.
fn tell_what_does_not_apply(layers: &Layers, config: &Config) {
    if !DataFolder::has_world(&config.data) {
        return;
    }
    let beginning = WorldConfig::TABLE.iter().map(Setting::name).filter(|name| name != "world");
    for name in beginning.filter(|name| layers.origin(name) != Origin::Default) {
        tracing::info!("{name} says how a new world begins: the one in {} goes on as it is", config.data.display());
    }
}

async fn serve<A: GameAdapter>(config: Config, world: A) -> Result<(), Exit> {
    let admin = admin_token(&config)?;
    // Before the start, which may take long: whoever is told to end meanwhile ends in good order too.
    let told_to_end = signals::listen().map_err(|error| (FAILED, error.to_string()))?;
    let mut running = Server::new(config, world).admin(admin).start().await.map_err(|error| {
        let code = match &error {
            StartError::World(OpenError::Lost { .. } | OpenError::Damaged(_)) => LOST,
            StartError::World(OpenError::Panics { .. } | OpenError::Marked { .. }) => PANICKED,
            StartError::World(OpenError::Halted { .. }) => HALTED,
            error if error.is_unusable() => UNUSABLE,
            _ => FAILED,
        };
        (code, with_hint(&error))
    })?;
    let ended = tokio::select! {
        ended = running.ended() => {
            running.close().await;
            ended
        }
        () = told_to_end.notified() => stop(running).await,
    };
    match ended {
        Ended::Asked => Ok(()),
        Ended::Fenced { .. } => Err((FENCED, "another server has taken this world over".to_owned())),
        Ended::Panicked { tick, message } => {
            let what = format!(
                "the rules panicked in tick {tick}: {message}. What came before it is stored and told. Start with a build in which \
                 they do not, or leave the tick out with `tickworld journal skip`"
            );
            Err((PANICKED, what))
        }
        Ended::Failed(reason) => Err((FAILED, reason)),
        other => Err((FAILED, format!("{other:?}"))),
    }
}

/// What is wrong, with the flag of this binary that cures it, where one does.
fn with_hint(error: &StartError) -> String {
    let StartError::World(OpenError::Misfit(Misfit::Game { stored, .. })) = error else { return error.to_string() };
    let kind = [(Rules::NAME, WorldKind::D20), (Ledger::NAME, WorldKind::Ledger)].into_iter();
    let kind = kind.filter(|(name, _)| name == stored).map(|(_, kind)| kind).next();
    kind.map_or_else(|| error.to_string(), |kind| format!("{error}; that world is started with --world {kind}"))
}

async fn stop<G: Game>(running: Running<G>) -> Ended {
    tracing::info!("ending: saying goodbye and storing a snapshot");
    running.stop().await
}

fn token(config: &Config, request: &TokenRequest) -> Result<String, Exit> {
    if !DevelopmentIssuer::is_in(&config.data) && !DataFolder::has_world(&config.data) {
        let message = format!(
            "no server has run in {}: a token is signed with the key that it makes there; name its folder with --data",
            config.data.display()
        );
        return Err((UNUSABLE, message));
    }
    let issuer = DevelopmentIssuer::open(&config.data).map_err(|error| (UNUSABLE, error.to_string()))?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let claims = Claims::fresh(request.player, &config.audience, &request.kinds, now, request.seconds);
    Ok(issuer.sign(&claims.map_err(|error| (FAILED, error.to_string()))?))
}

fn admin_token(config: &Config) -> Result<Option<AdminToken>, Exit> {
    let secret = match (&config.admin_token_file, std::env::var(ADMIN_TOKEN_VARIABLE)) {
        (Some(file), _) => {
            let read = std::fs::read_to_string(file);
            Some(read.map_err(|error| (UNUSABLE, format!("cannot read {}: {error}", file.display())))?)
        }
        (None, Ok(secret)) => Some(secret),
        (None, Err(_)) => None,
    };
    let Some(secret) = secret else { return Ok(None) };
    let token = AdminToken::new(&secret);
    token.map(Some).ok_or_else(|| (UNUSABLE, "the operators' token is too short: it takes 16 characters".to_owned()))
}

fn log(config: &Config) -> Result<(), Exit> {
    let filter = EnvFilter::try_new(&config.log_filter).map_err(|error| (UNUSABLE, format!("log-filter: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let is_text = match config.log {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    if is_text {
        builder.with_ansi(std::io::stderr().is_terminal()).init();
    } else {
        builder.json().init();
    }
    Ok(())
}

fn print(text: &str) -> Result<(), Exit> {
    let mut out = StandardOutput::new();
    out.write(text);
    out.finish().map_err(|failure| (FAILED, failure.to_string().trim_start_matches("error: ").to_owned()))
}
