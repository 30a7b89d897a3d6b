//! [`Seek`] and [`RaiseArchived`]: what a region asks of the archive, and how it is done.
//!
//! Invariant: a birth and a return are in the archive before they are in the world, and a departure after it; each can be done
//! again, whoever does it, and does no harm.

use std::sync::Arc;

use tickworld_persist::{
    Archive, Raise, Voucher, Whereabouts,
    error::{Cause, RaiseError},
    limits::RAISES_MAX,
};
use tickworld_proto::{host::Found, message::Reason};
use tickworld_sim::{
    frame::PlayerId,
    game::Game,
    parcel::Parcel,
    region::{OutboxEntry, RegionId},
    world::World,
};

/// Somebody who is to be in this region and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seek {
    /// Whom.
    pub player: PlayerId,
    /// The tick that will have them, or one before it.
    pub by: Voucher,
}

/// Players who left for the archive, in ticks that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaiseArchived {
    /// Their rows.
    pub raises: Vec<Raise>,
    /// The number of the last of them in the outbox.
    pub sequence: u64,
}

/// Why a player who was sought does not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeekError {
    /// The archive cannot be asked at present.
    #[error("the archive does not answer: {0}")]
    Storage(#[from] RaiseError),
    /// What it has of the player is damaged.
    #[error("what the archive has of the player is damaged: {0}")]
    Damaged(#[from] Cause),
    /// Another region has them.
    #[error("the player is in region {}", .0.region)]
    Elsewhere(Voucher),
}

impl SeekError {
    /// What those are told who wait for the player.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Storage(_) | Self::Damaged(_) => Reason::Storage,
            Self::Elsewhere(_) => Reason::Elsewhere,
        }
    }
}

/// Has a player be in the region that seeks them, from the archive or for the first time.
///
/// # Errors
/// Why not.
pub async fn seek(archive: &impl Archive, seek: &Seek) -> Result<Found, SeekError> {
    let Seek { player, by } = *seek;
    let only = |mut rows: Vec<_>| rows.pop().expect("a row for each player");
    let row: Option<Whereabouts> = only(archive.whereabouts(&[player]).await?)?;
    let row = match row {
        // It was raised before, and no tick that is kept has them: once more.
        Some(row) if row.at == Some(by.region) => row,
        Some(Whereabouts { at: Some(region), by, .. }) => return Err(SeekError::Elsewhere(Voucher { region, ..by })),
        row => {
            let hops = row.map_or(0, |row| row.hops).saturating_add(1);
            let raise = Raise { player, hops, at: Some(by.region), by, parcel: None };
            match archive.raise(&[raise]).await?.pop().expect("a row for each raise")? {
                Whereabouts { at: Some(region), by: other, .. } if region != by.region => {
                    return Err(SeekError::Elsewhere(Voucher { region, ..other }));
                }
                row => row,
            }
        }
    };
    Ok(Found { hops: row.hops, parcel: Arc::from(&row.parcel[..]) })
}

/// Raises who left for the archive.
///
/// # Errors
/// When the archive cannot be asked, or has a damaged row of one of them.
pub async fn raise_archived(archive: &impl Archive, work: &RaiseArchived) -> Result<(), SeekError> {
    for row in archive.raise(&work.raises).await? {
        row?;
    }
    Ok(())
}

/// Those in a world's outbox whom the archive is to have, from the one after `above` on; `None` where there are none.
pub(crate) fn archived<G: Game>(world: &World<G>, above: u64) -> Option<RaiseArchived> {
    let known = world.region().neighbour(RegionId::ARCHIVE)?;
    let above = above.max(known.delivered);
    if known.last_out <= above {
        return None;
    }
    let mut waiting: Vec<_> = world.region().outbox().filter(|(it, _)| it.to == RegionId::ARCHIVE).collect();
    waiting.retain(|(it, _)| it.sequence > above);
    waiting.sort_by_key(|(it, _)| it.sequence);
    waiting.truncate(RAISES_MAX);
    let sequence = waiting.last()?.0.sequence;
    let raise = |(entry, bytes): (&OutboxEntry, Vec<u8>)| {
        let parcel = Parcel::decode(&bytes).expect("this region made the parcel");
        let by = Voucher { region: parcel.region, incarnation: parcel.incarnation, tick: parcel.tick };
        Raise { player: entry.player, hops: entry.hops, at: None, by, parcel: Some(bytes.into()) }
    };
    Some(RaiseArchived { raises: waiting.into_iter().map(raise).collect(), sequence })
}
