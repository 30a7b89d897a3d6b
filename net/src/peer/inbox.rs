//! [`Inbox`]: where a peer's events wait for whoever handles them.
//!
//! Invariant: a session that sends more than is handled uses up its own share and no other session's.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use tickworld_proto::channel::Channel;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    address::SessionId,
    close::Disconnect,
    limits::MESSAGE_OVERHEAD_BYTES,
    queue::{Queue, Weigh},
};

/// One session's way into a queue.
pub(crate) struct Inbox {
    session: SessionId,
    queue: Arc<Queue<Entry>>,
    /// Bytes that this session may still have waiting; none for a client, whose queue is its own.
    share: Option<Arc<Semaphore>>,
}

/// Something that waits, and its part of the session's share, which comes back when this is dropped.
pub(crate) struct Entry {
    pub(crate) session: SessionId,
    pub(crate) event: PeerEvent,
    _share: Option<OwnedSemaphorePermit>,
}

/// What happens on a connection.
pub(crate) enum PeerEvent {
    Connected { remote: SocketAddr, datagram_bytes_max: u16 },
    Message { channel: Channel, bytes: Bytes },
    DatagramSize(u16),
    Disconnected(Disconnect),
}

impl Weigh for Entry {
    fn weight_bytes(&self) -> usize {
        self.event.weight_bytes()
    }
}

impl PeerEvent {
    fn weight_bytes(&self) -> usize {
        let bytes = match self {
            Self::Message { bytes, .. } => bytes.len(),
            _ => 0,
        };
        bytes + MESSAGE_OVERHEAD_BYTES
    }

    fn weight(&self) -> u32 {
        u32::try_from(self.weight_bytes()).unwrap_or(u32::MAX)
    }
}

impl Inbox {
    /// The way of `session` into `queue`, with room for `share_bytes`.
    pub(crate) fn new(session: SessionId, queue: Arc<Queue<Entry>>, share_bytes: Option<u32>) -> Self {
        let share = share_bytes.map(|bytes| Arc::new(Semaphore::new(bytes as usize)));
        Self { session, queue, share }
    }

    /// Puts a message in if there is room now.
    pub(crate) fn offer_message(&self, channel: Channel, bytes: Bytes) -> bool {
        let event = PeerEvent::Message { channel, bytes };
        let share = match &self.share {
            None => None,
            Some(share) => match Arc::clone(share).try_acquire_many_owned(event.weight()) {
                Ok(permit) => Some(permit),
                Err(_) => return false,
            },
        };
        self.queue.offer(Entry { session: self.session, event, _share: share }).is_ok()
    }

    /// Puts a message in once there is room; throws it away if nobody listens any more.
    pub(crate) async fn push_message(&self, channel: Channel, bytes: Bytes) {
        let event = PeerEvent::Message { channel, bytes };
        let share = match &self.share {
            None => None,
            Some(share) => match Arc::clone(share).acquire_many_owned(event.weight()).await {
                Ok(permit) => Some(permit),
                Err(_) => return,
            },
        };
        self.queue.push(Entry { session: self.session, event, _share: share }).await;
    }

    /// Puts in what is no message, if there is room now.
    pub(crate) fn offer(&self, event: PeerEvent) -> bool {
        self.queue.offer(self.entry(event)).is_ok()
    }

    /// Puts in what is no message, once there is room.
    pub(crate) async fn push(&self, event: PeerEvent) {
        self.queue.push(self.entry(event)).await;
    }

    /// What says how a session ended must not wait behind its own messages' share.
    fn entry(&self, event: PeerEvent) -> Entry {
        Entry { session: self.session, event, _share: None }
    }
}
