//! The check `least-rust`: the `rust-version` that the manifests declare is true, as far as this machine can tell.
//!
//! A toolchain of that very version builds everything there is: then all other checks are the proof. A newer one cannot show
//! what an older one lacks; clippy knows it of the standard library, and the manifests of the dependencies say it of themselves.
//! What neither knows, a feature of the language, the workflow of pull requests tries with the toolchain itself.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::shell;

/// Clippy's lint on what the declared version lacks.
const LINT: &str = "clippy::incompatible_msrv";
/// Calls what came with Rust 1.91, in a crate that says it needs less.
const PROBE: &str = "//! Needs more than it says.\n\n/// Cuts.\npub fn cut(text: &str) -> &str {\n    \
                     &text[..text.floor_char_boundary(3)]\n}\n";

/// Major and minor number of a version of Rust.
type Version = (u32, u32);

/// Checks manifests, dependencies, the toolchain and clippy.
///
/// # Errors
/// Names what needs a newer Rust than the workspace declares, or a check that would not notice.
pub(crate) fn check() -> Result<()> {
    let metadata = shell::read(shell::cargo().args(["metadata", "--format-version=1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let manifest: toml::Table = std::fs::read_to_string(shell::root().join("Cargo.toml"))?.parse()?;
    let declared = manifest["workspace"]["package"]["rust-version"].as_str().and_then(version);
    let declared = declared.context("the workspace declares no rust-version")?;
    let wrong = too_new(&metadata, declared);
    ensure!(wrong.is_empty(), "the workspace declares Rust {}.{}, but {}", declared.0, declared.1, wrong.join(", "));
    let here = shell::read(shell::command("rustc").arg("--version"))?;
    let here = here.split(' ').nth(1).and_then(version).context("rustc --version names none")?;
    ensure!(here >= declared, "this is Rust {}.{}, and {}.{} is declared", here.0, here.1, declared.0, declared.1);
    for (declared, is_flagged) in [((1, 90), true), (here, false)] {
        let found = probe(declared)?;
        if found != is_flagged {
            bail!("{LINT} {} what Rust 1.91 brought, for {declared:?}", if found { "flags" } else { "passes over" });
        }
    }
    let is_least = if here == declared { "is the least one: what builds here proves it" } else { "is newer" };
    println!("      Rust {}.{} is declared; the toolchain here {is_least}", declared.0, declared.1);
    Ok(())
}

/// Members that say something else, and dependencies that need more.
fn too_new(metadata: &Value, declared: Version) -> Vec<String> {
    let members = metadata["workspace_members"].as_array().map_or(&[][..], Vec::as_slice);
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let judge = |package: &Value| {
        let name = package["name"].as_str()?;
        let needs = package["rust_version"].as_str().and_then(version);
        let is_member = members.contains(&package["id"]);
        match needs {
            Some(needs) if is_member && needs != declared => Some(format!("{name} says {}.{}", needs.0, needs.1)),
            None if is_member => Some(format!("{name} says nothing")),
            Some(needs) if needs > declared => Some(format!("{name} needs {}.{}", needs.0, needs.1)),
            _ => None,
        }
    };
    packages.iter().filter_map(judge).collect()
}

/// Whether clippy flags the probe in a crate that declares this version.
fn probe(declared: Version) -> Result<bool> {
    let folder = shell::scratch("least-rust")?;
    let manifest = format!(
        "[package]\nname = \"least-rust-probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\nrust-version = \"{}.{}\"\n\n\
         [workspace]\n",
        declared.0, declared.1
    );
    shell::write(&folder, "Cargo.toml", &manifest)?;
    shell::write(&folder, "src/lib.rs", PROBE)?;
    let mut clippy = shell::cargo();
    clippy.args(["clippy", "--offline", "--quiet", "--message-format=json"]);
    // The workspace's own configuration: were the lint relaxed there, it would be here.
    clippy.current_dir(&folder).env("CARGO_TARGET_DIR", folder.join("target")).env("CLIPPY_CONF_DIR", shell::root());
    let output = shell::read(&mut clippy).context("clippy over a crate that needs more than it says")?;
    Ok(output.lines().any(|line| line.contains(LINT)))
}

/// The numbers of `1.95`, `1.95.0` or `1.96.0-nightly`.
fn version(text: &str) -> Option<Version> {
    let mut parts = text.trim().split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next().map_or(Some(0), |part| part.split('-').next()?.parse().ok())?;
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("1.95"), Some((1, 95)));
        assert_eq!(version("1.95.0"), Some((1, 95)));
        assert_eq!(version("1.96.0-nightly"), Some((1, 96)));
        assert_eq!(version("1"), Some((1, 0)));
        assert_eq!(version("new"), None);
    }

    #[test]
    fn a_dependency_that_needs_more_and_a_member_that_says_otherwise_are_named() {
        let package = |name: &str, needs: Value| serde_json::json!({ "id": name, "name": name, "rust_version": needs });
        let metadata = serde_json::json!({
            "workspace_members": ["ours", "old", "silent"],
            "packages": [
                package("ours", "1.95".into()),
                package("old", "1.80".into()),
                package("silent", Value::Null),
                package("theirs", "1.96".into()),
                package("modest", "1.63.0".into()),
                package("mute", Value::Null),
            ],
        });
        assert_eq!(too_new(&metadata, (1, 95)), ["old says 1.80", "silent says nothing", "theirs needs 1.96"]);
    }
}
