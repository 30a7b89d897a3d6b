//! A token admits once: across kills, beside a server that was refused, and over a disk that was full for a while.

use tickworld_net::dialer::Dialer;
use tickworld_proto::message::{Hello, Message, Reason, SessionKind};

use crate::{
    harness::Launch,
    hostile_peers_end_alone::{Site, control},
    launch,
};

fn is_let_in(site: &Site, dialer: &Dialer, hello: &Hello) -> bool {
    let link = site.dial(dialer);
    link.send(control(hello));
    matches!(site.next(&link), Some((_, Message::Welcome(_))))
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
    let dialer = site.dialer(2);
    let token = site.hello(50, SessionKind::Command);
    assert!(is_let_in(&site, &dialer, &token));
    site.refuse(&dialer, token.clone(), Reason::Unauthorized, "used before");
    // One that is refused touches nothing.
    let again = launch(site.folder.path());
    assert!(again.start().ready().is_err());
    site.refuse(&dialer, token.clone(), Reason::Unauthorized, "used before");
    kill_and_start(&mut site);
    site.refuse(&site.dialer(3), token, Reason::Unauthorized, "used before");
    assert_eq!(site.server.stop().code, Some(0));
}

#[test]
fn tokens_over_a_full_disk_are_neither_lost_nor_good_twice() {
    let mut site = Site::of(Launch::shrugging_at_file_limits);
    let dialer = site.dialer(2);
    let tokens: Vec<Hello> = (50..58).map(|player| site.hello(player, SessionKind::Command)).collect();
    let (early, late) = tokens.split_at(4);
    assert!(early.iter().all(|token| is_let_in(&site, &dialer, token)));
    site.server.limit_files(Some(0));
    site.server.await_message("ticks cannot be stored");
    // Nobody is let in by what cannot be noted, and told to come again.
    for token in late {
        site.refuse(&dialer, token.clone(), Reason::Full, "try again later");
    }
    site.server.limit_files(None);
    site.server.await_message("ticks are stored again");
    for token in late {
        // Where it was not known whether it was noted, it counts as used.
        is_let_in(&site, &dialer, token);
    }
    kill_and_start(&mut site);
    let dialer = site.dialer(3);
    for token in tokens {
        site.refuse(&dialer, token, Reason::Unauthorized, "used before");
    }
    assert_eq!(site.server.stop().code, Some(0));
}
