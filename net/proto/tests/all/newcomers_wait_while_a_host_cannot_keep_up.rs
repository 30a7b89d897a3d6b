//! A host whose world is far behind its rate serves those who are there, and takes newcomers when it keeps up again.

use crate::hosting::Server;
use tickworld_proto::{
    host::HostSettings,
    message::{Message, Reason, SessionKind},
};

#[test]
fn who_is_there_is_served_and_who_comes_is_told_to_come_back() {
    let mut server = Server::new(HostSettings::default());
    let session = server.open(SessionKind::Command, 7);
    server.host.set_pace(401);
    let late = server.connect();
    let told = server.take(late);
    let is_full = |message: &Message| matches!(message, Message::Goodbye(goodbye) if goodbye.reason == Reason::Full);
    assert!(told.iter().any(is_full), "{told:?}");
    server.inputs(session, 1, &[1]);
    server.tick();
    assert_eq!(server.fates(session).len(), 1, "who plays is answered");
    server.host.set_pace(400);
    server.open(SessionKind::Command, 8);
}
