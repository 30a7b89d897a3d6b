//! Whatever a server makes in its data folder is its owner's alone: the world, keys, and what stands for a right to come back.
#![cfg(unix)]

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

use tickworld_ledger::Order;
use tickworld_server::{
    config::Config,
    server::{Ended, Server},
    world::Accounts,
};
use tickworld_sim::frame::PlayerId;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// The mode of every file of a folder, by name.
fn modes(folder: &Path) -> BTreeMap<String, u32> {
    let paths = fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("it can be read").path());
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    paths.map(|path| (name(&path), mode(&path))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_and_its_secrets_are_their_owners_alone() {
    let scratch = tempfile::tempdir().expect("a folder for the test");
    let data = scratch.path().join("worlds/one");
    let listen = ([127, 0, 0, 1], 0).into();
    let config = Config { data: data.clone(), listen, ..Config::default() };
    let server = Server::new(config, Accounts { accounts: 8, coins: 100 }).without_http();
    let running = server.start().await.expect("the world begins");
    let transfer = Order::Transfer { from: 0, to: 1, amount: 1 };
    running.world().submit(PlayerId(7), transfer).await.expect("it is taken");
    assert_eq!(running.stop().await, Ended::Asked);

    assert_eq!(mode(&data), 0o700);
    let modes = modes(&data);
    for name in ["world.redb", "world.mark", "development-issuer.pem", "dev-certificate-key.pem"] {
        assert!(modes.contains_key(name), "no {name} in {modes:?}");
    }
    // Clients are shown the certificate anyway.
    for (name, mode) in modes.iter().filter(|(name, _)| *name != "dev-certificate.pem") {
        assert_eq!(*mode, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_there_keeps_its_mode() {
    let scratch = tempfile::tempdir().expect("a folder for the test");
    let data = scratch.path().join("world");
    fs::create_dir(&data).expect("it can be made");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o750)).expect("it is ours");
    let listen = ([127, 0, 0, 1], 0).into();
    let config = Config { data: data.clone(), listen, ..Config::default() };
    let server = Server::new(config, Accounts { accounts: 8, coins: 100 }).without_http();
    let running = server.start().await.expect("the world begins");
    assert_eq!(running.stop().await, Ended::Asked);
    assert_eq!((mode(&data), mode(&data.join("world.redb"))), (0o750, 0o600));
}
