//! A region: one thread that owns a world, and the whole way of a tick.
//!
//! Invariant: the frame of a tick is handed to the journal before it is stepped, and nothing that the tick made leaves before
//! the journal reported it stored; the host of `tickworld-proto` sees to that, this loop only carries. What goes wrong with
//! storage stops acknowledgements at once, and the world at the latest `durable-lag-ticks-max` ticks later.

mod clock;
mod journaling;
mod note;
mod orders;
mod recovery;
mod returning;
mod sealing;
mod storing;

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
    time::{Duration, Instant, SystemTime},
};

use tickworld_net::{
    closing::{Close, CloseCode},
    listener::{Event, Events, Outbox},
};
use tickworld_persist::{Body, Durability, JournalHeader, Place, Proof, Record, Store};
use tickworld_proto::{
    host::{AddressRates, Connection, Grant, Host, HostEvent, HostSettings, Kinds, Rate, SessionId},
    message::{Hello, Reason, ResumeKey, SessionKind},
};
use tickworld_sim::{executor::Executor, frame::Tick, hash::Hash, rng::Entropy, simulation::Simulation, world::World};
use tokio::{runtime::Handle, sync::mpsc as tasks};

use self::{clock::Clock, journaling::Waiting, note::Note, sealing::Sealer, storing::Storable};
use crate::{
    admission::{AuthenticationRequest, Authenticator, Granted, Refused},
    command::{Command, Reply, SnapshotStored},
    config::Config,
    http::Ready,
    meters::Meters,
    world::{Content, GameAdapter},
};

pub use recovery::OpenError;

/// While an append is under way, how long the region sleeps at most: news of it cannot wake the thread.
const APPEND_POLL: Duration = Duration::from_micros(500);
/// From one settling of the meters to the next.
const SETTLE_TICKS: u64 = 256;
/// How long an authenticator may take; a session waits no longer than that either.
const AUTHENTICATION_MAX: Duration = Duration::from_secs(10);
/// At the end, how long the journal may take for what is under way.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Why a region ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As asked, with everything stored.
    Asked,
    /// Another server has taken the world over.
    Fenced,
    /// The journal cannot go on.
    Failed(String),
}

/// What a region is given.
pub(crate) struct Parts<S> {
    pub(crate) config: Config,
    pub(crate) store: Arc<S>,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) events: Events,
    pub(crate) outbox: Outbox,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) commands: tasks::Receiver<Command>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) ready: Arc<Ready>,
    pub(crate) runtime: Handle,
}

/// See the module.
pub(crate) struct Region<H: GameAdapter, S> {
    hosted: Arc<H>,
    parts: Parts<S>,
    host: Host<H::Game>,
    simulation: Simulation<H::Game>,
    header: JournalHeader,
    sealer: Sealer<H::Game>,
    clock: Clock,
    records: tasks::Sender<Waiting>,
    notes: mpsc::Receiver<Note<Content<H>>>,
    note: mpsc::Sender<Note<Content<H>>>,
    epoch: tickworld_persist::Epoch,
    /// The last record, and the links of those that are not stored yet.
    last: Place,
    links: VecDeque<Place>,
    durable: Tick,
    /// Roots of the last ticks.
    recent: VecDeque<(Tick, Hash)>,
    /// The newest hashed world.
    sealed: World<H::Game>,
    /// A snapshot that waits for its tick to be stored, and who asked.
    snapshot: Option<Wanted<H::Game>>,
    is_storing: bool,
    /// Requests of those who want to come in that are judged at present.
    authenticating_count: u32,
    storage_failed: bool,
    is_stopping: bool,
}

/// A snapshot, and who asked for it.
type Wanted<G> = (Storable<G>, Option<Reply<SnapshotStored>>);

impl<H: GameAdapter, S: Store + 'static> Region<H, S> {
    /// Opens the store's world, or begins one.
    ///
    /// # Errors
    /// Why it does not go on.
    pub(crate) async fn open(hosted: Arc<H>, parts: Parts<S>) -> Result<Self, OpenError> {
        let Parts { config, store, executor, meters, .. } = &parts;
        let opened = recovery::open(&*hosted, &**store, config, &**executor, meters).await?;
        let recovery::Opened { simulation, roots, recent, header, claim } = opened;
        let durability = durability(config);
        let clock = Clock::new(header.tick_rate);
        let settings = HostSettings {
            tick_rate: header.tick_rate,
            durability,
            input_delay_ticks: config.input_delay_ticks,
            durable_lag_ticks_max: config.durable_lag_ticks_max,
            history_ticks: config.history_ticks,
            sessions_max: config.sessions_max,
            sessions_per_address_max: config.sessions_per_address_max,
            ..HostSettings::default()
        };
        let per_address = config.sessions_per_address_max;
        let connections = Rate { per_second: per_address.div_ceil(2), burst: per_address.saturating_mul(2) };
        let address_budget = AddressRates { connections, ..settings.address_budget };
        let settings = HostSettings { address_budget, ..settings };
        let sealed = simulation.snapshot();
        let mut host = Host::new(clock.now(), settings, simulation.schema(), sealed.clone(), roots);
        host.take_over_keys(clock.now(), returning::take(&config.data, seconds_now()));
        let sealer = Sealer::new(header.root_lag_ticks, simulation.schema_id())
            .map_err(|error| OpenError::Other(error.to_string()))?;
        let (note, notes) = mpsc::channel();
        let (records, queue) = tasks::channel(config.durable_lag_ticks_max as usize + 1);
        let journal = journaling::run(store.clone(), durability, queue, note.clone(), meters.clone());
        parts.runtime.spawn(journal);
        Ok(Self {
            hosted,
            host,
            sealer,
            clock,
            records,
            notes,
            note,
            epoch: claim.epoch,
            last: claim.last,
            links: VecDeque::new(),
            durable: claim.last.tick,
            recent: recent.into(),
            sealed,
            snapshot: None,
            is_storing: false,
            authenticating_count: 0,
            storage_failed: false,
            is_stopping: false,
            simulation,
            header,
            parts,
        })
    }

    /// Ticks a second.
    pub(crate) const fn tick_rate(&self) -> u16 {
        self.header.tick_rate
    }

    /// Runs until somebody asks it to end, or it must.
    pub(crate) fn run(mut self) -> Ended {
        self.parts.ready.set_running(true);
        let ended = loop {
            self.take_events();
            self.take_commands();
            if let Some(ended) = self.take_notes() {
                break ended;
            }
            if self.is_stopping {
                break self.finish();
            }
            if Instant::now() >= self.clock.due() && self.host.may_close() {
                self.tick();
            }
            let now = self.clock.now();
            if self.host.poll_timeout().is_some_and(|due| due <= now) {
                self.host.handle_timeout(now);
            }
            self.carry_out();
        };
        self.parts.ready.set_running(false);
        ended
    }

    /// The way of a tick: frame, journal beside step, root; the release follows when the journal reports.
    fn tick(&mut self) {
        let begun = Instant::now();
        let (pace, late) = self.clock.begin_tick();
        self.parts.meters.tick_late.record(late.as_secs_f64());
        self.host.set_pace(pace);
        let lag = u32::from(self.header.root_lag_ticks);
        for (roots, world) in self.sealer.done(lag.saturating_sub(2), &mut self.simulation) {
            self.know_root(roots, world);
        }
        let frame = self.host.close_frame(self.clock.now(), fresh_entropy());
        self.journal(frame.tick);
        let stepped = self.simulation.advance(&frame, &*self.parts.executor);
        stepped.expect("the host makes frames of this world's next tick, with content that is there");
        let hashed = self.sealer.seal(&mut self.simulation, &self.parts.executor);
        let now = self.clock.now();
        self.host.handle_stepped(now, self.simulation.snapshot());
        if let Some((roots, world)) = hashed {
            self.know_root(roots, world);
        }
        self.meter(begun.elapsed(), pace);
    }

    /// Hands the closed frame's record to the journal.
    fn journal(&mut self, tick: Tick) {
        let proven = self.header.proven_by(tick);
        let root = proven.and_then(|tick| self.recent.iter().find(|(of, _)| *of == tick));
        let body = Body {
            tick,
            epoch: self.epoch,
            previous: self.last.link,
            durable: self.durable,
            proof: root.map(|(tick, root)| Proof { tick: *tick, root: *root }),
            frame: self.host.frame_bytes(tick).expect("the frame was closed just now"),
        };
        let record = Record::new(body).expect("frames are within the journal's limits");
        self.last = Place { tick, link: record.hash() };
        self.links.push_back(self.last);
        // There is room: the queue is longer than the ticks that may wait. A journal that is gone has left a note.
        _ = self.records.try_send(Waiting { record, since: Instant::now() });
    }

    fn know_root(&mut self, roots: tickworld_sim::world::Roots, world: World<H::Game>) {
        let tick = world.tick();
        self.recent.push_back((tick, roots.root));
        while self.recent.len() > usize::from(self.header.root_lag_ticks) + 1 {
            self.recent.pop_front();
        }
        self.sealed = world.clone();
        self.host.handle_root(self.clock.now(), roots, world);
        let every = self.parts.config.snapshot_ticks;
        if every > 0 && tick.0.is_multiple_of(every) && self.snapshot.is_none() && !self.is_storing {
            self.want_snapshot(None);
        }
    }

    /// Takes what the network brought, or waits for it until there is something else to do.
    fn take_events(&mut self) {
        let mut deadline = if self.host.may_close() { self.clock.due() } else { Instant::now() + APPEND_POLL };
        if let Some(due) = self.host.poll_timeout() {
            deadline = deadline.min(self.clock.moment(due));
        }
        if !self.links.is_empty() || self.is_storing || self.authenticating_count > 0 {
            deadline = deadline.min(Instant::now() + APPEND_POLL);
        }
        let now = self.clock.now();
        for event in self.parts.events.wait(deadline) {
            match event {
                Event::Connected { session, address, datagram_bytes_max, .. } => {
                    self.host.handle_connected(now, session, Connection { address, datagram_bytes_max });
                }
                Event::Message { session, channel, bytes } => {
                    self.host.handle_message(now, session, channel, &bytes);
                }
                // A longer datagram is only cheaper; a shorter one does not happen on one path.
                Event::DatagramSize { .. } => {}
                Event::Disconnected { session, .. } => self.host.handle_disconnected(now, session),
            }
        }
    }

    /// Answers what the host asks, and hands its messages to the network.
    fn carry_out(&mut self) {
        let mut closed = Vec::new();
        while let Some(event) = self.host.poll_event() {
            match event {
                HostEvent::Admission { session, hello, resumed } => {
                    self.authenticate(session, hello, resumed.is_some());
                }
                HostEvent::Closed { session, reason } => closed.push((session, reason)),
                HostEvent::Desync { session, tick, .. } => {
                    self.parts.meters.root_mismatches.increment(1);
                    tracing::error!(session = session.0, tick = tick.0, "a client has another root");
                }
                HostEvent::DesyncReport { session, report, .. } => {
                    self.parts.meters.desync_reports.increment(1);
                    tracing::error!(session = session.0, tick = report.tick.0, finding = report.finding, "desync");
                }
                HostEvent::Violation { session, what } => {
                    self.parts.meters.violations.increment(1);
                    tracing::info!(session = session.0, what, "a peer broke the protocol");
                }
                _ => {}
            }
        }
        let host = &mut self.host;
        let mut transmits = std::iter::from_fn(|| host.poll_transmit()).peekable();
        if transmits.peek().is_some() {
            let sent = &self.parts.meters.bytes_sent;
            let counted = transmits.inspect(|(_, transmit)| sent.increment(transmit.bytes.len() as u64));
            self.parts.outbox.send(counted);
        }
        for (session, reason) in closed {
            let code = if reason == Reason::Shutdown { CloseCode::Shutdown } else { CloseCode::Done };
            self.parts.outbox.close(session, Close { code, detail: format!("{reason:?}") });
        }
    }

    /// Lets a session in that comes back, and has the others judged beside the ticks.
    fn authenticate(&mut self, session: SessionId, hello: Hello, is_resumed: bool) {
        if is_resumed {
            let grant = Grant { player: None, kinds: Kinds::default(), resume: ResumeKey(fresh_secret()) };
            return self.host.admit(self.clock.now(), session, grant);
        }
        let (authenticator, note) = (Arc::clone(&self.parts.authenticator), self.note.clone());
        let request = AuthenticationRequest::new(hello.token.into(), hello.kind);
        self.authenticating_count += 1;
        self.parts.runtime.spawn(async move {
            let judged = tokio::time::timeout(AUTHENTICATION_MAX, authenticator.authenticate(request)).await;
            let late = || Err(Refused::Unavailable("nobody answered in time who is let in".to_owned()));
            // Nobody waits for it where the region has ended.
            _ = note.send(Note::Authenticated { session, result: judged.unwrap_or_else(|_| late()) });
        });
    }

    /// Lets a session in, or sends it away.
    fn take_verdict(&mut self, session: SessionId, result: Result<Granted, Refused>) {
        let now = self.clock.now();
        self.authenticating_count -= 1;
        match result {
            Ok(Granted { player, kinds }) => {
                let grant = Grant { player, kinds: Kinds::of(&kinds), resume: ResumeKey(fresh_secret()) };
                self.host.admit(now, session, grant);
            }
            Err(refused) => {
                self.parts.meters.tokens_refused.increment(1);
                let reason = match &refused {
                    Refused::Denied(_) => Reason::Unauthorized,
                    Refused::Unavailable(_) => Reason::Full,
                };
                self.host.refuse(now, session, reason, &refused.to_string());
            }
        }
    }

    fn meter(&mut self, took: Duration, pace: u16) {
        let (meters, counters) = (&self.parts.meters, self.host.counters());
        meters.tick.set(self.simulation.world().tick().0 as f64);
        meters.durable_lag_ticks.set(self.links.len() as f64);
        meters.queue.of("journal").set(self.links.len() as f64);
        meters.pace.set(f64::from(pace));
        meters.tick_budget_used.record(took.as_secs_f64() / self.clock.tick().as_secs_f64());
        meters.connections.set(self.host.session_count() as f64);
        meters.inputs.absolute(counters.inputs_framed);
        meters.refused.absolute(counters.inputs_refused);
        meters.bytes_received.absolute(counters.message_bytes);
        meters.dropped.absolute(counters.transmits_dropped);
        for (kind, word) in
            [(SessionKind::Lockstep, "lockstep"), (SessionKind::Witness, "witness"), (SessionKind::Command, "command")]
        {
            meters.sessions.of(word).set(self.host.session_count_of(kind) as f64);
        }
        meters.acknowledged.absolute(counters.outcomes);
        if self.simulation.world().tick().0.is_multiple_of(SETTLE_TICKS) {
            meters.settle();
        }
    }

    /// Says goodbye, stores what is left, and lets go of the world.
    fn finish(&mut self) -> Ended {
        self.host.shutdown(self.clock.now());
        self.carry_out();
        let until = Instant::now() + DRAIN_MAX;
        for (roots, world) in self.sealer.done(0, &mut self.simulation) {
            self.know_root(roots, world);
        }
        while !self.links.is_empty() || self.is_storing {
            match self.notes.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(note) => {
                    if let Some(ended) = self.take_note(note) {
                        return ended;
                    }
                }
                Err(_) => return Ended::Failed("the journal did not store the last ticks in time".to_owned()),
            }
        }
        // The last answers became known just now.
        self.carry_out();
        let (schema, store, meters) = (self.simulation.schema_id(), &*self.parts.store, &*self.parts.meters);
        let storable = Storable { world: self.sealed.clone(), link: self.last.link };
        let (kept, epoch) = (self.parts.config.snapshots_kept, self.epoch);
        let stored = self.parts.runtime.block_on(async {
            let snapshot = storing::store(store, schema, storable, kept, meters).await;
            snapshot.map_err(|error| error.to_string())?;
            store.seal(epoch).await.map_err(|error| error.to_string())
        });
        match stored {
            Ok(_) => {
                let keys = self.host.kept_keys(self.clock.now());
                if let Err(error) = returning::keep(&self.parts.config.data, &keys, seconds_now()) {
                    tracing::warn!(%error, "clients will need new tokens to come back");
                }
                Ended::Asked
            }
            Err(error) => Ended::Failed(error),
        }
    }
}

/// What acknowledgements promise.
pub(crate) fn durability(config: &Config) -> Durability {
    match config.durability {
        crate::config::DurabilityLevel::Memory => Durability::Memory,
        crate::config::DurabilityLevel::Disk => Durability::Disk,
    }
}

/// Seconds since 1970.
fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn fresh_entropy() -> Entropy {
    Entropy::from_bytes(fresh_secret())
}

/// # Panics
/// If the operating system has no randomness: a world whose dice can be foretold must not go on.
fn fresh_secret() -> [u8; 16] {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).expect("the operating system gives random bytes");
    secret
}
