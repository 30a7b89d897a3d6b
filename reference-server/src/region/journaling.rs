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
            // What stands at our ticks is ours only while nobody else has claimed the journal.
            if batch.first().is_some_and(|record| record.body().epoch < head.epoch) {
                return Err(Note::Fenced(head.epoch));
            }
            let is_written = |record: &&Record| record.tick() <= head.last.tick;
            rest = &rest[rest.iter().take_while(is_written).count()..];
            if rest.is_empty() && head.durable >= batch.last().map_or(head.durable, Record::tick) {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tickworld_persist::{
        Body, JournalHeader, WorldId,
        memory::{Memory, Trouble},
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
            previous: claim.last.link,
            durable: Tick(0),
            proof: None,
            frame: frame.into(),
        };
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
        store.trouble(Trouble::Fails);
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
}
