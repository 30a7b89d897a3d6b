//! [`Scribe`]: a world of the ledger that writes its journal and snapshots to a store, and remembers what it was promised.
//!
//! Invariant: what it remembers does not come from the store but from what it wrote itself.

#![allow(dead_code, reason = "each test uses a part")]

use std::collections::BTreeMap;

use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{
    Appended, Bearer, Claim, Claimant, Durability, Epoch, JournalHeader, LogPosition, Page, Record, Slot, Snapshot,
    TickRecord, TokenDigest, WallTime, Why, WorldId,
    embedded::{Core, Settings},
    error::{AppendError, ClaimError, SpendError},
};
use tickworld_sim::{
    content::ContentId,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    hash::Hash,
    region::RegionId,
    rng::Entropy,
    simulation::Simulation,
    snapshot::Manifest,
    trace::Start,
};
use tickworld_testkit::{
    dice::Dice,
    disk::{CrashKind, SimMedium},
};

pub(crate) const ROOT_LAG_TICKS: u8 = 2;
/// Who spends tokens.
const BEARER: Bearer = Bearer { nonce: [7; 16], generation: 0 };

/// A small cache, so that commits reach the disk in several ways.
pub(crate) fn settings() -> Settings {
    Settings { cache_bytes: 1 << 20, ..Settings::default() }
}

/// Claims a journal where it ends.
pub(crate) fn claim(core: &mut Core<SimMedium>) -> Result<Claim, ClaimError> {
    let log = core.log_state().map_err(|_| ClaimError::Absent)?;
    core.claim(&log.claim_after(log.last, Why::TakeOver, false, &Claimant::default())?)
}

pub(crate) struct Scribe {
    simulation: Simulation<Ledger>,
    pub(crate) header: JournalHeader,
    dice: Dice,
    pub(crate) epoch: Epoch,
    pub(crate) last: LogPosition,
    roots: BTreeMap<Tick, Hash>,
    /// Every record ever made.
    pub(crate) written: BTreeMap<Tick, Record>,
    /// The last tick that the store reported durable.
    pub(crate) durable: Tick,
    /// Snapshots that the store took.
    pub(crate) snapshots: Vec<Tick>,
    /// Tokens that the store told to be new.
    pub(crate) admitted: Vec<TokenDigest>,
    /// How many tokens were tried.
    tokens: u32,
    sequence: u32,
}

impl Scribe {
    pub(crate) fn new(seed: u64) -> Self {
        let mut simulation = Ledger::open(300, 100);
        let root = simulation.seal(&tickworld_sim::executor::Inline).root;
        let header = JournalHeader {
            world: WorldId(*b"a simulated disk"),
            region: Some(RegionId::FIRST),
            revision: 1,
            tick_rate: 20,
            root_lag_ticks: ROOT_LAG_TICKS,
            start: Start { tick: Tick(0), root, content: ContentId::NONE },
            schema: (**simulation.schema()).clone(),
        };
        let last = header.start_position();
        Self {
            simulation,
            dice: Dice::new(seed, "scribe", 0),
            epoch: Epoch(0),
            last,
            roots: [(Tick(0), root)].into(),
            written: BTreeMap::new(),
            durable: Tick(0),
            snapshots: Vec::new(),
            admitted: Vec::new(),
            tokens: 0,
            sequence: 0,
            header,
        }
    }

    /// Begins the journal and claims it.
    pub(crate) fn begin(&mut self, core: &mut Core<SimMedium>) -> bool {
        let claim = core.create(&self.header).ok().and_then(|()| claim(core).ok());
        claim.map(|claim| (self.epoch, self.last) = (claim.epoch, claim.last)).is_some()
    }

    /// Steps the world, and makes the record of the tick.
    pub(crate) fn record(&mut self) -> Record {
        let tick = self.last.tick.next();
        let inputs = (0..self.dice.below(6)).map(|_| {
            self.sequence += 1;
            let act = Act::Play(Order::Transfer {
                from: u32::try_from(self.dice.below(300)).unwrap(),
                to: u32::try_from(self.dice.below(300)).unwrap(),
                amount: 1 + u32::try_from(self.dice.below(9)).unwrap(),
            });
            Input { player: PlayerId(1), sequence: Sequence(self.sequence), act }
        });
        let mut inputs: Vec<_> = inputs.collect();
        if tick == Tick(1) {
            inputs.push(Input { player: PlayerId(1), sequence: Sequence(0), act: Act::ENTER });
        }
        let frame = InputFrame::new(tick, Entropy::from_bytes(self.dice.bytes()), inputs);
        let roots = self.simulation.step_inline(&frame).expect("a good frame");
        self.roots.insert(tick, roots.root);
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let root = self.header.proven_by(tick).map(|tick| self.roots[&tick]);
        let record = Record::new(TickRecord {
            slot: self.last.slot.next(),
            epoch: self.epoch,
            previous_hash: self.last.record_hash,
            wall: WallTime(0),
            count: 1,
            root,
            frame: bytes.into(),
        });
        let record = record.expect("a good record");
        self.last = record.position();
        self.written.insert(tick, record.clone());
        record
    }

    /// Appends so many ticks in one call; notes what was promised.
    pub(crate) fn append(
        &mut self,
        core: &mut Core<SimMedium>,
        count: u64,
        durability: Durability,
    ) -> Result<Tick, AppendError> {
        let records: Vec<Record> = (0..count).map(|_| self.record()).collect();
        self.append_again(core, &records, durability)
    }

    /// Appends records that were made before.
    pub(crate) fn append_again(
        &mut self,
        core: &mut Core<SimMedium>,
        records: &[Record],
        durability: Durability,
    ) -> Result<Tick, AppendError> {
        let Appended { kept, durable } = core.append(records, durability)?;
        assert_eq!(kept, self.last.tick, "so few are kept at once");
        assert!(durable <= kept);
        assert!(durability == Durability::Memory || durable == kept, "an append for the disk is on it");
        self.durable = self.durable.max(durable);
        Ok(durable)
    }

    /// Puts the world of the last tick.
    pub(crate) fn snapshot(&mut self, core: &mut Core<SimMedium>) -> bool {
        let manifest = Manifest::of(self.simulation.world(), self.simulation.schema_id());
        let mut pages = Vec::new();
        self.simulation.world().columns(&mut |_, column| {
            for page in (0..column.page_limit()).filter(|page| column.page_hash(*page).is_some()) {
                let mut bytes = Vec::new();
                assert!(column.page_bytes(page, &mut bytes));
                pages.push(Page::new(bytes.into()));
            }
        });
        let put = core.put_pages(&pages).is_ok()
            && core
                .put_manifest(&Snapshot { slot: self.last.slot, record_hash: self.last.record_hash, manifest })
                .is_ok();
        if put {
            self.snapshots.push(self.last.tick);
            // A snapshot is of a tick that is durable; putting one makes it so.
            self.durable = self.last.tick;
        }
        put
    }

    /// Spends a token that nobody has spent, and notes it if it is told to be new.
    pub(crate) fn spend(&mut self, core: &mut Core<SimMedium>) -> Result<(), SpendError> {
        self.tokens += 1;
        let token = TokenDigest::of(&self.tokens.to_string());
        let whose = core.spend(token, BEARER, 100)?;
        assert_eq!(whose, Some(BEARER), "token {} was spent before anybody did", self.tokens);
        self.admitted.push(token);
        Ok(())
    }

    /// Some appends of both kinds, tokens and some snapshots; ends at the first failure. Gives whether there was none.
    pub(crate) fn work(&mut self, core: &mut Core<SimMedium>, appends: u32) -> bool {
        for _ in 0..appends {
            let durability = if self.dice.permille(300) { Durability::Memory } else { Durability::Disk };
            let count = self.dice.between(1, 3);
            if self.append(core, count, durability).is_err() {
                return false;
            }
            if self.dice.permille(200) && self.spend(core).is_err() {
                return false;
            }
            if self.dice.permille(200) && !self.snapshot(core) {
                return false;
            }
        }
        true
    }

    /// Opens the store after a crash, and says what is wrong with it.
    pub(crate) fn find_fault(&self, medium: &SimMedium) -> Result<(), String> {
        let core = Core::open(medium.clone(), settings());
        if self.epoch == Epoch(0) {
            // redb does not make its file in one piece, and nothing was promised yet.
            return Ok(());
        }
        let mut core = core.map_err(|error| format!("it does not open: {error}"))?;
        let header = core.header().map_err(|error| error.to_string())?;
        if header.as_ref() != Some(&self.header) {
            return Err("the header is not the one that was created".into());
        }
        let head = core.log_state().map_err(|error| error.to_string())?;
        if head.last.tick < self.durable {
            return Err(format!("tick {} was durable, the journal ends at {}", self.durable, head.last.tick));
        }
        if let Some(torn) = core.tail_report().map_err(|error| error.to_string())?.torn_tail {
            return Err(format!("torn to {torn}"));
        }
        let (mut at, mut next) = (Slot(0), Tick(1));
        while at < head.last.slot {
            for record in core.read_records(at.next(), 2_000).map_err(|error| error.to_string())? {
                at = record.slot();
                if record.is_claim() {
                    continue;
                }
                if self.written.get(&record.tick()) != Some(&record) || record.tick() != next {
                    return Err(format!("the record of tick {next} is not the one that was written"));
                }
                next = next.next();
            }
        }
        self.find_fault_in_snapshots(&mut core)?;
        for token in &self.admitted {
            let other = Bearer { generation: 1, ..BEARER };
            let whose = core.spend(*token, other, 100).map_err(|error| format!("token {token:?}: {error}"))?;
            if whose != Some(BEARER) {
                return Err(format!("token {token:?} is {whose:?}'s"));
            }
        }
        let claim = claim(&mut core).map_err(|error| format!("it cannot be claimed: {error}"))?;
        if claim.epoch <= self.epoch || claim.last.tick != head.last.tick {
            return Err(format!("claimed as {claim:?} after {:?}", self.epoch));
        }
        self.go_on(core, medium, claim)
    }

    /// Appends to what was found, and finds it again.
    fn go_on(&self, mut core: Core<SimMedium>, medium: &SimMedium, claim: Claim) -> Result<(), String> {
        let tick = claim.last.tick.next();
        let mut frame = Vec::new();
        InputFrame::<Order>::empty(tick, Entropy::PREDICTED).encode(&mut frame);
        let Claim { epoch, last, .. } = claim;
        let (slot, previous_hash, wall) = (last.slot.next(), last.record_hash, WallTime(0));
        let record = TickRecord { slot, epoch, previous_hash, wall, count: 1, root: None, frame: frame.into() };
        let record = Record::new(record).expect("a good record");
        core.append(std::slice::from_ref(&record), Durability::Disk)
            .map_err(|error| format!("it ends here: {error}"))?;
        medium.crash(CrashKind::DropAll, &mut Dice::new(0, "again", 0));
        drop(core);
        let mut core = Core::open(medium.clone(), settings()).map_err(|error| error.to_string())?;
        let head = core.log_state().map_err(|error| error.to_string())?;
        let place = record.position();
        if head.last == place { Ok(()) } else { Err(format!("{place:?} was appended, found is {:?}", head.last)) }
    }

    fn find_fault_in_snapshots(&self, core: &mut Core<SimMedium>) -> Result<(), String> {
        let kept = core.manifests().map_err(|error| error.to_string())?;
        if let Some(lost) = self.snapshots.iter().find(|tick| !kept.contains(tick)) {
            return Err(format!("the snapshot of tick {lost} is gone"));
        }
        for tick in kept {
            let snapshot = core.manifest(tick).map_err(|error| error.to_string())?.ok_or("no manifest")?;
            if snapshot.manifest.roots(&self.header.schema).root != self.roots[&tick] {
                return Err(format!("the snapshot of tick {tick} has another root"));
            }
            for entry in snapshot.manifest.columns.iter().flatten() {
                let page = core.page(entry.hash).map_err(|error| error.to_string())?;
                page.ok_or(format!("a page of the snapshot of tick {tick} is gone"))?;
            }
        }
        Ok(())
    }
}
