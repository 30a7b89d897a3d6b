//! What the two sides of a mailbox have in common: three queues under one lock.
//!
//! Invariant: under the lock nothing of the embedder's runs, not even a drop, so what is inside is whole whoever panicked. The
//! queue of completions has room for every ticket that is out.

use std::{
    collections::VecDeque,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use tokio::sync::Notify;

use super::{Entry, MailboxLimits, Sink, Waiting};
use crate::queue::{ByteCost as _, Refused};

/// See the module.
pub(super) struct Shared<C> {
    limits: MailboxLimits,
    state: Mutex<State<C>>,
    /// Wakes the consumer.
    filled: Condvar,
    /// Wakes peers that wait for room.
    room: Notify,
}

/// Everything that waits, by its sort.
pub(super) struct Batch<C> {
    pub(super) completions: VecDeque<C>,
    pub(super) requests: VecDeque<C>,
    pub(super) peers: VecDeque<Entry>,
}

struct State<C> {
    waiting: Batch<C>,
    /// Requests that the consumer was given and has not looked at.
    requests_left: usize,
    /// Bytes of peers' events in `waiting`, and of those that the consumer has not done with.
    peer_bytes: usize,
    /// Completions that are still to come.
    tickets: usize,
    /// The consumer sleeps: a wake-up costs a system call, so nobody sends one in vain.
    is_asleep: bool,
    is_closed: bool,
}

impl<C> Shared<C> {
    pub(super) const fn new(limits: MailboxLimits) -> Self {
        Self {
            limits,
            state: Mutex::new(State {
                waiting: Batch { completions: VecDeque::new(), requests: VecDeque::new(), peers: VecDeque::new() },
                requests_left: 0,
                peer_bytes: 0,
                tickets: 0,
                is_asleep: false,
                is_closed: false,
            }),
            filled: Condvar::new(),
            room: Notify::const_new(),
        }
    }

    pub(super) const fn limits(&self) -> MailboxLimits {
        self.limits
    }

    /// Makes room for one more completion.
    pub(super) fn reserve(&self) {
        let mut state = self.lock();
        state.tickets += 1;
        state.reserve_completions();
    }

    /// Takes a completion whose place was reserved.
    pub(super) fn complete(&self, completion: C) {
        let mut state = self.lock();
        state.tickets -= 1;
        if state.is_closed {
            drop(state);
            return drop(completion);
        }
        state.waiting.completions.push_back(completion);
        self.wake(state);
    }

    pub(super) fn offer_request(&self, request: C) -> Result<(), C> {
        let mut state = self.lock();
        let count = state.waiting.requests.len() + state.requests_left;
        if state.is_closed || count >= self.limits.requests_max {
            return Err(request);
        }
        state.waiting.requests.push_back(request);
        self.wake(state);
        Ok(())
    }

    /// Waits until something is there or `deadline` has passed, and moves all of it behind what is in `taken`, of whose
    /// events `handed_bytes` are done with.
    pub(super) fn wait(&self, deadline: Option<Instant>, handed_bytes: usize, taken: &mut Batch<C>) {
        let mut state = self.lock();
        state.peer_bytes -= handed_bytes;
        if handed_bytes > 0 {
            self.room.notify_waiters();
        }
        while taken.is_empty() && state.waiting.is_empty() {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state.is_asleep = true;
            state = match left {
                Some(left) if left.is_zero() => break,
                Some(left) => self.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state.is_asleep = false;
        state.requests_left = taken.requests.len();
        taken.take_over(&mut state.waiting);
        state.reserve_completions();
    }

    pub(super) fn waiting(&self) -> Waiting {
        let state = self.lock();
        Waiting {
            tickets: state.tickets,
            completions: state.waiting.completions.len(),
            requests: state.waiting.requests.len(),
            peer_events: state.waiting.peers.len(),
            peer_bytes: state.peer_bytes,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Takes no more, and throws away what waits.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.peer_bytes = 0;
        let thrown_away = std::mem::take(&mut state.waiting);
        drop(state);
        self.room.notify_waiters();
        drop(thrown_away);
    }

    fn wake(&self, mut state: MutexGuard<'_, State<C>>) {
        let is_asleep = std::mem::take(&mut state.is_asleep);
        drop(state);
        if is_asleep {
            self.filled.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Send> Sink for Shared<C> {
    fn offer(&self, entry: Entry, is_over: &AtomicBool) -> Result<(), Refused<Entry>> {
        let mut state = self.lock();
        if state.is_closed || is_over.load(Relaxed) {
            drop(state);
            drop(entry);
            return Err(Refused::Closed);
        }
        let bytes = state.peer_bytes.saturating_add(entry.cost_bytes());
        if entry.is_last() {
            // There is one a session, and whoever was told of the session must be told of its end.
            is_over.store(true, Relaxed);
        } else if bytes > self.limits.peer_bytes_max && state.peer_bytes > 0 {
            return Err(Refused::Full(entry));
        }
        state.peer_bytes = bytes;
        state.waiting.peers.push_back(entry);
        self.wake(state);
        Ok(())
    }

    fn room(&self) -> &Notify {
        &self.room
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }
}

impl<C> State<C> {
    /// So that completing allocates nothing.
    fn reserve_completions(&mut self) {
        self.waiting.completions.reserve(self.tickets);
    }
}

impl<C> Batch<C> {
    pub(super) fn is_empty(&self) -> bool {
        self.completions.is_empty() && self.requests.is_empty() && self.peers.is_empty()
    }

    /// Moves all of `other` behind what is here, sort by sort.
    fn take_over(&mut self, other: &mut Self) {
        take_over(&mut self.completions, &mut other.completions);
        take_over(&mut self.requests, &mut other.requests);
        take_over(&mut self.peers, &mut other.peers);
    }
}

impl<C> Default for Batch<C> {
    fn default() -> Self {
        Self { completions: VecDeque::new(), requests: VecDeque::new(), peers: VecDeque::new() }
    }
}

fn take_over<T>(into: &mut VecDeque<T>, from: &mut VecDeque<T>) {
    if into.is_empty() {
        // The two buffers change places: no allocation while traffic is steady.
        std::mem::swap(into, from);
    } else {
        into.append(from);
    }
}
