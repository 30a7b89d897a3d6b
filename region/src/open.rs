//! [`open`](fn@open): the world where it left off, or at its beginning, and the right to go on with it.
//!
//! Invariant: what goes on is proven as far as the journal carries roots; ticks that were acknowledged are given up only
//! where somebody accepted it, after they were named; and the world stands where the claim says, whatever an owner before
//! appended until it was fenced. What a claim owes is paid before anybody plays.

use std::{collections::BTreeMap, ops::RangeInclusive};

use tickworld_persist::{
    BuildId, Claim, Claimant, DataLossPolicy, Durability, JournalHeader, LogPosition, Mark, Origin, Record,
    RecordError, RecoverError, Recovery, Retention, Salvage, SkippedSnapshot, Slot, Snapshot, Store, TickRecord,
    Voucher, Why, WorldId,
    error::{AppendError, ClaimError, CreateError, Damage, Fault, FetchError, PutError, ReadError},
    limits::RUN_TICKS_MAX,
    recover,
};
use tickworld_proto::ticket::TicketKeys;
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Executor,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    game::Game,
    hash::Hash,
    region::RegionId,
    rng::Entropy,
    session::{HOPS_AN_INCARNATION, Player},
    simulation::Simulation,
    snapshot::RestoreError,
    trace::Start,
    world::{Roots, World},
};

use crate::{
    adapter::{AdapterError, GameAdapter},
    archive::{SeekError, keep_present},
    debts::{Owed, owed},
    effect::StoreSnapshot,
    keys::{KeysError, open_keys},
    limits::{ATTEMPTS_MAX, CLAIM_TRIES_MAX, READ_BYTES, TICK_RATE},
    replay::{Divergence, Replay, ReplayError, Replayed},
    snapshot_write::SnapshotWrite,
    step::{StepError, Stepper},
};

/// How a world is opened.
#[derive(Clone, Debug)]
pub struct OpenSettings {
    /// Identity of a world that begins: drawn at random by the embedder.
    pub world: WorldId,
    /// Which region of the world it is, where one begins; as the adapter begins it where it is `None`.
    pub region: Option<RegionId>,
    /// The first key of a world that has none yet: drawn at random by the embedder.
    pub key: [u8; 32],
    /// Ticks a second of a world that begins; if it is `None` the game says it, and 30 where it says nothing.
    pub tick_rate: Option<u16>,
    /// Ticks between a record and the root that it carries, of a world that begins.
    pub root_lag_ticks: u8,
    /// Whether acknowledged ticks that are lost may stay lost.
    pub loss: DataLossPolicy,
    /// Which snapshots stay.
    pub retention: Retention,
    /// Which program makes the ticks: what it marked as beyond it is not tried again.
    pub build: BuildId,
    /// Whether a region that is halted is tried once more.
    pub retries_halted: bool,
    /// Who claims the journal.
    pub claimant: Claimant,
    /// Fresh secret bytes, for the tick that a claim may owe: drawn at random by the embedder.
    pub entropy: Entropy,
}

/// A world that can go on, and the right to.
pub struct Opened<G: Game> {
    /// The world, and what steps it.
    pub simulation: Simulation<G>,
    /// The roots of that world.
    pub roots: Roots,
    /// Roots of the last ticks, for the proofs of the next records.
    pub recent: Vec<(Tick, Hash)>,
    /// What the journal says of itself.
    pub header: JournalHeader,
    /// The right to append.
    pub claim: Claim,
    /// The owner that the claim names.
    pub claimant: Claimant,
    /// Which program makes the ticks.
    pub build: BuildId,
    /// The record that made the world's tick.
    pub position: LogPosition,
    /// The last record, which the next one follows: the claim, or what it owed.
    pub last: LogPosition,
    /// The world's keys.
    pub keys: TicketKeys,
    /// The tick of the snapshot that the world was opened with; the start's where there was none.
    pub snapshot_tick: Tick,
    /// What was found on the way.
    pub report: OpenReport,
}

/// What was found when a world was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Whether the world began just now.
    pub has_begun: bool,
    /// Newer snapshots that cannot be used.
    pub skipped: Vec<SkippedSnapshot>,
    /// What of the journal's end is void from now on.
    pub damage: Option<Damage>,
    /// Whether anything beside the journal told up to which tick it was acknowledged.
    pub is_watermark_noted: bool,
    /// Ticks that were made again.
    pub replayed_ticks: u64,
}

/// Why a world does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Acknowledged ticks are lost or damaged, and nobody accepted it.
    #[error("ticks {} to {} were acknowledged and are lost: {cause}", ticks.start(), ticks.end())]
    Lost {
        /// The ticks that are lost.
        ticks: RangeInclusive<Tick>,
        /// Why they cannot be read.
        cause: String,
    },
    /// There is nothing whole to begin with, or the journal cannot be read.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// A part of the journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A part of a snapshot or a pack cannot be read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The snapshot is no world of this build.
    #[error("the snapshot of tick {tick}: {error}")]
    Restore {
        /// The tick of the snapshot.
        tick: Tick,
        /// Why it is none.
        error: RestoreError,
    },
    /// The journal is not this build's, or its inputs do not make ticks.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The journal's inputs do not give the roots that it carries.
    #[error("replay gives another root at tick {} than {} carries", .0.tick, .0.witness)]
    Diverged(Box<Divergence>),
    /// Content that the world uses is not stored.
    #[error("content {0} is not stored, and the world uses it")]
    NoContent(ContentId),
    /// Content is stored under another id than its bytes have.
    #[error("content {id} is damaged: its bytes are those of {found}")]
    Content {
        /// What was asked for.
        id: ContentId,
        /// What its bytes are.
        found: ContentId,
    },
    /// The game cannot begin or read its content.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// A new world would not run at the rate that its rules count with.
    #[error("{set} ticks a second are asked for, and the rules of this world count {rules}")]
    TickRate {
        /// What was asked for.
        set: u16,
        /// What the rules count with.
        rules: u16,
    },
    /// The journal was not begun.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The first content was not stored.
    #[error(transparent)]
    Put(#[from] PutError),
    /// The first snapshot was not stored.
    #[error("the world's beginning is not stored: {0}")]
    Snapshot(String),
    /// The tick that a claim owed was not stored.
    #[error("what the claim owes is not stored: {0}")]
    Debt(#[from] AppendError),
    /// The journal was not claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// This build has panicked in a tick before, and does not try it again.
    #[error("this build has panicked in tick {tick} before: {message}")]
    Marked {
        /// The tick that it panicked in.
        tick: Tick,
        /// What the panic said.
        message: String,
    },
    /// This build has died over the same ticks again and again.
    #[error("the region is halted: {attempts} attempts of this build after tick {tick} did not reach a new one")]
    Halted {
        /// The last tick that is proven.
        tick: Tick,
        /// How many attempts there were.
        attempts: u32,
    },
    /// Marks and attempts cannot be read or noted.
    #[error("marks and attempts cannot be read or noted: {0}")]
    Notes(#[from] Fault),
    /// Another owner took every slot that was claimed.
    #[error("the world runs elsewhere: its owner took every slot that was claimed, {CLAIM_TRIES_MAX} times")]
    Contended,
    /// The archive cannot be told who is in the world, as a claim with loss owes.
    #[error("the archive is not told who is in the world: {0}")]
    Archive(#[from] SeekError),
    /// There are no keys to let players come back with.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// Opens the store's world, or begins one; `observe` is shown every tick that is made again.
///
/// # Errors
/// Why it does not go on. What is lost without being accepted is named, and nothing was changed.
pub async fn open<A: GameAdapter, S: Store + Salvage>(
    adapter: &A,
    store: &S,
    settings: &OpenSettings,
    executor: &dyn Executor,
    stepper: &mut (dyn Stepper<A::Game> + Send),
    observe: &mut (dyn FnMut(&Replayed<A::Game>) + Send),
) -> Result<Opened<A::Game>, OpenError> {
    let has_begun = match store.header().await? {
        Some(header) if header.is_old() => return Err(ClaimError::Old.into()),
        header => header.is_none(),
    };
    if has_begun {
        begin(adapter, store, settings, executor).await?;
    }
    let recovery = recover(store, &mut |_| {}).await?;
    if let (Some(ticks), DataLossPolicy::Refuse) = (&recovery.lost, settings.loss) {
        let cause = recovery.damage.as_ref().map_or_else(|| "nobody knows why".to_owned(), ToString::to_string);
        return Err(OpenError::Lost { ticks: ticks.clone(), cause });
    }
    let marks = store.marks().await?.into_iter().filter(|mark| mark.build == settings.build);
    let marked = marks.map(|mark| (mark.record_hash, mark.message)).collect();
    let mut opening = Opening { adapter, store, stepper, observe, marked, build: Some(settings.build) };
    let mut replay = opening.origin(&recovery, executor).await?;
    let snapshot_tick = replay.tick();
    opening.make_again(&mut replay, &recovery, settings).await?;
    let claim = opening.claim(&mut replay, recovery.claim(&settings.claimant), settings).await?;
    opening.pay(&mut replay, claim, settings).await?;
    let report = OpenReport {
        has_begun,
        skipped: recovery.skipped.clone(),
        damage: recovery.damage.clone(),
        is_watermark_noted: recovery.tail.watermark.is_some(),
        replayed_ticks: replay.tick().0.saturating_sub(snapshot_tick.0),
    };
    let keys = open_keys(store, settings.key).await?;
    let (header, last, claimant) = (replay.header().clone(), replay.position(), settings.claimant.clone());
    let build = settings.build;
    let (simulation, roots, recent, position) = replay.into_parts();
    Ok(Opened {
        simulation,
        roots,
        recent,
        header,
        claim,
        claimant,
        build,
        position,
        last,
        keys,
        snapshot_tick,
        report,
    })
}

/// Looks at the store's world without a change to the store: what [`open`](fn@open) would go on with, and up to where.
///
/// # Errors
/// As [`open`](fn@open).
pub async fn look<A: GameAdapter, S: Store + Salvage>(
    adapter: &A,
    store: &S,
    executor: &dyn Executor,
    stepper: &mut (dyn Stepper<A::Game> + Send),
    observe: &mut (dyn FnMut(&Replayed<A::Game>) + Send),
) -> Result<(Recovery, Replay<A::Game>), OpenError> {
    let recovery = recover(store, &mut |_| {}).await?;
    let mut opening = Opening { adapter, store, stepper, observe, marked: BTreeMap::new(), build: None };
    let mut replay = opening.origin(&recovery, executor).await?;
    opening.go_on_to(&mut replay, recovery.end.slot).await?;
    Ok((recovery, replay))
}

/// Begins the journal, and stores a snapshot of the beginning, so that the history can be read from its first tick on by
/// those who cannot lay the world out themselves. Where a crash comes between the two, the beginning follows from the
/// adapter; its root in the header shows whether it still does in a later build.
async fn begin<A: GameAdapter, S: Store>(
    adapter: &A,
    store: &S,
    settings: &OpenSettings,
    executor: &dyn Executor,
) -> Result<(), OpenError> {
    let mut simulation = begun(adapter, settings.region)?;
    let roots = simulation.seal(executor);
    let content = simulation.world().content();
    let rules = adapter.tick_rate(simulation.world());
    if let (Some(set), Some(rules)) = (settings.tick_rate, rules)
        && set != rules
    {
        return Err(OpenError::TickRate { set, rules });
    }
    if let Some(pack) = adapter.pack()? {
        store.put_pack(content, pack.into()).await?;
    }
    let header = JournalHeader {
        world: settings.world,
        region: Some(simulation.world().region().state().id),
        revision: <A::Game as Game>::REVISION,
        tick_rate: settings.tick_rate.or(rules).unwrap_or(TICK_RATE),
        root_lag_ticks: settings.root_lag_ticks,
        start: Start { tick: simulation.world().tick(), root: roots.root, content },
        schema: (**simulation.schema()).clone(),
    };
    store.create(&header).await?;
    let snapshot = StoreSnapshot {
        world: simulation.snapshot(),
        position: header.start_position(),
        schema: simulation.schema_id(),
        retention: settings.retention,
    };
    SnapshotWrite::new(snapshot).run(store, &mut |_| {}).await.map(drop).map_err(OpenError::Snapshot)
}

/// The world at tick 0, as that region.
fn begun<A: GameAdapter>(adapter: &A, region: Option<RegionId>) -> Result<Simulation<A::Game>, OpenError> {
    let mut simulation = adapter.begin()?;
    if let Some(region) = region.filter(|region| *region != simulation.world().region().state().id) {
        simulation.world_mut().set_region(region);
    }
    Ok(simulation)
}

/// What players of an adapter's game put in.
type GameInput<A> = <<A as GameAdapter>::Game as Game>::Input;

/// What the steps of opening share.
struct Opening<'o, A: GameAdapter, S> {
    adapter: &'o A,
    store: &'o S,
    stepper: &'o mut (dyn Stepper<A::Game> + Send),
    observe: &'o mut (dyn FnMut(&Replayed<A::Game>) + Send),
    /// Records of ticks that this build panicked in, and what it said.
    marked: BTreeMap<Hash, String>,
    /// Whose panics are noted; `None` where nothing is.
    build: Option<BuildId>,
}

impl<A: GameAdapter, S: Store> Opening<'_, A, S> {
    /// The world that replay begins with.
    async fn origin(&mut self, recovery: &Recovery, executor: &dyn Executor) -> Result<Replay<A::Game>, OpenError> {
        let header = &recovery.header;
        // First of all: what another game's world holds cannot be read here, and would be called damaged.
        Replay::<A::Game>::check(header)?;
        let simulation = match &recovery.origin {
            Origin::Start(_) => begun(self.adapter, header.region)?,
            Origin::Snapshot(snapshot) => self.resume(snapshot).await?,
        };
        let place: LogPosition = recovery.origin.position();
        match Replay::begin(header.clone(), simulation, place, executor)? {
            (replay, None) => Ok(replay),
            (_, Some(divergence)) => Err(OpenError::Diverged(Box::new(divergence))),
        }
    }

    async fn resume(&self, snapshot: &Snapshot) -> Result<Simulation<A::Game>, OpenError> {
        let mut library = Library::default();
        if let Some(content) = self.adapter.default_content() {
            library.add(ContentId::NONE, content);
        }
        let id = snapshot.manifest.head.content;
        if library.find(id).is_none() {
            library.add(id, self.content(id).await?);
        }
        let mut pages = BTreeMap::new();
        for entry in snapshot.manifest.columns.iter().flatten() {
            if let Some(bytes) = self.store.page(entry.hash).await? {
                pages.insert(entry.hash, bytes);
            }
        }
        let tick = snapshot.manifest.head.tick;
        let world = World::restore(&snapshot.manifest, |entry| pages.get(&entry.hash).map(|bytes| bytes.to_vec()));
        Ok(Simulation::resume(library, world.map_err(|error| OpenError::Restore { tick, error })?))
    }

    async fn content(&self, id: ContentId) -> Result<<A::Game as Game>::Content, OpenError> {
        let bytes = self.store.pack(id).await?.ok_or(OpenError::NoContent(id))?;
        let (found, content) = self.adapter.read_pack(&bytes)?;
        if found == id { Ok(content) } else { Err(OpenError::Content { id, found }) }
    }

    /// Makes the ticks again that the journal has. That it makes those which nothing proves is noted before, for a process that dies
    /// over them says nothing more, and struck out after: whoever is killed later did not die of them.
    async fn make_again(
        &mut self,
        replay: &mut Replay<A::Game>,
        recovery: &Recovery,
        settings: &OpenSettings,
    ) -> Result<(), OpenError> {
        if settings.retries_halted {
            self.store.forget_attempts().await?;
        }
        let origin = recovery.origin.position().tick;
        let proven = recovery.proven.map_or(origin, |proof| proof.tick.max(origin));
        if let Some(slot) = self.store.find(proven).await? {
            self.go_on_to(replay, slot).await?;
        }
        let unproven = match self.store.find(recovery.end.tick).await? {
            Some(slot) if recovery.end.tick > proven => self.store.record(slot).await?,
            _ => None,
        };
        let Some(record) = unproven else { return self.go_on_to(replay, recovery.end.slot).await };
        let count = self.store.attempt(settings.build, record.hash()).await?;
        if count > ATTEMPTS_MAX {
            return Err(OpenError::Halted { tick: proven, attempts: count - 1 });
        }
        let made = self.go_on_to(replay, recovery.end.slot).await;
        self.store.forget_attempts().await?;
        made
    }

    /// Puts the claim into the next slot; reads on and tries again where somebody else has taken that.
    async fn claim(
        &mut self,
        replay: &mut Replay<A::Game>,
        proposed: Result<Record, RecordError>,
        settings: &OpenSettings,
    ) -> Result<Claim, OpenError> {
        let mut record = proposed.map_err(ClaimError::from)?;
        for _ in 0..CLAIM_TRIES_MAX {
            let claimed = match self.store.claim(&record).await {
                Err(error @ ClaimError::Unknown(_)) => {
                    let is_there = self.store.log_state().await?.last == record.position();
                    Claim::of(&record).filter(|_| is_there).ok_or(error)
                }
                claimed => claimed,
            };
            match claimed {
                Ok(claim) => {
                    replay.handle_record(&record)?;
                    return Ok(claim);
                }
                Err(ClaimError::Moved { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            // Whoever owns the journal appended meanwhile, or another one has claimed it.
            let log = self.store.log_state().await?;
            self.go_on_to(replay, log.last.slot).await?;
            record = log.claim_after(log.last, Why::TakeOver, false, &settings.claimant).map_err(ClaimError::from)?;
        }
        Err(OpenError::Contended)
    }

    /// Makes the tick that claims owe before any other. Where told ticks were taken back, all numbers of the region rise; where a
    /// tick was skipped, what stood in it is answered as void, so that a resend does not bring it back. While no tick follows,
    /// whoever claims next pays for all claims since the last one.
    async fn pay(
        &mut self,
        replay: &mut Replay<A::Game>,
        claim: Claim,
        settings: &OpenSettings,
    ) -> Result<(), OpenError> {
        let Owed { mut acts, lamport } = owed::<GameInput<A>, OpenError>(self.store, claim.last.slot).await?;
        let own = *replay.simulation().world().region().state();
        let tick = replay.tick().next();
        if own.incarnation < claim.incarnation {
            // Every slot that is void may have been a run of ticks that told others their numbers.
            let void_ticks = claim.last.slot.0.saturating_mul(u64::from(RUN_TICKS_MAX));
            let lamport = own.lamport.max(lamport).saturating_add(void_ticks);
            let act = Act::Incarnation { number: claim.incarnation, lamport };
            acts.push(Input { player: PlayerId::REGION, sequence: Sequence(0), act });
            if <A::Game as Game>::TRAVELS {
                let players = replay.simulation().world().players();
                let is_present = |player: &&Player| player.id.is_player() && player.departed_to.is_none();
                let present: Vec<Player> = players.iter().filter(is_present).copied().collect();
                let by = Voucher { region: own.id, incarnation: claim.incarnation, tick };
                let lives = u64::from(claim.incarnation.saturating_sub(own.incarnation));
                keep_present(self.store, &present, by, HOPS_AN_INCARNATION.saturating_mul(lives)).await?;
            }
        }
        if acts.is_empty() {
            return Ok(());
        }
        let frame = InputFrame::new(tick, settings.entropy, acts);
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let record = Record::new(TickRecord {
            slot: claim.last.slot.next(),
            epoch: claim.epoch,
            previous_hash: claim.last.record_hash,
            wall: settings.claimant.wall,
            count: 1,
            root: replay.header().proven_by(tick).and_then(|tick| replay.root_of(tick)),
            frame: bytes.into(),
        });
        let record = record.map_err(ClaimError::from)?;
        match self.store.append(std::slice::from_ref(&record), Durability::Disk).await {
            Err(error @ AppendError::Unknown(_)) if self.store.log_state().await?.last != record.position() => {
                return Err(error.into());
            }
            Err(AppendError::Unknown(_)) | Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        self.step(replay, &record).await
    }

    /// Makes the ticks again that the journal has up to `end`.
    async fn go_on_to(&mut self, replay: &mut Replay<A::Game>, end: Slot) -> Result<(), OpenError> {
        while replay.position().slot < end {
            let records = self.store.read(replay.position().slot.next(), READ_BYTES).await?;
            if records.is_empty() {
                return Err(ReplayError::Order { last: replay.tick(), found: replay.tick().next() }.into());
            }
            for record in records.iter().take_while(|record| record.slot() <= end) {
                self.step(replay, record).await?;
            }
        }
        Ok(())
    }

    async fn step(&mut self, replay: &mut Replay<A::Game>, record: &Record) -> Result<(), OpenError> {
        replay.handle_record(record)?;
        for id in replay.missing_contents() {
            replay.add_content(id, self.content(id).await?);
        }
        if let Some(message) = self.marked.get(&record.hash()) {
            return Err(OpenError::Marked { tick: record.tick(), message: message.clone() });
        }
        while let Some(step) = replay.poll_step() {
            let stepped = self.stepper.step(step);
            if let (Err(StepError::Panicked(message)), Some(build)) = (&stepped, self.build) {
                // Somebody may have been told of the tick: the mark keeps this build from it, and frees no skip.
                self.store.mark(&Mark::new(record.hash(), build, None, message)).await?;
            }
            let replayed = replay.handle_stepped(stepped)?;
            (self.observe)(&replayed);
            if let Some(divergence) = replayed.divergence {
                return Err(OpenError::Diverged(Box::new(divergence)));
            }
        }
        Ok(())
    }
}
