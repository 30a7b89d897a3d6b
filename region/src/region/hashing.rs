//! [`Hashing`]: worlds that wait for their roots, and the roots that the next records have to carry.
//!
//! Invariant: roots become known in the order of ticks, each once.

use std::collections::VecDeque;

use tickworld_sim::{frame::Tick, game::Game, hash::Hash, world::World};

/// See the module.
pub(super) struct Hashing<G: Game> {
    /// Stepped, and not handed out yet.
    queue: VecDeque<World<G>>,
    /// How many worlds are handed out and not back yet.
    pending_count: usize,
    /// Hashed worlds whose page hashes the running world has not taken over yet.
    pub(super) to_adopt: Vec<World<G>>,
    /// The newest hashed world.
    pub(super) newest: World<G>,
    /// Roots of the last ticks, as many as records may have to carry.
    known: VecDeque<(Tick, Hash)>,
    /// Roots are known from this tick on: what came before it was made by another owner.
    since: Tick,
    kept_count: usize,
}

impl<G: Game> Hashing<G> {
    /// `known` are the roots of the last ticks, the last of them that of `newest`.
    pub(super) fn new(newest: World<G>, known: Vec<(Tick, Hash)>, lag_ticks: u8) -> Self {
        Self {
            queue: VecDeque::new(),
            pending_count: 0,
            to_adopt: Vec::new(),
            since: known.first().map_or(newest.tick(), |(tick, _)| *tick),
            newest,
            known: known.into(),
            kept_count: usize::from(lag_ticks) + 1,
        }
    }

    /// Worlds without roots.
    pub(super) fn pending_count(&self) -> usize {
        self.queue.len() + self.pending_count
    }

    /// The newest root.
    pub(super) fn newest_root(&self) -> (Tick, Hash) {
        self.known.back().copied().unwrap_or((Tick(0), Hash::ZERO))
    }

    /// The root of a tick, if it is known and still kept.
    pub(super) fn root_of(&self, tick: Tick) -> Option<Hash> {
        self.known.iter().find(|(of, _)| *of == tick).map(|(_, root)| *root)
    }

    /// Whether a root will be known that is not known yet.
    pub(super) fn is_to_come(&self, tick: Tick) -> bool {
        tick > self.newest.tick() && tick >= self.since
    }

    /// A world that was stepped waits for its roots.
    pub(super) fn push(&mut self, world: World<G>) {
        self.queue.push_back(world);
    }

    /// The next world to hash.
    pub(super) fn poll(&mut self) -> Option<World<G>> {
        let world = self.queue.pop_front()?;
        self.pending_count += 1;
        Some(world)
    }

    /// A world that was handed out comes back hashed.
    ///
    /// # Panics
    /// If none was handed out, or it is not the next one.
    pub(super) fn handle_hashed(&mut self, world: World<G>, root: Hash) {
        self.pending_count = self.pending_count.checked_sub(1).expect("a world is hashed once, when it was asked for");
        self.to_adopt.push(world.clone());
        self.know(world, root);
    }

    /// The next world's root is known.
    ///
    /// # Panics
    /// If it is not the next one.
    pub(super) fn know(&mut self, world: World<G>, root: Hash) {
        assert_eq!(world.tick(), self.newest.tick().next(), "roots come in the order of ticks");
        self.known.push_back((world.tick(), root));
        while self.known.len() > self.kept_count {
            self.known.pop_front();
        }
        self.newest = world;
    }
}
