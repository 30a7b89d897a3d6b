//! [`recover`]: where a world starts again, and what was lost.
//!
//! Invariant: what it proposes to replay is whole, linked, and follows from a state that is whole; every tick beyond that is
//! named, and those among them that may have been acknowledged are named apart. It changes nothing and replays nothing: who
//! knows the game replays, compares the roots, and claims what goes on.

use std::ops::RangeInclusive;

use tickworld_sim::{frame::Tick, hash::Hash};

use crate::{
    error::{Cause, Damage, FetchError, ReadError},
    header::JournalHeader,
    limits,
    page::page_hashes,
    position::LogPosition,
    progress::Progress,
    record::{Proof, Record, RecordError, Why},
    salvage::{Salvage, TailReport},
    store::{Claimant, LogState, Snapshot, Store},
    walk::{ChainWalk, Walked},
};

/// The state that replay begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The world as the header's start describes it: set up by the game anew.
    Start(LogPosition),
    /// A snapshot whose pages are all there and whole.
    Snapshot(Box<Snapshot>),
}

impl Origin {
    /// Its position in the chain.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        match self {
            Self::Start(position) => *position,
            Self::Snapshot(snapshot) => snapshot.position(),
        }
    }
}

/// A snapshot that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedSnapshot {
    /// The tick of the snapshot.
    pub tick: Tick,
    /// What is wrong with it.
    pub cause: Cause,
}

/// How a world starts again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The journal's header.
    pub header: JournalHeader,
    /// Where the journal stands.
    pub log: LogState,
    /// What the store found at its end.
    pub tail: TailReport,
    /// What to begin with.
    pub origin: Origin,
    /// The last record that can be replayed from there; the origin itself if there is none.
    pub end: LogPosition,
    /// The last root that a replay up to `end` is compared with; later ticks are replayed unproven.
    pub proven: Option<Proof>,
    /// Newer snapshots than the origin, newest first.
    pub skipped: Vec<SkippedSnapshot>,
    /// Records after `end`, which a claim makes void; or, with [`Cause::Fork`], a history that is not the acknowledged one.
    pub damage: Option<Damage>,
    /// Ticks of the damage that may have been acknowledged to somebody.
    pub lost: Option<RangeInclusive<Tick>>,
}

impl Recovery {
    /// Whether nobody needs to accept anything.
    #[must_use]
    pub const fn is_lossless(&self) -> bool {
        self.lost.is_none()
    }

    /// The claim that goes on after `end`, in place of what cannot be used.
    ///
    /// # Errors
    /// When the claimant's name is too long.
    pub fn claim(&self, by: &Claimant) -> Result<Record, RecordError> {
        let why = if self.damage.is_some() { Why::Cut } else { Why::TakeOver };
        self.log.claim_after(self.end, why, self.lost.is_some(), by)
    }
}

/// Why there is nothing to start from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// No journal, or its header is damaged.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Snapshots cannot be read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Earlier records were trimmed under snapshots, none of which is whole.
    #[error("nothing to start from: no snapshot is whole, and the records before tick {} are no longer kept", base.next())]
    NoOrigin {
        /// The last tick that is not kept.
        base: Tick,
        /// The snapshots and what is wrong with them.
        skipped: Vec<SkippedSnapshot>,
    },
}

/// Finds the newest snapshot that is whole, and how far the records after it go.
///
/// # Errors
/// When there is nothing to start from, or the storage fails.
pub async fn recover<S: Store + Salvage>(
    store: &S,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Recovery, RecoverError> {
    let header = store.header().await?.ok_or(ReadError::Absent)?;
    let log = store.log_state().await?;
    let tail = store.tail_report().await?;
    let (origin, skipped) = find_origin(store, &header, log, progress).await?;
    let mut walk = ChainWalk::new(&header, origin.position(), log, tail);
    while let Some(from) = walk.poll_read() {
        let (done, total) = walk.progress();
        progress(Progress::Records { done, total });
        match store.read(from, limits::WALK_BYTES).await {
            Ok(records) => _ = walk.handle_records(&records),
            Err(ReadError::Damaged(damage)) => walk.handle_damage(damage.cause),
            Err(error) => return Err(error.into()),
        }
    }
    let Walked { end, proven, damage, lost } = walk.finish();
    Ok(Recovery { header, log, tail, origin, end, proven, skipped, damage, lost })
}

/// Finds the newest snapshot that is whole and that nothing in the journal speaks against, or else the start; and tells what
/// is wrong with newer ones.
///
/// # Errors
/// When there is none, or the storage fails.
pub async fn find_origin<S: Store>(
    store: &S,
    header: &JournalHeader,
    log: LogState,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(Origin, Vec<SkippedSnapshot>), RecoverError> {
    let mut skipped = Vec::new();
    for tick in store.manifests().await?.into_iter().rev() {
        match check_snapshot(store, header, log, tick, progress).await? {
            Ok(snapshot) => return Ok((Origin::Snapshot(Box::new(snapshot)), skipped)),
            Err(cause) => skipped.push(SkippedSnapshot { tick, cause }),
        }
    }
    let start = header.start_position();
    if log.base == start {
        return Ok((Origin::Start(start), skipped));
    }
    Err(RecoverError::NoOrigin { base: log.base.tick, skipped })
}

/// Whether a snapshot is whole and belongs to the journal; the inner error says why not.
async fn check_snapshot<S: Store>(
    store: &S,
    header: &JournalHeader,
    log: LogState,
    tick: Tick,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Result<Snapshot, Cause>, RecoverError> {
    let snapshot = match damage_of(store.manifest(tick).await)? {
        Ok(Some(snapshot)) => snapshot,
        Ok(None) => return Ok(Err(Cause::Missing)),
        Err(cause) => return Ok(Err(cause)),
    };
    let hashes: Vec<Hash> = page_hashes(&snapshot.manifest).collect();
    for (index, hash) in hashes.iter().enumerate() {
        progress(Progress::Pages { snapshot: tick, done: index as u64, total: hashes.len() as u64 });
        match damage_of(store.page(*hash).await)? {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(Err(Cause::Missing)),
            Err(cause) => return Ok(Err(cause)),
        }
    }
    if let Some(cause) = contradiction(store, header, log, &snapshot).await? {
        return Ok(Err(cause));
    }
    Ok(Ok(snapshot))
}

/// What in the journal speaks against a snapshot. Damaged records do not speak.
async fn contradiction<S: Store>(
    store: &S,
    header: &JournalHeader,
    log: LogState,
    snapshot: &Snapshot,
) -> Result<Option<Cause>, ReadError> {
    let own = store.record(snapshot.slot).await?;
    let prover = match store.find(prover_of(header, snapshot)).await? {
        Some(slot) => store.record(slot).await?,
        None => None,
    };
    Ok(snapshot_contradiction(header, log, snapshot, own.as_ref(), prover.as_ref()))
}

/// The tick whose record carries the root of a snapshot's tick.
#[must_use]
pub fn prover_of(header: &JournalHeader, snapshot: &Snapshot) -> Tick {
    Tick(snapshot.position().tick.0.saturating_add(u64::from(header.root_lag_ticks)))
}

/// What speaks against a snapshot: that the record of its tick, or the journal's base, is another one, or that the root of
/// its pages is not the one that a later record carries. `own` is the record of its tick and `prover` that of the tick that
/// [`prover_of`] tells, where they can be had.
#[must_use]
pub fn snapshot_contradiction(
    header: &JournalHeader,
    log: LogState,
    snapshot: &Snapshot,
    own: Option<&Record>,
    prover: Option<&Record>,
) -> Option<Cause> {
    let position = snapshot.position();
    let link = if position.slot == log.base.slot { Some(log.base.record_hash) } else { own.map(Record::hash) };
    let is_of_another_tick = own.is_some_and(|record| record.tick() != position.tick);
    if is_of_another_tick || link.is_some_and(|link| link != position.record_hash) {
        return Some(Cause::Chain);
    }
    let proof = prover.and_then(|record| record.proof(header)).filter(|proof| proof.tick == position.tick)?;
    let one = snapshot.manifest.roots(&header.schema).root;
    (proof.root != one).then_some(Cause::Root { tick: position.tick, one, other: proof.root })
}

/// Parts damage, which is an answer, from failure, which is none.
pub(crate) fn damage_of<T>(fetched: Result<T, FetchError>) -> Result<Result<T, Cause>, FetchError> {
    match fetched {
        Ok(value) => Ok(Ok(value)),
        Err(FetchError::Damaged(cause)) => Ok(Err(cause)),
        Err(error) => Err(error),
    }
}
