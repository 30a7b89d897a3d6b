//! Debian's compiler, and standard libraries built from Debian's sources: for machines whose toolchain has one target.
//!
//! Invariant: only the standard library is built with unstable features; the project is built as on any stable toolchain,
//! against a system root of our own. That root is kept under cargo's target folder for as long as compiler and sources stay
//! the same, and is never needed: without it, it is made again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::kit::Kit;
use super::packages;
use super::rows::{Machine, Target};
use crate::shell;

const RUSTC: &str = "/usr/bin/rustc";
const COMPILER: [&str; 3] = ["rustc-web", "libstd-rust-web-dev", "rust-web-src"];
const EMULATORS: &str = "qemu-user-static";
const BUILD_STD: [&str; 2] = ["-Zbuild-std=std,panic_abort,test", "-Zbuild-std-features=panic-unwind"];
/// Says that a target's libraries are whole.
const COMPLETE: &str = "complete";
const WASI_LIBC: &str = "/usr/lib/wasm32-wasi";

/// Installs what is missing and builds the standard libraries that are.
///
/// # Errors
/// When files cannot be written. A target that cannot be had is named in the kit.
pub(crate) fn prepare(targets: &[&'static Target], folder: &Path, install: bool) -> Result<Kit> {
    if targets.is_empty() {
        return Ok(Kit::new(targets, folder.join("debian"), BTreeMap::new()));
    }
    let mut wanted = COMPILER.to_vec();
    wanted.push(EMULATORS);
    wanted.extend(targets.iter().flat_map(|target| target.packages()));
    let absent = packages::missing(&wanted, install);
    let mut missing = BTreeMap::new();
    for target in targets {
        let mut parts = COMPILER.to_vec();
        parts.extend(target.packages());
        if matches!(target.machine, Machine::Linux { .. }) {
            parts.push(EMULATORS);
        }
        if let Some(package) = parts.iter().find(|package| absent.contains(package)) {
            missing.insert(target.name, format!("package {package} is not installed"));
        }
    }
    let buildable: Vec<&'static Target> =
        targets.iter().filter(|target| !missing.contains_key(target.name)).copied().collect();
    let Some(root) = (!buildable.is_empty()).then(|| SystemRoot::new(folder)).transpose()? else {
        return Ok(Kit::new(targets, folder.join("debian"), missing));
    };
    root.build(&buildable)?;
    for target in &buildable {
        if !root.has(target) {
            missing.insert(target.name, "its standard library does not build: see above".to_owned());
        }
    }
    let mut kit = Kit::new(targets, folder.join("debian"), missing);
    kit.variables.insert("RUSTC".to_owned(), RUSTC.into());
    kit.variables.insert("RUSTDOC".to_owned(), "/usr/bin/rustdoc".into());
    let flags: OsString = format!("--sysroot={}", root.folder.display()).into();
    for target in buildable {
        kit.variables.insert(target.variable("RUSTFLAGS"), flags.clone());
    }
    Ok(kit)
}

/// A system root: `lib/rustlib/TARGET/lib` with the standard libraries of foreign targets.
struct SystemRoot {
    folder: PathBuf,
    scratch: PathBuf,
}

impl SystemRoot {
    /// The one of this compiler and these sources.
    fn new(folder: &Path) -> Result<Self> {
        let compiler = shell::read(shell::command(RUSTC).arg("-vV"))?;
        let sources =
            shell::read(shell::command("dpkg-query").args(["--show", "rust-web-src", "wasi-libc"])).unwrap_or_default();
        let key = blake3::hash(format!("{compiler}{sources}{BUILD_STD:?}").as_bytes()).to_hex();
        Ok(Self { folder: folder.join(format!("std-{}", &key[..12])), scratch: folder.join("std-build") })
    }

    fn libraries(&self, target: &Target) -> PathBuf {
        self.folder.join("lib/rustlib").join(target.triple).join("lib")
    }

    fn has(&self, target: &Target) -> bool {
        self.libraries(target).join(COMPLETE).exists()
    }

    /// All in one call of cargo, so that its jobs never run out; then what came out is taken over.
    fn build(&self, targets: &[&'static Target]) -> Result<()> {
        let absent: Vec<&Target> = targets.iter().filter(|target| !self.has(target)).copied().collect();
        if absent.is_empty() {
            return Ok(());
        }
        println!(
            "building the standard library for {}",
            absent.iter().map(|it| it.name).collect::<Vec<_>>().join(", ")
        );
        std::fs::create_dir_all(self.scratch.join("src"))?;
        let manifest = "[package]\nname = \"std-build\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
        std::fs::write(self.scratch.join("Cargo.toml"), manifest)?;
        std::fs::write(self.scratch.join("src/lib.rs"), "#![no_std]\n")?;
        let mut cargo = shell::cargo();
        cargo.args(["build", "--quiet", "--release", "--keep-going"]).args(BUILD_STD);
        for target in &absent {
            cargo.args(["--target", target.triple]);
        }
        for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER"] {
            cargo.env_remove(variable);
        }
        let built = self.scratch.join("target");
        cargo.current_dir(&self.scratch).env("CARGO_TARGET_DIR", &built);
        cargo.env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1");
        // Some targets may have come out whole where others did not: each is looked at below.
        if let Err(error) = shell::run(&mut cargo) {
            println!("{error:#}");
        }
        for target in absent {
            if let Err(error) = self.take(target, &built.join(target.triple).join("release/deps")) {
                println!("{}: {error:#}", target.name);
            }
        }
        std::fs::remove_dir_all(&self.scratch).context("cannot remove what building the standard library left")
    }

    fn take(&self, target: &Target, built: &Path) -> Result<()> {
        let to = self.libraries(target);
        std::fs::create_dir_all(&to)?;
        let mut names = Vec::new();
        for entry in std::fs::read_dir(built).with_context(|| format!("cannot list {}", built.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".rlib") && !name.starts_with("libstd_build-") {
                std::fs::copy(&path, to.join(&name))?;
                names.push(name);
            }
        }
        for library in ["libstd-", "libpanic_abort-", "libtest-"] {
            if !names.iter().any(|name| name.starts_with(library)) {
                bail!("{library}*.rlib did not come out");
            }
        }
        if target.machine == Machine::Wasi {
            take_wasi_libc(&to.join("self-contained"))?;
        }
        std::fs::write(to.join(COMPLETE), "")?;
        Ok(())
    }
}

/// What a WASI program is linked with, in the place where rustc looks for it.
fn take_wasi_libc(to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for file in ["crt1-command.o", "crt1-reactor.o", "libc.a"] {
        let from = Path::new(WASI_LIBC).join(file);
        std::fs::copy(&from, to.join(file)).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}
