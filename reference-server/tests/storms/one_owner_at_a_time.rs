//! Two servers of one world: the second is refused, or takes over and the first ends. Never both.

use tickworld_persist::{
    Tokens as _,
    embedded::{Files, Settings, Store},
};

use crate::{
    harness::{Audit, Exit, disk::load_clients, meter},
    launch,
};

#[test]
fn a_second_server_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path());
    let (server, ready) = launch.start_ready();
    let load_clients = load_clients(&launch, ready, 1..=2);
    load_clients.await_answers(20);
    let mut second = launch.start();
    let Err(Exit { code, error }) = second.ready() else { panic!("two servers own one world") };
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("another process has the database open"), "{error}");
    load_clients.await_answers(20);
    let answer_log = load_clients.settle();
    assert!(answer_log.outages.is_empty(), "{:?}", answer_log.outages);
    let mut audit = Audit::default();
    audit.read_to_the_end(server, &launch);
    assert_eq!(audit.check_settled(&answer_log), [""; 0]);
}

/// A server whose storage fails lets go of its files. Another one may take the world over then, and when the first gets its
/// files back, it finds that it owns nothing any more.
#[test]
fn a_server_that_was_taken_over_ends_with_its_own_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path());
    let (mut first, ready) = launch.clone().shrugging_at_file_limits().start_ready();
    let load_clients = load_clients(&launch, ready, 1..=2);
    load_clients.await_answers(20);
    first.limit_files(Some(0));
    first.await_message("ticks cannot be stored");
    // It looks for its files now and then: a rival may meet it there, and try again.
    let (second, rival) = loop {
        let mut second = launch.start();
        match second.ready() {
            Ok(ready) => break (second, ready),
            Err(Exit { error, .. }) => assert!(error.contains("another process has the database open"), "{error}"),
        }
    };
    // The second one has stored other ticks of the same numbers by the time that the first can look.
    let open = meter(ready.http, "tickworld_tick");
    while meter(rival.http, "tickworld_durable_tick") <= open {}
    first.limit_files(None);
    second.kill();
    let Exit { code, error } = first.exit();
    assert_eq!(code, Some(4), "{error}");
    assert!(error.contains("taken this world over"), "{error}");
    let mut audit = Audit::default();
    audit.follow(folder.path());
    assert_eq!(audit.check(&load_clients.abandon()), [""; 0]);
}

/// The tokens that the first server took stay used, whoever else tried to start in its folder meanwhile.
#[test]
fn a_refused_server_does_not_make_the_first_forget_used_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path());
    let (server, ready) = launch.start_ready();
    let mut second = launch.start();
    assert!(second.ready().is_err());
    let load_clients = load_clients(&launch, ready, 1..=1);
    load_clients.await_answers(1);
    load_clients.settle();
    server.kill();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let spent = runtime.block_on(async {
        let store = Store::open(Files::new(folder.path()), Settings::default()).await.unwrap();
        store.forget_spent(u64::MAX).await.unwrap()
    });
    assert_eq!(spent, 1, "the one token");
}
