//! Equal frames give equal roots: twice, with any number of workers, after rollback, after restore from bytes.

use crate::common::{Threads, random_frame, skirmish, step, world_of};
use tickworld_rules::Rules;
use tickworld_sim::{simulation::Simulation, world::World};

#[test]
fn twice_and_with_any_number_of_workers() {
    for seed in 1..4 {
        let mut worlds: Vec<_> = (0..4).map(|_| world_of(&skirmish(seed))).collect();
        for tick in 1..=400 {
            let frame = random_frame(&worlds[0], seed, 6);
            let roots = step(&mut worlds[0], &frame);
            for (world, workers) in worlds[1..].iter_mut().zip([1, 2, 7]) {
                let other = world.step(&frame, &Threads(workers)).expect("the same frame");
                assert_eq!(roots, other, "seed {seed}, tick {tick}, {workers} workers");
            }
        }
        let tally = *worlds[0].state().tally;
        assert!(tally.actions > 25 && tally.deaths > 3, "they fought: {tally:?}");
    }
}

#[test]
fn derived_parts_follow_from_the_state_in_every_tick() {
    for seed in 1..3 {
        let mut world = world_of(&skirmish(seed));
        for tick in 1..=1500 {
            let frame = random_frame(&world, seed, 8);
            step(&mut world, &frame);
            assert_eq!(world.check_derived(), Ok(()), "seed {seed}, tick {tick}");
        }
    }
}

#[test]
fn a_fight_goes_on_equally_after_rollback_and_restore() {
    let mut world = world_of(&skirmish(7));
    let mut frames = Vec::new();
    let mut roots = Vec::new();
    let mut snapshots = Vec::new();
    for _ in 1..=300 {
        snapshots.push(world.snapshot());
        let frame = random_frame(&world, 7, 6);
        roots.push(step(&mut world, &frame));
        frames.push(frame);
    }
    for back in [10, 150, 299] {
        world.restore(&snapshots[back]);
        let bytes = world.to_bytes();
        let mut restored =
            Simulation::resume(world.library().clone(), World::<Rules>::from_bytes(&bytes).expect("our own bytes"));
        for at in back..300 {
            assert_eq!(step(&mut world, &frames[at]), roots[at], "rolled back to {back}, tick {at}");
            assert_eq!(step(&mut restored, &frames[at]), roots[at], "restored at {back}, tick {at}");
        }
    }
}
