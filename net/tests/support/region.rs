//! A region: a thread that ticks a ledger behind a mailbox, admits whoever comes, and stores nothing.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses its part, and may panic")]

use std::{
    collections::BTreeMap,
    sync::mpsc::channel,
    thread::JoinHandle,
    time::{Duration, Instant as Moment},
};

use tickworld_ledger::Ledger;
use tickworld_net::{
    close::{Close, CloseCode},
    listener::Outbox,
    mailbox::{Event, Mail, Mailbox, Post},
};
use tickworld_proto::{
    host::{Connection, Grant, Host, HostEvent, HostSettings, Kinds, SessionId, TicketIssuer},
    instant::Instant,
    message::{Durability, WorldId},
    ticket::TicketKeys,
};
use tickworld_sim::{
    executor::Inline,
    frame::{PlayerId, Tick},
    hash::Hash,
    prelude::Entropy,
    simulation::Simulation,
};

/// A tick, as fast as a test likes.
const TICK: Duration = Duration::from_millis(5);
pub const ACCOUNTS: u32 = 64;
pub const COINS: u64 = 1_000;

/// The region's thread, and the way to it.
pub struct Region {
    post: Post<Work>,
    thread: JoinHandle<()>,
}

/// What a test wants done on the region's thread.
pub type Work = Box<dyn FnOnce(&mut State) + Send>;

/// What the thread has.
pub struct State {
    pub host: Host<Ledger>,
    pub simulation: Simulation<Ledger>,
    pub roots: BTreeMap<Tick, Hash>,
    pub sessions: Vec<SessionId>,
    pub outbox: Outbox,
    epoch: Moment,
    is_stopping: bool,
}

impl Region {
    pub fn new(mailbox: Mailbox<Work>, outbox: Outbox) -> Self {
        let post = mailbox.post();
        let state = State::new(outbox);
        Self { post, thread: std::thread::spawn(move || state.run(mailbox)) }
    }

    /// What `look` finds on the region's thread.
    pub fn with<T: Send + 'static>(&self, look: impl FnOnce(&mut State) -> T + Send + 'static) -> T {
        let (answer, answered) = channel();
        let work: Work = Box::new(move |state: &mut State| answer.send(look(state)).unwrap());
        assert!(self.post.offer(work).is_ok(), "a test asks for one thing at a time");
        answered.recv_timeout(crate::support::LONG).unwrap()
    }

    /// Says goodbye to everybody and ends the thread.
    pub fn shutdown(self) {
        self.with(|state| {
            let now = state.now();
            state.host.shutdown(now);
            state.flush();
            state.is_stopping = true;
        });
        self.thread.join().unwrap();
    }
}

impl State {
    fn new(outbox: Outbox) -> Self {
        let mut simulation = Ledger::open(ACCOUNTS, COINS);
        let roots = simulation.seal(&Inline);
        let mut settings =
            HostSettings { sessions_per_address_max: 10_000, greetings_max: 10_000, ..HostSettings::default() };
        settings.address_budget.connections.per_second = 10_000;
        settings.address_budget.connections.burst = 10_000;
        let issuer =
            TicketIssuer { world: WorldId([7; 16]), keys: TicketKeys::first([9; 32]), wall_seconds: 1_800_000_000 };
        let host = Host::new(Instant(0), settings, simulation.schema(), simulation.snapshot(), roots, issuer);
        Self {
            host,
            simulation,
            roots: BTreeMap::new(),
            sessions: Vec::new(),
            outbox,
            epoch: Moment::now(),
            is_stopping: false,
        }
    }

    fn run(mut self, mut mailbox: Mailbox<Work>) {
        let mut due = Moment::now() + TICK;
        while !self.is_stopping {
            for mail in mailbox.wait(Some(due)) {
                match mail {
                    Mail::Completion(work) | Mail::Request(work) => work(&mut self),
                    Mail::Peer(event) => self.take(event),
                }
            }
            let now = self.now();
            self.host.handle_timeout(now);
            if Moment::now() >= due {
                due += TICK;
                self.tick();
            }
            self.flush();
        }
    }

    fn now(&self) -> Instant {
        Instant(u64::try_from(self.epoch.elapsed().as_micros()).unwrap())
    }

    fn take(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Connected { session, address, datagram_bytes_max, .. } => {
                self.host.handle_connected(now, session, Connection { address, datagram_bytes_max });
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

    fn tick(&mut self) {
        let now = self.now();
        let tick = self.host.open_tick();
        let frame = self.host.close_frame(now, Entropy::from_bytes(u128::from(tick.0).to_le_bytes()), Vec::new());
        let roots = self.simulation.step_inline(&frame).unwrap();
        self.roots.insert(tick, roots.root);
        self.host.handle_stepped(now, self.simulation.snapshot(), 0);
        self.host.handle_root(now, roots, self.simulation.snapshot());
        self.host.handle_durable(now, tick, Durability::Disk);
    }

    fn flush(&mut self) {
        while let Some(event) = self.host.poll_event() {
            match event {
                // A token is a player's number in decimal digits.
                HostEvent::Admission { session, hello, .. } => {
                    let player = std::str::from_utf8(&hello.token).ok().and_then(|token| token.parse().ok());
                    let grant = Grant::new(player.map(PlayerId), Kinds::ALL);
                    let now = self.now();
                    self.host.admit(now, session, grant);
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
}
