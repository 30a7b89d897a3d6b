//! After a tick that broke, those whose inputs stood in it come one a frame, so that the next one that breaks names one player.

use tickworld_ledger::Ledger;
use tickworld_proto::{
    host::{HostSettings, SessionId},
    message::{Fate, Reason, SessionKind},
};
use tickworld_sim::{
    frame::{Act, Enter, Input, InputFrame, PlayerId, Sequence, Tick},
    prelude::Entropy,
};

use crate::hosting::Server;

/// A host of a world in which players 7, 8 and 9 are, and the first two acted in ticks that broke: 7 in this many, 8 in one.
fn server(broken_ticks: u32) -> (Server, [SessionId; 3]) {
    let mut simulation = Ledger::open(8, 1_000);
    let enter = |player| Input {
        player: PlayerId(player),
        sequence: Sequence(0),
        act: Act::Enter(Enter { generation: 1, opened_by: 0 }),
    };
    let void = |player, sequence| Input { player: PlayerId(player), sequence: Sequence(sequence), act: Act::Void };
    let mut frames = vec![vec![enter(7), enter(8), enter(9)], vec![void(7, 1), void(8, 1)]];
    frames.extend((1..broken_ticks).map(|number| vec![void(7, number + 1)]));
    for (tick, inputs) in (1..).zip(frames) {
        let frame = InputFrame::new(Tick(tick), Entropy::from_bytes([0; 16]), inputs);
        simulation.step_inline(&frame).expect("the next tick");
    }
    let mut server = Server::of(HostSettings::default(), simulation);
    let sessions = [7, 8, 9].map(|player| server.open(SessionKind::Command, player));
    (server, sessions)
}

/// Which of the three play in a tick.
fn playing(server: &Server, tick: Tick) -> Vec<u64> {
    let plays = |player: &u64| server.framed(tick, *player).iter().any(|sequence| *sequence > 0);
    [7, 8, 9].into_iter().filter(plays).collect()
}

#[test]
fn suspects_come_one_a_frame_until_a_tick_of_each_has_passed_and_others_in_between() {
    let (mut server, [seven, eight, nine]) = server(1);
    let mut played = Vec::new();
    for number in 0..8 {
        server.inputs(seven, 2, &[2 + number]);
        server.inputs(eight, 2, &[2 + number]);
        server.inputs(nine, 1, &[1 + number]);
        let tick = server.tick();
        played.push(playing(&server, tick));
    }
    for suspect in [7, 8] {
        let first = played.iter().find(|who| who.contains(&suspect));
        assert_eq!(first, Some(&vec![suspect]), "{played:?}");
    }
    assert_eq!(played[0], [9], "who is not suspected waits for a frame at most: {played:?}");
    assert_eq!(played[7], [7, 8, 9], "all have passed: {played:?}");
    for (session, first) in [(seven, 2), (eight, 2), (nine, 1)] {
        let fates = server.fates(session);
        assert_eq!(fates.len(), 8, "{fates:?}");
        assert!(
            fates.iter().all(|(number, fate)| *number >= first && matches!(fate, Fate::Applied { .. })),
            "{fates:?}"
        );
    }
}

/// Whoever only connects delays nobody.
#[test]
fn a_suspect_without_inputs_costs_no_frame() {
    let (mut server, [_, _, nine]) = server(1);
    for number in 1..=4 {
        server.inputs(nine, 1, &[number]);
        let tick = server.tick();
        assert_eq!(playing(&server, tick), [9]);
    }
}

#[test]
fn after_two_broken_ticks_a_player_is_held_and_delays_nobody() {
    let (mut server, [seven, _, nine]) = server(2);
    server.inputs(seven, 3, &[3]);
    server.expect_goodbye(seven, Reason::Held, "an operator clears them");
    for number in 1..=4 {
        server.inputs(nine, 1, &[number]);
        let tick = server.tick();
        assert_eq!(playing(&server, tick), [9]);
    }
}
