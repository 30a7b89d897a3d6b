//! An embedder puts inputs in, in the name of players who have no session.

use crate::hosting::{Server, TICK};
use tickworld_ledger::Order;
use tickworld_proto::{
    host::{HostSettings, SubmitError},
    instant::Micros,
    message::{Fate, SessionKind},
};
use tickworld_sim::frame::{PlayerId, Sequence};

const ORDER: Order = Order::Transfer { from: 0, to: 1, amount: 1 };
const PLAYER: PlayerId = PlayerId(70);

#[test]
fn an_input_without_a_session_is_applied_once_and_answered_when_it_is_durable() {
    let mut server = Server::new(HostSettings::default());
    let first = server.host.submit(server.now, PLAYER, ORDER).unwrap();
    let second = server.host.submit(server.now, PLAYER, ORDER).unwrap();
    assert_eq!((first, second), (Sequence(1), Sequence(2)));
    assert_eq!(server.host.fate_of(PLAYER, first), None);
    let tick = server.step();
    assert_eq!(server.framed(tick, 70), [0, 1, 2], "the join, then the inputs");
    assert_eq!(server.host.fate_of(PLAYER, second), None, "it is not durable yet");
    server.store();
    for sequence in [first, second] {
        assert!(matches!(server.host.fate_of(PLAYER, sequence), Some(Fate::Applied { tick: at, .. }) if at == tick));
    }
    assert_eq!(server.tick(), tick.next());
    assert!(matches!(server.host.fate_of(PLAYER, first), Some(Fate::Applied { tick: at, .. }) if at == tick));
}

#[test]
fn a_player_with_a_session_is_left_to_it_and_goes_on_above_what_was_put_in() {
    let mut server = Server::new(HostSettings::default());
    server.host.submit(server.now, PLAYER, ORDER).unwrap();
    server.tick();
    let hello = server.hello(SessionKind::Command);
    let (_, welcome) = server.open_with(hello, Some(70));
    assert_eq!(welcome.next_sequence, Sequence(2));
    assert_eq!(server.host.submit(server.now, PLAYER, ORDER), Err(SubmitError::InSession));
}

#[test]
fn nobody_fills_a_queue_without_end_and_the_operator_plays_not() {
    let mut server = Server::new(HostSettings { inputs_in_flight_max: 3, ..HostSettings::default() });
    for _ in 0..3 {
        server.host.submit(server.now, PLAYER, ORDER).unwrap();
    }
    assert_eq!(server.host.submit(server.now, PLAYER, ORDER), Err(SubmitError::QueueFull));
    assert_eq!(
        server.host.submit(server.now, PlayerId::OPERATOR, ORDER),
        Err(SubmitError::NoPlayer(PlayerId::OPERATOR))
    );
    for round in 0..100_u32 {
        server.tick();
        let sequence = server.host.submit(server.now, PLAYER, ORDER).expect("there is room after every tick");
        assert_eq!(sequence.0, 4 + round);
    }
    server.host.shutdown(server.now);
    assert_eq!(server.host.submit(server.now, PLAYER, ORDER), Err(SubmitError::Shutdown));
}

#[test]
fn a_player_without_a_session_times_out_as_one_who_was_lost() {
    let settings = HostSettings { player_timeout: Micros(10 * TICK.0), ..HostSettings::default() };
    let mut server = Server::new(settings);
    server.host.submit(server.now, PLAYER, ORDER).unwrap();
    server.tick();
    assert!(server.simulation.world().players().find(PLAYER).unwrap().connected);
    server.wait(Micros(20 * TICK.0));
    server.tick();
    assert!(!server.simulation.world().players().find(PLAYER).unwrap().connected);
}
