//! `cargo xtask`: the project's chores, in Rust, so that a fresh machine needs nothing but the toolchain.
//!
//! It depends on no crate of the workspace: it must build when they do not.
#![allow(clippy::print_stdout, reason = "a command-line tool: standard output is its answer")]

mod bans;
mod bless;
mod bugs;
mod built;
mod ci;
mod codegen;
mod fuzz;
mod least_rust;
mod matrix;
mod measure;
mod mutants;
mod no_std;
mod package;
mod proof;
mod semver;
mod shell;
mod tidy;
mod torture;
mod tree_copy;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's chores")]
enum Chore {
    /// Make every check from cheap to dear, stopping at the first that fails
    Ci {
        /// Name the checks and what each shows, and stop
        #[arg(long)]
        list: bool,
        /// Make this check alone
        #[arg(long, value_name = "CHECK", conflicts_with = "list")]
        only: Option<String>,
        /// Make the checks that build in the workspace's target folder, or those that build apart: two processes at a time
        #[arg(long, conflicts_with_all = ["list", "only"])]
        lane: Option<ci::Lane>,
    },
    /// Check what the house style can state as code
    Tidy {
        /// Repair what has one right repair: lower the length ratchet, copy marked code into the documents
        #[arg(long)]
        fix: bool,
    },
    /// Record the golden traces again, because their roots are meant to change
    Bless {
        /// Why they change; goes into CHANGELOG.md as a Trace-breaking line
        #[arg(long)]
        reason: String,
    },
    /// Run the golden traces on every kind of machine, emulated ones too, and compare
    Matrix(matrix::Options),
    /// Run the long storms against a real server, by hand
    Torture {
        /// Kill it under load so many times
        #[arg(long, value_name = "N")]
        kills: Option<u32>,
        /// Fill a small file system under it, and turn bits in its database (takes the right to mount)
        #[arg(long)]
        disk: bool,
        /// Put a bad network between it and its clients (takes the right to make network namespaces)
        #[arg(long)]
        netem: bool,
        /// All chance of the storms
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Read the machine code of what simulates: no float, no clock, no environment, no `std`
    Proof(proof::Options),
    /// Put every seeded bug into a copy of the tree and run what has to catch it
    Bugs(bugs::Bugs),
    /// Change one thing after the other in a package (in a copy of it), and name the changes that no test notices
    Mutants(mutants::Mutants),
    /// Regenerate the FlatBuffers code from schema/*.fbs of the crates that have one (needs python3 and the package registry once)
    Codegen {
        /// Regenerate beside the committed code and compare, changing nothing
        #[arg(long)]
        check: bool,
    },
    /// Measure what docs/PERFORMANCE.md tells of servers: some seven minutes, best on a machine that does nothing else
    Measure {
        /// Measure this figure alone
        #[arg(long, value_name = "FIGURE")]
        only: Option<String>,
    },
    /// Compare the public API of the published packages with that of a commit (needs cargo-semver-checks)
    Semver {
        /// The commit to compare with
        #[arg(long, value_name = "REV", default_value = "main")]
        baseline_rev: String,
    },
    /// Fuzz the targets of fuzz/ with libFuzzer (needs a C++ compiler)
    Fuzz(fuzz::Fuzz),
}

fn main() -> ExitCode {
    let result = match Chore::parse() {
        Chore::Ci { list: true, .. } => {
            ci::list();
            Ok(())
        }
        Chore::Ci { lane, only, .. } => ci::run(lane, only.as_deref()),
        Chore::Tidy { fix } => tidy::run(fix),
        Chore::Bless { reason } => bless::run(&reason),
        Chore::Matrix(options) => matrix::run(&options),
        Chore::Torture { kills, disk, netem, seed } => torture::run(&torture::Torture { kills, disk, netem, seed }),
        Chore::Proof(options) => proof::run(options),
        Chore::Bugs(arguments) => bugs::run(&arguments),
        Chore::Mutants(arguments) => mutants::run(&arguments),
        Chore::Codegen { check } => codegen::run(check),
        Chore::Measure { only } => measure::run(only.as_deref()),
        Chore::Semver { baseline_rev } => semver::run(&baseline_rev),
        Chore::Fuzz(fuzz) => fuzz::run(&fuzz),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
