//! A tick of 100,000 entities as a multiple of its physical parts, all measured by turns in one process: `tick` has the same
//! parts beside peers, one after the other, which a busy machine blurs.
//!
//! `cargo bench --bench ratio`; prints the least, the tenth and the middle of all rounds.

use std::{
    collections::VecDeque,
    hint::black_box,
    time::{Duration, Instant},
};

use tickworld_benches::{ENTITIES, Pair, WideGame, next_frame, update, value, wide};
use tickworld_sim::{executor::Inline, simulation::Simulation, world::World};

/// Snapshots kept, as a rollback session keeps them.
const RING: usize = 16;
/// Turns, and how often each part is done in one: its caches are its own from the second time on.
const TURNS: usize = 30;
const TIMES: usize = 20;

/// Times of one part.
struct Part {
    name: &'static str,
    times: Vec<Duration>,
}

impl Part {
    const fn of(name: &'static str) -> Self {
        Self { name, times: Vec::new() }
    }

    fn turn(&mut self, mut work: impl FnMut()) {
        for _ in 0..TIMES {
            let start = Instant::now();
            work();
            self.times.push(start.elapsed());
        }
    }

    /// The time below which `percent` of all lie, in microseconds.
    fn at(&self, percent: usize) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort();
        sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e6
    }
}

/// Two arrays that change, two that are read, copies of the first two, and as many bytes to hash.
struct Plain {
    changing: [Vec<Pair>; 2],
    read: [Vec<Pair>; 2],
    kept: VecDeque<[Vec<Pair>; 2]>,
    bytes: Vec<u8>,
}

impl Plain {
    fn new() -> Self {
        let two = || [(); 2].map(|()| (0..ENTITIES).map(value).collect::<Vec<_>>());
        let kept = (0..RING).map(|_| two()).collect();
        Self { changing: two(), read: two(), kept, bytes: vec![7; 2 * 16 * ENTITIES as usize] }
    }

    fn update(&mut self) {
        let Self { changing, read, .. } = black_box(self);
        changing.iter_mut().zip(read).for_each(|(to, by)| to.iter_mut().zip(by).for_each(|(to, by)| update(to, by)));
    }

    fn copy(&mut self) {
        let mut oldest = self.kept.pop_front().expect("a full ring");
        oldest.iter_mut().zip(black_box(&self.changing)).for_each(|(to, from)| to.copy_from_slice(from));
        self.kept.push_back(oldest);
    }
}

/// The step, the root, and keeping a snapshot.
fn tick(simulation: &mut Simulation<WideGame>, kept: &mut VecDeque<World<WideGame>>) {
    let frame = next_frame(simulation);
    black_box(simulation.step(&frame, &Inline).expect("the next frame").root);
    if kept.len() == RING {
        kept.pop_front();
    }
    kept.push_back(simulation.snapshot());
}

fn main() {
    let mut plain = Plain::new();
    let (mut simulation, mut kept) = (wide(), VecDeque::new());
    (0..2 * RING).for_each(|_| tick(&mut simulation, &mut kept));
    let mut update = Part::of("update on plain arrays");
    let mut copy = Part::of("copy of the changed bytes");
    let mut hash = Part::of("BLAKE3 over them, in one piece");
    let mut whole = Part::of("step + snapshot kept + full root");
    for _ in 0..TURNS {
        update.turn(|| plain.update());
        copy.turn(|| plain.copy());
        hash.turn(|| _ = black_box(blake3::hash(black_box(&plain.bytes))));
        whole.turn(|| tick(&mut simulation, &mut kept));
    }
    for part in [&update, &copy, &hash, &whole] {
        println!("{:34} {:7.0} {:7.0} {:7.0} us", part.name, part.at(0), part.at(10), part.at(50));
    }
    let ratio = |percent| whole.at(percent) / (update.at(percent) + copy.at(percent) + hash.at(percent));
    println!("{:34} {:7.2} {:7.2} {:7.2}", "the last by the sum of the others", ratio(0), ratio(10), ratio(50));
}
