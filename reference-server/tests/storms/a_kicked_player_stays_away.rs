//! Whom an operator kicks, and who breaks the protocol, does not come back by a key; who loses the connection does.

use bytes::Bytes;
use tickworld_net::{dialer::Dialer, link::Link};
use tickworld_proto::{
    channel::{Channel, Transmit},
    message::{Hello, Message, Reason, ResumeKey, SessionKind},
};

use crate::{
    harness::{Launch, operate},
    hostile_peers_end_alone::{Site, control},
    launch,
};

/// A session of a player, with its key.
fn open(site: &Site, dialer: &Dialer, hello: Hello) -> (Link, ResumeKey) {
    let link = site.dial(dialer);
    link.send(control(&hello));
    loop {
        match site.next(&link) {
            Some((_, Message::Welcome(welcome))) => return (link, welcome.resume),
            Some(_) => {}
            None => panic!("a good player is not let in"),
        }
    }
}

/// What somebody says who has a key and nothing else.
fn key_alone(site: &Site, key: ResumeKey) -> Hello {
    Hello { token: Vec::new(), resume: Some(key), ..site.hello(50, SessionKind::Command) }
}

fn kick(site: &Site, player: u64) -> (u16, String) {
    let (code, value) = operate(site.ready.http, "kick", format!(r#"{{"player": {player}, "reason": "manners"}}"#));
    (code, value.to_string())
}

#[test]
fn a_kick_is_for_good_and_a_lost_connection_is_not() {
    let site = Site::of(Launch::with_operators);
    let dialer = site.dialer(2);
    // What a key is for.
    let (link, key) = open(&site, &dialer, site.hello(50, SessionKind::Command));
    drop(link);
    let token = site.hello(50, SessionKind::Command);
    let (link, lost) = open(&site, &dialer, key_alone(&site, key));
    drop(link);
    // A second session with a token of its own: the key of the first one is good yet.
    let (link, key) = open(&site, &dialer, token.clone());
    assert_eq!(kick(&site, 50), (200, r#"{"sessions":1}"#.to_owned()));
    site.expect(&link, Reason::Operator, "manners");
    for key in [key, lost] {
        site.refuse(&dialer, key_alone(&site, key), Reason::Unauthorized, "resume key");
    }
    // The token is spent, also with a key beside it.
    site.refuse(&dialer, token.clone(), Reason::Unauthorized, "used before");
    site.refuse(&dialer, Hello { resume: Some(key), ..token }, Reason::Unauthorized, "used before");
    assert_eq!(kick(&site, 51).0, 404);
    // Whoever is given a token anew comes in.
    open(&site, &dialer, site.hello(50, SessionKind::Command));
    site.finish();
}

#[test]
fn a_breach_of_the_protocol_is_for_good() {
    let site = Site::of(Launch::with_operators);
    let dialer = site.dialer(2);
    let (link, key) = open(&site, &dialer, site.hello(50, SessionKind::Command));
    link.send(Transmit { channel: Channel::Control, bytes: Bytes::from_static(b"GET / HTTP/1.1") });
    site.expect(&link, Reason::Violation, "");
    site.refuse(&dialer, key_alone(&site, key), Reason::Unauthorized, "resume key");
    site.finish();
}

#[test]
fn a_restart_brings_no_kicked_player_back() {
    let mut site = Site::of(Launch::with_operators);
    let dialer = site.dialer(2);
    let (_link, kept) = open(&site, &dialer, site.hello(60, SessionKind::Command));
    let (link, void) = open(&site, &dialer, site.hello(50, SessionKind::Command));
    assert_eq!(kick(&site, 50).0, 200);
    site.expect(&link, Reason::Operator, "");
    let again = launch(site.folder.path()).with_operators();
    let before = std::mem::replace(&mut site.server, again.start());
    assert_eq!(before.stop().code, Some(0));
    // The one that was started meanwhile was refused, for the world had an owner.
    let (server, ready) = again.start_ready();
    (site.server, site.ready) = (server, ready);
    let dialer = site.dialer(3);
    site.refuse(&dialer, key_alone(&site, void), Reason::Unauthorized, "resume key");
    let (link, _) =
        open(&site, &dialer, Hello { token: Vec::new(), resume: Some(kept), ..site.hello(60, SessionKind::Command) });
    drop(link);
    assert_eq!(site.server.stop().code, Some(0));
}

#[test]
fn the_barred_stay_out_through_a_crash_until_they_are_let_in() {
    let mut site = Site::of(Launch::with_operators);
    let bar = |site: &Site, body: &str| operate(site.ready.http, "bar", body.to_owned());
    assert_eq!(bar(&site, r#"{"player": 50}"#).0, 404, "nobody knows them");
    let dialer = site.dialer(2);
    let (link, key) = open(&site, &dialer, site.hello(50, SessionKind::Command));
    // Their entry stands before the request in the frame, if it did not stand in one before.
    let (code, answer) = bar(&site, r#"{"player": 50}"#);
    assert_eq!(code, 200, "{answer}");
    site.expect(&link, Reason::Operator, "keeps this player out");
    let out = "keeps this player out";
    site.refuse(&dialer, site.hello(50, SessionKind::Command), Reason::Unauthorized, out);
    site.refuse(&dialer, key_alone(&site, key), Reason::Unauthorized, "resume key");
    let again = launch(site.folder.path()).with_operators();
    // Another one in its place, so that it can be killed and waited for.
    let elsewhere = tempfile::tempdir().unwrap();
    std::mem::replace(&mut site.server, launch(elsewhere.path()).start()).kill();
    let (server, ready) = again.start_ready();
    (site.server, site.ready) = (server, ready);
    let dialer = site.dialer(3);
    site.refuse(&dialer, site.hello(50, SessionKind::Command), Reason::Unauthorized, out);
    open(&site, &dialer, site.hello(60, SessionKind::Command));
    assert_eq!(bar(&site, r#"{"player": 50, "barred": false}"#).0, 200);
    let (link, _) = open(&site, &dialer, site.hello(50, SessionKind::Command));
    drop(link);
    assert_eq!(site.server.stop().code, Some(0));
}
