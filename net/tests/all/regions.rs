//! Two regions in one process, behind one listener on one port: a client's first message decides which one it comes to.

use std::{sync::Arc, time::Duration};

use crate::region::{COINS, Region, Work};
use crate::support::{Host, NAME, control, ending, next_message, nonce, transmit};
use bytes::Bytes;
use tickworld_ledger::{Ledger, Order};
use tickworld_net::{
    close::{Close, CloseCode, Disconnect},
    connection::{Connection, ConnectionEvent, ConnectionEvents, ConnectionSettings, Outage, Terminated, connect},
    mailbox::{Lane, Mailbox, MailboxLimits},
    router::{Route, read_hello},
};
use tickworld_proto::{
    channel::Channel,
    client::{Client, ClientEvent, ClientSettings},
    instant::Instant,
    limits::TEXT_BYTES_MAX,
    message::{Fate, Goodbye, Message, Reason, SessionKind},
};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::Tick,
    rollback::PredictNothing,
};

/// Players with even numbers live in the north, with odd ones in the south; there is nobody else.
struct ByPlayer {
    north: Lane,
    south: Lane,
}

impl Route for ByPlayer {
    fn lane(&self, hello: &Bytes) -> Result<Lane, Goodbye> {
        let refuse = |reason, detail: String| Goodbye { reason, detail };
        let hello = read_hello(hello).map_err(|error| refuse(Reason::Violation, error.to_string()))?;
        let token = String::from_utf8_lossy(&hello.token).into_owned();
        match token.parse::<u64>() {
            Ok(13) => panic!("a route that is wrong, as the test wants"),
            Ok(player) => Ok(if player % 2 == 0 { self.north.clone() } else { self.south.clone() }),
            // Far longer than any message may say.
            Err(_) => {
                Err(refuse(Reason::Unauthorized, format!("no region is for `{token}`{}", "\u{e9}".repeat(2_000))))
            }
        }
    }
}

struct World {
    host: Host,
    north: Region,
    south: Region,
}

impl World {
    fn new() -> Self {
        let (north, south) = (mailbox(), mailbox());
        let host = Host::routed(Arc::new(ByPlayer { north: north.lane(), south: south.lane() }));
        let (north, south) = (Region::new(north, host.outbox.clone()), Region::new(south, host.outbox.clone()));
        Self { host, north, south }
    }

    fn player(&self, number: u64) -> (Connection<Ledger, PredictNothing>, ConnectionEvents) {
        let settings =
            ClientSettings::new(SessionKind::Command, ContentId::NONE, number.to_string().into_bytes(), nonce());
        let client = Client::new(Instant(0), settings, PredictNothing, Library::of(ContentId::NONE, ()));
        let mut settings = ConnectionSettings::new(self.host.address, NAME);
        settings.backoff.first = Duration::from_millis(1);
        settings.backoff.max = Duration::from_millis(10);
        let (connection, events, driver) = connect(self.host.endpoint(), client, Arc::new(Inline), settings);
        self.host.runtime.spawn(driver.run());
        (connection, events)
    }

    /// Pays a coin, once the player is welcome.
    fn pay(&self, (connection, events): &mut (Connection<Ledger, PredictNothing>, ConnectionEvents)) {
        let welcome = |event: &ClientEvent| matches!(event, ClientEvent::Welcome(_));
        let applied = |event: &ClientEvent| matches!(event, ClientEvent::Outcome { fate: Fate::Applied { .. }, .. });
        self.host.run(async {
            until(events, welcome).await;
            let transfer = Order::Transfer { from: 0, to: 1, amount: 1 };
            let submitted = connection.submit(transfer, Tick(0), Tick(u64::MAX)).await;
            submitted.expect("an input is taken");
            until(events, applied).await;
        });
    }
}

fn mailbox() -> Mailbox<Work> {
    Mailbox::new(MailboxLimits::default())
}

async fn until(events: &mut ConnectionEvents, wanted: impl Fn(&ClientEvent) -> bool) {
    loop {
        match events.next().await.expect("an event before the end") {
            ConnectionEvent::Client(event) if wanted(&event) => return,
            ConnectionEvent::Ended(end) => panic!("{end}"),
            _ => {}
        }
    }
}

async fn outage(events: &mut ConnectionEvents) -> Outage {
    loop {
        match events.next().await.expect("an event before the end") {
            ConnectionEvent::Outage { cause, .. } => return cause,
            ConnectionEvent::Ended(Terminated::Refused(goodbye)) => return Outage::Goodbye(goodbye),
            ConnectionEvent::Ended(end) => panic!("{end}"),
            _ => {}
        }
    }
}

/// What the payer of a region has left.
fn coins(region: &Region) -> u64 {
    region.with(|state| {
        let bank = state.simulation.world().state();
        bank.accounts.get(bank.entities.at(0).expect("account 0 is never closed")).expect("it holds coins").coins
    })
}

#[test]
fn two_regions_share_one_port_and_each_client_finds_its_own() {
    let world = World::new();
    let mut players: Vec<_> = (20..30).map(|number| world.player(number)).collect();
    players.iter_mut().for_each(|player| world.pay(player));
    let _more = [world.player(31), world.player(33)].map(|mut player| world.pay(&mut player));
    assert_eq!((coins(&world.north), coins(&world.south)), (COINS - 5, COINS - 7));
    let sessions = |region: &Region| region.with(|state| state.host.session_count());
    assert_eq!((sessions(&world.north), world.host.listener().sessions()), (5, sessions(&world.south) + 5));
    world.north.shutdown();
    world.south.shutdown();
}

#[test]
fn a_region_that_ends_takes_nobody_and_the_other_goes_on() {
    let world = World::new();
    let mut stays = world.player(21);
    world.pay(&mut stays);
    let World { host, north, south } = world;
    north.shutdown();
    let world = World { north: Region::new(mailbox(), host.outbox.clone()), host, south };
    let mut comes = world.player(20);
    let cause = world.host.run(outage(&mut comes.1));
    assert!(matches!(&cause, Outage::Goodbye(goodbye) if goodbye.reason == Reason::Shutdown), "{cause}");
    assert!(cause.to_string().contains("has ended on this server"), "{cause}");
    let mut another = world.player(23);
    world.pay(&mut another);
    assert_eq!(coins(&world.south), COINS - 2);
    world.north.shutdown();
    world.south.shutdown();
}

#[test]
fn a_client_that_no_region_takes_is_told_so_and_closed() {
    let world = World::new();
    let endpoint = world.host.endpoint();
    let hello = |text: &str| {
        let settings = ClientSettings::new(SessionKind::Command, ContentId::NONE, text.as_bytes().to_vec(), nonce());
        let library = Library::of(ContentId::NONE, ());
        let mut client = Client::<Ledger, _>::new(Instant(0), settings, PredictNothing, library);
        client.handle_connected(Instant(0), 1_200);
        client.poll_transmit().expect("a client speaks first")
    };
    let cases = [
        (hello("elsewhere"), Reason::Unauthorized, "no region is for `elsewhere`"),
        (control("no message"), Reason::Violation, "cannot be read"),
        (transmit(Channel::Control, &Message::Join.encode()), Reason::Violation, "must be a `hello`"),
    ];
    let count = cases.len() as u64;
    for (first, reason, words) in cases {
        let connection = world.host.run(endpoint.dial(world.host.address, NAME)).unwrap();
        connection.send(first);
        let (channel, bytes) = world.host.run(next_message(&connection));
        let Ok(Message::Goodbye(goodbye)) = Message::decode(channel, &bytes) else { panic!("no goodbye") };
        assert_eq!(goodbye.reason, reason, "{goodbye:?}");
        assert!(goodbye.detail.contains(words) && goodbye.detail.len() <= usize::from(TEXT_BYTES_MAX), "{goodbye:?}");
        let why = world.host.run(ending(&connection));
        let Disconnect::ByPeer(Close { code: CloseCode::Done, detail }) = &why else { panic!("{why}") };
        assert!(detail.contains(words), "{why}");
    }
    let traffic = world.host.listener().traffic();
    assert_eq!((traffic.unrouted, traffic.violations), (count, 0));
    let sessions = |region: &Region| region.with(|state| state.sessions.len());
    assert_eq!((sessions(&world.north), sessions(&world.south), world.host.listener().sessions()), (0, 0, 0));
    world.north.shutdown();
    world.south.shutdown();
}

/// A route is the embedder's code: what it does to one client is that client's.
#[test]
fn a_route_that_panics_ends_that_connection_alone() {
    let world = World::new();
    let mut stays = world.player(20);
    world.pay(&mut stays);
    let mut unlucky = world.player(13);
    let cause = world.host.run(outage(&mut unlucky.1));
    assert!(matches!(cause, Outage::Lost(_)), "{cause}");
    let mut another = world.player(21);
    world.pay(&mut another);
    assert_eq!((coins(&world.north), coins(&world.south)), (COINS - 1, COINS - 1));
    world.north.shutdown();
    world.south.shutdown();
}
