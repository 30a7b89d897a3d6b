//! [`Recorded`]: ticks that were recorded, made again from the last stored world before them.
//!
//! Invariant: going to a tick gives the same world and the same words about its root, whichever way led there. It goes on from
//! where it stands if no stored world is nearer, and begins anew otherwise; so a step back costs at most the ticks between two
//! stored worlds. A root that is not the recorded one ends nothing: what follows is shown, and is never called verified.

use tickworld_sim::{frame::Tick, game::Game};

use super::{
    history::{History, KeptTick},
    source::WorldSource,
    view::{EVENT_TICKS, RootDifference, RootState, SourceLine},
};
use crate::failure::Outcome;

/// Ticks that stay at hand; more than those whose events are listed, and than any proof is late.
const KEPT_TICKS: usize = 256;
/// Ticks that are made in one call.
const TICKS_PER_CALL: u64 = 512;

/// What was recorded, as a line of ticks.
pub(crate) trait Timeline {
    /// The game that was played.
    type Game: Game;

    /// What the roots are compared with: `as recorded`.
    const WITNESS: &'static str;

    /// What the world is called, and where it comes from.
    fn names(&self) -> (&str, &str);

    /// Ticks a second.
    fn ticks_per_second(&self) -> u32;

    /// The first and the last tick that it holds.
    fn span(&self) -> (Tick, Tick);

    /// How many ticks later the proof of a root may stand.
    fn lag_ticks(&self) -> u64;

    /// The ticks of the stored worlds that it can begin with, ascending.
    fn worlds(&self) -> &[Tick];

    /// The tick of the last stored world at or before `tick`.
    fn world_before(&self, tick: Tick) -> Tick {
        self.worlds().iter().rev().find(|at| **at <= tick).copied().unwrap_or_else(|| self.span().0)
    }

    /// Begins with the last stored world at or before `tick` that can be read.
    ///
    /// # Errors
    /// When there is none.
    fn begin(&mut self, tick: Tick) -> Outcome<KeptTick<Self::Game>>;

    /// Makes ticks up to `to`.
    ///
    /// # Errors
    /// When a tick cannot be read or made.
    fn advance(&mut self, to: Tick, take: &mut dyn FnMut(Made<Self::Game>)) -> Outcome<()>;
}

/// A tick that was made again.
pub(crate) struct Made<G: Game> {
    /// The tick with its world.
    pub(crate) moment: KeptTick<G>,
    /// The last tick whose root is known to be right.
    pub(crate) proven: Option<Tick>,
    /// A root that is not.
    pub(crate) difference: Option<RootDifference>,
    /// Roots that were compared with it.
    pub(crate) compared: u64,
}

/// See the module.
pub(crate) struct Recorded<T: Timeline> {
    timeline: T,
    history: History<T::Game>,
    /// The last tick whose root is known to be right, since it began.
    proven: Option<Tick>,
    difference: Option<RootDifference>,
    compared: u64,
}

impl<T: Timeline> Recorded<T> {
    /// Begins at no tick.
    pub(crate) fn new(timeline: T) -> Self {
        Self { timeline, history: History::new(KEPT_TICKS), proven: None, difference: None, compared: 0 }
    }

    /// Begins at a stored world early enough that the events before `tick` are known.
    fn begin(&mut self, tick: Tick) -> Outcome<()> {
        let moment = self.timeline.begin(tick)?;
        self.proven = Some(moment.world.tick());
        self.compared += 1;
        self.history = History::new(KEPT_TICKS);
        self.history.push(moment);
        Ok(())
    }

    /// The last tick that was made.
    fn made(&self) -> Option<Tick> {
        self.history.span().map(|(_, last)| last)
    }
}

impl<T: Timeline> WorldSource for Recorded<T> {
    type Game = T::Game;

    fn history(&self) -> &History<T::Game> {
        &self.history
    }

    fn span(&self) -> (Tick, Tick) {
        self.timeline.span()
    }

    fn is_live(&self) -> bool {
        false
    }

    fn present(&self) -> Option<Tick> {
        self.made()
    }

    fn poll(&mut self) -> Outcome<()> {
        Ok(())
    }

    fn go_to(&mut self, tick: Tick) -> Outcome<bool> {
        let (first, last) = self.span();
        let goal = Tick(tick.0.saturating_add(self.timeline.lag_ticks())).min(last);
        let early = Tick(tick.0.saturating_sub(EVENT_TICKS)).max(first);
        let nearest = self.timeline.world_before(early);
        let is_kept = self.history.moment(tick).is_some() && self.history.moment(early).is_some();
        let is_ahead = self.made().is_some_and(|made| made < tick && made >= nearest);
        if !is_kept && !is_ahead {
            self.begin(early)?;
        }
        let made = self.made().expect("it has begun");
        if made < goal {
            let Self { timeline, history, proven, difference, compared } = self;
            timeline.advance(Tick(made.0.saturating_add(TICKS_PER_CALL)).min(goal), &mut |made| {
                *proven = (*proven).max(made.proven);
                *compared += made.compared;
                if let Some(found) = made.difference {
                    RootDifference::keep_first(difference, found);
                }
                history.push(made.moment);
            })?;
        }
        Ok(self.made() >= Some(goal))
    }

    fn line(&self, tick: Tick) -> SourceLine {
        let (title, name) = self.timeline.names();
        SourceLine {
            title: title.to_owned(),
            name: name.to_owned(),
            span: self.span(),
            ticks_per_second: self.timeline.ticks_per_second(),
            root: RootState::of(tick, self.proven, self.difference()),
            witness: T::WITNESS,
            compared: self.compared,
            session: None,
        }
    }

    fn difference(&self) -> Option<&RootDifference> {
        self.difference.as_ref()
    }
}
