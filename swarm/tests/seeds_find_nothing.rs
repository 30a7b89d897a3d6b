//! A bounded swarm: seeds by every way, without a violation. `tickworld swarm` runs as many as there is time for.

mod common;

use tickworld_sim::frame::Act;
use tickworld_swarm::{Case, hunt};

/// The first seed; later ones follow.
const FIRST: u64 = 0;
const COUNT: u64 = 200;

#[test]
fn the_first_seeds_find_nothing_and_are_worlds_of_every_kind() {
    let pool = common::pool();
    let (mut inputs, mut switches, mut crowds, mut returns, mut ticks) = (0, 0, 0, 0, 0);
    for seed in FIRST..FIRST + COUNT {
        let run = hunt::seed(&pool, seed);
        if let Some(violation) = run.violation {
            panic!("seed {seed}: {violation}\nrepeat: tickworld swarm --seed {seed}");
        }
        inputs += run.case.inputs.len();
        switches += usize::from(run.case.packs.len() > 1);
        crowds += usize::from(run.case.size().entities > 1000);
        returns += run.case.inputs.iter().filter(|(_, input)| matches!(input.act, Act::Return { .. })).count();
        ticks += run.ticks_stepped;
    }
    assert!(
        inputs > 1000 && switches > 50 && crowds > 0 && returns > 50,
        "{inputs} inputs, {switches} with two packs, {crowds} crowds, {returns} returns from the archive"
    );
    assert!(ticks > 50_000, "{ticks} ticks by all ways");
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    let pool = common::pool();
    for seed in [3, 1 << 40] {
        let text = |case: &Case| case.to_json("");
        assert_eq!(text(&hunt::seed(&pool, seed).case), text(&hunt::seed(&pool, seed).case), "seed {seed}");
    }
}
