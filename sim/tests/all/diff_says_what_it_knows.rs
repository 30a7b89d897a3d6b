//! A diff of traces says how it knows: reproduced, evidenced or bounded; and never assumes that running again gives the roots.

use crate::trace_support::{Fair, Fairground, Order, Took, about, frame, library, open, record, start};
use tickworld_sim::{
    content::ContentId,
    diff::{FirstDifference, Rerun, Standing, TraceDiff, Verdict, read_frame, traces, traces_of_unknown_game},
    entity::Entity,
    executor::Inline,
    frame::{Act, FrameFormat, Input, InputFrame, PlayerId, Sequence, Tick},
    game::{Game, System},
    hash::Hash,
    simulation::Simulation,
    step::Step,
    trace::{About, AfterMismatch, Expectation, Recorder, Reproducible, Trace, step_staged},
    world::{World, schema},
};

fn diff(left: &[u8], right: &[u8]) -> TraceDiff {
    let library = library();
    let rerun = Rerun::<Fairground> { library: &library, executor: &Inline };
    traces(&mut open(left), &mut open(right), &rerun, 100).expect("readable")
}

fn found(left: &[u8], right: &[u8]) -> FirstDifference {
    diff(left, right).first.expect("they differ")
}

/// A recording of 60 ticks into which it rains at the end of `tick`.
fn rained(tick: u64, about: About) -> Vec<u8> {
    let mut simulation = start(20);
    let mut recorder = Recorder::begin(Vec::new(), &simulation, about, &[]).expect("a Vec takes everything");
    for now in 1..=60 {
        let frame = frame(1, now);
        let mut roots = simulation.step(&frame, &Inline).expect("the frame is good");
        if now == tick {
            simulation.world_mut().state_mut().weather.modify(|weather| weather.days += 100);
            roots = simulation.seal(&Inline);
        }
        recorder.record(&frame, &roots, simulation.world()).expect("a Vec takes everything");
    }
    recorder.seal().expect("a Vec takes everything").0
}

#[test]
fn recordings_of_one_run_do_not_differ() {
    let report = diff(&record(1, 20, 60, about(20, 3)), &record(1, 20, 60, about(7, 0)));
    assert!(report.first.is_none() && report.header.is_empty());
    let report = diff(&record(1, 20, 60, about(20, 3)), &record(1, 20, 45, about(20, 3)));
    assert!(report.first.is_none());
    assert_eq!(report.last, [Tick(60), Tick(45)]);
}

#[test]
fn every_first_tick_is_found() {
    let honest = record(1, 20, 60, about(20, 0));
    for tick in 1..=60 {
        assert_eq!(found(&honest, &rained(tick, about(20, 0))).tick, Tick(tick));
    }
}

#[test]
fn other_inputs_are_named_as_such() {
    let mut simulation = start(20);
    let mut recorder = Recorder::begin(Vec::new(), &simulation, about(20, 0), &[]).expect("a Vec takes everything");
    for tick in 1..=60 {
        let mut frame = frame(1, tick);
        if tick == 31 {
            let act = Act::Play(Order::Walk { dx: 5, dy: -5 });
            frame.inputs.retain(|input| input.player != PlayerId(2));
            frame.inputs.push(Input { player: PlayerId(2), sequence: Sequence(31), act });
            frame = InputFrame::new(frame.tick, frame.entropy, frame.inputs);
        }
        let roots = simulation.step(&frame, &Inline).expect("the frame is good");
        recorder.record(&frame, &roots, simulation.world()).expect("a Vec takes everything");
    }
    let (other, _) = recorder.seal().expect("a Vec takes everything");
    let finding = found(&record(1, 20, 60, about(20, 0)), &other);
    assert_eq!((finding.tick, finding.inputs_differ, finding.verdict), (Tick(31), true, Verdict::Reproduced));
    assert_eq!(finding.standing, [Standing::Reproduced, Standing::Reproduced]);
    let right = finding.frames[1].as_ref().expect("readable");
    let walk = right.inputs.iter().find(|input| input.player == PlayerId(2)).expect("planted");
    let Act::Play(fields) = &walk.act else { panic!("{walk:?}") };
    let shown: Vec<String> = fields.iter().map(|(path, value)| format!("{path}={value}")).collect();
    assert_eq!(shown, ["=Walk", "dx=5", "dy=-5"]);
    assert!(matches!(finding.blame.expect("run").system.as_deref(), Some("session" | "orders")));
}

#[test]
fn without_pages_of_the_tick_the_finding_is_bounded() {
    let finding = found(&record(1, 20, 60, about(20, 0)), &rained(33, about(20, 0)));
    assert_eq!((finding.tick, finding.verdict), (Tick(33), Verdict::Bounded));
    assert_eq!(finding.standing, [Standing::Reproduced, Standing::Neither]);
    assert_eq!(finding.columns, ["weather"]);
    let why = finding.why[1].as_deref().expect("not reproduced");
    assert!(why.starts_with("tick 33 is not reproduced: its root is recorded as "), "{why}");
    let (at, differences) = finding.differences.expect("both have a keyframe at 40");
    assert_eq!(at, Tick(40));
    let shown: Vec<String> = differences.list.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["weather.days of world: 4 | 104"]);
    // The left side reproduces, so the right side's own keyframes are enough.
    let finding = found(&record(1, 20, 60, about(50, 0)), &rained(33, about(20, 0)));
    assert_eq!(finding.differences.map(|(at, _)| at), Some(Tick(40)));
}

#[test]
fn without_the_game_pages_are_evidence() {
    let (honest, faulty) = (record(1, 20, 60, about(20, 3)), rained(59, about(20, 3)));
    let report = traces_of_unknown_game(&mut open(&honest), &mut open(&faulty), 10).expect("readable");
    let finding = report.first.expect("they differ");
    assert_eq!((finding.tick, finding.verdict), (Tick(59), Verdict::Evidenced));
    assert_eq!(finding.why[0].as_deref(), Some("this build does not know the game"));
    let (_, differences) = finding.differences.expect("evidenced");
    assert_eq!((differences.field_count, differences.list[0].path()), (1, "weather.days".to_owned()));
    let report =
        traces_of_unknown_game(&mut open(&honest), &mut open(&rained(33, about(20, 3))), 10).expect("readable");
    let finding = report.first.expect("they differ");
    assert_eq!((finding.verdict, finding.differences.map(|(at, _)| at)), (Verdict::Bounded, Some(Tick(40))));
}

#[test]
fn other_beginnings_are_shown_at_the_start() {
    let report = diff(&record(1, 20, 10, about(20, 0)), &record(1, 21, 10, about(20, 0)));
    let lines: Vec<&str> = report.header.iter().map(|line| line.what).collect();
    assert_eq!(lines, ["start root"]);
    let finding = report.first.expect("they differ");
    assert_eq!((finding.tick, finding.verdict), (Tick(0), Verdict::Evidenced));
    assert!(finding.columns.contains(&"entities.alive".to_owned()), "{:?}", finding.columns);
}

#[test]
fn a_recording_that_began_later_is_compared_where_both_are() {
    let honest = record(1, 20, 60, about(20, 0));
    let late = |rain: u64| {
        let mut simulation = start(20);
        for tick in 1..=25 {
            simulation.step(&frame(1, tick), &Inline).expect("the frame is good");
        }
        let mut recorder = Recorder::begin(Vec::new(), &simulation, about(20, 0), &[]).expect("a Vec");
        for tick in 26..=60 {
            let mut roots = simulation.step(&frame(1, tick), &Inline).expect("the frame is good");
            if tick == rain {
                simulation.world_mut().state_mut().weather.modify(|weather| weather.days += 100);
                roots = simulation.seal(&Inline);
            }
            recorder.record(&frame(1, tick), &roots, simulation.world()).expect("a Vec takes everything");
        }
        recorder.seal().expect("a Vec takes everything").0
    };
    assert!(diff(&honest, &late(0)).first.is_none());
    assert_eq!(found(&honest, &late(41)).tick, Tick(41));
}

/// The same game from a build with a bug: at tick 17 it counts wrongly.
struct Buggy;

fn miscount(fair: &mut Fair, step: &mut Step<'_, Buggy>) {
    tickworld_sim::join::join(&mut fair.numbers).for_each(|_, numbers: &mut crate::trace_support::Numbers| {
        numbers.a = numbers.a.wrapping_add(1);
        numbers.d = numbers.d.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
        numbers.g = numbers.g.wrapping_sub(if step.tick() == Tick(17) { 4 } else { 3 });
    });
}

fn nothing(_: &mut Fair, _: &mut Step<'_, Buggy>) {}

impl Game for Buggy {
    type State = Fair;
    type Input = Order;
    type Event = Took;
    type Content = ();
    const NAME: &'static str = Fairground::NAME;
    const REVISION: u32 = Fairground::REVISION;
    const SYSTEMS: &'static [System<Self>] = &[
        System { name: "orders", run: nothing },
        System { name: "count", run: miscount },
        System { name: "moods", run: nothing },
        System { name: "weather", run: nothing },
    ];

    fn join(_: &mut Fair, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

/// The game that the buggy build was made from: the same without the bug.
struct Sound;

fn count(fair: &mut Fair, _: &mut Step<'_, Sound>) {
    tickworld_sim::join::join(&mut fair.numbers).for_each(|_, numbers: &mut crate::trace_support::Numbers| {
        numbers.a = numbers.a.wrapping_add(1);
        numbers.d = numbers.d.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
        numbers.g = numbers.g.wrapping_sub(3);
    });
}

fn rest(_: &mut Fair, _: &mut Step<'_, Sound>) {}

impl Game for Sound {
    type State = Fair;
    type Input = Order;
    type Event = Took;
    type Content = ();
    const NAME: &'static str = Fairground::NAME;
    const REVISION: u32 = Fairground::REVISION;
    const SYSTEMS: &'static [System<Self>] = &[
        System { name: "orders", run: rest },
        System { name: "count", run: count },
        System { name: "moods", run: rest },
        System { name: "weather", run: rest },
    ];

    fn join(_: &mut Fair, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

fn set_up<G: Game<State = Fair, Content = ()>>() -> Simulation<G> {
    Simulation::new(library(), ContentId::NONE, |fair: &mut Fair, ()| {
        for _ in 0..5 {
            let entity = tickworld_sim::State::spawn(fair, tickworld_sim::entity::Band(0)).expect("room");
            let row = fair.entities.row(entity).expect("just spawned");
            crate::trace_support::fill(fair, entity, row);
        }
    })
}

fn run<G>(ticks: u64, expected: &[Hash], after: AfterMismatch) -> (Vec<u8>, Vec<Hash>, Option<Reproducible>)
where
    G: Game<State = Fair, Content = (), Input = Order>,
{
    let mut simulation = set_up::<G>();
    let recorder = Recorder::begin(Vec::new(), &simulation, about(20, 4), &[]).expect("a Vec takes everything");
    let mut recorder = recorder.after_mismatch(after);
    let mut all = Vec::new();
    for tick in 1..=ticks {
        if let Some(root) = expected.get(tick as usize - 1) {
            assert_eq!(recorder.expect(Tick(tick), *root).expect("a Vec"), Expectation::Awaited);
        }
        let frame = InputFrame::empty(Tick(tick), tickworld_sim::rng::Entropy::from_bytes([0; 16]));
        let roots = simulation.step(&frame, &Inline).expect("the frame is good");
        recorder.record(&frame, &roots, simulation.world()).expect("a Vec takes everything");
        all.push(roots.root);
        if recorder.is_sealed() {
            break;
        }
    }
    let reproducible = recorder.mismatch().map(|mismatch| mismatch.reproducible);
    (recorder.seal().expect("a Vec takes everything").0, all, reproducible)
}

#[test]
fn a_bug_in_the_other_build_is_named_by_its_own_recorder() {
    let (sound, roots, mismatch) = run::<Sound>(30, &[], AfterMismatch::Continue);
    assert_eq!(mismatch, None);
    for (after, last) in [(AfterMismatch::Seal, 17), (AfterMismatch::Continue, 30)] {
        let (buggy, _, reproducible) = run::<Buggy>(30, &roots, after);
        assert_eq!(reproducible, Some(Reproducible::Yes));
        let mut trace = open(&buggy);
        assert_eq!(trace.last(), Tick(last));
        let noted = trace.mismatch().expect("whole").expect("it was told what to expect");
        assert_eq!((noted.tick, noted.expected), (Tick(17), roots[16]));
        assert_eq!(trace.stages(Tick(17)).expect("whole").expect("noted").stages.len(), 6);
        let library = library();
        let rerun = Rerun::<Sound> { library: &library, executor: &Inline };
        let report = traces(&mut open(&sound), &mut trace, &rerun, 100).expect("readable");
        let finding = report.first.expect("they differ");
        assert_eq!((finding.tick, finding.verdict), (Tick(17), Verdict::Reproduced));
        assert_eq!(finding.standing, [Standing::Reproduced, Standing::Evidenced]);
        let blame = finding.blame.expect("a tick was run");
        assert_eq!((blame.system.as_deref(), blame.columns), (Some("count"), vec!["numbers".to_owned()]));
        assert!(blame.writers.iter().all(|row| row.column == "numbers" && row.systems == ["count"]));
        let (_, differences) = finding.differences.expect("evidenced");
        assert_eq!((differences.field_count, differences.list[0].path()), (5, "numbers.g".to_owned()));
        assert_eq!(differences.list[2].to_string(), "numbers.g of entity 2v1: -54 | -55");
    }
}

#[test]
fn a_fault_that_running_again_does_not_give_is_called_so() {
    let honest = record(1, 20, 60, about(20, 4));
    let mut expected = open(&honest);
    let mut simulation = start(20);
    let mut recorder = Recorder::begin(Vec::new(), &simulation, about(20, 4), &[]).expect("a Vec takes everything");
    let mut met = Vec::new();
    for tick in 1..=40 {
        let frame = frame(1, tick);
        let mut ray = |stage: &'static str, world: &mut World<Fairground>| {
            if tick == 38 && stage == "moods" {
                world.state_mut().weather.modify(|weather| weather.days ^= 8);
            }
        };
        let (roots, stages) = step_staged(&mut simulation, &frame, &Inline, Some(&mut ray)).expect("the frame is good");
        recorder.record_staged(&frame, &roots, simulation.world(), stages).expect("a Vec takes everything");
        // The server's root comes two ticks later.
        if let Some(late) = tick.checked_sub(2).filter(|late| *late > 0) {
            let root = expected.root(Tick(late)).expect("recorded");
            met.push(recorder.expect(Tick(late), root).expect("a Vec takes everything"));
        }
    }
    assert_eq!(met.iter().filter(|found| **found == Expectation::Met).count(), 37);
    let Some(Expectation::Missed(mismatch)) = met.last() else { panic!("{:?}", met.last()) };
    assert_eq!((mismatch.tick, mismatch.reproducible), (Tick(38), Reproducible::No));
    assert_eq!(recorder.expect(Tick(3), Hash::ZERO).expect("a Vec"), Expectation::Forgotten);
    let (faulty, _) = recorder.seal().expect("a Vec takes everything");
    let finding = found(&honest, &faulty);
    assert_eq!((finding.tick, finding.verdict), (Tick(38), Verdict::Reproduced));
    assert_eq!(finding.blame.expect("noted").system.as_deref(), Some("moods"));
    // The other way round says the same of the other side.
    let finding = found(&faulty, &honest);
    assert_eq!(finding.standing, [Standing::Evidenced, Standing::Reproduced]);
    assert_eq!(finding.blame.expect("noted").system.as_deref(), Some("moods"));
}

#[test]
fn a_fault_that_was_not_run_again_is_not_called_irreproducible() {
    let mut simulation = start(20);
    // No evidence is kept, and so no world to run the tick again from.
    let mut recorder = Recorder::begin(Vec::new(), &simulation, about(20, 0), &[]).expect("a Vec takes everything");
    for tick in 1..=5 {
        let frame = frame(1, tick);
        let roots = simulation.step(&frame, &Inline).expect("the frame is good");
        recorder.record(&frame, &roots, simulation.world()).expect("a Vec takes everything");
        if tick >= 3 {
            let told = recorder.expect(Tick(tick), Hash::ZERO).expect("a Vec takes everything");
            let Expectation::Missed(mismatch) = told else { panic!("{told:?}") };
            assert_eq!((mismatch.tick, mismatch.reproducible), (Tick(tick), Reproducible::Unknown));
        }
    }
    let (mut bytes, _) = recorder.seal().expect("a Vec takes everything");
    let noted = |bytes: &[u8]| open(bytes).mismatch().map(|mismatch| mismatch.expect("noted").reproducible);
    assert_eq!(noted(&bytes), Ok(Reproducible::Unknown));
    // Version 1 could not tell it from another root; it is not made to say more than it knew.
    let mut at = 20;
    while bytes[at] != 0x83 {
        at += 13 + u32::from_le_bytes(bytes[at + 1..at + 5].try_into().expect("four bytes")) as usize;
    }
    for (version, byte, expected) in [
        (1, 0, Some(Reproducible::Unknown)),
        (1, 1, Some(Reproducible::Yes)),
        (1, 2, None),
        (2, 0, Some(Reproducible::No)),
        (2, 1, Some(Reproducible::Yes)),
        (2, 3, None),
    ] {
        bytes[16] = version;
        bytes[at + 5 + 72] = byte;
        let check = tickworld_sim::hash::hash(&bytes[at..at + 5 + 73]).short();
        bytes[at + 5 + 73..at + 13 + 73].copy_from_slice(&check.0);
        assert_eq!(noted(&bytes).ok(), expected, "version {version} byte {byte}");
    }
}

#[test]
fn a_damaged_keyframe_only_lessens_what_is_known() {
    let honest = record(1, 20, 60, about(20, 0));
    let faulty = rained(33, about(20, 0));
    // Every page of the honest side flipped: it can no more be run again.
    let mut damaged = honest.clone();
    let mut at = 20;
    while at + 13 < damaged.len() {
        let length = u32::from_le_bytes(damaged[at + 1..at + 5].try_into().expect("four bytes")) as usize;
        if damaged[at] == 3 {
            damaged[at + 5] ^= 1;
        }
        at += 13 + length;
    }
    let finding = found(&damaged, &faulty);
    assert_eq!((finding.tick, finding.verdict), (Tick(33), Verdict::Bounded));
    assert_eq!(finding.columns, ["weather"]);
    assert!(finding.differences.is_none());
    assert!(finding.why[0].as_deref().expect("told").contains("its check does not hold"), "{:?}", finding.why);
    assert!(Trace::open(&honest[..]).is_ok());
}

#[test]
fn a_frame_is_read_by_schema_exactly_where_the_game_reads_it() {
    let input = schema::<Fairground>().input;
    let bytes_of = |frame: &InputFrame<Order>| {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        bytes
    };
    let walk = |player, sequence| Input {
        player: PlayerId(player),
        sequence: Sequence(sequence),
        act: Act::Play(Order::Walk { dx: 5, dy: 0 }),
    };
    let entropy = tickworld_sim::rng::Entropy::from_bytes([9; 16]);
    let mut twice = InputFrame { tick: Tick(3), entropy, inputs: vec![walk(1, 4), walk(2, 4)] };
    let good = bytes_of(&twice);
    assert!(read_frame(&good, FrameFormat::Current, &input).is_ok() && InputFrame::<Order>::decode(&good).is_ok());
    let mut refused = Vec::new();
    // The zeros at the end of the last body written out: `dy` is 0.
    let mut padded = good.clone();
    let length_at = good.len() - 2 - 1;
    assert_eq!(padded[length_at], 2);
    padded[length_at] = 3;
    padded.push(0);
    refused.push(padded);
    twice.inputs = vec![walk(1, 4), walk(1, 3)];
    refused.push(bytes_of(&twice));
    twice.inputs = vec![walk(1, 4), walk(1, 4)];
    refused.push(bytes_of(&twice));
    twice.inputs = vec![walk(1, 0)];
    refused.push(bytes_of(&twice));
    twice.inputs = vec![walk(0, 1)];
    refused.push(bytes_of(&twice));
    refused.push(good[..good.len() - 1].to_vec());
    refused.push([&good[..], &[0]].concat());
    for (nth, bytes) in refused.iter().enumerate() {
        let (by_schema, by_game) =
            (read_frame(bytes, FrameFormat::Current, &input).err(), InputFrame::<Order>::decode(bytes).err());
        assert!(by_schema.is_some(), "{nth} is read by schema");
        assert_eq!(by_schema, by_game, "{nth}");
    }
}

#[test]
fn what_the_engine_writes_after_the_last_system_has_a_writer() {
    let recorded = |sequence: u32| {
        let mut simulation = start(20);
        let mut recorder = Recorder::begin(Vec::new(), &simulation, about(20, 2), &[]).expect("a Vec");
        for tick in 1..=31 {
            let mut frame = frame(1, tick);
            if tick == 31 {
                let act = Act::Play(Order::Walk { dx: 5, dy: -5 });
                frame.inputs = vec![Input { player: PlayerId(2), sequence: Sequence(sequence), act }];
            }
            let roots = simulation.step(&frame, &Inline).expect("the frame is good");
            recorder.record(&frame, &roots, simulation.world()).expect("a Vec takes everything");
        }
        recorder.seal().expect("a Vec takes everything").0
    };
    let blame = found(&recorded(31), &recorded(32)).blame.expect("both were run again");
    let outcomes: Vec<_> = blame.writers.iter().filter(|row| row.column == "players.outcomes").collect();
    assert!(outcomes.iter().any(|row| row.systems == ["outcomes"]), "{:?}", blame.writers);
}
