//! A region of a ledger whose effects are carried out when the test says so.
#![allow(dead_code, reason = "shared by several tests, each using a part")]

use std::collections::VecDeque;

use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{
    Appended, BuildId, Claim, Claimant, Durability, Epoch, JournalHeader, LogPosition, Mark, Record, Slot, WorldId,
};
use tickworld_proto::{
    host::HostSettings,
    instant::{Instant, Micros},
    ticket::TicketKeys,
};
use tickworld_region::{
    Answer, Append, AppendOutcome, Effect, Ended, Event, HashWorld, KeysEffect, Moves, OpenReport, Opened, Region,
    RegionSettings, Request, RequestError, RequestId, Seek, SnapshotStored, Step, StepError, StoreSnapshot,
};
use tickworld_sim::{
    content::ContentId, executor::Inline, frame::Tick, game::Game as _, hash::Hash, region::RegionId, trace::Start,
};

pub(crate) const TICK: Micros = Micros(33_334);

/// What the region wanted done and what it told, until the test looks.
pub(crate) struct Driver {
    pub(crate) region: Region<Ledger>,
    pub(crate) now: Instant,
    pub(crate) appends: VecDeque<Append>,
    pub(crate) log_reads: u32,
    pub(crate) steps: VecDeque<Box<Step<Ledger>>>,
    pub(crate) hashes: VecDeque<Box<HashWorld<Ledger>>>,
    pub(crate) snapshots: VecDeque<StoreSnapshot<Ledger>>,
    pub(crate) ends: Vec<Record>,
    pub(crate) keys: VecDeque<KeysEffect>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) seeks: Vec<Seek>,
    pub(crate) raises: Vec<Moves>,
    pub(crate) events: Vec<Event<Ledger>>,
    requests: u64,
}

/// A world of eight accounts that begins, with records that carry the root after so many ticks.
pub(crate) fn opened(root_lag_ticks: u8) -> Opened<Ledger> {
    opened_as(RegionId::FIRST, root_lag_ticks)
}

/// The same, as a region of a larger world.
pub(crate) fn opened_as(region: RegionId, root_lag_ticks: u8) -> Opened<Ledger> {
    let mut simulation = Ledger::open(8, 1_000);
    simulation.world_mut().set_region(region);
    let roots = simulation.seal(&Inline);
    let header = JournalHeader {
        world: WorldId([7; 16]),
        region: Some(region),
        revision: Ledger::REVISION,
        tick_rate: 30,
        root_lag_ticks,
        start: Start { tick: Tick(0), root: roots.root, content: ContentId::NONE },
        schema: (**simulation.schema()).clone(),
    };
    let position = header.start_position();
    let last = LogPosition { slot: Slot(1), tick: Tick(0), record_hash: Hash([5; 32]) };
    Opened {
        recent: vec![(Tick(0), roots.root)],
        simulation,
        roots,
        header,
        claim: Claim { epoch: Epoch(1), last, incarnation: 1 },
        claimant: Claimant::default(),
        build: BuildId::of(b"a test"),
        position,
        last,
        keys: TicketKeys::first([7; 32]),
        snapshot_tick: Tick(0),
        report: OpenReport::default(),
    }
}

impl Driver {
    pub(crate) fn new(root_lag_ticks: u8, settings: RegionSettings) -> Self {
        Self::begin(opened(root_lag_ticks), settings)
    }

    pub(crate) fn begin(opened: Opened<Ledger>, settings: RegionSettings) -> Self {
        let now = Instant(1_000_000);
        let mut secrets = 0_u128;
        let secrets = move || {
            secrets += 1;
            secrets.to_le_bytes()
        };
        let region = Region::new(now, 1_800_000_000, settings, opened, Box::new(secrets));
        Self {
            region,
            now,
            appends: VecDeque::new(),
            log_reads: 0,
            steps: VecDeque::new(),
            hashes: VecDeque::new(),
            snapshots: VecDeque::new(),
            ends: Vec::new(),
            keys: VecDeque::new(),
            marks: Vec::new(),
            seeks: Vec::new(),
            raises: Vec::new(),
            events: Vec::new(),
            requests: 0,
        }
    }

    /// With settings that store no snapshot unasked.
    pub(crate) fn plain(root_lag_ticks: u8) -> Self {
        Self::new(root_lag_ticks, RegionSettings { snapshot_ticks: 0, ..RegionSettings::default() })
    }

    pub(crate) fn in_memory() -> Self {
        let host = HostSettings { durability: Durability::Memory, ..HostSettings::default() };
        Self::new(1, RegionSettings { host, snapshot_ticks: 0, ..RegionSettings::default() })
    }

    /// Takes what the region wants done and what it tells.
    pub(crate) fn settle(&mut self) {
        while let Some(effect) = self.region.poll_effect() {
            match effect {
                Effect::Append(append) => self.appends.push_back(append),
                Effect::ReadLogState => self.log_reads += 1,
                Effect::Step(step) => self.steps.push_back(step),
                Effect::Hash(hash) => self.hashes.push_back(hash),
                Effect::StoreSnapshot(snapshot) => self.snapshots.push_back(*snapshot),
                Effect::EndClaim(record) => self.ends.push(record),
                Effect::Keys(effect) => self.keys.push_back(effect),
                Effect::Mark(mark) => self.marks.push(mark),
                Effect::Seek(seek) => self.seeks.push(seek),
                Effect::Move(moves) => self.raises.push(moves),
                Effect::Authenticate(_) | Effect::LoadPack(_) => panic!("nobody asked for that"),
            }
        }
        while self.region.poll_transmit().is_some() {}
        while let Some(event) = self.region.poll_event() {
            self.events.push(event);
        }
    }

    /// Time goes by.
    pub(crate) fn wait(&mut self, wait: Micros) {
        self.now = self.now.after(wait);
        self.region.handle_timeout(self.now);
        self.settle();
    }

    /// Makes the tick that waits to be made.
    pub(crate) fn step(&mut self) {
        let step = self.steps.pop_front().expect("a step is under way");
        let result = step.run(&Inline);
        self.region.handle_stepped(self.now, Micros(1_000), result);
        self.settle();
    }

    /// The rules panic in the tick that waits to be made.
    pub(crate) fn panic(&mut self, message: &str) {
        self.steps.pop_front().expect("a step is under way");
        self.region.handle_stepped(self.now, Micros(1_000), Err(StepError::Panicked(message.to_owned())));
        self.settle();
    }

    /// The panic is noted.
    pub(crate) fn note(&mut self) {
        assert_eq!(self.marks.len(), 1, "the panic is noted once");
        self.region.handle_marked(self.now, Ok(()));
        self.settle();
    }

    pub(crate) fn hash(&mut self) {
        let hash = self.hashes.pop_front().expect("a world is to be hashed");
        self.region.handle_hashed(self.now, Micros(1_000), hash.run(&Inline));
        self.settle();
    }

    /// The journal keeps everything that it has.
    pub(crate) fn keep(&mut self) {
        let append = self.appends.pop_front().expect("an append is under way");
        let kept = append.records.last().map_or(self.region.tick(), Record::tick);
        self.keep_to(kept);
    }

    pub(crate) fn keep_to(&mut self, kept: Tick) {
        self.answer_append(AppendOutcome::Kept(Appended { kept, durable: kept }));
    }

    pub(crate) fn answer_append(&mut self, outcome: AppendOutcome) {
        self.region.handle_appended(self.now, outcome);
        self.settle();
    }

    /// A whole tick with everything that belongs to it.
    pub(crate) fn tick(&mut self) -> Tick {
        self.wait(TICK);
        self.step();
        while !self.hashes.is_empty() {
            self.hash();
        }
        while !self.appends.is_empty() {
            self.keep();
        }
        self.region.tick()
    }

    pub(crate) fn ask(&mut self, request: Request<Order>) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.region.handle_request(self.now, id, request);
        self.settle();
        id
    }

    /// The answer to a request, if it came.
    pub(crate) fn answer(&self, id: RequestId) -> Option<&Result<Answer, RequestError>> {
        let mut answers = self.events.iter().filter_map(|event| match event {
            Event::Answered { request, answer } if *request == id => Some(answer),
            _ => None,
        });
        let answer = answers.next();
        assert!(answers.next().is_none(), "a request is answered once");
        answer
    }

    pub(crate) fn stored(&mut self, result: Result<(), &str>) -> Tick {
        let snapshot = self.snapshots.pop_front().expect("a snapshot is being stored");
        let tick = snapshot.world.tick();
        let result = result.map(|()| SnapshotStored { tick, pages: 1, pages_new: 1 }).map_err(str::to_owned);
        self.region.handle_snapshot_stored(self.now, Micros(1_000), result);
        self.settle();
        tick
    }

    pub(crate) fn ended(&self) -> Option<&Ended> {
        self.events.iter().find_map(|event| if let Event::Ended(ended) = event { Some(ended) } else { None })
    }
}
