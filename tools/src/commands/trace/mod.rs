//! `tickworld trace`: record, verify, inspect and compare traces.

mod diff;
mod export;
mod from_journal;
mod info;
mod record;
mod state;
mod verify;

use std::path::Path;

use tickworld_ledger::Ledger;
use tickworld_rules::Rules;
use tickworld_sim::{
    game::Game as _,
    trace::{ReplayError, Trace},
};

use crate::{
    Context, cli,
    failure::{Failure, Outcome},
    files::{TraceFile, trace_failure},
    games::{is_known, is_ledger},
};

pub(crate) use diff::compare;
pub(crate) use export::{entropy as entropy_json, input as input_json};

/// Runs the command.
pub(crate) fn run(context: &mut Context, command: &cli::Trace) -> Outcome {
    match command {
        cli::Trace::Record(arguments) => record::run(context, arguments),
        cli::Trace::Verify(arguments) => verify::run(context, arguments),
        cli::Trace::Info { file } => info::run(context, file),
        cli::Trace::State(arguments) => state::run(context, arguments),
        cli::Trace::Diff(arguments) => diff::run(context, arguments),
        cli::Trace::FromJournal(arguments) => from_journal::run(context, arguments),
        cli::Trace::Export { file, from, to } => export::run(context, file, *from, *to),
    }
}

/// Whether a trace is of a game that this build simulates.
fn is_known_game(trace: &Trace<TraceFile>) -> bool {
    is_known(&trace.schema().game)
}

/// Refuses a trace that was recorded of another game, under another schema or by other rules, and names them.
pub(crate) fn check_game(path: &Path, trace: &Trace<TraceFile>) -> Outcome<()> {
    if !is_known_game(trace) {
        return Err(other_game(path, trace));
    }
    let checked =
        if is_ledger(&trace.schema().game) { trace.check_game::<Ledger>() } else { trace.check_game::<Rules>() };
    checked.map_err(|error| {
        let (shown, header) = (path.display(), trace.header());
        let engine = if header.about.engine.is_empty() { String::new() } else { format!("{}, ", header.about.engine) };
        Failure::new(format!("{shown}: {error}")).help(format!(
            "it was recorded by {engine}rules {} revision {}: use that build; `tickworld trace verify --audit {shown}` checks \
             what needs no rules, `trace state` shows the worlds inside",
            header.schema.game, header.revision
        ))
    })
}

/// No build of this command has the game: its own program has.
fn other_game(path: &Path, trace: &Trace<TraceFile>) -> Failure {
    let (shown, game) = (path.display(), &trace.schema().game);
    let [d20, ledger] = [Rules::NAME, Ledger::NAME];
    Failure::new(format!("{shown}: the trace is of the game `{game}`, this command simulates `{d20}` and `{ledger}`")).help(
        format!(
            "a program that has the game goes through it with `Verifier` or `Replay` of tickworld_sim::trace; `tickworld trace \
             verify --audit {shown}` checks what needs no rules, `trace state` shows the worlds inside"
        ),
    )
}

/// Why a trace cannot be simulated, said for people.
pub(crate) fn replay_failure(path: &Path, error: ReplayError<std::io::Error>) -> Failure {
    let shown = path.display();
    let failure = Failure::new(format!("{shown}: {error}"));
    match error {
        ReplayError::Trace(error) => trace_failure(path, error),
        ReplayError::Schema { .. } | ReplayError::Revision { .. } => failure.help(format!(
            "use the build that recorded it; `tickworld trace verify --audit {shown}` checks what needs no rules"
        )),
        ReplayError::NotReproduced { .. } => failure.help(
            "the trace was made by other code under the same version, or its machine was at fault: \
             `tickworld trace diff` against a new recording shows in what",
        ),
        _ => failure,
    }
}
