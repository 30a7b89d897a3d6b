//! The task that appends records: group commit, and trying again where storage fails.
//!
//! Invariant: records are appended in order, each once; nothing is reported stored that the store did not report. After an
//! unknown outcome the head is read back before anything else is appended.

use std::{
    sync::{Arc, mpsc::Sender},
    time::{Duration, Instant},
};

use tickworld_persist::{Durability, Journal, Record, error::AppendError, limits::APPEND_RECORDS_MAX};
use tokio::{sync::mpsc::Receiver, time::sleep};

use super::note::Note;
use crate::meters::Meters;

/// Between two tries of a failed append.
const RETRY_WAIT: Duration = Duration::from_millis(200);

/// A record that waits, and since when.
pub(super) struct Waiting {
    pub(super) record: Record,
    pub(super) since: Instant,
}

/// Appends until the region hangs up or the journal is lost.
pub(super) async fn run<S: Journal, C>(
    store: Arc<S>,
    durability: Durability,
    mut records: Receiver<Waiting>,
    notes: Sender<Note<C>>,
    meters: Arc<Meters>,
) {
    let mut group = Vec::new();
    while records.recv_many(&mut group, APPEND_RECORDS_MAX).await > 0 {
        let since = group.last().map_or_else(Instant::now, |waiting| waiting.since);
        let batch: Vec<Record> = group.drain(..).map(|waiting| waiting.record).collect();
        match append(&*store, &batch, durability, &notes, &meters).await {
            Ok(()) => {
                let Some(tick) = batch.last().map(Record::tick) else { continue };
                if notes.send(Note::Stored { tick, waited: since.elapsed() }).is_err() {
                    return;
                }
            }
            Err(end) => {
                // The region may be gone already, which is what this would make it be.
                _ = notes.send(end);
                return;
            }
        }
    }
}

/// Appends a batch, however often it takes.
async fn append<S: Journal, C>(
    store: &S,
    batch: &[Record],
    durability: Durability,
    notes: &Sender<Note<C>>,
    meters: &Meters,
) -> Result<(), Note<C>> {
    let mut rest = batch;
    loop {
        let error = match store.append(rest, durability).await {
            Ok(_) => return Ok(()),
            Err(AppendError::Fenced { by }) => return Err(Note::Fenced(by)),
            Err(error @ (AppendError::Unknown(_) | AppendError::Storage(_))) => error,
            Err(error) => return Err(Note::JournalLost(error.to_string())),
        };
        meters.storage_retries.increment(1);
        tracing::error!(%error, "ticks cannot be stored");
        if notes.send(Note::StorageFailed(error.to_string())).is_err() {
            return Err(Note::JournalLost("the region is gone".to_owned()));
        }
        sleep(RETRY_WAIT).await;
        // What an unknown outcome wrote need not be written again, and must not.
        if let Ok(head) = store.head().await {
            let is_written = |record: &&Record| record.tick() <= head.last.tick;
            rest = &rest[rest.iter().take_while(is_written).count()..];
            if rest.is_empty() && head.durable >= batch.last().map_or(head.durable, Record::tick) {
                return Ok(());
            }
        }
    }
}
