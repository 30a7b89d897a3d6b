//! The region thread's two ends: [`Events`] and [`Outbox`].
//!
//! Invariant: neither needs a runtime, neither waits for the network.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use tickworld_proto::channel::{Channel, Transmit};

use super::{Shared, dispatch::Order};
use crate::{
    address::{AddressKey, SessionId, address_key},
    close::{Backlog, Close, Disconnect},
    limits::OUTBOUND_BYTES_MAX,
    peer::{Entry, PeerEvent},
    queue::Queue,
};

/// What happens on a listener's connections. A session's first is `Connected`, its last `Disconnected`.
#[derive(Debug)]
pub enum Event {
    /// A client is there and has begun its control stream.
    Connected {
        /// Its number.
        session: SessionId,
        /// For budgets.
        address: AddressKey,
        /// For logs.
        remote: SocketAddr,
        /// Longest datagram that its path carries, as far as is known.
        datagram_bytes_max: u16,
    },
    /// A message came, whole.
    Message {
        /// From whom.
        session: SessionId,
        /// How.
        channel: Channel,
        /// What.
        bytes: Bytes,
    },
    /// QUIC learned more of the path.
    DatagramSize {
        /// Whose.
        session: SessionId,
        /// Longest datagram from now on.
        datagram_bytes_max: u16,
    },
    /// The connection is no more. Messages to it go nowhere.
    Disconnected {
        /// Whose.
        session: SessionId,
        /// Why.
        why: Disconnect,
    },
}

impl Event {
    fn of(entry: Entry) -> Self {
        let session = entry.session;
        match entry.event {
            PeerEvent::Connected { remote, datagram_bytes_max } => {
                Self::Connected { session, address: address_key(remote.ip()), remote, datagram_bytes_max }
            }
            PeerEvent::Message { channel, bytes } => Self::Message { session, channel, bytes },
            PeerEvent::DatagramSize(datagram_bytes_max) => Self::DatagramSize { session, datagram_bytes_max },
            PeerEvent::Disconnected(why) => Self::Disconnected { session, why },
        }
    }
}

/// Where a listener's events wait. Once it is dropped, messages that come are thrown away.
pub struct Events {
    queue: Arc<Queue<Entry>>,
    taken: VecDeque<Entry>,
}

impl Events {
    pub(super) const fn new(queue: Arc<Queue<Entry>>) -> Self {
        Self { queue, taken: VecDeque::new() }
    }

    /// Waits until something happens, or `deadline` has passed, and gives all that has happened by then, in order. What is
    /// not taken out of the iterator comes again with the next call.
    ///
    /// A thread that is woken by every datagram pays for each of them; one that has other work until its tick gives a
    /// deadline that has passed, and gets the tick's whole batch for one lock.
    pub fn wait(&mut self, deadline: Instant) -> impl Iterator<Item = Event> + '_ {
        let deadline = if self.taken.is_empty() { deadline } else { Instant::now() };
        self.queue.wait(deadline, &mut self.taken);
        // A session's share is free again as its events are taken out one by one.
        std::iter::from_fn(|| self.taken.pop_front().map(Event::of))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.queue.abandon();
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
