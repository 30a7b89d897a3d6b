//! [`ClientConnection`]: a client's connection to its host, as messages.
//!
//! Invariant: what is sent in order on the control channel arrives in order or the connection ends; the last thing a connection gives
//! is why it ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use tickworld_proto::channel::{Channel, Transmit};
use tokio::{sync::Notify, task::JoinHandle};

use crate::{
    close::{Close, CloseCode, Disconnect, Violation},
    counters::Counters,
    limits::LINK_INBOUND_BYTES_MAX,
    mailbox::{Entry, PeerEvent, SessionLane, Sink},
    peer::{Peer, Session, Side},
    queue::{Queue, Refused},
    transport::TransportConnection,
};

/// What happens on a connection.
#[derive(Debug)]
pub enum ClientConnectionEvent {
    /// A message came, whole.
    Message {
        /// The channel that it came by.
        channel: Channel,
        /// The bytes of the message.
        bytes: Bytes,
    },
    /// The transport learned more of the path.
    DatagramSize {
        /// Longest datagram from now on.
        datagram_bytes_max: u16,
    },
    /// The connection is no more; nothing comes after this.
    Disconnected {
        /// Why it is no more.
        why: Disconnect,
    },
}

/// See the module. Dropping it cuts the connection; [`close`](Self::close) lets the last messages arrive.
pub struct ClientConnection {
    peer: Arc<dyn Session>,
    events: Arc<Queue<Entry>>,
    task: JoinHandle<()>,
}

impl ClientConnection {
    pub(crate) fn open<C: TransportConnection>(
        connection: C,
        (sender, receiver): (C::Sender, C::Receiver),
        write_timeout: Duration,
        counters: Arc<Counters>,
    ) -> Result<Self, Violation> {
        let events = Arc::new(Queue::new(LINK_INBOUND_BYTES_MAX));
        let lane = SessionLane::connected(Arc::clone(&events) as Arc<dyn Sink>);
        let peer = Peer::new(connection.clone(), Side::Client, lane, write_timeout, counters)
            .inspect_err(|violation| connection.close(&Disconnect::Violation(*violation).close()))?;
        let peer = Arc::new(peer);
        let told = Told(Arc::clone(&peer));
        let task = tokio::spawn(async move {
            let why = Arc::clone(&told.0).run(sender, receiver).await;
            told.0.lane().disconnect(why);
        });
        Ok(Self { peer, events, task })
    }

    /// Longest datagram that the path carries, as far as is known.
    #[must_use]
    pub fn datagram_bytes_max(&self) -> u16 {
        self.peer.datagram_bytes_max()
    }

    /// Hands a message over. Never blocks: a datagram may be dropped, and a server that takes nothing ends the connection.
    ///
    /// # Panics
    /// If the message is for the bulk channel, which is the host's.
    pub fn send(&self, transmit: Transmit) {
        assert_ne!(transmit.channel, Channel::Bulk, "only hosts send bulk messages");
        self.peer.send(transmit);
    }

    /// Awaits the next event; nothing after `Disconnected`. Loses nothing when dropped.
    pub async fn next(&self) -> Option<ClientConnectionEvent> {
        let entry = self.events.next().await?;
        Some(match entry.into_event() {
            PeerEvent::Message { channel, bytes } => ClientConnectionEvent::Message { channel, bytes },
            PeerEvent::DatagramSize(datagram_bytes_max) => ClientConnectionEvent::DatagramSize { datagram_bytes_max },
            PeerEvent::Disconnected(why) => {
                self.events.close();
                ClientConnectionEvent::Disconnected { why }
            }
            PeerEvent::Connected { .. } => unreachable!("a dialed peer is connected from the start"),
        })
    }

    /// Ends it once all control messages have been acknowledged, or at a deadline.
    pub async fn close(mut self, detail: &str) {
        self.peer.close(Close { code: CloseCode::Done, detail: detail.to_owned() });
        // What still comes has no reader, and must not keep it from ending.
        self.events.abandon();
        // A panic in there has been reported.
        let _ = (&mut self.task).await;
    }
}

/// Sees to it that the end is told, also if the task is aborted or panics.
struct Told<C: TransportConnection>(Arc<Peer<C>>);

impl<C: TransportConnection> Drop for Told<C> {
    fn drop(&mut self) {
        self.0.lane().disconnect(Disconnect::Aborted);
    }
}

impl Sink for Queue<Entry> {
    fn offer(&self, entry: Entry, is_over: &AtomicBool) -> Result<(), Refused<Entry>> {
        if entry.is_last() {
            return if is_over.swap(true, Relaxed) { Err(Refused::Closed) } else { self.force(entry) };
        }
        if is_over.load(Relaxed) { Err(Refused::Closed) } else { Self::offer(self, entry) }
    }

    fn room(&self) -> &Notify {
        Self::room(self)
    }

    fn is_closed(&self) -> bool {
        Self::is_closed(self)
    }
}

impl Drop for ClientConnection {
    fn drop(&mut self) {
        self.task.abort();
    }
}
