//! `tickworld completions`: what a shell needs to complete the commands.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{
    Context,
    cli::Cli,
    failure::{Outcome, Verdict},
};

/// Prints the script.
pub(crate) fn run(context: &mut Context, shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tickworld", &mut script);
    context.out.raw(&String::from_utf8_lossy(&script));
    Ok(Verdict::Same)
}
