//! A whole cluster in one thread: one region or several, each with a server that crashes on a simulated disk, clients of all kinds,
//! a network between them, all from one seed; and the bystander who checks what must hold.
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
mod crossings;
mod faults;
mod glue;
mod opening;
mod peer;
mod places;
mod plan;
mod posts;
mod report;
mod retelling;
mod seat;
mod server;
mod storage;
mod traffic;
mod watch;
mod world_disk;
mod world_store;

use std::collections::{BTreeMap, BTreeSet};

pub use bug::Bug;
pub use plan::Fault;
pub use report::{Failure, Options, Report, check, run};
use tickworld_ledger::Order;
use tickworld_proto::instant::{Instant, Micros};
use tickworld_region::Ended;
use tickworld_sim::{
    frame::{InputFrame, PlayerId, Sequence},
    hash::Hash,
    region::RegionId,
};

use self::{
    opening::OpenError,
    peer::Peer,
    plan::Plan,
    posts::{PostUnderWay, Roads},
    seat::Seat,
    server::{Server, Wake},
    storage::Disk,
    watch::{Life, Watch},
    world_disk::WorldDisk,
    world_store::{RegionStore, WorldStore},
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
    /// A client's program ends, and none follows it.
    End(usize, u64),
    Play(usize),
    Fault(Fault),
    /// A fault that lasts is over, in this region.
    Mend(Fault, RegionId),
    /// The process of a region's server starts; that of the store that all regions share stands for the archive.
    Start(RegionId),
    /// What a region said comes to another one.
    Post(PostUnderWay),
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
    seats: BTreeMap<RegionId, Seat<D>>,
    /// What all regions have together, where there are several.
    world: Option<WorldDisk<D>>,
    roads: Roads,
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
    is_calm: bool,
    is_over: bool,
    /// What [`Bug::AppliesAResentInputAgain`] has applied.
    seen: BTreeSet<(usize, Sequence)>,
    /// What [`Bug::PostsNothingAgain`] has posted.
    posted: BTreeSet<Hash>,
    dice: Dice,
}

impl<D: Disk> Cluster<D> {
    fn new(seed: u64, plan: Plan, options: Options) -> Self {
        let mut clock = Clock::default();
        let regions: Vec<RegionId> = plan.regions().collect();
        regions.iter().for_each(|region| clock.at(Instant(0), Event::Start(*region)));
        clock.at(plan.calm_at, Event::Calm);
        for (at, fault) in &plan.schedule {
            clock.at(*at, Event::Fault(*fault));
        }
        let mut peers = Vec::new();
        for (index, client) in plan.clients.iter().enumerate() {
            let mut peer = Peer::new(Instant(0), seed, index as u64, *client);
            peer.choose_region(&plan);
            clock.at(Instant(peer.dice.below(1_000_000)), Event::Connect(index, 0));
            clock.at(Instant(peer.dice.below(500_000)), Event::Play(index));
            peers.push(peer);
        }
        let of = PlayerId(1 + Dice::new(seed, "rival", 0).below(peers.len() as u64));
        peers.push(Peer::rival(seed, peers.len() as u64, plan.rival, of));
        let mut watch = Watch::new(options.is_traced, regions.iter().copied());
        watch.coins = Some(Coins::new(tickworld_ledger::Ledger::open(plan.accounts, plan.coins).state()));
        plan.faults.iter().filter(|fault| fault.is_weather()).for_each(|fault| watch.count(faults::name(*fault)));
        let mut seats: BTreeMap<RegionId, Seat<D>> =
            regions.iter().map(|region| (*region, Seat::new(*region))).collect();
        seats.values_mut().for_each(|seat| seat.disk.tell(&mut watch.region(seat.region).durable));
        let world = (seats.len() > 1).then(WorldDisk::default);
        let roads = posts::roads(seed, &plan);
        Self {
            seed,
            network: Network::new(plan.network_timeout, Dice::new(seed, "network", 0)),
            plan,
            bug: options.bug,
            clock,
            seats,
            world,
            roads,
            peers,
            lines: BTreeMap::new(),
            strangers: BTreeMap::new(),
            welcomes_to_lose: 0,
            rotations: 0,
            requests: 0,
            watch,
            lives: 0,
            is_calm: false,
            is_over: false,
            seen: BTreeSet::new(),
            posted: BTreeSet::new(),
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
        for seat in self.seats.values() {
            self.watch.digest.bytes(&seat.disk.digest().0);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Network(event) => self.arrive(event),
            Event::Server(life, wake) => self.wake_server(life, wake),
            Event::Client(index, run) => self.wake_client(index, run),
            Event::Connect(index, run) => self.connect(index, run),
            Event::End(index, run) => self.end_client(index, Some(run)),
            Event::Play(index) => self.play(index),
            Event::Fault(fault) => self.inject(fault),
            Event::Mend(fault, region) => self.mend(fault, region),
            Event::Start(RegionId::ARCHIVE) => self.restart_world(),
            Event::Start(region) => self.start(region),
            Event::Post(post) => self.deliver(&post),
            Event::Calm => self.calm(),
            Event::Probe => self.probe(),
        }
    }

    /// The process of a region's server starts, or another one beside it takes over.
    fn start(&mut self, region: RegionId) {
        let world = self.world.as_ref().map(|world| world.store.clone());
        let (plan, bug, seat) = (&self.plan, self.bug, self.seats.get_mut(&region).expect("every region has a seat"));
        let store = match seat.servers.last() {
            Some(server) => Ok(server.store.clone()),
            None => seat.disk.open().map(|own| region_store(own, world)),
        };
        let is_armed = core::mem::take(&mut seat.is_armed) && seat.servers.is_empty() && seat.has_begun;
        let opened = store.map_err(OpenError::Storage).and_then(|store| {
            if is_armed {
                seat.disk.arm(&mut self.dice);
            }
            opening::open(&store, &seat.bank(plan), plan, bug, seat.build).map(|opened| (store, opened))
        });
        if is_armed {
            self.cut_power(region, "during recovery");
            return drop(opened);
        }
        match opened {
            Ok((store, opened)) => self.begin_life(region, store, opened),
            Err(OpenError::Violation(violation)) => self.watch.judge(Err(violation)),
            Err(OpenError::Marked) => self.attend(region),
            Err(OpenError::Halted) => {
                self.watch.note(|| format!("region {region} is halted: it is tried once more"));
                self.watch.count("halts");
                self.seat(region).build.retries_halted = true;
                self.restart_later(region);
            }
            Err(OpenError::Storage(error)) => {
                self.watch.note(|| format!("region {region} does not open: {error}"));
                self.watch.count("failed starts");
                self.restart_later(region);
            }
        }
    }

    /// The last tick is marked, so this build does not make it: an operator skips it, or brings another build.
    fn attend(&mut self, region: RegionId) {
        let skipped = if self.dice.permille(700) {
            self.seat(region).disk.open().map_err(OpenError::Storage).and_then(|store| opening::skip(&store))
        } else {
            Ok(false)
        };
        match skipped {
            Ok(true) => {
                self.watch.note(|| format!("the last tick of region {region} is skipped"));
                self.watch.count("ticks skipped");
            }
            Ok(false) => {
                self.watch.count("builds");
                self.seat(region).build.number += 1;
            }
            Err(OpenError::Violation(violation)) => self.watch.judge(Err(violation)),
            Err(_) => {}
        }
        self.restart_later(region);
    }

    /// Nobody may run here any more: then another start follows.
    fn restart_later(&mut self, region: RegionId) {
        let seat = self.seat(region);
        if seat.servers.is_empty() {
            seat.disk.kill();
            self.clock.after(Micros(300_000), Event::Start(region));
        }
    }

    fn begin_life(&mut self, region: RegionId, store: RegionStore<D::Store>, opened: opening::Opened) {
        self.lives += 1;
        let seat = self.seat(region);
        (seat.build.retries_halted, seat.has_begun) = (false, true);
        let life = Life(self.lives);
        let (epoch, end) = (opened.world.claim.epoch, opened.world.position.tick);
        self.watch.note(|| format!("server {} of region {region} begins at tick {end} with epoch {epoch}", life.0));
        self.watch.count("lives of servers");
        for (tick, root) in &opened.replayed {
            self.watch.root_seen(region, *tick, *root, || format!("the replay of server {}", life.0));
        }
        self.watch.begin(
            region,
            life,
            epoch,
            history_of(&self.watch, region, &opened),
            opened.world.simulation.world(),
        );
        let now = self.clock.now();
        let server = Server::new(now, life, self.seed, store, opened, &self.plan, self.bug);
        self.seat(region).servers.push(server);
        self.tell_neighbours(region, life);
        self.settle_server(life);
        self.release_held(region);
    }

    fn wake_server(&mut self, life: Life, wake: Wake) {
        let now = self.clock.now();
        if self.at_server(life, |server, site| server.wake(now, wake, site)).is_some() {
            self.settle_server(life);
        }
    }

    /// The machine of the store that all regions share is up again.
    fn restart_world(&mut self) {
        if let Some(world) = &mut self.world
            && !world.restart()
        {
            self.clock.after(Micros(300_000), Event::Start(RegionId::ARCHIVE));
        }
    }

    /// A server has ended by itself, or the power went.
    fn take_end(&mut self, life: Life) {
        let now = self.clock.now();
        let Some(region) = self.region_of(life) else { return };
        let Some(server) = self.server(life) else { return };
        if server.power_cut {
            return self.cut_power(region, "in the midst of storing");
        }
        let Some(ended) = server.ended.clone() else { return };
        let is_stopping = server.is_stopping;
        self.at_server(life, |server, site| server.outlive(now, site));
        self.watch.note(|| format!("server {} has ended: {ended:?}", life.0));
        match ended {
            Ended::Fenced { .. } => {
                self.watch.count("servers fenced");
                self.end_server(life);
                // Whoever claimed may have come no further than that.
                self.restart_later(region);
            }
            Ended::Asked => {
                self.watch.count("servers ended in good order");
                self.end_all(region);
            }
            Ended::Panicked { .. } => {
                self.watch.count("servers ended by a panic");
                self.end_all(region);
            }
            // A disk that fails until the deadline lets nobody end in good order.
            Ended::Failed(_) if is_stopping => {
                self.watch.count("servers that did not end in time");
                self.seat(region).disk.kill();
                self.end_all(region);
            }
            ended => {
                let what = format!("server {} cannot go on: {ended:?}", life.0);
                self.watch.judge(Err(Violation::Stuck(what)));
            }
        }
    }

    /// A server's process is gone, and nobody is told.
    fn end_server(&mut self, life: Life) {
        self.seats.values_mut().for_each(|seat| seat.servers.retain(|server| server.life != life));
        let gone: Vec<ConnectionId> =
            self.lines.iter().filter(|(_, line)| line.life == life).map(|(id, _)| *id).collect();
        for id in gone {
            self.network.vanish(&mut self.clock, id, Side::Host);
        }
    }

    /// The power goes at a region's machine, and comes again after a while.
    fn cut_power(&mut self, region: RegionId, when: &str) {
        let kind = *self.dice.pick(&CrashKind::ALL);
        self.watch.note(|| format!("the power of region {region} goes {when}: {kind:?}"));
        self.watch.count("power cuts");
        let seat = self.seats.get_mut(&region).expect("every region has a seat");
        seat.disk.crash(kind, &mut self.dice);
        self.end_all(region);
    }

    /// Every server process of a region ends, and one starts after a while.
    fn end_all(&mut self, region: RegionId) {
        let lives: Vec<Life> = self.seat(region).servers.iter().map(|server| server.life).collect();
        self.strangers.retain(|_, life| !lives.contains(life));
        lives.into_iter().for_each(|life| self.end_server(life));
        let wait = self.dice.micros(Micros(20_000), Micros(1_500_000));
        self.clock.after(wait, Event::Start(region));
    }

    fn calm(&mut self) {
        self.watch.note(|| "calm".into());
        self.is_calm = true;
        self.welcomes_to_lose = 0;
        self.mend_roads();
        self.watch.crossings.measure(self.clock.now());
        let regions: Vec<RegionId> = self.plan.regions().collect();
        self.peers.iter_mut().for_each(|peer| peer.wish_to_cross(&regions));
        let rivals = self.peers.iter().enumerate().filter(|(_, peer)| peer.is_rival);
        let rivals: Vec<usize> = rivals.map(|(index, _)| index).collect();
        rivals.into_iter().for_each(|index| self.end_client(index, None));
        let places: Vec<RegionId> = self.seats.keys().copied().chain([RegionId::ARCHIVE]).collect();
        for place in places {
            [Fault::DiskFull, Fault::SyncFails, Fault::SlowDisk].into_iter().for_each(|fault| self.mend(fault, place));
        }
        let fair = crate::network::LinkSettings::default();
        for id in self.lines.keys() {
            self.network.tune(*id, Side::Client, fair);
            self.network.tune(*id, Side::Host, fair);
        }
        self.seats.values_mut().for_each(|seat| seat.calm_tick = seat.progress());
        self.clock.after(PROBE, Event::Probe);
    }

    /// Whether everything is answered and everybody follows.
    fn probe(&mut self) {
        let since = self.clock.now().since(self.plan.calm_at);
        let follows = |peer: &Peer| {
            let is_near = peer.confirmed.0 + 40 > self.seats[&peer.region].released() || !peer.follows();
            peer.is_welcome() && is_near && (peer.is_done || !peer.plays())
        };
        let stands = |seat: &Seat<D>| seat.progress() <= seat.calm_tick + 5;
        let is_settled = self.seats.values().all(|seat| seat.servers.len() == 1 && !stands(seat))
            && self.watch.answered.waiting() == 0
            && self.peers.iter().all(|peer| peer.is_rival || follows(peer));
        if is_settled && since >= CALM_MIN {
            self.is_over = true;
        } else if since < CALM_MAX {
            self.clock.after(PROBE, Event::Probe);
        } else if let Some(seat) = self.seats.values().find(|seat| stands(seat)) {
            let what = format!("no tick of region {} was made since tick {}", seat.region, seat.calm_tick);
            self.watch.judge(Err(Violation::Stuck(what)));
        } else if let Some(peer) = self.peers.iter().find(|peer| !peer.is_content()) {
            let what = format!("{} does not get to the region that it asks for", peer.name());
            self.watch.judge(Err(Violation::Stuck(what)));
        } else {
            let missing = self.peers.iter().find(|peer| !peer.is_rival && !follows(peer)).map(Peer::name);
            let what = missing.map_or("two servers remain".into(), |name| format!("{name} does not follow"));
            self.watch.end();
            self.watch.judge(Err(Violation::Stuck(what)));
        }
    }
}

/// What a server of a region keeps things in; a world of one region has everything in the region's own store.
fn region_store<S: Clone>(region: S, world: Option<WorldStore<S>>) -> RegionStore<S> {
    let world = world.unwrap_or_else(|| WorldStore::new(region.clone()));
    RegionStore { region, world }
}

/// The frames of a region's history, of which its journal may have forgotten the first.
fn history_of(watch: &Watch, region: RegionId, opened: &opening::Opened) -> Vec<InputFrame<Order>> {
    let kept = usize::try_from(opened.base.0).expect("fewer ticks than a vector holds");
    watch.history(region).iter().take(kept).chain(&opened.frames).cloned().collect()
}
