//! What a host keeps of past ticks is bounded in bytes: worlds go first, frames stay as long as they are promised.

use crate::hosting::Server;
use tickworld_ledger::Ledger;
use tickworld_proto::{
    host::HostSettings,
    message::{FrameRequest, Message, SessionKind},
};
use tickworld_sim::frame::Tick;

/// Accounts enough that a transfer between far ones writes two pages of 16 KiB.
fn server(history_bytes_max: u64) -> Server {
    let settings = HostSettings { history_ticks: 100, history_bytes_max, ..HostSettings::default() };
    Server::of(settings, Ledger::open(5_000, 1_000))
}

/// Ticks that each write something; gives the number of worlds that are still kept.
fn worlds_after_writing(server: &mut Server) -> usize {
    let session = server.open(SessionKind::Command, 7);
    for number in 1..=60 {
        server.inputs(session, number, &[number]);
        server.tick();
    }
    let last = server.host.released_tick();
    (1..=last.0).filter(|tick| server.host.released_world(Tick(*tick)).is_some()).count()
}

#[test]
fn the_oldest_worlds_go_when_they_hold_too_much() {
    let mut roomy = server(u64::MAX);
    assert!(worlds_after_writing(&mut roomy) >= 60, "nothing is forgotten without a bound");
    let used = roomy.host.history_bytes();
    let bound = used / 4;
    let mut tight = server(bound);
    let kept = worlds_after_writing(&mut tight);
    assert!(tight.host.history_bytes() <= bound, "{} of {bound} bytes", tight.host.history_bytes());
    assert!((2..40).contains(&kept), "{kept} worlds are kept");
    assert_eq!(tight.host.history_len(), roomy.host.history_len(), "frames stay");
}

#[test]
fn a_frame_can_be_had_again_although_its_world_is_gone() {
    let mut server = server(1);
    assert_eq!(worlds_after_writing(&mut server), 1, "only the newest world");
    let session = server.open(SessionKind::Lockstep, 8);
    server.send(session, &Message::FrameRequest(FrameRequest { first: Tick(5), count: 3 }));
    let frames = server.take(session).into_iter().filter(|message| matches!(message, Message::Frame(_))).count();
    assert_eq!(frames, 3);
}
