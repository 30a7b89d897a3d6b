//! Where a world has several regions: whose player has left is told where they are, and whoever knows of a later place than the
//! world waits here for them.

use tickworld_ledger::{Ledger, Order};
use tickworld_proto::{
    channel::Channel,
    client::{Client, ClientSettings},
    host::{Finding, HostEvent, HostSettings, Search, SessionId, SubmitError},
    instant::{Instant, Micros},
    message::{Fate, Goodbye, Hello, InputMessage, Inputs, Message, Moved, Nonce, Reason, SessionKind, Way, Welcome},
};
use tickworld_sim::{
    content::{ContentId, Library},
    frame::{Act, PlayerId, Sequence, Tick},
    parcel::Parcel,
    region::{Border, RegionId},
    rollback::PredictNothing,
    session::{Outcome, OutcomeCode},
};

use crate::hosting::{Server, body_bytes};

const PLAYER: PlayerId = PlayerId(7);
const THERE: RegionId = RegionId(2);

fn way() -> Way {
    Way { address: "b.example:4433".into(), transports: vec!["quic".into()], certificate_hashes: Vec::new() }
}

/// A server whose border to another region is open, and a player in it.
fn server() -> (Server, SessionId, Welcome) {
    let settings = HostSettings {
        archive_after_ticks: Some(1_000_000),
        greeting_timeout: Micros(1_000_000),
        ..HostSettings::default()
    };
    let mut server = Server::new(settings);
    server.host.tell_neighbour(THERE, way());
    server.own.push(Act::Accept { region: THERE, incarnation: 1 });
    server.tick();
    server.own.push(Act::Border { region: THERE, state: Border::Open });
    server.own.push(Act::Delivered { region: THERE, incarnation: 1, sequence: 0, lamport: 0 });
    server.tick();
    let session = comes(&mut server, SessionKind::Command);
    server.admit(session, Some(PLAYER.0));
    let born = tickworld_proto::host::Found { hops: 1, parcel: [].into() };
    find(&mut server, Finding::Here(born));
    server.tick();
    server.admit(session, Some(PLAYER.0));
    let welcome = welcome(&mut server, session).expect("the player is here");
    server.tick();
    (server, session, welcome)
}

fn comes(server: &mut Server, kind: SessionKind) -> SessionId {
    let hello = server.hello(kind);
    says(server, hello)
}

fn says(server: &mut Server, hello: Hello) -> SessionId {
    let session = server.connect();
    server.send(session, &Message::Hello(hello));
    session
}

fn welcome(server: &mut Server, session: SessionId) -> Option<Welcome> {
    server.take(session).into_iter().find_map(|message| match message {
        Message::Welcome(welcome) => Some(welcome),
        _ => None,
    })
}

fn last_search(server: &Server) -> Option<Search> {
    server
        .events
        .iter()
        .rev()
        .find_map(|event| if let HostEvent::Sought(search) = event { Some(*search) } else { None })
}

fn find(server: &mut Server, finding: Finding) {
    let search = last_search(server).expect("the player is sought");
    server.host.handle_found(server.now, search, Ok(finding));
    server.drain();
}

/// What a session was told last: where its player is, and goodbye.
#[track_caller]
fn expect_moved(server: &mut Server, session: SessionId, region: RegionId, hops: u64) {
    let told = server.take(session);
    match &told[told.len().saturating_sub(2)..] {
        [Message::Moved(moved), Message::Goodbye(goodbye)] => {
            assert_eq!(*moved, Moved { region, hops, way: way() });
            assert_eq!(goodbye.reason, Reason::Moved, "{goodbye:?}");
        }
        other => panic!("{other:?}"),
    }
}

fn travel(server: &mut Server, session: SessionId) {
    let input = InputMessage {
        sequence: Sequence(1),
        not_before: Tick(0),
        not_after: Tick(u64::MAX),
        body: body_bytes(&Order::Travel { region: THERE.0 }),
    };
    server.send(session, &Message::Inputs(Inputs { base: Sequence(1), inputs: vec![input] }));
}

/// The parcel that waits for the other region.
fn parcel(server: &Server) -> Vec<u8> {
    let waiting = server.simulation.world().region().outbox_above(THERE, 0, 9);
    assert_eq!(waiting.len(), 1, "one player waits");
    waiting.into_iter().next().expect("one").1
}

#[test]
fn a_session_whose_player_left_is_told_when_that_is_kept() {
    let (mut server, session, _) = server();
    travel(&mut server, session);
    let left = server.step();
    // What comes after it is of nobody who is here.
    server.inputs(session, 1, &[2]);
    server.step();
    assert_eq!(server.goodbye(session), None, "nothing of it is kept yet");
    server.store();
    let told = server.take(session);
    let outcome = told.iter().find_map(|message| match message {
        Message::Outcomes(outcomes) => outcomes.outcomes.first().copied(),
        _ => None,
    });
    assert!(matches!(outcome.map(|it| it.fate), Some(Fate::Applied { tick, .. }) if tick == left), "{told:?}");
    assert!(!told.iter().any(|message| matches!(message, Message::Outcomes(it) if it.outcomes.len() > 1)), "{told:?}");
    assert!(matches!(&told[told.len() - 2..], [Message::Moved(_), Message::Goodbye(_)]), "{told:?}");
    assert!(server.framed(Tick(left.0 + 1), PLAYER.0).is_empty(), "input 2 is for the other region");
    assert_eq!(server.host.departed_to(PLAYER), Some(THERE));
    assert_eq!(
        server.host.submit(server.now, PLAYER, Order::Travel { region: 3 }),
        Err(SubmitError::Elsewhere(THERE)),
        "nobody speaks for who is elsewhere"
    );
}

#[test]
fn a_hello_is_sent_on_or_waits_by_what_it_knows() {
    let (mut server, session, welcome_before) = server();
    let hello = |server: &Server, hops| Hello {
        token: Vec::new(),
        ticket: Some(welcome_before.ticket),
        hops,
        ..server.hello(SessionKind::Command)
    };
    travel(&mut server, session);
    server.tick();
    expect_moved(&mut server, session, THERE, 2);
    // Whoever knows no more than the world is sent on, with a ticket or with a token.
    for hops in [0, 2] {
        let again = hello(&server, hops);
        let again = says(&mut server, again);
        expect_moved(&mut server, again, THERE, 2);
    }
    let session = comes(&mut server, SessionKind::Command);
    server.admit(session, Some(PLAYER.0));
    expect_moved(&mut server, session, THERE, 2);
    // Whoever watches needs no player.
    let watching = comes(&mut server, SessionKind::Witness);
    server.admit(watching, Some(PLAYER.0));
    assert!(welcome(&mut server, watching).is_some());
    // Whoever knows of a later place waits for the player, who comes by mail.
    let waiting = hello(&server, 3);
    let waiting = says(&mut server, waiting);
    server.tick();
    assert!(server.take(waiting).is_empty());
    let back = back(&server);
    let (region, incarnation, sequence, lamport) = (THERE, 1, 1, 9);
    server.own.push(Act::Mail { region, incarnation, sequence, lamport, is_held: false, parcel: back.into() });
    server.tick();
    assert_eq!(welcome(&mut server, waiting).map(|it| it.next_sequence), Some(Sequence(3)));
    let tick = server.tick();
    let player = *server.simulation.world().players().find(PLAYER).expect("they are back");
    assert!((player.connected, player.hops) == (true, 3), "{player:?} in {tick}");
}

/// The parcel that another region would send back: the same player, one hop later, with one more input applied there.
fn back(server: &Server) -> Vec<u8> {
    let mut parcel = Parcel::decode(&parcel(server)).expect("it is one");
    (parcel.region, parcel.hops, parcel.last_sequence) = (THERE, 3, Sequence(2));
    let (code, value) = (OutcomeCode::APPLIED, 70);
    parcel.outcomes.push(Outcome { sequence: Sequence(2), region: THERE, tick: 40, code, value });
    let mut bytes = Vec::new();
    parcel.encode(&mut bytes);
    bytes
}

/// What was applied elsewhere is not called forgotten while the tick that brought it is not told.
#[test]
fn an_input_that_came_along_is_answered_when_its_arrival_is_kept() {
    let (mut server, session, welcome_before) = server();
    travel(&mut server, session);
    server.tick();
    expect_moved(&mut server, session, THERE, 2);
    let ticket = Some(welcome_before.ticket);
    let hello = Hello { token: Vec::new(), ticket, hops: 3, ..server.hello(SessionKind::Command) };
    let waiting = says(&mut server, hello);
    let (region, incarnation, sequence, lamport) = (THERE, 1, 1, 9);
    let parcel = back(&server).into();
    server.own.push(Act::Mail { region, incarnation, sequence, lamport, is_held: false, parcel });
    server.step();
    assert!(welcome(&mut server, waiting).is_some(), "they are here");
    server.inputs(waiting, 2, &[2]);
    assert_eq!(server.fates(waiting), [], "nobody is told of that tick yet");
    server.store();
    server.inputs(waiting, 2, &[2]);
    let applied = Fate::Applied { tick: Tick(40), code: OutcomeCode::APPLIED, value: 70 };
    assert_eq!(server.fates(waiting), [(2, applied)]);
}

#[test]
fn who_is_nowhere_to_be_seen_is_sought_and_sent_on() {
    let (mut server, session, welcome_before) = server();
    travel(&mut server, session);
    server.tick();
    expect_moved(&mut server, session, THERE, 2);
    server.own.push(Act::Delivered { region: THERE, incarnation: 1, sequence: 1, lamport: 9 });
    server.tick();
    assert_eq!(server.simulation.world().players().find(PLAYER), None, "they are there for sure");
    let before = last_search(&server);
    let come = |server: &mut Server, hops| {
        let ticket = Some(welcome_before.ticket);
        let hello = Hello { token: Vec::new(), ticket, hops, ..server.hello(SessionKind::Command) };
        says(server, hello)
    };
    let (first, later) = (come(&mut server, 2), come(&mut server, 4));
    assert_ne!(last_search(&server), before);
    find(&mut server, Finding::Elsewhere { region: THERE, hops: 2 });
    expect_moved(&mut server, first, THERE, 2);
    assert_eq!(server.goodbye(later), None, "who was told of a later place waits for it");
    server.wait(Micros(11_000_000));
    server.tick();
    server.expect_goodbye(later, Reason::TimedOut, "");
    // A region that nobody told of cannot be reached.
    let third = come(&mut server, 0);
    find(&mut server, Finding::Elsewhere { region: RegionId(9), hops: 3 });
    server.expect_goodbye(third, Reason::Elsewhere, "nobody here knows the way");
}

/// The client's side: what it holds goes along, and its next `Hello` says where it was told to go.
#[test]
fn a_client_that_was_told_asks_for_that_region_with_all_it_holds() {
    let (now, nonce) = (Instant(5), Nonce([7; 16]));
    let settings = ClientSettings::new(SessionKind::Command, ContentId::NONE, b"token".to_vec(), nonce);
    let library = Library::of(ContentId::NONE, ());
    let mut client = Client::<Ledger, _>::new(now, settings, PredictNothing, library);
    let hello = |client: &mut Client<Ledger, PredictNothing>| {
        client.handle_connected(now, 1_200);
        let sent = client.poll_transmit().expect("a client speaks first");
        match Message::decode(Channel::Control, &sent.bytes) {
            Ok(Message::Hello(hello)) => hello,
            other => panic!("{other:?}"),
        }
    };
    let (_, _, welcome) = server();
    assert_eq!((hello(&mut client).region, hello(&mut client).hops), (RegionId(0), 0));
    client.handle_message(now, Channel::Control, &Message::Welcome(welcome.clone()).encode());
    let order = Order::Travel { region: THERE.0 };
    let sequence = client.submit(now, order, Tick(0), Tick(u64::MAX)).expect("it is taken");
    let told = |client: &mut Client<Ledger, PredictNothing>, region, hops| {
        let moved = Message::Moved(Moved { region, hops, way: way() });
        client.handle_message(now, Channel::Control, &moved.encode());
        let goodbye = Message::Goodbye(Goodbye { reason: Reason::Moved, detail: String::new() });
        client.handle_message(now, Channel::Control, &goodbye.encode());
        assert!(client.is_over());
    };
    told(&mut client, THERE, 2);
    let next = hello(&mut client);
    assert_eq!((next.region, next.hops, next.ticket), (THERE, 2, Some(welcome.ticket)));
    assert_eq!(client.unanswered().collect::<Vec<_>>(), [sequence], "it is said again there");
    // Who knows of an earlier place only has nothing to tell.
    told(&mut client, RegionId(3), 1);
    assert_eq!(hello(&mut client).region, THERE);
}
