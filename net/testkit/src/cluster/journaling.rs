//! [`Journaling`]: appends in groups, and tries again where storage fails, as the region's task does.
//!
//! Invariant: records are appended in order, each once; after an unknown outcome the head is read back before anything else is
//! appended. An append takes time before it reaches the store and before its answer is known, and the server may die in both.

use std::collections::VecDeque;

use tickworld_persist::{
    Body, Durability, Record, Store,
    error::{AppendError, ReadError},
    limits::APPEND_RECORDS_MAX,
};
use tickworld_proto::instant::{Instant, Micros};

use super::{
    bug::Bug,
    server::{Ended, Server, Site, Wake},
    storage::{Disk, now as ready},
};

/// Between two tries of a failed append.
const RETRY_WAIT: Micros = Micros(200_000);

/// What waits, and what is under way.
#[derive(Debug, Default)]
pub(super) struct Journaling {
    queue: VecDeque<Record>,
    stage: Stage,
    /// Whether the power goes in the midst of the next append.
    pub(super) is_armed: bool,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Idle,
    /// On its way to the store.
    Asked { batch: Vec<Record>, rest: usize, is_again: bool },
    /// On its way back.
    Answered { batch: Vec<Record>, rest: usize, result: Result<(), AppendError> },
    /// Nothing is tried any more.
    GivenUp,
}

impl<S: Store + Clone> Server<S> {
    pub(super) fn take_record<D>(&mut self, record: Record, site: &mut Site<'_, D>) {
        self.journaling.queue.push_back(record);
        self.append_next(site);
    }

    /// Begins with what waits, if nothing is under way.
    fn append_next<D>(&mut self, site: &mut Site<'_, D>) {
        let Journaling { queue, stage, .. } = &mut self.journaling;
        if matches!(stage, Stage::Idle) && !queue.is_empty() {
            let batch: Vec<Record> = queue.drain(..queue.len().min(APPEND_RECORDS_MAX)).collect();
            *stage = Stage::Asked { batch, rest: 0, is_again: false };
            self.wake_for_storage(site, Wake::Journal);
        }
    }

    /// Storage takes its time.
    pub(super) fn wake_for_storage<D>(&mut self, site: &Site<'_, D>, wake: Wake) {
        let most = if site.is_slow { 250_000 } else { 4_000 };
        let wait = self.dice.micros(Micros(50), Micros(most));
        self.wakes.push((wait, wake));
    }

    pub(super) fn go_on_journaling<D: Disk<Store = S>>(&mut self, now: Instant, site: &mut Site<'_, D>) {
        match core::mem::take(&mut self.journaling.stage) {
            stage @ (Stage::Idle | Stage::GivenUp) => self.journaling.stage = stage,
            Stage::Asked { batch, mut rest, is_again } => {
                let is_armed = core::mem::take(&mut self.journaling.is_armed);
                if is_armed {
                    site.disk.arm(&mut self.dice);
                }
                let result = self.append(&batch, &mut rest, is_again, site);
                if is_armed {
                    self.ended = Some(Ended::PowerCut);
                    return;
                }
                self.journaling.stage = Stage::Answered { batch, rest, result };
                self.wake_for_storage(site, Wake::Journal);
            }
            Stage::Answered { batch, rest, result } => self.take_answer(now, batch, rest, result, site),
        }
    }

    /// One try. What an unknown outcome wrote need not be written again, and must not.
    fn append<D>(
        &self,
        batch: &[Record],
        rest: &mut usize,
        is_again: bool,
        site: &mut Site<'_, D>,
    ) -> Result<(), AppendError> {
        if is_again {
            let head = ready(self.store.log_state()).map_err(|error| match error {
                ReadError::Storage(fault) => AppendError::Unknown(fault),
                _ => AppendError::Absent,
            })?;
            *rest = batch.len() - head.unwritten(batch)?.len();
        }
        loop {
            let given = &batch[*rest..];
            let appended = ready(self.store.append(given, Durability::Disk))?;
            site.watch.take(self.life, appended.durable);
            *rest = batch.len() - appended.rest(given).len();
            if *rest == batch.len() {
                return Ok(());
            }
        }
    }

    fn take_answer<D: Disk<Store = S>>(
        &mut self,
        now: Instant,
        batch: Vec<Record>,
        rest: usize,
        result: Result<(), AppendError>,
        site: &mut Site<'_, D>,
    ) {
        let life = self.life.0;
        match result {
            Ok(()) => {
                let Some(tick) = batch.last().map(Record::tick) else { return };
                site.watch.store(self.life, tick);
                self.take_stored(now, tick);
                self.append_next(site);
            }
            Err(AppendError::Fenced { by }) if site.bug == Some(Bug::IgnoresTheFence) => {
                self.epoch = by;
                self.journaling.stage = Stage::Asked { batch: self.restamp(batch), rest, is_again: false };
                self.wake_for_storage(site, Wake::Journal);
            }
            Err(AppendError::Fenced { by }) => {
                site.watch.note(|| format!("server {life} is fenced by epoch {by}"));
                self.ended = Some(Ended::Fenced);
            }
            Err(error @ (AppendError::Unknown(_) | AppendError::Storage(_))) => {
                site.watch.note(|| format!("server {life} cannot store: {error}"));
                site.watch.count("failed appends");
                self.storage_failed = true;
                self.host.handle_storage_failed(now, &error.to_string());
                if site.bug == Some(Bug::NeverTriesAgain) {
                    self.journaling.stage = Stage::GivenUp;
                    return;
                }
                self.journaling.stage = Stage::Asked { batch, rest, is_again: true };
                self.wakes.push((RETRY_WAIT, Wake::Journal));
            }
            Err(error) => self.ended = Some(Ended::Failed(error.to_string())),
        }
    }

    /// Every tick up to this one is stored.
    fn take_stored(&mut self, now: Instant, tick: tickworld_sim::frame::Tick) {
        while self.links.front().is_some_and(|place| place.tick <= tick) {
            self.links.pop_front();
        }
        self.durable = tick;
        self.host.handle_durable(now, tick, Durability::Disk);
        if core::mem::take(&mut self.storage_failed) {
            self.host.handle_storage_recovered(now);
        }
    }

    /// The same records in the name of another owner.
    fn restamp(&mut self, batch: Vec<Record>) -> Vec<Record> {
        let mut previous = batch.first().map_or(self.last.record_hash, |record| record.body().previous_hash);
        let mut renewed = |record: &Record| {
            let body = Body { epoch: self.epoch, previous_hash: previous, ..record.body().clone() };
            let record = Record::new(body).expect("it was a record before");
            previous = record.hash();
            record
        };
        let batch: Vec<Record> = batch.iter().map(&mut renewed).collect();
        self.journaling.queue = self.journaling.queue.iter().map(&mut renewed).collect();
        self.last.record_hash = previous;
        batch
    }
}
