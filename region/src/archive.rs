//! [`Seek`] and [`RaiseArchived`]: what a region asks of the archive, and how it is done.
//!
//! Invariant: a birth and a return are in the archive before they are in the world, and a departure after it; each can be done
//! again, whoever does it, and does no harm. Only a row that says so is taken for the player being here, or gone: another one that
//! stands in its place is told.

use std::sync::Arc;

use tickworld_persist::{
    Archive, Raise, Voucher, Whereabouts,
    error::{Cause, RaiseError},
    limits::RAISES_MAX,
};
use tickworld_proto::{
    host::{Found, Search},
    message::Reason,
};
use tickworld_sim::{frame::PlayerId, game::Game, parcel::Parcel, region::RegionId, session::Player, world::World};

use crate::limits::SEEK_TRIES_MAX;

/// Somebody who is to be in this region and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seek {
    /// Whom, and whether they may be born.
    pub search: Search,
    /// The tick that will have them, or one before it.
    pub by: Voucher,
}

/// Players who left for the archive, in ticks that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaiseArchived {
    /// Their rows, with their numbers in the outbox, ascending.
    pub raises: Vec<(u64, Raise)>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// The archive has everybody up to this number; `None` where it has nobody of them.
    pub sequence: Option<u64>,
    /// How many these are.
    pub count: u64,
    /// Why it has not got the rest, where it has not.
    pub error: Option<SeekError>,
}

/// Why a player does not come, or go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeekError {
    /// The archive cannot be asked at present.
    #[error("the archive does not answer: {0}")]
    Storage(#[from] RaiseError),
    /// What it has of the player is damaged.
    #[error("what the archive has of player {} is damaged: {cause}", player.0)]
    Damaged {
        /// Whom.
        player: PlayerId,
        /// What is wrong with it.
        cause: Cause,
    },
    /// Another region has them.
    #[error("the player is in region {}", .0.region)]
    Elsewhere(Voucher),
    /// Others raised them again and again meanwhile.
    #[error("others move the player at the same time: come back later")]
    Contended,
    /// The archive has something else of somebody who leaves, which is not older.
    #[error("player {} leaves with hop {hops}, and the archive has them with hop {found} already", player.0)]
    Contradicted {
        /// Who.
        player: PlayerId,
        /// With which hop.
        hops: u64,
        /// The hop of the row that stands.
        found: u64,
    },
}

impl SeekError {
    /// What those are told who wait for the player; what is wrong with the storage is not theirs to know.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Elsewhere(_) | Self::Contended => self.to_string(),
            _ => "the archive cannot be asked for the player: try again later".to_owned(),
        }
    }

    /// The reason that they are told.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Elsewhere(_) => Reason::Elsewhere,
            _ => Reason::Storage,
        }
    }
}

/// Has a player be in the region that seeks them, from the archive or for the first time; `None` of one who never was anywhere and is
/// not to be born.
///
/// # Errors
/// Why not.
pub async fn seek(archive: &impl Archive, seek: &Seek) -> Result<Option<Found>, SeekError> {
    let Seek { search: Search { player, may_be_born, .. }, by } = *seek;
    let damaged = |cause| SeekError::Damaged { player, cause };
    let mut row = archive.whereabouts(&[player]).await?.pop().expect("a row for each player").map_err(damaged)?;
    for _ in 0..SEEK_TRIES_MAX {
        row = match row {
            // It was raised just now, or before and no tick that is kept has them: once more.
            Some(Whereabouts { at: Some(region), hops, parcel, .. }) if region == by.region => {
                return Ok(Some(Found { hops, parcel: Arc::from(&parcel[..]) }));
            }
            Some(Whereabouts { at: Some(region), by, .. }) => {
                return Err(SeekError::Elsewhere(Voucher { region, ..by }));
            }
            None if !may_be_born => return Ok(None),
            row => {
                let hops = row.map_or(0, |row| row.hops).saturating_add(1);
                let raise = Raise { player, hops, at: Some(by.region), by, parcel: None };
                Some(archive.raise(&[raise]).await?.pop().expect("a row for each raise").map_err(damaged)?)
            }
        };
    }
    Err(SeekError::Contended)
}

/// Raises who left for the archive, as many as can be.
pub async fn raise_archived(archive: &impl Archive, work: &RaiseArchived) -> Archived {
    let raises: Vec<Raise> = work.raises.iter().map(|(_, raise)| raise.clone()).collect();
    let rows = match archive.raise(&raises).await {
        Ok(rows) => rows,
        Err(error) => return Archived { sequence: None, count: 0, error: Some(error.into()) },
    };
    let mut archived = Archived { sequence: None, count: 0, error: None };
    for ((sequence, raise), row) in work.raises.iter().zip(rows) {
        let player = raise.player;
        archived.error = match row {
            Err(cause) => Some(SeekError::Damaged { player, cause }),
            // Who went on since is nobody's concern here.
            Ok(row) if row.hops > raise.hops || (row.hops, row.at, row.by) == (raise.hops, raise.at, raise.by) => None,
            Ok(row) => Some(SeekError::Contradicted { player, hops: raise.hops, found: row.hops }),
        };
        if archived.error.is_some() {
            break;
        }
        (archived.sequence, archived.count) = (Some(*sequence), archived.count + 1);
    }
    archived
}

/// Those in a world's outbox whom the archive is to have, from the one after `above` on; `None` where there are none.
pub(crate) fn archived<G: Game>(world: &World<G>, above: u64) -> Option<RaiseArchived> {
    let known = world.region().neighbour(RegionId::ARCHIVE)?;
    let above = above.max(known.delivered);
    if known.last_out <= above {
        return None;
    }
    let waiting = world.region().outbox_above(RegionId::ARCHIVE, above, RAISES_MAX);
    let raises = waiting.into_iter().map(|(entry, bytes)| {
        let parcel = Parcel::decode(&bytes).expect("this region made the parcel");
        let by = Voucher { region: parcel.region, incarnation: parcel.incarnation, tick: parcel.tick };
        let parcel = Some(bytes.into());
        (entry.sequence, Raise { player: entry.player, hops: entry.hops, at: None, by, parcel })
    });
    Some(RaiseArchived { raises: raises.collect() })
}

/// After ticks were taken back: has the archive say of everybody who is in the world that they are, whatever it was told in those
/// ticks. Of each the hops are those that they have once the new life of the region begins.
///
/// # Errors
/// When the archive cannot be asked, or has a damaged row.
pub(crate) async fn keep_present(
    archive: &impl Archive,
    present: &[Player],
    by: Voucher,
    hops_added: u64,
) -> Result<(), SeekError> {
    for players in present.chunks(RAISES_MAX) {
        let ids: Vec<PlayerId> = players.iter().map(|player| player.id).collect();
        let rows = archive.whereabouts(&ids).await?;
        let mut raises = Vec::new();
        for (player, row) in players.iter().zip(rows) {
            let row = row.map_err(|cause| SeekError::Damaged { player: player.id, cause })?;
            let hops = player.hops.saturating_add(hops_added);
            if row.is_some() {
                raises.push(Raise { player: player.id, hops, at: Some(by.region), by, parcel: None });
            }
        }
        archive.raise(&raises).await?;
    }
    Ok(())
}
