//! Thousands who spend their tokens at once share a commit, and a tick does not wait behind them.

mod support;

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use redb::{DatabaseError, backends::InMemoryBackend};
use support::{claim_of, header, records};
use tickworld_persist::{
    Bearer, Durability, Journal as _, TokenDigest, Tokens,
    embedded::{Settings, StorageBackend, Store},
    error::SpendError,
};

const CROWD: u64 = 4_000;

/// A storage in memory whose syncs are counted, and can be held up.
#[derive(Clone, Debug, Default)]
struct Counting {
    syncs: Arc<(Mutex<Syncs>, Condvar)>,
}

#[derive(Debug, Default)]
struct Syncs {
    count: u64,
    is_held: bool,
    is_waiting: bool,
}

impl Counting {
    fn count(&self) -> u64 {
        self.syncs.0.lock().expect("nobody panics").count
    }

    /// Waits until somebody waits for a sync.
    fn wait_for_sync(&self) {
        let (syncs, changed) = &*self.syncs;
        let syncs = syncs.lock().expect("nobody panics");
        drop(changed.wait_while(syncs, |it| !it.is_waiting).expect("nobody panics"));
    }

    fn hold(&self, is_held: bool) {
        self.syncs.0.lock().expect("nobody panics").is_held = is_held;
        self.syncs.1.notify_all();
    }
}

#[derive(Debug)]
struct File {
    bytes: InMemoryBackend,
    counting: Counting,
}

impl redb::StorageBackend for File {
    fn len(&self) -> io::Result<u64> {
        self.bytes.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.bytes.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bytes.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let (syncs, changed) = &*self.counting.syncs;
        let mut syncs = syncs.lock().expect("nobody panics");
        syncs.is_waiting = true;
        changed.notify_all();
        syncs = changed.wait_while(syncs, |it| it.is_held).expect("nobody panics");
        syncs.is_waiting = false;
        syncs.count += 1;
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.bytes.write(offset, data)
    }
}

impl StorageBackend for Counting {
    type File = File;

    fn open(&mut self) -> Result<File, DatabaseError> {
        Ok(File { bytes: InMemoryBackend::new(), counting: self.clone() })
    }

    fn watermark(&mut self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn write_watermark(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn keep_damaged(&mut self) -> io::Result<Option<String>> {
        Ok(None)
    }
}

/// Whether a token is this bearer's then.
async fn spend(store: &impl Tokens, number: u64, by: u8, expires_seconds: u64) -> Result<bool, SpendError> {
    let bearer = Bearer { nonce: [by; 16], generation: 0 };
    Ok(store.spend(token(number), bearer, expires_seconds).await? == Some(bearer))
}

fn token(number: u64) -> TokenDigest {
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&number.to_le_bytes());
    TokenDigest(digest)
}

/// Who was answered, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    Spend,
    Append,
}

#[tokio::test]
async fn and_a_tick_goes_before_it() {
    let backend = Counting::default();
    let store = Store::open(backend.clone(), Settings::default()).await.unwrap();
    store.create(&header()).await.unwrap();
    let claim = store.claim(&claim_of(&store.log_state().await.unwrap())).await.unwrap();
    let before = backend.count();
    assert_eq!(spend(&store, CROWD + 1, 1, 100).await, Ok(true));
    let alone = backend.count() - before;
    assert!(alone > 0, "a spent token is durable");
    let order = Arc::new(Mutex::new(Vec::new()));
    let begun = Arc::new(AtomicU64::new(0));
    let come = |number: u64| {
        let (store, order, begun) = (store.clone(), order.clone(), begun.clone());
        tokio::spawn(async move {
            begun.fetch_add(1, Ordering::Relaxed);
            let answer = spend(&store, number, 1, 100).await;
            order.lock().unwrap().push(Answered::Spend);
            answer
        })
    };
    // The first one keeps the store busy until everybody else waits.
    backend.hold(true);
    let mut crowd = vec![come(CROWD)];
    tokio::task::yield_now().await;
    backend.wait_for_sync();
    crowd.extend((0..CROWD).map(come));
    while begun.load(Ordering::Relaxed) <= CROWD {
        tokio::task::yield_now().await;
    }
    let append = tokio::spawn({
        let (store, order, records) = (store.clone(), order.clone(), records(claim.epoch, claim.last, 1, 50));
        async move {
            let answer = store.append(&records, Durability::Disk).await;
            order.lock().unwrap().push(Answered::Append);
            answer
        }
    });
    tokio::task::yield_now().await;
    let before = backend.count();
    backend.hold(false);
    append.await.unwrap().unwrap();
    for spent in crowd {
        assert_eq!(spent.await.unwrap(), Ok(true));
    }
    // Three commits: the first one's, the tick's and the crowd's; and what the file's growing costs.
    let syncs = backend.count() - before;
    assert!(syncs <= 4 * alone, "{syncs} syncs for {CROWD} who came at once, {alone} for one who comes alone");
    let tick = order.lock().unwrap().iter().position(|answered| *answered == Answered::Append);
    assert!(tick.is_some_and(|spent| spent <= 1), "{tick:?} tokens were spent before the tick");

    let before = backend.count();
    let again: Vec<_> = (0..CROWD)
        .map(|number| {
            tokio::spawn({
                let store = store.clone();
                async move { spend(&store, number, 2, 100).await }
            })
        })
        .collect();
    for spent in again {
        assert_eq!(spent.await.unwrap(), Ok(false));
    }
    assert_eq!(backend.count(), before, "to find a token spent needs no commit");

    // More rows than are looked at at once.
    assert_eq!(store.forget_spent(100).await, Ok(0));
    assert_eq!(spend(&store, CROWD + 2, 1, 200).await, Ok(true));
    assert_eq!(store.forget_spent(101).await, Ok(CROWD + 2));
    assert_eq!(spend(&store, CROWD + 2, 2, 200).await, Ok(false));
    assert_eq!(spend(&store, 0, 2, 200).await, Ok(true));
}
