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
use tokio::{sync::watch, task::JoinSet, time::timeout};

use super::{
    Shared,
    gate::{Gate, Pass, Place, Verdict},
};
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
    // One that is dropped half-way would turn somebody away who waits for a place.
    let mut coming = std::pin::pin!(next(&*transport, &shared.gate));
    loop {
        tokio::select! {
            next_one = &mut coming => {
                match next_one {
                    Next::Admitted(incoming, pass) => {
                        sessions.spawn(session(Arc::clone(&shared), incoming, pass, shutting_down.clone()));
                    }
                    Next::Refused => {}
                    Next::Closed => break,
                }
                coming.set(next(&*transport, &shared.gate));
            },
            Some(ended) = sessions.join_next() => report(ended),
            () = heard(&mut shutting_down) => break,
        }
    }
    while let Some(ended) = sessions.join_next().await {
        report(ended);
    }
}

/// What came of the next one who asks.
enum Next<I> {
    Admitted(I, Pass),
    Refused,
    Closed,
}

/// Lets the next one in, or sends it away. While it waits for its turn, others wait inside the transport, within limits.
async fn next<T: Transport>(transport: &T, gate: &Gate) -> Next<T::Incoming> {
    let Some(incoming) = transport.accept().await else { return Next::Closed };
    let (remote, is_proven) = (incoming.remote_address(), incoming.is_address_proven());
    let (incoming, verdict) = match gate.admit(remote, is_proven).await {
        // Costs no state here, and a forger of addresses never answers.
        Verdict::ProveAddress => match incoming.ask_for_proof() {
            Ok(()) => return Next::Refused,
            Err(incoming) => (incoming, gate.admit(remote, true).await),
        },
        verdict => (incoming, verdict),
    };
    match verdict {
        Verdict::Admitted(pass) => Next::Admitted(incoming, pass),
        Verdict::ProveAddress | Verdict::Refused => {
            incoming.refuse();
            Next::Refused
        }
    }
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

/// A connection from its first packet to its last.
async fn session(shared: Arc<Shared>, incoming: impl Incoming, pass: Pass, mut shutting_down: watch::Receiver<bool>) {
    let Pass { handshake, unheard, connection } = pass;
    let opened = tokio::select! {
        opened = open(incoming, handshake, &shared) => opened,
        () = heard(&mut shutting_down) => return,
    };
    drop(unheard);
    match opened {
        Some(opened) => serve(&shared, opened).await,
        None => shared.counters.handshakes_failed.add(1),
    }
    drop(connection);
}

/// A connection that has said something.
struct Opened<C: TransportConnection> {
    connection: C,
    ends: (C::Sender, C::Receiver),
    hello: Bytes,
}

/// The handshake, and the client's first message.
async fn open<I: Incoming>(incoming: I, handshake: Place, shared: &Shared) -> Option<Opened<I::Connection>> {
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
    // From here on it costs memory and no work, and whoever keeps silent holds up nobody's handshake.
    drop(handshake);
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
async fn serve<C: TransportConnection>(shared: &Shared, opened: Opened<C>) {
    match route(&*shared.route, &opened.hello) {
        Ok(lane) => run_session(shared, opened, lane).await,
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
