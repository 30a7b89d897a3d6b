//! A kick and a breach of the protocol are not undone by a ticket; a lost connection is.

use crate::hosting::Server;
use tickworld_proto::{
    channel::Channel,
    host::{HostSettings, SessionId},
    instant::Micros,
    message::{Hello, Message, Reason, SessionKind, Ticket},
};
use tickworld_sim::frame::PlayerId;

const OPERATOR: PlayerId = PlayerId::OPERATOR;

fn server() -> Server {
    Server::new(HostSettings::default())
}

/// A welcomed session of player 7, with its ticket.
fn open(server: &mut Server, kind: SessionKind) -> (SessionId, Ticket) {
    let hello = server.hello(kind);
    let (session, welcome) = server.open_with(hello, Some(7));
    (session, welcome.ticket)
}

/// Whether somebody who shows this ticket and nothing else is welcome; another program each time.
fn comes_back(server: &mut Server, ticket: Ticket, kind: SessionKind) -> Option<(SessionId, Ticket)> {
    let session = server.connect();
    let hello = Hello { token: Vec::new(), ticket: Some(ticket), ..server.hello(kind) };
    server.send(session, &Message::Hello(hello));
    let told = server.take(session);
    told.iter().find_map(|message| match message {
        Message::Welcome(welcome) => Some((session, welcome.ticket)),
        _ => None,
    })
}

fn kick(server: &mut Server, player: u64, detail: &str) -> Option<u32> {
    let kicked = server.host.kick(server.now, OPERATOR, PlayerId(player), detail);
    server.drain();
    kicked.expect("there is room for a request").1
}

#[test]
fn a_lost_connection_is_come_back_to() {
    let mut server = server();
    for kind in [SessionKind::Command, SessionKind::Witness, SessionKind::Lockstep] {
        let (session, ticket) = open(&mut server, kind);
        server.host.handle_disconnected(server.now, session);
        server.tick();
        let (session, _) = comes_back(&mut server, ticket, kind).unwrap_or_else(|| panic!("{kind:?}"));
        server.host.handle_disconnected(server.now, session);
    }
}

#[test]
fn a_kick_voids_every_ticket_of_the_player_and_of_nobody_else() {
    let mut server = server();
    // A connection that was lost earlier, one that watches with the same grant, and the one that plays.
    let (lost, old) = open(&mut server, SessionKind::Command);
    server.host.handle_disconnected(server.now, lost);
    let (watching, watcher) = open(&mut server, SessionKind::Witness);
    let (playing, player) = open(&mut server, SessionKind::Command);
    let hello = server.hello(SessionKind::Command);
    let (neighbour, welcome) = server.open_with(hello, Some(8));
    server.tick();
    assert_eq!(kick(&mut server, 7, "manners"), Some(2));
    for session in [watching, playing] {
        server.expect_goodbye(session, Reason::Operator, "manners");
    }
    server.tick();
    for (ticket, kind) in [(old, SessionKind::Command), (watcher, SessionKind::Witness), (player, SessionKind::Command)]
    {
        assert!(comes_back(&mut server, ticket, kind).is_none(), "{kind:?}");
        assert!(comes_back(&mut server, ticket, SessionKind::Witness).is_none(), "{kind:?}, to watch");
    }
    assert!(!server.simulation.world().players().find(PlayerId(7)).expect("known").connected);
    assert!(server.goodbye(neighbour).is_none());
    server.host.handle_disconnected(server.now, neighbour);
    assert!(comes_back(&mut server, welcome.ticket, SessionKind::Command).is_some(), "the neighbour is as welcome");
    assert_eq!(kick(&mut server, 7, "again"), None, "the host knows nothing of the player any more");
    server.tick();
    // Who is granted a session anew is as welcome as anybody.
    open(&mut server, SessionKind::Command);
    server.tick();
    assert!(server.simulation.world().players().find(PlayerId(7)).expect("known").connected);
}

/// The ticket is good until the tick with the kick was made: who is faster than that is out when it was.
#[test]
fn who_comes_back_before_the_kick_was_made_is_out_when_it_was() {
    let mut server = server();
    let (_, ticket) = open(&mut server, SessionKind::Command);
    server.tick();
    assert_eq!(kick(&mut server, 7, "manners"), Some(1));
    let (back, younger) = comes_back(&mut server, ticket, SessionKind::Command).expect("nothing is void yet");
    server.tick();
    server.tick();
    server.expect_goodbye(back, Reason::Operator, "sent the player away");
    for ticket in [ticket, younger] {
        assert!(comes_back(&mut server, ticket, SessionKind::Command).is_none());
    }
    server.tick();
    assert!(!server.simulation.world().players().find(PlayerId(7)).expect("known").connected);
}

/// The host that ends before the next one begins knows more than the world does: what counts is what the world knows.
#[test]
fn a_kick_reaches_the_world_before_the_entry_of_whom_it_is_about_did() {
    for kind in [SessionKind::Command, SessionKind::Witness] {
        let mut first = server();
        let (session, ticket) = open(&mut first, kind);
        assert_eq!(kick(&mut first, 7, "manners"), Some(1));
        first.expect_goodbye(session, Reason::Operator, "manners");
        first.tick();
        let known = *first.simulation.world().players().find(PlayerId(7)).expect("known");
        assert!(!known.connected, "{kind:?}");
        let mut next = Server::of(HostSettings::default(), first.simulation);
        for kind in [SessionKind::Command, SessionKind::Witness] {
            assert!(comes_back(&mut next, ticket, kind).is_none(), "{kind:?}");
        }
        open(&mut next, SessionKind::Command);
    }
}

/// As above, by a session that breaks the protocol, in a frame that has no room for entries.
#[test]
fn a_breach_reaches_the_world_with_the_entry_of_whom_it_is_about() {
    let mut first = Server::new(HostSettings { frame_inputs_max: 1, ..HostSettings::default() });
    // They come first in every frame.
    let crowd: Vec<_> = (1..=3).map(|player| first.open(SessionKind::Command, player)).collect();
    let (session, ticket) = open(&mut first, SessionKind::Command);
    first.send_bytes(session, Channel::Control, b"GET / HTTP/1.1");
    first.expect_goodbye(session, Reason::Violation, "");
    for _ in 0..6 {
        first.tick();
    }
    assert!(crowd.into_iter().all(|session| first.goodbye(session).is_none()));
    let mut next = Server::of(HostSettings::default(), first.simulation);
    assert!(comes_back(&mut next, ticket, SessionKind::Command).is_none());
}

#[test]
fn a_kick_finds_who_is_away() {
    let mut server = server();
    let (session, ticket) = open(&mut server, SessionKind::Command);
    server.tick();
    server.host.handle_disconnected(server.now, session);
    assert_eq!(kick(&mut server, 7, "manners"), Some(0));
    server.tick();
    assert!(comes_back(&mut server, ticket, SessionKind::Command).is_none());
    assert_eq!(kick(&mut server, 99, "nobody"), None);
    assert_eq!(kick(&mut server, OPERATOR.0, "nobody"), None);
}

/// What a peer does in its session.
type Breach = fn(&mut Server, SessionId);

#[test]
fn a_breach_of_the_protocol_voids_the_tickets() {
    let breaches: [(&str, Breach, Reason); 4] = [
        ("bytes", |server, session| server.send_bytes(session, Channel::Control, b"GET / HTTP/1.1"), Reason::Violation),
        ("a message out of place", |server, session| server.send(session, &Message::Join), Reason::Violation),
        ("inputs beyond the window", |server, session| server.inputs(session, 1, &[5_000]), Reason::Violation),
        (
            "another protocol",
            |server, session| {
                let hello = Hello { protocol: 99, ..server.hello(SessionKind::Command) };
                server.send(session, &Message::Hello(hello));
            },
            Reason::Protocol,
        ),
    ];
    for (what, breach, reason) in breaches {
        let mut server = server();
        let (lost, old) = open(&mut server, SessionKind::Command);
        server.host.handle_disconnected(server.now, lost);
        let (session, ticket) = open(&mut server, SessionKind::Command);
        breach(&mut server, session);
        let goodbye = server.goodbye(session).unwrap_or_else(|| panic!("{what} ends the session"));
        assert!([reason, Reason::Violation].contains(&goodbye.reason), "{what}: {goodbye:?}");
        server.tick();
        for ticket in [old, ticket] {
            assert!(comes_back(&mut server, ticket, SessionKind::Command).is_none(), "{what}: the ticket is good yet");
        }
    }
}

#[test]
fn silence_and_a_shutdown_void_nothing() {
    let mut server = server();
    let (session, ticket) = open(&mut server, SessionKind::Command);
    server.tick();
    server.wait(Micros(server.host.settings().idle_timeout.0 + 1));
    server.expect_goodbye(session, Reason::TimedOut, "");
    let (_, ticket) = comes_back(&mut server, ticket, SessionKind::Command).expect("silence voids nothing");
    server.tick();
    server.host.shutdown(server.now);
    // Another host of the same world, which knows nothing but that.
    let mut next = Server::of(HostSettings::default(), server.simulation.clone());
    assert!(comes_back(&mut next, ticket, SessionKind::Command).is_some());
}
