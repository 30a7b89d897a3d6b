//! Host and clients over good and bad links: what everybody is told is one history.

use crate::pair::{Pair, Weather};
use tickworld_proto::{
    client::{ClientEvent, RejoinCause},
    host::{HostEvent, HostSettings},
    message::{Durability, Fate, SessionKind},
};
use tickworld_sim::frame::Tick;

fn kinds(pair: &mut Pair) {
    pair.add(SessionKind::Lockstep, |_| {});
    pair.add(SessionKind::Command, |_| {});
    pair.add(SessionKind::Witness, |_| {});
    pair.add(SessionKind::Lockstep, |settings| settings.rollback.prediction_ticks_max = 0);
}

fn play(pair: &mut Pair, rounds: u64) {
    for round in 0..rounds {
        pair.run(1);
        for at in [0, 1, 3] {
            if (round + at as u64).is_multiple_of(3) {
                pair.submit(at);
            }
        }
    }
    pair.settle();
}

#[test]
fn on_a_good_link_everybody_follows_and_is_answered() {
    let mut pair = Pair::new(1, Weather::FAIR);
    kinds(&mut pair);
    let mut joining = Vec::new();
    for _ in 0..30 {
        pair.run(1);
        joining.extend(pair.peers[0].client.join_progress());
    }
    assert!(joining.is_sorted_by_key(|it| (it.received_bytes, it.pages_held)), "{joining:?}");
    assert!(joining.iter().all(|it| it.pages_held <= it.pages) && (1..30).contains(&joining.len()), "{joining:?}");
    play(&mut pair, 120);
    pair.check();
    let seen = pair.peers[2].client.witness_counters();
    assert!(seen.heads > 100 && (seen.gap_ticks, seen.late_heads) == (0, 0), "{seen:?}");
    for at in [0, 1, 3] {
        let applied = |fates: &Vec<(Fate, Durability)>| matches!(fates[0], (Fate::Applied { .. }, Durability::Disk));
        assert!(pair.peers[at].fates.values().all(applied), "{:?}", pair.peers[at].fates);
        assert!(pair.peers[at].fates.len() > 30, "client {at} played");
    }
    for at in [0, 2, 3] {
        assert!(pair.peers[at].roots.len() > 100, "client {at} saw {} roots", pair.peers[at].roots.len());
    }
    for at in [0, 3] {
        let client = &pair.peers[at].client;
        let (proven, confirmed) = (client.proven(), client.confirmed().expect("it follows").tick());
        let is_near = proven.is_some_and(|tick| tick <= confirmed && tick.0 + 8 > confirmed.0);
        assert!(is_near, "client {at}: {proven:?} of {confirmed} ticks are known to be right");
    }
    assert_eq!(pair.peers[1].client.proven(), None, "who simulates nothing proves nothing");
}

/// `cargo test -p tickworld-proto --test clients_and_host_agree bad_links` prints the seed of a failure.
#[test]
fn on_bad_links_with_broken_connections_the_history_is_still_one() {
    for seed in 0..24 {
        println!("seed {seed}");
        let mut pair = Pair::new(seed, Weather::FOUL);
        pair.durable_lag = seed % 3;
        kinds(&mut pair);
        for round in 0..6 {
            play(&mut pair, 40);
            let at = ((seed + round) % 4) as usize;
            pair.cut(at);
            pair.run(5);
            pair.connect(at);
        }
        pair.settle();
        pair.run(60);
        pair.check();
        assert!(pair.peers[1].fates.len() > 20, "seed {seed}: {} inputs", pair.peers[1].fates.len());
    }
}

#[test]
fn nothing_is_answered_before_it_is_durable() {
    let settings = HostSettings { durable_lag_ticks_max: 1_000, ..HostSettings::default() };
    let mut pair = Pair::with(3, Weather::FAIR, settings);
    pair.add(SessionKind::Command, |_| {});
    let early = pair.add(SessionKind::Command, |settings| settings.durability = Durability::Memory);
    pair.run(10);
    pair.durable_lag = 1_000;
    pair.submit(0);
    pair.submit(early);
    pair.run(20);
    assert!(pair.peers[0].fates.is_empty(), "an answer that nobody stored");
    assert_eq!(pair.peers[early].fates.len(), 1, "who asked for memory is answered at once");
    pair.durable_lag = 0;
    pair.settle();
    pair.check();
}

#[test]
fn a_client_whose_world_differs_names_the_field_and_joins_again() {
    let mut pair = Pair::new(4, Weather::FAIR);
    pair.add(SessionKind::Lockstep, |_| {});
    pair.run(30);
    let planted = Tick(pair.simulation.world().tick().0 + 5);
    pair.plant_at = Some(planted);
    let is_found = |pair: &Pair| pair.peers[0].events.iter().any(|event| matches!(event, ClientEvent::Desync(_)));
    while !is_found(&pair) {
        let proven = pair.peers[0].client.proven();
        assert!(proven < Some(planted), "tick {proven:?} is not the host's");
        pair.run(1);
    }
    pair.run(120);
    let found = |event: &ClientEvent| match event {
        ClientEvent::Desync(report) => Some(report.clone()),
        _ => None,
    };
    let report = pair.peers[0].events.iter().find_map(found).expect("the difference is found");
    assert_eq!(report.tick, planted);
    assert!(report.finding.contains("coins"), "{}", report.finding);
    let told = pair.host_events.iter().any(|event| matches!(event, HostEvent::DesyncReport { .. }));
    assert!(told, "the host hears of it");
    let again = |event: &ClientEvent| matches!(event, ClientEvent::Rejoining(RejoinCause::Desync));
    assert!(pair.peers[0].events.iter().any(again));
    let last = *pair.peers[0].roots.last_key_value().expect("it follows again").0;
    assert!(last.0 > planted.0 + 60, "it stopped at {last}");
}

/// Roots are compared however little of the worlds is kept: what cannot be named, for the world is gone, is found all the same.
#[test]
fn a_client_without_room_for_old_worlds_finds_a_difference_too() {
    (0..4).for_each(finds_a_difference_without_old_worlds);
}

fn finds_a_difference_without_old_worlds(seed: u64) {
    // A host of memory hands out frames before their roots are computed: those come with the next ones, and by then the world
    // is gone. One of disk tells both at once.
    let settings = HostSettings { durability: Durability::Memory, ..HostSettings::default() };
    let mut pair = Pair::with(seed, Weather::FAIR, settings);
    pair.add(SessionKind::Lockstep, |settings| {
        settings.durability = Durability::Memory;
        settings.rollback.evidence_bytes_max = 0;
    });
    pair.add(SessionKind::Command, |settings| settings.durability = Durability::Memory);
    let run = |pair: &mut Pair, ticks: u64| {
        for _ in 0..ticks {
            pair.submit(1);
            pair.run(1);
        }
    };
    run(&mut pair, 40);
    let (least, planted) = (pair.peers[0].client.evidence_bytes(), pair.simulation.world().tick().next());
    assert!((1..64 * 1024).contains(&least), "one world's own pages, not {least} bytes");
    pair.plant_at = Some(planted);
    run(&mut pair, 120);
    let found = |event: &ClientEvent| match event {
        ClientEvent::Desync(report) => Some(report.clone()),
        _ => None,
    };
    let report = pair.peers[0].events.iter().find_map(found).expect("the difference is found");
    assert_eq!(report.tick, planted, "seed {seed}");
    let told = pair.host_events.iter().any(|event| matches!(event, HostEvent::DesyncReport { .. }));
    assert!(told, "seed {seed}: the host hears of it");
    let last = *pair.peers[0].roots.last_key_value().expect("it follows again").0;
    assert!(last.0 > planted.0 + 60, "seed {seed}: it stopped at {last}");
    assert!(report.finding.contains("not kept any more"), "seed {seed}: {}", report.finding);
}

/// A joiner of a large world over a slow line had its world after a second and was never in time: it guessed eight ticks ahead
/// after each frame that it caught up with, and threw the guesses away with the next one.
#[test]
fn a_client_that_catches_up_does_not_guess() {
    let mut pair = Pair::new(5, Weather::FAIR);
    pair.one_by_one = true;
    pair.add(SessionKind::Lockstep, |_| {});
    pair.add(SessionKind::Command, |_| {});
    // Somebody else plays in every tick, so that every guess is wrong.
    let run = |pair: &mut Pair, ticks: u32| {
        for _ in 0..ticks {
            pair.submit(1);
            pair.run(1);
        }
    };
    let guessed = |pair: &Pair| pair.peers[0].client.rollback_counters().expect("it follows").resimulated_ticks;
    run(&mut pair, 60);
    let (before, roots) = (guessed(&pair), pair.peers[0].roots.len());
    pair.cut(0);
    run(&mut pair, 60);
    pair.connect(0);
    run(&mut pair, 4);
    assert!(pair.peers[0].roots.len() >= roots + 60, "it came back and is in time");
    let guesses = guessed(&pair) - before;
    assert!(guesses < 60, "{guesses} ticks were guessed anew on the way back");
    pair.settle();
    pair.check();
}
