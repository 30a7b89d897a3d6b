//! Who is away for long leaves the world for the archive and comes back with their numbers and with what is theirs, by a ticket or a
//! fresh token.

use std::{fs, path::Path, time::Instant};

use tickworld_ledger::{Ledger, Order};
use tickworld_net::{
    client_connection::{ClientConnection, ClientConnectionEvent},
    endpoint::{Endpoint, EndpointSettings},
    tls::trust::Trust,
};
use tickworld_persist::{AnyStore, Archive as _, StoreConfig, Whereabouts};
use tickworld_proto::{
    channel::{Channel, Transmit},
    limits::PROTOCOL_VERSION,
    message::{Durability, Fate, Goodbye, Hello, InputMessage, Inputs, Message, Reason, SessionKind, Welcome},
};
use tickworld_rules::{Command, ContentKey, Rules};
use tickworld_scenario::packs::shipped;
use tickworld_sim::{
    component::Component,
    content::ContentId,
    frame::{PlayerId, Sequence, Tick},
    game::Game,
    region::RegionId,
    world::schema,
};
use tokio::{runtime::Runtime, time::timeout};

use crate::{
    harness::{LONG, Launch, Process, Ready, meter, nonce, token},
    hostile_peers_end_alone::control,
    launch,
};

const PLAYER: u64 = 50;

/// A server with players who leave it after a second, and the world that it is said to have.
struct Site {
    folder: tempfile::TempDir,
    server: Process,
    ready: Ready,
    runtime: Runtime,
    hello: Hello,
}

impl Site {
    fn of<G: Game>(content: ContentId, change: impl FnOnce(Launch, &Path) -> Launch) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("world");
        let (server, ready) = change(launch(&data), folder.path()).with("--archive-after-seconds=1").start_ready();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            build: "rests".to_owned(),
            game: G::NAME.to_owned(),
            schema: schema::<G>().id(),
            revision: G::REVISION,
            content,
            kind: SessionKind::Command,
            durability: Durability::Disk,
            token: Vec::new(),
            world: None,
            region: RegionId(0),
            hops: 0,
            nonce: nonce(),
            ticket: None,
        };
        Self { folder, server, ready, runtime, hello }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("world")
    }

    /// The hello of a program that has a token and nothing else.
    fn hello(&self) -> Hello {
        Hello { token: token(&self.data(), PLAYER).into_bytes(), nonce: nonce(), ..self.hello.clone() }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::bind(self.runtime.handle(), EndpointSettings::new(Trust::Pinned(self.ready.fingerprint))).unwrap()
    }

    fn open(&self, endpoint: &Endpoint, hello: Hello) -> (ClientConnection, Welcome) {
        let dialed =
            self.runtime.block_on(async { timeout(LONG, endpoint.dial(self.ready.address, "localhost")).await });
        let connection = dialed.unwrap().unwrap();
        connection.send(control(&hello));
        loop {
            match self.next(&connection) {
                Message::Welcome(welcome) => return (connection, welcome),
                Message::Goodbye(goodbye) => panic!("not let in: {goodbye:?}"),
                _ => {}
            }
        }
    }

    fn next(&self, connection: &ClientConnection) -> Message {
        self.runtime.block_on(async {
            loop {
                match timeout(LONG, connection.next()).await.expect("nothing comes") {
                    Some(ClientConnectionEvent::Message { channel, bytes }) => {
                        return Message::decode(channel, &bytes).unwrap();
                    }
                    Some(ClientConnectionEvent::DatagramSize { .. }) => {}
                    ended => panic!("the session ends: {ended:?}"),
                }
            }
        })
    }

    /// Sends an input with this number, waits for its answer, and leaves.
    fn play(&self, connection: &ClientConnection, sequence: Sequence, body: &impl Body) -> &'static str {
        let input =
            InputMessage { sequence, not_before: Tick(0), not_after: Tick(u64::MAX), body: body.bytes().into() };
        let message = Message::Inputs(Inputs { base: sequence, inputs: vec![input] });
        connection.send(Transmit { channel: Channel::Datagram, bytes: message.encode() });
        let code = loop {
            if let Message::Outcomes(message) = self.next(connection) {
                let [outcome] = &message.outcomes[..] else { panic!("{message:?}") };
                assert_eq!(outcome.sequence, sequence);
                let Fate::Applied { code, .. } = outcome.fate else { panic!("{outcome:?}") };
                break code;
            }
        };
        connection.send(control(&Message::Goodbye(Goodbye { reason: Reason::Leave, detail: String::new() })));
        body.name(code)
    }

    /// Waits until so many players have left for the archive.
    fn rests(&self, departures: u64) {
        let begun = Instant::now();
        while meter(self.ready.http, "tickworld_archive_departures_total") < departures {
            assert!(begun.elapsed() < LONG, "nobody leaves");
        }
    }

    /// Plays three times, with a rest in the archive between one and the next, and gives the outcomes.
    fn come_three_times(self, body: &impl Body) -> [&'static str; 3] {
        let endpoint = self.endpoint();
        let (connection, welcome) = self.open(&endpoint, self.hello());
        assert_eq!(welcome.next_sequence, Sequence(1));
        let first = self.play(&connection, Sequence(1), body);
        self.rests(1);
        let (connection, welcome) = self.open(&endpoint, Hello { ticket: Some(welcome.ticket), ..self.hello.clone() });
        assert_eq!(welcome.next_sequence, Sequence(2), "by the ticket of before");
        let second = self.play(&connection, Sequence(2), body);
        self.rests(2);
        let (connection, welcome) = self.open(&endpoint, self.hello());
        assert_eq!(welcome.next_sequence, Sequence(3), "by a fresh token");
        let third = self.play(&connection, Sequence(3), body);
        drop(connection);
        // However it ends.
        let data = self.data();
        self.server.kill();
        let row = row(&data);
        // Born, gone, back, gone, back; and gone once more, if there was time for it.
        assert!(row.hops >= 5, "the player never rested: {row:?}");
        assert_eq!(row.at.is_none(), row.hops.is_multiple_of(2), "{row:?}");
        assert_eq!(row.by.region, RegionId::FIRST);
        [first, second, third]
    }
}

/// An input's body, and what outcomes of its game are called.
trait Body {
    fn bytes(&self) -> Vec<u8>;
    fn name(&self, code: tickworld_sim::session::OutcomeCode) -> &'static str;
}

impl Body for Order {
    fn bytes(&self) -> Vec<u8> {
        encoded(self)
    }

    fn name(&self, code: tickworld_sim::session::OutcomeCode) -> &'static str {
        Ledger::outcome_name(code)
    }
}

impl Body for Command {
    fn bytes(&self) -> Vec<u8> {
        encoded(self)
    }

    fn name(&self, code: tickworld_sim::session::OutcomeCode) -> &'static str {
        Rules::outcome_name(code)
    }
}

/// Without the zeros at its end.
fn encoded<T: Component>(value: &T) -> Vec<u8> {
    let mut body = vec![0; T::SIZE];
    value.encode(&mut body);
    body.truncate(body.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    body
}

/// Where the archive has the player.
fn row(data: &Path) -> Whereabouts {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = AnyStore::open(&StoreConfig::read_only(data)).await.unwrap();
        let row = store.whereabouts(&[PlayerId(PLAYER)]).await.unwrap().remove(0).unwrap();
        store.close().await;
        row.expect("the archive knows the player")
    })
}

#[test]
fn who_is_away_rests_and_comes_back_with_their_numbers() {
    let site = Site::of::<Ledger>(ContentId::NONE, |launch, _| launch);
    assert_eq!(site.come_three_times(&Order::Transfer { from: 0, to: 1, amount: 1 }), ["applied"; 3]);
}

/// A new character would have two of them again.
#[test]
fn a_character_rests_and_comes_back_with_what_is_left_in_its_bag() {
    const SCENARIO: &str = "
name: Meadow
ticks: 10
map: {width: 20, height: 20}
pace: {ticks_per_second: 100}
factions: {crown: []}
classes:
  - {creature: knight, faction: crown, area: [5, 5, 5, 5], items: {longsword: 2}}
";
    let site = Site::of::<Rules>(shipped().unwrap().id, |launch, folder| {
        let scenario = folder.join("meadow.yaml");
        fs::write(&scenario, SCENARIO).unwrap();
        launch.with("--world=d20").with(&format!("--scenario={}", scenario.display()))
    });
    let drop = Command::Drop { item: ContentKey::of("item", "longsword"), count: 1 };
    assert_eq!(site.come_three_times(&drop), ["applied", "applied", "not in your bag"]);
}
