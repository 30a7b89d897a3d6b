//! A token lets one client in: across kills, beside a server that was refused, and over a disk that was full for a while.

use tickworld_net::endpoint::Endpoint;
use tickworld_proto::message::{Hello, Message, Reason, SessionKind};

use crate::{
    harness::{Launch, nonce},
    hostile_peers_end_alone::{Site, control},
    launch,
};

/// The same token, shown by another program.
fn another(hello: &Hello) -> Hello {
    Hello { nonce: nonce(), ..hello.clone() }
}

fn is_let_in(site: &Site, endpoint: &Endpoint, hello: &Hello) -> bool {
    let connection = site.dial(endpoint);
    connection.send(control(hello));
    matches!(site.next(&connection), Some((_, Message::Welcome(_))))
}

/// Another server goes on with the world of one that was killed.
fn kill_and_start(site: &mut Site) {
    // Stands in its place for a moment, in a folder of its own.
    let elsewhere = tempfile::tempdir().unwrap();
    let killed = std::mem::replace(&mut site.server, launch(elsewhere.path()).start());
    killed.kill();
    (site.server, site.ready) = launch(site.folder.path()).start_ready();
}

#[test]
fn a_used_token_stays_used_whatever_happens_to_the_server() {
    let mut site = Site::of(|launch| launch);
    let endpoint = site.endpoint(2);
    let first = site.hello(50, SessionKind::Command);
    let token = another(&first);
    // Its first client may come again, as one that never heard its welcome; nobody else may.
    assert!(is_let_in(&site, &endpoint, &first) && is_let_in(&site, &endpoint, &first));
    site.refuse(&endpoint, token.clone(), Reason::Unauthorized, "used before");
    // One that is refused touches nothing.
    let again = launch(site.folder.path());
    assert!(again.start().ready().is_err());
    site.refuse(&endpoint, token.clone(), Reason::Unauthorized, "used before");
    kill_and_start(&mut site);
    assert!(is_let_in(&site, &site.endpoint(3), &first), "after a kill too");
    site.refuse(&site.endpoint(3), token, Reason::Unauthorized, "used before");
    assert_eq!(site.server.stop().code, Some(0));
}

#[test]
fn tokens_over_a_full_disk_are_neither_lost_nor_good_twice() {
    let mut site = Site::of(Launch::shrugging_at_file_limits);
    let endpoint = site.endpoint(2);
    let tokens: Vec<Hello> = (50..58).map(|player| site.hello(player, SessionKind::Command)).collect();
    let (early, late) = tokens.split_at(4);
    assert!(early.iter().all(|token| is_let_in(&site, &endpoint, token)));
    site.server.limit_files(Some(0));
    site.server.await_message("ticks cannot be stored");
    // Nobody is let in by what cannot be noted, and told to come again.
    for token in late {
        site.refuse(&endpoint, token.clone(), Reason::Storage, "try again later");
    }
    site.server.limit_files(None);
    site.server.await_message("ticks are stored again");
    for token in late {
        // Whether or not it was noted, it is theirs.
        assert!(is_let_in(&site, &endpoint, token));
    }
    kill_and_start(&mut site);
    let endpoint = site.endpoint(3);
    for token in tokens {
        site.refuse(&endpoint, another(&token), Reason::Unauthorized, "used before");
    }
    assert_eq!(site.server.stop().code, Some(0));
}
