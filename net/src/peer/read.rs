//! What comes from a peer, a task for each way.
//!
//! Invariant: each ends when the connection does, or when its messages find no room for good and it is aborted.

use std::sync::Arc;

use bytes::Bytes;
use quinn::{ReadError, ReadToEndError, RecvStream};
use tickworld_proto::{
    channel::Channel,
    limits::{BULK_BYTES_MAX, DATAGRAM_BYTES_MAX},
};
use tokio::{task::JoinSet, time::timeout};

use super::{Peer, Side, control};
use crate::{
    close::{Disconnect, Violation},
    limits::LINGER_TIMEOUT,
};

/// Messages of the control stream, in order. Those that came before the connection ended are all delivered: a Goodbye may
/// be the last of them.
pub(super) async fn control(peer: Arc<Peer>, mut stream: RecvStream) -> Result<(), Disconnect> {
    while let Some(bytes) = control::read(&mut stream).await? {
        peer.count_received(&bytes);
        peer.lane.push_message(Channel::Control, bytes).await;
    }
    match timeout(LINGER_TIMEOUT, peer.connection.closed()).await {
        Ok(error) => Err(error.into()),
        Err(_) => Err(Disconnect::HalfClosed),
    }
}

/// Datagrams, dropped where there is no room.
pub(super) async fn datagrams(peer: Arc<Peer>) -> Result<(), Disconnect> {
    loop {
        let bytes = peer.connection.read_datagram().await?;
        peer.count_received(&bytes);
        let fits = bytes.len() <= usize::from(DATAGRAM_BYTES_MAX);
        // Copied: a datagram keeps the whole read of the socket alive that it came in, 64 KiB at worst.
        if !fits || !peer.lane.offer_message(Channel::Datagram, Bytes::copy_from_slice(&bytes)) {
            peer.counters.received_dropped.add(1);
        }
        // Another session's turn, should this one's datagrams never end.
        tokio::task::coop::consume_budget().await;
    }
}

/// Bulk messages: as many at once as the peer may open streams.
pub(super) async fn bulk(peer: Arc<Peer>) -> Result<(), Disconnect> {
    let mut messages = JoinSet::new();
    loop {
        tokio::select! {
            stream = peer.connection.accept_uni() => {
                messages.spawn(bulk_message(Arc::clone(&peer), stream?));
            }
            Some(ended) = messages.join_next() => {
                // A panic in there is a defect of this crate, which must not pass for a lost message.
                ended.map_err(|_| Disconnect::Aborted)??;
            }
        }
    }
}

async fn bulk_message(peer: Arc<Peer>, mut stream: RecvStream) -> Result<(), Disconnect> {
    match stream.read_to_end(BULK_BYTES_MAX as usize).await {
        Ok(bytes) => {
            peer.count_received(&bytes);
            peer.lane.push_message(Channel::Bulk, bytes.into()).await;
            Ok(())
        }
        Err(ReadToEndError::TooLong) => {
            Err(Disconnect::Violation(Violation::BulkTooLong { bytes_max: BULK_BYTES_MAX }))
        }
        Err(ReadToEndError::Read(ReadError::ConnectionLost(error))) => Err(error.into()),
        // Given up by the host: a bulk message may be lost.
        Err(ReadToEndError::Read(_)) => {
            peer.counters.received_dropped.add(1);
            Ok(())
        }
    }
}

/// Streams that the protocol does not have.
pub(super) async fn extra_streams(peer: Arc<Peer>) -> Result<(), Disconnect> {
    match peer.side {
        Side::Client => drop(peer.connection.accept_bi().await?),
        Side::Host => tokio::select! {
            stream = peer.connection.accept_bi() => drop(stream?),
            stream = peer.connection.accept_uni() => drop(stream?),
        },
    }
    Err(Disconnect::Violation(Violation::ExtraStream))
}

impl Peer {
    pub(crate) fn count_received(&self, bytes: &[u8]) {
        self.counters.received.add(1);
        self.counters.received_bytes.add(bytes.len());
    }
}
