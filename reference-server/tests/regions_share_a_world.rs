//! Regions of one world in one process behind one game port: a client crosses with what is theirs, goes on where it is, and finds
//! its player again after everything was stopped. Players cross to neighbours only, and are led to any region.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tickworld_ledger::{Ledger, Order};
use tickworld_net::{
    connection::{Connection, ConnectionEvent, ConnectionEvents, ConnectionSettings, connect},
    endpoint::{Endpoint, EndpointSettings},
    tls::trust::Trust,
};
use tickworld_proto::{
    client::{Client, ClientEvent, ClientSettings},
    instant::Instant,
    message::{Fate, Nonce, SessionKind},
};
use tickworld_server::{
    admission::{Claims, DevelopmentIssuer, KindName},
    config::Config,
    server::{Borders, Ended, Regions, Running, Server},
    start_error::StartError,
    world::Accounts,
};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{PlayerId, Tick},
    region::{Border, RegionId},
    rollback::PredictNothing,
    session::OutcomeCode,
};

/// More than any step of the test takes.
const LONG: Duration = Duration::from_secs(60);
const PLAYER: PlayerId = PlayerId(7);
const NORTH: RegionId = RegionId(1);
const SOUTH: RegionId = RegionId(2);

fn config(data: &Path) -> Config {
    Config { data: data.to_owned(), listen: ([127, 0, 0, 1], 0).into(), ..Config::default() }
}

/// The world of the folder, with its regions.
struct World {
    regions: Regions<Ledger>,
    borders: Borders,
    /// By number from 1.
    running: Vec<Running<Ledger>>,
}

/// A world of two regions.
fn two() -> Borders {
    Borders::from([(NORTH, BTreeSet::from([SOUTH])), (SOUTH, BTreeSet::from([NORTH]))])
}

impl World {
    async fn start(data: &Path, borders: Borders) -> Self {
        let regions = Regions::open_with(&config(data), borders.clone()).await.expect("a folder and a port");
        let mut running = Vec::new();
        for id in borders.keys() {
            running.push(begin(data, &regions, *id).await.expect("it begins"));
        }
        Self { regions, borders, running }
    }

    async fn stop(self) {
        for running in self.running {
            assert_eq!(running.stop().await, Ended::Asked);
        }
        self.regions.close().await;
    }

    /// Waits until players may cross all borders in both directions.
    async fn open(&self) {
        for (running, neighbours) in self.running.iter().zip(self.borders.values()) {
            let mut ticks = running.world().follow();
            let opens = async {
                loop {
                    let world = ticks.next().await.expect("the world runs");
                    let known = |other: &RegionId| world.region().neighbour(*other);
                    if neighbours.iter().all(|it| known(it).is_some_and(|known| known.border == Border::Open)) {
                        break;
                    }
                }
            };
            tokio::time::timeout(LONG, opens).await.expect("the borders open");
        }
    }

    /// The regions in which the player is, by their places.
    fn places(&self) -> Vec<bool> {
        self.running.iter().map(is_there).collect()
    }
}

async fn begin(data: &Path, regions: &Regions<Ledger>, id: RegionId) -> Result<Running<Ledger>, StartError> {
    let world = Accounts { accounts: 8, coins: 100 };
    Server::new(config(data), world).within(id, regions).without_http().start().await
}

/// A client's program.
struct Program {
    connection: Connection<Ledger, PredictNothing>,
    events: ConnectionEvents,
    /// The region that welcomed it last.
    at: Option<RegionId>,
}

impl Program {
    fn begin(data: &Path, world: &World, nonce: u8) -> Self {
        let issuer = DevelopmentIssuer::open(data).expect("the folder has an issuer");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970").as_secs();
        let audience = config(data).audience;
        let claims = Claims::fresh(Some(PLAYER.0), &audience, &[KindName::Command], now, 600);
        let token = issuer.sign(&claims.expect("there is randomness")).into_bytes();
        let door = world.regions.door();
        let endpoint = EndpointSettings::new(Trust::Pinned(door.fingerprint()));
        let endpoint = Endpoint::bind(&tokio::runtime::Handle::current(), endpoint).expect("a port of this machine");
        let settings = ClientSettings::new(SessionKind::Command, ContentId::NONE, token, Nonce([nonce; 16]));
        let client = Client::<Ledger, _>::new(Instant(0), settings, PredictNothing, Library::of(ContentId::NONE, ()));
        let settings = ConnectionSettings::new(door.address(), "localhost");
        let (connection, events, driver) = connect(endpoint, client, Arc::new(Inline), settings);
        tokio::spawn(driver.run());
        Self { connection, events, at: None }
    }

    /// The first of its events that `look` makes something of.
    async fn until<T>(&mut self, what: &str, look: impl Fn(&ClientEvent) -> Option<T>) -> T {
        let Self { events, at, .. } = self;
        let wanted = async {
            loop {
                match events.next().await.expect("an end before nothing") {
                    ConnectionEvent::Client(event) => {
                        if let ClientEvent::Welcome(welcome) = &event {
                            *at = Some(welcome.region);
                        }
                        if let Some(found) = look(&event) {
                            return found;
                        }
                    }
                    ConnectionEvent::Ended(end) => panic!("{what}: {end}"),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(LONG, wanted).await.unwrap_or_else(|_| panic!("never: {what}"))
    }

    /// Is welcome in a region, now or before: the last answer of the region that it left may have come from here.
    async fn is_welcome(&mut self, region: RegionId) {
        if self.at != Some(region) {
            self.until("a welcome", |event| match event {
                ClientEvent::Welcome(welcome) => (welcome.region == region).then_some(()),
                _ => None,
            })
            .await;
        }
    }

    /// Gives an order, and what became of it.
    async fn order(&mut self, order: Order) -> (OutcomeCode, i64) {
        let sequence = self.connection.submit(order, Tick(0), Tick(u64::MAX)).await.expect("an input is taken");
        self.until("an outcome", |event| match event {
            ClientEvent::Outcome { sequence: of, fate: Fate::Applied { code, value, .. }, .. } if *of == sequence => {
                Some((*code, *value))
            }
            ClientEvent::Outcome { sequence: of, fate, .. } if *of == sequence => panic!("{fate:?}"),
            _ => None,
        })
        .await
    }
}

fn is_there(running: &Running<Ledger>) -> bool {
    let world = running.world().newest();
    world.players().find(PLAYER).is_some_and(|player| player.departed_to.is_none())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_crosses_and_finds_its_player_again() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let world = World::start(folder.path(), two()).await;
    world.open().await;
    let mut program = Program::begin(folder.path(), &world, 1);
    // Who asks for none comes to the first.
    program.is_welcome(NORTH).await;
    assert_eq!(program.order(Order::Take { account: 0, amount: 30 }).await, (OutcomeCode::APPLIED, 70));
    assert_eq!(program.order(Order::Travel { region: SOUTH.0 }).await.0, OutcomeCode::APPLIED);
    // The connection follows its player.
    program.is_welcome(SOUTH).await;
    assert_eq!(program.order(Order::Put { account: 5, amount: 20 }).await, (OutcomeCode::APPLIED, 10));
    assert_eq!(world.places(), [false, true]);
    program.connection.detach().await;
    world.stop().await;

    // Everything is where it was, and somebody who knows of nothing is led there.
    let world = World::start(folder.path(), two()).await;
    world.open().await;
    let mut program = Program::begin(folder.path(), &world, 2);
    program.is_welcome(SOUTH).await;
    assert_eq!(program.order(Order::Travel { region: NORTH.0 }).await.0, OutcomeCode::APPLIED);
    program.is_welcome(NORTH).await;
    assert_eq!(program.order(Order::Put { account: 0, amount: 10 }).await, (OutcomeCode::APPLIED, 0));
    let totals: Vec<_> = world.running.iter().map(|running| running.world().newest().state().total()).collect();
    assert_eq!(totals, [780, 820], "twenty coins went south for good");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_cross_to_neighbours_and_are_led_to_any_region() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let far = RegionId(3);
    // Three in a row.
    let borders = Borders::from([
        (NORTH, BTreeSet::from([SOUTH])),
        (SOUTH, BTreeSet::from([NORTH, far])),
        (far, BTreeSet::from([SOUTH])),
    ]);
    let world = World::start(folder.path(), borders).await;
    world.open().await;
    let mut program = Program::begin(folder.path(), &world, 1);
    program.is_welcome(NORTH).await;
    // There is no border to cross: the order is done, and the player stays.
    assert_eq!(program.order(Order::Travel { region: far.0 }).await.0, OutcomeCode::APPLIED);
    assert_eq!(program.order(Order::Take { account: 0, amount: 30 }).await, (OutcomeCode::APPLIED, 70));
    assert_eq!(world.places(), [true, false, false]);
    for region in [SOUTH, far] {
        assert_eq!(program.order(Order::Travel { region: region.0 }).await.0, OutcomeCode::APPLIED);
        program.is_welcome(region).await;
    }
    assert_eq!(program.order(Order::Put { account: 5, amount: 20 }).await, (OutcomeCode::APPLIED, 10));
    assert_eq!(world.places(), [false, false, true]);
    program.connection.detach().await;
    // Who knows of nothing comes to the first region, which has no border with that of the player.
    let mut program = Program::begin(folder.path(), &world, 2);
    program.is_welcome(far).await;
    assert_eq!(program.order(Order::Put { account: 5, amount: 10 }).await, (OutcomeCode::APPLIED, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_one_region_is_not_started_as_several() {
    let (one, several) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let alone = |data: &Path| {
        let accounts = Accounts { accounts: 8, coins: 100 };
        Server::new(config(data), accounts).without_http().start()
    };
    assert_eq!(alone(one.path()).await.expect("it begins").stop().await, Ended::Asked);
    World::start(several.path(), two()).await.stop().await;
    let error = Regions::<Ledger>::open(&config(one.path()), 2).await.map(|_| ()).expect_err("it is another world");
    assert!(error.to_string().ends_with("has one region: start it so, or name another folder"), "{error}");
    let error = alone(several.path()).await.map(|_| ()).expect_err("it is another world");
    assert!(error.to_string().ends_with("has several regions: start it so, or name another folder"), "{error}");
    let error = Regions::<Ledger>::open(&config(several.path()), 1).await.map(|_| ()).expect_err("one is left out");
    assert!(error.to_string().contains("has other regions, too"), "{error}");
    // Neither was changed.
    assert_eq!(alone(one.path()).await.expect("it goes on").stop().await, Ended::Asked);
    World::start(several.path(), two()).await.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_of_another_world_does_not_start() {
    let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    for folder in [&here, &there] {
        World::start(folder.path(), two()).await.stop().await;
    }
    // Somebody copied a region's folder from one world into another one, or under another number.
    for (from, to) in [(there.path().join("region-2"), "region-2"), (here.path().join("region-1"), "region-2")] {
        let to = here.path().join(to);
        std::fs::remove_dir_all(&to).expect("it is there");
        std::fs::create_dir(&to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a file");
        }
        let regions = Regions::open(&config(here.path()), 2).await.expect("a folder and a port");
        let north = begin(here.path(), &regions, NORTH).await.expect("it goes on");
        let error = begin(here.path(), &regions, SOUTH).await.map(|_| ()).expect_err("it is another one").to_string();
        assert!(error.starts_with("region 2 finds region"), "{error}");
        assert_eq!(north.stop().await, Ended::Asked);
        regions.close().await;
    }
}
