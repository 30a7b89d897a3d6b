//! What the server prints to standard output is written whole, or the exit code says that it was not.
#![cfg(target_os = "linux")]

use std::{
    fs::OpenOptions,
    process::{Command, Stdio},
};

use tickworld_server::admission::DevelopmentIssuer;

const PRINTING: [&[&str]; 4] = [&["--help"], &["--version"], &["--print-config"], &["token", "--player", "7"]];

/// A folder in which a server has run, as far as `token` can see: there is a key.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a scratch folder can be made");
    let data = folder.path().join("tickworld-data");
    std::fs::create_dir(&data).expect("it can be written to");
    DevelopmentIssuer::open(&data).expect("a key can be made");
    folder
}

fn command(arguments: &[&str], folder: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickworld-server"));
    command.args(arguments).current_dir(folder.path()).stdin(Stdio::null());
    command
}

#[test]
fn a_full_disk_under_standard_output_is_a_failure() {
    let folder = folder();
    for arguments in PRINTING {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let ran = command(arguments, &folder).stdout(full).output().expect("the binary starts");
        let err = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {err}");
        assert!(err.contains("cannot write to standard output"), "{arguments:?}: {err}");
    }
}

#[test]
fn a_reader_that_goes_away_is_none() {
    let folder = folder();
    for arguments in PRINTING {
        let mut child = command(arguments, &folder).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.as_mut().expect("the binary starts");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{arguments:?}");
    }
}
