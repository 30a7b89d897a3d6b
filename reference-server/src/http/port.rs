//! [`HttpPort`]: a listening socket of the HTTP server, whose connections are bounded in number and in time.
//!
//! Invariant: at most [`CONNECTIONS_MAX`] connections are open; a peer that takes its time (over TLS, a request's head, or the
//! answer) is never waited for without end, and is the first to go when somebody new comes and there is no room. So a probe
//! that sends its request at once is answered however many others hold connections open. Only what a handler works on right
//! now is never given up for a newcomer, and each handler has [`REQUEST_TIME_MAX`].

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse as _};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::refusal::Refusal;
use crate::log_limit::LogLimit;

/// Connections of one port that are open at the same time.
pub const CONNECTIONS_MAX: usize = 256;
/// How long a peer may take for a TLS handshake, and how long for the whole head of a request, from the end of the last one.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a request may take, with its body, until its answer begins.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(120);
/// After the socket could not accept, until it is tried again; connections end meanwhile.
const ACCEPT_WAIT: Duration = Duration::from_millis(100);
/// From one line of the log about such a failure to the next.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// A port that serves until it is [shut down](Self::shutdown) or dropped.
#[derive(Debug)]
pub struct HttpPort {
    address: SocketAddr,
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
}

impl HttpPort {
    /// Serves `router` on a socket, over TLS where an acceptor is given. Takes a runtime's context.
    ///
    /// # Errors
    /// When the socket does not know its own address.
    pub fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(listener, tls, router, stopped));
        Ok(Self { address, stop, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets requests that are under way finish for at most `grace`, and ends all others.
    pub async fn shutdown(self, grace: Duration) {
        // Fails where the task has panicked: then everything of it is gone already.
        _ = self.stop.send(grace);
        _ = self.task.await;
    }
}

async fn run(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, stopped: oneshot::Receiver<Duration>) {
    let connections = Arc::new(Connections::default());
    let graceful = GracefulShutdown::new();
    // Ends the connections that are left when it is dropped, with this task.
    let mut tasks = JoinSet::new();
    let failures = LogLimit::new(LOG_EVERY);
    tokio::pin!(stopped);
    let grace = loop {
        let accepted = tokio::select! {
            grace = &mut stopped => break grace.unwrap_or_default(),
            Some(_) = tasks.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                if let Some(left_out) = failures.pass(Instant::now()) {
                    tracing::error!(%error, left_out, "the HTTP port cannot accept connections");
                }
                // Where descriptors have run out, one of ours that only waits can be had.
                connections.end_oldest();
                sleep(ACCEPT_WAIT).await;
                continue;
            }
        };
        let Some(connection) = Connection::open(&connections) else { continue };
        // A failure costs latency, nothing else.
        _ = stream.set_nodelay(true);
        tasks.spawn(connect(stream, tls.clone(), router.clone(), connection, graceful.watcher()));
    };
    drop(listener);
    // What is not done by then ends with the tasks.
    _ = timeout(grace, graceful.shutdown()).await;
}

/// Serves one connection until either side ends it.
async fn connect(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    connection: Connection,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let ended = connection.ended.clone();
    let served = async {
        match tls {
            None => converse(stream, router, &connection, watcher).await,
            Some(tls) => match timeout(HEAD_TIME_MAX, tls.accept(stream)).await {
                Ok(Ok(stream)) => converse(stream, router, &connection, watcher).await,
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            },
        }
    };
    tokio::select! {
        () = served => {}
        () = ended.notified() => tracing::debug!("an idle HTTP connection made room for another one"),
    }
}

async fn converse<S>(stream: S, router: Router, connection: &Connection, watcher: hyper_util::server::graceful::Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let routes = TowerToHyperService::new(router);
    let service = service_fn(|request: Request<Incoming>| {
        let working = connection.work();
        let answer = routes.call(request);
        async move {
            let _working = working;
            match timeout(REQUEST_TIME_MAX, answer).await {
                Ok(answer) => answer,
                Err(_) => {
                    let seconds = REQUEST_TIME_MAX.as_secs();
                    let message = format!("the request was not complete within {seconds} seconds");
                    Ok(Refusal::new(StatusCode::REQUEST_TIMEOUT, message).into_response())
                }
            }
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    let conversation = http.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(conversation).await {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// The open connections of a port.
#[derive(Debug, Default)]
struct Connections {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    open_count: usize,
    next_turn: u64,
    /// Those that no handler works for, by when they began to wait, and what ends each.
    waiting: BTreeMap<u64, Arc<Notify>>,
}

impl Connections {
    fn with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        // A panic elsewhere leaves a table that is right: each change below is one step.
        act(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the connection that has waited for longest, if there is one.
    fn end_oldest(&self) -> bool {
        self.with(|table| {
            let oldest = table.waiting.pop_first();
            oldest.is_some_and(|(_, ended)| {
                ended.notify_one();
                true
            })
        })
    }

    /// A connection begins to wait; gives its turn.
    fn wait(&self, ended: &Arc<Notify>) -> u64 {
        self.with(|table| {
            let turn = table.next_turn;
            table.next_turn += 1;
            table.waiting.insert(turn, ended.clone());
            turn
        })
    }
}

/// A place among the open connections, given back when it is dropped.
#[derive(Debug)]
struct Connection {
    connections: Arc<Connections>,
    ended: Arc<Notify>,
    /// Its turn while it waits.
    turn: Arc<Mutex<u64>>,
}

impl Connection {
    /// Takes a place, from the one that has waited for longest if there is none free; none where all work.
    fn open(connections: &Arc<Connections>) -> Option<Self> {
        let is_full = connections.with(|table| table.open_count >= CONNECTIONS_MAX);
        if is_full && !connections.end_oldest() {
            return None;
        }
        connections.with(|table| table.open_count += 1);
        let ended = Arc::new(Notify::new());
        let turn = Arc::new(Mutex::new(connections.wait(&ended)));
        Some(Self { connections: connections.clone(), ended, turn })
    }

    /// A handler works for it until the value is dropped.
    fn work(&self) -> Working {
        let turn = *self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.connections.with(|table| table.waiting.remove(&turn));
        Working { connections: self.connections.clone(), ended: self.ended.clone(), turn: self.turn.clone() }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let turn = *self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.connections.with(|table| {
            table.waiting.remove(&turn);
            table.open_count -= 1;
        });
    }
}

/// A connection for which a handler works.
struct Working {
    connections: Arc<Connections>,
    ended: Arc<Notify>,
    turn: Arc<Mutex<u64>>,
}

impl Drop for Working {
    fn drop(&mut self) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = self.connections.wait(&self.ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_has_waited_for_longest_makes_room_and_one_that_works_does_not() {
        let connections = Arc::new(Connections::default());
        let mut open: Vec<Connection> = (0..CONNECTIONS_MAX).filter_map(|_| Connection::open(&connections)).collect();
        assert_eq!(open.len(), CONNECTIONS_MAX);
        let working = open[0].work();
        let turns = |connections: &Connections| connections.with(|table| table.waiting.len());
        assert_eq!(turns(&connections), CONNECTIONS_MAX - 1);
        let next = Connection::open(&connections).expect("the second one made room");
        assert!(!connections.with(|table| table.waiting.contains_key(&1)), "the second one was to go");
        assert!(connections.with(|table| table.waiting.contains_key(&2)));
        // The first has worked: its turn comes after everybody else's.
        drop(working);
        let newest = connections.with(|table| *table.waiting.last_key_value().expect("somebody waits").0);
        assert_eq!(newest, *open[0].turn.lock().expect("nobody panicked"));
        drop(next);
        open.clear();
        assert_eq!(connections.with(|table| (table.open_count, table.waiting.len())), (0, 0));
    }

    #[test]
    fn where_all_work_nobody_new_is_taken() {
        let connections = Arc::new(Connections::default());
        let open: Vec<Connection> = (0..CONNECTIONS_MAX).filter_map(|_| Connection::open(&connections)).collect();
        let working: Vec<Working> = open.iter().map(Connection::work).collect();
        assert!(Connection::open(&connections).is_none());
        drop(working);
        assert!(Connection::open(&connections).is_some());
    }
}
