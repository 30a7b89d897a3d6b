//! The `tickworld` command: QA's and operators' door to Tickworld.
//!
//! Commands parse their arguments, call the crates above and say what came of it; they hold no rules and no format of their
//! own. Bad input ends with a message and exit code 2, a difference that was found with 1: see [`failure`].
//!
//! Read `cli.rs` for what there is, then the command's own file under `commands/`.
#![forbid(unsafe_code)]
// Its modules are private to one binary: `pub(crate)` says what they share, and nothing of it is reachable from outside.

mod bots;
mod builtin;
mod cli;
mod commands;
mod diff_report;
mod drill;
mod drive;
mod failure;
mod files;
mod games;
mod hosted_world;
mod hosting;
mod interrupt;
mod measure;
mod output;
mod progress;
mod run_summary;
mod store;
mod viewer;

use std::{io::IsTerminal, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, Parser as _, error::ErrorKind};

pub(crate) use tickworld_scenario::{packs, scenario, world_map};

use cli::{Cli, Command, Common};
use failure::{Failure, Outcome, Verdict};
use output::{Color, Output};
use tickworld_pool::Pool;

/// What every command is given.
pub(crate) struct Context {
    /// Where results are written: standard output.
    pub(crate) out: Output,
    /// Runs the engine's jobs.
    pub(crate) pool: Pool,
    /// Whether to say nothing but the result.
    pub(crate) quiet: bool,
    color: Color,
}

impl Context {
    /// Says a failure that is not the end of the command.
    pub(crate) fn complain(&self, failure: &Failure) {
        complain(failure, self.color);
    }
}

fn complain(failure: &Failure, color: Color) {
    use std::io::Write as _;
    let colored = color.wanted(std::io::stderr().is_terminal());
    // Whoever closed standard error does not want to know.
    _ = write!(std::io::stderr(), "{}", failure.to_text(colored));
}

fn main() -> ExitCode {
    interrupt::listen();
    let cli = match parse() {
        Ok(cli) => cli,
        Err(message) => return explain(&message),
    };
    let Common { json, threads, color } = cli.common;
    let workers = threads.map_or(1, usize::from);
    warn_of_threads(workers);
    warn_of_overflow();
    let outcome = Pool::new(workers).map_err(Failure::from).and_then(|pool| {
        let mut context = Context { out: Output::new(json, color), pool, quiet: json, color };
        let outcome = run(&mut context, cli.command);
        let written = context.out.finish();
        outcome.and_then(|verdict| written.map(|()| verdict))
    });
    finish(outcome, json, color)
}

/// The command line, in which `-5` behind a flag is a number.
fn parse() -> Result<Cli, clap::Error> {
    let mut command = taking_negative_numbers(Cli::command());
    let matches =
        command.try_get_matches_from_mut(std::env::args_os()).map_err(|error| explained(error, &mut command))?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// A number below 0 is refused as a number: without this it is taken for a flag, with the advice to write it as a scenario.
fn taking_negative_numbers(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|argument| {
        let is_flag_with_value = argument.get_long().is_some() && argument.get_action().takes_values();
        argument.allow_negative_numbers(is_flag_with_value)
    });
    command.mut_subcommands(taking_negative_numbers)
}

/// Says of a number below 0 what is wrong with it, where the library speaks of digits.
fn explained(error: clap::Error, command: &mut clap::Command) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let (Some(argument), Some(value)) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue)) else {
        return error;
    };
    let is_below_zero = value.strip_prefix('-').is_some_and(|digits| digits.parse::<f64>().is_ok());
    let is_of_digits = error.kind() == ErrorKind::ValueValidation && error.to_string().contains("invalid digit");
    if !is_below_zero || !is_of_digits {
        return error;
    }
    let message = format!("invalid value '{value}' for '{argument}': it takes a whole number from 0 on");
    command.error(ErrorKind::ValueValidation, message)
}

/// More threads than the machine has are allowed, and slow.
fn warn_of_threads(workers: usize) {
    use std::io::Write as _;
    let cores = std::thread::available_parallelism().map_or(usize::MAX, usize::from);
    if workers > cores {
        // Whoever closed standard error does not want to know.
        _ = writeln!(
            std::io::stderr(),
            "warning: --threads {workers} on a machine that runs {cores} at a time: more than that make it slower"
        );
    }
}

/// A build without overflow checks may come to other roots than one with them.
fn warn_of_overflow() {
    use std::io::Write as _;
    if tickworld_sim::overflow_is_checked!() == Some(false) {
        // Whoever closed standard error does not want to know.
        _ = writeln!(std::io::stderr(), "warning: {}", tickworld_sim::overflow::ADVICE);
    }
}

/// Help, or what is wrong with the arguments.
fn explain(message: &clap::Error) -> ExitCode {
    let color = Color::Auto;
    if !message.use_stderr() {
        let text = message.render();
        let is_colored = color.wanted(std::io::stdout().is_terminal());
        let mut out = Output::new(false, color);
        out.raw(&if is_colored { text.ansi().to_string() } else { text.to_string() });
        return finish(out.finish().map(|()| Verdict::Same), false, color);
    }
    // Nothing can be done where even that cannot be printed.
    _ = message.print();
    // The arguments could not be read; this one says how whatever reads the answer wants it.
    if std::env::args_os().skip(1).take_while(|word| word != "--").any(|word| word == "--json") {
        let mut out = Output::new(true, color);
        out.value(&of_arguments(message).to_json());
        // What cannot be told here was said on standard error.
        _ = out.finish();
    }
    ExitCode::from(2)
}

/// What is wrong with the arguments, as a failure like any other.
fn of_arguments(message: &clap::Error) -> Failure {
    let text = message.to_string();
    let (what, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let failure = Failure::new(one_line(what.trim_start_matches("error: ")));
    if rest.trim().is_empty() { failure } else { failure.help(one_line(rest)) }
}

fn run(context: &mut Context, command: Option<Command>) -> Outcome {
    match command {
        None => commands::play::play(context, &play()?),
        Some(Command::Play(arguments)) => commands::play::play(context, &arguments),
        Some(Command::Load(arguments)) => commands::play::load(context, &arguments),
        Some(Command::Measure(command)) => measure::run(context, &command),
        Some(Command::Bots(arguments)) => commands::play::bots(context, &arguments),
        Some(Command::Demo) => commands::demo::run(context),
        Some(Command::Run(arguments)) => commands::run::run(context, &arguments),
        Some(Command::Trace(command)) => commands::trace::run(context, &command),
        Some(Command::Watch(arguments)) => commands::watch::run(context, &arguments),
        Some(Command::Journal(command)) => commands::journal::run(context, &command),
        Some(Command::Content(command)) => commands::content::run(context, &command),
        Some(Command::Drill(arguments)) => commands::drill::run(context, &arguments),
        Some(Command::Swarm(arguments)) => commands::swarm::run(context, &arguments),
        Some(Command::Completions { shell }) => commands::completions::run(context, shell),
    }
}

/// What `tickworld` alone means: `tickworld play`.
fn play() -> Outcome<cli::Play> {
    match Cli::try_parse_from(["tickworld", "play"]) {
        Ok(Cli { command: Some(Command::Play(play)), .. }) => Ok(play),
        Ok(_) => unreachable!("that is what was parsed"),
        // A variable says something that is no value.
        Err(message) => Err(of_arguments(&message)),
    }
}

/// The exit code; a failure is said on standard error, and with `--json` on standard output too.
fn finish(outcome: Outcome, json: bool, color: Color) -> ExitCode {
    match outcome {
        Ok(Verdict::Same) => ExitCode::SUCCESS,
        Ok(Verdict::Different) => ExitCode::from(1),
        Ok(Verdict::Unusable) => ExitCode::from(2),
        Ok(Verdict::Interrupted) => {
            use std::io::Write as _;
            // Whoever closed standard error does not want to know.
            _ = writeln!(std::io::stderr(), "interrupted: what is said holds for what was done until then");
            ExitCode::from(3)
        }
        Err(failure) => {
            complain(&failure, color);
            if json {
                let mut out = Output::new(true, color);
                out.value(&failure.to_json());
                // What cannot be told here was said on standard error.
                _ = out.finish();
            }
            ExitCode::from(2)
        }
    }
}
