//! What goes to a peer by the control and bulk channels, a task for each. Datagrams need none: the transport queues them.
//!
//! Invariant: a message goes out whole or not at all; a peer that takes nothing holds a task for a bounded time.

use std::sync::Arc;

use tokio::time::timeout;

use super::{Outgoing, Peer};
use crate::{
    close::{Backlog, Close, Disconnect},
    limits::{BULK_WRITE_TIMEOUT, FLUSH_TIMEOUT},
    transport::{BulkError, ControlSender, TransportConnection},
};

/// Control messages in order, and at last the close.
pub(super) async fn control<C: TransportConnection>(
    peer: Arc<Peer<C>>,
    mut sender: C::Sender,
) -> Result<(), Disconnect> {
    while let Some(outgoing) = peer.control.next().await {
        match outgoing {
            Outgoing::Message(bytes) => {
                let bytes_count = bytes.len();
                let Ok(written) = timeout(peer.write_timeout, sender.send(bytes)).await else {
                    let seconds = peer.write_timeout.as_secs();
                    return Err(Disconnect::TooSlow(Backlog::Stream { seconds }));
                };
                written?;
                peer.count_sent(bytes_count);
            }
            Outgoing::Close(close) => return Err(flush_and_close(&peer.connection, sender, &close).await),
        }
    }
    Ok(())
}

/// The last messages have to arrive before the close, which overtakes everything.
pub(crate) async fn flush_and_close<C: TransportConnection>(
    connection: &C,
    mut sender: C::Sender,
    close: &Close,
) -> Disconnect {
    if timeout(FLUSH_TIMEOUT, sender.finish()).await.is_err() {
        tracing::debug!("cut a session whose last messages were not acknowledged in time");
    }
    connection.close(close);
    Disconnect::Closed
}

/// Bulk messages. They are handed over one after the other, but the transport sends what it has side by side.
pub(super) async fn bulk<C: TransportConnection>(peer: Arc<Peer<C>>) -> Result<(), Disconnect> {
    while let Some(Outgoing::Message(bytes)) = peer.bulk.next().await {
        let bytes_count = bytes.len();
        match timeout(BULK_WRITE_TIMEOUT, peer.connection.send_bulk(bytes)).await {
            Ok(Ok(())) => peer.count_sent(bytes_count),
            Ok(Err(BulkError::Disconnected(why))) => return Err(why),
            Ok(Err(BulkError::Stopped)) | Err(_) => peer.counters.bulk_dropped.add(1),
        }
    }
    Ok(())
}

impl<C> Peer<C> {
    fn count_sent(&self, bytes_count: usize) {
        self.counters.sent.add(1);
        self.counters.sent_bytes.add(bytes_count);
    }
}
