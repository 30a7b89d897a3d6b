//! [`Queue`]: a bounded queue between one consumer, which is a task, and any number of producers.
//!
//! Invariant: what waits never weighs more than the cap, a single heavier element in an empty queue excepted. Written here
//! because no channel at hand has together what is needed: a cap in bytes, producers that await room or do not, batches for
//! one lock, and an end after which what waits can still be taken out.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// What an element counts against the cap, in bytes.
pub(crate) trait ByteCost {
    /// How many bytes that is; at least one.
    fn cost_bytes(&self) -> usize;
}

/// See the module.
pub(crate) struct Queue<T> {
    bytes_max: usize,
    waiting: Mutex<Waiting<T>>,
    /// Wakes the consumer.
    filled: Notify,
    /// Wakes producers, who wait for room.
    room: Notify,
}

struct Waiting<T> {
    elements: VecDeque<T>,
    bytes: usize,
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

impl<T: ByteCost> Queue<T> {
    /// An empty queue that holds `bytes_max`.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            waiting: Mutex::new(Waiting { elements: VecDeque::new(), bytes: 0, closed: false }),
            filled: Notify::new(),
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

    /// Puts `element` at the end, room or not: for the few that must not wait.
    pub(crate) fn force(&self, element: T) -> Result<(), Refused<T>> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Refused::Closed);
        }
        waiting.bytes = waiting.bytes.saturating_add(element.cost_bytes());
        waiting.elements.push_back(element);
        self.wake(waiting);
        Ok(())
    }

    /// Whether it takes no more.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Notified whenever there may be room again.
    pub(crate) const fn room(&self) -> &Notify {
        &self.room
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
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            match self.offer(element) {
                Ok(()) => return true,
                Err(Refused::Closed) => return false,
                Err(Refused::Full(back)) => element = back,
            }
            room.await;
        }
    }

    /// Awaits that everything was taken out.
    pub(crate) async fn drained(&self) {
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            if self.lock().elements.is_empty() {
                return;
            }
            room.await;
        }
    }

    /// Throws away what has waited longest.
    pub(crate) fn drop_oldest(&self) {
        drop(self.take_one());
    }

    /// Awaits until something is there, and moves all that waits behind `into`; false once the queue is closed and empty.
    /// Loses nothing when dropped.
    pub(crate) async fn fill(&self, into: &mut VecDeque<T>) -> bool {
        loop {
            match self.take_all(into) {
                Taken::Some(()) => return true,
                Taken::Ended => return false,
                Taken::Empty => self.filled.notified().await,
            }
        }
    }

    /// Awaits the first element; nothing once the queue is closed and empty. Loses nothing when dropped.
    pub(crate) async fn next(&self) -> Option<T> {
        loop {
            match self.take_one() {
                Taken::Some(element) => return Some(element),
                Taken::Ended => return None,
                Taken::Empty => self.filled.notified().await,
            }
        }
    }

    /// Takes no more; what waits can still be taken out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
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
        let bytes = waiting.bytes.saturating_add(element.cost_bytes());
        if bytes > self.bytes_max && !waiting.elements.is_empty() {
            return Some(element);
        }
        waiting.bytes = bytes;
        waiting.elements.push_back(element);
        None
    }

    fn wake(&self, waiting: MutexGuard<'_, Waiting<T>>) {
        drop(waiting);
        self.filled.notify_one();
    }

    fn take_one(&self) -> Taken<T> {
        let mut waiting = self.lock();
        let Some(element) = waiting.elements.pop_front() else {
            return if waiting.closed { Taken::Ended } else { Taken::Empty };
        };
        waiting.bytes -= element.cost_bytes();
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

    const LONG: Duration = Duration::from_secs(30);

    impl ByteCost for usize {
        fn cost_bytes(&self) -> usize {
            *self
        }
    }

    #[tokio::test]
    async fn weight_is_capped_but_for_a_single_heavy_element() {
        let queue = Queue::new(10);
        assert_eq!(queue.offer(25), Ok(()));
        assert_eq!(queue.offer(1), Err(Refused::Full(1)));
        assert_eq!(queue.force(1), Ok(()));
        let mut out = VecDeque::new();
        assert!(queue.fill(&mut out).await);
        assert_eq!(out, [25, 1]);
        assert_eq!(queue.offer_all(vec![4, 7, 6, 1]), [7, 1]);
        assert!(queue.fill(&mut out).await);
        assert_eq!(out, [25, 1, 4, 6]);
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
            producer.drained().await;
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
        assert_eq!((queue.offer(2), queue.force(3)), (Err(Refused::Closed), Err(Refused::Closed)));
        let mut out = VecDeque::new();
        assert!(queue.fill(&mut out).await);
        assert!(!queue.fill(&mut out).await);
        assert_eq!(out, [1]);
    }
}
