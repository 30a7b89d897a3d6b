//! A disk that is full for good: a small file system in memory, filled to the last byte while the server runs.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::WORKS;
use crate::harness::{
    Audit, Exit, Launch, Process,
    disk::{Shortage, acknowledgements_stop_and_go_on, load_clients, turn_bits},
};

/// Room for a small world and little more.
const SIZE: &str = "size=24m";

/// Runs all of it.
pub(crate) fn run(binary: &Path, bits: u32, seed: u64) {
    let launch = |data: &Path| Launch::new(binary, data).with("--tick-rate=100").with("--snapshot-ticks=50");
    let small = Small::mount();
    let data = small.folder.path().join("data");
    let mut full = Full { ballast: small.folder.path().join("ballast") };
    acknowledgements_stop_and_go_on(&launch(&data), &mut full);
    println!("a full disk stopped acknowledgements, and they went on when there was room");
    start_where_there_is_no_room(&launch(&data), &mut full);
    println!("a server that was killed on a full disk starts again when there is room, with all that it acknowledged");
    drop(small);
    let folder = tempfile::tempdir().expect(WORKS);
    let (server, ready) = launch(folder.path()).start_ready();
    let load_clients = load_clients(&launch(folder.path()), ready, 1..=4);
    load_clients.await_answers(400);
    server.kill();
    load_clients.abandon();
    println!("{bits} bits, seed {seed}: {:?}", turn_bits(launch, folder.path(), seed, bits));
}

/// Killed while the disk is full; started there, and again when it is not.
fn start_where_there_is_no_room(launch: &Launch, full: &mut Full) {
    let (mut server, ready) = launch.start_ready();
    let load_clients = load_clients(launch, ready, 11..=14);
    load_clients.await_answers(100);
    full.begin(&server);
    server.await_message("ticks cannot be stored");
    server.kill();
    let mut second = launch.start();
    match second.ready() {
        Ok(_) => println!("it even starts without room"),
        Err(Exit { code, error }) => {
            assert_eq!(code, Some(1), "{error}");
            println!("without room it says: {error}");
        }
    }
    second.kill();
    full.remove();
    let (server, _) = launch.start_ready();
    let mut audit = Audit::default();
    audit.read_to_the_end(server, launch);
    // Those who played before stand in another answer log.
    let findings = audit.check(&load_clients.abandon());
    let own: Vec<_> = findings.iter().filter(|finding| !finding.contains("submitted was None")).collect();
    assert!(own.is_empty(), "{own:#?}");
}

/// A small file system.
struct Small {
    folder: tempfile::TempDir,
}

impl Small {
    fn mount() -> Self {
        let folder = tempfile::tempdir().expect(WORKS);
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(folder.path());
        let mounted = mount.status().is_ok_and(|status| status.success());
        assert!(mounted, "skipped: a file system cannot be mounted here, so the disk was not tried");
        Self { folder }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a server that a panic left may have files open there until it is gone.
        _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

/// A file that takes all the room there is.
struct Full {
    ballast: PathBuf,
}

impl Full {
    fn remove(&self) {
        fs::remove_file(&self.ballast).expect(WORKS);
    }
}

impl Shortage for Full {
    fn begin(&mut self, _: &Process) {
        let mut file = fs::File::create(&self.ballast).expect(WORKS);
        for size in [1 << 16, 1 << 12, 1] {
            let piece = vec![0; size];
            while file.write_all(&piece).is_ok() {}
        }
    }

    fn end(&mut self, _: &Process) {
        self.remove();
    }
}
