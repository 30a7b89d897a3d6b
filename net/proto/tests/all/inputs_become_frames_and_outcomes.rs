//! The way of one input: sent, framed, stepped, stored, answered.

use crate::hosting::Server;
use tickworld_proto::{
    host::HostSettings,
    message::{Fate, SessionKind},
};
use tickworld_sim::session::OutcomeCode;

#[test]
fn an_input_is_framed_stepped_stored_and_then_answered() {
    let mut server = Server::new(HostSettings::default());
    let session = server.open(SessionKind::Command, 7);
    server.inputs(session, 1, &[1, 2]);
    let tick = server.step();
    assert_eq!(server.framed(tick, 7), [0, 1, 2], "the join, then the inputs");
    assert_eq!(server.outcomes(session), [], "it is not durable yet");
    server.store();
    let applied = |value| Fate::Applied { tick, code: OutcomeCode::APPLIED, value };
    assert_eq!(server.fates(session), [(1, applied(999)), (2, applied(1_000))]);
    server.tick();
    assert_eq!(server.fates(session), [], "one answer");
}

/// A program that begins again knows of no number; those of the one before may wait behind a gap.
#[test]
fn a_new_program_of_a_player_begins_above_every_number_that_came() {
    let mut server = Server::new(HostSettings::default());
    let session = server.open(SessionKind::Command, 7);
    server.inputs(session, 1, &[1, 2]);
    server.tick();
    server.inputs(session, 1, &[4, 5]);
    let tick = server.tick();
    assert!(server.framed(tick, 7).is_empty(), "3 is missing");
    let hello = server.hello(SessionKind::Command);
    let (again, welcome) = server.open_with(hello, Some(7));
    assert_eq!(welcome.next_sequence.0, 6);
    server.inputs(again, 6, &[6]);
    let tick = server.tick();
    assert_eq!(server.framed(tick, 7), [0, 6], "another program enters, and what waited for 3 is given up");
    assert!(matches!(server.fates(again)[..], [(6, Fate::Applied { .. })]));
}
