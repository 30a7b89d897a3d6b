//! What a rollback session remembers is bounded in bytes: worlds go first, frames and roots stay as long as was asked.

use crate::arena::{Arena, frame, start};
use tickworld_sim::{
    executor::Inline,
    frame::Tick,
    rollback::{PredictNothing, Rollback, RollbackSettings},
    world::Roots,
};

const TICKS: u64 = 60;

/// A session that has confirmed some ticks, and their roots.
fn session(evidence_bytes_max: u64) -> (Rollback<Arena, PredictNothing>, Vec<Roots>) {
    let settings = RollbackSettings { evidence_ticks: 40, evidence_bytes_max, ..RollbackSettings::default() };
    let mut session = Rollback::new(start(), PredictNothing, settings, &Inline);
    let confirm = |tick: u64| {
        // Some are predicted beforehand, so that confirmed worlds are made in both ways.
        _ = tick.is_multiple_of(3).then(|| session.advance_predicted(Vec::new(), &Inline));
        session.confirm(&frame(7, tick), &Inline).expect("a good frame")
    };
    let roots = (1..=TICKS).map(confirm).collect();
    (session, roots)
}

/// The ticks whose worlds are kept.
fn worlds(session: &Rollback<Arena, PredictNothing>) -> Vec<u64> {
    let has_world = |tick: &u64| session.evidence(Tick(*tick)).is_some_and(|evidence| evidence.world.is_some());
    (1..=TICKS).filter(has_world).collect()
}

#[test]
fn the_oldest_worlds_go_when_they_hold_too_much() {
    let (roomy, roots) = session(u64::MAX);
    assert_eq!(worlds(&roomy), (21..=TICKS).collect::<Vec<_>>(), "nothing is forgotten without a bound");
    let bound = roomy.evidence_bytes() / 4;
    let (tight, again) = session(bound);
    assert!(again == roots && tight.evidence_bytes() <= bound, "{} of {bound} bytes", tight.evidence_bytes());
    let kept = worlds(&tight);
    assert!((2..30).contains(&kept.len()), "{kept:?}");
    assert_eq!(kept, (TICKS + 1 - kept.len() as u64..=TICKS).collect::<Vec<_>>(), "the newest stay");
    for tick in 21..=TICKS {
        let evidence = tight.evidence(Tick(tick)).expect("frames and roots stay");
        assert_eq!((evidence.frame.tick, &evidence.roots), (Tick(tick), &roots[tick as usize - 1]));
    }
}

#[test]
fn the_newest_world_stays_whatever_it_holds() {
    let (session, roots) = session(0);
    assert_eq!(worlds(&session), [TICKS]);
    assert!(session.evidence_bytes() > 0);
    assert_eq!(session.evidence(Tick(21)).expect("its root stays").roots, roots[20]);
}
