//! The task that accepts connections, and the task of each session.
//!
//! Invariant: a session's events come as Connected, messages, Disconnected; all tasks are children of the accepting one,
//! so none outlives it.

use std::{sync::Arc, time::Duration};

use quinn::{Connection, Endpoint, Incoming, RecvStream, SendStream};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    task::JoinSet,
    time::timeout,
};

use super::Shared;
use crate::{
    close::{Disconnect, Violation, close_connection},
    limits::SESSION_INBOUND_BYTES_MAX,
    peer::{Inbox, Peer, PeerEvent, Side},
};

/// Accepts until the shutdown, then waits for the sessions to end.
pub(super) async fn run(endpoint: Endpoint, shared: Arc<Shared>, mut shutting_down: watch::Receiver<bool>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            next = next(&endpoint, &shared) => {
                let Some((incoming, place)) = next else { break };
                accept(&shared, &mut sessions, incoming, place, shutting_down.clone());
            }
            Some(ended) = sessions.join_next() => report(ended),
            () = heard(&mut shutting_down) => break,
        }
    }
    while let Some(ended) = sessions.join_next().await {
        report(ended);
    }
}

/// The next connection, once there is a place among the handshakes. Until then it waits inside QUIC, within limits.
async fn next(endpoint: &Endpoint, shared: &Shared) -> Option<(Incoming, OwnedSemaphorePermit)> {
    let place = Arc::clone(&shared.handshakes).acquire_owned().await.ok()?;
    Some((endpoint.accept().await?, place))
}

async fn heard(shutting_down: &mut watch::Receiver<bool>) {
    // An error means that the listener is gone, which is a shutdown too.
    let _ = shutting_down.wait_for(|is_so| *is_so).await;
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a session's task failed");
    }
}

fn accept(
    shared: &Arc<Shared>,
    sessions: &mut JoinSet<()>,
    incoming: Incoming,
    place: OwnedSemaphorePermit,
    mut shutting_down: watch::Receiver<bool>,
) {
    if sessions.len() >= shared.sessions_max {
        shared.counters.refused.add(1);
        return incoming.refuse();
    }
    let is_loaded = shared.handshakes.available_permits() < shared.handshakes_max / 2;
    if is_loaded && incoming.may_retry() && !incoming.remote_address_validated() {
        // Costs no state here, and a forger of addresses never answers. Fails only if it may not be retried.
        let _ = incoming.retry();
        return;
    }
    let shared = Arc::clone(shared);
    sessions.spawn(async move {
        let opened = tokio::select! {
            opened = open(incoming, shared.handshake_timeout) => opened,
            () = heard(&mut shutting_down) => return,
        };
        drop(place);
        match opened {
            Some((connection, streams)) => serve(shared, connection, streams).await,
            None => shared.counters.handshakes_failed.add(1),
        }
    });
}

/// The handshake, and the client's control stream.
async fn open(incoming: Incoming, deadline: Duration) -> Option<(Connection, (SendStream, RecvStream))> {
    let remote = incoming.remote_address();
    let connection = match timeout(deadline, async { incoming.accept()?.await }).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            tracing::debug!(%remote, %error, "a handshake failed");
            return None;
        }
        Err(_) => {
            tracing::debug!(%remote, "a handshake took too long");
            return None;
        }
    };
    match timeout(deadline, connection.accept_bi()).await {
        Ok(Ok(streams)) => Some((connection, streams)),
        Ok(Err(error)) => {
            tracing::debug!(%remote, %error, "a connection ended before its control stream");
            None
        }
        Err(_) => {
            let why = Disconnect::Violation(Violation::NoControl { seconds: deadline.as_secs() });
            close_connection(&connection, &why.close());
            tracing::debug!(%remote, %why, "closed a connection");
            None
        }
    }
}

async fn serve(shared: Arc<Shared>, connection: Connection, (sending, receiving): (SendStream, RecvStream)) {
    let session = shared.next_session();
    let remote = connection.remote_address();
    let inbox = || Inbox::new(session, Arc::clone(&shared.events), Some(SESSION_INBOUND_BYTES_MAX));
    let counters = Arc::clone(&shared.counters);
    let peer = match Peer::new(connection.clone(), Side::Host, inbox(), shared.write_timeout, counters) {
        Ok(peer) => Arc::new(peer),
        Err(violation) => {
            shared.counters.violations.add(1);
            return close_connection(&connection, &Disconnect::Violation(violation).close());
        }
    };
    drop(connection);
    // Before the event: its answers must find the session.
    shared.sessions().insert(session, Arc::clone(&peer));
    let inbox = inbox();
    inbox.push(PeerEvent::Connected { remote, datagram_bytes_max: peer.datagram_bytes_max() }).await;
    let why = peer.run(sending, receiving).await;
    tracing::debug!(session = session.0, %remote, %why, "a session ended");
    shared.sessions().remove(&session);
    inbox.push(PeerEvent::Disconnected(why)).await;
}
