//! The task that spreads the region's messages over the sessions.
//!
//! Invariant: messages of one session and channel keep their order. It is a task of its own because handing a datagram to
//! QUIC takes a connection's lock and wakes its driver, a thousand times a tick, and the region's thread has better to do.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tickworld_proto::channel::Transmit;

use super::Shared;
use crate::{
    address::SessionId,
    close::{Close, Disconnect},
    limits::MESSAGE_OVERHEAD_BYTES,
    queue::ByteCost,
};

/// What the region's thread wants done.
pub(super) enum Order {
    Send(SessionId, Transmit),
    Close(SessionId, Close),
}

impl ByteCost for Order {
    fn cost_bytes(&self) -> usize {
        let bytes = match self {
            Self::Send(_, transmit) => transmit.bytes.len(),
            Self::Close(_, close) => close.detail.len(),
        };
        bytes + MESSAGE_OVERHEAD_BYTES
    }
}

/// Carries orders out until their queue is closed and empty.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut orders = VecDeque::new();
    let mut work = Vec::new();
    while shared.orders.fill(&mut orders).await {
        {
            // One lock for the batch. Who is gone has no use for messages.
            let sessions = shared.sessions();
            work.extend(orders.drain(..).filter_map(|order| {
                let (Order::Send(session, _) | Order::Close(session, _)) = &order;
                sessions.get(session).map(|peer| (Arc::clone(peer), order))
            }));
        }
        for (peer, order) in work.drain(..) {
            let apply = AssertUnwindSafe(|| match order {
                Order::Send(_, transmit) => peer.send(transmit),
                Order::Close(_, close) => peer.close(close),
            });
            // A defect in there, which the panic itself has told, ends that session and not everybody's messages. A peer is
            // whole whoever panicked: it is queues, whose locks no foreign code runs under.
            if catch_unwind(apply).is_err() {
                peer.end(Disconnect::Aborted);
            }
            // The connections' own tasks get their turns inside a large batch.
            tokio::task::coop::consume_budget().await;
        }
    }
}
