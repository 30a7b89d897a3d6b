//! A tick that the rules panic in is not tried again by the same build; another build makes it, or it is skipped and answered as
//! void; and a build that dies over the same ticks again and again is halted.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{
    Archive as _, BuildId, Claimant, DataLossPolicy, Durability, Journal as _, Mark, Marks as _, Raise, Record,
    Retention, SkipError, TickRecord, Voucher, WallTime, WorldId, memory::Memory, skip,
};
use tickworld_region::{
    AdapterError, GameAdapter, OpenError, OpenSettings, Opened, ReplayError, Step, StepError, Stepped, Stepper,
    limits::ATTEMPTS_MAX, open,
};
use tickworld_sim::{
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    region::RegionId,
    rng::Entropy,
    session::{HOPS_AN_INCARNATION, OutcomeCode},
    simulation::Simulation,
};

const BUILD: BuildId = BuildId([1; 16]);
const OTHER: BuildId = BuildId([2; 16]);
const CLERK: PlayerId = PlayerId(7);

struct Bank;

impl GameAdapter for Bank {
    type Game = Ledger;

    fn title(&self) -> String {
        "a bank".to_owned()
    }

    fn begin(&self) -> Result<Simulation<Ledger>, AdapterError> {
        Ok(Ledger::open(8, 1_000))
    }
}

/// Makes ticks, but for one.
struct Panicking(Option<Tick>);

impl Stepper<Ledger> for Panicking {
    fn step(&mut self, step: Step<Ledger>) -> Result<Stepped<Ledger>, StepError> {
        if self.0 == Some(step.tick()) {
            return Err(StepError::Panicked("as told".to_owned()));
        }
        step.run(&Inline)
    }
}

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("memory answers at once"),
    }
}

fn settings(build: BuildId) -> OpenSettings {
    OpenSettings {
        key: [7; 32],
        world: WorldId([7; 16]),
        region: None,
        tick_rate: Some(30),
        root_lag_ticks: 1,
        loss: DataLossPolicy::Refuse,
        retention: Retention::default(),
        build,
        retries_halted: false,
        claimant: Claimant::default(),
        entropy: Entropy::from_bytes([9; 16]),
    }
}

fn opened_with(store: &Memory, settings: &OpenSettings, panics: Option<u64>) -> Result<Opened<Ledger>, OpenError> {
    now(open(&Bank, store, settings, &Inline, &mut Panicking(panics.map(Tick)), &mut |_| {}))
}

fn opened(store: &Memory, build: BuildId, panics: Option<u64>) -> Result<Opened<Ledger>, OpenError> {
    opened_with(store, &settings(build), panics)
}

/// A world whose clerk enters in tick 1 and sends an input in each tick up to this one; gives the last record.
fn played(store: &Memory, ticks: u64) -> Record {
    let Opened { mut simulation, roots, claim, mut last, .. } = opened(store, BUILD, None).unwrap();
    let mut root = roots.root;
    let mut newest = None;
    for tick in 1..=ticks {
        let act = Act::Play(Order::Transfer { from: 0, to: 1, amount: u32::try_from(tick).unwrap() });
        let mut inputs = vec![Input { player: CLERK, sequence: Sequence(u32::try_from(tick).unwrap()), act }];
        if tick == 1 {
            inputs.push(Input { player: CLERK, sequence: Sequence(0), act: Act::ENTER });
        }
        let frame = InputFrame::new(Tick(tick), Entropy::from_bytes([3; 16]), inputs);
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let (slot, epoch, previous_hash, wall) = (last.slot.next(), claim.epoch, last.record_hash, WallTime(0));
        let record = TickRecord { slot, epoch, previous_hash, wall, count: 1, root: Some(root), frame: bytes.into() };
        let record = Record::new(record).unwrap();
        now(store.append(std::slice::from_ref(&record), Durability::Disk)).unwrap();
        last = record.position();
        root = simulation.step(&frame, &Inline).unwrap().root;
        newest = Some(record);
    }
    newest.unwrap()
}

/// As the region does that closed the frame and panicked.
fn mark(store: &Memory, record: &Record) {
    now(store.mark(&Mark::new(record.hash(), BUILD, Some(record.epoch()), "as told"))).unwrap();
}

#[test]
fn the_build_that_panicked_stops_before_it_and_another_one_makes_it() {
    let store = Memory::default();
    let last = played(&store, 5);
    mark(&store, &last);
    for _ in 0..ATTEMPTS_MAX {
        match opened(&store, BUILD, Some(5)) {
            Err(OpenError::Marked { tick, message }) => assert_eq!((tick, message.as_str()), (Tick(5), "as told")),
            other => panic!("{:?}", other.err()),
        }
    }
    let opened = opened(&store, OTHER, None).unwrap();
    assert_eq!((opened.position.tick, opened.claim.incarnation), (Tick(5), 1));
}

#[test]
fn a_replay_that_panics_marks_the_tick_and_frees_no_skip() {
    let store = Memory::default();
    let last = played(&store, 5);
    let panicked = opened(&store, OTHER, Some(5)).err();
    assert!(matches!(panicked, Some(OpenError::Replay(ReplayError::Step { tick: Tick(5), .. }))), "{panicked:?}");
    let marks = now(store.marks()).unwrap();
    assert_eq!(marks, [Mark::new(last.hash(), OTHER, None, "as told")]);
    assert!(matches!(opened(&store, OTHER, None).err(), Some(OpenError::Marked { tick: Tick(5), .. })));
    let told = now(skip(&store, &Claimant::default(), DataLossPolicy::Refuse));
    assert_eq!(told, Err(SkipError::Told(Tick(5)..=Tick(5))));
}

#[test]
fn a_skipped_tick_is_answered_as_void_and_its_inputs_do_not_come_back() {
    let store = Memory::default();
    let last = played(&store, 5);
    mark(&store, &last);
    let skipped = now(skip(&store, &Claimant::default(), DataLossPolicy::Refuse)).unwrap();
    assert_eq!((skipped.tick, skipped.slot, skipped.is_loss), (Tick(5), last.slot(), false));
    // Who claims and dies before the debt is paid leaves it to the next one.
    let claimed = now(async {
        let log = store.log_state().await.unwrap();
        let claim = log.claim_after(log.last, tickworld_persist::Why::TakeOver, false, &Claimant::default()).unwrap();
        store.claim(&claim).await
    });
    assert!(claimed.is_ok());
    for _ in 0..2 {
        let Opened { simulation, position, claim, .. } = opened(&store, BUILD, None).unwrap();
        assert_eq!((position.tick, claim.incarnation), (Tick(5), 1), "one tick for the debt, once");
        let players = simulation.world().players();
        assert_eq!(players.last_sequence(CLERK), Sequence(5), "the number is used up");
        assert_eq!(players.outcome(CLERK, Sequence(5)).unwrap().code, OutcomeCode::VOID);
        assert_eq!(players.outcome(CLERK, Sequence(4)).unwrap().code, OutcomeCode::APPLIED);
    }
}

#[test]
fn a_skip_of_a_told_tick_begins_another_life() {
    let store = Memory::default();
    played(&store, 5);
    let skipped = now(skip(&store, &Claimant::default(), DataLossPolicy::Accept)).unwrap();
    assert!(skipped.is_loss);
    for _ in 0..2 {
        let Opened { simulation, position, claim, .. } = opened(&store, BUILD, None).unwrap();
        assert_eq!((position.tick, claim.incarnation), (Tick(5), 2));
        let own = simulation.world().region().state();
        assert_eq!(own.incarnation, 2);
        assert!(own.lamport > 5, "{own:?}");
        assert_eq!(simulation.world().players().outcome(CLERK, Sequence(5)).unwrap().code, OutcomeCode::VOID);
    }
    let beginning = Memory::default();
    opened(&beginning, BUILD, None).unwrap();
    let nothing = now(skip(&beginning, &Claimant::default(), DataLossPolicy::Accept));
    assert_eq!(nothing, Err(SkipError::Nothing { base: Tick(0) }));
}

/// A return may be what broke the tick: it would come again with every hello.
#[test]
fn who_came_home_in_a_skipped_tick_is_held() {
    const HOMECOMER: PlayerId = PlayerId(8);
    let store = Memory::default();
    let Opened { claim, last, roots, .. } = opened(&store, BUILD, None).unwrap();
    let act = Act::Return { hops: 1, is_held: false, parcel: Arc::from([]) };
    let inputs = vec![Input { player: HOMECOMER, sequence: Sequence(0), act }];
    let mut bytes = Vec::new();
    InputFrame::<Order>::new(Tick(1), Entropy::from_bytes([3; 16]), inputs).encode(&mut bytes);
    let record = Record::new(TickRecord {
        slot: last.slot.next(),
        epoch: claim.epoch,
        previous_hash: last.record_hash,
        wall: WallTime(0),
        count: 1,
        root: Some(roots.root),
        frame: bytes.into(),
    });
    let record = record.unwrap();
    now(store.append(std::slice::from_ref(&record), Durability::Disk)).unwrap();
    mark(&store, &record);
    now(skip(&store, &Claimant::default(), DataLossPolicy::Refuse)).unwrap();
    let opened = opened(&store, BUILD, None).unwrap();
    let world = opened.simulation.world();
    assert_eq!(world.players().find(HOMECOMER), None);
    assert_eq!(world.region().held().map(|entry| (entry.player, entry.hops)).collect::<Vec<_>>(), [(HOMECOMER, 1)]);
}

/// What the archive was told in ticks that are taken back: whoever is in the world is in the world.
#[test]
fn a_loss_tells_the_archive_who_is_here() {
    let store = Memory::default();
    played(&store, 5);
    let by = Voucher { region: RegionId::FIRST, incarnation: 1, tick: Tick(5) };
    let raise =
        |player, at| Raise { player: PlayerId(player), hops: 4, at, by, parcel: Some(b"parcel".as_slice().into()) };
    now(store.raise(&[raise(CLERK.0, None), raise(9, None)])).unwrap();
    now(skip(&store, &Claimant::default(), DataLossPolicy::Accept)).unwrap();
    for _ in 0..2 {
        let opened = opened(&store, BUILD, None).unwrap();
        let hops = opened.simulation.world().players().find(CLERK).unwrap().hops;
        assert_eq!(hops, HOPS_AN_INCARNATION);
        let rows: Vec<_> =
            now(store.whereabouts(&[CLERK, PlayerId(9)])).unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(rows[0].as_ref().map(|row| (row.hops, row.at)), Some((hops, Some(RegionId::FIRST))));
        assert_eq!(rows[1].as_ref().map(|row| (row.hops, row.at)), Some((4, None)), "who is not here rests");
    }
}

/// A process that dies in the midst of a tick, without a word.
struct Dying(Tick);

impl Stepper<Ledger> for Dying {
    fn step(&mut self, step: Step<Ledger>) -> Result<Stepped<Ledger>, StepError> {
        assert!(step.tick() != self.0, "the process dies");
        step.run(&Inline)
    }
}

/// Starts it, and has it die over a tick; whether it came so far.
fn dies(store: &Memory, build: BuildId, tick: u64) -> bool {
    let start = || now(open(&Bank, store, &settings(build), &Inline, &mut Dying(Tick(tick)), &mut |_| {})).map(drop);
    catch_unwind(AssertUnwindSafe(start)).is_err()
}

#[test]
fn a_build_that_dies_over_the_same_tick_again_and_again_is_halted() {
    let store = Memory::default();
    played(&store, 5);
    for _ in 0..ATTEMPTS_MAX {
        assert!(dies(&store, BUILD, 5));
    }
    let halted = opened(&store, BUILD, None).err();
    assert!(matches!(halted, Some(OpenError::Halted { tick: Tick(4), attempts: ATTEMPTS_MAX })), "{halted:?}");
    assert!(opened(&store, OTHER, None).is_ok(), "another build may");
    for _ in 0..ATTEMPTS_MAX {
        assert!(dies(&store, BUILD, 5), "it counts anew after that one");
    }
    let retry = OpenSettings { retries_halted: true, ..settings(BUILD) };
    assert!(opened_with(&store, &retry, None).is_ok(), "an operator may say so");
    assert!(opened(&store, BUILD, None).is_ok(), "and it counts anew");
}

/// Power that goes again and again, or somebody who kills it, is not the tick's doing.
#[test]
fn a_build_that_made_the_tick_and_died_later_is_not_halted() {
    let store = Memory::default();
    played(&store, 5);
    for _ in 0..=2 * ATTEMPTS_MAX {
        assert!(opened(&store, BUILD, None).is_ok());
    }
    for _ in 0..=2 * ATTEMPTS_MAX {
        assert!(dies(&store, BUILD, 3), "a tick that a root proves is not what it dies of");
    }
    assert!(opened(&store, BUILD, None).is_ok());
}
