//! Traces at length: recording, seeking, and finding where two traces of a million ticks differ.
//!
//! Not criterion's kind of bench: it records once and takes each figure from single calls. `TICKS=100000` makes it shorter.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::Instant,
};

use tickworld_benches::battle::{fields, lasting, shipped, world};
use tickworld_contentc::Compiled;
use tickworld_rules::{Command, Realm, Rules, Ruleset, SetUp};
use tickworld_sim::{
    content::Library,
    diff::{Rerun, WorldView, descent, first_difference, traces},
    executor::Inline,
    frame::{InputFrame, Tick},
    join::join,
    rng::Entropy,
    simulation::Simulation,
    trace::{About, Recorder, Sink, Source, Trace},
    world::World,
};

struct FileSink(BufWriter<File>);

impl Sink for FileSink {
    type Error = std::io::Error;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.write_all(bytes)
    }
}

struct FileSource(File);

impl Source for FileSource {
    type Error = std::io::Error;

    fn len(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Self::Error> {
        self.0.read_exact_at(buffer, offset)
    }
}

fn frame(simulation: &Simulation<Rules>) -> InputFrame<Command> {
    let tick = simulation.world().tick().next();
    let mut entropy = [0; 16];
    entropy[..8].copy_from_slice(&tick.0.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    InputFrame::empty(tick, Entropy::from_bytes(entropy))
}

/// Takes a hit point from whoever comes first.
fn wound(realm: &mut Realm) {
    let mut first = None;
    join(&realm.health).for_each(|row, _| first = first.or(Some(row)));
    realm.health.modify(first.expect("somebody lives"), |health| health.current -= 1);
}

/// Records `ticks`; from `planted` on the first creature has one hit point less. Gives ticks a second.
fn record(path: &Path, set_up: &SetUp, content: &Compiled, ticks: u64, planted: Option<u64>, expected: Option<&Path>) -> u64 {
    let mut simulation = world(set_up, content);
    let sink = FileSink(BufWriter::new(File::create(path).expect("the folder is writable")));
    let packs = [(content.id, &content.bytes[..])];
    let mut recorder = Recorder::begin(sink, &simulation, About::default(), &packs).expect("the trace can be written");
    let mut expected = expected.map(open);
    let start = Instant::now();
    for tick in 1..=ticks {
        let frame = frame(&simulation);
        let mut plant = |name: &str, world: &mut World<Rules>| {
            if planted == Some(tick) && name == "movement::walk" {
                wound(world.state_mut());
            }
        };
        simulation.advance_observed(&frame, &Inline, Some(&mut plant)).expect("the next frame");
        let roots = simulation.seal(&Inline);
        recorder.record(&frame, &roots, simulation.world()).expect("the trace can be written");
        if let Some(trace) = &mut expected
            && planted.is_some_and(|planted| tick.abs_diff(planted) < 64)
        {
            let root = trace.root(Tick(tick)).expect("a good trace");
            recorder.expect(Tick(tick), root).expect("the trace can be written");
        }
    }
    let rate = ticks * 1_000_000 / start.elapsed().as_micros().max(1) as u64;
    let (sink, _) = recorder.seal().expect("the trace can be written");
    sink.0.into_inner().expect("flushed").sync_all().expect("the disk takes it");
    rate
}

fn open(path: &Path) -> Trace<FileSource> {
    Trace::open(FileSource(File::open(path).expect("just written"))).expect("a good trace")
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tickworld-traces-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is a temporary folder");
    folder
}

fn mebibytes(path: &Path) -> u64 {
    std::fs::metadata(path).expect("just written").len() >> 20
}

fn million(folder: &Path) {
    let ticks = std::env::var("TICKS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let content = lasting();
    let set_up = fields(1, 1, 24, 3, 0);
    let (left, right) = (folder.join("left.trace"), folder.join("right.trace"));
    let rate = record(&left, &set_up, &content, ticks, None, None);
    let planted = ticks * 7 / 10;
    record(&right, &set_up, &content, ticks, Some(planted), Some(&left));
    println!("two traces of {ticks} ticks, 6 creatures: {} MiB each, recorded at {rate} ticks/s", mebibytes(&left));
    let (mut left, mut right) = (open(&left), open(&right));
    let start = Instant::now();
    let other = first_difference(&mut left, &mut right).expect("good traces").expect("they differ").0;
    println!("first differing tick {other} (planted in {planted}): {:?}", start.elapsed());
    let library = Library::of(content.id, Ruleset::new(content.pack.clone()));
    let start = Instant::now();
    let rerun = Rerun::<Rules> { library: &library, executor: &Inline };
    let diff = traces(&mut left, &mut right, &rerun, 20).expect("good traces");
    let spent = start.elapsed();
    let finding = diff.first.expect("they differ");
    let fields: Vec<String> = finding.differences.iter().flat_map(|(_, found)| &found.list).map(|it| it.path()).collect();
    println!("the whole diff: {spent:?}: tick {}, {:?}, {fields:?}", finding.tick, finding.verdict);
}

fn hour(folder: &Path) {
    const TICKS: u64 = 108_000;
    let content = lasting();
    let path = folder.join("hour.trace");
    let rate = record(&path, &fields(2, 2, 40, 38, 0), &content, TICKS, None, None);
    let mut trace = open(&path);
    println!("an hour with 304 fighting creatures: {} MiB, recorded at {rate} ticks/s", mebibytes(&path));
    let library = Library::of(content.id, Ruleset::new(content.pack.clone()));
    let mut spent: Vec<_> = (0..40_u64)
        .map(|i| {
            let tick = Tick(1 + i.wrapping_mul(0x9E37_79B9_7F4A_7C15) % TICKS);
            let start = Instant::now();
            trace.seek::<Rules>(tick, &library, &Inline).expect("the trace reproduces");
            start.elapsed()
        })
        .collect();
    spent.sort();
    println!("seek to a tick: median {:?}, longest of 40 {:?}", spent[20], spent[39]);
}

fn peers() {
    let content = shipped();
    let mut left = world(&fields(32, 32, 40, 49, 19), &content);
    left.step(&frame(&left), &Inline).expect("the next frame");
    let mut right = left.clone();
    wound(right.world_mut().state_mut());
    let (left, right) = (WorldView::new(left.world(), left.schema()), WorldView::new(right.world(), right.schema()));
    let mut requester = descent::Requester::new(&left, 1);
    let start = Instant::now();
    while let Some(request) = requester.poll_request() {
        requester.handle_response(&descent::answer(&right, &request)).expect("an honest peer");
    }
    let report = requester.into_report().expect("done");
    println!("two peers, 100,000 creatures: {report:?} in {:?}", start.elapsed());
}

fn main() {
    let folder = folder();
    peers();
    hour(&folder);
    million(&folder);
    std::fs::remove_dir_all(&folder).expect("only ours");
}
