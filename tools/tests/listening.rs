//! `tickworld play` on an address that others can reach: it starts, and says exactly how they come in.

mod common;

use common::Bench;

#[test]
fn a_server_that_others_reach_says_how_they_come_in() {
    let bench = Bench::new();
    let out = bench.ok("play skirmish --bots 8 --seconds 1 --listen 0.0.0.0:0 --data w");
    let line = |words: &str| {
        let found = out.lines().find(|line| line.contains(words));
        found.unwrap_or_else(|| panic!("no line says {words:?}:\n{out}")).trim().to_owned()
    };
    let port = line("come to 0.0.0.0:");
    let port = port.split_whitespace().find_map(|word| word.strip_prefix("0.0.0.0:")).expect("it has an address");
    // For this machine, with an address that can be connected to.
    assert!(line("join ").contains(&format!("--connect 127.0.0.1:{port} --data w")), "{out}");
    // For others: address, certificate, and where tokens come from.
    assert!(line("elsewhere ").contains(&format!("--connect HOST:{port} --tokens FILE")), "{out}");
    assert!(line("--fingerprint ").split_whitespace().nth(1).is_some_and(|it| it.len() > 32), "{out}");
    assert!(line("tickworld-server token").ends_with("tickworld-server token --data w --player N"), "{out}");
}

#[test]
fn bots_of_other_processes_reach_it_too() {
    let bench = Bench::new();
    let played = bench.json("play skirmish --bots 4 --seconds 1 --listen 0.0.0.0:0 --apart --json", 0);
    assert_eq!(played["apart"][0]["good"], true, "{played}");
    assert!(played["apart"][0]["opened"].as_u64() > Some(0), "{played}");
}

#[test]
fn what_only_this_machine_reaches_says_nothing_of_others() {
    let bench = Bench::new();
    let out = bench.ok("play skirmish --bots 1 --seconds 1");
    assert!(out.contains("join ") && !out.contains("elsewhere") && !out.contains("tickworld-server"), "{out}");
}
