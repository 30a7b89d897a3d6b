//! Straight, restored from bytes, rolled back, hashed later, on any number of threads: one run of frames has one list of roots.

use crate::arena::{Dice, Sim, Threads, frame, start, step};
use tickworld_sim::{
    executor::Inline,
    simulation::Simulation,
    world::{Roots, World},
};

const TICKS: u64 = 60;

fn straight(seed: u64) -> Vec<Roots> {
    let mut sim = start();
    (0..TICKS).map(|_| step(&mut sim, seed)).collect()
}

/// Continues to the last tick; every root on the way must be the straight run's.
fn finish(mut sim: Sim, seed: u64, expected: &[Roots], path: &str) {
    while sim.world().tick().0 < TICKS {
        let at = sim.world().tick().0;
        assert_eq!(step(&mut sim, seed), expected[at as usize], "seed {seed}, {path}, tick {}", at + 1);
    }
    assert_eq!(sim.check_derived(), Ok(()), "seed {seed}, {path}");
}

#[test]
fn restored_and_rolled_back_at_random_ticks() {
    for seed in 0..1000 {
        let expected = straight(seed);
        let mut dice = Dice(seed);
        let (saved, left) = (dice.below(TICKS / 2), TICKS / 2 + dice.below(TICKS / 2));
        let mut sim = start();
        (0..saved).for_each(|_| drop(step(&mut sim, seed)));
        let (snapshot, bytes) = (sim.snapshot(), sim.to_bytes());
        // Another future, with other inputs and other dice, then back.
        while sim.world().tick().0 < left {
            let tick = sim.world().tick().next().0;
            sim.step(&frame(!seed, tick), &Inline).expect("a good frame");
        }
        sim.restore(&snapshot);
        assert_eq!(sim.to_bytes(), bytes, "seed {seed}");
        let world = World::from_bytes(&bytes).unwrap_or_else(|error| panic!("seed {seed}, tick {saved}: {error}"));
        let restored = Simulation::resume(sim.library().clone(), world);
        finish(sim, seed, &expected, "rolled back");
        finish(restored, seed, &expected, "restored");
    }
}

/// The comparison above can fail: one flipped bit of the entropy at one tick shows in a later root.
#[test]
fn another_frame_gives_another_root() {
    let (mut a, mut b) = (start(), start());
    for tick in 1..TICKS {
        let mut other = frame(1, tick);
        if tick == 30 {
            let mut entropy = other.entropy.to_bytes();
            entropy[15] ^= 1;
            other.entropy = tickworld_sim::rng::Entropy::from_bytes(entropy);
        }
        let (a, b) = (step(&mut a, 1), b.step(&other, &Inline).expect("a good frame"));
        assert_eq!(a == b, tick < 30, "tick {tick}");
    }
}

#[test]
fn any_number_of_workers() {
    for workers in [1, 2, 3, 8, 64] {
        let expected = straight(5);
        let mut sim = start();
        for (tick, roots) in (1..).zip(&expected) {
            let found = sim.step(&frame(5, tick), &Threads(workers)).expect("a good frame");
            assert_eq!(found, *roots, "{workers} workers, tick {tick}");
        }
    }
}

/// Snapshots are hashed while the world runs on, and their hashes are brought home late, or never.
#[test]
fn roots_computed_beside_the_next_ticks() {
    for seed in 0..50 {
        let expected = straight(seed);
        let (mut dice, mut sim, mut waiting) = (Dice(seed), start(), Vec::new());
        for tick in 1..=TICKS {
            sim.advance(&frame(seed, tick), &Inline).expect("a good frame");
            waiting.push(sim.snapshot());
            while waiting.len() > 3 || (!waiting.is_empty() && dice.below(3) == 0) {
                let mut snapshot = waiting.remove(dice.below(waiting.len() as u64) as usize);
                let roots = sim.seal_snapshot(&mut snapshot, &Inline);
                assert_eq!(roots, expected[snapshot.tick().0 as usize - 1], "seed {seed}");
                if dice.below(4) > 0 {
                    sim.adopt_hashes(&snapshot);
                }
            }
        }
        assert_eq!(sim.seal(&Inline), expected[TICKS as usize - 1], "seed {seed}");
    }
}

/// A hash brought home is used: what was hashed beside is clean at home, where it did not change since.
#[test]
fn adopted_hashes_spare_work() {
    let mut sim = start();
    let dirty = |sim: &Sim| {
        let mut count = 0;
        sim.world().columns(&mut |_, column| count += column.dirty_page_count());
        count
    };
    sim.advance(&frame(1, 1), &Inline).expect("a good frame");
    let mut snapshot = sim.snapshot();
    assert!(dirty(&sim) > 0);
    sim.seal_snapshot(&mut snapshot, &Inline);
    sim.adopt_hashes(&snapshot);
    assert_eq!(dirty(&sim), 0);
}
