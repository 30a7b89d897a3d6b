//! [`Snapshots`]: when a world is stored, and for whom.
//!
//! Invariant: only a hashed world whose record is kept is stored, one at a time; whoever asked for a snapshot is answered when
//! one that is not older than the request's world is stored, or could not be.

use tickworld_persist::LogPosition;
use tickworld_proto::instant::{Instant, Micros};
use tickworld_sim::{frame::Tick, game::Game, world::World};

use crate::{limits::SNAPSHOT_RETRY_WAIT, request::RequestId, settings::RegionSettings};

/// See the module.
pub(super) struct Snapshots<G: Game> {
    /// Waits for its record to be kept, or for the one before it to be stored.
    wanted: Option<Wanted<G>>,
    storing: Option<Storing>,
    /// One is to be stored as soon as the end of a run is hashed, for whoever asked.
    owed: Option<Vec<RequestId>>,
    /// What a replay from the last stored snapshot to the newest tick would cost, as measured.
    debt: Micros,
    /// The tick of the last stored snapshot.
    stored: Tick,
    /// After a failure nothing is begun unasked before this.
    not_before: Instant,
}

/// A world that is to be stored, and what it would save a replay.
struct Wanted<G: Game> {
    world: World<G>,
    position: LogPosition,
    requests: Vec<RequestId>,
    debt: Micros,
}

struct Storing {
    tick: Tick,
    requests: Vec<RequestId>,
    debt: Micros,
}

impl<G: Game> Snapshots<G> {
    pub(super) const fn new(stored: Tick) -> Self {
        Self { wanted: None, storing: None, owed: None, debt: Micros(0), stored, not_before: Instant(0) }
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.wanted.is_none() && self.storing.is_none() && self.owed.is_none()
    }

    /// Whether one waits for a world that has a record.
    pub(super) const fn is_owed(&self) -> bool {
        self.owed.is_some()
    }

    /// The newest hashed world has no record of its own.
    pub(super) fn owe_one(&mut self, request: Option<RequestId>) {
        self.owed.get_or_insert_default().extend(request);
    }

    /// The tick of the last stored snapshot.
    pub(super) const fn stored_tick(&self) -> Tick {
        self.stored
    }

    /// What a replay of everything since the last snapshot would cost.
    pub(super) const fn debt(&self) -> Micros {
        self.debt
    }

    /// A tick was made; a replay would take as long.
    pub(super) fn owe(&mut self, took: Micros) {
        self.debt = Micros(self.debt.0.saturating_add(took.0));
    }

    /// Whether a snapshot of this tick is to be stored unasked.
    pub(super) fn is_due(&self, now: Instant, tick: Tick, settings: &RegionSettings) -> bool {
        let ticks = tick.0.saturating_sub(self.stored.0);
        let is_far = settings.snapshot_ticks > 0 && ticks >= settings.snapshot_ticks;
        let is_dear = settings.snapshot_ticks > 0 && self.debt >= settings.replay_debt_max && ticks > 0;
        self.is_idle() && now >= self.not_before && (is_far || is_dear)
    }

    /// Stores this world next, for somebody or for its own sake; in place of one that is not being stored yet.
    pub(super) fn want(&mut self, world: &World<G>, position: LogPosition, request: Option<RequestId>) {
        let mut requests = self.wanted.take().map_or_else(Vec::new, |wanted| wanted.requests);
        requests.extend(self.owed.take().into_iter().flatten());
        requests.extend(request);
        self.wanted = Some(Wanted { world: world.clone(), position, requests, debt: self.debt });
    }

    /// The world to store now, if its record is among those that are kept.
    pub(super) fn poll(&mut self, kept: Tick) -> Option<(World<G>, LogPosition)> {
        if self.storing.is_some() || self.wanted.as_ref().is_none_or(|wanted| wanted.world.tick() > kept) {
            return None;
        }
        let Wanted { world, position, requests, debt } = self.wanted.take()?;
        self.storing = Some(Storing { tick: world.tick(), requests, debt });
        Some((world, position))
    }

    /// The snapshot under way is stored, or is not; gives who asked for it.
    ///
    /// # Panics
    /// If none is under way.
    pub(super) fn handle_stored(&mut self, now: Instant, is_stored: bool) -> Vec<RequestId> {
        let Storing { tick, requests, debt } = self.storing.take().expect("a snapshot is stored once");
        if is_stored {
            self.stored = tick;
            self.debt = Micros(self.debt.0.saturating_sub(debt.0));
        } else {
            self.not_before = now.after(SNAPSHOT_RETRY_WAIT);
        }
        requests
    }
}
