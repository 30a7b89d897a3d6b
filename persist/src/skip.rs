//! [`skip`]: the last tick left out, because it cannot be made.
//!
//! Invariant: a tick that somebody may have been told of is left out only where that was accepted, after it was named. Nothing is
//! simulated and nothing removed: whoever opens the region next answers what stood in the tick as void.

use std::ops::RangeInclusive;

use tickworld_sim::frame::Tick;

use crate::{
    error::{ClaimError, Damage, ReadError},
    position::Slot,
    record::{Record, Why},
    salvage::Salvage,
    store::{Claim, Claimant, DataLossPolicy, Store},
};

/// A tick that was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The tick that was left out.
    pub tick: Tick,
    /// The slot of its record.
    pub slot: Slot,
    /// Whether it may have been told, so that another life of the region begins.
    pub is_loss: bool,
    /// The claim that leaves it out.
    pub claim: Claim,
}

/// Why no tick was left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipError {
    /// There is no tick after the beginning, or after the snapshot from which the journal is kept.
    #[error("there is no tick to skip after tick {base}, which is stored as a world")]
    Nothing {
        /// The last tick that is not in the journal.
        base: Tick,
    },
    /// The end cannot be read.
    #[error("the journal's end is damaged, start a server with --accept-loss first: {0}")]
    Damaged(Damage),
    /// The tick may have been told, and nobody accepted it.
    #[error("tick {} may have been told to somebody: it is lost only if you accept it", .0.end())]
    Told(RangeInclusive<Tick>),
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The journal was not claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
}

/// Leaves out the last tick of a journal that nobody owns at present.
///
/// # Errors
/// When there is none, it may have been told and `policy` does not accept that, or the storage fails.
pub async fn skip<S: Store + Salvage>(store: &S, by: &Claimant, policy: DataLossPolicy) -> Result<Skipped, SkipError> {
    let header = store.header().await?.ok_or(ReadError::Absent)?;
    if header.is_old() {
        return Err(ClaimError::Old.into());
    }
    let log = store.log_state().await?;
    let damage_at = |slot| Damage { slot, ticks: log.last.tick..=log.last.tick, cause: crate::error::Cause::Missing };
    if log.next != log.last.slot.next() {
        return Err(SkipError::Damaged(damage_at(log.last.slot.next())));
    }
    let tick = log.last.tick;
    let slot = store.find(tick).await?.filter(|slot| *slot > log.base.slot);
    let slot = slot.ok_or(SkipError::Nothing { base: log.base.tick })?;
    // Under one claim the slots are dense, so the record before it is the one that it follows.
    let before = Slot(slot.0.saturating_sub(1));
    let after =
        if before == log.base.slot { Some(log.base) } else { store.record(before).await?.map(|it| it.position()) };
    let after = after.ok_or_else(|| SkipError::Damaged(damage_at(before)))?;
    for is_loss in [false, true] {
        let record: Record = log.claim_after(after, Why::Skip, is_loss, by).map_err(ClaimError::from)?;
        match store.claim(&record).await {
            Ok(claim) => return Ok(Skipped { tick, slot, is_loss, claim }),
            Err(ClaimError::Acknowledged(ticks)) if policy == DataLossPolicy::Refuse => {
                return Err(SkipError::Told(ticks));
            }
            Err(ClaimError::Acknowledged(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(SkipError::Told(tick..=tick))
}
