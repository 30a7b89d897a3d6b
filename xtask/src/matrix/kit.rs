//! [`Kit`]: what foreign targets are built and run with, wherever it came from.
//!
//! Invariant: what a kit says of a target was looked for on this machine; a target that lacks something is named with the
//! reason, and no command is given for it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, anyhow};

use super::rows::{Machine, Target};
use crate::shell;

/// Compiler, standard libraries, linkers and emulators.
pub(crate) struct Kit {
    /// Where cargo puts what is built with it.
    pub(crate) target_dir: PathBuf,
    /// The environment that cargo is given.
    pub(crate) variables: BTreeMap<String, OsString>,
    /// Why a target cannot be had, by name.
    pub(crate) missing: BTreeMap<&'static str, String>,
}

impl Kit {
    /// Linkers and emulators for the targets that are not `missing` yet.
    pub(crate) fn new(
        targets: &[&'static Target],
        target_dir: PathBuf,
        missing: BTreeMap<&'static str, String>,
    ) -> Self {
        let mut kit = Self { target_dir, variables: BTreeMap::new(), missing };
        for target in targets {
            if kit.missing.contains_key(target.name) {
                continue;
            }
            if let Err(reason) = kit.add(target) {
                kit.missing.insert(target.name, reason.to_string());
            }
        }
        kit
    }

    fn add(&mut self, target: &Target) -> Result<()> {
        let linker: OsString = match target.machine {
            Machine::Linux { prefix, .. } => {
                // The hashing library has parts in C; its build looks for this variable.
                let compiler = format!("{prefix}-gcc");
                self.variables.insert(format!("CC_{}", target.triple.replace('-', "_")), (&compiler).into());
                compiler.into()
            }
            Machine::Wasi => rust_lld()?.into(),
        };
        let runner = runner(target);
        // rust-lld alone answers to no question: it wants to know as which linker it was called.
        let asked = [&linker, &runner[0]].into_iter().skip(usize::from(target.machine == Machine::Wasi));
        for program in asked {
            if !shell::succeeds(Command::new(program).arg("--version")) {
                return Err(anyhow!("{} does not start", program.to_string_lossy()));
            }
        }
        self.variables.insert(target.variable("LINKER"), linker);
        self.variables.insert(target.variable("RUNNER"), runner.join(&OsString::from(" ")));
        Ok(())
    }

    /// A cargo that builds with it.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = shell::cargo();
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
        cargo.env("CARGO_TARGET_DIR", &self.target_dir).env("CARGO_INCREMENTAL", "0").envs(&self.variables);
        cargo
    }
}

/// The words before a program's path that run it.
pub(crate) fn runner(target: &Target) -> Vec<OsString> {
    match target.machine {
        Machine::Linux { prefix, qemu, .. } => {
            [format!("qemu-{qemu}-static"), "-L".into(), format!("/usr/{prefix}")].map(OsString::from).into()
        }
        Machine::Wasi => {
            let script = shell::root().join("xtask/fixtures/wasi.mjs");
            vec!["node".into(), "--no-warnings".into(), script.into()]
        }
    }
}

/// The linker that comes with this toolchain.
fn rust_lld() -> Result<PathBuf> {
    let sysroot = shell::read(shell::command("rustc").args(["--print", "sysroot"]))?;
    let lld = Path::new(sysroot.trim()).join("lib/rustlib").join(shell::host()?).join("bin/rust-lld");
    if lld.exists() { Ok(lld) } else { Err(anyhow!("this toolchain has no rust-lld")) }
}
