//! Real processes over a network that delays, loses, doubles and reorders packets: slower, and otherwise the same.

use std::time::Duration;

use crate::{
    harness::{Audit, LoadClients, NetworkFaults, Relay, load_plan},
    launch,
};

#[test]
fn packets_that_are_late_lost_doubled_and_overtaken_change_no_outcome() {
    let seed = 5;
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path());
    let faults = NetworkFaults {
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(5),
        lost: 50,
        doubled: 30,
        overtaken: 50,
    };
    let relay = Relay::new(faults, seed);
    let (server, ready) = launch.start_ready();
    relay.lead_to(Some(ready.address));
    let mut plan = load_plan(&launch, ready, 1..=4);
    plan.address = relay.address;
    let load_clients = LoadClients::begin(&plan);
    load_clients.await_answers(300);
    let answer_log = load_clients.settle();
    let (carried, lost, doubled) = relay.counts();
    assert!(carried > 0 && lost > 0 && doubled > 0, "the network was too good: {carried}, {lost}, {doubled}");
    let mut audit = Audit::default();
    audit.read_to_the_end(server, &launch);
    assert_eq!(audit.check_settled(&answer_log), [""; 0]);
}
