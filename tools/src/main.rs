//! The `tickworld` command: QA's and operators' door to Tickworld.
//!
//! Commands parse their arguments, call the crates above and say what came of it; they hold no rules and no format of their
//! own. Bad input ends with a message and exit code 2, a difference that was found with 1: see [`failure`].
//!
//! Read `cli.rs` for what there is, then the command's own file under `commands/`.
#![forbid(unsafe_code)]
// Its modules are private to one binary: `pub(crate)` says what they share, and nothing of it is reachable from outside.

mod bots;
mod cli;
mod commands;
mod drill;
mod drive;
mod failure;
mod files;
mod finding;
mod hosting;
mod measure;
mod output;
mod progress;
mod store;
mod telling;

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;

// What scenarios and packs are is the server's, which runs the same worlds.
pub(crate) use tickworld_server::{packs, scenario};

use cli::{Cli, Command, Common, Play};
use failure::{Failure, Outcome, Verdict};
use output::{Color, Output};
use tickworld_pool::Pool;

/// What every command is given.
pub(crate) struct Context {
    /// Standard output.
    pub(crate) out: Output,
    /// Runs the engine's jobs.
    pub(crate) pool: Pool,
    /// Whether to say nothing but the result.
    pub(crate) quiet: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let Common { json, threads, color } = cli.common;
    let workers = threads.map_or(1, usize::from);
    let outcome = Pool::new(workers).map_err(Failure::from).and_then(|pool| {
        let mut context = Context { out: Output::new(json, color), pool, quiet: json };
        run(&mut context, cli.command)
    });
    finish(outcome, json, color)
}

fn run(context: &mut Context, command: Option<Command>) -> Outcome {
    let outcome = match command {
        None => commands::play::play(context, &Play::without_arguments()),
        Some(Command::Play(arguments)) => commands::play::play(context, &arguments),
        Some(Command::Load(arguments)) => commands::play::load(context, &arguments),
        Some(Command::Measure(command)) => measure::run(context, &command),
        Some(Command::Bots(arguments)) => commands::play::bots(context, &arguments),
        Some(Command::Demo) => commands::demo::run(context),
        Some(Command::Run(arguments)) => commands::run::run(context, &arguments),
        Some(Command::Trace(command)) => commands::trace::run(context, &command),
        Some(Command::Journal(command)) => commands::journal::run(context, &command),
        Some(Command::Content(command)) => commands::content::run(context, &command),
        Some(Command::Drill(arguments)) => commands::drill::run(context, &arguments),
        Some(Command::Swarm(arguments)) => commands::swarm::run(context, &arguments),
        Some(Command::Completions { shell }) => commands::completions::run(shell),
    };
    context.out.flush();
    outcome
}

/// The exit code; a failure is said on standard error, and with `--json` on standard output too.
fn finish(outcome: Outcome, json: bool, color: Color) -> ExitCode {
    match outcome {
        Ok(Verdict::Same) => ExitCode::SUCCESS,
        Ok(Verdict::Different) => ExitCode::from(1),
        Err(failure) => {
            use std::io::Write as _;
            let colored = color.wanted(std::io::stderr().is_terminal());
            // Whoever closed standard error does not want to know.
            let _ = write!(std::io::stderr(), "{}", failure.to_text(colored));
            if json {
                let mut out = Output::new(true, color);
                out.value(&failure.to_json());
                out.flush();
            }
            ExitCode::from(2)
        }
    }
}
