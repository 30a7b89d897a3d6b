//! Who is away for long leaves the world for the archive and comes back with their numbers, by a ticket or a fresh token.

use std::{path::Path, time::Instant};

use tickworld_ledger::Order;
use tickworld_net::{dialer::Dialer, link::Link};
use tickworld_persist::{AnyStore, Archive as _, StoreConfig, Whereabouts};
use tickworld_proto::{
    channel::{Channel, Transmit},
    message::{Fate, Goodbye, Hello, InputMessage, Inputs, Message, Reason, SessionKind, Welcome},
};
use tickworld_sim::{
    component::Component as _,
    frame::{PlayerId, Sequence, Tick},
    region::RegionId,
};

use crate::{
    harness::{LONG, Launch, meter},
    hostile_peers_end_alone::{Site, control},
};

const PLAYER: u64 = 50;

fn open(site: &Site, dialer: &Dialer, hello: Hello) -> (Link, Welcome) {
    let link = site.dial(dialer);
    link.send(control(&hello));
    loop {
        match site.next(&link) {
            Some((_, Message::Welcome(welcome))) => return (link, welcome),
            Some((_, Message::Goodbye(goodbye))) => panic!("not let in: {goodbye:?}"),
            Some(_) => {}
            None => panic!("not let in"),
        }
    }
}

/// Sends an input with this number, waits for its answer, and leaves.
fn play(site: &Site, link: &Link, sequence: Sequence) {
    let mut body = vec![0; Order::SIZE];
    Order::Transfer { from: 0, to: 1, amount: 1 }.encode(&mut body);
    // Without the zeros at its end.
    body.truncate(body.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    let input = InputMessage { sequence, not_before: Tick(0), not_after: Tick(u64::MAX), body: body.into() };
    let message = Message::Inputs(Inputs { base: sequence, inputs: vec![input] });
    link.send(Transmit { channel: Channel::Datagram, bytes: message.encode() });
    loop {
        match site.next(link) {
            Some((_, Message::Outcomes(message))) => {
                let [outcome] = &message.outcomes[..] else { panic!("{message:?}") };
                assert_eq!(outcome.sequence, sequence);
                assert!(matches!(outcome.fate, Fate::Applied { .. }), "{outcome:?}");
                break;
            }
            Some(_) => {}
            None => panic!("no answer comes"),
        }
    }
    link.send(control(&Message::Goodbye(Goodbye { reason: Reason::Leave, detail: String::new() })));
}

/// Where the archive has the player.
fn row(folder: &Path) -> Whereabouts {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = AnyStore::open(&StoreConfig::read_only(folder)).await.unwrap();
        let row = store.whereabouts(&[PlayerId(PLAYER)]).await.unwrap().remove(0).unwrap();
        store.close().await;
        row.expect("the archive knows the player")
    })
}

/// Waits until so many players have left for the archive.
fn rests(site: &Site, departures: u64) {
    let begun = Instant::now();
    while meter(site.ready.http, "tickworld_archive_departures_total") < departures {
        assert!(begun.elapsed() < LONG, "nobody leaves");
    }
}

#[test]
fn who_is_away_rests_and_comes_back_with_their_numbers() {
    let site = Site::of(|launch: Launch| launch.with("--archive-after-seconds=1"));
    let dialer = site.dialer(2);
    let (link, welcome) = open(&site, &dialer, site.hello(PLAYER, SessionKind::Command));
    assert_eq!(welcome.next_sequence, Sequence(1));
    play(&site, &link, Sequence(1));
    rests(&site, 1);
    let hello = site.hello(PLAYER, SessionKind::Command);
    let (link, welcome) = open(&site, &dialer, Hello { token: Vec::new(), ticket: Some(welcome.ticket), ..hello });
    assert_eq!(welcome.next_sequence, Sequence(2), "by the ticket of before");
    play(&site, &link, Sequence(2));
    rests(&site, 2);
    let (link, welcome) = open(&site, &dialer, site.hello(PLAYER, SessionKind::Command));
    assert_eq!(welcome.next_sequence, Sequence(3), "by a fresh token");
    play(&site, &link, Sequence(3));
    drop(link);
    // However it ends.
    site.server.kill();
    let row = row(site.folder.path());
    // Born, gone, back, gone, back; and gone once more, if there was time for it.
    assert!(row.hops >= 5, "the player never rested: {row:?}");
    assert_eq!(row.at.is_none(), row.hops.is_multiple_of(2), "{row:?}");
    assert_eq!(row.by.region, RegionId::FIRST);
}
