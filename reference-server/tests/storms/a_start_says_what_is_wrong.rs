//! A start that cannot be says what is to be changed, and leaves nothing behind; one that can be takes what is there.

use std::{
    ffi::OsString,
    fs,
    net::TcpListener,
    os::unix::{ffi::OsStringExt as _, fs::PermissionsExt as _},
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::{
    binary,
    harness::{Exit, Launch, disk::load_clients},
    launch,
};

/// A d20 server in this folder, on ports that the system chooses.
fn d20(data: &Path) -> Launch {
    Launch::new(binary(), data).with("--world=d20").with("--scenario=duel")
}

fn refused(launch: &Launch) -> Exit {
    match launch.start().ready() {
        Err(exit) => exit,
        Ok(ready) => panic!("it starts: {ready:?}"),
    }
}

/// The binary with these words, in a folder.
fn run(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.current_dir(folder).args(words).stdin(Stdio::null()).env("FOO", OsString::from_vec(vec![0xff]));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn other_peoples_variables_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["--print-config"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("tick-rate"));
}

#[test]
fn a_rate_that_the_rules_do_not_count_with_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("world");
    let Exit { code, error } = refused(&d20(&data).with("--tick-rate=60"));
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("tick-rate is 60") && error.contains("30 ticks a second"), "{error}");
    assert!(!data.exists(), "a start that failed leaves a folder");
    // The same rate may be said, and a game that counts no seconds takes any.
    let (server, _) = d20(&data).with("--tick-rate=30").start_ready();
    assert_eq!(server.stop().code, Some(0));
    let (server, _) = launch(&folder.path().join("bank")).with("--tick-rate=60").start_ready();
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_scenario_of_its_own_rate_sets_the_servers() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("quick.yaml");
    fs::write(&scenario, "name: Quick\nticks: 10\nmap: {width: 9, height: 9}\npace: {ticks_per_second: 50}\n").unwrap();
    let data = folder.path().join("world");
    let quick = Launch::new(binary(), &data).with("--world=d20").with(&format!("--scenario={}", scenario.display()));
    let (server, _) = quick.start_ready();
    assert_eq!(server.stop().code, Some(0));
    // The world that is there keeps it; whoever says another one is told.
    let mut server = quick.with("--tick-rate=30").start();
    let told = server.await_message("tick-rate is 30, and the world that is there was made with 50, which it keeps");
    assert!(told.is_object());
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_world_of_another_game_is_named_with_the_flag_that_starts_it() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = d20(folder.path()).start_ready();
    assert_eq!(server.stop().code, Some(0));
    let Exit { code, error } = refused(&launch(folder.path()));
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("`tickworld-d20`") && error.contains("--world d20"), "{error}");
    assert_eq!(error.matches("error: ").count(), 1, "{error}");
    // That world is untouched.
    let (server, _) = d20(folder.path()).start_ready();
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_world_that_is_there_needs_no_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let absent = d20(folder.path()).with("--scenario=nosuch.yaml");
    let Exit { code, error } = refused(&absent);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("nosuch.yaml") && error.matches("error: ").count() == 1, "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a start that failed leaves files");
    let (server, _) = d20(folder.path()).start_ready();
    assert_eq!(server.stop().code, Some(0));
    let (server, _) = absent.start_ready();
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn the_default_scenario_is_the_shipped_one_whatever_stands_beside() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("duel")).unwrap();
    let through = ["sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh", &folder.path().display().to_string()];
    let (server, _) = d20(&folder.path().join("world")).through(&through).start_ready();
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_port_that_is_taken_is_named_with_its_setting_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (tcp, udp) = (taken.local_addr().unwrap(), udp.local_addr().map(|address| (address, udp)).unwrap());
    for (setting, address) in [("http", tcp), ("admin", tcp), ("listen", udp.0)] {
        let data = folder.path().join("deep/world");
        let Exit { code, error } = refused(&launch(&data).with(&format!("--{setting}={address}")));
        assert_eq!(code, Some(1), "{error}");
        assert!(error.contains(&format!("{setting} is {address}")), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{setting}: a start that failed leaves a folder");
    }
}

#[test]
fn a_start_that_fails_takes_back_what_it_made_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let failing = [
        launch(folder.path()).with("--token-keys=nosuch.pem"),
        launch(folder.path()).with("--certificate=nosuch.pem").with("--certificate-key=nosuch.pem"),
        d20(folder.path()).with("--scenario=nosuch.yaml"),
        d20(folder.path()).with("--tick-rate=7"),
    ];
    for launch in failing {
        let Exit { code, error } = refused(&launch);
        assert_eq!(code, Some(2), "{error}");
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["notes.txt"], "{error}");
    }
}

#[test]
fn a_file_is_no_folder_of_a_world() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let Exit { code, error } = refused(&launch(file.path()));
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("is a file"), "{error}");
}

#[test]
fn a_token_is_signed_only_where_a_server_has_run() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["token", "--player", "7", "--data", "nosuch"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("no server has run in nosuch"), "{}", said(&output));
    assert!(!folder.path().join("nosuch").exists());
    let (server, _) = launch(&folder.path().join("world")).start_ready();
    assert!(run(folder.path(), &["token", "--player", "7", "--data", "world"]).status.success());
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn whatever_is_secret_is_for_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = launch(folder.path()).start_ready();
    assert_eq!(server.stop().code, Some(0));
    for name in ["dev-certificate-key.pem", "development-issuer.pem"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
}

#[test]
fn a_database_that_was_put_back_by_itself_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = launch(folder.path()).start_ready();
    let load_clients = load_clients(&launch(folder.path()), ready, 1..=1);
    load_clients.await_answers(5);
    load_clients.settle();
    assert_eq!(server.stop().code, Some(0));
    fs::remove_file(folder.path().join("world.mark")).unwrap();
    let mut server = launch(folder.path()).start();
    loop {
        let line = server.line().expect("it says so before it ends");
        if line.contains("world.mark") && line.contains("later ticks may be missing") {
            break;
        }
    }
    assert_eq!(server.stop().code, Some(0));
}
