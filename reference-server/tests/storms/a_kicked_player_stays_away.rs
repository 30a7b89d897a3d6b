//! Whom an operator kicks, and who breaks the protocol, does not come back by a ticket; who loses the connection does.

use bytes::Bytes;
use tickworld_net::{client_connection::ClientConnection, endpoint::Endpoint};
use tickworld_proto::{
    channel::{Channel, Transmit},
    message::{Hello, Message, Reason, SessionKind, Ticket},
};

use crate::{
    harness::{Launch, operate},
    hostile_peers_end_alone::{Site, control},
    launch,
};

/// A session of a player, with its ticket.
fn open(site: &Site, endpoint: &Endpoint, hello: Hello) -> (ClientConnection, Ticket) {
    let connection = site.dial(endpoint);
    connection.send(control(&hello));
    loop {
        match site.next(&connection) {
            Some((_, Message::Welcome(welcome))) => return (connection, welcome.ticket),
            Some(_) => {}
            None => panic!("a good player is not let in"),
        }
    }
}

/// What a program says that has a ticket and nothing else.
fn ticket_alone(site: &Site, ticket: Ticket) -> Hello {
    Hello { token: Vec::new(), ticket: Some(ticket), ..site.hello(50, SessionKind::Command) }
}

fn kick(site: &Site, player: u64) -> (u16, String) {
    let (code, value) = operate(site.ready.http, "kick", format!(r#"{{"player": {player}, "reason": "manners"}}"#));
    (code, value.to_string())
}

#[test]
fn a_kick_is_for_good_and_a_lost_connection_is_not() {
    let site = Site::of(Launch::with_operators);
    let endpoint = site.endpoint(2);
    // What a ticket is for.
    let (connection, ticket) = open(&site, &endpoint, site.hello(50, SessionKind::Command));
    drop(connection);
    let (connection, lost) = open(&site, &endpoint, ticket_alone(&site, ticket));
    drop(connection);
    // A second session with a token of its own: the ticket of the first one is below.
    let token = site.hello(50, SessionKind::Command);
    let (connection, ticket) = open(&site, &endpoint, token.clone());
    site.refuse(&endpoint, ticket_alone(&site, lost), Reason::Unauthorized, "void");
    assert_eq!(kick(&site, 50), (200, r#"{"sessions":1}"#.to_owned()));
    site.expect(&connection, Reason::Operator, "manners");
    for ticket in [ticket, lost] {
        site.refuse(&endpoint, ticket_alone(&site, ticket), Reason::Unauthorized, "void");
    }
    // The token is spent, for the one who used it too, and also with a ticket beside it.
    site.refuse(&endpoint, token.clone(), Reason::Unauthorized, "used before");
    site.refuse(&endpoint, Hello { ticket: Some(ticket), ..token }, Reason::Unauthorized, "used before");
    assert_eq!(kick(&site, 51).0, 404);
    // Whoever is given a token anew comes in.
    open(&site, &endpoint, site.hello(50, SessionKind::Command));
    site.finish();
}

#[test]
fn a_breach_of_the_protocol_is_for_good() {
    let site = Site::of(Launch::with_operators);
    let endpoint = site.endpoint(2);
    let (connection, ticket) = open(&site, &endpoint, site.hello(50, SessionKind::Command));
    connection.send(Transmit { channel: Channel::Control, bytes: Bytes::from_static(b"GET / HTTP/1.1") });
    site.expect(&connection, Reason::Violation, "");
    // The tick that says so is made by the time that others were answered.
    site.others_go_on();
    site.refuse(&endpoint, ticket_alone(&site, ticket), Reason::Unauthorized, "void");
    site.finish();
}

/// Another server goes on with the world of one that was killed.
fn kill_and_start(site: &mut Site, again: &Launch) {
    // Stands in its place for a moment, so that it can be killed and waited for.
    let elsewhere = tempfile::tempdir().unwrap();
    std::mem::replace(&mut site.server, launch(elsewhere.path()).start()).kill();
    let (server, ready) = again.start_ready();
    (site.server, site.ready) = (server, ready);
}

#[test]
fn no_crash_brings_a_kicked_player_back_and_others_come_back_by_ticket() {
    let mut site = Site::of(Launch::with_operators);
    let endpoint = site.endpoint(2);
    let (_link, kept) = open(&site, &endpoint, site.hello(60, SessionKind::Command));
    let (connection, void) = open(&site, &endpoint, site.hello(50, SessionKind::Command));
    assert_eq!(kick(&site, 50).0, 200);
    site.expect(&connection, Reason::Operator, "");
    let again = launch(site.folder.path()).with_operators();
    kill_and_start(&mut site, &again);
    let endpoint = site.endpoint(3);
    site.refuse(&endpoint, ticket_alone(&site, void), Reason::Unauthorized, "void");
    let (connection, younger) = open(&site, &endpoint, Hello { token: Vec::new(), ..ticket_alone(&site, kept) });
    drop(connection);
    // A key that was rotated is good until what it made has expired, and no longer than the next rotation.
    let rotate = |site: &Site| operate(site.ready.http, "key/rotate", String::new());
    let (code, answer) = rotate(&site);
    assert_eq!((code, answer.to_string()), (200, r#"{"key":2}"#.to_owned()));
    let (connection, younger) = open(&site, &endpoint, ticket_alone(&site, younger));
    drop(connection);
    kill_and_start(&mut site, &again);
    let endpoint = site.endpoint(4);
    let (connection, younger) = open(&site, &endpoint, ticket_alone(&site, younger));
    drop(connection);
    assert_eq!((rotate(&site).0, rotate(&site).0), (200, 200));
    site.refuse(&endpoint, ticket_alone(&site, younger), Reason::Unauthorized, "another key");
    assert_eq!(site.server.stop().code, Some(0));
}

#[test]
fn the_barred_stay_out_through_a_crash_until_they_are_let_in() {
    let mut site = Site::of(Launch::with_operators);
    let bar = |site: &Site, body: &str| operate(site.ready.http, "bar", body.to_owned());
    assert_eq!(bar(&site, r#"{"player": 50}"#).0, 404, "nobody knows them");
    let endpoint = site.endpoint(2);
    let (connection, ticket) = open(&site, &endpoint, site.hello(50, SessionKind::Command));
    // Their entry stands before the request in the frame, if it did not stand in one before.
    let (code, answer) = bar(&site, r#"{"player": 50}"#);
    assert_eq!(code, 200, "{answer}");
    site.expect(&connection, Reason::Operator, "keeps this player out");
    let out = "keeps this player out";
    site.refuse(&endpoint, site.hello(50, SessionKind::Command), Reason::Unauthorized, out);
    site.refuse(&endpoint, ticket_alone(&site, ticket), Reason::Unauthorized, "void");
    let again = launch(site.folder.path()).with_operators();
    kill_and_start(&mut site, &again);
    let endpoint = site.endpoint(3);
    site.refuse(&endpoint, site.hello(50, SessionKind::Command), Reason::Unauthorized, out);
    open(&site, &endpoint, site.hello(60, SessionKind::Command));
    assert_eq!(bar(&site, r#"{"player": 50, "barred": false}"#).0, 200);
    let (connection, _) = open(&site, &endpoint, site.hello(50, SessionKind::Command));
    drop(connection);
    assert_eq!(site.server.stop().code, Some(0));
}
