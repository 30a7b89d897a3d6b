//! What comes from a peer, a task for each way.
//!
//! Invariant: each ends when the connection does, or when its messages find no room for good and it is aborted.

use std::sync::Arc;

use bytes::Bytes;
use tickworld_proto::{channel::Channel, limits::DATAGRAM_BYTES_MAX};
use tokio::{task::JoinSet, time::timeout};

use super::Peer;
use crate::{
    close::Disconnect,
    limits::HALF_CLOSED_TIMEOUT,
    transport::{BulkReceiver, ControlReceiver, TransportConnection},
};

/// Messages of the control channel, in order. Those that came before the connection ended are all delivered: a Goodbye may
/// be the last of them.
pub(super) async fn control<C: TransportConnection>(
    peer: Arc<Peer<C>>,
    mut receiver: C::Receiver,
) -> Result<(), Disconnect> {
    while let Some(bytes) = receiver.receive().await? {
        peer.count_received(&bytes);
        peer.lane.push_message(Channel::Control, bytes).await;
    }
    match timeout(HALF_CLOSED_TIMEOUT, peer.connection.closed()).await {
        Ok(why) => Err(why),
        Err(_) => Err(Disconnect::HalfClosed),
    }
}

/// Datagrams, dropped where there is no room.
pub(super) async fn datagrams<C: TransportConnection>(peer: Arc<Peer<C>>) -> Result<(), Disconnect> {
    loop {
        let bytes = peer.connection.receive_datagram().await?;
        peer.count_received(&bytes);
        let fits = bytes.len() <= usize::from(DATAGRAM_BYTES_MAX);
        if !fits || !peer.lane.offer_message(Channel::Datagram, bytes) {
            peer.counters.received_dropped.add(1);
        }
        // Another session's turn, should this one's datagrams never end.
        tokio::task::coop::consume_budget().await;
    }
}

/// Bulk messages: as many at once as the transport lets the host send.
pub(super) async fn bulk<C: TransportConnection>(peer: Arc<Peer<C>>) -> Result<(), Disconnect> {
    let mut messages = JoinSet::new();
    loop {
        tokio::select! {
            message = peer.connection.accept_bulk() => {
                messages.spawn(bulk_message(Arc::clone(&peer), message?));
            }
            Some(ended) = messages.join_next() => {
                // A panic in there is a defect of this crate, which must not pass for a lost message.
                ended.map_err(|_| Disconnect::Aborted)??;
            }
        }
    }
}

async fn bulk_message<C: TransportConnection>(peer: Arc<Peer<C>>, message: C::Bulk) -> Result<(), Disconnect> {
    match message.receive().await? {
        Some(bytes) => {
            peer.count_received(&bytes);
            peer.lane.push_message(Channel::Bulk, bytes).await;
        }
        // A bulk message may be lost.
        None => peer.counters.received_dropped.add(1),
    }
    Ok(())
}

/// Channels that the protocol does not have.
pub(super) async fn extra_channels<C: TransportConnection>(peer: Arc<Peer<C>>) -> Result<(), Disconnect> {
    Err(peer.connection.extra_channel().await)
}

impl<C> Peer<C> {
    pub(crate) fn count_received(&self, bytes: &Bytes) {
        self.counters.received.add(1);
        self.counters.received_bytes.add(bytes.len());
    }
}
