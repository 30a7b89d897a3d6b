//! [`Driver`]: the loop that owns a client: network and commands in, timers, steps, events and messages out.
//!
//! Invariant: an application that does not take its events stops nothing but their flow, and it can always end the driver.

use std::{net::IpAddr, sync::Arc, time::Duration};

use tickworld_proto::{
    client::{Client, ClientEvent},
    instant::Instant,
    message::{Goodbye, Moved, Reason},
};
use tickworld_sim::{executor::Executor, game::Game, rollback::InputPredictor};
use tokio::{
    sync::mpsc,
    time::{Instant as Moment, sleep_until},
};

use super::{
    Command, ConnectionEvent, ConnectionSettings, Outage, Terminated, backoff::Attempts, is_retryable, is_transient,
};
use crate::{
    client_connection::{ClientConnection, ClientConnectionEvent},
    close::Disconnect,
    endpoint::{DialError, Endpoint},
};

/// How often in a row somebody is sent on without a pause.
const MOVES_MAX: u32 = 8;

/// See the module; made by [`connect`](super::connect).
#[must_use = "nothing happens until it runs"]
pub struct Driver<G: Game, P> {
    endpoint: Endpoint,
    client: Client<G, P>,
    executor: Arc<dyn Executor>,
    settings: ConnectionSettings,
    commands: mpsc::Receiver<Command<G, P>>,
    events: mpsc::Sender<ConnectionEvent>,
    attempts: Attempts,
    /// What the application wants; nothing else is begun then.
    stop: Option<Stop>,
    /// The last word of the present session.
    goodbye: Option<Goodbye>,
    /// Where the player is, as the present session was told.
    moved: Option<Moved>,
    /// How often it was sent on without a welcome.
    moves: u32,
    /// When the client's time began.
    epoch: Moment,
}

#[derive(Clone, Copy)]
enum Stop {
    Leave,
    Detach,
}

/// How a connection ended.
enum Followed {
    Outage(Outage),
    /// The player is in another region, which is dialed at once.
    Moved,
    Terminated(Terminated),
}

impl<G: Game, P: InputPredictor<G> + Clone> Driver<G, P> {
    pub(super) fn new(
        endpoint: Endpoint,
        client: Client<G, P>,
        executor: Arc<dyn Executor>,
        settings: ConnectionSettings,
        commands: mpsc::Receiver<Command<G, P>>,
        events: mpsc::Sender<ConnectionEvent>,
    ) -> Self {
        let attempts = Attempts::new(settings.backoff);
        Self {
            endpoint,
            client,
            executor,
            settings,
            commands,
            events,
            attempts,
            stop: None,
            goodbye: None,
            moved: None,
            moves: 0,
            epoch: Moment::now(),
        }
    }

    /// Connects, and comes back after every outage that may pass, until the application or the host ends it. Gives the client
    /// back: what it holds of the world, its unanswered inputs and its ticket can go on with another connection.
    ///
    /// # Panics
    /// Only with the runtime's timers or network off.
    pub async fn run(mut self) -> Client<G, P> {
        let last = self.events.clone().reserve_owned().await;
        let end = self.live().await;
        tracing::debug!(address = %self.settings.address, %end, "a connection ended");
        // Whoever waits for the end of the commands finds the last event there.
        if let Ok(last) = last {
            last.send(ConnectionEvent::Ended(end));
        }
        self.client
    }

    async fn live(&mut self) -> Terminated {
        loop {
            let outage = match self.dial().await {
                None => return self.stopped(),
                Some(Ok(connection)) => match self.follow(connection).await {
                    Followed::Terminated(end) => return end,
                    Followed::Moved => continue,
                    Followed::Outage(outage) => outage,
                },
                Some(Err(error)) if is_transient(&error) => Outage::Dial(error),
                Some(Err(error)) => return Terminated::Dial(error),
            };
            let Some(wait) = self.attempts.fail(Moment::now()) else { return Terminated::RetriesExhausted(outage) };
            self.emit(ConnectionEvent::Outage { cause: outage, wait }).await;
            self.back_off(wait).await;
        }
    }

    /// A connection; nothing once the application wants an end.
    async fn dial(&mut self) -> Option<Result<ClientConnection, DialError>> {
        let (endpoint, settings) = (self.endpoint.clone(), &self.settings);
        let (address, name) = (settings.address, settings.name.clone());
        let dialing = async move { endpoint.dial(address, &name).await };
        let mut dialing = std::pin::pin!(dialing);
        while self.stop.is_none() {
            tokio::select! {
                dialed = &mut dialing => return Some(dialed),
                command = self.commands.recv() => self.apply(command),
            }
        }
        None
    }

    /// Carries a session from its first word to its last.
    async fn follow(&mut self, connection: ClientConnection) -> Followed {
        (self.goodbye, self.moved) = (None, None);
        let is_resuming = self.client.ticket().is_some();
        let now = self.now();
        self.client.handle_connected(now, connection.datagram_bytes_max());
        self.emit(ConnectionEvent::Connected).await;
        loop {
            let has_more = self.turn(&connection);
            if self.client.is_over() {
                connection.close("the session is over").await;
                return self.finish(is_resuming).await;
            }
            if self.stop.is_some() {
                // Let go of without a word.
                connection.close("").await;
                let now = self.now();
                self.client.handle_disconnected(now);
                return Followed::Terminated(self.stopped());
            }
            if let Some(why) = self.wait(&connection, has_more).await {
                let now = self.now();
                self.client.handle_disconnected(now);
                self.emit_all().await;
                return Followed::Outage(Outage::Lost(why));
            }
        }
    }

    /// One round of the client's own work: steps, events, messages. True if it has more to do at once.
    fn turn(&mut self, connection: &ClientConnection) -> bool {
        let now = self.now();
        if matches!(self.stop, Some(Stop::Leave)) {
            self.client.leave(now);
        }
        let driven = self.client.drive(now, &*self.executor, self.settings.ticks_per_turn);
        while let Some(place) = self.place() {
            let Some(event) = self.poll_event() else { break };
            if let Place::Free(place) = place {
                place.send(ConnectionEvent::Client(event));
            }
        }
        while let Some(transmit) = self.client.poll_transmit() {
            connection.send(transmit);
        }
        driven.has_more
    }

    /// Waits for whatever comes first; gives why the connection is no more.
    async fn wait(&mut self, connection: &ClientConnection, has_more: bool) -> Option<Disconnect> {
        let due = self.client.poll_timeout().map(|due| self.epoch + Duration::from_micros(due.0));
        let is_full = self.place().is_none();
        let events = self.events.clone();
        tokio::select! {
            event = connection.next() => match event {
                Some(ClientConnectionEvent::Message { channel, bytes }) => {
                    let now = self.now();
                    self.client.handle_message(now, channel, &bytes);
                }
                // QUIC never carries less than it did at first, and the client knows that.
                Some(ClientConnectionEvent::DatagramSize { .. }) => {}
                Some(ClientConnectionEvent::Disconnected { why }) => return Some(why),
                None => return Some(Disconnect::Closed),
            },
            command = self.commands.recv() => self.apply(command),
            () = sleep_until(due.unwrap_or_else(Moment::now)), if due.is_some() => {
                let now = self.now();
                self.client.handle_timeout(now);
            }
            // Room for events: the next turn uses it. An error means that nobody listens, which is room too.
            _ = events.reserve(), if is_full => {}
            () = tokio::task::yield_now(), if has_more => {}
        }
        None
    }

    /// The session is over, and its connection closed: whether to come back.
    async fn finish(&mut self, is_resuming: bool) -> Followed {
        self.emit_all().await;
        let now = self.now();
        self.client.handle_disconnected(now);
        match (&self.stop, self.goodbye.take()) {
            (Some(_), _) => Followed::Terminated(self.stopped()),
            (None, Some(goodbye)) if goodbye.reason == Reason::Moved => self.go_on(goodbye).await,
            (None, Some(goodbye)) if is_retryable(goodbye.reason, is_resuming) => {
                Followed::Outage(Outage::Goodbye(goodbye))
            }
            (None, Some(goodbye)) => Followed::Terminated(Terminated::Refused(goodbye)),
            // The client had no room for the event; what is true of every ended connection is true of this one.
            (None, None) => Followed::Outage(Outage::Lost(Disconnect::Closed)),
        }
    }

    /// Turns to the region that has the player. One that sends on and on is not followed without a pause.
    async fn go_on(&mut self, goodbye: Goodbye) -> Followed {
        let Some(moved) = self.moved.take() else { return Followed::Terminated(Terminated::Refused(goodbye)) };
        self.moves = self.moves.saturating_add(1);
        let address = &moved.way.address;
        if !address.is_empty() {
            let found = tokio::net::lookup_host(address).await.ok().and_then(|mut found| found.next());
            let Some(found) = found else { return Followed::Outage(Outage::Goodbye(goodbye)) };
            self.settings.address = found;
            // The name on the certificate stays where the region is named by its number.
            if let Some((name, _)) = address.rsplit_once(':').filter(|(name, _)| name.parse::<IpAddr>().is_err()) {
                self.settings.name = name.trim_matches(['[', ']']).to_owned();
            }
        }
        if self.moves > MOVES_MAX { Followed::Outage(Outage::Goodbye(goodbye)) } else { Followed::Moved }
    }

    /// Waits between attempts.
    async fn back_off(&mut self, wait: Duration) {
        let until = Moment::now() + wait;
        while self.stop.is_none() {
            tokio::select! {
                () = sleep_until(until) => return,
                command = self.commands.recv() => self.apply(command),
            }
        }
    }

    fn apply(&mut self, command: Option<Command<G, P>>) {
        match command {
            Some(Command::Call(call)) => {
                let now = self.now();
                call(&mut self.client, now);
            }
            Some(Command::Leave) => self.stop = self.stop.or(Some(Stop::Leave)),
            // With the last hand on it, the application lets go.
            Some(Command::Detach) | None => self.stop = self.stop.or(Some(Stop::Detach)),
        }
    }

    const fn stopped(&self) -> Terminated {
        match self.stop {
            Some(Stop::Leave) => Terminated::Left,
            _ => Terminated::Detached,
        }
    }

    /// All that the client has to tell.
    async fn emit_all(&mut self) {
        while let Some(event) = self.poll_event() {
            self.emit(ConnectionEvent::Client(event)).await;
        }
    }

    /// Tells the application once it has room, or has gone, or wants an end.
    async fn emit(&mut self, event: ConnectionEvent) {
        let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) else { return };
        let events = self.events.clone();
        let mut telling = std::pin::pin!(events.send(event));
        while self.stop.is_none() {
            tokio::select! {
                _ = &mut telling => return,
                command = self.commands.recv() => self.apply(command),
            }
        }
    }

    fn poll_event(&mut self) -> Option<ClientEvent> {
        let event = self.client.poll_event()?;
        match &event {
            ClientEvent::Welcome(_) => {
                self.attempts.succeed(Moment::now());
                self.moves = 0;
            }
            ClientEvent::Moved(moved) => self.moved = Some(moved.clone()),
            ClientEvent::Closed { goodbye, .. } => self.goodbye = Some(goodbye.clone()),
            _ => {}
        }
        Some(event)
    }

    /// A place for an event, if there is one now.
    fn place(&self) -> Option<Place> {
        match self.events.clone().try_reserve_owned() {
            Ok(place) => Some(Place::Free(place)),
            Err(mpsc::error::TrySendError::Full(_)) => None,
            Err(mpsc::error::TrySendError::Closed(_)) => Some(Place::Nowhere),
        }
    }

    fn now(&self) -> Instant {
        Instant(u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

/// Where an event can go.
enum Place {
    Free(mpsc::OwnedPermit<ConnectionEvent>),
    /// Nobody listens any more.
    Nowhere,
}
