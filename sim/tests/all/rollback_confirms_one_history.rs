//! However a session guesses, its confirmed roots are those of the straight run, and its predicted world is what the newest
//! knowledge gives.

use crate::arena::{Arena, Dice, Order, Threads, frame, start};
use tickworld_sim::{
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    rng::Entropy,
    rollback::{AdvanceError, InputPredictor, PredictNothing, RepeatLast, Rollback, RollbackSettings},
    world::{Roots, World},
};

fn straight(seed: u64, ticks: u64) -> Vec<Roots> {
    let mut sim = start();
    (0..ticks).map(|_| crate::arena::step(&mut sim, seed)).collect()
}

/// Advances and confirms in an order drawn from the seed; the confirmed roots must be the straight run's.
fn check(seed: u64, ticks: u64, predictor: impl InputPredictor<Arena>) {
    let expected = straight(seed, ticks);
    let mut dice = Dice(seed);
    let ahead = dice.below(6) as u32;
    let settings = RollbackSettings { prediction_ticks_max: ahead, evidence_ticks: 5, ..RollbackSettings::default() };
    let mut session = Rollback::new(start(), predictor, settings, &Inline);
    while session.confirmed_tick() < Tick(ticks) {
        if dice.below(3) > 0 {
            let tick = session.tick().next();
            let own = frame(seed, tick.0).inputs.into_iter().filter(|input| input.player == PlayerId(1)).collect();
            let is_full = session.tick().0 - session.confirmed_tick().0 == u64::from(ahead);
            let stalls = session.counters().stalls;
            match session.advance_predicted(own, &Inline) {
                Ok(()) => assert!(!is_full && session.tick() == tick, "seed {seed}"),
                Err(AdvanceError::Stall { .. }) => {
                    assert!(is_full && session.counters().stalls == stalls + 1, "seed {seed}");
                }
                Err(other) => panic!("seed {seed}: {other}"),
            }
            assert_eq!(session.predicted().tick(), session.tick());
            assert_eq!(session.predicted().state().check(), Ok(()), "seed {seed}");
        } else {
            let tick = session.confirmed_tick().next();
            let before = session.tick();
            let roots = session.confirm(&frame(seed, tick.0), &Inline).expect("a good frame");
            assert_eq!(roots, expected[tick.0 as usize - 1], "seed {seed}, tick {tick}");
            assert_eq!(session.tick(), before.max(tick), "seed {seed}: the predicted line keeps its length");
            assert_eq!(session.evidence(tick).expect("just confirmed").roots, roots);
            assert!(session.evidence(Tick(tick.0.saturating_sub(5))).is_none(), "five ticks are remembered");
        }
    }
}

use tickworld_sim::State as _;

#[test]
fn whatever_is_guessed() {
    for seed in 0..60 {
        check(seed, 80, PredictNothing);
        check(seed, 80, RepeatLast::new(vec![PlayerId(1)]));
    }
}

/// Knows everything, entropy aside.
struct Clairvoyant(u64);

impl InputPredictor<Arena> for Clairvoyant {
    fn predict(&mut self, tick: Tick, _: &World<Arena>, _: &[Input<Order>]) -> Vec<Input<Order>> {
        frame(self.0, tick.0).inputs
    }
}

#[test]
fn a_clairvoyant_still_has_no_dice() {
    (0..20).for_each(|seed| check(seed, 80, Clairvoyant(seed)));
}

/// Frames whose entropy is the placeholder itself: lockstep games without secret dice.
#[test]
fn the_very_frame_costs_no_second_step() {
    let known = |tick: u64| InputFrame { entropy: Entropy::PREDICTED, ..frame(9, tick) };
    let mut straight = start();
    let mut session = Rollback::new(start(), Clairvoyant(9), RollbackSettings::default(), &Inline);
    for tick in 1..60 {
        session.advance_predicted(Vec::new(), &Inline).expect("not full");
        if tick > 5 {
            let roots = session.confirm(&known(tick - 5), &Inline).expect("a good frame");
            assert_eq!(roots, straight.step(&known(tick - 5), &Inline).expect("a good frame"));
        }
    }
    let counters = session.counters();
    assert_eq!((counters.rollbacks, counters.resimulated_ticks, counters.predictions_kept), (0, 0, 54));
}

#[test]
fn a_wrong_guess_costs_the_ticks_ahead() {
    let mut session = Rollback::new(start(), PredictNothing, RollbackSettings::default(), &Inline);
    for _ in 0..6 {
        session.advance_predicted(Vec::new(), &Inline).expect("not full");
    }
    let join = Input { player: PlayerId(1), sequence: Sequence(0), act: Act::ENTER };
    let frame = InputFrame::new(Tick(1), Entropy::from_bytes([1; 16]), vec![join]);
    session.confirm(&frame, &Inline).expect("a good frame");
    assert_eq!((session.counters().rollbacks, session.counters().resimulated_ticks), (1, 5));
    assert!(session.predicted().players().find(PlayerId(1)).is_some(), "the present knows of the join");
}

/// An own input that was guessed for tick 2 and came later is made to apply from tick 3 on; a plain confirmation loses it
/// from the present until it is confirmed.
#[test]
fn a_local_input_that_slid_is_placed_anew() {
    let slid = |is_placed: bool| {
        let mut session = Rollback::new(start(), PredictNothing, RollbackSettings::default(), &Inline);
        let join = Input { player: PlayerId(1), sequence: Sequence(0), act: Act::ENTER };
        let own = Input { player: PlayerId(1), sequence: Sequence(1), act: Act::Play(Order::Rest) };
        session.confirm(&InputFrame::new(Tick(1), Entropy::from_bytes([1; 16]), vec![join]), &Inline).expect("good");
        for local in [vec![own.clone()], vec![], vec![]] {
            session.advance_predicted(local, &Inline).expect("not full");
        }
        let frame = InputFrame::empty(Tick(2), Entropy::from_bytes([2; 16]));
        let mut asked = Vec::new();
        let mut place = |tick, local: Vec<_>| {
            asked.push(tick);
            if is_placed && tick == Tick(3) { vec![own.clone()] } else { local }
        };
        session.confirm_moving(&frame, &mut place, &Inline).expect("a good frame");
        assert_eq!(asked, [Tick(3), Tick(4)]);
        session.predicted().players().last_sequence(PlayerId(1))
    };
    assert_eq!((slid(true), slid(false)), (Sequence(1), Sequence(0)));
}

#[test]
fn a_refused_frame_changes_nothing() {
    let mut session = Rollback::new(start(), PredictNothing, RollbackSettings::default(), &Inline);
    session.advance_predicted(Vec::new(), &Inline).expect("not full");
    session.confirm(&frame(1, 2), &Inline).expect_err("tick 1 comes first");
    let twice = Input { player: PlayerId(1), sequence: Sequence(4), act: Act::Play(Order::Rest) };
    session.advance_predicted(vec![twice.clone(), twice], &Inline).expect_err("an input stands twice");
    assert_eq!((session.tick(), session.confirmed_tick()), (Tick(1), Tick(0)));
    assert_eq!(session.confirm(&frame(1, 1), &Inline).expect("a good frame"), straight(1, 1)[0]);
}

/// A fork is a clone: both go their own way, on whatever threads.
#[test]
fn forks_are_independent() {
    let mut sim = start();
    (0..30).for_each(|_| drop(crate::arena::step(&mut sim, 1)));
    let mut fork = sim.clone();
    let bytes = sim.to_bytes();
    for _ in 0..30 {
        let tick = fork.world().tick().next().0;
        fork.step(&frame(2, tick), &Threads(3)).expect("a good frame");
    }
    assert_eq!(sim.to_bytes(), bytes, "the fork left the original alone");
    let mut again = start();
    (0..30).for_each(|_| drop(crate::arena::step(&mut again, 1)));
    (0..30).for_each(|_| assert_eq!(crate::arena::step(&mut sim, 1), crate::arena::step(&mut again, 1)));
}
