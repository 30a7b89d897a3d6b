//! A server that is killed under load loses nothing that it acknowledged; and the audit would see it if it did.

use tickworld_proto::message::Durability;

use crate::{
    binary,
    harness::{Audit, LoadClients, NetworkFaults, kills::Kills, load_plan},
    launch,
};

#[test]
fn a_killed_server_loses_nothing_that_it_acknowledged() {
    let storm = Kills {
        binary: binary().to_owned(),
        seed: 20_260_101,
        kills: 8,
        players: 1..=6,
        tick_rate: 100,
        snapshot_ticks: 40,
        faults: NetworkFaults::default(),
    };
    println!("cargo xtask torture --kills {} --seed {}", storm.kills, storm.seed);
    let survived = storm.run(&mut |line| println!("{line}"));
    println!("{survived:?}");
    assert!(survived.answers > 8 && survived.proven > 0, "{survived:?}");
}

/// The seeded bug: a server that acknowledges what only its memory holds, taken at its word as if it were on disk.
#[test]
fn a_server_that_acknowledges_before_it_stored_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path()).with("--durability=memory");
    let (server, ready) = launch.start_ready();
    let mut plan = load_plan(&launch, ready, 1..=4);
    plan.durability = Durability::Memory;
    let load_clients = LoadClients::begin(&plan);
    load_clients.await_answers(50);
    server.kill();
    let mut audit = Audit::default();
    audit.follow(folder.path());
    let findings = audit.check(&load_clients.abandon());
    assert!(findings.iter().any(|finding| finding.contains("was acknowledged")), "{findings:?}");
}

/// Clients hear of a server's sudden death from its successor, and need not wait until the silence is too long.
#[test]
fn a_server_that_starts_again_resets_the_connections_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path());
    let relay = crate::harness::Relay::new(NetworkFaults::default(), 1);
    let (server, ready) = launch.start_ready();
    relay.lead_to(Some(ready.address));
    let mut plan = load_plan(&launch, ready, 1..=2);
    plan.address = relay.address;
    let load_clients = LoadClients::begin(&plan);
    load_clients.await_answers(20);
    relay.lead_to(None);
    server.kill();
    let (server, ready) = launch.start_ready();
    relay.lead_to(Some(ready.address));
    load_clients.await_answers(20);
    let answer_log = load_clients.settle();
    assert!(answer_log.outages[0].contains("reset"), "{:?}", answer_log.outages);
    assert_eq!(server.stop().code, Some(0));
}

/// Everybody had to log in anew after a kill: tokens were used, and resume keys were the process's own.
#[test]
fn clients_of_a_killed_server_come_back_without_another_token() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path());
    let relay = crate::harness::Relay::new(NetworkFaults::default(), 1);
    let (mut server, ready) = launch.start_ready();
    relay.lead_to(Some(ready.address));
    let mut plan = load_plan(&launch, ready, 1..=6);
    plan.address = relay.address;
    // Each has the one token that it began with.
    let load_clients = LoadClients::begin(&plan);
    for _ in 0..2 {
        load_clients.await_answers(60);
        relay.lead_to(None);
        server.kill();
        let ready;
        (server, ready) = launch.start_ready();
        relay.lead_to(Some(ready.address));
    }
    load_clients.await_answers(60);
    let answer_log = load_clients.settle();
    assert!(answer_log.wrong.is_empty(), "{:?}", answer_log.wrong);
    // Each lost a server at least once: who was slow to come back to the second may not have noticed that it was one.
    assert!(answer_log.outages.len() >= 6, "{:?}", answer_log.outages);
    assert!(!answer_log.outages.iter().any(|why| why.contains("Unauthorized")), "{:?}", answer_log.outages);
    assert_eq!(server.stop().code, Some(0));
}
