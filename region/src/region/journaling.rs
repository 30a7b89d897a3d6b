//! [`Journaling`]: records on their way into the journal, one append at a time.
//!
//! Invariant: records are handed over in order, and one is forgotten only when a store said that it is kept. After an append
//! whose outcome is unknown nothing is appended before the journal's own state was read.

use std::collections::VecDeque;

use tickworld_persist::{
    Epoch, LogState, Record,
    limits::{APPEND_BYTES_MAX, APPEND_RECORDS_MAX},
};
use tickworld_proto::instant::Instant;
use tickworld_sim::frame::Tick;

use crate::{effect::AppendOutcome, limits::APPEND_RETRY_WAIT};

/// Records that are not kept yet.
#[derive(Debug)]
pub(super) struct Journaling {
    epoch: Epoch,
    /// In the order of ticks, each with the moment at which its frame was closed.
    queue: VecDeque<(Record, Instant)>,
    /// So many of the first are in the store already, and only have to become durable.
    written: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    /// So many records are with the store.
    Appending,
    /// The storage failed: it is looked at again from then on.
    Waiting(Instant),
    /// The journal's state is to be read, or is being read.
    Unread,
    Reading,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Append(Vec<Record>),
    ReadLogState,
}

/// What an answer of the store means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing new is kept.
    None,
    /// Every tick up to this one is kept as surely as was asked; the frame of the last was closed then.
    Kept { tick: Tick, closed_at: Instant },
    /// The storage fails.
    Failed(String),
    /// Another owner has claimed the journal.
    Fenced(Epoch),
    /// The journal cannot go on.
    Lost(String),
}

impl Journaling {
    pub(super) const fn new(epoch: Epoch) -> Self {
        Self { epoch, queue: VecDeque::new(), written: 0, stage: Stage::Idle }
    }

    /// Records that are not kept yet.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Adds the record of the next tick.
    pub(super) fn push(&mut self, record: Record, now: Instant) {
        self.queue.push_back((record, now));
    }

    /// What to do with the store now.
    pub(super) fn poll(&mut self) -> Option<Next> {
        match self.stage {
            Stage::Idle if !self.queue.is_empty() => {
                self.stage = Stage::Appending;
                Some(Next::Append(self.batch()))
            }
            Stage::Unread => {
                self.stage = Stage::Reading;
                Some(Next::ReadLogState)
            }
            _ => None,
        }
    }

    fn batch(&self) -> Vec<Record> {
        let mut bytes = 0_u64;
        let records = self.queue.iter().skip(self.written).map(|(record, _)| record).take(APPEND_RECORDS_MAX);
        let fits = |record: &&Record| {
            let is_first = bytes == 0;
            bytes = bytes.saturating_add(record.encoded_bytes() as u64);
            is_first || bytes <= APPEND_BYTES_MAX
        };
        records.take_while(fits).cloned().collect()
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self.stage {
            Stage::Waiting(until) => Some(until),
            _ => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Waiting(until) if until <= now) {
            self.stage = Stage::Unread;
        }
    }

    /// # Panics
    /// If no append is under way.
    pub(super) fn handle_appended(&mut self, now: Instant, outcome: AppendOutcome) -> Progress {
        assert_eq!(self.stage, Stage::Appending, "an append is answered once");
        match outcome {
            AppendOutcome::Kept(appended) => {
                self.stage = Stage::Idle;
                self.keep(appended.kept)
            }
            AppendOutcome::Fenced(by) => Progress::Fenced(by),
            AppendOutcome::Unknown(reason) => {
                self.stage = Stage::Waiting(now.after(APPEND_RETRY_WAIT));
                Progress::Failed(reason)
            }
            AppendOutcome::Lost(reason) => Progress::Lost(reason),
        }
    }

    /// What an unknown outcome wrote need not be written again, and must not.
    ///
    /// # Panics
    /// If nobody asked for the state.
    pub(super) fn handle_log_state(&mut self, now: Instant, state: Result<LogState, String>) -> Progress {
        assert_eq!(self.stage, Stage::Reading, "the journal's state is read when it was asked for");
        let state = match state {
            Ok(state) => state,
            Err(reason) => {
                self.stage = Stage::Waiting(now.after(APPEND_RETRY_WAIT));
                return Progress::Failed(reason);
            }
        };
        // What stands at our ticks is ours only while nobody else has claimed the journal.
        if state.epoch > self.epoch {
            return Progress::Fenced(state.epoch);
        }
        self.stage = Stage::Idle;
        self.written = self.queue.iter().take_while(|(record, _)| record.slot() <= state.last.slot).count();
        self.keep(state.durable.tick.min(state.last.tick))
    }

    fn keep(&mut self, kept: Tick) -> Progress {
        let mut progress = Progress::None;
        while let Some((record, closed_at)) = self.queue.front() {
            if record.tick() > kept {
                break;
            }
            progress = Progress::Kept { tick: record.tick(), closed_at: *closed_at };
            self.queue.pop_front();
            self.written = self.written.saturating_sub(1);
        }
        progress
    }
}
