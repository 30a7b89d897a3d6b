//! A server that is told to stop does, however many requests wait for its region.
//!
//! While a stop was a request like all others, it was refused by a region that had as many as it takes, and the server gave
//! up on the region after a minute.

use tickworld_ledger::Order;
use tickworld_persist::memory::Memory;
use tickworld_region::RequestError;
use tickworld_server::{
    config::Config,
    server::{Ended, Server},
    world::Accounts,
};
use tickworld_sim::frame::PlayerId;
use tokio::sync::mpsc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_region_takes_no_request_stops() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    // Of a second each: whoever waits for a tick waits longer than the test takes to come to its point.
    let config = Config {
        data: folder.path().to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        tick_rate: Some(1),
        ..Config::default()
    };
    let server = Server::new(config, Accounts { accounts: 8, coins: 100 }).without_http();
    let running = server.start_on(Memory::default()).await.expect("the world begins");
    let (refusals, mut refused) = mpsc::channel(1);
    for player in 1..=1_000 {
        let (world, refusals) = (running.world(), refusals.clone());
        tokio::spawn(async move {
            let transfer = Order::Transfer { from: 0, to: 1, amount: 1 };
            if let Err(RequestError::Unavailable(why)) = world.submit(PlayerId(player), transfer).await
                && why.contains("too many requests")
            {
                // The first one is enough.
                _ = refusals.try_send(());
            }
        });
    }
    refused.recv().await.expect("somebody finds no room");
    assert_eq!(running.stop().await, Ended::Asked);
}
