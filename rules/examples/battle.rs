//! Runs battles of 10,000 and 100,000 creatures and prints what they cost: ticks a second, actions and moved rows a tick.
//!
//! `cargo run --release -p tickworld-rules --example battle [ticks] [workers]`; 0 workers: where a tick's time goes.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

#[path = "../tests/all/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use common::{BLUE, RED, group, pack, quiet_frame, rect};
use tickworld_content::model::{Feet, Key, Pack};
use tickworld_pool::Pool;
use tickworld_rules::{Realm, Rules, SetUp};
use tickworld_sim::{
    column::Job,
    executor::{Executor, Inline},
    simulation::Simulation,
};

/// Creatures that outlast the measurement, so that all of them fight all the time.
fn tough(mut pack: Pack) -> Pack {
    for creature in &mut pack.creatures {
        creature.hit_points = 60_000;
        creature.behaviour.flee_percent = 0;
        if creature.key == Key::of("creature", "archer") {
            creature.behaviour.keep_distance = Feet(60);
        }
    }
    pack
}

/// Squares of `side` cells, each with a skirmish of melee fighters and archers who keep their distance.
fn fields(columns: u16, rows: u16, side: u16, per_side: u32, idle_share: u16) -> SetUp {
    let mut set_up = SetUp { enemies: vec![(RED, BLUE)], ..SetUp::of_map(columns * side, rows * side) };
    for field in 0..columns * rows {
        let (x, y) = (field % columns * side, field / columns * side);
        let area = rect(x + 2, y + 2, side - 4, side - 4);
        // Those at peace see nobody to fight.
        let other = if field % 20 < idle_share { RED } else { BLUE };
        set_up.groups.push(group("archer", per_side * 2 / 5, area, RED));
        set_up.groups.push(group("brute", per_side * 3 / 5, area, RED));
        set_up.groups.push(group("archer", per_side * 2 / 5, area, other));
        set_up.groups.push(group("brute", per_side * 2 / 5, area, other));
        set_up.groups.push(group("wolf", per_side / 5, area, other));
        set_up.walls.push(rect(x + side / 2, y + side / 2, 1, 3));
    }
    set_up
}

/// Runs jobs one after the other and notes how long: what two workers could share on a machine with nothing else to do.
#[derive(Default)]
struct Model(std::sync::atomic::AtomicU64);

impl Executor for Model {
    fn workers(&self) -> usize {
        2
    }

    fn run<'a>(&self, jobs: Vec<Job<'a>>) {
        let start = Instant::now();
        jobs.into_iter().for_each(|job| job());
        self.0.fetch_add(start.elapsed().as_nanos() as u64, std::sync::atomic::Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Measured {
    time: Duration,
    moved: u64,
    actions: u64,
    searches: u64,
}

fn places(realm: &Realm) -> Vec<tickworld_rules::components::Position> {
    let mut all = Vec::new();
    tickworld_sim::join::join((&realm.position,)).for_each(|_, (position,)| all.push(*position));
    all
}

fn measure(sim: &mut Simulation<Rules>, ticks: u32, executor: &dyn Executor) -> Measured {
    let mut measured = Measured::default();
    let before = *sim.state().tally;
    for tick in 0..ticks {
        let frame = quiet_frame(sim, 1);
        let counted = (tick % 16 == 0).then(|| places(sim.state()));
        let snapshot = sim.snapshot();
        let start = Instant::now();
        sim.step(&frame, executor).expect("the next frame");
        measured.time += start.elapsed();
        drop(snapshot);
        if let Some(before) = counted {
            let moved = before.iter().zip(places(sim.state())).filter(|(a, b)| **a != *b).count();
            measured.moved += 16 * moved as u64;
        }
    }
    measured.actions = sim.state().tally.actions - before.actions;
    measured.searches = sim.state().tally.searches - before.searches;
    measured
}

fn report(name: &str, set_up: &SetUp, ticks: u32, executor: &dyn Executor) {
    let mut sim = common::world_with(set_up, tough(pack::pack()));
    measure(&mut sim, 360, executor);
    let it = measure(&mut sim, ticks, executor);
    let creatures = common::living(sim.state()).len() as u64;
    let per_tick = |count: u64| count / u64::from(ticks);
    let rate = u64::from(ticks) * 1_000_000 / it.time.as_micros().max(1) as u64;
    println!(
        "{name}: {creatures} creatures, {} workers: {rate} ticks/s, {} actions/tick, {} moved rows/tick ({} %), {} searches/tick",
        executor.workers(),
        per_tick(it.actions),
        per_tick(it.moved),
        per_tick(it.moved) * 100 / creatures,
        per_tick(it.searches),
    );
}

/// Where a tick's time goes: of each system and of hashing, in all and outside jobs.
fn model(name: &str, set_up: &SetUp, ticks: u32) {
    let model = Model::default();
    let shared = || u128::from(model.0.load(std::sync::atomic::Ordering::Relaxed));
    let mut sim = common::world_with(set_up, tough(pack::pack()));
    measure(&mut sim, 360, &model);
    let mut spent: Vec<(&str, u128, u128)> = Vec::new();
    for _ in 0..ticks {
        let frame = quiet_frame(&sim, 1);
        let snapshot = sim.snapshot();
        let mut last = (Instant::now(), shared());
        let mut at = 0;
        let mut note = |system: &'static str| {
            let now = (Instant::now(), shared());
            if spent.len() <= at {
                spent.push((system, 0, 0));
            }
            spent[at].1 += (now.0 - last.0).as_nanos();
            spent[at].2 += now.1 - last.1;
            (last, at) = ((Instant::now(), shared()), at + 1);
        };
        sim.advance_observed(&frame, &model, Some(&mut |system, _| note(system))).expect("the next frame");
        sim.seal(&model);
        note("hashing");
        drop(snapshot);
    }
    let sum = |all: &[(&str, u128, u128)]| all.iter().fold((0, 0), |sum, it| (sum.0 + it.1, sum.1 + it.2));
    let (total, in_jobs) = sum(&spent);
    println!("{name}: {} ns a tick, {} % of it in jobs", total / u128::from(ticks), in_jobs * 100 / total);
    for (system, all, in_jobs) in spent {
        let per_tick = |nanos: u128| nanos / u128::from(ticks);
        println!("    {system:20} {:8} ns, {:8} ns of it outside jobs", per_tick(all), per_tick(all - in_jobs));
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|it| it.parse::<u32>().ok());
    let ticks = arguments.next().unwrap_or(720);
    let workers = arguments.next().unwrap_or(1) as usize;
    if workers == 0 {
        model("battle", &fields(10, 10, 40, 50, 0), ticks);
        return model("town", &fields(32, 32, 40, 49, 19), ticks / 4);
    }
    let executor: Box<dyn Executor> =
        if workers == 1 { Box::new(Inline) } else { Box::new(Pool::new(workers).expect("threads can be made")) };
    report("battle", &fields(10, 10, 40, 50, 0), ticks, &*executor);
    report("town", &fields(32, 32, 40, 49, 19), ticks / 4, &*executor);
}
