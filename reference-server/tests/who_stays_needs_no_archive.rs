//! A game whose players do not travel has no use for an archive: a server that is told to keep one does not start.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use tickworld_persist::memory::Memory;
use tickworld_server::{
    config::Config,
    server::Server,
    world::{AdapterError, GameAdapter},
};
use tickworld_sim::prelude::*;

#[derive(State, Clone)]
struct Quarry {
    entities: Entities,
}

/// Whoever comes stays.
struct Stones;

impl Game for Stones {
    type State = Quarry;
    type Input = u8;
    type Event = ();
    type Content = ();
    const NAME: &'static str = "stones";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[];

    fn join(_: &mut Quarry, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

struct Begun;

impl GameAdapter for Begun {
    type Game = Stones;

    fn title(&self) -> String {
        "a quarry".to_owned()
    }

    fn begin(&self) -> Result<Simulation<Stones>, AdapterError> {
        Ok(Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {}))
    }
}

#[tokio::test]
async fn an_archive_for_players_who_stay_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = |archive_after_seconds| Config {
        data: folder.path().to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        archive_after_seconds,
        ..Config::default()
    };
    let start = |config| Server::new(config, Begun).without_http().start_on(Memory::default());
    let refused = start(config(Some(60))).await.err().expect("it has no archive").to_string();
    let told = "archive-after-seconds is set, and players of the game stones do not travel: leave it out";
    assert!(refused.contains(told), "{refused}");
    start(config(None)).await.expect("it starts without").stop().await;
}
