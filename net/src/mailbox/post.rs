//! [`Post`] and [`Ticket`]: the producers' side of a mailbox, but for peers.
//!
//! Invariant: every ticket is answered exactly once, by whoever completes it or by its drop. None of the calls waits for the
//! consumer, so all of them may be made from a task, a thread or the consumer itself.

use std::{fmt, sync::Arc};

use super::{Waiting, shared::Shared};

/// The way into a mailbox for completions and requests. Clones lead to the same one.
pub struct Post<C> {
    shared: Arc<Shared<C>>,
}

impl<C> Post<C> {
    pub(super) const fn new(shared: Arc<Shared<C>>) -> Self {
        Self { shared }
    }

    /// Reserves the place of a completion, for an effect that is about to begin. `if_lost` is what the mailbox gets if the
    /// ticket is dropped: because the effect's task panicked, or was aborted, or forgot.
    pub fn reserve(&self, if_lost: C) -> Ticket<C> {
        self.shared.reserve();
        Ticket { shared: Arc::clone(&self.shared), if_lost: Some(if_lost) }
    }

    /// Puts a request in if there is room.
    ///
    /// # Errors
    /// Gives it back if as many as may be are waiting, or if the mailbox is gone ([`is_closed`](Self::is_closed)).
    pub fn offer(&self, request: C) -> Result<(), C> {
        self.shared.offer_request(request)
    }

    /// Whether the mailbox is gone, so that nothing will ever be handled.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// How much waits at the moment.
    #[must_use]
    pub fn waiting(&self) -> Waiting {
        self.shared.waiting()
    }
}

impl<C> Clone for Post<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<C> fmt::Debug for Post<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

/// The reserved place of one completion; made by [`Post::reserve`].
#[must_use = "a ticket that is dropped reports its effect as lost"]
pub struct Ticket<C> {
    shared: Arc<Shared<C>>,
    /// None once the ticket was completed.
    if_lost: Option<C>,
}

impl<C> Ticket<C> {
    /// Delivers what became of the effect. Cannot fail, does not block and allocates nothing.
    pub fn complete(mut self, completion: C) {
        self.if_lost = None;
        self.shared.complete(completion);
    }
}

impl<C> Drop for Ticket<C> {
    fn drop(&mut self) {
        if let Some(lost) = self.if_lost.take() {
            self.shared.complete(lost);
        }
    }
}

impl<C> fmt::Debug for Ticket<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("is_complete", &self.if_lost.is_none()).finish_non_exhaustive()
    }
}
