//! [`LiveSession`]: the ticks of a server, as a lockstep session of one's own makes them.
//!
//! Invariant: the session enters nobody into the world and sends no input. It simulates every tick that the server releases, and
//! compares each root that the server says with its own. Ticks can be gone back to while they are kept; what the session kept
//! as evidence when an outage began stays at hand.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc, time::Duration};

use tickworld_net::{
    connection::{Backoff, Connection, ConnectionEvent, ConnectionEvents, ConnectionSettings, connect},
    endpoint::{Endpoint, EndpointSettings},
    tls::trust::Trust,
};
use tickworld_proto::{
    client::{Client, ClientEvent, ClientSettings, OpenTick},
    instant,
    instant::Micros,
    message::{Nonce, SessionKind},
};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::Tick,
    game::Game,
    hash::Hash,
    rollback::{PredictNothing, RollbackSettings},
    world::World,
};
use tokio::{runtime::Runtime, task::JoinHandle, time::timeout};

use super::{
    history::{History, KeptTick},
    login::ServerLogin,
    source::WorldSource,
    view::{RootDifference, RootState, SessionLine, SourceLine},
};
use crate::{
    failure::{Failure, Outcome},
    hosting::runtime,
    packs,
};

/// Ticks that can be gone back to: twenty seconds of most worlds.
const KEPT_TICKS: u32 = 600;
/// Attempts to reach the server, one after the other.
const ATTEMPTS_MAX: u32 = 8;
/// Ticks without any proof after which they are shown all the same.
const PROOF_TICKS_MAX: u64 = 90;
/// How long the session may take to answer a question; it may be restoring a world.
const ANSWER_TIME: Duration = Duration::from_millis(250);
/// How long leaving may take.
const LEAVE_TIME: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct LiveSession<G: Game> {
    // Dropped before the runtime, which waits for the driver, which ends once nobody has a hand on it.
    connection: Connection<G, PredictNothing>,
    events: ConnectionEvents,
    driving: JoinHandle<()>,
    endpoint: Endpoint,
    runtime: Runtime,
    address: SocketAddr,
    title: String,
    history: History<G>,
    /// Ticks that were confirmed and are not in the history yet.
    confirmed: VecDeque<(Tick, Hash)>,
    /// The first tick that was confirmed here.
    first: Option<Tick>,
    known: Known,
    difference: Option<RootDifference>,
    ticks_per_second: u32,
    trouble: Option<String>,
    /// Why the session is over.
    ended: Option<String>,
}

/// What the session last said of itself.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    proven: Option<Tick>,
    round_trip: Option<Micros>,
    open: Option<OpenTick>,
}

impl<G: Game> LiveSession<G> {
    /// Sets out; what comes of it is told by [`poll`](WorldSource::poll).
    pub(crate) fn begin(
        login: &ServerLogin,
        title: String,
        content: ContentId,
        library: Library<G::Content>,
    ) -> Outcome<Self> {
        let runtime = runtime("watch")?;
        let endpoint = Endpoint::bind(runtime.handle(), EndpointSettings::new(Trust::Pinned(login.fingerprint)));
        let endpoint = endpoint.map_err(|error| Failure::new(error.to_string()))?;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| Failure::new(format!("the system has no randomness: {error}")))?;
        let token = login.token.clone().into_bytes();
        let mut settings = ClientSettings::new(SessionKind::Lockstep, content, token, Nonce(nonce));
        settings.build = format!("tickworld {}", env!("CARGO_PKG_VERSION"));
        // Nobody plays here: there is nothing to foresee.
        settings.rollback =
            RollbackSettings { prediction_ticks_max: 0, evidence_ticks: KEPT_TICKS, ..settings.rollback };
        let client = Client::new(instant::Instant(0), settings, PredictNothing, library);
        let backoff = Backoff { attempts_max: Some(ATTEMPTS_MAX), ..Backoff::default() };
        let settings = ConnectionSettings { backoff, ..ConnectionSettings::new(login.address, "localhost") };
        let (connection, events, driver) = connect(endpoint.clone(), client, Arc::new(Inline), settings);
        let handle = runtime.handle().clone();
        let driving = runtime.spawn_blocking(move || drop(handle.block_on(driver.run())));
        Ok(Self {
            runtime,
            endpoint,
            connection,
            events,
            driving,
            address: login.address,
            title,
            history: History::new(KEPT_TICKS as usize),
            confirmed: VecDeque::new(),
            first: None,
            known: Known::default(),
            difference: None,
            ticks_per_second: 30,
            trouble: Some("no session yet".into()),
            ended: None,
        })
    }

    /// Leaves the server in good order.
    pub(crate) fn end(self) {
        let Self { runtime, endpoint, connection, events, driving, .. } = self;
        // Nobody takes them any more; its driver ends for all that.
        let _events = events;
        runtime.block_on(async {
            // A server that does not hear it finds out by itself.
            _ = timeout(LEAVE_TIME, async {
                connection.leave().await;
                // It ends with the connection.
                _ = driving.await;
                endpoint.shutdown().await;
            })
            .await;
        });
        runtime.shutdown_background();
    }

    /// The next event that is there already; the inner one is none once there are no more.
    fn ready(&mut self) -> Option<Option<ConnectionEvent>> {
        let Self { runtime, events, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                event = events.next() => Some(event),
                () = std::future::ready(()) => None,
            }
        })
    }

    fn take(&mut self, event: Option<ConnectionEvent>) {
        match event {
            Some(ConnectionEvent::Client(event)) => self.take_client(event),
            Some(ConnectionEvent::Outage { cause, .. }) => self.trouble = Some(format!("no session: {cause}")),
            Some(ConnectionEvent::Ended(end)) => self.ended = Some(end.to_string()),
            Some(_) => {}
            None => _ = self.ended.get_or_insert_with(|| "the session is over".into()),
        }
    }

    fn take_client(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Welcome(welcome) => self.ticks_per_second = u32::from(welcome.tick_rate).max(1),
            ClientEvent::Joined { .. } => self.trouble = None,
            ClientEvent::Confirmed { tick, root, .. } => {
                self.trouble = None;
                self.first.get_or_insert(tick);
                if self.confirmed.len() == KEPT_TICKS as usize {
                    self.confirmed.pop_front();
                }
                self.confirmed.push_back((tick, root));
            }
            ClientEvent::Desync(report) => {
                let found = RootDifference { tick: report.tick, detail: report.finding };
                RootDifference::keep_first(&mut self.difference, found);
            }
            ClientEvent::Rejoining(cause) => self.trouble = Some(format!("takes the world anew: {cause:?}")),
            ClientEvent::ContentMissing(id) => {
                let id = packs::short(id);
                self.trouble = Some(format!("the world uses content {id}, which is not here: --scenario names it"));
            }
            ClientEvent::Fault(fault) => self.trouble = Some(fault.to_string()),
            _ => {}
        }
    }

    /// Takes over the worlds of the ticks that were confirmed, and asks how the session is.
    fn fetch(&mut self) {
        let wanted: Vec<(Tick, Hash)> = self.confirmed.iter().copied().collect();
        let asked = self.connection.with(move |client, now| {
            let world = |(tick, root): (Tick, Hash)| Some((client.evidence(tick)?.clone(), root));
            let worlds: Vec<(World<G>, Hash)> = wanted.into_iter().filter_map(world).collect();
            let known = Known { proven: client.proven(), round_trip: client.round_trip(), open: client.open_tick(now) };
            (worlds, known)
        });
        // One that is at work answers the next time.
        let Ok(Ok((worlds, known))) = self.runtime.block_on(async { timeout(ANSWER_TIME, asked).await }) else {
            return;
        };
        self.known = known;
        if let Some((newest, _)) = worlds.last() {
            let newest = newest.tick();
            self.confirmed.retain(|(tick, _)| *tick > newest);
        }
        worlds.into_iter().for_each(|(world, root)| self.history.push(KeptTick { world, root }));
    }

    fn newest(&self) -> Option<Tick> {
        self.history.span().map(|(_, newest)| newest)
    }
}

impl<G: Game> WorldSource for LiveSession<G> {
    type Game = G;

    fn history(&self) -> &History<G> {
        &self.history
    }

    fn span(&self) -> (Tick, Tick) {
        self.history.span().unwrap_or((Tick(0), Tick(0)))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn present(&self) -> Option<Tick> {
        let (first, newest) = self.history.span()?;
        if self.difference.is_some() || newest.0 - first.0 > PROOF_TICKS_MAX {
            let proven = self.known.proven.filter(|_| self.difference.is_none()).filter(|tick| *tick >= first);
            return Some(proven.unwrap_or(newest));
        }
        self.known.proven.filter(|tick| *tick >= first)
    }

    fn poll(&mut self) -> Outcome<()> {
        while self.ended.is_none()
            && let Some(event) = self.ready()
        {
            self.take(event);
        }
        if self.ended.is_none() {
            self.fetch();
        }
        match &self.ended {
            Some(end) if self.newest().is_none() => {
                let cause = self.trouble.as_ref().map_or_else(String::new, |trouble| format!(" ({trouble})"));
                Err(Failure::new(format!("{}: never came in: {end}{cause}", self.address))
                    .help("does a server listen there (UDP), with this certificate, and does the token count?"))
            }
            _ => Ok(()),
        }
    }

    fn go_to(&mut self, tick: Tick) -> Outcome<bool> {
        Ok(self.history.moment(tick).is_some())
    }

    fn line(&self, tick: Tick) -> SourceLine {
        let compared =
            self.known.proven.zip(self.first).map_or(0, |(last, first)| (last.0 + 1).saturating_sub(first.0));
        let behind = self.known.open.zip(self.newest()).map(|(open, newest)| open.tick.0.saturating_sub(newest.0 + 1));
        let over = self.ended.as_ref().map(|end| format!("the session is over: {end}"));
        SourceLine {
            title: self.title.clone(),
            name: format!("server {}", self.address),
            span: self.span(),
            ticks_per_second: self.ticks_per_second,
            root: RootState::of(tick, self.known.proven, self.difference()),
            witness: "as the server's",
            compared,
            session: Some(SessionLine {
                round_trip_micros: self.known.round_trip.map(|micros| micros.0),
                behind_ticks: behind,
                trouble: over.or_else(|| self.trouble.clone()),
            }),
        }
    }

    fn difference(&self) -> Option<&RootDifference> {
        self.difference.as_ref()
    }
}
