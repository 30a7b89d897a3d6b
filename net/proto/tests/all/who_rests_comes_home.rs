//! Where there is an archive: who is away for long leaves for it, and whoever the world does not have is sought there before they
//! come in; their numbers go on where they left off.

use std::sync::Arc;

use tickworld_ledger::Order;
use tickworld_proto::{
    host::{Finding, Found, Grant, HostEvent, HostSettings, Kinds, NotedGeneration, Search, SessionId, SubmitError},
    instant::Micros,
    message::{Durability, Fate, Goodbye, Hello, Message, Reason, SessionKind, Welcome},
};
use tickworld_sim::{
    frame::{Act, Input, PlayerId, Sequence, Tick},
    prelude::{Entropy, InputFrame},
    region::RegionId,
};

use crate::hosting::{self, Server};

const PLAYER: PlayerId = PlayerId(7);
/// Ticks of absence after which a player leaves.
const AFTER: u64 = 3;

fn settings() -> HostSettings {
    HostSettings { archive_after_ticks: Some(AFTER), greeting_timeout: Micros(1_000_000), ..HostSettings::default() }
}

/// The archive has everything up to a number.
fn in_archive(sequence: u64) -> Act<Order> {
    Act::Delivered { region: RegionId::ARCHIVE, incarnation: 1, sequence, lamport: 0 }
}

fn born() -> Found {
    Found { hops: 1, parcel: [].into() }
}

/// Somebody says hello; nothing is granted yet.
fn say_hello(server: &mut Server, hello: Hello) -> SessionId {
    let session = server.connect();
    server.send(session, &Message::Hello(hello));
    session
}

/// A client's program says hello that just began.
fn comes(server: &mut Server, kind: SessionKind) -> SessionId {
    let hello = server.hello(kind);
    say_hello(server, hello)
}

/// The searches for the player so far.
fn searches(server: &Server) -> Vec<Search> {
    let search = |event: &HostEvent| match event {
        HostEvent::Sought(search) if search.player == PLAYER => Some(*search),
        _ => None,
    };
    server.events.iter().filter_map(search).collect()
}

fn sought(server: &Server) -> usize {
    searches(server).len()
}

/// How often somebody asked to come in with a token.
fn asked(server: &Server) -> usize {
    server.events.iter().filter(|event| matches!(event, HostEvent::Admission { .. })).count()
}

fn welcome(server: &mut Server, session: SessionId) -> Option<Welcome> {
    server.take(session).into_iter().find_map(|message| match message {
        Message::Welcome(welcome) => Some(welcome),
        _ => None,
    })
}

/// The last search comes to this.
fn find(server: &mut Server, found: Result<Found, (Reason, String)>) {
    let search = *searches(server).last().expect("the player is sought");
    server.host.handle_found(server.now, search, found.map(Finding::Here));
    server.drain();
}

/// The acts of a tick that are about the player.
fn acts(server: &Server, tick: Tick) -> Vec<Act<Order>> {
    let frame = server.frames.iter().find(|frame| frame.tick == tick).expect("a closed frame");
    frame.inputs.iter().filter(|input| input.player == PLAYER).map(|input| input.act.clone()).collect()
}

/// A player who was born into the world and plays.
fn playing(server: &mut Server) -> (SessionId, Welcome) {
    let session = comes(server, SessionKind::Command);
    server.admit(session, Some(PLAYER.0));
    find(server, Ok(born()));
    server.tick();
    server.admit(session, Some(PLAYER.0));
    let welcome = welcome(server, session).expect("the player is here");
    server.tick();
    (session, welcome)
}

/// They say goodbye, and are away until they have left for the archive; gives what waits for it.
fn archived(server: &mut Server, session: SessionId) -> Vec<u8> {
    server.send(session, &Message::Goodbye(Goodbye { reason: Reason::Leave, detail: String::new() }));
    let departed = |server: &Server| server.simulation.world().players().find(PLAYER).and_then(|it| it.departed_to);
    // The host forgets now and then those of whom the world knows everything.
    let mut ticks = 0;
    while departed(server).is_none() {
        server.tick();
        ticks += 1;
        assert!(ticks < 200, "nobody leaves");
    }
    assert!(ticks > AFTER && departed(server) == Some(RegionId::ARCHIVE));
    let mut outbox = server.simulation.world().region().outbox();
    let (entry, parcel) = outbox.next().expect("the player waits for the archive");
    assert_eq!((entry.to, entry.player, entry.sequence), (RegionId::ARCHIVE, PLAYER, 1));
    parcel
}

#[test]
fn who_is_unknown_is_sought_once_and_asked_again_when_they_are_here() {
    let mut server = Server::new(settings());
    let session = comes(&mut server, SessionKind::Command);
    server.admit(session, Some(PLAYER.0));
    assert_eq!((welcome(&mut server, session), sought(&server), asked(&server)), (None, 1, 1));
    // Somebody else comes with the same player: nobody is sought twice at the same time.
    let hello = server.hello(SessionKind::Lockstep);
    let other = say_hello(&mut server, hello);
    server.admit(other, Some(PLAYER.0));
    let tick = server.tick();
    assert_eq!((sought(&server), acts(&server, tick)), (1, Vec::new()));
    find(&mut server, Ok(born()));
    let tick = server.tick();
    assert_eq!(acts(&server, tick), [Act::Return { hops: 1, is_held: false, parcel: Arc::from([]) }]);
    assert_eq!(asked(&server), 4, "both are asked again");
    server.admit(session, Some(PLAYER.0));
    assert_eq!(welcome(&mut server, session).map(|welcome| welcome.next_sequence), Some(Sequence(1)));
    let tick = server.tick();
    assert!(matches!(acts(&server, tick)[..], [Act::Enter(_)]), "the return was said often enough");
    assert_eq!(server.simulation.world().players().find(PLAYER).map(|player| player.hops), Some(1));
}

#[test]
fn who_is_here_or_is_nobody_is_not_sought() {
    let mut server = Server::new(settings());
    playing(&mut server);
    let before = sought(&server);
    for (kind, player) in
        [(SessionKind::Witness, Some(7)), (SessionKind::Witness, None), (SessionKind::Command, Some(7))]
    {
        let hello = server.hello(kind);
        server.open_with(hello, player);
    }
    let mut without = Server::new(HostSettings::default());
    let hello = without.hello(SessionKind::Command);
    without.open_with(hello, Some(7));
    assert_eq!((sought(&server), sought(&without)), (before, 0));
}

#[test]
fn who_is_away_for_long_leaves_and_comes_back_with_their_numbers() {
    let mut server = Server::new(settings());
    let (session, _) = playing(&mut server);
    server.inputs(session, 1, &[1, 2]);
    server.tick();
    assert_eq!(server.fates(session).len(), 2);
    let ticket = server.take(session);
    assert!(ticket.is_empty());
    let parcel = archived(&mut server, session);
    // Whoever comes before the archive has them waits.
    let session = comes(&mut server, SessionKind::Command);
    server.admit(session, Some(PLAYER.0));
    server.tick();
    assert_eq!(sought(&server), 1);
    server.own.push(in_archive(1));
    server.tick();
    assert_eq!(server.simulation.world().players().find(PLAYER), None, "the slot is free");
    assert_eq!(sought(&server), 2);
    find(&mut server, Ok(Found { hops: 3, parcel: parcel.into() }));
    server.tick();
    server.admit(session, Some(PLAYER.0));
    let welcome = welcome(&mut server, session).expect("the player is back");
    assert_eq!(welcome.next_sequence, Sequence(3));
    server.tick();
    // What was applied before is answered as it was.
    server.inputs(session, 1, &[2, 3]);
    server.tick();
    let fates = server.fates(session);
    assert!(fates.iter().all(|(_, fate)| matches!(fate, Fate::Applied { .. })), "{fates:?}");
    assert_eq!(fates.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(), [2, 3]);
    let player = server.simulation.world().players().find(PLAYER).copied().expect("they are here");
    assert_eq!((player.hops, player.departed_to), (3, None));
}

#[test]
fn a_ticket_is_good_when_its_player_is_back() {
    let mut server = Server::new(settings());
    let (session, welcome_before) = playing(&mut server);
    let parcel = archived(&mut server, session);
    server.own.push(in_archive(1));
    server.tick();
    let asked_before = asked(&server);
    let hello = Hello { token: Vec::new(), ticket: Some(welcome_before.ticket), ..server.hello(SessionKind::Command) };
    let session = say_hello(&mut server, hello);
    assert_eq!((welcome(&mut server, session), sought(&server)), (None, 2));
    find(&mut server, Ok(Found { hops: 3, parcel: parcel.into() }));
    server.tick();
    assert!(welcome(&mut server, session).is_some(), "the ticket of before brings them in");
    assert_eq!(asked(&server), asked_before, "nobody is asked about a token");
}

#[test]
fn who_is_elsewhere_or_cannot_be_found_is_told_so() {
    let mut server = Server::new(settings());
    for (reason, detail) in [(Reason::Elsewhere, "the player is in region 4"), (Reason::Storage, "the disk is full")] {
        let hello = server.hello(SessionKind::Command);
        let session = say_hello(&mut server, hello);
        server.admit(session, Some(PLAYER.0));
        find(&mut server, Err((reason, detail.to_owned())));
        server.expect_goodbye(session, reason, detail);
    }
    assert_eq!(sought(&server), 2, "each is looked for anew");
    // Nobody answers at all.
    let session = comes(&mut server, SessionKind::Command);
    server.admit(session, Some(PLAYER.0));
    server.wait(Micros(11_000_000));
    server.expect_goodbye(session, Reason::TimedOut, "not admitted in time");
    server.tick();
    find(&mut server, Ok(born()));
    let tick = server.tick();
    assert_eq!(acts(&server, tick), Vec::new(), "nobody waits for them any more");
}

#[test]
fn what_the_world_does_not_take_is_given_up() {
    let mut server = Server::new(settings());
    let session = comes(&mut server, SessionKind::Command);
    server.admit(session, Some(PLAYER.0));
    find(&mut server, Ok(Found { hops: 2, parcel: Arc::from(&b"no parcel"[..]) }));
    let mut said = 0;
    while server.goodbye(session).is_none_or(|goodbye| {
        assert_eq!(goodbye.reason, Reason::Full, "{goodbye:?}");
        false
    }) {
        let tick = server.tick();
        said += acts(&server, tick).len();
        assert!(said < 200, "it is said for ever");
    }
    assert_eq!(said, 3);
    assert_eq!(server.simulation.world().players().find(PLAYER), None);
}

#[test]
fn who_is_held_waits_for_an_operator() {
    let mut server = Server::new(settings());
    let act = Act::Return { hops: 1, is_held: true, parcel: Arc::from([]) };
    let frame = InputFrame::new(
        Tick(1),
        Entropy::from_bytes([1; 16]),
        vec![Input { player: PLAYER, sequence: Sequence(0), act }],
    );
    server.simulation.advance(&frame, &tickworld_sim::prelude::Inline).expect("a good frame");
    let mut server = Server::of(settings(), server.simulation);
    let session = comes(&mut server, SessionKind::Command);
    server.admit(session, Some(PLAYER.0));
    server.expect_goodbye(session, Reason::Held, "an operator takes them in");
    assert_eq!(sought(&server), 0);
}

#[test]
fn an_input_without_a_session_has_its_player_come_home_first() {
    let mut server = Server::new(settings());
    let order = Order::Transfer { from: 0, to: 1, amount: 1 };
    let submit = |server: &mut Server| {
        let result = server.host.submit(server.now, PLAYER, order);
        server.drain();
        result
    };
    assert_eq!(submit(&mut server), Err(SubmitError::Away));
    assert_eq!((submit(&mut server), sought(&server)), (Err(SubmitError::Away), 1));
    find(&mut server, Ok(born()));
    server.tick();
    assert_eq!(submit(&mut server), Ok(Sequence(1)));
    server.tick();
    assert_eq!(server.simulation.world().players().last_sequence(PLAYER), Sequence(1));
}

#[test]
fn nobody_leaves_where_a_crash_may_take_it_back() {
    for (durability, leaves) in [(Durability::Memory, None), (Durability::Disk, Some(RegionId::ARCHIVE))] {
        let mut server = Server::new(HostSettings { durability, ..settings() });
        let hello = Hello { durability, ..server.hello(SessionKind::Command) };
        let session = say_hello(&mut server, hello);
        server.admit(session, Some(PLAYER.0));
        find(&mut server, Ok(born()));
        server.tick();
        server.admit(session, Some(PLAYER.0));
        server.host.handle_disconnected(server.now, session);
        server.wait(Micros(60_000_000));
        // More than the host needs to forget the player.
        for _ in 0..200 {
            server.tick();
        }
        let player = server.simulation.world().players().find(PLAYER).copied().expect("they are here");
        assert_eq!((player.connected, player.departed_to), (false, leaves), "{durability:?}");
    }
}

/// Whoever judged a token judged it before its player was home: nothing of it was noted.
#[test]
fn what_was_judged_before_somebody_was_home_lets_nobody_in() {
    let mut server = Server::new(settings());
    let first = comes(&mut server, SessionKind::Command);
    server.admit(first, Some(PLAYER.0));
    let second = comes(&mut server, SessionKind::Command);
    find(&mut server, Ok(born()));
    server.tick();
    let before = asked(&server);
    // The verdict of before comes when they are home.
    server.admit(second, Some(PLAYER.0));
    assert_eq!((welcome(&mut server, second), asked(&server)), (None, before + 1), "it is asked again");
    let noted = Some(NotedGeneration { first: 0, now: 0 });
    server.grant(second, Grant { noted, ..Grant::new(Some(PLAYER), Kinds::ALL) });
    assert!(welcome(&mut server, second).is_some());
}

/// A watcher's ticket has their player's generation: nobody knows it before they are home.
#[test]
fn who_watches_in_the_name_of_somebody_who_rests_waits_for_them() {
    let mut server = Server::new(settings());
    let session = comes(&mut server, SessionKind::Witness);
    server.admit(session, Some(PLAYER.0));
    assert_eq!((welcome(&mut server, session), sought(&server)), (None, 1));
    find(&mut server, Ok(born()));
    server.tick();
    server.admit(session, Some(PLAYER.0));
    assert!(welcome(&mut server, session).is_some());
}

/// To send away who rests would make a second one of them, who was never anywhere.
#[test]
fn nobody_is_born_by_being_sent_away() {
    let mut server = Server::new(settings());
    let (session, _) = playing(&mut server);
    let watching = comes(&mut server, SessionKind::Witness);
    server.admit(watching, Some(PLAYER.0));
    assert!(welcome(&mut server, watching).is_some());
    archived(&mut server, session);
    server.own.push(in_archive(1));
    server.tick();
    assert!(server.host.is_away(PLAYER));
    let kicked = server.host.kick(server.now, PlayerId::OPERATOR, PLAYER, "manners");
    server.drain();
    assert_eq!(kicked.expect("there is room").1, Some(1));
    let tick = server.tick();
    assert_eq!(acts(&server, tick), Vec::new());
    assert_eq!(server.simulation.world().players().find(PLAYER), None);
}

#[test]
fn an_answer_to_an_earlier_search_is_of_no_use() {
    let mut server = Server::new(settings());
    let session = comes(&mut server, SessionKind::Command);
    server.admit(session, Some(PLAYER.0));
    server.wait(Micros(11_000_000));
    server.tick();
    let session = comes(&mut server, SessionKind::Command);
    server.admit(session, Some(PLAYER.0));
    let [early, late] = searches(&server)[..] else { panic!("two searches") };
    let mut answer = |search| {
        server.host.handle_found(server.now, search, Ok(Finding::Here(born())));
        let tick = server.tick();
        acts(&server, tick).len()
    };
    assert_eq!((answer(early), answer(late), answer(early)), (0, 1, 0));
}

/// Who is only to be looked up is not born; but somebody may come meanwhile.
#[test]
fn who_never_was_is_born_only_for_who_comes() {
    let mut server = Server::new(settings());
    assert!(server.host.seek(server.now, PLAYER, false));
    server.drain();
    let search = searches(&server)[0];
    assert!(!search.may_be_born);
    let session = comes(&mut server, SessionKind::Command);
    server.admit(session, Some(PLAYER.0));
    server.host.handle_found(server.now, search, Ok(Finding::Nowhere));
    server.drain();
    let again = searches(&server)[1];
    assert!(again.may_be_born && again.number > search.number);
    server.host.handle_found(server.now, again, Ok(Finding::Here(born())));
    server.tick();
    server.admit(session, Some(PLAYER.0));
    assert!(welcome(&mut server, session).is_some());
}

/// A session that is let in while its player's departure is being made, and whose entry finds a full frame.
#[test]
fn who_comes_while_they_leave_says_hello_again_and_is_not_born_twice() {
    let mut server = Server::new(HostSettings { frame_inputs_max: 1, ..settings() });
    let (session, welcome_before) = playing(&mut server);
    server.send(session, &Message::Goodbye(Goodbye { reason: Reason::Leave, detail: String::new() }));
    let mut coming = None;
    for _ in 0..200 {
        server.now = server.now.after(hosting::TICK);
        let tick = server.host.open_tick();
        let frame =
            server.host.close_frame(server.now, Entropy::from_bytes(u128::from(tick.0).to_le_bytes()), Vec::new());
        if frame.inputs.iter().any(|input| matches!(input.act, Act::Archive)) {
            // Between the frame and its step.
            let ticket = Some(welcome_before.ticket);
            let hello = Hello { token: Vec::new(), ticket, ..server.hello(SessionKind::Command) };
            let session = say_hello(&mut server, hello);
            assert!(welcome(&mut server, session).is_some());
            coming = Some(session);
        }
        server.simulation.advance(&frame, &tickworld_sim::prelude::Inline).expect("a good frame");
        let roots = server.simulation.seal(&tickworld_sim::prelude::Inline);
        server.host.handle_stepped(server.now, server.simulation.snapshot(), 0);
        server.host.handle_root(server.now, roots.clone(), server.simulation.snapshot());
        server.roots.insert(tick, roots);
        server.frames.push(frame);
        server.store();
        if coming.is_some() {
            break;
        }
    }
    let session = coming.expect("the player leaves");
    server.expect_goodbye(session, Reason::Elsewhere, "come again");
    server.own.push(in_archive(1));
    for _ in 0..5 {
        server.tick();
    }
    assert_eq!(server.simulation.world().players().find(PLAYER), None, "nobody is born by an entry");
}
