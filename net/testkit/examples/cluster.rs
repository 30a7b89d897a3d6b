//! Runs seeds of the simulated cluster, as many as wanted; or one, with everything that happens in it.
//!
//! ```text
//! cargo run --release -p tickworld-testkit --example cluster -- --seeds 0..10000
//! cargo run --release -p tickworld-testkit --example cluster -- --seed 17 --trace
//! ```
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::{
    collections::BTreeMap,
    ops::Range,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use tickworld_testkit::cluster::{Bug, Options, check, run};

const USAGE: &str = "usage: cluster [--seeds FROM..TO | --seed N [--trace]] [--bug NAME] [--threads N]";

struct Wish {
    seeds: Range<u64>,
    is_traced: bool,
    bug: Option<Bug>,
    threads: usize,
}

fn main() -> ExitCode {
    match wish() {
        None => {
            println!("{USAGE}\nbugs: {:?}", Bug::ALL);
            ExitCode::from(2)
        }
        Some(wish) if wish.is_traced => trace(&wish),
        Some(wish) => all(&wish),
    }
}

fn wish() -> Option<Wish> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut wish = Wish { seeds: 0..1_000, is_traced: false, bug: None, threads };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seeds" => {
                let (from, to) = words.next()?.split_once("..").map(|(from, to)| (from.parse(), to.parse()))?;
                wish.seeds = from.ok()?..to.ok()?;
            }
            "--seed" => {
                let seed: u64 = words.next()?.parse().ok()?;
                wish.seeds = seed..seed + 1;
            }
            "--trace" => wish.is_traced = true,
            "--bug" => wish.bug = Some(Bug::named(&words.next()?)?),
            "--threads" => wish.threads = words.next()?.parse().ok()?,
            _ => return None,
        }
    }
    Some(wish)
}

/// One seed, once, with everything that happens.
fn trace(wish: &Wish) -> ExitCode {
    let report = run(wish.seeds.start, Options { bug: wish.bug, is_traced: true });
    report.trace.iter().for_each(|line| println!("{line}"));
    print_counts(&report.counts, &report.most.into_iter().collect());
    println!("digest {}", report.digest);
    match report.violation {
        None => ExitCode::SUCCESS,
        Some((at, violation)) => {
            println!("after {} ms: {violation}", at.0 / 1_000);
            ExitCode::FAILURE
        }
    }
}

type Counts = BTreeMap<&'static str, u64>;

/// Every seed, twice.
fn all(wish: &Wish) -> ExitCode {
    let next = AtomicU64::new(wish.seeds.start);
    let sums: Mutex<(Counts, Counts, u64)> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..wish.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= wish.seeds.end {
                        return;
                    }
                    let result = check(seed, Options { bug: wish.bug, is_traced: false });
                    let mut sums = sums.lock().expect("nobody panics with it");
                    match result {
                        Ok(report) => {
                            report.counts.iter().for_each(|(what, count)| *sums.0.entry(what).or_default() += count);
                            for (what, most) in report.most {
                                let known = sums.1.entry(what).or_default();
                                *known = most.max(*known);
                            }
                        }
                        Err(failure) => {
                            sums.2 += 1;
                            println!("{failure}");
                        }
                    }
                }
            });
        }
    });
    let (counts, most, failures) = sums.into_inner().expect("nobody panics with it");
    print_counts(&counts, &most);
    println!("{} seeds, each twice: {failures} failed", wish.seeds.end - wish.seeds.start);
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_counts(counts: &Counts, most: &Counts) {
    counts.iter().for_each(|(what, count)| println!("{count:>12} {what}"));
    most.iter().for_each(|(what, most)| println!("{most:>12} {what} at most"));
}
