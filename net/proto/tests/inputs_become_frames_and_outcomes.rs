//! The way of one input: sent, framed, stepped, stored, answered.

#[path = "common/hosting.rs"]
#[allow(dead_code, reason = "shared by several tests, each using a part")]
mod hosting;

use hosting::Server;
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
