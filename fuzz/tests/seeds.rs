//! Every seed of every target, as it is and damaged in small ways, without a fuzzer.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use tickworld_fuzz::{TARGETS, Target, generate_corpus, mutate::mutated};

/// Damaged forms of each seed: as many as take some seconds in all.
const MUTATIONS: u64 = if cfg!(debug_assertions) { 20 } else { 150 };

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let listing = fs::read_dir(folder().join(target)).unwrap_or_else(|error| panic!("{target} has no seeds: {error}"));
    let mut paths: Vec<PathBuf> = listing.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("a readable seed"))).collect()
}

/// The first number whose mutation the target panics on; 0 is the seed itself.
fn first_finding(target: &Target, seed: &[u8]) -> Option<u64> {
    (0..=MUTATIONS).find(|number| {
        let bytes = if *number == 0 { seed.to_vec() } else { mutated(seed, *number) };
        catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes))).is_err()
    })
}

fn check(name: &str) {
    let target = tickworld_fuzz::target(name).expect("a target of that name");
    let all = seeds(name);
    assert!(!all.is_empty(), "{name} has no seeds");
    for (path, seed) in all {
        if let Some(number) = first_finding(target, &seed) {
            let file = path.file_name().expect("a file").to_string_lossy().into_owned();
            panic!(
                "target {name}, seed {file}, mutation {number}: write it down with\n  \
                 cargo run --package tickworld-fuzz --example mutation -- {name} {file} {number}"
            );
        }
    }
}

macro_rules! targets {
    ($($name:ident)+) => {
        $( #[test] fn $name() { check(stringify!($name)); } )+

        #[test]
        fn every_target_is_tested_here() {
            let tested = [$( stringify!($name) ),+];
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), tested);
        }
    };
}

targets! {
    trace snapshot schema pack parcel post wire ticket journal descent yaml dice columns histories rules divergence host client peers
}

/// Sound instances are read: else every mutation of theirs would be refused at the first byte and show nothing.
#[test]
fn made_seeds_are_kept_as_they_are_made() {
    for (target, name, bytes) in generate_corpus::seeds() {
        let kept = fs::read(folder().join(target).join(name)).unwrap_or_default();
        assert!(
            kept == bytes,
            "{target}/{name} is out of date: `cargo run --package tickworld-fuzz --example generate_corpus`"
        );
    }
}

/// The tester is tested: a target with a bug is found out, by mutation and by its seed.
#[test]
fn a_target_that_panics_is_a_finding() {
    let run = |data: &[u8]| assert!(data.first().is_none_or(|byte| byte % 2 == 1), "seeded bug");
    let bug = Target { name: "bug", description: "", run, bytes_max: 1 };
    assert_eq!(first_finding(&bug, b"x"), Some(0));
    assert!(first_finding(&bug, b"y").is_some_and(|number| number > 0));
    let sound = Target { run: |_| {}, ..bug };
    assert_eq!(first_finding(&sound, b"x"), None);
}
