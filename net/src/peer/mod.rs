//! [`Peer`]: one connection of either side: messages out through bounded queues, messages in by a [`SessionLane`].
//!
//! Invariant: nothing of a connection outlives [`Peer::run`], and the first reason for its end is the one that is told. It
//! knows no transport: see [`TransportConnection`].

mod read;
mod write;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU16, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use tickworld_proto::{
    channel::{Channel, Transmit},
    limits::{DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MIN},
};
use tokio::task::JoinSet;

pub(crate) use write::flush_and_close;

use crate::{
    close::{Backlog, Close, Disconnect, Violation},
    counters::Counters,
    limits::{BULK_QUEUE_BYTES_MAX, CONTROL_QUEUE_BYTES_MAX, DATAGRAM_SIZE_CHECK_SENDS, MESSAGE_OVERHEAD_BYTES},
    mailbox::SessionLane,
    queue::{ByteCost, Queue, Refused},
    transport::{DatagramSent, TransportConnection},
};

/// What whoever sends to a peer needs of it, whatever its transport.
pub(crate) trait Session: Send + Sync {
    /// Takes a message on its way. Never blocks: what finds no room is dropped, or ends the session.
    fn send(&self, transmit: Transmit);

    /// Ends the session once all that was sent before has been acknowledged, or at a deadline.
    fn close(&self, close: Close);

    /// Ends the session now. Only the first reason counts.
    fn end(&self, why: Disconnect);

    /// Longest datagram that the path carries, as far as is known.
    fn datagram_bytes_max(&self) -> u16;
}

/// See the module.
pub(crate) struct Peer<C> {
    connection: C,
    side: Side,
    control: Queue<Outgoing>,
    bulk: Queue<Outgoing>,
    lane: SessionLane,
    write_timeout: Duration,
    /// As the consumer of the lane knows it.
    datagram_bytes_max: AtomicU16,
    /// Datagrams sent, to ask the path now and then what it carries.
    datagrams_sent: AtomicU32,
    why: OnceLock<Disconnect>,
    counters: Arc<Counters>,
}

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Sends bulk messages.
    Host,
    /// Reads bulk messages.
    Client,
}

/// What waits for a writer.
enum Outgoing {
    Message(Bytes),
    /// Ends the session once everything before it has been acknowledged.
    Close(Close),
}

impl ByteCost for Outgoing {
    fn cost_bytes(&self) -> usize {
        let bytes = match self {
            Self::Message(bytes) => bytes.len(),
            Self::Close(close) => close.detail.len(),
        };
        bytes + MESSAGE_OVERHEAD_BYTES
    }
}

impl<C: TransportConnection> Peer<C> {
    /// A peer over `connection`, whose handshake is done.
    ///
    /// # Errors
    /// If it takes no datagrams, or none as long as the protocol needs.
    pub(crate) fn new(
        connection: C,
        side: Side,
        lane: SessionLane,
        write_timeout: Duration,
        counters: Arc<Counters>,
    ) -> Result<Self, Violation> {
        let datagram_bytes_max = datagram_bytes_max(&connection);
        if datagram_bytes_max < DATAGRAM_BYTES_MIN {
            return Err(Violation::NoDatagrams { bytes_min: DATAGRAM_BYTES_MIN });
        }
        Ok(Self {
            connection,
            side,
            control: Queue::new(CONTROL_QUEUE_BYTES_MAX),
            bulk: Queue::new(BULK_QUEUE_BYTES_MAX),
            lane,
            write_timeout,
            datagram_bytes_max: AtomicU16::new(datagram_bytes_max),
            datagrams_sent: AtomicU32::new(0),
            why: OnceLock::new(),
            counters,
        })
    }

    /// The session's way to whoever handles it.
    pub(crate) const fn lane(&self) -> &SessionLane {
        &self.lane
    }

    /// Carries messages until the connection is no more, and tells why. All tasks that it starts have ended by then; they
    /// are aborted if this is dropped.
    pub(crate) async fn run(self: Arc<Self>, sender: C::Sender, receiver: C::Receiver) -> Disconnect {
        let mut tasks = JoinSet::new();
        tasks.spawn(read::control(Arc::clone(&self), receiver));
        tasks.spawn(read::datagrams(Arc::clone(&self)));
        tasks.spawn(read::extra_channels(Arc::clone(&self)));
        tasks.spawn(write::control(Arc::clone(&self), sender));
        match self.side {
            Side::Host => tasks.spawn(write::bulk(Arc::clone(&self))),
            Side::Client => tasks.spawn(read::bulk(Arc::clone(&self))),
        };
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(why)) => self.end(why),
                // A defect of this crate or of the transport, which the panic itself has told. It ends this session alone.
                Err(_) => self.end(Disconnect::Aborted),
            }
        }
        self.why.get().cloned().unwrap_or(Disconnect::Closed)
    }

    fn send_datagram(&self, bytes: Bytes) {
        let bytes_count = bytes.len();
        let sent = self.connection.send_datagram(bytes);
        match sent {
            DatagramSent::Queued | DatagramSent::Displaced => {
                self.counters.datagrams_dropped.add(usize::from(sent == DatagramSent::Displaced));
                self.counters.sent.add(1);
                self.counters.sent_bytes.add(bytes_count);
                if self.datagrams_sent.fetch_add(1, Relaxed).is_multiple_of(DATAGRAM_SIZE_CHECK_SENDS) {
                    self.check_datagram_size();
                }
            }
            DatagramSent::TooLong => {
                self.counters.datagrams_dropped.add(1);
                self.check_datagram_size();
            }
            DatagramSent::Closed => {}
        }
    }

    /// A transport learns what the path carries as it goes, and has no event for it.
    fn check_datagram_size(&self) {
        let bytes_max = datagram_bytes_max(&self.connection);
        let known = self.datagram_bytes_max();
        if bytes_max != known && self.lane.offer_datagram_size(bytes_max) {
            self.datagram_bytes_max.store(bytes_max, Relaxed);
        }
    }
}

impl<C: TransportConnection> Session for Peer<C> {
    fn send(&self, transmit: Transmit) {
        match transmit.channel {
            Channel::Datagram => self.send_datagram(transmit.bytes),
            Channel::Control => {
                if let Err(Refused::Full(_)) = self.control.offer(Outgoing::Message(transmit.bytes)) {
                    self.end(Disconnect::TooSlow(Backlog::Queue { bytes_max: CONTROL_QUEUE_BYTES_MAX }));
                }
            }
            Channel::Bulk => {
                debug_assert_eq!(self.side, Side::Host, "only hosts send bulk messages");
                if let Err(Refused::Full(_)) = self.bulk.offer(Outgoing::Message(transmit.bytes)) {
                    self.counters.bulk_dropped.add(1);
                }
            }
        }
    }

    fn close(&self, close: Close) {
        if let Err(Refused::Full(_)) = self.control.offer(Outgoing::Close(close)) {
            self.end(Disconnect::TooSlow(Backlog::Queue { bytes_max: CONTROL_QUEUE_BYTES_MAX }));
        }
    }

    fn end(&self, why: Disconnect) {
        if self.why.set(why).is_err() {
            return;
        }
        let Some(why) = self.why.get() else { return };
        match why {
            Disconnect::TooSlow(_) => self.counters.too_slow.add(1),
            Disconnect::Violation(_) => self.counters.violations.add(1),
            _ => {}
        }
        self.connection.close(&why.close());
        self.control.abandon();
        self.bulk.abandon();
    }

    fn datagram_bytes_max(&self) -> u16 {
        self.datagram_bytes_max.load(Relaxed)
    }
}

fn datagram_bytes_max(connection: &impl TransportConnection) -> u16 {
    u16::try_from(connection.datagram_bytes_max()).unwrap_or(u16::MAX).min(DATAGRAM_BYTES_MAX)
}
