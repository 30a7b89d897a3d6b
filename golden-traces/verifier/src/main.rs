//! `tickworld-verifier TRACE...`: simulates traces again on this target and prints one line for each.
//!
//! Invariant: a line holds nothing but what follows from the trace, so equal code prints equal lines on every target; what
//! belongs to the machine (paths, time) is not in it. It needs files and standard output, nothing else: it runs under an
//! emulator and under WASI. It compares roots with the recorded ones; comparing lines and files is the matrix' business.
#![allow(clippy::print_stdout, reason = "a command-line tool: standard output is its answer")]

mod resimulated;
mod rows;
mod seeded;

use std::{path::Path, process::ExitCode};

use resimulated::{Resimulated, VerifierError};
use seeded::SeededBug;

const USAGE: &str = "usage: tickworld-verifier [--seeded-bug width|endian|everywhere] TRACE...";

/// Exit codes: 0 every tick has its recorded root, 1 one has not, 2 a trace could not be simulated.
fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut bug = None;
    if arguments.first().is_some_and(|first| first == "--seeded-bug") {
        bug = arguments.get(1).and_then(|name| SeededBug::of_name(name));
        if bug.is_none() {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
        arguments.drain(..2);
    }
    if arguments.is_empty() {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let mut code = 0;
    for path in &arguments {
        code = code.max(verify(Path::new(path), bug));
    }
    ExitCode::from(code)
}

fn verify(path: &Path, bug: Option<SeededBug>) -> u8 {
    let read = std::fs::read(path).map_err(VerifierError::File);
    match read.and_then(|bytes| Resimulated::of(&bytes, bug)) {
        Ok(trace) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            println!("{name} {trace}");
            u8::from(trace.first_difference.is_some())
        }
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            2
        }
    }
}
