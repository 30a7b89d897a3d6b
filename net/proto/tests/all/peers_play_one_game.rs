//! Peers without a host: one history, whatever links do; worlds that part are noticed; whoever is gone is gone for all.

use std::collections::BTreeSet;

use crate::peers::{FAULT, Faults, Mesh, Peer, TICK, difference, player, world};
use tickworld_proto::{
    instant::Instant,
    peer::{
        Farewell, PeerError, PeerEvent, PeerFault, PeerId, PeerSession, PeerSettings, PeerSetupError, SessionState,
    },
};
use tickworld_sim::{
    prelude::*,
    rng::StreamKey,
    rollback::{PredictNothing, SyncTest, SyncTestSettings},
};

/// Every frame that a peer confirmed, through the engine's own test of a game that keeps nothing outside its world.
fn passes_a_sync_test(peer: &Peer) {
    let mut test = SyncTest::new(world::<false>(), SyncTestSettings::default());
    for (tick, frame) in &peer.frames {
        let roots = test.step(frame, &Inline).expect("the game keeps nothing outside its world");
        assert_eq!(peer.roots.get(tick), Some(&roots.root), "tick {tick}");
    }
    assert!(peer.frames.len() > 100, "{} frames", peer.frames.len());
}

#[test]
fn what_the_delay_covers_is_never_guessed_wrong() {
    let mut mesh = Mesh::new(1, Faults { way: (10_000, 20_000), ..Faults::NONE }, 2, &[], |_, settings| {
        settings.input_delay_ticks = 3;
    });
    mesh.run_to(Tick(300));
    mesh.check();
    for peer in &mesh.peers {
        let counters = peer.sound().counters();
        assert_eq!(counters.resimulated_ticks, 0, "{counters:?}");
        passes_a_sync_test(peer);
    }
    assert!(mesh.peers[0].ship(PlayerId(2)).expect("a ship").shots > 10, "they play");
}

#[test]
fn without_delay_guesses_are_mended() {
    let mut mesh = Mesh::new(2, Faults { way: (30_000, 40_000), ..Faults::NONE }, 2, &[], |_, settings| {
        settings.input_delay_ticks = 0;
    });
    mesh.run_to(Tick(300));
    mesh.check();
    for peer in &mesh.peers {
        let counters = peer.sound().counters();
        assert!(counters.rollbacks > 50 && counters.predictions_kept > 20, "{counters:?}");
        passes_a_sync_test(peer);
    }
}

#[test]
fn without_prediction_it_is_lockstep() {
    let mut mesh = Mesh::new(3, Faults { way: (5_000, 30_000), ..Faults::NONE }, 2, &[], |own, settings| {
        settings.rollback.prediction_ticks_max = 0;
        settings.input_delay_ticks = own as u32;
    });
    mesh.run_to(Tick(200));
    mesh.check();
    assert!(mesh.peers.iter().all(|peer| peer.sound().counters().rollbacks == 0));
}

/// `cargo test -p tickworld-proto --test peers_play_one_game bad_links -- --nocapture` prints the seeds.
#[test]
fn on_bad_links_all_have_one_history() {
    for seed in 0..10 {
        println!("seed {seed}");
        let count = 2 + seed % 3;
        let mut mesh = Mesh::new(seed, Faults::MANY, count, &[], |own, settings| {
            settings.input_delay_ticks = ((own + seed) % 4) as u32;
            settings.rollback.prediction_ticks_max = 4 + (own * 3 % 8) as u32;
            settings.root_ticks = own as u32;
        });
        mesh.watch(9);
        mesh.run_to(Tick(240));
        mesh.check();
        for peer in &mesh.peers {
            let is_long = peer.roots.len() >= 240;
            assert!(is_long, "seed {seed}: {:?} has {} roots", peer.id, peer.roots.len());
            assert!(!peer.has(|event| matches!(event, PeerEvent::Fault(..))), "seed {seed}: {:?}", peer.events);
        }
        let rollbacks: u64 = mesh.peers[..count as usize].iter().map(|peer| peer.sound().counters().rollbacks).sum();
        assert!(rollbacks > 20, "seed {seed}: {rollbacks} rollbacks show nothing");
        passes_a_sync_test(&mesh.peers[0]);
    }
}

#[test]
fn another_session_of_the_same_peers_has_another_seed() {
    let roots = |seed| {
        let mut mesh = Mesh::new(seed, Faults::NONE, 2, &[], |_, _| {});
        mesh.run_to(Tick(8));
        mesh.peers[0].frames.values().map(|frame| frame.entropy.to_bytes()).collect::<BTreeSet<_>>()
    };
    let (one, other) = (roots(1), roots(2));
    assert_eq!(one.len(), one.union(&other).count() - other.len());
    assert!(one.is_disjoint(&other) && one.len() >= 8);
}

/// The planted fault: the build of one peer moves a ship too far in one tick.
#[test]
fn a_world_that_parts_is_noticed_and_the_field_can_be_named() {
    let mut mesh = Mesh::new(4, Faults::MANY, 3, &[3], |_, _| {});
    mesh.run_to(Tick(FAULT.0 + 40));
    assert!(mesh.has_parted());
    for peer in &mesh.peers {
        let told = peer.events.iter().filter_map(|event| match event {
            PeerEvent::Desync { player, tick, .. } => Some((player.0, *tick)),
            _ => None,
        });
        let mut told: Vec<_> = told.collect();
        told.sort_unstable();
        let tick = Tick(FAULT.0.next_multiple_of(8));
        let expected = if peer.id == player(3) { vec![(1, tick), (2, tick)] } else { vec![(3, tick)] };
        assert!(told.iter().all(|(_, at)| *at >= tick && at.0 < tick.0 + 40), "{:?}: {told:?}", peer.id);
        assert_eq!(
            told.iter().map(|(whose, _)| whose).collect::<Vec<_>>(),
            expected.iter().map(|(whose, _)| whose).collect::<Vec<_>>()
        );
    }
    let text = difference(&mesh.peers[0], &mesh.peers[2], FAULT);
    assert!(text.starts_with("ship.x of"), "{text}");
    assert_eq!(difference(&mesh.peers[0], &mesh.peers[2], Tick(FAULT.0 - 1)), "");
}

/// Links are the transport's to protect. Where one bends messages all the same, nothing panics, and an input that was bent on its
/// way to one of them is noticed as what it is: worlds that part.
#[test]
fn bent_messages_are_faults_or_noticed() {
    let (mut parted, mut faults) = (0, 0);
    for seed in 0..24 {
        println!("seed {seed}");
        let bent = Faults { bent_percent: 3, way: (1_000, 40_000), ..Faults::NONE };
        let mut mesh = Mesh::new(seed, bent, 3, &[], |_, _| {});
        mesh.watch(1);
        mesh.run(200);
        let at_fault = mesh.has_parted();
        mesh.faults = Faults::NONE;
        mesh.run(60);
        let noticed = mesh.peers.iter().any(|peer| {
            peer.state() == SessionState::Over || peer.has(|event| matches!(event, PeerEvent::Desync { .. }))
        });
        assert!(!at_fault || noticed, "seed {seed}: worlds parted, and nobody says so");
        parted += u32::from(at_fault);
        let of = |peer: &Peer| peer.events.iter().filter(|event| matches!(event, PeerEvent::Fault(..))).count();
        faults += mesh.peers.iter().map(of).sum::<usize>();
    }
    assert!(parted > 0 && faults > 100, "{parted} runs parted, {faults} faults: this would show nothing");
}

#[test]
fn those_who_are_left_agree_on_the_last_tick_of_one_who_is_gone() {
    for seed in 0..12 {
        println!("seed {seed}");
        let mut mesh = Mesh::new(seed, Faults::MANY, 4, &[], |own, settings| {
            settings.input_delay_ticks = (own % 3) as u32;
        });
        mesh.watch(5);
        mesh.run_to(Tick(60));
        mesh.freeze(3);
        if seed % 2 == 1 {
            mesh.run(seed * 7);
            mesh.freeze(2);
        }
        mesh.run(600);
        mesh.check();
        let left: &[usize] = if seed % 2 == 1 { &[0, 1] } else { &[0, 1, 2] };
        let departed = |at: usize| -> BTreeSet<(u64, u64)> {
            let events = mesh.peers[at].events.iter();
            let last = |event: &PeerEvent| match event {
                PeerEvent::Departed { player, last } => Some((player.0, last.0)),
                _ => None,
            };
            events.filter_map(last).collect()
        };
        for at in left {
            assert_eq!(departed(*at), departed(0), "seed {seed}");
            assert_eq!(departed(*at).len(), 4 - left.len(), "seed {seed}: {:?}", mesh.peers[*at].events);
            assert!(mesh.peers[*at].confirmed() > Tick(200), "seed {seed}: it goes on");
            assert_eq!(mesh.peers[*at].ship(PlayerId(4)), None, "seed {seed}: a player who is gone has no ship");
            assert!(mesh.peers[*at].ship(PlayerId(1)).is_some());
        }
        assert!(mesh.peers[4].confirmed() > Tick(200), "seed {seed}: the spectator goes on too");
    }
}

#[test]
fn whoever_leaves_is_gone_at_once() {
    let mut mesh = Mesh::new(6, Faults::MANY, 3, &[], |_, _| {});
    mesh.run_to(Tick(50));
    let now = mesh.now;
    mesh.peers[1].sound_mut().leave(now);
    mesh.run(90);
    mesh.check();
    for at in [0, 2] {
        let peer = &mesh.peers[at];
        assert!(
            peer.has(|event| *event == PeerEvent::Departing(PlayerId(2), Farewell::Left)
                || *event == PeerEvent::Departing(PlayerId(2), Farewell::GivenUp)),
            "{:?}",
            peer.events
        );
        assert!(peer.confirmed() > Tick(80));
        assert_eq!(peer.sound().players().collect::<Vec<_>>(), [PlayerId(1), PlayerId(3)]);
    }
}

#[test]
fn two_who_cannot_hear_each_other_do_not_split_the_rest() {
    for seed in 0..8 {
        println!("seed {seed}");
        let mut mesh = Mesh::new(seed, Faults { way: (5_000, 60_000), ..Faults::NONE }, 4, &[], |_, _| {});
        mesh.run_to(Tick(40));
        mesh.cut.push((player(1), player(2)));
        mesh.run(600);
        mesh.check();
        let running: Vec<&Peer> = mesh.peers.iter().filter(|peer| peer.state() == SessionState::Running).collect();
        assert!(running.len() >= 2, "seed {seed}: {} play on", running.len());
        for peer in &running {
            let players: Vec<PlayerId> = peer.sound().players().collect();
            assert_eq!(players.len(), running.len(), "seed {seed}: {:?} plays with {players:?}", peer.id);
            assert!(peer.confirmed() > Tick(300), "seed {seed}: {:?} is at {}", peer.id, peer.confirmed());
        }
        for peer in mesh.peers.iter().filter(|peer| peer.state() == SessionState::Over) {
            assert!(peer.has(|event| matches!(event, PeerEvent::Over(_, Farewell::GivenUp))), "{:?}", peer.events);
        }
    }
}

#[test]
fn one_who_was_given_up_is_told_when_they_come_back() {
    let mut mesh = Mesh::new(7, Faults::NONE, 3, &[], |_, settings| {
        settings.silence_max = tickworld_proto::instant::Micros(400_000)
    });
    mesh.run_to(Tick(40));
    mesh.freeze(2);
    mesh.run(60);
    mesh.peers[2].is_frozen = false;
    mesh.run(10);
    let told = mesh.peers[2].has(|event| matches!(event, PeerEvent::Over(_, Farewell::GivenUp)));
    assert!(told || mesh.peers[2].sound().players().count() == 1, "{:?}", mesh.peers[2].events);
    assert!(mesh.peers[0].confirmed() > Tick(80));
    mesh.check();
}

#[test]
fn a_silence_is_told_and_its_end() {
    let mut mesh = Mesh::new(8, Faults::NONE, 2, &[], |_, _| {});
    mesh.run_to(Tick(40));
    mesh.cut.push((player(1), player(2)));
    mesh.run(45);
    mesh.cut.clear();
    mesh.run(60);
    mesh.check();
    for (peer, other) in mesh.peers.iter().zip([player(2), player(1)]) {
        let at = |wanted: PeerEvent| peer.events.iter().position(|event| *event == wanted);
        let (interrupted, resumed) = (at(PeerEvent::Interrupted(other)), at(PeerEvent::Resumed(other)));
        assert!(interrupted.is_some() && interrupted < resumed, "{:?}", peer.events);
        assert!(peer.stalls > 10 && peer.confirmed() > Tick(60));
    }
}

#[test]
fn a_spectator_makes_nobody_wait() {
    let mut mesh = Mesh::new(9, Faults::MANY, 2, &[], |_, _| {});
    mesh.watch(3);
    mesh.run_to(Tick(50));
    mesh.freeze(2);
    mesh.run(320);
    mesh.check();
    assert!(mesh.peers[0].confirmed() > Tick(200) && mesh.peers[1].confirmed() > Tick(200));
    assert!(mesh.peers[0].has(|event| *event == PeerEvent::SpectatorGone(3, Farewell::GivenUp)));
    mesh.peers[2].is_frozen = false;
    mesh.run(30);
    assert_eq!(mesh.peers[2].state(), SessionState::Over, "{:?}", mesh.peers[2].events);
}

#[test]
fn who_is_ahead_is_told_to_wait() {
    let mut mesh = Mesh::new(10, Faults { way: (20_000, 30_000), ..Faults::NONE }, 2, &[], |_, _| {});
    mesh.peers[0].tick_length = TICK * 97 / 100;
    mesh.run(900);
    mesh.check();
    let advice = |at: usize| -> Vec<u32> {
        let ticks = |event: &PeerEvent| match event {
            PeerEvent::Wait { ticks } => Some(*ticks),
            _ => None,
        };
        mesh.peers[at].events.iter().filter_map(ticks).collect()
    };
    assert!(!advice(0).is_empty(), "the fast one is never told");
    assert!(advice(1).is_empty(), "the slow one is told {:?}", advice(1));
    let way = mesh.peers[0].sound().round_trip(PlayerId(2)).expect("it is known").0;
    assert!((38_000..65_000).contains(&way), "{way} us there and back");
}

/// Two sessions by hand, for greetings that are not as they should be.
fn greet(
    bend: impl Fn(&mut Vec<u8>),
    other_world: bool,
) -> [PeerSession<crate::peers::Dogfight<false>, PredictNothing>; 2] {
    let players = [PlayerId(1), PlayerId(2)];
    let mut now = Instant(1);
    let begin = |own: PlayerId, change: bool| {
        let mut world = world::<false>();
        if change {
            world.world_mut().state_mut().spawn(Band(0)).expect("there is room");
        }
        let settings = PeerSettings::default();
        let secret = [own.0 as u8; 16];
        PeerSession::new(now, settings, own, &players, world, PredictNothing, secret, &Inline).expect("good settings")
    };
    let mut sessions = [begin(players[0], false), begin(players[1], other_world)];
    for _ in 0..20 {
        now.0 += 50_000;
        for own in 0..2 {
            sessions[own].handle_timeout(now);
            while let Some((_, bytes)) = sessions[own].poll_transmit() {
                let mut bytes = bytes.to_vec();
                if own == 0 {
                    bend(&mut bytes);
                }
                sessions[1 - own].handle_message(now, PeerId::Player(players[own]), &bytes);
            }
        }
    }
    sessions
}

fn over(session: &mut PeerSession<crate::peers::Dogfight<false>, PredictNothing>) -> Option<Farewell> {
    std::iter::from_fn(|| session.poll_event()).find_map(|event| match event {
        PeerEvent::Over(_, why) => Some(why),
        _ => None,
    })
}

#[test]
fn only_those_who_play_the_same_game_begin() {
    assert!(greet(|_| {}, false).iter().all(|session| session.state() == SessionState::Running));
    for mut session in greet(|_| {}, true) {
        assert_eq!(over(&mut session), Some(Farewell::OtherGame));
        assert_eq!(session.advance(Instant(9_000_000), None, &Inline), Err(PeerError::Over));
    }
}

#[test]
fn a_seed_cannot_be_chosen_after_the_others_were_seen() {
    // The part stands last in a greeting that has one; whoever saw the other's would change it.
    let another = |bytes: &mut Vec<u8>| {
        if bytes.len() == 83 {
            bytes[82] ^= 1
        }
    };
    let mut sessions = greet(another, false);
    assert_eq!(over(&mut sessions[1]), Some(Farewell::BrokenPromise));
    // Nor the promise, once it was made: the part would have to fit it.
    let mut sessions = greet(
        |bytes| {
            if bytes.len() == 83 {
                bytes[40] ^= 1
            }
        },
        false,
    );
    assert_eq!(over(&mut sessions[1]), Some(Farewell::BrokenPromise));
}

#[test]
fn another_version_is_named() {
    let [_, mut session] = greet(|bytes| bytes[0] = 7, false);
    let fault = std::iter::from_fn(|| session.poll_event()).find(|event| matches!(event, PeerEvent::Fault(..)));
    assert_eq!(fault, Some(PeerEvent::Fault(player(1), PeerFault::Version { found: 7 })));
    assert_eq!(session.state(), SessionState::Greeting);
}

#[test]
fn what_is_no_session_is_refused() {
    let refusal = |own: u64, players: &[u64], change: &dyn Fn(&mut PeerSettings)| {
        let mut settings = PeerSettings::default();
        change(&mut settings);
        let players: Vec<PlayerId> = players.iter().copied().map(PlayerId).collect();
        PeerSession::new(
            Instant(0),
            settings,
            PlayerId(own),
            &players,
            world::<false>(),
            PredictNothing,
            [0; 16],
            &Inline,
        )
        .err()
    };
    assert_eq!(refusal(1, &[2, 1], &|_| {}), None);
    assert!(matches!(refusal(1, &[1], &|_| {}), Some(PeerSetupError::Players(_))));
    assert!(matches!(refusal(1, &[1, 2, 1], &|_| {}), Some(PeerSetupError::Players(_))));
    assert!(matches!(refusal(1, &[1, 0], &|_| {}), Some(PeerSetupError::Players(_))));
    assert!(matches!(refusal(1, &[1, 2, 3, 4, 5, 6, 7, 8, 9], &|_| {}), Some(PeerSetupError::Players(_))));
    assert_eq!(refusal(3, &[1, 2], &|_| {}), Some(PeerSetupError::NotAmongThem(PlayerId(3))));
    let text = refusal(1, &[1, 2], &|settings| settings.input_delay_ticks = 65).expect("it is refused").to_string();
    assert_eq!(text, "input_delay_ticks is 65: expected 0 to 64");
    assert!(refusal(1, &[1, 2], &|settings| settings.root_ticks = 0).is_some());
}

/// Whoever sends at random from a peer's address, or from nobody's, changes nothing.
#[test]
fn random_bytes_change_nothing() {
    let mut mesh = Mesh::new(11, Faults::NONE, 2, &[], |_, _| {});
    mesh.run_to(Tick(20));
    let mut dice = StreamKey::new(&Entropy::from_bytes([8; 16]), 11, "noise").rng(11);
    let strangers = [player(2), player(1), player(9), PeerId::Spectator(4)];
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = (0..dice.below(120)).map(|_| dice.below(256) as u8).collect();
        if let [version, kind, ..] = &mut bytes[..] {
            (*version, *kind) = (1, dice.below(7) as u8);
        }
        let now = mesh.now;
        mesh.peers[0].sound_mut().handle_message(now, strangers[dice.below(4) as usize], &bytes);
    }
    mesh.run_to(Tick(120));
    mesh.check();
    assert!(mesh.peers[0].has(|event| matches!(event, PeerEvent::Fault(..))));
    assert_eq!(mesh.peers[0].sound().players().count(), 2);
}
