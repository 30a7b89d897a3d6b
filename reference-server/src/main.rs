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

use tickworld_server::{
    admission::{Claims, DevelopmentIssuer},
    cli::{Arguments, Task, TokenRequest},
    config::{ADMIN_TOKEN_VARIABLE, CONFIG_VARIABLE, Config, Layers, LogFormat, WorldKind},
    http::AdminToken,
    server::{Ended, OpenError, Running, Server, StartError},
    stdout::StandardOutput,
    world::{Accounts, D20, GameAdapter},
};
use tracing_subscriber::EnvFilter;

const FAILED: u8 = 1;
const UNUSABLE: u8 = 2;
const LOST: u8 = 3;
const FENCED: u8 = 4;
const PANICKED: u8 = 5;
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
    let mut layers = Layers::default().flags(arguments.flags).variables(std::env::vars());
    if let Some(file) = file {
        layers = layers.file(&file).map_err(|error| unusable(&error))?;
    }
    let config = layers.config().map_err(|error| unusable(&error))?;
    match arguments.task {
        Task::PrintConfig => print(&layers.print().map_err(|error| unusable(&error))?),
        Task::Token(request) => print(&format!("{}\n", token(&config, &request)?)),
        Task::Serve => {
            config.check().map_err(|error| unusable(&error))?;
            log(&config)?;
            layers.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            let runtime = tokio::runtime::Runtime::new().map_err(|error| (FAILED, error.to_string()))?;
            let ended = runtime.block_on(host(config));
            // What still runs by then is an operation of the storage that hangs: nothing more can be done for it.
            runtime.shutdown_timeout(LAST_WAIT);
            ended
        }
    }
}

async fn host(config: Config) -> Result<(), Exit> {
    match config.world {
        WorldKind::D20 => {
            let world = D20::load(&config.scenario, config.seed).map_err(|failure| (UNUSABLE, failure.to_string()))?;
            serve(config, world).await
        }
        WorldKind::Ledger => {
            let world = Accounts { accounts: config.accounts, coins: config.coins };
            serve(config, world).await
        }
    }
}

async fn serve<A: GameAdapter>(config: Config, world: A) -> Result<(), Exit> {
    let admin = admin_token(&config)?;
    // Before the start, which may take long: whoever is told to end meanwhile ends in good order too.
    let told_to_end = signals::listen().map_err(|error| (FAILED, error.to_string()))?;
    let mut running = Server::start(config, world, admin).await.map_err(|error| {
        let code = match &error {
            StartError::Unusable(_) | StartError::World(OpenError::Failure(_)) => UNUSABLE,
            StartError::World(OpenError::Lost { .. } | OpenError::Damaged(_)) => LOST,
            StartError::World(OpenError::Panics { .. }) => PANICKED,
            _ => FAILED,
        };
        (code, error.to_string())
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
            let what = format!("the rules panicked in tick {tick}: {message}. What came before it is stored and told");
            Err((PANICKED, what))
        }
        Ended::Failed(reason) => Err((FAILED, reason)),
        other => Err((FAILED, format!("{other:?}"))),
    }
}

async fn stop(running: Running) -> Ended {
    tracing::info!("ending: saying goodbye and storing a snapshot");
    running.stop().await
}

fn token(config: &Config, request: &TokenRequest) -> Result<String, Exit> {
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
