//! [`open`]: the world where it left off, as the region's own code opens it, and what a bystander wants to see of that.
//!
//! Invariant: faults of power, process and disk lose nothing that was acknowledged, so whatever recovery gives up is a
//! violation; so is a root that replay does not give.

use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{
    BuildId, Claimant, DataLossPolicy, LogPosition, LogState, Mark, Record, RecoverError, Retention, Salvage,
    SkipError, Slot, Store, WallTime, Why, WorldId,
    error::{AppendError, ClaimError, FetchError, ReadError},
};
use tickworld_region::{
    AdapterError, Content, GameAdapter, InlineStepper, KeysError, OpenError as Refusal, OpenSettings, Opened as World,
    Replay, Replayed, SeekError, frames_of,
};
use tickworld_sim::{
    content::ContentId,
    executor::Inline,
    frame::{Act, InputFrame, Tick},
    hash::{Hash, hash},
    region::RegionId,
    rng::Entropy,
    simulation::Simulation,
};

use super::{bug::Bug, plan::Plan, storage::now};
use crate::check::Violation;

/// The world of all regions of a cluster.
pub(super) const WORLD: WorldId = WorldId(*b"a simulated bank");
/// Bytes of records read at once.
const READ_BYTES: u64 = 1 << 16;

/// A bank of a region with the plan's accounts. Any bytes are a content pack of it, and mean nothing to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bank {
    region: RegionId,
    accounts: u32,
    coins: u64,
}

impl Bank {
    pub(super) const fn of(plan: &Plan, region: RegionId) -> Self {
        Self { region, accounts: plan.accounts, coins: plan.coins }
    }

    /// The id of a pack.
    pub(super) fn pack_id(pack: &[u8]) -> ContentId {
        ContentId(hash(pack))
    }
}

impl GameAdapter for Bank {
    type Game = Ledger;

    fn title(&self) -> String {
        "a simulated bank".to_owned()
    }

    fn begin(&self) -> Result<Simulation<Ledger>, AdapterError> {
        Ok(Ledger::open(self.accounts, self.coins))
    }

    fn read_pack(&self, bytes: &[u8]) -> Result<(ContentId, Content<Self>), AdapterError> {
        if bytes.is_empty() { Err("an empty pack".into()) } else { Ok((Self::pack_id(bytes), ())) }
    }
}

/// Which program a server is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Build {
    pub(super) number: u64,
    /// Whether an operator has it tried once more.
    pub(super) retries_halted: bool,
}

/// Leaves out the last tick, where nobody was told of it; whether it is.
pub(super) fn skip<S: Store + Salvage>(store: &S) -> Result<bool, OpenError> {
    let by = Claimant { who: "a simulated operator".to_owned(), wall: WallTime(0) };
    match now(tickworld_persist::skip(store, &by, DataLossPolicy::Refuse)) {
        Ok(_) => Ok(true),
        Err(SkipError::Told(_) | SkipError::Nothing { .. } | SkipError::Damaged(_)) => Ok(false),
        Err(
            SkipError::Read(ReadError::Storage(error))
            | SkipError::Claim(ClaimError::Storage(error) | ClaimError::Unknown(error)),
        ) => Err(OpenError::Storage(error.to_string())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Has the history go on from so many ticks before its end, as somebody decides who accepts that ticks are lost which others were told
/// of; whether it does. It stays as it is where players crossed to other regions in these ticks, or came from them. `tell` hears of
/// the last tick that stays before anything is done.
pub(super) fn go_back<S: Store>(
    store: &S,
    ticks: u64,
    is_alone: bool,
    is_quiet: bool,
    tell: &mut dyn FnMut(Tick),
) -> Result<bool, OpenError> {
    let Some((head, after)) = place_before_end(store, ticks)? else { return Ok(false) };
    if after.tick >= head.last.tick {
        return Ok(false);
    }
    let mut at = after.slot;
    while at < head.last.slot && !is_alone {
        for record in read(store, at.next())? {
            at = record.slot();
            let frames = frames_of(&record).map_err(|error| wrong(error.to_string()))?;
            if frames.iter().flat_map(|frame| &frame.inputs).any(|input| is_between_regions(&input.act)) {
                return Ok(false);
            }
        }
    }
    let mut why = Why::Cut;
    if is_quiet {
        // Without such a mark the store takes no claim that voids ticks and does not say so.
        let last = now(store.record(head.last.slot)).map_err(|error| failed(&error))?;
        let Some(last) = last.filter(|last| !last.is_claim() && after.slot.next() == last.slot()) else {
            return Ok(false);
        };
        let mark = Mark::new(last.hash(), BuildId::of(b"another"), Some(last.epoch()), "it is said to have panicked");
        now(store.mark(&mark)).map_err(|error| failed(&error))?;
        why = Why::Skip;
    }
    tell(after.tick);
    let by = Claimant { who: "a simulated operator".to_owned(), wall: WallTime(0) };
    let claim = head.claim_after(after, why, !is_quiet, &by).map_err(|error| failed(&error))?;
    now(store.claim(&claim)).map(|_| true).map_err(|error| failed(&error))
}

/// The end of a history, and the place in it so many ticks before that, at the end of a record; `None` where there is no history.
fn place_before_end<S: Store>(store: &S, ticks: u64) -> Result<Option<(LogState, LogPosition)>, OpenError> {
    if now(store.header()).map_err(|error| failed(&error))?.is_none() {
        return Ok(None);
    }
    let head = now(store.log_state()).map_err(|error| failed(&error))?;
    let to = Tick(head.last.tick.0.saturating_sub(ticks)).max(head.base.tick);
    let slot = now(store.find(to)).map_err(|error| failed(&error))?.unwrap_or(head.base.slot);
    let record = now(store.record(slot)).map_err(|error| failed(&error))?;
    let after = record.as_ref().map_or(head.base, Record::position);
    Ok(Some((head, after)))
}

fn failed(error: &dyn core::fmt::Display) -> OpenError {
    OpenError::Storage(error.to_string())
}

/// Whether an act has to do with another region of the world.
const fn is_between_regions(act: &Act<Order>) -> bool {
    match act {
        Act::Delivered { region, .. } => region.0 != RegionId::ARCHIVE.0,
        Act::Mail { .. } | Act::Accept { .. } | Act::Border { .. } | Act::Play(Order::Travel { .. }) => true,
        _ => false,
    }
}

/// A world that can go on, and what came before.
pub(super) struct Opened {
    pub(super) world: World<Ledger>,
    /// The frames that are still kept, the first one of the tick after `base`.
    pub(super) frames: Vec<InputFrame<Order>>,
    pub(super) base: Tick,
    /// Roots of the ticks that were made again.
    pub(super) replayed: Vec<(Tick, Hash)>,
}

/// Why a world does not go on.
#[derive(Debug)]
pub(super) enum OpenError {
    /// The storage fails: another try may do.
    Storage(String),
    /// This build does not make the last tick.
    Marked,
    /// This build tried too often.
    Halted,
    /// What must not be.
    Violation(Violation),
}

pub(super) fn wrong(what: String) -> OpenError {
    OpenError::Violation(Violation::Recovery(what))
}

/// What a refusal to open says of the store: that it fails at present, or that something is wrong with what it holds.
fn judge(error: Refusal) -> OpenError {
    match error {
        Refusal::Marked { .. } => return OpenError::Marked,
        Refusal::Halted { .. } => return OpenError::Halted,
        _ => {}
    }
    let fails = matches!(
        error,
        Refusal::Recover(RecoverError::Read(ReadError::Storage(_)) | RecoverError::Fetch(FetchError::Storage(_)))
            | Refusal::Read(ReadError::Storage(_))
            | Refusal::Fetch(FetchError::Storage(_))
            | Refusal::Create(_)
            | Refusal::Put(_)
            | Refusal::Snapshot(_)
            | Refusal::Claim(ClaimError::Storage(_) | ClaimError::Unknown(_))
            | Refusal::Notes(_)
            | Refusal::Archive(SeekError::Storage(_))
            | Refusal::Debt(AppendError::Storage(_) | AppendError::Unknown(_))
            | Refusal::Keys(KeysError::Fetch(FetchError::Storage(_)) | KeysError::Storage(_))
    );
    if fails { OpenError::Storage(error.to_string()) } else { wrong(error.to_string()) }
}

/// Opens the store's world, or begins one.
pub(super) fn open<S: Store + Salvage>(
    store: &S,
    bank: &Bank,
    plan: &Plan,
    bug: Option<Bug>,
    build: Build,
) -> Result<Opened, OpenError> {
    if bug == Some(Bug::LosesTheTailOnCrash) {
        lose_tail(store)?;
    }
    let settings = OpenSettings {
        world: WORLD,
        region: Some(bank.region),
        key: [7; 32],
        tick_rate: Some(plan.host.tick_rate),
        root_lag_ticks: plan.root_lag_ticks,
        loss: if bug == Some(Bug::AcceptsLossSilently) { DataLossPolicy::Accept } else { DataLossPolicy::Refuse },
        retention: plan.retention(),
        build: BuildId::of(&build.number.to_le_bytes()),
        retries_halted: build.retries_halted,
        claimant: Claimant { who: "a simulated server".to_owned(), wall: WallTime(0) },
        entropy: Entropy::from_bytes(*b"of a claims debt"),
    };
    let mut seen = Seen::default();
    let mut stepper = InlineStepper(&Inline);
    let mut observe = |replayed: &Replayed<Ledger>| seen.see(replayed);
    let opened = tickworld_region::open(bank, store, &settings, &Inline, &mut stepper, &mut observe);
    let world = now(opened).map_err(judge)?;
    let mut replayed = seen.roots;
    if replayed.is_empty() {
        replayed.push((world.position.tick, world.roots.root));
    }
    let (base, mut frames) = before(store, world.snapshot_tick)?;
    frames.extend(seen.frames);
    Ok(Opened { world, frames, base, replayed })
}

/// The world where it left off, without a change to the store.
pub(super) fn look<S: Store + Salvage>(store: &S, bank: &Bank, bug: Option<Bug>) -> Result<Replay<Ledger>, OpenError> {
    let mut stepper = InlineStepper(&Inline);
    let (recovery, replay) =
        now(tickworld_region::look(bank, store, &Inline, &mut stepper, &mut |_| {})).map_err(judge)?;
    match &recovery.lost {
        Some(ticks) if bug != Some(Bug::AcceptsLossSilently) => {
            let damage = recovery.damage.as_ref().map(ToString::to_string).unwrap_or_default();
            Err(wrong(format!("acknowledged ticks {} to {} are lost: {damage}", ticks.start(), ticks.end())))
        }
        _ => Ok(replay),
    }
}

/// As a server would that forgot to read the journal to its end.
fn lose_tail<S: Store>(store: &S) -> Result<(), OpenError> {
    let Some((head, after)) = place_before_end(store, 2)? else { return Ok(()) };
    let cut = head.claim_after(after, Why::Cut, true, &Claimant::default()).map_err(|error| failed(&error))?;
    now(store.claim(&cut)).map(drop).map_err(|error| failed(&error))
}

/// What was made again.
#[derive(Default)]
struct Seen {
    frames: Vec<InputFrame<Order>>,
    roots: Vec<(Tick, Hash)>,
}

impl Seen {
    fn see(&mut self, replayed: &Replayed<Ledger>) {
        self.frames.push(replayed.frame.clone());
        self.roots.push((replayed.frame.tick, replayed.roots.root));
    }
}

/// The frames that are kept up to `start`: not needed to go on, but whoever watches wants to see them.
fn before<S: Store>(store: &S, start: Tick) -> Result<(Tick, Vec<InputFrame<Order>>), OpenError> {
    let head = now(store.log_state()).map_err(|error| OpenError::Storage(error.to_string()))?;
    let (mut at, mut tick, mut frames) = (head.base.slot, head.base.tick, Vec::new());
    while tick < start {
        for record in read(store, at.next())?.iter().take_while(|record| record.tick() <= start) {
            (at, tick) = (record.slot(), record.tick());
            let made = frames_of(record);
            frames.extend(made.map_err(|error| wrong(format!("the frame of tick {tick}: {error}")))?);
        }
    }
    Ok((head.base.tick, frames))
}

/// The history from a slot that must be there.
pub(super) fn read<S: Store>(store: &S, from: Slot) -> Result<Vec<Record>, OpenError> {
    let records = now(store.read(from, READ_BYTES)).map_err(|error| match error {
        ReadError::Damaged(_) | ReadError::Trimmed { .. } => wrong(error.to_string()),
        error => OpenError::Storage(error.to_string()),
    })?;
    if records.is_empty() {
        return Err(wrong(format!("slot {from} is not there, though the journal's head says so")));
    }
    Ok(records)
}

impl Plan {
    /// Which snapshots the plan's servers keep.
    pub(super) fn retention(&self) -> Retention {
        Retention { snapshots_min: self.snapshots_kept, ticks: 0 }
    }
}

/// What operators switch to; nothing can be made of the last one.
pub(super) const PACKS: [&[u8]; 3] = [b"one", b"another", b""];

/// Every content that a world of a cluster may ever have.
pub(super) fn contents() -> impl Iterator<Item = ContentId> {
    PACKS.iter().filter(|pack| !pack.is_empty()).map(|pack| Bank::pack_id(pack))
}
