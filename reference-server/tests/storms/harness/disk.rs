//! Storage that fails under a running server and comes back; files that are damaged while it is down.

use std::{fs, path::Path, time::Instant};

use tickworld_persist::embedded::{Core, Files, Settings};
use tickworld_sim::frame::Tick;
use tickworld_testkit::dice::Dice;

use super::{Audit, Exit, LONG, Launch, LoadClients, Process, Ready, load_plan, meter, page};

/// Makes room run out under a process, and gives it back.
pub trait Shortage {
    fn begin(&mut self, server: &Process);
    fn end(&mut self, server: &Process);
}

/// Players that play directly on a server.
pub fn load_clients(launch: &Launch, ready: Ready, players: std::ops::RangeInclusive<u64>) -> LoadClients {
    LoadClients::begin(&load_plan(launch, ready, players))
}

/// Acknowledgements stop while nothing can be stored, the world stops soon after, and both go on when there is room.
///
/// # Panics
/// If they do not.
pub fn acknowledgements_stop_and_go_on(launch: &Launch, shortage: &mut dyn Shortage) {
    let (mut server, ready) = launch.start_ready();
    let load_clients = load_clients(launch, ready, 1..=4);
    load_clients.await_answers(100);
    shortage.begin(&server);
    // The database may find some room in itself yet: until it does not any more.
    loop {
        while !fails_on(ready, 2) {}
        let told = meter(ready.http, "tickworld_acknowledgements_total");
        let (code, why) = page(ready.http, "/readyz");
        if fails_on(ready, 4) {
            assert_eq!((code, why.contains("cannot be stored")), (503, true), "{why}");
            let now = meter(ready.http, "tickworld_acknowledgements_total");
            assert_eq!(now, told, "something was acknowledged meanwhile");
            break;
        }
    }
    assert_eq!(meter(ready.http, "tickworld_storage_failed"), 1);
    let lag = meter(ready.http, "tickworld_durable_lag_ticks");
    assert!((1..=32).contains(&lag), "the world is {lag} ticks ahead of what is stored");
    let heard = load_clients.answers();
    shortage.end(&server);
    server.await_message("ticks are stored again");
    load_clients.await_answers(100);
    assert!(load_clients.answers() >= heard + 100);
    assert_eq!(page(ready.http, "/readyz").0, 200);
    let answer_log = load_clients.settle();
    assert!(answer_log.outages.is_empty(), "sessions outlive a full disk: {:?}", answer_log.outages);
    let mut audit = Audit::default();
    audit.read_to_the_end(server, launch);
    let findings = audit.check_settled(&answer_log);
    assert!(findings.is_empty(), "{findings:#?}");
}

/// Whether the next tries of the server to store its ticks fail, so many in a row.
fn fails_on(ready: Ready, tries: u64) -> bool {
    let begun = Instant::now();
    let failed = || meter(ready.http, "tickworld_storage_retries_total");
    let from = failed();
    while begun.elapsed() < LONG {
        if meter(ready.http, "tickworld_storage_failed") == 0 {
            return false;
        }
        if failed() >= from + tries {
            return true;
        }
    }
    panic!("the server neither stores its ticks nor tries to");
}

/// Turns a bit in every copy that the database has of the last record's bytes; gives the record's tick, and its bytes now.
pub fn damage_last_record(data: &Path) -> (Tick, Vec<u8>) {
    let copy = tempfile::tempdir().unwrap();
    super::audit::copy_world(data, copy.path());
    let mut core = Core::open(Files::new(copy.path()), Settings::default()).unwrap();
    let last = core.log_state().unwrap().last;
    let record = core.record(last.slot).unwrap().unwrap();
    let last = last.tick;
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    let file = data.join(Files::DATABASE);
    let mut content = fs::read(&file).unwrap();
    let places: Vec<usize> =
        content.windows(bytes.len()).enumerate().filter(|(_, window)| *window == bytes).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "the record of tick {last} is not in the file as it was written");
    for at in places {
        content[at + bytes.len() / 2] ^= 1;
    }
    fs::write(&file, content).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    (last, bytes)
}

/// What a turned bit came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turned {
    /// The server started, with everything that was acknowledged.
    pub harmless: u32,
    /// It ended with exit code 3, having said what is lost.
    pub named: u32,
    /// `--accept-loss` went on from there, or said that nothing is left to go on from.
    pub accepted: u32,
    pub beyond_use: u32,
}

/// Turns one bit of the database at a time, anywhere, and starts a server on it each time: it starts with all that was
/// acknowledged, or says what is lost.
///
/// # Panics
/// If it does anything else.
pub fn turn_bits(launch: impl Fn(&Path) -> Launch, whole: &Path, seed: u64, count: u32) -> Turned {
    let mut dice = Dice::new(seed, "bits", 0);
    let acknowledged = {
        let mut audit = Audit::default();
        audit.follow(whole);
        (audit.tick(), audit.root())
    };
    let length = fs::metadata(whole.join(Files::DATABASE)).unwrap().len();
    let mut turned = Turned::default();
    for number in 0..count {
        let folder = tempfile::tempdir().unwrap();
        super::audit::copy_world(whole, folder.path());
        let file = folder.path().join(Files::DATABASE);
        let mut bytes = fs::read(&file).unwrap();
        let (at, bit) = (dice.below(length) as usize, dice.below(8));
        bytes[at] ^= 1 << bit;
        fs::write(&file, bytes).unwrap();
        let place = format!("seed {seed}, number {number}: bit {bit} of byte {at}");
        let launch = launch(folder.path());
        let mut server = launch.start();
        match server.ready() {
            Ok(_) => {
                server.kill();
                let mut audit = Audit::default();
                audit.follow(folder.path());
                assert!(audit.tick() >= acknowledged.0, "{place}: the world went back to tick {}", audit.tick());
                let findings = audit.check(&super::AnswerLog::default());
                let own: Vec<_> = findings.iter().filter(|it| !it.contains("submitted was None")).collect();
                assert!(own.is_empty(), "{place}: {own:#?}");
                turned.harmless += 1;
            }
            Err(Exit { code: Some(3), error }) => {
                assert!(error.contains("lost") || error.contains("damaged"), "{place}: {error}");
                turned.named += 1;
                accept(&launch, &place, &mut turned);
            }
            Err(exit) => panic!("{place}: {exit:?}"),
        }
    }
    turned
}

/// What `--accept-loss` makes of it.
fn accept(launch: &Launch, place: &str, turned: &mut Turned) {
    let mut server = launch.clone().with("--accept-loss").start();
    match server.ready() {
        Ok(_) => {
            server.kill();
            let kept = launch.data().join(format!("{}.damaged-1", Files::DATABASE));
            assert!(kept.exists(), "{place}: the damaged file is not kept");
            turned.accepted += 1;
        }
        Err(Exit { code: Some(3), error }) => {
            assert!(error.contains("nothing to start from") || error.contains("damaged"), "{place}: {error}");
            turned.beyond_use += 1;
        }
        Err(exit) => panic!("{place}, with --accept-loss: {exit:?}"),
    }
}
