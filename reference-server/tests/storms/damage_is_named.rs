//! Files that are damaged below what was acknowledged: the server says what is lost and starts only when told to.

use std::fs;

use tickworld_persist::embedded::Files;
use tickworld_sim::frame::Tick;

use crate::{
    harness::{
        Audit, Exit,
        disk::{Turned, damage_last_record, load_clients, turn_bits},
    },
    launch,
};

/// A world with some history, whose server was killed.
fn world() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path()).with("--snapshot-ticks=30");
    let (server, ready) = launch.start_ready();
    let load_clients = load_clients(&launch, ready, 1..=2);
    load_clients.await_answers(120);
    server.kill();
    load_clients.abandon();
    folder
}

#[test]
fn a_damaged_last_tick_is_named_and_given_up_only_when_accepted() {
    let folder = world();
    let (Tick(last), damaged) = damage_last_record(folder.path());
    for _ in 0..2 {
        let mut server = launch(folder.path()).start();
        let Err(Exit { code, error }) = server.ready() else { panic!("it starts without a word") };
        assert_eq!(code, Some(3), "{error}");
        assert!(error.contains(&format!("ticks {last} to {last}")) && error.contains("--accept-loss"), "{error}");
    }
    let (server, ready) = launch(folder.path()).with("--accept-loss").start_ready();
    // Another life of the region begins with a tick of its own in place of the lost one.
    assert_eq!(ready.tick, last);
    let kept = fs::read(folder.path().join(format!("{}.damaged-1", Files::DATABASE))).unwrap();
    assert!(kept.windows(damaged.len()).any(|window| window == damaged), "what is kept is not what was damaged");
    let load_clients = load_clients(&launch(folder.path()), ready, 11..=12);
    load_clients.await_answers(20);
    let answer_log = load_clients.settle();
    assert_eq!(server.stop().code, Some(0));
    // From now on it needs no permission.
    let (server, ready) = launch(folder.path()).start_ready();
    assert_eq!((ready.from, server.stop().code), (ready.tick, Some(0)));
    let mut audit = Audit::default();
    audit.follow(folder.path());
    // Inputs of those who played before the damage stand in nobody's answer log.
    let findings: Vec<_> =
        audit.check(&answer_log).into_iter().filter(|it| !it.contains("submitted was None")).collect();
    assert_eq!(findings, [""; 0]);
}

#[test]
fn a_database_that_was_emptied_does_not_pass_for_a_new_one() {
    let folder = world();
    fs::write(folder.path().join(Files::DATABASE), b"").unwrap();
    let mut server = launch(folder.path()).start();
    let Err(Exit { code, error }) = server.ready() else { panic!("a world was begun over one that was acknowledged") };
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("damaged") && error.contains("move"), "{error}");
}

#[test]
fn a_turned_bit_is_harmless_or_named() {
    let folder = world();
    let turned = turn_bits(launch, folder.path(), 7, 16);
    println!("{turned:?}");
    let Turned { harmless, named, .. } = turned;
    assert_eq!(harmless + named, 16);
}
