//! A simulated cluster under faults, from many seeds: nothing that a checker looks for is ever there, unless it is planted.
//!
//! `cargo run --release -p tickworld-testkit --example cluster -- --seeds 0..10000` runs more of them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use tickworld_testkit::cluster::{Bug, Failure, Options, Report, check, run};

/// Seeds of the ordinary run; each is run twice.
const SEEDS: u64 = if cfg!(debug_assertions) { 60 } else { 2_000 };
/// Within so many seeds every bug is caught: the rarest, a mail that goes before its tick is kept, in one of about 120.
const BUG_SEEDS: u64 = 500;

/// Runs seeds on all processors, each on one; gives what came of them in their order.
fn all(seeds: u64, bug: Option<Bug>) -> Vec<Result<Report, Box<Failure>>> {
    // A turned bit makes the store panic, and catch it; whatever else panics is a failure, and says so.
    std::panic::set_hook(Box::new(|_| {}));
    let (next, results) = (AtomicU64::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let result = check(seed, Options { bug, is_traced: false });
            results.lock().expect("nobody panics with it").insert(seed, result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    _ = std::panic::take_hook();
    results.into_inner().expect("nobody panics with it").into_values().collect()
}

#[test]
fn whatever_happens() {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut failures = Vec::new();
    for result in all(SEEDS, None) {
        match result {
            Ok(report) => report.counts.iter().for_each(|(what, count)| *counts.entry(what).or_default() += count),
            Err(failure) => failures.push(failure.to_string()),
        }
    }
    assert!(failures.is_empty(), "{} of {SEEDS} seeds failed:\n{}", failures.len(), failures.join("\n"));
    // A fault that never strikes shows nothing.
    let faults = counts.iter().filter(|(what, _)| what.starts_with("fault: "));
    assert_eq!(faults.clone().count(), 28, "{counts:?}");
    for (what, count) in faults {
        assert!(*count >= SEEDS / 10, "{what} struck only {count} times: {counts:?}");
    }
    for what in [
        "inputs applied",
        "inputs refused",
        "resumptions",
        "welcomes lost",
        "servers fenced",
        "turned bits found",
        "snapshots",
    ] {
        assert!(counts.get(what).is_some_and(|count| *count >= SEEDS / 10), "{what}: {counts:?}");
    }
}

#[test]
fn every_planted_bug_is_caught_by_its_checker() {
    std::panic::set_hook(Box::new(|_| {}));
    let (next, missed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(bug) = Bug::ALL.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).expect("few bugs")) {
            let mut others = Vec::new();
            let is_caught =
                (0..BUG_SEEDS).any(|seed| match check(seed, Options { bug: Some(*bug), is_traced: false }) {
                    Err(failure) if failure.violation.as_ref().is_some_and(|found| bug.is_caught_by(found)) => true,
                    Err(failure) => {
                        others.push(failure.to_string());
                        false
                    }
                    Ok(_) => false,
                });
            if !is_caught {
                let line = format!("{bug:?} is not caught within {BUG_SEEDS} seeds, but: {others:?}");
                missed.lock().expect("nobody panics with it").push(line);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    _ = std::panic::take_hook();
    let missed = missed.into_inner().expect("nobody panics with it");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_failure_prints_the_command_that_repeats_it() {
    let failed = |seed| check(seed, Options { bug: Some(Bug::ForgesCoins), is_traced: false }).err();
    let failure = (0..BUG_SEEDS).find_map(failed).expect("a forger is caught");
    let text = failure.to_string();
    let command = format!("--example cluster -- --seed {} --trace --bug ForgesCoins", failure.seed);
    assert!(text.contains(&command), "{text}");
    let again = run(failure.seed, Options { bug: Some(Bug::ForgesCoins), is_traced: true });
    assert_eq!(again.violation.map(|(_, violation)| violation), failure.violation);
    assert!(again.trace.iter().any(|line| line.contains("VIOLATION")), "the trace shows it");
}
