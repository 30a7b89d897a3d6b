//! A recorded run reads, seeks and verifies as it was, with and without its index.

use crate::trace_support::{Fair, Fairground, Order, Took, about, frame, library, open, record, start};
use tickworld_sim::{
    content::{ContentId, Library},
    entity::Entity,
    executor::Inline,
    frame::{InputFrame, PlayerId, Tick},
    game::{Game, System},
    simulation::Simulation,
    step::Step,
    trace::{Audit, Recorder, ReplayError, StateKind, Trace, TraceError, Verifier},
};

#[test]
fn every_tick_is_read_and_sought_as_it_was() {
    let bytes = record(1, 40, 150, about(40, 5));
    let mut trace = open(&bytes);
    assert!(trace.is_sealed() && trace.torn().is_none());
    assert_eq!((trace.start(), trace.last()), (Tick(0), Tick(150)));
    assert_eq!(trace.schema().game, "fairground");
    let mut straight = start(40);
    assert_eq!(trace.root(Tick(0)).expect("held"), straight.seal(&Inline).root);
    for tick in 1..=150 {
        let roots = straight.step(&frame(1, tick), &Inline).expect("the frame is good");
        let record = trace.tick(Tick(tick)).expect("held");
        assert_eq!((record.tick, record.root), (Tick(tick), roots.root));
        assert_eq!(InputFrame::decode(&record.frame), Ok(frame(1, tick)));
        let mut sought: Simulation<Fairground> = trace.seek(Tick(tick), &library(), &Inline).expect("reproduced");
        assert_eq!(sought.seal(&Inline), roots, "tick {tick}");
        assert_eq!(sought.to_bytes(), straight.to_bytes(), "tick {tick}");
    }
    let kinds: Vec<(u64, StateKind)> = trace.states().iter().map(|state| (state.tick.0, state.kind)).collect();
    let keyframes: Vec<u64> = kinds.iter().filter(|(_, kind)| *kind == StateKind::Keyframe).map(|(t, _)| *t).collect();
    let evidence: Vec<u64> = kinds.iter().filter(|(_, kind)| *kind == StateKind::Evidence).map(|(t, _)| *t).collect();
    assert_eq!((keyframes, evidence), (vec![0, 40, 80, 120, 150], vec![146, 147, 148, 149, 150]));
    let absent = trace.tick(Tick(151)).expect_err("not recorded");
    assert_eq!(absent.to_string(), "tick 151 is not in the trace: it holds ticks 1 to 150");
    // The start has a root, a link and a world, and no record.
    assert!(trace.tick(Tick(0)).is_err() && trace.chain(Tick(0)).is_ok());
    let from_the_start = TraceError::NoTick { tick: Tick(151), first: Tick(0), last: Tick(150) };
    assert_eq!(trace.root(Tick(151)), Err(from_the_start.clone()));
    assert_eq!(trace.chain(Tick(151)).err(), Some(from_the_start.clone()));
    let sought = trace.seek::<Fairground>(Tick(151), &library(), &Inline);
    assert_eq!(sought.err(), Some(ReplayError::Trace(from_the_start)));
}

#[test]
fn an_unsealed_trace_reads_like_a_sealed_one() {
    let mut simulation = start(30);
    let mut unsealed = Vec::new();
    {
        let mut recorder = Recorder::begin(&mut unsealed, &simulation, about(50, 0), &[]).expect("a Vec");
        for tick in 1..=300 {
            let frame = frame(2, tick);
            let roots = simulation.step(&frame, &Inline).expect("the frame is good");
            recorder.record(&frame, &roots, simulation.world()).expect("a Vec takes everything");
        }
    }
    let sealed = record(2, 30, 300, about(50, 0));
    let (mut unsealed, mut sealed) = (open(&unsealed), open(&sealed));
    assert_eq!(unsealed.torn().map(|torn| torn.last_tick), Some(Tick(300)));
    for tick in 1..=300 {
        assert_eq!(unsealed.tick(Tick(tick)), sealed.tick(Tick(tick)));
    }
    let one: Vec<_> = unsealed.ticks(Tick(120)).collect();
    let other: Vec<_> = sealed.ticks(Tick(120)).collect();
    assert_eq!((one.len(), one), (181, other));
    let state = unsealed.keyframe_at_or_before(Tick(270)).expect("there is one");
    let theirs = sealed.keyframe_at_or_before(Tick(270)).expect("there is one");
    assert_eq!(state.tick, Tick(250));
    let (mine, theirs) = (unsealed.raw_state(state).expect("whole"), sealed.raw_state(theirs).expect("whole"));
    assert_eq!(mine.manifest(), theirs.manifest());
    assert_eq!(mine.page(2, 0), theirs.page(2, 0));
}

#[test]
fn two_recordings_of_a_run_have_equal_chains() {
    let (one, other) = (record(3, 20, 80, about(7, 3)), record(3, 20, 80, about(64, 0)));
    let third = record(4, 20, 80, about(7, 3));
    let (mut one, mut other, mut third) = (open(&one), open(&other), open(&third));
    for tick in 0..=80 {
        assert_eq!(one.chain(Tick(tick)), other.chain(Tick(tick)));
        assert_eq!(tick > 0, one.chain(Tick(tick)) != third.chain(Tick(tick)), "another run's frames differ");
    }
}

#[test]
fn a_sound_trace_passes_audit_and_verifier() {
    let bytes = record(5, 40, 130, about(30, 6));
    let mut trace = open(&bytes);
    let report = Audit::run(&mut trace, &mut |done, total| assert!(done <= total)).expect("sound");
    assert_eq!((report.ticks, report.keyframes, report.evidence), (130, 6, 6));
    let mut seen = Vec::new();
    let report = Verifier::<Fairground>::run(&mut trace, &library(), &Inline, &mut |tick, last| {
        seen.push(tick.0);
        assert_eq!(last, Tick(130));
    });
    let report = report.expect("sound");
    assert_eq!((report.divergence, report.audit.ticks), (None, 130));
    assert_eq!(seen, (1..=130).collect::<Vec<u64>>());
}

/// A game of the same columns, under another name.
struct Circus;

impl Game for Circus {
    type State = Fair;
    type Input = Order;
    type Event = Took;
    type Content = ();
    const NAME: &'static str = "circus";
    const REVISION: u32 = Fairground::REVISION;
    const SYSTEMS: &'static [System<Self>] = &[];

    fn join(_: &mut Fair, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

/// Another game has another schema too; whoever hears of that alone looks for another version of their own game.
#[test]
fn a_trace_of_another_game_is_refused_by_its_name() {
    let bytes = record(4, 10, 30, about(10, 2));
    let mut trace = open(&bytes);
    let refused = Err(ReplayError::Game { expected: "circus", found: "fairground".into() });
    assert_eq!(trace.check_game::<Circus>(), refused);
    assert_eq!(Verifier::<Circus>::new(&mut trace, &library()).err(), refused.err());
    assert_eq!(trace.check_game::<Fairground>(), Ok(()));
}

#[test]
fn the_verifier_names_the_first_tick_that_comes_out_differently() {
    let mut simulation = start(10);
    let mut recorder = Recorder::begin(Vec::new(), &simulation, about(100, 2), &[]).expect("a Vec");
    for tick in 1..=60 {
        let frame = frame(6, tick);
        let mut roots = simulation.step(&frame, &Inline).expect("the frame is good");
        if tick == 33 {
            simulation.world_mut().state_mut().weather.modify(|weather| weather.days += 1);
            roots = simulation.seal(&Inline);
        }
        recorder.record(&frame, &roots, simulation.world()).expect("a Vec takes everything");
    }
    let (bytes, _) = recorder.seal().expect("a Vec takes everything");
    let report = Verifier::<Fairground>::run(&mut open(&bytes), &library(), &Inline, &mut |_, _| {}).expect("readable");
    let divergence = report.divergence.expect("planted");
    assert_eq!((divergence.tick, divergence.columns), (Tick(33), vec!["weather".to_owned()]));
    match open(&bytes).seek::<Fairground>(Tick(40), &library(), &Inline) {
        Err(ReplayError::NotReproduced { tick, columns, .. }) => {
            assert_eq!((tick, columns), (Tick(33), vec!["weather".to_owned()]));
        }
        _ => panic!("a divergence must not be sought over"),
    }
}

#[test]
fn content_packs_come_back() {
    let pack: Vec<u8> = (0..2_500_000_u32).map(|n| (n ^ (n >> 8)) as u8).collect();
    let id = ContentId(tickworld_sim::hash::hash(&pack));
    let small = ContentId(tickworld_sim::hash::hash(b"small"));
    let library = Library::of(id, ());
    let simulation = Simulation::<Fairground>::new(library, id, |_, ()| {});
    let missing = Recorder::begin(Vec::new(), &simulation, about(10, 0), &[(small, b"small")]).err().expect("refused");
    assert_eq!(
        missing.to_string(),
        format!("content {id} is not in the trace: add it before the frame that switches to it")
    );
    let packs: [(ContentId, &[u8]); 2] = [(small, b"small"), (id, &pack)];
    let recorder = Recorder::begin(Vec::new(), &simulation, about(10, 0), &packs).expect("a Vec takes everything");
    let (bytes, size) = recorder.seal().expect("a Vec takes everything");
    assert_eq!(size.bytes, bytes.len() as u64);
    let mut trace = open(&bytes);
    assert_eq!(trace.contents(), vec![small, id]);
    assert_eq!(trace.content(id), Ok(Some(pack)));
    assert_eq!(trace.content(small), Ok(Some(b"small".to_vec())));
    assert_eq!(trace.content(ContentId::NONE), Ok(None));
}

#[test]
fn a_trace_of_nothing_is_a_trace() {
    let simulation = Simulation::<Fairground>::new(library(), ContentId::NONE, |_, ()| {});
    let recorder = Recorder::begin(Vec::new(), &simulation, about(10, 3), &[]).expect("a Vec takes everything");
    let (bytes, _) = recorder.seal().expect("a Vec takes everything");
    let mut trace = open(&bytes);
    assert_eq!((trace.start(), trace.last()), (Tick(0), Tick(0)));
    assert_eq!(trace.ticks(Tick(1)).count(), 0);
    trace.seek::<Fairground>(Tick(0), &library(), &Inline).expect("the start is a keyframe");
    assert!(matches!(Trace::open(&bytes[..19]), Err(TraceError::Magic)));
}
