//! SIGTERM: goodbye to everybody, a snapshot, exit code 0; and the next start begins with that snapshot.

use crate::{
    harness::{Audit, LoadClients, NetworkFaults, Relay, load_plan},
    launch,
};

#[test]
fn a_server_that_ended_well_starts_without_replay_and_its_clients_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path());
    let relay = Relay::new(NetworkFaults::default(), 1);
    let (mut server, ready) = launch.start_ready();
    relay.lead_to(Some(ready.address));
    let mut plan = load_plan(&launch, ready, 1..=4);
    plan.address = relay.address;
    let load_clients = LoadClients::begin(&plan);
    let mut audit = Audit::default();
    for round in 0..3 {
        load_clients.await_answers(50);
        server.terminate();
        let exit = server.exit();
        assert_eq!(exit.code, Some(0), "round {round}: {}", exit.error);
        let answer_log = load_clients.answer_log().clone();
        audit.follow(folder.path());
        assert_eq!(audit.check(&answer_log), [""; 0]);
        let ready;
        (server, ready) = launch.start_ready();
        assert_eq!((ready.from, ready.tick), (audit.tick().0, audit.tick().0), "round {round}: something was replayed");
        relay.lead_to(Some(ready.address));
    }
    load_clients.await_answers(50);
    let answer_log = load_clients.settle();
    // The tickets are good in the next server: nobody had to show a new token.
    assert!(!answer_log.outages.iter().any(|why| why.contains("Unauthorized")), "{:?}", answer_log.outages);
    assert!(answer_log.outages.iter().any(|why| why.contains("Shutdown")), "{:?}", answer_log.outages);
    assert_eq!(server.stop().code, Some(0));
    audit.follow(folder.path());
    assert_eq!(audit.check_settled(&answer_log), [""; 0]);
}

#[test]
fn a_server_that_is_told_to_end_while_it_starts_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path());
    let opened = "the world is where it left off";
    for message in ["began a world", opened, opened] {
        let mut server = launch.start();
        server.await_message(message);
        let exit = server.stop();
        assert_eq!(exit.code, Some(0), "{}", exit.error);
    }
}
