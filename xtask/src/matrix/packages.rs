//! Debian's packages: which are here, and fetching those that are not.

use std::process::Command;

use crate::shell;

/// Of `wanted` those that are not installed; with `install`, after trying to.
pub(crate) fn missing(wanted: &[&'static str], install: bool) -> Vec<&'static str> {
    let absent = || wanted.iter().filter(|package| !is_installed(package)).copied().collect::<Vec<_>>();
    let first = absent();
    if first.is_empty() || !install || !shell::succeeds(Command::new("apt-get").arg("--version")) {
        return first;
    }
    println!("apt-get: installing {}", first.join(" "));
    apt_get(&["update"]);
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

/// As root, or through sudo where that needs no password.
fn apt_get(arguments: &[&str]) -> bool {
    let is_root = shell::read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut words = if is_root { vec!["env"] } else { vec!["sudo", "--non-interactive", "env"] };
    words.extend(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet=2"]);
    words.extend(["-o", "DPkg::Lock::Timeout=600", "-o", "Acquire::Retries=3"]);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(arguments).stdout(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
