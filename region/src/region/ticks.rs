//! The way of a tick: frame, record, step, root, release; and the end, when no more ticks follow.

use tickworld_persist::Mark;
use tickworld_proto::instant::{Instant, Micros};
use tickworld_sim::{
    content::ContentId,
    frame::Tick,
    game::Game,
    world::{Roots, World},
};

use super::{Marking, Region, ending::Phase, journaling};
use crate::{
    effect::{Append, Effect, HashWorld, Hashed},
    event::{Ended, Event},
    limits::{CONTENTS_MAX, DRAIN_MAX},
    step::{Step, StepError, Stepped},
};

impl<G: Game> Region<G> {
    /// Whether the open frame may be closed: the tick before was stepped, the journal keeps up, and the root is known that
    /// the frame's record has to carry.
    pub(super) fn may_close(&self) -> bool {
        let lag_max = self.settings.host.durable_lag_ticks_max as usize;
        let proven = self.header.proven_by(self.host.open_tick());
        self.phase == Phase::Running
            && self.simulation.is_some()
            && self.to_step.is_none()
            && self.journaling.len() < lag_max.max(1)
            && self.host.may_close()
            && proven.is_none_or(|tick| !self.hashing.is_to_come(tick))
    }

    /// Closes the open frame, hands its record to the journal unless it joins a run, and has it stepped.
    pub(super) fn close_frame(&mut self, now: Instant) {
        let (late, pace_percent) = self.pace.begin_tick(now);
        self.host.set_pace(pace_percent);
        let (groups, entropy) = self.may_group();
        let own = self.own_acts(now);
        let frame = self.host.close_frame(now, entropy, own);
        let tick = frame.tick;
        self.take_closed(now, &frame, groups);
        self.tell(Event::FrameClosed { tick, late });
        self.to_step = Some(frame);
    }

    pub(super) fn poll_journal(&mut self) -> Option<Effect<G>> {
        Some(match self.journaling.poll()? {
            journaling::Next::Append(records) => {
                Effect::Append(Append { records, durability: self.settings.durability() })
            }
            journaling::Next::ReadLogState => Effect::ReadLogState,
        })
    }

    pub(super) fn poll_mark(&mut self) -> Option<Effect<G>> {
        if !matches!(self.marking, Marking::Wanted(_)) {
            return None;
        }
        match core::mem::replace(&mut self.marking, Marking::UnderWay) {
            Marking::Wanted(mark) => Some(Effect::Mark(mark)),
            _ => None,
        }
    }

    pub(super) fn poll_step(&mut self) -> Option<Effect<G>> {
        let frame = self.to_step.take_if(|_| self.simulation.is_some())?;
        let mut simulation = self.simulation.take()?;
        for (id, content) in self.contents.drain(..) {
            simulation.library_mut().add(id, content);
        }
        let seals = self.header.root_lag_ticks <= 1;
        Some(Effect::Step(Box::new(Step { simulation, frame, seals })))
    }

    pub(super) fn poll_hash(&mut self) -> Option<Effect<G>> {
        let world = self.hashing.poll()?;
        Some(Effect::Hash(Box::new(HashWorld { world, schema: self.schema_id })))
    }

    /// A step is over; it took so long.
    ///
    /// # Panics
    /// If none was under way, or another world comes back.
    pub fn handle_stepped(&mut self, now: Instant, took: Micros, result: Result<Stepped<G>, StepError>) {
        if self.has_ended() {
            return;
        }
        let tick = self.stepped.next();
        match result {
            Ok(stepped) => self.take_world(now, took, stepped),
            Err(error) => {
                let message = match error {
                    StepError::Panicked(message) => message,
                    refused @ StepError::Refused(_) => refused.to_string(),
                };
                // No frame was closed since: the last record is that tick's.
                self.end_run_before_pending(now);
                let mark = Mark::new(self.last.record_hash, self.build, Some(self.epoch), &message);
                self.marking = Marking::Wanted(mark);
                let deadline = now.after(DRAIN_MAX);
                self.phase = Phase::Draining { deadline, then: Ended::Panicked { tick, message } };
            }
        }
        self.settle(now);
    }

    fn take_world(&mut self, now: Instant, took: Micros, stepped: Stepped<G>) {
        let Stepped { mut simulation, changed_bytes, roots, .. } = stepped;
        assert_eq!(simulation.world().tick(), self.stepped.next(), "a step gives back the world of the next tick");
        for hashed in self.hashing.to_adopt.drain(..) {
            simulation.adopt_hashes(&hashed);
        }
        let world = simulation.snapshot();
        if simulation.library().len() > CONTENTS_MAX {
            // No frame that is closed names others: it would have been stepped by now.
            let content = world.content();
            simulation.library_mut().retain(|id| id == content || id == ContentId::NONE);
        }
        self.stepped = world.tick();
        self.simulation = Some(simulation);
        self.snapshots.owe(took);
        self.host.handle_stepped(now, world.clone(), changed_bytes);
        self.join_run(now);
        match roots {
            Some(roots) => {
                self.hashing.know(world.clone(), roots.root);
                self.take_roots(now, roots, world);
            }
            None => self.hashing.push(world),
        }
    }

    /// A world's roots are computed; it took so long.
    ///
    /// # Panics
    /// If none was to be, or it is not the next one.
    pub fn handle_hashed(&mut self, now: Instant, took: Micros, hashed: Hashed<G>) {
        if self.has_ended() {
            return;
        }
        let Hashed { world, roots } = hashed;
        self.snapshots.owe(took);
        self.hashing.handle_hashed(world.clone(), roots.root);
        if let Some(simulation) = &mut self.simulation {
            self.hashing.to_adopt.drain(..).for_each(|hashed| simulation.adopt_hashes(&hashed));
        }
        self.take_roots(now, roots, world);
        self.settle(now);
    }

    fn take_roots(&mut self, now: Instant, roots: Roots, world: World<G>) {
        let tick = world.tick();
        while self.records.front().is_some_and(|record| record.tick < tick) {
            self.records.pop_front();
        }
        self.host.handle_root(now, roots, world);
        if self.snapshots.is_due(now, tick, &self.settings) || self.snapshots.is_owed() {
            self.want_snapshot(now, None);
        }
    }

    /// What the journal's news mean.
    pub(super) fn take_progress(&mut self, now: Instant, progress: journaling::Progress) {
        match progress {
            journaling::Progress::None => {}
            journaling::Progress::Kept { tick, closed_at } => self.keep(now, tick, closed_at),
            journaling::Progress::Failed(reason) => {
                self.host.handle_storage_failed(now, &reason);
                self.storage_failed = Some(reason.clone());
                self.tell(Event::StorageFailed { reason });
            }
            journaling::Progress::Fenced(by) => return self.end(Ended::Fenced { by }),
            journaling::Progress::Lost(reason) => return self.end(Ended::Failed(reason)),
        }
        self.settle(now);
    }

    fn keep(&mut self, now: Instant, tick: Tick, closed_at: Instant) {
        self.kept = tick;
        self.host.handle_durable(now, tick, self.settings.durability());
        self.tell(Event::Durable { tick, waited: now.since(closed_at) });
        if self.storage_failed.take().is_some() {
            self.host.handle_storage_recovered(now);
            self.tell(Event::StorageRecovered { tick });
        }
    }

    /// On the way to the end: goes on to what comes next, if nothing is under way any more.
    pub(super) fn advance_phase(&mut self, now: Instant) {
        if self.phase != Phase::Running {
            self.end_run(now);
        }
        if let Phase::Draining { deadline, then } = &self.phase {
            let (deadline, then) = (*deadline, then.clone());
            let has_panicked = matches!(then, Ended::Panicked { .. });
            let is_stepping = self.simulation.is_none() || self.to_step.is_some();
            let is_marking = self.marking != Marking::Nothing;
            if is_marking
                || self.journaling.len() > 0
                || (!has_panicked && (is_stepping || self.hashing.pending_count() > 0))
            {
                return;
            }
            // Everything that was made is told by now.
            self.host.shutdown(now);
            self.take_host_events();
            if has_panicked {
                return self.end(then);
            }
            self.phase = Phase::Storing { deadline };
        }
        if let Phase::Storing { deadline } = self.phase
            && self.snapshots.is_idle()
        {
            if self.snapshots.stored_tick() < self.stepped {
                self.want_snapshot(now, None);
            } else {
                self.to_end_claim = true;
                self.ended_at = self.wall(now);
                self.phase = Phase::EndingClaim { deadline };
            }
        }
    }
}
