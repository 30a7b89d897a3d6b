//! The d20 world: ticks of 10,000 fighting creatures, and of 100,000 of which 5 % act; one and two workers; root every tick.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tickworld_benches::{
    battle::{fields, lasting, world},
    next_frame,
};
use tickworld_pool::Pool;
use tickworld_rules::{Rules, SetUp, components::Position};
use tickworld_sim::{
    executor::{Executor, Inline},
    join::join,
    simulation::Simulation,
};

/// Snapshots kept, as a rollback session keeps them.
const RING: usize = 16;

fn places(simulation: &Simulation<Rules>) -> Vec<Position> {
    let mut all = Vec::new();
    join(&simulation.state().position).for_each(|_, position| all.push(*position));
    all
}

/// Prints what a tick does: actions resolved and rows moved.
fn describe(name: &str, simulation: &mut Simulation<Rules>) {
    const TICKS: u64 = 180;
    let actions = simulation.state().tally.actions;
    let mut moved = 0;
    for _ in 0..TICKS {
        let before = places(simulation);
        simulation.step(&next_frame(simulation), &Inline).expect("the next frame");
        moved += before.iter().zip(places(simulation)).filter(|(a, b)| **a != *b).count() as u64;
    }
    let creatures = simulation.state().creature.len();
    let actions = (simulation.state().tally.actions - actions) / TICKS;
    let moved = moved / TICKS;
    println!(
        "{name}: {creatures} creatures, {actions} actions and {moved} moved rows ({} %) a tick",
        moved * 100 / u64::from(creatures)
    );
}

fn measure(c: &mut Criterion, name: &str, set_up: &SetUp) {
    let mut start = world(set_up, &lasting());
    for _ in 0..360 {
        start.step(&next_frame(&start), &Inline).expect("the next frame");
    }
    describe(name, &mut start);
    let mut group = c.benchmark_group(format!("battle/{name}"));
    group.throughput(Throughput::Elements(1)).sample_size(20).measurement_time(Duration::from_secs(5));
    let executors: [(&str, Box<dyn Executor>); 2] = [("one worker", Box::new(Inline)), ("two workers", Box::new(Pool::new(2).expect("the machine gives threads")))];
    for (workers, executor) in executors {
        let mut simulation = start.clone();
        let mut ring = VecDeque::new();
        group.bench_function(workers, |b| {
            b.iter_custom(|count| {
                let mut spent = Duration::ZERO;
                for _ in 0..count {
                    let frame = next_frame(&simulation);
                    let start = Instant::now();
                    simulation.step(&frame, &*executor).expect("the next frame");
                    if ring.len() == RING {
                        ring.pop_front();
                    }
                    ring.push_back(simulation.snapshot());
                    spent += start.elapsed();
                }
                spent
            });
        });
    }
    group.finish();
}

fn battles(c: &mut Criterion) {
    measure(c, "10,000 fight", &fields(10, 10, 40, 50, 0));
    measure(c, "100,000, 5 % of them fight", &fields(32, 32, 40, 49, 19));
}

criterion_group!(benches, battles);
criterion_main!(benches);
