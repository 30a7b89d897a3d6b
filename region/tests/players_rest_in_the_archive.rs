//! A region tells the archive who left only when that is kept, has everybody be there before they come, and goes on where it was
//! when the archive fails or the region starts again.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use tickworld_ledger::Order;
use tickworld_persist::{
    Archive as _, Raise, Voucher,
    error::{Fault, RaiseError},
    memory::{FaultMode, Memory},
};
use tickworld_proto::{
    host::{Finding, Found, HostSettings, Search},
    instant::Micros,
};
use tickworld_region::{
    Answer, Event, Moves, RegionSettings, Request, RequestError, RequestId, Seek, SeekError,
    limits::ARCHIVE_RETRY_WAIT, move_players, seek,
};
use tickworld_sim::{
    frame::{PlayerId, Tick},
    region::RegionId,
};

use common::Driver;

const CLERK: PlayerId = PlayerId(7);
const ONE: Order = Order::Transfer { from: 0, to: 1, amount: 1 };

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("memory answers at once"),
    }
}

/// A region whose absent players leave after two ticks; they time out soon.
fn driver() -> Driver {
    let host = HostSettings {
        archive_after_ticks: Some(2),
        player_timeout: Micros(100_000),
        greeting_timeout: Micros(500_000),
        history_ticks: 64,
        ..HostSettings::default()
    };
    Driver::new(1, RegionSettings { host, snapshot_ticks: 0, ..RegionSettings::default() })
}

/// Carries out what the archive is asked.
fn serve(driver: &mut Driver, archive: &Memory) {
    for work in std::mem::take(&mut driver.seeks) {
        let found = now(seek(archive, &work));
        driver.region.handle_found(driver.now, found);
    }
    for work in std::mem::take(&mut driver.raises) {
        let archived = now(move_players(archive, &work));
        driver.region.handle_moved(driver.now, archived);
    }
    driver.settle();
}

fn row(archive: &Memory) -> Option<(u64, Option<RegionId>)> {
    let row = now(archive.whereabouts(&[CLERK])).unwrap().remove(0).unwrap();
    row.map(|row| (row.hops, row.at))
}

/// An order in the clerk's name, who comes home for it if they rest.
fn order(driver: &mut Driver, archive: &Memory) {
    let order = driver.ask(Request::Input { player: CLERK, input: ONE });
    serve(driver, archive);
    driver.tick();
    driver.tick();
    assert!(matches!(driver.answer(order), Some(Ok(Answer::Input { .. }))), "{:?}", driver.answer(order));
}

fn ticks_until(driver: &mut Driver, what: &str, is_so: impl Fn(&Driver) -> bool) {
    for _ in 0..300 {
        if is_so(driver) {
            return;
        }
        driver.tick();
    }
    panic!("never: {what}");
}

fn departed(driver: &Driver) -> Option<RegionId> {
    driver.region.newest_world().players().find(CLERK).and_then(|player| player.departed_to)
}

#[test]
fn the_archive_has_who_comes_before_the_world_and_who_goes_after_it() {
    let (mut driver, archive) = (driver(), Memory::default());
    order(&mut driver, &archive);
    assert_eq!(row(&archive), Some((1, Some(RegionId::FIRST))), "a birth");
    ticks_until(&mut driver, "nobody leaves", |driver| departed(driver) == Some(RegionId::ARCHIVE));
    assert_eq!(row(&archive), Some((1, Some(RegionId::FIRST))), "nobody was told");
    assert_eq!(driver.raises.len(), 1);
    serve(&mut driver, &archive);
    assert_eq!(row(&archive), Some((2, None)));
    ticks_until(&mut driver, "the slot is free", |driver| driver.region.newest_world().players().find(CLERK).is_none());
    order(&mut driver, &archive);
    assert_eq!(row(&archive), Some((3, Some(RegionId::FIRST))), "a return");
    let player = *driver.region.newest_world().players().find(CLERK).unwrap();
    let last = driver.region.newest_world().players().last_sequence(CLERK);
    assert_eq!((player.hops, last.0), (3, 2), "the second input has the second number");
}

#[test]
fn nobody_is_raised_before_the_tick_is_kept() {
    let (mut driver, archive) = (driver(), Memory::default());
    order(&mut driver, &archive);
    // As many ticks as may be open are made, and none of them is kept.
    let departs = |driver: &Driver| departed(driver) == Some(RegionId::ARCHIVE);
    for _ in 0..200 {
        if departs(&driver) {
            break;
        }
        driver.wait(common::TICK);
        driver.step();
        if !departs(&driver) {
            driver.keep();
        }
    }
    assert!(departs(&driver) && driver.raises.is_empty(), "{:?}", driver.raises);
    driver.keep();
    assert_eq!(driver.raises.len(), 1, "now it is kept");
}

#[test]
fn an_archive_that_fails_is_asked_again() {
    let (mut driver, archive) = (driver(), Memory::default());
    archive.inject(FaultMode::Fails);
    let refused = driver.ask(Request::Input { player: CLERK, input: ONE });
    assert!(driver.answer(refused).is_none());
    serve(&mut driver, &archive);
    match driver.answer(refused) {
        Some(Err(RequestError::Unavailable(why))) => assert!(why.contains("try again later"), "{why}"),
        other => panic!("{other:?}"),
    }
    let failures =
        |driver: &Driver| driver.events.iter().filter(|it| matches!(it, Event::ArchiveFailed { .. })).count();
    assert_eq!((failures(&driver), row(&archive)), (1, None));
    order(&mut driver, &archive);
    ticks_until(&mut driver, "nobody leaves", |driver| !driver.raises.is_empty());
    archive.inject(FaultMode::UnknownLost);
    serve(&mut driver, &archive);
    assert_eq!((failures(&driver), driver.raises.len()), (2, 0));
    let begun = driver.now;
    ticks_until(&mut driver, "it is not asked again", |driver| !driver.raises.is_empty());
    assert!(driver.now.since(begun) >= ARCHIVE_RETRY_WAIT, "it is asked again at once");
    serve(&mut driver, &archive);
    assert_eq!(row(&archive), Some((2, None)));
}

const SEARCH: Search = Search { player: CLERK, number: 1, may_be_born: true };

#[test]
fn whom_another_region_has_is_not_taken_from_it() {
    let archive = Memory::default();
    let by = |region| Voucher { region: RegionId(region), incarnation: 1, tick: Tick(9) };
    let found = |search, region| now(seek(&archive, &Seek { searches: vec![search], by: by(region) })).remove(0).1;
    let theirs = Raise { player: CLERK, hops: 1, at: Some(RegionId(2)), by: by(2), parcel: Some([].as_slice().into()) };
    now(archive.raise(std::slice::from_ref(&theirs))).unwrap();
    assert_eq!(found(SEARCH, 1), Ok(Finding::Elsewhere { region: by(2).region, hops: 1 }));
    // They rest, and are sought twice: the second one finds them where the first one raised them to.
    let rests = Raise { hops: 2, at: None, parcel: Some(b"parcel".as_slice().into()), ..theirs };
    now(archive.raise(&[rests])).unwrap();
    let first = found(SEARCH, 1).unwrap();
    assert_eq!(first, Finding::Here(Found { hops: 3, parcel: b"parcel".as_slice().into() }));
    assert_eq!(found(SEARCH, 1), Ok(first));
    let elsewhere = Finding::Elsewhere { region: by(1).region, hops: 3 };
    assert_eq!(found(SEARCH, 2), Ok(elsewhere));
    let other = Search { player: PlayerId(8), ..SEARCH };
    assert_eq!(found(Search { may_be_born: false, ..other }, 1), Ok(Finding::Nowhere));
    archive.inject(FaultMode::Fails);
    let failed = found(other, 1);
    assert!(matches!(failed, Err(SeekError::Storage(RaiseError::Storage(Fault::Io(_))))), "{failed:?}");
}

/// However many are wanted at once, the archive is asked for the first and then for all others together; each is told what became of
/// them, and what keeps all of them away is told once.
#[test]
fn those_who_come_at_the_same_time_are_looked_for_together() {
    let (mut driver, archive) = (driver(), Memory::default());
    let by = |region| Voucher { region: RegionId(region), incarnation: 1, tick: Tick(9) };
    let player = |number: u64| PlayerId(100 + number);
    let away = |number, at, parcel: Option<&'static [u8]>| Raise {
        player: player(number),
        hops: 1,
        at,
        by: by(2),
        parcel: parcel.map(Into::into),
    };
    now(archive.raise(&[away(5, Some(RegionId(2)), None)])).unwrap();
    let orders: Vec<_> =
        (0..40).map(|number| driver.ask(Request::Input { player: player(number), input: ONE })).collect();
    assert_eq!(driver.seeks.iter().map(|seek| seek.searches.len()).collect::<Vec<_>>(), [1], "one look at a time");
    serve(&mut driver, &archive);
    assert_eq!(driver.seeks.iter().map(|seek| seek.searches.len()).collect::<Vec<_>>(), [39]);
    let late = driver.ask(Request::Input { player: player(50), input: ONE });
    serve(&mut driver, &archive);
    assert_eq!(driver.seeks.len(), 1);
    archive.inject(FaultMode::Fails);
    serve(&mut driver, &archive);
    let failed = |event: &&Event<_>| matches!(event, Event::ArchiveFailed { .. });
    assert_eq!(driver.events.iter().filter(failed).count(), 1);
    assert!(matches!(driver.answer(late), Some(Err(RequestError::Unavailable(_)))));
    ticks_until(&mut driver, "they do not come home", |driver| {
        driver.region.newest_world().players().iter().count() == 39
    });
    driver.tick();
    for (number, order) in orders.into_iter().enumerate() {
        match (number, driver.answer(order)) {
            (5, Some(Err(RequestError::Absent(why)))) => assert!(why.contains("in region 2"), "{why}"),
            (_, Some(Ok(Answer::Input { .. }))) if number != 5 => {}
            (_, other) => panic!("{number}: {other:?}"),
        }
    }
    // All of them fail together, and it is told once.
    let again: Vec<_> =
        (60..90).map(|number| driver.ask(Request::Input { player: player(number), input: ONE })).collect();
    serve(&mut driver, &archive);
    archive.inject(FaultMode::Fails);
    serve(&mut driver, &archive);
    assert_eq!(driver.events.iter().filter(failed).count(), 2, "29 of them failed, and it is told once");
    let refused = |order: &RequestId| matches!(driver.answer(*order), Some(Err(RequestError::Unavailable(_))));
    assert_eq!(again.iter().filter(|order| refused(order)).count(), 29);
}

/// A row that stands in the place of a departure is told, and those before it are acknowledged.
#[test]
fn a_departure_that_the_archive_contradicts_is_not_taken_for_done() {
    let archive = Memory::default();
    let by = Voucher { region: RegionId::FIRST, incarnation: 1, tick: Tick(9) };
    let leaves =
        |player| Raise { player: PlayerId(player), hops: 2, at: None, by, parcel: Some(b"new".as_slice().into()) };
    let stands = Raise { at: Some(RegionId::FIRST), parcel: Some(b"old".as_slice().into()), ..leaves(8) };
    now(archive.raise(&[stands])).unwrap();
    let work = Moves { of: RegionId::ARCHIVE, raises: vec![(4, leaves(7)), (5, leaves(8)), (6, leaves(9))] };
    let archived = now(move_players(&archive, &work));
    assert_eq!((archived.sequence, archived.count), (Some(4), 1));
    assert_eq!(archived.error, Some(SeekError::Contradicted { player: PlayerId(8), hops: 2, found: 2 }));
    let again = now(move_players(&archive, &Moves { of: RegionId::ARCHIVE, raises: vec![(4, leaves(7))] }));
    assert_eq!((again.sequence, again.error), (Some(4), None), "the same once more is no contradiction");
}

#[test]
fn what_is_asked_about_who_rests_is_done_when_they_are_home() {
    let (mut driver, archive) = (driver(), Memory::default());
    order(&mut driver, &archive);
    ticks_until(&mut driver, "nobody leaves", |driver| !driver.raises.is_empty());
    serve(&mut driver, &archive);
    ticks_until(&mut driver, "the slot is free", |driver| driver.region.newest_world().players().find(CLERK).is_none());
    let bar = driver.ask(Request::Bar { player: CLERK, is_barred: true });
    let nobody = driver.ask(Request::Kick { player: PlayerId(8), reason: String::new() });
    assert!(driver.answer(bar).is_none() && driver.answer(nobody).is_none());
    // One is looked for, then the other.
    serve(&mut driver, &archive);
    serve(&mut driver, &archive);
    assert!(matches!(driver.answer(nobody), Some(Err(RequestError::Absent(_)))), "{:?}", driver.answer(nobody));
    driver.tick();
    driver.tick();
    assert!(matches!(driver.answer(bar), Some(Ok(Answer::Done(_)))), "{:?}", driver.answer(bar));
    assert!(driver.region.newest_world().players().find(CLERK).unwrap().is_barred);
}
