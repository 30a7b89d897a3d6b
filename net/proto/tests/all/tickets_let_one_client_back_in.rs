//! Tickets: which are good, for how long, and what becomes of a client whose `Welcome` was lost.

use crate::hosting::{KEYS, Server, WALL_SECONDS, WORLD};
use tickworld_proto::{
    host::{Grant, HostEvent, HostSettings, Kinds, NotedGeneration, SessionId},
    instant::Micros,
    message::{Hello, Message, Nonce, Reason, SessionKind, Ticket, Welcome, WorldId},
    ticket::{TicketClaims, TicketKeys},
};
use tickworld_sim::{
    frame::{Act, PlayerId},
    region::RegionId,
    session::Player,
};

const PLAYER: u64 = 7;

fn server() -> Server {
    Server::new(HostSettings::default())
}

fn known(server: &Server) -> Player {
    *server.simulation.world().players().find(PlayerId(PLAYER)).expect("known")
}

/// What a program says that has a ticket and nothing else.
fn with_ticket(server: &Server, ticket: Ticket, nonce: u8) -> Hello {
    let hello = server.hello(SessionKind::Command);
    Hello { token: Vec::new(), ticket: Some(ticket), nonce: Nonce([nonce; 16]), ..hello }
}

fn say(server: &mut Server, hello: Hello) -> (SessionId, Option<Welcome>) {
    let session = server.connect();
    server.send(session, &Message::Hello(hello));
    (session, welcome(server, session))
}

fn welcome(server: &mut Server, session: SessionId) -> Option<Welcome> {
    let mut kept = Vec::new();
    let mut found = None;
    for message in server.take(session) {
        match message {
            Message::Welcome(welcome) => found = Some(welcome),
            other => kept.push((tickworld_proto::channel::Channel::Control, other)),
        }
    }
    server.sent.insert(session, kept);
    found
}

/// A first session by token, in the world, and its ticket.
fn begun(server: &mut Server) -> (SessionId, Ticket) {
    let hello = server.hello(SessionKind::Command);
    let (session, welcome) = server.open_with(hello, Some(PLAYER));
    server.tick();
    assert_eq!(known(server).generation, 1);
    (session, welcome.ticket)
}

/// What is granted to who shows a token that was noted with this generation.
fn noted(server: &Server, first: u32) -> Grant {
    let now = server.host.generations().of(PlayerId(PLAYER));
    let noted = Some(NotedGeneration { first, now });
    Grant { noted, ..Grant::new(Some(PlayerId(PLAYER)), Kinds::ALL) }
}

fn claims(server: &Server, generation: u32) -> TicketClaims {
    let now = WALL_SECONDS + (server.now.0 - 1_000_000) / 1_000_000;
    TicketClaims {
        player: Some(PlayerId(PLAYER)),
        kinds: Kinds::ALL,
        generation,
        expires_seconds: now + 900,
        until_seconds: None,
    }
}

#[track_caller]
fn refused(server: &mut Server, ticket: Ticket, words: &str) {
    let hello = with_ticket(server, ticket, 99);
    let (session, welcome) = say(server, hello);
    assert!(welcome.is_none());
    server.expect_goodbye(session, Reason::Unauthorized, words);
}

#[test]
fn a_ticket_is_good_once_and_each_time_gives_the_next() {
    let mut server = server();
    let (session, first) = begun(&mut server);
    server.host.handle_disconnected(server.now, session);
    let hello = with_ticket(&server, first, 1);
    let (session, back) = say(&mut server, hello);
    let second = back.expect("a welcome").ticket;
    server.tick();
    assert_eq!(known(&server).generation, 2);
    server.host.handle_disconnected(server.now, session);
    refused(&mut server, first, "void");
    let hello = with_ticket(&server, second, 1);
    assert!(say(&mut server, hello).1.is_some());
    assert_eq!(server.host.counters().resumptions, 2);
}

/// The client never heard its `Welcome`, whatever else happened meanwhile: it comes with the same again.
#[test]
fn a_lost_welcome_burns_neither_ticket_nor_token() {
    for is_framed in [false, true] {
        let mut server = server();
        let (session, ticket) = begun(&mut server);
        server.host.handle_disconnected(server.now, session);
        for attempt in 0..5 {
            let hello = with_ticket(&server, ticket, 1);
            let (session, welcome) = say(&mut server, hello);
            assert!(welcome.is_some(), "attempt {attempt}, framed: {is_framed}");
            server.host.handle_disconnected(server.now, session);
            if is_framed {
                server.tick();
            }
        }
        server.tick();
        assert_eq!(known(&server).generation, 2, "nothing is raised by who comes again");
        // Somebody else who has the ticket is too late.
        let hello = with_ticket(&server, ticket, 2);
        assert!(say(&mut server, hello).1.is_none());
    }
}

#[test]
fn a_token_lets_the_same_client_in_again_until_another_one_was() {
    let mut server = server();
    let hello = server.hello(SessionKind::Command);
    let come = |server: &mut Server, hello: &Hello| {
        let session = server.connect();
        server.send(session, &Message::Hello(hello.clone()));
        let grant = noted(server, 0);
        server.grant(session, grant);
        let welcome = welcome(server, session);
        server.host.handle_disconnected(server.now, session);
        welcome.is_some()
    };
    assert!(come(&mut server, &hello));
    // The process is killed before the frame is durable: the world knows nobody.
    let world = server.simulation.clone();
    server = Server::of(HostSettings::default(), world);
    assert!(come(&mut server, &hello));
    server.tick();
    assert!(come(&mut server, &hello));
    server.tick();
    assert_eq!(known(&server).generation, 1);
    // The store would have refused it: a token is one bearer's.
    let other = Hello { nonce: Nonce([77; 16]), ..hello.clone() };
    assert!(!come(&mut server, &other));
    // Another token of the same player, shown by another program.
    let hello_of_another = server.hello(SessionKind::Command);
    let session = server.connect();
    server.send(session, &Message::Hello(hello_of_another));
    let later = noted(&server, 1);
    server.grant(session, later);
    assert!(welcome(&mut server, session).is_some());
    server.tick();
    assert!(!come(&mut server, &hello), "somebody else came in since");
}

#[test]
fn a_used_token_does_not_undo_a_kick() {
    let mut server = server();
    let hello = server.hello(SessionKind::Command);
    let session = server.connect();
    server.send(session, &Message::Hello(hello.clone()));
    let grant = noted(&server, 0);
    server.grant(session, grant);
    server.tick();
    server.host.kick(server.now, PlayerId::OPERATOR, PlayerId(PLAYER), "").expect("there is room");
    server.tick();
    // Whether it was judged before the kick or after it.
    for grant in [grant, noted(&server, 0)] {
        let session = server.connect();
        server.send(session, &Message::Hello(hello.clone()));
        server.grant(session, grant);
        server.expect_goodbye(session, Reason::Unauthorized, "used before");
    }
}

/// What takes long to judge is judged by what was when it was shown: who came in meanwhile was earlier there, and is replaced.
#[test]
fn a_new_token_lets_in_whoever_came_in_while_it_was_judged() {
    let mut server = server();
    let (first, ticket) = begun(&mut server);
    server.host.handle_disconnected(server.now, first);
    let hello = server.hello(SessionKind::Command);
    let judged = server.connect();
    server.send(judged, &Message::Hello(hello));
    let shown = noted(&server, 1);
    let hello = with_ticket(&server, ticket, 1);
    let (back, welcomed) = say(&mut server, hello);
    assert!(welcomed.is_some());
    assert_eq!(server.host.generations().of(PlayerId(PLAYER)), 2, "although no tick was made of it");
    server.grant(judged, shown);
    assert!(welcome(&mut server, judged).is_some());
    server.expect_goodbye(back, Reason::Replaced, "");
    server.tick();
    assert_eq!(known(&server).generation, 3);
}

#[test]
fn tickets_that_are_not_good_are_refused_by_name() {
    let mut server = server();
    let (session, good) = begun(&mut server);
    server.host.handle_disconnected(server.now, session);
    let mut forged = good;
    forged.0[38] ^= 1;
    refused(&mut server, forged, "not one of this world's");
    let mut raised = good;
    raised.0[11] = 200;
    refused(&mut server, raised, "not one of this world's");
    let elsewhere = Ticket::seal(WorldId([8; 16]), &KEYS, &claims(&server, 1));
    refused(&mut server, elsewhere, "not one of this world's");
    let mut version = good;
    version.0[0] = 2;
    refused(&mut server, version, "not one of this version");
    refused(&mut server, Ticket([0; 39]), "not one of this version");
    let expired = TicketClaims { expires_seconds: WALL_SECONDS - 1, ..claims(&server, 1) };
    refused(&mut server, Ticket::seal(WORLD, &KEYS, &expired), "expired");
    let older = Ticket::seal(WORLD, &KEYS, &claims(&server, 0));
    refused(&mut server, older, "void");
    let mut spectators = claims(&server, 0);
    (spectators.player, spectators.kinds) = (None, Kinds::of(&[SessionKind::Witness]));
    refused(&mut server, Ticket::seal(WORLD, &KEYS, &spectators), "is not granted");
    // The world goes on, and the good one is good.
    let hello = with_ticket(&server, good, 1);
    assert!(say(&mut server, hello).1.is_some());
}

#[test]
fn a_ticket_that_is_not_good_gives_way_to_a_token() {
    let mut server = server();
    begun(&mut server);
    let hello = Hello { ticket: Some(Ticket([1; 39])), ..server.hello(SessionKind::Command) };
    let (session, _) = say(&mut server, hello);
    assert!(matches!(server.events.last(), Some(HostEvent::Admission { .. })), "the embedder judges the token");
    server.admit(session, Some(PLAYER));
    assert!(welcome(&mut server, session).is_some());
}

/// The player was away for longer than the ticket lived, or the host lost the tick in which they entered.
#[test]
fn a_ticket_is_as_good_where_the_world_knows_less() {
    let mut server = server();
    let world = server.simulation.clone();
    let (_, ticket) = begun(&mut server);
    let mut before = Server::of(HostSettings::default(), world);
    let hello = with_ticket(&before, ticket, 1);
    assert!(say(&mut before, hello).1.is_some());
    before.tick();
    assert_eq!(known(&before).generation, 2, "above what the ticket says, so that it is void now");
    refused(&mut before, ticket, "void");
}

#[test]
fn tickets_are_renewed_while_a_session_lasts_and_no_longer_than_granted() {
    let settings = HostSettings { idle_timeout: Micros(u64::MAX / 2), ..HostSettings::default() };
    let mut server = Server::new(settings);
    let until = WALL_SECONDS + 700;
    let grant = Grant { until_seconds: Some(until), ..Grant::new(Some(PlayerId(PLAYER)), Kinds::ALL) };
    let hello = server.hello(SessionKind::Command);
    let session = server.connect();
    server.send(session, &Message::Hello(hello));
    server.grant(session, grant);
    let first = welcome(&mut server, session).expect("a welcome").ticket;
    let expiry = |ticket: Ticket| ticket.open(WORLD, &KEYS, 0).expect("one of ours").expires_seconds;
    assert_eq!(expiry(first), until, "at most 15 minutes, and no longer than granted");
    server.tick();
    server.wait(Micros::from_millis(299_000));
    assert!(server.take(session).is_empty());
    server.wait(Micros::from_millis(2_000));
    let renewed: Vec<_> = server
        .take(session)
        .into_iter()
        .map(|message| match message {
            Message::Ticket(ticket) => ticket,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(renewed.len(), 1);
    // Who comes back with it is granted no more than the token did.
    server.host.handle_disconnected(server.now, session);
    let hello = with_ticket(&server, renewed[0], 1);
    let back = say(&mut server, hello).1.expect("a welcome");
    assert_eq!(expiry(back.ticket), until);
    server.wait(Micros::from_millis(500_000));
    refused(&mut server, back.ticket, "expired");
}

#[test]
fn another_key_makes_the_next_tickets_and_an_unknown_one_is_read_once_a_second() {
    let mut server = server();
    let (session, ticket) = begun(&mut server);
    server.host.handle_disconnected(server.now, session);
    let rotated = KEYS.rotated([2; 32], WALL_SECONDS);
    // Another process has rotated the keys, and gave this out.
    let theirs = Ticket::seal(WORLD, &rotated, &claims(&server, 1));
    let wanted = |server: &Server| server.events.iter().filter(|event| matches!(event, HostEvent::KeysWanted)).count();
    let hello = with_ticket(&server, theirs, 1);
    let (waiting, welcomed) = say(&mut server, hello);
    assert!(welcomed.is_none() && server.goodbye(waiting).is_none(), "it waits for the keys");
    let stranger = Ticket::seal(WORLD, &rotated.rotated([3; 32], WALL_SECONDS), &claims(&server, 1));
    let hello = with_ticket(&server, stranger, 2);
    let (strange, _) = say(&mut server, hello);
    assert_eq!(wanted(&server), 1, "both wait for one reading");
    server.host.handle_keys(server.now, Some(rotated.clone()));
    server.drain();
    server.expect_goodbye(strange, Reason::Unauthorized, "another key");
    assert!(welcome(&mut server, waiting).is_some());
    // Within a second nothing is read again.
    refused(&mut server, stranger, "another key");
    assert_eq!(wanted(&server), 1);
    server.wait(Micros::from_millis(1_000));
    let hello = with_ticket(&server, stranger, 2);
    let (strange, _) = say(&mut server, hello);
    assert_eq!(wanted(&server), 2);
    server.host.handle_keys(server.now, None);
    server.drain();
    server.expect_goodbye(strange, Reason::Unauthorized, "another key");
    // What the key before made is good until it expires; but this one's player came in elsewhere since.
    refused(&mut server, ticket, "void");
    let of_the_key_before = Ticket::seal(WORLD, &KEYS, &claims(&server, 2));
    let hello = with_ticket(&server, of_the_key_before, 3);
    let welcome = say(&mut server, hello).1.expect("the previous key is good");
    assert_eq!(welcome.ticket.key_number(), TicketKeys::first([0; 32]).number() + 1);
}

#[test]
fn the_later_of_two_clients_wins_and_the_ticket_of_the_other_is_below() {
    let mut server = server();
    let (first, ticket) = begun(&mut server);
    let hello = server.hello(SessionKind::Command);
    let (second, _) = server.open_with(hello, Some(PLAYER));
    server.expect_goodbye(first, Reason::Replaced, "");
    // Before and after the frame that says so.
    refused(&mut server, ticket, "void");
    let tick = server.tick();
    refused(&mut server, ticket, "void");
    let frame = server.frames.iter().find(|frame| frame.tick == tick).expect("closed");
    let entries = frame.inputs.iter().filter(|input| matches!(input.act, Act::Enter(_)));
    assert_eq!((entries.count(), known(&server).generation), (1, 2));
    assert!(server.goodbye(second).is_none());
}

#[test]
fn an_input_of_no_session_raises_nothing() {
    let mut server = server();
    let (session, ticket) = begun(&mut server);
    server.send(
        session,
        &Message::Goodbye(tickworld_proto::message::Goodbye { reason: Reason::Leave, detail: String::new() }),
    );
    server.tick();
    let order = tickworld_ledger::Order::Transfer { from: 0, to: 1, amount: 1 };
    server.host.submit(server.now, PlayerId(PLAYER), order).expect("there is room");
    server.tick();
    assert_eq!((known(&server).generation, known(&server).connected), (1, true));
    let hello = with_ticket(&server, ticket, 1);
    assert!(say(&mut server, hello).1.is_some());
}

#[test]
fn another_world_another_region_and_a_player_on_the_way_are_elsewhere() {
    let mut server = server();
    let wrong: [fn(&mut Hello); 3] =
        [|hello| hello.world = Some(WorldId([8; 16])), |hello| hello.region = RegionId(2), |hello| hello.hops = 1];
    for change in wrong {
        let mut hello = server.hello(SessionKind::Command);
        change(&mut hello);
        let session = server.connect();
        server.send(session, &Message::Hello(hello));
        server.admit(session, Some(PLAYER));
        server.expect_goodbye(session, Reason::Elsewhere, "");
    }
    let mut hello = server.hello(SessionKind::Command);
    (hello.world, hello.region) = (Some(WORLD), RegionId::FIRST);
    let (_, welcome) = server.open_with(hello, Some(PLAYER));
    assert_eq!((welcome.region, welcome.incarnation), (RegionId::FIRST, 1));
}
