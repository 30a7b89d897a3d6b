//! [`MemoryNetwork`]: a transport within one process, for tests and for players beside their own server.
//!
//! Invariant: it keeps the promises of every transport, bounded queues and flow control among them; it never loses, delays or
//! reorders. Nobody proves who they are, since nobody else is there.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use bytes::Bytes;
use tickworld_proto::limits::{BULK_BYTES_MAX, CONTROL_BYTES_MAX, DATAGRAM_BYTES_MAX};
use tokio::sync::{oneshot, watch};

use super::{
    BindError, BulkError, BulkReceiver, ControlReceiver, ControlSender, DatagramSent, DialError, Incoming, Transport,
    TransportConnection,
};
use crate::{
    close::{Close, CloseCode, Disconnect, Violation},
    limits::{
        CLIENT_WINDOW_BYTES, CONTROL_WINDOW_BYTES, DATAGRAM_RECEIVE_BYTES_MAX, INCOMING_MAX, MESSAGE_OVERHEAD_BYTES,
    },
    queue::{ByteCost, Queue, Refused},
};

/// Where in-process endpoints find each other, by addresses that mean nothing outside. Clones are the same network.
#[derive(Clone, Default)]
pub struct MemoryNetwork {
    endpoints: Arc<Mutex<HashMap<SocketAddr, Arc<Queue<MemoryIncoming>>>>>,
}

impl MemoryNetwork {
    /// An endpoint at `address`, which both accepts and opens connections.
    ///
    /// # Errors
    /// If there is one already.
    pub fn endpoint(&self, address: SocketAddr) -> Result<MemoryTransport, BindError> {
        let mut endpoints = lock(&self.endpoints);
        if endpoints.contains_key(&address) {
            return Err(BindError::Socket { address, error: io::ErrorKind::AddrInUse.into() });
        }
        let incoming = Arc::new(Queue::new(INCOMING_MAX));
        endpoints.insert(address, Arc::clone(&incoming));
        Ok(MemoryTransport { network: self.clone(), address, incoming, open: Arc::default() })
    }
}

/// One endpoint of a [`MemoryNetwork`]. Its connections end when it is dropped.
pub struct MemoryTransport {
    network: MemoryNetwork,
    address: SocketAddr,
    incoming: Arc<Queue<MemoryIncoming>>,
    open: Ends,
}

/// This endpoint's ends of its connections.
type Ends = Arc<Mutex<Vec<Weak<End>>>>;

impl Transport for MemoryTransport {
    type Connection = MemoryConnection;
    type Incoming = MemoryIncoming;

    fn local_address(&self) -> SocketAddr {
        self.address
    }

    async fn accept(&self) -> Option<MemoryIncoming> {
        let mut incoming = self.incoming.next().await?;
        incoming.open = Some(Arc::clone(&self.open));
        Some(incoming)
    }

    async fn connect(&self, address: SocketAddr, _name: &str) -> Result<MemoryConnection, DialError> {
        let host = lock(&self.network.endpoints).get(&address).cloned();
        let Some(host) = host else {
            // As on any network: nobody is there who could say so.
            return std::future::pending().await;
        };
        let (reply, replied) = oneshot::channel();
        let incoming = MemoryIncoming { remote: self.address, host: address, reply, open: None };
        host.offer(incoming).map_err(|_| DialError::Refused)?;
        let end = replied.await.map_err(|_| DialError::Refused)?;
        remember(&self.open, &end);
        Ok(MemoryConnection(end))
    }

    fn stop_accepting(&self) {
        self.incoming.abandon();
    }

    fn close(&self, close: &Close) {
        let open = std::mem::take(&mut *lock(&self.open));
        open.iter().filter_map(Weak::upgrade).for_each(|end| end.close(close));
    }

    async fn idle(&self) {
        // A close is heard at once.
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        lock(&self.network.endpoints).remove(&self.address);
        self.stop_accepting();
        self.close(&Close { code: CloseCode::Done, detail: String::new() });
    }
}

fn remember(open: &Ends, end: &Arc<End>) {
    let mut open = lock(open);
    open.retain(|end| end.strong_count() > 0);
    open.push(Arc::downgrade(end));
}

/// Somebody who wants to connect.
pub struct MemoryIncoming {
    remote: SocketAddr,
    host: SocketAddr,
    reply: oneshot::Sender<Arc<End>>,
    /// Of the endpoint that took it out of its queue.
    open: Option<Ends>,
}

impl ByteCost for MemoryIncoming {
    /// They are counted.
    fn cost_bytes(&self) -> usize {
        1
    }
}

impl Incoming for MemoryIncoming {
    type Connection = MemoryConnection;

    fn remote_address(&self) -> SocketAddr {
        self.remote
    }

    fn is_address_proven(&self) -> bool {
        true
    }

    fn ask_for_proof(self) -> Result<(), Self> {
        Err(self)
    }

    fn refuse(self) {}

    async fn accept(self) -> Result<MemoryConnection, Disconnect> {
        let pipe = Arc::new(Pipe::new());
        let client = Arc::new(End { pipe: Arc::clone(&pipe), is_host: false, remote: self.host });
        let host = Arc::new(End { pipe, is_host: true, remote: self.remote });
        if let Some(open) = &self.open {
            remember(open, &host);
        }
        self.reply.send(client).map_err(|_| Disconnect::Lost("the client is gone".to_owned()))?;
        Ok(MemoryConnection(host))
    }
}

/// Two ways, and how they ended.
struct Pipe {
    to_host: Way,
    to_client: Way,
    /// Control channels that the client opened.
    opened: watch::Sender<u32>,
    ended: watch::Sender<Option<Ended>>,
}

struct Way {
    control: Queue<Bytes>,
    datagrams: Queue<Bytes>,
    bulk: Queue<Bytes>,
}

#[derive(Clone)]
struct Ended {
    by_host: bool,
    close: Close,
}

impl ByteCost for Bytes {
    fn cost_bytes(&self) -> usize {
        self.len() + MESSAGE_OVERHEAD_BYTES
    }
}

impl Pipe {
    fn new() -> Self {
        let way = || Way {
            control: Queue::new(CONTROL_WINDOW_BYTES as usize),
            datagrams: Queue::new(DATAGRAM_RECEIVE_BYTES_MAX),
            bulk: Queue::new(CLIENT_WINDOW_BYTES as usize),
        };
        Self { to_host: way(), to_client: way(), opened: watch::channel(0).0, ended: watch::channel(None).0 }
    }
}

/// One end of a connection.
struct End {
    pipe: Arc<Pipe>,
    is_host: bool,
    remote: SocketAddr,
}

impl End {
    fn way_out(&self) -> &Way {
        if self.is_host { &self.pipe.to_client } else { &self.pipe.to_host }
    }

    fn way_in(&self) -> &Way {
        if self.is_host { &self.pipe.to_host } else { &self.pipe.to_client }
    }

    fn close(&self, close: &Close) {
        self.pipe.ended.send_if_modified(|ended| {
            let is_first = ended.is_none();
            ended.get_or_insert_with(|| Ended { by_host: self.is_host, close: close.clone() });
            is_first
        });
        for way in [&self.pipe.to_host, &self.pipe.to_client] {
            [&way.control, &way.datagrams, &way.bulk].into_iter().for_each(Queue::close);
        }
    }

    /// How it ended, as this end sees it; nothing while it has not.
    fn ended(&self) -> Option<Disconnect> {
        self.pipe.ended.borrow().as_ref().map(|ended| self.seen(ended))
    }

    async fn closed(&self) -> Disconnect {
        let mut ended = self.pipe.ended.subscribe();
        let ended = ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        // The sender is in the pipe, which this end keeps.
        ended.map_or(Disconnect::Closed, |ended| self.seen(&ended))
    }

    fn seen(&self, ended: &Ended) -> Disconnect {
        if ended.by_host == self.is_host { Disconnect::Closed } else { Disconnect::ByPeer(ended.close.clone()) }
    }

    async fn opened(&self, count: u32) -> Result<(), Disconnect> {
        let mut opened = self.pipe.opened.subscribe();
        tokio::select! {
            _ = opened.wait_for(|opened| *opened >= count) => Ok(()),
            why = self.closed() => Err(why),
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.close(&Close { code: CloseCode::Done, detail: String::new() });
    }
}

/// A connection of a [`MemoryNetwork`].
#[derive(Clone)]
pub struct MemoryConnection(Arc<End>);

impl TransportConnection for MemoryConnection {
    type Sender = MemorySender;
    type Receiver = MemoryReceiver;
    type Bulk = MemoryBulk;

    fn remote_address(&self) -> SocketAddr {
        self.0.remote
    }

    async fn open_control(&self) -> Result<(MemorySender, MemoryReceiver), Disconnect> {
        if let Some(why) = self.0.ended() {
            return Err(why);
        }
        self.0.pipe.opened.send_modify(|opened| *opened += 1);
        Ok(self.ends())
    }

    async fn accept_control(&self) -> Result<(MemorySender, MemoryReceiver), Disconnect> {
        self.0.opened(1).await?;
        Ok(self.ends())
    }

    fn datagram_bytes_max(&self) -> usize {
        usize::from(DATAGRAM_BYTES_MAX)
    }

    fn send_datagram(&self, bytes: Bytes) -> DatagramSent {
        if bytes.len() > self.datagram_bytes_max() {
            return DatagramSent::TooLong;
        }
        let (mut bytes, mut sent) = (bytes, DatagramSent::Queued);
        loop {
            match self.0.way_out().datagrams.offer(bytes) {
                Ok(()) => return sent,
                Err(Refused::Closed) => return DatagramSent::Closed,
                Err(Refused::Full(back)) => (bytes, sent) = (back, DatagramSent::Displaced),
            }
            self.0.way_out().datagrams.drop_oldest();
        }
    }

    async fn receive_datagram(&self) -> Result<Bytes, Disconnect> {
        match self.0.way_in().datagrams.next().await {
            Some(bytes) => Ok(bytes),
            None => Err(self.0.closed().await),
        }
    }

    async fn send_bulk(&self, message: Bytes) -> Result<(), BulkError> {
        if self.0.way_out().bulk.push(message).await {
            Ok(())
        } else {
            Err(BulkError::Disconnected(self.0.closed().await))
        }
    }

    async fn accept_bulk(&self) -> Result<MemoryBulk, Disconnect> {
        match self.0.way_in().bulk.next().await {
            Some(bytes) => Ok(MemoryBulk(bytes)),
            None => Err(self.0.closed().await),
        }
    }

    async fn extra_channel(&self) -> Disconnect {
        let extra = Disconnect::Violation(Violation::ExtraStream);
        if !self.0.is_host {
            return self.0.closed().await;
        }
        tokio::select! {
            opened = self.0.opened(2) => opened.err().unwrap_or(extra),
            bulk = self.accept_bulk() => bulk.err().unwrap_or(extra),
        }
    }

    fn close(&self, close: &Close) {
        self.0.close(close);
    }

    async fn closed(&self) -> Disconnect {
        self.0.closed().await
    }
}

impl MemoryConnection {
    fn ends(&self) -> (MemorySender, MemoryReceiver) {
        (MemorySender(Arc::clone(&self.0)), MemoryReceiver(Arc::clone(&self.0)))
    }
}

/// The sending end of a control channel.
pub struct MemorySender(Arc<End>);

impl ControlSender for MemorySender {
    async fn send(&mut self, message: Bytes) -> Result<(), Disconnect> {
        assert!(message.len() <= CONTROL_BYTES_MAX as usize, "whoever makes messages keeps to their limits");
        if self.0.way_out().control.push(message).await {
            return Ok(());
        }
        // The channel was finished before, or the connection is no more.
        Err(self.0.ended().unwrap_or(Disconnect::Violation(Violation::ControlCut)))
    }

    async fn finish(&mut self) {
        let control = &self.0.way_out().control;
        control.close();
        tokio::select! {
            () = control.drained() => {}
            _ = self.0.closed() => {}
        }
    }
}

/// The receiving end of a control channel.
pub struct MemoryReceiver(Arc<End>);

impl ControlReceiver for MemoryReceiver {
    async fn receive(&mut self) -> Result<Option<Bytes>, Disconnect> {
        match self.0.way_in().control.next().await {
            Some(message) => Ok(Some(message)),
            None => self.0.ended().map_or(Ok(None), Err),
        }
    }
}

/// A bulk message.
pub struct MemoryBulk(Bytes);

impl BulkReceiver for MemoryBulk {
    async fn receive(self) -> Result<Option<Bytes>, Disconnect> {
        if self.0.len() > BULK_BYTES_MAX as usize {
            return Err(Disconnect::Violation(Violation::BulkTooLong { bytes_max: BULK_BYTES_MAX }));
        }
        Ok(Some(self.0))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Single inserts and removals: whole, whoever panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
