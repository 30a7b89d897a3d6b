//! [`Built`]: the crates compiled for release, as archives of machine code.
//!
//! Invariant: the versions are the workspace's, the profile is the workspace's release profile in one unit for each crate,
//! and each archive is known by the package that it is of. Archives are taken instead of a linked program, so neither an
//! allocator nor a handler of panics is needed, and functions that nobody calls are read too.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{
    matrix::{debian, rows},
    shell,
};

/// A crate below the line: package and folder.
pub(super) type Crate = (&'static str, PathBuf);

/// The archives that were compiled, and for which machine.
#[derive(Debug)]
pub(super) struct Built {
    /// The target triple.
    pub(super) target: String,
    pub(super) archives: Vec<Archive>,
}

/// The code of a crate.
#[derive(Debug)]
pub(super) struct Archive {
    /// Its package; of the toolchain's libraries, their name.
    pub(super) krate: String,
    pub(super) path: PathBuf,
    /// Whether every function of it is read, or those that are reached.
    pub(super) is_own: bool,
}

/// The crates that exist.
pub(super) fn crates(list: &'static [(&'static str, &'static str)]) -> Vec<Crate> {
    let place = |&(folder, package): &(&str, &'static str)| (package, shell::root().join(folder));
    list.iter().map(place).filter(|(_, path)| path.join("Cargo.toml").exists()).collect()
}

/// What compiles for a target, and with which libraries.
pub(super) struct Toolchain {
    target: String,
    /// What cargo is told, but for the flags.
    variables: BTreeMap<String, OsString>,
    flags: String,
    libraries: PathBuf,
}

impl Toolchain {
    /// The one that is in use, if it has the libraries of `target`.
    pub(super) fn in_use(target: &str) -> Option<Self> {
        let libraries = libraries(target).ok()?;
        library(&libraries, "core")?;
        Some(Self { target: target.to_owned(), variables: BTreeMap::new(), flags: String::new(), libraries })
    }

    /// The one that the golden matrix builds a row of this name with; `install` as there.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn of_matrix(row: &str, install: bool) -> Result<Self> {
        let target = rows::TARGETS.iter().find(|target| target.name == row).context("the matrix has no such row")?;
        let mut kit = debian::prepare(&[target], &shell::scratch("matrix")?, install)?;
        if let Some(reason) = kit.missing.get(row) {
            bail!("{reason}");
        }
        let flags = kit.variables.remove(&target.variable("RUSTFLAGS")).context("the kit names no system root")?;
        let flags = flags.into_string().ok().context("the path of the system root is not UTF-8")?;
        let root = flags.strip_prefix("--sysroot=").context("the kit names no system root")?;
        let libraries = Path::new(root).join("lib/rustlib").join(target.triple).join("lib");
        Ok(Self { target: target.triple.to_owned(), variables: kit.variables, flags, libraries })
    }
}

/// Compiles a crate of this source with `crates` as its dependencies.
pub(super) fn probe(name: &str, source: &str, crates: &[Crate], toolchain: &Toolchain) -> Result<Built> {
    let target = &*toolchain.target;
    let folder = shell::scratch(name)?;
    let profile = release_profile()?;
    let mut manifest = format!(
        "[package]\nname = \"proof-probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[profile.release]\n\
         {profile}\n[dependencies]\n"
    );
    for (package, path) in crates {
        manifest.push_str(&format!("{package} = {{ path = {:?} }}\n", path.display().to_string()));
    }
    std::fs::create_dir_all(folder.join("src"))?;
    write_changed(&folder.join("Cargo.toml"), &manifest)?;
    write_changed(&folder.join("src/lib.rs"), source)?;
    // The same versions as the workspace's; cargo drops what the probe does not use.
    std::fs::copy(shell::root().join("Cargo.lock"), folder.join("Cargo.lock")).context("cannot copy Cargo.lock")?;
    let mut cargo = shell::cargo();
    cargo.args(["build", "--release", "--quiet", "--message-format=json"]).current_dir(&folder);
    cargo.env("CARGO_TARGET_DIR", folder.join("target"));
    // Small functions that are only ever inlined elsewhere are compiled too, and so are those that nobody uses.
    cargo.env("RUSTFLAGS", format!("-C link-dead-code {}", toolchain.flags)).envs(&toolchain.variables);
    // Less work in all, and what profile `lto` does.
    cargo.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
    // Of the host too: or else macros and build scripts would be compiled with these flags.
    cargo.args(["--target", target]);
    let output = cargo.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the probe does not build:\n{}", rendered(&output.stdout));
    }
    let own: Vec<&str> = crates.iter().map(|(package, _)| *package).chain(["proof-probe"]).collect();
    let mut archives = artifacts(&output.stdout, &own);
    let folder = &toolchain.libraries;
    for library_name in ["core", "alloc", "compiler_builtins"] {
        let path = library(folder, library_name);
        let path = path.with_context(|| format!("no lib{library_name} in {}", folder.display()))?;
        archives.push(Archive { krate: library_name.to_owned(), path, is_own: false });
    }
    Ok(Built { target: target.to_owned(), archives })
}

/// The workspace's, as lines of a manifest.
fn release_profile() -> Result<String> {
    let text = std::fs::read_to_string(shell::root().join("Cargo.toml")).context("cannot read the root manifest")?;
    let table: toml::Table = text.parse().context("the root manifest is not TOML")?;
    let release = table.get("profile").and_then(|profile| profile.get("release")).and_then(toml::Value::as_table);
    let mut release = release.cloned().context("the root manifest has no release profile")?;
    // None of those is under the line.
    release.remove("package");
    Ok(release.to_string())
}

/// Keeps the time of a file that stays the same: nothing is compiled again then.
fn write_changed(path: &Path, text: &str) -> Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The libraries that cargo says it made.
fn artifacts(messages: &[u8], own: &[&str]) -> Vec<Archive> {
    let text = String::from_utf8_lossy(messages);
    let mut archives = Vec::new();
    for message in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        // What build scripts and macros are made of is not optimised, and not part of a simulation.
        if message["reason"] != "compiler-artifact" || message["profile"]["opt_level"] == "0" {
            continue;
        }
        // `path+file:///.../sim#tickworld-sim@0.1.0`, `registry+https://...#blake3@1.8.7`
        let id = message["package_id"].as_str().unwrap_or_default();
        let name = id.rsplit(['#', '/']).next().unwrap_or(id);
        let krate = name.split('@').next().unwrap_or(name).to_owned();
        let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for file in files.filter(|file| file.ends_with(".rlib")) {
            let is_own = own.contains(&&*krate);
            archives.push(Archive { krate: krate.clone(), path: file.into(), is_own });
        }
    }
    archives
}

/// What the compiler said, without its messages' frames.
fn rendered(messages: &[u8]) -> String {
    let text = String::from_utf8_lossy(messages);
    let said = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    said.filter_map(|message| message["message"]["rendered"].as_str().map(str::to_owned)).collect()
}

/// Where the toolchain keeps the libraries of a target.
fn libraries(target: &str) -> Result<PathBuf> {
    let mut rustc = shell::command(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "target-libdir", "--target", target]);
    Ok(PathBuf::from(shell::read(&mut rustc)?.trim()))
}

fn library(folder: &Path, name: &str) -> Option<PathBuf> {
    let prefix = format!("lib{name}-");
    let entries = std::fs::read_dir(folder).ok()?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(&prefix) && name.ends_with(".rlib")
    })
}
