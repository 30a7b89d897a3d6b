//! A kick and a breach of the protocol are not undone by a resume key; a lost connection is.

#[path = "common/hosting.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod hosting;

use hosting::Server;
use tickworld_proto::{
    channel::Channel,
    host::{HostSettings, SessionId},
    instant::Micros,
    message::{Hello, Message, Reason, ResumeKey, SessionKind},
};
use tickworld_sim::frame::{Act, PlayerId};

fn server() -> Server {
    Server::new(HostSettings::default())
}

/// A welcomed session of player 7, with its key.
fn open(server: &mut Server, kind: SessionKind) -> (SessionId, ResumeKey) {
    let hello = server.hello(kind);
    let (session, welcome) = server.open_with(hello, Some(7));
    (session, welcome.resume)
}

/// Whether somebody who shows this key and nothing else is welcome, and as whom.
fn comes_back(server: &mut Server, key: ResumeKey, kind: SessionKind) -> bool {
    let session = server.connect();
    let hello = Hello { token: Vec::new(), resume: Some(key), ..server.hello(kind) };
    server.send(session, &Message::Hello(hello));
    // As embedders do: the key alone decides.
    server.admit(session, None);
    server.take(session).iter().any(|message| matches!(message, Message::Welcome(_)))
}

fn kick(server: &mut Server, player: u64, detail: &str) -> Option<u32> {
    let ended = server.host.kick(server.now, PlayerId(player), detail);
    server.drain();
    ended
}

#[test]
fn a_lost_connection_is_resumed() {
    let mut server = server();
    for kind in [SessionKind::Command, SessionKind::Witness, SessionKind::Lockstep] {
        let (session, key) = open(&mut server, kind);
        server.host.handle_disconnected(server.now, session);
        assert!(comes_back(&mut server, key, kind), "{kind:?}");
        assert!(!comes_back(&mut server, key, kind), "{kind:?}: a key is good once");
    }
}

#[test]
fn a_kick_voids_every_key_of_the_player_and_of_nobody_else() {
    let mut server = server();
    // A connection that was lost earlier, one that watches with the same grant, and the one that plays.
    let (lost, old) = open(&mut server, SessionKind::Command);
    server.host.handle_disconnected(server.now, lost);
    let (watching, watcher) = open(&mut server, SessionKind::Witness);
    let (playing, player) = open(&mut server, SessionKind::Command);
    let neighbour = server.open(SessionKind::Command, 8);
    server.tick();
    assert_eq!(kick(&mut server, 7, "manners"), Some(2));
    for session in [watching, playing] {
        server.expect_goodbye(session, Reason::Operator, "manners");
    }
    for key in [old, watcher, player] {
        assert!(!comes_back(&mut server, key, SessionKind::Command));
    }
    // The next frame takes the player out of the world, and nobody else.
    server.tick();
    let acts: Vec<_> = server.frames.last().expect("a frame").inputs.iter().collect();
    assert!(acts.iter().any(|input| input.player == PlayerId(7) && matches!(input.act, Act::Leave)), "{acts:?}");
    assert!(acts.iter().all(|input| input.player == PlayerId(7)), "{acts:?}");
    assert!(server.goodbye(neighbour).is_none());
    assert_eq!(kick(&mut server, 7, "again"), None, "nothing is known of the player any more");
    // Who is granted a session anew is as welcome as anybody.
    open(&mut server, SessionKind::Command);
}

#[test]
fn a_kick_finds_who_is_away_or_about_to_come_back() {
    let mut server = server();
    let (session, key) = open(&mut server, SessionKind::Command);
    server.tick();
    server.host.handle_disconnected(server.now, session);
    assert_eq!(kick(&mut server, 7, "manners"), Some(0));
    assert!(!comes_back(&mut server, key, SessionKind::Command));
    server.tick();
    let (session, key) = open(&mut server, SessionKind::Command);
    server.host.handle_disconnected(server.now, session);
    // The key was shown, and the embedder has not answered yet.
    let back = server.connect();
    let hello = Hello { token: Vec::new(), resume: Some(key), ..server.hello(SessionKind::Command) };
    server.send(back, &Message::Hello(hello));
    assert_eq!(kick(&mut server, 7, "manners"), Some(1));
    server.admit(back, None);
    let told = server.take(back);
    assert!(!told.iter().any(|message| matches!(message, Message::Welcome(_))), "{told:?}");
    assert_eq!(kick(&mut server, 99, "nobody"), None);
    assert_eq!(kick(&mut server, PlayerId::OPERATOR.0, "nobody"), None);
}

/// What a peer does in its session.
type Breach = fn(&mut Server, SessionId);

#[test]
fn a_breach_of_the_protocol_voids_the_keys() {
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
        let (session, key) = open(&mut server, SessionKind::Command);
        breach(&mut server, session);
        let goodbye = server.goodbye(session).unwrap_or_else(|| panic!("{what} ends the session"));
        assert!([reason, Reason::Violation].contains(&goodbye.reason), "{what}: {goodbye:?}");
        for key in [old, key] {
            assert!(!comes_back(&mut server, key, SessionKind::Command), "{what}: the key is good yet");
        }
    }
}

#[test]
fn silence_and_a_shutdown_void_nothing() {
    let mut server = server();
    let (session, key) = open(&mut server, SessionKind::Command);
    server.wait(Micros(server.host.settings().idle_timeout.0 + 1));
    server.expect_goodbye(session, Reason::TimedOut, "");
    assert!(comes_back(&mut server, key, SessionKind::Command));
    let (_, key) = open(&mut server, SessionKind::Command);
    server.host.shutdown(server.now);
    assert!(server.host.kept_keys(server.now).iter().any(|kept| kept.key == tickworld_sim::hash::hash(&key.0)));
}
