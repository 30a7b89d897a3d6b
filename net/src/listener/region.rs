//! The region thread's two ends: [`Events`] and [`Outbox`].
//!
//! Invariant: neither needs a runtime, neither waits for the network.

use std::{convert::Infallible, sync::Arc, time::Instant};

use tickworld_proto::channel::{Channel, Transmit};

use super::{Shared, dispatch::Order};
use crate::{
    address::SessionId,
    close::{Backlog, Close, Disconnect},
    limits::OUTBOUND_BYTES_MAX,
    mailbox::{Event, Mail, Mailbox},
};

/// Where the events of a listener with one region wait, for a thread that waits for nothing else. Once it is dropped, messages
/// that come are thrown away.
pub struct Events {
    mailbox: Mailbox<Infallible>,
}

impl Events {
    pub(super) const fn new(mailbox: Mailbox<Infallible>) -> Self {
        Self { mailbox }
    }

    /// Waits until something happens, or `deadline` has passed, and gives all that has happened by then, in order; see
    /// [`Mailbox::wait`].
    pub fn wait(&mut self, deadline: Instant) -> impl Iterator<Item = Event> + '_ {
        self.mailbox.wait(Some(deadline)).map(|mail| match mail {
            Mail::Peer(event) => event,
            Mail::Completion(never) | Mail::Request(never) => match never {},
        })
    }
}

/// Where a host's messages go. Clones share the way.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

impl Outbox {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Hands messages over; cheapest with a tick's whole batch. Those to sessions that are no more go nowhere.
    pub fn send(&self, transmits: impl IntoIterator<Item = (SessionId, Transmit)>) {
        let orders = transmits.into_iter().map(|(session, transmit)| Order::Send(session, transmit)).collect();
        self.hand_over(orders);
    }

    /// Ends a session once the messages handed over before have reached it, or have not in time.
    pub fn close(&self, session: SessionId, close: Close) {
        self.hand_over(vec![Order::Close(session, close)]);
    }

    fn hand_over(&self, orders: Vec<Order>) {
        for refused in self.shared.orders.offer_all(orders) {
            self.drop_order(refused);
        }
    }

    /// The machine cannot keep up at all: the rule for a session's own queue holds for the common one.
    fn drop_order(&self, order: Order) {
        let session = match order {
            Order::Send(_, Transmit { channel: Channel::Datagram, .. }) => {
                return self.shared.counters.datagrams_dropped.add(1);
            }
            Order::Send(_, Transmit { channel: Channel::Bulk, .. }) => {
                return self.shared.counters.bulk_dropped.add(1);
            }
            Order::Send(session, _) | Order::Close(session, _) => session,
        };
        let peer = self.shared.sessions().get(&session).cloned();
        if let Some(peer) = peer {
            peer.end(Disconnect::TooSlow(Backlog::Queue { bytes_max: OUTBOUND_BYTES_MAX }));
        }
    }
}
