//! The driver of a region: one thread with one mailbox, and nothing that it decides.
//!
//! Invariant: whatever reaches the region comes through the mailbox, completions first; the thread sleeps until there is mail or
//! the region's next moment comes. A step runs here; everything else that takes time runs elsewhere and sends mail.

mod clock;
mod hasher;
mod open_error;
mod publisher;
mod replies;
mod steps;
mod work;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tickworld_net::{
    close::{Close, CloseCode},
    listener::Outbox,
    mailbox::{Event as PeerEvent, Mail, Mailbox},
};
use tickworld_persist::Store;
use tickworld_proto::{
    host::{Connection, Finding, SessionId},
    message::{Reason, SessionKind},
};
use tickworld_region::{Effect, Ended, Event, GameAdapter, Opened, Region, RegionSettings, Stepper as _};
use tickworld_sim::{executor::Executor, region::RegionId};
use tokio::runtime::Handle;

use self::{
    clock::{Clock, micros},
    hasher::Hasher,
    replies::Replies,
    work::Workshop,
};
use crate::{admission::Authenticator, http::Ready, log_limit::LogLimit, meters::Meters, server::Regions};

pub use open_error::OpenError;
pub(crate) use publisher::Publisher;
pub(crate) use steps::CatchingStepper;
pub(crate) use work::Work;

/// From one settling of the meters to the next.
const SETTLE_TICKS: u64 = 256;
/// From one line of the log about storage that fails to the next.
const STORAGE_LOG_EVERY: Duration = Duration::from_secs(60);

/// What a driver is given.
pub(crate) struct RegionDeps<A: GameAdapter, S> {
    pub(crate) adapter: Arc<A>,
    pub(crate) store: Arc<S>,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) mailbox: Mailbox<Work<A::Game>>,
    pub(crate) outbox: Outbox,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) ready: Arc<Ready>,
    pub(crate) runtime: Handle,
    /// Who reads and follows the world.
    pub(crate) publisher: Publisher<A::Game>,
    /// The other regions of its world, if there are any.
    pub(crate) regions: Option<Regions<A::Game>>,
}

/// See the module.
pub(crate) struct Driver<A: GameAdapter, S> {
    region: Region<A::Game>,
    clock: Clock,
    mailbox: Mailbox<Work<A::Game>>,
    workshop: Workshop<A, S>,
    stepper: CatchingStepper,
    hasher: Hasher<A::Game>,
    outbox: Outbox,
    replies: Replies,
    meters: Arc<Meters>,
    ready: Arc<Ready>,
    storage_log: LogLimit,
    archive_log: LogLimit,
    publisher: Publisher<A::Game>,
    regions: Option<Regions<A::Game>>,
    ended: Option<Ended>,
}

impl<A: GameAdapter, S: Store + 'static> Driver<A, S> {
    /// A driver of an opened world.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn new(
        deps: RegionDeps<A, S>,
        settings: RegionSettings,
        opened: Opened<A::Game>,
    ) -> std::io::Result<Self> {
        let RegionDeps { adapter, store, executor, mailbox, outbox, .. } = deps;
        let RegionDeps { authenticator, meters, ready, runtime, publisher, regions, .. } = deps;
        let clock = Clock::new();
        let now = clock.now();
        let id = opened.header.region;
        let known = opened.simulation.world().region().neighbours();
        let met: Vec<RegionId> = known.map(|known| known.region).collect();
        let mut region = Region::new(now, seconds_now(), settings, opened, Box::new(fresh_secret));
        for other in regions.iter().zip(id).flat_map(|(regions, id)| regions.others(id)) {
            // Whoever crossed while there was a border arrives, or is answered.
            if other.is_neighbour || met.contains(&other.id) {
                region.tell_neighbour(now, other.id, other.way);
            } else {
                region.tell_way(other.id, other.way);
            }
        }
        let workshop = Workshop { adapter, store, authenticator, runtime, post: mailbox.post() };
        Ok(Self {
            region,
            clock,
            mailbox,
            workshop,
            stepper: CatchingStepper(executor),
            hasher: Hasher::start()?,
            outbox,
            replies: Replies::default(),
            meters,
            ready,
            storage_log: LogLimit::new(STORAGE_LOG_EVERY),
            archive_log: LogLimit::new(STORAGE_LOG_EVERY),
            publisher,
            regions,
            ended: None,
        })
    }

    /// Runs until the region has ended.
    pub(crate) fn run(mut self) -> Ended {
        self.ready.set_running(true);
        let ended = loop {
            self.take_mail();
            self.region.handle_timeout(self.clock.now());
            self.carry_out();
            self.tell();
            if let Some(ended) = self.ended.take() {
                break ended;
            }
        };
        self.ready.set_running(false);
        ended
    }

    fn take_mail(&mut self) {
        let Self { mailbox, region, clock, replies, meters, .. } = self;
        let deadline = region.poll_timeout().map(|due| clock.moment(due));
        for mail in mailbox.wait(deadline) {
            // Read after the wait: what a peer is told of the time must not be older than its question.
            let now = clock.now();
            match mail {
                Mail::Completion(work) | Mail::Request(work) => match work {
                    Work::Appended(outcome) => region.handle_appended(now, outcome),
                    Work::LogState(state) => region.handle_log_state(now, state),
                    Work::Hashed { took, hashed } => region.handle_hashed(now, took, *hashed),
                    Work::Authenticated { session, result } => region.handle_authenticated(now, session, result),
                    Work::Keys { request, result } => {
                        if let (Some(_), Ok(keys)) = (request, &result) {
                            tracing::info!(number = keys.number(), "tickets are made with another key");
                        }
                        region.handle_keys(now, request, result);
                    }
                    Work::Found(findings) => {
                        let found = findings.iter().filter(|(_, found)| matches!(found, Ok(Finding::Here(_)))).count();
                        meters.archive_arrivals.increment(found as u64);
                        region.handle_found(now, findings);
                    }
                    Work::Moved(moved) => {
                        if moved.of == RegionId::ARCHIVE {
                            meters.archive_departures.increment(moved.count);
                        }
                        region.handle_moved(now, moved);
                    }
                    Work::Said(post) => region.handle_post(now, post),
                    Work::PackLoaded { request, result } => region.handle_pack_loaded(now, request, result),
                    Work::SnapshotStored { took, result } => region.handle_snapshot_stored(now, took, result),
                    Work::Marked(result) => region.handle_marked(now, result),
                    Work::ClaimEnded(result) => region.handle_claim_ended(now, result),
                    Work::Lost(what) => region.handle_lost(format!("{what} died")),
                    Work::Request { request, reply } => replies.ask(now, region, request, reply),
                },
                Mail::Peer(event) => match event {
                    PeerEvent::Connected { session, address, datagram_bytes_max, .. } => {
                        region.handle_connected(now, session, Connection { address, datagram_bytes_max });
                    }
                    PeerEvent::Message { session, channel, bytes } => {
                        region.handle_message(now, session, channel, &bytes);
                    }
                    // A longer datagram is only cheaper; a shorter one does not happen on one path.
                    PeerEvent::DatagramSize { .. } => {}
                    PeerEvent::Disconnected { session, .. } => region.handle_disconnected(now, session),
                },
            }
        }
    }

    /// Does what the region wants done, or begins it.
    fn carry_out(&mut self) {
        while let Some(effect) = self.region.poll_effect() {
            match self.workshop.begin(effect) {
                None => {}
                Some(Effect::Step(step)) => {
                    // What is known already need not wait for the tick.
                    self.transmit();
                    let begun = Instant::now();
                    let result = self.stepper.step(*step);
                    let took = begun.elapsed();
                    self.region.handle_stepped(self.clock.now(), micros(took), result);
                    self.measure(took);
                }
                Some(Effect::Hash(world)) => {
                    let ticket = self.workshop.post.reserve(Work::Lost("the thread that computes roots"));
                    self.hasher.hash(world, ticket);
                }
                Some(_) => unreachable!("the workshop begins everything else"),
            }
        }
    }

    /// Hands messages to the network, then tells what happened.
    fn tell(&mut self) {
        self.transmit();
        while let Some(event) = self.region.poll_event() {
            match event {
                Event::Answered { request, answer } => self.replies.answer(request, answer),
                Event::Closed { session, reason } => self.close(session, reason),
                Event::Ended(ended) => self.ended = Some(ended),
                event => self.note(event),
            }
        }
    }

    fn transmit(&mut self) {
        while let Some(post) = self.region.poll_post() {
            self.regions.iter().for_each(|regions| regions.carry(post.clone()));
        }
        let region = &mut self.region;
        let mut transmits = std::iter::from_fn(|| region.poll_transmit()).peekable();
        if transmits.peek().is_some() {
            let sent = &self.meters.bytes_sent;
            self.outbox.send(transmits.inspect(|(_, transmit)| sent.increment(transmit.bytes.len() as u64)));
        }
    }

    fn close(&self, session: SessionId, reason: Reason) {
        let code = if reason == Reason::Shutdown { CloseCode::Shutdown } else { CloseCode::Done };
        self.outbox.close(session, Close { code, detail: format!("{reason:?}") });
    }

    /// Counts and logs.
    fn note(&mut self, event: Event<A::Game>) {
        let meters = &self.meters;
        match event {
            Event::Refused { .. } => meters.tokens_refused.increment(1),
            Event::Desync { session, tick } => {
                meters.root_mismatches.increment(1);
                tracing::error!(session = session.0, tick = tick.0, "a client has another root");
            }
            Event::DesyncReport { session, report } => {
                meters.desync_reports.increment(1);
                tracing::error!(session = session.0, tick = report.tick.0, finding = report.finding, "desync");
            }
            Event::Violation { session, what } => {
                meters.violations.increment(1);
                tracing::info!(session = session.0, what, "a peer broke the protocol");
            }
            Event::FrameClosed { late, .. } => {
                meters.tick_late.record(late.0 as f64 / 1e6);
                if self.publisher.has_readers() {
                    self.region.note_reader();
                }
            }
            Event::Durable { tick, waited } => {
                meters.durable_tick.set(tick.0 as f64);
                meters.durable_lag.record(waited.0 as f64 / 1e6);
            }
            Event::StorageFailed { reason } => {
                meters.storage_failed.set(1.0);
                meters.storage_retries.increment(1);
                self.ready.set_storage_failed(true);
                if let Some(left_out) = self.storage_log.pass(Instant::now()) {
                    tracing::error!(reason, left_out, "ticks cannot be stored");
                }
            }
            Event::ArchiveFailed { reason } => {
                meters.archive_failures.increment(1);
                if let Some(left_out) = self.archive_log.pass(Instant::now()) {
                    tracing::error!(reason, left_out, "the archive cannot be used");
                }
            }
            Event::StorageRecovered { tick } => {
                meters.storage_failed.set(0.0);
                self.ready.set_storage_failed(false);
                self.storage_log.reset();
                tracing::info!(tick = tick.0, "ticks are stored again");
            }
            Event::Snapshot { result: Ok(stored), took } => {
                meters.snapshots.increment(1);
                meters.snapshot_pages.increment(stored.pages_new);
                meters.snapshot_time.record(took.0 as f64 / 1e6);
                let (tick, milliseconds) = (stored.tick.0, took.0 / 1_000);
                tracing::info!(
                    tick,
                    pages = stored.pages,
                    pages_new = stored.pages_new,
                    milliseconds,
                    "stored a snapshot"
                );
            }
            Event::Snapshot { result: Err(error), took } => {
                tracing::warn!(error, milliseconds = took.0 / 1_000, "no snapshot");
            }
            Event::Released(world) => self.publisher.show(world),
            Event::Opened { .. } => {}
            Event::Answered { .. } | Event::Closed { .. } | Event::Ended(_) => {}
        }
    }

    /// After every tick: what it took, and how much of everything there is.
    fn measure(&mut self, took: Duration) {
        let (meters, region) = (&self.meters, &self.region);
        let (counters, tick_rate) = (region.counters(), f64::from(region.header().tick_rate));
        meters.tick.set(region.tick().0 as f64);
        meters.durable_lag_ticks.set(region.waiting_records() as f64);
        let waiting = self.mailbox.waiting();
        let mail = waiting.completions + waiting.requests + waiting.peer_events;
        meters.queue.of("region").set(mail as f64);
        meters.queue.of("journal").set(region.waiting_records() as f64);
        meters.queue.of("admission").set(f64::from(region.host().unadmitted_count()));
        meters.memory.of("history").set(region.host().history_bytes() as f64);
        meters.memory.of("outgoing").set(region.host().outbox_bytes() as f64);
        meters.memory.of("incoming").set(waiting.peer_bytes as f64);
        meters.pace.set(f64::from(region.pace_percent()));
        meters.tick_budget_used.record(took.as_secs_f64() * tick_rate);
        meters.connections.set(region.session_count() as f64);
        meters.inputs.absolute(counters.inputs_framed);
        meters.refused.absolute(counters.inputs_refused);
        meters.bytes_received.absolute(counters.message_bytes);
        meters.dropped.absolute(counters.transmits_dropped);
        meters.acknowledged.absolute(counters.outcomes);
        for (kind, word) in
            [(SessionKind::Lockstep, "lockstep"), (SessionKind::Witness, "witness"), (SessionKind::Command, "command")]
        {
            meters.sessions.of(word).set(region.session_count_of(kind) as f64);
        }
        if region.tick().0.is_multiple_of(SETTLE_TICKS) {
            meters.settle();
            // The machine's clock may have been set meanwhile.
            self.region.tell_wall_time(self.clock.now(), seconds_now());
        }
    }
}

/// Seconds since 1970.
pub(crate) fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// # Panics
/// If the operating system has no randomness: a world whose dice can be foretold must not go on.
fn fresh_secret() -> [u8; 16] {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).expect("the operating system gives random bytes");
    secret
}
