//! What goes to a peer on streams, a task for each way. Datagrams need none: QUIC queues them.
//!
//! Invariant: a message goes out whole or not at all; a peer that takes nothing holds a task for a bounded time.

use std::sync::Arc;

use bytes::Bytes;
use quinn::{SendStream, VarInt};
use tokio::time::timeout;

use super::{Outgoing, Peer, control};
use crate::{
    close::{Backlog, Close, Disconnect, close_connection},
    limits::{BULK_WRITE_TIMEOUT, FLUSH_TIMEOUT},
};

/// Control messages in order, and at last the close.
pub(super) async fn control(peer: Arc<Peer>, mut stream: SendStream) -> Result<(), Disconnect> {
    // Ahead of bulk streams; an error here means that the connection is gone, which the write tells.
    let _ = stream.set_priority(1);
    while let Some(outgoing) = peer.control.next().await {
        match outgoing {
            Outgoing::Message(bytes) => {
                let bytes_count = bytes.len();
                let Ok(written) = timeout(peer.write_timeout, control::write(&mut stream, bytes)).await else {
                    let seconds = peer.write_timeout.as_secs();
                    return Err(Disconnect::TooSlow(Backlog::Stream { seconds }));
                };
                written?;
                peer.count_sent(bytes_count);
            }
            Outgoing::Close(close) => return Err(flush_and_close(&peer, stream, &close).await),
        }
    }
    Ok(())
}

/// The last messages have to arrive before the close, which overtakes everything.
async fn flush_and_close(peer: &Peer, mut stream: SendStream, close: &Close) -> Disconnect {
    let _ = stream.finish();
    let flushed = timeout(FLUSH_TIMEOUT, stream.stopped()).await;
    if flushed.is_err() {
        tracing::debug!("cut a session whose last messages were not acknowledged in time");
    }
    close_connection(&peer.connection, close);
    Disconnect::Closed
}

/// Bulk messages, each on a stream of its own. They are written one after the other, but QUIC sends what is written side by
/// side.
pub(super) async fn bulk(peer: Arc<Peer>) -> Result<(), Disconnect> {
    while let Some(Outgoing::Message(bytes)) = peer.bulk.next().await {
        let bytes_count = bytes.len();
        match timeout(BULK_WRITE_TIMEOUT, bulk_message(&peer, bytes)).await {
            Ok(Ok(())) => peer.count_sent(bytes_count),
            Ok(Err(BulkFailed::Lost(why))) => return Err(why),
            Ok(Err(BulkFailed::Stopped)) | Err(_) => peer.counters.bulk_dropped.add(1),
        }
    }
    Ok(())
}

enum BulkFailed {
    Lost(Disconnect),
    /// The peer does not want this message.
    Stopped,
}

async fn bulk_message(peer: &Peer, bytes: Bytes) -> Result<(), BulkFailed> {
    let stream = peer.connection.open_uni().await.map_err(|error| BulkFailed::Lost(error.into()))?;
    let mut message = WholeOrReset { stream, is_whole: false };
    match message.stream.write_chunk(bytes).await {
        Ok(()) => message.is_whole = true,
        Err(quinn::WriteError::ConnectionLost(error)) => return Err(BulkFailed::Lost(error.into())),
        Err(_) => return Err(BulkFailed::Stopped),
    }
    let _ = message.stream.finish();
    Ok(())
}

/// QUIC's stream ends as if all were well when it is dropped: half a message would look like a whole one.
struct WholeOrReset {
    stream: SendStream,
    is_whole: bool,
}

impl Drop for WholeOrReset {
    fn drop(&mut self) {
        if !self.is_whole {
            // Fails only where there is nothing left to reset.
            let _ = self.stream.reset(VarInt::from_u32(0));
        }
    }
}

impl Peer {
    fn count_sent(&self, bytes_count: usize) {
        self.counters.sent.add(1);
        self.counters.sent_bytes.add(bytes_count);
    }
}
