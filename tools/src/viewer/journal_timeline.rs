//! [`JournalTimeline`]: the ticks of a server's journal.
//!
//! Invariant: as of [`Follow`]: it begins with a world whose root the journal or its own pages prove. Records prove roots some
//! ticks late; what no record and no snapshot proves is shown as unproven.

use tickworld_pool::Pool;
use tickworld_sim::frame::Tick;

use super::{
    history::KeptTick,
    recorded::{Made, Timeline},
    view::RootDifference,
};
use crate::{
    cli::Beginning,
    failure::Outcome,
    store::{Divergence, Follow, Hosted, OpenStore, Origin, origin_of},
};

/// See the module.
pub(crate) struct JournalTimeline<'s, H: Hosted> {
    store: &'s OpenStore,
    beginning: &'s Beginning,
    pool: &'s Pool,
    title: String,
    name: String,
    follow: Option<Follow<'s, H>>,
    /// Ticks of the worlds that it can begin with, ascending.
    worlds: Vec<Tick>,
}

impl<'s, H: Hosted> JournalTimeline<'s, H> {
    /// Of a store of the game `H`.
    pub(crate) fn open(store: &'s OpenStore, beginning: &'s Beginning, pool: &'s Pool) -> Outcome<Self> {
        let (base, last) = (store.base(), store.last());
        let mut worlds: Vec<Tick> = store.snapshots()?.into_iter().filter(|at| (base..=last).contains(at)).collect();
        if base == store.header.start.tick && !worlds.contains(&base) {
            worlds.insert(0, base);
        }
        let (title, name) = (format!("World {}", store.header.world), format!("journal {}", store.shown()));
        Ok(Self { store, beginning, pool, title, name, follow: None, worlds })
    }
}

fn difference(divergence: &Divergence) -> RootDifference {
    let Divergence { tick, recorded, found, witness, columns } = divergence;
    RootDifference::new(*tick, &format!("{witness} says"), [*recorded, *found], columns)
}

impl<H: Hosted> Timeline for JournalTimeline<'_, H> {
    type Game = H::Game;

    const WITNESS: &'static str = "as the journal proves";

    fn names(&self) -> (&str, &str) {
        (&self.title, &self.name)
    }

    fn ticks_per_second(&self) -> u32 {
        u32::from(self.store.header.tick_rate).max(1)
    }

    fn span(&self) -> (Tick, Tick) {
        (self.worlds.first().copied().unwrap_or_else(|| self.store.base()), self.store.last())
    }

    fn lag_ticks(&self) -> u64 {
        self.store.header.root_lag_ticks.into()
    }

    fn worlds(&self) -> &[Tick] {
        &self.worlds
    }

    fn begin(&mut self, tick: Tick) -> Outcome<KeptTick<H::Game>> {
        let (origin, unusable) = origin_of(self.store, tick)?;
        // Damaged ones are not gone to again.
        self.worlds.retain(|at| unusable.iter().all(|(other, _)| other != at));
        let at = match &origin {
            Origin::Start => self.store.header.start.tick,
            Origin::Snapshot(snapshot) => snapshot.position().tick,
        };
        let follow = Follow::begin(self.store, &origin, self.beginning)?;
        let mut world = follow.simulation().snapshot();
        assert_eq!(world.tick(), at, "it begins with the world of its origin");
        let root = world.seal(follow.simulation().schema_id(), self.pool).root;
        self.follow = Some(follow);
        Ok(KeptTick { world, root })
    }

    fn advance(&mut self, to: Tick, take: &mut dyn FnMut(Made<H::Game>)) -> Outcome<()> {
        let follow = self.follow.as_mut().expect("it has begun");
        let mut before = follow.proofs();
        while let Some(followed) = follow.next(to, self.pool)? {
            let moment = KeptTick { world: follow.simulation().snapshot(), root: followed.roots.root };
            let difference = followed.divergence.as_ref().map(difference);
            // A snapshot proves the root of its own tick.
            let proven = follow.proven();
            take(Made { moment, proven, difference, compared: follow.proofs() - before });
            before = follow.proofs();
        }
        Ok(())
    }
}
