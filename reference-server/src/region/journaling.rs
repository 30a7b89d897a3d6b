//! The task that appends records: group commit, and trying again where storage fails.
//!
//! Invariant: records are appended in order, each once; nothing is reported stored that the store did not report. After an
//! unknown outcome the head is read back before anything else is appended.

use std::{
    sync::{Arc, mpsc::Sender},
    time::{Duration, Instant},
};

use tickworld_persist::{
    Appended, Durability, Journal, LogState, Record,
    error::{AppendError, ReadError},
    limits::APPEND_RECORDS_MAX,
};
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
            Ok(Appended { kept, durable }) => {
                if notes.send(Note::Stored { tick: kept, durable, waited: since.elapsed() }).is_err() {
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
) -> Result<Appended, Note<C>> {
    let mut rest = batch;
    loop {
        match store.append(rest, durability).await {
            Ok(appended) => {
                rest = appended.rest(rest);
                if rest.is_empty() {
                    return Ok(appended);
                }
            }
            Err(error @ (AppendError::Unknown(_) | AppendError::Storage(_))) => {
                wait_after(&error, notes, meters).await?;
                let head = read_back(store, notes, meters).await?;
                // What an unknown outcome wrote need not be written again, and must not.
                rest = head.unwritten(batch).map_err(lost)?;
            }
            Err(error) => return Err(lost(error)),
        }
    }
}

/// The head, however often it takes: nothing is appended before it is known what became of the last append.
async fn read_back<S: Journal, C>(store: &S, notes: &Sender<Note<C>>, meters: &Meters) -> Result<LogState, Note<C>> {
    loop {
        match store.log_state().await {
            Ok(head) => return Ok(head),
            Err(error @ ReadError::Storage(_)) => wait_after(&error, notes, meters).await?,
            Err(error) => return Err(Note::JournalLost(error.to_string())),
        }
    }
}

/// Tells that storage fails, and lets it rest.
async fn wait_after<C>(
    error: &(dyn std::fmt::Display + Sync),
    notes: &Sender<Note<C>>,
    meters: &Meters,
) -> Result<(), Note<C>> {
    meters.storage_retries.increment(1);
    tracing::error!(%error, "ticks cannot be stored");
    if notes.send(Note::StorageFailed(error.to_string())).is_err() {
        return Err(Note::JournalLost("the region is gone".to_owned()));
    }
    sleep(RETRY_WAIT).await;
    Ok(())
}

fn lost<C>(error: AppendError) -> Note<C> {
    match error {
        AppendError::Fenced { by } => Note::Fenced(by),
        error => Note::JournalLost(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tickworld_persist::{
        Body, JournalHeader, WorldId,
        memory::{FaultMode, Memory},
    };
    use tickworld_sim::{
        content::ContentId,
        frame::{InputFrame, Tick},
        hash::Hash,
        rng::Entropy,
        schema::{Schema, Type},
        trace::Start,
    };

    use super::*;

    fn header() -> JournalHeader {
        let schema = Schema { game: "test".into(), columns: Vec::new(), input: Type::Unit, event: Type::Unit };
        let start = Start { tick: Tick(0), root: Hash::ZERO, content: ContentId::NONE };
        JournalHeader { world: WorldId([7; 16]), revision: 1, tick_rate: 30, root_lag_ticks: 8, start, schema }
    }

    /// The record of tick 1 by an owner.
    fn record(claim: tickworld_persist::Claim) -> Record {
        let mut frame = Vec::new();
        InputFrame::<u8>::empty(Tick(1), Entropy::PREDICTED).encode(&mut frame);
        let body = Body {
            tick: Tick(1),
            epoch: claim.epoch,
            previous_hash: claim.last.record_hash,
            durable: Tick(0),
            proof: None,
            frame: frame.into(),
        };
        Record::new(body).unwrap()
    }

    /// The record after it.
    fn follow(record: &Record) -> Record {
        let tick = record.tick().next();
        let mut frame = Vec::new();
        InputFrame::<u8>::empty(tick, Entropy::PREDICTED).encode(&mut frame);
        let body = Body { tick, previous_hash: record.hash(), frame: frame.into(), ..record.body().clone() };
        Record::new(body).unwrap()
    }

    /// The next owner's record stands at the tick of the one that failed: only its epoch tells that it is another one.
    #[tokio::test]
    async fn a_tick_that_the_next_owner_stored_is_not_taken_for_stored() {
        let store = Arc::new(Memory::default());
        store.create(&header()).await.unwrap();
        let claim = store.claim().await.unwrap();
        let (records, queue) = tokio::sync::mpsc::channel(1);
        let (note, notes) = mpsc::channel::<Note<()>>();
        store.inject(FaultMode::Fails);
        let meters = Arc::new(Meters::default());
        let journal = tokio::spawn(run(store.clone(), Durability::Disk, queue, note, meters));
        records.send(Waiting { record: record(claim), since: Instant::now() }).await.unwrap();
        let failed = tokio::task::spawn_blocking(move || (notes.recv().unwrap(), notes)).await.unwrap();
        assert!(matches!(failed.0, Note::StorageFailed(_)));
        let next = store.claim().await.unwrap();
        store.append(&[record(next)], Durability::Disk).await.unwrap();
        journal.await.unwrap();
        assert!(matches!(failed.1.recv(), Ok(Note::Fenced(by)) if by == next.epoch));
    }

    /// Of an append that was written and of which nobody could tell, and a head that could not be read back at first: written
    /// again at once, it would not be the next tick, and the region would end.
    #[tokio::test]
    async fn nothing_is_appended_before_the_head_is_read_back() {
        let store = Arc::new(Memory::default());
        store.create(&header()).await.unwrap();
        let claim = store.claim().await.unwrap();
        let (records, queue) = tokio::sync::mpsc::channel(1);
        let (note, notes) = mpsc::channel::<Note<()>>();
        store.inject(FaultMode::UnknownWritten);
        store.set_unreadable(true);
        let journal = tokio::spawn(run(store.clone(), Durability::Disk, queue, note, Arc::new(Meters::default())));
        records.send(Waiting { record: record(claim), since: Instant::now() }).await.unwrap();
        let notes = tokio::task::spawn_blocking(move || {
            // Of the append, then of the head.
            for _ in 0..2 {
                assert!(matches!(notes.recv(), Ok(Note::StorageFailed(_))));
            }
            notes
        });
        let notes = notes.await.unwrap();
        store.set_unreadable(false);
        drop(records);
        journal.await.unwrap();
        assert!(matches!(notes.recv(), Ok(Note::Stored { tick: Tick(1), durable: Tick(1), .. })));
    }

    #[tokio::test]
    async fn what_a_store_did_not_keep_is_given_again_and_memory_is_not_called_durable() {
        let store = Arc::new(Memory::default());
        store.create(&header()).await.unwrap();
        let claim = store.claim().await.unwrap();
        let first = record(claim);
        let second = follow(&first);
        let (note, _notes) = mpsc::channel::<Note<()>>();
        store.inject(FaultMode::KeepsHalf);
        let appended = append(&*store, &[first, second], Durability::Memory, &note, &Meters::default()).await;
        assert!(matches!(appended, Ok(Appended { kept: Tick(2), durable: Tick(0) })));
    }
}
