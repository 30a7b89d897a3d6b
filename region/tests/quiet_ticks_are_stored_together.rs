//! Runs: where nobody is, ticks without inputs are stored many at a time; whoever comes finds every one of them, and waits for none.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Driver, TICK, opened};
use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{Record, limits::RUN_TICKS_MAX};
use tickworld_proto::{
    channel::Channel,
    host::{AddressKey, Connection, HostSettings, SessionId},
    instant::Instant,
};
use tickworld_region::{Ended, Event, RegionSettings, Replay, Request, frames_of, limits::DRAIN_MAX};
use tickworld_sim::{
    executor::Inline,
    frame::{InputFrame, PlayerId, Tick},
    hash::Hash,
};

/// Ticks that somebody was there for, as long as a history.
const HISTORY: u32 = 20;

fn settings() -> RegionSettings {
    let host = HostSettings { history_ticks: HISTORY, durable_lag_ticks_max: 8, ..HostSettings::default() };
    RegionSettings { host, snapshot_ticks: 0, shows_released: true, ..RegionSettings::default() }
}

/// A region with all records that it appended so far, and the roots that it had.
struct Quiet {
    driver: Driver,
    root_lag_ticks: u8,
    records: Vec<Record>,
    roots: Vec<(Tick, Hash)>,
}

impl Quiet {
    fn new(root_lag_ticks: u8) -> Self {
        let driver = Driver::new(root_lag_ticks, settings());
        Self { driver, root_lag_ticks, records: Vec::new(), roots: Vec::new() }
    }

    fn keep(&mut self) {
        while let Some(append) = self.driver.appends.front() {
            self.records.extend_from_slice(&append.records);
            self.driver.keep();
        }
    }

    fn tick(&mut self) {
        self.driver.wait(TICK);
        self.step();
    }

    /// Makes the tick that was closed, and all that belongs to it.
    fn step(&mut self) {
        self.driver.step();
        while !self.driver.hashes.is_empty() {
            self.driver.hash();
        }
        self.roots.push(self.driver.region.status().root);
        self.keep();
    }

    fn ticks(&mut self, count: u32) {
        (0..count).for_each(|_| self.tick());
    }

    /// A region in which a run goes on, of so many ticks.
    fn in_run(root_lag_ticks: u8, count: u32) -> Self {
        let mut quiet = Self::new(root_lag_ticks);
        quiet.ticks(HISTORY + count);
        assert_eq!(quiet.counts(), vec![1; HISTORY as usize], "only what may be asked for has records");
        quiet
    }

    fn counts(&self) -> Vec<u16> {
        self.records.iter().map(Record::count).collect()
    }

    /// Replays all records from the beginning: they make every tick again, with the roots that it had.
    fn replay(&self) -> Tick {
        let opened = opened(self.root_lag_ticks);
        let begun = Replay::<Ledger>::begin(opened.header, opened.simulation, opened.last, &Inline).unwrap();
        let mut replay = begun.0;
        for record in &self.records {
            let mut frames = frames_of::<Order>(record).unwrap().into_iter();
            replay.handle_record(record).unwrap();
            while let Some(step) = replay.poll_step() {
                let replayed = replay.handle_stepped(step.run(&Inline)).unwrap();
                assert_eq!(Some(&replayed.frame), frames.next().as_ref());
                assert_eq!(replayed.divergence, None);
                if let Some((_, root)) = self.roots.iter().find(|(tick, _)| *tick == replayed.frame.tick) {
                    assert_eq!(replayed.roots.root, *root, "the root of tick {}", replayed.frame.tick);
                }
            }
            assert_eq!((frames.next(), replay.tick()), (None, record.tick()));
        }
        replay.tick()
    }

    fn connect(&mut self) -> SessionId {
        let session = SessionId(1);
        let connection = Connection { address: AddressKey([1; 16]), datagram_bytes_max: 1_200 };
        self.driver.region.handle_connected(self.driver.now, session, connection);
        self.driver.settle();
        session
    }
}

#[test]
fn nobody_for_the_length_of_the_history_begins_a_run_and_1024_ticks_end_it() {
    for lag in [1, 3] {
        let mut quiet = Quiet::in_run(lag, u32::from(RUN_TICKS_MAX) - 1);
        let kept = quiet.driver.region.kept_tick();
        assert_eq!(kept, Tick(u64::from(HISTORY)), "a run is kept as a whole");
        quiet.tick();
        assert_eq!(quiet.records.last().map(Record::count), Some(RUN_TICKS_MAX));
        assert_eq!(quiet.driver.region.kept_tick(), quiet.driver.region.tick());
        assert_eq!(quiet.driver.region.released_tick(), quiet.driver.region.tick());
        quiet.ticks(10);
        let asked = quiet.driver.ask(Request::Snapshot);
        quiet.ticks(u32::from(lag) + 1);
        let stored = quiet.driver.stored(Ok(()));
        assert!(quiet.driver.answer(asked).is_some() && stored >= Tick(u64::from(HISTORY + 10) + 1_024), "{stored}");
        assert_eq!(quiet.replay(), quiet.records.last().unwrap().tick());
    }
}

#[test]
fn the_first_input_ends_the_run_in_one_append_and_is_answered_as_fast_as_any() {
    let mut quiet = Quiet::in_run(1, 100);
    let order = Order::Transfer { from: 0, to: 1, amount: 5 };
    let asked = quiet.driver.ask(Request::Input { player: PlayerId(7), input: order });
    quiet.driver.wait(TICK);
    let append = quiet.driver.appends.front().expect("it is closed with the next tick");
    assert_eq!(append.records.iter().map(Record::count).collect::<Vec<_>>(), [100, 1], "the run and its end");
    quiet.step();
    assert!(quiet.driver.answer(asked).is_some(), "as soon as its tick is kept");
    let released = quiet.driver.events.iter().filter_map(|event| match event {
        Event::Released(world) => Some(world.tick().0),
        _ => None,
    });
    let released: Vec<u64> = released.collect();
    let quiet_ticks = u64::from(HISTORY);
    assert_eq!(released[HISTORY as usize..], [quiet_ticks + 100, quiet_ticks + 101], "of the run its last world");
    assert_eq!(quiet.replay(), Tick(quiet_ticks + 101));
    // Whoever might have seen it may ask for it for the length of a history.
    quiet.ticks(HISTORY);
    assert!(quiet.counts()[quiet.counts().len() - HISTORY as usize..].iter().all(|count| *count == 1));
}

#[test]
fn a_session_or_a_reader_keeps_every_tick_by_itself() {
    let mut quiet = Quiet::in_run(1, 30);
    let session = quiet.connect();
    quiet.tick();
    assert_eq!(quiet.counts()[HISTORY as usize..], [30, 1]);
    quiet.ticks(2 * HISTORY);
    assert!(quiet.counts()[HISTORY as usize + 1..].iter().all(|count| *count == 1));
    let now = quiet.driver.now;
    quiet.driver.region.handle_disconnected(now, session);
    for _ in 0..4 * HISTORY {
        quiet.driver.region.note_reader();
        quiet.tick();
    }
    assert_eq!(quiet.driver.region.kept_tick(), quiet.driver.region.tick(), "readers see every tick");
    quiet.ticks(HISTORY + 5);
    assert!(quiet.driver.region.kept_tick() < quiet.driver.region.tick(), "and nobody sees these");
}

#[test]
fn what_is_said_to_a_waking_region_is_of_the_tick_that_is_kept() {
    let mut quiet = Quiet::in_run(1, 30);
    let session = quiet.connect();
    let now = quiet.driver.now;
    // Garbage ends the session, and wakes nobody for longer than the next tick.
    quiet.driver.region.handle_message(now, session, Channel::Control, &[0xff; 9]);
    quiet.driver.settle();
    quiet.ticks(2 * HISTORY);
    assert_eq!(quiet.driver.region.session_count(), 0);
    assert!(quiet.driver.region.kept_tick() < quiet.driver.region.tick());
}

#[test]
fn a_slow_disk_holds_up_no_run_and_a_run_holds_up_no_frame() {
    let mut quiet = Quiet::new(1);
    let ticks = 5 * u64::from(RUN_TICKS_MAX);
    for _ in 0..ticks {
        // Nothing is kept meanwhile but what is needed to begin.
        quiet.driver.wait(TICK);
        if quiet.driver.steps.is_empty() {
            quiet.keep();
            quiet.driver.wait(TICK);
        }
        quiet.driver.step();
    }
    assert!(quiet.driver.region.tick() >= Tick(ticks), "{}", quiet.driver.region.tick());
    assert!(quiet.driver.region.waiting_records() <= 8);
    quiet.keep();
    assert_eq!(quiet.replay(), quiet.records.last().unwrap().tick());
}

#[test]
fn a_tick_that_breaks_in_a_run_stands_alone_and_what_came_before_it_is_kept() {
    let mut quiet = Quiet::in_run(1, 30);
    quiet.driver.wait(TICK);
    quiet.driver.panic("a creature divides by zero");
    quiet.keep();
    assert_eq!(quiet.counts()[HISTORY as usize..], [30, 1]);
    quiet.driver.note();
    let mark = quiet.driver.marks.first().unwrap();
    assert_eq!(mark.record_hash, quiet.records.last().unwrap().hash());
    assert!(matches!(quiet.driver.ended(), Some(Ended::Panicked { tick, .. }) if tick.0 == u64::from(HISTORY) + 31));
    quiet.records.pop();
    assert_eq!(quiet.replay(), Tick(u64::from(HISTORY) + 30));
}

#[test]
fn an_end_stores_the_run_that_goes_on() {
    for lag in [1, 3] {
        let mut quiet = Quiet::in_run(lag, 30);
        quiet.driver.ask(Request::Shutdown);
        quiet.keep();
        while !quiet.driver.hashes.is_empty() {
            quiet.driver.hash();
        }
        let stored = quiet.driver.stored(Ok(()));
        assert_eq!(stored, Tick(u64::from(HISTORY) + 30));
        assert_eq!(quiet.counts()[HISTORY as usize..], [30]);
        let end = quiet.driver.ends.pop().expect("the claim is ended");
        assert_eq!(end.as_claim().unwrap().after, quiet.records.last().unwrap().position());
        quiet.driver.region.handle_claim_ended(quiet.driver.now, Ok(()));
        quiet.driver.settle();
        assert_eq!(quiet.driver.ended(), Some(&Ended::Asked));
        assert!(quiet.driver.now < Instant(0).after(DRAIN_MAX).after(DRAIN_MAX));
    }
}

#[test]
fn a_run_has_one_entropy_and_the_next_one_another() {
    let mut quiet = Quiet::in_run(1, 30);
    let asked = quiet.driver.ask(Request::Snapshot);
    quiet.keep();
    quiet.driver.stored(Ok(()));
    assert!(quiet.driver.answer(asked).is_some());
    quiet.ticks(2 * HISTORY);
    let asked = quiet.driver.ask(Request::Snapshot);
    quiet.keep();
    assert!(quiet.driver.answer(asked).is_none());
    let entropies = |record: &Record| -> Vec<_> {
        frames_of::<Order>(record).unwrap().iter().map(|frame: &InputFrame<Order>| frame.entropy).collect()
    };
    let [.., one, other] = quiet.records.as_slice() else { panic!("two runs") };
    let (one, other) = (entropies(one), entropies(other));
    assert!(one.len() == 30 && one.iter().all(|entropy| *entropy == one[0]));
    assert!(other.len() > 1 && other.iter().all(|entropy| *entropy == other[0]) && other[0] != one[0]);
}
