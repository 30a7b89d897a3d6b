//! [`Queue`]: a bounded queue between one consumer, on a task or on a plain thread, and any number of producers.
//!
//! Invariant: what waits never weighs more than the cap, a single heavier element in an empty queue excepted. Written here
//! because the region's thread needs what no channel at hand has together: a cap in bytes, producers that await room, and
//! a consumer without a runtime that waits until a deadline and takes everything at once, with one lock for the batch.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::Notify;

/// What an element counts against the cap, in bytes.
pub(crate) trait Weigh {
    /// Its weight; at least one.
    fn weight_bytes(&self) -> usize;
}

/// See the module.
pub(crate) struct Queue<T> {
    bytes_max: usize,
    waiting: Mutex<Waiting<T>>,
    /// Wakes a consumer that is a thread.
    filled: Condvar,
    /// Wakes a consumer that is a task.
    filled_task: Notify,
    /// Wakes producers.
    room: Notify,
}

struct Waiting<T> {
    elements: VecDeque<T>,
    bytes: usize,
    /// The consumer's thread sleeps on `filled`: a wake-up costs a system call, so nobody sends one in vain.
    asleep: bool,
    closed: bool,
}

/// What a look into the queue found.
enum Taken<T> {
    Some(T),
    Empty,
    Ended,
}

/// Why an element was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused<T> {
    /// There is no room now.
    Full(T),
    /// Nobody will ever take it.
    Closed,
}

impl<T: Weigh> Queue<T> {
    /// An empty queue that holds `bytes_max`.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            waiting: Mutex::new(Waiting { elements: VecDeque::new(), bytes: 0, asleep: false, closed: false }),
            filled: Condvar::new(),
            filled_task: Notify::new(),
            room: Notify::new(),
        }
    }

    /// Puts `element` at the end if there is room now.
    pub(crate) fn offer(&self, element: T) -> Result<(), Refused<T>> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Refused::Closed);
        }
        if let Some(element) = self.put(&mut waiting, element) {
            return Err(Refused::Full(element));
        }
        self.wake(waiting);
        Ok(())
    }

    /// Puts elements at the end under one lock; gives those back that found no room.
    pub(crate) fn offer_all(&self, elements: Vec<T>) -> Vec<T> {
        let mut waiting = self.lock();
        let mut refused = Vec::new();
        if !waiting.closed {
            for element in elements {
                refused.extend(self.put(&mut waiting, element));
            }
        }
        self.wake(waiting);
        refused
    }

    /// Puts `element` at the end once there is room; false if nobody will ever take it.
    pub(crate) async fn push(&self, mut element: T) -> bool {
        loop {
            // Registered before the look, so that room made in between is not missed.
            let room = self.room.notified();
            let mut room = std::pin::pin!(room);
            room.as_mut().enable();
            match self.offer(element) {
                Ok(()) => return true,
                Err(Refused::Closed) => return false,
                Err(Refused::Full(back)) => element = back,
            }
            room.await;
        }
    }

    /// Waits until something is there, the queue is closed, or `deadline` has passed; then moves all that waits behind
    /// `into`. For a consumer that is a thread.
    pub(crate) fn wait(&self, deadline: Instant, into: &mut VecDeque<T>) {
        let mut waiting = self.lock();
        while waiting.elements.is_empty() && !waiting.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            waiting.asleep = true;
            waiting = self.filled.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.asleep = false;
        self.move_out(waiting, into);
    }

    /// Awaits until something is there, and moves all that waits behind `into`; false once the queue is closed and empty.
    /// For a consumer that is a task. Loses nothing when dropped.
    pub(crate) async fn fill(&self, into: &mut VecDeque<T>) -> bool {
        loop {
            match self.take_all(into) {
                Taken::Some(()) => return true,
                Taken::Ended => return false,
                Taken::Empty => self.filled_task.notified().await,
            }
        }
    }

    /// Awaits the first element; nothing once the queue is closed and empty. For a consumer that is a task. Loses nothing
    /// when dropped.
    pub(crate) async fn next(&self) -> Option<T> {
        loop {
            match self.take_one() {
                Taken::Some(element) => return Some(element),
                Taken::Ended => return None,
                Taken::Empty => self.filled_task.notified().await,
            }
        }
    }

    /// Takes no more; what waits can still be taken out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.filled_task.notify_one();
        self.room.notify_waiters();
    }

    /// Takes no more, and throws away what waits.
    pub(crate) fn abandon(&self) {
        self.close();
        let mut waiting = self.lock();
        waiting.bytes = 0;
        let elements = std::mem::take(&mut waiting.elements);
        drop(waiting);
        drop(elements);
    }

    /// Gives `element` back if there is no room.
    fn put(&self, waiting: &mut Waiting<T>, element: T) -> Option<T> {
        let bytes = waiting.bytes.saturating_add(element.weight_bytes());
        if bytes > self.bytes_max && !waiting.elements.is_empty() {
            return Some(element);
        }
        waiting.bytes = bytes;
        waiting.elements.push_back(element);
        None
    }

    fn wake(&self, mut waiting: MutexGuard<'_, Waiting<T>>) {
        let asleep = std::mem::take(&mut waiting.asleep);
        drop(waiting);
        if asleep {
            self.filled.notify_one();
        }
        self.filled_task.notify_one();
    }

    fn take_one(&self) -> Taken<T> {
        let mut waiting = self.lock();
        let Some(element) = waiting.elements.pop_front() else {
            return if waiting.closed { Taken::Ended } else { Taken::Empty };
        };
        waiting.bytes -= element.weight_bytes();
        drop(waiting);
        self.room.notify_waiters();
        Taken::Some(element)
    }

    fn take_all(&self, into: &mut VecDeque<T>) -> Taken<()> {
        let waiting = self.lock();
        if waiting.elements.is_empty() {
            return if waiting.closed { Taken::Ended } else { Taken::Empty };
        }
        self.move_out(waiting, into);
        Taken::Some(())
    }

    fn move_out(&self, mut waiting: MutexGuard<'_, Waiting<T>>, into: &mut VecDeque<T>) {
        waiting.bytes = 0;
        if into.is_empty() {
            // The two buffers change places: no allocation while traffic is steady.
            std::mem::swap(&mut waiting.elements, into);
        } else {
            into.append(&mut waiting.elements);
        }
        drop(waiting);
        self.room.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        // No code that could panic runs under the lock but an element's weight, so what is inside is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;

    impl Weigh for usize {
        fn weight_bytes(&self) -> usize {
            *self
        }
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn weight_is_capped_but_for_a_single_heavy_element() {
        let queue = Queue::new(10);
        assert_eq!(queue.offer(25), Ok(()));
        assert_eq!(queue.offer(1), Err(Refused::Full(1)));
        let mut out = VecDeque::new();
        queue.wait(Instant::now(), &mut out);
        assert_eq!(out, [25]);
        assert_eq!(queue.offer_all(vec![4, 7, 6, 1]), [7, 1]);
        queue.wait(Instant::now(), &mut out);
        assert_eq!(out, [25, 4, 6]);
    }

    #[test]
    fn a_thread_wakes_for_an_element_and_at_the_deadline() {
        let queue = Arc::new(Queue::new(10));
        let producer = Arc::clone(&queue);
        let thread = std::thread::spawn(move || producer.offer(3));
        let mut out = VecDeque::new();
        let start = Instant::now();
        queue.wait(start + LONG, &mut out);
        assert_eq!(out, [3]);
        assert!(start.elapsed() < LONG);
        assert_eq!(thread.join().unwrap(), Ok(()));
        queue.wait(Instant::now() + Duration::from_millis(1), &mut out);
        assert_eq!(out, [3]);
    }

    #[tokio::test]
    async fn a_producer_awaits_room_and_learns_of_the_end() {
        let queue = Arc::new(Queue::new(1));
        let producer = Arc::clone(&queue);
        let task = tokio::spawn(async move {
            let mut taken = 0;
            while producer.push(1).await {
                taken += 1;
            }
            taken
        });
        for _ in 0..100 {
            assert_eq!(tokio::time::timeout(LONG, queue.next()).await.unwrap(), Some(1));
        }
        queue.abandon();
        assert!(tokio::time::timeout(LONG, task).await.unwrap().unwrap() >= 100);
        assert_eq!(queue.next().await, None);
    }

    #[tokio::test]
    async fn what_waits_when_a_queue_closes_can_be_taken_out() {
        let queue = Queue::new(10);
        assert_eq!(queue.offer(1), Ok(()));
        queue.close();
        assert_eq!(queue.offer(2), Err(Refused::Closed));
        let mut out = VecDeque::new();
        assert!(queue.fill(&mut out).await);
        assert!(!queue.fill(&mut out).await);
        assert_eq!(out, [1]);
    }
}
