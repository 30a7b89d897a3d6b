//! What an operator asks of the engine stands in a frame, applies once, and whoever came back meanwhile goes too.

use crate::hosting::Server;
use tickworld_proto::{
    host::{HostSettings, SubmitError},
    limits::OPERATOR_ACTS_MAX,
    message::{Fate, Message, Reason, SessionKind},
};
use tickworld_sim::{
    frame::{PlayerId, Request, Sequence},
    session::OutcomeCode,
};

const OPERATOR: PlayerId = PlayerId::OPERATOR;

fn server() -> Server {
    Server::new(HostSettings::default())
}

fn ask(server: &mut Server, request: Request) -> Sequence {
    server.host.submit_request(OPERATOR, request).expect("there is room")
}

fn code(server: &Server, sequence: Sequence) -> Option<OutcomeCode> {
    match server.host.fate_of(OPERATOR, sequence)? {
        Fate::Applied { code, .. } => Some(code),
        refused @ Fate::Refused(_) => panic!("{refused:?}"),
    }
}

fn is_connected(server: &Server, player: u64) -> bool {
    server.simulation.world().players().find(PlayerId(player)).is_some_and(|player| player.connected)
}

#[test]
fn a_request_is_numbered_framed_once_and_answered_when_it_is_durable() {
    let mut server = server();
    server.open(SessionKind::Command, 7);
    server.tick();
    let (first, second) = (ask(&mut server, Request::Kick(PlayerId(7))), ask(&mut server, Request::Kick(PlayerId(9))));
    assert_eq!((first, second), (Sequence(1), Sequence(2)));
    server.step();
    assert_eq!(code(&server, first), None, "it is not durable yet");
    server.store();
    assert_eq!(code(&server, first), Some(OutcomeCode::APPLIED));
    assert_eq!(code(&server, second), Some(OutcomeCode::NOT_HERE));
    server.tick();
    assert!(server.frames.last().expect("a frame").inputs.iter().all(|input| input.player != OPERATOR), "once");
    assert_eq!(ask(&mut server, Request::Clear(PlayerId(7))), Sequence(3));
}

#[test]
fn who_is_barred_while_they_come_in_is_out_when_the_tick_was_made_and_stays_out() {
    let mut server = server();
    ask(&mut server, Request::Bar { player: PlayerId(7), is_barred: true });
    assert_eq!(
        server.host.submit_request(PlayerId(7), Request::Clear(PlayerId(7))),
        Err(SubmitError::NoRequester(PlayerId(7)))
    );
    // Nothing bars the player yet: they are welcome, and their entry stands in the same frame, before the request.
    let session = server.open(SessionKind::Command, 7);
    server.tick();
    server.expect_goodbye(session, Reason::Operator, "keeps this player out");
    assert!(!is_connected(&server, 7));
    let hello = server.hello(SessionKind::Command);
    let again = server.connect();
    server.send(again, &Message::Hello(hello));
    server.admit(again, Some(7));
    server.expect_goodbye(again, Reason::Unauthorized, "keeps this player out");
    // Somebody else is as welcome as ever, and so is the player once they are let in.
    server.open(SessionKind::Command, 8);
    ask(&mut server, Request::Bar { player: PlayerId(7), is_barred: false });
    server.tick();
    server.open(SessionKind::Command, 7);
    server.tick();
    assert!(is_connected(&server, 7) && is_connected(&server, 8));
}

#[test]
fn the_kicked_come_back_with_a_generation_above_what_was_void() {
    let mut server = server();
    server.open(SessionKind::Command, 7);
    server.tick();
    ask(&mut server, Request::Kick(PlayerId(7)));
    server.tick();
    assert!(!is_connected(&server, 7));
    server.open(SessionKind::Command, 7);
    server.tick();
    assert!(is_connected(&server, 7));
    assert_eq!(server.simulation.world().players().find(PlayerId(7)).expect("known").generation, 258);
}

#[test]
fn requests_that_wait_are_bounded_and_nobody_plays_under_their_ids() {
    let mut server = server();
    for _ in 0..OPERATOR_ACTS_MAX {
        ask(&mut server, Request::Clear(PlayerId(1)));
    }
    assert_eq!(server.host.submit_request(OPERATOR, Request::Clear(PlayerId(1))), Err(SubmitError::RequestsFull));
    server.tick();
    ask(&mut server, Request::Clear(PlayerId(1)));
    for id in [0, OPERATOR.0, u64::MAX] {
        let session = server.connect();
        let hello = server.hello(SessionKind::Command);
        server.send(session, &Message::Hello(hello));
        server.admit(session, Some(id));
        server.expect_goodbye(session, Reason::Unauthorized, "from 1 to 2^63 - 1");
    }
}

#[test]
fn whom_the_world_does_not_let_in_has_no_session_and_is_let_in_later() {
    let mut server = server();
    server.open(SessionKind::Command, 7);
    server.tick();
    ask(&mut server, Request::Bar { player: PlayerId(7), is_barred: true });
    server.tick();
    let order = tickworld_ledger::Order::Transfer { from: 0, to: 1, amount: 1 };
    assert_eq!(server.host.submit(server.now, PlayerId(7), order), Err(SubmitError::Barred));
    ask(&mut server, Request::Bar { player: PlayerId(7), is_barred: false });
    server.tick();
    server.host.submit(server.now, PlayerId(7), order).expect("they may come in again");
    server.tick();
    assert!(is_connected(&server, 7), "and are in the world");
}

#[test]
fn a_new_client_of_a_barred_player_is_out_when_the_tick_was_made() {
    let mut server = server();
    server.open(SessionKind::Command, 7);
    server.tick();
    // In one frame: the player leaves, and is barred; in the next, a session that was opened before that was known enters.
    server.host.kick(server.now, OPERATOR, PlayerId(7), "manners").expect("there is room");
    server.drain();
    server.tick();
    let session = server.open(SessionKind::Command, 7);
    ask(&mut server, Request::Bar { player: PlayerId(7), is_barred: true });
    server.tick();
    server.expect_goodbye(session, Reason::Operator, "keeps this player out");
    assert!(!is_connected(&server, 7));
    server.tick();
    assert!(server.frames.last().expect("a frame").inputs.is_empty(), "nothing more is said of them");
}
