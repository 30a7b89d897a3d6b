//! [`Lane`]: the way of peers into a mailbox, and [`SessionLane`], one session's way in it.
//!
//! Invariant: a session that sends more than is handled uses up its own quota and no other session's; a session that was told
//! of as connected is told of as disconnected, exactly once and last, whatever happens to the tasks that serve it.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use tickworld_proto::channel::Channel;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::Event;
use crate::{
    address::{SessionId, address_key},
    close::Disconnect,
    limits::MESSAGE_OVERHEAD_BYTES,
    queue::{ByteCost, Refused},
};

/// The way of peers into one mailbox, whatever the mailbox' other contents are. Clones lead to the same one.
#[derive(Clone)]
pub struct Lane {
    sink: Arc<dyn Sink>,
    /// None for a client's own queue, which has one session.
    session_bytes_max: Option<u32>,
}

/// What is behind a lane.
pub(crate) trait Sink: Send + Sync {
    /// Puts `entry` at the end if there is room now, or if it is a session's last. Nothing of a session is taken once its
    /// last was, which `is_over` says from then on.
    fn offer(&self, entry: Entry, is_over: &AtomicBool) -> Result<(), Refused<Entry>>;

    /// Notified whenever there may be room again.
    fn room(&self) -> &Notify;

    /// Whether nobody will ever take anything.
    fn is_closed(&self) -> bool;
}

/// Something that waits, and its part of the session's quota, which comes back when this is dropped.
pub(crate) struct Entry {
    session: SessionId,
    event: PeerEvent,
    quota: Option<OwnedSemaphorePermit>,
}

/// What happens on a connection.
pub(crate) enum PeerEvent {
    /// It is there, and this is its first control message.
    Connected {
        remote: SocketAddr,
        datagram_bytes_max: u16,
        hello: Bytes,
    },
    Message {
        channel: Channel,
        bytes: Bytes,
    },
    DatagramSize(u16),
    Disconnected(Disconnect),
}

/// One session's way into a lane.
pub(crate) struct SessionLane {
    session: SessionId,
    lane: Lane,
    /// Bytes that this session may still have waiting.
    quota: Option<Arc<Semaphore>>,
    is_connected: AtomicBool,
    is_over: AtomicBool,
}

impl Lane {
    pub(crate) fn new(sink: Arc<dyn Sink>, session_bytes_max: Option<u32>) -> Self {
        Self { sink, session_bytes_max }
    }

    /// Whether the mailbox is gone, so that nobody will ever take anything.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sink.is_closed()
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl Entry {
    /// What happened to the peer.
    pub(crate) fn into_event(self) -> PeerEvent {
        self.event
    }

    /// What the region's thread is told, and what is to be told to it next.
    pub(super) fn hand_out(self) -> (Event, Option<Self>) {
        let Self { session, event, quota } = self;
        let event = match event {
            PeerEvent::Connected { remote, datagram_bytes_max, hello } => {
                let address = address_key(remote.ip());
                let first = PeerEvent::Message { channel: Channel::Control, bytes: hello };
                let first = Self { session, event: first, quota };
                return (Event::Connected { session, address, remote, datagram_bytes_max }, Some(first));
            }
            PeerEvent::Message { channel, bytes } => Event::Message { session, channel, bytes },
            PeerEvent::DatagramSize(datagram_bytes_max) => Event::DatagramSize { session, datagram_bytes_max },
            PeerEvent::Disconnected(why) => Event::Disconnected { session, why },
        };
        (event, None)
    }

    /// Whether nothing of its session comes after it.
    pub(crate) const fn is_last(&self) -> bool {
        matches!(self.event, PeerEvent::Disconnected(_))
    }
}

impl ByteCost for Entry {
    fn cost_bytes(&self) -> usize {
        self.event.cost_bytes()
    }
}

impl PeerEvent {
    fn cost_bytes(&self) -> usize {
        match self {
            // As much as the two events that it becomes.
            Self::Connected { hello, .. } => hello.len() + 2 * MESSAGE_OVERHEAD_BYTES,
            Self::Message { bytes, .. } => bytes.len() + MESSAGE_OVERHEAD_BYTES,
            Self::DatagramSize(_) | Self::Disconnected(_) => MESSAGE_OVERHEAD_BYTES,
        }
    }
}

impl SessionLane {
    /// The way of `session` in `lane`, before it is told of.
    pub(crate) fn new(session: SessionId, lane: Lane) -> Self {
        let quota = lane.session_bytes_max.map(|bytes| Arc::new(Semaphore::new(bytes as usize)));
        Self { session, lane, quota, is_connected: AtomicBool::new(false), is_over: AtomicBool::new(false) }
    }

    /// The way of the one session of a queue, whose consumer knows of it.
    pub(crate) fn connected(sink: Arc<dyn Sink>) -> Self {
        Self { is_connected: AtomicBool::new(true), ..Self::new(SessionId(0), Lane::new(sink, None)) }
    }

    /// Tells of the session and its first message, once there is room; false if nobody listens any more.
    pub(crate) async fn connect(&self, remote: SocketAddr, datagram_bytes_max: u16, hello: Bytes) -> bool {
        let event = PeerEvent::Connected { remote, datagram_bytes_max, hello };
        let is_told = match self.reserve(&event).await {
            Ok(quota) => self.push(Entry { session: self.session, event, quota }).await,
            Err(NoQuota) => false,
        };
        self.is_connected.store(is_told, Relaxed);
        is_told
    }

    /// Puts a message in if there is room now.
    pub(crate) fn offer_message(&self, channel: Channel, bytes: Bytes) -> bool {
        let event = PeerEvent::Message { channel, bytes };
        let quota = match &self.quota {
            None => None,
            Some(quota) => match Arc::clone(quota).try_acquire_many_owned(self.cost(&event)) {
                Ok(permit) => Some(permit),
                Err(_) => return false,
            },
        };
        self.offer(Entry { session: self.session, event, quota })
    }

    /// Puts a message in once there is room; throws it away if nobody listens any more.
    pub(crate) async fn push_message(&self, channel: Channel, bytes: Bytes) {
        let event = PeerEvent::Message { channel, bytes };
        if let Ok(quota) = self.reserve(&event).await {
            self.push(Entry { session: self.session, event, quota }).await;
        }
    }

    /// Tells of another datagram size if there is room now.
    pub(crate) fn offer_datagram_size(&self, bytes_max: u16) -> bool {
        self.offer(Entry { session: self.session, event: PeerEvent::DatagramSize(bytes_max), quota: None })
    }

    /// Tells why the session ended, if it was told of. Only the first reason counts; nothing that comes later is told.
    pub(crate) fn disconnect(&self, why: Disconnect) {
        if self.is_connected.load(Relaxed) {
            self.offer(Entry { session: self.session, event: PeerEvent::Disconnected(why), quota: None });
        }
    }

    fn offer(&self, entry: Entry) -> bool {
        self.lane.sink.offer(entry, &self.is_over).is_ok()
    }

    async fn push(&self, entry: Entry) -> bool {
        let sink = &*self.lane.sink;
        let mut entry = match sink.offer(entry, &self.is_over) {
            Ok(()) => return true,
            Err(Refused::Closed) => return false,
            Err(Refused::Full(back)) => back,
        };
        loop {
            // Registered before the look, so that room made in between is not missed.
            let mut room = std::pin::pin!(sink.room().notified());
            room.as_mut().enable();
            match sink.offer(entry, &self.is_over) {
                Ok(()) => return true,
                Err(Refused::Closed) => return false,
                Err(Refused::Full(back)) => entry = back,
            }
            room.await;
        }
    }

    /// Awaits the part of the session's quota that an event needs.
    async fn reserve(&self, event: &PeerEvent) -> Result<Option<OwnedSemaphorePermit>, NoQuota> {
        let Some(quota) = &self.quota else { return Ok(None) };
        // The semaphore is never closed; if it were, nobody would wait for the event.
        Arc::clone(quota).acquire_many_owned(self.cost(event)).await.map(Some).map_err(|_| NoQuota)
    }

    /// How much of the quota an event takes: all of it where it is longer.
    fn cost(&self, event: &PeerEvent) -> u32 {
        let bytes = u32::try_from(event.cost_bytes()).unwrap_or(u32::MAX);
        bytes.min(self.lane.session_bytes_max.unwrap_or(u32::MAX))
    }
}

/// Nobody gives out quotas any more.
struct NoQuota;
