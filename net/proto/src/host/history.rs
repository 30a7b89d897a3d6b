//! [`History`]: the latest ticks, from which peers get again what they missed.
//!
//! Invariant: ticks follow each other without a gap, from the oldest kept to the newest closed; the world of a tick is there
//! from its step on, its root from when it was computed; nothing is forgotten before it is released at every level. Of a run of ticks
//! that nobody waits for only the last world is kept.

use alloc::{collections::VecDeque, vec::Vec};

use bytes::Bytes;
use tickworld_sim::{
    frame::{PlayerId, Sequence, Tick},
    game::Game,
    world::{Roots, World},
};

use crate::message::{Durability, Frame, Message, RootReport};

/// Levels of durability, from the weakest.
pub(super) const LEVELS: [Durability; 3] = Durability::ALL;

/// The place of a level in tables.
pub(super) const fn place(level: Durability) -> usize {
    match level {
        Durability::Memory => 0,
        Durability::Disk => 1,
        Durability::Quorum => 2,
    }
}

/// One tick that is kept.
pub(super) struct Kept<G: Game> {
    pub(super) tick: Tick,
    /// Canonical bytes of the input frame.
    pub(super) frame: Bytes,
    /// Number of its inputs, acts included.
    pub(super) input_count: u32,
    /// The players' own inputs in it, in its order, until it is released at every level.
    pub(super) plays: Vec<(PlayerId, Sequence)>,
    pub(super) pace_percent: u16,
    pub(super) world: Option<World<G>>,
    /// What the world does not share with the one before.
    pub(super) world_bytes: u64,
    pub(super) roots: Option<Roots>,
    /// Whether it is one of a run that is stored as one.
    is_grouped: bool,
    /// The message with this frame, for each level.
    encoded: [Option<Bytes>; 3],
}

impl<G: Game> Kept<G> {
    pub(super) const fn closed(tick: Tick, frame: Bytes, plays: Vec<(PlayerId, Sequence)>) -> Self {
        Self {
            tick,
            frame,
            input_count: 0,
            plays,
            pace_percent: 100,
            world: None,
            world_bytes: 0,
            roots: None,
            is_grouped: false,
            encoded: [None, None, None],
        }
    }
}

impl<G: Game> Kept<G> {
    /// Keeps of the tick what followers and witnesses are told; gives the bytes that go.
    fn drop_world(&mut self) -> u64 {
        self.world = None;
        if let Some(roots) = &mut self.roots {
            roots.columns = Vec::new();
        }
        core::mem::take(&mut self.world_bytes)
    }
}

/// The latest ticks.
pub(super) struct History<G: Game> {
    ticks: VecDeque<Kept<G>>,
    /// Bytes of all worlds that are kept.
    world_bytes: u64,
    /// Of the ticks that are not released at every level, so many are of runs.
    grouped_count: u64,
    /// The newest closed tick.
    pub(super) closed: Tick,
    /// The newest stepped tick.
    pub(super) stepped: Tick,
    /// The newest tick with a root.
    pub(super) rooted: Tick,
    /// The newest tick that is kept as surely as each level says; of memory, the newest stepped one.
    pub(super) durable: [Tick; 3],
    /// The newest tick that peers of each level know.
    pub(super) released: [Tick; 3],
}

impl<G: Game> History<G> {
    /// Begins with a world that everybody may know.
    pub(super) fn begin(world: World<G>, roots: Roots) -> Self {
        let tick = world.tick();
        let mut start = Kept::closed(tick, Bytes::new(), Vec::new());
        (start.world, start.roots) = (Some(world), Some(roots));
        Self {
            ticks: VecDeque::from([start]),
            world_bytes: 0,
            grouped_count: 0,
            closed: tick,
            stepped: tick,
            rooted: tick,
            durable: [tick; 3],
            released: [tick; 3],
        }
    }

    /// The tick whose frame is open.
    pub(super) const fn open(&self) -> Tick {
        self.closed.next()
    }

    /// Adds the tick that was open.
    pub(super) fn close(&mut self, kept: Kept<G>) {
        self.closed = kept.tick;
        self.ticks.push_back(kept);
    }

    /// A tick, if it is kept.
    pub(super) fn find(&self, tick: Tick) -> Option<&Kept<G>> {
        self.ticks.get(self.at(tick)?)
    }

    /// The same, to write.
    pub(super) fn find_mut(&mut self, tick: Tick) -> Option<&mut Kept<G>> {
        let at = self.at(tick)?;
        self.ticks.get_mut(at)
    }

    fn at(&self, tick: Tick) -> Option<usize> {
        usize::try_from(tick.0.checked_sub(self.ticks.front()?.tick.0)?).ok()
    }

    /// The newest world that peers of a level know.
    pub(super) fn released_world(&self, level: Durability) -> &World<G> {
        let released = self.released[place(level)];
        let kept = self.find(released).and_then(|kept| kept.world.as_ref());
        kept.expect("the newest released tick is stepped and kept")
    }

    /// The newest stepped world.
    pub(super) fn stepped_world(&self) -> &World<G> {
        let kept = self.find(self.stepped).and_then(|kept| kept.world.as_ref());
        kept.expect("the newest stepped tick is kept")
    }

    /// The newest root of `tick` or of one before it.
    pub(super) fn proof(&self, tick: Tick) -> Option<RootReport> {
        let rooted = self.find(self.rooted.min(tick))?;
        Some(RootReport { tick: rooted.tick, root: rooted.roots.as_ref()?.root.short() })
    }

    /// The message with a tick's frame, encoded once.
    pub(super) fn message(&mut self, tick: Tick, level: Durability) -> Option<Bytes> {
        let proof = self.proof(tick);
        let kept = self.find_mut(tick).filter(|kept| !kept.frame.is_empty())?;
        let (pace_percent, frame) = (kept.pace_percent, kept.frame.clone());
        let encode = || Message::Frame(Frame { durability: level, pace_percent, proof, frame }).encode();
        Some(kept.encoded[place(level)].get_or_insert_with(encode).clone())
    }

    /// A tick was stepped; `bytes` of its world are its own.
    ///
    /// # Panics
    /// If its frame was not closed here.
    pub(super) fn keep_world(&mut self, world: World<G>, bytes: u64) {
        let kept = self.find_mut(world.tick()).expect("a tick is stepped after its frame was closed");
        (kept.world, kept.world_bytes) = (Some(world), bytes);
        self.world_bytes = self.world_bytes.saturating_add(bytes);
    }

    /// The newest stepped tick is of a run since `first`, and not released at every level; the world before it in the run goes.
    pub(super) fn join_run(&mut self, first: Tick) {
        let stepped = self.stepped;
        if let Some(kept) = self.find_mut(stepped) {
            kept.is_grouped = true;
            self.grouped_count = self.grouped_count.saturating_add(1);
        }
        if stepped > first {
            let before = Tick(stepped.0.saturating_sub(1));
            let bytes = self.find_mut(before).map_or(0, Kept::drop_world);
            self.world_bytes = self.world_bytes.saturating_sub(bytes);
        }
    }

    /// The next tick with a world to release after `released`, up to `until`: of a run its last one.
    pub(super) fn next_to_release(&self, released: Tick, until: Tick) -> Tick {
        let mut tick = released.next();
        while tick < until && self.find(tick).is_none_or(|kept| kept.world.is_none()) {
            tick = tick.next();
        }
        tick
    }

    /// Closed ticks after `released`, but for those of runs.
    pub(super) const fn lag_ticks(&self, released: Tick) -> u64 {
        self.closed.0.saturating_sub(released.0).saturating_sub(self.grouped_count)
    }

    /// The ticks after `before` are released at every level, up to `tick`.
    pub(super) fn release(&mut self, before: Tick, tick: Tick) {
        let ticks = (before.0.saturating_add(1)..=tick.0).map(Tick);
        let grouped = ticks.filter(|tick| self.find(*tick).is_some_and(|kept| kept.is_grouped)).count();
        self.grouped_count = self.grouped_count.saturating_sub(grouped as u64);
    }

    /// Bytes that the kept worlds do not share with the ones before them.
    pub(super) const fn world_bytes(&self) -> u64 {
        self.world_bytes
    }

    /// Forgets ticks that are older than `count` before `released`, and the oldest worlds before it that hold more than
    /// `bytes_max` together. `released` is so at every level.
    pub(super) fn forget(&mut self, released: Tick, count: u32, bytes_max: u64) {
        while self.ticks.front().is_some_and(|kept| kept.tick.0.saturating_add(u64::from(count)) < released.0) {
            let bytes = self.ticks.pop_front().map_or(0, |kept| kept.world_bytes);
            self.world_bytes = self.world_bytes.saturating_sub(bytes);
        }
        for kept in self.ticks.iter_mut().take_while(|kept| kept.tick < released) {
            if self.world_bytes <= bytes_max {
                return;
            }
            self.world_bytes = self.world_bytes.saturating_sub(kept.drop_world());
        }
    }

    /// Number of ticks kept.
    pub(super) fn len(&self) -> usize {
        self.ticks.len()
    }
}
