//! The task that accepts connections, and the task of each session.
//!
//! Invariant: all tasks are children of the accepting one, so none outlives it; a session that a mailbox was told of is told
//! to it as ended, whatever becomes of these tasks.

use std::sync::Arc;

use bytes::Bytes;
use tickworld_proto::{
    limits::TEXT_BYTES_MAX,
    message::{Goodbye, Message},
};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    task::JoinSet,
    time::timeout,
};

use super::Shared;
use crate::{
    address::SessionId,
    close::{Close, CloseCode, Disconnect, Violation, clip},
    mailbox::{Lane, SessionLane},
    peer::{Peer, Session, Side, flush_and_close},
    router::route,
    transport::{ControlReceiver, ControlSender, Incoming, Transport, TransportConnection},
};

/// Accepts until the shutdown, then waits for the sessions to end.
pub(super) async fn run<T: Transport>(
    transport: Arc<T>,
    shared: Arc<Shared>,
    mut shutting_down: watch::Receiver<bool>,
) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            next = next(&*transport, &shared) => {
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

/// The next connection, once there is a place among the handshakes. Until then it waits inside the transport, within limits.
async fn next<T: Transport>(transport: &T, shared: &Shared) -> Option<(T::Incoming, OwnedSemaphorePermit)> {
    let place = Arc::clone(&shared.handshakes).acquire_owned().await.ok()?;
    Some((transport.accept().await?, place))
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
    incoming: impl Incoming,
    place: OwnedSemaphorePermit,
    mut shutting_down: watch::Receiver<bool>,
) {
    if sessions.len() >= shared.limits.sessions_max {
        shared.counters.refused.add(1);
        return incoming.refuse();
    }
    let is_loaded = shared.handshakes.available_permits() < shared.limits.handshakes_max / 2;
    let incoming = if is_loaded && !incoming.is_address_proven() {
        // Costs no state here, and a forger of addresses never answers.
        let Err(incoming) = incoming.ask_for_proof() else { return };
        incoming
    } else {
        incoming
    };
    let shared = Arc::clone(shared);
    sessions.spawn(async move {
        let opened = tokio::select! {
            opened = open(incoming, &shared) => opened,
            () = heard(&mut shutting_down) => return,
        };
        drop(place);
        match opened {
            Some(opened) => serve(shared, opened).await,
            None => shared.counters.handshakes_failed.add(1),
        }
    });
}

/// A connection that has said something.
struct Opened<C: TransportConnection> {
    connection: C,
    ends: (C::Sender, C::Receiver),
    hello: Bytes,
}

/// The handshake, and the client's first message.
async fn open<I: Incoming>(incoming: I, shared: &Shared) -> Option<Opened<I::Connection>> {
    let remote = incoming.remote_address();
    let connection = match timeout(shared.limits.handshake_timeout, incoming.accept()).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(why)) => {
            tracing::debug!(%remote, %why, "a handshake failed");
            return None;
        }
        Err(_) => {
            tracing::debug!(%remote, "a handshake took too long");
            return None;
        }
    };
    let deadline = shared.limits.hello_timeout;
    let why = match timeout(deadline, hello(&connection)).await {
        Ok(Ok((ends, hello))) => return Some(Opened { connection, ends, hello }),
        Ok(Err(why)) => why,
        Err(_) => Disconnect::Violation(Violation::NoHello { seconds: deadline.as_secs() }),
    };
    if matches!(why, Disconnect::Violation(_)) {
        shared.counters.violations.add(1);
    }
    connection.close(&why.close());
    tracing::debug!(%remote, %why, "a connection ended before its first message");
    None
}

async fn hello<C: TransportConnection>(connection: &C) -> Result<((C::Sender, C::Receiver), Bytes), Disconnect> {
    let (sender, mut receiver) = connection.accept_control().await?;
    let hello = receiver.receive().await?;
    Ok(((sender, receiver), hello.ok_or(Disconnect::HalfClosed)?))
}

/// Leads a client to its region, and carries its session until it ends.
async fn serve<C: TransportConnection>(shared: Arc<Shared>, opened: Opened<C>) {
    match route(&*shared.route, &opened.hello) {
        Ok(lane) => run_session(&shared, opened, lane).await,
        Err(goodbye) => {
            shared.counters.unrouted.add(1);
            if timeout(shared.limits.write_timeout, dismiss(opened, goodbye)).await.is_err() {
                tracing::debug!("a client that no region takes did not hear its goodbye");
            }
        }
    }
}

/// The last word to a client that no region takes.
async fn dismiss<C: TransportConnection>(opened: Opened<C>, mut goodbye: Goodbye) {
    let Opened { connection, ends: (mut sender, _receiver), .. } = opened;
    goodbye.detail = clip(&goodbye.detail, usize::from(TEXT_BYTES_MAX)).to_owned();
    let close = Close { code: CloseCode::Done, detail: format!("{:?}: {}", goodbye.reason, goodbye.detail) };
    tracing::debug!(remote = %connection.remote_address(), detail = close.detail, "no region takes a client");
    // If it is gone, there is nobody to tell.
    if sender.send(Message::Goodbye(goodbye).encode()).await.is_ok() {
        flush_and_close(&connection, sender, &close).await;
    }
}

async fn run_session<C: TransportConnection>(shared: &Shared, opened: Opened<C>, lane: Lane) {
    let Opened { connection, ends: (sender, receiver), hello } = opened;
    let session = shared.next_session();
    let remote = connection.remote_address();
    let lane = SessionLane::new(session, lane);
    let counters = Arc::clone(&shared.counters);
    let peer = match Peer::new(connection.clone(), Side::Host, lane, shared.limits.write_timeout, counters) {
        Ok(peer) => Arc::new(peer),
        Err(violation) => {
            shared.counters.violations.add(1);
            return connection.close(&Disconnect::Violation(violation).close());
        }
    };
    drop(connection);
    // Before it is told of: its answers must find the session.
    let registered = Registered::new(shared, session, Arc::clone(&peer));
    peer.count_received(&hello);
    let why = if peer.lane().connect(remote, peer.datagram_bytes_max(), hello).await {
        Arc::clone(&peer).run(sender, receiver).await
    } else {
        peer.end(Disconnect::Shutdown);
        Disconnect::Shutdown
    };
    tracing::debug!(session = session.0, %remote, %why, "a session ended");
    registered.end(why);
}

/// A session's place in the table. Whatever becomes of its task, the place is given back and the region is told.
struct Registered<'a, C: TransportConnection> {
    shared: &'a Shared,
    session: SessionId,
    peer: Arc<Peer<C>>,
}

impl<'a, C: TransportConnection> Registered<'a, C> {
    fn new(shared: &'a Shared, session: SessionId, peer: Arc<Peer<C>>) -> Self {
        shared.sessions().insert(session, Arc::clone(&peer) as Arc<dyn Session>);
        Self { shared, session, peer }
    }

    fn end(self, why: Disconnect) {
        self.shared.sessions().remove(&self.session);
        self.peer.lane().disconnect(why);
    }
}

impl<C: TransportConnection> Drop for Registered<'_, C> {
    fn drop(&mut self) {
        self.shared.sessions().remove(&self.session);
        // The first reason counts: this one is told only where there was no other.
        self.peer.lane().disconnect(Disconnect::Aborted);
    }
}
