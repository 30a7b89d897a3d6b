//! A client that is driven over real connections gets its answers, comes back by itself, and ends when it is told to.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use crate::region::{ACCOUNTS, COINS, Region};
use crate::support::{Host, NAME, await_no_tasks, loopback, nonce};
use tickworld_ledger::{Ledger, Order};
use tickworld_net::{
    close::{Close, CloseCode, Disconnect},
    connection::{
        Backoff, Connection, ConnectionEvent, ConnectionEvents, ConnectionSettings, Outage, Terminated, connect,
    },
    endpoint::{DialError, DialTimeouts, Endpoint},
    mailbox::{Mailbox, MailboxLimits},
    tls::{fingerprint::Fingerprint, trust::Trust},
    transport::{Transport as _, memory::MemoryNetwork},
};
use tickworld_proto::{
    client::{Client, ClientEvent, ClientSettings},
    instant::Instant,
    message::{Fate, Reason, SessionKind},
};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{Sequence, Tick},
    hash::Hash,
    rollback::PredictNothing,
    session::OutcomeCode,
};
use tokio::task::JoinHandle;

type Ledgers = Client<Ledger, PredictNothing>;

/// A driven client and what the test saw of it.
struct Player {
    connection: Connection<Ledger, PredictNothing>,
    events: ConnectionEvents,
    driver: JoinHandle<Ledgers>,
    fates: BTreeMap<Sequence, Fate>,
    roots: BTreeMap<Tick, Hash>,
}

impl Player {
    fn new(host: &Host, endpoint: &Endpoint, kind: SessionKind, number: u64) -> Self {
        Self::with(host, endpoint, kind, number, |_| {})
    }

    fn with(
        host: &Host,
        endpoint: &Endpoint,
        kind: SessionKind,
        number: u64,
        change: impl FnOnce(&mut ConnectionSettings),
    ) -> Self {
        let settings = ClientSettings::new(kind, ContentId::NONE, number.to_string().into_bytes(), nonce());
        let client = Client::new(Instant(0), settings, PredictNothing, Library::of(ContentId::NONE, ()));
        Self::of(host, endpoint, client, change)
    }

    fn of(host: &Host, endpoint: &Endpoint, client: Ledgers, change: impl FnOnce(&mut ConnectionSettings)) -> Self {
        let mut settings = ConnectionSettings::new(host.address, NAME);
        settings.backoff.first = Duration::from_millis(1);
        settings.backoff.max = Duration::from_millis(10);
        change(&mut settings);
        let (connection, events, driver) = connect(endpoint.clone(), client, Arc::new(Inline), settings);
        let driver = host.runtime.spawn(driver.run());
        Self { connection, events, driver, fates: BTreeMap::new(), roots: BTreeMap::new() }
    }

    /// The first event that `wanted` takes; answers and roots on the way are kept.
    async fn until<T>(&mut self, mut wanted: impl FnMut(&ConnectionEvent) -> Option<T>) -> T {
        loop {
            let event = self.events.next().await.expect("an event before the end");
            match &event {
                ConnectionEvent::Client(ClientEvent::Outcome { sequence, fate, .. }) => {
                    let earlier = self.fates.insert(*sequence, *fate);
                    assert_eq!(earlier, None, "{sequence:?} is answered twice");
                }
                ConnectionEvent::Client(ClientEvent::Confirmed { tick, root, .. }) => {
                    self.roots.insert(*tick, *root);
                }
                ConnectionEvent::Client(ClientEvent::Fault(fault)) => panic!("{fault}"),
                _ => {}
            }
            if let Some(found) = wanted(&event) {
                return found;
            }
            assert!(!matches!(event, ConnectionEvent::Ended(_)), "{event:?}");
        }
    }

    async fn welcomed(&mut self) {
        self.until(|event| matches!(event, ConnectionEvent::Client(ClientEvent::Welcome(_))).then_some(())).await;
    }

    async fn outage(&mut self) -> String {
        self.until(|event| match event {
            ConnectionEvent::Outage { cause, .. } => Some(cause.to_string()),
            _ => None,
        })
        .await
    }

    /// The last event, and nothing after it.
    async fn end(&mut self) -> Terminated {
        loop {
            if let Some(ConnectionEvent::Ended(end)) = self.events.next().await {
                assert!(self.events.next().await.is_none());
                return end;
            }
        }
    }

    async fn pay(&self) -> Sequence {
        let transfer = Order::Transfer { from: 0, to: 1, amount: 1 };
        self.connection.submit(transfer, Tick(0), Tick(u64::MAX)).await.expect("an input is taken")
    }

    /// Awaits the answers to all inputs up to `last`, each applied.
    async fn answered(&mut self, last: Sequence) {
        while self.fates.len() < last.0 as usize {
            self.until(|event| matches!(event, ConnectionEvent::Client(ClientEvent::Outcome { .. })).then_some(()))
                .await;
        }
        for (sequence, fate) in &self.fates {
            assert!(matches!(fate, Fate::Applied { code: OutcomeCode::APPLIED, .. }), "{sequence:?}: {fate:?}");
        }
    }
}

/// A host and its region.
fn hosted() -> (Host, Region) {
    let mailbox = Mailbox::new(MailboxLimits::default());
    let host = Host::routed(Arc::new(mailbox.lane()));
    let region = Region::new(mailbox, host.outbox.clone());
    (host, region)
}

/// What the payer has left.
fn coins(region: &Region) -> u64 {
    region.with(|state| {
        let bank = state.simulation.world().state();
        let payer = bank.entities.at(0).expect("account 0 is never closed");
        bank.accounts.get(payer).expect("it holds coins").coins
    })
}

#[test]
fn a_command_client_gets_an_answer_to_each_input() {
    let (host, region) = hosted();
    let mut player = Player::new(&host, &host.endpoint(), SessionKind::Command, 7);
    host.run(async {
        player.welcomed().await;
        let mut last = Sequence(0);
        for _ in 0..50 {
            last = player.pay().await;
        }
        player.answered(last).await;
    });
    assert_eq!(coins(&region), COINS - 50);
    region.shutdown();
}

#[test]
fn a_lockstep_client_has_the_hosts_roots() {
    let (host, region) = hosted();
    let mut player = Player::new(&host, &host.endpoint(), SessionKind::Lockstep, 7);
    host.run(async {
        player.until(|event| matches!(event, ConnectionEvent::Client(ClientEvent::Joined { .. })).then_some(())).await;
        let last = player.pay().await;
        player.answered(last).await;
        while player.roots.len() < 50 {
            player.until(|event| matches!(event, ConnectionEvent::Client(_)).then_some(())).await;
        }
    });
    let roots = region.with(|state| state.roots.clone());
    for (tick, root) in &player.roots {
        assert_eq!(roots.get(tick), Some(root), "tick {}", tick.0);
    }
    let accounts = host.run(player.connection.with(|client, _| client.confirmed().unwrap().state().accounts.len()));
    assert_eq!(accounts, Ok(ACCOUNTS));
    region.shutdown();
}

#[test]
fn a_client_comes_back_after_its_link_broke_and_no_input_is_lost_or_applied_twice() {
    let (host, region) = hosted();
    let mut player = Player::new(&host, &host.endpoint(), SessionKind::Command, 7);
    let mut last = Sequence(0);
    for round in 1..=5 {
        host.run(async {
            player.welcomed().await;
            for _ in 0..10 {
                last = player.pay().await;
            }
        });
        // Not a word of the protocol: the connection is cut with inputs and answers on their way.
        region.with(|state| {
            for session in &state.sessions {
                state.outbox.close(*session, Close { code: CloseCode::Done, detail: "cut".into() });
            }
        });
        let cause = host.run(player.outage());
        assert!(cause.contains("cut"), "round {round}: {cause}");
    }
    host.run(async {
        player.welcomed().await;
        player.answered(last).await;
    });
    assert_eq!((last, coins(&region)), (Sequence(50), COINS - 50));
    region.shutdown();
}

#[test]
fn a_client_comes_back_when_its_server_does() {
    let (mut host, first) = hosted();
    let mut player = Player::new(&host, &host.endpoint(), SessionKind::Command, 7);
    host.run(player.welcomed());
    first.shutdown();
    let listener = host.listener.take().unwrap();
    host.run(listener.shutdown(crate::support::LONG));
    let cause = host.run(player.outage());
    assert!(cause.contains("Shutdown"), "{cause}");
    let mailbox = Mailbox::new(MailboxLimits::default());
    host.listen_again(Arc::new(mailbox.lane()));
    let second = Region::new(mailbox, host.outbox.clone());
    // The new host knows nothing of the client's past, and has the same keys: the ticket is good there.
    host.run(async {
        player.welcomed().await;
        let last = player.pay().await;
        player.answered(last).await;
    });
    second.shutdown();
}

#[test]
fn a_client_that_leaves_is_heard() {
    let (host, region) = hosted();
    let mut player = Player::new(&host, &host.endpoint(), SessionKind::Command, 7);
    let end = host.run(async {
        player.welcomed().await;
        let last = player.pay().await;
        player.answered(last).await;
        player.connection.leave().await;
        player.end().await
    });
    assert!(matches!(end, Terminated::Left), "{end}");
    // A player who was only lost would stay for half a minute.
    while region.with(|state| state.host.player_count()) > 0 {}
    let ticket = host.run(player.driver).unwrap().ticket();
    assert_eq!(ticket, None);
    region.shutdown();
}

#[test]
fn a_client_that_was_let_go_of_can_go_on() {
    let (host, region) = hosted();
    let endpoint = host.endpoint();
    let mut player = Player::new(&host, &endpoint, SessionKind::Command, 7);
    let end = host.run(async {
        player.welcomed().await;
        player.pay().await;
        player.connection.detach().await;
        player.end().await
    });
    assert!(matches!(end, Terminated::Detached), "{end}");
    let client = host.run(player.driver).unwrap();
    assert!(client.ticket().is_some());
    let mut again = Player::of(&host, &endpoint, client, |_| {});
    again.fates = player.fates;
    host.run(async {
        again.welcomed().await;
        again.answered(Sequence(1)).await;
    });
    assert_eq!(coins(&region), COINS - 1);
    region.shutdown();
}

#[test]
fn an_application_that_takes_no_events_can_still_leave() {
    let (host, region) = hosted();
    let player = Player::with(&host, &host.endpoint(), SessionKind::Lockstep, 7, |settings| settings.events_max = 1);
    host.run(async {
        while player.connection.with(|client, _| client.confirmed().is_none()).await.unwrap() {}
        player.connection.leave().await;
        player.driver.await.unwrap();
    });
    region.shutdown();
}

#[test]
fn what_no_attempt_can_mend_ends_the_connection() {
    let (host, region) = hosted();
    let other = host.endpoint_with(|settings| settings.trust = Trust::Pinned(Fingerprint([1; 32])));
    let mut untrusting = Player::new(&host, &other, SessionKind::Command, 7);
    let end = host.run(untrusting.end());
    assert!(matches!(end, Terminated::Dial(DialError::Untrusted(_))), "{end}");
    let endpoint = host.endpoint();
    let mut first = Player::new(&host, &endpoint, SessionKind::Command, 7);
    host.run(first.welcomed());
    let _second = Player::new(&host, &endpoint, SessionKind::Command, 7);
    let end = host.run(first.end());
    assert!(matches!(&end, Terminated::Refused(goodbye) if goodbye.reason == Reason::Replaced), "{end}");
    region.shutdown();
}

#[test]
fn attempts_end_where_they_are_limited() {
    let host = Host::new();
    let endpoint = host.endpoint_with(|settings| settings.handshake_timeout = Duration::from_millis(20));
    let nobody = std::net::UdpSocket::bind(loopback()).unwrap();
    let mut player = Player::with(&host, &endpoint, SessionKind::Command, 7, |settings| {
        settings.address = nobody.local_addr().unwrap();
        settings.backoff = Backoff { attempts_max: Some(3), ..settings.backoff };
    });
    let end = host.run(player.end());
    assert!(matches!(end, Terminated::RetriesExhausted(Outage::Dial(DialError::NoAnswer))), "{end}");
}

/// A server without room is asked again after waits that grow, and no two clients wait the same.
#[test]
fn clients_that_are_refused_wait_longer_each_time_and_come_in_when_there_is_room() {
    let mut host = Host::with(|settings| settings.sessions_max = 1);
    let endpoint = host.endpoint();
    let (holder, _) = host.connect(&endpoint);
    let (first, max) = (Duration::from_millis(4), Duration::from_millis(32));
    let backoff = |settings: &mut ConnectionSettings| settings.backoff = Backoff { first, max, ..Backoff::default() };
    let mut players = [7, 8].map(|number| Player::with(&host, &endpoint, SessionKind::Command, number, backoff));
    let mut waits = [Vec::new(), Vec::new()];
    for round in 0..6 {
        for (player, waits) in players.iter_mut().zip(&mut waits) {
            let wait = host.run(player.until(|event| match event {
                ConnectionEvent::Outage { cause: Outage::Dial(DialError::Refused), wait } => Some(*wait),
                ConnectionEvent::Outage { cause, .. } => panic!("{cause}"),
                _ => None,
            }));
            let cap = first.saturating_mul(1 << round).min(max);
            assert!(wait >= cap / 4 && wait <= cap, "round {round}: {wait:?}");
            waits.push(wait);
        }
    }
    assert_ne!(waits[0], waits[1]);
    drop(holder);
    let connected = |event: &ConnectionEvent| matches!(event, ConnectionEvent::Connected).then_some(());
    let [one, other] = &mut players;
    host.run(async {
        tokio::select! { () = one.until(connected) => {}, () = other.until(connected) => {} }
    });
}

#[test]
fn dropped_connections_leave_no_task() {
    let (mut host, region) = hosted();
    let endpoint = host.endpoint();
    let mut players: Vec<_> =
        (1..=20).map(|number| Player::new(&host, &endpoint, SessionKind::Command, number)).collect();
    for player in &mut players {
        host.run(player.welcomed());
    }
    let mut drivers = Vec::new();
    for Player { connection, events, driver, .. } in players {
        drop((connection, events));
        drivers.push(driver);
    }
    for driver in drivers {
        host.run(driver).unwrap();
    }
    host.run(endpoint.shutdown());
    region.shutdown();
    let listener = host.listener.take().unwrap();
    host.run(listener.shutdown(crate::support::LONG));
    let Host { runtime, events, outbox, .. } = host;
    drop((events, outbox));
    await_no_tasks(&runtime);
}

#[test]
fn many_clients_share_one_socket() {
    let (host, region) = hosted();
    let endpoint = host.endpoint();
    let mut players: Vec<_> =
        (1..=300).map(|number| Player::new(&host, &endpoint, SessionKind::Command, number)).collect();
    for player in &mut players {
        host.run(player.welcomed());
        host.run(player.pay());
    }
    for player in &mut players {
        host.run(player.answered(Sequence(1)));
    }
    assert_eq!(coins(&region), COINS - 300);
    region.shutdown();
}

#[test]
fn a_client_in_the_same_process_plays_beside_one_over_quic() {
    let (mut host, region) = hosted();
    let network = MemoryNetwork::default();
    let at = |host: u8| network.endpoint(SocketAddr::from(([10, 0, 0, host], 1))).unwrap();
    let (door, inside) = (at(1), at(2));
    let address = door.local_address();
    host.listener.as_mut().unwrap().add(door);
    let endpoint = Endpoint::over(inside, DialTimeouts::default());
    let near = |settings: &mut ConnectionSettings| settings.address = address;
    let mut near = Player::with(&host, &endpoint, SessionKind::Lockstep, 7, near);
    let mut far = Player::new(&host, &host.endpoint(), SessionKind::Lockstep, 8);
    for player in [&mut near, &mut far] {
        host.run(async {
            player
                .until(|event| matches!(event, ConnectionEvent::Client(ClientEvent::Joined { .. })).then_some(()))
                .await;
            let last = player.pay().await;
            player.answered(last).await;
        });
    }
    assert_eq!((coins(&region), host.listener().sessions()), (COINS - 2, 2));
    let listener = host.listener.take().unwrap();
    region.shutdown();
    host.run(listener.shutdown(crate::support::LONG));
    for player in [&mut near, &mut far] {
        assert!(host.run(player.outage()).contains("Shutdown"));
    }
}

#[test]
fn an_outage_says_why() {
    let lost = Outage::Lost(Disconnect::Lost("timed out".into()));
    assert_eq!(lost.to_string(), "connection lost: timed out");
}
