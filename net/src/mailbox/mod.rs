//! [`Mailbox`]: the one place where everything waits that a region's thread handles.
//!
//! Invariant: whoever asks for an effect has reserved the place of its [completion](Mail::Completion) beforehand, so a
//! completion never waits, never fails and is never lost, however much the peers send; what peers send is bounded by session,
//! then in sum. Nothing polls: one mutex and one condition variable, and whoever brings something wakes the thread.
//!
//! It decides nothing: what a completion or a request means is the embedder's, in the type `C`.
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use tickworld_net::mailbox::{Mail, Mailbox, MailboxLimits};
//!
//! enum Work {
//!     Stored { tick: u64 },
//!     StoreFailed { tick: u64 },
//!     Stop,
//! }
//!
//! let mut mailbox = Mailbox::new(MailboxLimits::default());
//! let post = mailbox.post();
//!
//! // An effect: its completion has a place before it begins, and an answer for the case that its thread dies.
//! let ticket = post.reserve(Work::StoreFailed { tick: 7 });
//! std::thread::spawn(move || ticket.complete(Work::Stored { tick: 7 }));
//! // A request may find no room, which is the requester's to handle.
//! assert!(post.offer(Work::Stop).is_ok());
//!
//! let mut seen = Vec::new();
//! while seen.len() < 2 {
//!     for mail in mailbox.wait(Some(Instant::now() + Duration::from_secs(10))) {
//!         match mail {
//!             Mail::Completion(Work::Stored { tick } | Work::StoreFailed { tick }) => seen.push(tick),
//!             Mail::Completion(Work::Stop) | Mail::Request(_) => seen.push(0),
//!             Mail::Peer(event) => println!("{event:?}"),
//!         }
//!     }
//! }
//! seen.sort();
//! assert_eq!(seen, [0, 7]);
//! ```

mod event;
mod lane;
mod post;
mod shared;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Instant};

pub use event::Event;
pub use lane::Lane;
pub(crate) use lane::{Entry, PeerEvent, SessionLane, Sink};
pub use post::{Post, Ticket};
use shared::{Batch, Shared};

use crate::{
    limits::{INBOUND_BYTES_MAX, REQUESTS_MAX, SESSION_INBOUND_BYTES_MAX},
    queue::ByteCost as _,
};

/// Something that waits for a region's thread.
#[derive(Debug)]
pub enum Mail<C> {
    /// What became of an effect that was asked for, by a [`Ticket`].
    Completion(C),
    /// What an operator or an embedder wants, by [`Post::offer`].
    Request(C),
    /// What happened on a connection, by a [`Lane`].
    Peer(Event),
}

/// How much may wait in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxLimits {
    /// Requests that may wait.
    pub requests_max: usize,
    /// Bytes of all peers' events that may wait, each counted with an overhead; a single longer one is taken where none
    /// waits.
    pub peer_bytes_max: usize,
    /// Bytes of one session's messages that may wait. Past it its datagrams are dropped, and its control channel is left to
    /// the transport's flow control.
    pub session_bytes_max: u32,
}

impl Default for MailboxLimits {
    fn default() -> Self {
        Self {
            requests_max: REQUESTS_MAX,
            peer_bytes_max: INBOUND_BYTES_MAX,
            session_bytes_max: SESSION_INBOUND_BYTES_MAX,
        }
    }
}

/// How much waits in a mailbox at a moment, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Effects that were asked for and are not complete.
    pub tickets: usize,
    /// Completions that wait for the thread.
    pub completions: usize,
    /// Requests that wait for the thread.
    pub requests: usize,
    /// Events of peers that wait for the thread.
    pub peer_events: usize,
    /// Bytes of peers' events, overhead included, and of those that the thread is handling.
    pub peer_bytes: usize,
}

/// See the module. Once it is dropped, whatever comes is thrown away.
pub struct Mailbox<C> {
    shared: Arc<Shared<C>>,
    taken: Batch<C>,
    /// Bytes of the peers' events that were handed out since the last wait.
    handed_bytes: usize,
}

impl<C> Mailbox<C> {
    /// An empty mailbox.
    #[must_use]
    pub fn new(limits: MailboxLimits) -> Self {
        Self { shared: Arc::new(Shared::new(limits)), taken: Batch::default(), handed_bytes: 0 }
    }

    /// The way in for completions and requests.
    #[must_use]
    pub fn post(&self) -> Post<C> {
        Post::new(Arc::clone(&self.shared))
    }

    /// The way in for peers, for a [`Route`](crate::router::Route) to give.
    #[must_use]
    pub fn lane(&self) -> Lane
    where
        C: Send + 'static,
    {
        Lane::new(Arc::clone(&self.shared) as Arc<dyn Sink>, Some(self.shared.limits().session_bytes_max))
    }

    /// Gives everything that waits: completions, then requests, then peers' events, each in the order in which they came. If
    /// nothing waits, sleeps until something comes or `deadline` has passed; without a deadline, for as long as it takes.
    ///
    /// The whole batch costs one lock, and no allocation while traffic is steady. What is not taken out of the iterator comes
    /// again with the next call, before what came later of its own sort.
    ///
    /// A thread that is woken by every datagram pays for each of them; one that has other work until its tick gives a
    /// deadline that has passed, and gets the tick's whole batch at once.
    pub fn wait(&mut self, deadline: Option<Instant>) -> impl Iterator<Item = Mail<C>> {
        let handed_bytes = std::mem::take(&mut self.handed_bytes);
        self.shared.wait(deadline, handed_bytes, &mut self.taken);
        std::iter::from_fn(move || self.next())
    }

    /// How much waits at the moment.
    #[must_use]
    pub fn waiting(&self) -> Waiting {
        self.shared.waiting()
    }

    fn next(&mut self) -> Option<Mail<C>> {
        if let Some(completion) = self.taken.completions.pop_front() {
            return Some(Mail::Completion(completion));
        }
        if let Some(request) = self.taken.requests.pop_front() {
            return Some(Mail::Request(request));
        }
        let entry = self.taken.peers.pop_front()?;
        let bytes = entry.cost_bytes();
        let (event, rest) = entry.hand_out();
        // A connection's first message is the next event; its part of the share stays with it.
        let rest_bytes = rest.as_ref().map_or(0, |rest| rest.cost_bytes());
        if let Some(rest) = rest {
            self.taken.peers.push_front(rest);
        }
        self.handed_bytes += bytes - rest_bytes;
        Some(Mail::Peer(event))
    }
}

impl<C> Drop for Mailbox<C> {
    fn drop(&mut self) {
        self.shared.close();
    }
}
