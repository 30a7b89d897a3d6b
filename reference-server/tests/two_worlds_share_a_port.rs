//! Two worlds in one process behind one game port: a client's token says to which one it comes.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tickworld_ledger::{Ledger, Order};
use tickworld_net::{
    connection::{Connection, ConnectionEvent, ConnectionEvents, ConnectionSettings, Terminated, connect},
    endpoint::{Endpoint, EndpointSettings},
    tls::trust::Trust,
};
use tickworld_proto::{
    client::{Client, ClientEvent, ClientSettings},
    instant::Instant,
    message::{Fate, Nonce, Reason, SessionKind},
};
use tickworld_server::{
    admission::{Claims, DevelopmentIssuer, KindName},
    config::Config,
    server::{Door, Ended, Running, Server},
    world::Accounts,
};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::Tick,
    rollback::PredictNothing,
};

/// More than any step of the test takes.
const LONG: Duration = Duration::from_secs(30);

fn config(data: &Path, audience: &str) -> Config {
    let listen = ([127, 0, 0, 1], 0).into();
    Config { data: data.to_owned(), audience: audience.to_owned(), listen, ..Config::default() }
}

async fn start(door: &Door, data: &Path, audience: &str, coins: u64) -> Running<Ledger> {
    let world = Accounts { accounts: 8, coins };
    let server = Server::new(config(data, audience), world).behind(door).without_http();
    server.start().await.expect("the world begins")
}

/// A token of the issuer in `data`, for whatever audience it says.
fn token(data: &Path, audience: &str, player: u64) -> Vec<u8> {
    let issuer = DevelopmentIssuer::open(data).expect("the folder has an issuer");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970").as_secs();
    let claims = Claims::fresh(Some(player), audience, &[KindName::Command], now, 600).expect("there is randomness");
    issuer.sign(&claims).into_bytes()
}

/// What the payer has left after a payment of one coin, or why the session ended.
async fn pay(door: &Door, token: Vec<u8>) -> Result<i64, Reason> {
    let trust = Trust::Pinned(door.fingerprint());
    let endpoint = Endpoint::bind(&tokio::runtime::Handle::current(), EndpointSettings::new(trust));
    let endpoint = endpoint.expect("a port of this machine");
    let settings = ClientSettings::new(SessionKind::Command, ContentId::NONE, token, Nonce([7; 16]));
    let client = Client::<Ledger, _>::new(Instant(0), settings, PredictNothing, Library::of(ContentId::NONE, ()));
    let settings = ConnectionSettings::new(door.address(), "localhost");
    let (connection, mut events, driver) = connect(endpoint, client, Arc::new(Inline), settings);
    let driver = tokio::spawn(driver.run());
    let outcome = outcome(&connection, &mut events);
    let result = tokio::time::timeout(LONG, outcome).await.expect("an answer, or an end");
    driver.abort();
    result
}

async fn outcome(
    connection: &Connection<Ledger, PredictNothing>,
    events: &mut ConnectionEvents,
) -> Result<i64, Reason> {
    loop {
        match events.next().await.expect("an end before nothing") {
            ConnectionEvent::Client(ClientEvent::Welcome(_)) => {
                let transfer = Order::Transfer { from: 0, to: 1, amount: 1 };
                connection.submit(transfer, Tick(0), Tick(u64::MAX)).await.expect("an input is taken");
            }
            ConnectionEvent::Client(ClientEvent::Outcome { fate: Fate::Applied { value, .. }, .. }) => {
                return Ok(value);
            }
            ConnectionEvent::Client(ClientEvent::Closed { goodbye, .. }) => return Err(goodbye.reason),
            ConnectionEvent::Ended(Terminated::Refused(goodbye)) => return Err(goodbye.reason),
            ConnectionEvent::Ended(end) => panic!("{end:?}"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_comes_to_the_world_that_its_token_names() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (north, south) = (folder.path().join("north"), folder.path().join("south"));
    let door = Door::open(&config(&north, "north")).expect("a port of this machine");
    let (first, second) = (start(&door, &north, "north", 100).await, start(&door, &south, "south", 900).await);
    assert_eq!((first.address, second.address), (door.address(), door.address()), "one port");
    assert_eq!(pay(&door, token(&north, "north", 7)).await, Ok(99));
    assert_eq!(pay(&door, token(&south, "south", 7)).await, Ok(899));
    // Each world judges for itself: what the other one's issuer signed is nothing here.
    assert_eq!(pay(&door, token(&north, "south", 8)).await, Err(Reason::Unauthorized));
    assert_eq!(pay(&door, token(&north, "east", 9)).await, Err(Reason::Unauthorized));
    assert_eq!(pay(&door, b"no token".to_vec()).await, Err(Reason::Unauthorized));
    // One ends, the other goes on behind the same port.
    assert_eq!(first.stop().await, Ended::Asked);
    assert_eq!(pay(&door, token(&south, "south", 10)).await, Ok(898));
    assert_eq!(second.stop().await, Ended::Asked);
    door.close().await;
}
