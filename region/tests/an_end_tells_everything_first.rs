//! However a region ends, what was made and stored is told first, and nothing else is.

mod common;

use common::{Driver, TICK};
use tickworld_persist::{BuildId, Epoch, Record, Why};
use tickworld_proto::instant::Micros;
use tickworld_region::{Answer, AppendOutcome, Ended, Request, RequestError, limits::REQUESTS_MAX};
use tickworld_sim::frame::Tick;

#[test]
fn a_panic_ends_the_region_after_everything_before_it_is_stored_and_told() {
    let mut driver = Driver::plain(1);
    driver.tick();
    driver.wait(TICK);
    driver.step();
    driver.wait(TICK);
    driver.panic("index out of bounds");
    assert_eq!(driver.ended(), None, "tick 2 is not stored yet");
    driver.wait(TICK);
    assert!(driver.steps.is_empty(), "no frame is closed any more");
    driver.keep();
    assert_eq!(driver.ended(), None, "the record of the tick itself is on its way");
    let written = driver.appends.front().and_then(|append| append.records.last()).map(Record::position);
    driver.keep();
    assert_eq!(driver.ended(), None, "the panic is not noted yet");
    let mark = driver.marks[0].clone();
    assert_eq!(written.map(|it| (it.tick, it.record_hash)), Some((Tick(3), mark.record_hash)));
    let (epoch, message) = (Some(Epoch(1)), "index out of bounds".to_owned());
    assert_eq!((mark.build, mark.epoch, mark.message), (BuildId::of(b"a test"), epoch, message));
    driver.note();
    assert_eq!(driver.region.released_tick(), Tick(2));
    let expected = Ended::Panicked { tick: Tick(3), message: "index out of bounds".to_owned() };
    assert_eq!(driver.ended(), Some(&expected));
    assert_eq!(driver.ends.len(), 0, "the claim is not ended in good order");
}

#[test]
fn a_panic_that_cannot_be_noted_ends_the_region_too() {
    let mut driver = Driver::plain(1);
    driver.wait(TICK);
    driver.panic("no");
    driver.keep();
    driver.region.handle_marked(driver.now, Err("the disk is full".to_owned()));
    driver.settle();
    assert!(
        matches!(driver.ended(), Some(Ended::Panicked { tick: Tick(1), message }) if message.contains("disk is full"))
    );
}

#[test]
fn a_shutdown_stores_a_snapshot_of_the_last_tick_and_ends_the_claim() {
    for lag in [1, 4] {
        let mut driver = Driver::plain(lag);
        driver.tick();
        driver.wait(TICK);
        driver.step();
        let request = driver.ask(Request::Shutdown);
        assert_eq!(driver.answer(request), Some(&Ok(Answer::Ending(Tick(3)))));
        driver.wait(TICK);
        assert!(driver.steps.is_empty(), "no frame is closed any more");
        while !driver.hashes.is_empty() {
            driver.hash();
        }
        driver.keep();
        assert_eq!(driver.region.released_tick(), Tick(2));
        assert_eq!(driver.stored(Ok(())), Tick(2));
        assert_eq!(driver.ends.len(), 1);
        let end = driver.ends[0].as_claim().expect("a claim");
        assert_eq!((end.why, end.is_loss, end.after.tick, end.slot), (Why::End, false, Tick(2), end.after.slot.next()));
        driver.region.handle_claim_ended(driver.now, Ok(()));
        driver.settle();
        assert_eq!(driver.ended(), Some(&Ended::Asked));
        assert_eq!(driver.region.poll_timeout(), None);
    }
}

#[test]
fn a_world_that_did_not_change_since_its_snapshot_is_not_stored_again() {
    let mut driver = Driver::plain(1);
    driver.ask(Request::Shutdown);
    assert!(driver.snapshots.is_empty());
    assert_eq!(driver.ends.len(), 1);
}

#[test]
fn an_end_waits_for_the_journal_so_long_and_no_longer() {
    let mut driver = Driver::plain(1);
    driver.wait(TICK);
    driver.step();
    driver.ask(Request::Shutdown);
    driver.wait(Micros::from_millis(9_999));
    assert_eq!(driver.ended(), None);
    driver.wait(Micros::from_millis(1));
    assert!(matches!(driver.ended(), Some(Ended::Failed(why)) if why.contains("in time")));
    driver.answer_append(AppendOutcome::Fenced(Epoch(9)));
    assert!(matches!(driver.ended(), Some(Ended::Failed(_))), "it has ended once");
}

#[test]
fn a_shutdown_is_taken_however_many_requests_wait() {
    let mut driver = Driver::plain(1);
    let transfer = tickworld_ledger::Order::Transfer { from: 0, to: 1, amount: 1 };
    let input = |player| Request::Input { player: tickworld_sim::frame::PlayerId(player), input: transfer };
    let waiting: Vec<_> = (1..=REQUESTS_MAX as u64).map(|player| driver.ask(input(player))).collect();
    assert!(waiting.iter().all(|request| driver.answer(*request).is_none()), "every place is taken");
    let beyond = driver.ask(Request::Status);
    assert!(matches!(driver.answer(beyond), Some(Err(RequestError::Unavailable(why))) if why.contains("too many")));
    let shutdown = driver.ask(Request::Shutdown);
    assert_eq!(driver.answer(shutdown), Some(&Ok(Answer::Ending(Tick(1)))));
    driver.region.handle_claim_ended(driver.now, Ok(()));
    driver.settle();
    assert_eq!(driver.ended(), Some(&Ended::Asked));
    for request in waiting {
        assert!(matches!(driver.answer(request), Some(Err(RequestError::Unavailable(_)))), "everybody is told");
    }
}

#[test]
fn whoever_waits_for_an_answer_gets_one_when_the_region_ends() {
    let mut driver = Driver::plain(1);
    driver.wait(TICK);
    driver.step();
    let transfer = tickworld_ledger::Order::Transfer { from: 0, to: 1, amount: 1 };
    let input = driver.ask(Request::Input { player: tickworld_sim::frame::PlayerId(5), input: transfer });
    let snapshot = driver.ask(Request::Snapshot);
    driver.appends.pop_front();
    driver.answer_append(AppendOutcome::Fenced(Epoch(2)));
    assert_eq!(driver.ended(), Some(&Ended::Fenced { by: Epoch(2) }));
    for request in [input, snapshot] {
        assert!(matches!(driver.answer(request), Some(Err(RequestError::Unavailable(_)))));
    }
    let late = driver.ask(Request::Status);
    assert!(matches!(driver.answer(late), Some(Err(RequestError::Unavailable(_)))));
}
