//! A whole cluster in one thread: a server that crashes on a simulated disk, clients of all kinds, a network between them,
//! all from one seed; and the bystander who checks what must hold.
//!
//! Invariant: a run is a function of its seed, its [`Bug`] and its build. After the faults comes a calm, in which everything
//! that was asked must be answered and everybody must follow again; after the calm the storage is opened once more and read
//! to its end.
//!
//! ```
//! use tickworld_testkit::cluster::{Options, check};
//!
//! let report = check(7, Options::default()).expect("what goes wrong is printed with the command that repeats it");
//! assert!(report.count("ticks") > 0);
//! ```

mod archive;
mod audit;
mod bug;
mod faults;
mod glue;
mod opening;
mod peer;
mod plan;
mod report;
mod retelling;
mod server;
mod storage;
mod traffic;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

pub use bug::Bug;
pub use plan::Fault;
pub use report::{Failure, Options, Report, check, run};
use tickworld_proto::{
    channel::Transmit,
    host::SessionId,
    instant::{Instant, Micros},
};
use tickworld_region::Ended;
use tickworld_sim::frame::Sequence;

use self::{
    opening::OpenError,
    peer::Peer,
    plan::Plan,
    server::{Server, Site, Wake},
    storage::Disk,
    watch::{Life, Watch},
};
use crate::{
    check::{Coins, Violation},
    clock::Clock,
    dice::Dice,
    disk::CrashKind,
    network::{ConnectionId, Network, NetworkEvent, Side},
};

/// How long the calm may take.
const CALM_MAX: Micros = Micros(90_000_000);
/// In the calm, how long everybody has at least.
const CALM_MIN: Micros = Micros(2_000_000);
/// Between two looks whether everything is over.
const PROBE: Micros = Micros(100_000);
/// More events than any run has.
const EVENTS_MAX: u64 = 20_000_000;

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    Network(NetworkEvent),
    Server(Life, Wake),
    /// A client's timer; of this run of its program.
    Client(usize, u64),
    Connect(usize, u64),
    Play(usize),
    Fault(Fault),
    /// A fault that lasts is over.
    Mend(Fault),
    /// The server's process starts.
    Start,
    Calm,
    Probe,
}

impl From<NetworkEvent> for Event {
    fn from(event: NetworkEvent) -> Self {
        Self::Network(event)
    }
}

/// A connection's ends.
#[derive(Clone, Copy, Debug)]
struct Line {
    client: usize,
    life: Life,
}

struct Cluster<D: Disk> {
    seed: u64,
    plan: Plan,
    bug: Option<Bug>,
    clock: Clock<Event>,
    network: Network,
    disk: D,
    /// The server that goes on last; before it one that does not know yet that it was replaced.
    servers: Vec<Server<D::Store>>,
    peers: Vec<Peer>,
    lines: BTreeMap<ConnectionId, Line>,
    /// Connections of strangers, and the server that each came to.
    strangers: BTreeMap<ConnectionId, Life>,
    /// So many of the next welcomes are lost with their connections.
    welcomes_to_lose: u64,
    /// How often the world's key was to be rotated.
    rotations: u64,
    /// Requests of operators so far.
    requests: u64,
    watch: Watch,
    lives: u64,
    /// Which program the servers are.
    build: opening::Build,
    is_slow: bool,
    is_calm: bool,
    /// The tick that was released when the calm began.
    calm_tick: u64,
    is_over: bool,
    /// Whether the power goes during the next recovery.
    is_armed: bool,
    /// For [`Bug::ReleasesOutOfOrder`].
    held: Option<(SessionId, Transmit)>,
    /// For [`Bug::AppliesAResentInputAgain`].
    seen: BTreeSet<(usize, Sequence)>,
    dice: Dice,
}

impl<D: Disk> Cluster<D> {
    fn new(seed: u64, plan: Plan, options: Options) -> Self {
        let mut clock = Clock::default();
        clock.at(Instant(0), Event::Start);
        clock.at(plan.calm_at, Event::Calm);
        for (at, fault) in &plan.schedule {
            clock.at(*at, Event::Fault(*fault));
        }
        let mut peers = Vec::new();
        for (index, client) in plan.clients.iter().enumerate() {
            let mut peer = Peer::new(Instant(0), seed, index as u64, *client);
            clock.at(Instant(peer.dice.below(1_000_000)), Event::Connect(index, 0));
            clock.at(Instant(peer.dice.below(500_000)), Event::Play(index));
            peers.push(peer);
        }
        let mut watch = Watch::new(options.is_traced);
        watch.coins = Some(Coins::new(tickworld_ledger::Ledger::open(plan.accounts, plan.coins).state()));
        plan.faults.iter().filter(|fault| fault.is_weather()).for_each(|fault| watch.count(faults::name(*fault)));
        let mut disk = D::default();
        disk.tell(&mut watch.durable);
        Self {
            seed,
            network: Network::new(plan.network_timeout, Dice::new(seed, "network", 0)),
            plan,
            bug: options.bug,
            clock,
            disk,
            servers: Vec::new(),
            peers,
            lines: BTreeMap::new(),
            strangers: BTreeMap::new(),
            welcomes_to_lose: 0,
            rotations: 0,
            requests: 0,
            watch,
            lives: 0,
            build: opening::Build::default(),
            is_slow: false,
            is_calm: false,
            calm_tick: 0,
            is_over: false,
            is_armed: false,
            held: None,
            seen: BTreeSet::new(),
            dice: Dice::new(seed, "cluster", 0),
        }
    }

    /// Runs until everything is over, or something is wrong.
    fn run(&mut self) {
        let (plan, seed) = (&self.plan, self.seed);
        self.watch.note(|| format!("seed {seed}: {plan:#?}"));
        let mut events = 0;
        while self.watch.violation.is_none() && !self.is_over {
            let Some(event) = self.clock.poll() else { break };
            events += 1;
            if events > EVENTS_MAX {
                self.watch.judge(Err(Violation::Stuck("events without an end".into())));
            }
            self.watch.now = self.clock.now();
            self.handle(event);
        }
        self.watch.digest.number(events);
        if self.watch.violation.is_none() {
            self.audit();
        }
        self.watch.digest.bytes(&self.disk.digest().0);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Network(event) => self.arrive(event),
            Event::Server(life, wake) => self.wake_server(life, wake),
            Event::Client(index, run) => self.wake_client(index, run),
            Event::Connect(index, run) => self.connect(index, run),
            Event::Play(index) => self.play(index),
            Event::Fault(fault) => self.inject(fault),
            Event::Mend(fault) => self.mend(fault),
            Event::Start => self.start(),
            Event::Calm => self.calm(),
            Event::Probe => self.probe(),
        }
    }

    /// The server's process starts, or another one beside it takes over.
    fn start(&mut self) {
        let store = match self.servers.last() {
            Some(server) => Ok(server.store.clone()),
            None => self.open_store(),
        };
        let is_armed = core::mem::take(&mut self.is_armed) && self.servers.is_empty() && self.lives > 0;
        let opened = store.map_err(OpenError::Storage).and_then(|store| {
            if is_armed {
                self.disk.arm(&mut self.dice);
            }
            opening::open(&store, &self.plan, self.bug, self.build).map(|opened| (store, opened))
        });
        if is_armed {
            self.cut_power("during recovery");
            return drop(opened);
        }
        match opened {
            Ok((store, opened)) => self.begin_life(store, opened),
            Err(OpenError::Violation(violation)) => self.watch.judge(Err(violation)),
            Err(OpenError::Marked) => self.attend(),
            Err(OpenError::Halted) => {
                self.watch.note(|| "the region is halted: it is tried once more".into());
                self.watch.count("halts");
                self.build.retries_halted = true;
                self.restart_later();
            }
            Err(OpenError::Storage(error)) => {
                self.watch.note(|| format!("the world does not open: {error}"));
                self.watch.count("failed starts");
                self.restart_later();
            }
        }
    }

    /// The last tick is marked, so this build does not make it: an operator skips it, or brings another build.
    fn attend(&mut self) {
        let skipped = if self.dice.permille(700) {
            self.open_store().map_err(OpenError::Storage).and_then(|store| opening::skip(&store))
        } else {
            Ok(false)
        };
        match skipped {
            Ok(true) => {
                self.watch.note(|| "the last tick is skipped".into());
                self.watch.count("ticks skipped");
            }
            Ok(false) => {
                self.watch.count("builds");
                self.build.number += 1;
            }
            Err(OpenError::Violation(violation)) => self.watch.judge(Err(violation)),
            Err(_) => {}
        }
        self.restart_later();
    }

    /// A start came to nothing: the next one follows, unless a server still runs.
    fn restart_later(&mut self) {
        if self.servers.is_empty() {
            self.disk.kill();
            self.clock.after(Micros(300_000), Event::Start);
        }
    }

    fn open_store(&mut self) -> Result<D::Store, String> {
        self.disk.open()
    }

    fn begin_life(&mut self, store: D::Store, opened: opening::Opened) {
        self.lives += 1;
        self.build.retries_halted = false;
        let life = Life(self.lives);
        let (epoch, end) = (opened.world.claim.epoch, opened.world.position.tick);
        self.watch.note(|| format!("server {} begins at tick {end} with epoch {epoch}", life.0));
        self.watch.count("lives of servers");
        for (tick, root) in &opened.replayed {
            let verdict = self.watch.one_root.observe(*tick, *root, || format!("the replay of server {}", life.0));
            self.watch.judge(verdict);
        }
        let kept = usize::try_from(opened.base.0).expect("fewer ticks than a vector holds");
        let mut history: Vec<_> = self.watch.history.iter().take(kept).cloned().collect();
        history.extend(opened.frames.iter().cloned());
        self.watch.begin(life, epoch, end, history);
        let now = self.clock.now();
        self.servers.push(Server::new(now, life, self.seed, store, opened, &self.plan, self.bug));
        self.settle_server(life);
        self.release_held();
    }

    fn server(&mut self, life: Life) -> Option<&mut Server<D::Store>> {
        self.servers.iter_mut().find(|server| server.life == life)
    }

    fn wake_server(&mut self, life: Life, wake: Wake) {
        let now = self.clock.now();
        let Some(server) = self.servers.iter_mut().find(|server| server.life == life) else { return };
        let (plan, disk, watch) = (&self.plan, &mut self.disk, &mut self.watch);
        let mut site = Site { plan, bug: self.bug, disk, is_slow: self.is_slow, watch };
        server.wake(now, wake, &mut site);
        self.settle_server(life);
    }

    /// A server has ended by itself, or the power went.
    fn take_end(&mut self, life: Life) {
        let now = self.clock.now();
        let Some(server) = self.servers.iter_mut().find(|server| server.life == life) else { return };
        if server.power_cut {
            return self.cut_power("in the midst of storing");
        }
        let Some(ended) = server.ended.clone() else { return };
        let is_stopping = server.is_stopping;
        let (plan, disk, watch) = (&self.plan, &mut self.disk, &mut self.watch);
        server.outlive(now, &mut Site { plan, bug: self.bug, disk, is_slow: self.is_slow, watch });
        self.watch.note(|| format!("server {} has ended: {ended:?}", life.0));
        match ended {
            Ended::Fenced { .. } => {
                self.watch.count("servers fenced");
                self.end_server(life);
            }
            Ended::Asked => {
                self.watch.count("servers ended in good order");
                self.end_all();
            }
            Ended::Panicked { .. } => {
                self.watch.count("servers ended by a panic");
                self.end_all();
            }
            // A disk that fails until the deadline lets nobody end in good order.
            Ended::Failed(_) if is_stopping => {
                self.watch.count("servers that did not end in time");
                self.disk.kill();
                self.end_all();
            }
            ended => {
                let what = format!("server {} cannot go on: {ended:?}", life.0);
                self.watch.judge(Err(Violation::Stuck(what)));
            }
        }
    }

    /// A server's process is gone, and nobody is told.
    fn end_server(&mut self, life: Life) {
        self.servers.retain(|server| server.life != life);
        let gone: Vec<ConnectionId> =
            self.lines.iter().filter(|(_, line)| line.life == life).map(|(id, _)| *id).collect();
        for id in gone {
            self.network.vanish(&mut self.clock, id, Side::Host);
        }
    }

    /// The power goes, and comes again after a while.
    fn cut_power(&mut self, when: &str) {
        let kind = *self.dice.pick(&CrashKind::ALL);
        self.watch.note(|| format!("the power goes {when}: {kind:?}"));
        self.watch.count("power cuts");
        self.disk.crash(kind, &mut self.dice);
        self.end_all();
    }

    /// Every server process ends, and one starts after a while.
    fn end_all(&mut self) {
        self.strangers.clear();
        let lives: Vec<Life> = self.servers.iter().map(|server| server.life).collect();
        lives.into_iter().for_each(|life| self.end_server(life));
        let wait = self.dice.micros(Micros(20_000), Micros(1_500_000));
        self.clock.after(wait, Event::Start);
    }

    fn calm(&mut self) {
        self.watch.note(|| "calm".into());
        self.is_calm = true;
        self.welcomes_to_lose = 0;
        for fault in [Fault::DiskFull, Fault::SyncFails, Fault::SlowDisk] {
            self.mend(fault);
        }
        let fair = crate::network::LinkSettings::default();
        for id in self.lines.keys() {
            self.network.tune(*id, Side::Client, fair);
            self.network.tune(*id, Side::Host, fair);
        }
        self.calm_tick = self.released();
        self.clock.after(PROBE, Event::Probe);
    }

    fn released(&self) -> u64 {
        self.servers.last().map_or(0, |server| server.region.released_tick().0)
    }

    /// Whether everything is answered and everybody follows.
    fn probe(&mut self) {
        let since = self.clock.now().since(self.plan.calm_at);
        let released = self.released();
        let follows = |peer: &Peer| {
            let is_near = peer.confirmed.0 + 40 > released || !peer.follows();
            peer.connection.is_some() && peer.client.welcome().is_some() && is_near && (peer.is_done || !peer.plays())
        };
        let is_settled = self.servers.len() == 1
            && self.watch.answered.waiting() == 0
            && released > self.calm_tick + 5
            && self.peers.iter().all(follows);
        if is_settled && since >= CALM_MIN {
            self.is_over = true;
        } else if since < CALM_MAX {
            self.clock.after(PROBE, Event::Probe);
        } else if released <= self.calm_tick + 5 {
            self.watch.judge(Err(Violation::Stuck(format!("no tick was released since tick {}", self.calm_tick))));
        } else {
            self.watch.end();
            let missing = self.peers.iter().find(|peer| !follows(peer)).map(Peer::name);
            let what = missing.map_or("two servers remain".into(), |name| format!("{name} does not follow"));
            self.watch.judge(Err(Violation::Stuck(what)));
        }
    }
}
