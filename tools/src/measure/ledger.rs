//! `tickworld measure ledger`: durable transfers a second, without sockets.
//!
//! Invariant: the way of a transfer is the server's: message, host, frame, record, step, root, sync, release, message. An
//! outcome counts when its message is decoded, so no earlier than its tick is stored; each input must get exactly one.

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde_json::json;
use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{
    AnyStore, Claimant, Durability, Epoch, Journal, JournalHeader, LogPosition, Record, StoreConfig, TickRecord,
    WallTime, Why, WorldId,
};
use tickworld_proto::{
    channel::Channel,
    host::{
        AddressKey, AddressRates, Connection, Grant, Host, HostEvent, HostSettings, IdentityRates, Kinds, Rate,
        SessionId, TicketIssuer,
    },
    instant,
    limits::PROTOCOL_VERSION,
    message::{self, Fate, Hello, InputMessage, Inputs, Message, Nonce, SessionKind},
    ticket::TicketKeys,
};
use tickworld_sim::{
    component::Component as _,
    content::ContentId,
    executor::Inline,
    frame::{PlayerId, Sequence, Tick},
    game::Game as _,
    hash::Hash,
    region::RegionId,
    rng::{Entropy, Rng, StreamKey},
    simulation::Simulation,
    trace::Start,
};
use tokio::sync::mpsc as tasks;

use super::machine::{Usage, load_average};
use crate::{
    Context,
    bots::{Bot as _, Clerk, Moment},
    cli::MeasureLedger,
    commands::play::COINS,
    failure::{Failure, Outcome, Verdict},
    interrupt::{self, Scratch},
};

/// Measures and tells.
pub(super) fn run(context: &mut Context, arguments: &MeasureLedger) -> Outcome {
    let scratch = Scratch::new()?;
    let folder = arguments.data.clone().unwrap_or_else(|| scratch.path().to_path_buf());
    let mut bench = Bench::begin(arguments, &folder)?;
    interrupt::take_over();
    bench.welcome_all()?;
    let warm = Instant::now() + Duration::from_secs(1);
    bench.play(warm)?;
    let (ticks, applied, before) = (bench.simulation.world().tick().0, bench.clients.answered, Usage::now());
    bench.clients.latency.reset();
    let begun = Instant::now();
    bench.play(begun + Duration::from_secs(arguments.seconds))?;
    let seconds = begun.elapsed().as_secs_f64();
    let (ticks, applied) = (bench.simulation.world().tick().0 - ticks, bench.clients.answered - applied);
    let used = before.zip(Usage::now()).map(|(before, now)| now.since(&before));
    bench.drain()?;
    let total = bench.simulation.state().total();
    let is_whole = total == u64::from(arguments.accounts) * COINS;
    let good = is_whole && bench.clients.refused == 0;
    let Clients { latency, refused, .. } = &bench.clients;
    let ms = |quantile: f64| latency.value_at_quantile(quantile) as f64 / 1e3;
    let per_second = applied as f64 / seconds;
    let load = load_average().map_or_else(String::new, |load| format!("; load average of the machine {load:.1}"));
    let out = &mut context.out;
    out.line(format!(
        "transfers  {per_second:.0} a second, each stored and answered; {applied} in {seconds:.1} s, {refused} refused"
    ));
    out.line(format!(
        "ticks      {:.1} a second, {:.0} transfers each",
        ticks as f64 / seconds,
        applied as f64 / ticks.max(1) as f64
    ));
    out.line(format!(
        "latency    from input to stored outcome: p50 {:.1} ms, p99 {:.1}, longest {:.1}",
        ms(0.5),
        ms(0.99),
        ms(1.0)
    ));
    if let Some(used) = &used {
        out.line(format!("costs      {}{load}", used.each(applied)));
    }
    out.line(format!("coins      {total}, {}", if is_whole { "as many as at first" } else { "which is wrong" }));
    out.value(&json!({
        "good": good, "interrupted": interrupt::is_asked(), "transfers_per_second": per_second, "ticks_per_second": ticks as f64 / seconds,
        "latency_ms": { "p50": ms(0.5), "p99": ms(0.99), "max": ms(1.0) },
        "cpu_seconds": used.as_ref().map(|used| used.cpu_seconds), "cpu_seconds_by_thread": used.map(|used| used.threads),
        "load_average": load_average(),
    }));
    Ok(Verdict::of(good).interrupted(interrupt::is_asked()))
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

/// Host, simulation and journal, and who keeps them busy.
struct Bench {
    start: Instant,
    host: Host<Ledger>,
    simulation: Simulation<Ledger>,
    clients: Clients,
    batch: u32,
    records: tasks::Sender<Record>,
    stored: mpsc::Receiver<Result<Tick, String>>,
    /// Ticks that are not stored yet.
    pending: u32,
    epoch: Epoch,
    last: LogPosition,
    durable: Tick,
    /// The root of the newest tick.
    root: Hash,
}

/// Most ticks that may be under way: as many as the server's default.
const LAG_MAX: u32 = 32;

impl Bench {
    fn begin(arguments: &MeasureLedger, folder: &std::path::Path) -> Outcome<Self> {
        let mut simulation = Ledger::open(arguments.accounts, COINS);
        let roots = simulation.seal(&Inline);
        let tick = simulation.world().tick();
        let header = JournalHeader {
            world: WorldId([7; 16]),
            region: Some(RegionId::FIRST),
            revision: Ledger::REVISION,
            tick_rate: 1_000,
            root_lag_ticks: 1,
            start: Start { tick, root: roots.root, content: ContentId::NONE },
            schema: (**simulation.schema()).clone(),
        };
        let (records, queue) = tasks::channel(LAG_MAX as usize + 1);
        let (note, stored) = mpsc::channel();
        let (open, opened) = mpsc::channel();
        let config = StoreConfig::embedded(folder);
        let journal = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(keep(config, header, open, queue, note));
        };
        std::thread::Builder::new().name("journal".into()).spawn(journal).map_err(|error| failed(&error))?;
        let opened = opened.recv().map_err(|error| failed(&error))?;
        let (epoch, last) = opened.map_err(Failure::new)?;
        let many = Rate { per_second: u32::MAX, burst: u32::MAX };
        let defaults = HostSettings::default();
        let settings = HostSettings {
            tick_rate: 1_000,
            sessions_per_address_max: u32::MAX,
            greetings_max: u32::MAX,
            durable_lag_ticks_max: LAG_MAX,
            // Budgets count in time, and one process is no crowd of strangers.
            address_budget: AddressRates { connections: many, messages: many, bytes: many },
            budget: IdentityRates { messages: many, bytes: many, inputs: many, ..defaults.budget },
            ..defaults
        };
        let (world, keys) = (message::WorldId([7; 16]), TicketKeys::first([7; 32]));
        let issuer = TicketIssuer { world, keys, wall_seconds: 0 };
        let (schema, start) = (simulation.schema(), simulation.snapshot());
        let host = Host::new(instant::Instant(0), settings, schema, start, roots.clone(), issuer);
        Ok(Self {
            start: Instant::now(),
            host,
            root: roots.root,
            simulation,
            clients: Clients::new(arguments),
            batch: arguments.batch,
            records,
            stored,
            pending: 0,
            epoch,
            last,
            durable: last.tick,
        })
    }

    fn now(&self) -> instant::Instant {
        instant::Instant(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Opens everybody's session.
    fn welcome_all(&mut self) -> Outcome<()> {
        let now = self.now();
        for client in &self.clients.all {
            let connection = Connection { address: AddressKey([1; 16]), datagram_bytes_max: DATAGRAM_BYTES };
            self.host.handle_connected(now, client.session, connection);
            let hello = self.clients.hello(&self.simulation);
            self.host.handle_message(now, client.session, Channel::Control, &hello.encode());
        }
        while let Some(event) = self.host.poll_event() {
            if let HostEvent::Admission { session, .. } = event {
                self.host.admit(now, session, Grant::new(Some(PlayerId(session.0)), Kinds::ALL));
            }
        }
        while self.host.poll_transmit().is_some() {}
        let opened = self.host.session_count_of(SessionKind::Command);
        if opened == self.clients.all.len() { Ok(()) } else { Err(Failure::new(format!("{opened} sessions opened"))) }
    }

    /// Plays until then.
    fn play(&mut self, until: Instant) -> Outcome<()> {
        while Instant::now() < until && !interrupt::is_asked() {
            let now = self.now();
            self.clients.send(&mut self.host, now);
            let waiting = self.clients.sent - self.clients.framed;
            let is_due = waiting >= u64::from(self.batch) || (self.pending == 0 && waiting > 0);
            if is_due && self.host.may_close() {
                self.tick();
                self.take_stored(None)?;
            } else {
                self.take_stored(Some(Duration::from_millis(100)))?;
            }
            self.deliver()?;
        }
        Ok(())
    }

    /// Has what is under way answered.
    fn drain(&mut self) -> Outcome<()> {
        let limit = Instant::now() + Duration::from_secs(10);
        while self.clients.answered < self.clients.sent && Instant::now() < limit {
            if self.clients.framed < self.clients.sent && self.host.may_close() {
                self.tick();
            }
            self.take_stored(Some(Duration::from_millis(100)))?;
            self.deliver()?;
        }
        let open = self.clients.sent - self.clients.answered;
        if open == 0 { Ok(()) } else { Err(Failure::new(format!("{open} transfers have no answer"))) }
    }

    /// Makes a tick as the server's region does.
    fn tick(&mut self) {
        let tick = self.host.open_tick();
        let frame = self.host.close_frame(self.now(), Entropy::from_bytes(secret(tick.0)), Vec::new());
        let record = Record::new(TickRecord {
            slot: self.last.slot.next(),
            epoch: self.epoch,
            previous_hash: self.last.record_hash,
            wall: WallTime(0),
            count: 1,
            root: Some(self.root),
            frame: self.host.frame_bytes(tick).expect("the frame was closed just now"),
        });
        let record = record.expect("frames are within the journal's limits");
        self.last = record.position();
        // There is room for as many as may be under way; a journal that is gone has left a note.
        _ = self.records.try_send(record);
        self.pending += 1;
        self.clients.framed = self.host.counters().inputs_framed;
        self.simulation.advance(&frame, &Inline).expect("the host makes frames of this world's next tick");
        let world_bytes = self.simulation.world().dirty_bytes();
        let roots = self.simulation.seal(&Inline);
        self.root = roots.root;
        let now = self.now();
        self.host.handle_stepped(now, self.simulation.snapshot(), world_bytes);
        self.host.handle_root(now, roots, self.simulation.snapshot());
    }

    /// Takes what was stored; waits for something where a time is given.
    fn take_stored(&mut self, wait: Option<Duration>) -> Outcome<()> {
        let mut next = match wait.filter(|_| self.pending > 0) {
            Some(time) => self.stored.recv_timeout(time).ok(),
            None => self.stored.try_recv().ok(),
        };
        while let Some(note) = next {
            let tick = note.map_err(Failure::new)?;
            self.pending -= u32::try_from(tick.0 - self.durable.0).unwrap_or(u32::MAX);
            self.durable = tick;
            self.host.handle_durable(self.now(), tick, Durability::Disk);
            next = self.stored.try_recv().ok();
        }
        Ok(())
    }

    /// Brings the host's messages to whom they are for.
    fn deliver(&mut self) -> Outcome<()> {
        while let Some((session, transmit)) = self.host.poll_transmit() {
            self.clients.take(session, transmit.channel, &transmit.bytes)?;
        }
        while let Some(event) = self.host.poll_event() {
            if let HostEvent::Violation { what, .. } = event {
                return Err(Failure::new(what));
            }
        }
        Ok(())
    }
}

/// Appends what comes, each group with one sync.
async fn keep(
    config: StoreConfig,
    header: JournalHeader,
    open: mpsc::Sender<Result<(Epoch, LogPosition), String>>,
    mut queue: tasks::Receiver<Record>,
    note: mpsc::Sender<Result<Tick, String>>,
) {
    let opened = async {
        let store = AnyStore::open(&config).await.map_err(|error| error.to_string())?;
        store.create(&header).await.map_err(|error| error.to_string())?;
        let log = store.log_state().await.map_err(|error| error.to_string())?;
        let claim = log.claim_after(log.last, Why::TakeOver, false, &Claimant::default());
        let claim = store.claim(&claim.map_err(|error| error.to_string())?).await.map_err(|error| error.to_string())?;
        Ok((store, claim))
    };
    let (store, claim) = match opened.await {
        Ok(opened) => opened,
        Err(error) => {
            // Whoever opens it waits for the answer.
            _ = open.send(Err(error));
            return;
        }
    };
    _ = open.send(Ok((claim.epoch, claim.last)));
    let mut group = Vec::new();
    // What an append did not keep is given again before more is taken.
    while !group.is_empty() || queue.recv_many(&mut group, LAG_MAX as usize).await > 0 {
        let appended = store.append(&group, Durability::Disk).await.map_err(|error| error.to_string());
        group = appended.as_ref().map_or_else(|_| Vec::new(), |appended| appended.rest(&group).to_vec());
        let stored = appended.map(|appended| appended.kept);
        // Who waits for it has gone where the run is over.
        if note.send(stored).is_err() {
            break;
        }
    }
    store.close().await;
}

fn secret(number: u64) -> [u8; 16] {
    let mut bytes = [3; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// What a path of 1,280 bytes carries.
const DATAGRAM_BYTES: u16 = 1_200;

/// All clients, which send transfers.
struct Clients {
    all: Vec<Client>,
    bot: Arc<Clerk>,
    dice: Rng,
    in_flight: u32,
    sent: u64,
    framed: u64,
    answered: u64,
    /// In no frame, which none should be.
    refused: u64,
    /// From an input to its answer, in microseconds.
    latency: Histogram<u64>,
}

/// One of them.
struct Client {
    session: SessionId,
    /// Number of the next input.
    next: u32,
    /// First and last number, and time, of every batch without all its answers.
    batches: VecDeque<(u32, u32, Instant)>,
    unanswered: u32,
}

impl Clients {
    fn new(arguments: &MeasureLedger) -> Self {
        let client = |number: u32| Client {
            session: SessionId(u64::from(number)),
            next: 1,
            batches: VecDeque::new(),
            unanswered: 0,
        };
        Self {
            all: (1..=arguments.sessions).map(client).collect(),
            bot: Arc::new(Clerk::new(arguments.accounts, COINS, arguments.zipf)),
            dice: StreamKey::new(&Entropy::from_bytes([7; 16]), 0, "measure").rng(1),
            in_flight: arguments.in_flight,
            sent: 0,
            framed: 0,
            answered: 0,
            refused: 0,
            latency: Histogram::new_with_bounds(1, 60_000_000, 3)
                .expect("bounds and precision are within the library's"),
        }
    }

    fn hello(&self, simulation: &Simulation<Ledger>) -> Message {
        Message::Hello(Hello {
            protocol: PROTOCOL_VERSION,
            kind: SessionKind::Command,
            durability: Durability::Disk,
            revision: Ledger::REVISION,
            schema: simulation.schema_id(),
            content: ContentId::NONE,
            game: Ledger::NAME.into(),
            build: "measure".into(),
            token: Default::default(),
            world: None,
            region: RegionId(0),
            hops: 0,
            nonce: Nonce([7; 16]),
            ticket: None,
        })
    }

    /// Everybody whose inputs all have answers sends as many again, in one datagram each.
    fn send(&mut self, host: &mut Host<Ledger>, now: instant::Instant) {
        let Self { all, bot, dice, in_flight, sent, .. } = self;
        for client in all.iter_mut().filter(|client| client.unanswered == 0) {
            let first = client.next;
            let input = |number: u32| {
                let transfer = bot.next(dice, None, PlayerId(client.session.0), Moment::FIRST);
                let (not_before, not_after) = (Tick(0), Tick(u64::MAX));
                InputMessage { sequence: Sequence(first + number), not_before, not_after, body: packed(&transfer) }
            };
            let inputs = (0..*in_flight).map(input).collect();
            let message = Message::Inputs(Inputs { base: Sequence(first), inputs }).encode();
            client.next += *in_flight;
            client.unanswered = *in_flight;
            client.batches.push_back((first, client.next - 1, Instant::now()));
            *sent += u64::from(*in_flight);
            host.handle_message(now, client.session, Channel::Datagram, &message);
        }
    }

    /// Takes the outcomes that the host sends to one of them.
    fn take(&mut self, session: SessionId, channel: Channel, bytes: &[u8]) -> Outcome<()> {
        let Ok(Message::Outcomes(outcomes)) = Message::decode(channel, bytes) else { return Ok(()) };
        let at = usize::try_from(session.0 - 1).unwrap_or(usize::MAX);
        let Some(client) = self.all.get_mut(at) else { return Ok(()) };
        if outcomes.durability != Durability::Disk {
            return Err(Failure::new("an answer that names no disk"));
        }
        for outcome in &outcomes.outcomes {
            self.refused += u64::from(matches!(outcome.fate, Fate::Refused(_)));
            let batch = client.batches.front().copied();
            let Some((first, last, at)) = batch.filter(|(first, ..)| *first == outcome.sequence.0) else {
                return Err(Failure::new(format!("input {} was answered twice or out of order", outcome.sequence.0)));
            };
            self.answered += 1;
            client.unanswered -= 1;
            self.latency.saturating_record(u64::try_from(at.elapsed().as_micros()).unwrap_or(u64::MAX));
            client.batches.pop_front();
            if first < last {
                client.batches.push_front((first + 1, last, at));
            }
        }
        Ok(())
    }
}

/// The canonical bytes of an input without the zeros at their end, as clients send them.
fn packed(transfer: &Order) -> bytes::Bytes {
    let mut whole = vec![0; Order::SIZE];
    transfer.encode(&mut whole);
    let length = whole.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    whole.truncate(length);
    whole.into()
}
