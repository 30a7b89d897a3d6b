//! The command line of `tickworld-server`: flags follow from the table of settings.
//!
//! Invariant: parsing has no effect; what was asked for comes out as a value.

use std::{ffi::OsString, path::PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::{
    admission::{KindName, TOKEN_SECONDS_MAX},
    config::{CONFIG_VARIABLE, Config, Setting, Settings},
    world::WorldConfig,
};

/// How long a development token is good for, in seconds, if nothing is said.
const TOKEN_SECONDS: u64 = 60 * 60;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// The TOML file.
    pub config: Option<PathBuf>,
    /// Settings by name.
    pub flags: Vec<(String, Vec<String>)>,
    /// What to do.
    pub task: Task,
}

/// What the binary can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Run a server.
    Serve,
    /// Print the configuration and who set what.
    PrintConfig,
    /// Print a token of the development key.
    Token(TokenRequest),
}

/// What a development token should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// The player that it is for; `None` may watch.
    pub player: Option<u64>,
    /// What sessions it may open.
    pub kinds: Vec<KindName>,
    /// How long it is good for.
    pub seconds: u64,
}

impl Arguments {
    /// Of a command line, with the program's name first.
    ///
    /// # Errors
    /// What to print instead: an explanation of what is wrong, or the help that was asked for.
    pub fn parse(line: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        let matches = command().try_get_matches_from(line)?;
        let (matches, task) = match matches.subcommand() {
            Some(("token", of_token)) => (of_token, Task::Token(token_request(of_token))),
            _ if matches.get_flag("print-config") => (&matches, Task::PrintConfig),
            _ => (&matches, Task::Serve),
        };
        let flag = |setting: &Setting| {
            let texts: Vec<String> = matches.try_get_many::<String>(&setting.name()).ok()??.cloned().collect();
            Some((setting.name(), texts))
        };
        let flags = tables().into_iter().flatten().filter_map(flag).collect();
        Ok(Self { config: matches.get_one::<PathBuf>("config").cloned(), flags, task })
    }
}

/// The settings that the binary has: those of every server, and those of its worlds.
#[must_use]
pub fn tables() -> [&'static [Setting]; 2] {
    [WorldConfig::TABLE, Config::TABLE]
}

/// The whole command line, for help and completion scripts.
#[must_use]
pub fn command() -> Command {
    let about = "A region of a Tickworld world: players connect over QUIC, operators over HTTP.\n\nWithout arguments it \
                 starts a d20 world of the shipped content in ./tickworld-data, for players on this machine.";
    let print = Arg::new("print-config").long("print-config").action(ArgAction::SetTrue);
    Command::new("tickworld-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A region of a Tickworld world")
        .long_about(about)
        .args_conflicts_with_subcommands(true)
        .arg(config_flag())
        .arg(print.help("Print the configuration as TOML, with who set what, and end"))
        .args(flags::<WorldConfig>())
        .args(flags::<Config>())
        .subcommand(token_command())
        .after_help(
            "Example:\n  tickworld-server --world ledger --data bank --tick-rate 60\n\nExit codes: 0 ended as asked, 1 failed while running, 2 unusable arguments or configuration, 3 stored ticks are \
             lost or damaged (see --accept-loss), 4 another server has taken the world over, 5 the rules panicked in a tick, 6 halted \
             (see --retry-halted)",
        )
}

fn config_flag() -> Arg {
    let help = format!("A TOML file of settings (variable {CONFIG_VARIABLE})");
    Arg::new("config").long("config").value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
}

fn flags<S: Settings>() -> Vec<Arg> {
    S::TABLE.iter().zip(S::default().values()).map(|(setting, default)| flag(setting, default)).collect()
}

fn flag(setting: &Setting, default: Option<toml::Value>) -> Arg {
    let name = setting.name();
    let default = default.map(|value| format!(" [default: {value}]")).unwrap_or_default();
    let help = format!("{}{default}", setting.meaning());
    let arg = Arg::new(name.clone()).long(name).value_name(setting.form).help(help);
    match setting {
        Setting { switch: true, .. } => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Setting { many: true, .. } => arg.action(ArgAction::Append),
        _ => arg,
    }
}

fn token_command() -> Command {
    let shared = ["data", "audience"].map(str::to_owned);
    let player = Arg::new("player").long("player").value_name("N").value_parser(value_parser!(u64).range(1..));
    let kinds = Arg::new("kinds").long("kinds").value_name("KIND,KIND").value_delimiter(',');
    let seconds = Arg::new("seconds").long("seconds").value_name("N");
    Command::new("token")
        .about("Print a token of the development key in `data`, good for one session")
        .arg(config_flag())
        .args(flags::<Config>().into_iter().filter(|flag| shared.contains(&flag.get_id().to_string())))
        .arg(player.help("The player's number; left out for somebody who only watches"))
        .arg(
            kinds
                .value_parser(["lockstep", "witness", "command"])
                .help("The kinds of session it may open; all that are possible if left out"),
        )
        .arg(
            seconds
                .value_parser(value_parser!(u64).range(1..=TOKEN_SECONDS_MAX))
                .default_value(TOKEN_SECONDS.to_string())
                .help("How long it is good for"),
        )
}

fn token_request(matches: &ArgMatches) -> TokenRequest {
    let player = matches.get_one::<u64>("player").copied();
    let kind = |name: &String| match name.as_str() {
        "lockstep" => KindName::Lockstep,
        "witness" => KindName::Witness,
        _ => KindName::Command,
    };
    let kinds = match matches.get_many::<String>("kinds") {
        Some(names) => names.map(kind).collect(),
        None if player.is_some() => vec![KindName::Lockstep, KindName::Witness, KindName::Command],
        None => vec![KindName::Lockstep, KindName::Witness],
    };
    let seconds = matches.get_one::<u64>("seconds").copied().unwrap_or(TOKEN_SECONDS);
    TokenRequest { player, kinds, seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn a_switch_needs_no_value_and_takes_one() {
        let flags =
            |line: &[&str]| Arguments::parse(line).map(|it| it.flags.into_iter().next().map(|(_, texts)| texts));
        let text = |text: &str| Some(vec![text.to_owned()]);
        assert_eq!(flags(&["x", "--dev-issuer"]).ok(), Some(text("true")));
        assert_eq!(flags(&["x", "--dev-issuer=false"]).ok(), Some(text("false")));
        assert_eq!(flags(&["x", "--tick-rate", "60"]).ok(), Some(text("60")));
    }

    #[test]
    fn a_flag_that_does_not_exist_is_refused_with_the_one_that_may_be_meant() {
        let error = Arguments::parse(["x", "--tick-rat", "60"]).expect_err("there is no such flag");
        assert!(error.to_string().contains("--tick-rate"), "{error}");
    }
}
