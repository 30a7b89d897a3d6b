//! `tickworld completions`: what a shell needs to complete the commands.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{
    cli::Cli,
    failure::{Outcome, Verdict},
};

/// Prints the script.
pub(crate) fn run(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tickworld", &mut script);
    // A reader that goes away has enough.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), &script);
    Ok(Verdict::Same)
}
