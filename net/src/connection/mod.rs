//! [`Connection`]: an application's hand on a [`Client`] that a [`Driver`] keeps connected.
//!
//! Invariant: one task, or one thread, owns the client; the application reaches it by bounded queues only, and the last
//! event says why it ended. Whether to come back after an outage is decided here; what a session may say is proto's.

mod backoff;
mod driver;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tickworld_proto::{
    client::{Client, ClientEvent, SubmitError},
    message::{Goodbye, Reason},
};
use tickworld_sim::{
    executor::Executor,
    frame::{Sequence, Tick},
    game::Game,
    rollback::InputPredictor,
};
use tokio::sync::{mpsc, oneshot};

pub use backoff::Backoff;
pub use driver::Driver;

use crate::{
    close::Disconnect,
    endpoint::{DialError, Endpoint},
};

/// Where to connect and how to go on.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// The address of the server.
    pub address: SocketAddr,
    /// The name on its certificate.
    pub name: String,
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// Events that may wait for the application. What is beyond waits in the client, within its own limits.
    pub events_max: usize,
    /// Commands that may wait for the client.
    pub commands_max: usize,
    /// Ticks that are stepped before the network gets its turn.
    pub ticks_per_turn: u32,
}

impl ConnectionSettings {
    /// The usual caps, and attempts for ever.
    #[must_use]
    pub fn new(address: SocketAddr, name: &str) -> Self {
        Self {
            address,
            name: name.to_owned(),
            backoff: Backoff::default(),
            events_max: 256,
            commands_max: 64,
            ticks_per_turn: 8,
        }
    }
}

/// What happens on a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// A connection is there, and the client has said `Hello`.
    Connected,
    /// Something of the protocol.
    Client(ClientEvent),
    /// There is no session at present.
    Outage {
        /// Why there is none.
        cause: Outage,
        /// How long until the next attempt.
        wait: Duration,
    },
    /// Nothing comes after this.
    Ended(Terminated),
}

/// Why there is no session at present.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Outage {
    /// There is no connection to the server.
    #[error(transparent)]
    Dial(DialError),
    /// The connection broke.
    #[error(transparent)]
    Lost(Disconnect),
    /// One side ended the session, for a reason that passes.
    #[error("the session ended: {:?}: {}", .0.reason, .0.detail)]
    Goodbye(Goodbye),
}

/// Why a connection is no more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Terminated {
    /// The application left: the player is out of the world, if the host heard it.
    #[error("left")]
    Left,
    /// The application let go of it: for the host it is lost, and can be resumed.
    #[error("let go")]
    Detached,
    /// One side ended the session for good.
    #[error("the session ended: {:?}: {}", .0.reason, .0.detail)]
    Refused(Goodbye),
    /// The server cannot be dialed, now or later.
    #[error(transparent)]
    Dial(DialError),
    /// As many attempts as allowed have failed; this is why the last one did.
    #[error("gave up: {0}")]
    RetriesExhausted(Outage),
}

/// The driver is gone; the last event says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection has ended")]
pub struct Ended;

/// Why an input was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The client said no.
    #[error(transparent)]
    Client(#[from] SubmitError),
    /// There is no client any more.
    #[error(transparent)]
    Ended(#[from] Ended),
}

/// Where a connection's events come out.
pub struct ConnectionEvents {
    receiver: mpsc::Receiver<ConnectionEvent>,
}

impl ConnectionEvents {
    /// Awaits the next event; nothing after [`Ended`](ConnectionEvent::Ended). Loses nothing when dropped.
    pub async fn next(&mut self) -> Option<ConnectionEvent> {
        self.receiver.recv().await
    }
}

/// See the module. Clones share the client; when the last of them is dropped, the driver lets go of the session.
pub struct Connection<G: Game, P> {
    commands: mpsc::Sender<Command<G, P>>,
}

impl<G: Game, P> Clone for Connection<G, P> {
    fn clone(&self) -> Self {
        Self { commands: self.commands.clone() }
    }
}

/// What the application wants of the driver.
enum Command<G: Game, P> {
    Call(Call<G, P>),
    Leave,
    Detach,
}

type Call<G, P> = Box<dyn FnOnce(&mut Client<G, P>, tickworld_proto::instant::Instant) + Send>;

/// A connection for `client` over `endpoint`. Nothing happens until the driver [runs](Driver::run): as a task, or, where
/// worlds are simulated that take long, on a thread of its own (`Handle::block_on`).
pub fn connect<G: Game, P: InputPredictor<G> + Clone>(
    endpoint: Endpoint,
    client: Client<G, P>,
    executor: Arc<dyn Executor>,
    settings: ConnectionSettings,
) -> (Connection<G, P>, ConnectionEvents, Driver<G, P>) {
    let (commands, commanded) = mpsc::channel(settings.commands_max.max(1));
    // One more than the application's: there is always room for the last one.
    let (events, receiver) = mpsc::channel(settings.events_max.saturating_add(1));
    let driver = Driver::new(endpoint, client, executor, settings, commanded, events);
    (Connection { commands }, ConnectionEvents { receiver }, driver)
}

impl<G: Game, P: InputPredictor<G> + Clone> Connection<G, P> {
    /// Submits an input of the session's player, for a tick from `not_before` to `not_after`. What becomes of it comes as an
    /// event.
    ///
    /// # Errors
    /// When it cannot be sent, now or ever.
    pub async fn submit(&self, input: G::Input, not_before: Tick, not_after: Tick) -> Result<Sequence, InputError>
    where
        G::Input: Send,
        P: 'static,
    {
        let submitted = self.with(move |client, now| client.submit(now, input, not_before, not_after)).await?;
        Ok(submitted?)
    }

    /// Calls `look` with the client, on its task: to read its worlds and clocks, to add content, to set a token. The client
    /// does nothing else meanwhile.
    ///
    /// # Errors
    /// If the driver has ended.
    pub async fn with<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Client<G, P>, tickworld_proto::instant::Instant) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (answer, answered) = oneshot::channel();
        let call: Call<G, P> = Box::new(move |client, now| {
            // Nobody may be waiting for it any more.
            let _ = answer.send(look(client, now));
        });
        self.commands.send(Command::Call(call)).await.map_err(|_| Ended)?;
        answered.await.map_err(|_| Ended)
    }

    /// Leaves the world and waits until the host has heard it, or has not in time.
    pub async fn leave(&self) {
        self.end(Command::Leave).await;
    }

    /// Ends the connection without a word, as if it had been lost: the session can be resumed.
    pub async fn detach(&self) {
        self.end(Command::Detach).await;
    }

    async fn end(&self, command: Command<G, P>) {
        // An error means that it has ended already.
        let _ = self.commands.send(command).await;
        self.commands.closed().await;
    }
}

/// Whether coming back after such a goodbye may lead to a session: these reasons pass by themselves.
const fn is_retryable(reason: Reason, is_resuming: bool) -> bool {
    match reason {
        // The ticket is void or out of date: the client has its token yet.
        Reason::Unauthorized => is_resuming,
        Reason::Shutdown | Reason::Full | Reason::Budget | Reason::TooSlow | Reason::TimedOut | Reason::Storage => true,
        Reason::Leave
        | Reason::Replaced
        | Reason::Protocol
        | Reason::Incompatible
        | Reason::Violation
        | Reason::Durability
        | Reason::Operator
        | Reason::Held
        // The driver goes there, if it was told where.
        | Reason::Moved
        | Reason::Elsewhere => false,
    }
}

/// Whether dialing again may help.
const fn is_transient(error: &DialError) -> bool {
    matches!(error, DialError::NoAnswer | DialError::Refused | DialError::Failed(_))
}
