//! A long trace is written in bounded memory and compared by reading each tick once, and hardly a page.

use tickworld_sim::{
    Component, State,
    column::Column,
    content::{ContentId, Library},
    diff::{Rerun, Verdict, traces},
    entities::Entities,
    entity::{Band, Entity},
    executor::Inline,
    frame::{InputFrame, PlayerId, Tick},
    game::{Game, System},
    join::join,
    rng::Entropy,
    simulation::Simulation,
    step::Step,
    trace::{About, Recorder, Sink, Source, Trace, TraceSize},
};

#[derive(Component, Clone, Copy)]
struct Hand {
    at: u64,
}

#[derive(State, Clone)]
struct Clock {
    entities: Entities,
    hand: Column<Hand>,
}

struct Clocks;

fn turn(clock: &mut Clock, _: &mut Step<'_, Clocks>) {
    join(&mut clock.hand).for_each(|_, hand: &mut Hand| hand.at = hand.at.wrapping_add(1));
}

impl Game for Clocks {
    type State = Clock;
    type Input = ();
    type Event = ();
    type Content = ();
    const NAME: &'static str = "clocks";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "turn", run: turn }];

    fn join(_: &mut Clock, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

/// Keeps the bytes and the longest single write: the recorder's buffer.
#[derive(Default)]
struct Counting {
    bytes: Vec<u8>,
    longest: usize,
}

impl Sink for Counting {
    type Error = core::convert::Infallible;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.longest = self.longest.max(bytes.len());
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Counts what is read.
struct Counted<'a> {
    bytes: &'a [u8],
    read: u64,
}

impl Source for Counted<'_> {
    type Error = core::convert::Infallible;

    fn len(&mut self) -> Result<u64, Self::Error> {
        Ok(self.bytes.len() as u64)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Self::Error> {
        self.read += buffer.len() as u64;
        self.bytes.read_at(offset, buffer)
    }
}

impl Source for &mut Counted<'_> {
    type Error = core::convert::Infallible;

    fn len(&mut self) -> Result<u64, Self::Error> {
        (**self).len()
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Self::Error> {
        (**self).read_at(offset, buffer)
    }
}

fn record(ticks: u64, fault: Option<u64>) -> (Counting, TraceSize) {
    let mut simulation = Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |clock: &mut Clock, ()| {
        for _ in 0..4 {
            let entity = clock.spawn(Band(0)).expect("room");
            let row = clock.entities.row(entity).expect("just spawned");
            clock.hand.set(row, Hand { at: 0 });
        }
    });
    let mut recorder = Recorder::<Clocks, _>::begin(Counting::default(), &simulation, About::default(), &[])
        .expect("it keeps everything");
    for tick in 1..=ticks {
        let frame = InputFrame::empty(Tick(tick), Entropy::from_bytes([tick as u8; 16]));
        let mut roots = simulation.step(&frame, &Inline).expect("the frame is good");
        if fault == Some(tick) {
            join(&mut simulation.world_mut().state_mut().hand).for_each(|row, hand: &mut Hand| {
                if row.index() == 2 {
                    hand.at ^= 1 << 40;
                }
            });
            roots = simulation.seal(&Inline);
        }
        recorder.record(&frame, &roots, simulation.world()).expect("it keeps everything");
    }
    recorder.seal().expect("it keeps everything")
}

#[test]
fn the_first_difference_of_long_traces_is_found_by_reading_each_tick_once() {
    let ticks = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
    let fault = ticks / 3 * 2 + 7;
    let ((left, size), (right, _)) = (record(ticks, None), record(ticks, Some(fault)));
    assert_eq!((size.ticks, size.bytes), (ticks, left.bytes.len() as u64));
    // What never changes is written once, the region, whose number each tick raises, with each world; the longest record is the index: 8 bytes for 64 ticks, 16 for a world.
    assert!(size.pages < 2 * size.states + 10, "{size:?}");
    let index_bytes = ticks / 8 + 17 * size.states + 1024;
    assert!(left.longest as u64 <= index_bytes, "{} {index_bytes}", left.longest);
    println!("{} bytes a tick, {} in all", size.tick_bytes / ticks, size.bytes);
    let (mut left, mut right) = (Counted { bytes: &left.bytes, read: 0 }, Counted { bytes: &right.bytes, read: 0 });
    let (mut one, mut other) =
        (Trace::open(&mut left).expect("a good trace"), Trace::open(&mut right).expect("a good trace"));
    let library = Library::of(ContentId::NONE, ());
    let rerun = Rerun::<Clocks> { library: &library, executor: &Inline };
    let report = traces(&mut one, &mut other, &rerun, 10).expect("readable");
    let finding = report.first.expect("they differ");
    assert_eq!((finding.tick, finding.verdict), (Tick(fault), Verdict::Bounded));
    let (at, differences) = finding.differences.expect("a later keyframe has both");
    assert_eq!(at, Tick(fault.div_ceil(900) * 900));
    assert_eq!(differences.list[0].path(), "hand.at");
    let (read, compared) = (left.read + right.read, size.tick_bytes / ticks * fault * 2);
    println!("{read} bytes read for {compared} bytes of ticks");
    assert!(read < compared * 5 / 4 + 8 * 1024 * 1024, "{read} bytes read for {compared} bytes of ticks");
}
