//! A game of one's own over the network, both sides of it. The host's thread waits in one mailbox for players, for its store and
//! for requests. The client predicts, loses its connection in between, and comes back by itself.
//!
//! Run it with `cargo run --release -p tickworld-net --example own_game`. A server with accounts, recovery and an HTTP port is in
//! `reference-server/`; this is what it stands on.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    error::Error,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use tickworld_net::{
    close::{Close, CloseCode},
    connection::{Connection, ConnectionEvent, ConnectionEvents, ConnectionSettings, connect},
    endpoint::{Endpoint, EndpointSettings},
    listener::{Listener, ListenerSettings, Outbox},
    mailbox::{Event, Mail, Mailbox, MailboxLimits, Post, Ticket},
    tls::{identity::Identity, trust::Trust},
};
use tickworld_proto::{
    client::{Client, ClientEvent, ClientSettings},
    host::{self, Grant, Host, HostEvent, HostSettings, Kinds, SessionId, TicketIssuer},
    instant,
    message::{Durability, Fate, Nonce, SessionKind, WorldId},
    ticket::TicketKeys,
};
use tickworld_sim::{prelude::*, rollback::PredictNothing};

// The game: each player has a bell, and each input rings it.

/// How often a player's bell was rung.
#[derive(Component, Clone, Copy, Debug)]
struct Bell {
    rung: u32,
}

/// So many times.
#[derive(Component, Clone, Copy, Debug)]
struct Ring {
    times: u32,
}

#[derive(State, Clone)]
struct Tower {
    entities: Entities,
    bell: Column<Bell>,
}

struct Bells;

fn ring_bells(tower: &mut Tower, step: &mut Step<'_, Bells>) {
    for (index, input) in step.inputs().iter().enumerate() {
        let Some(row) = input.entity.and_then(|entity| tower.entities.row(entity)) else { continue };
        let rung = tower.bell.get(row).map_or(0, |bell| bell.rung).saturating_add(input.body.times);
        tower.bell.set(row, Bell { rung });
        step.answer(index, OutcomeCode::APPLIED, i64::from(rung));
    }
}

impl Game for Bells {
    type State = Tower;
    type Input = Ring;
    type Event = ();
    type Content = ();
    const NAME: &'static str = "bells";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "ring_bells", run: ring_bells }];

    fn join(tower: &mut Tower, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        tower.spawn(Band(0)).ok()
    }
}

// The host.

const TICK: Duration = Duration::from_millis(20);

/// What reaches the host's thread besides players: completions of what it asked for, and requests.
enum Work {
    /// The store has this tick.
    Stored(Tick),
    /// It will never have it.
    StoreLost(Tick),
    /// Break every connection, as a bad network does.
    BreakConnections,
    /// The host's thread is to end.
    Stop,
}

/// A frame for the store, and the place of the answer.
type Append = (Tick, Bytes, Ticket<Work>);

/// What the host's thread owns.
struct HostThread {
    host: Host<Bells>,
    simulation: Simulation<Bells>,
    outbox: Outbox,
    post: Post<Work>,
    store: mpsc::Sender<Append>,
    sessions: Vec<SessionId>,
    begun: Instant,
}

impl HostThread {
    fn new(post: Post<Work>, outbox: Outbox, store: mpsc::Sender<Append>) -> Self {
        let library = Library::of(ContentId::NONE, ());
        let mut simulation = Simulation::new(library, ContentId::NONE, |_: &mut Tower, ()| {});
        let roots = simulation.seal(&Inline);
        let settings = HostSettings { tick_rate: 50, ..HostSettings::default() };
        // A world that is stored keeps number and keys with it, so that tickets are good in the next process too.
        let (world, keys) = (WorldId(secret()), TicketKeys::first(secret()));
        let wall_seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let issuer = TicketIssuer { world, keys, wall_seconds };
        let host = Host::new(instant::Instant(0), settings, simulation.schema(), simulation.snapshot(), roots, issuer);
        Self { host, simulation, outbox, post, store, sessions: Vec::new(), begun: Instant::now() }
    }

    /// Everything that the thread ever waits for is in the mailbox, until a tick is due. Gives the ticks that it made.
    fn run(mut self, mut mailbox: Mailbox<Work>) -> u64 {
        let mut due = Instant::now() + TICK;
        loop {
            for mail in mailbox.wait(Some(due)) {
                match mail {
                    Mail::Completion(Work::Stored(tick)) => {
                        let now = self.now();
                        self.host.handle_durable(now, tick, Durability::Disk);
                    }
                    Mail::Completion(Work::StoreLost(tick)) => {
                        panic!("tick {tick} is not stored: the world must not go on")
                    }
                    Mail::Request(Work::BreakConnections) => self.break_connections(),
                    Mail::Request(Work::Stop) => return self.simulation.world().tick().0,
                    Mail::Completion(_) | Mail::Request(_) => {
                        unreachable!("tickets are of the store, offers of the others")
                    }
                    Mail::Peer(event) => self.handle_peer(event),
                }
            }
            let now = self.now();
            self.host.handle_timeout(now);
            if Instant::now() >= due && self.host.may_close() {
                due += TICK;
                self.tick();
            }
            self.carry_out();
        }
    }

    fn now(&self) -> instant::Instant {
        instant::Instant(u64::try_from(self.begun.elapsed().as_micros()).expect("no run lasts so long"))
    }

    fn handle_peer(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Connected { session, address, datagram_bytes_max, .. } => {
                self.host.handle_connected(now, session, host::Connection { address, datagram_bytes_max });
                self.sessions.push(session);
            }
            Event::Message { session, channel, bytes } => self.host.handle_message(now, session, channel, &bytes),
            Event::DatagramSize { .. } => {}
            Event::Disconnected { session, .. } => {
                self.host.handle_disconnected(now, session);
                self.sessions.retain(|open| *open != session);
            }
        }
    }

    /// The frame goes to the store before it is stepped; what it made is told when it is stored.
    fn tick(&mut self) {
        let now = self.now();
        let tick = self.host.open_tick();
        // A game with dice takes its entropy from the system, so that nobody can foretell them; this one has none.
        let frame = self.host.close_frame(now, Entropy::from_bytes(u128::from(tick.0).to_le_bytes()), Vec::new());
        let bytes = self.host.frame_bytes(tick).expect("it was closed just now");
        let ticket = self.post.reserve(Work::StoreLost(tick));
        // A store that is gone drops the ticket, which says so.
        let _ = self.store.send((tick, bytes, ticket));
        self.simulation.advance(&frame, &Inline).expect("the host makes frames of this world");
        let world_bytes = self.simulation.world().dirty_bytes();
        let roots = self.simulation.seal(&Inline);
        self.host.handle_stepped(now, self.simulation.snapshot(), world_bytes);
        self.host.handle_root(now, roots, self.simulation.snapshot());
    }

    /// Whoever comes is who they say: a token is a player's number.
    fn carry_out(&mut self) {
        while let Some(event) = self.host.poll_event() {
            let now = self.now();
            match event {
                HostEvent::Admission { session, hello, .. } => {
                    let player = std::str::from_utf8(&hello.token).ok().and_then(|token| token.parse().ok());
                    self.host.admit(now, session, Grant::new(player.map(PlayerId), Kinds::ALL));
                }
                HostEvent::Closed { session, .. } => {
                    self.transmit();
                    self.outbox.close(session, Close { code: CloseCode::Done, detail: String::new() });
                }
                _ => {}
            }
        }
        self.transmit();
    }

    fn transmit(&mut self) {
        self.outbox.send(std::iter::from_fn(|| self.host.poll_transmit()));
    }

    fn break_connections(&self) {
        for session in &self.sessions {
            self.outbox.close(*session, Close { code: CloseCode::Done, detail: "a bad network".to_owned() });
        }
    }
}

/// Bytes that nobody can guess.
fn secret<const BYTES: usize>() -> [u8; BYTES]
where
    [u8; BYTES]: ring::rand::RandomlyConstructable,
{
    let random = ring::rand::generate(&ring::rand::SystemRandom::new());
    random.expect("the system gives random bytes").expose()
}

/// A store in memory, on a thread of its own, as a disk would be. Gives how many ticks it has.
fn store(appends: &mpsc::Receiver<Append>) -> u64 {
    let mut journal = Vec::new();
    for (tick, frame, ticket) in appends {
        journal.push(frame);
        ticket.complete(Work::Stored(tick));
    }
    journal.len() as u64
}

// The client.

type Hand = Connection<Bells, PredictNothing>;

/// A client that simulates, and is driven on a task of its own.
fn client(
    runtime: &tokio::runtime::Runtime,
    listener: &Listener,
    trust: Trust,
) -> Result<(Hand, ConnectionEvents), Box<dyn Error>> {
    let settings = ClientSettings::new(SessionKind::Lockstep, ContentId::NONE, b"7".to_vec(), Nonce(secret()));
    let client = Client::new(instant::Instant(0), settings, PredictNothing, Library::of(ContentId::NONE, ()));
    let mut from = EndpointSettings::new(trust);
    from.local = Some(([127, 0, 0, 1], 0).into());
    let endpoint = Endpoint::bind(runtime.handle(), from)?;
    let to = ConnectionSettings::new(listener.local_address(), "localhost");
    let (connection, events, driver) = connect(endpoint, client, Arc::new(Inline), to);
    runtime.spawn(driver.run());
    Ok((connection, events))
}

/// Takes events until `wanted` finds one.
async fn until<T>(events: &mut ConnectionEvents, wanted: impl Fn(&ConnectionEvent) -> Option<T>) -> Result<T, String> {
    while let Some(event) = events.next().await {
        match &event {
            ConnectionEvent::Outage { cause, wait } => println!("no session: {cause}; again in {wait:?}"),
            ConnectionEvent::Client(ClientEvent::Welcome(welcome)) => println!("welcome, {:?}", welcome.player),
            ConnectionEvent::Ended(end) => return Err(end.to_string()),
            _ => {}
        }
        if let Some(found) = wanted(&event) {
            return Ok(found);
        }
    }
    Err("the connection says no more".to_owned())
}

/// Rings once, and gives how often the bell was rung by then, as the durable world has it.
async fn ring_once(connection: &Hand, events: &mut ConnectionEvents) -> Result<i64, Box<dyn Error>> {
    let sequence = connection.submit(Ring { times: 1 }, Tick(0), Tick(u64::MAX)).await?;
    let answered = until(events, |event| match event {
        ConnectionEvent::Client(ClientEvent::Outcome { sequence: of, fate, .. }) if *of == sequence => Some(*fate),
        _ => None,
    });
    match answered.await? {
        Fate::Applied { value, .. } => Ok(value),
        Fate::Refused(refusal) => Err(format!("refused: {refusal:?}").into()),
    }
}

async fn play(connection: &Hand, events: &mut ConnectionEvents, post: &Post<Work>) -> Result<i64, Box<dyn Error>> {
    let joined = |event: &ConnectionEvent| matches!(event, ConnectionEvent::Client(ClientEvent::Joined { .. }));
    until(events, |event| joined(event).then_some(())).await?;
    for _ in 0..5 {
        ring_once(connection, events).await?;
    }
    post.offer(Work::BreakConnections).map_err(|_| "too many requests")?;
    until(events, |event| matches!(event, ConnectionEvent::Outage { .. }).then_some(())).await?;
    // Taken while there is no connection, sent with the next one, and applied once.
    let answer = ring_once(connection, events).await?;
    // The client has the whole world, and every root of it was computed here.
    let rung = connection.with(|client, _| {
        let mut rung = 0;
        if let Some(world) = client.confirmed() {
            join(&world.state().bell).for_each(|_, bell| rung += i64::from(bell.rung));
        }
        rung
    });
    let rung = rung.await?;
    if rung == answer { Ok(rung) } else { Err(format!("answered {answer}, and the world says {rung}").into()) }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // Who the host is: a certificate made just now, which the client knows by its fingerprint.
    let identity = Identity::generate(&["localhost"])?;
    let trust = Trust::Pinned(identity.fingerprint());

    let mailbox = Mailbox::new(MailboxLimits::default());
    let post = mailbox.post();
    // One region, so its lane is the route of everybody.
    let settings = ListenerSettings::new(([127, 0, 0, 1], 0).into(), identity);
    let (listener, outbox) = Listener::open(runtime.handle(), settings, Arc::new(mailbox.lane()))?;
    let (appends, to_append) = mpsc::channel();
    let host = HostThread::new(post.clone(), outbox, appends);
    let storing = thread::spawn(move || store(&to_append));
    let hosting = thread::spawn(move || host.run(mailbox));

    let (connection, mut events) = client(&runtime, &listener, trust)?;
    let rung = runtime.block_on(play(&connection, &mut events, &post))?;
    runtime.block_on(connection.leave());

    post.offer(Work::Stop).map_err(|_| "too many requests")?;
    let ticks = hosting.join().map_err(|_| "the host panicked")?;
    runtime.block_on(listener.shutdown(Duration::from_secs(5)));
    let stored = storing.join().map_err(|_| "the store panicked")?;
    println!("the bell was rung {rung} times in {ticks} ticks, of which {stored} are stored");
    if rung == 6 && stored == ticks { Ok(()) } else { Err("something is not as it should be".into()) }
}
