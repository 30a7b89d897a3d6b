//! [`History`]: the worlds of the last ticks that a source made.
//!
//! Invariant: ticks follow one another without a gap, and at most so many are kept; the oldest goes first. A kept world shares
//! its pages with its neighbours, so it costs what its tick wrote.

use std::collections::VecDeque;

use tickworld_sim::{frame::Tick, game::Game, hash::Hash, world::World};

/// A tick that was made.
pub(crate) struct KeptTick<G: Game> {
    /// The world after it.
    pub(crate) world: World<G>,
    /// Its root, computed here.
    pub(crate) root: Hash,
}

/// See the module.
pub(crate) struct History<G: Game> {
    moments: VecDeque<KeptTick<G>>,
    kept_max: usize,
}

impl<G: Game> History<G> {
    /// Keeps so many ticks, at least one.
    pub(crate) fn new(kept_max: usize) -> Self {
        Self { moments: VecDeque::new(), kept_max: kept_max.max(1) }
    }

    /// Adds a tick; one that does not follow the last one begins anew.
    pub(crate) fn push(&mut self, moment: KeptTick<G>) {
        if self.span().is_some_and(|(_, last)| moment.world.tick() != last.next()) {
            self.moments.clear();
        }
        if self.moments.len() == self.kept_max {
            self.moments.pop_front();
        }
        self.moments.push_back(moment);
    }

    /// A tick that is kept.
    pub(crate) fn moment(&self, tick: Tick) -> Option<&KeptTick<G>> {
        let (first, _) = self.span()?;
        self.moments.get(usize::try_from(tick.0.checked_sub(first.0)?).ok()?)
    }

    /// The first and the last tick that are kept.
    pub(crate) fn span(&self) -> Option<(Tick, Tick)> {
        Some((self.moments.front()?.world.tick(), self.moments.back()?.world.tick()))
    }
}

#[cfg(test)]
mod tests {
    use tickworld_ledger::Ledger;
    use tickworld_sim::{frame::InputFrame, rng::Entropy};

    use super::*;

    /// Moments of ticks 1 to `last`.
    fn moments(last: u64) -> Vec<KeptTick<Ledger>> {
        let mut simulation = Ledger::open(2, 9);
        let step = |tick| {
            let frame = InputFrame::empty(Tick(tick), Entropy::from_bytes([1; 16]));
            let roots = simulation.step_inline(&frame).expect("an empty frame of the next tick");
            KeptTick { world: simulation.snapshot(), root: roots.root }
        };
        (1..=last).map(step).collect()
    }

    #[test]
    fn the_oldest_goes_first_and_every_kept_tick_is_found() {
        let mut history = History::new(3);
        assert_eq!(history.span(), None);
        let moments = moments(5);
        let roots: Vec<Hash> = moments.iter().map(|moment| moment.root).collect();
        moments.into_iter().for_each(|moment| history.push(moment));
        assert_eq!(history.span(), Some((Tick(3), Tick(5))));
        let root = |tick| history.moment(Tick(tick)).map(|moment| moment.root);
        assert_eq!((root(2), root(3), root(5), root(6)), (None, Some(roots[2]), Some(roots[4]), None));
    }

    #[test]
    fn a_gap_begins_anew() {
        let mut history = History::new(9);
        for moment in moments(6).into_iter().filter(|moment| moment.world.tick() != Tick(4)) {
            history.push(moment);
        }
        assert_eq!(history.span(), Some((Tick(5), Tick(6))));
        assert!(history.moment(Tick(3)).is_none());
    }
}
