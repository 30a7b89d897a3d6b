//! The check `package`: every published package, packed as registries get it, has what it needs and builds from its own bytes.
//!
//! Cargo packs all of them against each other, so a dependency without a version or on what is not published fails here. Those
//! of which nothing needs minutes are unpacked and built against the other packages instead of the tree; of the rest, and of
//! all, every file that a macro or a build script names must lie in the package. Nothing is published, and nothing fetched.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{shell, tidy::is_published};

/// What every package holds beside its sources.
const HELD: &[&str] = &["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/"];
/// What none holds: tests look at files of the whole tree.
const LEFT_OUT: &[&str] = &["tests/", "clippy.toml"];

/// Built by the workflow of pull requests alone: with QUIC, TLS and HTTP they take minutes, and `built` builds the same sources.
const BUILT_ELSEWHERE: &[&str] = &["tickworld-net", "tickworld-server", "tickworld-cli"];

/// Macros whose text is a path from the file that it stands in.
const READERS: &[&str] = &["include_str!(\"", "include_bytes!(\"", "include!(\"", "#[path = \""];

/// A member that is published.
struct Package {
    name: String,
    folder: PathBuf,
}

/// Packs them, looks at what is in them, and builds them.
///
/// # Errors
/// When one lacks something, reads something outside, or does not build.
pub(crate) fn check() -> Result<()> {
    let packages = published(&shell::read(shell::cargo().args(["metadata", "--format-version=1", "--no-deps"]))?)?;
    for Package { name, folder } in &packages {
        let listed = shell::read(shell::cargo().args(["package", "--list", "--allow-dirty", "--package", name]))?;
        let paths: BTreeSet<&str> = listed.lines().collect();
        judge(name, &paths)?;
        for path in paths.iter().filter(|path| path.ends_with(".rs")) {
            let text = std::fs::read_to_string(folder.join(path)).with_context(|| format!("cannot read {path}"))?;
            reads_its_own(path, &text, &paths).with_context(|| format!("the package {name}"))?;
        }
    }
    let names: Vec<&str> = packages.iter().map(|package| &*package.name).collect();
    forget(&names)?;
    pack(&names, &["--no-verify"])?;
    let built: Vec<&str> = names.iter().copied().filter(|name| !BUILT_ELSEWHERE.contains(name)).collect();
    pack(&built, &[])?;
    println!("      {} packages, of which {} were built: {}", names.len(), built.len(), names.join(", "));
    Ok(())
}

/// Removes what an earlier run left of these packages. Cargo knows them by name and version alone, which stay while their bytes
/// change: it keeps what it built in the target folder, and what it unpacked of siblings in its home, under a registry
/// without a host.
fn forget(names: &[&str]) -> Result<()> {
    std::fs::remove_dir_all(shell::scratch("package")?).context("cannot remove what was built before")?;
    let unpacked = shell::cargo_home()?.join("registry/src");
    let Ok(registries) = std::fs::read_dir(&unpacked) else { return Ok(()) };
    let of_siblings = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('-');
    for registry in registries.flatten().filter(|entry| of_siblings(&entry.file_name())) {
        for package in std::fs::read_dir(registry.path()).into_iter().flatten().flatten() {
            let named = package.file_name().to_string_lossy().into_owned();
            if named.rsplit_once('-').is_some_and(|(name, _)| names.contains(&name)) {
                let path = package.path();
                std::fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
    }
    Ok(())
}

fn pack(names: &[&str], options: &[&str]) -> Result<()> {
    let mut package = shell::cargo();
    package.args(["package", "--offline", "--allow-dirty", "--quiet"]).args(options);
    names.iter().for_each(|name| _ = package.args(["--package", name]));
    // One target folder for all of them, so that what they have in common is built once.
    package.env("CARGO_TARGET_DIR", shell::scratch("package")?);
    // What is built is thrown away: nobody will step through it.
    package.env("CARGO_PROFILE_DEV_DEBUG", "none");
    shell::run(&mut package)
}

/// The members that are published, in the tree's order.
fn published(metadata: &str) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata).context("cargo metadata is not JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let published: Vec<Package> = packages
        .iter()
        .filter(|package| is_published(package))
        .filter_map(|package| {
            let folder = Path::new(package["manifest_path"].as_str()?).parent()?.to_path_buf();
            Some(Package { name: package["name"].as_str()?.to_owned(), folder })
        })
        .collect();
    ensure!(!published.is_empty(), "no member is published: this check would prove nothing");
    Ok(published)
}

/// Whether a package's list of files is as it should be.
fn judge(name: &str, paths: &BTreeSet<&str>) -> Result<()> {
    let is_there = |wanted: &str| {
        if wanted.ends_with('/') { paths.iter().any(|path| path.starts_with(wanted)) } else { paths.contains(wanted) }
    };
    if let Some(missing) = HELD.iter().find(|wanted| !is_there(wanted)) {
        bail!("the package {name} has no {missing}: link it into the member's folder, and see `include` in Cargo.toml");
    }
    if let Some(odd) = LEFT_OUT.iter().find(|unwanted| is_there(unwanted)) {
        bail!("the package {name} holds {odd}, which its users do not need: see `include` in Cargo.toml");
    }
    Ok(())
}

/// Whether what a source names by a path lies in its package.
fn reads_its_own(path: &str, text: &str, paths: &BTreeSet<&str>) -> Result<()> {
    if path == "build.rs" && text.contains("\"..") {
        bail!("build.rs goes up from its folder: who builds the published package has nothing there");
    }
    let folder = Path::new(path).parent().expect("a file lies in a folder");
    for named in READERS.iter().flat_map(|reader| text.split(reader).skip(1)) {
        let named = named.split('"').next().unwrap_or_default();
        let within = normal(&folder.join(named));
        ensure!(
            within.as_deref().is_some_and(|within| paths.contains(within)),
            "{path} reads {named}, which is not in the package: see `include` in Cargo.toml"
        );
    }
    Ok(())
}

/// A path without `..`, with `/`; none where it leads out.
fn normal(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()?),
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[&str] = &["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/lib.rs", "data/a.yaml"];

    fn paths() -> BTreeSet<&'static str> {
        WHOLE.iter().copied().collect()
    }

    #[test]
    fn a_package_without_its_licence_or_with_its_tests_is_caught() {
        judge("whole", &paths()).expect("it lacks nothing");
        for lost in &WHOLE[..5] {
            let mut torn = paths();
            torn.remove(lost);
            let error = judge("torn", &torn).unwrap_err().to_string();
            assert!(error.contains("the package torn has no"), "{error}");
        }
        let mut fat = paths();
        fat.insert("tests/all.rs");
        assert!(judge("fat", &fat).is_err());
    }

    #[test]
    fn what_is_read_outside_the_package_is_caught() {
        let read = |path: &str, text: &str| reads_its_own(path, text, &paths()).is_ok();
        assert!(read("src/lib.rs", "const A: &str = include_str!(\"../data/a.yaml\");"));
        assert!(!read("src/lib.rs", "const A: &str = include_str!(\"../data/b.yaml\");"), "it is not packed");
        assert!(!read("src/lib.rs", "const A: &[u8] = include_bytes!(\"../../data/a.yaml\");"));
        assert!(!read("src/lib.rs", "#[path = \"/elsewhere/lib.rs\"]\nmod elsewhere;"));
        assert!(read("build.rs", "let folder = manifest.join(\"data\");"));
        assert!(!read("build.rs", "let folder = manifest.join(\"../content/data\");"), "as it was once");
    }

    #[test]
    fn only_what_is_published_is_packed() {
        let member = |name: &str, publish: &str| {
            format!(r#"{{"name": "{name}", "publish": {publish}, "manifest_path": "{name}/Cargo.toml"}}"#)
        };
        let metadata = format!(r#"{{"packages": [{}, {}]}}"#, member("a", "null"), member("b", "[]"));
        let found: Vec<String> = published(&metadata).unwrap().into_iter().map(|package| package.name).collect();
        assert_eq!(found, ["a"]);
        assert!(published(r#"{"packages": []}"#).is_err());
    }

    #[test]
    fn who_is_built_elsewhere_is_still_published() {
        let metadata = shell::read(shell::cargo().args(["metadata", "--format-version=1", "--no-deps"])).unwrap();
        let names: BTreeSet<String> = published(&metadata).unwrap().into_iter().map(|package| package.name).collect();
        assert!(BUILT_ELSEWHERE.iter().all(|name| names.contains(*name)), "{names:?}");
    }
}
