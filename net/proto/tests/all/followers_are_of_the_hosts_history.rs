//! Who follows says which world they have: frames come only to those whose world is the host's; the others take it over anew at once.

use crate::hosting::Server;
use tickworld_ledger::{Ledger, Order};
use tickworld_proto::{
    client::{Client, ClientEvent, ClientSettings},
    host::{HostSettings, SessionId},
    instant::Micros,
    message::{
        Durability, Fate, Follow, FrameRequest, Hello, Message, Nonce, Reason, Refusal, RejoinCause, SessionKind,
    },
};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Request, Sequence, Tick},
    hash::ShortHash,
    prelude::Entropy,
    rollback::PredictNothing,
};

fn follow(server: &mut Server, session: SessionId, first: u64, root: ShortHash) -> Vec<Message> {
    server.send(session, &Message::Follow(Follow { first: Tick(first), root }));
    server.take(session)
}

fn root(server: &Server, tick: u64) -> ShortHash {
    server.roots[&Tick(tick)].root.short()
}

fn ticks(messages: &[Message]) -> Vec<u64> {
    let frame = |message: &Message| match message {
        Message::Frame(frame) => Some(u64::from_le_bytes(*frame.frame.first_chunk().expect("a tick"))),
        _ => None,
    };
    messages.iter().filter_map(frame).collect()
}

#[test]
fn a_follower_of_another_history_takes_the_world_over_anew() {
    let mut server = Server::new(HostSettings { history_ticks: 8, ..HostSettings::default() });
    let session = server.open(SessionKind::Lockstep, 7);
    for _ in 0..20 {
        server.tick();
    }
    server.take(session);
    let own = root(&server, 15);
    assert_eq!(ticks(&follow(&mut server, session, 16, own)), [16, 17, 18, 19, 20]);
    let other = root(&server, 14);
    assert_eq!(follow(&mut server, session, 16, other), [Message::Rejoin(RejoinCause::Forked)]);
    // Nothing of the history that it is not of.
    server.tick();
    assert!(server.take(session).is_empty());
    let gone = root(&server, 3);
    assert_eq!(follow(&mut server, session, 4, gone), [Message::Rejoin(RejoinCause::Behind)]);
    assert_eq!(follow(&mut server, session, 30, own), [Message::Rejoin(RejoinCause::Ahead)]);
}

#[test]
fn a_root_that_is_being_computed_is_waited_for() {
    let settings = HostSettings { durability: Durability::Memory, ..HostSettings::default() };
    for is_same in [true, false] {
        let mut server = Server::new(settings);
        let hello = Hello { durability: Durability::Memory, ..server.hello(SessionKind::Lockstep) };
        let (session, _) = server.open_with(hello, Some(7));
        server.tick();
        server.take(session);
        let (tick, roots) = server.step_without_root();
        let root = if is_same { roots.root.short() } else { ShortHash([9; 8]) };
        assert!(follow(&mut server, session, tick.0 + 1, root).is_empty(), "the host does not know yet");
        server.send(session, &Message::FrameRequest(FrameRequest { first: tick, count: 1 }));
        assert!(server.take(session).is_empty(), "nor does it send what may be of another history");
        server.host.handle_root(server.now, roots, server.simulation.snapshot());
        server.drain();
        let told = server.take(session);
        server.tick();
        let after = ticks(&server.take(session));
        if is_same {
            assert!(told.is_empty() && after == [tick.0 + 1], "{told:?}, {after:?}");
        } else {
            assert!(told == [Message::Rejoin(RejoinCause::Forked)] && after.is_empty(), "{told:?}, {after:?}");
        }
    }
}

/// A lockstep client that is asked to rejoin asks for a snapshot at once; it asked for frames twenty times in vain before.
#[test]
fn a_client_that_is_told_to_rejoin_does_so_at_once() {
    let mut server = Server::new(HostSettings::default());
    let settings = ClientSettings::new(SessionKind::Lockstep, ContentId::NONE, b"7".to_vec(), Nonce([7; 16]));
    let library = Library::of(ContentId::NONE, ());
    let mut client = Client::<Ledger, _>::new(server.now, settings, PredictNothing, library);
    let connect = |server: &mut Server, client: &mut Client<Ledger, PredictNothing>| {
        client.handle_connected(server.now, 1_200);
        server.connect()
    };
    // What both have to say, until they have nothing more.
    let settle = |server: &mut Server, client: &mut Client<Ledger, PredictNothing>, session: SessionId| {
        let (mut asked, mut events) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            while let Some(transmit) = client.poll_transmit() {
                let message = Message::decode(transmit.channel, &transmit.bytes).expect("a client sends what decodes");
                let is_hello = matches!(message, Message::Hello(_));
                asked.push(message);
                server.send_bytes(session, transmit.channel, &transmit.bytes);
                if is_hello {
                    server.admit(session, Some(7));
                }
            }
            for (channel, message) in server.sent.remove(&session).unwrap_or_default() {
                client.handle_message(server.now, channel, &message.encode());
            }
            client.drive(server.now, &Inline, 64);
            while let Some(event) = client.poll_event() {
                events.push(event);
            }
        }
        (asked, events)
    };
    let session = connect(&mut server, &mut client);
    settle(&mut server, &mut client, session);
    for _ in 0..10 {
        server.tick();
        settle(&mut server, &mut client, session);
    }
    let confirmed = client.confirmed().expect("it follows").tick();
    assert_eq!(confirmed, Tick(10));
    client.handle_disconnected(server.now);
    // Another host begins where the world is now, three ticks on: its history has nothing before.
    let mut world = server.simulation.clone();
    for _ in 0..3 {
        let tick = world.world().tick().next();
        let frame = InputFrame::<Order>::empty(tick, Entropy::from_bytes([3; 16]));
        world.advance(&frame, &Inline).expect("an empty frame");
    }
    let now = server.now;
    let mut next = Server::of(HostSettings::default(), world);
    next.now = next.now.max(now.after(Micros(1)));
    let session = connect(&mut next, &mut client);
    let (asked, mut events) = settle(&mut next, &mut client, session);
    let rejoins = events.iter().filter(|event| matches!(event, ClientEvent::Rejoining(_))).count();
    assert_eq!(rejoins, 1, "{events:?}");
    assert!(asked.iter().any(|message| matches!(message, Message::Join)), "{asked:?}");
    assert!(!asked.iter().any(|message| matches!(message, Message::FrameRequest(_))), "{asked:?}");
    // Pages come with the next tick.
    next.tick();
    events.extend(settle(&mut next, &mut client, session).1);
    assert_eq!(client.confirmed().expect("it follows again").tick(), Tick(14));
    assert!(events.iter().all(|event| !matches!(event, ClientEvent::Desync(_) | ClientEvent::Fault(_))), "{events:?}");
}

#[test]
fn inputs_of_a_held_player_are_not_framed() {
    let mut server = Server::new(HostSettings::default());
    let session = server.open(SessionKind::Command, 7);
    server.tick();
    server.host.handle_disconnected(server.now, session);
    // Two ticks with inputs of theirs broke, and were passed over.
    let mut world = server.simulation.clone();
    for number in 1..=2 {
        let tick = world.world().tick().next();
        let void = Input { player: PlayerId(7), sequence: Sequence(number), act: Act::<Order>::Void };
        let frame = InputFrame::new(tick, Entropy::from_bytes([3; 16]), vec![void]);
        world.advance(&frame, &Inline).expect("the engine takes it");
    }
    assert!(world.world().players().find(PlayerId(7)).expect("known").is_held());
    let mut server = Server::of(HostSettings::default(), world);
    let session = server.open(SessionKind::Command, 7);
    // What became of the broken ones is told; further ones are not taken.
    let order = Order::Transfer { from: 0, to: 1, amount: 1 };
    assert_eq!(server.host.submit(server.now, PlayerId(8), order).map(drop), Ok(()), "others are not held");
    server.inputs(session, 3, &[3]);
    server.expect_goodbye(session, Reason::Held, "an operator clears them");
    let tick = server.tick();
    assert!(!server.framed(tick, 7).contains(&3));
    assert_eq!(server.host.fate_of(PlayerId(7), Sequence(2)), Some(Fate::Refused(Refusal::Void)));
    server.host.submit_request(PlayerId::OPERATOR, Request::Clear(PlayerId(7))).expect("there is room");
    server.tick();
    let session = server.open(SessionKind::Command, 7);
    server.inputs(session, 3, &[3]);
    let tick = server.tick();
    assert!(server.framed(tick, 7).contains(&3));
}
