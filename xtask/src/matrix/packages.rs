//! Debian's packages: which are here, and fetching those that are not.

use std::process::{Command, Stdio};

use crate::shell;

/// Of `wanted` those that are not installed; with `install`, after trying to.
pub(crate) fn missing(wanted: &[&'static str], install: bool) -> Vec<&'static str> {
    let absent = || wanted.iter().filter(|package| !is_installed(package)).copied().collect::<Vec<_>>();
    let first = absent();
    if first.is_empty() || !install || !shell::succeeds(Command::new("apt-get").arg("--version")) {
        return first;
    }
    println!("apt-get: installing {}", first.join(" "));
    // Where an installation was cut short, dpkg refuses every other until it is finished. Without one, both do nothing.
    as_root(&["dpkg", "--configure", "--pending"]);
    apt_get(&["update"]);
    apt_get(&["install", "--yes", "--fix-broken"]);
    if !apt_get(&[&["install", "--yes", "--no-install-recommends"], first.as_slice()].concat()) {
        // One that cannot be had should not take the others along.
        for package in &first {
            apt_get(&["install", "--yes", "--no-install-recommends", package]);
        }
    }
    absent()
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Abbrev}", package]);
    query.output().is_ok_and(|output| output.stdout.starts_with(b"ii"))
}

fn apt_get(arguments: &[&str]) -> bool {
    let options = ["apt-get", "--quiet=2", "-o", "DPkg::Lock::Timeout=600", "-o", "Acquire::Retries=3"];
    as_root(&[&options, arguments].concat())
}

/// Runs a command as root, or through sudo where that needs no password; its standard output is dropped.
///
/// It has a process group of its own: what ends a whole run of checks must not cut dpkg short, and with it everything that this
/// machine would install later.
fn as_root(words: &[&str]) -> bool {
    let is_root = shell::read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let before: &[&str] = if is_root { &["env"] } else { &["sudo", "--non-interactive", "env"] };
    let mut command = Command::new(before[0]);
    command.args(&before[1..]).arg("DEBIAN_FRONTEND=noninteractive").args(words);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}
