//! What the tests share: running the real binary in a folder of its own.
#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of it")]

#[cfg(target_os = "linux")]
pub(crate) mod screen;
pub(crate) mod store;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// Where runs have their scratch folders.
pub(crate) const SCRATCH: &str = "scratch";

/// A scratch folder to run in.
pub(crate) struct Bench {
    folder: TempDir,
}

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { folder: TempDir::new().expect("a scratch folder can be made") };
        std::fs::create_dir(bench.path(SCRATCH)).expect("the scratch folder can be written to");
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).expect("the scratch folder can be written to");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("the file was made before")
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickworld"));
        command.args(line.split_whitespace()).current_dir(self.folder.path()).env_remove("NO_COLOR");
        // What a run leaves there is seen, and gone with the bench.
        command.env("TMPDIR", self.path(SCRATCH));
        command.stdin(Stdio::null());
        command
    }

    /// Runs `tickworld` with the words of `line`.
    pub(crate) fn run(&self, line: &str) -> Ran {
        let Output { status, stdout, stderr } = self.command(line).output().expect("the binary starts");
        let text = |bytes| String::from_utf8(bytes).expect("the tool writes UTF-8");
        Ran { code: status.code().expect("it ends by itself"), out: text(stdout), err: text(stderr) }
    }

    /// Runs what must succeed.
    pub(crate) fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{line}: {}{}", ran.out, ran.err);
        ran.out
    }

    /// Runs what must give one JSON value and this exit code.
    pub(crate) fn json(&self, line: &str, code: i32) -> Value {
        let ran = self.run(line);
        assert_eq!(ran.code, code, "{line}: {}{}", ran.out, ran.err);
        assert_eq!(ran.out.lines().count(), 1, "one value on one line: {}", ran.out);
        serde_json::from_str(&ran.out).expect("it is JSON")
    }

    /// Runs what must be refused with exit code 2 and all of these words on standard error.
    pub(crate) fn refused(&self, line: &str, words: &[&str]) {
        let ran = self.run(line);
        assert_eq!(ran.code, 2, "{line}: {}{}", ran.out, ran.err);
        assert!(!ran.err.contains("panicked"), "{line}: {}", ran.err);
        for word in words {
            assert!(ran.err.contains(word), "{line}: no {word:?} in:\n{}", ran.err);
        }
    }
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tools/ lies in the root").to_path_buf()
}
