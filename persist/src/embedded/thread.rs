//! The thread of a [`Store`](super::Store): what waits for its [`Core`], and in which order it is done.
//!
//! Invariant: appends go before everything else, and those that wait together share a commit; next come tokens to spend, which
//! share one among themselves; whatever else is asked for is done one by one, in order. Each of the three has a queue of its
//! own, which is bounded: a crowd at one is not in another's way, so that a tick does not wait behind all players who come at
//! once. A call that is given up by its caller still happens. The thread ends when the last handle is gone, after what was
//! in its queues.

use std::thread;

use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, oneshot},
};

use super::{Core, Settings, StorageBackend, journal::Appending, tokens::Spending};
use crate::{
    error::{AppendError, Fault, SpendError},
    limits,
    store::Appended,
    tokens::Bearer,
};

/// Something to do with the core.
type Job<B> = Box<dyn FnOnce(&mut Core<B>) + Send>;

/// Something that waits, and where its answer goes.
type Waiting<Q, A, E> = (Q, oneshot::Sender<Result<A, E>>);
type WaitingAppend = Waiting<Appending, Appended, AppendError>;
type WaitingSpend = Waiting<Spending, Option<Bearer>, SpendError>;

enum Other<B: StorageBackend> {
    Job(Job<B>),
    /// Drop the database, then say so.
    Close(oneshot::Sender<()>),
}

/// Where calls go in; clones share the thread.
pub(super) struct Calls<B: StorageBackend> {
    appends: mpsc::Sender<WaitingAppend>,
    spends: mpsc::Sender<WaitingSpend>,
    others: mpsc::Sender<Other<B>>,
}

impl<B: StorageBackend> Clone for Calls<B> {
    fn clone(&self) -> Self {
        Self { appends: self.appends.clone(), spends: self.spends.clone(), others: self.others.clone() }
    }
}

impl<B: StorageBackend> Calls<B> {
    /// Opens a core on a thread of its own.
    pub(super) async fn begin(backend: B, settings: Settings) -> Result<Self, Fault> {
        let io = |error: std::io::Error| Fault::Io(error.to_string());
        let (append, appends) = mpsc::channel(limits::QUEUE_CALLS_MAX);
        let (spend, spends) = mpsc::channel(limits::SPENDS_WAITING_MAX);
        let (other, others) = mpsc::channel(limits::QUEUE_CALLS_MAX);
        let queues = Queues { appends, spends, others };
        // Without drivers: it only waits for the queues.
        let runtime = Builder::new_current_thread().build().map_err(io)?;
        let (opened, answer) = oneshot::channel();
        let run = move || match Core::open(backend, settings) {
            Ok(core) => {
                _ = opened.send(Ok(()));
                queues.serve(core, &runtime);
            }
            Err(fault) => _ = opened.send(Err(fault)),
        };
        thread::Builder::new().name("persist".into()).spawn(run).map_err(io)?;
        answer.await.map_err(|_| Fault::Closed)??;
        Ok(Self { appends: append, spends: spend, others: other })
    }

    pub(super) async fn append(&self, appending: Appending) -> Result<Appended, AppendError> {
        ask(&self.appends, appending).await
    }

    pub(super) async fn spend(&self, spending: Spending) -> Result<Option<Bearer>, SpendError> {
        ask(&self.spends, spending).await
    }

    /// Has the core do something.
    pub(super) async fn call<T, E>(
        &self,
        work: impl FnOnce(&mut Core<B>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        let (done, answer) = oneshot::channel();
        let job: Job<B> = Box::new(move |core| _ = done.send(work(core)));
        self.others.send(Other::Job(job)).await.map_err(|_| Fault::Closed)?;
        answer.await.map_err(|_| Fault::Closed)?
    }

    /// Ends the thread once everything that was asked for before is done.
    pub(super) async fn close(&self) {
        let (closed, answer) = oneshot::channel();
        // One that has ended is closed.
        if self.others.send(Other::Close(closed)).await.is_ok() {
            _ = answer.await;
        }
    }
}

/// Waits for a place in a queue, then for the answer. The thread ends only between calls, so a lost answer is of a call that
/// was never begun.
async fn ask<Q, A, E: From<Fault>>(queue: &mpsc::Sender<Waiting<Q, A, E>>, question: Q) -> Result<A, E> {
    let (done, answer) = oneshot::channel();
    queue.send((question, done)).await.map_err(|_| Fault::Closed)?;
    answer.await.map_err(|_| Fault::Closed)?
}

/// Where calls come out.
struct Queues<B: StorageBackend> {
    appends: mpsc::Receiver<WaitingAppend>,
    spends: mpsc::Receiver<WaitingSpend>,
    others: mpsc::Receiver<Other<B>>,
}

/// What is done next.
enum Next<B: StorageBackend> {
    Append(Vec<WaitingAppend>),
    Spend(Vec<WaitingSpend>),
    Other(Other<B>),
    /// Nobody can ask for anything any more.
    Nothing,
}

impl<B: StorageBackend> Queues<B> {
    /// Runs the thread, until nobody can ask for anything any more.
    fn serve(mut self, mut core: Core<B>, runtime: &Runtime) {
        loop {
            match runtime.block_on(self.next()) {
                Next::Append(appends) => append(&mut core, appends),
                Next::Spend(spends) => spend(&mut core, spends),
                Next::Other(Other::Job(job)) => job(&mut core),
                Next::Other(Other::Close(closed)) => {
                    self.finish(core);
                    // Whoever closes it may not care when it is done.
                    _ = closed.send(());
                    return;
                }
                Next::Nothing => return,
            }
        }
    }

    async fn next(&mut self) -> Next<B> {
        let (mut appends, mut spends) = (Vec::new(), Vec::new());
        tokio::select! {
            biased;
            1.. = self.appends.recv_many(&mut appends, limits::QUEUE_CALLS_MAX) => {}
            1.. = self.spends.recv_many(&mut spends, limits::SPENDS_WAITING_MAX) => {}
            Some(other) = self.others.recv() => return Next::Other(other),
            else => return Next::Nothing,
        }
        if appends.is_empty() { Next::Spend(spends) } else { Next::Append(appends) }
    }

    /// Does what waits, takes nothing more, and drops the database.
    fn finish(mut self, mut core: Core<B>) {
        self.appends.close();
        self.spends.close();
        append(&mut core, std::iter::from_fn(|| self.appends.try_recv().ok()).collect());
        spend(&mut core, std::iter::from_fn(|| self.spends.try_recv().ok()).collect());
    }
}

/// As few commits as these appends fit in.
fn append<B: StorageBackend>(core: &mut Core<B>, mut waiting: Vec<WaitingAppend>) {
    while !waiting.is_empty() {
        let mut bytes = 0_u64;
        let fits = |(appending, _): &&WaitingAppend| {
            bytes += appending.records.iter().map(|record| record.encoded_bytes() as u64).sum::<u64>();
            bytes <= limits::APPEND_BYTES_MAX
        };
        let count = waiting.iter().take_while(fits).count().max(1);
        let (group, done): (Vec<_>, Vec<_>) = waiting.drain(..count).unzip();
        answer(core.append_all(&group), done);
    }
}

/// One commit for all of these tokens.
fn spend<B: StorageBackend>(core: &mut Core<B>, waiting: Vec<WaitingSpend>) {
    let (group, done): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
    answer(core.spend_all(&group), done);
}

fn answer<T>(answers: Vec<T>, done: Vec<oneshot::Sender<T>>) {
    // Whoever asked may have gone.
    answers.into_iter().zip(done).for_each(|(answer, done)| _ = done.send(answer));
}
