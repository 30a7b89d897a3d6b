//! A game of one's own in a server of one's own: own store, own login, own HTTP application, inputs from code, the world as
//! data. Run it with `cargo run --release -p tickworld-server --no-default-features --example embedded`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use axum::{Router, extract, routing::get};
use tickworld_persist::memory::Memory;
use tickworld_proto::message::{Fate, SessionKind};
use tickworld_server::{
    admission::{Authentication, AuthenticationRequest, Authenticator, Granted, Refused},
    config::Config,
    server::{Ended, Server, WorldHandle},
    world::{AdapterError, GameAdapter},
};
use tickworld_sim::prelude::*;

/// What each player has.
#[derive(Component, Clone, Copy, Debug)]
struct Purse {
    coins: u32,
}

#[derive(State, Clone)]
struct Realm {
    entities: Entities,
    purse: Column<Purse>,
}

/// Every input finds as many coins as it says.
fn find_coins(realm: &mut Realm, step: &mut Step<'_, Purses>) {
    for (index, input) in step.inputs().iter().enumerate() {
        let Some(row) = input.entity.and_then(|entity| realm.entities.row(entity)) else { continue };
        let coins = realm.purse.get(row).map_or(0, |purse| purse.coins).saturating_add(u32::from(input.body));
        realm.purse.set(row, Purse { coins });
        step.answer(index, OutcomeCode::APPLIED, i64::from(coins));
    }
}

struct Purses;

impl Game for Purses {
    type State = Realm;
    type Input = u8;
    type Event = u8;
    type Content = ();
    const NAME: &'static str = "purses";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "find_coins", run: find_coins }];

    fn join(realm: &mut Realm, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        realm.spawn(Band(0)).ok()
    }
}

/// How a world of it begins.
struct Town;

impl GameAdapter for Town {
    type Game = Purses;

    fn title(&self) -> String {
        "a town of purses".to_owned()
    }

    fn begin(&self) -> Result<Simulation<Purses>, AdapterError> {
        Ok(Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_: &mut Realm, ()| {}))
    }
}

/// Whoever knows the word may watch.
struct Password;

impl Authenticator for Password {
    fn authenticate(&self, request: AuthenticationRequest) -> Authentication<'_> {
        Box::pin(async move {
            match &*request.token {
                b"open sesame" => Ok(Granted::new(None, vec![SessionKind::Witness])),
                _ => Err(Refused::Denied("that is not the word".to_owned())),
            }
        })
    }
}

/// All coins of the newest durable world.
fn total(world: &WorldHandle<Purses>) -> u64 {
    let newest = world.newest();
    let mut total = 0;
    join(&newest.state().purse).for_each(|_, purse| total += u64::from(purse.coins));
    total
}

#[tokio::main]
async fn main() -> Result<(), AdapterError> {
    let folder = tempfile::tempdir()?;
    let config = Config { data: folder.path().to_owned(), listen: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    // DOC:EMBED
    let store = Memory::default();
    let server = Server::new(config.clone(), Town).authenticator(Arc::new(Password)).without_http();
    let running = server.start_on(store.clone()).await?;
    let world = running.world();
    // DOC:END

    // Our own HTTP application, with the server's routes beside ours.
    let routes = Router::new()
        .route(
            "/coins",
            get(|extract::State(world): extract::State<WorldHandle<Purses>>| async move { total(&world).to_string() }),
        )
        .with_state(world.clone())
        .nest("/world", running.routes());
    let socket = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = socket.local_addr()?;
    let web = tokio::spawn(async move { axum::serve(socket, routes).await });

    // An input from code: applied once, and durable when the answer comes.
    let mut ticks = world.follow();
    let (sequence, fate) = world.submit(PlayerId(7), 5).await?;
    let Fate::Applied { tick, value, .. } = fate else { return Err(format!("refused: {fate:?}").into()) };
    println!("input {} of player 7 was applied in tick {tick}, and left {value} coins", sequence.0);
    while ticks.next().await?.tick() < tick {}
    println!("a follower has seen tick {tick}; the town has {} coins", total(&world));

    let shown = tokio::task::spawn_blocking(move || ask(address, "/coins")).await??;
    println!("GET /coins: {shown}");
    let alive = tokio::task::spawn_blocking(move || ask(address, "/world/healthz")).await??;
    println!("GET /world/healthz: {}", alive.trim());

    web.abort();
    let ended = running.stop().await;
    println!("the world ended: {ended:?}");
    // The store outlives the server, and the world goes on where it left off.
    let again = Server::new(config, Town).without_http().start_on(store).await?;
    println!("it goes on at tick {} with {} coins", again.world().newest().tick(), total(&again.world()));
    let is_right = shown == "5" && total(&again.world()) == 5 && again.stop().await == Ended::Asked;
    if is_right && ended == Ended::Asked { Ok(()) } else { Err("something is not as it should be".into()) }
}

/// What a path answers.
fn ask(address: std::net::SocketAddr, path: &str) -> Result<String, AdapterError> {
    Ok(ureq::get(format!("http://{address}{path}")).call()?.body_mut().read_to_string()?)
}
