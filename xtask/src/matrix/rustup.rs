//! Standard libraries that rustup downloads: only for who asks for them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::kit::Kit;
use super::packages;
use super::rows::{Machine, Target};
use crate::shell;

/// Adds the targets to this toolchain, with linkers and emulators from Debian's packages.
///
/// # Errors
/// When what is installed cannot be told.
pub(crate) fn prepare(targets: &[&'static Target], folder: &Path, install: bool) -> Result<Kit> {
    let linux = |target: &&&Target| matches!(target.machine, Machine::Linux { .. });
    let mut wanted: Vec<&str> = targets.iter().filter(linux).flat_map(|target| target.packages()).copied().collect();
    if !wanted.is_empty() {
        wanted.push("qemu-user-static");
    }
    let absent = packages::missing(&wanted, install);
    let mut missing = BTreeMap::new();
    for target in targets {
        if let Some(package) = target.packages().iter().find(|package| absent.contains(package)) {
            missing.insert(target.name, format!("package {package} is not installed"));
        } else if !shell::succeeds(shell::command("rustup").args(["target", "add", target.triple])) {
            missing.insert(target.name, format!("`rustup target add {}` failed", target.triple));
        }
    }
    Ok(Kit::new(targets, folder.join("rustup"), missing))
}
